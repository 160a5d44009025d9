/*
 * fence.c - fenced commands of contexts' timelines, each answered when its renderer has passed it.  VirtIO 1.3 §5.7.6.7.
 *
 *   SUBMIT_FENCE timeline, seqno ─▶ renderer ─▶ value of the timeline in shared memory, then the eventfd
 *
 * A stream's fence without INFO_RING_IDX is one of timeline 0: it passes when the renderer has taken in the stream.  Others without
 * it pass when their command is carried out, which is in the order of the queue.
 */
#include "device/gpu/private.h"

static uint8_t
timeline_of(const struct gpu_command *command)
{
    bool is_named = (command->flags & VIRTIO_GPU_FLAG_INFO_RING_IDX) != 0;
    return is_named ? command->request.header.ring_idx : 0;
}

/* Returns: false: it names a timeline that there is not. */
static bool
is_timeline_valid(const struct gpu *gpu, const struct gpu_command *command)
{
    bool has_timelines = (gpu->accepted >> VIRTIO_GPU_F_CONTEXT_INIT & 1) != 0;
    bool is_named = (command->flags & VIRTIO_GPU_FLAG_INFO_RING_IDX) != 0;
    return !is_named || (has_timelines && timeline_of(command) < GPU_TIMELINES);
}

uint32_t
gpu_fence_check(struct gpu *gpu, const struct gpu_command *command)
{
    if (!is_timeline_valid(gpu, command)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "a fence of timeline %u: there are 64, with CONTEXT_INIT",
                          timeline_of(command));
    }
    if (gpu->fence_count >= gpu->config.limits.fence_count) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                          "%u fences have not passed yet, the guest's limit", gpu->fence_count);
    }
    bool makes_context = command->type == VIRTIO_GPU_CMD_CTX_CREATE;
    return makes_context || gpu_context_of(gpu, command) != NULL
               ? GPU_OK
               : VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
}

void
gpu_fence_ask(struct gpu *gpu, struct gpu_command *command, uint32_t type)
{
    struct gpu_context *context = gpu_context_find(gpu, command->ctx_id);
    uint8_t ring_idx = timeline_of(command);
    if (context == NULL || context->is_dead) {
        gpu_push(gpu, command, type); /* the command was its end */
        return;
    }
    struct gpu_timeline *timeline = &context->timelines[ring_idx];
    command->response_type = type;
    command->seqno = ++timeline->seqno;
    command->next = NULL;
    *timeline->end = command;
    timeline->end = &command->next;
    context->fence_count++;
    gpu->fence_count++;
    const struct render_submit_fence request = {
        .op = RENDER_CONTEXT_SUBMIT_FENCE,
        .ring_idx = ring_idx,
        .seqno = command->seqno,
    };
    gpu_record(gpu, GPU_EVENT_RENDERER_ASKED, command, gpu_halves(context->id, request.op),
               request.seqno);
    (void)gpu_renderer_send(context, &request, sizeof(request), -1); /* its death answers all */
}

static struct gpu_command *
take_first(struct gpu_context *context, struct gpu_timeline *timeline)
{
    struct gpu_command *command = timeline->first;
    timeline->first = command->next;
    if (timeline->first == NULL) {
        timeline->end = &timeline->first;
    }
    context->fence_count--;
    context->gpu->fence_count--;
    return command;
}

static void
pass(struct gpu_context *context, unsigned ring_idx, uint32_t type)
{
    struct gpu_command *command = take_first(context, &context->timelines[ring_idx]);
    gpu_record(context->gpu, GPU_EVENT_FENCE_PASSED, command, command->fence_id,
               gpu_halves(context->id, ring_idx));
    gpu_push(context->gpu, command, type);
}

void
gpu_fences_passed(struct gpu_context *context)
{
    for (unsigned i = 0; i < GPU_TIMELINES && context->values != NULL; i++) {
        const struct gpu_timeline *timeline = &context->timelines[i];
        if (timeline->first == NULL) {
            continue;
        }
        uint32_t value = __atomic_load_n(&context->values[i], __ATOMIC_ACQUIRE);
        while (timeline->first != NULL && (int32_t)(value - timeline->first->seqno) >= 0) {
            pass(context, i, timeline->first->response_type);
        }
    }
    gpu_signal(context->gpu, VIRTIO_GPU_CONTROLQ);
}

void
gpu_fences_end(struct gpu_context *context, uint32_t type)
{
    for (unsigned i = 0; i < GPU_TIMELINES; i++) {
        while (context->timelines[i].first != NULL) {
            pass(context, i, type == GPU_OK ? context->timelines[i].first->response_type : type);
        }
    }
}

void
gpu_fences_forget(struct gpu *gpu, unsigned queue_idx)
{
    for (unsigned i = 0; i < GPU_CONTEXT_SLOTS && queue_idx == VIRTIO_GPU_CONTROLQ; i++) {
        struct gpu_context *context = &gpu->contexts[i];
        for (unsigned ring_idx = 0; ring_idx < GPU_TIMELINES && context->id != 0; ring_idx++) {
            while (context->timelines[ring_idx].first != NULL) {
                gpu_command_forget(take_first(context, &context->timelines[ring_idx]));
            }
        }
    }
}
