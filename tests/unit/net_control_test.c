/* The network driver, what is not frames: set-up, control queue, and devices that lie. VirtIO 1.3 §5.1.4, §5.1.6.5. */
#include "tests/unit/net_fixture.h"

UTEST(configurations_out_of_range_are_refused)
{
    static const struct vnet_config wrong[] = {
        { .rx_queue_size = 3 },        { .tx_queue_size = 512 },    { .buffer_bytes = 128 },
        { .buffer_bytes = 2048 + 32 }, { .buffer_bytes = 1 << 20 }, { .rx_queue_size = 1 },
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        EXPECT_EQ(vnet_arena_bytes(&wrong[i]), 0);
    }
    EXPECT_NE(vnet_arena_bytes(NULL), 0);
}

/* After a lie every call answers BROKEN, and the rule is named. */
static void
expect_broken(struct net_test *t, const char *rule)
{
    uint8_t seen[2048];
    size_t bytes = 0;

    EXPECT_EQ(vnet_receive(&t->net, seen, sizeof(seen), &bytes), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(vnet_receive(&t->net, seen, sizeof(seen), &bytes), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(vnet_send(&t->net, seen, 60), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(vnet_set_promiscuous(&t->net, true), VIRTIO_ERR_BROKEN);
    EXPECT_CONTAINS(t->f.device->fault.rule, rule);
    EXPECT_TRUE(fake_platform_logged(&t->f.fp, rule));
    EXPECT_TRUE(fixture_has_event(&t->f, TRACE_DEVICE_BROKEN));
    end(t);
}

UTEST(num_buffers_of_zero_breaks_the_device)
{
    struct net_test t = { 0 };
    uint8_t frame[72] = { 0 };

    start(&t, &flavours[0], NET_FEATURES | MERGEABLE);
    deliver_piece(&t, frame, sizeof(frame), 0); /* zeros for a header too */
    expect_broken(&t, "num_buffers is 0");
}

UTEST(num_buffers_above_what_was_used_breaks_the_device)
{
    struct net_test t = { 0 };
    static uint8_t frame[2048 - VNET_FRAME_OFFSET];

    start(&t, &flavours[3], NET_FEATURES | MERGEABLE);
    deliver_piece(&t, frame, sizeof(frame), 2);
    expect_broken(&t, "num_buffers is more than were used");
}

UTEST(num_buffers_above_the_queue_breaks_the_device)
{
    struct net_test t = { 0 };
    uint8_t frame[60] = { 0 };

    start(&t, &flavours[0], NET_FEATURES | MERGEABLE);
    deliver_piece(&t, frame, sizeof(frame), VNET_QUEUE_SIZE_DEFAULT + 1);
    expect_broken(&t, "num_buffers is 0 or above");
}

UTEST(a_buffer_not_filled_before_the_last_breaks_the_device)
{
    struct net_test t = { 0 };
    uint8_t frame[60] = { 0 };

    start(&t, &flavours[0], NET_FEATURES | MERGEABLE);
    deliver_piece(&t, frame, sizeof(frame), 2);
    deliver_piece(&t, frame, sizeof(frame), 0);
    expect_broken(&t, "is not full");
}

UTEST(a_used_length_below_the_header_breaks_the_device)
{
    struct net_test t = { 0 };

    start(&t, &flavours[0], NET_FEATURES);
    fake_chain_complete(&t.f.fake, fake_queue_oldest(&t.f.fake, VIRTIO_NET_RECEIVEQ), 4);
    expect_broken(&t, "below the header");
}

UTEST(a_segmentation_type_nobody_asked_for_breaks_the_device)
{
    struct net_test t = { 0 };
    struct virtio_net_hdr header = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                     .num_buffers = le16_from(1) };
    struct fake_chain *chain;

    start(&t, &flavours[0], NET_FEATURES);
    chain = fake_queue_oldest(&t.f.fake, VIRTIO_NET_RECEIVEQ);
    (void)fake_chain_write(chain, 0, &header, sizeof(header));
    fake_chain_complete(&t.f.fake, chain, 100);
    expect_broken(&t, "segmentation type");
}

UTEST(a_checksum_to_complete_breaks_the_device_other_flags_do_not)
{
    static const uint8_t flags[] = { 0xfe, VIRTIO_NET_HDR_F_NEEDS_CSUM };

    for (size_t i = 0; i < sizeof(flags); i++) {
        struct net_test t = { 0 };
        struct virtio_net_hdr header = { .flags = flags[i], .num_buffers = le16_from(1) };
        struct fake_chain *chain;
        uint8_t frame[128];
        size_t bytes;

        start(&t, &flavours[0], NET_FEATURES);
        chain = fake_queue_oldest(&t.f.fake, VIRTIO_NET_RECEIVEQ);
        (void)fake_chain_write(chain, 0, &header, sizeof(header));
        fake_chain_complete(&t.f.fake, chain, 100);
        if (i == 0) {
            EXPECT_EQ(vnet_receive(&t.net, frame, sizeof(frame), &bytes), VIRTIO_OK);
            end(&t);
        } else {
            expect_broken(&t, "NEEDS_CSUM");
        }
    }
}

UTEST(a_used_id_out_of_range_breaks_the_device)
{
    struct net_test t = { 0 };
    uint8_t frame[60] = { 0 };

    start(&t, &flavours[0], NET_FEATURES);
    t.f.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_USED_ID_RANGE };
    deliver_piece(&t, frame, sizeof(frame), 1);
    expect_broken(&t, "id");
}

UTEST(configurations_that_cannot_be_are_refused)
{
    struct net_test t = { 0 };

    prepare(&t, &flavours[0], NET_FEATURES);
    t.f.fake.config[0] |= 1;
    EXPECT_EQ(bring_up(&t), VIRTIO_ERR_BROKEN);
    EXPECT_TRUE(fake_platform_logged(&t.f.fp, "group address"));
    end(&t);

    prepare(&t, &flavours[0], NET_FEATURES | VIRTIO_FEATURE(VIRTIO_NET_F_MTU));
    t.f.fake.config[10] = 67;
    t.f.fake.config[11] = 0;
    EXPECT_EQ(bring_up(&t), VIRTIO_ERR_BROKEN);
    EXPECT_TRUE(fake_platform_logged(&t.f.fp, "MTU below 68"));
    end(&t);

    prepare(&t, &flavours[0], NET_FEATURES | VIRTIO_FEATURE(VIRTIO_NET_F_MTU));
    t.f.fake.config[10] = 0;
    t.f.fake.config[11] = 9000 >> 8;
    EXPECT_EQ(bring_up(&t), VIRTIO_ERR_INVALID);
    EXPECT_TRUE(fake_platform_logged(&t.f.fp, "enlarge buffer_bytes"));
    EXPECT_EQ(t.f.device->owner[0], '\0');
    EXPECT_EQ(t.f.arena.used_bytes, 0);
    EXPECT_EQ(t.f.fake.status, 0);
    end(&t);
}

UTEST(init_reports_what_is_missing)
{
    struct net_test t = { 0 };
    struct virtio_arena small;

    prepare(&t, &flavours[0], NET_FEATURES);
    small = t.f.arena;
    small.bytes /= 2;
    EXPECT_EQ(vnet_init(&t.net, t.f.device, &t.config, &small), VIRTIO_ERR_NO_MEMORY);
    for (uint32_t shared_count = 0; shared_count < 5;
         shared_count++) { /* three queues take at least that many */
        t.f.fp.dma_fail_from = t.f.fp.dma_count + shared_count;
        EXPECT_NE(bring_up(&t), VIRTIO_OK);
        EXPECT_EQ(t.f.arena.used_bytes, 0);
    }
    t.f.fp.dma_fail_from = UINT32_MAX;
    t.f.device->id = VIRTIO_ID_BLOCK;
    EXPECT_EQ(bring_up(&t), VIRTIO_ERR_NO_DEVICE);
    t.f.device->id = VIRTIO_ID_NET;
    EXPECT_EQ(virtio_device_claim(t.f.device, "other"), VIRTIO_OK);
    EXPECT_EQ(bring_up(&t), VIRTIO_ERR_OWNED);
    EXPECT_EQ(virtio_device_release(t.f.device, "other"), VIRTIO_OK);
    EXPECT_EQ(bring_up(&t), VIRTIO_OK);
    end(&t);
}

UTEST(a_device_without_a_mac_gets_one)
{
    struct net_test t = { .config = { .fallback_mac = { 2, 0, 0, 0, 0, 7 } } };

    start(&t, &flavours[0], 0);
    EXPECT_MEMEQ(vnet_mac(&t.net), t.config.fallback_mac, VIRTIO_NET_MAC_BYTES);
    EXPECT_TRUE(vnet_is_link_up(&t.net));
    EXPECT_EQ(vnet_set_promiscuous(&t.net, true), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_EQ(vnet_set_mac(&t.net, station), VIRTIO_ERR_UNSUPPORTED);
    end(&t);
}

UTEST(the_receive_mode_is_set_through_the_control_queue)
{
    static const uint8_t promiscuous[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1 };
    static const uint8_t no_allmulti[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, 0 };

    for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
        struct net_test t = { 0 };

        start(&t, &flavours[i], NET_FEATURES);
        EXPECT_EQ(vnet_set_promiscuous(&t.net, true), VIRTIO_OK);
        EXPECT_EQ(control.byte_count, sizeof(promiscuous));
        EXPECT_EQ(control.seg_count, 3); /* §5.1.6.6 */
        EXPECT_MEMEQ(control.bytes, promiscuous, sizeof(promiscuous));
        EXPECT_TRUE(t.net.is_promiscuous);
        EXPECT_EQ(vnet_set_allmulti(&t.net, false), VIRTIO_OK);
        EXPECT_MEMEQ(control.bytes, no_allmulti, sizeof(no_allmulti));
        control.ack = VIRTIO_NET_ERR;
        EXPECT_EQ(vnet_set_promiscuous(&t.net, false), VIRTIO_ERR_REFUSED);
        EXPECT_TRUE(t.net.is_promiscuous);
        EXPECT_TRUE(fixture_has_event(&t.f, TRACE_NET_CONTROL));
        end(&t);
    }
}

UTEST(the_mac_filter_is_two_tables)
{
    static const uint8_t macs[2][VIRTIO_NET_MAC_BYTES] = {
        {2,  0, 0, 0, 0, 1},
        { 3, 0, 0, 0, 0, 2}
    };
    static const uint8_t wanted[] = { VIRTIO_NET_CTRL_MAC,
                                      VIRTIO_NET_CTRL_MAC_TABLE_SET,
                                      1,
                                      0,
                                      0,
                                      0,
                                      2,
                                      0,
                                      0,
                                      0,
                                      0,
                                      1,
                                      1,
                                      0,
                                      0,
                                      0,
                                      3,
                                      0,
                                      0,
                                      0,
                                      0,
                                      2 };
    static const uint8_t many[VNET_FILTER_MACS_MAX + 1][VIRTIO_NET_MAC_BYTES];
    struct vnet_mac_filter filter = { &macs[0], &macs[1], 1, 1 };
    struct net_test t = { 0 };

    start(&t, &flavours[0], NET_FEATURES);
    EXPECT_EQ(vnet_set_mac_filter(&t.net, &filter), VIRTIO_OK);
    EXPECT_EQ(control.byte_count, sizeof(wanted));
    EXPECT_EQ(control.seg_count, 4);
    EXPECT_MEMEQ(control.bytes, wanted, sizeof(wanted));

    filter = (struct vnet_mac_filter){ NULL, many, 0, VNET_FILTER_MACS_MAX };
    EXPECT_EQ(vnet_set_mac_filter(&t.net, &filter), VIRTIO_OK);
    EXPECT_EQ(control.byte_count, 2 + 8 + VNET_FILTER_MACS_MAX * VIRTIO_NET_MAC_BYTES);
    filter.multicast_count++;
    EXPECT_EQ(vnet_set_mac_filter(&t.net, &filter), VIRTIO_ERR_INVALID);
    end(&t);
}

UTEST(the_station_address_can_be_changed)
{
    static const uint8_t mac[] = { 2, 1, 2, 3, 4, 5 };
    static const uint8_t group[] = { 3, 1, 2, 3, 4, 5 };

    for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
        struct net_test t = { 0 };
        uint64_t without = VIRTIO_FEATURE(VIRTIO_NET_F_CTRL_MAC_ADDR);
        bool is_legacy = flavours[i].version == 1;

        start(&t, &flavours[i], NET_FEATURES);
        EXPECT_EQ(vnet_set_mac(&t.net, mac), VIRTIO_OK);
        EXPECT_MEMEQ(control.bytes + 2, mac, sizeof(mac));
        EXPECT_MEMEQ(vnet_mac(&t.net), mac, sizeof(mac));
        EXPECT_EQ(vnet_set_mac(&t.net, group), VIRTIO_ERR_INVALID);
        end(&t);

        start(&t, &flavours[i], NET_FEATURES & ~without);
        EXPECT_EQ(vnet_set_mac(&t.net, mac), is_legacy ? VIRTIO_OK : VIRTIO_ERR_UNSUPPORTED);
        EXPECT_MEMEQ(t.f.fake.config, is_legacy ? mac : station, sizeof(mac));
        end(&t);
    }
}

