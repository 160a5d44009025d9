/*
 * What the client programs draw into: a colour image, a depth image, a render pass, and pipelines for it.
 */
#pragma once

#include "tests/vulkan/vkt.h"

#define VKT_COLOR_FORMAT VK_FORMAT_R8G8B8A8_UNORM

struct vkt_target {
    struct vkt_image color;
    struct vkt_image depth;
    VkRenderPass pass;
    VkFramebuffer framebuffer;
    VkExtent2D extent;
};

struct vkt_target vkt_target_create(const struct vkt *t, uint32_t width, uint32_t height);
void vkt_target_destroy(const struct vkt *t, struct vkt_target *target);

/* Begins the pass: cleared, viewport and scissor the whole of it.  It ends with colour ready to be copied from. */
void vkt_target_begin(const struct vkt_target *target, VkCommandBuffer cmd);
/* Ends the pass. */
void vkt_target_end(VkCommandBuffer cmd);
/* Records a copy of the colour image into `buffer`, tightly packed, RGBA. */
void vkt_target_copy(const struct vkt_target *target, VkCommandBuffer cmd, VkBuffer buffer);

/* A pipeline of NAME.vert and NAME.frag that draws triangles without vertex buffers, with a depth test. */
VkPipeline vkt_pipeline_create(const struct vkt *t, const struct vkt_target *target,
                               VkPipelineLayout layout, const char *name);
