/*
 * Resources and framebuffers: their life step by step, what leaks, what fails on the way, and the
 * same commands from both drivers. conformance: S0-03 S0-04 S0-11 S0-13 S0-14 S0-16 S0-21 S0-22
 */
#include "tests/unit/gpu_fixture.h"

static struct rig rig;

static const struct vgpu_image image = { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 64, 48 };
enum { IMAGE_BYTES = 64 * 48 * 4 };

static void
settle(void)
{
    vgpu_notify(&rig.vgpu);
    while (vgpu_poll(&rig.vgpu) > 0) {
    }
}

UTEST(a_resource_lives_as_long_as_its_references)
{
    struct seen seen = { 0 };
    struct vgpu_then then = { .done = see, .ctx = &seen };
    struct vgpu_resource *resource = NULL;
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    EXPECT_EQ(vgpu_resource_create(&rig.vgpu, 77, &image, &then, &resource), VIRTIO_OK);
    EXPECT_EQ(resource->id, 77);
    EXPECT_EQ(vgpu_resource_unref(resource, NULL), VIRTIO_ERR_STATE);
    settle();
    EXPECT_EQ(seen.last.err, VIRTIO_OK);
    EXPECT_TRUE(fake_gpu_find(&rig.fake, 77) != NULL);
    vgpu_resource_ref(resource);
    EXPECT_EQ(vgpu_resource_unref(resource, &then), VIRTIO_OK);
    EXPECT_EQ(seen.count, 2);
    EXPECT_TRUE(vgpu_resource_find(&rig.vgpu, 77) == resource);
    EXPECT_EQ(vgpu_resource_unref(resource, &then), VIRTIO_OK);
    settle();
    EXPECT_EQ(seen.count, 3);
    EXPECT_TRUE(fake_gpu_find(&rig.fake, 77) == NULL);
    EXPECT_TRUE(vgpu_resource_find(&rig.vgpu, 77) == NULL);
    rig_end(&rig);
}

UTEST(ids_are_chosen_free_and_never_zero)
{
    struct vgpu_resource *first = NULL;
    struct vgpu_resource *second = NULL;
    struct vgpu_resource *third = NULL;
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    EXPECT_EQ(vgpu_resource_create(&rig.vgpu, 1, &image, NULL, &first), VIRTIO_OK);
    EXPECT_EQ(vgpu_resource_create(&rig.vgpu, 0, &image, NULL, &second), VIRTIO_OK);
    EXPECT_EQ(second->id, 2);
    EXPECT_EQ(vgpu_resource_create(&rig.vgpu, 2, &image, NULL, &third), VIRTIO_ERR_INVALID);
    rig.vgpu.next_resource_id = UINT32_MAX;
    EXPECT_EQ(vgpu_resource_create(&rig.vgpu, 0, &image, NULL, &third), VIRTIO_OK);
    EXPECT_EQ(third->id, 3);
    settle();
    EXPECT_EQ(vgpu_resource_report(&rig.vgpu, NULL, NULL), 3);
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    EXPECT_EQ(rig.vgpu.leaked_count, 3);
    EXPECT_CONTAINS(rig.fixture.fp.log, "resource 1 leaked: 64x48");
    EXPECT_CONTAINS(rig.fixture.fp.log, "resource 3 leaked");
    rig_end(&rig);
}

UTEST(the_table_of_resources_can_be_full)
{
    struct vgpu_resource *resource = NULL;
    rig_prepare(&rig, &flavours[0], 1);
    rig.config.resources_max = 2;
    rig_up(&rig);
    EXPECT_EQ(vgpu_resource_create(&rig.vgpu, 0, &image, NULL, &resource), VIRTIO_OK);
    EXPECT_EQ(vgpu_resource_create(&rig.vgpu, 0, &image, NULL, &resource), VIRTIO_OK);
    EXPECT_EQ(vgpu_resource_create(&rig.vgpu, 0, &image, NULL, &resource), VIRTIO_ERR_BUSY);
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    EXPECT_EQ(rig.vgpu.leaked_count, 2);
    rig_end(&rig);
}

