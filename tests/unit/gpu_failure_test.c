/*
 * The GPU driver when things end badly: a device that does not let go, one that fails with memory
 * lent to it, one that fails while nothing is asked of it; and callbacks that never stop.
 * conformance: S0-05 S0-11
 */
#include "tests/unit/gpu_fixture.h"

static struct rig rig;

/* VirtIO 1.3 §2.4.2: until status reads 0, the memory is the device's. */
UTEST(a_reset_that_does_not_complete_gives_nothing_back)
{
    struct seen seen = { 0 };
    struct vgpu_then then = { .done = see, .ctx = &seen };
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    rig.fixture.fake.is_deferred = true;
    EXPECT_EQ(vgpu_cmd_get_display_info(&rig.vgpu, &then), VIRTIO_OK);
    vgpu_notify(&rig.vgpu);
    rig.fixture.fake.evil.mode = FAKE_EVIL_RESET_STUCK;
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_ERR_TIMEOUT);
    EXPECT_EQ(rig.vgpu.state, VGPU_FAILED);
    EXPECT_EQ(rig.fixture.device->life, VIRTIO_LIFE_FAILED);
    EXPECT_STREQ(rig.fixture.device->owner, "gpu");
    EXPECT_EQ(seen.count, 0);
    EXPECT_EQ(vgpu_cmd_get_display_info(&rig.vgpu, &then), VIRTIO_ERR_TIMEOUT);
    rig.fixture.fake.evil.mode = FAKE_EVIL_NONE;
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    EXPECT_EQ(seen.count, 1);
    EXPECT_EQ(seen.last.err, VIRTIO_ERR_NOT_INITIALIZED);
    EXPECT_STREQ(rig.fixture.device->owner, "");
    rig_end(&rig);
}

/* Memory is asked for between the first reset and the one that undoes it all; for the queues it is there. */
static uint64_t (*real_addr)(void *ctx, const volatile void *memory, size_t bytes);
static unsigned addr_count;

static uint64_t
get_stuck(void *ctx, const volatile void *memory, size_t bytes)
{
    if (++addr_count <= VIRTIO_GPU_QUEUE_COUNT) {
        return real_addr(ctx, memory, bytes);
    }
    rig.fixture.fake.evil.mode = FAKE_EVIL_RESET_STUCK;
    return UINT64_MAX;
}

/* After memory was lent the failure to reset is what is told. */
UTEST(a_bring_up_that_fails_and_cannot_reset_stays_failed)
{
    rig_prepare(&rig, &flavours[0], 1);
    addr_count = 0;
    real_addr = rig.fixture.fp.plat.dma_addr;
    rig.fixture.fp.plat.dma_addr = get_stuck;
    EXPECT_EQ(vgpu_init(&rig.vgpu, rig.fixture.device, &rig.config, &rig.fixture.arena),
              VIRTIO_ERR_TIMEOUT);
    EXPECT_EQ(rig.vgpu.state, VGPU_FAILED);
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_ERR_TIMEOUT);
    EXPECT_STREQ(rig.fixture.device->owner, "gpu");
    rig.fixture.fake.evil.mode = FAKE_EVIL_NONE;
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    EXPECT_STREQ(rig.fixture.device->owner, "");
    rig_end(&rig);
}

/* Before that there is nothing to keep: whoever likes may try again. */
UTEST(a_device_that_does_not_reset_at_first_is_nobodys)
{
    rig_prepare(&rig, &flavours[0], 1);
    rig.fixture.fake.evil.mode = FAKE_EVIL_RESET_STUCK;
    EXPECT_EQ(vgpu_init(&rig.vgpu, rig.fixture.device, &rig.config, &rig.fixture.arena),
              VIRTIO_ERR_TIMEOUT);
    EXPECT_EQ(rig.vgpu.state, VGPU_UNINITIALIZED);
    EXPECT_STREQ(rig.fixture.device->owner, "");
    EXPECT_EQ(rig.fixture.device->life, VIRTIO_LIFE_SEEN);
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    rig.fixture.fake.evil.mode = FAKE_EVIL_NONE;
    EXPECT_TRUE(rig_up(&rig));
    EXPECT_EQ(rig.fixture.device->fault.rule, NULL);
    rig_end(&rig);
}

