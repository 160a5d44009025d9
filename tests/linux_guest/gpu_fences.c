/*
 * gpu_fences.c - a program of a Linux guest that has fenced commands of a Venus context under way all the time.
 *
 *   gpu_fences SECONDS     batches of empty submissions, each with a fence; all of a batch must pass before the next
 *
 * Nothing is mapped and no Vulkan is used: Mesa's own fences go another way than the device's queue.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <libdrm/virtgpu_drm.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, CAPSET_VENUS = 4, PASS_MS_MAX = 10000 };

/* Linux 5.16's; Debian 12's header is older. */
enum { RING_IDX = 4, PARAM_CAPSET_ID = 1, PARAM_NUM_RINGS = 2 };
struct set_param {
    uint64_t param;
    uint64_t value;
};
struct context_init {
    uint32_t param_count;
    uint32_t padding;
    uint64_t params;
};
#define CONTEXT_INIT DRM_IOWR(DRM_COMMAND_BASE + 0x0b, struct context_init)

static int
fail(const char *what)
{
    (void)fprintf(stderr, "gpu_fences: %s: %s\n", what, strerror(errno));
    return 1;
}

static int
ask(int card, unsigned long request, void *argument)
{
    int result;
    do {
        result = ioctl(card, request, argument);
    } while (result != 0 && (errno == EINTR || errno == EAGAIN));
    return result;
}

static int
make_context(int card)
{
    struct set_param params[] = {
        {PARAM_CAPSET_ID,  CAPSET_VENUS},
        { PARAM_NUM_RINGS, 2           },
    };
    struct context_init init = { .param_count = 2, .params = (uint64_t)(uintptr_t)params };
    return ask(card, CONTEXT_INIT, &init);
}

/* Returns: the fence's fd; -1. */
static int
submit(int card)
{
    struct drm_virtgpu_execbuffer batch = { .flags = VIRTGPU_EXECBUF_FENCE_FD_OUT | RING_IDX,
                                            .fence_fd = -1 };
    return ask(card, DRM_IOCTL_VIRTGPU_EXECBUFFER, &batch) == 0 ? batch.fence_fd : -1;
}

/* Returns: whether it has passed; with errno. */
static int
wait_for(int fence)
{
    struct pollfd wish = { .fd = fence, .events = POLLIN };
    int ready = poll(&wish, 1, PASS_MS_MAX);
    (void)close(fence);
    errno = ready == 0 ? ETIMEDOUT : errno;
    return ready == 1;
}

int
main(int argc, char **argv)
{
    time_t end = time(NULL) + (argc > 1 ? strtol(argv[1], NULL, 10) : 1);
    unsigned long count = 0;
    int card = open("/dev/dri/renderD128", O_RDWR | O_CLOEXEC);
    if (card < 0 || make_context(card) != 0) {
        return fail("a Venus context");
    }
    (void)puts("gpu_fences: begins");
    (void)fflush(stdout);
    while (time(NULL) < end) {
        int fences[BATCH];
        for (unsigned i = 0; i < BATCH; i++) {
            fences[i] = submit(card);
            if (fences[i] < 0) {
                return fail("a fenced submission");
            }
        }
        for (unsigned i = 0; i < BATCH; i++, count++) {
            if (!wait_for(fences[i])) {
                return fail("a fence that does not pass");
            }
        }
    }
    (void)printf("gpu_fences: %lu passed\n", count);
    return 0;
}