UTEST(a_refused_resource_is_none)
{
    for (enum vgpu_driver driver = VGPU_DRIVER_QUEUED; driver <= VGPU_DRIVER_SIMPLE; driver++) {
        struct seen seen = { 0 };
        struct vgpu_then then = { .done = see, .ctx = &seen };
        struct vgpu_resource *resource = NULL;
        rig_start(&rig, driver);
        rig.fake.fail_type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D;
        rig.fake.fail_response = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
        EXPECT_EQ(vgpu_resource_create(&rig.vgpu, 5, &image, &then, &resource), VIRTIO_OK);
        settle();
        EXPECT_EQ(seen.last.err, VIRTIO_ERR_REFUSED);
        EXPECT_EQ(seen.last.response_type, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
        EXPECT_TRUE(vgpu_resource_find(&rig.vgpu, 5) == NULL);
        EXPECT_EQ(rig.vgpu.last_refusal, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
        rig_end(&rig);
    }
}

static struct vgpu_framebuffer_config
framebuffer_config(void *pixels)
{
    return (struct vgpu_framebuffer_config){
        .image = image,
        .backing = {.memory = pixels, .bytes = IMAGE_BYTES},
        .resource_id = 4711,
        .scanout_id = 0,
    };
}

static struct vgpu_framebuffer framebuffer;
static unsigned done_count;
static enum vgpu_state done_state;

static void
framebuffer_done(void *ctx, struct vgpu_framebuffer *which)
{
    (void)ctx;
    done_count++;
    done_state = which->state;
}

UTEST(a_framebuffer_comes_up_step_by_step)
{
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    memset(&framebuffer, 0, sizeof(framebuffer));
    done_count = 0;
    rig.fixture.fake.is_deferred = true;
    struct vgpu_framebuffer_config config = framebuffer_config(rig_pixels(&rig, IMAGE_BYTES));
    EXPECT_EQ(vgpu_framebuffer_bring_up(&framebuffer, &rig.vgpu, &config, framebuffer_done, NULL),
              VIRTIO_OK);
    EXPECT_EQ(framebuffer.state, VGPU_INITIALIZING_RESOURCE_CREATE_2D);
    fake_device_tick(&rig.fixture.fake);
    vgpu_poll(&rig.vgpu);
    EXPECT_EQ(framebuffer.state, VGPU_INITIALIZING_RESOURCE_ATTACH_BACKING);
    fake_device_tick(&rig.fixture.fake);
    vgpu_poll(&rig.vgpu);
    EXPECT_EQ(framebuffer.state, VGPU_INITIALIZING_SET_SCANOUT);
    EXPECT_EQ(done_count, 0);
    fake_device_tick(&rig.fixture.fake);
    vgpu_poll(&rig.vgpu);
    EXPECT_EQ(framebuffer.state, VGPU_READY);
    EXPECT_EQ(done_count, 1);
    EXPECT_EQ(done_state, VGPU_READY);
    EXPECT_EQ(rig.fake.scanouts[0].resource_id, 4711);
    EXPECT_EQ(rig.fake.scanouts[0].rect.width, 64);
    EXPECT_EQ(vgpu_framebuffer_bring_up(&framebuffer, &rig.vgpu, &config, NULL, NULL),
              VIRTIO_ERR_STATE);

    EXPECT_EQ(vgpu_framebuffer_bring_down(&framebuffer, framebuffer_done, NULL), VIRTIO_OK);
    EXPECT_EQ(framebuffer.state, VGPU_FINISHING_SET_SCANOUT);
    for (unsigned i = 0; i < 3; i++) {
        fake_device_tick(&rig.fixture.fake);
        vgpu_poll(&rig.vgpu);
    }
    EXPECT_EQ(framebuffer.state, VGPU_UNINITIALIZED);
    EXPECT_EQ(done_count, 2);
    EXPECT_EQ(rig.fake.scanouts[0].resource_id, 0);
    EXPECT_EQ(rig.fake.resource_count, 0);
    EXPECT_TRUE(fixture_has_event(&rig.fixture, TRACE_GPU_STATE));
    rig_end(&rig);
}

UTEST(a_framebuffer_too_large_for_its_memory_is_invalid)
{
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    memset(&framebuffer, 0, sizeof(framebuffer));
    struct vgpu_framebuffer_config config = framebuffer_config(rig_pixels(&rig, IMAGE_BYTES));
    config.backing.bytes--;
    EXPECT_EQ(vgpu_framebuffer_bring_up(&framebuffer, &rig.vgpu, &config, NULL, NULL),
              VIRTIO_ERR_INVALID);
    EXPECT_EQ(framebuffer.state, VGPU_UNINITIALIZED);
    rig_end(&rig);
}

/* Each step refused once: Failed with the reason, and bringing it down leaves nothing behind. */
UTEST(a_refusal_at_any_step_fails_and_is_undone)
{
    static const uint32_t steps[] = { VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
                                      VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
                                      VIRTIO_GPU_CMD_SET_SCANOUT };
    for (unsigned i = 0; i < 6; i++) {
        rig_start(&rig, i < 3 ? VGPU_DRIVER_QUEUED : VGPU_DRIVER_SIMPLE);
        memset(&framebuffer, 0, sizeof(framebuffer));
        rig.fake.fail_type = steps[i % 3];
        rig.fake.fail_response = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
        struct vgpu_framebuffer_config config = framebuffer_config(rig_pixels(&rig, IMAGE_BYTES));
        EXPECT_EQ(vgpu_framebuffer_bring_up_wait(&framebuffer, &rig.vgpu, &config),
                  VIRTIO_ERR_REFUSED);
        EXPECT_EQ(framebuffer.state, VGPU_FAILED);
        EXPECT_EQ(framebuffer.refusal, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
        rig.fake.fail_response = 0;
        EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_OK);
        EXPECT_EQ(framebuffer.state, VGPU_UNINITIALIZED);
        EXPECT_EQ(rig.fake.resource_count, 0);
        rig_end(&rig);
    }
}

UTEST(a_lost_device_lets_a_framebuffer_go)
{
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    memset(&framebuffer, 0, sizeof(framebuffer));
    struct vgpu_framebuffer_config config = framebuffer_config(rig_pixels(&rig, IMAGE_BYTES));
    EXPECT_EQ(vgpu_framebuffer_bring_up_wait(&framebuffer, &rig.vgpu, &config), VIRTIO_OK);
    rig.fixture.fake.evil.mode = FAKE_EVIL_NEEDS_RESET;
    EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_ERR_NEEDS_RESET);
    for (unsigned i = 0; i < 2; i++) { /* not reset: the device may still read the pixels */
        EXPECT_EQ(framebuffer.state, VGPU_FAILED);
        EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_ERR_NEEDS_RESET);
    }
    EXPECT_EQ(vgpu_resource_report(&rig.vgpu, NULL, NULL), 0);
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_OK);
    EXPECT_EQ(framebuffer.state, VGPU_UNINITIALIZED);
    rig_end(&rig);
}

