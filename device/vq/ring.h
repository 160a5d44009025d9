/*
 * ring.h - what the two ring formats and their one front (vq.c) share.  Private to device/vq.
 */
#ifndef DEVICE_VQ_RING_H
#define DEVICE_VQ_RING_H

#include "abi/virtio_ring.h"

#include "device/vq/vq.h"

/* A chain while its descriptors are read: no more memory than this, however long the guest makes it. */
struct vq_walk {
    uint16_t id;
    uint16_t desc_count; /* ring entries */
    uint32_t piece_count;
    uint32_t readable_count;
    uint64_t readable_bytes;
    uint64_t writable_bytes;
    struct vq_span pieces[VQ_CHAIN_PIECES_MAX];
};

/* The private copy of a descriptor of either format. */
struct vq_desc {
    uint64_t addr;
    uint32_t size_bytes;
    uint16_t flags;
    uint16_t next; /* packed: the buffer id */
};

struct vq_ops {
    size_t (*desc_bytes)(const struct vq_layout *layout);
    size_t (*driver_bytes)(const struct vq_layout *layout);
    size_t (*device_bytes)(const struct vq_layout *layout);
    /* Positions by first_avail.  Returns: NULL, or a sentence. */
    const char *(*start)(struct vq *vq);
    uint32_t (*base)(const struct vq *vq);
    /* Whether there is a chain; a guest that broke a rule: false, and vq->fault. */
    bool (*has_available)(struct vq *vq);
    /* Reads the next chain and leaves the position as it is.  Returns: false: vq->fault. */
    bool (*walk)(struct vq *vq, struct vq_walk *walk);
    void (*advance)(struct vq *vq, const struct vq_walk *walk);
    /* Asks the guest for notifications, or tells it that none are needed. */
    void (*unmute)(struct vq *vq);
    void (*mute)(struct vq *vq);
    void (*use)(struct vq *vq, const struct vq_chain *chain, uint32_t written_bytes);
    /* Whether the guest asked for an interrupt between the last one's position and ours. */
    bool (*wants_interrupt)(const struct vq *vq);
};

extern const struct vq_ops vq_split_ops;
extern const struct vq_ops vq_packed_ops;

/* One buffer more.  Returns: false: it breaks a rule, vq->fault. */
bool vq_walk_add(struct vq *vq, struct vq_walk *walk, const struct vq_desc *desc);

/* The indirect table that desc tells of.  Returns: its entries, privately copied to table; 0: vq->fault. */
unsigned vq_walk_table(struct vq *vq, const struct vq_desc *desc, bool is_permitted, void *table);

enum { VQ_TABLE_BYTES_MAX = VQ_CHAIN_PIECES_MAX * 16 };

/* The chain as the caller gets it.  Returns: NULL without memory. */
struct vq_chain *vq_chain_make(const struct vq *vq, const struct vq_walk *walk);

/* §2.7.10, §2.8.10: whether `event` lies in (from, to], all modulo 2^16. */
static inline bool
vq_has_passed(uint16_t event, uint16_t from, uint16_t to)
{
    return (uint16_t)(to - event - 1) < (uint16_t)(to - from);
}

#endif
