/* The network driver, its frames. VirtIO 1.3 §5.1.6. conformance: S2-03 S2-04 S2-05 S2-06 S2-07 S2-09 S2-10 */
#include "tests/unit/net_fixture.h"

enum { STRESS_ROUNDS = 20000 };

UTEST(a_zeroed_net_answers_not_initialized)
{
    struct vnet net = { 0 };
    struct vnet_slot slot;
    size_t bytes;
    uint8_t frame[64] = { 0 };

    EXPECT_EQ(vnet_send(&net, frame, sizeof(frame)), VIRTIO_ERR_NOT_INITIALIZED);
    EXPECT_EQ(vnet_receive(&net, frame, sizeof(frame), &bytes), VIRTIO_ERR_NOT_INITIALIZED);
    EXPECT_EQ(vnet_reserve(&net, &slot), VIRTIO_ERR_NOT_INITIALIZED);
    EXPECT_EQ(vnet_set_promiscuous(&net, true), VIRTIO_ERR_NOT_INITIALIZED);
    EXPECT_EQ(vnet_drain(&net, 1), VIRTIO_ERR_NOT_INITIALIZED);
    EXPECT_FALSE(vnet_can_send(&net));
    EXPECT_FALSE(vnet_can_recv(&net));
    vnet_finish(&net);
}

UTEST(init_reads_the_device_and_fills_the_receive_queue)
{
    for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
        struct net_test t = { .config = { .rx_queue_size = 16 } };

        start(&t, &flavours[i], NET_FEATURES | VIRTIO_FEATURE(VIRTIO_NET_F_MTU));
        EXPECT_MEMEQ(vnet_mac(&t.net), station, sizeof(station));
        EXPECT_EQ(vnet_mtu(&t.net), MTU_PLAIN);
        EXPECT_TRUE(vnet_is_link_up(&t.net));
        EXPECT_EQ(t.f.fake.queues[VIRTIO_NET_RECEIVEQ].in_flight_count, t.net.rx_pool.count);
        EXPECT_EQ(t.net.rx_pool.count, 16 / t.net.segs_per_buffer);
        EXPECT_EQ(t.net.header_bytes, header_bytes(&t));
        EXPECT_TRUE(vnet_can_send(&t.net));
        EXPECT_FALSE(vnet_can_recv(&t.net));
        end(&t);
    }
}

UTEST(a_frame_is_sent_behind_a_header_of_zeros)
{
    for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
        struct net_test t = { 0 };
        uint8_t frame[MTU_PLAIN];
        uint8_t seen[2048];

        start(&t, &flavours[i], NET_FEATURES);
        fill(frame, sizeof(frame), 1);
        EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame)), VIRTIO_OK);
        EXPECT_EQ(take_sent(&t, seen, sizeof(seen)), sizeof(frame));
        EXPECT_MEMEQ(seen, frame, sizeof(frame));
        EXPECT_EQ(vnet_drain(&t.net, 1), VIRTIO_OK);
        EXPECT_EQ(t.net.stats.tx_completed, 1);
        EXPECT_TRUE(fixture_has_event(&t.f, TRACE_NET_SEND));
        EXPECT_TRUE(fixture_has_event(&t.f, TRACE_NET_SENT));
        EXPECT_EQ(vnet_send(&t.net, frame, 13), VIRTIO_ERR_INVALID);
        EXPECT_EQ(vnet_send(&t.net, seen, t.net.send_bytes_max + 1), VIRTIO_ERR_INVALID);
        EXPECT_EQ(t.net.tx_pool.free_count, t.net.tx_pool.count);
        end(&t);
    }
}

