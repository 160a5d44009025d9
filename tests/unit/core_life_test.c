/*
 * Device life against the strict fake device, both versions of virtio-mmio: probing that only reads, one owner, negotiation,
 * who reset whom, health, queues that lie. The fake fails every test that breaks a driver requirement.
 * conformance: S0-07 S0-09 S2-08 S2-09
 */
#include "tests/unit/core_bench.h"

UTEST(a_bus_needs_its_platform)
{
    begin_without_probe(2, 0);
    struct virtio_platform plat = b.fp.plat;
    EXPECT_EQ(virtio_bus_init(&b.bus, NULL, NULL), VIRTIO_ERR_INVALID);
    plat.now_ns = NULL;
    EXPECT_EQ(virtio_bus_init(&b.bus, &plat, NULL), VIRTIO_ERR_INVALID);
    plat = b.fp.plat;
    plat.mmio_write = NULL;
    EXPECT_EQ(virtio_bus_init(&b.bus, &plat, NULL), VIRTIO_ERR_INVALID);
    end();
}

UTEST(probing_only_reads)
{
    for (uint32_t version = 1; version <= FAKE_VERSION_PCI; version = next_version(version)) {
        begin(version, FEATURE_OF_MODEL);
        run(0);
        uint8_t status = b.fake.status;
        struct virtio_bus other;
        struct virtio_device *again = NULL;
        EXPECT_EQ(virtio_bus_init(&other, &b.fp.plat, NULL), VIRTIO_OK);
        EXPECT_EQ(fake_device_probe(&other, &b.fake, &again), VIRTIO_OK);
        EXPECT_EQ(again->id, b.device->id);
        EXPECT_EQ(fake_device_probe(&b.bus, &b.fake, &again), VIRTIO_OK);
        EXPECT_EQ(again, b.device);
        EXPECT_EQ(b.bus.device_count, 1);
        EXPECT_EQ(b.fake.status, status);
        EXPECT_EQ(b.fake.reset_count, 1);
        EXPECT_EQ(virtio_device_health(b.device), VIRTIO_OK);
        end();
    }
}

UTEST(probing_tells_what_is_not_there)
{
    struct virtio_device *device;
    begin_without_probe(2, 0);
    EXPECT_EQ(virtio_mmio_probe(&b.bus, b.fake.base, 0x80, &device), VIRTIO_ERR_INVALID);
    b.fake.magic = 0x12345678;
    EXPECT_EQ(virtio_mmio_probe(&b.bus, b.fake.base, 0x200, &device), VIRTIO_ERR_NO_DEVICE);
    EXPECT_EQ(device, NULL);
    b.fake.magic = VIRTIO_MMIO_MAGIC_VALUE;
    b.fake.version = 3;
    EXPECT_EQ(virtio_mmio_probe(&b.bus, b.fake.base, 0x200, &device), VIRTIO_ERR_UNSUPPORTED);
    b.fake.version = 2;
    b.fake.id = 0;
    EXPECT_EQ(virtio_mmio_probe(&b.bus, b.fake.base, 0x200, &device), VIRTIO_EMPTY);
    b.fp.is_map_failing = true;
    EXPECT_EQ(virtio_mmio_probe(&b.bus, b.fake.base, 0x200, &device), VIRTIO_ERR_NO_MEMORY);
    end();
}

UTEST(every_device_seen_is_reported_known_or_not)
{
    begin(2, 0);
    EXPECT_TRUE(fake_platform_logged(&b.fp, "virtio unknown (id 42"));
    EXPECT_TRUE(is_traced("device seen: id 42 version 2"));
    EXPECT_STREQ(virtio_device_kind(16), "gpu");
    EXPECT_STREQ(virtio_device_kind(1), "network");
    EXPECT_STREQ(virtio_device_kind(65535), "unknown");
    end();
}

