/*
 * Both ring formats against QEMU's own virtqueue code, through its simplest device: the entropy source (VirtIO 1.3 §5.4),
 * which fills whatever it is given. Every combination of transport, ring format, EVENT_IDX and indirect descriptors.
 *
 * A packed ring needs VERSION_1, which a legacy transport cannot offer (VirtIO 1.3 §6, §6.3: legacy interfaces have
 * feature bits 0 to 31 only), so the combination of version 1 and packed does not exist; a test shows that QEMU agrees.
 *
 * conformance: S0-06 S0-07
 */
#include <string.h>

#include "abi/virtio.h"

#include "virtio/device.h"
#include "virtio/queue.h"

#include "tests/qtest/rig.h"
#include "tests/unit/utest.h"

enum {
    BUFFER_BYTES = 64,
    WAIT_NS = 5000000,
    WAIT_TURNS = 20000,
};

struct combination {
    const char *name;
    uint64_t features;
    enum rig_mmio mmio;
    uint16_t indirect_max;
};

#define PACKED    VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)
#define EVENT_IDX VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)
#define INDIRECT  VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC)
#define IN_ORDER  VIRTIO_FEATURE(VIRTIO_F_IN_ORDER)

static const struct combination combinations[] = {
    {"v1 split",                      0,                             RIG_MMIO_LEGACY, 0},
    { "v1 split event_idx",           EVENT_IDX,                     RIG_MMIO_LEGACY, 0},
    { "v1 split indirect",            INDIRECT,                      RIG_MMIO_LEGACY, 8},
    { "v1 split event_idx indirect",  EVENT_IDX | INDIRECT,          RIG_MMIO_LEGACY, 8},
    { "v2 split",                     0,                             RIG_MMIO_MODERN, 0},
    { "v2 split event_idx",           EVENT_IDX,                     RIG_MMIO_MODERN, 0},
    { "v2 split indirect",            INDIRECT,                      RIG_MMIO_MODERN, 8},
    { "v2 split event_idx indirect",  EVENT_IDX | INDIRECT,          RIG_MMIO_MODERN, 8},
    { "v2 packed",                    PACKED,                        RIG_MMIO_MODERN, 0},
    { "v2 packed event_idx",          PACKED | EVENT_IDX,            RIG_MMIO_MODERN, 0},
    { "v2 packed indirect",           PACKED | INDIRECT,             RIG_MMIO_MODERN, 8},
    { "pci split event_idx",          EVENT_IDX,                     RIG_PCI,         0},
    { "pci packed indirect",          PACKED | INDIRECT,             RIG_PCI,         8},
    { "v2 packed event_idx indirect", PACKED | EVENT_IDX | INDIRECT, RIG_MMIO_MODERN, 8},
};

enum { COMBINATION_COUNT = sizeof(combinations) / sizeof(combinations[0]) };

static const char *const rng_args[] = { "-device", "virtio-rng-device,id=rng0,packed=on", NULL };

static const char *const *device_args = rng_args;
static struct rig rig;
static struct virtq queue;
static uint8_t *memory; /* one buffer of BUFFER_BYTES per ring entry */

/* QEMU, and its entropy device running with one queue of `size_max` entries. */
static bool
start(const struct combination *combination, uint16_t size_max)
{
    const struct virtio_feature_request want = { .wanted = combination->features,
                                                 .required = combination->features };
    const struct virtq_config config = { .size_max = size_max,
                                         .indirect_max = combination->indirect_max };
    rig_start(&rig, combination->mmio, device_args);
    struct virtio_device *device = rig_device(&rig, VIRTIO_ID_ENTROPY);
    memory = rig_memory(&rig, (size_t)size_max * BUFFER_BYTES);
    memset(&queue, 0, sizeof(queue));
    return EXPECT_TRUE(device != NULL) &&
           EXPECT_EQ(virtio_device_claim(device, "entropy"), VIRTIO_OK) &&
           EXPECT_EQ(virtio_device_negotiate(device, &want), VIRTIO_OK) &&
           EXPECT_EQ(virtq_setup(&queue, device, 0, &config, &rig.arena), VIRTIO_OK) &&
           EXPECT_TRUE(queue.size >= 8 && queue.size <= size_max) &&
           EXPECT_EQ(virtio_device_start(device), VIRTIO_OK);
}

