/*
 * The real driver against the real device: both rings, both drivers, in one thread and in two (made a second time with the
 * thread sanitizer).  What the driver draws is what the device shows.
 */
#include "venus/venus.h"
#include "virtio/edid.h"
#include "virtio/gpu.h"
#include "virtio/gpu_3d.h"

#include "tests/fake/venus_fake.h"
#include "tests/loop/loop_device.h"
#include "tests/loop/loop_server.h"
#include "tests/unit/utest.h"

enum { WIDTH = 320, HEIGHT = 200, PIXELS = WIDTH * HEIGHT, ROUNDS = 20, WINDOW = 1 << 20, CTX = 9 };

struct flavour {
    const char *name;
    uint64_t ring_features;
    enum vgpu_driver driver;
    bool uses_indirect;
    bool is_threaded;
};

#define INDIRECT VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC)
#define EVENTS   VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)
#define PACKED   VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)

static const struct flavour flavours[] = {
    {"split",              0,                          VGPU_DRIVER_QUEUED, false, false},
    { "split simple",      0,                          VGPU_DRIVER_SIMPLE, false, false},
    { "split all",         INDIRECT | EVENTS,          VGPU_DRIVER_QUEUED, true,  false},
    { "packed",            PACKED,                     VGPU_DRIVER_QUEUED, false, false},
    { "packed simple all", PACKED | INDIRECT | EVENTS, VGPU_DRIVER_SIMPLE, true,  false},
    { "packed all",        PACKED | INDIRECT | EVENTS, VGPU_DRIVER_QUEUED, true,  false},
    { "split in threads",  EVENTS,                     VGPU_DRIVER_QUEUED, false, true },
    { "packed in threads", PACKED | INDIRECT | EVENTS, VGPU_DRIVER_QUEUED, true,  true },
    { "simple in threads", 0,                          VGPU_DRIVER_SIMPLE, false, true },
};
enum { FLAVOUR_COUNT = sizeof(flavours) / sizeof(flavours[0]) };

static struct {
    struct loop_device host;
    struct loop_server server;
    struct virtio_bus bus;
    struct vgpu vgpu;
    struct virtio_arena arena;
    uint32_t *pixels; /* shared with the device */
    uint32_t shown[PIXELS];
    uint32_t changed;
    struct gpu_cursor cursor;
    uint64_t flush_count;
    bool has_read;
} rig;

static void
on_displays_changed(void *ctx, uint32_t changed)
{
    (void)ctx;
    rig.changed |= changed;
}

static bool
begin(const struct flavour *flavour)
{
    static uint8_t capset[VENUS_CAPSET_BYTES];
    struct loop_device_config config = {
        .gpu = {.scanout_count = 2,
                .window_bytes = WINDOW,
                .scanouts = { { 1024, 768, true }, { 800, 600, true } },
                .capset = capset,
                .capset_bytes = sizeof(capset)},
        .ring_features = flavour->ring_features,
        .is_threaded = flavour->is_threaded,
    };
    const struct vgpu_config driver = { .driver = flavour->driver,
                                        .features = VIRTIO_FEATURES_LIBRARY,
                                        .uses_indirect = flavour->uses_indirect,
                                        .timeout_ms = 10000,
                                        .capset_bytes_max = 256,
                                        .displays_changed = on_displays_changed };
    memset(&rig, 0, sizeof(rig));
    venus_capset(capset);
    EXPECT_TRUE(loop_server_start(&rig.server, LOOP_SERVER_KIND));
    config.gpu.render_server = rig.server.fd;
    EXPECT_TRUE(loop_device_init(&rig.host, &config));
    EXPECT_EQ(virtio_bus_init(&rig.bus, &rig.host.plat, NULL), VIRTIO_OK);
    rig.arena = rig.host.arena;
    rig.pixels = virtio_arena_take(&rig.arena, sizeof(uint32_t) * PIXELS, 4096);
    return EXPECT_EQ(
        vgpu_init(&rig.vgpu, loop_device_probe(&rig.host, &rig.bus), &driver, &rig.arena),
        VIRTIO_OK);
}

