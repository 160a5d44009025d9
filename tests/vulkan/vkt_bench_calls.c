/*
 * Measurements of single calls.
 */
#include <stdio.h>

#include <time.h>

#include "tests/vulkan/vkt_bench.h"

#define NS_PER_US     1000.0
#define NS_PER_MS     1e6
#define BATCH_COUNT   256
#define PAUSE_NS      5000000
#define CALM_S        2 /* longer than any server's time to fall idle */
#define IMAGE_SIDE_PX 64

/* Calls `once` in batches until the span is over; gives nanoseconds for each call. */
static double
mean_ns(struct vkt_bench *b, void (*once)(struct vkt_bench *b, void *arg), void *arg)
{
    uint64_t start_ns = 0;
    uint64_t count = 0;

    once(b, arg); /* what the first call alone pays is not measured */
    start_ns = vkt_now_ns();
    while (vkt_now_ns() - start_ns < b->span_ns) {
        for (int i = 0; i < BATCH_COUNT; i++) {
            once(b, arg);
        }
        count += BATCH_COUNT;
    }
    return (double)(vkt_now_ns() - start_ns) / (double)count;
}

void
vkt_bench_start(struct vkt_bench *b)
{
    VkFence fence = vkt_fence_create(&b->t);

    vkt_run(&b->t, NULL, fence);
    vkt_report(b, "start", (double)(vkt_now_ns() - b->started_ns) / NS_PER_MS, "ms");
    vk.DestroyFence(b->t.device, fence, NULL);
}

static VkImage
linear_image(const struct vkt *t)
{
    VkImage image = VK_NULL_HANDLE;
    VkImageCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .extent = {IMAGE_SIDE_PX, IMAGE_SIDE_PX, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .tiling = VK_IMAGE_TILING_LINEAR,
        .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
    };

    VKT_MUST(vk.CreateImage(t->device, &info, NULL, &image));
    return image;
}

static void
get_layout(struct vkt_bench *b, void *arg)
{
    const VkImage *image = arg;
    VkImageSubresource part = { .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT };
    VkSubresourceLayout layout = { 0 };

    vk.GetImageSubresourceLayout(b->t.device, *image, &part, &layout);
    if (layout.rowPitch < IMAGE_SIDE_PX * 4ULL) {
        vkt_fail("vkGetImageSubresourceLayout tells a row of %llu bytes",
                 (unsigned long long)layout.rowPitch);
    }
}

void
vkt_bench_sync_hot(struct vkt_bench *b)
{
    VkImage image = linear_image(&b->t);

    vkt_report(b, "sync", mean_ns(b, get_layout, &image) / NS_PER_US, "us");
    vk.DestroyImage(b->t.device, image, NULL);
}

void
vkt_bench_sync_idle(struct vkt_bench *b)
{
    static struct vkt_spans spans;
    VkImage image = linear_image(&b->t);
    uint64_t sum_ns = 0;
    uint64_t end_ns = vkt_now_ns() + b->span_ns;

    get_layout(b, &image);
    spans.count = 0;
    do {
        const struct timespec pause = { 0, PAUSE_NS };
        uint64_t start_ns = 0;
        uint64_t took_ns = 0;

        (void)nanosleep(&pause, NULL);
        start_ns = vkt_now_ns();
        get_layout(b, &image);
        took_ns = vkt_now_ns() - start_ns;
        sum_ns += took_ns;
        vkt_spans_add(&spans, took_ns);
    } while (vkt_now_ns() < end_ns);
    vkt_report(b, "sync-idle-mean", (double)sum_ns / (double)spans.count / NS_PER_US, "us");
    vkt_report(b, "sync-idle-median", vkt_spans_percentile_us(&spans, 50), "us");
    vkt_report(b, "sync-idle-p99", vkt_spans_percentile_us(&spans, 99), "us");
    vkt_report(b, "sync-idle-worst", vkt_spans_percentile_us(&spans, 100), "us");
    vk.DestroyImage(b->t.device, image, NULL);
}

static void
get_cache_size(struct vkt_bench *b, void *arg)
{
    const VkPipelineCache *cache = arg;
    size_t size = 0;

    VKT_MUST(vk.GetPipelineCacheData(b->t.device, *cache, &size, NULL));
}

void
vkt_bench_cache_size(struct vkt_bench *b)
{
    VkPipelineCache cache = VK_NULL_HANDLE;
    VkPipelineCacheCreateInfo info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO };

    VKT_MUST(vk.CreatePipelineCache(b->t.device, &info, NULL, &cache));
    vkt_report(b, "cache-size", mean_ns(b, get_cache_size, &cache) / NS_PER_US, "us");
    vk.DestroyPipelineCache(b->t.device, cache, NULL);
}

static void
get_fence_status(struct vkt_bench *b, void *arg)
{
    const VkFence *fence = arg;

    VKT_MUST(vk.GetFenceStatus(b->t.device, *fence));
}

void
vkt_bench_fence_status(struct vkt_bench *b)
{
    VkFence fence = vkt_fence_create(&b->t);

    vkt_report(b, "fence-status", mean_ns(b, get_fence_status, &fence) / NS_PER_US, "us");
    vk.DestroyFence(b->t.device, fence, NULL);
}

static void
sampler_pair(struct vkt_bench *b, void *arg)
{
    VkSampler sampler = VK_NULL_HANDLE;
    VkSamplerCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO };

    (void)arg;
    VKT_MUST(vk.CreateSampler(b->t.device, &info, NULL, &sampler));
    vk.DestroySampler(b->t.device, sampler, NULL);
}

void
vkt_bench_sampler(struct vkt_bench *b)
{
    vkt_report(b, "sampler", mean_ns(b, sampler_pair, NULL) / NS_PER_US, "us");
}

void
vkt_bench_idle(struct vkt_bench *b)
{
    const struct timespec calm = { CALM_S, 0 };
    const struct timespec span = { (time_t)(b->span_ns / VKT_NS_PER_S), 0 };

    (void)nanosleep(&calm, NULL);
    printf("idle-begin\n");
    (void)fflush(stdout);
    (void)nanosleep(&span, NULL);
    printf("idle-end\n");
    (void)fflush(stdout);
}
