/*
 * The display layer on QEMU's GPU: whatever is drawn, the host shows the same pixels after a present. The same is drawn on a target
 * in plain memory, and the host's picture compared with that, pixel by pixel; in every mode, above every driver.
 *
 * conformance: S0-15 S0-16
 */
#include <stdlib.h>
#include <string.h>

#include "virtio/display.h"

#include "tests/qtest/gpu_rig.h"
#include "tests/qtest/screen.h"
#include "tests/unit/utest.h"

enum {
    WIDTH = 320,
    HEIGHT = 200,
    BYTES = WIDTH * HEIGHT * VIRTIO_GPU_BYTES_PER_PX,
    SCANOUT = 2,
    FRAME_COUNT = 12,
    STROKES_PER_FRAME = 5,
    SPRITE_PX = 16,
};

static struct gpu_rig gpu;
static struct display display;
static struct display_target model;
static uint32_t model_pixels[WIDTH * HEIGHT];
static uint32_t sprite[SPRITE_PX * SPRITE_PX];

static bool
start(const struct gpu_combination *combination, enum display_mode mode, uint32_t format)
{
    struct display_config config = {
        .mode = mode, .image = {format, WIDTH, HEIGHT},
             .scanout_id = SCANOUT
    };
    gpu_rig_start(&gpu, combination);
    for (size_t i = 0; i < 2; i++) {
        config.backings[i].memory = rig_memory(&gpu.rig, BYTES);
        config.backings[i].bytes = BYTES;
    }
    config.shadow = rig_memory(&gpu.rig, BYTES);
    memset(&display, 0, sizeof(display));
    memset(model_pixels, 0, sizeof(model_pixels));
    return EXPECT_EQ(display_target_init(&model, &config.image, model_pixels,
                                         WIDTH * VIRTIO_GPU_BYTES_PER_PX),
                     VIRTIO_OK) &&
           EXPECT_EQ(display_init(&display, &gpu.vgpu, &config), VIRTIO_OK);
}

/* The host shows what the model holds. */
static bool
host_shows_the_model(void)
{
    struct screen screen;
    uint64_t wrong_count = 0;
    if (!EXPECT_TRUE(screen_take(&screen, &gpu.rig.qemu, GPU_QMP_ID, SCANOUT)) ||
        !EXPECT_EQ(screen.width_px, WIDTH) || !EXPECT_EQ(screen.height_px, HEIGHT)) {
        return false;
    }
    for (uint32_t y = 0; y < HEIGHT; y++) {
        for (uint32_t x = 0; x < WIDTH; x++) {
            uint32_t drawn = display_read_pixel(&model, (int32_t)x, (int32_t)y) & 0xffffff;
            wrong_count += screen_pixel(&screen, x, y) != drawn;
        }
    }
    screen_free(&screen);
    return EXPECT_EQ(wrong_count, 0);
}

/* A number from -margin to limit + margin: also outside, for clipping is a part of drawing. */
static int32_t
somewhere(int32_t limit, int32_t margin)
{
    return rand() % (limit + 2 * margin) - margin; // NOLINT(cert-msc30-c,cert-msc50-cpp): a test
}

/* One random stroke, on the display's target and on the model alike. */
static void
draw_stroke(struct display_target *target, unsigned kind, const int32_t at[4], uint32_t color)
{
    const struct display_rect rect = { at[0], at[1], at[2] - at[0], at[3] - at[1] };
    const struct display_bitmap bitmap = { sprite, SPRITE_PX, SPRITE_PX, SPRITE_PX };
    switch (kind) {
    case 0: display_fill(target, &rect, color); break;
    case 1: display_line(target, at, at + 2, color); break;
    case 2: display_blit(target, at[0], at[1], &bitmap); break;
    case 3: display_move(target, &rect, at[2] % 40, at[3] % 40); break;
    default: display_pixel(target, at[0], at[1], color); break;
    }
}

