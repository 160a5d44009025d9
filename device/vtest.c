/*
 * vtest.c - the life of a vtest client.
 *
 * One thread reads a message, has it checked (vtest_message.c), carries it out, answers.  The library's threads only raise
 * syncs and report; nobody but this thread writes to the socket.  A client that does not read its answers blocks this thread
 * and with it nobody but itself, until it leaves or its context dies.
 */
#include "device/vtest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include "device/stream.h"
#include "device/vtest_sync.h"

/* Ids from here on stand for blobs that could not be had: see answer_refused_blob. */
static const uint32_t refused_resource = 0x80000000U;

struct session {
    struct front front;
    struct stream stream;
    struct vtest_syncs *syncs;
    char *name;
    uint8_t *buffer;
    size_t buffer_bytes;
    uint32_t resource_count;
    uint32_t refused_count;
};

/* Each handler returns whether to go on; if not, session->front.end and the fault say why. */
typedef bool handler_fn(struct session *session, const struct vtest_message *message);

/* What a call of the library, made for a message, means for the client. */
static bool
after_call(struct session *session, const char *command, enum venus_status status)
{
    switch (status) {
    case VENUS_OK: return true;
    case VENUS_FATAL: return front_context_is_dead(&session->front);
    case VENUS_NO_MEMORY: return front_memory_is_short(&session->front, command);
    case VENUS_NO_RESOURCE:
        (void)refuse(session->front.fault, "%s names a resource that does not exist", command);
        return front_client_is_wrong(&session->front);
    default:
        (void)refuse(session->front.fault, "%s has an argument out of range", command);
        return front_client_is_wrong(&session->front);
    }
}

/* fd: -1: none follows; else closed here, whatever happens. */
static bool
answer_with_fd(struct session *session, uint32_t command, const uint32_t *words,
               uint32_t word_count, int fd)
{
    uint32_t reply[2 + 1 + VENUS_CAPSET_BYTES / 4] = { word_count, command };
    size_t reply_bytes = (2 + (size_t)word_count) * 4;
    enum stream_result result = STREAM_OK;
    if (word_count > 0) {
        memcpy(reply + 2, words, (size_t)word_count * 4);
    }
    if (fd >= 0) {
        result = stream_write_with_fd(&session->stream, reply, reply_bytes, fd);
        (void)close(fd);
    } else {
        result = stream_write(&session->stream, reply, reply_bytes);
    }
    if (result == STREAM_OK) {
        return true;
    }
    bool is_dead = session->front.venus != NULL && venus_why(session->front.venus) != NULL;
    return is_dead ? front_context_is_dead(&session->front)
                   : front_host_is_short(&session->front, vtest_command_name(command));
}

static bool
answer(struct session *session, uint32_t command, const uint32_t *words, uint32_t word_count)
{
    return answer_with_fd(session, command, words, word_count, -1);
}

static void
on_fence(void *user, uint32_t ring_idx, uint64_t fence_id)
{
    struct session *session = user;
    vtest_fence_retire(session->syncs, ring_idx, fence_id);
}

static bool
on_create_renderer(struct session *session, const struct vtest_message *message)
{
    session->name = strdup((const char *)message->payload);
    if (session->name == NULL) {
        return front_host_is_short(&session->front, "CREATE_RENDERER");
    }
    session->front.config->on_name(session->front.config->user, session->name);
    return true;
}

static bool
on_ping(struct session *session, const struct vtest_message *message)
{
    return answer(session, message->command, NULL, 0);
}

/* Sent to learn whether PING is known: nothing is ever busy, since memory is the client's own to synchronise. */
static bool
on_busy_wait(struct session *session, const struct vtest_message *message)
{
    static const uint32_t not_busy = 0;
    return answer(session, message->command, &not_busy, 1);
}

static bool
on_protocol_version(struct session *session, const struct vtest_message *message)
{
    uint32_t wanted = message->payload[0];
    if (wanted < VTEST_OLDEST_VERSION) {
        (void)refuse(session->front.fault,
                     "PROTOCOL_VERSION asks for version %u, Venus needs 3 or later", wanted);
        return front_client_is_wrong(&session->front);
    }
    uint32_t given = wanted < VTEST_OWN_VERSION ? wanted : VTEST_OWN_VERSION;
    return answer(session, message->command, &given, 1);
}

