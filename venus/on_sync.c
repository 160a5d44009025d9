/* Fences and semaphores: waits that end with the context, and payloads that the client speaks of as sync files. */
#include "venus/call.h"
#include "venus/chain.h"
#include "venus/os.h"
#include "venus/queue.h"
#include "venus/sync.h"
#include "venus/wire.h"

void
vn_on_vkCreateFence(struct vn_exec *exec, struct vn_args_vkCreateFence *args)
{
    struct vn_device *device = vn_device_of(exec);
    /* The host exports sync files only, if any; other handle types are between the client's own applications. */
    VkExportFenceCreateInfo *export =
        vn_chain_take(args->pCreateInfo, VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO);
    if (export && device->physical->offers.can_export_fence_sync_fd) {
        export->handleTypes &= VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT;
        vn_chain_add(args->pCreateInfo, export);
    }
    VkFence host = VK_NULL_HANDLE;
    args->ret = device->vk.vkCreateFence(args->device, args->pCreateInfo, NULL, &host);
    vn_exec_created(exec, VN_HANDLE_VkFence, (uint64_t *)args->pFence, (const uint64_t *)&host, 1,
                    args->ret);
}

static void
free_semaphore(struct venus *venus, struct vn_object *object)
{
    vn_retire(venus, object->data);
}

void
vn_on_vkCreateSemaphore(struct vn_exec *exec, struct vn_args_vkCreateSemaphore *args)
{
    struct vn_device *device = vn_device_of(exec);
    VkExportSemaphoreCreateInfo *export =
        vn_chain_take(args->pCreateInfo, VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO);
    if (export && device->physical->offers.can_export_semaphore_sync_fd) {
        export->handleTypes &= VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT;
        vn_chain_add(args->pCreateInfo, export);
    }
    struct vn_semaphore *semaphore = vn_keep(exec->venus, sizeof(*semaphore));
    VkSemaphore host = VK_NULL_HANDLE;
    args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (semaphore) {
        const VkSemaphoreTypeCreateInfo *type =
            vn_chain_find(args->pCreateInfo, VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
        semaphore->is_timeline = type && type->semaphoreType == VK_SEMAPHORE_TYPE_TIMELINE;
        args->ret = device->vk.vkCreateSemaphore(args->device, args->pCreateInfo, NULL, &host);
    }
    if (args->ret < 0) {
        vn_retire(exec->venus, semaphore);
        return;
    }
    struct vn_object like = { .id = *(uint64_t *)args->pSemaphore,
                              .host = (uint64_t)host,
                              .type = VN_HANDLE_VkSemaphore,
                              .data = semaphore,
                              .free_data = free_semaphore };
    if (!vn_exec_add(exec, &like)) {
        device->vk.vkDestroySemaphore(args->device, host, NULL);
        vn_retire(exec->venus, semaphore);
    }
}

/* What is waited for: one of them. */
struct awaited {
    const struct vn_device *device;
    const struct vn_args_vkWaitForFences *fences;
    const struct vn_args_vkWaitSemaphores *semaphores;
};

static VkResult
ask_host(const struct awaited *awaited, uint64_t timeout_ns)
{
    const struct vn_args_vkWaitForFences *fences = awaited->fences;
    const struct vn_args_vkWaitSemaphores *semaphores = awaited->semaphores;
    return fences
               ? awaited->device->vk.vkWaitForFences(fences->device, fences->fenceCount,
                                                     fences->pFences, fences->waitAll, timeout_ns)
               : awaited->device->vk.vkWaitSemaphores(semaphores->device, semaphores->pWaitInfo,
                                                      timeout_ns);
}

/*
 * Most waits are for short work that was submitted just now, and to be woken costs as long as that takes; so first we look again
 * and again, and let others have the processor.
 */
#define AWAKE_NS 50000u

static VkResult
wait_awake(const struct awaited *awaited, uint64_t start_ns, uint64_t timeout_ns)
{
    VkResult result = ask_host(awaited, 0);
    uint64_t awake_ns = timeout_ns < AWAKE_NS ? timeout_ns : AWAKE_NS;
    while (result == VK_TIMEOUT && vn_os_now_ns() - start_ns < awake_ns) {
        vn_os_yield();
        result = ask_host(awaited, 0);
    }
    return result;
}

/* Waits in slices so short that the end of the context is seen. */
static VkResult
wait_for(const struct vn_exec *exec, const struct awaited *awaited, uint64_t timeout_ns)
{
    uint64_t start_ns = vn_os_now_ns();
    VkResult result = wait_awake(awaited, start_ns, timeout_ns);
    while (result == VK_TIMEOUT && !atomic_load(&exec->venus->is_fatal)) {
        uint64_t gone_ns = vn_os_now_ns() - start_ns;
        if (gone_ns >= timeout_ns) {
            break;
        }
        uint64_t left_ns = timeout_ns - gone_ns;
        result = ask_host(awaited, left_ns < VN_WAIT_SLICE_NS ? left_ns : VN_WAIT_SLICE_NS);
    }
    return result;
}

void
vn_on_vkWaitForFences(struct vn_exec *exec, struct vn_args_vkWaitForFences *args)
{
    const struct awaited awaited = { .device = vn_device_of(exec), .fences = args };
    args->ret = wait_for(exec, &awaited, args->timeout);
}

void
vn_on_vkWaitSemaphores(struct vn_exec *exec, struct vn_args_vkWaitSemaphores *args)
{
    const struct awaited awaited = { .device = vn_device_of(exec), .semaphores = args };
    if (!awaited.device->vk.vkWaitSemaphores) {
        vn_exec_absent(exec);
        return;
    }
    args->ret = wait_for(exec, &awaited, args->timeout);
}

/*
 * The client made a sync file of this fence by itself (it follows the timeline), and wants the fence as an export would leave
 * it: unsignalled.
 */
void
vn_on_vkResetFenceResourceMESA(struct vn_exec *exec, struct vn_args_vkResetFenceResourceMESA *args)
{
    const struct vn_device *device = vn_device_of(exec);
    VkResult result;
    if (device->physical->offers.can_export_fence_sync_fd && device->vk.vkGetFenceFdKHR) {
        const VkFenceGetFdInfoKHR info = {
            .sType = VK_STRUCTURE_TYPE_FENCE_GET_FD_INFO_KHR,
            .fence = args->fence,
            .handleType = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT,
        };
        int fd = -1;
        result = device->vk.vkGetFenceFdKHR(args->device, &info, &fd);
        vn_os_fd_close(fd);
    } else {
        /* A fence that is still under way must not be reset: its work ends first. */
        struct vn_args_vkWaitForFences wait = {
            .device = args->device,
            .fenceCount = 1,
            .pFences = &args->fence,
            .waitAll = VK_TRUE,
            .timeout = UINT64_MAX,
        };
        vn_on_vkWaitForFences(exec, &wait);
        result = wait.ret == VK_SUCCESS ? device->vk.vkResetFences(args->device, 1, &args->fence)
                                        : wait.ret;
    }
    if (result < 0) {
        vn_exec_fatal(exec, "the host cannot reset the fence: %s", vn_result_name(result));
    }
}

/* Consumes a semaphore's payload by a submission that only waits for it. */
static VkResult
consume_by_waiting(struct vn_device *device, VkSemaphore semaphore)
{
    const VkPipelineStageFlags stages = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .waitSemaphoreCount = 1,
        .pWaitSemaphores = &semaphore,
        .pWaitDstStageMask = &stages,
    };
    struct vn_queue *queue = vn_queues_any(device);
    if (!queue) {
        return VK_ERROR_UNKNOWN;
    }
    (void)pthread_mutex_lock(&queue->lock);
    VkResult result = device->vk.vkQueueSubmit(queue->handle, 1, &submit, VK_NULL_HANDLE);
    (void)pthread_mutex_unlock(&queue->lock);
    return result;
}

