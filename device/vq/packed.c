/*
 * packed.c - the packed virtqueue, device side.  VirtIO 1.3 §2.8.
 */
#include "device/vq/ring.h"
#include "device/vq/shared.h"

enum {
    WRAP_SHIFT = 15, /* of off_wrap, §2.8.14, and of vhost-user's base */
    OFFSET_MASK = (1 << WRAP_SHIFT) - 1,
    EVENT_FLAGS_MASK = 3,
};

static struct virtq_packed_desc *
ring_of(const struct vq *vq)
{
    return (struct virtq_packed_desc *)(void *)vq->layout.desc;
}

/* The guest's wish. */
static const struct virtq_packed_event *
driver_event(const struct vq *vq)
{
    return (const struct virtq_packed_event *)(const void *)vq->layout.driver;
}

/* Ours. */
static struct virtq_packed_event *
device_event(const struct vq *vq)
{
    return (struct virtq_packed_event *)(void *)vq->layout.device;
}

static size_t
packed_desc_bytes(const struct vq_layout *layout)
{
    return layout->size * sizeof(struct virtq_packed_desc);
}

static size_t
packed_event_bytes(const struct vq_layout *layout)
{
    (void)layout;
    return sizeof(struct virtq_packed_event);
}

static const char *
packed_start(struct vq *vq)
{
    uint32_t first = vq->layout.first_avail;
    vq->avail_idx = (uint16_t)(first & OFFSET_MASK);
    vq->avail_wrap = (first >> WRAP_SHIFT & 1) != 0;
    vq->used_idx = (uint16_t)(first >> 16 & OFFSET_MASK);
    vq->used_wrap = (first >> 31) != 0;
    vq->is_muted = true;
    bool is_within = vq->avail_idx < vq->layout.size && vq->used_idx < vq->layout.size;
    return is_within ? NULL : "the base of a packed queue lies beyond its size";
}

static uint32_t
packed_base(const struct vq *vq)
{
    return vq->avail_idx | (uint32_t)vq->avail_wrap << WRAP_SHIFT | (uint32_t)vq->used_idx << 16 |
           (uint32_t)vq->used_wrap << 31;
}

/* Available: the AVAIL bit like our counter, the USED bit unlike it, §2.8.1. */
static bool
packed_has_available(struct vq *vq)
{
    /* Flags before the rest.  Pairs with the driver's, between the rest and the first flags, §2.8.21.1.1. */
    uint16_t flags = shared_read16(&ring_of(vq)[vq->avail_idx].flags);
    bool is_avail_set = (flags & VIRTQ_DESC_F_AVAIL) != 0;
    bool is_used_set = (flags & VIRTQ_DESC_F_USED) != 0;
    return is_avail_set == vq->avail_wrap && is_used_set != vq->avail_wrap;
}

static void
unpack(const struct virtq_packed_desc *raw, struct vq_desc *desc)
{
    uint16_t flags = shared_read16(&raw->flags);
    *desc = (struct vq_desc){ shared_read64(&raw->addr), shared_read32(&raw->len), flags,
                              shared_read16(&raw->id) };
}

/* §2.8.7: the entries follow one another; of their flags only WRITE counts. */
static bool
walk_indirect(struct vq *vq, struct vq_walk *walk, const struct vq_desc *desc, bool is_permitted)
{
    struct virtq_packed_desc table[VQ_TABLE_BYTES_MAX / sizeof(struct virtq_packed_desc)];
    unsigned count = vq_walk_table(vq, desc, is_permitted, table);
    for (unsigned i = 0; i < count; i++) {
        struct vq_desc entry;
        unpack(&table[i], &entry);
        entry.flags &= VIRTQ_DESC_F_WRITE;
        if (!vq_walk_add(vq, walk, &entry)) {
            return false;
        }
    }
    return count != 0;
}