UTEST(a_shown_framebuffer_of_a_failed_device_is_lent_until_the_reset)
{
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    memset(&framebuffer, 0, sizeof(framebuffer));
    struct vgpu_framebuffer_config config = framebuffer_config(rig_pixels(&rig, IMAGE_BYTES));
    EXPECT_EQ(vgpu_framebuffer_bring_up_wait(&framebuffer, &rig.vgpu, &config), VIRTIO_OK);
    virtio_device_break(rig.fixture.device, "for the test", 0);
    EXPECT_EQ(vgpu_cmd_get_display_info(&rig.vgpu, NULL), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(framebuffer.state, VGPU_FAILED);
    EXPECT_EQ(framebuffer.failure, VIRTIO_ERR_BROKEN);
    EXPECT_TRUE(fake_gpu_find(&rig.fake, 4711) != NULL);
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    EXPECT_TRUE(fake_gpu_find(&rig.fake, 4711) == NULL);
    EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_OK);
    EXPECT_EQ(framebuffer.state, VGPU_UNINITIALIZED);
    rig_end(&rig);
}

UTEST(a_timeout_on_the_way_up_fails)
{
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    memset(&framebuffer, 0, sizeof(framebuffer));
    struct vgpu_framebuffer_config config = framebuffer_config(rig_pixels(&rig, IMAGE_BYTES));
    rig.fixture.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_SILENCE, .after = 1 };
    EXPECT_EQ(vgpu_framebuffer_bring_up_wait(&framebuffer, &rig.vgpu, &config), VIRTIO_ERR_TIMEOUT);
    EXPECT_EQ(framebuffer.state, VGPU_FAILED);
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    EXPECT_EQ(rig.vgpu.leaked_count, 1);
    EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_OK);
    rig_end(&rig);
}

