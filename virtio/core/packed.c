/*
 * The packed virtqueue, VirtIO 1.3 §2.8.
 *
 * One ring of descriptors, which the driver fills and the device overwrites with what it used, each from its own position.
 * Whether a descriptor is available or used is told by two bits, compared with the wrap counter of the side that looks;
 * the counter flips each time that its position passes the end of the ring. Ids are apart from positions: any id of
 * the private free list names a buffer, which takes as many positions as it has descriptors.
 */
#include "virtio/core/barrier.h"
#include "virtio/core/queue_format.h"
#include "virtio/core/shared.h"

enum {
    CACHE_LINE_BYTES = 64,
    WRAP_SHIFT = 15, /* of off_wrap, §2.8.14, and of a notification's offset, §2.9 */
    OFFSET_MASK = (1 << WRAP_SHIFT) - 1,
};

static void
packed_layout(uint16_t size, bool is_legacy, struct virtq_layout *layout)
{
    (void)is_legacy; /* RING_PACKED is bit 34: legacy devices do not have it */
    layout->driver_offset = (sizeof(struct virtq_packed_desc) * size + CACHE_LINE_BYTES - 1) &
                            ~(size_t)(CACHE_LINE_BYTES - 1);
    layout->device_offset = layout->driver_offset + CACHE_LINE_BYTES;
    layout->end = layout->device_offset + sizeof(struct virtq_packed_event);
}

/* §2.8.10: with EVENT_IDX ask for the position at which we look next, else for all or none. */
static void
packed_ask_interrupts(struct virtq *q)
{
    volatile struct virtq_packed_event *event = q->driver_area;
    uint16_t flags = VIRTQ_EVENT_DISABLE;
    if (q->is_interrupting) {
        flags = q->has_event_idx ? VIRTQ_EVENT_DESC : VIRTQ_EVENT_ENABLE;
    }
    if (flags == VIRTQ_EVENT_DESC) {
        le16_write(&event->off_wrap,
                   (uint16_t)(q->used_idx | (unsigned)q->used_wrap << WRAP_SHIFT));
        /* The position before the flag that gives it meaning. Pairs with the device's read of flags, then position. */
        virtio_store_barrier();
    }
    le16_write(&event->flags, flags);
    q->is_event_current = true;
}

static void
packed_start(struct virtq *q)
{
    q->avail_idx = 0;
    q->used_idx = 0;
    q->avail_wrap = true; /* §2.8.1: both counters start at 1 */
    q->used_wrap = true;
    packed_ask_interrupts(q);
}

/* Available: the AVAIL bit like our counter, the USED bit unlike it, §2.8.1. */
static uint16_t
avail_flags(const struct virtq *q)
{
    return q->avail_wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
}

static void
write_desc(volatile struct virtq_packed_desc *desc, const struct virtq_seg *seg, uint16_t id)
{
    le64_write(&desc->addr, seg->addr);
    le32_write(&desc->len, seg->bytes);
    le16_write(&desc->id, id);
}

static void
step_avail(struct virtq *q)
{
    q->steps_since_notify++;
    if (++q->avail_idx == q->size) {
        q->avail_idx = 0;
        q->avail_wrap = !q->avail_wrap;
    }
}

/*
 * Fill one position after the other; the first one's flags come last of all, so that the device sees the chain whole or not
 * at all, §2.8.21.1.1. Returns the flags that the first is to have.
 */
static uint16_t
write_direct(struct virtq *q, const struct virtq_offer *offer)
{
    volatile struct virtq_packed_desc *ring = q->desc_area;
    uint16_t first_flags = 0;
    for (uint16_t i = 0; i < offer->seg_count; i++) {
        unsigned flags = avail_flags(q) |
                         (is_writable_seg(offer->chain, i) ? (unsigned)VIRTQ_DESC_F_WRITE : 0) |
                         (i + 1 < offer->seg_count ? (unsigned)VIRTQ_DESC_F_NEXT : 0);
        write_desc(&ring[q->avail_idx], &offer->chain->segs[i], offer->id);
        if (i == 0) {
            first_flags = (uint16_t)flags;
        } else {
            le16_write(&ring[q->avail_idx].flags, (uint16_t)flags);
        }
        step_avail(q);
    }
    return first_flags;
}

/* §2.8.7: the chain in the id's own table, where only WRITE has a meaning, and one descriptor that points to it. */
static uint16_t
write_indirect(struct virtq *q, const struct virtq_offer *offer)
{
    volatile struct virtq_packed_desc *ring = q->desc_area;
    size_t offset = indirect_offset(q, offer->id);
    volatile struct virtq_packed_desc *table =
        (volatile struct virtq_packed_desc *)((volatile uint8_t *)q->indirect + offset);
    for (uint16_t i = 0; i < offer->seg_count; i++) {
        write_desc(&table[i], &offer->chain->segs[i], 0);
        le16_write(&table[i].flags, is_writable_seg(offer->chain, i) ? VIRTQ_DESC_F_WRITE : 0);
    }
    struct virtq_seg whole = { .addr = q->indirect_addr + offset,
                               .bytes =
                                   offer->seg_count * (uint32_t)sizeof(struct virtq_packed_desc) };
    write_desc(&ring[q->avail_idx], &whole, offer->id);
    uint16_t flags = (uint16_t)(avail_flags(q) | VIRTQ_DESC_F_INDIRECT);
    step_avail(q);
    return flags;
}

