/*
 * The GPU driver on a strict fake device: bring-up in every flavour, commands in flight, deadlines,
 * fences, refusals. conformance: S0-01 S0-02 S0-05 S0-12
 */
#include "tests/unit/gpu_fixture.h"

static struct rig rig;

static const struct vgpu_image image = { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 64, 64 };
static const struct vgpu_rect all = { 0, 0, 64, 64 };

UTEST(every_flavour_comes_up_and_answers)
{
    for (unsigned i = 0; i < FLAVOUR_COUNT; i++) {
        rig_prepare(&rig, &flavours[i], 3);
        rig.config.uses_indirect = i % 2 != 0;
        if (rig_up(&rig)) {
            EXPECT_EQ(rig.vgpu.state, VGPU_RUNNING);
            EXPECT_EQ(rig.vgpu.scanout_count, 3);
            EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_OK);
            EXPECT_TRUE(rig.vgpu.info.displays[2].is_enabled);
            EXPECT_FALSE(rig.vgpu.info.displays[3].is_enabled);
            EXPECT_EQ(rig.vgpu.info.displays[0].rect.width, 1280);
        }
        rig_end(&rig);
    }
}

UTEST(another_kind_of_device_is_no_gpu)
{
    rig_prepare(&rig, &flavours[0], 1);
    rig.fixture.device->id = VIRTIO_ID_NET;
    EXPECT_EQ(vgpu_init(&rig.vgpu, rig.fixture.device, &rig.config, &rig.fixture.arena),
              VIRTIO_ERR_NO_DEVICE);
    EXPECT_EQ(rig.vgpu.state, VGPU_UNINITIALIZED);
    rig_end(&rig);
}

UTEST(a_config_out_of_range_is_invalid)
{
    rig_prepare(&rig, &flavours[0], 1);
    rig.config.depth = VGPU_DEPTH_MAX + 1;
    EXPECT_EQ(vgpu_init(&rig.vgpu, rig.fixture.device, &rig.config, &rig.fixture.arena),
              VIRTIO_ERR_INVALID);
    rig.config.depth = VGPU_DEPTH_MIN - 1;
    EXPECT_EQ(vgpu_init(&rig.vgpu, rig.fixture.device, &rig.config, &rig.fixture.arena),
              VIRTIO_ERR_INVALID);
    rig_end(&rig);
}

UTEST(too_small_an_arena_leaves_the_device_to_nobody)
{
    rig_prepare(&rig, &flavours[0], 1);
    for (size_t bytes = 0; bytes < vgpu_arena_bytes(&rig.config) / 2; bytes += 4096) {
        struct virtio_arena small = { rig.fixture.arena.base, bytes, 0 };
        EXPECT_EQ(vgpu_init(&rig.vgpu, rig.fixture.device, &rig.config, &small),
                  VIRTIO_ERR_NO_MEMORY);
        EXPECT_EQ(rig.fixture.device->owner[0], '\0');
    }
    rig_end(&rig);
}

UTEST(a_device_of_another_owner_is_left_alone)
{
    rig_prepare(&rig, &flavours[0], 1);
    EXPECT_EQ(virtio_device_claim(rig.fixture.device, "other"), VIRTIO_OK);
    EXPECT_EQ(vgpu_init(&rig.vgpu, rig.fixture.device, &rig.config, &rig.fixture.arena),
              VIRTIO_ERR_OWNED);
    EXPECT_EQ(virtio_device_release(rig.fixture.device, "other"), VIRTIO_OK);
    rig_end(&rig);
}

UTEST(seventeen_scanouts_are_a_broken_device)
{
    rig_prepare(&rig, &flavours[0], 1);
    rig.fake.scanout_count = 17;
    EXPECT_EQ(vgpu_init(&rig.vgpu, rig.fixture.device, &rig.config, &rig.fixture.arena),
              VIRTIO_ERR_BROKEN);
    rig.fake.scanout_count = 1;
    rig_end(&rig);
}

