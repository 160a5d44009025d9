/*
 * Queries, events, timeline semaphores, fences.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vulkan/vkt_stress.h"
#include "tests/vulkan/vkt_target.h"

#define QUERY_COUNT   8U
#define FENCE_COUNT   64U
#define TIMEOUT_NS    (30ULL * 1000000000ULL)
#define TIMELINE_STEP 3U

static VkQueryPool
query_pool(const struct vkt *t, VkQueryType type)
{
    VkQueryPool pool = VK_NULL_HANDLE;
    VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = type,
        .queryCount = QUERY_COUNT,
    };

    VKT_MUST(vk.CreateQueryPool(t->device, &info, NULL, &pool));
    return pool;
}

static void
check_timestamps(const uint64_t *times, const char *how)
{
    for (uint32_t i = 1; i < QUERY_COUNT; i++) {
        if (times[i] < times[i - 1]) {
            vkt_fail("timestamps run backwards when read %s", how);
        }
    }
    if (times[0] == 0) {
        vkt_fail("timestamps are zero when read %s", how);
    }
}

static void
timestamps(const struct vkt *t)
{
    VkQueryPool pool = query_pool(t, VK_QUERY_TYPE_TIMESTAMP);
    struct vkt_buffer copied =
        vkt_buffer_create(t, QUERY_COUNT * 8ULL, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    VkCommandBuffer cmd = vkt_begin(t, t->pool);
    uint64_t times[QUERY_COUNT] = { 0 };
    uint32_t with[QUERY_COUNT][2] = { 0 };

    vk.CmdResetQueryPool(cmd, pool, 0, QUERY_COUNT);
    for (uint32_t i = 0; i < QUERY_COUNT; i++) {
        vk.CmdWriteTimestamp(cmd, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool, i);
    }
    vk.CmdCopyQueryPoolResults(cmd, pool, 0, QUERY_COUNT, copied.buffer, 0, 8,
                               VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
    vkt_barrier(cmd);
    vkt_submit_wait(t, t->pool, cmd);
    check_timestamps(copied.map, "from a buffer");
    VKT_MUST(vk.GetQueryPoolResults(t->device, pool, 0, QUERY_COUNT, sizeof(times), times, 8,
                                    VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    check_timestamps(times, "as 64 bits");
    VKT_MUST(vk.GetQueryPoolResults(t->device, pool, 0, QUERY_COUNT, sizeof(with), with, 8,
                                    VK_QUERY_RESULT_WITH_AVAILABILITY_BIT));
    for (uint32_t i = 0; i < QUERY_COUNT; i++) {
        if (with[i][1] == 0) { /* lavapipe 22.3 saturates the value where others wrap */
            vkt_fail("timestamp %u says that it is not available", i);
        }
    }
    vk.DestroyQueryPool(t->device, pool, NULL);
    vkt_buffer_destroy(t, &copied);
}

/* One triangle in a quarter of the target, once seen and once not at all. */
static void
record_occlusion(const struct vkt_target *target, VkCommandBuffer cmd, VkQueryPool pool,
                 VkPipelineLayout layout, VkPipeline pipeline)
{
    const float seen[4] = { 0.0F, 0.0F, 0.5F, 0.5F };
    const float away[4] = { 9.0F, 0.0F, 0.5F, 0.5F };

    vk.CmdResetQueryPool(cmd, pool, 0, QUERY_COUNT);
    vkt_target_begin(target, cmd);
    vk.CmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline);
    for (uint32_t i = 0; i < 2; i++) {
        vk.CmdPushConstants(cmd, layout, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(seen),
                            i == 0 ? seen : away);
        vk.CmdBeginQuery(cmd, pool, i, 0);
        vk.CmdDraw(cmd, 3, 1, 0, 0);
        vk.CmdEndQuery(cmd, pool, i);
    }
    vkt_target_end(cmd);
}

static void
check_unavailable(const struct vkt *t, VkQueryPool pool)
{
    uint32_t with[2] = { 77, 77 };

    if (t->features12.hostQueryReset == VK_FALSE) {
        return;
    }
    vk.ResetQueryPool(t->device, pool, 0, QUERY_COUNT);
    if (vk.GetQueryPoolResults(t->device, pool, 0, 1, 4, with, 4, 0) != VK_NOT_READY) {
        vkt_fail("a query that was reset is ready");
    }
    (void)vk.GetQueryPoolResults(t->device, pool, 0, 1, 8, with, 8,
                                 VK_QUERY_RESULT_WITH_AVAILABILITY_BIT);
    if (with[1] != 0) {
        vkt_fail("a query that was reset says that it is available");
    }
}

