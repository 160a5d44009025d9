/* What both ring formats have in common: set-up, the buffers in flight, giving them back. VirtIO 1.3 §2.6, §2.7, §2.8. */
#include <stdlib.h>
#include <string.h>

#include "tests/fake/fake_private.h"

enum { AREA_COUNT = 3 };

void
fake_queue_reset(struct fake_queue *q)
{
    struct fake_chain *chain = q->first;
    while (chain != NULL) {
        struct fake_chain *next = chain->next;
        fake_chain_free(chain);
        chain = next;
    }
    free(q->is_taken);
    *q = (struct fake_queue){ .size_max = q->size_max,
                              .is_polling = q->is_polling,
                              .popped_count = q->popped_count,
                              .used_count = q->used_count,
                              .notify_count = q->notify_count,
                              .interrupt_count = q->interrupt_count };
}

static void
check_step(struct fake_device *device, const struct fake_queue *q)
{
    bool is_early = fake_is_legacy(device) ? (device->status & VIRTIO_STATUS_DRIVER) == 0
                                           : (device->status & VIRTIO_STATUS_FEATURES_OK) == 0;
    bool is_late = (device->status & VIRTIO_STATUS_DRIVER_OK) != 0 &&
                   !fake_device_has(device, VIRTIO_F_RING_RESET);
    if (is_early || is_late) {
        fake_break(device,
                   device->is_refused ? FAKE_REQ_INIT_REFUSAL_IGNORED : FAKE_REQ_INIT_QUEUE_STEP,
                   device->status);
    } else if (!fake_is_legacy(device) && !device->has_reread_features_ok) {
        fake_break(device, FAKE_REQ_INIT_FEATURES_OK_REREAD, device->status);
    }
    if (!q->has_read_ready) {
        fake_break(device, FAKE_REQ_MMIO_QUEUE_UNUSED, device->queue_sel);
    }
    if (q->size_max == 0 || !q->has_read_max) {
        fake_break(device, FAKE_REQ_QUEUE_UNAVAILABLE, device->queue_sel);
    }
}

static bool
check_size(struct fake_device *device, const struct fake_queue *q)
{
    bool is_power = (q->size & (q->size - 1)) == 0;
    if (q->size == 0 || q->size > VIRTQ_SIZE_MAX || (!is_power && !fake_is_packed(device))) {
        fake_break(device, FAKE_REQ_QUEUE_SIZE, q->size);
        return false;
    }
    return true;
}

static uint64_t
area_addr(const struct fake_queue *q, unsigned area)
{
    const uint64_t addrs[AREA_COUNT] = { q->desc_addr, q->driver_addr, q->device_addr };
    return addrs[area];
}

static bool
has_overlap(const struct fake_device *device, const struct fake_queue *q,
            const struct fake_queue *other)
{
    const struct fake_format *format = fake_format_of(device);
    for (unsigned i = 0; i < AREA_COUNT; i++) {
        for (unsigned j = 0; j < AREA_COUNT; j++) {
            uint64_t a = area_addr(q, i);
            uint64_t b = area_addr(other, j);
            bool is_self = q == other && i == j;
            if (!is_self && a < b + format->area_bytes(device, other->size, j) &&
                b < a + format->area_bytes(device, q->size, i)) {
                return true;
            }
        }
    }
    return false;
}

static void
check_overlap(struct fake_device *device, const struct fake_queue *q)
{
    for (unsigned i = 0; i < FAKE_QUEUES_MAX; i++) {
        const struct fake_queue *other = &device->queues[i];
        if ((other->is_ready || other == q) && has_overlap(device, q, other)) {
            fake_break(device, FAKE_REQ_QUEUE_OVERLAP, q->desc_addr);
            return;
        }
    }
}

/* Legacy: one contiguous area, the used ring at the next multiple of QueueAlign. §2.7.2. */
static void
place_legacy(struct fake_queue *q)
{
    uint64_t align = q->align == 0 ? 4096 : q->align;
    q->driver_addr = q->desc_addr + (uint64_t)16 * q->size;
    q->device_addr = (q->driver_addr + 6 + (uint64_t)2 * q->size + align - 1) & ~(align - 1);
}

static bool
translate(struct fake_device *device, struct fake_queue *q)
{
    const struct fake_format *format = fake_format_of(device);
    uint8_t **pointers[AREA_COUNT] = { &q->desc, &q->driver, &q->device };
    for (unsigned i = 0; i < AREA_COUNT; i++) {
        *pointers[i] =
            fake_platform_at(device->fp, area_addr(q, i), format->area_bytes(device, q->size, i));
        if (*pointers[i] == NULL) {
            fake_break(device, FAKE_REQ_DMA_ADDRESS, area_addr(q, i));
            return false;
        }
    }
    return true;
}

