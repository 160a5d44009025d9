/* Each check of the fake device's queues fires: split, then packed. See fake_device_test.c. */
#include <sys/mman.h>

#include "tests/fake/mini_driver.h"
#include "tests/unit/utest.h"

enum {
    W = VIRTQ_DESC_F_WRITE,
    NEXT = VIRTQ_DESC_F_NEXT,
    INDIRECT = VIRTQ_DESC_F_INDIRECT,
    TABLE = 0x8000, /* offset of an indirect table among the buffers */
};

static const uint64_t packed = VIRTIO_FEATURE(VIRTIO_F_RING_PACKED);
static const uint64_t indirect = VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC);
static const uint64_t event_idx = VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX);
static const uint64_t in_order = VIRTIO_FEATURE(VIRTIO_F_IN_ORDER);

static struct mini m;

static void
begin(uint64_t features, enum mini_step last)
{
    mini_init(&m, 2, features, &fake_echo_model, NULL);
    mini_start(&m, last);
}

static struct mini_desc
data(uint32_t offset, uint16_t flags)
{
    return (struct mini_desc){ mini_data(&m, offset), 16, flags, 0 };
}

/* Make one chain of the given entries available, as it is, and notify. */
static void
offer_raw(uint16_t head, const struct mini_desc *descs, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        mini_entry(&m, 0, (uint16_t)(head + i), &descs[i]);
    }
    mini_expose(&m, 0, head);
    mini_notify(&m, 0);
}

static void
set_table(uint16_t idx, struct mini_desc desc)
{
    uint8_t *entry = m.mem + MINI_DATA + TABLE + (size_t)16 * idx;
    struct virtq_desc wire = { le64_from(desc.addr), le32_from(desc.len), le16_from(desc.flags),
                               le16_from(desc.next) };
    memcpy(entry, &wire, sizeof(wire));
}

static void
put16(uint8_t *p, uint16_t value)
{
    le16 wire = le16_from(value);
    memcpy(p, &wire, 2);
}

/* Queue 0 by hand, with one thing changed. */
static void
queue_at(uint32_t size, uint64_t desc, uint64_t driver, uint64_t device)
{
    mini_write(&m, VIRTIO_MMIO_QUEUE_SEL, 0);
    (void)mini_read(&m, VIRTIO_MMIO_QUEUE_READY);
    (void)mini_read(&m, VIRTIO_MMIO_QUEUE_SIZE_MAX);
    mini_write(&m, VIRTIO_MMIO_QUEUE_SIZE, size);
    const uint64_t addrs[] = { desc, driver, device };
    for (uint32_t i = 0; i < 3; i++) {
        mini_write(&m, VIRTIO_MMIO_QUEUE_DESC_LOW + 16 * i, (uint32_t)addrs[i]);
        mini_write(&m, VIRTIO_MMIO_QUEUE_DESC_HIGH + 16 * i, (uint32_t)(addrs[i] >> 32));
    }
    mini_write(&m, VIRTIO_MMIO_QUEUE_READY, 1);
}

UTEST(a_correct_driver_breaks_nothing_in_any_format)
{
    const uint64_t all = indirect | event_idx | in_order;
    const uint64_t sets[] = { 0, event_idx, all, packed, packed | event_idx, packed | all };
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        begin(sets[i], MINI_DRIVER_OK);
        for (uint16_t round = 0; round < 40; round++) {
            const struct mini_desc descs[] = { data(0, 0), data(16, W) };
            mini_offer(&m, 0, (uint16_t)(round * 2 % MINI_QUEUE_SIZE), descs, 2);
            fake_platform_advance(&m.fp, 1000);
        }
        EXPECT_EQ(m.device.queues[0].used_count, 40);
        EXPECT_TRUE(mini_is_clean(&m));
    }
}

UTEST(a_queue_is_set_up_that_is_not_there)
{
    mini_init(&m, 2, 0, &fake_echo_model, NULL);
    m.device.evil = (struct fake_evil){ FAKE_EVIL_QUEUE_SIZE, 0, 8 };
    mini_start(&m, MINI_FEATURES_OK);
    mini_queue(&m, 4, MINI_QUEUE_SIZE);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_QUEUE_UNAVAILABLE));
}