UTEST(edid_of_each_scanout_and_of_none)
{
    uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX];
    size_t bytes = 0;
    rig_prepare(&rig, &flavours[0], 16);
    rig_up(&rig);
    for (uint32_t i = 0; i < 16; i++) {
        EXPECT_EQ(vgpu_edid_wait(&rig.vgpu, i, edid, &bytes), VIRTIO_OK);
        EXPECT_EQ(bytes, 128);
    }
    EXPECT_EQ(vgpu_edid_wait(&rig.vgpu, 16, edid, &bytes), VIRTIO_ERR_REFUSED);
    EXPECT_EQ(rig.vgpu.state, VGPU_RUNNING);
    rig_end(&rig);
}

UTEST(capsets_and_uuid_are_asked_for)
{
    struct vgpu_capset_info info;
    uint8_t capset[256];
    uint8_t uuid[16];
    size_t bytes = sizeof(capset);
    struct vgpu_resource *resource = NULL;
    rig_prepare(&rig, &flavours[0], 1);
    rig.fake.capsets[0] = (struct fake_gpu_capset){ VIRTIO_GPU_CAPSET_VENUS, 1, 160, NULL };
    rig.fake.capset_count = 1;
    rig.config.capset_bytes_max = 256;
    rig_up(&rig);
    EXPECT_EQ(rig.vgpu.capset_count, 1);
    EXPECT_EQ(vgpu_capset_info_wait(&rig.vgpu, 0, &info), VIRTIO_OK);
    EXPECT_EQ(info.id, VIRTIO_GPU_CAPSET_VENUS);
    EXPECT_EQ(info.max_bytes, 160);
    EXPECT_EQ(vgpu_capset_wait(&rig.vgpu, &info, capset, &bytes), VIRTIO_OK);
    EXPECT_EQ(bytes, 160);
    info.max_bytes = 257;
    EXPECT_EQ(vgpu_capset_wait(&rig.vgpu, &info, capset, &bytes), VIRTIO_ERR_BUFFER_TOO_SMALL);
    EXPECT_EQ(vgpu_resource_create(&rig.vgpu, 0, &image, NULL, &resource), VIRTIO_OK);
    EXPECT_EQ(vgpu_uuid_wait(&rig.vgpu, resource->id, uuid), VIRTIO_OK);
    EXPECT_EQ(vgpu_uuid_wait(&rig.vgpu, 12345, uuid), VIRTIO_ERR_REFUSED);
    EXPECT_EQ(vgpu_resource_unref(resource, NULL), VIRTIO_OK);
    vgpu_notify(&rig.vgpu);
    vgpu_poll(&rig.vgpu);
    rig_end(&rig);
}

UTEST(many_commands_fly_and_one_notification_is_enough)
{
    struct seen seen = { 0 };
    struct vgpu_then then = { .done = see, .ctx = &seen };
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    uint64_t notified = rig.fixture.fake.queues[0].notify_count;
    for (unsigned i = 0; i < 64; i++) {
        EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 1, &all, &then), VIRTIO_OK);
    }
    EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 1, &all, &then), VIRTIO_ERR_BUSY);
    EXPECT_EQ(rig.vgpu.in_flight_count, 64);
    EXPECT_EQ(vgpu_room(&rig.vgpu), 0);
    EXPECT_EQ(seen.count, 0);
    vgpu_notify(&rig.vgpu);
    vgpu_notify(&rig.vgpu);
    EXPECT_EQ(rig.fixture.fake.queues[0].notify_count, notified + 1);
    EXPECT_EQ(vgpu_poll(&rig.vgpu), 64);
    EXPECT_EQ(seen.count, 64);
    EXPECT_EQ(seen.last.err, VIRTIO_ERR_REFUSED); /* there is no resource 1 */
    EXPECT_EQ(seen.last.response_type, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    EXPECT_EQ(rig.vgpu.counters.refused, 64);
    EXPECT_EQ(rig.vgpu.figures[VGPU_MSG_RESOURCE_FLUSH].latency.count, 64);
    EXPECT_EQ(vgpu_room(&rig.vgpu), 64);
    rig_end(&rig);
}