UTEST(a_silent_control_queue_times_out_then_is_busy_then_recovers)
{
    struct net_test t = { 0 };
    struct fake_chain *chain;
    uint8_t ack = VIRTIO_NET_OK;

    start(&t, &flavours[0], NET_FEATURES);
    control.is_silent = true;
    EXPECT_EQ(vnet_set_promiscuous(&t.net, true), VIRTIO_ERR_TIMEOUT);
    EXPECT_CONTAINS(fixture_printed(&t.f, false), ": no ack after 1000000000 ns: RX_PROMISC\n");
    EXPECT_EQ(vnet_set_promiscuous(&t.net, false), VIRTIO_ERR_BUSY);
    chain = fake_queue_oldest(&t.f.fake, VIRTIO_NET_CONTROLQ);
    (void)fake_chain_write(chain, 0, &ack, 1);
    fake_chain_complete(&t.f.fake, chain, 1);
    control.is_silent = false;
    EXPECT_EQ(vnet_set_promiscuous(&t.net, false), VIRTIO_OK);
    end(&t);
}

UTEST(an_ack_that_does_not_exist_breaks_the_device)
{
    struct net_test t = { 0 };

    start(&t, &flavours[0], NET_FEATURES);
    control.ack = 7;
    EXPECT_EQ(vnet_set_promiscuous(&t.net, true), VIRTIO_ERR_BROKEN);
    expect_broken(&t, "ack is neither");
}

