/*
 * gpu bench: how many frames per second get through. Each way to draw differs in what changes from frame to frame:
 *   full    nothing is drawn, all is sent: the driver and the device alone
 *   damage  64x64 pixels change
 *   scene   24 squares move over a background; what changed is sent
 *   naive   the same scene as drivers without damage do it: drawn in a shadow, copied whole, sent whole
 */
#include "kernel/drv/gpu_bench.h"

#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/time.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/gpu_dev.h"

enum {
    BENCH_MS_DEFAULT = 1000,
    BENCH_MS_MAX = 60000,
    DAMAGE_PX = 64,
    SQUARE_COUNT = 24,
    SQUARE_PX = 40,
};

#define GROUND_COLOR 0xff203040U

struct bench {
    const char *name;
    enum display_mode mode;
    void (*draw)(struct display_target *target, uint32_t frame);
};

/* Whole squares on a path that is the same in every run. */
static struct display_rect
square_at(const struct display_target *target, uint32_t idx, uint32_t frame)
{
    uint32_t range_x = (uint32_t)target->width_px - SQUARE_PX;
    uint32_t range_y = (uint32_t)target->height_px - SQUARE_PX;
    uint32_t x = (idx * 97 + frame * (1 + idx % 5)) % (2 * range_x);
    uint32_t y = (idx * 61 + frame * (1 + idx % 3)) % (2 * range_y);

    return (struct display_rect){ (int32_t)(x < range_x ? x : 2 * range_x - x),
                                  (int32_t)(y < range_y ? y : 2 * range_y - y), SQUARE_PX,
                                  SQUARE_PX };
}

static void
draw_full(struct display_target *target, uint32_t frame)
{
    (void)frame;
    display_damage_add(&target->damage, &target->clip);
}

static void
draw_damage(struct display_target *target, uint32_t frame)
{
    struct display_rect rect = { (int32_t)(frame * 7 % (uint32_t)(target->width_px - DAMAGE_PX)),
                                 (int32_t)(frame * 3 % (uint32_t)(target->height_px - DAMAGE_PX)),
                                 DAMAGE_PX, DAMAGE_PX };

    display_fill(target, &rect, 0xff000000U | frame * 2654435761U);
}

static void
draw_squares(struct display_target *target, uint32_t frame)
{
    for (uint32_t i = 0; i < SQUARE_COUNT; i++) {
        struct display_rect rect = square_at(target, i, frame);

        display_fill(target, &rect, 0xff000000U | (i + 1) * 2654435761U);
    }
}

static void
draw_scene(struct display_target *target, uint32_t frame)
{
    for (uint32_t i = 0; frame > 0 && i < SQUARE_COUNT; i++) {
        struct display_rect rect = square_at(target, i, frame - 1);

        display_fill(target, &rect, GROUND_COLOR);
    }
    draw_squares(target, frame);
}

static void
draw_naive(struct display_target *target, uint32_t frame)
{
    display_fill(target, &target->clip, GROUND_COLOR);
    draw_squares(target, frame);
}

static const struct bench benches[] = {
    {"full",    DISPLAY_DIRECT, draw_full  },
    { "damage", DISPLAY_DIRECT, draw_damage},
    { "scene",  DISPLAY_DIRECT, draw_scene },
    { "naive",  DISPLAY_COPY,   draw_naive },
};

static enum virtio_err
run_frames(struct display *display, const struct bench *bench, uint64_t end_ns)
{
    enum virtio_err err = VIRTIO_OK;

    display_fill(&display->target, &display->target.clip, GROUND_COLOR);
    for (uint32_t frame = 0; err == VIRTIO_OK && !time_has_passed(end_ns); frame++) {
        bench->draw(&display->target, frame);
        err = display_present_wait(display);
    }
    return err == VIRTIO_OK ? display_drain(display) : err;
}

static void
print_result(const struct bench *bench, const struct display *display, uint64_t duration_ns)
{
    const struct display_stats *stats = &display->stats;

    console_print("bench gpu-%s frames=%llu ns=%llu fps=%llu p50_us=%llu p99_us=%llu max_us=%llu "
                  "bytes=%llu\n",
                  bench->name, (unsigned long long)stats->frames_shown,
                  (unsigned long long)duration_ns,
                  (unsigned long long)(stats->frames_shown * NS_PER_S / max_u64(duration_ns, 1)),
                  (unsigned long long)virtio_histogram_quantile_ns(&stats->latency, 500) / 1000,
                  (unsigned long long)virtio_histogram_quantile_ns(&stats->latency, 990) / 1000,
                  (unsigned long long)stats->latency.max_ns / 1000,
                  (unsigned long long)stats->bytes_transferred);
}

static enum virtio_err
run_bench(const struct bench *bench, uint32_t duration_ms)
{
    const struct display *before = gpu_dev_display();
    uint32_t width_px = (uint32_t)before->target.width_px;
    uint32_t height_px = (uint32_t)before->target.height_px;

    gpu_dev_set_mode(GPU_MODE_GRAPHICS);
    enum virtio_err err = gpu_dev_set_display(width_px, height_px, bench->mode, 0);
    if (err != VIRTIO_OK) {
        return err;
    }
    struct display *display = gpu_dev_display();
    uint64_t start_ns = time_now_ns();
    memset(&display->stats, 0, sizeof(display->stats));
    err = run_frames(display, bench, start_ns + duration_ms * NS_PER_MS);
    if (err == VIRTIO_OK) {
        print_result(bench, display, time_now_ns() - start_ns);
    }
    return err;
}

int
gpu_bench(const struct shell_call *call)
{
    uint32_t duration_ms = BENCH_MS_DEFAULT;

    if (gpu_dev_display() == NULL) {
        return shell_fail(call, "there is no display (see log)");
    }
    if (call->argc > 2 && command_number(call, 2, BENCH_MS_MAX, &duration_ms) != 0) {
        return SHELL_FAILED;
    }
    for (size_t i = 0; i < ARRAY_COUNT(benches); i++) {
        if (strcmp(call->argv[1], benches[i].name) == 0) {
            enum virtio_err err = run_bench(&benches[i], duration_ms);

            return err == VIRTIO_OK ? 0 : command_failed(call, err);
        }
    }
    return shell_fail(call, "bench \"%s\" is none; use full, damage, scene or naive",
                      call->argv[1]);
}
