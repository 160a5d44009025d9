#include "venus/queue.h"

#include <stdlib.h>

#include "venus/context.h"
#include "venus/device.h"
#include "venus/os.h"
#include "venus/sync.h"

VkResult
vn_queues_init(struct vn_queues *queues, const VkDeviceCreateInfo *info)
{
    *queues = (struct vn_queues){ .family_count = info->queueCreateInfoCount };
    queues->families = calloc(info->queueCreateInfoCount + 1u, sizeof(*queues->families));
    if (!queues->families) {
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    for (uint32_t i = 0; i < info->queueCreateInfoCount; i++) {
        const VkDeviceQueueCreateInfo *family = &info->pQueueCreateInfos[i];
        queues->families[i] = (struct vn_queue_family){
            .flags = family->flags,
            .family_idx = family->queueFamilyIndex,
            .queue_count = family->queueCount,
        };
    }
    (void)pthread_mutex_init(&queues->lock, NULL);
    return VK_SUCCESS;
}

static void
free_queue(struct vn_queue *queue)
{
    vn_timeline_finish(queue);
    (void)pthread_mutex_destroy(&queue->lock);
    vn_retire(queue->venus, queue);
}

/* No farther than every host allows a timeline to jump (Vulkan 1.2, maxTimelineSemaphoreValueDifference). */
#define TIMELINE_JUMP 0x7fffffffu

static void
signal_timeline(const struct vn_device *device, VkSemaphore semaphore)
{
    VkSemaphoreSignalInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
        .semaphore = semaphore,
    };
    if (!device->vk.vkGetSemaphoreCounterValue || !device->vk.vkSignalSemaphore ||
        device->vk.vkGetSemaphoreCounterValue(device->handle, semaphore, &info.value) < 0) {
        return;
    }
    info.value += TIMELINE_JUMP;
    (void)device->vk.vkSignalSemaphore(device->handle, &info);
}

static void
signal_object(const struct vn_device *device, const struct vn_object *object)
{
    const struct vn_semaphore *semaphore = object->data;
    if (object->type == VN_HANDLE_VkSemaphore && semaphore && semaphore->is_timeline) {
        signal_timeline(device, (VkSemaphore)(uintptr_t)object->host);
    } else if (object->type == VN_HANDLE_VkEvent && device->vk.vkSetEvent) {
        (void)device->vk.vkSetEvent(device->handle, (VkEvent)(uintptr_t)object->host);
    }
}

/* Signals all that the client could have signalled. Nothing here blocks in the host, so that the table may stay locked. */
static void
signal_all(struct venus *venus, const struct vn_device *device)
{
    vn_spin_lock(&venus->objects.lock);
    const struct vn_object *first = device->object ? device->object->child : NULL;
    const struct vn_object *object = first;
    while (object) {
        signal_object(device, object);
        object = object->sibling_next == first ? NULL : object->sibling_next;
    }
    vn_spin_unlock(&venus->objects.lock);
}

static VkResult
bring_to_rest(struct venus *venus, struct vn_device *device)
{
    uint64_t now_ns = vn_os_now_ns();
    VkResult result = vn_queues_wait_idle(device, now_ns + VN_IDLE_PATIENCE_NS, false);
    if (result == VK_TIMEOUT) {
        signal_all(venus, device);
        result = vn_queues_wait_idle(device, now_ns + VN_IDLE_LIMIT_NS, false);
    }
    return result;
}

VkResult
vn_queues_finish(struct venus *venus, struct vn_device *device)
{
    struct vn_queues *queues = &device->queues;
    if (!queues->families) {
        return VK_SUCCESS;
    }
    VkResult result = bring_to_rest(venus, device);
    while (queues->first) {
        struct vn_queue *queue = queues->first;
        queues->first = queue->next;
        vn_timelines_unbind(&venus->timelines, queue);
        if (result == VK_TIMEOUT) {
            continue; /* its VkFences may still be signalled: they stay, and so does the device */
        }
        free_queue(queue);
    }
    (void)pthread_mutex_destroy(&queues->lock);
    free(queues->families);
    queues->families = NULL;
    queues->family_count = 0;
    return result == VK_TIMEOUT ? VK_TIMEOUT : VK_SUCCESS;
}

static bool
has_family(const struct vn_queues *queues, const VkDeviceQueueInfo2 *info)
{
    for (uint32_t i = 0; i < queues->family_count; i++) {
        const struct vn_queue_family *family = &queues->families[i];
        if (family->family_idx == info->queueFamilyIndex && family->flags == info->flags &&
            info->queueIndex < family->queue_count) {
            return true;
        }
    }
    return false;
}

static bool
was_got(const struct vn_queues *queues, const VkDeviceQueueInfo2 *info)
{
    for (const struct vn_queue *queue = queues->first; queue; queue = queue->next) {
        if (queue->family_idx == info->queueFamilyIndex && queue->flags == info->flags &&
            queue->queue_idx == info->queueIndex) {
            return true;
        }
    }
    return false;
}

