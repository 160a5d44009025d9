/*
 * The split virtqueue, VirtIO 1.3 §2.7.
 *
 * The descriptors of the table are a list of free entries, chained in private memory (flights[].next); a buffer's id is its
 * first descriptor. The list starts in table order and what comes back goes to its end; so with IN_ORDER, where buffers
 * come back as they went, descriptors are used in ring order, as §2.7.9 wants them.
 */
#include "virtio/core/barrier.h"
#include "virtio/core/queue_format.h"
#include "virtio/core/shared.h"

enum { CACHE_LINE_BYTES = 64 };

static size_t
round_up(size_t value, size_t align)
{
    return (value + align - 1) & ~(align - 1);
}

/* §2.7.2: a legacy device expects the used ring on the next boundary of QueueAlign; a modern one is told each address. */
static void
split_layout(uint16_t size, bool is_legacy, struct virtq_layout *layout)
{
    size_t avail_bytes = sizeof(struct virtq_avail) + sizeof(le16) * (size + 1U);
    size_t used_bytes =
        sizeof(struct virtq_used) + sizeof(struct virtq_used_elem) * size + sizeof(le16);
    layout->driver_offset = sizeof(struct virtq_desc) * size;
    layout->device_offset =
        round_up(layout->driver_offset + avail_bytes,
                 is_legacy ? (size_t)VIRTQ_LEGACY_ALIGN_BYTES : CACHE_LINE_BYTES);
    layout->end = layout->device_offset + used_bytes;
}

/* The le16 behind the available ring: where we ask for an interrupt, §2.7.7. */
static volatile le16 *
used_event_of(const struct virtq *q)
{
    volatile struct virtq_avail *avail = q->driver_area;
    return &avail->ring[q->size];
}

/* The le16 behind the used ring: where the device asks for a notification, §2.7.10. */
static const volatile le16 *
avail_event_of(const struct virtq *q)
{
    const volatile struct virtq_used *used = q->device_area;
    return (const volatile le16 *)&used->ring[q->size];
}

/* §2.7.7.1: with EVENT_IDX the flag stays 0 and an event that will not come for 2^16 - 1 buffers says "no". */
static void
split_ask_interrupts(struct virtq *q)
{
    volatile struct virtq_avail *avail = q->driver_area;
    if (q->has_event_idx) {
        le16_write(used_event_of(q), (uint16_t)(q->used_idx - !q->is_interrupting));
        q->is_event_current = true;
    } else {
        le16_write(&avail->flags, q->is_interrupting ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT);
    }
}

static void
split_start(struct virtq *q)
{
    q->avail_idx = 0;
    q->used_idx = 0;
    q->used_seen = 0;
    split_ask_interrupts(q);
}

static uint16_t
seg_flags(const struct virtq_chain *chain, uint16_t i, bool has_next)
{
    unsigned flags =
        (is_writable_seg(chain, i) ? VIRTQ_DESC_F_WRITE : 0) | (has_next ? VIRTQ_DESC_F_NEXT : 0);
    return (uint16_t)flags;
}

static void
write_desc(volatile struct virtq_desc *desc, const struct virtq_seg *seg, uint16_t flags,
           uint16_t next)
{
    le64_write(&desc->addr, seg->addr);
    le32_write(&desc->len, seg->bytes);
    le16_write(&desc->flags, flags);
    le16_write(&desc->next, next);
}

/* Along the free list, whose order is kept: entry i of the chain is followed by entry i + 1. Returns the last entry. */
static uint16_t
write_direct(struct virtq *q, const struct virtq_offer *offer)
{
    volatile struct virtq_desc *table = q->desc_area;
    uint16_t at = offer->id;
    uint16_t last = at;
    for (uint16_t i = 0; i < offer->seg_count; i++) {
        bool has_next = i + 1 < offer->seg_count;
        last = at;
        at = q->flights[last].next;
        write_desc(&table[last], &offer->chain->segs[i], seg_flags(offer->chain, i, has_next),
                   has_next ? at : 0);
    }
    return last;
}

/* §2.7.5.3: the chain in the id's own table, and one descriptor that points to it. */
static uint16_t
write_indirect(struct virtq *q, const struct virtq_offer *offer)
{
    volatile struct virtq_desc *ring = q->desc_area;
    size_t offset = indirect_offset(q, offer->id);
    volatile struct virtq_desc *table =
        (volatile struct virtq_desc *)((volatile uint8_t *)q->indirect + offset);
    for (uint16_t i = 0; i < offer->seg_count; i++) {
        bool has_next = i + 1 < offer->seg_count;
        write_desc(&table[i], &offer->chain->segs[i], seg_flags(offer->chain, i, has_next),
                   (uint16_t)(has_next ? i + 1 : 0));
    }
    struct virtq_seg whole = { .addr = q->indirect_addr + offset,
                               .bytes = offer->seg_count * (uint32_t)sizeof(struct virtq_desc) };
    write_desc(&ring[offer->id], &whole, VIRTQ_DESC_F_INDIRECT, 0);
    return offer->id;
}