/* The command has ended with the device's failure; its list is free to use after the reset only. */
UTEST(what_was_lent_to_a_failed_device_is_free_after_finish)
{
    struct seen seen = { 0 };
    struct vgpu_then then = { .done = see, .ctx = &seen };
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    struct vgpu_image image = { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 16, 16 };
    struct vgpu_wait wait;
    EXPECT_EQ(vgpu_wait(&rig.vgpu, &wait,
                        vgpu_cmd_resource_create_2d(&rig.vgpu, 1, &image, vgpu_wait_start(&wait))),
              VIRTIO_OK);
    const struct virtio_platform *plat = &rig.fixture.fp.plat;
    struct virtio_gpu_mem_entry *list = rig_pixels(&rig, 4096);
    uint8_t *pixels = rig_pixels(&rig, 4096);
    list[0] = vgpu_encode_mem_entry(plat->dma_addr(plat->ctx, pixels, 1024), 1024);
    struct vgpu_backing backing = { .entries = list, .entry_count = 1, .bytes = 1024 };
    rig.fixture.fake.is_deferred = true;
    EXPECT_EQ(vgpu_cmd_attach_backing(&rig.vgpu, 1, &backing, &then), VIRTIO_OK);
    vgpu_notify(&rig.vgpu);
    virtio_device_break(rig.fixture.device, "any lie, on any queue", 0);
    (void)vgpu_poll(&rig.vgpu);
    EXPECT_EQ(seen.last.err, VIRTIO_ERR_BROKEN);
    EXPECT_EQ(vgpu_finish(&rig.vgpu), VIRTIO_OK);
    rig_advance_ms(&rig, 1);
    EXPECT_EQ(rig_command_type(&rig, 0), VIRTIO_GPU_CMD_RESOURCE_CREATE_2D);
    EXPECT_EQ(seen.count, 1);
    rig_end(&rig);
}

enum { ENDLESS_COUNT = 2000 };
static unsigned ended_count;
static unsigned nested;
static unsigned deepest;

static void
submit_again(void *ctx, const struct vgpu_completion *completion)
{
    const struct vgpu_rect rect = { 0, 0, 1, 1 };
    struct vgpu_then then = { .done = submit_again, .ctx = ctx };
    bool is_last = completion != NULL && completion->err == VIRTIO_ERR_NOT_INITIALIZED;
    nested++;
    deepest = nested > deepest ? nested : deepest;
    if (++ended_count < ENDLESS_COUNT && !is_last) {
        EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 1, &rect, &then), VIRTIO_OK);
        vgpu_notify(&rig.vgpu);
    }
    nested--;
}

static void
start_endless(enum vgpu_driver driver)
{
    ended_count = 0;
    deepest = 0;
    rig_start(&rig, driver);
    submit_again(NULL, NULL);
}

UTEST(a_callback_that_submits_does_not_nest_in_the_simple_driver)
{
    start_endless(VGPU_DRIVER_SIMPLE);
    EXPECT_EQ(ended_count, ENDLESS_COUNT);
    EXPECT_EQ(deepest, 2); /* the test's own call is the outer one */
    EXPECT_EQ(rig.vgpu.in_flight_count, 0);
    rig_end(&rig);
}

/* Longer than a command may take no call waits, however long the callbacks go on. */
UTEST(a_callback_that_submits_for_ever_does_not_hold_the_simple_driver)
{
    ended_count = 0;
    rig_start(&rig, VGPU_DRIVER_SIMPLE);
    rig.fixture.fake.delay_ns = 10000000;
    uint64_t from_ns = rig.fixture.fp.now_ns;
    submit_again(NULL, NULL);
    uint64_t took_ns = rig.fixture.fp.now_ns - from_ns;
    EXPECT_TRUE(took_ns >= 1000000000 && took_ns < 1100000000);
    EXPECT_TRUE(ended_count < ENDLESS_COUNT);
    rig_end(&rig);
}

UTEST(a_poll_ends_though_callbacks_submit)
{
    start_endless(VGPU_DRIVER_QUEUED);
    EXPECT_EQ(vgpu_poll(&rig.vgpu), rig.vgpu.queues[0].size);
    while (vgpu_poll(&rig.vgpu) >= rig.vgpu.slot_count) {
    }
    EXPECT_EQ(ended_count, ENDLESS_COUNT);
    rig_end(&rig);
}

static unsigned changes_seen;

static void
changed(void *ctx, uint32_t mask)
{
    (void)ctx;
    (void)mask;
    changes_seen++;
}

