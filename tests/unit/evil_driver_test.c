/*
 * Whole drivers over devices that lie in their answers, and over every evil mode at every moment of a whole session: nothing hangs,
 * nothing reads or writes astray, the library breaks no requirement, and afterwards an honest device works.
 */
#include "virtio/blk.h"
#include "virtio/gpu.h"
#include "virtio/input.h"
#include "virtio/net.h"

#include "tests/fake/fake_blk.h"
#include "tests/fake/fake_gpu.h"
#include "tests/fake/fake_input.h"
#include "tests/fake/fake_net.h"
#include "tests/unit/utest.h"

enum {
    ARENA_BYTES = 1 << 18,
    SIDE_PX = 32,
    PIXELS_BYTES = 32 * 32 * 4,
    MS = 1000000,
    TIMEOUT_MS = 20,
};

#define NET(name) VIRTIO_FEATURE(VIRTIO_NET_F_##name)

static struct fake_platform fp;
static struct fake_device fake;
static struct fake_gpu fake_gpu;
static struct fake_net fake_net;
static struct fake_blk fake_blk;
static struct fake_input fake_input;
static struct virtio_bus bus;
static struct virtio_device *device;
static struct virtio_arena arena;
static uint8_t *shared; /* of the test's own, for data */

static struct vgpu vgpu;
static struct vnet vnet;
static struct vblk vblk;
static struct vinput vinput;
static const struct vgpu_config gpu_config = { .timeout_ms = TIMEOUT_MS,
                                               .features = VIRTIO_FEATURES_LIBRARY,
                                               .capset_bytes_max = 256 };
static const struct vnet_config net_config = { .rx_queue_size = 8,
                                               .tx_queue_size = 8,
                                               .features = VIRTIO_FEATURES_LIBRARY };
static const struct vblk_config blk_config = { .features = VIRTIO_FEATURES_LIBRARY };
static const struct vinput_config input_config = { .event_count = 8,
                                                   .features = VIRTIO_FEATURES_LIBRARY };

static void
plug_gpu(void)
{
    fake_gpu_init(&fake_gpu, 2);
    fake_gpu.capsets[0] = (struct fake_gpu_capset){ VIRTIO_GPU_CAPSET_VENUS, 1, 160, NULL };
    fake_gpu.capset_count = 1;
}

/* Each session does a bit of everything and goes on whatever comes back. The first failure that the driver spoke of. */
static enum virtio_err first_failure;

static enum virtio_err
note(enum virtio_err err)
{
    if (err != VIRTIO_OK && err != VIRTIO_EMPTY && first_failure == VIRTIO_OK) {
        first_failure = err;
    }
    return err;
}

static void
gpu_session(void)
{
    if (note(vgpu_init(&vgpu, device, &gpu_config, &arena)) != VIRTIO_OK) {
        return;
    }
    const struct vgpu_framebuffer_config config = {
        .image = {VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, SIDE_PX, SIDE_PX },
        .backing = { .memory = shared,                               .bytes = PIXELS_BYTES                     },
        .scanout_id = 0,
    };
    const struct vgpu_rect all = { 0, 0, SIDE_PX, SIDE_PX };
    const struct vgpu_cursor cursor = { .scanout_id = 0 };
    struct vgpu_framebuffer framebuffer = { .vgpu = NULL };
    struct vgpu_capset_info capset;
    uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX];
    uint8_t uuid[16];
    size_t bytes = sizeof(edid);
    struct vgpu_wait wait;
    (void)note(vgpu_display_info_wait(&vgpu));
    (void)note(vgpu_edid_wait(&vgpu, 0, edid, &bytes));
    if (note(vgpu_capset_info_wait(&vgpu, 0, &capset)) == VIRTIO_OK) {
        bytes = sizeof(edid);
        (void)note(vgpu_capset_wait(&vgpu, &capset, edid, &bytes));
    }
    (void)note(vgpu_framebuffer_bring_up_wait(&framebuffer, &vgpu, &config));
    uint32_t id = framebuffer.resource != NULL ? framebuffer.resource->id : 1;
    for (unsigned i = 0; i < 6; i++) {
        (void)note(vgpu_cmd_transfer_to_host_2d(&vgpu, id, &all, 0, NULL));
        (void)note(vgpu_cmd_resource_flush(&vgpu, id, &all, NULL));
    }
    (void)note(vgpu_cmd_move_cursor(&vgpu, &cursor, NULL));
    vgpu_notify(&vgpu);
    (void)vgpu_poll(&vgpu);
    fake_gpu_resize(&fake, 0, 800, 600);
    (void)vgpu_interrupt(&vgpu);
    (void)vgpu_check_events(&vgpu);
    (void)note(
        vgpu_wait(&vgpu, &wait, vgpu_cmd_resource_flush(&vgpu, id, &all, vgpu_wait_start(&wait))));
    (void)note(vgpu_uuid_wait(&vgpu, id, uuid));
    (void)note(vgpu_framebuffer_bring_down_wait(&framebuffer));
}

