/*
 * The ring of a Venus client: commands in, answers out, and nobody waits for ever. Contract: virtio/venus.h.
 *
 *      tail    ours       ──▶  the renderer executes [head, tail)
 *      buffer  2^n bytes
 *      head    its        ◀──  how far it is, answers written before; not for each command, but for the last and each with an answer
 *      status  its        ◀──  IDLE (tell me of a new tail), FATAL (dead), ALIVE (the process lives)
 *
 * No tail is missed, because we store the tail and then load the status, the renderer sets IDLE and then loads the tail, all
 * sequentially consistent: so either it sees the tail, or we see IDLE and notify, at most once per NOTIFY_NS; the renderer stays
 * up for twice as long after a notification. Other side: sleep_idle in venus/ring.c. Model: tests/model/ring.pml.
 */
#include "virtio/core/memory.h"
#include "virtio/venus.h"

#include "vvk_commands.h"

/* Where what lies in the shared memory: words that different sides write have cache lines of their own. */
enum {
    HEAD = 0,
    TAIL = 64,
    STATUS = 128,
    EXTRA = 192,
    EXTRA_BYTES = 4,
    BUFFER = 4096,
};

enum {
    STATUS_IDLE = 1,
    STATUS_FATAL = 2,
    STATUS_ALIVE = 4,
};

#define RING_ID        UINT64_C(1)
#define RING_BYTES_MIN 4096U
#define RING_BYTES_MAX (16U << 20)
#define GENERATE_REPLY 1U /* command flag */
#define REPLY_ROOM_MIN                                                                             \
 131072 /* at least so much for each answer; the longest is a list of extensions */
#define OWN_BYTES_MAX     256 /* the longest of our own commands */
#define NS_PER_MS         UINT64_C(1000000)
#define NOTIFY_NS         NS_PER_MS /* the ring's idle timeout */
#define ALIVE_PERIOD_US   500000U
#define ALIVE_PATIENCE_NS (UINT64_C(3000) * NS_PER_MS)
#define SPIN_TURNS        64               /* looks between two at the clock */
#define SPIN_NS           UINT64_C(250000) /* a short submission; a relax may take 200 us */
#define SPIN_TURNS_MAX    65536            /* where the clock is coarse, or stands */

/* What a wait has come to. */
struct patience {
    uint64_t begin_ns; /* 0: no look at the clock yet */
    uint64_t alive_due_ns;
    uint32_t turns;
};

static void
fail(struct vvk *vvk, enum virtio_err err, const char *why)
{
    if (vvk->failure == VIRTIO_OK) {
        vvk->failure = err;
        vvk->why = why;
    }
}

static uint32_t
load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static uint64_t
now_ns(const struct vvk *vvk)
{
    return vvk->way->now_ns(vvk->way->ctx);
}

/* --- the trace --- */

/* A new command's cookie. Returns: 0 while nothing is recorded. */
static uint32_t
record_begin(struct vvk *vvk, uint32_t command_id)
{
    struct virtio_trace *trace = vvk->way->trace;
    if (trace == NULL || !trace->is_on) {
        return 0;
    }
    uint32_t cookie = virtio_trace_cookie(trace);
    virtio_trace_emit(trace, TRACE_VENUS_BEGIN, cookie, vvk->way->trace_origin, command_id, 0);
    return cookie;
}

/* Before the tail is stored: the renderer cannot be earlier. */
static void
record_command(struct vvk *vvk, uint32_t cookie, const uint8_t *bytes, uint32_t byte_count)
{
    uint32_t command_id = 0;
    if (cookie == 0) {
        return;
    }
    memcpy(&command_id, bytes, sizeof(command_id));
    virtio_trace_emit(vvk->way->trace, TRACE_VENUS_COMMAND, cookie, vvk->way->trace_origin,
                      (uint64_t)byte_count << 32 | command_id,
                      (uint64_t)vvk->way->context_id << 32 | vvk->written);
}

static void
record_answer(struct vvk *vvk, uint32_t cookie, uint32_t command_id)
{
    if (cookie != 0) {
        virtio_trace_emit(vvk->way->trace, TRACE_VENUS_ANSWER, cookie, vvk->way->trace_origin,
                          command_id, 0);
    }
}

/* A command of our own, while it is written. */
struct own {
    struct vvk_writer w;
    uint8_t bytes[OWN_BYTES_MAX];
};

static void
own_begin(struct own *own, uint32_t command_id)
{
    own->w = (struct vvk_writer){ .at = own->bytes, .end = own->bytes + sizeof(own->bytes) };
    vvk_put_u32(&own->w, command_id);
    vvk_put_u32(&own->w, 0);
}