static bool
on_get_param(struct session *session, const struct vtest_message *message)
{
    uint32_t reply[2] = { 0, 0 };
    if (message->payload[0] == VTEST_PARAM_TIMELINE_COUNT) {
        reply[0] = 1;
        reply[1] = VENUS_TIMELINE_COUNT;
    } else if (message->payload[0] == VTEST_PARAM_TIMELINE_SYNCOBJ) {
        reply[0] = 1;
    }
    return answer(session, message->command, reply, 2);
}

static bool
on_get_capset(struct session *session, const struct vtest_message *message)
{
    uint32_t reply[1 + VENUS_CAPSET_BYTES / 4] = { 0 };
    if (message->payload[0] != VENUS_CAPSET_ID) {
        return answer(session, message->command, reply, 1);
    }
    uint8_t capset[VENUS_CAPSET_BYTES];
    venus_capset(capset);
    reply[0] = 1;
    memcpy(reply + 1, capset, sizeof(capset));
    return answer(session, message->command, reply, sizeof(reply) / 4);
}

static bool
on_context_init(struct session *session, const struct vtest_message *message)
{
    if (message->payload[0] != VENUS_CAPSET_ID || session->front.venus != NULL) {
        (void)refuse(session->front.fault,
                     "CONTEXT_INIT for capset %u%s, right is capset 4 (Venus) once",
                     message->payload[0], session->front.venus != NULL ? " a second time" : "");
        return front_client_is_wrong(&session->front);
    }
    return after_call(session, "CONTEXT_INIT",
                      front_make_context(&session->front, session->name, on_fence));
}

/*
 * The protocol has no way to say no, and a client that gets no fd aborts.  So it gets an fd that mmap refuses: its program
 * then sees that memory could not be mapped, which Vulkan allows for.
 */
static bool
answer_refused_blob(struct session *session)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    if (fd < 0) {
        return front_host_is_short(&session->front, "RESOURCE_CREATE_BLOB");
    }
    uint32_t id = refused_resource | ++session->refused_count;
    return answer_with_fd(session, VTEST_RESOURCE_CREATE_BLOB, &id, 1, fd);
}

static bool
answer_blob(struct session *session, uint32_t id, const struct venus_memory *memory)
{
    if (memory->kind == VENUS_FD_OPAQUE) { /* nothing that a client of ours could map */
        (void)close(memory->fd);
        return after_call(session, "RESOURCE_CREATE_BLOB",
                          venus_resource_destroy(session->front.venus, id)) &&
               answer_refused_blob(session);
    }
    return answer_with_fd(session, VTEST_RESOURCE_CREATE_BLOB, &id, 1, memory->fd);
}

static bool
check_blob(struct session *session, const uint32_t *payload)
{
    if (payload[0] != VTEST_BLOB_HOST3D) {
        (void)refuse(
            session->front.fault,
            "RESOURCE_CREATE_BLOB of type %u: right is 2 (host), a guest's memory is none here",
            payload[0]);
        return front_client_is_wrong(&session->front);
    }
    uint32_t known = VENUS_BLOB_MAPPABLE | VENUS_BLOB_SHAREABLE | VENUS_BLOB_CROSS_DEVICE;
    if ((payload[1] & ~known) != 0 || vtest_u64(payload + 2) == 0) {
        (void)refuse(session->front.fault,
                     "RESOURCE_CREATE_BLOB has flags 0x%x and %llu bytes, right is flags of "
                     "0x7 and at least one byte",
                     payload[1], (unsigned long long)vtest_u64(payload + 2));
        return front_client_is_wrong(&session->front);
    }
    if (session->resource_count == refused_resource - 1) {
        (void)refuse(session->front.fault, "RESOURCE_CREATE_BLOB: all 2^31 ids have been used");
        return front_client_is_wrong(&session->front);
    }
    return true;
}

