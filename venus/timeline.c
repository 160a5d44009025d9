#include "venus/timeline.h"

#include <stdlib.h>

#include "venus/context.h"
#include "venus/device.h"
#include "venus/os.h"
#include "venus/queue.h"
#include "venus/record.h"

void
vn_timelines_init(struct vn_timelines *timelines, struct venus *venus)
{
    *timelines = (struct vn_timelines){ .venus = venus };
    (void)pthread_mutex_init(&timelines->lock, NULL);
}

void
vn_timelines_finish(struct vn_timelines *timelines)
{
    (void)pthread_mutex_destroy(&timelines->lock);
}

enum venus_status
vn_timeline_init(struct vn_timeline *timeline)
{
    *timeline = (struct vn_timeline){ 0 };
    if (pthread_mutex_init(&timeline->lock, NULL) != 0) {
        return VENUS_NO_MEMORY;
    }
    if (pthread_cond_init(&timeline->has_news, NULL) != 0) {
        (void)pthread_mutex_destroy(&timeline->lock);
        return VENUS_NO_MEMORY;
    }
    return VENUS_OK;
}

static void
free_fences(const struct vn_device *device, struct vn_fence *fence)
{
    while (fence) {
        struct vn_fence *next = fence->next;
        device->vk.vkDestroyFence(device->handle, fence->host, NULL);
        free(fence);
        fence = next;
    }
}

void
vn_timeline_finish(struct vn_queue *queue)
{
    struct vn_timeline *timeline = &queue->timeline;
    free_fences(queue->device, timeline->unused);
    free_fences(queue->device, timeline->stuck);
    (void)pthread_cond_destroy(&timeline->has_news);
    (void)pthread_mutex_destroy(&timeline->lock);
}

static struct vn_fence *
make_fence(const struct vn_device *device)
{
    const VkFenceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
    struct vn_fence *fence = calloc(1, sizeof(*fence));
    if (fence && device->vk.vkCreateFence(device->handle, &info, NULL, &fence->host) < 0) {
        free(fence);
        return NULL;
    }
    return fence;
}

struct vn_fence *
vn_timeline_get(struct vn_queue *queue)
{
    struct vn_timeline *timeline = &queue->timeline;
    const struct vn_device *device = queue->device;
    (void)pthread_mutex_lock(&timeline->lock);
    struct vn_fence *fence = timeline->unused;
    if (fence) {
        timeline->unused = fence->next;
    }
    (void)pthread_mutex_unlock(&timeline->lock);
    if (!fence) {
        return make_fence(device);
    }
    fence->next = NULL;
    fence->is_over = false;
    if (device->vk.vkResetFences(device->handle, 1, &fence->host) < 0) {
        vn_timeline_put(queue, fence, true);
        return NULL;
    }
    return fence;
}

void
vn_timeline_put(struct vn_queue *queue, struct vn_fence *fence, bool is_done)
{
    struct vn_timeline *timeline = &queue->timeline;
    (void)pthread_mutex_lock(&timeline->lock);
    struct vn_fence **list = is_done ? &timeline->unused : &timeline->stuck;
    fence->next = *list;
    *list = fence;
    (void)pthread_mutex_unlock(&timeline->lock);
}

static void
pass(const struct venus *venus, uint32_t ring_idx, uint64_t fence_id)
{
    vn_record(venus, VN_EVENT_FENCE_PASSED, VN_STREAM_OWN, fence_id, ring_idx);
    venus->config.on_fence(venus->config.user, ring_idx, fence_id);
}

/* Signals the oldest fence, if there is one whose work is done or not waited for any more.  Returns: is there one at all? */
static bool
retire_first(struct vn_queue *queue)
{
    struct vn_timeline *timeline = &queue->timeline;
    (void)pthread_mutex_lock(&timeline->lock);
    while (!timeline->first && !timeline->is_ending) {
        (void)pthread_cond_wait(&timeline->has_news, &timeline->lock);
    }
    struct vn_fence *fence = timeline->first;
    bool is_ending = timeline->is_ending;
    (void)pthread_mutex_unlock(&timeline->lock);
    if (!fence) {
        return false;
    }

    const struct vn_device *device = queue->device;
    VkResult result = VK_SUCCESS;
    if (!fence->is_over) {
        result = device->vk.vkWaitForFences(device->handle, 1, &fence->host, VK_TRUE,
                                            is_ending ? 0 : VN_WAIT_SLICE_NS);
    }
    if (result == VK_TIMEOUT && !is_ending) {
        return true;
    }

    (void)pthread_mutex_lock(&timeline->lock);
    timeline->first = fence->next;
    if (!timeline->first) {
        timeline->last = NULL;
    }
    (void)pthread_mutex_unlock(&timeline->lock);
    uint64_t fence_id = fence->fence_id;
    vn_timeline_put(queue, fence, result == VK_SUCCESS);
    pass(queue->venus, queue->ring_idx, fence_id);
    return true;
}

