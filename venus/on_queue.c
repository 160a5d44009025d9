/* Queues: got once, submitted to under their lock. */
#include "venus/call.h"
#include "venus/chain.h"
#include "venus/os.h"
#include "venus/queue.h"
#include "venus/reply.h"
#include "venus/sync.h"
#include "venus/wire.h"

static struct vn_queue *
queue_of(const struct vn_exec *exec)
{
    return exec->trail[0]->data;
}

/*
 * The client submits without waiting for the result, and then waits for what the submission was to signal.  One that failed
 * would leave it waiting for ever; so the context dies of it, with the reason.
 */
static VkResult
check_submission(struct vn_exec *exec, VkResult result)
{
    if (result < 0 && !vn_exec_wants_reply(exec)) {
        vn_exec_fatal(exec, "the host refused the submission: %s", vn_result_name(result));
    }
    return result;
}

void
vn_on_vkGetDeviceQueue2(struct vn_exec *exec, struct vn_args_vkGetDeviceQueue2 *args)
{
    static const char *const reasons[] = {
        [VN_QUEUE_UNKNOWN] = "no such queue was asked for when the device was made",
        [VN_QUEUE_AGAIN] = "the queue was got before",
        [VN_QUEUE_TIMELINE] = "the timeline is another queue's, or not in 1 to 63",
        [VN_QUEUE_NO_MEMORY] = "the host's memory is short",
    };
    const VkDeviceQueueInfo2 *info = args->pQueueInfo;
    const VkDeviceQueueTimelineInfoMESA *timeline =
        vn_chain_find(info, VK_STRUCTURE_TYPE_DEVICE_QUEUE_TIMELINE_INFO_MESA);
    if (!timeline) {
        vn_exec_fatal(exec, "a VkDeviceQueueTimelineInfoMESA is expected in pQueueInfo's chain");
        return;
    }
    struct vn_queue *queue = NULL;
    enum vn_queue_get got =
        vn_queue_get(exec->venus, vn_device_of(exec), info, timeline->ringIdx, &queue);
    if (got != VN_QUEUE_GOT) {
        vn_exec_fatal(exec, "queue %u of family %u with timeline %u: %s", info->queueIndex,
                      info->queueFamilyIndex, timeline->ringIdx, reasons[got]);
        return;
    }
    struct vn_object like = { .id = *(uint64_t *)args->pQueue,
                              .host = (uint64_t)queue->handle,
                              .type = VN_HANDLE_VkQueue,
                              .data = queue };
    (void)vn_exec_add(exec, &like);
}

/* The semaphores among these that the host must wait for; *kept tells which places stay. */
static uint32_t
drop_marked(struct vn_exec *exec, VkSemaphore *semaphores, uint32_t count, uint32_t *kept)
{
    uint32_t kept_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!vn_semaphore_unmark(
                vn_exec_object(exec, VN_HANDLE_VkSemaphore, (uint64_t)semaphores[i]))) {
            semaphores[kept_count] = semaphores[i];
            kept[kept_count++] = i;
        }
    }
    return kept_count;
}

static void
keep_u64(const uint64_t *values, const uint32_t *kept, uint32_t kept_count, uint32_t *count)
{
    uint64_t *changed = vn_mutable(values);
    uint32_t moved_count = 0;
    for (uint32_t i = 0; changed && i < kept_count && kept[i] < *count; i++) {
        changed[moved_count++] = changed[kept[i]];
    }
    *count = moved_count;
}

/* Into memory of our own: arrays of 4-byte numbers lie in the client's stream, which is not ours to write. */
static const uint32_t *
keep_u32(struct vn_exec *exec, const uint32_t *values, const uint32_t *kept, uint32_t kept_count)
{
    uint32_t *moved = values ? vn_exec_alloc(exec, kept_count + 1u, sizeof(*moved)) : NULL;
    for (uint32_t i = 0; moved && i < kept_count; i++) {
        moved[i] = values[kept[i]];
    }
    return moved;
}

/* Room for as many indices as the longest list of waits has.  NULL: already fatal. */
static uint32_t *
room_for(struct vn_exec *exec, uint32_t count)
{
    return vn_exec_alloc(exec, count ? count : 1, sizeof(uint32_t));
}