UTEST(answers_out_of_order_find_their_commands)
{
    struct seen first = { 0 };
    struct seen second = { 0 };
    struct vgpu_then then_first = { .done = see, .ctx = &first, .is_fenced = true };
    struct vgpu_then then_second = { .done = see, .ctx = &second, .is_fenced = true };
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    rig.fixture.fake.is_reversing = true;
    rig.fixture.fake.delay_ns = 1000000;
    EXPECT_EQ(vgpu_cmd_get_display_info(&rig.vgpu, &then_first), VIRTIO_OK);
    EXPECT_EQ(vgpu_last_fence(&rig.vgpu), 1);
    EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 9, &all, &then_second), VIRTIO_OK);
    EXPECT_EQ(vgpu_last_fence(&rig.vgpu), 2);
    vgpu_notify(&rig.vgpu);
    EXPECT_FALSE(vgpu_fence_done(&rig.vgpu, 1));
    EXPECT_FALSE(vgpu_fence_done(&rig.vgpu, 2));
    EXPECT_EQ(vgpu_fence_wait(&rig.vgpu, 1, 100), VIRTIO_ERR_TIMEOUT);
    EXPECT_EQ(vgpu_fence_wait(&rig.vgpu, 1, 1000000000), VIRTIO_OK);
    EXPECT_EQ(vgpu_fence_wait(&rig.vgpu, 2, 1000000000), VIRTIO_OK);
    EXPECT_EQ(first.last.err, VIRTIO_OK);
    EXPECT_EQ(first.last.fence_id, 1);
    EXPECT_EQ(first.last.response_type, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    EXPECT_EQ(second.last.err, VIRTIO_ERR_REFUSED);
    EXPECT_EQ(second.last.fence_id, 2);
    EXPECT_TRUE(first.last.latency_ns >= 1000000);
    rig_end(&rig);
}

UTEST(a_late_command_is_reported_once_and_its_slot_comes_back_later)
{
    static const enum virtio_trace_event late_life[] = { TRACE_GPU_REQUEST,  TRACE_VIRTQ_ADD,
                                                         TRACE_GPU_TIMEOUT,  TRACE_VIRTQ_USED,
                                                         TRACE_GPU_RESPONSE, TRACE_NONE };
    struct seen seen = { 0 };
    struct vgpu_then then = { .done = see, .ctx = &seen, .timeout_ns = 5000000 };
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    rig.fixture.fake.delay_ns = 30000000;
    EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 9, &all, &then), VIRTIO_OK);
    vgpu_notify(&rig.vgpu);
    rig_advance_ms(&rig, 4);
    EXPECT_EQ(vgpu_poll(&rig.vgpu), 0);
    rig_advance_ms(&rig, 2);
    EXPECT_EQ(vgpu_poll(&rig.vgpu), 1);
    EXPECT_EQ(seen.count, 1);
    EXPECT_EQ(seen.last.err, VIRTIO_ERR_TIMEOUT);
    EXPECT_EQ(rig.vgpu.counters.timed_out, 1);
    EXPECT_EQ(rig.vgpu.in_flight_count, 0);
    EXPECT_EQ(rig.vgpu.free_count, 63);
    EXPECT_TRUE(fixture_has_event(&rig.fixture, TRACE_GPU_TIMEOUT));
    rig_advance_ms(&rig, 40);
    vgpu_poll(&rig.vgpu);
    EXPECT_EQ(seen.count, 1);
    EXPECT_EQ(rig.vgpu.counters.late, 1);
    EXPECT_CONTAINS(fixture_printed(&rig.fixture, false), " ns: RESOURCE_FLUSH\n");
    EXPECT_TRUE(fixture_has_command(&rig.fixture, late_life));
    EXPECT_EQ(rig.vgpu.free_count, 64);
    EXPECT_EQ(rig.vgpu.state, VGPU_RUNNING);
    rig_end(&rig);
}

UTEST(a_silent_device_times_out_every_wait)
{
    for (enum vgpu_driver driver = VGPU_DRIVER_QUEUED; driver <= VGPU_DRIVER_SIMPLE; driver++) {
        rig_start(&rig, driver);
        rig.fixture.fake.evil.mode = FAKE_EVIL_SILENCE;
        EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_ERR_TIMEOUT);
        EXPECT_EQ(rig_set_scanout(&rig, 0, 0, &all), VIRTIO_ERR_TIMEOUT);
        EXPECT_EQ(rig.vgpu.counters.timed_out, 2);
        EXPECT_CONTAINS(rig.fixture.fp.log, "GET_DISPLAY_INFO: no answer after 1000 ms");
        rig_end(&rig);
    }
}

