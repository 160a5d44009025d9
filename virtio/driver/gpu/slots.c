/*
 * Command slots: request and response buffers that live from init to finish, their deadlines, and
 * the check of every response.
 */
#include "virtio/driver/gpu/driver.h"
#include "virtio/driver/gpu/messages.h"

enum { PADDING_BYTES = 3 * 64 }; /* three pieces of the arena, aligned */

static uint32_t
large_bytes_of(const struct vgpu_config *config)
{
    uint32_t largest = sizeof(struct virtio_gpu_resp_edid);
    uint32_t capset = (uint32_t)sizeof(struct virtio_gpu_resp_capset) + config->capset_bytes_max;
    return ((capset > largest ? capset : largest) + 7) & ~7U;
}

size_t
vgpu_slots_arena_bytes(const struct vgpu_config *config)
{
    size_t private_bytes = config->depth * sizeof(struct vgpu_slot);
    size_t shared_bytes =
        (size_t)config->depth * VGPU_SLOT_BYTES + (size_t)VGPU_LARGE_COUNT * large_bytes_of(config);
    return private_bytes + shared_bytes + PADDING_BYTES;
}

static void
slots_link(struct vgpu *vgpu, uint8_t *memory, uint64_t addr)
{
    for (uint16_t i = 0; i < vgpu->slot_count; i++) {
        struct vgpu_slot *slot = &vgpu->slots[i];
        slot->request = memory + (size_t)i * VGPU_SLOT_BYTES;
        slot->request_addr = addr + (uint64_t)i * VGPU_SLOT_BYTES;
        slot->next_free = (uint16_t)(i + 1);
    }
    vgpu->free_count = vgpu->slot_count;
}

enum virtio_err
vgpu_slots_init(struct vgpu *vgpu, struct virtio_arena *arena)
{
    uint64_t addr = 0;
    size_t bytes = (size_t)vgpu->slot_count * VGPU_SLOT_BYTES;
    uint8_t *memory = virtio_driver_take_shared(vgpu->device, arena, bytes, &addr);
    vgpu->large_bytes = large_bytes_of(&vgpu->config);
    vgpu->large_memory = virtio_driver_take_shared(
        vgpu->device, arena, (size_t)VGPU_LARGE_COUNT * vgpu->large_bytes, &vgpu->large_addr);
    vgpu->slots = virtio_arena_take(arena, vgpu->slot_count * sizeof(struct vgpu_slot),
                                    _Alignof(struct vgpu_slot));
    if (memory == NULL || vgpu->large_memory == NULL || vgpu->slots == NULL) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    slots_link(vgpu, memory, addr);
    return VIRTIO_OK;
}

/* Give the slot one of the few large response buffers. */
static enum virtio_err
take_large(struct vgpu *vgpu, struct vgpu_slot *slot, uint32_t bytes)
{
    for (unsigned i = 0; i < VGPU_LARGE_COUNT; i++) {
        if ((vgpu->large_used >> i & 1) == 0) {
            vgpu->large_used |= 1U << i;
            slot->large_idx = (uint8_t)i;
            slot->response = vgpu->large_memory + (size_t)i * vgpu->large_bytes;
            slot->response_addr = vgpu->large_addr + (uint64_t)i * vgpu->large_bytes;
            slot->response_bytes = bytes;
            return VIRTIO_OK;
        }
    }
    return VIRTIO_ERR_BUSY;
}

unsigned
vgpu_slots_room(const struct vgpu *vgpu, const struct vgpu_answer *answer)
{
    unsigned count = 0;
    if (answer == NULL ||
        (answer->bytes_max > 0 && answer->bytes_max <= VGPU_SMALL_RESPONSE_BYTES)) {
        return vgpu->free_count;
    }
    for (unsigned i = 0; i < VGPU_LARGE_COUNT; i++) {
        count += ~vgpu->large_used >> i & 1;
    }
    return count < vgpu->free_count ? count : vgpu->free_count;
}

static enum virtio_err
take_response(struct vgpu *vgpu, struct vgpu_slot *slot, const struct vgpu_answer *answer)
{
    uint32_t bytes = answer == NULL ? 0 : answer->bytes_max;
    slot->large_idx = VGPU_LARGE_COUNT;
    if (answer != NULL && bytes == 0) {
        bytes = vgpu->large_bytes;
    }
    if (bytes > VGPU_SMALL_RESPONSE_BYTES) {
        return take_large(vgpu, slot, bytes);
    }
    slot->response = slot->request + VGPU_REQUEST_BYTES_MAX;
    slot->response_addr = slot->request_addr + VGPU_REQUEST_BYTES_MAX;
    slot->response_bytes = bytes;
    return VIRTIO_OK;
}

