/*
 * A framebuffer's way from nothing to the screen and back, one state for each command. Contract:
 * virtio/gpu.h.
 *
 * Each state has one command; when its answer is there, the next state is entered and its command
 * sent, inside vgpu_poll.
 */
#include "virtio/driver/gpu/driver.h"

static void step_done(void *ctx, const struct vgpu_completion *completion);

static bool
is_on_scanout(const struct vgpu_framebuffer *framebuffer)
{
    return framebuffer->config.scanout_id != VGPU_SCANOUT_NONE;
}

static enum virtio_err
send_set_scanout(struct vgpu_framebuffer *framebuffer, const struct vgpu_then *then)
{
    const struct vgpu_framebuffer_config *config = &framebuffer->config;
    struct vgpu_rect rect = config->scanout_rect;
    if (rect.width == 0 || rect.height == 0) {
        rect = (struct vgpu_rect){ 0, 0, config->image.width_px, config->image.height_px };
    }
    return vgpu_cmd_set_scanout(framebuffer->vgpu, config->scanout_id, framebuffer->resource->id,
                                &rect, then);
}

static enum virtio_err
send_clear_scanout(struct vgpu_framebuffer *framebuffer, const struct vgpu_then *then)
{
    struct vgpu_rect none = { 0 };
    return vgpu_cmd_set_scanout(framebuffer->vgpu, framebuffer->config.scanout_id, 0, &none, then);
}

/* The command of the state that the framebuffer is in. */
static enum virtio_err
send_step(struct vgpu_framebuffer *framebuffer)
{
    struct vgpu_then then = { .done = step_done, .ctx = framebuffer };
    const struct vgpu_framebuffer_config *config = &framebuffer->config;
    switch (framebuffer->state) {
    case VGPU_INITIALIZING_RESOURCE_CREATE_2D:
        return vgpu_resource_create(framebuffer->vgpu, config->resource_id, &config->image, &then,
                                    &framebuffer->resource);
    case VGPU_INITIALIZING_RESOURCE_ATTACH_BACKING:
        return vgpu_resource_attach(framebuffer->resource, &config->backing, &then);
    case VGPU_INITIALIZING_SET_SCANOUT: return send_set_scanout(framebuffer, &then);
    case VGPU_FINISHING_SET_SCANOUT: return send_clear_scanout(framebuffer, &then);
    case VGPU_FINISHING_RESOURCE_DETACH_BACKING:
        return vgpu_resource_detach(framebuffer->resource, &then);
    default: /* VGPU_FINISHING_RESOURCE_UNREF */
        return vgpu_resource_unref(framebuffer->resource, &then);
    }
}

static void
enter(struct vgpu_framebuffer *framebuffer, enum vgpu_state to)
{
    uint32_t id =
        framebuffer->resource != NULL ? framebuffer->resource->id : framebuffer->config.resource_id;
    vgpu_state_change(framebuffer->vgpu, &framebuffer->state, id, to);
}

static void
tell(struct vgpu_framebuffer *framebuffer)
{
    void (*done)(void *, struct vgpu_framebuffer *) = framebuffer->done;
    framebuffer->done = NULL;
    if (done != NULL) {
        done(framebuffer->ctx, framebuffer);
    }
}

static void
fail(struct vgpu_framebuffer *framebuffer, enum virtio_err err)
{
    framebuffer->failure = err;
    enter(framebuffer, VGPU_FAILED);
    tell(framebuffer);
}

/* What follows a state whose command was answered well. */
static enum vgpu_state
state_after(const struct vgpu_framebuffer *framebuffer)
{
    switch (framebuffer->state) {
    case VGPU_INITIALIZING_RESOURCE_CREATE_2D: return VGPU_INITIALIZING_RESOURCE_ATTACH_BACKING;
    case VGPU_INITIALIZING_RESOURCE_ATTACH_BACKING:
        return is_on_scanout(framebuffer) ? VGPU_INITIALIZING_SET_SCANOUT : VGPU_READY;
    case VGPU_INITIALIZING_SET_SCANOUT: return VGPU_READY;
    case VGPU_FINISHING_SET_SCANOUT: return VGPU_FINISHING_RESOURCE_DETACH_BACKING;
    case VGPU_FINISHING_RESOURCE_DETACH_BACKING: return VGPU_FINISHING_RESOURCE_UNREF;
    default: return VGPU_UNINITIALIZED;
    }
}

