/*
 * Timelines: when is all work done that a client submitted before now?
 *
 *    venus_fence(ring_idx, id) ─▶ timeline 0: at once, for what was consumed is done
 *                              └▶ timeline n: an empty vkQueueSubmit with a VkFence on the queue bound to n
 *                                     └▶ the queue's thread: vkWaitForFences ─▶ on_fence(ring_idx, id), in order
 *
 * A queue's thread starts with its first fence, sleeps while there is none, and waits for one in slices, so that it can be told
 * to end.  VkFences are used again and again.
 */
#ifndef VENUS_TIMELINE_H
#define VENUS_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include <pthread.h>
#include <vulkan/vulkan_core.h>

#include "venus/venus.h"

struct vn_queue;

/* How long one wait in the host may be before somebody looks whether the context still lives. */
#define VN_WAIT_SLICE_NS 100000000u

struct vn_fence {
    VkFence host;
    uint64_t fence_id;
    bool is_over; /* nothing to wait for: the host did not take the submission */
    struct vn_fence *next;
};

/* Of a queue. */
struct vn_timeline {
    pthread_mutex_t lock;
    pthread_cond_t has_news;
    pthread_t thread;
    bool has_thread;
    bool is_ending;
    struct vn_fence *first; /* submitted, oldest first */
    struct vn_fence *last;
    struct vn_fence *unused;
    struct vn_fence *stuck; /* of waits that were given up: the host may still signal them */
};

/* Of a context. */
struct vn_timelines {
    struct venus *venus;
    pthread_mutex_t lock; /* held while a timeline is bound, used or unbound */
    struct vn_queue *queues[VENUS_TIMELINE_COUNT];
};

void vn_timelines_init(struct vn_timelines *timelines, struct venus *venus);
/* Every queue must be gone. */
void vn_timelines_finish(struct vn_timelines *timelines);

/*
 * Binds queue->ring_idx to the queue.
 * Returns: false when it is out of range or bound already.
 */
bool vn_timelines_bind(struct vn_timelines *timelines, struct vn_queue *queue);

/*
 * Ends a queue's timeline: what was asked for is signalled, in order, without any more waiting if the host's queue is not idle.
 * After that the timeline is free for another queue.
 */
void vn_timelines_unbind(struct vn_timelines *timelines, struct vn_queue *queue);

/* Of a queue's own making and freeing.  Returns: VENUS_OK; VENUS_NO_MEMORY. */
enum venus_status vn_timeline_init(struct vn_timeline *timeline);
void vn_timeline_finish(struct vn_queue *queue);

/* An unsignalled VkFence, made or used again; NULL when the host is short. */
struct vn_fence *vn_timeline_get(struct vn_queue *queue);
/* Gives it back: is_done: the host is done with it, it may be used again. */
void vn_timeline_put(struct vn_queue *queue, struct vn_fence *fence, bool is_done);

#endif
