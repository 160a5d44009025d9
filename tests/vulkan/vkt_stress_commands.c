/*
 * Recorded commands: copies, secondary command buffers, inline data, very many commands, one buffer many times.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vulkan/vkt_stress.h"
#include "tests/vulkan/vkt_target.h"
#include "tests/vulkan/vkt_work.h"

#define SIDE_PX           128U
#define PIXEL_COUNT       16384U /* its square */
#define UPDATE_BYTES      65536U /* the most that one vkCmdUpdateBuffer carries */
#define UPDATE_COUNT      24U
#define COMMAND_COUNT     200000U
#define LARGE_WORD_COUNT  4096U
#define SECONDARY_COUNT   8U
#define RESUBMIT_COUNT    50
#define BUFFER_BOTH_USAGE (VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT)

static struct vkt_image
copy_image(const struct vkt *t)
{
    VkExtent3D extent = { SIDE_PX, SIDE_PX, 1 };

    return vkt_image_create(t, VKT_COLOR_FORMAT, extent,
                            VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT |
                                VK_IMAGE_USAGE_SAMPLED_BIT,
                            VK_IMAGE_ASPECT_COLOR_BIT);
}

/* Records: buffer to the first image, that to the second (copied or blitted), that back to the buffer's other half. */
static void
record_copies(VkCommandBuffer cmd, const struct vkt_image *images, VkBuffer buffer, bool is_blit)
{
    VkImageSubresourceLayers layers = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1 };
    VkBufferImageCopy whole = vkt_whole_image(images[0].extent);
    VkImageCopy copy = { .srcSubresource = layers,
                         .dstSubresource = layers,
                         .extent = images[0].extent };
    VkImageBlit blit = {
        .srcSubresource = layers,
        .srcOffsets = {{ 0, 0, 0 },  { (int32_t)SIDE_PX, (int32_t)SIDE_PX, 1 }},
        .dstSubresource = layers,
        .dstOffsets = { { 0, 0, 0 }, { (int32_t)SIDE_PX, (int32_t)SIDE_PX, 1 }},
    };

    vkt_layout(cmd, images[0].image, VK_IMAGE_LAYOUT_UNDEFINED,
               VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    vkt_layout(cmd, images[1].image, VK_IMAGE_LAYOUT_UNDEFINED,
               VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    vk.CmdCopyBufferToImage(cmd, buffer, images[0].image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1,
                            &whole);
    vkt_layout(cmd, images[0].image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
               VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    if (is_blit) {
        vk.CmdBlitImage(cmd, images[0].image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, images[1].image,
                        VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &blit, VK_FILTER_NEAREST);
    } else {
        vk.CmdCopyImage(cmd, images[0].image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, images[1].image,
                        VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &copy);
    }
    vkt_layout(cmd, images[1].image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
               VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    whole.bufferOffset = (VkDeviceSize)PIXEL_COUNT * 4;
    vk.CmdCopyImageToBuffer(cmd, images[1].image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, buffer, 1,
                            &whole);
    vkt_barrier(cmd);
}

static void
clear_and_read(const struct vkt *t, const struct vkt_image *image, const struct vkt_buffer *buffer)
{
    VkClearColorValue color = {
        .float32 = {1.0F, 0.0F, 1.0F, 0.0F}
    };
    VkImageSubresourceRange range = { VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1 };
    VkBufferImageCopy whole = vkt_whole_image(image->extent);
    VkCommandBuffer cmd = vkt_begin(t, t->pool);

    vkt_layout(cmd, image->image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
    vk.CmdClearColorImage(cmd, image->image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &color, 1,
                          &range);
    vkt_layout(cmd, image->image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
               VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
    vk.CmdCopyImageToBuffer(cmd, image->image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, buffer->buffer,
                            1, &whole);
    vkt_barrier(cmd);
    vkt_submit_wait(t, t->pool, cmd);
    for (uint32_t i = 0; i < PIXEL_COUNT; i++) {
        if (((uint32_t *)buffer->map)[i] != 0x00ff00ffU) {
            vkt_fail("pixel %u is 0x%08x after vkCmdClearColorImage", i,
                     ((uint32_t *)buffer->map)[i]);
        }
    }
}

void
vkt_stress_copies(struct vkt_stress *s)
{
    const struct vkt *t = &s->t;
    struct vkt_buffer buffer =
        vkt_buffer_create(t, (VkDeviceSize)PIXEL_COUNT * 8, BUFFER_BOTH_USAGE);
    struct vkt_image images[2] = { copy_image(t), copy_image(t) };
    uint32_t *pixels = buffer.map;

    for (int round = 0; round < 8; round++) {
        VkCommandBuffer cmd = vkt_begin(t, t->pool);

        for (uint32_t i = 0; i < PIXEL_COUNT; i++) {
            pixels[i] = i * 2654435761U + (uint32_t)round;
            pixels[PIXEL_COUNT + i] = 0;
        }
        record_copies(cmd, images, buffer.buffer, round % 2 != 0);
        vkt_submit_wait(t, t->pool, cmd);
        if (memcmp(pixels, pixels + PIXEL_COUNT, (size_t)PIXEL_COUNT * 4) != 0) {
            vkt_fail("pixels differ after %s", round % 2 != 0 ? "a blit" : "a copy");
        }
    }
    clear_and_read(t, &images[0], &buffer);
    vkt_image_destroy(t, &images[0]);
    vkt_image_destroy(t, &images[1]);
    vkt_buffer_destroy(t, &buffer);
}

static void
record_secondaries(const struct vkt *t, VkCommandBuffer *secondaries, VkBuffer buffer)
{
    VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = t->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_SECONDARY,
        .commandBufferCount = SECONDARY_COUNT,
    };
    VkCommandBufferInheritanceInfo inheritance = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO
    };
    VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT,
        .pInheritanceInfo = &inheritance,
    };

    VKT_MUST(vk.AllocateCommandBuffers(t->device, &info, secondaries));
    for (uint32_t i = 0; i < SECONDARY_COUNT; i++) {
        VKT_MUST(vk.BeginCommandBuffer(secondaries[i], &begin));
        vk.CmdFillBuffer(secondaries[i], buffer, i * 64ULL, 64, 0x1000 + i);
        VKT_MUST(vk.EndCommandBuffer(secondaries[i]));
    }
}

void
vkt_stress_secondary(struct vkt_stress *s)
{
    const struct vkt *t = &s->t;
    struct vkt_buffer buffer = vkt_buffer_create(t, SECONDARY_COUNT * 64ULL, BUFFER_BOTH_USAGE);
    VkCommandBuffer secondaries[SECONDARY_COUNT];

    record_secondaries(t, secondaries, buffer.buffer);
    for (int round = 0; round < 3; round++) {
        VkCommandBuffer cmd = vkt_begin(t, t->pool);

        memset(buffer.map, 0, SECONDARY_COUNT * 64ULL);
        vk.CmdExecuteCommands(cmd, SECONDARY_COUNT, secondaries);
        vkt_barrier(cmd);
        vkt_submit_wait(t, t->pool, cmd);
        for (uint32_t i = 0; i < SECONDARY_COUNT * 16; i++) {
            if (((uint32_t *)buffer.map)[i] != 0x1000 + i / 16) {
                vkt_fail("word %u is wrong after secondary command buffers", i);
            }
        }
    }
    vk.FreeCommandBuffers(t->device, t->pool, SECONDARY_COUNT, secondaries);
    vkt_buffer_destroy(t, &buffer);
}

void
vkt_stress_update(struct vkt_stress *s)
{
    const struct vkt *t = &s->t;
    size_t size_bytes = (size_t)UPDATE_BYTES * UPDATE_COUNT;
    struct vkt_buffer buffer = vkt_buffer_create(t, size_bytes, BUFFER_BOTH_USAGE);
    uint8_t *bytes = malloc(size_bytes);
    VkCommandBuffer cmd = vkt_begin(t, t->pool);

    if (bytes == NULL) {
        vkt_fail("no memory");
    }
    for (size_t i = 0; i < size_bytes; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    }
    for (uint32_t i = 0; i < UPDATE_COUNT; i++) {
        vk.CmdUpdateBuffer(cmd, buffer.buffer, (VkDeviceSize)i * UPDATE_BYTES, UPDATE_BYTES,
                           bytes + (size_t)i * UPDATE_BYTES);
    }
    vkt_barrier(cmd);
    vkt_submit_wait(t, t->pool, cmd);
    if (memcmp(bytes, buffer.map, size_bytes) != 0) {
        vkt_fail("%zu bytes of inline updates arrived changed", size_bytes);
    }
    free(bytes);
    vkt_buffer_destroy(t, &buffer);
}

void
vkt_stress_large(struct vkt_stress *s)
{
    const struct vkt *t = &s->t;
    struct vkt_buffer buffer = vkt_buffer_create(t, LARGE_WORD_COUNT * 4ULL, BUFFER_BOTH_USAGE);
    VkCommandBuffer cmd = vkt_begin(t, t->pool);

    for (uint32_t i = 0; i < COMMAND_COUNT - LARGE_WORD_COUNT; i++) {
        VkViewport viewport = { 0.0F, 0.0F, (float)(i % 100 + 1), 1.0F, 0.0F, 1.0F };

        vk.CmdSetViewport(cmd, 0, 1, &viewport);
    }
    for (uint32_t i = 0; i < LARGE_WORD_COUNT; i++) {
        vk.CmdFillBuffer(cmd, buffer.buffer, i * 4ULL, 4, i ^ 0xa5a5a5a5U);
    }
    vkt_barrier(cmd);
    vkt_submit_wait(t, t->pool, cmd);
    for (uint32_t i = 0; i < LARGE_WORD_COUNT; i++) {
        if (((uint32_t *)buffer.map)[i] != (i ^ 0xa5a5a5a5U)) {
            vkt_fail("word %u is wrong at the end of a large command buffer", i);
        }
    }
    vkt_buffer_destroy(t, &buffer);
}

/* Each run adds to what the one before left: the source is overwritten with the result. */
void
vkt_stress_reuse(struct vkt_stress *s)
{
    const struct vkt *t = &s->t;
    VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | BUFFER_BOTH_USAGE;
    struct vkt_buffer source = vkt_buffer_create(t, 4096, usage);
    struct vkt_buffer target = vkt_buffer_create(t, 4096, usage);
    struct vkt_buffer group = vkt_buffer_create(t, 12, VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT);
    struct vkt_work work = vkt_work_create(t, VK_NULL_HANDLE);
    const uint32_t groups[3] = { 4096 / 4 / VKT_WORK_GROUP_SIZE, 1, 1 };
    VkBufferCopy copy = { 0, 0, 4096 };
    VkFence fence = vkt_fence_create(t);
    VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
    VkCommandBuffer cmd = vkt_begin(t, t->pool);
    uint32_t expected = 12345;

    VKT_MUST(vk.EndCommandBuffer(cmd));
    VKT_MUST(vk.BeginCommandBuffer(cmd, &begin)); /* resets it: now for many submissions */
    memcpy(group.map, groups, sizeof(groups));
    vkt_work_buffers(t, &work, source.buffer, target.buffer);
    vkt_work_record(&work, cmd, 1024, 9);
    vk.CmdDispatchIndirect(cmd, group.buffer, 0);
    vkt_barrier(cmd);
    vk.CmdCopyBuffer(cmd, target.buffer, source.buffer, 1, &copy);
    vkt_barrier(cmd);
    VKT_MUST(vk.EndCommandBuffer(cmd));
    memset(source.map, 0, 4096);
    ((uint32_t *)source.map)[5] = expected;
    for (int i = 0; i < RESUBMIT_COUNT; i++) {
        vkt_run(t, cmd, fence);
        expected = vkt_work_expected(expected, 5, 9);
    }
    if (((uint32_t *)source.map)[5] != expected) {
        vkt_fail("after %d submissions of one command buffer the result is wrong", RESUBMIT_COUNT);
    }
    vk.FreeCommandBuffers(t->device, t->pool, 1, &cmd);
    vk.DestroyFence(t->device, fence, NULL);
    vkt_work_destroy(t, &work);
    vkt_buffer_destroy(t, &group);
    vkt_buffer_destroy(t, &target);
    vkt_buffer_destroy(t, &source);
}