UTEST(a_queue_has_a_wrong_size)
{
    begin(0, MINI_FEATURES_OK);
    mini_queue(&m, 0, 6);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_QUEUE_SIZE));
    begin(packed, MINI_FEATURES_OK);
    mini_queue(&m, 0, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_QUEUE_SIZE));
    begin(packed, MINI_FEATURES_OK);
    mini_queue(&m, 0, 6);
    EXPECT_TRUE(mini_is_clean(&m));
}

UTEST(queues_overlap)
{
    begin(0, MINI_FEATURES_OK);
    queue_at(8, m.dma, m.dma + 64, m.dma + 0x1000);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_QUEUE_OVERLAP));
}

UTEST(addresses_are_not_translated)
{
    begin(0, MINI_FEATURES_OK);
    queue_at(8, (uintptr_t)m.mem, m.dma + 256, m.dma + 0x1000);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_DMA_ADDRESS));
    begin(0, MINI_DRIVER_OK);
    struct mini_desc desc = { (uintptr_t)m.mem, 16, 0, 0 };
    mini_offer(&m, 0, 0, &desc, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_DMA_ADDRESS));
}

UTEST(a_notification_names_no_queue)
{
    begin(0, MINI_DRIVER_OK);
    mini_notify(&m, 5);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_NOTIFY_QUEUE));
}

UTEST(notification_data_are_wrong)
{
    begin(VIRTIO_FEATURE(VIRTIO_F_NOTIFICATION_DATA), MINI_DRIVER_OK);
    mini_write(&m, VIRTIO_MMIO_QUEUE_NOTIFY, 1 << 16);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_NOTIFY_DATA));
    begin(VIRTIO_FEATURE(VIRTIO_F_NOTIFICATION_DATA) | packed, MINI_DRIVER_OK);
    mini_write(&m, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_NOTIFY_DATA));
}

UTEST(an_exposed_entry_is_altered)
{
    for (unsigned i = 0; i < 2; i++) {
        begin(i == 0 ? 0 : packed, MINI_DRIVER_OK);
        m.device.delay_ns = 1000;
        struct mini_desc desc = data(0, 0);
        mini_offer(&m, 0, 0, &desc, 1);
        mini_area(&m, 0, 0)[0] ^= 1;
        fake_platform_advance(&m.fp, 1000);
        EXPECT_TRUE(mini_broke(&m, FAKE_REQ_DESC_ALTERED));
    }
}

UTEST(a_notification_is_sent_that_nobody_wants)
{
    begin(0, MINI_FEATURES_OK);
    m.device.queues[0].is_polling = true;
    mini_step(&m, MINI_QUEUES);
    mini_step(&m, MINI_DRIVER_OK);
    mini_notify(&m, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_NOTIFY_SUPPRESSED));
}

UTEST(split_parts_are_not_aligned)
{
    begin(0, MINI_FEATURES_OK);
    queue_at(8, m.dma + 8, m.dma + 256, m.dma + 0x1000);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_ALIGNMENT));
    begin(0, MINI_FEATURES_OK);
    queue_at(8, m.dma, m.dma + 256, m.dma + 0x1002);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_ALIGNMENT));
}

UTEST(used_flags_are_not_cleared)
{
    begin(0, MINI_FEATURES_OK);
    mini_area(&m, 0, 2)[0] = 1;
    mini_step(&m, MINI_QUEUES);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_USED_FLAGS));
}

UTEST(the_available_index_goes_back)
{
    begin(0, MINI_DRIVER_OK);
    struct mini_desc desc = data(0, 0);
    mini_offer(&m, 0, 0, &desc, 1);
    put16(mini_area(&m, 0, 1) + 2, 0);
    mini_notify(&m, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_AVAIL_INDEX));
}

UTEST(an_available_entry_is_no_head)
{
    begin(0, MINI_DRIVER_OK);
    mini_expose(&m, 0, 8);
    mini_notify(&m, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_AVAIL_ENTRY));
}

UTEST(available_flags_are_wrong)
{
    begin(0, MINI_DRIVER_OK);
    put16(mini_area(&m, 0, 1), 2);
    mini_notify(&m, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_AVAIL_FLAGS));
    begin(event_idx, MINI_DRIVER_OK);
    put16(mini_area(&m, 0, 1), 1);
    mini_notify(&m, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_AVAIL_FLAGS));
}

UTEST(a_descriptor_in_flight_is_used_again)
{
    begin(0, MINI_DRIVER_OK);
    m.device.delay_ns = 1000;
    struct mini_desc desc = data(0, 0);
    mini_offer(&m, 0, 3, &desc, 1);
    mini_offer(&m, 0, 3, &desc, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_DESC_IN_FLIGHT));
}

