/*
 * A device that lies, and the library that survives it: each evil mode ends in a fault with its rule, never in a stray memory
 * access (AddressSanitizer and UBSan watch), and after a reset an honest device works again. VirtIO 1.3 §2.7.8, §2.8.22.
 */
#include "virtio/device.h"
#include "virtio/queue.h"

#include "tests/fake/fake_device.h"
#include "tests/unit/utest.h"

enum {
    QUEUE_SIZE = 8,
    KEEPING_QUEUE = 7, /* the echo model keeps the buffers of this one */
    BUFFER_BYTES = 64,
    ROUNDS = 2000,
};

static const uint64_t split = VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC);
static const uint64_t packed =
    VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) | VIRTIO_FEATURE(VIRTIO_F_RING_PACKED);
static const uint64_t in_order = VIRTIO_FEATURE(VIRTIO_F_IN_ORDER);
static const uint64_t event_idx = VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX);

static struct fake_platform fp;
static struct fake_device fake;
static struct virtio_bus bus;
static struct virtio_device *device;
static struct virtio_arena arena;
static struct virtq q;
static uint8_t *buffers;
static uint64_t buffers_addr;

static void
plug(uint64_t features)
{
    memset(&q, 0, sizeof(q));
    fake_platform_init(&fp);
    fake_device_init(&fake, &fp,
                     &(struct fake_device_config){ .model = &fake_echo_model,
                                                   .features = features,
                                                   .queue_count = FAKE_QUEUES_MAX,
                                                   .queue_size_max = QUEUE_SIZE });
    arena = fake_platform_arena(&fp, 1 << 18);
    buffers = virtio_arena_take(&arena, BUFFER_BYTES, 64);
    buffers_addr = fp.plat.dma_addr(&fp, buffers, BUFFER_BYTES);
    EXPECT_EQ(virtio_bus_init(&bus, &fp.plat, NULL), VIRTIO_OK);
    EXPECT_EQ(virtio_mmio_probe(&bus, fake.base, FAKE_DEVICE_BYTES, &device), VIRTIO_OK);
    EXPECT_EQ(virtio_device_claim(device, "evil test"), VIRTIO_OK);
}

static enum virtio_err
negotiate(void)
{
    const struct virtio_feature_request request = { .wanted = UINT64_MAX & ~UINT64_C(0xff) };
    return virtio_device_negotiate(device, &request);
}

static enum virtio_err
set_up(uint16_t queue_idx)
{
    const struct virtq_config config = { .size_max = QUEUE_SIZE,
                                         .indirect_max = 4,
                                         .is_interrupting = true };
    arena.used_bytes = BUFFER_BYTES;
    return virtq_setup(&q, device, queue_idx, &config, &arena);
}

static void
start(uint64_t features, uint16_t queue_idx)
{
    plug(features);
    EXPECT_EQ(negotiate(), VIRTIO_OK);
    EXPECT_EQ(set_up(queue_idx), VIRTIO_OK);
    EXPECT_EQ(virtio_device_start(device), VIRTIO_OK);
}

/* The device is pulled out; the library broke no requirement, whatever the device did. */
static void
unplug(void)
{
    fake.evil.mode = FAKE_EVIL_NONE;
    (void)virtio_device_release(device, "evil test");
    virtq_finish(&q, NULL, NULL);
    fake_device_finish(&fake);
    EXPECT_TRUE(fake_platform_finish(&fp));
}

static enum virtio_err
add(void)
{
    const struct virtq_seg segs[] = {
        {buffers_addr,       16},
        { buffers_addr + 32, 16}
    };
    return virtq_add(
        &q, &(struct virtq_chain){
                .segs = segs, .readable_count = 1, .writable_count = 1, .token = buffers });
}

static enum virtio_err
take(void)
{
    struct virtq_done done;
    enum virtio_err err = virtq_take_used(&q, &done);
    if (err == VIRTIO_OK) {
        EXPECT_TRUE(done.written_bytes <= 16);
        EXPECT_EQ(done.token, buffers);
    }
    return err;
}

static enum virtio_err
round_trip(void)
{
    enum virtio_err err = add();
    if (err != VIRTIO_OK) {
        return err;
    }
    (void)virtq_notify(&q);
    return take();
}

