/*
 * renderer.c - the sockets to the render server and to its renderers (render_wire.h).  Nothing here blocks.
 *
 * A packet for which a renderer has no room waits in its outbox, and the control queue with it; a renderer that takes
 * nothing for GPU_WAIT_MS_MAX is given up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/gpu/private.h"
#include "device/packet.h"

enum {
    TIMELINES_BYTES = GPU_TIMELINES * sizeof(uint32_t),
    PACKETS_AT_ONCE = 16,
    PACKET_OVERHEAD_BYTES = 4096,
    SEND_BUFFER_BYTES = 1 << 20, /* the kernel may grant less */
};

static bool
set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* --- the server --- */

static void
lose_server(struct gpu *gpu)
{
    loop_unwatch(gpu->config.loop, gpu->server);
    (void)close(gpu->server);
    gpu->server = -1;
    gpu_problem(gpu, GPU_PROBLEM_CONTEXT,
                "the render server has ended: the guest gets no new Vulkan contexts");
    if (gpu->wait.command != NULL && gpu->wait.for_server) {
        gpu_wait_fail(gpu);
    }
}

static void
on_server(void *user, uint32_t events)
{
    struct gpu *gpu = user;
    uint8_t is_made = 0;
    struct packet packet;
    (void)events;
    enum packet_result result = packet_receive(gpu->server, &is_made, sizeof(is_made), &packet);
    if (result == PACKET_ERROR && errno == EAGAIN) {
        return;
    }
    if (result == PACKET_END || result == PACKET_ERROR) {
        lose_server(gpu);
        return;
    }
    if (gpu->stale_context_count > 0) {
        gpu->stale_context_count--;
    } else if (gpu->wait.command != NULL && gpu->wait.for_server) {
        int fd = -1;
        if (result == PACKET_GOT && is_made == 1 && packet.fd_count == 1) {
            fd = packet.fds[0];
            packet.fds[0] = -1;
        }
        packet_close_fds(&packet);
        gpu_wait_done(gpu, &fd);
        return;
    }
    packet_close_fds(&packet);
}

bool
gpu_server_start(struct gpu *gpu)
{
    return gpu->server < 0 || (set_nonblocking(gpu->server) &&
                               loop_watch(gpu->config.loop, gpu->server, EPOLLIN, on_server, gpu));
}

void
gpu_server_stop(struct gpu *gpu)
{
    if (gpu->server >= 0) {
        loop_unwatch(gpu->config.loop, gpu->server);
        (void)close(gpu->server);
        gpu->server = -1;
    }
}

bool
gpu_server_send(struct gpu *gpu, const void *request, size_t request_bytes)
{
    return gpu->server >= 0 && packet_send(gpu->server, request, request_bytes, -1) == 0;
}

/* --- out --- */

static void on_renderer(void *user, uint32_t events);

static void
on_outbox_late(void *user)
{
    gpu_context_die(user, "its renderer took nothing for %u ms", GPU_WAIT_MS_MAX);
}

static void
drop_first(struct gpu_context *context)
{
    struct gpu_packet *packet = context->outbox;
    context->outbox = packet->next;
    if (packet->fd >= 0) {
        (void)close(packet->fd);
    }
    free(packet);
    if (context->outbox == NULL) {
        context->outbox_end = &context->outbox;
        context->gpu->blocked_count--;
        loop_timer_clear(context->gpu->config.loop, &context->outbox_late);
    }
}

/* Keeps a packet until there is room.  Returns: false: there is no memory. */
static bool
keep(struct gpu_context *context, const void *request, size_t request_bytes, int fd)
{
    struct gpu *gpu = context->gpu;
    struct gpu_packet *packet = malloc(sizeof(*packet) + request_bytes);
    int copy = packet != NULL && fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (packet == NULL || (fd >= 0 && copy < 0)) {
        free(packet);
        return false;
    }
    *packet = (struct gpu_packet){ .fd = copy, .size_bytes = request_bytes };
    memcpy(packet->bytes, request, request_bytes);
    if (context->outbox == NULL) {
        gpu->blocked_count++;
        context->outbox_late = (struct loop_timer){ .on_late = on_outbox_late, .user = context };
        loop_timer_set(gpu->config.loop, &context->outbox_late,
                       GPU_WAIT_MS_MAX * UINT64_C(1000000));
        (void)loop_watch(gpu->config.loop, context->socket, EPOLLIN | EPOLLOUT, on_renderer,
                         context);
    }
    *context->outbox_end = packet;
    context->outbox_end = &packet->next;
    return true;
}

bool
gpu_renderer_send(struct gpu_context *context, const void *request, size_t request_bytes, int fd)
{
    if (context->is_dead || context->socket < 0) {
        return false;
    }
    if (context->outbox == NULL) {
        if (packet_send(context->socket, request, request_bytes, fd) == 0) {
            return true;
        }
        if (errno != EAGAIN) {
            gpu_context_die(context, "its renderer has ended (%s)", strerror(errno));
            return false;
        }
    }
    if (!keep(context, request, request_bytes, fd)) {
        gpu_context_die(context, "there is no memory for what its renderer is to be told");
        return false;
    }
    return true;
}

static void
flush(struct gpu_context *context)
{
    struct gpu *gpu = context->gpu;
    while (context->outbox != NULL) {
        const struct gpu_packet *packet = context->outbox;
        if (packet_send(context->socket, packet->bytes, packet->size_bytes, packet->fd) != 0) {
            if (errno != EAGAIN) {
                gpu_context_die(context, "its renderer has ended (%s)", strerror(errno));
            }
            return;
        }
        drop_first(context);
    }
    (void)loop_watch(gpu->config.loop, context->socket, EPOLLIN, on_renderer, context);
    gpu_go_on(gpu);
}