/* As for fences: the client has its sync file; an export would have consumed the payload. */
void
vn_on_vkWaitSemaphoreResourceMESA(struct vn_exec *exec,
                                  struct vn_args_vkWaitSemaphoreResourceMESA *args)
{
    struct vn_device *device = vn_device_of(exec);
    VkResult result;
    if (vn_semaphore_unmark(
            vn_exec_object(exec, VN_HANDLE_VkSemaphore, (uint64_t)args->semaphore))) {
        return;
    }
    if (device->physical->offers.can_export_semaphore_sync_fd && device->vk.vkGetSemaphoreFdKHR) {
        const VkSemaphoreGetFdInfoKHR info = {
            .sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
            .semaphore = args->semaphore,
            .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
        };
        int fd = -1;
        result = device->vk.vkGetSemaphoreFdKHR(args->device, &info, &fd);
        vn_os_fd_close(fd);
    } else {
        result = consume_by_waiting(device, args->semaphore);
    }
    if (result < 0) {
        vn_exec_fatal(exec, "the host cannot consume the semaphore: %s", vn_result_name(result));
    }
}

void
vn_on_vkImportSemaphoreResourceMESA(struct vn_exec *exec,
                                    struct vn_args_vkImportSemaphoreResourceMESA *args)
{
    struct vn_device *device = vn_device_of(exec);
    const VkImportSemaphoreResourceInfoMESA *info = args->pImportSemaphoreResourceInfo;
    struct vn_object *object =
        vn_exec_object(exec, VN_HANDLE_VkSemaphore, (uint64_t)info->semaphore);
    if (info->resourceId != 0 || !object || !object->data) {
        vn_exec_fatal(exec, "imports resource %u into a semaphore; 0 (signalled) is expected",
                      info->resourceId);
        return;
    }
    if (!device->physical->offers.can_import_semaphore_sync_fd ||
        !device->vk.vkImportSemaphoreFdKHR) {
        struct vn_semaphore *semaphore = object->data;
        /* The mark first: who sees has_marks looks for it. */
        atomic_store_explicit(&semaphore->is_marked, true, memory_order_release);
        atomic_store_explicit(&device->queues.has_marks, true, memory_order_release);
        return;
    }
    const VkImportSemaphoreFdInfoKHR import = {
        .sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_FD_INFO_KHR,
        .semaphore = info->semaphore,
        .flags = VK_SEMAPHORE_IMPORT_TEMPORARY_BIT,
        .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
        .fd = -1, /* a sync file that is signalled already */
    };
    VkResult result = device->vk.vkImportSemaphoreFdKHR(args->device, &import);
    if (result < 0) {
        vn_exec_fatal(exec, "the host cannot import a signalled sync file: %s",
                      vn_result_name(result));
    }
}