static bool
on_create_blob(struct session *session, const struct vtest_message *message)
{
    const uint32_t *payload = message->payload;
    if (!check_blob(session, payload)) {
        return false;
    }
    struct venus_blob blob = {
        .flags = payload[1],
        .size_bytes = vtest_u64(payload + 2),
        .blob_id = vtest_u64(payload + 4),
    };
    struct venus_memory memory = { .fd = -1 };
    uint32_t id = ++session->resource_count;
    enum venus_status status = venus_resource_create(session->front.venus, id, &blob, &memory);
    if (status == VENUS_NO_BLOB || status == VENUS_NO_MEMORY) {
        return answer_refused_blob(session);
    }
    return after_call(session, "RESOURCE_CREATE_BLOB", status) && answer_blob(session, id, &memory);
}

static bool
on_unref(struct session *session, const struct vtest_message *message)
{
    uint32_t id = message->payload[0];
    if (id > refused_resource && id - refused_resource <= session->refused_count) {
        return true;
    }
    return after_call(session, "RESOURCE_UNREF", venus_resource_destroy(session->front.venus, id));
}

static bool
run_batch(struct session *session, const struct vtest_batch *batch)
{
    uint64_t fence_id = 0;
    if (batch->command_bytes > 0 &&
        !after_call(session, "SUBMIT_CMD2",
                    venus_submit(session->front.venus, batch->commands, batch->command_bytes))) {
        return false;
    }
    if (batch->sync_count == 0) {
        return true;
    }
    if (!vtest_fence_add(session->syncs, batch, &fence_id, session->front.fault)) {
        return front_client_is_wrong(&session->front);
    }
    return after_call(session, "SUBMIT_CMD2",
                      venus_fence(session->front.venus, batch->ring_idx, fence_id));
}

static bool
on_submit(struct session *session, const struct vtest_message *message)
{
    for (uint32_t i = 0; i < message->batch_count; i++) {
        struct vtest_batch batch = vtest_batch_read(message, i);
        if (!run_batch(session, &batch)) {
            return false;
        }
    }
    return true;
}

static bool
on_sync_create(struct session *session, const struct vtest_message *message)
{
    uint32_t id = 0;
    if (!vtest_sync_create(session->syncs, vtest_u64(message->payload), &id,
                           session->front.fault)) {
        return front_client_is_wrong(&session->front);
    }
    return answer(session, message->command, &id, 1);
}

static bool
on_sync_unref(struct session *session, const struct vtest_message *message)
{
    return vtest_sync_unref(session->syncs, message->payload[0], session->front.fault) ||
           front_client_is_wrong(&session->front);
}

static bool
on_sync_read(struct session *session, const struct vtest_message *message)
{
    uint64_t value = 0;
    if (!vtest_sync_read(session->syncs, message->payload[0], &value, session->front.fault)) {
        return front_client_is_wrong(&session->front);
    }
    uint32_t words[2] = { (uint32_t)value, (uint32_t)(value >> 32) };
    return answer(session, message->command, words, 2);
}

static bool
on_sync_write(struct session *session, const struct vtest_message *message)
{
    return vtest_sync_write(session->syncs, message->payload[0], vtest_u64(message->payload + 1),
                            session->front.fault) ||
           front_client_is_wrong(&session->front);
}

static bool
on_sync_wait(struct session *session, const struct vtest_message *message)
{
    int fd = -1;
    if (!vtest_sync_wait(session->syncs, message, &fd, session->front.fault)) {
        return front_client_is_wrong(&session->front);
    }
    return answer_with_fd(session, message->command, NULL, 0, fd);
}

struct command_rule {
    handler_fn *handle;
    bool needs_context;
};

