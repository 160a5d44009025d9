/*
 * Commands out, completions in. Contract: virtio/gpu.h.
 */
#include "abi/virtio_mmio.h"

#include "virtio/driver/gpu/driver.h"
#include "virtio/driver/gpu/messages.h"

/* Of a list of memory entries so many bytes stand with the command: as many as its line shows. */
enum {
    TRACED_EXTRA_BYTES_MAX = VGPU_ENTRIES_SHOWN_MAX * sizeof(struct virtio_gpu_mem_entry),
    TRACED_STREAM_BYTES_MAX = 64, /* of a context's stream: more than its line shows */
};

/* The header's fence fields are ours; the rest goes as the caller wrote it. */
static void
fill_request(struct vgpu *vgpu, struct vgpu_slot *slot, const struct vgpu_request *request)
{
    struct virtio_gpu_ctrl_hdr header;
    memcpy(slot->request, request->command, request->command_bytes);
    slot->fence_id = 0;
    if (!slot->then.is_fenced) {
        return;
    }
    slot->fence_id = ++vgpu->last_fence_id;
    memcpy(&header, request->command, sizeof(header));
    header.flags = le32_from(le32_get(header.flags) | VIRTIO_GPU_FLAG_FENCE);
    header.fence_id = le64_from(slot->fence_id);
    memcpy(slot->request, &header, sizeof(header));
}

static enum virtio_err
fill_chain(const struct vgpu *vgpu, const struct vgpu_slot *slot,
           const struct vgpu_request *request, struct virtq_seg *segs)
{
    const struct virtio_platform *plat = vgpu->device->bus->plat;
    segs[0] = (struct virtq_seg){ slot->request_addr, request->command_bytes };
    for (uint16_t i = 0; i < request->extra_count; i++) {
        const struct vgpu_memory *extra = &request->extra[i];
        uint64_t addr = plat->dma_addr(plat->ctx, extra->bytes, extra->byte_count);
        if (addr == UINT64_MAX) {
            return VIRTIO_ERR_INVALID;
        }
        segs[i + 1] = (struct virtq_seg){ addr, extra->byte_count };
    }
    segs[request->extra_count + 1] =
        (struct virtq_seg){ slot->response_addr, slot->response_bytes };
    return VIRTIO_OK;
}

/* Memory entries, the usual data that come beside a command: the first ones as bytes, each other one as an event of its own. */
static void
trace_entries(struct virtio_trace *trace, uint32_t cookie, uint16_t origin,
              const struct vgpu_memory *entries)
{
    const size_t entry_bytes = sizeof(struct virtio_gpu_mem_entry);
    size_t at =
        entries->byte_count < TRACED_EXTRA_BYTES_MAX ? entries->byte_count : TRACED_EXTRA_BYTES_MAX;
    virtio_trace_payload(trace, cookie, origin, entries->bytes, at);
    for (; at + entry_bytes <= entries->byte_count; at += entry_bytes) {
        uint32_t length =
            vgpu_peek32(entries->bytes, at + offsetof(struct virtio_gpu_mem_entry, length));
        virtio_trace_emit(trace, TRACE_GPU_ENTRY, cookie, origin, vgpu_peek64(entries->bytes, at),
                          (uint64_t)(at / entry_bytes) << 32 | length);
    }
}

/* A stream belongs to the context's own language: its beginning stands for it. */
static void
trace_stream(struct virtio_trace *trace, uint32_t cookie, uint16_t origin,
             const struct vgpu_memory *stream)
{
    size_t shown =
        stream->byte_count < TRACED_STREAM_BYTES_MAX ? stream->byte_count : TRACED_STREAM_BYTES_MAX;
    virtio_trace_payload(trace, cookie, origin, stream->bytes, shown);
}

static void
trace_request(struct vgpu *vgpu, struct vgpu_slot *slot, const struct vgpu_request *request)
{
    struct virtio_trace *trace = vgpu->device->bus->trace;
    uint16_t origin = driver_origin(vgpu->device, slot->message->queue);
    uint64_t total_bytes = request->command_bytes;
    if (trace == NULL || !trace->is_on) {
        slot->cookie = 0;
        return;
    }
    slot->cookie = virtio_trace_cookie(trace);
    for (uint16_t i = 0; i < request->extra_count; i++) {
        total_bytes += request->extra[i].byte_count;
    }
    virtio_trace_emit(trace, TRACE_GPU_REQUEST, slot->cookie, origin, slot->message->type,
                      total_bytes);
    virtio_trace_payload(trace, slot->cookie, origin, slot->request, request->command_bytes);
    for (uint16_t i = 0; i < request->extra_count; i++) {
        if (slot->message->idx == VGPU_MSG_SUBMIT_3D) {
            trace_stream(trace, slot->cookie, origin, &request->extra[i]);
        } else {
            trace_entries(trace, slot->cookie, origin, &request->extra[i]);
        }
    }
}