static uint32_t
own_byte_count(const struct own *own)
{
    return (uint32_t)(own->w.at - own->bytes);
}

/* It belongs into the context's own stream. */
static enum virtio_err
own_submit(struct vvk *vvk, const struct own *own, bool is_waited)
{
    return vvk->way->submit(vvk->way->ctx, own->bytes, own_byte_count(own), is_waited);
}

/* The renderer sleeps: tell it of the tail, unless that was done so lately that it must see it. */
static void
notify_idle(struct vvk *vvk)
{
    struct own own;
    if ((load(vvk->status) & STATUS_IDLE) == 0 || now_ns(vvk) < vvk->notify_after_ns) {
        return;
    }
    own_begin(&own, VVK_ID_vkNotifyRingMESA);
    vvk_args_vkNotifyRingMESA(&own.w, RING_ID, vvk->written, 0);
    vvk->notify_after_ns = now_ns(vvk) + NOTIFY_NS;
    vvk->counters.notifications++;
    enum virtio_err err = own_submit(vvk, &own, false);
    if (err != VIRTIO_OK && err != VIRTIO_ERR_BUSY) {
        fail(vvk, err, "the device does not take notifications");
    }
}

/* The monitor sets ALIVE again and again; who clears it and never sees it again speaks to nobody. */
static void
look_alive(struct vvk *vvk, struct patience *patience, uint64_t now)
{
    if (now < patience->alive_due_ns) {
        return;
    }
    bool is_first = patience->alive_due_ns == 0;
    uint32_t before = __atomic_fetch_and(vvk->status, ~(uint32_t)STATUS_ALIVE, __ATOMIC_SEQ_CST);
    if (!is_first && (before & STATUS_ALIVE) == 0) {
        fail(vvk, VIRTIO_ERR_LOST, "the renderer gives no sign of life");
    }
    patience->alive_due_ns = now + ALIVE_PATIENCE_NS;
}

/* One turn of a wait for the renderer. */
static void
wait_turn(struct vvk *vvk, struct patience *patience)
{
    if ((load(vvk->status) & STATUS_FATAL) != 0) {
        fail(vvk, VIRTIO_ERR_LOST,
             "the renderer has given this context up; the host's log says which command it was");
        return;
    }
    if (++patience->turns % SPIN_TURNS != 0) {
        return;
    }
    uint64_t now = now_ns(vvk);
    patience->begin_ns = patience->begin_ns != 0 ? patience->begin_ns : now;
    notify_idle(vvk);
    if (now - patience->begin_ns < SPIN_NS && patience->turns < SPIN_TURNS_MAX) {
        return;
    }
    look_alive(vvk, patience, now);
    uint64_t deadline_ns = patience->begin_ns + vvk->timeout_ns;
    enum virtio_err err =
        now < deadline_ns ? vvk->way->relax(vvk->way->ctx, deadline_ns) : VIRTIO_ERR_TIMEOUT;
    if (err != VIRTIO_OK) {
        fail(vvk, err, err == VIRTIO_ERR_TIMEOUT ? "no answer came in time" : "the device failed");
    }
}

/* Bytes written and not executed yet. */
static uint32_t
pending_bytes(struct vvk *vvk)
{
    uint32_t pending = vvk->written - load(vvk->head);
    if (pending > vvk->ring_bytes) {
        fail(vvk, VIRTIO_ERR_BROKEN, "the renderer is ahead of what was written");
        return 0;
    }
    return pending;
}

/* Wait until at most `pending_max` bytes are not executed. */
static bool
wait_executed(struct vvk *vvk, uint32_t pending_max)
{
    struct patience patience = { 0 };
    while (vvk->failure == VIRTIO_OK && pending_bytes(vvk) > pending_max) {
        wait_turn(vvk, &patience);
    }
    return vvk->failure == VIRTIO_OK;
}

static void
copy_in(struct vvk *vvk, const uint8_t *bytes, uint32_t byte_count)
{
    uint32_t offset = vvk->written & (vvk->ring_bytes - 1);
    uint32_t first = vvk->ring_bytes - offset;
    first = first < byte_count ? first : byte_count;
    memcpy(vvk->buffer + offset, bytes, first);
    memcpy(vvk->buffer, bytes + first, byte_count - first);
}

