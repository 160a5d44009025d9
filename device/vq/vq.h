/*
 * vq.h - the device's side of a virtqueue, split or packed.  VirtIO 1.3 §2.7, §2.8.
 *
 *   vq_start ─▶ { vq_pop ─▶ vq_read, vq_write ... ─▶ vq_push } ─▶ vq_stop
 *
 * The only code of ours that touches a guest's memory, which the guest may change at any time.  Each descriptor is read
 * once, into private memory; walks are bounded; addresses and lengths are checked before anything is touched.  A guest
 * that breaks a rule breaks its queue: vq->fault says which rule and what was found, and nothing more is taken from it
 * until it is set up anew.
 *
 * Context: one thread per queue.
 */
#ifndef DEVICE_VQ_VQ_H
#define DEVICE_VQ_VQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guest_memory;
struct vq_ops;

enum {
    VQ_SIZE_MAX = 1024, /* entries that we offer at most */
    VQ_CHAIN_PIECES_MAX =
        1024, /* buffers of one chain: not more than the queue size, or an indirect table */
};

/* A rule that the guest broke. */
struct vq_fault {
    const char
        *rule; /* NULL: none; else "descriptor index beyond the queue size (VirtIO 1.3 §2.7.5)" */
    uint64_t value;
};

/* Where the front-end says that the queue lies. */
struct vq_layout {
    uint16_t size;      /* split: a power of two; packed: any up to VQ_SIZE_MAX */
    bool is_packed;     /* VIRTIO_F_RING_PACKED was accepted */
    bool has_event_idx; /* VIRTIO_F_EVENT_IDX */
    bool has_indirect;  /* VIRTIO_F_INDIRECT_DESC */
    bool is_in_order;   /* VIRTIO_F_IN_ORDER */
    uint8_t
        *desc; /* descriptor area, in our address space, checked to be as long as the layout says */
    uint8_t *driver; /* driver area */
    uint8_t *device; /* device area */
    uint32_t
        first_avail; /* vhost-user's base: split: index; packed: index and wrap counter, for both sides (bits 0-15
                             available, 16-31 used) */
};

struct vq {
    const struct guest_memory *guest;
    struct vq_layout layout;
    const struct vq_ops *ops; /* split or packed, chosen once; NULL: stopped */
    struct vq_fault fault;
    uint64_t pop_count; /* chains taken and given back since vq_start */
    uint64_t push_count;
    uint32_t in_flight_count;
    uint32_t in_flight_desc_count; /* ring entries that they take */
    uint64_t signalled_count;      /* push_count at the last question for an interrupt */
    uint64_t heads_in_flight[VQ_SIZE_MAX / 64]; /* split: a bit each */
    uint16_t avail_idx; /* private: ring state; never read back from shared memory */
    uint16_t used_idx;
    bool avail_wrap;
    bool used_wrap;
    uint16_t signalled_idx; /* used index at the last interrupt */
    bool is_signalled_valid;
    bool is_muted; /* the guest need not notify */
};

/*
 * Guest memory that lies scattered: a chain's buffers, a resource's backing.  Addresses as the guest gave them, checked at
 * each use, since regions come and go.
 */
struct vq_span {
    uint64_t guest_addr;
    uint64_t size_bytes;
};

/* One chain of buffers: private copies of its descriptors.  From vq_pop until vq_push. */
struct vq_chain {
    uint64_t number;     /* of this queue since vq_start, from 1: the driver's nth is ours */
    uint16_t id;         /* head index or buffer id */
    uint16_t desc_count; /* ring entries that it takes (packed) */
    uint32_t readable_count;
    uint32_t writable_count;
    uint64_t readable_bytes;
    uint64_t writable_bytes;
    struct vq_span *pieces; /* readable ones, then writable ones; allocated with the chain */
    const struct guest_memory *guest;
};

/* Bytes that areas of a queue have; 0: size or format not possible. */
size_t vq_desc_bytes(const struct vq_layout *layout);
size_t vq_driver_bytes(const struct vq_layout *layout);
size_t vq_device_bytes(const struct vq_layout *layout);

/*
 * Starts.  guest: must outlive it, may change its regions between calls.  layout: copied.
 * Returns: NULL; else a sentence (a size of 0, beyond VQ_SIZE_MAX or no power of two, a NULL or unaligned area).
 */
const char *
vq_start(struct vq *vq, const struct guest_memory *guest, const struct vq_layout *layout);

/*
 * The same areas lie elsewhere in our address space now: the front-end's table was read anew.
 * Returns: NULL; else a sentence (a NULL or unaligned area), and the queue must be stopped.
 */
const char *vq_move(struct vq *vq, uint8_t *desc, uint8_t *driver, uint8_t *device);

/* Returns: where it stands, as in vq_layout.first_avail; chains in flight count as taken. */
uint32_t vq_base(const struct vq *vq);

/* Returns: the base for a later vq_start.  Chains in flight are forgotten. */
uint32_t vq_stop(struct vq *vq);

enum vq_result {
    VQ_OK,
    VQ_EMPTY,     /* nothing available; notifications by the guest are enabled */
    VQ_BROKEN,    /* vq->fault; now or before */
    VQ_NO_MEMORY, /* of ours; try again later */
};

/*
 * Takes the next available chain.  *chain: the caller's to vq_push, or vq_chain_forget.
 * When it is the last one, later notifications are asked for before a last look, so none is lost.
 */
enum vq_result vq_pop(struct vq *vq, struct vq_chain **chain);

/* Whether there may be something to pop: a cheap look. */
bool vq_has_available(struct vq *vq);

/*
 * Copies from the chain's readable part at offset.  Each byte is read once: decide by the copy.
 * Returns: the bytes copied, less than size_bytes only where the chain ends; 0 where the guest's memory is gone by now.
 */
size_t vq_read(const struct vq_chain *chain, uint64_t offset, void *to, size_t size_bytes);

/* Copies into the chain's writable part at offset.  Returns: the bytes copied, as vq_read. */
size_t vq_write(const struct vq_chain *chain, uint64_t offset, const void *from, size_t size_bytes);

/*
 * Gives the chain back with written_bytes (at most writable_bytes) and frees it.  Any order, but with IN_ORDER that of vq_pop.
 * A queue that is stopped or broken takes nothing: the chain is only freed.
 */
void vq_push(struct vq *vq, struct vq_chain *chain, uint32_t written_bytes);

/* Frees it without giving it back: of a queue that was stopped. */
void vq_chain_forget(struct vq_chain *chain);

/* After pushes: whether the guest wants an interrupt for them (§2.7.7, §2.7.10, §2.8.10). */
bool vq_wants_interrupt(struct vq *vq);

/* Breaks the queue; the first rule stays.  rule: a string constant. */
void vq_break(struct vq *vq, const char *rule, uint64_t value);

/*
 * Copies [offset, + size_bytes) of spans, one after the other, out of guest memory, or into it.
 * Returns: true; false: beyond the spans' end, or no memory there; the rest is then not copied.
 */
bool vq_spans_read(const struct guest_memory *guest, const struct vq_span *spans, unsigned count,
                   uint64_t offset, void *to, size_t size_bytes);
bool vq_spans_write(const struct guest_memory *guest, const struct vq_span *spans, unsigned count,
                    uint64_t offset, const void *from, size_t size_bytes);

/* Whether all of it is guest memory now. */
bool vq_spans_exist(const struct guest_memory *guest, const struct vq_span *spans, unsigned count);

#endif
