/*
 * A virtqueue, driver side: split (VirtIO 1.3 §2.7) or packed (§2.8), chosen once at set-up.
 *
 *   virtq_setup(&q, device, 0, &config, &arena)     after negotiate, before start
 *   virtq_add(&q, &chain)                           device-readable segments first, then device-writable ones
 *   virtq_notify(&q)                                once for many adds; silent when the device does not want it
 *   virtq_take_used(&q, &done)                      until VIRTIO_EMPTY
 *
 *        chain.token ──► in-flight map [id] ──► device ──► used {id, length} ──► checked ──► done.token
 *
 * The device is not trusted. What it can write is read once and checked against private memory: an id must be in flight, a
 * length at most what was writable, an index at most what was added. The first lie makes the queue `broken` with the
 * rule and the value; every later call answers VIRTIO_ERR_BROKEN until the device is reset and the queue set up again.
 * Descriptors that we wrote are never read back: the chain's shape lives in private memory.
 *
 * Context: the caller serialises all calls on one queue (a lock, or interrupts off); none blocks or allocates.
 */
#ifndef VIRTIO_QUEUE_H
#define VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/virtio_ring.h"

#include "virtio/device.h"

/* A piece of memory that the device may read or write, by its DMA address. */
struct virtq_seg {
    uint64_t addr;
    uint32_t bytes; /* at least 1 */
};

/* One buffer to offer: `readable_count` segments that the device reads, then `writable_count` that it writes. */
struct virtq_chain {
    const struct virtq_seg *segs; /* the caller's; copied */
    uint16_t readable_count;
    uint16_t writable_count; /* together at least 1 */
    uint32_t cookie;         /* for the trace; 0: none */
    void *token;             /* comes back with the used buffer */
};

/* A buffer that came back. */
struct virtq_done {
    void *token;
    uint32_t cookie;
    uint32_t
        written_bytes; /* at most the sum of the writable segments; of a legacy device unreliable, §2.7.8.1 */
    uint64_t latency_ns; /* from virtq_add to now; 0 when it was not timed */
};

struct virtq_config {
    uint16_t
        size_max; /* entries wanted, a power of two up to 1024; the device's own maximum may make it less */
    uint16_t
        indirect_max; /* longest chain to be sent indirect where the device allows it; 0: never */
    bool is_interrupting; /* false: polled; the device is asked not to interrupt */
    bool
        is_untimed; /* spare two readings of the clock per buffer: latencies are 0 while the trace is off */
};

struct virtq_stats {
    uint64_t added;
    uint64_t used;
    uint64_t notified;
    uint64_t notify_suppressed;
};

/* Private: one offered buffer, by id. */
struct virtq_flight {
    void *token;
    uint64_t start_ns;
    uint32_t cookie;
    uint32_t writable_bytes;
    uint16_t desc_count; /* ring entries taken; 0: not in flight */
    uint16_t next;       /* the next id of the free list */
    uint16_t last;       /* split: the last entry of the chain; packed: the id itself */
    uint16_t order_next; /* in order: the id added after this one */
};
_Static_assert(sizeof(struct virtq_flight) <= 32, "two to a cache line");

/* Private: one table for each ring format. */
struct virtq_format_ops;

/* Read freely; written by the library only. The pointers into shared memory are `volatile`: the device writes there. */
struct virtq {
    const struct virtq_format_ops *ops;
    struct virtio_device *device;
    const struct virtio_platform *plat;
    struct virtio_trace *trace;
    struct virtq_flight *flights; /* [size] */
    uint16_t index;
    uint16_t size;
    uint16_t free_count; /* ring entries free */
    uint16_t
        free_head; /* the free ids are a list; what comes back goes to its end, so that an id rests long */
    uint16_t free_tail;
    uint16_t in_flight_count; /* buffers */
    uint16_t indirect_max;
    bool has_event_idx;
    bool has_indirect;
    bool has_notification_data;
    bool is_in_order;
    bool is_interrupting;
    bool is_untimed;
    bool is_event_current; /* EVENT_IDX: the event that we ask for lies at used_idx */

    uint16_t order_first; /* in order: the id that must come back next */
    uint16_t order_last;
    uint16_t batch_left;  /* in order: buffers that one used element covered, not yet taken */
    uint32_t batch_bytes; /* in order: written length of the last buffer of that batch */