UTEST(no_frame_exceeds_the_mtu_that_was_agreed)
{
    struct net_test t = { 0 };
    uint8_t frame[MTU_PLAIN + VNET_FRAME_BYTES_MIN + 1] = { 0 };
    struct vnet_slot slot;

    start(&t, &flavours[0], NET_FEATURES | VIRTIO_FEATURE(VIRTIO_NET_F_MTU));
    EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame)), VIRTIO_ERR_INVALID);
    EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame) - 1), VIRTIO_OK);
    EXPECT_EQ(vnet_reserve(&t.net, &slot), VIRTIO_OK);
    EXPECT_EQ(slot.bytes, sizeof(frame) - 1);
    EXPECT_EQ(vnet_commit(&t.net, &slot, sizeof(frame)), VIRTIO_ERR_INVALID);
    vnet_cancel(&t.net, &slot);
    end(&t);
}

UTEST(many_frames_cost_one_notification)
{
    struct net_test t = { 0 };
    uint8_t frame[64] = { 0 };

    start(&t, &flavours[0], NET_FEATURES);
    for (int i = 0; i < 20; i++) {
        EXPECT_EQ(vnet_queue_frame(&t.net, frame, sizeof(frame)), VIRTIO_OK);
    }
    EXPECT_EQ(t.f.fake.queues[VIRTIO_NET_TRANSMITQ].notify_count, 0);
    vnet_flush(&t.net);
    vnet_flush(&t.net);
    EXPECT_EQ(t.f.fake.queues[VIRTIO_NET_TRANSMITQ].notify_count, 1);
    EXPECT_EQ(t.f.fake.queues[VIRTIO_NET_TRANSMITQ].in_flight_count, 20);
    end(&t);
}

UTEST(a_full_queue_is_busy_until_frames_complete_in_any_order)
{
    struct net_test t = { .config = { .tx_queue_size = 4 } };
    uint8_t frame[64];
    uint8_t seen[64];

    start(&t, &flavours[0], NET_FEATURES);
    for (unsigned i = 0; i < 4; i++) {
        fill(frame, sizeof(frame), i);
        EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame)), VIRTIO_OK);
    }
    EXPECT_FALSE(vnet_can_send(&t.net));
    EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame)), VIRTIO_ERR_BUSY);
    EXPECT_EQ(t.net.stats.tx_busy, 1);

    /* The last one first: the buffer that comes back is the one used again, the others keep their bytes. */
    struct fake_chain *last = t.f.fake.queues[VIRTIO_NET_TRANSMITQ].last;
    fake_chain_complete(&t.f.fake, last, 0);
    EXPECT_TRUE(vnet_can_send(&t.net));
    fill(frame, sizeof(frame), 9);
    EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame)), VIRTIO_OK);
    for (unsigned i = 0; i < 4; i++) {
        fill(frame, sizeof(frame), i == 3 ? 9 : i);
        EXPECT_EQ(take_sent(&t, seen, sizeof(seen)), sizeof(frame));
        EXPECT_MEMEQ(seen, frame, sizeof(frame));
    }
    end(&t);
}

UTEST(a_slot_can_be_given_back)
{
    struct net_test t = { .config = { .tx_queue_size = 2 } };
    struct vnet_slot first;
    struct vnet_slot second;
    struct vnet_slot third;

    start(&t, &flavours[0], NET_FEATURES);
    EXPECT_EQ(vnet_reserve(&t.net, &first), VIRTIO_OK);
    EXPECT_EQ(vnet_reserve(&t.net, &second), VIRTIO_OK);
    EXPECT_EQ(vnet_reserve(&t.net, &third), VIRTIO_ERR_BUSY);
    vnet_cancel(&t.net, &first);
    vnet_cancel(&t.net, &first);
    EXPECT_EQ(vnet_reserve(&t.net, &third), VIRTIO_OK);
    EXPECT_EQ(vnet_commit(&t.net, &third, 10), VIRTIO_ERR_INVALID);
    EXPECT_EQ(vnet_commit(&t.net, &third, 60), VIRTIO_OK);
    vnet_flush(&t.net);
    EXPECT_EQ(t.f.fake.queues[VIRTIO_NET_TRANSMITQ].in_flight_count, 1);
    end(&t);
}