static void
packed_offer(struct virtq *q, const struct virtq_offer *offer)
{
    volatile struct virtq_packed_desc *first =
        (volatile struct virtq_packed_desc *)q->desc_area + q->avail_idx;
    uint16_t flags = offer->is_indirect ? write_indirect(q, offer) : write_direct(q, offer);
    q->flights[offer->id].last = offer->id;
    take_free_until(q, offer->id);
    /*
     * All the rest before the first one's flags, §2.8.21.1.1. Pairs with the device's, between flags and the rest. So are our
     * reads of a buffer that is offered anew: from the flags on the device may write to it.
     */
    virtio_release_barrier();
    le16_write(&first->flags, flags);
}

static bool
is_used(const struct virtq *q, uint16_t flags)
{
    bool is_avail_set = (flags & VIRTQ_DESC_F_AVAIL) != 0;
    bool is_used_set = (flags & VIRTQ_DESC_F_USED) != 0;
    return is_avail_set == is_used_set && is_used_set == q->used_wrap;
}

static enum virtio_err
packed_look(struct virtq *q, struct virtq_used_claim *claim)
{
    const volatile struct virtq_packed_desc *desc =
        (const volatile struct virtq_packed_desc *)q->desc_area + q->used_idx;
    uint16_t flags = le16_read(&desc->flags);
    if (!is_used(q, flags)) {
        return VIRTIO_EMPTY;
    }
    /* The flags before the rest and the buffer. Pairs with the device's, between the rest and the flags, §2.8.22. */
    virtio_load_barrier();
    claim->id = le16_read(&desc->id);
    claim->written_bytes = le32_read(&desc->len);
    /* §2.8.4: without WRITE the length is reserved. QEMU never sets WRITE and means the length: a possible one is taken. */
    bool is_reserved = (flags & VIRTQ_DESC_F_WRITE) == 0;
    if (is_reserved &&
        (claim->id >= q->size || claim->written_bytes > q->flights[claim->id].writable_bytes)) {
        claim->written_bytes = 0;
    }
    return VIRTIO_OK;
}

/* §2.8.8: one used descriptor, with the id of the last, may stand for all that are in flight. */
static uint16_t
packed_batch_max(const struct virtq *q)
{
    return q->in_flight_count;
}

/* §2.8.22: the next used descriptor stands behind all those of this buffer. */
static void
packed_advance(struct virtq *q, uint16_t desc_count)
{
    unsigned next = (unsigned)q->used_idx + desc_count;
    if (next >= q->size) {
        next -= q->size;
        q->used_wrap = !q->used_wrap;
    }
    q->used_idx = (uint16_t)next;
}

static bool
packed_has_used(const struct virtq *q)
{
    const volatile struct virtq_packed_desc *desc =
        (const volatile struct virtq_packed_desc *)q->desc_area + q->used_idx;
    return is_used(q, le16_read(&desc->flags));
}

/*
 * §2.8.14: the device's event is a position and its lap. One of the lap before lies `size` behind; then all is as in the
 * split ring, modulo 2^16. Flags are read before the position: the device writes them the other way round.
 */
static bool
packed_is_notify_wanted(const struct virtq *q)
{
    const volatile struct virtq_packed_event *event = q->device_area;
    uint16_t flags = le16_read(&event->flags) & 3;
    if (flags != VIRTQ_EVENT_DESC || !q->has_event_idx) {
        return flags != VIRTQ_EVENT_DISABLE;
    }
    virtio_load_barrier();
    uint16_t off_wrap = le16_read(&event->off_wrap);
    bool is_this_lap = (off_wrap >> WRAP_SHIFT != 0) == q->avail_wrap;
    uint16_t at = (uint16_t)((off_wrap & OFFSET_MASK) - (is_this_lap ? 0 : q->size));
    bool is_far = q->steps_since_notify >
                  q->size; /* rather once too often than miss the event of an earlier lap */
    return is_far ||
           is_event_passed(at, (uint16_t)(q->avail_idx - q->steps_since_notify), q->avail_idx);
}

static uint32_t
packed_notify_offset(const struct virtq *q)
{
    return q->avail_idx | (unsigned)q->avail_wrap << WRAP_SHIFT;
}

const struct virtq_format_ops virtq_packed_ops = {
    .name = "packed",
    .rule_id_range = "the used buffer id is out of range (VirtIO 1.3 §2.8.13)",
    .rule_id_in_flight = "the used buffer id is not in flight (VirtIO 1.3 §2.8.22)",
    .rule_length = "the used length is more than was device-writable (VirtIO 1.3 §2.8.4)",
    .rule_batch = "the used buffer id is not the next in order (VirtIO 1.3 §2.8.8)",
    .get_layout = packed_layout,
    .start = packed_start,
    .offer = packed_offer,
    .look = packed_look,
    .batch_max = packed_batch_max,
    .advance = packed_advance,
    .has_used = packed_has_used,
    .is_notify_wanted = packed_is_notify_wanted,
    .get_notify_offset = packed_notify_offset,
    .ask_interrupts = packed_ask_interrupts,
};