/*
 * The black screen of the origin: a second probe resets the device; the library must say so, and
 * who.
 */
UTEST(a_reset_beneath_the_driver_is_found_and_named)
{
    struct seen seen = { 0 };
    struct vgpu_then then = { .done = see, .ctx = &seen };
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_OK);
    rig.fixture.fp.is_loud =
        false; /* going on after a foreign reset is what the device objects to */
    EXPECT_EQ(virtio_device_reset(rig.fixture.device, "second-probe"), VIRTIO_OK);
    EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 1, &all, &then), VIRTIO_OK);
    vgpu_notify(&rig.vgpu);
    for (unsigned i = 0; i < 100 && seen.count == 0; i++) {
        rig_advance_ms(&rig, 1);
        vgpu_poll(&rig.vgpu);
    }
    EXPECT_EQ(seen.last.err, VIRTIO_ERR_LOST);
    EXPECT_EQ(rig.vgpu.state, VGPU_FAILED);
    EXPECT_EQ(rig.vgpu.failure, VIRTIO_ERR_LOST);
    EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 1, &all, &then), VIRTIO_ERR_LOST);
    EXPECT_CONTAINS(rig.fixture.fp.log, "second-probe");
    fake_platform_forget(&rig.fixture.fp);
    rig_end(&rig);
}

UTEST(a_device_that_needs_a_reset_fails_all_commands)
{
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    rig.fixture.fake.evil.mode = FAKE_EVIL_NEEDS_RESET;
    EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_ERR_NEEDS_RESET);
    EXPECT_EQ(rig.vgpu.state, VGPU_FAILED);
    rig_end(&rig);
}

static enum virtio_err
with_evil(enum fake_evil_mode mode, uint64_t value, bool is_fenced)
{
    struct seen seen = { 0 };
    struct vgpu_then then = { .done = see, .ctx = &seen, .is_fenced = is_fenced };
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    rig.fixture.fake.evil.mode = mode;
    rig.fixture.fake.evil.value = value;
    EXPECT_EQ(vgpu_cmd_get_display_info(&rig.vgpu, &then), VIRTIO_OK);
    vgpu_notify(&rig.vgpu);
    vgpu_poll(&rig.vgpu);
    EXPECT_EQ(seen.count, 1);
    EXPECT_EQ(rig.vgpu.state == VGPU_FAILED, seen.last.err == VIRTIO_ERR_BROKEN);
    EXPECT_EQ(rig.fixture.device->fault.rule != NULL, seen.last.err == VIRTIO_ERR_BROKEN);
    rig_end(&rig);
    return seen.last.err;
}