enum virtio_err
vgpu_slot_take(struct vgpu *vgpu, const struct vgpu_message *message, struct vgpu_slot **taken)
{
    if (vgpu->free_count == 0) {
        return VIRTIO_ERR_BUSY;
    }
    struct vgpu_slot *slot = &vgpu->slots[vgpu->free_head];
    enum virtio_err err = take_response(vgpu, slot, message->answer);
    if (err != VIRTIO_OK) {
        return err;
    }
    if (slot->response_bytes > 0) {
        memset(slot->response, 0, sizeof(struct virtio_gpu_ctrl_hdr));
    }
    slot->message = message;
    vgpu->free_head = slot->next_free;
    vgpu->free_count--;
    *taken = slot;
    return VIRTIO_OK;
}

static void
free_large(struct vgpu *vgpu, uint8_t large_idx)
{
    if (large_idx < VGPU_LARGE_COUNT) {
        vgpu->large_used &= ~(1U << large_idx);
    }
}

/* Back to the list, but for its large buffer. */
static void
free_small(struct vgpu *vgpu, struct vgpu_slot *slot)
{
    slot->phase = VGPU_SLOT_FREE;
    slot->next_free = vgpu->free_head;
    vgpu->free_head = (uint16_t)(slot - vgpu->slots);
    vgpu->free_count++;
}

void
vgpu_slot_free(struct vgpu *vgpu, struct vgpu_slot *slot)
{
    free_large(vgpu, slot->large_idx);
    free_small(vgpu, slot);
}

static void
report(const struct vgpu_then *then, const struct vgpu_completion *completion)
{
    if (then->done != NULL) {
        then->done(then->ctx, completion);
    }
}

/*
 * A fenced command must be answered with its fence, §5.7.6.5; error responses of some devices come
 * without.
 */
static enum virtio_err
check_fence(const struct vgpu_slot *slot, struct vgpu_response *response)
{
    if (slot->fence_id == 0 || slot->message->answer == NULL) {
        return VIRTIO_OK;
    }
    if ((response->flags & VIRTIO_GPU_FLAG_FENCE) == 0) {
        response->rule =
            "response to a fenced command without the fence flag (VirtIO 1.3 §5.7.6.5)";
        response->value = response->flags;
        return VIRTIO_ERR_BROKEN;
    }
    if (response->fence_id != slot->fence_id) {
        response->rule = "response carries another fence id (VirtIO 1.3 §5.7.6.5)";
        response->value = response->fence_id;
        return VIRTIO_ERR_BROKEN;
    }
    return VIRTIO_OK;
}

static void
count_end(struct vgpu *vgpu, const struct vgpu_message *message,
          const struct vgpu_completion *completion)
{
    struct vgpu_figures *figures = &vgpu->figures[message->idx];
    if (completion->err == VIRTIO_ERR_REFUSED) {
        vgpu->counters.refused++;
        figures->counters.refused++;
        vgpu->last_refusal = completion->response_type;
        virtio_log(vgpu->device->bus->plat, VIRTIO_LOG_WARN, "gpu: %s refused: %s", message->name,
                   vgpu_type_name(completion->response_type));
    } else if (completion->err == VIRTIO_OK) {
        vgpu->counters.completed++;
        figures->counters.completed++;
    }
    virtio_histogram_add(&figures->latency, completion->latency_ns);
}

/* The queue has timed it where the trace is on. */
static uint64_t
latency_of(struct vgpu *vgpu, const struct vgpu_slot *slot, const struct virtq_done *done)
{
    return done->latency_ns != 0 ? done->latency_ns : vgpu_time_ns(vgpu) - slot->start_ns;
}

/* `response` may be the device's memory still: its type is read once. */
static void
trace_response(struct vgpu *vgpu, const struct vgpu_slot *slot, const struct virtq_done *done,
               const void *response)
{
    struct virtio_trace *trace = vgpu->device->bus->trace;
    if (trace == NULL || !trace->is_on) {
        return;
    }
    uint32_t type = done->written_bytes >= sizeof(struct virtio_gpu_ctrl_hdr)
                        ? vgpu_peek32(response, offsetof(struct virtio_gpu_ctrl_hdr, type))
                        : 0;
    driver_trace(vgpu->device, TRACE_GPU_RESPONSE, done->cookie, slot->message->queue,
                 (uint64_t)slot->message->type << 32 | type, latency_of(vgpu, slot, done));
    virtio_trace_payload(trace, done->cookie, driver_origin(vgpu->device, slot->message->queue),
                         response, done->written_bytes);
}

/*
 * A command that was reported as late has come back after all: only its memory is of interest now.
 */
static void
take_back(struct vgpu *vgpu, struct vgpu_slot *slot, const struct virtq_done *done)
{
    trace_response(vgpu, slot, done, slot->response);
    vgpu->counters.late++;
    vgpu->figures[slot->message->idx].counters.late++;
    vgpu_slot_free(vgpu, slot);
}