static void
strip_submit(struct vn_exec *exec, VkSubmitInfo *submit)
{
    uint32_t *kept = room_for(exec, submit->waitSemaphoreCount);
    if (!kept) {
        return;
    }
    uint32_t kept_count =
        drop_marked(exec, vn_mutable(submit->pWaitSemaphores), submit->waitSemaphoreCount, kept);
    submit->pWaitDstStageMask = keep_u32(exec, submit->pWaitDstStageMask, kept, kept_count);
    VkTimelineSemaphoreSubmitInfo *values =
        vn_chain_find(submit, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    if (values) {
        keep_u64(values->pWaitSemaphoreValues, kept, kept_count, &values->waitSemaphoreValueCount);
    }
    VkDeviceGroupSubmitInfo *group =
        vn_chain_find(submit, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);
    if (group && group->waitSemaphoreCount == submit->waitSemaphoreCount) {
        group->pWaitSemaphoreDeviceIndices =
            keep_u32(exec, group->pWaitSemaphoreDeviceIndices, kept, kept_count);
        group->waitSemaphoreCount = kept_count;
    }
    submit->waitSemaphoreCount = kept_count;
}

static void
strip_submit2(struct vn_exec *exec, VkSubmitInfo2 *submit)
{
    VkSemaphoreSubmitInfo *waits = vn_mutable(submit->pWaitSemaphoreInfos);
    uint32_t kept_count = 0;
    for (uint32_t i = 0; i < submit->waitSemaphoreInfoCount; i++) {
        uint64_t semaphore = (uint64_t)waits[i].semaphore;
        if (!vn_semaphore_unmark(vn_exec_object(exec, VN_HANDLE_VkSemaphore, semaphore))) {
            waits[kept_count++] = waits[i];
        }
    }
    submit->waitSemaphoreInfoCount = kept_count;
}

static void
strip_bind(struct vn_exec *exec, VkBindSparseInfo *bind)
{
    uint32_t *kept = room_for(exec, bind->waitSemaphoreCount);
    if (!kept) {
        return;
    }
    uint32_t kept_count =
        drop_marked(exec, vn_mutable(bind->pWaitSemaphores), bind->waitSemaphoreCount, kept);
    VkTimelineSemaphoreSubmitInfo *values =
        vn_chain_find(bind, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    if (values) {
        keep_u64(values->pWaitSemaphoreValues, kept, kept_count, &values->waitSemaphoreValueCount);
    }
    bind->waitSemaphoreCount = kept_count;
}

static bool
has_marks(const struct vn_queue *queue)
{
    return atomic_load_explicit(&queue->device->queues.has_marks, memory_order_acquire);
}

void
vn_on_vkQueueSubmit(struct vn_exec *exec, struct vn_args_vkQueueSubmit *args)
{
    struct vn_queue *queue = queue_of(exec);
    VkSubmitInfo *submits = vn_mutable(args->pSubmits);
    for (uint32_t i = 0; has_marks(queue) && i < args->submitCount; i++) {
        strip_submit(exec, &submits[i]);
    }
    (void)pthread_mutex_lock(&queue->lock);
    args->ret =
        queue->device->vk.vkQueueSubmit(args->queue, args->submitCount, submits, args->fence);
    (void)pthread_mutex_unlock(&queue->lock);
    (void)check_submission(exec, args->ret);
}

void
vn_on_vkQueueSubmit2(struct vn_exec *exec, struct vn_args_vkQueueSubmit2 *args)
{
    struct vn_queue *queue = queue_of(exec);
    if (!queue->device->vk.vkQueueSubmit2) {
        vn_exec_absent(exec);
        return;
    }
    VkSubmitInfo2 *submits = vn_mutable(args->pSubmits);
    for (uint32_t i = 0; has_marks(queue) && i < args->submitCount; i++) {
        strip_submit2(exec, &submits[i]);
    }
    (void)pthread_mutex_lock(&queue->lock);
    args->ret =
        queue->device->vk.vkQueueSubmit2(args->queue, args->submitCount, submits, args->fence);
    (void)pthread_mutex_unlock(&queue->lock);
    (void)check_submission(exec, args->ret);
}

void
vn_on_vkQueueBindSparse(struct vn_exec *exec, struct vn_args_vkQueueBindSparse *args)
{
    struct vn_queue *queue = queue_of(exec);
    VkBindSparseInfo *binds = vn_mutable(args->pBindInfo);
    if (vn_memory_is_lost(exec)) {
        return;
    }
    for (uint32_t i = 0; has_marks(queue) && i < args->bindInfoCount; i++) {
        strip_bind(exec, &binds[i]);
    }
    (void)pthread_mutex_lock(&queue->lock);
    args->ret =
        queue->device->vk.vkQueueBindSparse(args->queue, args->bindInfoCount, binds, args->fence);
    (void)pthread_mutex_unlock(&queue->lock);
    (void)check_submission(exec, args->ret);
}

/* Not the host's own functions: these hold the queue meanwhile, and cannot be ended when the context dies. */
void
vn_on_vkQueueWaitIdle(struct vn_exec *exec, struct vn_args_vkQueueWaitIdle *args)
{
    args->ret = vn_queue_wait_idle(queue_of(exec), UINT64_MAX, true);
    args->ret = args->ret == VK_TIMEOUT ? VK_ERROR_DEVICE_LOST : args->ret;
}

void
vn_on_vkDeviceWaitIdle(struct vn_exec *exec, struct vn_args_vkDeviceWaitIdle *args)
{
    args->ret = vn_queues_wait_idle(vn_device_of(exec), UINT64_MAX, true);
    args->ret = args->ret == VK_TIMEOUT ? VK_ERROR_DEVICE_LOST : args->ret;
}
