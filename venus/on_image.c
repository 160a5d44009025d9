/* Buffers and images: made so that this context's memory can be bound to them. */
#include "venus/call.h"
#include "venus/chain.h"
#include "venus/image.h"

void
vn_on_vkCreateBuffer(struct vn_exec *exec, struct vn_args_vkCreateBuffer *args)
{
    struct vn_device *device = vn_device_of(exec);
    VkBufferCreateInfo *info = vn_mutable(args->pCreateInfo);
    VkExternalMemoryBufferCreateInfo room;
    vn_emulate_buffer_info(device->physical, &room, info);
    VkBuffer host = VK_NULL_HANDLE;
    args->ret = device->vk.vkCreateBuffer(args->device, info, NULL, &host);
    (void)vn_chain_take(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
    vn_exec_created(exec, VN_HANDLE_VkBuffer, (uint64_t *)args->pBuffer, (const uint64_t *)&host, 1,
                    args->ret);
}

void
vn_on_vkGetDeviceBufferMemoryRequirements(struct vn_exec *exec,
                                          struct vn_args_vkGetDeviceBufferMemoryRequirements *args)
{
    const struct vn_device *device = vn_device_of(exec);
    if (!device->vk.vkGetDeviceBufferMemoryRequirements) {
        vn_exec_absent(exec);
        return;
    }
    VkBufferCreateInfo *info = vn_mutable(args->pInfo->pCreateInfo);
    VkExternalMemoryBufferCreateInfo room;
    vn_emulate_buffer_info(device->physical, &room, info);
    device->vk.vkGetDeviceBufferMemoryRequirements(args->device, args->pInfo,
                                                   args->pMemoryRequirements);
    (void)vn_chain_take(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
}

static void
free_image(struct venus *venus, struct vn_object *object)
{
    vn_retire(venus, object->data);
}

/* Does the client demand this layout in memory, with a modifier, and is it another than the host's linear one? */
static bool
has_other_layout(const struct vn_device *device, VkImage image,
                 const VkImageDrmFormatModifierExplicitCreateInfoEXT *demanded)
{
    const VkImageSubresource subresource = { .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT };
    VkSubresourceLayout layout = { 0 };
    if (!demanded) {
        return false;
    }
    device->vk.vkGetImageSubresourceLayout(device->handle, image, &subresource, &layout);
    return demanded->drmFormatModifierPlaneCount != 1 ||
           demanded->pPlaneLayouts[0].offset != layout.offset ||
           demanded->pPlaneLayouts[0].rowPitch != layout.rowPitch;
}

static VkResult
create_image(const struct vn_device *device, VkImageCreateInfo *info, VkImage *host)
{
    const VkImageDrmFormatModifierExplicitCreateInfoEXT *demanded = NULL;
    if (vn_emulates_extension(device->physical, "VK_EXT_image_drm_format_modifier")) {
        demanded = vn_chain_find(
            info, VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT);
    }
    VkExternalMemoryImageCreateInfo room;
    VkResult result = vn_emulate_image_info(device->physical, &room, info);
    if (result == VK_SUCCESS) {
        result = device->vk.vkCreateImage(device->handle, info, NULL, host);
    }
    (void)vn_chain_take(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
    if (result == VK_SUCCESS && has_other_layout(device, *host, demanded)) {
        device->vk.vkDestroyImage(device->handle, *host, NULL);
        return VK_ERROR_INVALID_DRM_FORMAT_MODIFIER_PLANE_LAYOUT_EXT;
    }
    return result;
}

void
vn_on_vkCreateImage(struct vn_exec *exec, struct vn_args_vkCreateImage *args)
{
    const struct vn_device *device = vn_device_of(exec);
    VkImageCreateInfo *info = vn_mutable(args->pCreateInfo);
    struct vn_image *image = vn_keep(exec->venus, sizeof(*image));
    VkImage host = VK_NULL_HANDLE;
    args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
    if (image) {
        image->format = info->format;
        image->has_modifier =
            info->tiling == VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT &&
            vn_emulates_extension(device->physical, "VK_EXT_image_drm_format_modifier");
        args->ret = create_image(device, info, &host);
    }
    if (args->ret < 0) {
        vn_retire(exec->venus, image);
        return;
    }
    struct vn_object like = { .id = *(uint64_t *)args->pImage,
                              .host = (uint64_t)host,
                              .type = VN_HANDLE_VkImage,
                              .data = image,
                              .free_data = free_image };
    if (!vn_exec_add(exec, &like)) {
        device->vk.vkDestroyImage(args->device, host, NULL);
        vn_retire(exec->venus, image);
    }
}

void
vn_on_vkGetDeviceImageMemoryRequirements(struct vn_exec *exec,
                                         struct vn_args_vkGetDeviceImageMemoryRequirements *args)
{
    const struct vn_device *device = vn_device_of(exec);
    if (!device->vk.vkGetDeviceImageMemoryRequirements) {
        vn_exec_absent(exec);
        return;
    }
    VkImageCreateInfo *info = vn_mutable(args->pInfo->pCreateInfo);
    VkExternalMemoryImageCreateInfo room;
    if (vn_emulate_image_info(device->physical, &room, info) == VK_SUCCESS) {
        device->vk.vkGetDeviceImageMemoryRequirements(args->device, args->pInfo,
                                                      args->pMemoryRequirements);
    }
    (void)vn_chain_take(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
}

void
vn_on_vkGetDeviceImageSparseMemoryRequirements(
    struct vn_exec *exec, struct vn_args_vkGetDeviceImageSparseMemoryRequirements *args)
{
    const struct vn_device *device = vn_device_of(exec);
    if (!device->vk.vkGetDeviceImageSparseMemoryRequirements) {
        vn_exec_absent(exec);
        return;
    }
    VkImageCreateInfo *info = vn_mutable(args->pInfo->pCreateInfo);
    VkExternalMemoryImageCreateInfo room;
    if (vn_emulate_image_info(device->physical, &room, info) == VK_SUCCESS) {
        device->vk.vkGetDeviceImageSparseMemoryRequirements(args->device, args->pInfo,
                                                            args->pSparseMemoryRequirementCount,
                                                            args->pSparseMemoryRequirements);
    } else {
        *args->pSparseMemoryRequirementCount = 0;
    }
    (void)vn_chain_take(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
}

void
vn_on_vkGetDeviceImageSubresourceLayout(struct vn_exec *exec,
                                        struct vn_args_vkGetDeviceImageSubresourceLayout *args)
{
    const struct vn_device *device = vn_device_of(exec);
    if (!device->vk.vkGetDeviceImageSubresourceLayout) {
        vn_exec_absent(exec);
        return;
    }
    VkImageCreateInfo *info = vn_mutable(args->pInfo->pCreateInfo);
    VkImageSubresource2 *subresource = vn_mutable(args->pInfo->pSubresource);
    if (info->tiling == VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT &&
        vn_emulates_extension(device->physical, "VK_EXT_image_drm_format_modifier")) {
        subresource->imageSubresource.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT;
    }
    VkExternalMemoryImageCreateInfo room;
    if (vn_emulate_image_info(device->physical, &room, info) == VK_SUCCESS) {
        device->vk.vkGetDeviceImageSubresourceLayout(args->device, args->pInfo, args->pLayout);
    }
    (void)vn_chain_take(info, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO);
}

/* An image with an emulated modifier has one memory plane, which is its colour. */
static void
name_colour(struct vn_exec *exec, VkImage host, VkImageSubresource *subresource)
{
    const struct vn_object *object = vn_exec_object(exec, VN_HANDLE_VkImage, (uint64_t)host);
    const struct vn_image *image = object ? object->data : NULL;
    if (image && image->has_modifier &&
        subresource->aspectMask == VK_IMAGE_ASPECT_MEMORY_PLANE_0_BIT_EXT) {
        subresource->aspectMask = VK_IMAGE_ASPECT_COLOR_BIT;
    }
}

void
vn_on_vkGetImageSubresourceLayout(struct vn_exec *exec,
                                  struct vn_args_vkGetImageSubresourceLayout *args)
{
    name_colour(exec, args->image, vn_mutable(args->pSubresource));
    vn_device_of(exec)->vk.vkGetImageSubresourceLayout(args->device, args->image,
                                                       args->pSubresource, args->pLayout);
}

void
vn_on_vkGetImageSubresourceLayout2(struct vn_exec *exec,
                                   struct vn_args_vkGetImageSubresourceLayout2 *args)
{
    const struct vn_device *device = vn_device_of(exec);
    if (!device->vk.vkGetImageSubresourceLayout2) {
        vn_exec_absent(exec);
        return;
    }
    VkImageSubresource2 *subresource = vn_mutable(args->pSubresource);
    name_colour(exec, args->image, &subresource->imageSubresource);
    device->vk.vkGetImageSubresourceLayout2(args->device, args->image, args->pSubresource,
                                            args->pLayout);
}

void
vn_on_vkGetImageDrmFormatModifierPropertiesEXT(
    struct vn_exec *exec, struct vn_args_vkGetImageDrmFormatModifierPropertiesEXT *args)
{
    const struct vn_device *device = vn_device_of(exec);
    if (vn_emulates_extension(device->physical, "VK_EXT_image_drm_format_modifier")) {
        args->pProperties->drmFormatModifier = 0; /* DRM_FORMAT_MOD_LINEAR: there is no other */
        args->ret = VK_SUCCESS;
        return;
    }
    if (!device->vk.vkGetImageDrmFormatModifierPropertiesEXT) {
        vn_exec_absent(exec);
        return;
    }
    args->ret = device->vk.vkGetImageDrmFormatModifierPropertiesEXT(args->device, args->image,
                                                                    args->pProperties);
}
