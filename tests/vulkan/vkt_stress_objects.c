/*
 * Many objects; objects destroyed in sloppy but legal order; command pools; pipeline caches.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/vulkan/vkt_stress.h"
#include "tests/vulkan/vkt_target.h"
#include "tests/vulkan/vkt_work.h"

#define OBJECT_COUNT 2000
#define STRIDE       7 /* coprime to OBJECT_COUNT: destroys all, in a mixed order */
#define BUFFER_COUNT 64
#define WORDS        256U

union object {
    VkSampler sampler;
    VkFence fence;
    VkSemaphore semaphore;
    VkEvent event;
    VkBuffer buffer;
    VkQueryPool query_pool;
    VkCommandPool command_pool;
    VkPipelineCache cache;
    VkDescriptorSetLayout set_layout;
};

/* One kind of object: how to make one from the device alone, and how to destroy it. */
struct kind {
    VkResult (*create)(VkDevice device, union object *o);
    void (*destroy)(VkDevice device, union object *o);
};

static VkResult
create_sampler(VkDevice device, union object *o)
{
    VkSamplerCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO };

    return vk.CreateSampler(device, &info, NULL, &o->sampler);
}

static void
destroy_sampler(VkDevice device, union object *o)
{
    vk.DestroySampler(device, o->sampler, NULL);
}

static VkResult
create_fence(VkDevice device, union object *o)
{
    VkFenceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
                               .flags = VK_FENCE_CREATE_SIGNALED_BIT };

    return vk.CreateFence(device, &info, NULL, &o->fence);
}

static void
destroy_fence(VkDevice device, union object *o)
{
    vk.DestroyFence(device, o->fence, NULL);
}

static VkResult
create_semaphore(VkDevice device, union object *o)
{
    VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO };

    return vk.CreateSemaphore(device, &info, NULL, &o->semaphore);
}

static void
destroy_semaphore(VkDevice device, union object *o)
{
    vk.DestroySemaphore(device, o->semaphore, NULL);
}

static VkResult
create_event(VkDevice device, union object *o)
{
    VkEventCreateInfo info = { .sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO };

    return vk.CreateEvent(device, &info, NULL, &o->event);
}

static void
destroy_event(VkDevice device, union object *o)
{
    vk.DestroyEvent(device, o->event, NULL);
}

static VkResult
create_buffer(VkDevice device, union object *o)
{
    VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .size = 4096,
                                .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT };

    return vk.CreateBuffer(device, &info, NULL, &o->buffer);
}

static void
destroy_buffer(VkDevice device, union object *o)
{
    vk.DestroyBuffer(device, o->buffer, NULL);
}

static VkResult
create_query_pool(VkDevice device, union object *o)
{
    VkQueryPoolCreateInfo info = { .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                   .queryType = VK_QUERY_TYPE_OCCLUSION,
                                   .queryCount = 4 };

    return vk.CreateQueryPool(device, &info, NULL, &o->query_pool);
}

static void
destroy_query_pool(VkDevice device, union object *o)
{
    vk.DestroyQueryPool(device, o->query_pool, NULL);
}

static VkResult
create_command_pool(VkDevice device, union object *o)
{
    VkCommandPoolCreateInfo info = { .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO };

    return vk.CreateCommandPool(device, &info, NULL, &o->command_pool);
}

static void
destroy_command_pool(VkDevice device, union object *o)
{
    vk.DestroyCommandPool(device, o->command_pool, NULL);
}

static VkResult
create_cache(VkDevice device, union object *o)
{
    VkPipelineCacheCreateInfo info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO };

    return vk.CreatePipelineCache(device, &info, NULL, &o->cache);
}

static void
destroy_cache(VkDevice device, union object *o)
{
    vk.DestroyPipelineCache(device, o->cache, NULL);
}