void
fake_queue_enable(struct fake_device *device, struct fake_queue *q)
{
    check_step(device, q);
    if (!check_size(device, q)) {
        return;
    }
    if (fake_is_legacy(device)) {
        if (q->align == 0) {
            fake_break(device, FAKE_REQ_MMIO_LEGACY_ALIGN_UNSET, device->queue_sel);
        }
        place_legacy(q);
    }
    if (!translate(device, q)) {
        return;
    }
    check_overlap(device, q);
    free(q->is_taken);
    q->is_taken = calloc(q->size, 1);
    q->avail_idx = 0;
    q->used_idx = 0;
    q->avail_wrap = true;
    q->used_wrap = true;
    q->is_ready = true;
    fake_format_of(device)->check_setup(device, q);
    fake_format_of(device)->set_notify(device, q);
}

void
fake_interrupt(struct fake_device *device, uint32_t bits)
{
    device->interrupt_status |= bits;
    device->is_interrupt_unread = true;
}

/* FAKE_ENTRY_RELEASED: a packed slot that went back to the driver with an earlier used descriptor. */
static void
mark(struct fake_queue *q, const struct fake_chain *chain, uint8_t is_taken)
{
    for (uint16_t i = 0; i < chain->desc_count; i++) {
        if (chain->entry_idxs[i] != FAKE_ENTRY_RELEASED) {
            q->is_taken[chain->entry_idxs[i]] = is_taken;
        }
    }
}

static void
remember(struct fake_queue *q, struct fake_chain *chain)
{
    *(q->first == NULL ? &q->first : &q->last->next) = chain;
    q->last = chain;
    q->in_flight_count++;
    q->in_flight_descs = (uint16_t)(q->in_flight_descs + chain->desc_count);
    mark(q, chain, 1);
    q->popped_count++;
}

static void
forget(struct fake_queue *q, struct fake_chain *chain)
{
    struct fake_chain *before = NULL;
    for (struct fake_chain *c = q->first; c != chain; c = c->next) {
        before = c;
    }
    *(before == NULL ? &q->first : &before->next) = chain->next;
    if (q->last == chain) {
        q->last = before;
    }
    q->in_flight_count--;
    q->in_flight_descs = (uint16_t)(q->in_flight_descs - chain->desc_count);
    mark(q, chain, 0);
    fake_chain_free(chain);
}

static bool
is_evil_to_memory(const struct fake_device *device)
{
    return device->evil.mode == FAKE_EVIL_SCRIBBLE_DESC ||
           device->evil.mode == FAKE_EVIL_SCRIBBLE_DRIVER ||
           device->evil.mode == FAKE_EVIL_USED_INDEX_RUNAWAY;
}

/* §3.3.1, §2.8.16: what the driver has exposed stays as it was. */
static void
check_unaltered(struct fake_device *device, const struct fake_queue *q,
                const struct fake_chain *chain)
{
    if (is_evil_to_memory(device)) {
        return;
    }
    for (uint16_t i = 0; i < chain->desc_count; i++) {
        if (chain->entry_idxs[i] == FAKE_ENTRY_RELEASED) {
            continue;
        }
        const uint8_t *entry = q->desc + (size_t)16 * chain->entry_idxs[i];
        if (memcmp(entry, chain->copy + (size_t)16 * i, 16) != 0) {
            fake_break(device, FAKE_REQ_DESC_ALTERED, chain->entry_idxs[i]);
            return;
        }
    }
}

static void
scribble(struct fake_device *device, struct fake_queue *q)
{
    const struct fake_format *format = fake_format_of(device);
    bool is_desc = device->evil.mode == FAKE_EVIL_SCRIBBLE_DESC;
    uint8_t *area = is_desc ? q->desc : q->driver;
    size_t bytes = format->area_bytes(device, q->size, is_desc ? 0 : 1);
    for (size_t i = 0; i < bytes; i++) {
        area[i] = (uint8_t)fake_random(device);
    }
}

/* An id within the queue that names no buffer in flight; the queue's last one where all are. */
static uint32_t
idle_id(const struct fake_queue *q)
{
    for (uint32_t id = 0; id < q->size; id++) {
        const struct fake_chain *c = q->first;
        while (c != NULL && c->id != id) {
            c = c->next;
        }
        if (c == NULL) {
            return id;
        }
    }
    return q->size - 1;
}

