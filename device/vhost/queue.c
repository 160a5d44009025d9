/*
 * queue.c - queues come, go and are moved by the front-end; the guest's notifications and interrupts are eventfds.
 */
#include <errno.h>
#include <inttypes.h>

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "abi/virtio.h"

#include "device/vhost/session.h"

static const uint32_t packed_base_first = 0x80008000; /* both positions 0, both wrap counters 1 */

void
vhost_queues_init(struct vhost *vhost)
{
    for (unsigned i = 0; i < VHOST_QUEUE_COUNT; i++) {
        vhost->queues[i] =
            (struct vhost_queue){ .vhost = vhost, .idx = i, .kick = -1, .call = -1, .err = -1 };
    }
}

/* Whoever waits on the queue's error eventfd learns it, too. */
void
vhost_queue_broke(void *user, unsigned queue_idx)
{
    const struct vhost *vhost = user;
    const uint64_t one = 1;
    if (vhost->queues[queue_idx].err >= 0) {
        (void)!write(vhost->queues[queue_idx].err, &one, sizeof(one));
    }
}

static void
on_kick(void *user, uint32_t events)
{
    struct vhost_queue *queue = user;
    uint64_t count;
    (void)events;
    ssize_t got = read(queue->kick, &count, sizeof(count));
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        loop_unwatch(queue->vhost->config.loop,
                     queue->kick); /* no eventfd: it would be ready for ever */
        return;
    }
    gpu_queue_ready(queue->vhost->gpu, queue->idx);
}

static void
resolve(const struct vhost_queue *queue, struct vq_layout *layout)
{
    const struct guest_memory *guest = &queue->vhost->guest;
    layout->desc = guest_at_front(guest, queue->addr.desc, vq_desc_bytes(layout));
    layout->driver = guest_at_front(guest, queue->addr.driver, vq_driver_bytes(layout));
    layout->device = guest_at_front(guest, queue->addr.device, vq_device_bytes(layout));
}

static bool
has_feature(const struct vhost_queue *queue, unsigned bit)
{
    return (queue->vhost->features >> bit & 1) != 0;
}

static void
stop(struct vhost_queue *queue)
{
    loop_unwatch(queue->vhost->config.loop, queue->kick);
    if (queue->is_running || queue->is_paused) {
        queue->is_running = queue->is_paused = false;
        gpu_queue_stop(queue->vhost->gpu, queue->idx);
        queue->base = vq_stop(&queue->vq);
    }
}

/*
 * QEMU stops the queues of a machine that pauses and waits for the answer, while it serves nothing else: what waits for
 * QEMU itself could not end, and a fence may take long.  So nothing is waited for: chains stay in flight, and are given
 * back when the queue goes on from where it stood.
 */
static void
pause_queue(struct vhost_queue *queue)
{
    loop_unwatch(queue->vhost->config.loop, queue->kick);
    if (queue->is_running) {
        queue->is_running = false;
        queue->is_paused = true;
        gpu_queue_pause(queue->vhost->gpu, queue->idx);
        queue->base = vq_base(&queue->vq);
    }
}

static bool
is_same(const struct vq *vq, const struct vq_layout *layout)
{
    const struct vq_layout *own = &vq->layout;
    return own->size == layout->size && own->is_packed == layout->is_packed &&
           own->has_event_idx == layout->has_event_idx &&
           own->has_indirect == layout->has_indirect && vq_base(vq) == layout->first_avail;
}

static bool
resume(struct vhost_queue *queue, const struct vq_layout *layout)
{
    if (vq_move(&queue->vq, layout->desc, layout->driver, layout->device) != NULL) {
        return false;
    }
    queue->is_paused = false;
    gpu_queue_resume(queue->vhost->gpu, queue->idx);
    return true;
}

/*
 * A control queue that begins anew is a driver's that began anew: QEMU sends RESET_DEVICE for some devices only.  While the
 * cursor's queue runs, the driver reset this queue alone.
 */
