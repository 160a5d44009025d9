/*
 * Queues: a VkQueue, the lock that Vulkan demands for it, and the timeline that the client bound to it.
 *
 * The client gets each queue once, by vkGetDeviceQueue2 with a VkDeviceQueueTimelineInfoMESA that names its timeline (ring_idx).
 * Submissions come from rings; the empty ones for venus_fence from the front: hence the lock.
 */
#ifndef VENUS_QUEUE_H
#define VENUS_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pthread.h>
#include <vulkan/vulkan_core.h>

#include "venus/timeline.h"

struct venus;
struct vn_device;

/* One VkQueue: `data` of its object; owned by the device's vn_queues. */
struct vn_queue {
    struct venus *venus;
    struct vn_device *device;
    VkQueue handle;
    VkDeviceQueueCreateFlags flags;
    uint32_t family_idx;
    uint32_t queue_idx;
    uint32_t ring_idx;    /* 1 to 63 */
    pthread_mutex_t lock; /* for every call of Vulkan that names the queue */
    struct vn_timeline timeline;
    struct vn_queue *next;
};

/* What vkCreateDevice asked for: no other queue may be got. */
struct vn_queue_family {
    VkDeviceQueueCreateFlags flags;
    uint32_t family_idx;
    uint32_t queue_count;
};

/* Of a device. */
struct vn_queues {
    pthread_mutex_t lock; /* of the list */
    struct vn_queue *first;
    struct vn_queue_family *families;
    uint32_t family_count;
    atomic_bool
        has_marks; /* a semaphore was ever signalled by emulation: submissions are looked through */
};

/* Returns: VK_SUCCESS; VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult vn_queues_init(struct vn_queues *queues, const VkDeviceCreateInfo *info);

/*
 * The device is about to go: waits until its queues are idle, at most VN_IDLE_LIMIT_NS; then every fence that venus_fence was
 * asked for is signalled, in order, and the queues are freed.
 * A client that dies may leave submissions that wait for what it was to signal itself: after VN_IDLE_PATIENCE_NS its timeline
 * semaphores and events are signalled in its stead.
 * Returns: VK_SUCCESS; VK_TIMEOUT when they are still at work: the host's objects had better be left alone then.
 */
#define VN_IDLE_PATIENCE_NS 200000000u
#define VN_IDLE_LIMIT_NS    3000000000u
VkResult vn_queues_finish(struct venus *venus, struct vn_device *device);

enum vn_queue_get {
    VN_QUEUE_GOT,
    VN_QUEUE_UNKNOWN,  /* vkCreateDevice made no such queue */
    VN_QUEUE_AGAIN,    /* it was got before */
    VN_QUEUE_TIMELINE, /* ring_idx is out of range, or another queue's */
    VN_QUEUE_NO_MEMORY,
};

/* Gets a queue of the device and binds it to a timeline.  Returns: VN_QUEUE_GOT and *out, or why not. */
enum vn_queue_get
vn_queue_get(struct venus *venus, struct vn_device *device, const VkDeviceQueueInfo2 *info,
             uint32_t ring_idx, struct vn_queue **out);

/* Any queue of the device that the client has, or NULL. */
struct vn_queue *vn_queues_any(struct vn_device *device);

/*
 * Waits until all that was submitted is done.
 * Returns: VK_SUCCESS; VK_TIMEOUT at deadline_ns (of vn_os_now_ns), or, if it ends_with_context, when that died; Vulkan's errors.
 * Context: the queue's lock is held for the submission only.
 */
VkResult vn_queue_wait_idle(struct vn_queue *queue, uint64_t deadline_ns, bool ends_with_context);
VkResult
vn_queues_wait_idle(struct vn_device *device, uint64_t deadline_ns, bool ends_with_context);

#endif
