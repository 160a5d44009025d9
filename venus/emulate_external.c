/* External memory, semaphores and fences as the client names them, on a host that has other names or none. */
#include "venus/chain.h"
#include "venus/device.h"
#include "venus/emulate.h"

#define DMA_BUF     VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT
#define OPAQUE_FD   VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT
#define HOST_MEMORY VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT
#define MOD_LINEAR  0 /* DRM_FORMAT_MOD_LINEAR */

static bool
emulates_dma_buf(const struct vn_physical *physical)
{
    return physical->plan.is_all_host;
}

static bool
emulates_modifiers(const struct vn_physical *physical)
{
    return vn_emulates_extension(physical, "VK_EXT_image_drm_format_modifier");
}

/* What all memory is there, if it is our own shared memory: exportable by its fd, once, as a whole. */
static VkExternalMemoryProperties
shared_memory_properties(VkExternalMemoryHandleTypeFlagBits type)
{
    return (VkExternalMemoryProperties){
        .externalMemoryFeatures = VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT,
        .compatibleHandleTypes = type,
    };
}

void
vn_emulate_external_buffer_properties(const struct vn_physical *physical,
                                      const VkPhysicalDeviceExternalBufferInfo *info,
                                      VkExternalBufferProperties *properties)
{
    if (info->handleType == DMA_BUF && emulates_dma_buf(physical)) {
        properties->externalMemoryProperties = shared_memory_properties(DMA_BUF);
        return;
    }
    physical->instance->vk.vkGetPhysicalDeviceExternalBufferProperties(physical->handle, info,
                                                                       properties);
}

void
vn_emulate_external_semaphore_properties(const struct vn_physical *physical,
                                         const VkPhysicalDeviceExternalSemaphoreInfo *info,
                                         VkExternalSemaphoreProperties *properties)
{
    const struct vn_offers *offers = &physical->offers;
    if (offers->has_semaphore_fd) {
        physical->instance->vk.vkGetPhysicalDeviceExternalSemaphoreProperties(physical->handle,
                                                                              info, properties);
    }
    const VkSemaphoreTypeCreateInfo *type =
        vn_chain_find(info, VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
    bool is_timeline = type && type->semaphoreType == VK_SEMAPHORE_TYPE_TIMELINE;
    if (info->handleType == VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT && !is_timeline &&
        !offers->can_import_semaphore_sync_fd) {
        properties->exportFromImportedHandleTypes = 0;
        properties->compatibleHandleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT;
        properties->externalSemaphoreFeatures = VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT;
    }
}

void
vn_emulate_external_fence_properties(const struct vn_physical *physical,
                                     const VkPhysicalDeviceExternalFenceInfo *info,
                                     VkExternalFenceProperties *properties)
{
    physical->instance->vk.vkGetPhysicalDeviceExternalFenceProperties(physical->handle, info,
                                                                      properties);
}

/* Turns the question about a modifier into one about linear tiling.  Returns: false when it is another modifier. */
static bool
ask_for_linear(VkPhysicalDeviceImageFormatInfo2 *info)
{
    const VkPhysicalDeviceImageDrmFormatModifierInfoEXT *modifier =
        vn_chain_take(info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT);
    if (info->tiling != VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT) {
        return true;
    }
    info->tiling = VK_IMAGE_TILING_LINEAR;
    return modifier && modifier->drmFormatModifier == MOD_LINEAR;
}

/* Answers for external images whose memory is ours. */
static VkResult
ask_for_shared_image(const struct vn_physical *physical, VkPhysicalDeviceImageFormatInfo2 *info,
                     VkImageFormatProperties2 *properties)
{
    VkExternalImageFormatProperties *external =
        vn_chain_take(properties, VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES);
    VkResult result = physical->instance->vk.vkGetPhysicalDeviceImageFormatProperties2(
        physical->handle, info, properties);
    if (external) {
        external->externalMemoryProperties = shared_memory_properties(DMA_BUF);
        vn_chain_add(properties, external);
    }
    return result;
}

VkResult
vn_emulate_image_format_properties2(const struct vn_physical *physical,
                                    VkPhysicalDeviceImageFormatInfo2 *info,
                                    VkImageFormatProperties2 *properties)
{
    if (emulates_modifiers(physical) && !ask_for_linear(info)) {
        return VK_ERROR_FORMAT_NOT_SUPPORTED;
    }
    const VkPhysicalDeviceExternalImageFormatInfo *external =
        vn_chain_find(info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
    if (external && external->handleType == DMA_BUF && emulates_dma_buf(physical)) {
        (void)vn_chain_take(info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
        return ask_for_shared_image(physical, info, properties);
    }
    return physical->instance->vk.vkGetPhysicalDeviceImageFormatProperties2(physical->handle, info,
                                                                            properties);
}

/* What of the client's handle types the host knows.  Memory that is all our own is imported, whatever the client calls it. */
static VkExternalMemoryHandleTypeFlags
host_handle_types(const struct vn_physical *physical, VkExternalMemoryHandleTypeFlags wanted)
{
    const struct vn_offers *offers = &physical->offers;
    if (physical->plan.is_all_host) {
        return HOST_MEMORY;
    }
    return wanted & ((offers->has_dma_buf ? (VkExternalMemoryHandleTypeFlags)DMA_BUF : 0) |
                     (offers->can_export_opaque ? (VkExternalMemoryHandleTypeFlags)OPAQUE_FD : 0));
}

/*
 * Vulkan wants a buffer that imported memory is bound to to be told of it when it is made.  Where all memory is imported, that
 * is every buffer.  Elsewhere it stays unsaid (as it does in every other renderer): it could bar the buffer from memory types.
 */
void
vn_emulate_buffer_info(const struct vn_physical *physical, VkExternalMemoryBufferCreateInfo *room,
                       VkBufferCreateInfo *info)
{
    VkExternalMemoryBufferCreateInfo *external =
        vn_chain_take(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
    VkExternalMemoryHandleTypeFlags types =
        host_handle_types(physical, external ? external->handleTypes : 0);
    bool is_sparse = info->flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT;
    if (types != 0 && !is_sparse) {
        *room = (VkExternalMemoryBufferCreateInfo){
            .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
            .handleTypes = types,
        };
        vn_chain_add(info, room);
    }
}

/* Does the host make this image so that imported host memory can be bound to it? */
static bool
can_import_image(const struct vn_physical *physical, const VkImageCreateInfo *info)
{
    const VkImageStencilUsageCreateInfo *stencil =
        vn_chain_find(info, VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO);
    VkImageStencilUsageCreateInfo stencil_copy = { 0 };
    const VkImageFormatListCreateInfo *formats =
        vn_chain_find(info, VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO);
    VkImageFormatListCreateInfo formats_copy = { 0 };
    VkPhysicalDeviceExternalImageFormatInfo external = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
        .handleType = HOST_MEMORY,
    };
    VkPhysicalDeviceImageFormatInfo2 question = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
        .pNext = &external,
        .format = info->format,
        .type = info->imageType,
        .tiling = info->tiling,
        .usage = info->usage,
        .flags = info->flags,
    };
    if (stencil) {
        stencil_copy = *stencil;
        vn_chain_add(&question, &stencil_copy);
    }
    if (formats) {
        formats_copy = *formats;
        vn_chain_add(&question, &formats_copy);
    }
    VkExternalImageFormatProperties answer = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES,
    };
    VkImageFormatProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
        .pNext = &answer,
    };
    return physical->instance->vk.vkGetPhysicalDeviceImageFormatProperties2(
               physical->handle, &question, &properties) == VK_SUCCESS &&
           (answer.externalMemoryProperties.externalMemoryFeatures &
            VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT);
}

