/*
 * Host image copies: the client sends and gets the bytes with the command, as it has no memory here.
 *
 * The host reads or writes as many bytes as the region takes; whether the client sent or awaits as many is checked first.
 */
#include "venus/call.h"
#include "venus/image.h"

/* What a copy says of its side in memory. */
struct region {
    uint32_t row_length; /* 0: tightly packed */
    uint32_t image_height;
    VkImageSubresourceLayers layers;
    VkExtent3D extent;
};

static uint64_t
blocks(uint64_t texels, uint32_t size)
{
    return (texels + size - 1) / size;
}

/*
 * Are `data_bytes` enough for the region?  Sizes are bounded by 2^32 texels each way, so that sums are made where products could
 * overflow.
 */
static bool
has_room(const struct vn_image *image, const struct region *region, size_t data_bytes)
{
    struct vn_block block = vn_block_of(image->format, region->layers.aspectMask);
    uint64_t row_blocks =
        blocks(region->row_length ? region->row_length : region->extent.width, block.width);
    uint64_t image_rows =
        blocks(region->image_height ? region->image_height : region->extent.height, block.height);
    uint64_t images = (uint64_t)region->extent.depth * region->layers.layerCount;
    uint64_t limit_blocks = block.bytes ? data_bytes / block.bytes : 0;
    if (images == 0 || region->extent.width == 0 || region->extent.height == 0) {
        return true; /* nothing is copied */
    }
    if (region->layers.layerCount == VK_REMAINING_ARRAY_LAYERS || limit_blocks == 0) {
        return false;
    }
    /* The last row of the last image may be shorter; asking for it in full is what Vulkan's copies do for all but that. */
    uint64_t last_blocks = blocks(region->extent.width, block.width);
    uint64_t last_rows = blocks(region->extent.height, block.height) - 1;
    if (row_blocks == 0 || image_rows == 0 || last_blocks > limit_blocks) {
        return false;
    }
    uint64_t left_rows = (limit_blocks - last_blocks) / row_blocks;
    return last_rows <= left_rows && (images - 1) <= (left_rows - last_rows) / image_rows;
}

/*
 * With VK_HOST_IMAGE_COPY_MEMCPY the host copies whole subresources in a layout of its own, which may be larger than their texels
 * (Vulkan 1.4, VkSubresourceHostMemcpySize).
 */
static bool
has_room_for_memcpy(const struct vn_device *device, VkImage host, const struct region *region,
                    size_t data_bytes)
{
    VkSubresourceHostMemcpySize size = { .sType = VK_STRUCTURE_TYPE_SUBRESOURCE_HOST_MEMCPY_SIZE };
    VkSubresourceLayout2 layout = { .sType = VK_STRUCTURE_TYPE_SUBRESOURCE_LAYOUT_2,
                                    .pNext = &size };
    const VkImageSubresource2 subresource = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_SUBRESOURCE_2,
        .imageSubresource = {region->layers.aspectMask, region->layers.mipLevel,
                             region->layers.baseArrayLayer},
    };
    if (!device->vk.vkGetImageSubresourceLayout2 || region->layers.layerCount == 0) {
        return false;
    }
    device->vk.vkGetImageSubresourceLayout2(device->handle, host, &subresource, &layout);
    return size.size != 0 && size.size <= data_bytes / region->layers.layerCount;
}

static bool
check_region(struct vn_exec *exec, VkImage host, VkHostImageCopyFlags flags,
             const struct region *region, size_t data_bytes)
{
    const struct vn_object *object = vn_exec_object(exec, VN_HANDLE_VkImage, (uint64_t)host);
    bool is_right = object && object->data && has_room(object->data, region, data_bytes);
    if (is_right && (flags & VK_HOST_IMAGE_COPY_MEMCPY_EXT)) {
        is_right = has_room_for_memcpy(vn_device_of(exec), host, region, data_bytes);
    }
    if (is_right) {
        return true;
    }
    vn_exec_fatal(exec, "a copy of %ux%ux%u texels does not fit into %zu bytes",
                  region->extent.width, region->extent.height, region->extent.depth, data_bytes);
    return false;
}

