/*
 * Virtqueues, what both formats share: the in-flight map, the checks of what a device says, notifications.
 * Contract: virtio/queue.h; the formats: split.c, packed.c; VirtIO 1.3 §2.6.
 */
#include "virtio/core/barrier.h"
#include "virtio/core/internal.h"
#include "virtio/core/queue_format.h"

enum virtio_err
virtq_break(struct virtq *q, const char *rule, uint64_t value)
{
    (void)fault_is_first(&q->fault, rule, value, q->plat->now_ns(q->plat->ctx));
    virtio_trace_emit(q->trace, TRACE_VIRTQ_BROKEN, 0, virtq_origin(q), 0, value);
    virtio_device_break(q->device, rule, value);
    return VIRTIO_ERR_BROKEN;
}

/* Sums over a chain's segments. */
struct chain_bytes {
    uint32_t readable;
    uint32_t writable;
};

/* The bytes of `count` segments; too many to be allowed when one of them is empty. */
static uint64_t
sum_segs(const struct virtq_seg *segs, uint16_t count)
{
    uint64_t sum = 0;
    for (uint16_t i = 0; i < count; i++) {
        if (segs[i].bytes == 0) {
            return UINT64_MAX / 2;
        }
        sum += segs[i].bytes;
    }
    return sum;
}

/* Returns: VIRTIO_OK, VIRTIO_ERR_INVALID. §2.7.5.2: no chain longer than 2^32 bytes in total. */
static enum virtio_err
measure_chain(const struct virtq_chain *chain, struct chain_bytes *bytes)
{
    uint64_t readable = sum_segs(chain->segs, chain->readable_count);
    uint64_t writable = sum_segs(chain->segs + chain->readable_count, chain->writable_count);
    if (readable + writable > UINT32_MAX) {
        return VIRTIO_ERR_INVALID;
    }
    *bytes = (struct chain_bytes){ .readable = (uint32_t)readable, .writable = (uint32_t)writable };
    return VIRTIO_OK;
}

/* In order: the buffer joins the end of the line. */
static void
order_append(struct virtq *q, uint16_t id)
{
    if (q->in_flight_count == 0) {
        q->order_first = id;
    } else {
        q->flights[q->order_last].order_next = id;
    }
    q->order_last = id;
}

/*
 * The time for latencies; 0: this buffer is not timed. Reading a clock is not free everywhere: under an emulator it may
 * stop the world that the device runs in.
 */
static uint64_t
virtq_clock(const struct virtq *q)
{
    if (q->is_untimed && (q->trace == NULL || !q->trace->is_on)) {
        return 0;
    }
    return q->plat->now_ns(q->plat->ctx);
}

enum virtio_err
virtq_add(struct virtq *q, const struct virtq_chain *chain)
{
    if (q->fault.rule != NULL) {
        return VIRTIO_ERR_BROKEN;
    }
    struct chain_bytes bytes;
    uint32_t sum = (uint32_t)chain->readable_count + chain->writable_count;
    uint16_t seg_count = (uint16_t)sum;
    if (sum == 0 || sum > q->size || measure_chain(chain, &bytes) != VIRTIO_OK) {
        return VIRTIO_ERR_INVALID;
    }
    bool is_indirect = q->has_indirect && seg_count > 1 && seg_count <= q->indirect_max;
    uint16_t desc_count = is_indirect ? 1 : seg_count;
    if (desc_count > q->free_count) {
        return VIRTIO_ERR_BUSY;
    }
    uint16_t id = q->free_head;
    struct virtq_flight *flight = &q->flights[id];
    flight->token = chain->token;
    flight->start_ns = virtq_clock(q);
    flight->cookie = chain->cookie;
    flight->writable_bytes = bytes.writable;
    flight->desc_count = desc_count;
    order_append(q, id);
    q->in_flight_count++;
    q->free_count = (uint16_t)(q->free_count - desc_count);
    q->added_since_notify++;
    q->stats.added++;
    virtio_trace_emit(q->trace, TRACE_VIRTQ_ADD, chain->cookie, virtq_origin(q),
                      trace_halves(id, seg_count), trace_halves(bytes.readable, bytes.writable));
    struct virtq_offer offer = { chain, id, seg_count, is_indirect };
    q->ops->offer(q, &offer);
    return VIRTIO_OK;
}

bool
virtq_notify(struct virtq *q)
{
    if (q->added_since_notify == 0 || q->fault.rule != NULL ||
        q->device->life != VIRTIO_LIFE_RUNNING) {
        return false;
    }
    /*
     * Our index (split) or flags (packed) are seen before we look whether the device sleeps. Pairs with the device's barrier
     * between asking for notifications and looking at the ring once more, §2.7.10.2, §2.8.21.3.1. It also puts the
     * descriptors before the notification itself.
     */
    virtio_full_barrier();
    bool is_wanted = q->ops->is_notify_wanted(q);
    virtio_trace_emit(q->trace, is_wanted ? TRACE_VIRTQ_NOTIFY : TRACE_VIRTQ_NOTIFY_SUPPRESSED, 0,
                      virtq_origin(q), q->added_since_notify, 0);
    if (is_wanted) {
        uint32_t offset = q->has_notification_data ? q->ops->get_notify_offset(q) : 0;
        q->device->ops->queue_notify(q->device, q->index, offset << 16 | q->index);
        q->stats.notified++;
    } else {
        q->stats.notify_suppressed++;
    }
    q->added_since_notify = 0;
    q->steps_since_notify = 0;
    return is_wanted;
}