UTEST(lies_in_responses_break_the_device)
{
    EXPECT_EQ(with_evil(FAKE_EVIL_RESPONSE_TYPE, VIRTIO_GPU_RESP_OK_NODATA, false),
              VIRTIO_ERR_BROKEN);
    EXPECT_EQ(with_evil(FAKE_EVIL_RESPONSE_TYPE, 0xffffffff, false), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(with_evil(FAKE_EVIL_RESPONSE_SHORT, 407, false), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(with_evil(FAKE_EVIL_RESPONSE_SHORT, 23, false), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(with_evil(FAKE_EVIL_RESPONSE_SHORT, 0, false), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(with_evil(FAKE_EVIL_RESPONSE_FENCE, 0, true), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(with_evil(FAKE_EVIL_USED_ID_RANGE, 0, false), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(with_evil(FAKE_EVIL_USED_ID_IDLE, 0, false), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(with_evil(FAKE_EVIL_USED_LENGTH, 0, false), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(with_evil(FAKE_EVIL_RESPONSE_TYPE, VIRTIO_GPU_RESP_ERR_UNSPEC, false),
              VIRTIO_ERR_REFUSED);
    EXPECT_EQ(with_evil(FAKE_EVIL_RESPONSE_NOISE, 0, false), VIRTIO_OK);
}

UTEST(noise_for_an_edid_is_survived)
{
    uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX];
    size_t bytes = 0;
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    rig.fixture.fake.evil.mode = FAKE_EVIL_RESPONSE_NOISE;
    EXPECT_EQ(vgpu_edid_wait(&rig.vgpu, 0, edid, &bytes), VIRTIO_ERR_BROKEN);
    EXPECT_CONTAINS(rig.fixture.device->fault.rule, "EDID");
    rig_end(&rig);
}

UTEST(bad_requests_are_not_sent)
{
    struct virtio_gpu_ctrl_hdr header = vgpu_encode_header(0x7777);
    struct vgpu_request request = { .command = &header, .command_bytes = sizeof(header) };
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    EXPECT_EQ(vgpu_submit(&rig.vgpu, &request), VIRTIO_ERR_INVALID);
    header = vgpu_encode_header(VIRTIO_GPU_CMD_SET_SCANOUT);
    EXPECT_EQ(vgpu_submit(&rig.vgpu, &request), VIRTIO_ERR_INVALID);
    request.command_bytes = 8;
    EXPECT_EQ(vgpu_submit(&rig.vgpu, &request), VIRTIO_ERR_INVALID);
    struct vgpu_backing nothing = { 0 };
    EXPECT_EQ(vgpu_cmd_attach_backing(&rig.vgpu, 1, &nothing, NULL), VIRTIO_ERR_INVALID);
    uint8_t private_memory[64];
    struct vgpu_backing unshared = { .memory = private_memory, .bytes = sizeof(private_memory) };
    EXPECT_EQ(vgpu_cmd_attach_backing(&rig.vgpu, 1, &unshared, NULL), VIRTIO_ERR_INVALID);
    EXPECT_EQ(rig.vgpu.counters.sent, 0);
    EXPECT_EQ(rig.vgpu.free_count, 64);
    rig_end(&rig);
    EXPECT_EQ(vgpu_cmd_get_display_info(&rig.vgpu, NULL), VIRTIO_ERR_NOT_INITIALIZED);
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
}

UTEST(null_is_the_default_config)
{
    rig_prepare(&rig, &flavours[1], 1);
    EXPECT_EQ(vgpu_arena_bytes(NULL), vgpu_arena_bytes(&rig.config));
    EXPECT_EQ(vgpu_init(&rig.vgpu, rig.fixture.device, NULL, &rig.fixture.arena), VIRTIO_OK);
    EXPECT_EQ(rig.vgpu.config.depth, VGPU_DEPTH_DEFAULT);
    EXPECT_TRUE(virtio_device_has(rig.fixture.device, VIRTIO_F_EVENT_IDX));
    EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_OK);
    rig_end(&rig);
}

/* As many as there was room for, and not one more. */
UTEST(room_is_told_for_each_kind_of_command)
{
    static const struct {
        uint32_t type;
        unsigned room;
    } kinds[] = {
        {VIRTIO_GPU_CMD_MOVE_CURSOR,     16              },
        { VIRTIO_GPU_CMD_GET_EDID,       VGPU_LARGE_COUNT},
        { VIRTIO_GPU_CMD_RESOURCE_FLUSH, 64              },
    };
    struct vgpu_cursor cursor = { 0 };
    for (unsigned i = 0; i < 3; i++) {
        enum virtio_err err = VIRTIO_OK;
        unsigned count = 0;
        rig_start(&rig, VGPU_DRIVER_QUEUED);
        rig.fixture.fake.is_deferred = true;
        EXPECT_EQ(vgpu_room_for(&rig.vgpu, 0x7777), 0);
        while (err == VIRTIO_OK && count <= kinds[i].room) {
            EXPECT_EQ(vgpu_room_for(&rig.vgpu, kinds[i].type), kinds[i].room - count);
            count++;
            switch (i) {
            case 0: err = vgpu_cmd_move_cursor(&rig.vgpu, &cursor, NULL); break;
            case 1: err = vgpu_cmd_get_edid(&rig.vgpu, 0, NULL); break;
            default: err = vgpu_cmd_resource_flush(&rig.vgpu, 1, &all, NULL); break;
            }
        }
        EXPECT_EQ(err, VIRTIO_ERR_BUSY);
        EXPECT_EQ(count, kinds[i].room + 1);
        rig_end(&rig);
    }
}

UTEST(few_large_responses_at_a_time)
{
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    for (unsigned i = 0; i < VGPU_LARGE_COUNT; i++) {
        EXPECT_EQ(vgpu_cmd_get_display_info(&rig.vgpu, NULL), VIRTIO_OK);
    }
    EXPECT_EQ(vgpu_cmd_get_display_info(&rig.vgpu, NULL), VIRTIO_ERR_BUSY);
    EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 1, &all, NULL), VIRTIO_OK);
    vgpu_notify(&rig.vgpu);
    vgpu_poll(&rig.vgpu);
    EXPECT_EQ(vgpu_cmd_get_display_info(&rig.vgpu, NULL), VIRTIO_OK);
    rig_end(&rig); /* with a command in flight */
}

/* Each answer brings the next command, and costs a millisecond. */
static void
flush_again(void *ctx, const struct vgpu_completion *completion)
{
    struct seen *again = ctx;
    struct vgpu_then then = { .done = flush_again, .ctx = ctx };
    see(ctx, completion);
    rig_advance_ms(&rig, 1);
    if (again->count < 1000) {
        EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 9, &all, &then), VIRTIO_OK);
        vgpu_notify(&rig.vgpu);
    }
}

UTEST(a_wait_ends_in_time_though_callbacks_submit_without_end)
{
    const uint64_t timeout_ms = 100;
    struct seen again = { 0 };
    struct vgpu_then then = { .done = flush_again, .ctx = &again };
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 9, &all, &then), VIRTIO_OK);
    EXPECT_EQ(vgpu_room_wait(&rig.vgpu, vgpu_room(&rig.vgpu) + 2, timeout_ms * 1000000),
              VIRTIO_ERR_TIMEOUT);
    EXPECT_TRUE(again.count > 0);
    EXPECT_TRUE(again.count <= timeout_ms + rig.vgpu.queues[0].size);
    again.count = 1000;
    EXPECT_EQ(vgpu_room_wait(&rig.vgpu, vgpu_room(&rig.vgpu) + 1, timeout_ms * 1000000), VIRTIO_OK);
    rig_end(&rig);
}

