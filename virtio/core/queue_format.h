/*
 * What differs between the two ring formats: one table each (split.c, packed.c), chosen at set-up; queue.c does the rest.
 */
#ifndef VIRTIO_CORE_QUEUE_FORMAT_H
#define VIRTIO_CORE_QUEUE_FORMAT_H

#include "virtio/queue.h"

/* Offsets from the start of the block that is shared with the device, and its size. */
struct virtq_layout {
    size_t driver_offset;
    size_t device_offset;
    size_t end;
};

/* A chain that was checked, about to be written. */
struct virtq_offer {
    const struct virtq_chain *chain;
    uint16_t id;
    uint16_t seg_count;
    bool is_indirect; /* one ring entry, which points to a table of seg_count */
};

/* What a used element says: copied out of shared memory once, and not yet believed. */
struct virtq_used_claim {
    uint32_t id;
    uint32_t written_bytes;
};

struct virtq_format_ops {
    const char *name;
    const char *rule_id_range;
    const char *rule_id_in_flight;
    const char *rule_length;
    const char *rule_batch;

    void (*get_layout)(uint16_t size, bool is_legacy, struct virtq_layout *layout);

    /* State and shared memory of an empty queue; areas are zeroed and in place. */
    void (*start)(struct virtq *q);

    /* Write the descriptors and make them available. There are enough free ones. Takes them, and the id, off the free list. */
    void (*offer)(struct virtq *q, const struct virtq_offer *offer);

    /* Copy out what stands at used_idx, without going on. Returns: VIRTIO_OK, VIRTIO_EMPTY, VIRTIO_ERR_BROKEN. */
    enum virtio_err (*look)(struct virtq *q, struct virtq_used_claim *claim);

    /* How many buffers, at most, can that claim stand for (IN_ORDER)? */
    uint16_t (*batch_max)(const struct virtq *q);

    /* Go on behind one buffer that took `desc_count` ring entries. */
    void (*advance)(struct virtq *q, uint16_t desc_count);

    /* Is there an element at used_idx? */
    bool (*has_used)(const struct virtq *q);

    /* Does the device want a notification for the last `steps_since_notify` steps? */
    bool (*is_notify_wanted)(const struct virtq *q);

    /* The upper half of a notification with NOTIFICATION_DATA, VirtIO 1.3 §2.9. */
    uint32_t (*get_notify_offset)(const struct virtq *q);

    /* Tell the device whether to interrupt, by q->is_interrupting. */
    void (*ask_interrupts)(struct virtq *q);
};

enum { VIRTQ_NO_ID = 0xffff }; /* free_head of an empty list */

extern const struct virtq_format_ops virtq_split_ops;
extern const struct virtq_format_ops virtq_packed_ops;

/* The device broke `rule`: the queue is broken. Returns VIRTIO_ERR_BROKEN, for the caller to return. */
enum virtio_err virtq_break(struct virtq *q, const char *rule, uint64_t value);

static inline uint16_t
virtq_origin(const struct virtq *q)
{
    return (uint16_t)(q->device->index << 8 | q->index);
}

/* Take everything from the head of the free list up to and including `last` off it. */
static inline void
take_free_until(struct virtq *q, uint16_t last)
{
    q->free_head = last == q->free_tail ? (uint16_t)VIRTQ_NO_ID : q->flights[last].next;
}

/* The segment `i` of a chain is device-writable? The readable ones come first, VirtIO 1.3 §2.7.4.2. */
static inline bool
is_writable_seg(const struct virtq_chain *chain, uint16_t i)
{
    return i >= chain->readable_count;
}

/* The offset and the DMA address of the indirect table that belongs to `id`. */
static inline size_t
indirect_offset(const struct virtq *q, uint16_t id)
{
    return (size_t)id * q->indirect_max * sizeof(struct virtq_desc);
}

/*
 * Has the position that the other side asked to be told about, `event`, been passed by going from `from` to `to`?
 * All arithmetic is modulo 2^16. Source: VirtIO 1.3 §2.7.7.2, §2.7.10.1.
 */
static inline bool
is_event_passed(uint16_t event, uint16_t from, uint16_t to)
{
    return (uint16_t)(to - event - 1) < (uint16_t)(to - from);
}

#endif