static void
start_with_displays(void)
{
    changes_seen = 0;
    rig_prepare(&rig, &flavours[0], 1);
    rig.config.displays_changed = changed;
    rig_up(&rig);
    EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_OK);
    fake_gpu_resize(&rig.fixture.fake, 0, 800, 600);
    EXPECT_TRUE(vgpu_interrupt(&rig.vgpu));
}

static void
poll_for_seconds(unsigned seconds)
{
    for (unsigned i = 0; i < 10 * seconds; i++) {
        rig_advance_ms(&rig, 100);
        (void)vgpu_poll(&rig.vgpu);
    }
}

UTEST(a_display_event_survives_late_answers)
{
    start_with_displays();
    rig.fixture.fake.delay_ns = 2000000000; /* the driver waits for 1 s */
    poll_for_seconds(6);
    EXPECT_EQ(changes_seen, 0);
    rig.fixture.fake.delay_ns = 0;
    poll_for_seconds(6);
    EXPECT_EQ(changes_seen, 1);
    EXPECT_EQ(rig.vgpu.display_event_count, 1);
    EXPECT_EQ(rig.vgpu.info.displays[0].rect.width, 800);
    uint64_t sent = rig.vgpu.counters.sent;
    poll_for_seconds(5);
    EXPECT_EQ(rig.vgpu.counters.sent, sent);
    rig_end(&rig);
}

UTEST(a_display_event_survives_refusals_which_are_not_many)
{
    start_with_displays();
    rig.fake.fail_type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO;
    rig.fake.fail_response = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    poll_for_seconds(5);
    EXPECT_TRUE(rig.vgpu.counters.refused >= 4 && rig.vgpu.counters.refused <= 6);
    rig.fake.fail_response = 0;
    poll_for_seconds(3);
    EXPECT_EQ(changes_seen, 1);
    rig_end(&rig);
}

/* VirtIO 1.3 §2.1.2: the device tells by a configuration change; no command is in flight. */
UTEST(an_idle_gpu_notices_that_it_needs_a_reset)
{
    rig_start(&rig, VGPU_DRIVER_QUEUED);
    fake_device_need_reset(&rig.fixture.fake);
    EXPECT_TRUE(vgpu_interrupt(&rig.vgpu));
    EXPECT_EQ(vgpu_poll(&rig.vgpu), 0);
    EXPECT_EQ(rig.vgpu.state, VGPU_FAILED);
    EXPECT_EQ(rig.vgpu.failure, VIRTIO_ERR_NEEDS_RESET);
    rig_end(&rig);
}

/* Where the clock stands, no deadline comes by itself: counted turns end the wait, and the command with it. */
UTEST(a_clock_that_stands_and_a_silent_device_end)
{
    for (unsigned driver = 0; driver < 2; driver++) {
        struct seen seen = { 0 };
        struct vgpu_then then = { .done = see, .ctx = &seen, .is_fenced = true };
        const struct vgpu_rect rect = { 0, 0, 1, 1 };
        rig_start(&rig, driver == 0 ? VGPU_DRIVER_QUEUED : VGPU_DRIVER_SIMPLE);
        virtio_trace_enable(&rig.fixture.trace, false);
        rig.fixture.fp.is_clock_stuck = true;
        EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_OK);
        rig.fixture.fake.evil.mode = FAKE_EVIL_SILENCE;
        EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_ERR_TIMEOUT);
        EXPECT_EQ(vgpu_cmd_resource_flush(&rig.vgpu, 1, &rect, &then), VIRTIO_OK);
        EXPECT_EQ(seen.count, driver); /* `simple` waits for it when it is sent */
        EXPECT_EQ(vgpu_fence_wait(&rig.vgpu, vgpu_last_fence(&rig.vgpu), 1000000),
                  VIRTIO_ERR_TIMEOUT);
        EXPECT_EQ(vgpu_room_wait(&rig.vgpu, rig.vgpu.slot_count, 1000000), VIRTIO_ERR_TIMEOUT);
        /* `queued` ends the flush with the next wait for an answer. */
        EXPECT_EQ(vgpu_display_info_wait(&rig.vgpu), VIRTIO_ERR_TIMEOUT);
        EXPECT_EQ(seen.count, 1);
        EXPECT_EQ(seen.last.err, VIRTIO_ERR_TIMEOUT);
        EXPECT_EQ(rig.vgpu.in_flight_count, 0);
        EXPECT_EQ(rig.vgpu.counters.timed_out, 3);
        EXPECT_TRUE(rig.fixture.fp.relax_count < UINT64_C(2) * VIRTIO_STILL_TURNS_MAX);
        rig_end(&rig);
    }
}
