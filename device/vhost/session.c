/*
 * session.c - a front-end comes, says message after message, and leaves.
 */
#include "device/vhost/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/virtio.h"

#include "device/vhost/display.h"

enum {
    MESSAGES_AT_ONCE = 32, /* then others have their turn */
    SILENT_S_MAX = 5,      /* so long one that says nothing may keep another one out */
};

#define BIT(n) (UINT64_C(1) << (n))

static const uint64_t ring_features = BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX) |
                                      BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_RING_PACKED);

static const uint64_t protocol_features_offered =
    BIT(VHOST_PROTOCOL_MQ) | BIT(VHOST_PROTOCOL_REPLY_ACK) | BIT(VHOST_PROTOCOL_BACKEND_REQ) |
    BIT(VHOST_PROTOCOL_CONFIG) | BIT(VHOST_PROTOCOL_BACKEND_SEND_FD) |
    BIT(VHOST_PROTOCOL_RESET_DEVICE) | BIT(VHOST_PROTOCOL_CONFIGURE_MEM_SLOTS) |
    BIT(VHOST_PROTOCOL_SHMEM_MAP);

/* --- words --- */

void
vhost_say(struct vhost *vhost, const char *format, ...)
{
    char sentence[FAULT_BYTES + 128];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    vhost->config.say(vhost->config.user, sentence);
}

bool
vhost_has(const struct vhost *vhost, enum vhost_protocol_feature feature)
{
    return (vhost->protocol_features >> feature & 1) != 0;
}

/* --- life of a session --- */

static void
close_display(struct vhost *vhost)
{
    vhost_display_destroy(vhost->display);
    vhost->display = NULL;
}

/* What the guest had is gone; our requests end first, so that the reset cannot ask a front-end that has left. */
static void
drop_guest(struct vhost *vhost)
{
    vhost_backend_close(vhost);
    vhost_queues_finish(vhost);
    close_display(vhost);
    gpu_reset(vhost->gpu);
    guest_finish(&vhost->guest);
    vhost->features = vhost->protocol_features = 0;
    vhost->is_config_changed = false;
}

static void
end_session(struct vhost *vhost)
{
    if (vhost->socket < 0) {
        return;
    }
    loop_unwatch(vhost->config.loop, vhost->socket);
    (void)close(vhost->socket);
    vhost->socket = -1;
    vhost_read_next(&vhost->reader);
    drop_guest(vhost);
}

void
vhost_let_go(struct vhost *vhost)
{
    if (vhost->config.is_verbose) {
        vhost_say(vhost, "the front-end has let go of its device, and may take it up again");
    }
    drop_guest(vhost);
}

void
vhost_fail(struct vhost *vhost, const char *format, ...)
{
    struct fault fault;
    va_list arguments;
    if (vhost->socket < 0) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(fault.text, sizeof(fault.text), format, arguments);
    va_end(arguments);
    vhost_say(vhost, "the front-end is left: %s; the next one may connect", fault.text);
    end_session(vhost);
}

/* --- messages --- */

static bool
reply(struct vhost *vhost, const void *payload, size_t size_bytes)
{
    struct vhost_header header = { .request = vhost->reader.message.header.request,
                                   .flags = VHOST_VERSION | VHOST_REPLY,
                                   .size_bytes = (uint32_t)size_bytes };
    return vhost_send(vhost->socket, &header, payload, -1);
}

static bool
reply_number(struct vhost *vhost, uint64_t number)
{
    return reply(vhost, &number, sizeof(number));
}

void
vhost_reset_gpu(struct vhost *vhost)
{
    vhost_queues_forget(vhost);
    gpu_reset(vhost->gpu);
    gpu_set_features(vhost->gpu, vhost->features & ~BIT(VHOST_F_PROTOCOL_FEATURES));
}

static void
set_features(struct vhost *vhost, uint64_t features)
{
    vhost->features =
        features & (ring_features | gpu_features(vhost->gpu) | BIT(VHOST_F_PROTOCOL_FEATURES));
    if (!vhost_is_running(vhost)) {
        gpu_set_features(vhost->gpu, vhost->features & ~BIT(VHOST_F_PROTOCOL_FEATURES));
    }
}

static void
reset_device(struct vhost *vhost)
{
    vhost_queues_stop(vhost);
    vhost_reset_gpu(vhost);
}

