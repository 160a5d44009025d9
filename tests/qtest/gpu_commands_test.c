/*
 * Every command of the driver that is not about rectangles, on QEMU's GPU: displays, EDID, capability sets, cursors, fences, many in
 * flight, framebuffers by states; and the device's own account of what it was told, from `queued` and from `simple`.
 *
 * conformance: S0-02 S0-03 S0-11 S0-16 S0-21
 */
#include <string.h>

#include "virtio/edid.h"

#include "tests/qtest/gpu_rig.h"
#include "tests/qtest/screen.h"
#include "tests/unit/utest.h"

enum {
    RESOURCE = 7,
    OK = VIRTIO_GPU_RESP_OK_NODATA,
};

static struct gpu_rig gpu;

static const struct vgpu_image small = { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 64, 64 };
static const struct vgpu_rect small_rect = { 0, 0, 64, 64 };

static void
in_every_combination(void (*body)(void))
{
    for (size_t i = 0; i < GPU_COMBINATION_COUNT; i++) {
        bool had_failed = utest.has_failed;
        gpu_rig_start(&gpu, &gpu_combinations[i]);
        body();
        EXPECT_EQ(virtio_device_health(gpu.vgpu.device), VIRTIO_OK);
        gpu_rig_stop(&gpu);
        if (utest.has_failed && !had_failed) {
            printf("        first with %s\n", gpu_combinations[i].name);
        }
    }
}

static void
ask_for_displays(void)
{
    EXPECT_EQ(gpu.vgpu.scanout_count, GPU_SCANOUT_COUNT);
    EXPECT_EQ(vgpu_display_info_wait(&gpu.vgpu), VIRTIO_OK);
    EXPECT_TRUE(gpu.vgpu.info.displays[0].is_enabled);
    EXPECT_EQ(gpu.vgpu.info.displays[0].rect.width, GPU_WIDTH_PX);
    EXPECT_EQ(gpu.vgpu.info.displays[0].rect.height, GPU_HEIGHT_PX);
    for (uint32_t i = 1; i < VIRTIO_GPU_SCANOUTS_MAX; i++) {
        EXPECT_FALSE(gpu.vgpu.info.displays[i].is_enabled);
    }
}

UTEST(displays_are_told)
{
    in_every_combination(ask_for_displays);
}