static const struct command_rule rules[] = {
    [VTEST_RESOURCE_UNREF] = {on_unref,             true },
    [VTEST_RESOURCE_BUSY_WAIT] = { on_busy_wait,        false},
    [VTEST_CREATE_RENDERER] = { on_create_renderer,  false},
    [VTEST_PING_PROTOCOL_VERSION] = { on_ping,             false},
    [VTEST_PROTOCOL_VERSION] = { on_protocol_version, false},
    [VTEST_GET_PARAM] = { on_get_param,        false},
    [VTEST_GET_CAPSET] = { on_get_capset,       false},
    [VTEST_CONTEXT_INIT] = { on_context_init,     false},
    [VTEST_RESOURCE_CREATE_BLOB] = { on_create_blob,      true },
    [VTEST_SYNC_CREATE] = { on_sync_create,      true },
    [VTEST_SYNC_UNREF] = { on_sync_unref,       true },
    [VTEST_SYNC_READ] = { on_sync_read,        true },
    [VTEST_SYNC_WRITE] = { on_sync_write,       true },
    [VTEST_SYNC_WAIT] = { on_sync_wait,        true },
    [VTEST_SUBMIT_CMD2] = { on_submit,           true },
};

/* The order that the protocol asks for: a name first, and once; a context before anything that belongs to one. */
static bool
check_order(struct session *session, enum vtest_command command)
{
    const char *name = vtest_command_name(command);
    bool is_first = session->name == NULL;
    if (is_first != (command == VTEST_CREATE_RENDERER)) {
        (void)refuse(session->front.fault, "%s %s, right is CREATE_RENDERER first and once", name,
                     is_first ? "came first" : "came a second time");
        return front_client_is_wrong(&session->front);
    }
    if (rules[command].needs_context && session->front.venus == NULL) {
        (void)refuse(session->front.fault, "%s came before CONTEXT_INIT", name);
        return front_client_is_wrong(&session->front);
    }
    return true;
}

static bool
after_read(struct session *session, enum stream_result result, const char *where)
{
    switch (result) {
    case STREAM_OK: return true;
    case STREAM_ERROR:
        return errno != ECONNRESET && front_host_is_short(&session->front, "the client's socket");
    default:
        (void)refuse(session->front.fault, "the client left in the middle of %s", where);
        return front_client_is_wrong(&session->front);
    }
}

/* Grown to the largest message so far. */
static bool
make_room(struct session *session, size_t size_bytes)
{
    if (size_bytes <= session->buffer_bytes) {
        return true;
    }
    uint8_t *buffer = realloc(session->buffer, size_bytes);
    if (buffer == NULL) {
        return front_host_is_short(&session->front, "a message");
    }
    session->buffer = buffer;
    session->buffer_bytes = size_bytes;
    return true;
}

static bool
read_header(struct session *session, struct vtest_header *header)
{
    uint32_t words[2];
    enum stream_result result = stream_read(&session->stream, words, sizeof(words));
    if (result == STREAM_END) {
        return session->front.venus != NULL && venus_why(session->front.venus) != NULL &&
               front_context_is_dead(&session->front);
    }
    if (!after_read(session, result, "a message's header")) {
        return false;
    }
    return vtest_header_read(words, header, session->front.fault) ||
           front_client_is_wrong(&session->front);
}

static bool
serve_message(struct session *session)
{
    struct vtest_header header = { 0 };
    struct vtest_message message;
    if (!read_header(session, &header) || !check_order(session, header.command) ||
        !make_room(session, header.payload_bytes)) {
        return false;
    }
    if (header.payload_bytes > 0 &&
        !after_read(session, stream_read(&session->stream, session->buffer, header.payload_bytes),
                    vtest_command_name(header.command))) {
        return false;
    }
    if (!vtest_message_read(&header, session->buffer, &message, session->front.fault)) {
        return front_client_is_wrong(&session->front);
    }
    return rules[header.command].handle(session, &message);
}

static void
finish(struct session *session)
{
    front_finish(&session->front);
    vtest_syncs_destroy(session->syncs);
    free(session->buffer);
    free(session->name);
}

enum front_end
vtest_serve(int fd, const struct front_config *config, struct fault *fault)
{
    struct session session = { .stream = { .fd = fd }, .syncs = vtest_syncs_create() };
    front_init(&session.front, fd, config, fault);
    if (session.syncs == NULL) {
        (void)front_host_is_short(&session.front, "a client's syncs");
    } else if (stream_init(&session.stream, fd) != STREAM_OK) {
        (void)front_host_is_short(&session.front, "the client's socket");
    } else {
        while (serve_message(&session)) {
        }
    }
    finish(&session);
    return session.front.end;
}