static void
gpu_end(void)
{
    (void)vgpu_finish(&vgpu);
    fake_gpu_finish(&fake_gpu);
}

static void
plug_net(void)
{
    fake_net_init(&fake_net, &fake);
}

static void
net_session(void)
{
    static const uint8_t group[1][VIRTIO_NET_MAC_BYTES] = {
        {1, 0, 0x5e, 0, 0, 1}
    };
    const struct vnet_mac_filter filter = { .multicast = group, .multicast_count = 1 };
    uint8_t frame[1600] = { 0 };
    if (note(vnet_init(&vnet, device, &net_config, &arena)) != VIRTIO_OK) {
        return;
    }
    for (unsigned i = 0; i < 20; i++) {
        size_t bytes = 0;
        (void)note(vnet_send(&vnet, frame, 64 + i));
        (void)fake_net_receive(&fake, frame, 60 + 70 * i);
        enum virtio_err err = note(vnet_receive(&vnet, frame, sizeof(frame), &bytes));
        EXPECT_TRUE(bytes <= sizeof(frame) || err == VIRTIO_ERR_BUFFER_TOO_SMALL);
        fake_platform_advance(&fp, MS);
    }
    (void)note(vnet_set_promiscuous(&vnet, true));
    (void)note(vnet_set_mac_filter(&vnet, &filter));
    fake_net_set_link(&fake, false);
    (void)vnet_take_events(&vnet);
    (void)vnet_is_link_up(&vnet);
    struct vnet_frame whole;
    (void)fake_net_receive(&fake, frame, 1500);
    if (note(vnet_receive_frame(&vnet, &whole)) == VIRTIO_OK) {
        vnet_recycle(&vnet, &whole);
    }
    (void)note(vnet_drain(&vnet, TIMEOUT_MS));
}

static void
net_end(void)
{
    vnet_finish(&vnet);
    fake_net_finish(&fake_net);
}

static void
plug_blk(void)
{
    fake_blk_init(&fake_blk, &fake, 64);
}

static void
blk_session(void)
{
    char id[VIRTIO_BLK_ID_BYTES + 1] = "";
    if (note(vblk_init(&vblk, device, &blk_config, &arena)) != VIRTIO_OK) {
        return;
    }
    uint64_t last = vblk.capacity_sectors < 64 ? vblk.capacity_sectors : 64;
    for (uint64_t i = 0; i < 6; i++) {
        uint8_t data[1024] = { (uint8_t)i };
        if (2 * i + 2 <= last) {
            (void)note(vblk_write(&vblk, 2 * i, 2, data, TIMEOUT_MS));
            (void)note(vblk_read(&vblk, 2 * i, 2, data, TIMEOUT_MS));
        }
    }
    (void)note(vblk_flush(&vblk, TIMEOUT_MS));
    (void)note(vblk_get_id(&vblk, id, TIMEOUT_MS));
    EXPECT_TRUE(strlen(id) <= VIRTIO_BLK_ID_BYTES);
}

static void
blk_end(void)
{
    vblk_finish(&vblk);
    fake_blk_finish(&fake_blk);
}

static void
plug_input(void)
{
    fake_input_init(&fake_input, false);
}

static void
input_session(void)
{
    struct vinput_event event;
    if (note(vinput_init(&vinput, device, &input_config, &arena)) != VIRTIO_OK) {
        return;
    }
    EXPECT_TRUE(strlen(vinput.name) < VINPUT_NAME_BYTES);
    for (uint32_t i = 0; i < 30; i++) {
        (void)fake_input_event(&fake, VIRTIO_INPUT_EV_KEY, (uint16_t)i, 1);
        if (i % 3 == 0) {
            while (note(vinput_next(&vinput, &event)) == VIRTIO_OK) {
            }
        }
    }
    (void)note(vinput_set_led(&vinput, VIRTIO_INPUT_LED_CAPS_LOCK, true));
}

static void
input_end(void)
{
    vinput_finish(&vinput);
}