static void
end(const struct flavour *flavour)
{
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    EXPECT_EQ(rig.vgpu.leaked_count, 0);
    EXPECT_EQ(rig.vgpu.counters.refused, 0);
    if (utest.has_failed) {
        printf("%s:\n%s", flavour->name, rig.host.log);
    }
    loop_device_finish(&rig.host);
    loop_server_finish(&rig.server);
}

static void
look(void *user)
{
    const struct gpu_rect all = { 0, 0, WIDTH, HEIGHT };
    (void)user;
    rig.has_read = gpu_read_pixels(rig.host.gpu, 1, &all, rig.shown, WIDTH * sizeof(uint32_t));
    rig.cursor = *gpu_cursor(rig.host.gpu, 1);
    rig.flush_count = gpu_scanout(rig.host.gpu, 1)->flush_count;
}

/* What the scanout shows against what was drawn, seen from the device's own thread. */
static void
check_picture(uint32_t format)
{
    unsigned wrong_count = 0;
    loop_device_call(&rig.host, look, NULL);
    EXPECT_TRUE(rig.has_read);
    for (unsigned i = 0; i < PIXELS; i++) {
        uint32_t drawn = rig.pixels[i];
        uint32_t wanted =
            format == VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM ? drawn : __builtin_bswap32(drawn);
        wrong_count += (rig.shown[i] & 0xffffff) != (wanted & 0xffffff);
    }
    EXPECT_EQ(wrong_count, 0);
}

static void
draw(uint32_t seed)
{
    for (unsigned i = 0; i < PIXELS; i++) {
        rig.pixels[i] = (i + seed) * UINT32_C(2654435761);
    }
}

static void
present(void)
{
    const struct vgpu_rect all = { 0, 0, WIDTH, HEIGHT };
    struct vgpu_wait wait;
    uint32_t id = 7;
    EXPECT_EQ(vgpu_room_wait(&rig.vgpu, 2, 1000000000), VIRTIO_OK);
    EXPECT_EQ(vgpu_cmd_transfer_to_host_2d(&rig.vgpu, id, &all, 0, NULL), VIRTIO_OK);
    EXPECT_EQ(vgpu_wait(&rig.vgpu, &wait,
                        vgpu_cmd_resource_flush(&rig.vgpu, id, &all, vgpu_wait_start(&wait))),
              VIRTIO_OK);
}

static void
show_pictures(uint32_t format)
{
    struct vgpu_framebuffer framebuffer = { .vgpu = NULL };
    const struct vgpu_framebuffer_config config = {
        .image = {format, WIDTH,            HEIGHT },
        .backing = { .memory = rig.pixels,     .bytes = sizeof(uint32_t) * PIXELS},
        .resource_id = 7,
        .scanout_id = 1,
    };
    if (!EXPECT_EQ(vgpu_framebuffer_bring_up_wait(&framebuffer, &rig.vgpu, &config), VIRTIO_OK)) {
        return;
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        draw(round * 1000003);
        present();
        check_picture(format);
        EXPECT_EQ(rig.flush_count, round + 1);
    }
    EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_OK);
    loop_device_call(&rig.host, look, NULL);
    EXPECT_FALSE(rig.has_read);
}