/* Entries that are neither in flight nor read by this walk bound it. */
static bool
packed_walk(struct vq *vq, struct vq_walk *walk)
{
    const struct virtq_packed_desc *ring = ring_of(vq);
    struct vq_desc desc = { .flags = VIRTQ_DESC_F_NEXT };
    unsigned at = vq->avail_idx;
    while ((desc.flags & VIRTQ_DESC_F_NEXT) != 0) {
        if (vq->in_flight_desc_count + walk->desc_count >= vq->layout.size) {
            vq_break(vq, "a list runs into entries that are in flight (VirtIO 1.3 §2.8.17)", at);
            return false;
        }
        unpack(&ring[at], &desc);
        walk->desc_count++;
        if ((desc.flags & VIRTQ_DESC_F_INDIRECT) != 0) {
            bool is_alone = walk->desc_count == 1 && (desc.flags & VIRTQ_DESC_F_NEXT) == 0;
            walk->id = desc.next;
            return walk_indirect(vq, walk, &desc, is_alone);
        }
        if (!vq_walk_add(vq, walk, &desc)) {
            return false;
        }
        at = at + 1 < vq->layout.size ? at + 1 : 0;
    }
    walk->id = desc.next; /* §2.8.6: the last one's */
    return true;
}

/* Returns: whether the position passed the end of the ring. */
static bool
step(const struct vq *vq, uint16_t *idx, bool *wrap, uint16_t count)
{
    unsigned next = (unsigned)*idx + count;
    bool is_wrapped = next >= vq->layout.size;
    *idx = (uint16_t)(is_wrapped ? next - vq->layout.size : next);
    *wrap = *wrap != is_wrapped;
    return is_wrapped;
}

static void
packed_advance(struct vq *vq, const struct vq_walk *walk)
{
    (void)step(vq, &vq->avail_idx, &vq->avail_wrap, walk->desc_count);
}

static void
packed_unmute(struct vq *vq)
{
    struct virtq_packed_event *event = device_event(vq);
    if (vq->layout.has_event_idx) {
        shared_write16(&event->off_wrap,
                       (uint16_t)(vq->avail_idx | (unsigned)vq->avail_wrap << WRAP_SHIFT));
        /* Position before the flag that gives it meaning.  Pairs with the driver's read of flags, then position. */
        shared_write16(&event->flags, VIRTQ_EVENT_DESC);
    } else if (vq->is_muted) {
        shared_write16(&event->flags, VIRTQ_EVENT_ENABLE);
    }
    vq->is_muted = false;
}

static void
packed_mute(struct vq *vq)
{
    if (!vq->is_muted) {
        shared_write16(&device_event(vq)->flags, VIRTQ_EVENT_DISABLE);
    }
    vq->is_muted = true;
}

static void
packed_use(struct vq *vq, const struct vq_chain *chain, uint32_t written_bytes)
{
    struct virtq_packed_desc *desc = &ring_of(vq)[vq->used_idx];
    unsigned flags = (vq->used_wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0U) |
                     (written_bytes != 0 ? VIRTQ_DESC_F_WRITE : 0U);
    desc->id = le16_from(chain->id);
    desc->len = le32_from(written_bytes);
    /* The rest and the buffers before the flags, §2.8.22.  Pairs with the driver's, between flags and the rest. */
    shared_write16(&desc->flags, (uint16_t)flags);
    if (step(vq, &vq->used_idx, &vq->used_wrap, chain->desc_count)) {
        vq->signalled_idx = (uint16_t)(vq->signalled_idx - vq->layout.size);
    }
}

static bool
packed_wants_interrupt(const struct vq *vq)
{
    /* Flags, then position: the other way round than the driver writes them. */
    uint16_t flags = shared_read16(&driver_event(vq)->flags) & EVENT_FLAGS_MASK;
    if (flags != VIRTQ_EVENT_DESC || !vq->layout.has_event_idx) {
        return flags != VIRTQ_EVENT_DISABLE;
    }
    uint16_t off_wrap = shared_read16(&driver_event(vq)->off_wrap);
    uint16_t event = off_wrap & OFFSET_MASK;
    if ((off_wrap >> WRAP_SHIFT != 0) != vq->used_wrap) {
        event = (uint16_t)(event - vq->layout.size); /* of the round before */
    }
    return !vq->is_signalled_valid || vq_has_passed(event, vq->signalled_idx, vq->used_idx);
}

const struct vq_ops vq_packed_ops = {
    .desc_bytes = packed_desc_bytes,
    .driver_bytes = packed_event_bytes,
    .device_bytes = packed_event_bytes,
    .start = packed_start,
    .base = packed_base,
    .has_available = packed_has_available,
    .walk = packed_walk,
    .advance = packed_advance,
    .unmute = packed_unmute,
    .mute = packed_mute,
    .use = packed_use,
    .wants_interrupt = packed_wants_interrupt,
};