UTEST(a_device_has_one_owner)
{
    begin(2, 0);
    struct virtio_feature_request request = { 0 };
    EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_ERR_STATE);
    EXPECT_EQ(virtio_device_start(b.device), VIRTIO_ERR_STATE);
    EXPECT_EQ(virtio_device_release(b.device, "owner"), VIRTIO_ERR_OWNED);
    EXPECT_EQ(virtio_device_claim(b.device, ""), VIRTIO_ERR_INVALID);
    EXPECT_EQ(virtio_device_claim(b.device, "a name longer than fifteen"), VIRTIO_OK);
    EXPECT_STREQ(b.device->owner, "a name longer t");
    EXPECT_EQ(virtio_device_claim(b.device, "a name longer than fifteen"), VIRTIO_ERR_OWNED);
    EXPECT_EQ(virtio_device_claim(b.device, "thief"), VIRTIO_ERR_OWNED);
    EXPECT_EQ(virtio_device_release(b.device, "thief"), VIRTIO_ERR_OWNED);
    EXPECT_EQ(virtio_device_release(b.device, "a name longer than fifteen"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_claim(b.device, "heir"), VIRTIO_OK);
    EXPECT_TRUE(is_traced("device claimed by heir"));
    EXPECT_TRUE(is_traced("device released by a name longer t"));
    end();
}

UTEST(buffers_go_through_both_versions)
{
    for (uint32_t version = 1; version <= FAKE_VERSION_PCI; version = next_version(version)) {
        uint64_t ring_bits[] = { 0, VIRTIO_FEATURE(VIRTIO_F_RING_PACKED), VIRTIO_FEATURES_LIBRARY };
        for (unsigned i = 0; i < (version == 1 ? 1U : 3U); i++) {
            begin(version, ring_bits[i]);
            run(VIRTIO_FEATURES_LIBRARY);
            for (unsigned turn = 0; turn < 100; turn++) {
                char *data = (char *)b.arena.base + ARENA_BYTES - 4096;
                uint64_t addr = b.fp.plat.dma_addr(&b.fp, data, 128);
                struct virtq_seg segs[2] = {
                    {addr,       16},
                    { addr + 64, 16}
                };
                struct virtq_chain chain = { .segs = segs,
                                             .readable_count = 1,
                                             .writable_count = 1 };
                struct virtq_done done;
                memset(data, 0, 128);
                memcpy(data, "sixteen bytes!!", 16);
                EXPECT_EQ(virtq_add(&b.q, &chain), VIRTIO_OK);
                EXPECT_TRUE(virtq_notify(&b.q));
                EXPECT_EQ(virtio_device_take_interrupts(b.device), VIRTIO_INTERRUPT_USED_BUFFER);
                EXPECT_EQ(virtq_take_used(&b.q, &done), VIRTIO_OK);
                EXPECT_EQ(done.written_bytes, 16);
                EXPECT_MEMEQ(data, data + 64, 16);
                EXPECT_EQ(virtq_take_used(&b.q, &done), VIRTIO_EMPTY);
                EXPECT_EQ(virtio_device_take_interrupts(b.device), 0);
            }
            EXPECT_EQ(b.device->interrupt_count, 100);
            EXPECT_EQ(virtio_device_release(b.device, "owner"), VIRTIO_OK);
            end();
        }
    }
}

