/*
 * Presenting on the fake GPU, judged by the pixels that the device shows: every mode, both drivers,
 * back-pressure, failures. conformance: S0-15
 */
#include <stdlib.h>

#include "virtio/display.h"

#include "tests/unit/gpu_fixture.h"

enum { WIDTH = 200, HEIGHT = 150, BYTES = WIDTH * HEIGHT * 4 };

static struct rig rig;
static struct display display;
static uint32_t shadow[WIDTH * HEIGHT];

static bool
show(enum display_mode mode, enum vgpu_driver driver)
{
    rig_start(&rig, driver);
    struct display_config config = { .mode = mode, .shadow = shadow };
    config.image = (struct vgpu_image){ VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, WIDTH, HEIGHT };
    for (unsigned i = 0; i < 2; i++) {
        config.resource_ids[i] = 10 * (i + 1);
        config.backings[i].memory = rig_pixels(&rig, BYTES);
        config.backings[i].bytes = BYTES;
    }
    return EXPECT_EQ(display_init(&display, &rig.vgpu, &config), VIRTIO_OK);
}

static void
hide(void)
{
    EXPECT_EQ(display_finish(&display), VIRTIO_OK);
    EXPECT_EQ(rig.fake.resource_count, 0);
    EXPECT_EQ(rig.fake.scanouts[0].resource_id, 0);
    rig_end(&rig);
}

static void
fill(int32_t x, int32_t y, int32_t width, int32_t height, uint32_t color)
{
    struct display_rect rect = { x, y, width, height };
    display_fill(&display.target, &rect, color);
}

/* Is the screen what the target holds? */
static void
expect_same_pixels(void)
{
    unsigned wrong = 0;
    for (uint32_t y = 0; y < HEIGHT; y++) {
        for (uint32_t x = 0; x < WIDTH; x++) {
            uint32_t wanted = display_read_pixel(&display.target, (int32_t)x, (int32_t)y);
            wrong += fake_gpu_pixel(&rig.fake, 0, x, y) != (wanted & 0xffffff);
        }
    }
    EXPECT_EQ(wrong, 0);
}

/* Under an emulator a look at the clock may wait for the device: what is done together has one. */
UTEST(a_frame_reads_the_clock_once_when_it_is_sent_and_once_when_it_ends)
{
    show(DISPLAY_DIRECT, VGPU_DRIVER_QUEUED);
    virtio_trace_enable(&rig.fixture.trace, false);
    rig.fixture.fake.delay_ns = 23000;
    fill(1, 2, 3, 4, 0x123456);
    uint64_t count = rig.fixture.fp.clock_count;
    EXPECT_EQ(display_present(&display), VIRTIO_OK);
    EXPECT_EQ(rig.fixture.fp.clock_count, count + 1);
    fake_platform_advance(&rig.fixture.fp, 23000);
    count = rig.fixture.fp.clock_count;
    EXPECT_EQ(vgpu_poll(&rig.vgpu), 2);
    EXPECT_EQ(rig.fixture.fp.clock_count, count + 1);
    EXPECT_EQ(rig.vgpu.figures[VGPU_MSG_RESOURCE_FLUSH].latency.max_ns, 23000);
    EXPECT_EQ(display.stats.latency.max_ns, 23000);
    hide();
}

UTEST(every_mode_shows_what_was_drawn)
{
    for (unsigned i = 0; i < 6; i++) {
        if (!show((enum display_mode)(i % 3), (enum vgpu_driver)(i / 3))) {
            return;
        }
        srand(i);
        for (unsigned frame = 0; frame < 30; frame++) {
            for (unsigned shape = 0; shape < 4; shape++) {
                fill(rand() % WIDTH - 20, rand() % HEIGHT - 20, rand() % 60, rand() % 60,
                     0xff000000U | (uint32_t)rand());
            }
            EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
            EXPECT_EQ(display_drain(&display), VIRTIO_OK);
            expect_same_pixels();
        }
        EXPECT_EQ(display.stats.frames_shown, 30);
        EXPECT_EQ(display.stats.latency.count, 30);
        hide();
    }
}