static const struct driver {
    const char *name;
    const struct fake_model *model;
    void *model_ctx;
    uint64_t features;
    void (*plug)(void);
    void (*session)(void);
    void (*end)(void);
} drivers[] = {
    {"gpu",    &fake_gpu_model,   &fake_gpu,   1 << VIRTIO_GPU_F_EDID | 1 << VIRTIO_GPU_F_RESOURCE_UUID,
     plug_gpu,                                                                                                       gpu_session,   gpu_end  },
    { "net",   &fake_net_model,   &fake_net,
     NET(MAC) | NET(STATUS) | NET(MTU) | NET(MRG_RXBUF) | NET(CTRL_VQ) | NET(CTRL_RX),                   plug_net,
     net_session,                                                                                                                   net_end  },
    { "blk",   &fake_blk_model,   &fake_blk,
     1 << VIRTIO_BLK_F_FLUSH | 1 << VIRTIO_BLK_F_BLK_SIZE | 1 << VIRTIO_BLK_F_SEG_MAX,                   plug_blk,
     blk_session,                                                                                                                   blk_end  },
    { "input", &fake_input_model, &fake_input, 0,                                                        plug_input, input_session, input_end},
};

enum { DRIVER_COUNT = sizeof(drivers) / sizeof(drivers[0]) };

static const struct flavour {
    uint32_t version;
    uint64_t features;
} flavours[] = {
    {1,  0                                                                             },
    { 1, VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) |
             VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT)                               },
    { 2, 0                                                                             },
    { 2, VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)   },
    { 2, VIRTIO_FEATURE(VIRTIO_F_IN_ORDER) | VIRTIO_FEATURE(VIRTIO_F_NOTIFICATION_DATA)},
    { 2, VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)                                          },
    { 2, VIRTIO_FEATURE(VIRTIO_F_RING_PACKED) | VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) |
             VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) | VIRTIO_FEATURE(VIRTIO_F_IN_ORDER) |
             VIRTIO_FEATURE(VIRTIO_F_NOTIFICATION_DATA)                        },
};

enum { FLAVOUR_COUNT = sizeof(flavours) / sizeof(flavours[0]), MODERN = 2 };

static void
plug(const struct driver *driver, const struct flavour *flavour)
{
    first_failure = VIRTIO_OK;
    fake_platform_init(&fp);
    fp.relax_step_ns = MS / 4;
    fp.relax_limit = 100000;
    fake_device_init(&fake, &fp,
                     &(struct fake_device_config){ .model = driver->model,
                                                   .model_ctx = driver->model_ctx,
                                                   .version = flavour->version,
                                                   .features = driver->features | flavour->features,
                                                   .queue_count = 3,
                                                   .queue_size_max = 64 });
    driver->plug();
    arena = fake_platform_arena(&fp, ARENA_BYTES);
    shared = fake_platform_arena(&fp, PIXELS_BYTES).base;
    EXPECT_EQ(virtio_bus_init(&bus, &fp.plat, NULL), VIRTIO_OK);
    EXPECT_EQ(virtio_mmio_probe(&bus, fake.base, FAKE_DEVICE_BYTES, &device), VIRTIO_OK);
}

/* The end of the evil session, then an honest one on the same device. */
static void
expect_recovery(const struct driver *driver)
{
    bool is_noisy = fp.is_expecting_violations;
    enum fake_evil_mode mode = fake.evil.mode;
    fake_platform_advance(&fp, MS);
    fake.evil.mode = FAKE_EVIL_NONE;
    driver->end();
    if (device->owner[0] != '\0') {
        /* A driver let it go while it did not reset: it is still that one's, and resets now. */
        EXPECT_CONTAINS(device->fault.rule, "a reset does not complete");
        EXPECT_EQ(virtio_device_release(device, device->owner), VIRTIO_OK);
    }
    if (!is_noisy) {
        EXPECT_TRUE(fake_platform_is_clean(&fp));
    }
    fake_platform_forget(&fp);
    fp.is_expecting_violations = false;
    memset(fake.config, 0, sizeof(fake.config));
    driver->plug();
    arena.used_bytes = 0;
    first_failure = VIRTIO_OK;
    driver->session();
    EXPECT_EQ(first_failure, VIRTIO_OK);
    if (first_failure != VIRTIO_OK) {
        printf("        %s after evil %d: %s\n%s", driver->name, (int)mode,
               virtio_err_name(first_failure), fp.log);
    }
    driver->end();
    fake_device_finish(&fake);
    EXPECT_TRUE(fake_platform_finish(&fp));
}

/* Recommendations count too when nobody lies. */
static void
expect_courtesy(void)
{
    for (unsigned i = 0; i < FAKE_REQ_COUNT; i++) {
        if (!EXPECT_EQ(fp.hits[i], 0)) {
            printf("        %s: %s\n", fake_requirements[i].name, fake_requirements[i].sentence);
        }
    }
}

