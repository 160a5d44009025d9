/*
 * context.c - the life of a render server's context.
 *
 * Behind the socket is a monitor of virtual machines; behind that a guest, whose commands and numbers pass through.  So
 * sizes, kinds and numbers are checked as if the guest had written them all.
 */
#include "device/context.h"

#include <stdlib.h>
#include <string.h>

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/packet.h"
#include "device/render_wire.h"

struct session {
    struct front front;
    const char *name;
    uint32_t *timelines; /* shared with the other side */
    size_t timelines_bytes;
    unsigned timeline_count;
    int fence_event; /* -1: none */
    union {
        uint32_t op;
        uint8_t bytes[sizeof(struct render_submit_cmd)];
        struct render_init init;
        struct render_create_resource create_resource;
        struct render_import_resource import_resource;
        struct render_destroy_resource destroy_resource;
        struct render_submit_cmd submit_cmd;
        struct render_submit_fence submit_fence;
    } request;
    struct packet packet;
    uint8_t stream[RENDER_STREAM_BYTES_MAX];
};

/* Each handler returns whether to go on; if not, session->front.end and the fault say why. */
typedef bool handler_fn(struct session *session);

static bool
after_call(struct session *session, const char *op, enum venus_status status)
{
    if (status == VENUS_OK) {
        return true;
    }
    if (status == VENUS_FATAL) {
        return front_context_is_dead(&session->front);
    }
    if (status == VENUS_NO_MEMORY) {
        return front_memory_is_short(&session->front, op);
    }
    (void)refuse(session->front.fault, "%s: %s", op,
                 status == VENUS_NO_RESOURCE ? "the resource does not exist, or does already"
                                             : "an argument is out of range");
    return front_client_is_wrong(&session->front);
}

/* The number before the event: who is woken must find it. */
static void
on_fence(void *user, uint32_t ring_idx, uint64_t fence_id)
{
    struct session *session = user;
    if (ring_idx < session->timeline_count) {
        __atomic_store_n(&session->timelines[ring_idx], (uint32_t)fence_id, __ATOMIC_SEQ_CST);
    }
    if (session->fence_event >= 0) {
        (void)eventfd_write(session->fence_event, 1);
    }
}

static bool
on_nop(struct session *session)
{
    (void)session;
    return true;
}

static bool
map_timelines(struct session *session, int fd, uint64_t size_bytes)
{
    struct stat status;
    bool is_right = size_bytes >= 4 && size_bytes % 4 == 0 &&
                    size_bytes <= VENUS_TIMELINE_COUNT * 4UL && fstat(fd, &status) == 0 &&
                    S_ISREG(status.st_mode) && (uint64_t)status.st_size >= size_bytes;
    if (!is_right) {
        (void)refuse(session->front.fault,
                     "INIT has timelines of %llu bytes, right is 4 for each of 1 to 64, in a "
                     "memfd as long",
                     (unsigned long long)size_bytes);
        return front_client_is_wrong(&session->front);
    }
    void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        return front_host_is_short(&session->front, "INIT: the timelines");
    }
    session->timelines = memory;
    session->timelines_bytes = size_bytes;
    session->timeline_count = (unsigned)(size_bytes / 4);
    for (unsigned i = 0; i < session->timeline_count; i++) {
        __atomic_store_n(&session->timelines[i], 0, __ATOMIC_RELAXED);
    }
    return true;
}

static bool
on_init(struct session *session)
{
    const struct render_init *init = &session->request.init;
    uint32_t capset = init->flags & RENDER_FLAGS_CAPSET_MASK;
    if (session->front.venus != NULL || capset != VENUS_CAPSET_ID ||
        session->packet.fd_count == 0) {
        (void)refuse(session->front.fault,
                     "INIT for capset %u with %u fds%s, right is capset 4 once", capset,
                     session->packet.fd_count,
                     session->front.venus != NULL ? ", a second time" : "");
        return front_client_is_wrong(&session->front);
    }
    if (!map_timelines(session, session->packet.fds[0], init->timelines_bytes)) {
        return false;
    }
    if (session->packet.fd_count == 2) {
        session->fence_event = session->packet.fds[1];
        session->packet.fds[1] = -1;
    }
    return after_call(session, "INIT",
                      front_make_context(&session->front, session->name, on_fence));
}

static int32_t
wire_kind(enum venus_fd_kind kind)
{
    static const int32_t kinds[] = {
        [VENUS_FD_SHM] = RENDER_FD_SHM,
        [VENUS_FD_DMABUF] = RENDER_FD_DMABUF,
        [VENUS_FD_OPAQUE] = RENDER_FD_OPAQUE,
    };
    return kinds[kind];
}