static void
split_offer(struct virtq *q, const struct virtq_offer *offer)
{
    volatile struct virtq_avail *avail = q->driver_area;
    uint16_t last = offer->is_indirect ? write_indirect(q, offer) : write_direct(q, offer);
    q->flights[offer->id].last = last;
    take_free_until(q, last);
    le16_write(&avail->ring[q->avail_idx & (q->size - 1)], offer->id);
    /*
     * Descriptors and ring entry before the index, §2.7.13.3.1. Pairs with the device's, between index and entry. So are our
     * reads of a buffer that is offered anew: from the index on the device may write to it, §2.7.6.
     */
    virtio_release_barrier();
    q->avail_idx++;
    q->steps_since_notify++;
    le16_write(&avail->idx, q->avail_idx);
}

/* Read the device's index, once, and believe it when it is at most what it was given. */
static enum virtio_err
see_used(struct virtq *q)
{
    const volatile struct virtq_used *used = q->device_area;
    uint16_t idx = le16_read(&used->idx);
    uint16_t distance = (uint16_t)(idx - q->used_idx);
    if (distance == 0) {
        return VIRTIO_EMPTY;
    }
    if (distance > q->in_flight_count) {
        return virtq_break(q, "the used index ran ahead of what is in flight (VirtIO 1.3 §2.7.8)",
                           idx);
    }
    /* The index before the entries and the buffers. Pairs with the device's, between entry and index, §2.7.8.2. */
    virtio_load_barrier();
    q->used_seen = idx;
    return VIRTIO_OK;
}

static enum virtio_err
split_look(struct virtq *q, struct virtq_used_claim *claim)
{
    if (q->used_seen == q->used_idx) {
        enum virtio_err err = see_used(q);
        if (err != VIRTIO_OK) {
            return err;
        }
    }
    const volatile struct virtq_used *used = q->device_area;
    const volatile struct virtq_used_elem *elem = &used->ring[q->used_idx & (q->size - 1)];
    claim->id = le32_read(&elem->id);
    claim->written_bytes = le32_read(&elem->len);
    return VIRTIO_OK;
}

/* §2.7.9: the index goes on by the size of the batch, so a batch is at most as long as the way to the index. */
static uint16_t
split_batch_max(const struct virtq *q)
{
    return (uint16_t)(q->used_seen - q->used_idx);
}

static void
split_advance(struct virtq *q, uint16_t desc_count)
{
    (void)desc_count; /* one used element for each buffer, however long */
    q->used_idx++;
}

static bool
split_has_used(const struct virtq *q)
{
    const volatile struct virtq_used *used = q->device_area;
    return q->used_seen != q->used_idx || le16_read(&used->idx) != q->used_idx;
}

static bool
split_is_notify_wanted(const struct virtq *q)
{
    const volatile struct virtq_used *used = q->device_area;
    if (!q->has_event_idx) {
        return (le16_read(&used->flags) & VIRTQ_USED_F_NO_NOTIFY) == 0;
    }
    uint16_t from = (uint16_t)(q->avail_idx - q->steps_since_notify);
    bool is_far = q->steps_since_notify >
                  q->size; /* rather once too often than miss the event of an earlier lap */
    return is_far || is_event_passed(le16_read(avail_event_of(q)), from, q->avail_idx);
}

static uint32_t
split_notify_offset(const struct virtq *q)
{
    return q->avail_idx;
}

const struct virtq_format_ops virtq_split_ops = {
    .name = "split",
    .rule_id_range = "the used id is out of range (VirtIO 1.3 §2.7.8)",
    .rule_id_in_flight = "the used id is not in flight (VirtIO 1.3 §2.7.8)",
    .rule_length = "the used length is more than was device-writable (VirtIO 1.3 §2.7.8.2)",
    .rule_batch = "the used id is not the next in order (VirtIO 1.3 §2.7.9)",
    .get_layout = split_layout,
    .start = split_start,
    .offer = split_offer,
    .look = split_look,
    .batch_max = split_batch_max,
    .advance = split_advance,
    .has_used = split_has_used,
    .is_notify_wanted = split_is_notify_wanted,
    .get_notify_offset = split_notify_offset,
    .ask_interrupts = split_ask_interrupts,
};