/* A whole command into the ring, at once visible. */
static bool
push(struct vvk *vvk, const uint8_t *bytes, uint32_t byte_count, uint32_t cookie)
{
    if (!wait_executed(vvk, vvk->ring_bytes - byte_count)) {
        return false;
    }
    copy_in(vvk, bytes, byte_count);
    record_command(vvk, cookie, bytes, byte_count);
    vvk->written += byte_count;
    vvk->counters.commands++;
    vvk->counters.bytes += byte_count;
    __atomic_store_n(vvk->tail, vvk->written, __ATOMIC_SEQ_CST);
    notify_idle(vvk);
    return vvk->failure == VIRTIO_OK;
}

/* Answers follow each other; before there is too little room they begin anew. */
static bool
make_reply_room(struct vvk *vvk)
{
    struct own own;
    if (VVK_REPLY_BYTES - vvk->reply_at >= REPLY_ROOM_MIN) {
        return true;
    }
    uint32_t cookie = record_begin(vvk, VVK_ID_vkSeekReplyCommandStreamMESA);
    own_begin(&own, VVK_ID_vkSeekReplyCommandStreamMESA);
    vvk_args_vkSeekReplyCommandStreamMESA(&own.w, 0);
    vvk->reply_at = 0;
    return push(vvk, own.bytes, own_byte_count(&own), cookie);
}

void
vvk_begin(struct vvk *vvk, struct vvk_call *call, uint32_t command_id, enum vvk_kind kind)
{
    *call = (struct vvk_call){
        .out = {.at = vvk->scratch, .end = vvk->scratch + vvk->scratch_bytes},
        .is_answered = kind == VVK_ANSWERED || (kind == VVK_CHECKED && vvk->is_checked),
        .cookie = record_begin(vvk, command_id),
    };
    vvk_put_u32(&call->out, command_id);
    vvk_put_u32(&call->out, call->is_answered ? GENERATE_REPLY : 0);
}

bool
vvk_end(struct vvk *vvk, struct vvk_call *call)
{
    uint32_t command_id = 0;
    uint32_t byte_count = (uint32_t)(call->out.at - vvk->scratch);
    if (vvk->failure != VIRTIO_OK) {
        return false;
    }
    vvk->refusal = call->out.refusal;
    if (vvk->refusal != NULL || (call->is_answered && !make_reply_room(vvk))) {
        return false;
    }
    memcpy(&command_id, vvk->scratch, sizeof(command_id));
    if (!push(vvk, vvk->scratch, byte_count, call->cookie)) {
        return false;
    }
    if (!call->is_answered) {
        return true;
    }
    vvk->counters.waits++;
    if (!wait_executed(vvk, 0)) {
        return false;
    }
    record_answer(vvk, call->cookie, command_id);
    call->in =
        (struct vvk_reader){ vvk->reply + vvk->reply_at, vvk->reply + VVK_REPLY_BYTES, false };
    vvk_take_tag(&call->in, command_id);
    return true;
}

bool
vvk_finish(struct vvk *vvk, struct vvk_call *call)
{
    if (call->in.is_bad) {
        fail(vvk, VIRTIO_ERR_BROKEN, "an answer is not what belongs to its command");
        return false;
    }
    vvk->reply_at = (size_t)(call->in.at - vvk->reply);
    return true;
}

static uint64_t
shared_bytes(uint32_t ring_bytes)
{
    return BUFFER + (uint64_t)ring_bytes + VVK_REPLY_BYTES;
}

static enum virtio_err
create_ring(struct vvk *vvk)
{
    struct own own;
    const VkRingMonitorInfoMESA monitor = {
        .sType = VK_STRUCTURE_TYPE_RING_MONITOR_INFO_MESA,
        .maxReportingPeriodMicroseconds = ALIVE_PERIOD_US,
    };
    const VkRingCreateInfoMESA info = {
        .sType = VK_STRUCTURE_TYPE_RING_CREATE_INFO_MESA,
        .pNext = &monitor,
        .resourceId = vvk->shared.resource_id,
        .size = (size_t)BUFFER + vvk->ring_bytes,
        .idleTimeout = NOTIFY_NS,
        .headOffset = HEAD,
        .tailOffset = TAIL,
        .statusOffset = STATUS,
        .bufferOffset = BUFFER,
        .bufferSize = vvk->ring_bytes,
        .extraOffset = EXTRA,
        .extraSize = EXTRA_BYTES,
    };
    own_begin(&own, VVK_ID_vkCreateRingMESA);
    vvk_args_vkCreateRingMESA(&own.w, RING_ID, &info);
    return own_submit(vvk, &own, true);
}

