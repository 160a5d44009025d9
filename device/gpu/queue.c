/*
 * queue.c - commands from the queues, and their way back.
 *
 * The control queue stands still while its command waits for somebody, or while a renderer does not take what it was
 * sent; the loop goes on meanwhile, and a timer ends the wait.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/gpu/private.h"

enum {
    TRY_AGAIN_NS = 10000000, /* when there was no memory for a chain */
    SOON_NS = 1,
    SIGNAL_EVERY = 16, /* commands */
};

static void run(struct gpu *gpu, unsigned queue_idx);

static bool
is_error(uint32_t type)
{
    return type >= VIRTIO_GPU_RESP_ERR_UNSPEC;
}

void
gpu_command_forget(struct gpu_command *command)
{
    if (command != NULL) {
        vq_chain_forget(command->chain);
        free(command);
    }
}

void
gpu_put(struct gpu_command *command, const void *response, size_t response_bytes)
{
    size_t payload_bytes = response_bytes - GPU_HEADER_BYTES;
    command->payload_bytes = (uint32_t)payload_bytes;
    (void)vq_write(command->chain, GPU_HEADER_BYTES, (const uint8_t *)response + GPU_HEADER_BYTES,
                   payload_bytes);
}

/* Returns: the bytes that the response has in the guest's memory. */
static uint32_t
write_response(struct gpu *gpu, const struct gpu_command *command, uint32_t type)
{
    struct virtio_gpu_ctrl_hdr header = { .type = le32_from(type) };
    uint64_t wanted = GPU_HEADER_BYTES + (is_error(type) ? 0 : command->payload_bytes);
    uint64_t room = command->chain->writable_bytes;
    if (command->flags & VIRTIO_GPU_FLAG_FENCE) {
        header.flags =
            le32_from(command->flags & (VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX));
        header.fence_id = command->request.header.fence_id;
        header.ctx_id = command->request.header.ctx_id;
        header.ring_idx = command->request.header.ring_idx;
    }
    if (room == 0 && command->queue_idx == VIRTIO_GPU_CURSORQ) {
        return 0; /* as Linux and QEMU have it: the cursor's commands are not answered */
    }
    (void)vq_write(command->chain, 0, &header, sizeof(header));
    if (room < wanted) {
        gpu_problem(gpu, GPU_PROBLEM_ROOM,
                    "%s: the guest left %llu bytes for a response of %llu: it got those",
                    command->rule != NULL ? command->rule->name : "a command",
                    (unsigned long long)room, (unsigned long long)wanted);
    }
    return (uint32_t)(room < wanted ? room : wanted);
}

/* Its queue is paused: the guest's memory and the ring are left alone. */
static void
hold(struct gpu_queue *queue, struct gpu_command *command, uint32_t type)
{
    command->response_type = type;
    command->next = NULL;
    *queue->held_end = command;
    queue->held_end = &command->next;
}

static struct gpu_command *
take_held(struct gpu_queue *queue)
{
    struct gpu_command *command = queue->held;
    queue->held = command->next;
    if (queue->held == NULL) {
        queue->held_end = &queue->held;
    }
    return command;
}

void
gpu_push(struct gpu *gpu, struct gpu_command *command, uint32_t type)
{
    struct gpu_queue *queue = &gpu->queues[command->queue_idx];
    if (queue->paused != NULL) {
        hold(queue, command, type);
        return;
    }
    uint32_t written_bytes = write_response(gpu, command, type);
    queue->error_count += is_error(type);
    if (gpu->config.on_record != NULL) {
        gpu_record(gpu, GPU_EVENT_PUSH, command, gpu_halves(type, written_bytes),
                   loop_now_ns() - command->pop_ns);
    }
    vq_push(queue->vq, command->chain, written_bytes);
    free(command);
}

void
gpu_signal(struct gpu *gpu, unsigned queue_idx)
{
    struct gpu_queue *queue = &gpu->queues[queue_idx];
    if (queue->vq == NULL || queue->vq->push_count == queue->signalled_push_count) {
        return;
    }
    if (vq_wants_interrupt(queue->vq)) {
        gpu_record_queue(gpu, GPU_EVENT_INTERRUPT, queue_idx,
                         queue->vq->push_count - queue->signalled_push_count, 0);
        gpu->config.host.interrupt(gpu->config.host.user, queue_idx);
    }
    queue->signalled_push_count = queue->vq->push_count;
}

