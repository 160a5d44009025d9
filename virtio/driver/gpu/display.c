/*
 * Presenting: damage becomes transfers and a flush, frames are counted and held back. Contract:
 * virtio/display.h.
 */
#include "virtio/display.h"

#include "virtio/core/memory.h"
#include "virtio/driver/gpu/driver.h"

enum {
    FRAMES_DEFAULT = DISPLAY_FRAMES_MAX,
    MARGIN_NS = 1000000000,
};

static uint32_t
stride_of(const struct display *display)
{
    return display->config.image.width_px * VIRTIO_GPU_BYTES_PER_PX;
}

/* Frames end with their commands, well or not: a wait for them lasts longer than any command. */
static uint64_t
end_of_wait_ns(const struct vgpu *vgpu)
{
    return vgpu_now_ns(vgpu) + (uint64_t)vgpu->config.timeout_ms * VGPU_NS_PER_MS + MARGIN_NS;
}

static struct vgpu_rect
wire_rect(const struct display_rect *rect)
{
    return (struct vgpu_rect){ (uint32_t)rect->x, (uint32_t)rect->y, (uint32_t)rect->width,
                               (uint32_t)rect->height };
}

static unsigned
buffer_count(const struct display *display)
{
    return display->config.mode == DISPLAY_FLIP ? 2 : 1;
}

/* --- bring-up --- */

static bool
has_backing(const struct display_config *config, unsigned idx)
{
    return config->backings[idx].memory != NULL &&
           vgpu_is_backing_enough(&config->image, &config->backings[idx]);
}

/* All that is written to before a framebuffer has looked at it. */
static bool
is_config_valid(const struct display_config *config)
{
    bool has_first = has_backing(config, 0);
    bool has_second = has_backing(config, 1);
    if (config->frames_in_flight_max > DISPLAY_FRAMES_MAX || !has_first) {
        return false;
    }
    return (config->mode == DISPLAY_DIRECT) ||
           (config->mode == DISPLAY_COPY && config->shadow != NULL) ||
           (config->mode == DISPLAY_FLIP && has_second);
}

static unsigned
frames_allowed(const struct display_config *config)
{
    if (config->mode != DISPLAY_DIRECT) {
        return 1;
    }
    return config->frames_in_flight_max != 0 ? config->frames_in_flight_max : FRAMES_DEFAULT;
}

static enum virtio_err
bring_up_buffer(struct display *display, unsigned idx)
{
    const struct display_config *config = &display->config;
    struct vgpu_framebuffer_config framebuffer = {
        .image = config->image,
        .backing = config->backings[idx],
        .resource_id = config->resource_ids[idx],
        .scanout_id = idx == 0 ? config->scanout_id : VGPU_SCANOUT_NONE,
    };
    return vgpu_framebuffer_bring_up_wait(&display->framebuffers[idx], display->vgpu, &framebuffer);
}

static void *
first_pixels(const struct display *display)
{
    switch (display->config.mode) {
    case DISPLAY_COPY: return display->config.shadow;
    case DISPLAY_FLIP: return display->config.backings[1].memory;
    default: return display->config.backings[0].memory;
    }
}

enum virtio_err
display_init(struct display *display, struct vgpu *vgpu, const struct display_config *config)
{
    *display = (struct display){ .vgpu = vgpu, .config = *config };
    enum virtio_err err = VIRTIO_ERR_INVALID;
    if (is_config_valid(config)) {
        err = display_target_init(&display->target, &config->image, first_pixels(display),
                                  stride_of(display));
    }
    if (err != VIRTIO_OK) {
        return err;
    }
    display->config.frames_in_flight_max = frames_allowed(config);
    display->back_idx = buffer_count(display) - 1;
    for (unsigned i = 0; i < buffer_count(display) && err == VIRTIO_OK; i++) {
        memset(config->backings[i].memory, 0, (size_t)stride_of(display) * config->image.height_px);
        err = bring_up_buffer(display, i);
    }
    if (err != VIRTIO_OK) {
        (void)display_finish(display);
        return err;
    }
    display_fill(&display->target, &display->target.clip, 0xff000000);
    return VIRTIO_OK;
}