static unsigned changes_seen;
static uint32_t change_mask;

static void
changed(void *ctx, uint32_t mask)
{
    (void)ctx;
    changes_seen++;
    change_mask = mask;
}

UTEST(display_changes_are_noticed_by_interrupt_and_by_hand)
{
    changes_seen = 0;
    rig_prepare(&rig, &flavours[0], 3);
    rig.config.displays_changed = changed;
    rig.config.is_interrupting = true;
    rig_up(&rig);
    EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_OK);
    EXPECT_EQ(vgpu_check_events(&rig.vgpu), VIRTIO_EMPTY);
    fake_gpu_resize(&rig.fixture.fake, 1, 800, 600);
    EXPECT_TRUE(vgpu_interrupt(&rig.vgpu));
    vgpu_poll(&rig.vgpu);
    vgpu_poll(&rig.vgpu);
    EXPECT_EQ(changes_seen, 1);
    EXPECT_EQ(change_mask, 2);
    EXPECT_EQ(rig.vgpu.info.displays[1].rect.width, 800);
    EXPECT_EQ(vgpu_check_events(&rig.vgpu), VIRTIO_EMPTY);
    fake_gpu_resize(&rig.fixture.fake, 2, 0, 0);
    EXPECT_EQ(vgpu_check_events(&rig.vgpu), VIRTIO_OK);
    vgpu_poll(&rig.vgpu);
    EXPECT_EQ(changes_seen, 2);
    EXPECT_EQ(change_mask, 4);
    EXPECT_FALSE(rig.vgpu.info.displays[2].is_enabled);
    (void)vgpu_interrupt(&rig.vgpu);
    rig_end(&rig);
}