/* What the response says of the command; `response` has the rule that it breaks, if it does. */
static struct vgpu_completion
judge(struct vgpu *vgpu, const struct vgpu_slot *slot, const struct virtq_done *done,
      const void *bytes, struct vgpu_response *response)
{
    enum virtio_err err = vgpu_parse_response(slot->message, bytes, done->written_bytes, response);
    if (err == VIRTIO_OK) {
        err = check_fence(slot, response);
    }
    return (struct vgpu_completion){
        .err = err,
        .request_type = slot->message->type,
        .response_type = response->type,
        .response = done->written_bytes > 0 ? bytes : NULL,
        .response_bytes = done->written_bytes,
        .cookie = done->cookie,
        .fence_id = slot->fence_id,
        .latency_ns = latency_of(vgpu, slot, done),
    };
}

/*
 * The slot is free before the callback, so that the callback can submit. Small responses are looked
 * at in a private copy; a large one stays the device's memory, and its buffer is kept until the
 * callback is through.
 */
void
vgpu_slot_complete(struct vgpu *vgpu, const struct virtq_done *done)
{
    struct vgpu_slot *slot = done->token;
    struct vgpu_then then = slot->then;
    uint8_t large_idx = slot->large_idx;
    le64 small[VGPU_SMALL_RESPONSE_BYTES / 8];
    const void *bytes = small;
    struct vgpu_response response;

    if (slot->phase != VGPU_SLOT_IN_FLIGHT) {
        take_back(vgpu, slot, done);
        return;
    }
    if (large_idx < VGPU_LARGE_COUNT) {
        bytes = slot->response;
    } else {
        memcpy(small, slot->response, done->written_bytes);
    }
    struct vgpu_completion completion = judge(vgpu, slot, done, bytes, &response);
    trace_response(vgpu, slot, done, bytes);
    count_end(vgpu, slot->message, &completion);
    free_small(vgpu, slot);
    vgpu->in_flight_count--;
    if (completion.err == VIRTIO_ERR_BROKEN) {
        virtio_device_break(vgpu->device, response.rule, response.value);
    }
    report(&then, &completion);
    free_large(vgpu, large_idx);
    if (completion.err == VIRTIO_ERR_BROKEN) {
        vgpu_fail(vgpu, VIRTIO_ERR_BROKEN);
    }
}

/* Tell the owner that the command has failed; the slot waits for the device to give it back. */
static void
abandon(struct vgpu *vgpu, struct vgpu_slot *slot, enum virtio_err err)
{
    struct vgpu_completion completion = {
        .err = err,
        .request_type = slot->message->type,
        .cookie = slot->cookie,
        .fence_id = slot->fence_id,
    };
    slot->phase = VGPU_SLOT_ABANDONED;
    vgpu->in_flight_count--;
    report(&slot->then, &completion);
}

static void
expire_one(struct vgpu *vgpu, struct vgpu_slot *slot)
{
    vgpu->counters.timed_out++;
    vgpu->figures[slot->message->idx].counters.timed_out++;
    driver_trace(vgpu->device, TRACE_GPU_TIMEOUT, slot->cookie, slot->message->queue,
                 slot->message->type, slot->then.timeout_ns);
    virtio_log(vgpu->device->bus->plat, VIRTIO_LOG_ERROR, "gpu: %s: no answer after %llu ms",
               slot->message->name, (unsigned long long)(slot->then.timeout_ns / VGPU_NS_PER_MS));
    abandon(vgpu, slot, VIRTIO_ERR_TIMEOUT);
}

void
vgpu_slots_expire(struct vgpu *vgpu, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;
    if (now_ns < vgpu->next_deadline_ns || vgpu->in_flight_count == 0) {
        return;
    }
    vgpu->next_deadline_ns = UINT64_MAX; /* callbacks that submit lower it */
    for (uint16_t i = 0; i < vgpu->slot_count; i++) {
        struct vgpu_slot *slot = &vgpu->slots[i];
        if (slot->phase != VGPU_SLOT_IN_FLIGHT) {
            continue;
        }
        if (slot->deadline_ns <= now_ns) {
            expire_one(vgpu, slot);
        } else if (slot->deadline_ns < next_ns) {
            next_ns = slot->deadline_ns;
        }
    }
    if (next_ns < vgpu->next_deadline_ns) {
        vgpu->next_deadline_ns = next_ns;
    }
}

void
vgpu_slots_abandon_all(struct vgpu *vgpu, enum virtio_err err)
{
    for (uint16_t i = 0; i < vgpu->slot_count && vgpu->slots != NULL; i++) {
        if (vgpu->slots[i].phase == VGPU_SLOT_IN_FLIGHT) {
            abandon(vgpu, &vgpu->slots[i], err);
        }
    }
}