static VkResult
create_set_layout(VkDevice device, union object *o)
{
    VkDescriptorSetLayoutBinding binding = { 0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 4,
                                             VK_SHADER_STAGE_ALL, NULL };
    VkDescriptorSetLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = 1,
        .pBindings = &binding,
    };

    return vk.CreateDescriptorSetLayout(device, &info, NULL, &o->set_layout);
}

static void
destroy_set_layout(VkDevice device, union object *o)
{
    vk.DestroyDescriptorSetLayout(device, o->set_layout, NULL);
}

static const struct kind kinds[] = {
    {create_sampler,       destroy_sampler     },
    { create_fence,        destroy_fence       },
    { create_semaphore,    destroy_semaphore   },
    { create_event,        destroy_event       },
    { create_buffer,       destroy_buffer      },
    { create_query_pool,   destroy_query_pool  },
    { create_command_pool, destroy_command_pool},
    { create_cache,        destroy_cache       },
    { create_set_layout,   destroy_set_layout  },
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

/* The kinds take turns, so that neighbours in any table of the renderer differ in type. */
void
vkt_stress_objects(struct vkt_stress *s)
{
    static union object objects[OBJECT_COUNT];
    VkDevice device = s->t.device;

    memset(objects, 0, sizeof(objects));
    for (unsigned i = 0; i < OBJECT_COUNT; i++) {
        vkt_must(kinds[i % KIND_COUNT].create(device, &objects[i]), "a vkCreate*");
    }
    for (unsigned i = 0; i < OBJECT_COUNT; i++) {
        unsigned k = i * STRIDE % OBJECT_COUNT;

        kinds[k % KIND_COUNT].destroy(device, &objects[k]);
    }
    memset(objects, 0, sizeof(objects));
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        kinds[k].destroy(device, &objects[k]); /* destroying nothing is legal */
    }
}

/* The layout of a set and a pipeline's module and layout may go before what was made of them is used. */
static void
order_of_pipelines(const struct vkt *t)
{
    VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
    struct vkt_buffer source = vkt_buffer_create(t, sizeof(uint32_t) * WORDS, usage);
    struct vkt_buffer target = vkt_buffer_create(t, sizeof(uint32_t) * WORDS, usage);
    struct vkt_work work = vkt_work_create(t, VK_NULL_HANDLE);
    uint32_t *words = source.map;
    VkCommandBuffer cmd = NULL;

    for (uint32_t i = 0; i < WORDS; i++) {
        words[i] = i * i;
    }
    vkt_work_buffers(t, &work, source.buffer, target.buffer);
    vk.DestroyShaderModule(t->device, work.module, NULL);
    vk.DestroyDescriptorSetLayout(t->device, work.set_layout, NULL);
    work.module = VK_NULL_HANDLE;
    work.set_layout = VK_NULL_HANDLE;
    cmd = vkt_begin(t, t->pool);
    vkt_work_record(&work, cmd, WORDS, 1);
    vkt_submit_wait(t, t->pool, cmd);
    for (uint32_t i = 0; i < WORDS; i++) {
        if (((uint32_t *)target.map)[i] != vkt_work_expected(words[i], i, 1)) {
            vkt_fail("element %u is wrong after the layouts were destroyed", i);
        }
    }
    vkt_work_destroy(t, &work);                    /* the pool, with its set alive */
    vk.FreeMemory(t->device, source.memory, NULL); /* mapped, and bound to a living buffer */
    vk.DestroyBuffer(t->device, source.buffer, NULL);
    vkt_buffer_destroy(t, &target);
}

static void
order_of_images(const struct vkt *t)
{
    struct vkt_target target = vkt_target_create(t, 64, 64);

    vk.FreeMemory(t->device, target.color.memory, NULL);
    vk.DestroyImage(t->device, target.color.image, NULL); /* before its view */
    vk.DestroyRenderPass(t->device, target.pass, NULL);   /* before its framebuffer */
    vk.DestroyImageView(t->device, target.color.view, NULL);
    vk.DestroyFramebuffer(t->device, target.framebuffer, NULL);
    vkt_image_destroy(t, &target.depth);
}

