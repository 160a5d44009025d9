/*
 * Blocking calls: submit, and wait with the deadline that every command has. Contract:
 * virtio/gpu.h.
 */
#include "virtio/driver/gpu/driver.h"

enum virtio_err
vgpu_turn(struct vgpu *vgpu, uint64_t deadline_ns)
{
    if (vgpu_poll(vgpu) > 0) { /* without end, maybe: callbacks may submit again */
        return vgpu->polled_ns < deadline_ns ? VIRTIO_OK : VIRTIO_ERR_TIMEOUT;
    }
    return virtio_device_relax(vgpu->device, deadline_ns);
}

void
vgpu_turn_commands(struct vgpu *vgpu)
{
    uint64_t deadline_ns = vgpu->next_deadline_ns;
    if (vgpu_turn(vgpu, deadline_ns) != VIRTIO_OK) {
        vgpu_slots_expire(vgpu, deadline_ns);
    }
}

static void
wait_done(void *ctx, const struct vgpu_completion *completion)
{
    struct vgpu_wait *wait = ctx;
    wait->completion = *completion;
    wait->completion.response = NULL;
    if (completion->err == VIRTIO_OK && wait->parse != NULL) {
        wait->completion.err = wait->parse(wait, completion->response, completion->response_bytes);
    }
    wait->is_done = true;
}

const struct vgpu_then *
vgpu_wait_start(struct vgpu_wait *wait)
{
    *wait = (struct vgpu_wait){
        .then = {.done = wait_done, .ctx = wait}
    };
    return &wait->then;
}

enum virtio_err
vgpu_wait(struct vgpu *vgpu, struct vgpu_wait *wait, enum virtio_err submitted)
{
    if (submitted != VIRTIO_OK) {
        return submitted;
    }
    vgpu_notify(vgpu);
    while (!wait->is_done) {
        vgpu_turn_commands(vgpu);
    }
    return wait->completion.err;
}

/* Wait until `is_there`, or the deadline, or the device's failure. */
static enum virtio_err
wait_until(struct vgpu *vgpu, bool (*is_there)(const struct vgpu *vgpu, uint64_t what),
           uint64_t what, uint64_t timeout_ns)
{
    uint64_t now_ns = vgpu_now_ns(vgpu);
    uint64_t deadline_ns = now_ns + timeout_ns < now_ns ? UINT64_MAX : now_ns + timeout_ns;
    enum virtio_err err = vgpu_usable(vgpu);
    vgpu_notify(vgpu);
    while (err == VIRTIO_OK && !is_there(vgpu, what)) {
        err = vgpu_turn(vgpu, deadline_ns);
        err = vgpu_usable(vgpu) != VIRTIO_OK ? vgpu_usable(vgpu) : err;
    }
    return err == VIRTIO_ERR_TIMEOUT && is_there(vgpu, what) ? VIRTIO_OK : err;
}

static bool
has_room(const struct vgpu *vgpu, uint64_t count)
{
    return vgpu_room(vgpu) >= count;
}

enum virtio_err
vgpu_room_wait(struct vgpu *vgpu, unsigned count, uint64_t timeout_ns)
{
    return wait_until(vgpu, has_room, count, timeout_ns);
}

enum virtio_err
vgpu_fence_wait(struct vgpu *vgpu, uint64_t fence_id, uint64_t timeout_ns)
{
    return wait_until(vgpu, vgpu_fence_done, fence_id, timeout_ns);
}
