/*
 * The compute pipeline that several programs share, and the same reckoning on the CPU.
 */
#include "tests/vulkan/vkt_work.h"

#include <string.h>

#define ROUND_COUNT 32U

static void
create_layouts(const struct vkt *t, struct vkt_work *w)
{
    VkDescriptorSetLayoutBinding bindings[2] = {
        {0,  VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL},
        { 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL},
    };
    VkDescriptorSetLayoutCreateInfo set_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = 2,
        .pBindings = bindings,
    };
    VkPushConstantRange range = { VK_SHADER_STAGE_COMPUTE_BIT, 0,
                                  sizeof(struct vkt_work_constants) };
    VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &w->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &range,
    };

    VKT_MUST(vk.CreateDescriptorSetLayout(t->device, &set_info, NULL, &w->set_layout));
    VKT_MUST(vk.CreatePipelineLayout(t->device, &info, NULL, &w->layout));
}

void
vkt_work_add_set(const struct vkt *t, struct vkt_work *w)
{
    VkDescriptorPoolSize size = { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 2 };
    VkDescriptorPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = 1,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorSetCount = 1,
        .pSetLayouts = &w->set_layout,
    };

    VKT_MUST(vk.CreateDescriptorPool(t->device, &pool, NULL, &w->set_pool));
    info.descriptorPool = w->set_pool;
    VKT_MUST(vk.AllocateDescriptorSets(t->device, &info, &w->set));
}

struct vkt_work
vkt_work_create(const struct vkt *t, VkPipelineCache cache)
{
    struct vkt_work w = vkt_work_build(t, cache);

    vkt_work_add_set(t, &w);
    return w;
}

struct vkt_work
vkt_work_build(const struct vkt *t, VkPipelineCache cache)
{
    struct vkt_work w = { .module = vkt_shader(t, "vkt_mix.comp") };
    VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = w.module,
                  .pName = "main"},
    };

    create_layouts(t, &w);
    info.layout = w.layout;
    VKT_MUST(vk.CreateComputePipelines(t->device, cache, 1, &info, NULL, &w.pipeline));
    return w;
}

void
vkt_work_destroy(const struct vkt *t, struct vkt_work *w)
{
    vk.DestroyPipeline(t->device, w->pipeline, NULL);
    vk.DestroyPipelineLayout(t->device, w->layout, NULL);
    vk.DestroyDescriptorPool(t->device, w->set_pool, NULL);
    vk.DestroyDescriptorSetLayout(t->device, w->set_layout, NULL);
    vk.DestroyShaderModule(t->device, w->module, NULL);
    memset(w, 0, sizeof(*w));
}

void
vkt_work_buffers(const struct vkt *t, const struct vkt_work *w, VkBuffer source, VkBuffer target)
{
    VkDescriptorBufferInfo buffers[2] = {
        {source,  0, VK_WHOLE_SIZE},
        { target, 0, VK_WHOLE_SIZE},
    };
    VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = w->set,
        .descriptorCount = 2, /* runs on from binding 0 into binding 1 */
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .pBufferInfo = buffers,
    };

    vk.UpdateDescriptorSets(t->device, 1, &write, 0, NULL);
}

void
vkt_work_record(const struct vkt_work *w, VkCommandBuffer cmd, uint32_t count, uint32_t seed)
{
    struct vkt_work_constants constants = { count, seed };

    vk.CmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, w->pipeline);
    vk.CmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, w->layout, 0, 1, &w->set, 0,
                             NULL);
    vk.CmdPushConstants(cmd, w->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(constants),
                        &constants);
    vk.CmdDispatch(cmd, (count + VKT_WORK_GROUP_SIZE - 1) / VKT_WORK_GROUP_SIZE, 1, 1);
    vkt_barrier(cmd);
}

uint32_t
vkt_work_expected(uint32_t value, uint32_t i, uint32_t seed)
{
    uint32_t x = value ^ (seed + i);
    uint32_t steps = 0;

    while (steps < ROUND_COUNT && x != 1) {
        if (x % 2 == 0) {
            x /= 2;
        } else {
            x = 3 * x + 1;
        }
        steps++;
    }
    return x + (steps << 24);
}