void
gpu_end(struct gpu *gpu, struct gpu_command *command, uint32_t type)
{
    gpu_record(gpu, GPU_EVENT_HANDLED, command, type, 0);
    if (gpu_fence_is_wanted(command) && !is_error(type)) {
        gpu_fence_ask(gpu, command, type);
    } else {
        gpu_push(gpu, command, type);
    }
}

/* --- waits --- */

static void
on_late(void *user)
{
    struct gpu *gpu = user;
    struct gpu_context *context = gpu->wait.context;
    if (context != NULL && !context->is_dead && context->socket >= 0) {
        gpu_context_die(context, "its renderer did not answer %s in %u ms",
                        gpu->wait.command->rule->name, GPU_WAIT_MS_MAX);
        return; /* it failed the wait, too */
    }
    gpu_problem(gpu, GPU_PROBLEM_FRONT, "%s did not answer %s in %u ms", gpu->wait.whom,
                gpu->wait.command->rule->name, GPU_WAIT_MS_MAX);
    gpu_wait_fail(gpu);
}

uint32_t
gpu_wait_begin(struct gpu *gpu, struct gpu_command *command, const struct gpu_wait *wait)
{
    gpu->wait = *wait;
    gpu->wait.command = command;
    gpu->wait.late = (struct loop_timer){ .on_late = on_late, .user = gpu };
    loop_timer_set(gpu->config.loop, &gpu->wait.late, GPU_WAIT_MS_MAX * UINT64_C(1000000));
    return GPU_WAITS;
}

/* No wait any more.  Returns: what it was. */
static struct gpu_wait
take_wait(struct gpu *gpu)
{
    struct gpu_wait wait = gpu->wait;
    loop_timer_clear(gpu->config.loop, &gpu->wait.late);
    gpu->wait = (struct gpu_wait){ 0 };
    return wait;
}

void
gpu_wait_done(struct gpu *gpu, const void *result)
{
    struct gpu_wait wait = take_wait(gpu);
    uint32_t type = wait.resume(gpu, wait.command, result);
    if (type != GPU_WAITS) {
        gpu_end(gpu, wait.command, type);
        gpu_signal(gpu, VIRTIO_GPU_CONTROLQ);
        gpu_go_on(gpu);
    }
}

void
gpu_wait_fail(struct gpu *gpu)
{
    struct gpu_wait wait = take_wait(gpu);
    if (wait.abandon != NULL) {
        wait.abandon(gpu, wait.command);
    }
    gpu_end(gpu, wait.command,
            wait.is_optional ? wait.resume(gpu, wait.command, NULL) : VIRTIO_GPU_RESP_ERR_UNSPEC);
    gpu_signal(gpu, VIRTIO_GPU_CONTROLQ);
    gpu_go_on(gpu);
}

void
gpu_wait_forget(struct gpu *gpu)
{
    if (gpu->wait.command == NULL) {
        return;
    }
    struct gpu_wait wait = take_wait(gpu);
    if (wait.abandon != NULL) {
        wait.abandon(gpu, wait.command);
    }
    gpu_command_forget(wait.command);
}

/* --- from the queue --- */

static uint32_t
check(struct gpu *gpu, const struct gpu_command *command)
{
    const struct gpu_rule *rule = command->rule;
    uint64_t bytes = command->chain->readable_bytes;
    if (bytes < GPU_HEADER_BYTES) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "%llu bytes are less than a header's 24", (unsigned long long)bytes);
    }
    if (rule == NULL || rule->queue_idx != command->queue_idx) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC, "no command of queue %u",
                          command->queue_idx);
    }
    if (bytes < rule->request_bytes) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "%llu bytes are too few, right is %u", (unsigned long long)bytes,
                          rule->request_bytes);
    }
    if (rule->feature != GPU_NO_FEATURE && ((gpu->accepted >> rule->feature) & 1) == 0) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                          "its feature, bit %u, was not accepted by the driver", rule->feature);
    }
    return gpu_fence_is_wanted(command) ? gpu_fence_check(gpu, command) : GPU_OK;
}

