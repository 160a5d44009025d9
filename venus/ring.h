/*
 * Rings: command streams in shared memory, each served by a thread.
 *
 *      client's words                     ours
 *      tail    bytes written so far  ──▶  [head, tail) is copied to private memory, executed command by command
 *      buffer  2^n bytes
 *                                    ◀──  head    bytes executed so far, of commands whose replies are written
 *                                    ◀──  status  IDLE (tell me of a new tail), FATAL (dead), ALIVE (the process lives)
 *
 * A client that waits for its seqno waits until head has reached it.  How the thread waits for the tail, and why no tail is
 * missed, stands above `rest` and `sleep_idle` in ring.c; tests/model/ring.pml is the proof.
 *
 * Locks: rings.lock (the list), then ring.lock (its sleep); neither is held while the context may die of something
 * (vn_fatal takes both) or while Vulkan is called.
 */
#ifndef VENUS_RING_H
#define VENUS_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>

#include "venus/exec.h"

struct vn_resource;

#define VN_RING_BUFFER_MAX_BYTES (16u << 20)

/* Bits of the status word. */
#define VN_RING_IDLE  1u
#define VN_RING_FATAL 2u
#define VN_RING_ALIVE 4u

/* What a ring's thread is asked besides the work in the ring; it looks after each command. */
#define VN_RING_AWAITED 1u /* a vkWaitRingSeqnoMESA sleeps until head has moved */
#define VN_RING_CUT     2u /* stop after the command at work: the context died or ends */
#define VN_RING_DRAIN   4u /* stop when what is in the ring now is done: vkDestroyRingMESA */

/* Where a ring lies in its resource: offsets from the resource's start, in bytes. */
struct vn_ring_layout {
    uint64_t head_offset;
    uint64_t tail_offset;
    uint64_t status_offset;
    uint64_t buffer_offset;
    uint64_t buffer_bytes;
    uint64_t extra_offset;
    uint64_t extra_bytes;
};

/* Written by the ring's thread alone, read by anybody. */
struct vn_ring_counters {
    _Atomic uint64_t command_count;
    _Atomic uint64_t byte_count;
    _Atomic uint64_t batch_count;  /* times that a new tail was seen */
    _Atomic uint64_t nap_count;    /* timed sleeps while a new tail was near */
    _Atomic uint64_t wakeup_count; /* ends of idle sleeps */
};

struct vn_ring {
    /* Touched at each command. */
    _Atomic uint32_t *shared_head;
    uint32_t shown_head;    /* what was last stored there */
    uint32_t batch_head;    /* head at the start of the bytes at work */
    _Atomic uint32_t head;  /* ours: the shared word is the client's to overwrite */
    _Atomic uint32_t asked; /* VN_RING_AWAITED | VN_RING_CUT | VN_RING_DRAIN */
    struct vn_ring_counters counters;

    _Atomic uint32_t *shared_tail;
    _Atomic uint32_t *shared_status;
    const uint8_t *buffer;
    uint32_t buffer_bytes; /* a power of two */
    uint8_t *copy;         /* as long as the buffer */
    _Atomic uint32_t *extra;
    uint64_t extra_bytes;
    uint64_t status_offset;

    uint64_t id;
    uint32_t number; /* in records: the least that no other live ring has, from 1 */
    struct venus *venus;
    struct vn_resource *resource; /* held */
    struct vn_ring *next;
    struct vn_exec exec;
    pthread_t thread;
    uint64_t idle_timeout_ns;
    int32_t nice;
    bool has_nice;
    uint64_t report_period_ns; /* 0: ALIVE is not wanted */

    pthread_mutex_t lock;
    pthread_cond_t wake;       /* for the ring's thread */
    pthread_cond_t progress;   /* for vkWaitRingSeqnoMESA */
    _Atomic bool is_napping;   /* until it is told so by `wake`, or its time is up */
    bool is_notified;          /* since the thread last forgot it */
    uint64_t notified_ns;      /* when last */
    uint64_t virtqueue_seqno;  /* the highest submitted */
    uint64_t blocked_on_seqno; /* of the virtqueue, in vkWaitVirtqueueSeqnoMESA; else 0 */
};

struct vn_rings {
    struct venus *venus;
    pthread_mutex_t lock;
    struct vn_ring *first;
    uint32_t live_count;
    uint64_t created_count;
    struct vn_ring_counters gone; /* sums of destroyed rings */

    pthread_t monitor;
    pthread_cond_t monitor_wake;
    bool has_monitor;
    bool is_monitor_ending;
    uint64_t report_period_ns; /* the shortest that a ring asked for */
};

/* What vkCreateRingMESA says. */
struct vn_ring_wish {
    uint64_t id;
    struct vn_ring_layout layout;
    uint64_t idle_timeout_ns;
    uint64_t report_period_ns; /* 0: no monitor */
    int32_t nice;
    bool has_nice;
};