static void
start_clock(struct vgpu *vgpu, struct vgpu_slot *slot)
{
    uint64_t now_ns = vgpu_time_ns(vgpu);
    slot->start_ns = now_ns;
    if (slot->then.timeout_ns == 0) {
        slot->then.timeout_ns = (uint64_t)vgpu->config.timeout_ms * VGPU_NS_PER_MS;
    }
    slot->deadline_ns = now_ns + slot->then.timeout_ns;
    if (slot->deadline_ns < now_ns) {
        slot->deadline_ns = UINT64_MAX;
    }
    if (vgpu->in_flight_count == 0) {
        vgpu->next_health_ns = now_ns + VGPU_SILENCE_NS;
    }
    if (vgpu->in_flight_count == 0 || slot->deadline_ns < vgpu->next_deadline_ns) {
        vgpu->next_deadline_ns = slot->deadline_ns;
    }
}

/* A queue is broken for the device's sake: say what happened to that, which somebody else may have found before us. */
static enum virtio_err
fail_broken(struct vgpu *vgpu)
{
    enum virtio_err err = virtio_device_health(vgpu->device);
    if (err != VIRTIO_ERR_LOST && err != VIRTIO_ERR_NEEDS_RESET) {
        err = VIRTIO_ERR_BROKEN;
    }
    vgpu_fail(vgpu, err);
    return err;
}

/* Count the command as sent before it is: with `simple`, sending includes its end. */
static enum virtio_err
send(struct vgpu *vgpu, struct vgpu_slot *slot, const struct virtq_chain *chain)
{
    struct vgpu_figures *figures = &vgpu->figures[slot->message->idx];
    start_clock(vgpu, slot);
    slot->phase = VGPU_SLOT_IN_FLIGHT;
    vgpu->in_flight_count++;
    vgpu->counters.sent++;
    figures->counters.sent++;
    enum virtio_err err = vgpu->ops->send(vgpu, slot, chain);
    if (err != VIRTIO_OK) {
        vgpu->in_flight_count--;
        vgpu->counters.sent--;
        figures->counters.sent--;
        vgpu_slot_free(vgpu, slot);
    }
    return err == VIRTIO_ERR_BROKEN ? fail_broken(vgpu) : err;
}

static const struct vgpu_message *
message_of(const struct vgpu_request *request)
{
    if (request->command_bytes < sizeof(struct virtio_gpu_ctrl_hdr) ||
        request->command_bytes > VGPU_REQUEST_BYTES_MAX || request->extra_count > VGPU_EXTRA_MAX) {
        return NULL;
    }
    uint32_t type = vgpu_peek32(request->command, offsetof(struct virtio_gpu_ctrl_hdr, type));
    const struct vgpu_message *message = vgpu_message_find(type);
    return message != NULL && request->command_bytes >= message->bytes ? message : NULL;
}

enum virtio_err
vgpu_submit(struct vgpu *vgpu, const struct vgpu_request *request)
{
    struct virtq_seg segs[VGPU_EXTRA_MAX + 2];
    struct vgpu_slot *slot;
    const struct vgpu_message *message = message_of(request);
    enum virtio_err err = vgpu_usable(vgpu);
    if (err != VIRTIO_OK || message == NULL) {
        return err != VIRTIO_OK ? err : VIRTIO_ERR_INVALID;
    }
    err = vgpu_slot_take(vgpu, message, &slot);
    if (err != VIRTIO_OK) {
        return err;
    }
    slot->then = request->then != NULL ? *request->then : (struct vgpu_then){ 0 };
    fill_request(vgpu, slot, request);
    err = fill_chain(vgpu, slot, request, segs);
    if (err != VIRTIO_OK) {
        vgpu_slot_free(vgpu, slot);
        return err;
    }
    trace_request(vgpu, slot, request);
    struct virtq_chain chain = {
        .segs = segs,
        .readable_count = (uint16_t)(request->extra_count + 1),
        .writable_count = slot->response_bytes > 0,
        .cookie = slot->cookie,
        .token = slot,
    };
    return send(vgpu, slot, &chain);
}

void
vgpu_notify(struct vgpu *vgpu)
{
    vgpu->time_ns = 0;
    if (vgpu->state == VGPU_RUNNING) {
        vgpu->ops->notify(vgpu);
    }
}