UTEST(a_frame_is_received_and_its_buffer_goes_back)
{
    for (size_t i = 0; i < (size_t)FLAVOUR_COUNT * 2; i++) {
        struct net_test t = { 0 };
        uint8_t frame[1514];
        uint8_t seen[1514];
        size_t bytes = 0;

        start(&t, &flavours[i / 2], NET_FEATURES | (i % 2 != 0 ? MERGEABLE : 0));
        EXPECT_EQ(vnet_receive(&t.net, seen, sizeof(seen), &bytes), VIRTIO_EMPTY);
        for (unsigned round = 0; round < 100; round++) {
            fill(frame, sizeof(frame), round);
            deliver_piece(&t, frame, sizeof(frame), 1);
            EXPECT_TRUE(vnet_can_recv(&t.net));
            EXPECT_EQ(vnet_receive(&t.net, seen, sizeof(seen), &bytes), VIRTIO_OK);
            EXPECT_EQ(bytes, sizeof(frame));
            EXPECT_MEMEQ(seen, frame, sizeof(frame));
            EXPECT_EQ(vnet_receive(&t.net, seen, sizeof(seen), &bytes), VIRTIO_EMPTY);
        }
        EXPECT_EQ(t.net.rx.in_flight_count, t.net.rx_pool.count);
        EXPECT_TRUE(fixture_has_event(&t.f, TRACE_NET_RECEIVE));
        end(&t);
    }
}

UTEST(a_frame_too_long_for_the_caller_waits)
{
    struct net_test t = { 0 };
    struct vnet_frame zero_copy;
    uint8_t frame[200];
    uint8_t seen[200];
    size_t bytes = 0;

    start(&t, &flavours[0], NET_FEATURES);
    fill(frame, sizeof(frame), 5);
    deliver_piece(&t, frame, sizeof(frame), 1);
    EXPECT_EQ(vnet_receive(&t.net, seen, 60, &bytes), VIRTIO_ERR_BUFFER_TOO_SMALL);
    EXPECT_EQ(bytes, sizeof(frame));
    EXPECT_TRUE(vnet_can_recv(&t.net));
    EXPECT_EQ(vnet_receive(&t.net, seen, sizeof(seen), &bytes), VIRTIO_OK);
    EXPECT_MEMEQ(seen, frame, sizeof(frame));

    deliver_piece(&t, frame, sizeof(frame), 1);
    EXPECT_EQ(vnet_receive(&t.net, seen, 60, &bytes), VIRTIO_ERR_BUFFER_TOO_SMALL);
    EXPECT_EQ(vnet_receive_frame(&t.net, &zero_copy), VIRTIO_OK);
    EXPECT_EQ(zero_copy.bytes, sizeof(frame));
    EXPECT_EQ((uintptr_t)zero_copy.segs[0].data % 4, 2);
    EXPECT_MEMEQ(zero_copy.segs[0].data, frame, sizeof(frame));
    EXPECT_FALSE(vnet_can_recv(&t.net));
    vnet_recycle(&t.net, &zero_copy);
    EXPECT_EQ(t.net.rx.in_flight_count, t.net.rx_pool.count);
    end(&t);
}

/* The device spreads a frame over as many buffers as it needs, each but the last full. */
static void
deliver_spread(struct net_test *t, const uint8_t *frame, uint32_t bytes)
{
    uint32_t room = t->net.frame_room + t->net.header_bytes;
    uint16_t buffer_count = (uint16_t)((bytes + t->net.header_bytes + room - 1) / room);
    uint32_t part = bytes < t->net.frame_room ? bytes : t->net.frame_room;

    deliver_piece(t, frame, part, buffer_count);
    for (uint32_t at = part; at < bytes; at += part) {
        part = bytes - at < room ? bytes - at : room;
        deliver_piece(t, frame + at, part, 0);
    }
}