void
vkt_stress_order(struct vkt_stress *s)
{
    for (int i = 0; i < 10; i++) {
        order_of_pipelines(&s->t);
        order_of_images(&s->t);
    }
}

static void
allocate(const struct vkt *t, VkCommandPool pool, VkCommandBuffer *buffers)
{
    VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = pool,
        .commandBufferCount = BUFFER_COUNT,
    };

    VKT_MUST(vk.AllocateCommandBuffers(t->device, &info, buffers));
}

void
vkt_stress_pools(struct vkt_stress *s)
{
    const struct vkt *t = &s->t;
    VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
    VkCommandPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = t->family_idx,
    };

    for (int round = 0; round < 20; round++) {
        VkCommandBuffer buffers[BUFFER_COUNT];
        VkCommandPool pool = VK_NULL_HANDLE;

        VKT_MUST(vk.CreateCommandPool(t->device, &info, NULL, &pool));
        allocate(t, pool, buffers);
        for (int i = 0; i < BUFFER_COUNT; i++) {
            VKT_MUST(vk.BeginCommandBuffer(buffers[i], &begin));
            vkt_barrier(buffers[i]);
            VKT_MUST(vk.EndCommandBuffer(buffers[i]));
        }
        VKT_MUST(vk.ResetCommandBuffer(buffers[1], VK_COMMAND_BUFFER_RESET_RELEASE_RESOURCES_BIT));
        VKT_MUST(vk.ResetCommandPool(t->device, pool, 0));
        vk.FreeCommandBuffers(t->device, pool, BUFFER_COUNT / 2, buffers);
        vk.TrimCommandPool(t->device, pool, 0);
        VKT_MUST(vk.BeginCommandBuffer(buffers[BUFFER_COUNT - 1], &begin)); /* still recording */
        vk.DestroyCommandPool(t->device, pool, NULL);
    }
}

static VkPipelineCache
cache_of(const struct vkt *t, const void *data, size_t size_bytes)
{
    VkPipelineCache cache = VK_NULL_HANDLE;
    VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = size_bytes,
        .pInitialData = data,
    };

    VKT_MUST(vk.CreatePipelineCache(t->device, &info, NULL, &cache));
    return cache;
}

void
vkt_stress_cache(struct vkt_stress *s)
{
    const struct vkt *t = &s->t;
    VkPipelineCache first = cache_of(t, NULL, 0);
    VkPipelineCache second = VK_NULL_HANDLE;
    struct vkt_work work = vkt_work_create(t, first);
    struct vkt_work again = { 0 };
    size_t size_bytes = 0;
    size_t small_bytes = 4; /* less than the header */
    uint8_t small[4];
    void *data = NULL;

    VKT_MUST(vk.GetPipelineCacheData(t->device, first, &size_bytes, NULL));
    data = calloc(1, size_bytes + 1);
    if (data == NULL || size_bytes < 32) {
        vkt_fail("a pipeline cache has %zu bytes", size_bytes);
    }
    VKT_MUST(vk.GetPipelineCacheData(t->device, first, &size_bytes, data));
    if (vk.GetPipelineCacheData(t->device, first, &small_bytes, small) != VK_INCOMPLETE ||
        small_bytes != 0) {
        vkt_fail("a pipeline cache in 4 bytes must be VK_INCOMPLETE with none written");
    }
    second = cache_of(t, data, size_bytes);
    VKT_MUST(vk.MergePipelineCaches(t->device, second, 1, &first));
    again = vkt_work_create(t, second);
    vkt_work_destroy(t, &again);
    vkt_work_destroy(t, &work);
    vk.DestroyPipelineCache(t->device, first, NULL);
    vk.DestroyPipelineCache(t->device, second, NULL);
    free(data);
}
