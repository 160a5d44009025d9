/*
 * split.c - the split virtqueue, device side.  VirtIO 1.3 §2.7.
 */
#include "device/vq/ring.h"
#include "device/vq/shared.h"

static struct virtq_avail *
avail_of(const struct vq *vq)
{
    return (struct virtq_avail *)(void *)vq->layout.driver;
}

static struct virtq_used *
used_of(const struct vq *vq)
{
    return (struct virtq_used *)(void *)vq->layout.device;
}

/* The le16 behind the available ring: up to where the guest wants no interrupt, §2.7.7. */
static const le16 *
used_event(const struct vq *vq)
{
    return &avail_of(vq)->ring[vq->layout.size];
}

/* The le16 behind the used ring: up to where we want no notification, §2.7.10. */
static le16 *
avail_event(const struct vq *vq)
{
    return (le16 *)(void *)&used_of(vq)->ring[vq->layout.size];
}

static size_t
split_desc_bytes(const struct vq_layout *layout)
{
    return layout->size * sizeof(struct virtq_desc);
}

static size_t
split_driver_bytes(const struct vq_layout *layout)
{
    return sizeof(struct virtq_avail) +
           (layout->size + (size_t)layout->has_event_idx) * sizeof(le16);
}

static size_t
split_device_bytes(const struct vq_layout *layout)
{
    return sizeof(struct virtq_used) + layout->size * sizeof(struct virtq_used_elem) +
           (size_t)layout->has_event_idx * sizeof(le16);
}

/* The used index alone is taken from the ring, once: the guest counts on from what it saw, whatever we forgot. */
static const char *
split_start(struct vq *vq)
{
    vq->avail_idx = (uint16_t)vq->layout.first_avail;
    vq->used_idx = shared_read16(&used_of(vq)->idx);
    vq->is_muted = true;
    return NULL;
}

static uint32_t
split_base(const struct vq *vq)
{
    return vq->avail_idx;
}

static bool
split_has_available(struct vq *vq)
{
    /* The index before the entries.  Pairs with the driver's, between entry and index, §2.7.13.3.1. */
    uint16_t idx = shared_read16(&avail_of(vq)->idx);
    if ((uint16_t)(idx - vq->avail_idx) > vq->layout.size) {
        vq_break(vq,
                 "the available index went on by more than the queue size (VirtIO 1.3 §2.7.6.1)",
                 idx);
        return false;
    }
    return idx != vq->avail_idx;
}

static uint64_t *
head_word(struct vq *vq, uint16_t head)
{
    return &vq->heads_in_flight[head / 64];
}

static uint64_t
head_bit(uint16_t head)
{
    return 1ULL << head % 64;
}

static void
unpack(const struct virtq_desc *raw, struct vq_desc *desc)
{
    *desc = (struct vq_desc){ shared_read64(&raw->addr), shared_read32(&raw->len),
                              shared_read16(&raw->flags), shared_read16(&raw->next) };
}

/* A table that is private by now.  Its length bounds the walk, so that a loop is found. */
static bool
walk_indirect(struct vq *vq, struct vq_walk *walk, const struct vq_desc *desc)
{
    struct virtq_desc table[VQ_TABLE_BYTES_MAX / sizeof(struct virtq_desc)];
    bool is_permitted = (desc->flags & VIRTQ_DESC_F_NEXT) == 0;
    unsigned count = vq_walk_table(vq, desc, is_permitted, table);
    struct vq_desc entry = { .flags = VIRTQ_DESC_F_NEXT };
    for (unsigned i = 0; count != 0 && (entry.flags & VIRTQ_DESC_F_NEXT) != 0; i++) {
        if (entry.next >= count || i == count) {
            vq_break(vq,
                     i == count ? "a loop in an indirect table (VirtIO 1.3 §2.7.5.3.1)"
                                : "a descriptor beyond its indirect table (VirtIO 1.3 §2.7.5.3)",
                     entry.next);
            return false;
        }
        unpack(&table[entry.next], &entry);
        if ((entry.flags & VIRTQ_DESC_F_INDIRECT) != 0) {
            vq_break(vq, "an indirect table within an indirect table (VirtIO 1.3 §2.7.5.3.1)",
                     entry.addr);
            return false;
        }
        if (!vq_walk_add(vq, walk, &entry)) {
            return false;
        }
    }
    return count != 0;
}