static void
stop(const struct combination *combination)
{
    if (utest.has_failed) {
        printf("        with %s\n", combination->name);
    }
    rig_stop(&rig);
}

/* Offer buffer `i` as `seg_count` equal segments. */
static enum virtio_err
offer(unsigned i, uint16_t seg_count)
{
    struct virtq_seg segs[8];
    uint8_t *buffer = memory + (size_t)i * BUFFER_BYTES;
    uint64_t addr = QEMU_RAM_BASE + (uint64_t)(buffer - rig.qemu.ram);
    uint32_t bytes = BUFFER_BYTES / seg_count;
    for (uint32_t s = 0; s < seg_count; s++) {
        segs[s] = (struct virtq_seg){ .addr = addr + (uint64_t)s * bytes, .bytes = bytes };
    }
    const struct virtq_chain chain = { .segs = segs, .writable_count = seg_count, .token = buffer };
    return virtq_add(&queue, &chain);
}

/* Take one used buffer, waiting for it. */
static enum virtio_err
take(struct virtq_done *done)
{
    const struct virtio_platform *plat = &rig.platform.table;
    enum virtio_err err = VIRTIO_EMPTY;
    for (unsigned turn = 0; turn < WAIT_TURNS && err == VIRTIO_EMPTY; turn++) {
        err = virtq_take_used(&queue, done);
        if (err == VIRTIO_EMPTY) {
            plat->relax(plat->ctx, plat->now_ns(plat->ctx) + WAIT_NS);
        }
    }
    return err;
}

/* Give `count` buffers, one notification, take them all back in whatever order. Returns: false at the first failure. */
static bool
round_trip(unsigned count, uint16_t seg_count)
{
    struct virtq_done done;
    for (unsigned i = 0; i < count; i++) {
        if (!EXPECT_EQ(offer(i, seg_count), VIRTIO_OK)) {
            return false;
        }
    }
    (void)virtq_notify(&queue);
    for (unsigned i = 0; i < count; i++) {
        if (!EXPECT_EQ(take(&done), VIRTIO_OK) || !EXPECT_TRUE(done.written_bytes > 0) ||
            !EXPECT_TRUE((uint8_t *)done.token >= memory)) {
            return false;
        }
    }
    return EXPECT_EQ(virtq_take_used(&queue, &done), VIRTIO_EMPTY);
}

static bool
is_all_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

UTEST(the_device_fills_our_buffers_in_every_combination)
{
    for (size_t i = 0; i < COMBINATION_COUNT; i++) {
        if (start(&combinations[i], 16)) {
            (void)round_trip(4, 1);
            EXPECT_FALSE(is_all_zero(memory, (size_t)4 * BUFFER_BYTES));
            EXPECT_EQ(queue.stats.used, 4);
            EXPECT_EQ(virtq_free_count(&queue), queue.size);
        }
        stop(&combinations[i]);
    }
}

UTEST(chains_of_several_segments_are_filled_in_every_combination)
{
    for (size_t i = 0; i < COMBINATION_COUNT; i++) {
        if (start(&combinations[i], 16)) {
            for (unsigned n = 0; n < 8; n++) {
                (void)round_trip(2, 4);
            }
            for (size_t seg = 0; seg < 4; seg++) {
                EXPECT_FALSE(is_all_zero(memory + seg * 16, 16));
            }
            EXPECT_EQ(virtq_free_count(&queue), queue.size);
        }
        stop(&combinations[i]);
    }
}

UTEST(a_small_ring_goes_round_many_times_in_every_combination)
{
    for (size_t i = 0; i < COMBINATION_COUNT; i++) {
        if (start(&combinations[i], 8)) {
            /* 7 of 8, so that the place where the ring wraps moves. */
            for (unsigned n = 0; n < 60 && round_trip(7, 1); n++) {
            }
            EXPECT_EQ(queue.stats.used, 420);
        }
        stop(&combinations[i]);
    }
}

UTEST(a_full_ring_is_busy_and_recovers_in_every_combination)
{
    for (size_t i = 0; i < COMBINATION_COUNT; i++) {
        if (start(&combinations[i], 16)) {
            struct virtq_done done;
            for (unsigned n = 0; n < queue.size; n++) {
                EXPECT_EQ(offer(n, 1), VIRTIO_OK);
            }
            EXPECT_EQ(offer(0, 1), VIRTIO_ERR_BUSY);
            (void)virtq_notify(&queue);
            for (unsigned n = 0; n < queue.size; n++) {
                EXPECT_EQ(take(&done), VIRTIO_OK);
            }
            (void)round_trip(queue.size, 1);
        }
        stop(&combinations[i]);
    }
}