static void
expect_fault(const char *rule)
{
    EXPECT_EQ(take(), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(add(), VIRTIO_ERR_BROKEN);
    EXPECT_FALSE(virtq_notify(&q));
    EXPECT_EQ(virtio_device_health(device), VIRTIO_ERR_BROKEN);
    EXPECT_CONTAINS(q.fault.rule, rule);
    EXPECT_CONTAINS(fp.log, rule);
}

/* After a reset an honest device works as if nothing had been. */
static void
expect_recovery(void)
{
    fake.evil.mode = FAKE_EVIL_NONE;
    EXPECT_EQ(virtio_device_reset(device, "evil test"), VIRTIO_OK);
    virtq_finish(&q, NULL, NULL);
    EXPECT_EQ(negotiate(), VIRTIO_OK);
    EXPECT_EQ(set_up(0), VIRTIO_OK);
    EXPECT_EQ(virtio_device_start(device), VIRTIO_OK);
    for (unsigned i = 0; i < 3 * QUEUE_SIZE; i++) {
        EXPECT_EQ(round_trip(), VIRTIO_OK);
    }
}

static void
lie(uint64_t features, struct fake_evil evil, const char *rule)
{
    start(features, 0);
    for (uint32_t i = 0; i < evil.after; i++) {
        EXPECT_EQ(round_trip(), VIRTIO_OK);
    }
    fake.evil = evil;
    EXPECT_EQ(round_trip(), VIRTIO_ERR_BROKEN);
    expect_fault(rule);
    expect_recovery();
    unplug();
}

UTEST(a_used_id_is_out_of_range)
{
    const uint64_t formats[] = { split, split | in_order, packed, packed | in_order | event_idx };
    const uint64_t ids[] = { 0, QUEUE_SIZE, 0xffff, UINT32_MAX };
    for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
        for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
            lie(formats[f], (struct fake_evil){ FAKE_EVIL_USED_ID_RANGE, 3, ids[i] },
                "id is out of range");
        }
    }
}

UTEST(a_used_id_is_not_in_flight)
{
    const uint64_t formats[] = { split, split | in_order, packed, packed | in_order | event_idx };
    for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
        lie(formats[f], (struct fake_evil){ FAKE_EVIL_USED_ID_IDLE, 0, 0 }, "id is not in flight");
        lie(formats[f], (struct fake_evil){ FAKE_EVIL_USED_ID_IDLE, 7, 0 }, "id is not in flight");
    }
}

UTEST(a_used_id_is_replayed)
{
    lie(split, (struct fake_evil){ FAKE_EVIL_USED_ID_REPLAYED, 2, 0 }, "id is not in flight");
    lie(split | in_order, (struct fake_evil){ FAKE_EVIL_USED_ID_REPLAYED, 2, 0 },
        "id is not in flight");
}

UTEST(a_used_length_is_too_long)
{
    const uint64_t formats[] = { split, packed, packed | in_order };
    const uint64_t excesses[] = { 1, 4096, UINT32_MAX - 16 };
    for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
        for (size_t i = 0; i < sizeof(excesses) / sizeof(excesses[0]); i++) {
            lie(formats[f], (struct fake_evil){ FAKE_EVIL_USED_LENGTH, 2, excesses[i] },
                "length is more than was device-writable");
        }
    }
}

UTEST(the_used_index_runs_away)
{
    const uint64_t steps[] = { 1, QUEUE_SIZE, 0x7fff, 0xfff0 };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        lie(split, (struct fake_evil){ FAKE_EVIL_USED_INDEX_RUNAWAY, 2, steps[i] },
            "used index ran ahead");
    }
    start(packed, 0);
    fake.evil.mode = FAKE_EVIL_USED_INDEX_RUNAWAY;
    (void)round_trip();
    expect_fault("id is not in flight");
    expect_recovery();
    unplug();
}

UTEST(buffers_come_back_in_the_wrong_order)
{
    start(split | in_order, KEEPING_QUEUE);
    EXPECT_EQ(add(), VIRTIO_OK);
    EXPECT_EQ(add(), VIRTIO_OK);
    EXPECT_EQ(add(), VIRTIO_OK);
    (void)virtq_notify(&q);
    fake.evil.mode = FAKE_EVIL_USED_ORDER;
    fake_chain_complete(&fake, fake.queues[KEEPING_QUEUE].last, 16);
    fake_platform_advance(&fp, 1000);
    expect_fault("id is not the next in order");
    expect_recovery();
    unplug();
}