UTEST(features_are_told_by_name)
{
    begin(2, FEATURE_OF_MODEL | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) |
                 VIRTIO_FEATURE(VIRTIO_F_RING_RESET) | VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM));
    run(FEATURE_OF_MODEL | VIRTIO_FEATURE(VIRTIO_F_RING_RESET) | VIRTIO_FEATURE(VIRTIO_F_IN_ORDER));
    struct virtio_feature_line line;
    unsigned position = 0;
    char table[400] = "";
    while (virtio_feature_next(b.device, &position, &line) == VIRTIO_OK) {
        size_t used = strlen(table);
        (void)snprintf(table + used, sizeof(table) - used, "%u:%s:%d%d%d ", line.bit,
                       line.name != NULL ? line.name : "?", line.is_offered, line.is_wanted,
                       line.is_accepted);
    }
    /* RING_RESET is reserved for what the library cannot drive: not even wanted. */
    EXPECT_STREQ(table, "0:?:111 29:EVENT_IDX:100 32:VERSION_1:111 33:ACCESS_PLATFORM:111 "
                        "35:IN_ORDER:010 36:ORDER_PLATFORM:010 40:RING_RESET:100 ");
    EXPECT_EQ(virtio_feature_next(b.device, &position, &line), VIRTIO_EMPTY);
    EXPECT_STREQ(virtio_feature_name(VIRTIO_ID_GPU, 1), "EDID");
    EXPECT_STREQ(virtio_feature_name(VIRTIO_ID_NET, 5), "MAC");
    EXPECT_STREQ(virtio_feature_name(VIRTIO_ID_BLOCK, 9), "FLUSH");
    EXPECT_STREQ(virtio_feature_name(VIRTIO_ID_NET, 63), "SPEED_DUPLEX");
    EXPECT_EQ(virtio_feature_name(VIRTIO_ID_NET, 4), NULL);
    EXPECT_EQ(virtio_feature_name(VIRTIO_ID_GPU, 63), NULL);
    EXPECT_EQ(virtio_feature_name(VIRTIO_ID_INPUT, 0), NULL);
    end();
}

#define NET(name) VIRTIO_FEATURE(VIRTIO_NET_F_##name)
#define GUEST_TSO (NET(GUEST_TSO4) | NET(GUEST_TSO6))
#define HOST_TSO  (NET(HOST_TSO4) | NET(HOST_TSO6))
#define WITHOUT_GUEST_CSUM                                                                         \
 (GUEST_TSO | NET(GUEST_ECN) | NET(GUEST_UFO) | NET(GUEST_USO4) | NET(GUEST_USO6))
#define WITHOUT_CSUM (HOST_TSO | NET(HOST_ECN) | NET(HOST_UFO) | NET(HOST_USO) | NET(RSC_EXT))
#define WITHOUT_CTRL_VQ                                                                            \
 (NET(CTRL_RX) | NET(CTRL_VLAN) | NET(GUEST_ANNOUNCE) | NET(MQ) | NET(CTRL_MAC_ADDR) |             \
  NET(HASH_TUNNEL) | NET(VQ_NOTF_COAL) | NET(NOTF_COAL) | NET(RSS))

static void
expect_left_out(const struct fake_model *model, void *model_ctx, uint64_t missing,
                uint64_t left_out)
{
    for (uint32_t version = 1; version <= FAKE_VERSION_PCI; version = next_version(version)) {
        struct virtio_feature_request request = { .wanted = UINT64_MAX };
        begin_model(version, model->features & ~missing, model, model_ctx);
        uint64_t expected = b.fake.offered & model->features & ~left_out;
        EXPECT_EQ(virtio_device_claim(b.device, "owner"), VIRTIO_OK);
        EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_OK);
        EXPECT_EQ(b.device->accepted & model->features, expected);
        EXPECT_EQ(b.fake.accepted & model->features, expected);
        end();
    }
}

/* §2.2.1, §5.1.3.1: whatever is wanted and offered, no feature is accepted without what it requires. */
UTEST(features_that_lack_what_they_require_are_left_out)
{
    static const struct {
        uint64_t missing;
        uint64_t left_out;
    } cases[] = {
        {0,                 0                           },
        { NET(GUEST_CSUM),  WITHOUT_GUEST_CSUM          },
        { GUEST_TSO,        NET(GUEST_ECN)              },
        { NET(GUEST_TSO4),  0                           },
        { NET(GUEST_TSO6),  0                           },
        { NET(CSUM),        WITHOUT_CSUM                },
        { HOST_TSO,         NET(HOST_ECN) | NET(RSC_EXT)},
        { NET(HOST_TSO4),   0                           },
        { NET(HASH_REPORT), NET(HASH_TUNNEL)            },
        { NET(CTRL_VQ),     WITHOUT_CTRL_VQ             },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_left_out(&fake_net_model, NULL, cases[i].missing, cases[i].left_out);
    }
    static struct fake_gpu gpu;
    fake_gpu_init(&gpu, 1);
    expect_left_out(&fake_gpu_model, &gpu, 0, 0);
    expect_left_out(&fake_gpu_model, &gpu, VIRTIO_FEATURE(VIRTIO_GPU_F_VIRGL),
                    VIRTIO_FEATURE(VIRTIO_GPU_F_CONTEXT_INIT));
    fake_gpu_finish(&gpu);
}