/* Callbacks may submit and the device may answer at once: take no more than a ringful. */
static unsigned
take_used(struct vgpu *vgpu, struct virtq *queue)
{
    struct virtq_done done;
    unsigned count = 0;
    enum virtio_err err = VIRTIO_OK;
    while (count < queue->size && (err = virtq_take_used(queue, &done)) == VIRTIO_OK) {
        vgpu_slot_complete(vgpu, &done);
        count++;
    }
    if (err != VIRTIO_EMPTY && err != VIRTIO_OK) {
        (void)fail_broken(vgpu);
    }
    return count;
}

/* Silence is looked into: was the device reset beneath us, does it ask for a reset? */
static void
look_after_silence(struct vgpu *vgpu, uint64_t now_ns, bool has_progress)
{
    if (!has_progress && now_ns >= vgpu->next_health_ns) {
        enum virtio_err err = virtio_device_health(vgpu->device);
        if (err != VIRTIO_OK) {
            vgpu_fail(vgpu, err);
        }
    }
    if (has_progress || now_ns >= vgpu->next_health_ns) {
        vgpu->next_health_ns = now_ns + VGPU_SILENCE_NS;
    }
}

/*
 * A configuration change is also how a device says that it needs a reset, §2.1.2. What cannot be
 * asked now is asked by the next poll.
 */
static void
take_config_change(struct vgpu *vgpu)
{
    enum virtio_err err = virtio_device_health(vgpu->device);
    if (err != VIRTIO_OK) {
        vgpu_fail(vgpu, err);
    } else if (vgpu_check_events(vgpu) == VIRTIO_ERR_BUSY) {
        __atomic_store_n(&vgpu->config_change_pending, 1, __ATOMIC_RELEASE);
    }
}

unsigned
vgpu_poll(struct vgpu *vgpu)
{
    unsigned count = 0;
    if (vgpu->state != VGPU_RUNNING) {
        return 0;
    }
    uint16_t before_count = vgpu->in_flight_count;
    vgpu->time_ns = 0;
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        count += take_used(vgpu, &vgpu->queues[i]);
    }
    if (before_count > 0) {
        uint64_t now_ns = vgpu_time_ns(vgpu);
        vgpu->polled_ns = now_ns;
        look_after_silence(vgpu, now_ns, count > 0);
        uint64_t timed_out = vgpu->counters.timed_out;
        vgpu_slots_expire(vgpu, now_ns);
        count += (unsigned)(vgpu->counters.timed_out - timed_out);
    }
    if (__atomic_exchange_n(&vgpu->config_change_pending, 0, __ATOMIC_ACQUIRE) != 0 ||
        vgpu_is_asking_due(vgpu)) {
        take_config_change(vgpu);
    }
    vgpu->time_ns = 0; /* the caller may take his time */
    return count;
}

bool
vgpu_interrupt(struct vgpu *vgpu)
{
    uint32_t bits = virtio_device_take_interrupts(vgpu->device);
    if ((bits & VIRTIO_INTERRUPT_CONFIG) != 0) {
        __atomic_store_n(&vgpu->config_change_pending, 1, __ATOMIC_RELEASE);
    }
    return bits != 0;
}

/* A command without a response is one segment. */
unsigned
vgpu_room_for(const struct vgpu *vgpu, uint32_t request_type)
{
    const struct vgpu_message *message = vgpu_message_find(request_type);
    if (message == NULL) {
        return 0;
    }
    bool is_one = vgpu->config.uses_indirect || message->answer == NULL;
    unsigned ring_room =
        virtq_free_count(&vgpu->queues[message->queue]) / (is_one ? 1 : VGPU_SEGS_PER_COMMAND);
    unsigned room = vgpu_slots_room(vgpu, message->answer);
    return room < ring_room ? room : ring_room;
}

unsigned
vgpu_room(const struct vgpu *vgpu)
{
    return vgpu_room_for(vgpu, VIRTIO_GPU_CMD_RESOURCE_FLUSH);
}

uint64_t
vgpu_last_fence(const struct vgpu *vgpu)
{
    return vgpu->last_fence_id;
}

bool
vgpu_fence_done(const struct vgpu *vgpu, uint64_t fence_id)
{
    for (uint16_t i = 0; i < vgpu->slot_count && fence_id != 0; i++) {
        if (vgpu->slots[i].phase != VGPU_SLOT_FREE && vgpu->slots[i].fence_id == fence_id) {
            return false;
        }
    }
    return true;
}
