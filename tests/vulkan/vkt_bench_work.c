/*
 * Measurements of recorded and submitted work.
 */

#include "tests/vulkan/vkt_bench.h"
#include "tests/vulkan/vkt_target.h"
#include "tests/vulkan/vkt_work.h"

#define RECORD_COUNT    100000
#define FRAME_SIDE_PX   512
#define DRAW_COUNT      10
#define ELEMENT_COUNT   (1U << 20)
#define FEW_COUNT       64U
#define IN_FLIGHT_COUNT 1000

static VkCommandBuffer
record_viewports(const struct vkt *t)
{
    VkCommandBuffer cmd = vkt_begin(t, t->pool);

    for (int i = 0; i < RECORD_COUNT; i++) {
        VkViewport viewport = { 0.0F, 0.0F, (float)(1 + i % 16), 16.0F, 0.0F, 1.0F };

        vk.CmdSetViewport(cmd, 0, 1, &viewport);
    }
    VKT_MUST(vk.EndCommandBuffer(cmd));
    return cmd;
}

void
vkt_bench_record(struct vkt_bench *b)
{
    VkFence fence = vkt_fence_create(&b->t);
    uint64_t start_ns = vkt_now_ns();
    uint64_t record_ns = 0;
    uint64_t total_ns = 0;
    uint64_t count = 0;

    while (vkt_now_ns() - start_ns < b->span_ns) {
        uint64_t begin_ns = vkt_now_ns();
        VkCommandBuffer cmd = record_viewports(&b->t);

        record_ns += vkt_now_ns() - begin_ns;
        vkt_run(&b->t, cmd, fence);
        total_ns += vkt_now_ns() - begin_ns;
        vk.FreeCommandBuffers(b->t.device, b->t.pool, 1, &cmd);
        count += RECORD_COUNT;
    }
    vkt_report(b, "record", (double)count * 1e3 / (double)record_ns, "Mcmd/s");
    vkt_report(b, "record-submit", (double)count * 1e3 / (double)total_ns, "Mcmd/s");
    vk.DestroyFence(b->t.device, fence, NULL);
}

static void
submit_only(struct vkt_bench *b)
{
    VkSubmitInfo submit = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO };
    uint64_t spent_ns = 0;
    uint64_t count = 0;
    uint64_t end_ns = vkt_now_ns() + b->span_ns;

    while (vkt_now_ns() < end_ns) {
        uint64_t start_ns = vkt_now_ns();

        for (int i = 0; i < IN_FLIGHT_COUNT; i++) {
            VKT_MUST(vk.QueueSubmit(b->t.queue, 1, &submit, VK_NULL_HANDLE));
        }
        spent_ns += vkt_now_ns() - start_ns;
        count += IN_FLIGHT_COUNT;
        VKT_MUST(vk.QueueWaitIdle(b->t.queue));
    }
    vkt_report(b, "submit", (double)spent_ns / 1e3 / (double)count, "us");
}

void
vkt_bench_submit(struct vkt_bench *b)
{
    static struct vkt_spans spans;
    VkFence fence = vkt_fence_create(&b->t);
    uint64_t start_ns = vkt_now_ns();
    uint64_t now_ns = start_ns;

    spans.count = 0;
    while (now_ns - start_ns < b->span_ns) {
        uint64_t begin_ns = now_ns;

        vkt_run(&b->t, NULL, fence);
        now_ns = vkt_now_ns();
        vkt_spans_add(&spans, now_ns - begin_ns);
    }
    vkt_report(b, "submit-wait", (double)(now_ns - start_ns) / 1e3 / (double)spans.count, "us");
    vkt_report(b, "submit-wait-median", vkt_spans_percentile_us(&spans, 50), "us");
    vkt_report(b, "submit-wait-p90", vkt_spans_percentile_us(&spans, 90), "us");
    submit_only(b);
    vk.DestroyFence(b->t.device, fence, NULL);
}

struct drawing {
    struct vkt_target target;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    VkFence fence;
};

static void
draw_frame(const struct vkt *t, const struct drawing *d, uint64_t frame)
{
    VkCommandBuffer cmd = vkt_begin(t, t->pool);

    vkt_target_begin(&d->target, cmd);
    vk.CmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, d->pipeline);
    for (unsigned i = 0; i < DRAW_COUNT; i++) {
        float place[4] = { (float)i * 0.2F - 0.9F, (float)(frame % 16) * 0.1F - 0.75F, 0.2F, 0.2F };

        vk.CmdPushConstants(cmd, d->layout, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(place), place);
        vk.CmdDraw(cmd, 3, 1, 0, 0);
    }
    vkt_target_end(cmd);
    VKT_MUST(vk.EndCommandBuffer(cmd));
    vkt_run(t, cmd, d->fence);
    vk.FreeCommandBuffers(t->device, t->pool, 1, &cmd);
}