/* Returns: 0, or an errno. */
int vn_rings_init(struct vn_rings *rings, struct venus *venus);
/* Stops every ring and the monitor and frees them; a Vulkan call at work is waited for.  Allowed again, and on zeros. */
void vn_rings_finish(struct vn_rings *rings);

/* Tells every client's waiting thread (FATAL) and ours that the context is dead.  Context: any thread, without locks. */
void vn_rings_fatal(struct vn_rings *rings);

/* The counters of all rings that there were. */
void vn_rings_sum(struct vn_rings *rings, struct vn_ring_counters *sum);

/* Adds what the executors of all live rings counted. */
void vn_rings_add_counts(struct vn_rings *rings, struct vn_counts *sum);

/* The ring of this id, or NULL.  It stays, since only the context's own stream, which asks this, destroys rings. */
struct vn_ring *vn_ring_find(struct vn_rings *rings, uint64_t id);

/* Is a ring in this resource?  Then *id is the first one's. */
bool vn_rings_find_in(struct vn_rings *rings, const struct vn_resource *resource, uint64_t *id);

/*
 * Makes a ring and starts its thread.  resource: held by the caller; on success the ring's.  layout: checked.
 * Returns: 0, or an errno when the host is short.
 */
int vn_ring_create(struct vn_rings *rings, const struct vn_ring_wish *wish,
                   struct vn_resource *resource);
/* Executes what is in it now, then ends it.  Context: waits for its thread; never from it. */
void vn_ring_destroy(struct vn_rings *rings, struct vn_ring *ring);

/* There is a new tail, says the client.  Context: any thread. */
void vn_ring_notify(struct vn_ring *ring);

/* Raises the virtqueue's seqno; a lower one than before changes nothing. */
void vn_ring_submit_virtqueue_seqno(struct vn_ring *ring, uint64_t seqno);
enum vn_ring_wait {
    VN_RING_REACHED,
    VN_RING_BEYOND_TAIL, /* the client has not written that far, or took it back */
    VN_RING_DEADLOCK,    /* who could end this wait waits for the one who asks */
    VN_RING_ENDED,       /* the context is dead or ends */
};

/* Blocks the ring's own thread until the virtqueue's seqno has come.  Returns: all but VN_RING_BEYOND_TAIL. */
enum vn_ring_wait vn_ring_wait_virtqueue_seqno(struct vn_ring *ring, uint64_t seqno);

/* Blocks until head has reached seqno.  Context: the context's own stream. */
enum vn_ring_wait vn_ring_wait_seqno(struct vn_ring *ring, uint32_t seqno);

/* Keeps ALIVE set in every ring that asked for it, from now on.  Returns: 0, or an errno. */
int vn_monitor_add(struct vn_rings *rings, uint64_t report_period_ns);
void vn_monitor_stop(struct vn_rings *rings);

/* The thread.  argument: the ring. */
void *vn_ring_main(void *argument);

/* Does what `asked` says; the rare part of vn_ring_advance. */
void vn_ring_attend(struct vn_ring *ring);

/* Adds to a counter that only this thread writes. */
static inline void
vn_ring_count(_Atomic uint64_t *counter, uint64_t more)
{
    uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, before + more, memory_order_relaxed);
}

/*
 * Shows the client how far we are.  A client that waits looks at this word all the time, and each store takes it away from
 * its processor, so it is stored when somebody may be waiting for it: after a command with a reply, before and after one that
 * is carried out by hand (it may take long, or wait), when all that there was is done; and once per VN_RING_SHOW_BYTES, for those who wait for room.
 */
#define VN_RING_SHOW_BYTES 1024u
static inline void
vn_ring_show_head(struct vn_ring *ring)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head != ring->shown_head) {
        ring->shown_head = head;
        /* Release: who sees this head (acquire) sees the replies. */
        atomic_store_explicit(ring->shared_head, head, memory_order_release);
    }
}

/*
 * To be called by vn_exec_run after each command of the ring's own stream (exec->ring set, exec->depth 0), its reply written.
 * executed_bytes: from the start of the bytes given to vn_exec_run.  It may set exec->has_failed: then no further command.
 */
static inline void
vn_ring_advance(struct vn_ring *ring, size_t executed_bytes, bool is_awaited)
{
    uint32_t head = ring->batch_head + (uint32_t)executed_bytes;
    /* Release: who waits here (acquire) sees what was done. */
    atomic_store_explicit(&ring->head, head, memory_order_release);
    if (is_awaited || head - ring->shown_head >= VN_RING_SHOW_BYTES) {
        vn_ring_show_head(ring);
    }
    vn_ring_count(&ring->counters.command_count, 1);
    if (atomic_load_explicit(&ring->asked, memory_order_relaxed) != 0) {
        vn_ring_attend(ring);
    }
}

#endif