/*
 * Backing in scattered pages by a list longer than a request buffer; the pixels arrive all the
 * same.
 */
UTEST(scattered_backing_is_attached_by_a_list)
{
    enum { PAGE = 1024, COUNT = IMAGE_BYTES / PAGE };
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    memset(&framebuffer, 0, sizeof(framebuffer));
    struct virtio_platform *plat = &rig.fixture.fp.plat;
    uint8_t *memory = rig_pixels(&rig, (size_t)2 * IMAGE_BYTES);
    struct virtio_gpu_mem_entry *entries = rig_pixels(&rig, COUNT * sizeof(*entries));
    for (unsigned i = 0; i < COUNT; i++) {
        uint8_t *page = memory + (size_t)2 * PAGE * i;
        memset(page, (int)i, PAGE);
        entries[i] = vgpu_encode_mem_entry(plat->dma_addr(plat->ctx, page, PAGE), PAGE);
    }
    struct vgpu_framebuffer_config config = framebuffer_config(NULL);
    config.backing =
        (struct vgpu_backing){ .entries = entries, .entry_count = COUNT, .bytes = IMAGE_BYTES };
    struct vgpu_wait wait;
    struct vgpu_rect rect = { 0, 0, 64, 48 };
    EXPECT_EQ(vgpu_framebuffer_bring_up_wait(&framebuffer, &rig.vgpu, &config), VIRTIO_OK);
    EXPECT_EQ(framebuffer.resource->backing_bytes, IMAGE_BYTES);
    EXPECT_EQ(
        vgpu_wait(&rig.vgpu, &wait,
                  vgpu_cmd_transfer_to_host_2d(&rig.vgpu, 4711, &rect, 0, vgpu_wait_start(&wait))),
        VIRTIO_OK);
    EXPECT_EQ(vgpu_wait(&rig.vgpu, &wait,
                        vgpu_cmd_resource_flush(&rig.vgpu, 4711, &rect, vgpu_wait_start(&wait))),
              VIRTIO_OK);
    for (uint32_t y = 0; y < 48; y++) {
        EXPECT_EQ(fake_gpu_pixel(&rig.fake, 0, 0, y), y / 4 * 0x010101);
    }
    EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_OK);
    rig_end(&rig);
}