UTEST(a_required_feature_is_missing)
{
    for (uint32_t version = 1; version <= FAKE_VERSION_PCI; version = next_version(version)) {
        begin(version, 0);
        struct virtio_feature_request request = { .required = VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) };
        EXPECT_EQ(virtio_device_claim(b.device, "owner"), VIRTIO_OK);
        EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_ERR_UNSUPPORTED);
        EXPECT_TRUE(fake_platform_logged(&b.fp, "it does not offer EVENT_IDX (bit 29)"));
        EXPECT_TRUE((b.fake.status & VIRTIO_STATUS_FAILED) != 0);
        EXPECT_EQ(b.device->life, VIRTIO_LIFE_FAILED);
        EXPECT_EQ(virtio_device_start(b.device), VIRTIO_ERR_STATE);
        /* A failed device can be tried again: negotiation resets it. */
        request.required = 0;
        EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_OK);
        end();
    }
}

UTEST(features_are_refused)
{
    begin(2, 0);
    b.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_FEATURES_REFUSED };
    struct virtio_feature_request request = { 0 };
    EXPECT_EQ(virtio_device_claim(b.device, "owner"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_TRUE(fake_platform_logged(&b.fp, "does not accept the features that it offers"));
    EXPECT_EQ(b.device->life, VIRTIO_LIFE_FAILED);
    end();
}

UTEST(a_reset_may_take_its_time_but_not_for_ever)
{
    for (uint32_t version = 1; version <= FAKE_VERSION_PCI; version = next_version(version)) {
        begin(version, 0);
        b.fake.reset_reads = 50;
        run(0);
        b.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_RESET_STUCK };
        uint64_t from_ns = b.fp.now_ns;
        EXPECT_EQ(virtio_device_release(b.device, "owner"), VIRTIO_ERR_TIMEOUT);
        uint64_t took_ms = (b.fp.now_ns - from_ns) / 1000000;
        EXPECT_TRUE(took_ms >= VIRTIO_RESET_TIMEOUT_MS && took_ms < VIRTIO_RESET_TIMEOUT_MS + 5);
        EXPECT_TRUE(fake_platform_logged(&b.fp, "no reset within 100 ms"));
        end();
    }
}

/* Until status reads 0 the device may write to the memory: it stays its owner's, and whoever asks again may succeed. */
UTEST(a_device_that_does_not_reset_is_not_given_back)
{
    for (uint32_t version = 1; version <= FAKE_VERSION_PCI; version = next_version(version)) {
        begin(version, 0);
        run(0);
        b.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_RESET_STUCK };
        EXPECT_EQ(virtio_device_release(b.device, "owner"), VIRTIO_ERR_TIMEOUT);
        EXPECT_STREQ(b.device->owner, "owner");
        EXPECT_EQ(b.device->life, VIRTIO_LIFE_FAILED);
        EXPECT_CONTAINS(b.device->fault.rule, "a reset does not complete (VirtIO 1.3 §2.4.2)");
        EXPECT_CONTAINS(b.q.fault.rule, "a reset does not complete");
        struct virtq_done done;
        EXPECT_EQ(virtq_take_used(&b.q, &done), VIRTIO_ERR_BROKEN);
        EXPECT_EQ(virtio_device_claim(b.device, "another"), VIRTIO_ERR_OWNED);
        struct virtio_feature_request request = { 0 };
        EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_ERR_TIMEOUT);
        EXPECT_EQ(b.device->life, VIRTIO_LIFE_FAILED);
        EXPECT_EQ(virtio_device_start(b.device), VIRTIO_ERR_STATE);
        b.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_NONE };
        EXPECT_EQ(virtio_device_release(b.device, "owner"), VIRTIO_OK);
        EXPECT_STREQ(b.device->owner, "");
        EXPECT_EQ(b.device->fault.rule, NULL);
        virtq_finish(&b.q, NULL, NULL);
        end();
    }
}