static bool
reply_resource(struct session *session, const struct render_resource_reply *reply, int fd)
{
    int result = packet_send(session->front.socket, reply, sizeof(*reply), fd);
    if (fd >= 0) {
        (void)close(fd);
    }
    return result == 0 || front_host_is_short(&session->front, "CREATE_RESOURCE");
}

static bool
on_create_resource(struct session *session)
{
    const struct render_create_resource *request = &session->request.create_resource;
    struct venus_blob blob = {
        .blob_id = request->blob_id,
        .size_bytes = request->size_bytes,
        .flags = request->flags,
    };
    struct venus_memory memory = { .fd = -1 };
    struct render_resource_reply reply = { .fd_kind = RENDER_FD_NONE };
    enum venus_status status =
        venus_resource_create(session->front.venus, request->res_id, &blob, &memory);
    if (status == VENUS_FATAL) {
        return after_call(session, "CREATE_RESOURCE", status);
    }
    if (status == VENUS_OK) {
        reply.fd_kind = wire_kind(memory.kind);
        reply.caching = memory.caching;
        memcpy(reply.device_uuid, memory.device_uuid, sizeof(reply.device_uuid));
        memcpy(reply.driver_uuid, memory.driver_uuid, sizeof(reply.driver_uuid));
        reply.allocation_bytes = memory.size_bytes;
        reply.memory_type_idx = memory.memory_type_idx;
    }
    return reply_resource(session, &reply, memory.fd);
}

static bool
on_import_resource(struct session *session)
{
    const struct render_import_resource *request = &session->request.import_resource;
    bool is_known = request->fd_kind >= RENDER_FD_DMABUF && request->fd_kind <= RENDER_FD_SHM;
    if (!is_known || session->packet.fd_count != 1) {
        (void)refuse(session->front.fault,
                     "IMPORT_RESOURCE of kind %d with %u fds, right is 0 to 2 with one",
                     request->fd_kind, session->packet.fd_count);
        return front_client_is_wrong(&session->front);
    }
    static const enum venus_fd_kind kinds[] = { VENUS_FD_DMABUF, VENUS_FD_OPAQUE, VENUS_FD_SHM };
    enum venus_status status =
        venus_resource_import(session->front.venus, request->res_id, session->packet.fds[0],
                              kinds[request->fd_kind], request->size_bytes);
    if (status == VENUS_OK) {
        session->packet.fds[0] = -1;
    }
    return after_call(session, "IMPORT_RESOURCE", status);
}

/* One that never came to be is also destroyed: a guest's monitor does not keep count of failures. */
static bool
on_destroy_resource(struct session *session)
{
    enum venus_status status =
        venus_resource_destroy(session->front.venus, session->request.destroy_resource.res_id);
    return status == VENUS_NO_RESOURCE || after_call(session, "DESTROY_RESOURCE", status);
}

/* The part of a stream that did not fit into its request. */
static bool
receive_rest(struct session *session, size_t rest_bytes)
{
    struct packet packet = { 0 };
    enum packet_result result = packet_receive(
        session->front.socket, session->stream + RENDER_INLINE_BYTES, rest_bytes, &packet);
    packet_close_fds(&packet);
    if (result == PACKET_GOT && packet.size_bytes == rest_bytes) {
        return true;
    }
    if (result == PACKET_ERROR) {
        return front_host_is_short(&session->front, "SUBMIT_CMD");
    }
    (void)refuse(session->front.fault,
                 "SUBMIT_CMD: the second packet has not the %zu bytes announced", rest_bytes);
    return front_client_is_wrong(&session->front);
}

static bool
on_submit_cmd(struct session *session)
{
    const struct render_submit_cmd *request = &session->request.submit_cmd;
    size_t size = request->size_bytes;
    if (size % 4 != 0 || size > RENDER_STREAM_BYTES_MAX) {
        (void)refuse(session->front.fault,
                     "SUBMIT_CMD of %zu bytes, right is a multiple of 4 up to %u", size,
                     RENDER_STREAM_BYTES_MAX);
        return front_client_is_wrong(&session->front);
    }
    memcpy(session->stream, request->bytes, RENDER_INLINE_BYTES);
    if (size > RENDER_INLINE_BYTES && !receive_rest(session, size - RENDER_INLINE_BYTES)) {
        return false;
    }
    return size == 0 || after_call(session, "SUBMIT_CMD",
                                   venus_submit(session->front.venus, session->stream, size));
}

