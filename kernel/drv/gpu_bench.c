/*
 * gpu bench: how many frames per second get through. The Linux peer of ./bench (tools/peers/guest/linux_gpu.c) does the same.
 *   full    nothing is drawn, all is sent: the driver and the device alone
 *   damage  64x64 pixels are sent, nothing is drawn
 *   scene   sprites move over a ground, and what changed is sent; then the same scene as drivers without damage do it:
 *           composed anew in a shadow, copied whole, sent whole
 *   paced   a whole frame each 1/60 s, and how long each took until the device had shown it
 */
#include "kernel/drv/gpu_bench.h"

#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/idle.h"
#include "kernel/core/time.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/gpu_dev.h"
#include "kernel/drv/samples.h"

enum {
    BENCH_S_MAX = 60,
    DAMAGE_PX = 64,
    SPRITE_PX = 64,
    SPRITE_COUNT = 8,
    PACED_HZ = 60,
};

#define GROUND_COLOR 0xff203040U

struct bench {
    const char *name; /* as it is asked for */
    const char *line; /* as its result is called */
    enum display_mode mode;
    void (*draw)(struct display_target *target, uint32_t frame);
};

static void
draw_full(struct display_target *target, uint32_t frame)
{
    (void)frame;
    display_damage_add(&target->damage, &target->clip);
}

static void
draw_damage(struct display_target *target, uint32_t frame)
{
    struct display_rect rect = { (int32_t)(frame * 8 % (uint32_t)(target->width_px - DAMAGE_PX)),
                                 (int32_t)(frame * 4 % (uint32_t)(target->height_px - DAMAGE_PX)),
                                 DAMAGE_PX, DAMAGE_PX };

    display_damage_add(&target->damage, &rect);
}

/* Each sprite on a path of its own, the same in every run. */
static struct display_rect
sprite_at(const struct display_target *target, uint32_t sprite, uint32_t frame)
{
    uint32_t x = (sprite * 157 + frame * (3 + sprite)) % (uint32_t)(target->width_px - SPRITE_PX);
    uint32_t y = (sprite * 91 + frame * (2 + sprite)) % (uint32_t)(target->height_px - SPRITE_PX);

    return (struct display_rect){ (int32_t)x, (int32_t)y, SPRITE_PX, SPRITE_PX };
}

static void
draw_sprites(struct display_target *target, uint32_t frame)
{
    for (uint32_t i = 0; i < SPRITE_COUNT; i++) {
        struct display_rect rect = sprite_at(target, i, frame);

        display_fill(target, &rect, 0xffffffffU - i * 0x00112233U);
    }
}

static void
draw_scene(struct display_target *target, uint32_t frame)
{
    for (uint32_t i = 0; i < SPRITE_COUNT; i++) {
        struct display_rect rect = sprite_at(target, i, frame);

        display_fill(target, &rect, GROUND_COLOR);
    }
    draw_sprites(target, frame + 1);
}

static void
draw_naive(struct display_target *target, uint32_t frame)
{
    display_fill(target, &target->clip, GROUND_COLOR);
    draw_sprites(target, frame);
}

static const struct bench benches[] = {
    {"full",    "gpu_full",        DISPLAY_DIRECT, draw_full  },
    { "damage", "gpu_damage",      DISPLAY_DIRECT, draw_damage},
    { "scene",  "gpu_scene",       DISPLAY_DIRECT, draw_scene },
    { "scene",  "gpu_scene_naive", DISPLAY_COPY,   draw_naive },
};

static enum virtio_err
run_frames(struct display *display, const struct bench *bench, uint64_t end_ns)
{
    enum virtio_err err = VIRTIO_OK;
    uint64_t start_ns = time_now_ns();

    for (uint32_t frame = 0; err == VIRTIO_OK && start_ns < end_ns; frame++) {
        bench->draw(&display->target, frame);
        err = display_present_wait(display);

        uint64_t now_ns = time_now_ns(); /* once: under QEMU it may wait for the device's work */
        samples_add(samples_shared(), now_ns - start_ns);
        start_ns = now_ns;
    }
    return err == VIRTIO_OK ? display_drain(display) : err;
}

/* A display that presents as the bench wants, all of one color and shown. */
static enum virtio_err
prepare(enum display_mode mode)
{
    const struct display_target *now = &gpu_dev_display()->target;

    gpu_dev_set_mode(GPU_MODE_GRAPHICS);
    enum virtio_err err = gpu_dev_set_display((uint32_t)now->width_px, (uint32_t)now->height_px,
                                              mode, gpu_dev_display()->config.scanout_id);
    if (err != VIRTIO_OK) {
        return err;
    }
    struct display *display = gpu_dev_display();
    display_fill(&display->target, &display->target.clip, GROUND_COLOR);
    err = display_present_wait(display);
    samples_clear(samples_shared());
    return err == VIRTIO_OK ? display_drain(display) : err;
}

static enum virtio_err
run_bench(const struct bench *bench, uint32_t duration_s)
{
    enum virtio_err err = prepare(bench->mode);

    if (err != VIRTIO_OK) {
        return err;
    }
    uint64_t start_ns = time_now_ns();
    err = run_frames(gpu_dev_display(), bench, start_ns + duration_s * NS_PER_S);
    if (err == VIRTIO_OK) {
        samples_print(samples_shared(), bench->line, "frames", time_now_ns() - start_ns);
    }
    return err;
}

static enum virtio_err
paced_frame(struct display *display)
{
    uint64_t start_ns = time_now_ns();

    display_damage_all(display);
    enum virtio_err err = display_present_wait(display);
    if (err == VIRTIO_OK) {
        err = display_drain(display);
    }
    samples_add(samples_shared(), time_now_ns() - start_ns);
    return err;
}

static enum virtio_err
run_paced(uint32_t duration_s)
{
    enum virtio_err err = prepare(DISPLAY_DIRECT);
    uint64_t start_ns = time_now_ns();

    for (uint64_t i = 0; err == VIRTIO_OK && i < (uint64_t)duration_s * PACED_HZ; i++) {
        uint64_t due_ns = start_ns + i * NS_PER_S / PACED_HZ;

        while (!time_has_passed(due_ns)) {
            idle_wait(due_ns);
        }
        err = paced_frame(gpu_dev_display());
    }
    if (err == VIRTIO_OK) {
        samples_print(samples_shared(), "gpu_paced", "frames", time_now_ns() - start_ns);
    }
    return err;
}

static enum virtio_err
run_named(const char *name, uint32_t duration_s, bool *is_known)
{
    enum virtio_err err = VIRTIO_OK;

    *is_known = strcmp(name, "paced") == 0;
    if (*is_known) {
        return run_paced(duration_s);
    }
    for (size_t i = 0; i < ARRAY_COUNT(benches) && err == VIRTIO_OK; i++) {
        if (strcmp(name, benches[i].name) == 0) {
            *is_known = true;
            err = run_bench(&benches[i], duration_s);
        }
    }
    return err;
}

int
gpu_bench(const struct shell_call *call)
{
    uint32_t duration_s = 1;
    bool is_known;

    if (gpu_dev_display() == NULL) {
        return shell_fail(call, "there is no display (see log)");
    }
    if (call->argc > 2 && command_number(call, 2, BENCH_S_MAX, &duration_s) != 0) {
        return SHELL_FAILED;
    }
    enum virtio_err err = run_named(call->argv[1], duration_s, &is_known);
    if (!is_known) {
        return shell_fail(call, "bench \"%s\" is none; use full, damage, scene or paced",
                          call->argv[1]);
    }
    return err == VIRTIO_OK ? 0 : command_failed(call, err);
}