/* It was never told of any memory: there is nothing that it could go on writing to. */
UTEST(a_device_that_never_reset_is_given_back)
{
    for (uint32_t version = 1; version <= FAKE_VERSION_PCI; version = next_version(version)) {
        struct virtio_feature_request request = { 0 };
        begin(version, 0);
        b.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_RESET_STUCK };
        EXPECT_EQ(virtio_device_claim(b.device, "owner"), VIRTIO_OK);
        EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_ERR_TIMEOUT);
        EXPECT_STREQ(b.device->owner, "owner");
        EXPECT_EQ(b.device->life, VIRTIO_LIFE_FAILED);
        EXPECT_EQ(virtio_device_release(b.device, "owner"), VIRTIO_OK);
        EXPECT_STREQ(b.device->owner, "");
        EXPECT_EQ(b.device->life, VIRTIO_LIFE_SEEN);
        EXPECT_CONTAINS(b.device->fault.rule, "a reset does not complete (VirtIO 1.3 §2.4.2)");
        b.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_NONE };
        run(0);
        EXPECT_EQ(b.device->fault.rule, NULL);
        end();
    }
}

UTEST(a_stranger_resets_beneath_the_owner_and_is_named)
{
    for (uint32_t version = 1; version <= FAKE_VERSION_PCI; version = next_version(version)) {
        begin(version, 0);
        run(0);
        EXPECT_EQ(virtio_device_health(b.device), VIRTIO_OK);
        fake_platform_advance(&b.fp, 5000000);
        EXPECT_EQ(virtio_device_reset(b.device, "second probe"), VIRTIO_OK);
        EXPECT_TRUE(fake_platform_logged(&b.fp, "second probe resets it beneath its owner owner"));
        EXPECT_STREQ(b.device->last_reset.who, "second probe");
        EXPECT_EQ(b.device->reset_count, 2);
        fake_platform_advance(&b.fp, 7000000);
        EXPECT_EQ(virtio_device_health(b.device), VIRTIO_ERR_LOST);
        EXPECT_EQ(virtio_device_health(b.device), VIRTIO_ERR_LOST);
        EXPECT_TRUE(fake_platform_logged(&b.fp, "DRIVER_OK vanished beneath owner"));
        EXPECT_TRUE(fake_platform_logged(&b.fp, "reset by second probe 7 ms ago"));
        EXPECT_TRUE(is_traced("device reset asked for by second probe"));
        EXPECT_TRUE(is_traced("DRIVER_OK vanished: status 0, expected ACKNOWLEDGE|DRIVER"));
        EXPECT_TRUE(is_traced("text second probe"));
        struct virtq_done done;
        EXPECT_EQ(virtq_take_used(&b.q, &done), VIRTIO_ERR_BROKEN);
        struct virtio_feature_request request = { 0 };
        EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_OK);
        virtq_finish(&b.q, NULL, NULL);
        end();
    }
}

UTEST(nobody_here_asked_for_the_reset)
{
    begin(2, 0);
    run(0);
    fake_device_vanish(&b.fake);
    EXPECT_EQ(virtio_device_health(b.device), VIRTIO_ERR_LOST);
    EXPECT_TRUE(
        fake_platform_logged(&b.fp, "nobody here asked: the device or another driver did it"));
    struct virtio_feature_request request = { 0 };
    EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_OK);
    EXPECT_EQ(b.device->fault.rule, NULL);
    EXPECT_EQ(virtio_device_health(b.device), VIRTIO_ERR_STATE);
    end();
}

UTEST(the_device_needs_a_reset)
{
    begin(2, 0);
    run(0);
    fake_device_need_reset(&b.fake);
    EXPECT_EQ(virtio_device_take_interrupts(b.device), VIRTIO_INTERRUPT_CONFIG);
    EXPECT_EQ(virtio_device_health(b.device), VIRTIO_ERR_NEEDS_RESET);
    EXPECT_EQ(virtio_device_health(b.device), VIRTIO_ERR_NEEDS_RESET);
    EXPECT_CONTAINS(b.device->fault.rule, "DEVICE_NEEDS_RESET (VirtIO 1.3 §2.1.2)");
    EXPECT_TRUE(is_traced("device says DEVICE_NEEDS_RESET"));
    end();
}