UTEST(a_silent_device_is_no_broken_one)
{
    for (unsigned i = 0; i < 2; i++) {
        start(i == 0 ? split : packed, 0);
        fake.evil.mode = FAKE_EVIL_SILENCE;
        for (unsigned n = 0; n < QUEUE_SIZE; n++) {
            EXPECT_EQ(round_trip(), VIRTIO_EMPTY);
        }
        EXPECT_EQ(add(), VIRTIO_ERR_BUSY);
        EXPECT_EQ(virtio_device_health(device), VIRTIO_OK);
        expect_recovery();
        unplug();
    }
}

UTEST(scribbled_descriptors_and_available_rings_do_not_matter)
{
    const enum fake_evil_mode modes[] = { FAKE_EVIL_SCRIBBLE_DESC, FAKE_EVIL_SCRIBBLE_DRIVER };
    for (unsigned i = 0; i < 2; i++) {
        start(split, 0);
        fake.evil.mode = modes[i];
        fp.is_expecting_violations = true; /* the device finds its own noise */
        unsigned good_count = 0;
        for (unsigned n = 0; n < ROUNDS && round_trip() == VIRTIO_OK; n++) {
            good_count++;
        }
        EXPECT_TRUE(good_count > 0);
        EXPECT_EQ(q.fault.rule, NULL);
        expect_recovery();
        unplug();
    }
}

UTEST(a_scribbled_packed_ring_is_survived)
{
    for (uint32_t seed = 1; seed < 200; seed++) {
        start(packed | (seed % 2 == 0 ? in_order : 0) | (seed % 3 == 0 ? event_idx : 0), 0);
        fake.evil.mode = FAKE_EVIL_SCRIBBLE_DESC;
        fake.random = seed;
        fp.is_expecting_violations = true;
        for (unsigned n = 0; n < QUEUE_SIZE; n++) {
            (void)add();
        }
        (void)virtq_notify(&q);
        for (unsigned n = 0; n < 2 * QUEUE_SIZE && take() == VIRTIO_OK; n++) {
            (void)add();
        }
        expect_recovery();
        unplug();
    }
}

UTEST(a_device_that_resets_itself_is_found_lost)
{
    for (unsigned i = 0; i < 2; i++) {
        start(i == 0 ? split : packed, 0);
        fake.evil.mode = FAKE_EVIL_RESET_IN_FLIGHT;
        EXPECT_EQ(round_trip(), VIRTIO_EMPTY);
        EXPECT_EQ(virtio_device_health(device), VIRTIO_ERR_LOST);
        EXPECT_CONTAINS(device->fault.rule, "DRIVER_OK vanished");
        EXPECT_CONTAINS(fp.log, "DRIVER_OK vanished");
        EXPECT_EQ(add(), VIRTIO_ERR_BROKEN);
        expect_recovery();
        unplug();
    }
}