enum virtio_err
display_finish(struct display *display)
{
    enum virtio_err err = VIRTIO_OK;
    if (display->vgpu == NULL) {
        return VIRTIO_OK;
    }
    (void)display_drain(display);
    for (unsigned i = 0; i < buffer_count(display); i++) {
        struct vgpu_framebuffer *framebuffer = &display->framebuffers[i];
        if (framebuffer->state == VGPU_UNINITIALIZED) {
            continue;
        }
        enum virtio_err down = vgpu_framebuffer_bring_down_wait(framebuffer);
        err = err == VIRTIO_OK ? down : err;
    }
    display->vgpu = NULL;
    return err;
}

/* --- frames --- */

static void
frame_end(struct display_frame *frame)
{
    struct display *display = frame->display;
    display->frames_in_flight--;
    if (frame->err == VIRTIO_OK) {
        display->stats.frames_shown++;
        virtio_histogram_add(&display->stats.latency,
                             vgpu_time_ns(display->vgpu) - frame->start_ns);
    } else {
        display->stats.frames_failed++;
        display->last_err = frame->err;
    }
}

static void
command_done(void *ctx, const struct vgpu_completion *completion)
{
    struct display_frame *frame = ctx;
    if (completion->err != VIRTIO_OK) {
        frame->err = completion->err;
    }
    if (--frame->commands_left == 0) {
        frame_end(frame);
    }
}

/*
 * Counts one extra command, so that the frame cannot end while it is being sent; frame_sent takes
 * it away.
 */
static struct display_frame *
frame_begin(struct display *display)
{
    for (unsigned i = 0; i < DISPLAY_FRAMES_MAX; i++) {
        struct display_frame *frame = &display->frames[i];
        if (frame->commands_left == 0) {
            *frame = (struct display_frame){
                .display = display,
                .start_ns = vgpu_time_ns(display->vgpu),
                .commands_left = 1,
            };
            display->frames_in_flight++;
            return frame;
        }
    }
    return NULL;
}

static void
frame_sent(struct display_frame *frame)
{
    if (--frame->commands_left == 0) {
        frame_end(frame);
    }
}

/* Count a command before it is sent: with `simple` it has ended when the submission returns. */
static struct vgpu_then
frame_then(struct display_frame *frame)
{
    frame->commands_left++;
    return (struct vgpu_then){ .done = command_done, .ctx = frame, .is_fenced = true };
}

static void
frame_command_sent(struct display_frame *frame, enum virtio_err err)
{
    if (err != VIRTIO_OK) {
        frame->commands_left--;
        frame->err = err;
    }
}

static void
send_transfer(struct display *display, struct display_frame *frame, uint32_t resource_id,
              const struct display_rect *rect)
{
    struct vgpu_rect wire = wire_rect(rect);
    uint64_t offset_bytes =
        (uint64_t)wire.y * stride_of(display) + (uint64_t)wire.x * VIRTIO_GPU_BYTES_PER_PX;
    struct vgpu_then then = frame_then(frame);
    frame_command_sent(frame, vgpu_cmd_transfer_to_host_2d(display->vgpu, resource_id, &wire,
                                                           offset_bytes, &then));
    display->stats.rects++;
    display->stats.bytes_transferred +=
        (uint64_t)wire.width * wire.height * VIRTIO_GPU_BYTES_PER_PX;
}

static void
send_flush(struct display *display, struct display_frame *frame, uint32_t resource_id,
           const struct display_rect *rect)
{
    struct vgpu_rect wire = wire_rect(rect);
    struct vgpu_then then = frame_then(frame);
    frame_command_sent(frame, vgpu_cmd_resource_flush(display->vgpu, resource_id, &wire, &then));
}