UTEST(a_frame_over_several_buffers_is_joined)
{
    for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
        struct net_test t = { .config = { .buffer_bytes = 256 } };
        uint8_t frame[1514];
        uint8_t seen[1514];
        size_t bytes = 0;

        start(&t, &flavours[i], NET_FEATURES | MERGEABLE);
        for (uint32_t length = 60; length <= sizeof(frame); length += 97) {
            fill(frame, length, length);
            deliver_spread(&t, frame, length);
            EXPECT_EQ(vnet_receive(&t.net, seen, sizeof(seen), &bytes), VIRTIO_OK);
            EXPECT_EQ(bytes, length);
            EXPECT_MEMEQ(seen, frame, length);
            EXPECT_EQ(vnet_receive(&t.net, seen, sizeof(seen), &bytes), VIRTIO_EMPTY);
        }
        EXPECT_TRUE(t.net.stats.rx_joined > 0);
        EXPECT_EQ(t.net.rx.in_flight_count, t.net.rx_pool.count);
        end(&t);
    }
}

UTEST(frames_too_long_or_too_short_are_dropped_and_counted)
{
    struct net_test t = { .config = { .buffer_bytes = 256 } };
    static uint8_t frame[4000];
    static uint8_t seen[4000];
    size_t bytes = 0;

    start(&t, &flavours[0], NET_FEATURES | MERGEABLE);
    deliver_spread(&t, frame, sizeof(frame));
    deliver_spread(&t, frame, 13);
    deliver_spread(&t, frame, 60);
    EXPECT_EQ(vnet_receive(&t.net, seen, sizeof(seen), &bytes), VIRTIO_OK);
    EXPECT_EQ(bytes, 60);
    EXPECT_EQ(t.net.stats.rx_too_long, 1);
    EXPECT_EQ(t.net.stats.rx_too_short, 1);
    EXPECT_EQ(vnet_receive(&t.net, seen, sizeof(seen), &bytes), VIRTIO_EMPTY);
    EXPECT_EQ(t.net.rx.in_flight_count, t.net.rx_pool.count);
    end(&t);
}

UTEST(without_a_link_frames_are_refused)
{
    struct net_test t = { .config = { .is_interrupting = true } };
    uint8_t frame[60] = { 0 };

    start(&t, &flavours[0], NET_FEATURES);
    t.f.fake.config[6] = 0;
    fake_device_config_changed(&t.f.fake);
    EXPECT_EQ(vnet_take_events(&t.net), VNET_EVENT_LINK);
    EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame)), VIRTIO_ERR_TRANSMIT_FAILED);
    EXPECT_FALSE(vnet_is_link_up(&t.net));
    EXPECT_EQ(t.net.stats.tx_link_down, 1);
    t.f.fake.config[6] = VIRTIO_NET_S_LINK_UP;
    fake_device_config_changed(&t.f.fake);
    EXPECT_EQ(vnet_take_events(&t.net), VNET_EVENT_LINK);
    EXPECT_EQ(vnet_send(&t.net, frame, sizeof(frame)), VIRTIO_OK);
    EXPECT_EQ(t.net.stats.link_changes, 2);
    end(&t);
}

UTEST(frames_interrupt_only_where_asked_for)
{
    for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
        struct net_test t = { .config = { .is_interrupting = true } };
        uint8_t frame[60] = { 0 };
        uint8_t seen[2048];
        size_t bytes;

        start(&t, &flavours[i], NET_FEATURES);
        EXPECT_FALSE(vnet_rx_interrupts_on(&t.net));
        deliver_piece(&t, frame, sizeof(frame), 1);
        EXPECT_EQ(vnet_take_events(&t.net), VNET_EVENT_QUEUE);
        vnet_rx_interrupts_off(&t.net);
        EXPECT_EQ(vnet_receive(&t.net, seen, sizeof(seen), &bytes), VIRTIO_OK);
        EXPECT_EQ(vnet_receive(&t.net, seen, sizeof(seen), &bytes), VIRTIO_EMPTY);
        deliver_piece(&t, frame, sizeof(frame), 1);
        EXPECT_TRUE(vnet_rx_interrupts_on(&t.net)); /* it waits already */
        (void)vnet_take_events(&t.net);
        end(&t);
    }
}