/* The lies that a used element can tell. */
static void
falsify(struct fake_device *device, const struct fake_queue *q, struct fake_used *used,
        const struct fake_chain *chain)
{
    if (device->used_count < device->evil.after) {
        return;
    }
    uint64_t value = device->evil.value;
    switch (device->evil.mode) {
    case FAKE_EVIL_USED_ID_RANGE: used->id = value != 0 ? (uint32_t)value : q->size; break;
    case FAKE_EVIL_USED_ID_IDLE: used->id = idle_id(q); break;
    case FAKE_EVIL_USED_ID_REPLAYED: used->id = q->last_used_id; break;
    case FAKE_EVIL_USED_LENGTH:
        used->len = chain->writable_bytes + (value != 0 ? (uint32_t)value : 1);
        break;
    case FAKE_EVIL_USED_INDEX_RUNAWAY:
        used->skip = (uint16_t)(q->in_flight_count + (value != 0 ? value : q->size));
        break;
    default: break;
    }
}

/* No lie but a habit of legacy devices, §2.7.8.1: nothing at all, too much, or anything. */
static uint32_t
vague_length(struct fake_device *device, const struct fake_chain *chain)
{
    switch (fake_random(device) % 4) {
    case 0: return 0;
    case 1: return chain->readable_bytes + chain->writable_bytes;
    case 2: return UINT32_MAX;
    default: return fake_random(device);
    }
}

/* Returns: false when this buffer does not come back. */
static bool
misbehave_before(struct fake_device *device, struct fake_queue *q)
{
    if (device->used_count < device->evil.after) {
        return true;
    }
    switch (device->evil.mode) {
    case FAKE_EVIL_SILENCE: return false;
    case FAKE_EVIL_RESET_IN_FLIGHT: fake_device_vanish(device); return false;
    case FAKE_EVIL_NEEDS_RESET:
        if ((device->status & VIRTIO_STATUS_DEVICE_NEEDS_RESET) == 0) {
            fake_device_need_reset(device);
        }
        return false;
    case FAKE_EVIL_SCRIBBLE_DESC:
    case FAKE_EVIL_SCRIBBLE_DRIVER: scribble(device, q); return true;
    default: return true;
    }
}

static bool
push(struct fake_device *device, struct fake_queue *q, struct fake_chain *chain, uint16_t skip)
{
    check_unaltered(device, q, chain);
    if (!misbehave_before(device, q)) {
        return false;
    }
    struct fake_used used = { chain->id, chain->written_bytes, skip };
    uint16_t used_before = q->used_idx;
    falsify(device, q, &used, chain);
    if (device->has_vague_lengths && fake_is_legacy(device) && chain->readable_bytes != 0) {
        used.len = vague_length(device, chain);
    }
    fake_format_of(device)->push(device, q, chain, &used);
    q->last_used_id = chain->id;
    q->used_count++;
    device->used_count++;
    if (fake_format_of(device)->wants_interrupt(device, q, used_before)) {
        q->interrupt_count++;
        fake_interrupt(device, VIRTIO_INTERRUPT_USED_BUFFER);
    }
    forget(q, chain);
    return true;
}

static bool
is_due(const struct fake_device *device, const struct fake_chain *chain)
{
    return chain->is_done && chain->due_ns <= device->fp->now_ns;
}

/* In order: whole batches from the front; one used element names the last buffer. §2.7.9, §2.8.8. */
static bool
flush_batch(struct fake_device *device, struct fake_queue *q, uint16_t batch)
{
    struct fake_chain *chain = q->first;
    uint16_t skip = 0;
    for (uint16_t i = 0; i < batch; i++) {
        if (chain == NULL || !is_due(device, chain)) {
            return false;
        }
        skip = (uint16_t)(skip + (fake_is_packed(device) ? chain->desc_count : 1));
        if (i + 1 < batch) {
            chain = chain->next;
        }
    }
    while (q->first != chain) {
        check_unaltered(device, q, q->first);
        q->used_count++;
        device->used_count++;
        forget(q, q->first);
    }
    return push(device, q, chain, skip);
}

static struct fake_chain *
next_due(const struct fake_device *device, const struct fake_queue *q)
{
    bool is_last_first = device->is_reversing || fake_is_evil(device, FAKE_EVIL_USED_ORDER);
    struct fake_chain *found = NULL;
    for (struct fake_chain *c = q->first; c != NULL; c = c->next) {
        if (is_due(device, c)) {
            found = c;
            if (!is_last_first) {
                break;
            }
        }
    }
    return found;
}

void
fake_queue_flush(struct fake_device *device, uint16_t queue_idx)
{
    struct fake_queue *q = &device->queues[queue_idx];
    bool is_in_order =
        fake_device_has(device, VIRTIO_F_IN_ORDER) && !fake_is_evil(device, FAKE_EVIL_USED_ORDER);
    uint16_t batch = device->in_order_batch > 1 ? device->in_order_batch : 1;
    while (q->is_ready) {
        if (is_in_order) {
            if (!flush_batch(device, q, batch)) {
                return;
            }
            continue;
        }
        struct fake_chain *chain = next_due(device, q);
        if (chain == NULL ||
            !push(device, q, chain, fake_is_packed(device) ? chain->desc_count : 1)) {
            return;
        }
    }
}