static void
send_flip(struct display *display, struct display_frame *frame, uint32_t resource_id)
{
    struct vgpu_rect wire = { 0, 0, display->config.image.width_px,
                              display->config.image.height_px };
    struct vgpu_then then = frame_then(frame);
    frame_command_sent(frame, vgpu_cmd_set_scanout(display->vgpu, display->config.scanout_id,
                                                   resource_id, &wire, &then));
}

/*
 * One flush around everything, unless that is mostly undamaged: what is flushed may be sent over a
 * network. After a flip a device may have nothing on the screen yet, so all of it is flushed.
 */
static void
send_flushes(struct display *display, struct display_frame *frame, uint32_t resource_id)
{
    const struct display_damage *damage = &display->target.damage;
    struct display_rect all = { 0 };
    int64_t damaged_px = 0;
    for (unsigned i = 0; i < damage->count; i++) {
        all = display_rect_union(&all, &damage->rects[i]);
        damaged_px += (int64_t)damage->rects[i].width * damage->rects[i].height;
    }
    if (display->config.mode == DISPLAY_FLIP) {
        all = (struct display_rect){ 0, 0, display->target.width_px, display->target.height_px };
    }
    if (display->config.mode == DISPLAY_FLIP || (int64_t)all.width * all.height <= 2 * damaged_px) {
        send_flush(display, frame, resource_id, &all);
        return;
    }
    for (unsigned i = 0; i < damage->count; i++) {
        send_flush(display, frame, resource_id, &damage->rects[i]);
    }
}

static void
copy_rect(const struct display *display, uint8_t *to, const uint8_t *from,
          const struct display_rect *rect)
{
    size_t stride = stride_of(display);
    size_t at = (size_t)rect->y * stride + (size_t)rect->x * VIRTIO_GPU_BYTES_PER_PX;
    size_t bytes = (size_t)rect->width * VIRTIO_GPU_BYTES_PER_PX;
    if (bytes == stride) {
        memcpy(to + at, from + at, bytes * (size_t)rect->height);
        return;
    }
    for (int32_t i = 0; i < rect->height; i++, at += stride) {
        memcpy(to + at, from + at, bytes);
    }
}

static void
copy_damage(const struct display *display, void *to, const void *from)
{
    const struct display_damage *damage = &display->target.damage;
    for (unsigned i = 0; i < damage->count; i++) {
        copy_rect(display, to, from, &damage->rects[i]);
    }
}

/*
 * Draw in the other resource from now on. It was shown before this frame, so this frame's damage is
 * all that it lacks.
 */
static void
turn_buffers(struct display *display)
{
    const void *presented = display->target.pixels;
    display->back_idx ^= 1;
    display->target.pixels = display->config.backings[display->back_idx].memory;
    copy_damage(display, display->target.pixels, presented);
    display->last_damage = display->target.damage;
}

/*
 * A frame of so many rectangles: transfers and as many flushes; or of a flip, the transfers of two
 * frames.
 */
static unsigned
commands_of(const struct display *display)
{
    unsigned rects = display->target.damage.count;
    if (display->config.mode == DISPLAY_FLIP) {
        rects += display->last_damage.count;
        return (rects < DISPLAY_DAMAGE_RECTS_MAX ? rects : DISPLAY_DAMAGE_RECTS_MAX) + 2;
    }
    return 2 * rects;
}

/* With a very short queue, all in one. */
static void
merge_damage(struct display_damage *damage)
{
    struct display_rect all = { 0 };
    for (unsigned i = 0; i < damage->count; i++) {
        all = display_rect_union(&all, &damage->rects[i]);
    }
    damage->count = 0;
    display_damage_add(damage, &all);
}

/* VIRTIO_OK when a whole frame can be sent now. */
static enum virtio_err
check_room(struct display *display)
{
    enum virtio_err err = vgpu_usable(display->vgpu);
    if (err != VIRTIO_OK) {
        return err;
    }
    if (display->frames_in_flight >= display->config.frames_in_flight_max ||
        vgpu_room(display->vgpu) < commands_of(display)) {
        display->stats.frames_held_back++;
        return VIRTIO_ERR_BUSY;
    }
    return VIRTIO_OK;
}