static void
occlusion(const struct vkt *t)
{
    struct vkt_target target = vkt_target_create(t, 64, 64);
    VkPushConstantRange range = { VK_SHADER_STAGE_VERTEX_BIT, 0, 16 };
    VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &range,
    };
    VkPipelineLayout layout = VK_NULL_HANDLE;
    VkPipeline pipeline = VK_NULL_HANDLE;
    VkQueryPool pool = query_pool(t, VK_QUERY_TYPE_OCCLUSION);
    VkCommandBuffer cmd = vkt_begin(t, t->pool);
    uint64_t samples[2] = { 0, 0 };

    VKT_MUST(vk.CreatePipelineLayout(t->device, &info, NULL, &layout));
    pipeline = vkt_pipeline_create(t, &target, layout, "vkt_triangle");
    record_occlusion(&target, cmd, pool, layout, pipeline);
    vkt_submit_wait(t, t->pool, cmd);
    VKT_MUST(vk.GetQueryPoolResults(t->device, pool, 0, 2, sizeof(samples), samples, 8,
                                    VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    if (samples[0] == 0 || samples[1] != 0) {
        vkt_fail("occlusion queries give %llu and %llu", (unsigned long long)samples[0],
                 (unsigned long long)samples[1]);
    }
    check_unavailable(t, pool);
    vk.DestroyQueryPool(t->device, pool, NULL);
    vk.DestroyPipeline(t->device, pipeline, NULL);
    vk.DestroyPipelineLayout(t->device, layout, NULL);
    vkt_target_destroy(t, &target);
}

void
vkt_stress_queries(struct vkt_stress *s)
{
    timestamps(&s->t);
    occlusion(&s->t);
}

static void
must_be(const struct vkt *t, VkEvent event, VkResult expected, const char *when)
{
    VkResult result = vk.GetEventStatus(t->device, event);

    if (result != expected) {
        vkt_fail("an event's status is %d, not %d, %s", result, expected, when);
    }
}

static void
record_event(VkCommandBuffer cmd, VkEvent event, VkBuffer buffer)
{
    VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
    VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
    };

    vk.CmdFillBuffer(cmd, buffer, 0, 64, 1);
    vk.CmdSetEvent(cmd, event, stage);
    vk.CmdWaitEvents(cmd, 1, &event, stage, stage, 1, &barrier, 0, NULL, 0, NULL);
    vk.CmdFillBuffer(cmd, buffer, 0, 64, 2);
    vkt_barrier(cmd);
}

void
vkt_stress_events(struct vkt_stress *s)
{
    const struct vkt *t = &s->t;
    VkEventCreateInfo info = { .sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO };
    struct vkt_buffer buffer = vkt_buffer_create(t, 64, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    VkEvent event = VK_NULL_HANDLE;
    VkCommandBuffer cmd = NULL;

    VKT_MUST(vk.CreateEvent(t->device, &info, NULL, &event));
    must_be(t, event, VK_EVENT_RESET, "when new");
    VKT_MUST(vk.SetEvent(t->device, event));
    must_be(t, event, VK_EVENT_SET, "after vkSetEvent");
    VKT_MUST(vk.ResetEvent(t->device, event));
    must_be(t, event, VK_EVENT_RESET, "after vkResetEvent");
    cmd = vkt_begin(t, t->pool);
    record_event(cmd, event, buffer.buffer);
    vkt_submit_wait(t, t->pool, cmd);
    must_be(t, event, VK_EVENT_SET, "after vkCmdSetEvent");
    if (*(uint32_t *)buffer.map != 2) {
        vkt_fail("the fill after vkCmdWaitEvents was lost");
    }
    cmd = vkt_begin(t, t->pool);
    vk.CmdResetEvent(cmd, event, VK_PIPELINE_STAGE_TRANSFER_BIT);
    vkt_submit_wait(t, t->pool, cmd);
    must_be(t, event, VK_EVENT_RESET, "after vkCmdResetEvent");
    vk.DestroyEvent(t->device, event, NULL);
    vkt_buffer_destroy(t, &buffer);
}

static VkSemaphore
semaphore_create(const struct vkt *t, VkSemaphoreType type)
{
    VkSemaphore semaphore = VK_NULL_HANDLE;
    VkSemaphoreTypeCreateInfo kind = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = type,
    };
    VkSemaphoreCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
        .pNext = type == VK_SEMAPHORE_TYPE_TIMELINE ? &kind : NULL,
    };

    VKT_MUST(vk.CreateSemaphore(t->device, &info, NULL, &semaphore));
    return semaphore;
}

/* Waits for `from`, signals `to`. */
static void
submit_timeline(const struct vkt *t, VkSemaphore semaphore, uint64_t from, uint64_t to)
{
    VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    VkTimelineSemaphoreSubmitInfo values = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .waitSemaphoreValueCount = 1,
        .pWaitSemaphoreValues = &from,
        .signalSemaphoreValueCount = 1,
        .pSignalSemaphoreValues = &to,
    };
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = &values,
        .waitSemaphoreCount = 1,
        .pWaitSemaphores = &semaphore,
        .pWaitDstStageMask = &stage,
        .signalSemaphoreCount = 1,
        .pSignalSemaphores = &semaphore,
    };

    VKT_MUST(vk.QueueSubmit(t->queue, 1, &submit, VK_NULL_HANDLE));
}