UTEST(nothing_drawn_is_nothing_sent)
{
    show(DISPLAY_DIRECT, VGPU_DRIVER_QUEUED);
    EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
    EXPECT_EQ(display_drain(&display), VIRTIO_OK);
    uint64_t sent = rig.vgpu.counters.sent;
    EXPECT_EQ(display_present(&display), VIRTIO_OK);
    EXPECT_EQ(rig.vgpu.counters.sent, sent);
    hide();
}

UTEST(a_small_change_is_one_transfer_one_flush_one_notification)
{
    show(DISPLAY_DIRECT, VGPU_DRIVER_QUEUED);
    EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
    EXPECT_EQ(display_drain(&display), VIRTIO_OK);
    uint64_t sent = rig.vgpu.counters.sent;
    uint64_t notified = rig.fixture.fake.queues[0].notify_count;
    uint64_t bytes = display.stats.bytes_transferred;
    fill(100, 50, 64, 64, 0xffffffff);
    EXPECT_EQ(display_present(&display), VIRTIO_OK);
    EXPECT_EQ(rig.vgpu.counters.sent, sent + 2);
    EXPECT_EQ(rig.fixture.fake.queues[0].notify_count, notified + 1);
    EXPECT_EQ(display.stats.bytes_transferred, bytes + UINT64_C(64) * 64 * 4);
    EXPECT_EQ(rig_command_type(&rig, 1), VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D);
    EXPECT_EQ(rig_command_type(&rig, 0), VIRTIO_GPU_CMD_RESOURCE_FLUSH);
    EXPECT_EQ(display_drain(&display), VIRTIO_OK);
    EXPECT_EQ(rig.fake.scanouts[0].last_flush.x, 100);
    EXPECT_EQ(rig.fake.scanouts[0].last_flush.width, 64);
    hide();
}

UTEST(frames_in_flight_are_bounded_and_damage_is_kept)
{
    show(DISPLAY_DIRECT, VGPU_DRIVER_QUEUED);
    rig.fixture.fake.delay_ns = 5000000;
    display.config.frames_in_flight_max = 2;
    EXPECT_EQ(display_present(&display), VIRTIO_OK);
    fill(0, 0, 10, 10, 0xff00ff00);
    EXPECT_EQ(display_present(&display), VIRTIO_OK);
    fill(20, 20, 10, 10, 0xff0000ff);
    EXPECT_EQ(display_present(&display), VIRTIO_ERR_BUSY);
    EXPECT_EQ(display.stats.frames_held_back, 1);
    EXPECT_EQ(display.target.damage.count, 1);
    EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
    EXPECT_EQ(display_drain(&display), VIRTIO_OK);
    EXPECT_EQ(display.stats.frames_presented, 3);
    expect_same_pixels();
    hide();
}

UTEST(a_full_queue_holds_a_frame_back)
{
    struct vgpu_rect rect = { 0, 0, 1, 1 };
    show(DISPLAY_DIRECT, VGPU_DRIVER_QUEUED);
    while (vgpu_room(&rig.vgpu) > 1) {
        EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 10, &rect, NULL), VIRTIO_OK);
    }
    EXPECT_EQ(display_present(&display), VIRTIO_ERR_BUSY);
    EXPECT_EQ(vgpu_room_wait(&rig.vgpu, 3, 1000000000), VIRTIO_OK);
    EXPECT_EQ(display_present(&display), VIRTIO_OK);
    EXPECT_EQ(display_drain(&display), VIRTIO_OK);
    hide();
}

UTEST(a_flip_sets_the_scanout_to_the_other_resource)
{
    show(DISPLAY_FLIP, VGPU_DRIVER_QUEUED);
    EXPECT_EQ(rig.fake.scanouts[0].resource_id, 10);
    EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
    EXPECT_EQ(display_drain(&display), VIRTIO_OK);
    EXPECT_EQ(rig.fake.scanouts[0].resource_id, 20);
    fill(1, 1, 3, 3, 0xffff0000);
    EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
    EXPECT_EQ(display_drain(&display), VIRTIO_OK);
    EXPECT_EQ(rig.fake.scanouts[0].resource_id, 10);
    expect_same_pixels();
    hide();
}