/* --- in --- */

/* Returns: whether to look for another. */
static bool
receive(struct gpu_context *context)
{
    struct gpu *gpu = context->gpu;
    struct gpu_reply reply = { .fd = -1 };
    struct packet packet;
    enum packet_result result =
        packet_receive(context->socket, &reply.resource, sizeof(reply.resource), &packet);
    if (result == PACKET_ERROR && errno == EAGAIN) {
        return false;
    }
    if (result == PACKET_END || result == PACKET_ERROR) {
        gpu_context_die(context, "its renderer has ended");
        return false;
    }
    /* Cut off: we have no room for another fd; then there is no memory, but the context lives. */
    bool is_right = result == PACKET_CUT || packet.size_bytes == sizeof(reply.resource);
    bool is_stale = context->stale_reply_count > 0;
    bool is_wanted = gpu->wait.command != NULL && gpu->wait.context == context;
    if (result == PACKET_CUT) {
        gpu_problem(gpu, GPU_PROBLEM_MEMORY,
                    "context %u: there is no room for another file descriptor (ulimit -n)",
                    context->id);
        packet.fd_count = 0;
    }
    if (is_right && !is_stale && is_wanted && packet.fd_count == 1) {
        reply.fd = packet.fds[0];
        packet.fds[0] = -1;
    }
    packet_close_fds(&packet);
    if (!is_right || (!is_stale && !is_wanted)) {
        gpu_context_die(context, "its renderer said what nobody had asked");
        return false;
    }
    if (is_stale) {
        context->stale_reply_count--;
        return true;
    }
    gpu_record(gpu, GPU_EVENT_RENDERER_ANSWERED, gpu->wait.command,
               gpu_halves(context->id, reply.fd >= 0), 0);
    gpu_wait_done(gpu, &reply);
    return true;
}

static void
on_renderer(void *user, uint32_t events)
{
    struct gpu_context *context = user;
    if ((events & EPOLLOUT) != 0 && context->outbox != NULL) {
        flush(context);
    }
    for (unsigned i = 0; i < PACKETS_AT_ONCE && !context->is_dead && receive(context); i++) {
    }
}

/*
 * Each write to the event comes here once, and nobody reads it: the renderer has its O_NONBLOCK in its hand, too, and one that
 * was taken over could empty it just before we read.
 */
static void
on_event(void *user, uint32_t events)
{
    struct gpu_context *context = user;
    (void)events;
    gpu_fences_passed(context);
}

/* --- life --- */

/* The memory in which a renderer says which fences have passed.  It cannot shrink.  Returns: its fd; -1. */
static int
make_timelines(struct gpu_context *context)
{
    int fd = memfd_create("timelines", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return -1;
    }
    void *memory = MAP_FAILED;
    if (ftruncate(fd, TIMELINES_BYTES) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0) {
        memory = mmap(NULL, TIMELINES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (memory == MAP_FAILED) {
        (void)close(fd);
        return -1;
    }
    context->values = memory;
    return fd;
}

/* How long a stream may be for both ends: its packet must fit the socket's buffer. */
static void
size_buffer(struct gpu_context *context)
{
    int bytes = SEND_BUFFER_BYTES;
    socklen_t length = sizeof(bytes);
    (void)setsockopt(context->socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    if (getsockopt(context->socket, SOL_SOCKET, SO_SNDBUF, &bytes, &length) != 0 ||
        bytes <= PACKET_OVERHEAD_BYTES) {
        bytes = PACKET_OVERHEAD_BYTES + RENDER_INLINE_BYTES;
    }
    uint32_t room = (uint32_t)bytes - PACKET_OVERHEAD_BYTES;
    context->stream_bytes_max = room < RENDER_STREAM_BYTES_MAX ? room : RENDER_STREAM_BYTES_MAX;
}

static bool
send_init(struct gpu_context *context, int timelines)
{
    const struct render_init request = { .op = RENDER_CONTEXT_INIT,
                                         .flags = VIRTIO_GPU_CAPSET_VENUS,
                                         .timelines_bytes = TIMELINES_BYTES };
    const int fds[2] = { timelines, context->event };
    return packet_send_fds(context->socket, &request, sizeof(request), fds, 2) == 0;
}

bool
gpu_renderer_start(struct gpu_context *context, int fd)
{
    struct loop *loop = context->gpu->config.loop;
    context->socket = fd;
    context->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int timelines = make_timelines(context);
    size_buffer(context);
    bool is_up = timelines >= 0 && context->event >= 0 && set_nonblocking(fd) &&
                 send_init(context, timelines) &&
                 loop_watch(loop, fd, EPOLLIN, on_renderer, context) &&
                 loop_watch(loop, context->event, EPOLLIN | EPOLLET, on_event, context);
    int error = errno;
    if (timelines >= 0) {
        (void)close(timelines);
    }
    if (!is_up) {
        gpu_context_die(context, "its renderer could not be set up: %s", strerror(error));
    }
    return is_up;
}

void
gpu_renderer_stop(struct gpu_context *context)
{
    struct loop *loop = context->gpu->config.loop;
    while (context->outbox != NULL) {
        drop_first(context);
    }
    if (context->socket >= 0) {
        loop_unwatch(loop, context->socket);
        (void)close(context->socket);
        context->socket = -1;
    }
    if (context->event >= 0) {
        loop_unwatch(loop, context->event);
        (void)close(context->event);
        context->event = -1;
    }
    if (context->values != NULL) {
        (void)munmap(context->values, TIMELINES_BYTES);
        context->values = NULL;
    }
}