UTEST(pictures_arrive_on_every_ring_by_both_drivers)
{
    for (unsigned i = 0; i < FLAVOUR_COUNT; i++) {
        if (begin(&flavours[i])) {
            show_pictures(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
            show_pictures(VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM);
        }
        end(&flavours[i]);
    }
}

static void
set_display(void *user)
{
    EXPECT_TRUE(gpu_set_display(rig.host.gpu, 1, user) == NULL);
}

static void
check_edid(uint16_t width, uint16_t height)
{
    uint8_t bytes[VIRTIO_GPU_EDID_BYTES_MAX];
    size_t count = sizeof(bytes);
    struct edid_info info;
    EXPECT_EQ(vgpu_edid_wait(&rig.vgpu, 1, bytes, &count), VIRTIO_OK);
    EXPECT_EQ(edid_parse(bytes, count, &info), VIRTIO_OK);
    EXPECT_TRUE(info.is_checksum_right);
    EXPECT_STREQ(info.vendor, "VTR");
    EXPECT_STREQ(info.name, "Vitrine");
    EXPECT_EQ(info.width_px, width);
    EXPECT_EQ(info.height_px, height);
    EXPECT_TRUE(info.refresh_mhz > 59000 && info.refresh_mhz < 61000);
}

static void
wait_for_change(void)
{
    for (unsigned i = 0; i < 1000 && rig.changed == 0; i++) {
        (void)vgpu_interrupt(&rig.vgpu);
        (void)vgpu_poll(&rig.vgpu);
        loop_device_turn(&rig.host, 1);
    }
    EXPECT_EQ(rig.changed, 2); /* scanout 1, and no other */
}

UTEST(a_display_that_changes_is_seen_with_its_edid)
{
    struct gpu_scanout_config larger = { 1920, 1080, true };
    for (unsigned i = 0; i < FLAVOUR_COUNT; i++) {
        if (begin(&flavours[i])) {
            EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_OK);
            check_edid(800, 600);
            loop_device_call(&rig.host, set_display, &larger);
            wait_for_change();
            check_edid(1920, 1080);
        }
        end(&flavours[i]);
    }
}

static void
show_cursor(void)
{
    struct vgpu_resource *resource = NULL;
    const struct vgpu_image image = { VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, 64, 64 };
    const struct vgpu_backing backing = { .memory = rig.pixels, .bytes = 16384 };
    const struct vgpu_rect all = { 0, 0, 64, 64 };
    struct vgpu_cursor cursor = {
        .resource_id = 3, .scanout_id = 1, .x_px = 11, .y_px = 12, .hot_x_px = 1, .hot_y_px = 2
    };
    struct vgpu_wait wait;
    draw(5);
    EXPECT_EQ(vgpu_resource_create(&rig.vgpu, 3, &image, NULL, &resource), VIRTIO_OK);
    EXPECT_EQ(vgpu_wait(&rig.vgpu, &wait,
                        vgpu_cmd_attach_backing(&rig.vgpu, 3, &backing, vgpu_wait_start(&wait))),
              VIRTIO_OK);
    EXPECT_EQ(
        vgpu_wait(&rig.vgpu, &wait,
                  vgpu_cmd_transfer_to_host_2d(&rig.vgpu, 3, &all, 0, vgpu_wait_start(&wait))),
        VIRTIO_OK);
    EXPECT_EQ(vgpu_wait(&rig.vgpu, &wait,
                        vgpu_cmd_update_cursor(&rig.vgpu, &cursor, vgpu_wait_start(&wait))),
              VIRTIO_OK);
    loop_device_call(&rig.host, look, NULL);
    EXPECT_TRUE(rig.cursor.is_shown);
    EXPECT_EQ(rig.cursor.x, 11);
    EXPECT_MEMEQ(rig.cursor.pixels, rig.pixels, 16384);
    cursor.x_px = 99;
    EXPECT_EQ(vgpu_wait(&rig.vgpu, &wait,
                        vgpu_cmd_move_cursor(&rig.vgpu, &cursor, vgpu_wait_start(&wait))),
              VIRTIO_OK);
    loop_device_call(&rig.host, look, NULL);
    EXPECT_EQ(rig.cursor.x, 99);
    EXPECT_EQ(vgpu_wait(&rig.vgpu, &wait, vgpu_resource_unref(resource, vgpu_wait_start(&wait))),
              VIRTIO_OK);
}

UTEST(cursors_arrive)
{
    for (unsigned i = 0; i < FLAVOUR_COUNT; i++) {
        if (begin(&flavours[i])) {
            show_cursor();
        }
        end(&flavours[i]);
    }
}