static void
go_on(struct vgpu_framebuffer *framebuffer, enum vgpu_state to)
{
    enter(framebuffer, to);
    if (to == VGPU_READY || to == VGPU_UNINITIALIZED) {
        framebuffer->is_shown = to == VGPU_READY && is_on_scanout(framebuffer);
        tell(framebuffer);
        return;
    }
    enum virtio_err err = send_step(framebuffer);
    if (err != VIRTIO_OK) {
        fail(framebuffer, err);
        return;
    }
    vgpu_notify(framebuffer->vgpu);
}

static bool
is_going_down(enum vgpu_state state)
{
    return state == VGPU_FINISHING_SET_SCANOUT || state == VGPU_FINISHING_RESOURCE_DETACH_BACKING ||
           state == VGPU_FINISHING_RESOURCE_UNREF;
}

/*
 * On the way down a refusal is noted and passed: what the device denies to have needs no undoing.
 */
static void
step_done(void *ctx, const struct vgpu_completion *completion)
{
    struct vgpu_framebuffer *framebuffer = ctx;
    enum vgpu_state state = framebuffer->state;
    enum virtio_err err = completion->err;
    bool is_answered = err == VIRTIO_OK || err == VIRTIO_ERR_REFUSED;
    if (err == VIRTIO_ERR_REFUSED) {
        framebuffer->failure = err;
        framebuffer->refusal = completion->response_type;
    }
    bool is_gone = (state == VGPU_INITIALIZING_RESOURCE_CREATE_2D && err == VIRTIO_ERR_REFUSED) ||
                   (state == VGPU_FINISHING_RESOURCE_UNREF && is_answered);
    if (is_gone) {
        framebuffer->resource = NULL;
    }
    if (err == VIRTIO_OK || (err == VIRTIO_ERR_REFUSED && is_going_down(state))) {
        go_on(framebuffer, state_after(framebuffer));
    } else {
        fail(framebuffer, err);
    }
}

bool
vgpu_is_backing_enough(const struct vgpu_image *image, const struct vgpu_backing *backing)
{
    uint64_t needed_bytes = (uint64_t)image->width_px * image->height_px * VIRTIO_GPU_BYTES_PER_PX;
    return backing->bytes >= needed_bytes && needed_bytes > 0 && image->width_px <= UINT16_MAX &&
           image->height_px <= UINT16_MAX;
}

/* Enter the first state; what cannot even be sent is told by the return value, not by `done`. */
static enum virtio_err
set_out(struct vgpu_framebuffer *framebuffer, enum vgpu_state to,
        void (*done)(void *ctx, struct vgpu_framebuffer *framebuffer), void *ctx)
{
    framebuffer->failure = VIRTIO_OK;
    framebuffer->refusal = 0;
    framebuffer->done = done;
    framebuffer->ctx = ctx;
    enter(framebuffer, to);
    enum virtio_err err = send_step(framebuffer);
    if (err != VIRTIO_OK) {
        framebuffer->done = NULL;
        fail(framebuffer, err);
        return err;
    }
    vgpu_notify(framebuffer->vgpu);
    return VIRTIO_OK;
}

enum virtio_err
vgpu_framebuffer_bring_up(struct vgpu_framebuffer *framebuffer, struct vgpu *vgpu,
                          const struct vgpu_framebuffer_config *config,
                          void (*done)(void *ctx, struct vgpu_framebuffer *framebuffer), void *ctx)
{
    enum virtio_err err = vgpu_usable(vgpu);
    if (framebuffer->state != VGPU_UNINITIALIZED || err != VIRTIO_OK) {
        return err != VIRTIO_OK ? err : VIRTIO_ERR_STATE;
    }
    if (!vgpu_is_backing_enough(&config->image, &config->backing)) {
        return VIRTIO_ERR_INVALID;
    }
    *framebuffer = (struct vgpu_framebuffer){ .vgpu = vgpu, .config = *config };
    return set_out(framebuffer, VGPU_INITIALIZING_RESOURCE_CREATE_2D, done, ctx);
}