static void
wait_timeline(const struct vkt *t, VkSemaphore semaphore, uint64_t value)
{
    uint64_t counter = 0;
    VkSemaphoreWaitInfo wait = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
        .semaphoreCount = 1,
        .pSemaphores = &semaphore,
        .pValues = &value,
    };

    if (vk.WaitSemaphores(t->device, &wait, TIMEOUT_NS) != VK_SUCCESS) {
        vkt_fail("a timeline semaphore does not reach %llu", (unsigned long long)value);
    }
    VKT_MUST(vk.GetSemaphoreCounterValue(t->device, semaphore, &counter));
    if (counter < value) {
        vkt_fail("a timeline semaphore's counter is %llu after %llu was waited for",
                 (unsigned long long)counter, (unsigned long long)value);
    }
}

/*
 * Mesa's client with feedback for semaphores sends a host's signal first and then writes its value where the queue's own
 * values appear: a server that is through with both by then is overwritten, and the wait never ends.  So with that client the
 * signal comes first, unless the feedback is off (VN_PERF=no_semaphore_feedback).
 */
static bool
may_submit_first(const struct vkt *t)
{
    const char *switches = getenv("VN_PERF");
    bool is_venus = strstr(t->properties.deviceName, "Venus") != NULL;
    return !is_venus || (switches != NULL && strstr(switches, "no_semaphore_feedback") != NULL);
}

void
vkt_stress_timeline(struct vkt_stress *s)
{
    const struct vkt *t = &s->t;
    VkSemaphore semaphore = VK_NULL_HANDLE;
    uint64_t value = 0;

    if (t->features12.timelineSemaphore == VK_FALSE) {
        return;
    }
    semaphore = semaphore_create(t, VK_SEMAPHORE_TYPE_TIMELINE);
    for (int i = 0; i < 50; i++, value += TIMELINE_STEP) {
        VkSemaphoreSignalInfo signal = {
            .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
            .semaphore = semaphore,
            .value = value + 1,
        };
        VkSemaphoreWaitInfo wait = {
            .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
            .semaphoreCount = 1,
            .pSemaphores = &semaphore,
            .pValues = &signal.value,
        };

        if (vk.WaitSemaphores(t->device, &wait, 1000) != VK_TIMEOUT) {
            vkt_fail("a wait for what nobody signals must be VK_TIMEOUT");
        }
        bool is_first = may_submit_first(t);
        if (!is_first) {
            VKT_MUST(vk.SignalSemaphore(t->device, &signal));
        }
        submit_timeline(t, semaphore, value + 1, value + 2);
        submit_timeline(t, semaphore, value + 2, value + TIMELINE_STEP);
        if (is_first) { /* the queue waits for what comes only now */
            VKT_MUST(vk.SignalSemaphore(t->device, &signal));
        }
        wait_timeline(t, semaphore, value + TIMELINE_STEP);
    }
    VKT_MUST(vk.QueueWaitIdle(t->queue));
    vk.DestroySemaphore(t->device, semaphore, NULL);
}

/* A chain of submissions by a binary semaphore, each with a fence of its own. */
void
vkt_stress_fences(struct vkt_stress *s)
{
    const struct vkt *t = &s->t;
    VkSemaphore chain = semaphore_create(t, VK_SEMAPHORE_TYPE_BINARY);
    VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    VkFence fences[FENCE_COUNT];

    for (uint32_t i = 0; i < FENCE_COUNT; i++) {
        VkSubmitInfo submit = {
            .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
            .waitSemaphoreCount = i != 0,
            .pWaitSemaphores = &chain,
            .pWaitDstStageMask = &stage,
            .signalSemaphoreCount = i + 1 < FENCE_COUNT,
            .pSignalSemaphores = &chain,
        };

        fences[i] = vkt_fence_create(t);
        VKT_MUST(vk.QueueSubmit(t->queue, 1, &submit, fences[i]));
    }
    if (vk.WaitForFences(t->device, FENCE_COUNT, fences, VK_TRUE, TIMEOUT_NS) != VK_SUCCESS) {
        vkt_fail("%u fences do not all signal", FENCE_COUNT);
    }
    VKT_MUST(vk.ResetFences(t->device, FENCE_COUNT, fences));
    for (uint32_t i = 0; i < FENCE_COUNT; i++) {
        if (vk.GetFenceStatus(t->device, fences[i]) != VK_NOT_READY) {
            vkt_fail("fence %u is signaled after vkResetFences", i);
        }
        vk.DestroyFence(t->device, fences[i], NULL);
    }
    vk.DestroySemaphore(t->device, chain, NULL);
}