UTEST(a_starved_device_is_notified_of_every_buffer)
{
    struct net_test t = {
        .config = {.rx_queue_size = 4, .is_interrupting = true}
    };
    struct vnet_frame frames[4];
    uint8_t frame[60] = { 0 };

    start(&t, &flavours[1], NET_FEATURES);
    for (int i = 0; i < 4; i++) {
        deliver_piece(&t, frame, sizeof(frame), 1);
        EXPECT_EQ(vnet_receive_frame(&t.net, &frames[i]), VIRTIO_OK);
    }
    EXPECT_TRUE(fake_queue_oldest(&t.f.fake, VIRTIO_NET_RECEIVEQ) == NULL);
    vnet_recycle(&t.net, &frames[2]);
    EXPECT_TRUE(fake_queue_oldest(&t.f.fake, VIRTIO_NET_RECEIVEQ) != NULL);
    for (int i = 0; i < 4; i++) {
        vnet_recycle(&t.net, &frames[i]);
    }
    EXPECT_EQ(t.net.rx.in_flight_count, t.net.rx_pool.count);
    end(&t);
}

UTEST(a_finished_net_leaves_the_device_free)
{
    struct net_test t = { 0 };
    struct vnet_frame frame = { .seg_count = 0 };
    uint8_t bytes[60] = { 0 };

    start(&t, &flavours[0], NET_FEATURES);
    deliver_piece(&t, bytes, sizeof(bytes), 1);
    EXPECT_EQ(vnet_receive_frame(&t.net, &frame), VIRTIO_OK);
    vnet_finish(&t.net);
    vnet_recycle(&t.net, &frame);
    EXPECT_EQ(t.f.device->owner[0], '\0');
    EXPECT_EQ(t.f.fake.status, 0);
    t.f.arena.used_bytes = 0;
    EXPECT_EQ(bring_up(&t), VIRTIO_OK);
    end(&t);
}

/* Both directions at random paces; every frame arrives once, whole and in order of its queue. */
static void
stress(struct net_test *t)
{
    unsigned sent = 0;
    unsigned sent_seen = 0;
    unsigned delivered = 0;
    unsigned received = 0;
    uint8_t frame[1500];
    uint8_t seen[2048];

    for (unsigned round = 0; round < STRESS_ROUNDS && !utest.has_failed; round++) {
        size_t bytes = 14 + fake_random(&t->f.fake) % 200;

        switch (fake_random(&t->f.fake) % 4) {
        case 0:
            fill(frame, bytes, sent);
            sent += vnet_send(&t->net, frame, bytes) == VIRTIO_OK;
            break;
        case 1:
            if (fake_queue_oldest(&t->f.fake, VIRTIO_NET_TRANSMITQ) != NULL) {
                bytes = take_sent(t, seen, sizeof(seen));
                fill(frame, bytes, sent_seen++);
                EXPECT_MEMEQ(seen, frame, bytes);
            }
            break;
        case 2:
            if (fake_queue_oldest(&t->f.fake, VIRTIO_NET_RECEIVEQ) != NULL) {
                fill(frame, bytes, delivered++);
                deliver_piece(t, frame, (uint32_t)bytes, 1);
            }
            break;
        default:
            if (vnet_receive(&t->net, seen, sizeof(seen), &bytes) == VIRTIO_OK) {
                fill(frame, bytes, received++);
                EXPECT_MEMEQ(seen, frame, bytes);
            }
            break;
        }
    }
    EXPECT_TRUE(received > STRESS_ROUNDS / 10 && sent_seen > STRESS_ROUNDS / 10);
}

UTEST(frames_of_both_directions_survive_a_long_run)
{
    for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
        struct net_test t = {
            .config = {.rx_queue_size = 8, .tx_queue_size = 8}
        };

        start(&t, &flavours[i], NET_FEATURES | MERGEABLE);
        virtio_trace_enable(&t.f.trace, false);
        stress(&t);
        end(&t);
    }
}