/*
 * Without a usable device there is nothing to undo there; but one that was not reset has the memory
 * still, and the framebuffer stays Failed.
 */
static enum virtio_err
drop(struct vgpu_framebuffer *framebuffer,
     void (*done)(void *ctx, struct vgpu_framebuffer *framebuffer), void *ctx)
{
    struct vgpu *vgpu = framebuffer->vgpu;
    bool is_lent = vgpu->state == VGPU_FAILED;
    if (is_lent && framebuffer->resource != NULL) {
        enum virtio_err err = vgpu_resource_unref(framebuffer->resource, NULL);
        if (err != VIRTIO_OK) {
            return err;
        }
    }
    framebuffer->resource = NULL;
    if (framebuffer->state == VGPU_READY) {
        enter(framebuffer, VGPU_FINISHING_RESOURCE_DETACH_BACKING);
        enter(framebuffer, VGPU_FAILED);
    }
    if (is_lent) {
        framebuffer->failure = vgpu->failure;
        return vgpu->failure;
    }
    enter(framebuffer, VGPU_UNINITIALIZED);
    framebuffer->done = done;
    framebuffer->ctx = ctx;
    tell(framebuffer);
    return VIRTIO_OK;
}

/* The first thing that there is to undo. */
static enum vgpu_state
first_step_down(const struct vgpu_framebuffer *framebuffer)
{
    if (framebuffer->is_shown) {
        return VGPU_FINISHING_SET_SCANOUT;
    }
    return framebuffer->resource->backing_bytes > 0 ? VGPU_FINISHING_RESOURCE_DETACH_BACKING
                                                    : VGPU_FINISHING_RESOURCE_UNREF;
}

enum virtio_err
vgpu_framebuffer_bring_down(struct vgpu_framebuffer *framebuffer,
                            void (*done)(void *ctx, struct vgpu_framebuffer *framebuffer),
                            void *ctx)
{
    if (framebuffer->state != VGPU_READY && framebuffer->state != VGPU_FAILED) {
        return VIRTIO_ERR_STATE;
    }
    if (framebuffer->resource == NULL || vgpu_usable(framebuffer->vgpu) != VIRTIO_OK) {
        return drop(framebuffer, done, ctx);
    }
    return set_out(framebuffer, first_step_down(framebuffer), done, ctx);
}

static bool
is_on_the_way(const struct vgpu_framebuffer *framebuffer)
{
    return framebuffer->state != VGPU_READY && framebuffer->state != VGPU_FAILED &&
           framebuffer->state != VGPU_UNINITIALIZED;
}

static enum virtio_err
wait_for_end(struct vgpu_framebuffer *framebuffer, enum virtio_err submitted)
{
    if (submitted != VIRTIO_OK) {
        return submitted;
    }
    while (is_on_the_way(framebuffer)) {
        vgpu_turn_commands(framebuffer->vgpu);
    }
    return framebuffer->state == VGPU_FAILED ? framebuffer->failure : VIRTIO_OK;
}

enum virtio_err
vgpu_framebuffer_bring_up_wait(struct vgpu_framebuffer *framebuffer, struct vgpu *vgpu,
                               const struct vgpu_framebuffer_config *config)
{
    return wait_for_end(framebuffer,
                        vgpu_framebuffer_bring_up(framebuffer, vgpu, config, NULL, NULL));
}

enum virtio_err
vgpu_framebuffer_bring_down_wait(struct vgpu_framebuffer *framebuffer)
{
    return wait_for_end(framebuffer, vgpu_framebuffer_bring_down(framebuffer, NULL, NULL));
}