static bool
on_submit_fence(struct session *session)
{
    const struct render_submit_fence *request = &session->request.submit_fence;
    if (request->ring_idx >= session->timeline_count) {
        (void)refuse(session->front.fault, "SUBMIT_FENCE on timeline %u, there are %u",
                     request->ring_idx, session->timeline_count);
        return front_client_is_wrong(&session->front);
    }
    return after_call(session, "SUBMIT_FENCE",
                      venus_fence(session->front.venus, request->ring_idx, request->seqno));
}

struct op_rule {
    const char *name;
    size_t size_bytes;
    unsigned fd_count_max;
    handler_fn *handle;
};

static const struct op_rule rules[] = {
    [RENDER_CONTEXT_NOP] = {"NOP",               sizeof(uint32_t),                      0, on_nop            },
    [RENDER_CONTEXT_INIT] = { "INIT",             sizeof(struct render_init),            2, on_init           },
    [RENDER_CONTEXT_CREATE_RESOURCE] = { "CREATE_RESOURCE",  sizeof(struct render_create_resource),
                            0,                                                             on_create_resource},
    [RENDER_CONTEXT_IMPORT_RESOURCE] = { "IMPORT_RESOURCE",  sizeof(struct render_import_resource),
                            1,                                                             on_import_resource},
    [RENDER_CONTEXT_DESTROY_RESOURCE] = { "DESTROY_RESOURCE",
                            sizeof(struct render_destroy_resource),                     0,
                            on_destroy_resource                                                              },
    [RENDER_CONTEXT_SUBMIT_CMD] = { "SUBMIT_CMD",       sizeof(struct render_submit_cmd),      0,
                            on_submit_cmd                                                                    },
    [RENDER_CONTEXT_SUBMIT_FENCE] = { "SUBMIT_FENCE",     sizeof(struct render_submit_fence),    0,
                            on_submit_fence                                                                  },
};
enum { OP_COUNT = sizeof(rules) / sizeof(rules[0]) };

static bool
dispatch(struct session *session)
{
    uint32_t op = session->packet.size_bytes >= 4 ? session->request.op : OP_COUNT;
    if (op >= OP_COUNT) {
        (void)refuse(session->front.fault, "op %u in %zu bytes is none of 0 to 6",
                     session->request.op, session->packet.size_bytes);
        return front_client_is_wrong(&session->front);
    }
    const struct op_rule *rule = &rules[op];
    if (session->packet.size_bytes != rule->size_bytes ||
        session->packet.fd_count > rule->fd_count_max) {
        (void)refuse(session->front.fault,
                     "%s has %zu bytes and %u fds, right is %zu and at most %u", rule->name,
                     session->packet.size_bytes, session->packet.fd_count, rule->size_bytes,
                     rule->fd_count_max);
        return front_client_is_wrong(&session->front);
    }
    if (op > RENDER_CONTEXT_INIT && session->front.venus == NULL) {
        (void)refuse(session->front.fault, "%s came before INIT", rule->name);
        return front_client_is_wrong(&session->front);
    }
    return rule->handle(session);
}

static bool
after_end(struct session *session)
{
    bool is_dead = session->front.venus != NULL && venus_why(session->front.venus) != NULL;
    return is_dead && after_call(session, "", VENUS_FATAL);
}

static bool
serve_packet(struct session *session)
{
    enum packet_result result = packet_receive(session->front.socket, &session->request,
                                               sizeof(session->request), &session->packet);
    if (result == PACKET_END) {
        return after_end(session);
    }
    if (result == PACKET_ERROR) {
        return front_host_is_short(&session->front, "the context's socket");
    }
    if (result == PACKET_CUT) {
        (void)refuse(session->front.fault,
                     "a packet is longer than any request, or has too many fds");
        return front_client_is_wrong(&session->front);
    }
    bool is_going_on = dispatch(session);
    packet_close_fds(&session->packet);
    return is_going_on;
}

static void
finish(struct session *session)
{
    front_finish(&session->front);
    if (session->timelines != NULL) {
        (void)munmap(session->timelines, session->timelines_bytes);
    }
    if (session->fence_event >= 0) {
        (void)close(session->fence_event);
    }
}

enum front_end
context_serve(int fd, const char *name, const struct front_config *config, struct fault *fault)
{
    struct session *session = calloc(1, sizeof(*session));
    fault->text[0] = '\0';
    if (session == NULL) {
        (void)refuse(fault, "there is no memory for a context");
        (void)close(fd);
        return FRONT_HOST_SHORT;
    }
    front_init(&session->front, fd, config, fault);
    session->name = name;
    session->fence_event = -1;
    config->on_name(config->user, name);
    while (serve_packet(session)) {
    }
    enum front_end end = session->front.end;
    finish(session);
    free(session);
    return end;
}