/* The queue size bounds the walk. */
static bool
walk_table(struct vq *vq, struct vq_walk *walk)
{
    const struct virtq_desc *table = (const struct virtq_desc *)(const void *)vq->layout.desc;
    struct vq_desc desc = { .flags = VIRTQ_DESC_F_NEXT, .next = walk->id };
    while ((desc.flags & VIRTQ_DESC_F_NEXT) != 0) {
        if (desc.next >= vq->layout.size) {
            vq_break(vq, "a descriptor beyond the queue size (VirtIO 1.3 §2.7.5)", desc.next);
            return false;
        }
        if (walk->desc_count == vq->layout.size) {
            vq_break(vq, "a chain longer than the queue size, or a loop (VirtIO 1.3 §2.7.5.2)",
                     desc.next);
            return false;
        }
        unpack(&table[desc.next], &desc);
        walk->desc_count++;
        if ((desc.flags & VIRTQ_DESC_F_INDIRECT) != 0) {
            return walk_indirect(vq, walk, &desc);
        }
        if (!vq_walk_add(vq, walk, &desc)) {
            return false;
        }
    }
    return true;
}

static bool
split_walk(struct vq *vq, struct vq_walk *walk)
{
    walk->id = shared_read16(&avail_of(vq)->ring[vq->avail_idx % vq->layout.size]);
    if (walk->id >= vq->layout.size) {
        vq_break(vq, "an available head beyond the queue size (VirtIO 1.3 §2.7.6)", walk->id);
        return false;
    }
    if ((*head_word(vq, walk->id) & head_bit(walk->id)) != 0) {
        vq_break(vq, "an available head is in flight already (VirtIO 1.3 §2.7.13)", walk->id);
        return false;
    }
    return walk_table(vq, walk);
}

static void
split_advance(struct vq *vq, const struct vq_walk *walk)
{
    *head_word(vq, walk->id) |= head_bit(walk->id);
    vq->avail_idx++;
}

/* §2.7.10.2: with EVENT_IDX the flag stays 0, and an event that lies behind us says "no". */
static void
split_unmute(struct vq *vq)
{
    if (vq->layout.has_event_idx) {
        shared_write16(avail_event(vq), vq->avail_idx);
    } else if (vq->is_muted) {
        shared_write16(&used_of(vq)->flags, 0);
    }
    vq->is_muted = false;
}

static void
split_mute(struct vq *vq)
{
    if (!vq->layout.has_event_idx && !vq->is_muted) {
        shared_write16(&used_of(vq)->flags, VIRTQ_USED_F_NO_NOTIFY);
    }
    vq->is_muted = true;
}

static void
split_use(struct vq *vq, const struct vq_chain *chain, uint32_t written_bytes)
{
    struct virtq_used *used = used_of(vq);
    struct virtq_used_elem *elem = &used->ring[vq->used_idx % vq->layout.size];
    *head_word(vq, chain->id) &= ~head_bit(chain->id);
    shared_write32(&elem->id, chain->id);
    shared_write32(&elem->len, written_bytes);
    /* Element and buffers before the index, §2.7.8.2.  Pairs with the driver's, between index and element. */
    shared_write16(&used->idx, ++vq->used_idx);
}

static bool
split_wants_interrupt(const struct vq *vq)
{
    if (!vq->layout.has_event_idx) {
        return (shared_read16(&avail_of(vq)->flags) & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0;
    }
    uint16_t event = shared_read16(used_event(vq));
    return !vq->is_signalled_valid || vq_has_passed(event, vq->signalled_idx, vq->used_idx);
}

const struct vq_ops vq_split_ops = {
    .desc_bytes = split_desc_bytes,
    .driver_bytes = split_driver_bytes,
    .device_bytes = split_device_bytes,
    .start = split_start,
    .base = split_base,
    .has_available = split_has_available,
    .walk = split_walk,
    .advance = split_advance,
    .unmute = split_unmute,
    .mute = split_mute,
    .use = split_use,
    .wants_interrupt = split_wants_interrupt,
};