UTEST(the_shadow_is_not_shown_before_it_is_presented)
{
    show(DISPLAY_COPY, VGPU_DRIVER_QUEUED);
    EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
    fill(0, 0, 50, 50, 0xffffffff);
    const uint32_t *backing = display.config.backings[0].memory;
    EXPECT_EQ(backing[0] & 0xffffff, 0);
    EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
    EXPECT_EQ(backing[0], 0xffffffff);
    hide();
}

UTEST(a_refused_frame_is_told)
{
    show(DISPLAY_DIRECT, VGPU_DRIVER_QUEUED);
    rig.fake.fail_type = VIRTIO_GPU_CMD_RESOURCE_FLUSH;
    rig.fake.fail_response = VIRTIO_GPU_RESP_ERR_UNSPEC;
    EXPECT_EQ(display_present(&display), VIRTIO_OK);
    EXPECT_EQ(display_drain(&display), VIRTIO_ERR_REFUSED);
    EXPECT_EQ(display_drain(&display), VIRTIO_OK);
    EXPECT_EQ(display.stats.frames_failed, 1);
    hide();
}

UTEST(a_lost_device_ends_presenting)
{
    show(DISPLAY_DIRECT, VGPU_DRIVER_QUEUED);
    EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
    EXPECT_EQ(display_drain(&display), VIRTIO_OK);
    rig.fixture.fake.evil.mode = FAKE_EVIL_NEEDS_RESET;
    fill(0, 0, 5, 5, 0xffffffff);
    EXPECT_EQ(display_present(&display), VIRTIO_OK);
    EXPECT_EQ(display_drain(&display), VIRTIO_ERR_NEEDS_RESET);
    fill(0, 0, 5, 5, 0xffffffff);
    EXPECT_EQ(display_present_wait(&display), VIRTIO_ERR_NEEDS_RESET);
    EXPECT_EQ(display_finish(&display), VIRTIO_ERR_NEEDS_RESET);
    EXPECT_EQ(display.framebuffers[0].state, VGPU_FAILED); /* its memory is the device's still */
    EXPECT_EQ(display_present(&display), VIRTIO_ERR_NOT_INITIALIZED);
    rig_end(&rig);
}

UTEST(a_short_queue_still_shows_scattered_damage)
{
    rig_prepare(&rig, &flavours[0], 1);
    rig.config.depth = VGPU_DEPTH_MIN;
    rig_up(&rig);
    struct display_config config = { .mode = DISPLAY_DIRECT };
    config.image = (struct vgpu_image){ VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, WIDTH, HEIGHT };
    config.backings[0].memory = rig_pixels(&rig, BYTES);
    config.backings[0].bytes = BYTES;
    EXPECT_EQ(display_init(&display, &rig.vgpu, &config), VIRTIO_OK);
    EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
    EXPECT_EQ(display_drain(&display), VIRTIO_OK);
    for (int32_t i = 0; i < 8; i++) {
        fill(i % 2 * 150, i * 15, 10, 5, 0xff00ff00);
    }
    EXPECT_EQ(display_present_wait(&display), VIRTIO_OK);
    EXPECT_EQ(display_drain(&display), VIRTIO_OK);
    expect_same_pixels();
    hide();
}

UTEST(a_display_without_memory_is_invalid)
{
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    struct display_config config = {
        .mode = DISPLAY_FLIP,
        .image = {VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 8, 8 },
        .backings = { { .memory = shadow, .bytes = BYTES }                              }
    };
    EXPECT_EQ(display_init(&display, &rig.vgpu, &config), VIRTIO_ERR_INVALID);
    config.mode = DISPLAY_DIRECT;
    memset(shadow, 0x5a, 8);
    config.backings[0].bytes = 255; /* too small: not written to either */
    EXPECT_EQ(display_init(&display, &rig.vgpu, &config), VIRTIO_ERR_INVALID);
    EXPECT_EQ(*(uint8_t *)shadow, 0x5a);
    config.backings[0].bytes = 256;
    EXPECT_EQ(display_init(&display, &rig.vgpu, &config), VIRTIO_ERR_INVALID); /* not shared */
    EXPECT_EQ(display_finish(&display), VIRTIO_OK);
    rig_end(&rig);
}