static void
draw_frame(void)
{
    for (unsigned i = 0; i < STROKES_PER_FRAME; i++) {
        const int32_t at[4] = { somewhere(WIDTH, 50), somewhere(HEIGHT, 50), somewhere(WIDTH, 50),
                                somewhere(HEIGHT, 50) };
        unsigned kind = (unsigned)somewhere(6, 0);
        uint32_t color = 0xff000000U | (uint32_t)somewhere(0x1000000, 0);
        draw_stroke(&display.target, kind, at, color);
        draw_stroke(&model, kind, at, color);
    }
}

static void
draw_many_frames(const struct gpu_combination *combination, enum display_mode mode, uint32_t format)
{
    srand(20261120); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
    if (!start(combination, mode, format)) {
        gpu_rig_stop(&gpu);
        return;
    }
    EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
    for (unsigned frame = 0; frame < FRAME_COUNT; frame++) {
        draw_frame();
        EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
        if (frame % 4 == 3) {
            EXPECT_EQ(display_drain(&display), VIRTIO_OK);
            if (!host_shows_the_model()) {
                printf("        frame %u, mode %d, %s\n", frame, (int)mode, combination->name);
                break;
            }
        }
    }
    EXPECT_EQ(display.stats.frames_failed, 0);
    EXPECT_EQ(display_finish(&display), VIRTIO_OK);
    EXPECT_EQ(vgpu_finish(&gpu.vgpu), VIRTIO_OK);
    EXPECT_EQ(gpu.vgpu.leaked_count, 0);
    gpu_rig_stop(&gpu);
}

UTEST(the_host_shows_what_was_drawn_in_every_mode_and_combination)
{
    for (unsigned i = 0; i < SPRITE_PX * SPRITE_PX; i++) {
        sprite[i] = 0xff000000U | i * 0x010307U;
    }
    for (size_t i = 0; i < GPU_COMBINATION_COUNT; i++) {
        for (int mode = DISPLAY_DIRECT; mode <= DISPLAY_FLIP; mode++) {
            draw_many_frames(&gpu_combinations[i], (enum display_mode)mode,
                             VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
        }
    }
}

UTEST(the_host_shows_what_was_drawn_in_every_format)
{
    static const uint32_t formats[] = {
        VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM,
        VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM,
        VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM,
    };
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        draw_many_frames(&gpu_combinations[2], DISPLAY_DIRECT, formats[i]);
    }
}

/* Only what changed travels: the device itself tells of the transfers. */
UTEST(a_small_change_is_a_small_transfer)
{
    static const struct display_rect dot = { 100, 50, 8, 8 };
    if (start(&gpu_combinations[2], DISPLAY_DIRECT, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM)) {
        EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
        EXPECT_EQ(display_drain(&display), VIRTIO_OK);
        (void)gpu_device_log(&gpu);
        uint64_t before = display.stats.bytes_transferred;
        display_fill(&display.target, &dot, 0xffffffff);
        EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
        EXPECT_EQ(display_drain(&display), VIRTIO_OK);
        EXPECT_EQ(display.stats.bytes_transferred - before, 8 * 8 * VIRTIO_GPU_BYTES_PER_PX);
        EXPECT_CONTAINS(gpu_device_log(&gpu), "w 8, h 8, x 100, y 50");
        /* Nothing changed: nothing is said. */
        EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
        EXPECT_STREQ(gpu_device_log(&gpu), "");
    }
    gpu_rig_stop(&gpu);
}

/* The same picture from both drivers, by the same commands: the layer does not know which is beneath (S0-15, S0-16). */
UTEST(both_drivers_are_told_the_same)
{
    static char first[sizeof(gpu.log)];
    for (size_t side = 0; side < 2; side++) {
        srand(7); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
        if (!start(&gpu_combinations[2 + side], DISPLAY_FLIP, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM)) {
            break;
        }
        for (unsigned frame = 0; frame < 8; frame++) {
            draw_frame();
            EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
        }
        EXPECT_EQ(display_finish(&display), VIRTIO_OK);
        (void)gpu_device_log(&gpu);
        gpu_rig_stop(&gpu);
        if (side == 0) {
            memcpy(first, gpu.log, sizeof(first));
        }
    }
    EXPECT_CONTAINS(first, "virtio_gpu_cmd_res_flush");
    EXPECT_STREQ(gpu.log, first);
}
