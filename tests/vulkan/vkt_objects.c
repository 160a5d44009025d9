/*
 * Buffers, images, shaders and command buffers of the client programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libgen.h>
#include <unistd.h>

#include "tests/vulkan/vkt.h"

#define PATH_BYTES       4096
#define SHADER_BYTES_MAX (64U << 10)
#define FENCE_TIMEOUT_NS (60ULL * 1000000000ULL)
#define FNV_OFFSET       0xcbf29ce484222325ULL
#define FNV_PRIME        0x100000001b3ULL
#define COHERENT_FLAGS   (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)

uint32_t
vkt_memory_type(const struct vkt *t, uint32_t type_bits, VkMemoryPropertyFlags flags)
{
    for (uint32_t i = 0; i < t->memory.memoryTypeCount; i++) {
        if ((type_bits & 1U << i) != 0 &&
            (t->memory.memoryTypes[i].propertyFlags & flags) == flags) {
            return i;
        }
    }
    vkt_fail("no memory type of 0x%x has the flags 0x%x", type_bits, flags);
}

VkDeviceMemory
vkt_allocate(const struct vkt *t, const VkMemoryRequirements *requirements,
             VkMemoryPropertyFlags flags)
{
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = requirements->size,
        .memoryTypeIndex = vkt_memory_type(t, requirements->memoryTypeBits, flags),
    };

    VKT_MUST(vk.AllocateMemory(t->device, &info, NULL, &memory));
    return memory;
}

struct vkt_buffer
vkt_buffer_create(const struct vkt *t, VkDeviceSize size_bytes, VkBufferUsageFlags usage)
{
    struct vkt_buffer b = { .size_bytes = size_bytes };
    VkMemoryRequirements requirements;
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = size_bytes,
        .usage = usage,
    };

    VKT_MUST(vk.CreateBuffer(t->device, &info, NULL, &b.buffer));
    vk.GetBufferMemoryRequirements(t->device, b.buffer, &requirements);
    b.memory = vkt_allocate(t, &requirements, COHERENT_FLAGS);
    VKT_MUST(vk.BindBufferMemory(t->device, b.buffer, b.memory, 0));
    VKT_MUST(vk.MapMemory(t->device, b.memory, 0, VK_WHOLE_SIZE, 0, &b.map));
    return b;
}

void
vkt_buffer_destroy(const struct vkt *t, struct vkt_buffer *b)
{
    vk.DestroyBuffer(t->device, b->buffer, NULL);
    vk.FreeMemory(t->device, b->memory, NULL);
    memset(b, 0, sizeof(*b));
}

static VkImageView
view_create(const struct vkt *t, VkImage image, VkFormat format, VkImageAspectFlags aspect)
{
    VkImageView view = VK_NULL_HANDLE;
    VkImageViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = image,
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = format,
        .subresourceRange = {.aspectMask = aspect, .levelCount = 1, .layerCount = 1},
    };

    VKT_MUST(vk.CreateImageView(t->device, &info, NULL, &view));
    return view;
}

struct vkt_image
vkt_image_create(const struct vkt *t, VkFormat format, VkExtent3D extent, VkImageUsageFlags usage,
                 VkImageAspectFlags aspect)
{
    struct vkt_image i = { .extent = extent };
    VkMemoryRequirements requirements;
    VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = format,
        .extent = extent,
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .tiling = VK_IMAGE_TILING_OPTIMAL,
        .usage = usage,
    };

    VKT_MUST(vk.CreateImage(t->device, &info, NULL, &i.image));
    vk.GetImageMemoryRequirements(t->device, i.image, &requirements);
    i.memory = vkt_allocate(t, &requirements, 0);
    VKT_MUST(vk.BindImageMemory(t->device, i.image, i.memory, 0));
    i.view = view_create(t, i.image, format, aspect);
    return i;
}

void
vkt_image_destroy(const struct vkt *t, struct vkt_image *i)
{
    vk.DestroyImageView(t->device, i->view, NULL);
    vk.DestroyImage(t->device, i->image, NULL);
    vk.FreeMemory(t->device, i->memory, NULL);
    memset(i, 0, sizeof(*i));
}

static size_t
read_beside(const char *name, uint32_t *words, size_t capacity_bytes)
{
    char program[PATH_BYTES] = { 0 };
    char path[2 * PATH_BYTES];
    size_t size_bytes = 0;
    FILE *file = NULL;

    if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0) {
        vkt_fail("cannot tell where the program lies");
    }
    (void)snprintf(path, sizeof(path), "%s/%s.spv", dirname(program), name);
    file = fopen(path, "rb");
    if (file == NULL) {
        vkt_fail("cannot open the shader %s", path);
    }
    size_bytes = fread(words, 1, capacity_bytes, file);
    (void)fclose(file);
    return size_bytes;
}

VkShaderModule
vkt_shader(const struct vkt *t, const char *name)
{
    static _Thread_local uint32_t words[SHADER_BYTES_MAX / sizeof(uint32_t)];
    VkShaderModule module = VK_NULL_HANDLE;
    VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = read_beside(name, words, sizeof(words)),
        .pCode = words,
    };

    VKT_MUST(vk.CreateShaderModule(t->device, &info, NULL, &module));
    return module;
}

VkFence
vkt_fence_create(const struct vkt *t)
{
    VkFence fence = VK_NULL_HANDLE;
    VkFenceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };

    VKT_MUST(vk.CreateFence(t->device, &info, NULL, &fence));
    return fence;
}

VkCommandBuffer
vkt_begin(const struct vkt *t, VkCommandPool pool)
{
    VkCommandBuffer cmd = NULL;
    VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = pool,
        .commandBufferCount = 1,
    };
    VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };

    VKT_MUST(vk.AllocateCommandBuffers(t->device, &info, &cmd));
    VKT_MUST(vk.BeginCommandBuffer(cmd, &begin));
    return cmd;
}

void
vkt_run(const struct vkt *t, VkCommandBuffer cmd, VkFence fence)
{
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = cmd != NULL,
        .pCommandBuffers = &cmd,
    };
    VkResult result = VK_SUCCESS;

    VKT_MUST(vk.QueueSubmit(t->queue, 1, &submit, fence));
    result = vk.WaitForFences(t->device, 1, &fence, VK_TRUE, FENCE_TIMEOUT_NS);
    if (result != VK_SUCCESS) {
        vkt_fail("vkWaitForFences gave VkResult %d", result);
    }
    VKT_MUST(vk.ResetFences(t->device, 1, &fence));
}

void
vkt_submit_wait(const struct vkt *t, VkCommandPool pool, VkCommandBuffer cmd)
{
    VkFence fence = vkt_fence_create(t);

    VKT_MUST(vk.EndCommandBuffer(cmd));
    vkt_run(t, cmd, fence);
    vk.DestroyFence(t->device, fence, NULL);
    vk.FreeCommandBuffers(t->device, pool, 1, &cmd);
}

void
vkt_barrier(VkCommandBuffer cmd)
{
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
        .dstAccessMask =
            VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT | VK_ACCESS_HOST_READ_BIT,
    };

    vk.CmdPipelineBarrier(cmd, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                          VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                          &barrier, 0, NULL, 0, NULL);
}

void
vkt_layout(VkCommandBuffer cmd, VkImage image, VkImageLayout from, VkImageLayout to)
{
    VkImageMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT,
        .oldLayout = from,
        .newLayout = to,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .image = image,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
    };

    vk.CmdPipelineBarrier(cmd, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                          VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0, NULL, 1, &barrier);
}

VkBufferImageCopy
vkt_whole_image(VkExtent3D extent)
{
    VkBufferImageCopy copy = {
        .imageSubresource = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .layerCount = 1},
        .imageExtent = extent,
    };

    return copy;
}

uint64_t
vkt_hash(const void *bytes, size_t size_bytes)
{
    const uint8_t *p = bytes;
    uint64_t hash = FNV_OFFSET;

    for (size_t i = 0; i < size_bytes; i++) {
        hash = (hash ^ p[i]) * FNV_PRIME;
    }
    return hash;
}