UTEST(a_driver_gives_up)
{
    begin(2, 0);
    run(0);
    virtio_device_fail(b.device, "it draws upside down");
    EXPECT_TRUE(fake_platform_logged(&b.fp, "given up: it draws upside down"));
    EXPECT_TRUE((b.fake.status & VIRTIO_STATUS_FAILED) != 0);
    EXPECT_EQ(virtio_device_health(b.device), VIRTIO_ERR_STATE);
    EXPECT_STREQ(virtio_life_name(b.device->life), "failed");
    end();
}

UTEST(queue_sizes_that_a_device_invents)
{
    static const struct {
        uint64_t size_max;
        enum virtio_err err;
        uint16_t size;
    } cases[] = {
        {0x10000000,  VIRTIO_OK, 16},
        { 1,          VIRTIO_OK, 1 },
        { 3,          VIRTIO_OK, 2 },
        { 0xffffffff, VIRTIO_OK, 16},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(2, 0);
        struct virtio_feature_request request = { 0 };
        struct virtq_config config = { .size_max = 16 };
        EXPECT_EQ(virtio_device_claim(b.device, "owner"), VIRTIO_OK);
        EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_OK);
        b.fake.evil =
            (struct fake_evil){ .mode = FAKE_EVIL_QUEUE_SIZE, .value = cases[i].size_max };
        EXPECT_EQ(virtq_setup(&b.q, b.device, 0, &config, &b.arena), cases[i].err);
        EXPECT_EQ(b.q.size, cases[i].size);
        end();
    }
}

UTEST(dma_translation_fails)
{
    begin(2, 0);
    struct virtio_feature_request request = { 0 };
    struct virtq_config config = { .size_max = 16 };
    EXPECT_EQ(virtio_device_claim(b.device, "owner"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_OK);
    size_t used_bytes = b.arena.used_bytes;
    b.fp.dma_fail_from = 0;
    EXPECT_EQ(virtq_setup(&b.q, b.device, 0, &config, &b.arena), VIRTIO_ERR_NO_MEMORY);
    EXPECT_EQ(b.arena.used_bytes, used_bytes);
    EXPECT_EQ(b.q.device, NULL);
    end();
}

UTEST(a_queue_that_is_in_use_is_left_alone)
{
    for (uint32_t version = 1; version <= FAKE_VERSION_PCI; version = next_version(version)) {
        begin(version, 0);
        struct virtio_feature_request request = { 0 };
        struct virtq_config config = { .size_max = 16 };
        EXPECT_EQ(virtio_device_claim(b.device, "owner"), VIRTIO_OK);
        EXPECT_EQ(virtio_device_negotiate(b.device, &request), VIRTIO_OK);
        b.fake.queues[0].is_ready = true;
        b.fake.queues[0].pfn = 1;
        EXPECT_EQ(virtq_setup(&b.q, b.device, 0, &config, &b.arena), VIRTIO_ERR_BUSY);
        b.fake.queues[0].is_ready = false;
        b.fake.queues[0].pfn = 0;
        end();
    }
}

/* Echo buffers until something goes wrong, at most 100. */
static enum virtio_err
echo_until_broken(void)
{
    uint64_t addr = b.fp.plat.dma_addr(&b.fp, b.arena.base + ARENA_BYTES - 4096, 128);
    struct virtq_seg segs[2] = {
        {addr,       16},
        { addr + 64, 16}
    };
    struct virtq_chain chain = { .segs = segs, .readable_count = 1, .writable_count = 1 };
    struct virtq_done done;
    for (unsigned turn = 0; turn < 100; turn++) {
        (void)virtq_add(&b.q, &chain);
        (void)virtq_add(&b.q, &chain);
        (void)virtq_notify(&b.q);
        enum virtio_err err = VIRTIO_OK;
        while (err == VIRTIO_OK) {
            err = virtq_take_used(&b.q, &done);
        }
        if (err != VIRTIO_EMPTY) {
            return err;
        }
        fake_platform_advance(&b.fp, 1000);
    }
    return VIRTIO_EMPTY;
}

UTEST(every_lie_of_the_fake_device_is_noticed)
{
    static const enum fake_evil_mode lies[] = { FAKE_EVIL_USED_ID_RANGE, FAKE_EVIL_USED_ID_IDLE,
                                                FAKE_EVIL_USED_ID_REPLAYED, FAKE_EVIL_USED_LENGTH,
                                                FAKE_EVIL_USED_INDEX_RUNAWAY };
    static const uint64_t rings[] = { 0, VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX),
                                      VIRTIO_FEATURE(VIRTIO_F_RING_PACKED),
                                      VIRTIO_FEATURES_LIBRARY };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        for (unsigned ring = 0; ring < 5; ring++) {
            begin(ring == 4 ? 1 : 2, ring == 4 ? 0 : rings[ring]);
            run(VIRTIO_FEATURES_LIBRARY);
            b.fake.evil = (struct fake_evil){ .mode = lies[i], .after = 21 };
            if (lies[i] == FAKE_EVIL_USED_LENGTH && ring == 4) {
                EXPECT_EQ(echo_until_broken(), VIRTIO_EMPTY); /* of a legacy device no lie */
            } else if (lies[i] == FAKE_EVIL_USED_INDEX_RUNAWAY && ring >= 1 && ring <= 3) {
                /* This fake then falls silent, or overwrites what it used: nothing untrue is left to see. */
                (void)echo_until_broken();
            } else {
                EXPECT_EQ(echo_until_broken(), VIRTIO_ERR_BROKEN);
                EXPECT_TRUE(b.q.stats.used >= 20);
                EXPECT_CONTAINS(b.q.fault.rule, "VirtIO 1.3 §2.");
            }
            end();
        }
    }
}