/* Clip the damage to the target: whoever draws by himself adds damage by himself. */
static void
clip_damage(struct display *display)
{
    struct display_rect all = { 0, 0, display->target.width_px, display->target.height_px };
    struct display_damage clipped = { .count = 0 };
    for (unsigned i = 0; i < display->target.damage.count; i++) {
        struct display_rect part = display_rect_intersect(&display->target.damage.rects[i], &all);
        if (!display_rect_is_empty(&part)) {
            clipped.rects[clipped.count++] = part;
        }
    }
    display->target.damage = clipped;
    if (commands_of(display) > display->vgpu->slot_count) {
        merge_damage(&display->target.damage);
        merge_damage(&display->last_damage);
    }
}

/*
 * The host's side of the other resource lacks the frame before too: our side had it copied, the
 * host's had not.
 */
static struct display_damage
to_transfer(const struct display *display)
{
    struct display_damage damage = display->target.damage;
    for (unsigned i = 0; i < display->last_damage.count; i++) {
        display_damage_add(&damage, &display->last_damage.rects[i]);
    }
    return damage;
}

static void
send_frame(struct display *display, struct display_frame *frame)
{
    const struct vgpu_framebuffer *framebuffer = &display->framebuffers[display->back_idx];
    uint32_t resource_id = framebuffer->resource->id;
    struct display_damage damage = to_transfer(display);
    for (unsigned i = 0; i < damage.count; i++) {
        send_transfer(display, frame, resource_id, &damage.rects[i]);
    }
    if (display->config.mode == DISPLAY_FLIP) {
        send_flip(display, frame, resource_id);
    }
    send_flushes(display, frame, resource_id);
    vgpu_notify(display->vgpu);
}

enum virtio_err
display_present(struct display *display)
{
    if (display->vgpu == NULL) {
        return VIRTIO_ERR_NOT_INITIALIZED;
    }
    clip_damage(display);
    if (display->target.damage.count == 0) {
        return VIRTIO_OK;
    }
    enum virtio_err err = check_room(display);
    if (err != VIRTIO_OK) {
        return err;
    }
    if (display->config.mode == DISPLAY_COPY) {
        copy_damage(display, display->config.backings[0].memory, display->config.shadow);
    }
    struct display_frame *frame = frame_begin(display);
    send_frame(display, frame);
    display->stats.frames_presented++;
    if (display->config.mode == DISPLAY_FLIP) {
        turn_buffers(display);
    }
    display->target.damage.count = 0;
    frame_sent(frame);
    return VIRTIO_OK;
}

enum virtio_err
display_present_wait(struct display *display)
{
    enum virtio_err err = display_present(display);
    if (err != VIRTIO_ERR_BUSY) {
        return err;
    }
    uint64_t deadline_ns = end_of_wait_ns(display->vgpu);
    while (err == VIRTIO_ERR_BUSY) {
        enum virtio_err turn = vgpu_turn(display->vgpu, deadline_ns);
        err = display_present(display);
        err = err == VIRTIO_ERR_BUSY && turn != VIRTIO_OK ? turn : err;
    }
    return err;
}

enum virtio_err
display_drain(struct display *display)
{
    enum virtio_err err = VIRTIO_OK;
    if (display->vgpu == NULL) {
        return VIRTIO_ERR_NOT_INITIALIZED;
    }
    uint64_t deadline_ns = end_of_wait_ns(display->vgpu);
    while (display->frames_in_flight > 0 && err == VIRTIO_OK) {
        err = vgpu_turn(display->vgpu, deadline_ns);
    }
    if (display->frames_in_flight == 0) {
        err = display->last_err;
        display->last_err = VIRTIO_OK;
    }
    return err;
}

void
display_damage_all(struct display *display)
{
    struct display_rect all = { 0, 0, display->target.width_px, display->target.height_px };
    display_damage_add(&display->target.damage, &all);
}