UTEST(next_leaves_the_table)
{
    begin(0, MINI_DRIVER_OK);
    struct mini_desc desc = { mini_data(&m, 0), 16, NEXT, 8 };
    offer_raw(0, &desc, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_NEXT_RANGE));
}

UTEST(a_chain_is_longer_than_the_queue)
{
    begin(indirect, MINI_DRIVER_OK);
    for (uint16_t i = 0; i < 9; i++) {
        set_table(i,
                  (struct mini_desc){ mini_data(&m, 0), 1, i < 8 ? NEXT : 0, (uint16_t)(i + 1) });
    }
    struct mini_desc desc = { mini_data(&m, TABLE), 9 * 16, INDIRECT, 0 };
    offer_raw(0, &desc, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_CHAIN_LENGTH));
}

UTEST(a_chain_has_more_bytes_than_allowed)
{
    mini_init(&m, 2, 0, &fake_echo_model, NULL);
    size_t bytes = (size_t)1 << 28;
    void *huge = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    fake_platform_share(&m.fp, huge, bytes);
    m.device.queues[0].size_max = 32;
    mini_start(&m, MINI_FEATURES_OK);
    queue_at(32, m.dma, m.dma + 512, m.dma + 0x1000);
    mini_step(&m, MINI_DRIVER_OK);
    uint64_t addr = m.fp.plat.dma_addr(&m.fp, huge, bytes);
    for (uint16_t i = 0; i < 17; i++) {
        struct mini_desc desc = { addr, (uint32_t)bytes, NEXT, (uint16_t)(i + 1) };
        mini_entry(&m, 0, i, &desc);
    }
    put16(m.mem + 512 + 2, 1);
    mini_notify(&m, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_CHAIN_BYTES));
    munmap(huge, bytes);
}

UTEST(chains_do_not_follow_the_table_with_in_order)
{
    begin(in_order, MINI_DRIVER_OK);
    const struct mini_desc descs[] = {
        {mini_data(&m, 0), 16, NEXT, 2},
        { 0,           0,  0,  0   },
        { mini_data(&m,          0), 16,  W,    0 }
    };
    offer_raw(0, descs, 3);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_NEXT_IN_ORDER));
    begin(in_order | indirect, MINI_DRIVER_OK);
    set_table(0, (struct mini_desc){ mini_data(&m, 0), 16, NEXT, 2 });
    set_table(2, (struct mini_desc){ mini_data(&m, 0), 16, W, 0 });
    struct mini_desc desc = { mini_data(&m, TABLE), 48, INDIRECT, 0 };
    offer_raw(0, &desc, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_INDIRECT_IN_ORDER));
}

UTEST(writable_elements_come_first)
{
    begin(0, MINI_DRIVER_OK);
    const struct mini_desc split_descs[] = { data(0, W), data(16, 0) };
    mini_offer(&m, 0, 0, split_descs, 2);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_WRITABLE_LAST));
    begin(packed, MINI_DRIVER_OK);
    const struct mini_desc packed_descs[] = { data(0, W), data(16, 0) };
    mini_offer(&m, 0, 0, packed_descs, 2);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PACKED_WRITABLE_LAST));
}

static bool
breaks_indirect(uint64_t features, struct mini_desc head, struct mini_desc entry,
                enum fake_requirement requirement)
{
    begin(features, MINI_DRIVER_OK);
    head.addr = mini_data(&m, TABLE);
    entry.addr = mini_data(&m, 0);
    if ((features & packed) != 0) {
        uint16_t flags = entry.flags;
        entry.flags = 0; /* the id, in the packed layout */
        entry.next = flags;
        set_table(0, entry);
        mini_slot(&m, 0, &head);
        mini_notify(&m, 0);
    } else {
        set_table(0, entry);
        offer_raw(0, &head, 1);
    }
    return mini_broke(&m, requirement);
}