static VkQueue
host_queue(const struct vn_device *device, const VkDeviceQueueInfo2 *info)
{
    const VkDeviceQueueInfo2 plain = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2,
        .flags = info->flags,
        .queueFamilyIndex = info->queueFamilyIndex,
        .queueIndex = info->queueIndex,
    };
    VkQueue handle = VK_NULL_HANDLE;
    device->vk.vkGetDeviceQueue2(device->handle, &plain, &handle);
    return handle;
}

static struct vn_queue *
make_queue(struct venus *venus, struct vn_device *device, const VkDeviceQueueInfo2 *info,
           uint32_t ring_idx)
{
    struct vn_queue *queue = vn_keep(venus, sizeof(*queue));
    if (!queue) {
        return NULL;
    }
    if (vn_timeline_init(&queue->timeline) != VENUS_OK) {
        vn_retire(venus, queue);
        return NULL;
    }
    (void)pthread_mutex_init(&queue->lock, NULL);
    queue->venus = venus;
    queue->device = device;
    queue->handle = host_queue(device, info);
    queue->flags = info->flags;
    queue->family_idx = info->queueFamilyIndex;
    queue->queue_idx = info->queueIndex;
    queue->ring_idx = ring_idx;
    return queue;
}

static enum vn_queue_get
get_locked(struct venus *venus, struct vn_device *device, const VkDeviceQueueInfo2 *info,
           uint32_t ring_idx, struct vn_queue **out)
{
    struct vn_queues *queues = &device->queues;
    if (!has_family(queues, info)) {
        return VN_QUEUE_UNKNOWN;
    }
    if (was_got(queues, info)) {
        return VN_QUEUE_AGAIN;
    }
    struct vn_queue *queue = make_queue(venus, device, info, ring_idx);
    if (!queue) {
        return VN_QUEUE_NO_MEMORY;
    }
    if (!vn_timelines_bind(&venus->timelines, queue)) {
        free_queue(queue);
        return VN_QUEUE_TIMELINE;
    }
    queue->next = queues->first;
    queues->first = queue;
    *out = queue;
    return VN_QUEUE_GOT;
}

enum vn_queue_get
vn_queue_get(struct venus *venus, struct vn_device *device, const VkDeviceQueueInfo2 *info,
             uint32_t ring_idx, struct vn_queue **out)
{
    (void)pthread_mutex_lock(&device->queues.lock);
    enum vn_queue_get got = get_locked(venus, device, info, ring_idx, out);
    (void)pthread_mutex_unlock(&device->queues.lock);
    return got;
}

struct vn_queue *
vn_queues_any(struct vn_device *device)
{
    (void)pthread_mutex_lock(&device->queues.lock);
    struct vn_queue *queue = device->queues.first;
    (void)pthread_mutex_unlock(&device->queues.lock);
    return queue;
}

/* Waits for a fence in slices. */
static VkResult
wait_for(const struct vn_queue *queue, const struct vn_fence *fence, uint64_t deadline_ns,
         bool ends_with_context)
{
    const struct vn_device *device = queue->device;
    for (;;) {
        uint64_t now_ns = vn_os_now_ns();
        uint64_t left_ns = now_ns < deadline_ns ? deadline_ns - now_ns : 0;
        uint64_t slice_ns = left_ns < VN_WAIT_SLICE_NS ? left_ns : VN_WAIT_SLICE_NS;
        VkResult result =
            device->vk.vkWaitForFences(device->handle, 1, &fence->host, VK_TRUE, slice_ns);
        if (result != VK_TIMEOUT || left_ns == 0) {
            return result;
        }
        if (ends_with_context && atomic_load(&queue->venus->is_fatal)) {
            return VK_TIMEOUT;
        }
    }
}

VkResult
vn_queue_wait_idle(struct vn_queue *queue, uint64_t deadline_ns, bool ends_with_context)
{
    struct vn_fence *fence = vn_timeline_get(queue);
    if (!fence) {
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    (void)pthread_mutex_lock(&queue->lock);
    VkResult result = queue->device->vk.vkQueueSubmit(queue->handle, 0, NULL, fence->host);
    (void)pthread_mutex_unlock(&queue->lock);
    if (result == VK_SUCCESS) {
        result = wait_for(queue, fence, deadline_ns, ends_with_context);
    }
    vn_timeline_put(queue, fence, result != VK_TIMEOUT);
    return result;
}

VkResult
vn_queues_wait_idle(struct vn_device *device, uint64_t deadline_ns, bool ends_with_context)
{
    VkResult worst = VK_SUCCESS;
    /* Queues are only ever added in front, until the device goes. */
    for (struct vn_queue *queue = vn_queues_any(device); queue; queue = queue->next) {
        VkResult result = vn_queue_wait_idle(queue, deadline_ns, ends_with_context);
        worst = result == VK_SUCCESS ? worst : result;
    }
    return worst;
}