/* From a list of modifiers to linear tiling. */
static VkResult
make_linear(VkImageCreateInfo *info)
{
    const VkImageDrmFormatModifierListCreateInfoEXT *list =
        vn_chain_take(info, VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT);
    const VkImageDrmFormatModifierExplicitCreateInfoEXT *given =
        vn_chain_take(info, VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT);
    if (info->tiling != VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT) {
        return VK_SUCCESS;
    }
    info->tiling = VK_IMAGE_TILING_LINEAR;
    bool has_linear = given && given->drmFormatModifier == MOD_LINEAR;
    for (uint32_t i = 0; list && i < list->drmFormatModifierCount; i++) {
        has_linear = has_linear || list->pDrmFormatModifiers[i] == MOD_LINEAR;
    }
    return has_linear ? VK_SUCCESS : VK_ERROR_FORMAT_NOT_SUPPORTED;
}

/*
 * Vulkan wants imported memory to be bound only to images that were told of it when they were made
 * (VUID-VkBindImageMemoryInfo-memory-02729), and images told of it to begin with an undefined layout
 * (VUID-VkImageCreateInfo-pNext-01443).  A client that fills a linear image before its first use has it begin PREINITIALIZED,
 * and does nothing wrong: for it all memory is the driver's own.  There is no call without a fault for that, and the first one
 * does no harm: how such an image lies in memory is what vkGetImageSubresourceLayout says, whoever has allocated it; with an
 * undefined layout the host could lose what was filled in.
 */
VkResult
vn_emulate_image_info(const struct vn_physical *physical, VkExternalMemoryImageCreateInfo *room,
                      VkImageCreateInfo *info)
{
    VkResult result = emulates_modifiers(physical) ? make_linear(info) : VK_SUCCESS;
    VkExternalMemoryImageCreateInfo *external =
        vn_chain_take(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
    VkExternalMemoryHandleTypeFlags types =
        host_handle_types(physical, external ? external->handleTypes : 0);
    bool is_sayable = !(info->flags & VK_IMAGE_CREATE_SPARSE_BINDING_BIT) &&
                      info->initialLayout == VK_IMAGE_LAYOUT_UNDEFINED;
    if (types == HOST_MEMORY) {
        is_sayable = is_sayable && can_import_image(physical, info);
    }
    if (result == VK_SUCCESS && types != 0 && is_sayable) {
        *room = (VkExternalMemoryImageCreateInfo){
            .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
            .handleTypes = types,
        };
        vn_chain_add(info, room);
    }
    return result;
}