UTEST(a_reset_beneath_the_driver_is_told_apart_from_a_timeout)
{
    struct net_test t = { 0 };
    uint8_t frame[60] = { 0 };

    start(&t, &flavours[0], NET_FEATURES);
    EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame)), VIRTIO_OK);
    EXPECT_EQ(vnet_drain(&t.net, 2), VIRTIO_ERR_TIMEOUT);
    fake_device_vanish(&t.f.fake);
    EXPECT_EQ(vnet_drain(&t.net, 2), VIRTIO_ERR_LOST);
    end(&t);
}

/* Send and receive for five seconds or until something is wrong, as a caller without interrupts would. */
static enum virtio_err
carry_on(struct net_test *t)
{
    uint8_t frame[60] = { 0 };
    enum virtio_err err = VIRTIO_OK;
    size_t bytes;

    for (int i = 0; i < 50 && (err == VIRTIO_OK || err == VIRTIO_EMPTY); i++) {
        err = vnet_send(&t->net, frame, sizeof(frame));
        if (err == VIRTIO_OK) {
            err = vnet_receive(&t->net, frame, sizeof(frame), &bytes);
        }
        fake_platform_advance(&t->f.fp, 100 * UINT64_C(1000000));
    }
    return err;
}

UTEST(a_device_that_needs_a_reset_is_noticed_when_it_says_so)
{
    struct net_test t = { 0 };
    uint8_t frame[60] = { 0 };
    size_t bytes;

    start(&t, &flavours[0], NET_FEATURES);
    fake_device_need_reset(&t.f.fake);
    EXPECT_EQ(vnet_take_events(&t.net), VNET_EVENT_LINK);
    EXPECT_EQ(vnet_receive(&t.net, frame, sizeof(frame), &bytes), VIRTIO_ERR_NEEDS_RESET);
    EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame)), VIRTIO_ERR_NEEDS_RESET);
    EXPECT_EQ(vnet_set_promiscuous(&t.net, true), VIRTIO_ERR_NEEDS_RESET);
    EXPECT_FALSE(vnet_is_link_up(&t.net));
    EXPECT_EQ(t.f.device->fault_count, 1);
    end(&t);
}