/* The 16-bit indexes of the split ring wrap after 65,536 buffers, the wrap counters of the packed ring all the time. */
UTEST(indexes_of_16_bits_wrap)
{
    static const size_t of_interest[] = { 1, 5, 9 };
    for (size_t i = 0; i < sizeof(of_interest) / sizeof(of_interest[0]); i++) {
        const struct combination *combination = &combinations[of_interest[i]];
        if (start(combination, 256)) {
            unsigned batch = queue.size - 1U;
            while (queue.stats.used < 66000 && round_trip(batch, 1)) {
            }
            EXPECT_TRUE(queue.stats.used >= 66000);
            EXPECT_EQ(queue.fault.rule, NULL);
        }
        stop(combination);
    }
}

UTEST(both_sides_agree_on_the_queue)
{
    for (size_t i = 0; i < COMBINATION_COUNT; i++) {
        if (start(&combinations[i], 32)) {
            (void)round_trip(5, 1);
            EXPECT_TRUE(rig_device_says(&rig, "rng0", "VIRTIO_CONFIG_S_DRIVER_OK"));
            EXPECT_TRUE(qemu_commandf(&rig.qemu,
                                      "{\"execute\": \"x-query-virtio-queue-status\", "
                                      "\"arguments\": {\"path\": \"%s\", \"queue\": 0}}",
                                      rig_qmp_path(&rig, "rng0")));
            char size[32];
            (void)snprintf(size, sizeof(size), "\"vring-num\": %u", queue.size);
            EXPECT_CONTAINS(rig.qemu.reply, size);
            EXPECT_CONTAINS(rig.qemu.reply, "\"inuse\": 0");
        }
        stop(&combinations[i]);
    }
}

UTEST(a_legacy_transport_offers_no_packed_ring)
{
    const struct virtio_feature_request want = { .wanted = PACKED, .required = PACKED };
    rig_start(&rig, RIG_MMIO_LEGACY, rng_args);
    struct virtio_device *device = rig_device(&rig, VIRTIO_ID_ENTROPY);
    if (EXPECT_TRUE(device != NULL)) {
        EXPECT_EQ(virtio_device_claim(device, "entropy"), VIRTIO_OK);
        EXPECT_EQ(virtio_device_negotiate(device, &want), VIRTIO_ERR_UNSUPPORTED);
        EXPECT_EQ(device->offered >> 32, 0);
        /* The device itself could: it is the transport that cannot say so. */
        EXPECT_TRUE(rig.qemu.version >= 11 ||
                    rig_device_says(&rig, "rng0", "VIRTIO_F_RING_PACKED"));
    }
    rig_stop(&rig);
}

/* Buffers used in the order in which they were offered: from QEMU 9.2 on. */
UTEST(in_order_where_qemu_has_it)
{
    static const char *const in_order_args[] = { "-device",
                                                 "virtio-rng-device,id=rng0,packed=on,in_order=on",
                                                 NULL };
    static const struct combination in_order[] = {
        {"v2 split in_order",             IN_ORDER,                      RIG_MMIO_MODERN, 0},
        { "v2 split in_order event_idx",  IN_ORDER | EVENT_IDX,          RIG_MMIO_MODERN, 0},
        { "v2 packed in_order",           IN_ORDER | PACKED,             RIG_MMIO_MODERN, 0},
        { "v2 packed in_order event_idx", IN_ORDER | PACKED | EVENT_IDX, RIG_MMIO_MODERN, 0},
    };
    rig_start(&rig, RIG_MMIO_MODERN, rng_args);
    long version = rig.qemu.version;
    rig_stop(&rig);
    if (version < 10) {
        utest_skip("this QEMU does not offer IN_ORDER; name a newer one in QTEST_QEMU");
        return;
    }
    device_args = in_order_args;
    for (size_t i = 0; i < sizeof(in_order) / sizeof(in_order[0]); i++) {
        if (start(&in_order[i], 16)) {
            for (unsigned n = 0; n < 100 && round_trip(queue.size - 1U, 1); n++) {
            }
            EXPECT_TRUE(queue.stats.used >= 700);
        }
        stop(&in_order[i]);
    }
    device_args = rng_args;
}