static bool
begins_anew(const struct vhost_queue *queue)
{
    uint32_t first = has_feature(queue, VIRTIO_F_RING_PACKED) ? packed_base_first : 0;
    return queue->idx == VIRTIO_GPU_CONTROLQ && queue->has_run && queue->base == first &&
           !queue->vhost->queues[VIRTIO_GPU_CURSORQ].is_running;
}

/* One that was paused goes on where it was, though that be its first base: rings are round. */
static bool
start(struct vhost_queue *queue)
{
    struct vq_layout layout = { .size = (uint16_t)queue->size,
                                .is_packed = has_feature(queue, VIRTIO_F_RING_PACKED),
                                .has_event_idx = has_feature(queue, VIRTIO_F_EVENT_IDX),
                                .has_indirect = has_feature(queue, VIRTIO_F_INDIRECT_DESC),
                                .first_avail = queue->base };
    resolve(queue, &layout);
    if (queue->is_paused && is_same(&queue->vq, &layout) && resume(queue, &layout)) {
        return true;
    }
    stop(queue);
    queue->base = layout.first_avail;
    if (begins_anew(queue)) {
        vhost_reset_gpu(queue->vhost);
    }
    const char *why = vq_start(&queue->vq, &queue->vhost->guest, &layout);
    if (why !=
        NULL) { /* addresses and size are the guest's: its own queue stays silent, the session lives */
        gpu_tell(queue->vhost->gpu, "queue %u cannot start: %s", queue->idx, why);
        return false;
    }
    queue->has_run = true;
    gpu_set_queue(queue->vhost->gpu, queue->idx, &queue->vq);
    return true;
}

/* Runs when the front-end has said all of it; what was notified before is looked at now. */
static void
run_if_ready(struct vhost_queue *queue)
{
    struct vhost *vhost = queue->vhost;
    bool is_enabled = queue->is_enabled || (vhost->features >> VHOST_F_PROTOCOL_FEATURES & 1) == 0;
    if (!is_enabled || queue->kick < 0 || !queue->has_addr || queue->size == 0) {
        return;
    }
    if (!queue->is_running) {
        queue->is_running = start(queue);
        vhost_backend_go_on(vhost);
    }
    if (!queue->is_running ||
        !loop_watch(vhost->config.loop, queue->kick, EPOLLIN, on_kick, queue)) {
        return;
    }
    gpu_queue_ready(vhost->gpu, queue->idx);
}

static struct vhost_queue *
find(struct vhost *vhost, uint64_t idx, struct fault *fault)
{
    if (idx >= VHOST_QUEUE_COUNT) {
        (void)refuse(fault, "queue %" PRIu64 " is named; a virtio GPU has 0 and 1", idx);
        return NULL;
    }
    return &vhost->queues[idx];
}

static void
set_enabled(struct vhost_queue *queue, bool is_enabled)
{
    queue->is_enabled = is_enabled;
    if (!is_enabled) {
        loop_unwatch(queue->vhost->config.loop, queue->kick);
    }
    run_if_ready(queue);
}

bool
vhost_set_vring(struct vhost *vhost, struct vhost_message *message, struct fault *fault)
{
    const struct vhost_vring_state *state = &message->payload.state; /* all begin with the index */
    struct vhost_queue *queue = find(vhost, state->idx, fault);
    if (queue == NULL) {
        return false;
    }
    if (queue->is_running && message->header.request != VHOST_SET_VRING_ENABLE) {
        return refuse(fault, "%s while queue %u runs", vhost_request_name(message->header.request),
                      queue->idx);
    }
    switch (message->header.request) {
    case VHOST_SET_VRING_NUM:
        if (state->number == 0 || state->number > VQ_SIZE_MAX) {
            return refuse(fault, "queue %u is to have %u entries; right are 1 to %u", queue->idx,
                          state->number, VQ_SIZE_MAX);
        }
        queue->size = state->number;
        break;
    case VHOST_SET_VRING_BASE: queue->base = state->number; break;
    case VHOST_SET_VRING_ADDR:
        queue->addr = message->payload.addr;
        queue->has_addr = true;
        break;
    default: set_enabled(queue, state->number != 0); break;
    }
    return true;
}