static bool
get_vring_base(struct vhost *vhost, const struct vhost_vring_state *state, struct fault *fault)
{
    struct vhost_vring_state answer = { .idx = state->idx };
    if (!vhost_pause_vring(vhost, state->idx, &answer.number, fault)) {
        return false;
    }
    if (!vhost_is_running(vhost)) {
        close_display(vhost);
    }
    return reply(vhost, &answer, sizeof(answer)) || refuse(fault, "it takes no answers");
}

static bool
get_config(struct vhost *vhost, const struct vhost_config_space *asked)
{
    struct vhost_config_space answer = { .offset = asked->offset,
                                         .size_bytes = asked->size_bytes,
                                         .flags = asked->flags };
    const uint32_t own_bytes = sizeof(struct virtio_gpu_config);
    /* A guest that reads while its queues are stopped has reset the device: one that is paused reads nothing. */
    if (!vhost_is_running(vhost) && vhost->queues[VIRTIO_GPU_CONTROLQ].has_run) {
        reset_device(vhost);
    }
    if (asked->offset < own_bytes) {
        uint32_t left = own_bytes - asked->offset;
        gpu_config_read(vhost->gpu, asked->offset, answer.bytes,
                        asked->size_bytes < left ? asked->size_bytes : left);
    }
    return reply(vhost, &answer, VHOST_CONFIG_HEADER_BYTES + asked->size_bytes);
}

static void
set_config(struct vhost *vhost, const struct vhost_config_space *config)
{
    const uint32_t own_bytes = sizeof(struct virtio_gpu_config);
    if (config->offset < own_bytes && config->size_bytes <= own_bytes - config->offset) {
        gpu_config_write(vhost->gpu, config->offset, config->bytes, config->size_bytes);
    }
}

static bool
get_shmem_config(struct vhost *vhost)
{
    struct vhost_shmem_config answer = { .count = vhost->config.window_bytes != 0 };
    answer.sizes[VIRTIO_GPU_SHM_ID_HOST_VISIBLE] = vhost->config.window_bytes;
    return reply(vhost, &answer, sizeof(answer));
}

static bool
set_backend(struct vhost *vhost, struct vhost_message *message, struct fault *fault)
{
    return vhost_backend_open(vhost, vhost_take_fd(message, 0)) ||
           refuse(fault, "the back-end's socket: %s", strerror(errno));
}

static bool
set_display(struct vhost *vhost, struct vhost_message *message, struct fault *fault)
{
    struct vhost_display_config config = { .loop = vhost->config.loop,
                                           .gpu = vhost->gpu,
                                           .fd = vhost_take_fd(message, 0),
                                           .patience_ms = GPU_WAIT_MS_MAX,
                                           .say = vhost->config.say,
                                           .user = vhost->config.user };
    close_display(vhost);
    vhost->display = vhost_display_create(&config);
    if (vhost->display == NULL) {
        (void)close(config.fd);
        return refuse(fault, "the display's socket: %s", strerror(errno));
    }
    return true;
}

/* Those that have an answer of their own.  Returns: false: it could not be sent. */
static bool
answer(struct vhost *vhost, const struct vhost_message *message)
{
    switch (message->header.request) {
    case VHOST_GET_FEATURES:
        return reply_number(vhost, gpu_features(vhost->gpu) | ring_features |
                                       BIT(VHOST_F_PROTOCOL_FEATURES));
    case VHOST_GET_PROTOCOL_FEATURES: return reply_number(vhost, protocol_features_offered);
    case VHOST_GET_QUEUE_NUM: return reply_number(vhost, VHOST_QUEUE_COUNT);
    case VHOST_GET_MAX_MEM_SLOTS: return reply_number(vhost, GUEST_REGION_COUNT_MAX);
    case VHOST_GET_CONFIG: return get_config(vhost, &message->payload.config);
    default: return get_shmem_config(vhost);
    }
}

