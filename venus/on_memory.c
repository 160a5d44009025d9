/*
 * Device memory: vkAllocateMemory, vkFreeMemory, and what binds or asks about it.
 *
 * The client sends vkAllocateMemory without asking for a reply, and believes that it succeeded.  When it did not, the id gets
 * an object without a VkDeviceMemory: the client may map it (it is told that it cannot), free it (nothing happens), but not
 * bind it, which kills the context with the reason of the failure.
 */
#include <stdlib.h>
#include <string.h>

#include "venus/call.h"
#include "venus/chain.h"
#include "venus/memory.h"
#include "venus/os.h"
#include "venus/reply.h"
#include "venus/wire.h"

/* One vkAllocateMemory under way. */
struct allocation {
    struct vn_exec *exec;
    const struct vn_device *device;
    VkMemoryAllocateInfo *info;
    struct vn_memory *memory;
    VkDeviceMemory host;
    /* Links for the host's chain. */
    VkImportMemoryHostPointerInfoEXT import_pointer;
    VkImportMemoryFdInfoKHR import_fd;
    VkExportMemoryAllocateInfo export;
};

static VkResult
charge(struct allocation *allocation, enum vn_ledger_kind kind, uint64_t bytes)
{
    struct vn_memory *memory = allocation->memory;
    memory->charge = vn_charge_take(&allocation->exec->venus->ledger, kind, bytes);
    return memory->charge ? VK_SUCCESS : VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

/* Of memory that exists: once, as long as who made it counts it here. */
static VkResult
charge_import(struct allocation *allocation, const struct vn_resource *resource)
{
    VkDeviceSize bytes = allocation->info->allocationSize;
    bytes = bytes > resource->size_bytes ? bytes : resource->size_bytes;
    if (resource->charge && bytes <= resource->charge->bytes) {
        allocation->memory->charge = vn_charge_hold(resource->charge);
        return VK_SUCCESS;
    }
    /* Here, too: the context that made it may let go of it first. */
    return charge(allocation, resource->kind == VENUS_FD_SHM ? VN_LEDGER_MAPPED : VN_LEDGER_DEVICE,
                  bytes);
}

/* The host gets `map` of `bytes` as the memory. */
static void
chain_pointer(struct allocation *allocation, void *map)
{
    VkMemoryAllocateInfo *info = allocation->info;
    /* Not with imported host memory, says Vulkan. */
    (void)vn_chain_take(info, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO);
    (void)vn_chain_take(info, VK_STRUCTURE_TYPE_MEMORY_OPAQUE_CAPTURE_ADDRESS_ALLOCATE_INFO);
    allocation->import_pointer = (VkImportMemoryHostPointerInfoEXT){
        .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
        .pHostPointer = map,
    };
    vn_chain_add(info, &allocation->import_pointer);
}

/* Shared memory of our own.  is_exported: the client may give it to others. */
static VkResult
back_by_host(struct allocation *allocation, bool is_exported)
{
    struct vn_memory *memory = allocation->memory;
    uint64_t alignment_bytes = memory->physical->plan.alignment_bytes;
    VkMemoryAllocateInfo *info = allocation->info;
    if (info->allocationSize > UINT64_MAX - alignment_bytes) {
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    uint64_t bytes = (info->allocationSize + alignment_bytes - 1) / alignment_bytes;
    info->allocationSize = bytes * alignment_bytes;
    VkResult result = charge(allocation, VN_LEDGER_MAPPED, info->allocationSize);
    if (result < 0) {
        return result;
    }
    memory->shared = vn_shared_get(&allocation->exec->venus->spares, info->allocationSize);
    if (!memory->shared) {
        return VK_ERROR_TOO_MANY_OBJECTS;
    }
    memory->fd = memory->shared->fd;
    if (is_exported) {
        atomic_store_explicit(&memory->shared->is_others, true, memory_order_relaxed);
    }
    chain_pointer(allocation, memory->shared->map);
    return VK_SUCCESS;
}

/* Memory of the host's, made to be exported. */
static VkResult
back_by_export(struct allocation *allocation)
{
    VkExternalMemoryHandleTypeFlags type = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
    if (allocation->memory->backing == VN_BACKING_OPAQUE) {
        type = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
    }
    allocation->export = (VkExportMemoryAllocateInfo){
        .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
        .handleTypes = type,
    };
    vn_chain_add(allocation->info, &allocation->export);
    return charge(allocation, VN_LEDGER_MAPPED, allocation->info->allocationSize);
}

/* Exports what the host made; a memory whose fd cannot be had is of no use to the client. */
static VkResult
fetch_export(struct allocation *allocation)
{
    const struct vn_device *device = allocation->device;
    const VkMemoryGetFdInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
        .memory = allocation->host,
        .handleType = (VkExternalMemoryHandleTypeFlagBits)allocation->export.handleTypes,
    };
    return device->vk.vkGetMemoryFdKHR(device->handle, &info, &allocation->memory->fd);
}

static enum vn_backing
choose_backing(const struct vn_physical *physical, uint32_t type_idx,
               const VkExportMemoryAllocateInfo *export)
{
    const struct vn_offers *offers = &physical->offers;
    enum vn_backing planned = (enum vn_backing)physical->plan.backing[type_idx];
    if (planned != VN_BACKING_NONE || !export || export->handleTypes == 0) {
        return planned;
    }
    if (offers->can_export_dma_buf) {
        return VN_BACKING_DMABUF;
    }
    return offers->can_export_opaque ? VN_BACKING_OPAQUE : VN_BACKING_NONE;
}

/* The memory of a resource that exists already. */
static VkResult
import_resource(struct allocation *allocation, const struct vn_resource *resource)
{
    static const VkExternalMemoryHandleTypeFlagBits types[] = {
        [VENUS_FD_DMABUF] = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
        [VENUS_FD_OPAQUE] = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
    };
    struct vn_memory *memory = allocation->memory;
    VkMemoryAllocateInfo *info = allocation->info;
    int fd = vn_os_fd_copy(resource->fd);
    if (fd < 0) {
        return VK_ERROR_TOO_MANY_OBJECTS;
    }
    if (resource->kind != VENUS_FD_SHM) {
        allocation->import_fd = (VkImportMemoryFdInfoKHR){
            .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
            .handleType = types[resource->kind],
            .fd = fd, /* the host's on success */
        };
        memory->fd = fd;
        vn_chain_add(info, &allocation->import_fd);
        return VK_SUCCESS;
    }
    memory->fd = fd;
    if (resource->shared) {
        atomic_store_explicit(&resource->shared->is_others, true, memory_order_relaxed);
    }
    if (memory->physical->plan.backing[info->memoryTypeIndex] != VN_BACKING_HOST ||
        info->allocationSize > resource->size_bytes || vn_os_memory_fix(fd, resource->size_bytes)) {
        return VK_ERROR_INVALID_EXTERNAL_HANDLE;
    }
    info->allocationSize = resource->size_bytes;
    memory->map_bytes = resource->size_bytes;
    memory->map = vn_os_map(fd, memory->map_bytes);
    chain_pointer(allocation, memory->map);
    return memory->map ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

static VkResult
prepare(struct allocation *allocation)
{
    VkMemoryAllocateInfo *info = allocation->info;
    struct vn_memory *memory = allocation->memory;
    const VkExportMemoryAllocateInfo *export =
        vn_chain_take(info, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
    memory->type_idx = info->memoryTypeIndex;
    memory->backing = choose_backing(memory->physical, info->memoryTypeIndex, export);
    switch (memory->backing) {
    case VN_BACKING_HOST: return back_by_host(allocation, export && export->handleTypes != 0);
    case VN_BACKING_DMABUF:
    case VN_BACKING_OPAQUE: return back_by_export(allocation);
    case VN_BACKING_NONE: break;
    }
    return charge(allocation, VN_LEDGER_DEVICE, info->allocationSize);
}

/* Returns: fatal already when the resource does not exist; else as Vulkan. */
static VkResult
prepare_import(struct allocation *allocation, uint32_t res_id)
{
    struct vn_exec *exec = allocation->exec;
    struct vn_resource *resource = vn_resource_get(&exec->venus->resources, res_id);
    if (!resource) {
        vn_exec_fatal(exec, "imports resource %u, which does not exist", res_id);
        return VK_ERROR_INVALID_EXTERNAL_HANDLE;
    }
    (void)vn_chain_take(allocation->info, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
    VkResult result = charge_import(allocation, resource);
    if (result == VK_SUCCESS) {
        result = import_resource(allocation, resource);
    }
    vn_resource_put(resource);
    return result;
}

static VkResult
allocate(struct allocation *allocation)
{
    const struct vn_device *device = allocation->device;
    struct vn_memory *memory = allocation->memory;
    const VkImportMemoryResourceInfoMESA *import =
        vn_chain_take(allocation->info, VK_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA);
    VkResult result = import ? prepare_import(allocation, import->resourceId) : prepare(allocation);
    if (result < 0) {
        return result;
    }
    memory->size_bytes = allocation->info->allocationSize;
    result = device->vk.vkAllocateMemory(device->handle, allocation->info, NULL, &allocation->host);
    if (result < 0) {
        return result;
    }
    if (import) {
        /* Imported memory is a resource already; a dma-buf's fd belongs to the host's driver now. */
        if (memory->map) {
            vn_os_fd_close(memory->fd);
        }
        memory->fd = -1;
        return result;
    }
    if (allocation->export.handleTypes) {
        result = fetch_export(allocation);
    }
    if (result < 0) {
        memory->fd = -1;
        device->vk.vkFreeMemory(device->handle, allocation->host, NULL);
    }
    return result;
}

/* Puts the memory, or the failure that the client does not know of, under its id. */
static void
track(struct allocation *allocation, VkResult result)
{
    struct vn_exec *exec = allocation->exec;
    struct vn_memory *memory = allocation->memory;
    const struct vn_device *device = allocation->device;
    VkDeviceMemory host = result < 0 ? VK_NULL_HANDLE : allocation->host;
    memory->failure = result;
    if (memory->fd >= 0) {
        vn_memory_publish(exec->venus, memory); /* before another ring can free it */
    }
    struct vn_object like = { .id = memory->id,
                              .host = (uint64_t)host,
                              .type = VN_HANDLE_VkDeviceMemory,
                              .data = memory,
                              .free_data = vn_memory_free_data };
    if (!vn_exec_add(exec, &like)) {
        if (host) {
            device->vk.vkFreeMemory(device->handle, host, NULL);
        }
        vn_memory_free(exec->venus, memory);
    }
}

/* Frees what a failed allocation holds, but for the word that it failed. */
static struct vn_memory *
keep_failure(struct venus *venus, struct vn_memory *memory)
{
    struct vn_memory *kept = vn_memory_new(venus, memory->physical, memory->id);
    vn_memory_free(venus, memory);
    return kept;
}

void
vn_on_vkAllocateMemory(struct vn_exec *exec, struct vn_args_vkAllocateMemory *args)
{
    struct vn_device *device = vn_device_of(exec);
    const struct vn_physical *physical = device->physical;
    struct allocation allocation = {
        .exec = exec,
        .device = device,
        .info = vn_mutable(args->pAllocateInfo),
        .memory = vn_memory_new(exec->venus, physical, *(uint64_t *)args->pMemory),
    };
    if (!allocation.memory) {
        args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
        return;
    }
    if (args->pAllocateInfo->memoryTypeIndex >= physical->memory.memoryTypeCount) {
        args->ret = VK_ERROR_UNKNOWN;
    } else if (args->pAllocateInfo->allocationSize == 0) {
        args->ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    } else {
        args->ret = allocate(&allocation);
    }
    if (args->ret < 0) {
        allocation.memory = keep_failure(exec->venus, allocation.memory);
    }
    bool is_known = args->ret >= 0 || !vn_exec_wants_reply(exec);
    if (exec->has_failed || !is_known || !allocation.memory) {
        vn_memory_free(exec->venus, allocation.memory);
        return;
    }
    track(&allocation, args->ret);
}

void
vn_on_vkFreeMemory(struct vn_exec *exec, struct vn_args_vkFreeMemory *args)
{
    const struct vn_device *device = vn_device_of(exec);
    if (exec->trail_count < 2) {
        return; /* VK_NULL_HANDLE */
    }
    struct vn_object *object = exec->trail[1];
    if (!vn_objects_claim(&exec->venus->objects, object, VN_HANDLE_VkDeviceMemory,
                          (uint64_t)args->memory)) {
        vn_exec_fatal(exec, "frees memory that another ring frees");
        return;
    }
    struct vn_memory *memory = object->data;
    /* What the host imported must be there until the host let go of it. */
    object->data = NULL;
    vn_objects_remove(exec->venus, object);
    if (args->memory) {
        device->vk.vkFreeMemory(args->device, args->memory, NULL);
    }
    vn_memory_free(exec->venus, memory);
}

/* The failed allocation that the command names, or NULL. */
static const struct vn_object *
find_failure(const struct vn_exec *exec)
{
    for (uint32_t i = 0; i < exec->trail_count; i++) {
        const struct vn_object *object = exec->trail[i];
        if (object->type == VN_HANDLE_VkDeviceMemory && object->host == 0) {
            return object;
        }
    }
    return NULL;
}

bool
vn_memory_is_lost(struct vn_exec *exec)
{
    const struct vn_object *object = find_failure(exec);
    if (!object) {
        return false;
    }
    const struct vn_memory *memory = object->data;
    vn_exec_fatal(exec,
                  "memory 0x%llx is used, whose vkAllocateMemory had failed without the client "
                  "asking for its result: %s; a larger limit of memory may help",
                  (unsigned long long)object->id,
                  vn_result_name(memory ? memory->failure : VK_ERROR_UNKNOWN));
    return true;
}

/* Memory that binds itself to something here is marked: see on_memory in venus.h. */
static bool
can_bind(struct vn_exec *exec)
{
    if (vn_memory_is_lost(exec)) {
        return false;
    }
    for (uint32_t i = 0; i < exec->trail_count; i++) {
        const struct vn_object *object = exec->trail[i];
        if (object->type == VN_HANDLE_VkDeviceMemory && object->data) {
            struct vn_memory *memory = object->data;
            atomic_store_explicit(&memory->is_bound, true, memory_order_relaxed);
        }
    }
    return true;
}

void
vn_on_vkBindBufferMemory(struct vn_exec *exec, struct vn_args_vkBindBufferMemory *args)
{
    if (can_bind(exec)) {
        args->ret = vn_device_of(exec)->vk.vkBindBufferMemory(args->device, args->buffer,
                                                              args->memory, args->memoryOffset);
    }
}

void
vn_on_vkBindBufferMemory2(struct vn_exec *exec, struct vn_args_vkBindBufferMemory2 *args)
{
    if (can_bind(exec)) {
        args->ret = vn_device_of(exec)->vk.vkBindBufferMemory2(args->device, args->bindInfoCount,
                                                               args->pBindInfos);
    }
}

void
vn_on_vkBindImageMemory(struct vn_exec *exec, struct vn_args_vkBindImageMemory *args)
{
    if (can_bind(exec)) {
        args->ret = vn_device_of(exec)->vk.vkBindImageMemory(args->device, args->image,
                                                             args->memory, args->memoryOffset);
    }
}

void
vn_on_vkBindImageMemory2(struct vn_exec *exec, struct vn_args_vkBindImageMemory2 *args)
{
    for (uint32_t i = 0; i < args->bindInfoCount; i++) {
        const struct vn_object *object =
            vn_exec_object(exec, VN_HANDLE_VkDeviceMemory, (uint64_t)args->pBindInfos[i].memory);
        if (!object && !find_failure(exec)) {
            /* Vulkan allows it for swapchains only, which are the client's own affair. */
            vn_exec_fatal(exec, "an image is bound to no memory");
            return;
        }
    }
    if (can_bind(exec)) {
        args->ret = vn_device_of(exec)->vk.vkBindImageMemory2(args->device, args->bindInfoCount,
                                                              args->pBindInfos);
    }
}

void
vn_on_vkGetDeviceMemoryCommitment(struct vn_exec *exec,
                                  struct vn_args_vkGetDeviceMemoryCommitment *args)
{
    if (find_failure(exec)) {
        *args->pCommittedMemoryInBytes = 0;
        return;
    }
    vn_device_of(exec)->vk.vkGetDeviceMemoryCommitment(args->device, args->memory,
                                                       args->pCommittedMemoryInBytes);
}

void
vn_on_vkGetDeviceMemoryOpaqueCaptureAddress(
    struct vn_exec *exec, struct vn_args_vkGetDeviceMemoryOpaqueCaptureAddress *args)
{
    const struct vn_device *device = vn_device_of(exec);
    if (!device->vk.vkGetDeviceMemoryOpaqueCaptureAddress) {
        vn_exec_absent(exec);
    } else if (!find_failure(exec)) {
        args->ret = device->vk.vkGetDeviceMemoryOpaqueCaptureAddress(args->device, args->pInfo);
    }
}

static uint32_t
host_backed_types(const struct vn_physical *physical)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < physical->memory.memoryTypeCount; i++) {
        bits |= physical->plan.backing[i] == VN_BACKING_HOST ? 1u << i : 0;
    }
    return bits;
}

static VkResult
resource_types(const struct vn_device *device, const struct vn_resource *resource, uint32_t *bits)
{
    VkMemoryFdPropertiesKHR properties = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR,
    };
    VkResult result = VK_ERROR_INVALID_EXTERNAL_HANDLE;
    if (resource->kind == VENUS_FD_SHM) {
        properties.memoryTypeBits = host_backed_types(device->physical);
        result = properties.memoryTypeBits ? VK_SUCCESS : result;
    } else if (resource->kind == VENUS_FD_DMABUF && device->vk.vkGetMemoryFdPropertiesKHR) {
        result = device->vk.vkGetMemoryFdPropertiesKHR(
            device->handle, VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT, resource->fd,
            &properties);
    }
    *bits = properties.memoryTypeBits;
    return result;
}

void
vn_on_vkGetMemoryResourcePropertiesMESA(struct vn_exec *exec,
                                        struct vn_args_vkGetMemoryResourcePropertiesMESA *args)
{
    struct vn_resource *resource = vn_resource_get(&exec->venus->resources, args->resourceId);
    if (!resource) {
        vn_exec_fatal(exec, "asks about resource %u, which does not exist", args->resourceId);
        return;
    }
    VkMemoryResourcePropertiesMESA *properties = args->pMemoryResourceProperties;
    args->ret = resource_types(vn_device_of(exec), resource, &properties->memoryTypeBits);
    VkMemoryResourceAllocationSizePropertiesMESA *size = vn_chain_find(
        properties, VK_STRUCTURE_TYPE_MEMORY_RESOURCE_ALLOCATION_SIZE_PROPERTIES_MESA);
    if (size) {
        size->allocationSize = resource->size_bytes;
    }
    vn_resource_put(resource);
}