void
fake_chain_complete(struct fake_device *device, struct fake_chain *chain, uint32_t written_bytes)
{
    uint16_t queue_idx = chain->queue_idx;
    chain->is_done = true;
    chain->written_bytes = written_bytes;
    chain->due_ns = device->fp->now_ns + device->delay_ns;
    if (!device->is_reversing && device->evil.mode != FAKE_EVIL_USED_ORDER) {
        fake_queue_flush(device, queue_idx);
    }
}

struct fake_chain *
fake_queue_oldest(struct fake_device *device, uint16_t queue_idx)
{
    struct fake_chain *chain = device->queues[queue_idx].first;
    while (chain != NULL && chain->is_done) {
        chain = chain->next;
    }
    return chain;
}

void
fake_queue_process(struct fake_device *device, uint16_t queue_idx)
{
    struct fake_queue *q = &device->queues[queue_idx];
    q->is_notify_pending = false;
    while (q->is_ready && !q->is_stuck && (device->status & VIRTIO_STATUS_DRIVER_OK) != 0) {
        struct fake_chain *chain = fake_format_of(device)->pop(device, queue_idx);
        if (chain == NULL) {
            break;
        }
        remember(q, chain);
        device->model->buffer(device, chain);
    }
    if (q->is_ready) {
        fake_format_of(device)->check_driver_area(device, q);
        if (!is_evil_to_memory(device)) {
            fake_format_of(device)->set_notify(device, q);
        }
    }
}

static void
check_notify_data(struct fake_device *device, const struct fake_queue *q, uint32_t value)
{
    bool has_data = fake_device_has(device, VIRTIO_F_NOTIFICATION_DATA);
    if (has_data && value >> 16 != fake_format_of(device)->notify_data(q)) {
        fake_break(device, FAKE_REQ_NOTIFY_DATA, value);
    }
}

void
fake_queue_notified(struct fake_device *device, uint32_t value)
{
    bool has_data = fake_device_has(device, VIRTIO_F_NOTIFICATION_DATA);
    uint32_t idx = has_data ? value & 0xffff : value;
    if ((device->status & VIRTIO_STATUS_DRIVER_OK) == 0) {
        fake_break(device, FAKE_REQ_NOTIFY_BEFORE_DRIVER_OK, value);
        return;
    }
    if (idx >= FAKE_QUEUES_MAX || !device->queues[idx].is_ready) {
        fake_break(device, FAKE_REQ_NOTIFY_QUEUE, value);
        return;
    }
    struct fake_queue *q = &device->queues[idx];
    q->notify_count++;
    check_notify_data(device, q, value);
    if (!fake_format_of(device)->wants_notify(device, q)) {
        fake_break(device, FAKE_REQ_NOTIFY_SUPPRESSED, idx);
    }
    q->is_notify_pending = true;
    if (!device->is_deferred) {
        fake_queue_process(device, (uint16_t)idx);
    }
}

/*
 * A driver may gather buffers before it notifies, but not leave the device without any for long while some lie there unannounced.
 * And one that has found its device lying stops talking to it.
 */
static void
check_missed(struct fake_device *device, struct fake_queue *q)
{
    const struct fake_format *format = fake_format_of(device);
    bool is_honest = device->evil.mode == FAKE_EVIL_NONE;
    bool is_starved = q->in_flight_count == 0 && format->has_avail(q);
    if (!is_honest || !is_starved || q->is_notify_pending || q->is_polling || q->is_stuck) {
        q->starved_since_ns = 0;
    } else if (q->starved_since_ns == 0) {
        q->starved_since_ns = device->fp->now_ns;
    } else if (device->fp->now_ns - q->starved_since_ns >= FAKE_STARVED_NS) {
        fake_break(device,
                   fake_is_packed(device) ? FAKE_REQ_PACKED_NOTIFY_MISSED
                                          : FAKE_REQ_SPLIT_NOTIFY_MISSED,
                   q->avail_idx);
    }
}

void
fake_queue_tick(struct fake_device *device, uint16_t queue_idx)
{
    struct fake_queue *q = &device->queues[queue_idx];
    if (!q->is_ready || (device->status & VIRTIO_STATUS_DRIVER_OK) == 0) {
        return;
    }
    check_missed(device, q);
    for (const struct fake_chain *c = q->first; c != NULL; c = c->next) {
        check_unaltered(device, q, c);
    }
    if (q->is_notify_pending || q->is_polling) {
        fake_queue_process(device, queue_idx);
    }
    fake_queue_flush(device, queue_idx);
    /* What does not fill a batch comes back alone when time passes. */
    uint16_t batch = device->in_order_batch;
    device->in_order_batch = 1;
    fake_queue_flush(device, queue_idx);
    device->in_order_batch = batch;
}
