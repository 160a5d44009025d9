/* How each memory type of a physical device becomes mappable: asked, and where that is not enough tried. */
#include "venus/context.h"
#include "venus/device.h"
#include "venus/memory.h"
#include "venus/os.h"

/* A VkDevice for a moment: whether host memory can be imported, and into which types, only a device can tell. */
struct trial {
    const struct vn_physical *physical;
    VkDevice device;
    struct vn_device_vk vk;
    int fd;
    uint8_t *map;
    uint64_t map_bytes;
};

static void
finish_trial(struct trial *trial)
{
    if (trial->device) {
        trial->vk.vkDestroyDevice(trial->device, NULL);
    }
    vn_os_unmap(trial->map, trial->map_bytes);
    vn_os_fd_close(trial->fd);
}

static bool
has_trial_device(const struct venus *venus, struct trial *trial)
{
    static const float priority = 1.0F;
    static const char *const names[] = { "VK_EXT_external_memory_host" };
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = 1,
        .ppEnabledExtensionNames = names,
    };
    const struct vn_physical *physical = trial->physical;
    const struct vn_instance *instance = physical->instance;
    PFN_vkVoidFunction get = venus->host.get_instance_proc(instance->handle, "vkGetDeviceProcAddr");
    if (!get || instance->vk.vkCreateDevice(physical->handle, &info, NULL, &trial->device) < 0) {
        trial->device = VK_NULL_HANDLE;
        return false;
    }
    vn_host_fill_device((PFN_vkGetDeviceProcAddr)get, trial->device, &trial->vk);
    return trial->vk.vkGetMemoryHostPointerPropertiesEXT && trial->vk.vkAllocateMemory;
}

static bool
can_import(const struct trial *trial, uint32_t type_idx)
{
    const VkImportMemoryHostPointerInfoEXT import = {
        .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
        .pHostPointer = trial->map,
    };
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = &import,
        .allocationSize = trial->map_bytes,
        .memoryTypeIndex = type_idx,
    };
    VkDeviceMemory memory = VK_NULL_HANDLE;
    if (trial->vk.vkAllocateMemory(trial->device, &info, NULL, &memory) < 0) {
        return false;
    }
    trial->vk.vkFreeMemory(trial->device, memory, NULL);
    return true;
}

/* The types that take memory which is mapped from an fd: some drivers take anonymous memory only, so each is tried. */
static uint32_t
try_imports(struct trial *trial)
{
    VkMemoryHostPointerPropertiesEXT properties = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT,
    };
    if (trial->vk.vkGetMemoryHostPointerPropertiesEXT(
            trial->device, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, trial->map,
            &properties) < 0) {
        return 0;
    }
    uint32_t bits = properties.memoryTypeBits;
    for (uint32_t i = 0; i < trial->physical->memory.memoryTypeCount; i++) {
        if ((bits & (1u << i)) && !can_import(trial, i)) {
            bits &= ~(1u << i);
        }
    }
    return bits;
}

static uint32_t
importable_types(const struct venus *venus, const struct vn_physical *physical)
{
    struct trial trial = {
        .physical = physical,
        .fd = -1,
        .map_bytes = physical->plan.alignment_bytes,
    };
    uint32_t bits = 0;
    trial.fd = vn_os_memory_create("venus-trial", trial.map_bytes);
    trial.map = trial.fd < 0 ? NULL : vn_os_map(trial.fd, trial.map_bytes);
    if (trial.map && has_trial_device(venus, &trial)) {
        bits = try_imports(&trial);
    }
    finish_trial(&trial);
    return bits;
}

static bool
is_visible(const struct vn_physical *physical, uint32_t type_idx)
{
    return physical->memory.memoryTypes[type_idx].propertyFlags &
           VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
}

void
vn_memory_plan_init(const struct venus *venus, struct vn_physical *physical)
{
    struct vn_memory_plan *plan = &physical->plan;
    const struct vn_offers *offers = &physical->offers;
    uint64_t page_bytes = vn_os_page_bytes();
    *plan = (struct vn_memory_plan){ .alignment_bytes = page_bytes };
    /* What mmap returns is aligned to pages only. */
    bool can_align = offers->host_pointer_alignment_bytes <= page_bytes;
    uint32_t importable = 0;
    if (offers->has_memory_host && can_align) {
        /* A device that is this processor reads whatever memory there is: it need not be tried, which takes long. */
        importable = offers->is_cpu ? UINT32_MAX : importable_types(venus, physical);
    }
    plan->is_all_host = physical->memory.memoryTypeCount > 0;
    for (uint32_t i = 0; i < physical->memory.memoryTypeCount; i++) {
        if (is_visible(physical, i) && (importable & (1u << i))) {
            plan->backing[i] = VN_BACKING_HOST;
        } else if (is_visible(physical, i) && offers->can_export_dma_buf) {
            plan->backing[i] = VN_BACKING_DMABUF;
        }
        plan->is_all_host = plan->is_all_host && plan->backing[i] == VN_BACKING_HOST;
    }
}
