/*
 * The one compute pipeline of the client programs, from shaders/vkt_mix.comp: storage buffer 0 in, 1 out.
 */
#pragma once

#include "tests/vulkan/vkt.h"

#define VKT_WORK_GROUP_SIZE 64U

struct vkt_work_constants {
    uint32_t count;
    uint32_t seed;
};

struct vkt_work {
    VkShaderModule module;
    VkDescriptorSetLayout set_layout;
    VkDescriptorPool set_pool;
    VkDescriptorSet set;
    VkPipelineLayout layout;
    VkPipeline pipeline;
};

/* The pipeline (built with `cache`, which may be VK_NULL_HANDLE) and a descriptor set of its own. */
struct vkt_work vkt_work_create(const struct vkt *t, VkPipelineCache cache);
/* The same in two steps: all but the set and its pool, then these. */
struct vkt_work vkt_work_build(const struct vkt *t, VkPipelineCache cache);
void vkt_work_add_set(const struct vkt *t, struct vkt_work *w);
void vkt_work_destroy(const struct vkt *t, struct vkt_work *w);

/* Points the set at two buffers. */
void
vkt_work_buffers(const struct vkt *t, const struct vkt_work *w, VkBuffer source, VkBuffer target);

/* Records bind, constants, dispatch over `count` elements, and a barrier. */
void vkt_work_record(const struct vkt_work *w, VkCommandBuffer cmd, uint32_t count, uint32_t seed);

/* What element `i` must become, reckoned here. */
uint32_t vkt_work_expected(uint32_t value, uint32_t i, uint32_t seed);