static void
read_edids(void)
{
    uint8_t bytes[VIRTIO_GPU_EDID_BYTES_MAX];
    struct edid_info info;
    size_t count = 0;
    for (uint32_t scanout = 0; scanout < GPU_SCANOUT_COUNT; scanout++) {
        EXPECT_EQ(vgpu_edid_wait(&gpu.vgpu, scanout, bytes, &count), VIRTIO_OK);
        EXPECT_TRUE(count >= EDID_BLOCK_BYTES && count % EDID_BLOCK_BYTES == 0);
        EXPECT_EQ(edid_parse(bytes, count, &info), VIRTIO_OK);
        EXPECT_TRUE(info.is_checksum_right);
        EXPECT_STREQ(info.vendor, "RHT");
        EXPECT_STREQ(info.name, "QEMU Monitor");
    }
    EXPECT_EQ(vgpu_edid_wait(&gpu.vgpu, 0, bytes, &count), VIRTIO_OK);
    EXPECT_EQ(edid_parse(bytes, count, &info), VIRTIO_OK);
    EXPECT_EQ(info.width_px, GPU_WIDTH_PX);
    EXPECT_EQ(info.height_px, GPU_HEIGHT_PX);
    /* The text names no error for it; QEMU calls the scanout a parameter. */
    EXPECT_EQ(vgpu_edid_wait(&gpu.vgpu, GPU_SCANOUT_COUNT, bytes, &count), VIRTIO_ERR_REFUSED);
    EXPECT_EQ(gpu.vgpu.last_refusal, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
}

UTEST(every_scanout_has_an_edid)
{
    in_every_combination(read_edids);
}

/* A 2D device has no capability sets and no contexts: it says so, and the driver can tell. */
static void
ask_for_what_2d_lacks(void)
{
    struct vgpu_capset_info info = { .id = VIRTIO_GPU_CAPSET_VENUS, .max_bytes = 160 };
    uint8_t capset[160];
    uint8_t uuid[16];
    size_t bytes = sizeof(capset);
    EXPECT_EQ(gpu.vgpu.capset_count, 0);
    EXPECT_EQ(vgpu_capset_info_wait(&gpu.vgpu, 0, &info), VIRTIO_ERR_REFUSED);
    EXPECT_EQ(gpu.vgpu.last_refusal, VIRTIO_GPU_RESP_ERR_UNSPEC);
    EXPECT_EQ(vgpu_capset_wait(&gpu.vgpu, &info, capset, &bytes), VIRTIO_ERR_REFUSED);
    EXPECT_EQ(gpu.vgpu.last_refusal, VIRTIO_GPU_RESP_ERR_UNSPEC);
    EXPECT_EQ(vgpu_uuid_wait(&gpu.vgpu, RESOURCE, uuid), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_EQ(gpu_answer(&gpu, vgpu_cmd_assign_uuid(&gpu.vgpu, RESOURCE, gpu_then(&gpu))),
              VIRTIO_GPU_RESP_ERR_UNSPEC);
}

UTEST(a_2d_device_refuses_3d_in_order)
{
    in_every_combination(ask_for_what_2d_lacks);
}

/* The cursor is no part of a screendump: what the device did with it stands in its own trace. */
static void
move_the_cursor(void)
{
    struct vgpu_cursor cursor = { .scanout_id = 2,
                                  .x_px = 100,
                                  .y_px = 50,
                                  .resource_id = RESOURCE,
                                  .hot_x_px = 3,
                                  .hot_y_px = 4 };
    (void)gpu_resource(&gpu, RESOURCE, &small);
    EXPECT_EQ(gpu_show(&gpu, RESOURCE, &small), OK);
    (void)gpu_device_log(&gpu);
    EXPECT_EQ(
        vgpu_wait(&gpu.vgpu, &gpu.wait, vgpu_cmd_update_cursor(&gpu.vgpu, &cursor, gpu_then(&gpu))),
        VIRTIO_OK);
    EXPECT_CONTAINS(gpu_device_log(&gpu), "scanout 2, x 100, y 50, update, res 0x7");
    cursor.x_px = 1279;
    EXPECT_EQ(
        vgpu_wait(&gpu.vgpu, &gpu.wait, vgpu_cmd_move_cursor(&gpu.vgpu, &cursor, gpu_then(&gpu))),
        VIRTIO_OK);
    EXPECT_CONTAINS(gpu_device_log(&gpu), "scanout 2, x 1279, y 50, move");
    cursor.resource_id = 0;
    EXPECT_EQ(
        vgpu_wait(&gpu.vgpu, &gpu.wait, vgpu_cmd_update_cursor(&gpu.vgpu, &cursor, gpu_then(&gpu))),
        VIRTIO_OK);
    EXPECT_CONTAINS(gpu_device_log(&gpu), "scanout 2, x 1279, y 50, update, res 0x0");
    /* A scanout that is not there: the cursor queue has no responses, so nobody hears of it. */
    cursor.scanout_id = 9;
    EXPECT_EQ(
        vgpu_wait(&gpu.vgpu, &gpu.wait, vgpu_cmd_move_cursor(&gpu.vgpu, &cursor, gpu_then(&gpu))),
        VIRTIO_OK);
    EXPECT_STREQ(gpu_device_log(&gpu), "");
}

UTEST(cursors_are_shown_moved_and_hidden)
{
    in_every_combination(move_the_cursor);
}

static void
pass_fences(void)
{
    uint64_t last = 0;
    struct virtio_gpu_ctrl_hdr header;
    (void)gpu_resource(&gpu, RESOURCE, &small);
    for (unsigned i = 0; i < 5; i++) {
        struct vgpu_then then = *gpu_then(&gpu);
        then.is_fenced = true;
        uint32_t type =
            gpu_answer(&gpu, vgpu_cmd_resource_flush(&gpu.vgpu, RESOURCE, &small_rect, &then));
        EXPECT_EQ(type, OK);
        memcpy(&header, gpu.response, sizeof(header));
        EXPECT_EQ(le32_get(header.flags), VIRTIO_GPU_FLAG_FENCE);
        EXPECT_EQ(le64_get(header.fence_id), vgpu_last_fence(&gpu.vgpu));
        EXPECT_TRUE(vgpu_last_fence(&gpu.vgpu) > last);
        EXPECT_TRUE(vgpu_fence_done(&gpu.vgpu, vgpu_last_fence(&gpu.vgpu)));
        last = vgpu_last_fence(&gpu.vgpu);
    }
    EXPECT_EQ(vgpu_fence_wait(&gpu.vgpu, last, 1000000), VIRTIO_OK);
}

UTEST(fences_come_back_as_asked)
{
    in_every_combination(pass_fences);
}

struct tally {
    unsigned ok_count;
    unsigned other_count;
};

static void
count_completion(void *ctx, const struct vgpu_completion *completion)
{
    struct tally *tally = ctx;
    if (completion->err == VIRTIO_OK) {
        tally->ok_count++;
    } else {
        tally->other_count++;
    }
}

/* Everything that has room goes out with one notification; a thousand commands pass through. */
static void
keep_many_in_flight(void)
{
    struct tally tally = { 0, 0 };
    const struct vgpu_then then = { .done = count_completion, .ctx = &tally };
    const unsigned wanted = 1000;
    unsigned sent = 0;
    unsigned most_in_flight = 0;
    (void)gpu_resource(&gpu, RESOURCE, &small);
    while (sent < wanted) {
        EXPECT_EQ(vgpu_room_wait(&gpu.vgpu, 1, 1000000000), VIRTIO_OK);
        while (sent < wanted && vgpu_room(&gpu.vgpu) > 0) {
            if (!EXPECT_EQ(vgpu_cmd_resource_flush(&gpu.vgpu, RESOURCE, &small_rect, &then),
                           VIRTIO_OK)) {
                return;
            }
            sent++;
        }
        most_in_flight =
            gpu.vgpu.in_flight_count > most_in_flight ? gpu.vgpu.in_flight_count : most_in_flight;
        vgpu_notify(&gpu.vgpu);
    }
    EXPECT_EQ(vgpu_room_wait(&gpu.vgpu, gpu.vgpu.slot_count, 1000000000), VIRTIO_OK);
    EXPECT_EQ(tally.ok_count, wanted);
    EXPECT_EQ(tally.other_count, 0);
    EXPECT_EQ(gpu.vgpu.figures[VGPU_MSG_RESOURCE_FLUSH].latency.count, wanted);
    if (gpu.vgpu.config.driver == VGPU_DRIVER_QUEUED) {
        EXPECT_TRUE(most_in_flight >= 16);
    }
}

UTEST(many_commands_are_in_flight)
{
    in_every_combination(keep_many_in_flight);
}

/* A framebuffer with ids of its own choice, up by states, seen, and down again, with nothing left behind. */
static void
bring_up_and_down(void)
{
    struct vgpu_framebuffer framebuffer;
    struct screen screen;
    struct vgpu_framebuffer_config config = { .image = small,
                                              .resource_id = 0x12345678,
                                              .scanout_id = 3 };
    memset(&framebuffer, 0, sizeof(framebuffer));
    config.backing.bytes = UINT64_C(64) * 64 * VIRTIO_GPU_BYTES_PER_PX;
    config.backing.memory = rig_memory(&gpu.rig, config.backing.bytes);
    memset(config.backing.memory, 0xff, config.backing.bytes);
    EXPECT_EQ(vgpu_framebuffer_bring_up_wait(&framebuffer, &gpu.vgpu, &config), VIRTIO_OK);
    EXPECT_EQ(framebuffer.state, VGPU_READY);
    EXPECT_EQ(vgpu_resource_report(&gpu.vgpu, NULL, NULL), 1);
    EXPECT_EQ(gpu_show(&gpu, 0x12345678, &small), OK);
    EXPECT_TRUE(screen_take(&screen, &gpu.rig.qemu, GPU_QMP_ID, 3));
    EXPECT_EQ(screen_count(&screen, 0xffffff), 64 * 64);
    screen_free(&screen);
    EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_OK);
    EXPECT_EQ(framebuffer.state, VGPU_UNINITIALIZED);
    EXPECT_EQ(vgpu_resource_report(&gpu.vgpu, NULL, NULL), 0);
    EXPECT_TRUE(rig_trace_count(&gpu.rig, TRACE_GPU_STATE) >= 9);
    /* The device knows the resource no more. */
    EXPECT_EQ(gpu_answer(&gpu, vgpu_cmd_resource_unref(&gpu.vgpu, 0x12345678, gpu_then(&gpu))),
              VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
}

UTEST(a_framebuffer_comes_and_goes_by_its_states)
{
    in_every_combination(bring_up_and_down);
}

UTEST(what_leaked_is_named_at_the_end)
{
    struct vgpu_resource *resource = NULL;
    gpu_rig_start(&gpu, &gpu_combinations[2]);
    struct virtio_device *device = gpu.vgpu.device;
    EXPECT_EQ(
        gpu_answer(&gpu, vgpu_resource_create(&gpu.vgpu, 4711, &small, gpu_then(&gpu), &resource)),
        OK);
    EXPECT_EQ(vgpu_finish(&gpu.vgpu), VIRTIO_OK);
    EXPECT_EQ(gpu.vgpu.leaked_count, 1);
    EXPECT_TRUE(qtest_log_contains(&gpu.rig.platform, "4711"));
    EXPECT_FALSE(rig_device_says(&gpu.rig, GPU_QMP_ID, "VIRTIO_CONFIG_S_DRIVER_OK"));
    EXPECT_EQ(device->owner[0], '\0');
    gpu_rig_stop(&gpu);
}

/* The same calls through both drivers: the device tells of the same commands in the same order (S0-16, S0-21). */
UTEST(queued_and_simple_say_the_same_to_the_device)
{
    static char first[sizeof(gpu.log)];
    static const size_t pairs[][2] = {
        {0,  1},
        { 2, 3},
        { 4, 5}
    };
    for (size_t i = 0; i < 3; i++) {
        for (size_t side = 0; side < 2; side++) {
            gpu_rig_start(&gpu, &gpu_combinations[pairs[i][side]]);
            bring_up_and_down();
            (void)gpu_resource(&gpu, RESOURCE, &small);
            EXPECT_EQ(gpu_set_scanout(&gpu, 1, RESOURCE, &small_rect), OK);
            EXPECT_EQ(gpu_show(&gpu, RESOURCE, &small), OK);
            (void)gpu_device_log(&gpu);
            gpu_rig_stop(&gpu);
            if (side == 0) {
                memcpy(first, gpu.log, sizeof(first));
            }
        }
        EXPECT_CONTAINS(first, "virtio_gpu_cmd_set_scanout id 3, res 0x12345678");
        EXPECT_STREQ(gpu.log, first);
    }
}

/* What the library's own trace says, beside what the device's says. */
UTEST(both_sides_tell_of_the_same_set_scanout)
{
    char line[256];
    bool is_found = false;
    struct trace_record record;
    gpu_rig_start(&gpu, &gpu_combinations[4]);
    (void)gpu_resource(&gpu, RESOURCE, &small);
    EXPECT_EQ(gpu_set_scanout(&gpu, 1, RESOURCE, &small_rect), OK);
    EXPECT_CONTAINS(gpu_device_log(&gpu), "virtio_gpu_cmd_set_scanout id 1, res 0x7, w 64, h 64");
    struct virtio_trace_reader reader = virtio_trace_read_start(&gpu.rig.trace);
    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        if (vgpu_trace_format(&reader, &record, line, sizeof(line)) > 0) {
            is_found |= strstr(line, "SET_SCANOUT") != NULL &&
                        strstr(line, "64x64) scanout_id 1 resource_id 7") != NULL;
        }
    }
    EXPECT_TRUE(is_found);
    gpu_rig_stop(&gpu);
}
