/*
 * Descriptor sets: written, copied, by template, allocated in masses, freed, their pool reset.
 */
#include <string.h>

#include "tests/vulkan/vkt_stress.h"
#include "tests/vulkan/vkt_work.h"

#define SET_COUNT  256U
#define WORD_COUNT 64U

enum way { WAY_WRITE, WAY_COPY, WAY_TEMPLATE, WAY_COUNT };

static VkDescriptorPool
pool_create(const struct vkt *t)
{
    VkDescriptorPool pool = VK_NULL_HANDLE;
    VkDescriptorPoolSize size = { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 2 * SET_COUNT };
    VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .flags = VK_DESCRIPTOR_POOL_CREATE_FREE_DESCRIPTOR_SET_BIT,
        .maxSets = SET_COUNT,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };

    VKT_MUST(vk.CreateDescriptorPool(t->device, &info, NULL, &pool));
    return pool;
}

static void
allocate(const struct vkt *t, VkDescriptorPool pool, VkDescriptorSetLayout layout,
         VkDescriptorSet *sets)
{
    VkDescriptorSetLayout layouts[SET_COUNT];
    VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = pool,
        .descriptorSetCount = SET_COUNT,
        .pSetLayouts = layouts,
    };

    for (uint32_t i = 0; i < SET_COUNT; i++) {
        layouts[i] = layout;
    }
    VKT_MUST(vk.AllocateDescriptorSets(t->device, &info, sets));
}

static void
fill_by_template(const struct vkt *t, VkDescriptorSetLayout layout, VkDescriptorSet set,
                 const VkDescriptorBufferInfo *buffers)
{
    VkDescriptorUpdateTemplate update = VK_NULL_HANDLE;
    VkDescriptorUpdateTemplateEntry entries[2] = {
        {0,  0, 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 0,                sizeof(*buffers)},
        { 1, 0, 1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, sizeof(*buffers), sizeof(*buffers)},
    };
    VkDescriptorUpdateTemplateCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO,
        .descriptorUpdateEntryCount = 2,
        .pDescriptorUpdateEntries = entries,
        .templateType = VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_DESCRIPTOR_SET,
        .descriptorSetLayout = layout,
    };

    VKT_MUST(vk.CreateDescriptorUpdateTemplate(t->device, &info, NULL, &update));
    vk.UpdateDescriptorSetWithTemplate(t->device, set, update, buffers);
    vk.DestroyDescriptorUpdateTemplate(t->device, update, NULL);
}

static void
fill_by_write(const struct vkt *t, VkDescriptorSet set, const VkDescriptorBufferInfo *buffers)
{
    VkWriteDescriptorSet writes[2] = {
        {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
         .dstSet = set,
         .descriptorCount = 1,
         .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
         .pBufferInfo = &buffers[0]},
        { .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
         .dstSet = set,
         .dstBinding = 1,
         .descriptorCount = 1,
         .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
         .pBufferInfo = &buffers[1] },
    };

    vk.UpdateDescriptorSets(t->device, 2, writes, 0, NULL);
}

static void
copy_set(const struct vkt *t, VkDescriptorSet from, VkDescriptorSet to)
{
    VkCopyDescriptorSet copies[2] = {
        {.sType = VK_STRUCTURE_TYPE_COPY_DESCRIPTOR_SET,
         .srcSet = from,
         .dstSet = to,
         .descriptorCount = 1},
        { .sType = VK_STRUCTURE_TYPE_COPY_DESCRIPTOR_SET,
         .srcSet = from,
         .srcBinding = 1,
         .dstSet = to,
         .dstBinding = 1,
         .descriptorCount = 1 },
    };

    vk.UpdateDescriptorSets(t->device, 0, NULL, 2, copies);
}

/* Computes with the last set, which was filled in the given way. */
static void
use(const struct vkt *t, struct vkt_work *work, VkDescriptorSet *sets, enum way way)
{
    VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
    struct vkt_buffer source = vkt_buffer_create(t, sizeof(uint32_t) * WORD_COUNT, usage);
    struct vkt_buffer target = vkt_buffer_create(t, sizeof(uint32_t) * WORD_COUNT, usage);
    VkDescriptorBufferInfo buffers[2] = {
        {source.buffer,  0, VK_WHOLE_SIZE},
        { target.buffer, 0, VK_WHOLE_SIZE},
    };
    VkDescriptorSet last = sets[SET_COUNT - 1];
    struct vkt_work with = *work;
    VkCommandBuffer cmd = NULL;

    memset(source.map, 7, sizeof(uint32_t) * WORD_COUNT);
    if (way == WAY_TEMPLATE) {
        fill_by_template(t, work->set_layout, last, buffers);
    } else {
        fill_by_write(t, way == WAY_WRITE ? last : sets[0], buffers);
    }
    if (way == WAY_COPY) {
        copy_set(t, sets[0], last);
    }
    with.set = last;
    cmd = vkt_begin(t, t->pool);
    vkt_work_record(&with, cmd, WORD_COUNT, (uint32_t)way);
    vkt_submit_wait(t, t->pool, cmd);
    for (uint32_t i = 0; i < WORD_COUNT; i++) {
        if (((uint32_t *)target.map)[i] != vkt_work_expected(0x07070707, i, (uint32_t)way)) {
            vkt_fail("element %u is wrong with descriptors filled in way %d", i, way);
        }
    }
    vkt_buffer_destroy(t, &source);
    vkt_buffer_destroy(t, &target);
}

void
vkt_stress_descriptors(struct vkt_stress *s)
{
    const struct vkt *t = &s->t;
    struct vkt_work work = vkt_work_create(t, VK_NULL_HANDLE);
    VkDescriptorPool pool = pool_create(t);
    VkDescriptorSet sets[SET_COUNT];

    for (int round = 0; round < 10; round++) {
        for (enum way way = WAY_WRITE; way < WAY_COUNT; way++) {
            allocate(t, pool, work.set_layout, sets);
            use(t, &work, sets, way);
            if (way == WAY_COPY) {
                VKT_MUST(vk.FreeDescriptorSets(t->device, pool, SET_COUNT, sets));
            } else {
                VKT_MUST(vk.ResetDescriptorPool(t->device, pool, 0));
            }
        }
    }
    allocate(t, pool, work.set_layout, sets);
    vk.DestroyDescriptorPool(t->device, pool, NULL); /* with its sets alive */
    vkt_work_destroy(t, &work);
}