/* Returns: false: fault.  *is_answered: no ack is to follow. */
static bool
dispatch(struct vhost *vhost, struct vhost_message *message, bool *is_answered, struct fault *fault)
{
    switch (message->header.request) {
    case VHOST_GET_FEATURES:
    case VHOST_GET_PROTOCOL_FEATURES:
    case VHOST_GET_QUEUE_NUM:
    case VHOST_GET_MAX_MEM_SLOTS:
    case VHOST_GET_CONFIG:
    case VHOST_GET_SHMEM_CONFIG:
        *is_answered = true;
        return answer(vhost, message) || refuse(fault, "it takes no answers");
    case VHOST_GET_VRING_BASE:
        *is_answered = true;
        return get_vring_base(vhost, &message->payload.state, fault);
    case VHOST_SET_FEATURES: set_features(vhost, message->payload.number); return true;
    case VHOST_SET_PROTOCOL_FEATURES:
        vhost->protocol_features = message->payload.number & protocol_features_offered;
        return true;
    case VHOST_SET_CONFIG: set_config(vhost, &message->payload.config); return true;
    case VHOST_RESET_DEVICE: reset_device(vhost); return true;
    case VHOST_SET_MEM_TABLE: return vhost_set_table(vhost, message, fault);
    case VHOST_ADD_MEM_REG: return vhost_add_region(vhost, message, fault);
    case VHOST_REM_MEM_REG:
        vhost_remove_region(vhost, &message->payload.region.region);
        return true;
    case VHOST_SET_VRING_KICK:
    case VHOST_SET_VRING_CALL:
    case VHOST_SET_VRING_ERR: return vhost_set_vring_fd(vhost, message, fault);
    case VHOST_SET_VRING_NUM:
    case VHOST_SET_VRING_ADDR:
    case VHOST_SET_VRING_BASE:
    case VHOST_SET_VRING_ENABLE: return vhost_set_vring(vhost, message, fault);
    case VHOST_SET_BACKEND_REQ_FD: return set_backend(vhost, message, fault);
    case VHOST_GPU_SET_SOCKET: return set_display(vhost, message, fault);
    default: return true; /* SET_OWNER, RESET_OWNER: nothing to do */
    }
}

static bool
carry_out(struct vhost *vhost, struct fault *fault)
{
    struct vhost_message *message = &vhost->reader.message;
    bool is_answered = false;
    vhost->has_spoken = true;
    bool wants_ack = (message->header.flags & VHOST_NEED_REPLY) != 0;
    /*
     * The message is a new device's, which QEMU gives the same connection.  A new socket is not: it may be sent only when
     * protocol features are agreed on, and so is the same device's.
     */
    if (message->header.request != VHOST_SET_BACKEND_REQ_FD && vhost_backend_is_closed(vhost)) {
        vhost_let_go(vhost);
    }
    if (!dispatch(vhost, message, &is_answered, fault)) {
        return false;
    }
    if (wants_ack && !is_answered && vhost_has(vhost, VHOST_PROTOCOL_REPLY_ACK)) {
        return reply_number(vhost, 0) || refuse(fault, "it takes no answers");
    }
    return true;
}

static void
on_message(void *user, uint32_t events)
{
    struct vhost *vhost = user;
    struct fault fault = { "" };
    (void)events;
    for (unsigned i = 0; i < MESSAGES_AT_ONCE; i++) {
        enum vhost_read_result result = vhost_read(vhost->socket, &vhost->reader, &fault);
        if (result == VHOST_READ_MORE) {
            return;
        }
        if (result == VHOST_READ_END) {
            if (vhost->config.is_verbose) {
                vhost_say(vhost, "the front-end has left; the next one may connect");
            }
            end_session(vhost);
            return;
        }
        if (result == VHOST_READ_WRONG || !carry_out(vhost, &fault)) {
            vhost_fail(vhost, "%s", fault.text);
            return;
        }
        vhost_read_next(&vhost->reader);
    }
}

/* --- connections --- */

/*
 * Whether one that comes is to be served.  The one before it may have left, which we read first.  One that never said anything is
 * nobody's device: a QEMU without one yet, or something else that found our socket; it stays only until somebody comes.
 */
static bool
is_free(struct vhost *vhost)
{
    if (vhost->socket >= 0) {
        on_message(vhost, EPOLLIN);
    }
    if (vhost->socket >= 0 && !vhost->has_spoken &&
        loop_now_ns() - vhost->connect_ns >= SILENT_S_MAX * UINT64_C(1000000000)) {
        vhost_fail(vhost, "it has said nothing for %u s, and another one is here", SILENT_S_MAX);
    }
    return vhost->socket < 0;
}