UTEST(a_device_that_died_silently_is_noticed)
{
    struct net_test t = { 0 };
    uint8_t frame[60] = { 0 };

    start(&t, &flavours[0], NET_FEATURES);
    t.f.fp.is_expecting_violations = true; /* we notify it until we know */
    fake_device_vanish(&t.f.fake);
    EXPECT_EQ(carry_on(&t), VIRTIO_ERR_LOST);
    EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame)), VIRTIO_ERR_LOST);
    end(&t);
}

UTEST(a_caller_that_only_receives_notices_too)
{
    struct net_test t = { 0 };
    uint8_t frame[60] = { 0 };
    enum virtio_err err = VIRTIO_EMPTY;
    size_t bytes;
    unsigned polls = 0;

    start(&t, &flavours[0], NET_FEATURES);
    for (; polls < 4 * VIRTIO_IDLE_TURNS && err == VIRTIO_EMPTY; polls++) {
        err = vnet_receive(&t.net, frame, sizeof(frame), &bytes);
        fake_platform_advance(&t.f.fp, VIRTIO_SILENCE_MS * UINT64_C(100000));
    }
    EXPECT_EQ(err, VIRTIO_EMPTY); /* it lives */
    fake_device_vanish(&t.f.fake);
    for (polls = 0; polls < 1000 && err == VIRTIO_EMPTY; polls++) {
        err = vnet_receive(&t.net, frame, sizeof(frame), &bytes);
        fake_platform_advance(&t.f.fp, VIRTIO_SILENCE_MS * UINT64_C(100000));
    }
    EXPECT_EQ(err, VIRTIO_ERR_LOST);
    EXPECT_TRUE(polls <= 2 * VIRTIO_IDLE_TURNS);
    EXPECT_EQ(vnet_receive(&t.net, frame, sizeof(frame), &bytes), VIRTIO_ERR_LOST);
    end(&t);
}