/* How many buffers of the line does the used element with `id` cover? It is in flight, so the walk ends. */
static uint16_t
batch_of(const struct virtq *q, uint16_t id)
{
    uint16_t count = 1;
    for (uint16_t at = q->order_first; at != id; at = q->flights[at].order_next) {
        count++;
    }
    return count;
}

/*
 * Believe a claim only as far as private memory bears it out: the id is in range and in flight, the length at most what was
 * writable (of a legacy device: cut down to that), in order. Afterwards batch_left buffers, one without IN_ORDER, may be taken.
 */
static enum virtio_err
check_claim(struct virtq *q, const struct virtq_used_claim *claim)
{
    const struct virtq_format_ops *ops = q->ops;
    if (claim->id >= q->size) {
        return virtq_break(q, ops->rule_id_range, claim->id);
    }
    const struct virtq_flight *flight = &q->flights[claim->id];
    if (flight->desc_count == 0) {
        return virtq_break(q, ops->rule_id_in_flight, claim->id);
    }
    /* Where nothing was writable there is no length to be wrong; QEMU's input device tells there how much it read. */
    uint32_t written_bytes = flight->writable_bytes == 0 ? 0 : claim->written_bytes;
    if (written_bytes > flight->writable_bytes) {
        if (!q->device->ops->is_legacy) {
            return virtq_break(q, ops->rule_length, written_bytes);
        }
        written_bytes = flight->writable_bytes; /* legacy devices may say anything, §2.7.8.1 */
    }
    q->batch_left = 1;
    q->batch_bytes = written_bytes;
    if (q->is_in_order) {
        uint16_t count = batch_of(q, (uint16_t)claim->id);
        if (count > ops->batch_max(q)) {
            q->batch_left = 0;
            return virtq_break(q, ops->rule_batch, claim->id);
        }
        q->batch_left = count;
    }
    return VIRTIO_OK;
}

/* The buffer is the driver's again: its entries go to the end of the free list, its id answers "not in flight". */
static void
complete(struct virtq *q, uint16_t id, uint32_t written_bytes, struct virtq_done *done)
{
    struct virtq_flight *flight = &q->flights[id];
    uint64_t now_ns = virtq_clock(q);
    uint64_t latency_ns = flight->start_ns != 0 && now_ns != 0 ? now_ns - flight->start_ns : 0;
    *done = (struct virtq_done){ .token = flight->token,
                                 .cookie = flight->cookie,
                                 .written_bytes = written_bytes,
                                 .latency_ns = latency_ns };
    uint16_t desc_count = flight->desc_count;
    flight->desc_count = 0;
    if (q->free_head == VIRTQ_NO_ID) {
        q->free_head = id;
    } else {
        q->flights[q->free_tail].next = id;
    }
    q->free_tail = flight->last;
    q->free_count = (uint16_t)(q->free_count + desc_count);
    q->order_first = flight->order_next;
    q->in_flight_count--;
    q->batch_left--;
    q->is_event_current = false;
    q->stats.used++;
    q->ops->advance(q, desc_count);
    virtio_trace_emit(q->trace, TRACE_VIRTQ_USED, done->cookie, virtq_origin(q),
                      trace_halves(id, written_bytes), latency_ns);
}

/* Nothing there: with EVENT_IDX move the event up to where we are, so that the next used buffer interrupts (or does not). */
static enum virtio_err
look_again(struct virtq *q, struct virtq_used_claim *claim)
{
    if (!q->has_event_idx || q->is_event_current) {
        return VIRTIO_EMPTY;
    }
    q->ops->ask_interrupts(q);
    if (!q->is_interrupting) {
        return VIRTIO_EMPTY;
    }
    /* The event is seen before we look once more. Pairs with the device's, between its used index and our event, §2.7.7.2. */
    virtio_full_barrier();
    return q->ops->look(q, claim);
}

static enum virtio_err
next_claim(struct virtq *q, struct virtq_used_claim *claim)
{
    enum virtio_err err = q->ops->look(q, claim);
    if (err == VIRTIO_EMPTY) {
        err = look_again(q, claim);
    }
    return err == VIRTIO_OK ? check_claim(q, claim) : err;
}

enum virtio_err
virtq_take_used(struct virtq *q, struct virtq_done *done)
{
    if (q->fault.rule != NULL) {
        return VIRTIO_ERR_BROKEN;
    }
    uint16_t id = q->order_first;
    if (q->batch_left == 0) {
        struct virtq_used_claim claim;
        enum virtio_err err = next_claim(q, &claim);
        if (err != VIRTIO_OK) {
            return err;
        }
        id = q->is_in_order ? q->order_first : (uint16_t)claim.id;
    }
    /* §2.7.9: all of a batch but the last are used completely. */
    uint32_t written_bytes = q->batch_left == 1 ? q->batch_bytes : q->flights[id].writable_bytes;
    complete(q, id, written_bytes, done);
    return VIRTIO_OK;
}

bool
virtq_has_used(const struct virtq *q)
{
    return q->batch_left > 0 || q->ops->has_used(q);
}

void
virtq_interrupts_off(struct virtq *q)
{
    q->is_interrupting = false;
    q->ops->ask_interrupts(q);
}

bool
virtq_interrupts_on(struct virtq *q)
{
    q->is_interrupting = true;
    q->ops->ask_interrupts(q);
    /* Our wish is seen before we look. Pairs with the device's barrier between its used index and our wish, §2.7.7.2. */
    virtio_full_barrier();
    return virtq_has_used(q);
}