UTEST(honest_sessions_are_all_right)
{
    for (unsigned i = 0; i < DRIVER_COUNT; i++) {
        for (unsigned f = 0; f < FLAVOUR_COUNT; f++) {
            plug(&drivers[i], &flavours[f]);
            drivers[i].session();
            EXPECT_EQ(first_failure, VIRTIO_OK);
            expect_courtesy();
            expect_recovery(&drivers[i]);
        }
    }
}

/* Legal, but not easy: late, all at once, in another order, in batches, polled by the device, slow to reset. */
static void
make_difficult(unsigned how)
{
    fake.reset_reads = how;
    fake.is_deferred = (how & 1) != 0;
    fake.delay_ns = (how & 2) != 0 ? 3 * MS : 0;
    fake.is_reversing = (how & 4) != 0;
    fake.in_order_batch = (how & 8) != 0 ? 3 : 0;
    for (unsigned i = 0; i < FAKE_QUEUES_MAX; i++) {
        fake.queues[i].is_polling = (how & 16) != 0;
    }
}

static void
run_difficult(const struct driver *driver, const struct flavour *flavour, unsigned how)
{
    plug(driver, flavour);
    make_difficult(how);
    driver->session();
    EXPECT_EQ(device->fault.rule, NULL);
    if (!EXPECT_EQ(first_failure, VIRTIO_OK)) {
        printf("        %s, difficulty %u\n%s", driver->name, how, fp.log);
    }
    fake_platform_advance(&fp, MS);
    make_difficult(0);
    expect_recovery(driver);
}

UTEST(difficult_devices_are_no_evil_ones)
{
    for (unsigned i = 0; i < DRIVER_COUNT; i++) {
        for (unsigned f = 0; f < FLAVOUR_COUNT; f++) {
            for (unsigned how = 0; how < 32; how++) {
                run_difficult(&drivers[i], &flavours[f], how);
            }
        }
    }
}

/* There is no legacy GPU in the specification: its responses of the wrong length are none, on any transport. */
UTEST(vague_used_lengths_of_a_legacy_device_are_no_lies)
{
    for (unsigned i = 1; i < DRIVER_COUNT; i++) {
        for (unsigned seed = 1; seed < 64; seed++) {
            const struct flavour *flavour = &flavours[seed % 2];
            EXPECT_EQ(flavour->version, 1);
            plug(&drivers[i], flavour);
            fake.random = seed * 7919;
            fake.has_vague_lengths = true;
            drivers[i].session();
            EXPECT_EQ(device->fault.rule, NULL);
            if (!EXPECT_EQ(first_failure, VIRTIO_OK)) {
                printf("        %s, seed %u\n%s", drivers[i].name, seed, fp.log);
            }
            expect_recovery(&drivers[i]);
        }
    }
}

/*
 * Lies that a driver may believe, or cannot know of yet: what it then does is wrong in the device's eyes through no fault of its own
 * (an id in flight that was not used; a reset that nobody mentioned; noise in the descriptors).
 */
static bool
is_misleading(enum fake_evil_mode mode)
{
    switch (mode) {
    case FAKE_EVIL_USED_ID_RANGE:
    case FAKE_EVIL_USED_ID_IDLE:
    case FAKE_EVIL_USED_ID_REPLAYED:
    case FAKE_EVIL_USED_INDEX_RUNAWAY:
    case FAKE_EVIL_USED_ORDER:
    case FAKE_EVIL_SCRIBBLE_DESC:
    case FAKE_EVIL_SCRIBBLE_DRIVER:
    case FAKE_EVIL_RESET_IN_FLIGHT: return true;
    default: return false;
    }
}

static void
run_evil(const struct driver *driver, const struct flavour *flavour, struct fake_evil evil)
{
    plug(driver, flavour);
    fake.evil = evil;
    fake.random = evil.after * 77 + (uint32_t)evil.mode;
    fp.is_expecting_violations = is_misleading(evil.mode);
    driver->session();
    expect_recovery(driver);
}

static void
run_all_modes(const struct driver *driver)
{
    static const uint32_t moments[] = { 0, 1, 3, 6, 11 };
    static const uint64_t values[] = { 0, 1, 13, 0xffff };
    for (unsigned f = 0; f < FLAVOUR_COUNT; f++) {
        for (int mode = FAKE_EVIL_NONE + 1; mode < FAKE_EVIL_COUNT; mode++) {
            for (unsigned i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
                run_evil(driver, &flavours[f],
                         (struct fake_evil){ (enum fake_evil_mode)mode, moments[i],
                                             values[(i + f) % 4] });
            }
        }
    }
}