static void
read_request(struct gpu *gpu, struct gpu_command *command)
{
    const struct virtio_gpu_ctrl_hdr *header = &command->request.header;
    size_t bytes = vq_read(command->chain, 0, &command->request, sizeof(command->request));
    if (bytes >= GPU_HEADER_BYTES) {
        command->type = le32_get(header->type);
        command->flags = le32_get(header->flags);
        command->fence_id = le64_get(header->fence_id);
        command->ctx_id = le32_get(header->ctx_id);
        command->rule = gpu_rule_find(command->type);
    }
    gpu_record(gpu, GPU_EVENT_POP, command, command->chain->id,
               gpu_halves((uint32_t)command->chain->readable_bytes,
                          (uint32_t)command->chain->writable_bytes));
    gpu_record(gpu, GPU_EVENT_REQUEST, command, gpu_halves(command->type, command->flags),
               command->fence_id);
    if (command->rule != NULL && bytes > command->rule->request_bytes) {
        bytes = command->rule->request_bytes;
    }
    gpu_record_bytes(gpu, command, &command->request, bytes);
}

static void
carry_out(struct gpu *gpu, struct gpu_command *command)
{
    read_request(gpu, command);
    gpu->queues[command->queue_idx].command_count++;
    uint32_t type = check(gpu, command);
    if (type == GPU_OK) {
        type = command->rule->handle(gpu, command);
    }
    if (type != GPU_WAITS) {
        gpu_end(gpu, command, type);
    }
}

static void
tell_broken(struct gpu *gpu, unsigned queue_idx)
{
    struct gpu_queue *queue = &gpu->queues[queue_idx];
    if (queue->is_told_broken) {
        return;
    }
    queue->is_told_broken = true;
    gpu_record_queue(gpu, GPU_EVENT_QUEUE_BROKEN, queue_idx, queue->vq->fault.value, 0);
    gpu_problem(gpu, GPU_PROBLEM_QUEUE,
                "the guest broke queue %u: %s, found 0x%llx; it stands still until the driver "
                "resets the device",
                queue_idx, queue->vq->fault.rule, (unsigned long long)queue->vq->fault.value);
    if (gpu->config.host.queue_broke != NULL) {
        gpu->config.host.queue_broke(gpu->config.host.user, queue_idx);
    }
}

static bool
is_standing_still(const struct gpu *gpu, unsigned queue_idx)
{
    return queue_idx == VIRTIO_GPU_CONTROLQ &&
           (gpu->wait.command != NULL || gpu->blocked_count > 0);
}

/* One command.  Returns: whether to look for another. */
static bool
run_one(struct gpu *gpu, unsigned queue_idx)
{
    struct gpu_queue *queue = &gpu->queues[queue_idx];
    struct vq_chain *chain = NULL;
    struct gpu_command *command = calloc(1, sizeof(*command));
    enum vq_result result = command != NULL ? vq_pop(queue->vq, &chain) : VQ_NO_MEMORY;
    if (result == VQ_OK) {
        command->chain = chain;
        command->queue_idx = (uint8_t)queue_idx;
        command->pop_ns = gpu->config.on_record != NULL ? loop_now_ns() : 0;
        carry_out(gpu, command);
        return true;
    }
    free(command);
    if (result == VQ_BROKEN) {
        tell_broken(gpu, queue_idx);
    }
    if (result == VQ_NO_MEMORY) {
        loop_timer_set(gpu->config.loop, &queue->again, TRY_AGAIN_NS);
    }
    return false;
}

static void
run(struct gpu *gpu, unsigned queue_idx)
{
    struct gpu_queue *queue = &gpu->queues[queue_idx];
    uint64_t end_ns = loop_now_ns() + GPU_QUEUE_RUN_MS_MAX * UINT64_C(1000000);
    bool is_over = false;
    for (unsigned count = 1; !is_over && queue->vq != NULL && !is_standing_still(gpu, queue_idx) &&
                             run_one(gpu, queue_idx);
         count++) {
        if (count % SIGNAL_EVERY == 0) {
            gpu_signal(gpu, queue_idx); /* transfers take their time */
        }
        is_over = loop_now_ns() >= end_ns;
    }
    if (is_over) {
        loop_timer_set(gpu->config.loop, &queue->again, SOON_NS);
    }
    gpu_signal(gpu, queue_idx);
}