static void
replace(int *fd, int fresh)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
    *fd = fresh;
}

bool
vhost_set_vring_fd(struct vhost *vhost, struct vhost_message *message, struct fault *fault)
{
    uint64_t number = message->payload.number;
    struct vhost_queue *queue = find(vhost, number & VHOST_VRING_INDEX_MASK, fault);
    if (queue == NULL) {
        return false;
    }
    int fd = vhost_take_fd(message, 0);
    if (fd >= 0) { /* neither reading nor writing it may stop the loop */
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
    switch (message->header.request) {
    case VHOST_SET_VRING_CALL: replace(&queue->call, fd); break;
    case VHOST_SET_VRING_ERR: replace(&queue->err, fd); break;
    default:
        loop_unwatch(vhost->config.loop, queue->kick);
        replace(&queue->kick, fd);
        if (fd < 0) {
            return refuse(fault, "queue %u is to be polled, which this device does not do",
                          queue->idx);
        }
        run_if_ready(queue);
        break;
    }
    return true;
}

bool
vhost_pause_vring(struct vhost *vhost, unsigned idx, uint32_t *base, struct fault *fault)
{
    struct vhost_queue *queue = find(vhost, idx, fault);
    if (queue == NULL) {
        return false;
    }
    pause_queue(queue);
    replace(&queue->kick, -1);
    queue->has_addr = false;
    *base = queue->base;
    return true;
}

bool
vhost_is_running(const struct vhost *vhost)
{
    return vhost->queues[VIRTIO_GPU_CONTROLQ].is_running ||
           vhost->queues[VIRTIO_GPU_CURSORQ].is_running;
}

void
vhost_queues_stop(struct vhost *vhost)
{
    for (unsigned i = 0; i < VHOST_QUEUE_COUNT; i++) {
        struct vhost_queue *queue = &vhost->queues[i];
        stop(queue);
        replace(&queue->kick, -1);
        queue->has_addr = false;
    }
}

void
vhost_queues_forget(struct vhost *vhost)
{
    for (unsigned i = 0; i < VHOST_QUEUE_COUNT; i++) {
        struct vhost_queue *queue = &vhost->queues[i];
        uint32_t base = queue->base; /* of its next start */
        if (queue->is_paused) {
            stop(queue);
        }
        queue->base = base;
        queue->has_run = false;
    }
}

void
vhost_queues_move(struct vhost *vhost)
{
    for (unsigned i = 0; i < VHOST_QUEUE_COUNT; i++) {
        struct vhost_queue *queue = &vhost->queues[i];
        if (!queue->is_running) {
            continue;
        }
        struct vq_layout layout = queue->vq.layout;
        resolve(queue, &layout);
        const char *why = vq_move(&queue->vq, layout.desc, layout.driver, layout.device);
        if (why != NULL) {
            gpu_tell(vhost->gpu, "queue %u stops: the memory table has changed and %s", i, why);
            stop(queue);
        }
    }
}

void
vhost_queues_finish(struct vhost *vhost)
{
    for (unsigned i = 0; i < VHOST_QUEUE_COUNT; i++) {
        struct vhost_queue *queue = &vhost->queues[i];
        stop(queue);
        replace(&queue->kick, -1);
        replace(&queue->call, -1);
        replace(&queue->err, -1);
    }
    vhost_queues_init(vhost);
}

void
vhost_interrupt(void *user, unsigned queue_idx)
{
    const struct vhost *vhost = user;
    const uint64_t one = 1;
    if (vhost->queues[queue_idx].call >= 0) {
        (void)!write(vhost->queues[queue_idx].call, &one, sizeof(one));
    }
}