static void *
run_timeline(void *argument)
{
    struct vn_queue *queue = argument;
    vn_os_thread_set_name("venus-fence");
    while (retire_first(queue)) {
    }
    return NULL;
}

/* The thread is there, or comes to be.  timelines->lock is held: nobody else starts one. */
static bool
has_thread(struct vn_queue *queue)
{
    struct vn_timeline *timeline = &queue->timeline;
    if (!timeline->has_thread) {
        timeline->has_thread = vn_os_thread_start(&timeline->thread, run_timeline, queue) == 0;
    }
    return timeline->has_thread;
}

static void
append(struct vn_timeline *timeline, struct vn_fence *fence)
{
    (void)pthread_mutex_lock(&timeline->lock);
    if (timeline->last) {
        timeline->last->next = fence;
    } else {
        timeline->first = fence;
    }
    timeline->last = fence;
    (void)pthread_cond_signal(&timeline->has_news);
    (void)pthread_mutex_unlock(&timeline->lock);
}

static enum venus_status
submit_fence(struct vn_queue *queue, uint64_t fence_id)
{
    if (!has_thread(queue)) {
        return VENUS_NO_MEMORY;
    }
    struct vn_fence *fence = vn_timeline_get(queue);
    if (!fence) {
        return VENUS_NO_MEMORY;
    }
    fence->fence_id = fence_id;
    (void)pthread_mutex_lock(&queue->lock);
    VkResult result = queue->device->vk.vkQueueSubmit(queue->handle, 0, NULL, fence->host);
    (void)pthread_mutex_unlock(&queue->lock);
    fence->is_over = result < 0; /* a lost device does no more work: in its turn, at once */
    append(&queue->timeline, fence);
    return VENUS_OK;
}

enum venus_status
venus_fence(struct venus *venus, uint32_t ring_idx, uint64_t fence_id)
{
    struct vn_timelines *timelines = &venus->timelines;
    if (atomic_load(&venus->is_fatal)) {
        return VENUS_FATAL;
    }
    if (ring_idx >= VENUS_TIMELINE_COUNT) {
        return VENUS_INVALID;
    }
    vn_record(venus, VN_EVENT_FENCE_ASKED, VN_STREAM_OWN, fence_id, ring_idx);
    (void)pthread_mutex_lock(&timelines->lock);
    struct vn_queue *queue = timelines->queues[ring_idx];
    enum venus_status status = queue ? submit_fence(queue, fence_id) : VENUS_OK;
    (void)pthread_mutex_unlock(&timelines->lock);
    if (!queue) {
        /* Timeline 0, or one that no queue is bound to: nothing is under way on it. */
        pass(venus, ring_idx, fence_id);
    }
    return status;
}

bool
vn_timelines_bind(struct vn_timelines *timelines, struct vn_queue *queue)
{
    uint32_t ring_idx = queue->ring_idx;
    if (ring_idx == 0 || ring_idx >= VENUS_TIMELINE_COUNT) {
        return false;
    }
    (void)pthread_mutex_lock(&timelines->lock);
    bool is_free = !timelines->queues[ring_idx];
    if (is_free) {
        timelines->queues[ring_idx] = queue;
    }
    (void)pthread_mutex_unlock(&timelines->lock);
    return is_free;
}

void
vn_timelines_unbind(struct vn_timelines *timelines, struct vn_queue *queue)
{
    struct vn_timeline *timeline = &queue->timeline;
    /* Held until the last fence is signalled: whoever asks for one meanwhile is answered after it. */
    (void)pthread_mutex_lock(&timelines->lock);
    (void)pthread_mutex_lock(&timeline->lock);
    timeline->is_ending = true;
    (void)pthread_cond_signal(&timeline->has_news);
    (void)pthread_mutex_unlock(&timeline->lock);
    if (timeline->has_thread) {
        (void)pthread_join(timeline->thread, NULL);
    }
    timelines->queues[queue->ring_idx] = NULL;
    (void)pthread_mutex_unlock(&timelines->lock);
}