static void
run_control(void *user)
{
    run(user, VIRTIO_GPU_CONTROLQ);
}

static void
run_cursor(void *user)
{
    run(user, VIRTIO_GPU_CURSORQ);
}

/* By the timer: who calls may be in the middle of a command, or of a context's end. */
void
gpu_go_on(struct gpu *gpu)
{
    struct gpu_queue *queue = &gpu->queues[VIRTIO_GPU_CONTROLQ];
    if (queue->vq != NULL) {
        loop_timer_set(gpu->config.loop, &queue->again, SOON_NS);
    }
}

void
gpu_set_queue(struct gpu *gpu, unsigned queue_idx, struct vq *vq)
{
    struct gpu_queue *queue = &gpu->queues[queue_idx];
    queue->vq = vq;
    queue->is_told_broken = false;
    queue->signalled_push_count = vq != NULL ? vq->push_count : 0;
    queue->again.user = gpu;
    queue->again.on_late = queue_idx == VIRTIO_GPU_CONTROLQ ? run_control : run_cursor;
    if (vq != NULL) {
        gpu_record_queue(gpu, GPU_EVENT_QUEUE_START, queue_idx,
                         gpu_halves(vq->layout.size, vq->layout.is_packed), vq->layout.first_avail);
    }
}

void
gpu_queue_ready(struct gpu *gpu, unsigned queue_idx)
{
    gpu_record_queue(gpu, GPU_EVENT_NOTIFIED, queue_idx, 0, 0);
    run(gpu, queue_idx);
}

void
gpu_queue_pause(struct gpu *gpu, unsigned queue_idx)
{
    struct gpu_queue *queue = &gpu->queues[queue_idx];
    if (queue->vq == NULL) {
        return;
    }
    gpu_record_queue(gpu, GPU_EVENT_QUEUE_STOP, queue_idx, queue->vq->pop_count,
                     queue->vq->push_count);
    loop_timer_clear(gpu->config.loop, &queue->again);
    queue->paused = queue->vq;
    queue->vq = NULL;
    queue->held_end = &queue->held;
    if (queue_idx == VIRTIO_GPU_CONTROLQ) {
        loop_timer_clear(gpu->config.loop, &gpu->wait.late); /* a pause may be long */
    }
}

void
gpu_queue_resume(struct gpu *gpu, unsigned queue_idx)
{
    struct gpu_queue *queue = &gpu->queues[queue_idx];
    if (queue->paused == NULL) {
        return;
    }
    queue->vq = queue->paused;
    queue->paused = NULL;
    gpu_record_queue(gpu, GPU_EVENT_QUEUE_START, queue_idx,
                     gpu_halves(queue->vq->layout.size, queue->vq->layout.is_packed),
                     vq_base(queue->vq));
    if (queue_idx == VIRTIO_GPU_CONTROLQ && gpu->wait.command != NULL) {
        loop_timer_set(gpu->config.loop, &gpu->wait.late, GPU_WAIT_MS_MAX * UINT64_C(1000000));
    }
    while (queue->held != NULL) {
        struct gpu_command *command = take_held(queue);
        gpu_push(gpu, command, command->response_type);
    }
    gpu_signal(gpu, queue_idx);
}

void
gpu_queue_stop(struct gpu *gpu, unsigned queue_idx)
{
    struct gpu_queue *queue = &gpu->queues[queue_idx];
    const struct vq *vq = queue->vq != NULL ? queue->vq : queue->paused;
    if (vq == NULL) {
        return;
    }
    if (queue_idx == VIRTIO_GPU_CONTROLQ) {
        gpu_wait_forget(gpu);
    }
    gpu_fences_forget(gpu, queue_idx);
    while (queue->held != NULL) {
        gpu_command_forget(take_held(queue));
    }
    gpu_record_queue(gpu, GPU_EVENT_QUEUE_STOP, queue_idx, vq->pop_count, vq->push_count);
    loop_timer_clear(gpu->config.loop, &queue->again);
    queue->vq = queue->paused = NULL;
}