    volatile void *desc_area;   /* split: virtq_desc[];  packed: virtq_packed_desc[] */
    volatile void *driver_area; /* split: virtq_avail;   packed: virtq_packed_event, ours */
    volatile void *device_area; /* split: virtq_used;    packed: virtq_packed_event, the device's */
    volatile void *indirect;    /* [size][indirect_max] descriptors of 16 bytes, or NULL */
    uint64_t indirect_addr;

    uint16_t avail_idx;          /* split: our index; packed: next ring slot */
    uint16_t used_idx;           /* split: our index; packed: next ring slot to look at */
    uint16_t used_seen;          /* split: the device's index as last read and checked */
    bool avail_wrap;             /* packed */
    bool used_wrap;              /* packed */
    uint32_t added_since_notify; /* buffers */
    uint32_t
        steps_since_notify;    /* how far avail_idx went: buffers (split) or ring slots (packed) */
    struct virtio_fault fault; /* sticky */
    struct virtq_stats stats;
};

/*
 * Arena bytes, at most, that virtq_setup takes for a queue of `config`, whatever the format.
 */
size_t virtq_arena_bytes(const struct virtq_config *config);

/*
 * Set up queue `queue_idx` in memory from `arena` and tell the device. `q` is the caller's and lives as long as the device
 * runs. The ring format, EVENT_IDX, indirect descriptors and IN_ORDER follow from the features that were accepted.
 * Returns: VIRTIO_OK; VIRTIO_ERR_STATE (before FEATURES_OK or after DRIVER_OK); VIRTIO_ERR_INVALID (configuration out of range);
 * VIRTIO_ERR_NO_DEVICE (the device has no such queue); VIRTIO_ERR_NO_MEMORY; VIRTIO_ERR_BUSY (queue in use already).
 * Source: VirtIO 1.3 §2.6, §4.2.3.2.
 */
enum virtio_err virtq_setup(struct virtq *q, struct virtio_device *device, uint16_t queue_idx,
                            const struct virtq_config *config, struct virtio_arena *arena);

/*
 * Forget the queue after the device was reset; buffers in flight are handed to `dropped` (may be NULL) with their tokens.
 * Accepts a zeroed queue. While the device still runs with this queue it would go on writing: a CHECK.
 */
void virtq_finish(struct virtq *q, void (*dropped)(void *ctx, void *token), void *ctx);

/*
 * Offer a buffer to the device; it sees it at once but may sleep until virtq_notify.
 * Returns: VIRTIO_OK; VIRTIO_ERR_BUSY (not enough free entries; nothing changed); VIRTIO_ERR_INVALID (no segment, an empty one, or
 * more than the queue's size); VIRTIO_ERR_BROKEN.
 * Source: VirtIO 1.3 §2.7.13, §2.8.21.
 */
enum virtio_err virtq_add(struct virtq *q, const struct virtq_chain *chain);

/*
 * Tell the device that there are new buffers, where it wants to know.
 * Before virtio_device_start nothing is written and what was added is remembered (§3.1.1 forbids to notify then).
 * Returns: true when a notification was written.
 * Source: VirtIO 1.3 §2.7.10, §2.8.10.
 */
bool virtq_notify(struct virtq *q);

/*
 * Take one buffer that the device has used. When it answers VIRTIO_EMPTY on an interrupting queue, the next used buffer
 * brings an interrupt, also with EVENT_IDX: a handler that takes until VIRTIO_EMPTY misses nothing.
 * Returns: VIRTIO_OK; VIRTIO_EMPTY; VIRTIO_ERR_BROKEN (q->fault says why).
 * Source: VirtIO 1.3 §2.7.14, §2.8.22, in order: §2.7.9, §2.8.8.
 */
enum virtio_err virtq_take_used(struct virtq *q, struct virtq_done *done);

/* Is there something to take? One read of shared memory. */
bool virtq_has_used(const struct virtq *q);

/* Ask the device not to interrupt; a hint that it may ignore. Source: VirtIO 1.3 §2.7.7, §2.8.10. */
void virtq_interrupts_off(struct virtq *q);

/*
 * Ask for an interrupt at the next used buffer.
 * Returns: true when buffers are waiting already: take them first, for them no interrupt will come.
 */
bool virtq_interrupts_on(struct virtq *q);

/* Free ring entries; a direct chain of n segments needs n, an indirect one needs 1. */
static inline uint16_t
virtq_free_count(const struct virtq *q)
{
    return q->free_count;
}

#endif