static void
on_listener(void *user, uint32_t events)
{
    struct vhost *vhost = user;
    (void)events;
    int fd = accept4(vhost->config.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    if (!is_free(vhost)) {
        gpu_tell(vhost->gpu, "another front-end came and was closed: one is served already");
        (void)close(fd);
        return;
    }
    if (!loop_watch(vhost->config.loop, fd, EPOLLIN, on_message, vhost)) {
        (void)close(fd);
        return;
    }
    vhost->socket = fd;
    vhost->connect_ns = loop_now_ns();
    vhost->has_spoken = false;
    vhost->session_count++;
}

struct vhost *
vhost_create(const struct vhost_config *config)
{
    struct vhost *vhost = calloc(1, sizeof(*vhost));
    if (vhost == NULL) {
        return NULL;
    }
    vhost->config = *config;
    vhost->socket = vhost->backend = -1;
    vhost->asked_end = &vhost->asked;
    vhost_queues_init(vhost);
    return vhost;
}

static bool
ask_displays(void *user, uint64_t token)
{
    const struct vhost *vhost = user;
    return vhost->display != NULL && vhost_display_ask_sizes(vhost->display, token);
}

static bool
ask_edid(void *user, uint64_t token, unsigned scanout_idx)
{
    const struct vhost *vhost = user;
    return vhost->display != NULL && vhost_display_ask_edid(vhost->display, token, scanout_idx);
}

static void
on_problem(void *user, const char *sentence)
{
    vhost_say(user, "%s", sentence);
}

static void
on_record(void *user, const void *record)
{
    const struct vhost *vhost = user;
    vhost->config.on_record(vhost->config.record_user, record);
}

void
vhost_carry(struct vhost *vhost, struct gpu_config *config)
{
    bool has_window = vhost->config.window_bytes != 0;
    config->host = (struct gpu_host){ .user = vhost,
                                      .interrupt = vhost_interrupt,
                                      .config_changed = vhost_config_changed,
                                      .map = has_window ? vhost_map : NULL,
                                      .unmap = has_window ? vhost_unmap : NULL,
                                      .has_room = vhost_has_room,
                                      .ask_displays = ask_displays,
                                      .ask_edid = ask_edid,
                                      .queue_broke = vhost_queue_broke };
    config->window_bytes = vhost->config.window_bytes;
    config->loop = vhost->config.loop;
    config->guest = &vhost->guest;
    config->on_problem = on_problem;
    config->on_record = vhost->config.on_record != NULL ? on_record : NULL;
}

bool
vhost_serve(struct vhost *vhost, struct gpu *gpu)
{
    vhost->gpu = gpu;
    return loop_watch(vhost->config.loop, vhost->config.listener, EPOLLIN, on_listener, vhost);
}

void
vhost_end(struct vhost *vhost)
{
    end_session(vhost);
    loop_unwatch(vhost->config.loop, vhost->config.listener);
}

void
vhost_destroy(struct vhost *vhost)
{
    if (vhost != NULL) {
        (void)close(vhost->config.listener);
        free(vhost);
    }
}

/* --- looking in --- */

const char *
vhost_display_refusal(void *user)
{
    const struct vhost *vhost = user;
    return vhost->display != NULL
               ? "the displays are QEMU's own: it says their sizes (xres=, yres=)"
               : NULL;
}

static int
queue_status(const struct vhost_queue *queue, char *text, size_t size_bytes)
{
    const struct vq *vq = &queue->vq;
    return snprintf(text, size_bytes,
                    "{\"running\":%s,\"enabled\":%s,\"size\":%" PRIu32
                    ",\"packed\":%s,\"taken\":%" PRIu64 ",\"given_back\":%" PRIu64
                    ",\"in_flight\":%" PRIu32 ",\"fault\":\"%s\",\"fault_value\":%" PRIu64 "}",
                    queue->is_running ? "true" : "false", queue->is_enabled ? "true" : "false",
                    queue->size, vq->layout.is_packed ? "true" : "false", vq->pop_count,
                    vq->push_count, vq->in_flight_count,
                    vq->fault.rule != NULL ? vq->fault.rule : "", vq->fault.value);
}

size_t
vhost_status(void *user, char *text, size_t size_bytes)
{
    const struct vhost *vhost = user;
    char queues[VHOST_QUEUE_COUNT][512];
    for (unsigned i = 0; i < VHOST_QUEUE_COUNT; i++) {
        (void)queue_status(&vhost->queues[i], queues[i], sizeof(queues[i]));
    }
    int length = snprintf(text, size_bytes,
                          "{\"connected\":%s,\"sessions\":%" PRIu64 ",\"features\":\"0x%" PRIx64
                          "\",\"protocol_features\":\"0x%" PRIx64
                          "\",\"memory_regions\":%u,\"display\":%s,\"queues\":[%s,%s]}",
                          vhost->socket >= 0 ? "true" : "false", vhost->session_count,
                          vhost->features, vhost->protocol_features, vhost->guest.region_count,
                          vhost->display != NULL ? "true" : "false", queues[0], queues[1]);
    return length > 0 ? (size_t)length : 0;
}