UTEST(indirect_descriptors_are_wrong)
{
    const struct mini_desc good = { 0, 16, 0, 0 };
    const struct mini_desc head = { 0, 16, INDIRECT, 0 };
    const struct mini_desc linked = { 0, 16, INDIRECT | NEXT, 1 };
    const struct mini_desc odd = { 0, 17, INDIRECT, 0 };
    EXPECT_TRUE(breaks_indirect(0, head, good, FAKE_REQ_SPLIT_INDIRECT_NEGOTIATED));
    EXPECT_TRUE(breaks_indirect(indirect, head, head, FAKE_REQ_SPLIT_INDIRECT_NESTED));
    EXPECT_TRUE(breaks_indirect(indirect, linked, good, FAKE_REQ_SPLIT_INDIRECT_NEXT));
    EXPECT_TRUE(breaks_indirect(indirect, odd, good, FAKE_REQ_SPLIT_INDIRECT_BYTES));
    EXPECT_TRUE(breaks_indirect(packed, head, good, FAKE_REQ_PACKED_INDIRECT_NEGOTIATED));
    EXPECT_TRUE(breaks_indirect(packed | indirect, head, head, FAKE_REQ_PACKED_INDIRECT_FLAGS));
    EXPECT_TRUE(breaks_indirect(packed | indirect, linked, good, FAKE_REQ_PACKED_INDIRECT_NEXT));
    EXPECT_TRUE(breaks_indirect(packed | indirect, odd, good, FAKE_REQ_PACKED_INDIRECT_BYTES));
}

UTEST(a_notification_is_forgotten)
{
    begin(0, MINI_DRIVER_OK);
    struct mini_desc desc = data(0, 0);
    mini_entry(&m, 0, 0, &desc);
    mini_expose(&m, 0, 0);
    fake_platform_advance(&m.fp, 1000);
    fake_platform_advance(&m.fp, FAKE_STARVED_NS);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_SPLIT_NOTIFY_MISSED));
    begin(packed, MINI_DRIVER_OK);
    desc = data(0, 0);
    mini_slot(&m, 0, &desc);
    fake_platform_advance(&m.fp, 1000);
    fake_platform_advance(&m.fp, FAKE_STARVED_NS);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PACKED_NOTIFY_MISSED));
}

UTEST(packed_parts_are_not_aligned)
{
    begin(packed, MINI_FEATURES_OK);
    queue_at(8, m.dma, m.dma + 0x202, m.dma + 0x1000);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PACKED_ALIGNMENT));
}

UTEST(the_packed_ring_is_not_cleared)
{
    begin(packed, MINI_FEATURES_OK);
    mini_area(&m, 0, 0)[80] = 1; /* in the sixth descriptor */
    mini_step(&m, MINI_QUEUES);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PACKED_RING_ZERO));
}

UTEST(a_packed_list_is_longer_than_what_is_free)
{
    begin(packed, MINI_DRIVER_OK);
    m.device.delay_ns = 1000;
    for (uint16_t i = 0; i < 8; i++) {
        struct mini_desc desc = data(0, 0);
        mini_offer(&m, 0, i, &desc, 1);
    }
    EXPECT_EQ(m.fp.violation_count, 0);
    struct mini_desc desc = data(0, 0);
    mini_offer(&m, 0, 9, &desc, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PACKED_LIST_LENGTH));
}

UTEST(the_first_of_a_packed_list_comes_first)
{
    begin(packed, MINI_DRIVER_OK);
    struct mini_desc desc = data(0, NEXT);
    mini_slot(&m, 0, &desc);
    mini_notify(&m, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PACKED_FIRST_LAST));
}

UTEST(a_packed_id_is_used_twice)
{
    begin(packed, MINI_DRIVER_OK);
    m.device.delay_ns = 1000;
    struct mini_desc desc = data(0, 0);
    mini_offer(&m, 0, 3, &desc, 1);
    mini_offer(&m, 0, 3, &desc, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PACKED_ID_IN_FLIGHT));
}

UTEST(packed_event_suppression_is_wrong)
{
    begin(packed, MINI_DRIVER_OK);
    put16(mini_area(&m, 0, 1) + 2, VIRTQ_EVENT_DESC);
    mini_notify(&m, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PACKED_EVENT_FLAGS));
    begin(packed | event_idx, MINI_DRIVER_OK);
    put16(mini_area(&m, 0, 1) + 2, VIRTQ_EVENT_DESC);
    put16(mini_area(&m, 0, 1), 8);
    mini_notify(&m, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_PACKED_EVENT_OFFSET));
}

UTEST(every_requirement_of_queues_has_a_broken_driver)
{
    EXPECT_EQ(mini_unproven(FAKE_REQ_QUEUE_UNAVAILABLE, FAKE_REQ_PACKED_NOTIFY_MISSED), 0);
}