UTEST(a_second_driver_that_resets_is_named)
{
    start(split, 0);
    EXPECT_EQ(virtio_device_reset(device, "second probe"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_health(device), VIRTIO_ERR_LOST);
    EXPECT_CONTAINS(fp.log, "second probe");
    expect_recovery();
    unplug();
}

UTEST(a_device_that_needs_a_reset_says_so)
{
    start(split, 0);
    fake.evil.mode = FAKE_EVIL_NEEDS_RESET;
    EXPECT_EQ(round_trip(), VIRTIO_EMPTY);
    EXPECT_EQ(virtio_device_take_interrupts(device), VIRTIO_INTERRUPT_CONFIG);
    EXPECT_EQ(virtio_device_health(device), VIRTIO_ERR_NEEDS_RESET);
    EXPECT_CONTAINS(device->fault.rule, "DEVICE_NEEDS_RESET");
    expect_recovery();
    unplug();
}

UTEST(a_reset_that_never_ends_is_not_waited_for_forever)
{
    plug(split);
    fake.evil.mode = FAKE_EVIL_RESET_STUCK;
    EXPECT_EQ(negotiate(), VIRTIO_ERR_TIMEOUT);
    EXPECT_CONTAINS(fp.log, "no reset within");
    unplug();
    plug(split);
    fake.reset_reads = 50; /* a slow one is */
    EXPECT_EQ(negotiate(), VIRTIO_OK);
    unplug();
}

UTEST(features_vanish_or_are_refused)
{
    plug(split | in_order | event_idx);
    fake.evil.mode = FAKE_EVIL_FEATURES_REFUSED;
    EXPECT_EQ(negotiate(), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_TRUE((fake.status & VIRTIO_STATUS_FAILED) != 0);
    unplug();
    for (uint32_t reads = 0; reads < 90; reads++) {
        plug(split | in_order | event_idx);
        fake.evil.mode = FAKE_EVIL_FEATURES_VANISH;
        fake.feature_reads = reads;
        enum virtio_err err = negotiate();
        EXPECT_TRUE(err == VIRTIO_OK || err == VIRTIO_ERR_UNSUPPORTED);
        unplug();
    }
}

UTEST(the_maximum_of_a_queue_is_nonsense)
{
    const struct {
        uint64_t max;
        enum virtio_err err;
        uint16_t size;
    } cases[] = {
        {0,           VIRTIO_ERR_NO_DEVICE, 0},
        { 1,          VIRTIO_OK,            1},
        { 3,          VIRTIO_OK,            2},
        { 7,          VIRTIO_OK,            4},
        { 0xffff,     VIRTIO_OK,            8},
        { 0x10000,    VIRTIO_OK,            8},
        { UINT32_MAX, VIRTIO_OK,            8},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        plug(split);
        EXPECT_EQ(negotiate(), VIRTIO_OK);
        fake.evil = (struct fake_evil){ FAKE_EVIL_QUEUE_SIZE, 0, cases[i].max };
        EXPECT_EQ(set_up(0), cases[i].err);
        EXPECT_EQ(q.size, cases[i].size);
        unplug();
    }
}

UTEST(an_interrupt_storm_is_read_and_acknowledged_once)
{
    start(split, 0);
    fake.evil.mode = FAKE_EVIL_INTERRUPT_STORM;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t bits = virtio_device_take_interrupts(device);
        EXPECT_EQ(bits & ~3U, 0);
    }
    EXPECT_EQ(round_trip(), VIRTIO_OK);
    unplug();
}

UTEST(a_configuration_never_settles)
{
    start(split, 0);
    uint32_t words[3];
    fake.evil.mode = FAKE_EVIL_CONFIG_UNSETTLED;
    EXPECT_EQ(virtio_config_read(device, 12, "\4\4\4", words, sizeof(words)), VIRTIO_ERR_TIMEOUT);
    EXPECT_CONTAINS(device->fault.rule, "configuration never holds still");
    EXPECT_EQ(virtio_device_health(device), VIRTIO_ERR_BROKEN);
    expect_recovery();
    unplug();
}

UTEST(a_configuration_changes_while_it_is_read)
{
    for (uint64_t times = 1; times < 6; times++) {
        start(split, 0);
        memset(fake.config, 0x11, sizeof(fake.config));
        memset(fake.config_next, 0x22, sizeof(fake.config_next));
        fake.evil = (struct fake_evil){ FAKE_EVIL_CONFIG_TORN, 0, times };
        uint32_t words[3];
        EXPECT_EQ(virtio_config_read(device, 12, "\4\4\4", words, sizeof(words)), VIRTIO_OK);
        EXPECT_EQ(words[0], words[1]);
        EXPECT_EQ(words[0], words[2]);
        EXPECT_EQ(words[0], times % 2 == 0 ? 0x11111111 : 0x22222222);
        EXPECT_EQ(fp.hits[FAKE_REQ_CONFIG_GENERATION], 0);
        unplug();
    }
}

UTEST(late_and_reordered_buffers_are_no_faults)
{
    const uint64_t formats[] = { split, packed, packed | event_idx };
    for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
        start(formats[f], 0);
        fake.delay_ns = 1000;
        fake.is_reversing = true;
        unsigned taken_count = 0;
        for (unsigned i = 0; i < ROUNDS; i++) {
            if (add() == VIRTIO_ERR_BUSY || i % 3 == 0) {
                (void)virtq_notify(&q);
                fake_platform_advance(&fp, 700);
            }
            while (take() == VIRTIO_OK) {
                taken_count++;
            }
        }
        EXPECT_TRUE(taken_count > ROUNDS / 2);
        EXPECT_EQ(q.fault.rule, NULL);
        unplug();
    }
}