/* The first command of the ring: where its answers go. */
static bool
set_reply(struct vvk *vvk)
{
    struct own own;
    const VkCommandStreamDescriptionMESA stream = {
        .resourceId = vvk->shared.resource_id,
        .offset = (size_t)BUFFER + vvk->ring_bytes,
        .size = VVK_REPLY_BYTES,
    };
    uint32_t cookie = record_begin(vvk, VVK_ID_vkSetReplyCommandStreamMESA);
    own_begin(&own, VVK_ID_vkSetReplyCommandStreamMESA);
    vvk_args_vkSetReplyCommandStreamMESA(&own.w, &stream);
    if (!push(vvk, own.bytes, own_byte_count(&own), cookie) || !wait_executed(vvk, 0)) {
        return false;
    }
    record_answer(vvk, cookie, VVK_ID_vkSetReplyCommandStreamMESA);
    return true;
}

static void
lay_out(struct vvk *vvk)
{
    uint8_t *base = vvk->shared.memory;
    vvk->head = (uint32_t *)(void *)(base + HEAD);
    vvk->tail = (uint32_t *)(void *)(base + TAIL);
    vvk->status = (uint32_t *)(void *)(base + STATUS);
    vvk->buffer = base + BUFFER;
    vvk->reply = vvk->buffer + vvk->ring_bytes;
    memset(base, 0, BUFFER); /* head and status must be 0 in a new ring */
}

static bool
is_config_valid(const struct vvk_config *config, uint32_t ring_bytes)
{
    return ring_bytes >= RING_BYTES_MIN && ring_bytes <= RING_BYTES_MAX &&
           (ring_bytes & (ring_bytes - 1)) == 0 && config->scratch != NULL &&
           config->scratch_bytes >= OWN_BYTES_MAX && config->scratch_bytes <= ring_bytes;
}

enum virtio_err
vvk_create(struct vvk *vvk, const struct vvk_config *config)
{
    uint32_t ring_bytes = config->ring_bytes != 0 ? config->ring_bytes : VVK_RING_BYTES_DEFAULT;
    uint32_t timeout_ms = config->timeout_ms != 0 ? config->timeout_ms : VVK_TIMEOUT_DEFAULT_MS;
    *vvk = (struct vvk){
        .way = config->way,
        .scratch = config->scratch,
        .scratch_bytes = config->scratch_bytes,
        .ring_bytes = ring_bytes,
        .timeout_ns = timeout_ms * NS_PER_MS,
        .is_checked = config->is_checked,
    };
    if (!is_config_valid(config, ring_bytes)) {
        return VIRTIO_ERR_INVALID;
    }
    enum virtio_err err =
        vvk->way->blob_open(vvk->way->ctx, 0, shared_bytes(ring_bytes), &vvk->shared);
    if (err != VIRTIO_OK) {
        return err;
    }
    lay_out(vvk);
    err = create_ring(vvk);
    if (err == VIRTIO_OK && !set_reply(vvk)) {
        err = vvk->failure;
    }
    if (err != VIRTIO_OK) {
        fail(vvk, err, "the renderer does not take a ring");
        vvk->way->blob_close(vvk->way->ctx, &vvk->shared);
        vvk->shared = (struct vvk_blob){ 0 };
    }
    return err;
}

void
vvk_destroy(struct vvk *vvk)
{
    struct own own;
    if (vvk->shared.memory == NULL) {
        return;
    }
    if (vvk->failure == VIRTIO_OK) {
        own_begin(&own, VVK_ID_vkDestroyRingMESA);
        vvk_args_vkDestroyRingMESA(&own.w, RING_ID);
        (void)own_submit(vvk, &own, true);
    }
    vvk->way->blob_close(vvk->way->ctx, &vvk->shared);
    vvk->shared = (struct vvk_blob){ 0 };
    fail(vvk, VIRTIO_ERR_NOT_INITIALIZED, "the client was ended");
}

enum virtio_err
vvk_map_memory(struct vvk *vvk, uint64_t memory_id, uint64_t bytes, struct vvk_blob *blob)
{
    *blob = (struct vvk_blob){ 0 };
    if (memory_id == 0 || bytes == 0) {
        return VIRTIO_ERR_INVALID;
    }
    /* The device asks the renderer by another way than the ring: the allocation must have been made by then. */
    if (!wait_executed(vvk, 0)) {
        return vvk->failure;
    }
    return vvk->way->blob_open(vvk->way->ctx, memory_id, bytes, blob);
}

void
vvk_unmap_memory(struct vvk *vvk, struct vvk_blob *blob)
{
    if (blob->memory != NULL) {
        vvk->way->blob_close(vvk->way->ctx, blob);
    }
    *blob = (struct vvk_blob){ 0 };
}