static struct drawing
drawing_create(const struct vkt *t)
{
    struct drawing d = { .target = vkt_target_create(t, FRAME_SIDE_PX, FRAME_SIDE_PX),
                         .fence = vkt_fence_create(t) };
    VkPushConstantRange range = { VK_SHADER_STAGE_VERTEX_BIT, 0, 4 * sizeof(float) };
    VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &range,
    };

    VKT_MUST(vk.CreatePipelineLayout(t->device, &info, NULL, &d.layout));
    d.pipeline = vkt_pipeline_create(t, &d.target, d.layout, "vkt_triangle");
    return d;
}

void
vkt_bench_frames(struct vkt_bench *b)
{
    const struct vkt *t = &b->t;
    struct drawing d = drawing_create(t);
    uint64_t start_ns = 0;
    uint64_t count = 0;

    draw_frame(t, &d, 0); /* compiles */
    for (start_ns = vkt_now_ns(); vkt_now_ns() - start_ns < b->span_ns; count++) {
        draw_frame(t, &d, count);
    }
    vkt_report(b, "frames", (double)count * 1e9 / (double)(vkt_now_ns() - start_ns), "frames/s");
    vk.DestroyPipeline(t->device, d.pipeline, NULL);
    vk.DestroyPipelineLayout(t->device, d.layout, NULL);
    vk.DestroyFence(t->device, d.fence, NULL);
    vkt_target_destroy(t, &d.target);
}

/* Two buffers and the pipeline that goes from one to the other. */
struct reckoning {
    struct vkt_buffer source;
    struct vkt_buffer target;
    struct vkt_work work;
};

static struct reckoning
reckoning_create(const struct vkt *t, uint32_t element_count)
{
    VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
    struct reckoning r = { .source = vkt_buffer_create(t, element_count * 4ULL, usage),
                           .target = vkt_buffer_create(t, element_count * 4ULL, usage),
                           .work = vkt_work_create(t, VK_NULL_HANDLE) };

    vkt_work_buffers(t, &r.work, r.source.buffer, r.target.buffer);
    return r;
}

static void
reckoning_destroy(const struct vkt *t, struct reckoning *r)
{
    vkt_work_destroy(t, &r->work);
    vkt_buffer_destroy(t, &r->target);
    vkt_buffer_destroy(t, &r->source);
}

void
vkt_bench_compute(struct vkt_bench *b)
{
    const struct vkt *t = &b->t;
    struct reckoning r = reckoning_create(t, ELEMENT_COUNT);
    uint64_t start_ns = vkt_now_ns();
    uint64_t count = 0;

    for (; vkt_now_ns() - start_ns < b->span_ns; count++) {
        VkCommandBuffer cmd = vkt_begin(t, t->pool);

        vkt_work_record(&r.work, cmd, ELEMENT_COUNT, (uint32_t)count);
        vkt_submit_wait(t, t->pool, cmd);
    }
    vkt_report(b, "compute", (double)(vkt_now_ns() - start_ns) / 1e6 / (double)count, "ms");
    reckoning_destroy(t, &r);
}

/* As `vulkan compute 64` of the kernel does it: one command buffer, recorded anew in each round. */
void
vkt_bench_compute_few(struct vkt_bench *b)
{
    const struct vkt *t = &b->t;
    struct reckoning r = reckoning_create(t, FEW_COUNT);
    VkFence fence = vkt_fence_create(t);
    VkCommandBuffer cmd = vkt_begin(t, t->pool);
    const VkCommandBufferBeginInfo begin = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    uint64_t start_ns = vkt_now_ns();
    uint64_t count = 0;

    for (; vkt_now_ns() - start_ns < b->span_ns; count++) {
        VKT_MUST(vk.BeginCommandBuffer(cmd, &begin));
        vkt_work_record(&r.work, cmd, FEW_COUNT, (uint32_t)count);
        VKT_MUST(vk.EndCommandBuffer(cmd));
        vkt_run(t, cmd, fence);
    }
    vkt_report(b, "compute-few", (double)(vkt_now_ns() - start_ns) / 1e3 / (double)count, "us");
    vk.FreeCommandBuffers(t->device, t->pool, 1, &cmd);
    vk.DestroyFence(t->device, fence, NULL);
    reckoning_destroy(t, &r);
}