UTEST(scribbling_and_silence_break_nothing)
{
    static const enum fake_evil_mode modes[] = { FAKE_EVIL_SILENCE, FAKE_EVIL_SCRIBBLE_DRIVER,
                                                 FAKE_EVIL_SCRIBBLE_DESC };
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        begin(2, 0);
        run(0);
        b.fake.evil = (struct fake_evil){ .mode = modes[i], .after = 5 };
        b.fp.is_expecting_violations = true; /* the device finds its own scribbles */
        b.fp.is_loud = false;
        EXPECT_EQ(echo_until_broken(), VIRTIO_EMPTY);
        EXPECT_EQ(b.q.fault.rule, NULL);
        fake_device_finish(&b.fake);
        EXPECT_TRUE(fake_platform_finish(&b.fp));
    }
}

/* §2.7.8.1: many legacy devices set the used length wrongly; more than was writable is cut down to that. */
UTEST(a_legacy_used_length_is_cut_down)
{
    static const uint64_t lies[] = { 1, 16, UINT32_MAX - 16 };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        begin(1, 0);
        run(0);
        uint64_t addr = b.fp.plat.dma_addr(&b.fp, b.arena.base + ARENA_BYTES - 4096, 64);
        struct virtq_seg segs[2] = {
            {addr,       16},
            { addr + 16, 16}
        };
        struct virtq_chain chain = { .segs = segs, .readable_count = 1, .writable_count = 1 };
        struct virtq_done done = { .written_bytes = 0 };
        b.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_USED_LENGTH, .value = lies[i] };
        EXPECT_EQ(virtq_add(&b.q, &chain), VIRTIO_OK);
        EXPECT_TRUE(virtq_notify(&b.q));
        EXPECT_EQ(virtq_take_used(&b.q, &done), VIRTIO_OK);
        EXPECT_EQ(done.written_bytes, 16);
        EXPECT_EQ(virtio_device_health(b.device), VIRTIO_OK);
        EXPECT_EQ(virtio_device_take_interrupts(b.device), VIRTIO_INTERRUPT_USED_BUFFER);
        end();
    }
}