/* Streams with fences on a timeline; `words` is shared memory. */
static void
submit(uint32_t *words, uint32_t first, uint32_t second, uint8_t ring_idx)
{
    struct vgpu_wait wait;
    words[0] = first;
    words[1] = second;
    const struct vgpu_stream stream = {
        .ctx_id = CTX,
        .has_ring_idx = true,
        .ring_idx = ring_idx,
        .commands = {words, first == FAKE_RELEASE ? 8 : 4}
    };
    struct vgpu_then then = *vgpu_wait_start(&wait);
    then.is_fenced = true;
    EXPECT_EQ(vgpu_wait(&rig.vgpu, &wait, vgpu_cmd_submit_3d(&rig.vgpu, &stream, &then)),
              VIRTIO_OK);
}

static void
use_context(void)
{
    static struct vgpu_window window;
    struct vgpu_blob blob = { .window = NULL };
    const struct vgpu_blob_config config = { .ctx_id = CTX,
                                             .bytes = 65536,
                                             .flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE };
    struct vgpu_capset_info info;
    uint8_t capset[256];
    size_t bytes = sizeof(capset);
    struct vgpu_wait wait;
    EXPECT_TRUE(vgpu_3d_missing(&rig.vgpu) == NULL);
    EXPECT_EQ(vgpu_capset_info_wait(&rig.vgpu, 0, &info), VIRTIO_OK);
    EXPECT_EQ(vgpu_capset_wait(&rig.vgpu, &info, capset, &bytes), VIRTIO_OK);
    EXPECT_EQ(bytes, VENUS_CAPSET_BYTES);
    EXPECT_EQ(vgpu_wait(&rig.vgpu, &wait,
                        vgpu_cmd_ctx_create(&rig.vgpu, CTX, VIRTIO_GPU_CAPSET_VENUS, "loop",
                                            vgpu_wait_start(&wait))),
              VIRTIO_OK);
    EXPECT_EQ(vgpu_window_init(&window, &rig.vgpu), VIRTIO_OK);
    EXPECT_EQ(vgpu_blob_open_wait(&blob, &window, &config), VIRTIO_OK);
    if (blob.memory != NULL) {
        memset(blob.memory, 0x77, 65536);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        submit(rig.pixels, FAKE_NOTHING, 0, 0);
    }
    struct vgpu_then then = { .is_fenced = true };
    const struct vgpu_stream held = {
        .ctx_id = CTX, .has_ring_idx = true, .ring_idx = 1, .commands = {rig.pixels + 64, 4}
    };
    rig.pixels[64] = FAKE_NOTHING;
    if (rig.vgpu.config.driver == VGPU_DRIVER_QUEUED) {
        EXPECT_EQ(vgpu_cmd_submit_3d(&rig.vgpu, &held, &then), VIRTIO_OK);
        uint64_t fence_id = vgpu_last_fence(&rig.vgpu);
        vgpu_notify(&rig.vgpu);
        submit(rig.pixels, FAKE_NOTHING, 0, 0);
        EXPECT_FALSE(vgpu_fence_done(&rig.vgpu, fence_id));
        submit(rig.pixels, FAKE_RELEASE, 1, 0);
        EXPECT_EQ(vgpu_fence_wait(&rig.vgpu, fence_id, UINT64_C(5000000000)), VIRTIO_OK);
    }
    EXPECT_EQ(vgpu_blob_close_wait(&blob), VIRTIO_OK);
    EXPECT_EQ(
        vgpu_wait(&rig.vgpu, &wait, vgpu_cmd_ctx_destroy(&rig.vgpu, CTX, vgpu_wait_start(&wait))),
        VIRTIO_OK);
}

UTEST(contexts_blobs_and_fences_work_on_every_ring)
{
    for (unsigned i = 0; i < FLAVOUR_COUNT; i++) {
        if (begin(&flavours[i])) {
            use_context();
        }
        end(&flavours[i]);
    }
}