UTEST(a_caller_that_only_sends_notices_too)
{
    struct net_test t = { 0 };
    uint8_t frame[60] = { 0 };
    enum virtio_err err = VIRTIO_OK;

    start(&t, &flavours[0], NET_FEATURES);
    t.f.fp.is_expecting_violations = true;
    fake_device_vanish(&t.f.fake);
    for (int i = 0; i < 100 && (err == VIRTIO_OK || err == VIRTIO_ERR_BUSY); i++) {
        err = vnet_send(&t.net, frame, sizeof(frame));
        fake_platform_advance(&t.f.fp, 100 * UINT64_C(1000000));
    }
    EXPECT_EQ(err, VIRTIO_ERR_LOST);
    end(&t);
}

UTEST(a_device_that_does_not_reset_keeps_its_memory)
{
    struct net_test t = { 0 };
    uint8_t frame[60] = { 0 };

    start(&t, &flavours[0], NET_FEATURES);
    t.f.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_RESET_STUCK };
    EXPECT_EQ(vnet_finish(&t.net), VIRTIO_ERR_TIMEOUT);
    EXPECT_EQ(t.f.device->life, VIRTIO_LIFE_FAILED);
    EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame)), VIRTIO_ERR_BROKEN);
    t.f.fake.evil = (struct fake_evil){ 0 };
    EXPECT_EQ(vnet_finish(&t.net), VIRTIO_OK);
    EXPECT_EQ(t.f.device->life, VIRTIO_LIFE_SEEN);
    end(&t);
}

UTEST(a_device_that_does_not_reset_at_first_is_nobodys)
{
    struct net_test t = { 0 };

    prepare(&t, &flavours[0], NET_FEATURES);
    t.f.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_RESET_STUCK };
    EXPECT_EQ(bring_up(&t), VIRTIO_ERR_TIMEOUT);
    EXPECT_STREQ(t.f.device->owner, "");
    t.f.fake.evil = (struct fake_evil){ 0 };
    EXPECT_EQ(bring_up(&t), VIRTIO_OK);
    EXPECT_EQ(vnet_finish(&t.net), VIRTIO_OK);
    end(&t);
}

/* The fourth address asked for cannot be had, and from then on the device does not reset. */
static struct fake_device *sticking;
static uint64_t (*real_addr)(void *ctx, const volatile void *ptr, size_t bytes);
static unsigned addr_count;

static uint64_t
no_fourth_addr(void *ctx, const volatile void *ptr, size_t bytes)
{
    if (++addr_count < 4) {
        return real_addr(ctx, ptr, bytes);
    }
    sticking->evil = (struct fake_evil){ .mode = FAKE_EVIL_RESET_STUCK };
    return UINT64_MAX;
}

UTEST(an_init_that_cannot_be_undone_keeps_the_arena)
{
    struct net_test t = { 0 };

    prepare(&t, &flavours[0], NET_FEATURES);
    sticking = &t.f.fake;
    addr_count = 0;
    real_addr = t.f.fp.plat.dma_addr;
    t.f.fp.plat.dma_addr = no_fourth_addr;
    EXPECT_EQ(bring_up(&t), VIRTIO_ERR_TIMEOUT);
    EXPECT_NE(t.f.arena.used_bytes, 0);
    EXPECT_EQ(t.f.device->life, VIRTIO_LIFE_FAILED);
    end(&t);
}

