/* See compute.h. */
#include "kernel/vulkan/compute.h"

#include <string.h>

#include "kernel/vulkan/shaders.h"

enum { GROUP = 64 }; /* local_size_x of mix.comp */

struct job {
    struct vk_session *s;
    struct vk_buffer data;
    VkShaderModule module;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    VkDescriptorPool pool;
    VkDescriptorSet set;
};

static VkResult
make_pipeline(struct job *job)
{
    struct vk_session *s = job->s;
    const VkDescriptorSetLayoutBinding binding = {
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .descriptorCount = 1,
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
    };
    const VkDescriptorSetLayoutCreateInfo sets = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = 1,
        .pBindings = &binding,
    };
    VkResult result = vk_shader_make(s, &vk_shader_mix_comp, &job->module);
    if (result == VK_SUCCESS) {
        result = vvk_CreateDescriptorSetLayout(s->vvk, s->device, &sets, &job->set_layout);
    }
    const VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &job->set_layout,
    };
    if (result == VK_SUCCESS) {
        result = vvk_CreatePipelineLayout(s->vvk, s->device, &layout, &job->layout);
    }
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage = {
            .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
            .stage = VK_SHADER_STAGE_COMPUTE_BIT,
            .module = job->module,
            .pName = "main",
        },
        .layout = job->layout,
    };
    s->step = "vkCreateComputePipelines";
    return result == VK_SUCCESS ? vvk_CreateComputePipelines(s->vvk, s->device, VK_NULL_HANDLE, 1,
                                                             &info, &job->pipeline)
                                : result;
}

static VkResult
make_set(struct job *job)
{
    struct vk_session *s = job->s;
    const VkDescriptorPoolSize size = { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1 };
    const VkDescriptorPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = 1,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    s->step = "vkAllocateDescriptorSets";
    VkResult result = vvk_CreateDescriptorPool(s->vvk, s->device, &pool, &job->pool);
    const VkDescriptorSetAllocateInfo allocation = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = job->pool,
        .descriptorSetCount = 1,
        .pSetLayouts = &job->set_layout,
    };
    if (result == VK_SUCCESS) {
        result = vvk_AllocateDescriptorSets(s->vvk, s->device, &allocation, &job->set);
    }
    const VkDescriptorBufferInfo whole = { .buffer = job->data.buffer, .range = VK_WHOLE_SIZE };
    const VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = job->set,
        .descriptorCount = 1,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .pBufferInfo = &whole,
    };
    if (result == VK_SUCCESS) {
        vvk_UpdateDescriptorSets(s->vvk, s->device, 1, &write, 0, NULL);
    }
    return result;
}

/* Record, submit, wait: once over all numbers. */
static VkResult
run_round(struct job *job, uint32_t count)
{
    struct vk_session *s = job->s;
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
    };
    VkResult result = vk_record(s);
    if (result != VK_SUCCESS) {
        return result;
    }
    vvk_CmdBindPipeline(s->vvk, s->commands, VK_PIPELINE_BIND_POINT_COMPUTE, job->pipeline);
    vvk_CmdBindDescriptorSets(s->vvk, s->commands, VK_PIPELINE_BIND_POINT_COMPUTE, job->layout, 0,
                              1, &job->set, 0, NULL);
    vvk_CmdDispatch(s->vvk, s->commands, count / GROUP, 1, 1);
    vvk_CmdPipelineBarrier(s->vvk, s->commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                           VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
    return vk_run(s);
}

static uint32_t
expected_value(uint32_t idx, uint32_t rounds)
{
    uint32_t value = idx;
    for (uint32_t i = 0; i < rounds; i++) {
        value = value * value + idx;
    }
    return value;
}

static void
check(const struct job *job, struct vk_compute *compute)
{
    const uint32_t *numbers = job->data.blob.memory;
    for (uint32_t i = 0; i < compute->count; i++) {
        uint32_t expected = expected_value(i, compute->rounds);
        if (numbers[i] != expected && compute->wrong_count++ == 0) {
            compute->first_wrong = i;
            compute->found = numbers[i];
            compute->expected = expected;
        }
    }
}

static VkResult
run_rounds(struct job *job, struct vk_compute *compute)
{
    const struct vvk_way *way = job->s->vvk->way;
    uint64_t last_ns = way->now_ns(way->ctx);
    uint64_t begin_ns = last_ns;
    compute->shortest_ns = UINT64_MAX;
    for (uint32_t i = 0; i < compute->rounds; i++) {
        VkResult result = run_round(job, compute->count);
        if (result != VK_SUCCESS) {
            return result;
        }
        uint64_t now_ns = way->now_ns(way->ctx);
        compute->shortest_ns =
            now_ns - last_ns < compute->shortest_ns ? now_ns - last_ns : compute->shortest_ns;
        last_ns = now_ns;
    }
    compute->total_ns = last_ns - begin_ns;
    return VK_SUCCESS;
}

static void
finish(struct job *job)
{
    struct vk_session *s = job->s;
    vvk_DestroyDescriptorPool(s->vvk, s->device, job->pool);
    vvk_DestroyPipeline(s->vvk, s->device, job->pipeline);
    vvk_DestroyPipelineLayout(s->vvk, s->device, job->layout);
    vvk_DestroyDescriptorSetLayout(s->vvk, s->device, job->set_layout);
    vvk_DestroyShaderModule(s->vvk, s->device, job->module);
    vk_buffer_free(s, &job->data);
}

VkResult
vk_compute_run(struct vk_session *session, struct vk_compute *compute)
{
    struct job job = { .s = session };
    compute->count = (compute->count + GROUP - 1) / GROUP * GROUP;
    compute->wrong_count = 0;
    VkResult result = vk_buffer_make(session, (uint64_t)compute->count * sizeof(uint32_t),
                                     VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, &job.data);
    if (result == VK_SUCCESS) {
        uint32_t *numbers = job.data.blob.memory;
        for (uint32_t i = 0; i < compute->count; i++) {
            numbers[i] = i;
        }
        result = make_pipeline(&job);
    }
    if (result == VK_SUCCESS) {
        result = make_set(&job);
    }
    if (result == VK_SUCCESS) {
        result = run_rounds(&job, compute);
    }
    if (result == VK_SUCCESS) {
        check(&job, compute);
    }
    finish(&job);
    return result;
}