void
vn_on_vkCopyImageToMemoryMESA(struct vn_exec *exec, struct vn_args_vkCopyImageToMemoryMESA *args)
{
    const struct vn_device *device = vn_device_of(exec);
    const VkCopyImageToMemoryInfoMESA *info = args->pCopyImageToMemoryInfo;
    const struct region region = { info->memoryRowLength, info->memoryImageHeight,
                                   info->imageSubresource, info->imageExtent };
    if (!device->vk.vkCopyImageToMemory) {
        vn_exec_absent(exec);
        return;
    }
    if (!check_region(exec, info->srcImage, info->flags, &region, args->dataSize)) {
        return;
    }
    const VkImageToMemoryCopy copy = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_TO_MEMORY_COPY,
        .pHostPointer = args->pData,
        .memoryRowLength = info->memoryRowLength,
        .memoryImageHeight = info->memoryImageHeight,
        .imageSubresource = info->imageSubresource,
        .imageOffset = info->imageOffset,
        .imageExtent = info->imageExtent,
    };
    const VkCopyImageToMemoryInfo host_info = {
        .sType = VK_STRUCTURE_TYPE_COPY_IMAGE_TO_MEMORY_INFO,
        .flags = info->flags,
        .srcImage = info->srcImage,
        .srcImageLayout = info->srcImageLayout,
        .regionCount = 1,
        .pRegions = &copy,
    };
    args->ret = device->vk.vkCopyImageToMemory(args->device, &host_info);
}

/* Returns: the regions as the host has them; NULL: already fatal. */
static VkMemoryToImageCopy *
host_regions(struct vn_exec *exec, const VkCopyMemoryToImageInfoMESA *info)
{
    VkMemoryToImageCopy *copies =
        vn_exec_alloc(exec, (size_t)info->regionCount + 1, sizeof(*copies));
    for (uint32_t i = 0; copies && i < info->regionCount; i++) {
        const VkMemoryToImageCopyMESA *from = &info->pRegions[i];
        const struct region region = { from->memoryRowLength, from->memoryImageHeight,
                                       from->imageSubresource, from->imageExtent };
        if (!check_region(exec, info->dstImage, info->flags, &region, from->dataSize)) {
            return NULL;
        }
        copies[i] = (VkMemoryToImageCopy){
            .sType = VK_STRUCTURE_TYPE_MEMORY_TO_IMAGE_COPY,
            .pHostPointer = from->pData,
            .memoryRowLength = from->memoryRowLength,
            .memoryImageHeight = from->memoryImageHeight,
            .imageSubresource = from->imageSubresource,
            .imageOffset = from->imageOffset,
            .imageExtent = from->imageExtent,
        };
    }
    return copies;
}

void
vn_on_vkCopyMemoryToImageMESA(struct vn_exec *exec, struct vn_args_vkCopyMemoryToImageMESA *args)
{
    const struct vn_device *device = vn_device_of(exec);
    const VkCopyMemoryToImageInfoMESA *info = args->pCopyMemoryToImageInfo;
    if (!device->vk.vkCopyMemoryToImage) {
        vn_exec_absent(exec);
        return;
    }
    const VkMemoryToImageCopy *copies = host_regions(exec, info);
    if (!copies) {
        return;
    }
    const VkCopyMemoryToImageInfo host_info = {
        .sType = VK_STRUCTURE_TYPE_COPY_MEMORY_TO_IMAGE_INFO,
        .flags = info->flags,
        .dstImage = info->dstImage,
        .dstImageLayout = info->dstImageLayout,
        .regionCount = info->regionCount,
        .pRegions = copies,
    };
    args->ret = device->vk.vkCopyMemoryToImage(args->device, &host_info);
}
