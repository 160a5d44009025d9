/*
 * A whole vhost-user session, device and queues included, under messages of any bytes.
 *
 * The data are messages until they end, each: u8 request, u8 flags, u16 size, u8 fds (bits 0-3 how many, bit 4: memory, not
 * eventfds), then the payload.  Their memory holds whatever is in `pattern`; eventfds are ready to be read.
 */
#include <stdio.h>

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "device/vhost/message.h"
#include "device/vhost/vhost.h"
#include "tests/fuzz/fuzz_input.h"

enum { MEMORY_BYTES = 64 << 10, MESSAGE_COUNT_MAX = 40, FD_COUNT_MAX = 9, LIMIT_NS = 50000000 };

struct bench {
    struct fuzz_input in;
    struct loop *loop;
    struct loop_timer limit;
    int memory;
    int front;
};

static void
on_say(void *user, const char *sentence)
{
    const struct bench *bench = user;
    fuzz_expect(sentence[0] != '\0');
    if (strstr(sentence, "may connect") != NULL) {
        loop_stop(bench->loop); /* the session is over */
    }
}

static void
on_limit(void *user)
{
    const struct bench *bench = user;
    loop_stop(bench->loop);
}

static int
open_fd(const struct bench *bench, bool is_memory)
{
    return is_memory ? dup(bench->memory) : eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void
send_message(struct bench *bench)
{
    uint8_t bytes[sizeof(struct vhost_header) + 600];
    uint8_t request = fuzz_u8(&bench->in);
    uint8_t flags = fuzz_u8(&bench->in);
    uint16_t size = fuzz_u16(&bench->in) % 600;
    uint8_t fds = fuzz_u8(&bench->in);
    unsigned fd_count = (fds & 15U) % FD_COUNT_MAX;
    int own[FD_COUNT_MAX];
    struct vhost_header header = { .request = request, .flags = flags, .size_bytes = size };
    memcpy(bytes, &header, sizeof(header));
    fuzz_take(&bench->in, bytes + sizeof(header), size);
    for (unsigned i = 0; i < fd_count; i++) {
        own[i] = open_fd(bench, (fds & 16) != 0);
    }
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(FD_COUNT_MAX * sizeof(int))];
    } control = { 0 };
    struct iovec whole = { bytes, sizeof(header) + size };
    struct msghdr message = { .msg_iov = &whole, .msg_iovlen = 1 };
    if (fd_count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(rights), own, fd_count * sizeof(int));
    }
    (void)sendmsg(bench->front, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    for (unsigned i = 0; i < fd_count; i++) {
        (void)close(own[i]);
    }
}

/* A listener without a name in the file system.  Returns: it; *front is connected to it. */
static int
open_sockets(int *front)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t length = sizeof(sa_family_t); /* the kernel chooses a name */
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    fuzz_expect(bind(listener, (struct sockaddr *)&address, length) == 0 &&
                listen(listener, 1) == 0);
    length = sizeof(address);
    fuzz_expect(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    *front = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fuzz_expect(connect(*front, (struct sockaddr *)&address, length) == 0);
    return listener;
}

/* What the guest left in its memory: rings and requests of its own making. */
static int
open_memory(const uint8_t *data, size_t size)
{
    static uint8_t memory[MEMORY_BYTES];
    int fd = memfd_create("guest", MFD_CLOEXEC);
    for (size_t at = 0; at < sizeof(memory); at++) {
        memory[at] = size > 0 ? data[at % size] : 0;
    }
    fuzz_expect(fd >= 0 && write(fd, memory, sizeof(memory)) == (ssize_t)sizeof(memory));
    return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bench bench = {
        .in = {data, size},
          .loop = loop_create()
    };
    struct vhost_config config = {
        .loop = bench.loop, .window_bytes = 1 << 20, .say = on_say, .user = &bench
    };
    config.listener = open_sockets(&bench.front);
    bench.memory = open_memory(data, size);
    struct vhost *vhost = vhost_create(&config);
    struct gpu_config gpu_config = { .scanout_count = 1,
                                     .scanouts = { { 64, 64, true } },
                                     .render_server = -1 };
    const char *why = NULL;
    vhost_carry(vhost, &gpu_config);
    struct gpu *gpu = gpu_create(&gpu_config, &why);
    fuzz_expect(gpu != NULL && vhost_serve(vhost, gpu));
    for (unsigned i = 0; i < MESSAGE_COUNT_MAX && bench.in.left > 0; i++) {
        send_message(&bench);
    }
    (void)shutdown(bench.front, SHUT_WR);
    bench.limit = (struct loop_timer){ .on_late = on_limit, .user = &bench };
    loop_timer_set(bench.loop, &bench.limit, LIMIT_NS);
    fuzz_expect(loop_run(bench.loop) == 0);
    char status[4096];
    fuzz_expect(vhost_status(vhost, status, sizeof(status)) < sizeof(status));
    vhost_end(vhost);
    gpu_destroy(gpu);
    vhost_destroy(vhost);
    loop_destroy(bench.loop);
    (void)close(bench.front);
    (void)close(bench.memory);
    return 0;
}