/* S0-22: rectangles inside, at the edge, outside, empty, overflowing; wrong ids. */
UTEST(set_scanout_with_various_rectangles)
{
    static const struct {
        struct vgpu_rect rect;
        uint32_t scanout_id;
        uint32_t resource_id;
        uint32_t response;
    } cases[] = {
        {{ 0, 0, 64, 48 },           0, 4711, VIRTIO_GPU_RESP_OK_NODATA              },
        { { 16, 16, 32, 32 },        0, 4711, VIRTIO_GPU_RESP_OK_NODATA              },
        { { 48, 32, 16, 16 },        0, 4711, VIRTIO_GPU_RESP_OK_NODATA              },
        { { 0, 0, 65, 48 },          0, 4711, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER  },
        { { 1, 0, 64, 48 },          0, 4711, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER  },
        { { 64, 48, 16, 16 },        0, 4711, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER  },
        { { 0, 0, 0, 0 },            0, 4711, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER  },
        { { UINT32_MAX, 0, 64, 48 }, 0, 4711, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER  },
        { { 0, 1, 64, UINT32_MAX },  0, 4711, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER  },
        { { 0, 0, 64, 48 },          1, 4711, VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID },
        { { 0, 0, 64, 48 },          0, 4712, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID},
        { { 0, 0, 0, 0 },            0, 0,    VIRTIO_GPU_RESP_OK_NODATA              },
    };
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    memset(&framebuffer, 0, sizeof(framebuffer));
    struct vgpu_framebuffer_config config = framebuffer_config(rig_pixels(&rig, IMAGE_BYTES));
    EXPECT_EQ(vgpu_framebuffer_bring_up_wait(&framebuffer, &rig.vgpu, &config), VIRTIO_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vgpu_wait wait;
        enum virtio_err err =
            vgpu_wait(&rig.vgpu, &wait,
                      vgpu_cmd_set_scanout(&rig.vgpu, cases[i].scanout_id, cases[i].resource_id,
                                           &cases[i].rect, vgpu_wait_start(&wait)));
        bool is_ok = cases[i].response == VIRTIO_GPU_RESP_OK_NODATA;
        EXPECT_EQ(err, is_ok ? VIRTIO_OK : VIRTIO_ERR_REFUSED);
        EXPECT_EQ(wait.completion.response_type, cases[i].response);
    }
    EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_OK);
    rig_end(&rig);
}

/* S0-21: what the one driver sends, the other sends too, in the same order. */
UTEST(both_drivers_send_the_same_commands)
{
    static uint32_t types[2][64];
    uint64_t counts[2];
    for (unsigned driver = 0; driver < 2; driver++) {
        rig_start(&rig, (enum vgpu_driver)driver);
        memset(&framebuffer, 0, sizeof(framebuffer));
        struct vgpu_framebuffer_config config = framebuffer_config(rig_pixels(&rig, IMAGE_BYTES));
        struct vgpu_rect rect = { 0, 0, 64, 48 };
        EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_OK);
        EXPECT_EQ(vgpu_framebuffer_bring_up_wait(&framebuffer, &rig.vgpu, &config), VIRTIO_OK);
        for (unsigned i = 0; i < 4; i++) {
            EXPECT_EQ(vgpu_cmd_transfer_to_host_2d(&rig.vgpu, 4711, &rect, 0, NULL), VIRTIO_OK);
            EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 4711, &rect, NULL), VIRTIO_OK);
        }
        settle();
        EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_OK);
        counts[driver] = rig.fake.command_count;
        for (uint64_t i = 0; i < counts[driver] && i < 64; i++) {
            types[driver][i] = rig.fake.commands[i].type;
        }
        rig_end(&rig);
    }
    EXPECT_EQ(counts[0], 15);
    EXPECT_EQ(counts[0], counts[1]);
    EXPECT_MEMEQ(types[0], types[1], sizeof(types[0]));
}

/*
 * S0-17, S0-18: the trace tells every command with its fields and every response with its type and
 * latency.
 */
UTEST(the_trace_tells_commands_and_responses_in_full)
{
    static char text[64 * 1024];
    char line[1024];
    struct trace_record record;
    size_t used = 0;
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    memset(&framebuffer, 0, sizeof(framebuffer));
    rig.fixture.fake.delay_ns = 23000;
    struct vgpu_framebuffer_config config = framebuffer_config(rig_pixels(&rig, IMAGE_BYTES));
    EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_OK);
    EXPECT_EQ(vgpu_framebuffer_bring_up_wait(&framebuffer, &rig.vgpu, &config), VIRTIO_OK);
    struct virtio_trace_reader reader = virtio_trace_read_start(&rig.fixture.trace);
    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        if (vgpu_trace_format(&reader, &record, line, sizeof(line)) > 0) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\n", line);
        }
    }
    EXPECT_CONTAINS(text, "SET_SCANOUT flags 0x0 fence_id 0 ctx_id 0 r (0,0 64x48) scanout_id 0 "
                          "resource_id 4711\n");
    EXPECT_CONTAINS(text, "RESOURCE_ATTACH_BACKING flags 0x0 fence_id 0 ctx_id 0 "
                          "resource_id 4711 nr_entries 1 entries [0x");
    EXPECT_CONTAINS(text, "+12288]\n");
    EXPECT_CONTAINS(text, "OK_DISPLAY_INFO flags 0x0 fence_id 0 ctx_id 0 pmodes [0]: "
                          "(0,0 1280x800) enabled 1");
    EXPECT_CONTAINS(text, "OK_NODATA flags 0x0 fence_id 0 ctx_id 0\n");
    EXPECT_CONTAINS(text, "InitializingSetScanout -> Ready");
    EXPECT_CONTAINS(text, "Negotiating -> SettingUpQueues");

    used = 0;
    reader = virtio_trace_read_start(&rig.fixture.trace);
    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        if (virtio_trace_json(&reader, &record, line, sizeof(line)) > 0) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\n", line);
        }
    }
    EXPECT_CONTAINS(text, "{\"name\":\"SET_SCANOUT\",\"cat\":\"gpu\",\"ph\":\"X\",\"ts\":");
    EXPECT_CONTAINS(text, "\"ph\":\"i\"");
    EXPECT_TRUE(strstr(text, "\"BYTES\"") == NULL);
    EXPECT_EQ(vgpu_framebuffer_bring_down_wait(&framebuffer), VIRTIO_OK);
    rig_end(&rig);
}

