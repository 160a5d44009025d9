/*
 * Threads that use one device at once.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include "tests/vulkan/vkt_stress.h"
#include "tests/vulkan/vkt_work.h"

#define THREAD_ELEMENTS 4096U
#define THREAD_ROUNDS   20

struct worker {
    const struct vkt *t;
    pthread_mutex_t *queue_lock; /* a queue is externally synchronised */
    pthread_t thread;
    VkPipelineCache cache;
    struct vkt_work work;
    uint32_t seed;
};

static void
submit_locked(struct worker *w, VkCommandBuffer cmd, VkFence fence)
{
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .commandBufferCount = 1,
        .pCommandBuffers = &cmd,
    };

    (void)pthread_mutex_lock(w->queue_lock);
    VKT_MUST(vk.QueueSubmit(w->t->queue, 1, &submit, fence));
    (void)pthread_mutex_unlock(w->queue_lock);
    if (vk.WaitForFences(w->t->device, 1, &fence, VK_TRUE, 60ULL * 1000000000ULL) != VK_SUCCESS) {
        vkt_fail("a thread's fence does not signal");
    }
    VKT_MUST(vk.ResetFences(w->t->device, 1, &fence));
}

static void
worker_round(struct worker *w, VkCommandPool pool, VkFence fence, uint32_t round)
{
    const struct vkt *t = w->t;
    VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
    struct vkt_buffer source = vkt_buffer_create(t, THREAD_ELEMENTS * 4ULL, usage);
    struct vkt_buffer target = vkt_buffer_create(t, THREAD_ELEMENTS * 4ULL, usage);
    struct vkt_work work = vkt_work_create(t, VK_NULL_HANDLE);
    uint32_t seed = w->seed + round;
    VkCommandBuffer cmd = NULL;

    memset(source.map, (int)seed, THREAD_ELEMENTS * 4ULL);
    vkt_work_buffers(t, &work, source.buffer, target.buffer);
    cmd = vkt_begin(t, pool);
    vkt_work_record(&work, cmd, THREAD_ELEMENTS, seed);
    VKT_MUST(vk.EndCommandBuffer(cmd));
    submit_locked(w, cmd, fence);
    for (uint32_t i = 0; i < THREAD_ELEMENTS; i++) {
        uint32_t before = ((uint32_t *)source.map)[i];

        if (((uint32_t *)target.map)[i] != vkt_work_expected(before, i, seed)) {
            vkt_fail("element %" PRIu32 " of the thread with seed %" PRIu32 " is wrong", i,
                     w->seed);
        }
    }
    vk.FreeCommandBuffers(t->device, pool, 1, &cmd);
    vkt_work_destroy(t, &work);
    vkt_buffer_destroy(t, &target);
    vkt_buffer_destroy(t, &source);
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    VkCommandPool pool = VK_NULL_HANDLE;
    VkFence fence = vkt_fence_create(w->t);
    VkCommandPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .queueFamilyIndex = w->t->family_idx,
    };

    VKT_MUST(vk.CreateCommandPool(w->t->device, &info, NULL, &pool));
    for (uint32_t round = 0; round < THREAD_ROUNDS; round++) {
        worker_round(w, pool, fence, round);
    }
    vk.DestroyCommandPool(w->t->device, pool, NULL);
    vk.DestroyFence(w->t->device, fence, NULL);
    return NULL;
}

static struct worker *
workers_start(struct vkt_stress *s, pthread_mutex_t *lock, VkPipelineCache cache,
              void *(*entry)(void *))
{
    struct worker *workers = calloc(s->thread_count, sizeof(*workers));

    if (workers == NULL) {
        vkt_fail("no memory");
    }
    for (uint32_t i = 0; i < s->thread_count; i++) {
        workers[i] =
            (struct worker){ .t = &s->t, .queue_lock = lock, .cache = cache, .seed = i * 1000 };
        if (pthread_create(&workers[i].thread, NULL, entry, &workers[i]) != 0) {
            vkt_fail("cannot start thread %" PRIu32, i);
        }
    }
    return workers;
}

static void
workers_join(const struct vkt_stress *s, struct worker *workers)
{
    for (uint32_t i = 0; i < s->thread_count; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
}

void
vkt_stress_threads(struct vkt_stress *s)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct worker *workers = workers_start(s, &lock, VK_NULL_HANDLE, worker_main);

    workers_join(s, workers);
    free(workers);
}

/*
 * Builds a pipeline and nothing else.  Mesa gives a thread that never made a pool or submitted a ring of its own for
 * this, so that several rings of one context run at once and what one makes is used through another.
 */
static void *
builder_main(void *arg)
{
    struct worker *w = arg;

    for (uint32_t round = 0; round < THREAD_ROUNDS; round++) {
        struct vkt_work work = vkt_work_build(w->t, w->cache);
        size_t size_bytes = 0;

        VKT_MUST(vk.GetPipelineCacheData(w->t->device, w->cache, &size_bytes, NULL));
        vkt_work_destroy(w->t, &work);
    }
    w->work = vkt_work_build(w->t, w->cache);
    return NULL;
}

/* What a thread built, used by this one. */
static void
use_and_destroy(const struct vkt *t, struct worker *w, struct vkt_buffer *buffers)
{
    VkCommandBuffer cmd = NULL;

    vkt_work_add_set(t, &w->work);
    cmd = vkt_begin(t, t->pool);
    vkt_work_buffers(t, &w->work, buffers[0].buffer, buffers[1].buffer);
    vkt_work_record(&w->work, cmd, THREAD_ELEMENTS, w->seed);
    vkt_submit_wait(t, t->pool, cmd);
    for (uint32_t i = 0; i < THREAD_ELEMENTS; i++) {
        uint32_t before = ((uint32_t *)buffers[0].map)[i];

        if (((uint32_t *)buffers[1].map)[i] != vkt_work_expected(before, i, w->seed)) {
            vkt_fail("element %" PRIu32 " of the pipeline with seed %" PRIu32 " is wrong", i,
                     w->seed);
        }
    }
    vkt_work_destroy(t, &w->work);
}

void
vkt_stress_rings(struct vkt_stress *s)
{
    const struct vkt *t = &s->t;
    VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
    struct vkt_buffer buffers[2] = { vkt_buffer_create(t, THREAD_ELEMENTS * 4ULL, usage),
                                     vkt_buffer_create(t, THREAD_ELEMENTS * 4ULL, usage) };
    VkPipelineCacheCreateInfo info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO };
    VkPipelineCache cache = VK_NULL_HANDLE;
    struct worker *workers = NULL;

    VKT_MUST(vk.CreatePipelineCache(t->device, &info, NULL, &cache));
    workers = workers_start(s, NULL, cache, builder_main);
    memset(buffers[0].map, 0x3c, THREAD_ELEMENTS * 4ULL);
    workers_join(s, workers);
    for (uint32_t i = 0; i < s->thread_count; i++) {
        use_and_destroy(t, &workers[i], buffers);
    }
    vk.DestroyPipelineCache(t->device, cache, NULL);
    vkt_buffer_destroy(t, &buffers[0]);
    vkt_buffer_destroy(t, &buffers[1]);
    free(workers);
}