UTEST(a_late_answer_counts)
{
    static const uint8_t mac[VIRTIO_NET_MAC_BYTES] = { 2, 2, 2, 2, 2, 2 };
    struct net_test t = { 0 };
    struct fake_chain *chain;
    uint8_t ack = VIRTIO_NET_OK;

    start(&t, &flavours[0], NET_FEATURES);
    control.is_silent = true;
    EXPECT_EQ(vnet_set_mac(&t.net, mac), VIRTIO_ERR_TIMEOUT);
    EXPECT_MEMEQ(vnet_mac(&t.net), station, sizeof(mac));
    chain = fake_queue_oldest(&t.f.fake, VIRTIO_NET_CONTROLQ);
    (void)fake_chain_write(chain, 0, &ack, 1);
    fake_chain_complete(&t.f.fake, chain, 1);
    control.is_silent = false;
    EXPECT_EQ(vnet_set_promiscuous(&t.net, true), VIRTIO_OK);
    EXPECT_MEMEQ(vnet_mac(&t.net), mac, sizeof(mac));
    EXPECT_TRUE(t.net.is_promiscuous);
    end(&t);
}

UTEST(a_legacy_device_may_claim_any_length)
{
    static const uint32_t lengths[] = { 0, 1, 4 };
    static const struct flavour v1 = { "v1", 1, VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT) };

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct net_test t = { 0 };

        start(&t, &v1, NET_FEATURES);
        control.written_bytes = lengths[i];
        EXPECT_EQ(vnet_set_promiscuous(&t.net, true), VIRTIO_OK);
        end(&t);
    }
}

/* Of a legacy device the length says nothing: that the ack was not written shows in the byte itself. */
UTEST(a_legacy_device_that_writes_no_ack_has_not_accepted)
{
    static const struct flavour v1 = { "v1", 1, VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT) };
    struct net_test t = { 0 };

    start(&t, &v1, NET_FEATURES);
    control.is_ack_unwritten = true;
    EXPECT_EQ(vnet_set_promiscuous(&t.net, true), VIRTIO_ERR_BROKEN);
    EXPECT_FALSE(t.net.is_promiscuous);
    EXPECT_CONTAINS(t.f.device->fault.rule, "ack is neither OK nor ERR");
    end(&t);
}

/* The record of that event; a cookie of 0 when there is none. */
static struct trace_record
find_event(const struct fixture *fixture, enum virtio_trace_event event)
{
    struct virtio_trace_reader reader = virtio_trace_read_start(&fixture->trace);
    struct trace_record record;

    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        if (le16_get(record.event) == event) {
            return record;
        }
    }
    return (struct trace_record){ 0 };
}

UTEST(a_received_frame_has_one_cookie_from_add_to_receive)
{
    struct net_test t = { 0 };
    uint8_t frame[60] = { 0 };
    size_t bytes;
    struct trace_record used;
    struct trace_record received;

    start(&t, &flavours[0], NET_FEATURES);
    deliver_piece(&t, frame, sizeof(frame), 1);
    EXPECT_EQ(vnet_receive(&t.net, frame, sizeof(frame), &bytes), VIRTIO_OK);
    used = find_event(&t.f, TRACE_VIRTQ_USED);
    received = find_event(&t.f, TRACE_NET_RECEIVE);
    EXPECT_NE(le32_get(received.cookie), 0);
    EXPECT_EQ(le32_get(received.cookie), le32_get(used.cookie));
    end(&t);
}

UTEST(a_frame_in_a_buffer_offered_before_the_trace_has_a_cookie_too)
{
    struct net_test t = { 0 };
    uint8_t frame[60] = { 0 };
    size_t bytes;

    prepare(&t, &flavours[0], NET_FEATURES);
    virtio_trace_enable(&t.f.trace, false);
    EXPECT_EQ(bring_up(&t), VIRTIO_OK);
    virtio_trace_enable(&t.f.trace, true);
    deliver_piece(&t, frame, sizeof(frame), 1);
    EXPECT_EQ(vnet_receive(&t.net, frame, sizeof(frame), &bytes), VIRTIO_OK);
    EXPECT_NE(le32_get(find_event(&t.f, TRACE_NET_RECEIVE).cookie), 0);
    end(&t);
}