UTEST(the_cursor_goes_by_its_own_queue)
{
    struct seen seen = { 0 };
    struct vgpu_then then = { .done = see, .ctx = &seen };
    struct vgpu_cursor cursor = { .scanout_id = 0, .x_px = 5, .y_px = 6, .resource_id = 0 };
    for (enum vgpu_driver driver = VGPU_DRIVER_QUEUED; driver <= VGPU_DRIVER_SIMPLE; driver++) {
        seen.count = 0;
        rig_start(&rig, driver);
        EXPECT_EQ(vgpu_cmd_update_cursor(&rig.vgpu, &cursor, &then), VIRTIO_OK);
        cursor.x_px++;
        EXPECT_EQ(vgpu_cmd_move_cursor(&rig.vgpu, &cursor, &then), VIRTIO_OK);
        vgpu_notify(&rig.vgpu);
        vgpu_poll(&rig.vgpu);
        EXPECT_EQ(seen.count, 2);
        EXPECT_EQ(seen.last.err, VIRTIO_OK);
        EXPECT_EQ(rig.fake.scanouts[0].cursor_x, cursor.x_px);
        rig_end(&rig);
    }
}

/* Every call for a DMA address may be the one that fails. */
UTEST(memory_that_cannot_be_shared_is_told)
{
    enum virtio_err err = VIRTIO_ERR_NO_MEMORY;
    for (uint32_t fail_from = 0; fail_from < 32 && err != VIRTIO_OK; fail_from++) {
        rig_prepare(&rig, &flavours[0], 1);
        rig.fixture.fp.dma_fail_from = fail_from;
        err = vgpu_init(&rig.vgpu, rig.fixture.device, &rig.config, &rig.fixture.arena);
        if (err != VIRTIO_OK) {
            EXPECT_EQ(err, VIRTIO_ERR_NO_MEMORY);
            EXPECT_EQ(rig.fixture.device->owner[0], '\0');
            EXPECT_EQ(rig.vgpu.state, VGPU_UNINITIALIZED);
        }
        rig_end(&rig);
    }
    EXPECT_EQ(err, VIRTIO_OK);
}

/* After a loss: finish, a fresh arena, init, and all is well again. */
UTEST(a_failed_gpu_can_be_brought_up_again)
{
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    rig.fixture.fp.is_loud =
        false; /* going on after a foreign reset is what the device objects to */
    EXPECT_EQ(virtio_device_reset(rig.fixture.device, "second-probe"), VIRTIO_OK);
    EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_ERR_LOST);
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    rig.fixture.arena.used_bytes = 0;
    rig_up(&rig);
    EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_OK);
    EXPECT_EQ(rig.vgpu.state, VGPU_RUNNING);
    fake_platform_forget(&rig.fixture.fp);
    rig_end(&rig);
}

static unsigned chain_left;

/* A callback that submits: with `simple` each of them waits within the one before. */
static void
submit_again(void *ctx, const struct vgpu_completion *completion)
{
    struct vgpu *vgpu = (struct vgpu *)ctx;
    struct vgpu_then then = { .done = submit_again, .ctx = vgpu };
    EXPECT_EQ(completion->err, VIRTIO_ERR_REFUSED);
    if (chain_left > 0) {
        chain_left--;
        EXPECT_EQ(vgpu_cmd_resource_flush(vgpu, 1, &all, &then), VIRTIO_OK);
    }
}

UTEST(callbacks_may_submit)
{
    for (enum vgpu_driver driver = VGPU_DRIVER_QUEUED; driver <= VGPU_DRIVER_SIMPLE; driver++) {
        rig_prepare(&rig, &flavours[0], 1);
        rig.config.driver = driver;
        rig.config.depth = VGPU_DEPTH_MIN;
        rig_up(&rig);
        struct vgpu_then then = { .done = submit_again, .ctx = &rig.vgpu };
        chain_left = 20;
        EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 1, &all, &then), VIRTIO_OK);
        for (unsigned i = 0; i < 40; i++) {
            vgpu_notify(&rig.vgpu);
            vgpu_poll(&rig.vgpu);
        }
        EXPECT_EQ(chain_left, 0);
        EXPECT_EQ(rig.vgpu.counters.refused, 21);
        EXPECT_EQ(rig.vgpu.free_count, VGPU_DEPTH_MIN);
        rig_end(&rig);
    }
}