UTEST(the_gpu_driver_survives_every_evil_at_every_moment)
{
    run_all_modes(&drivers[0]);
}

UTEST(the_net_driver_survives_every_evil_at_every_moment)
{
    run_all_modes(&drivers[1]);
}

UTEST(the_blk_driver_survives_every_evil_at_every_moment)
{
    run_all_modes(&drivers[2]);
}

UTEST(the_input_driver_survives_every_evil_at_every_moment)
{
    run_all_modes(&drivers[3]);
}

/* A lie that must be found: the driver says BROKEN and the device's fault has this rule. */
static void
expect_fault(unsigned idx, struct fake_evil evil, const char *rule)
{
    plug(&drivers[idx], &flavours[MODERN]);
    fake.evil = evil;
    drivers[idx].session();
    EXPECT_EQ(first_failure, VIRTIO_ERR_BROKEN);
    EXPECT_CONTAINS(fp.log, rule);
    EXPECT_CONTAINS(fp.log, "VirtIO 1.3");
    expect_recovery(&drivers[idx]);
}

UTEST(wrong_answers_of_a_gpu_are_named)
{
    expect_fault(0, (struct fake_evil){ FAKE_EVIL_RESPONSE_TYPE, 0, 0 }, "5.7.6");
    expect_fault(0, (struct fake_evil){ FAKE_EVIL_RESPONSE_TYPE, 0, 0x1100 }, "5.7.6");
    expect_fault(0, (struct fake_evil){ FAKE_EVIL_RESPONSE_SHORT, 0, 0 }, "5.7.6");
    expect_fault(0, (struct fake_evil){ FAKE_EVIL_RESPONSE_SHORT, 0, 23 }, "5.7.6");
    expect_fault(0, (struct fake_evil){ FAKE_EVIL_RESPONSE_SHORT, 0, 24 }, "5.7.6");
    expect_fault(0, (struct fake_evil){ FAKE_EVIL_CONFIG_ONES, 0, 0 }, "5.7.4");
}

UTEST(a_wrong_fence_of_a_gpu_is_named)
{
    const struct vgpu_then fenced = { .is_fenced = true };
    plug(&drivers[0], &flavours[MODERN]);
    EXPECT_EQ(vgpu_init(&vgpu, device, &gpu_config, &arena), VIRTIO_OK);
    fake.evil.mode = FAKE_EVIL_RESPONSE_FENCE;
    EXPECT_EQ(vgpu_cmd_get_display_info(&vgpu, &fenced), VIRTIO_OK);
    EXPECT_EQ(vgpu_fence_wait(&vgpu, vgpu_last_fence(&vgpu), UINT64_C(20) * MS), VIRTIO_ERR_BROKEN);
    EXPECT_CONTAINS(device->fault.rule, "fence");
    expect_recovery(&drivers[0]);
}

UTEST(noise_for_an_edid_is_named)
{
    uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX];
    size_t bytes = 0;
    plug(&drivers[0], &flavours[MODERN]);
    EXPECT_EQ(vgpu_init(&vgpu, device, &gpu_config, &arena), VIRTIO_OK);
    fake.evil.mode = FAKE_EVIL_RESPONSE_NOISE;
    EXPECT_EQ(vgpu_edid_wait(&vgpu, 0, edid, &bytes), VIRTIO_ERR_BROKEN);
    EXPECT_CONTAINS(device->fault.rule, "5.7.6.8");
    expect_recovery(&drivers[0]);
}

UTEST(wrong_answers_of_a_net_device_are_named)
{
    expect_fault(1, (struct fake_evil){ FAKE_EVIL_RESPONSE_TYPE, 0, 0 }, "5.1.6");
    expect_fault(1, (struct fake_evil){ FAKE_EVIL_RESPONSE_TYPE, 0, 0xffff }, "5.1.6");
    expect_fault(1, (struct fake_evil){ FAKE_EVIL_RESPONSE_SHORT, 0, 11 }, "5.1.6");
}

UTEST(wrong_answers_of_a_blk_device_are_named)
{
    expect_fault(2, (struct fake_evil){ FAKE_EVIL_RESPONSE_TYPE, 0, 77 }, "5.2.6");
    expect_fault(2, (struct fake_evil){ FAKE_EVIL_RESPONSE_SHORT, 0, 0 }, "5.2.6");
}

UTEST(wrong_answers_of_an_input_device_are_named)
{
    expect_fault(3, (struct fake_evil){ FAKE_EVIL_RESPONSE_SHORT, 0, 3 }, "5.8.6");
}