/* A list of memory as long as it may be, and commands that nothing answers. */
UTEST(the_trace_tells_every_entry_of_a_list_and_who_has_no_response)
{
    enum { ENTRIES = 40 };
    struct vgpu_cursor cursor = { .x_px = 5 };
    char wanted[64];
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    struct virtio_gpu_mem_entry *entries = rig_pixels(&rig, ENTRIES * sizeof(*entries));
    for (uint32_t i = 0; i < ENTRIES; i++) {
        entries[i] = vgpu_encode_mem_entry(UINT64_C(0x100000000) + i * UINT64_C(8192), 4096 + i);
    }
    struct vgpu_backing backing = { .entries = entries, .entry_count = ENTRIES };
    EXPECT_EQ(vgpu_cmd_attach_backing(&rig.vgpu, 4711, &backing, NULL), VIRTIO_OK);
    EXPECT_EQ(vgpu_cmd_move_cursor(&rig.vgpu, &cursor, NULL), VIRTIO_OK);
    settle();
    const char *text = fixture_printed(&rig.fixture, false);
    EXPECT_CONTAINS(text, " nr_entries 40 entries [0x100000000+4096 0x100002000+4097 ");
    EXPECT_CONTAINS(text, " 0x10000e000+4103]\n");
    for (uint32_t i = 8; i < ENTRIES; i++) {
        (void)snprintf(wanted, sizeof(wanted), " gpu backing entry %u: 0x%llx+%u\n", i,
                       0x100000000ULL + i * 8192ULL, 4096 + i);
        EXPECT_CONTAINS(text, wanted);
    }
    EXPECT_TRUE(strstr(text, "entry 40") == NULL);
    EXPECT_CONTAINS(text, " ns: MOVE_CURSOR has no response\n");
    EXPECT_TRUE(strstr(text, "cut message") == NULL);
    rig_end(&rig);
}

UTEST(a_clock_that_stands_and_a_silent_device_end_the_bring_up)
{
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    memset(&framebuffer, 0, sizeof(framebuffer));
    virtio_trace_enable(&rig.fixture.trace, false);
    struct vgpu_framebuffer_config config = framebuffer_config(rig_pixels(&rig, IMAGE_BYTES));
    rig.fixture.fp.is_clock_stuck = true;
    rig.fixture.fake.evil.mode = FAKE_EVIL_SILENCE;
    EXPECT_EQ(vgpu_framebuffer_bring_up_wait(&framebuffer, &rig.vgpu, &config), VIRTIO_ERR_TIMEOUT);
    EXPECT_EQ(framebuffer.state, VGPU_FAILED);
    EXPECT_EQ(rig.vgpu.in_flight_count, 0);
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    EXPECT_EQ(rig.vgpu.leaked_count, 1); /* the device never said that it does not exist */
    fixture_end(&rig.fixture);
    fake_gpu_finish(&rig.fake);
}
