/*
 * A driver that went further than one lap of the ring since its last notification, because the device looked by itself: an
 * event that the device asked for in between can no longer be told from one of another lap, so the device is notified
 * (VirtIO 1.3 §2.7.10.1, §2.8.21.3.1: never too seldom). Up to one lap the event decides, exactly.
 * conformance: S0-06
 */
#include "tests/unit/virtq_hand.h"

#define PACKED VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)

enum { SIZE = 4 };

static struct hand *
new_hand(uint64_t format)
{
    struct virtq_config config = { .size_max = SIZE, .is_untimed = true };
    struct hand *hand = hand_new(format | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX), &config);
    virtio_trace_enable(&hand->trace, false);
    return hand;
}

/* `count` buffers, each taken and used by the device without a notification. */
static void
pass(struct hand *hand, unsigned count)
{
    for (unsigned i = 0; i < count && !utest.has_failed; i++) {
        struct hand_buffer buffer;
        struct virtq_done done;
        EXPECT_EQ(hand_add(hand, 1, 0, i), VIRTIO_OK);
        EXPECT_TRUE(hand_take(hand, &buffer));
        hand_use(hand, &buffer, 0);
        EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
    }
}

/* The device asks to be told of the buffer that comes `ahead` buffers after those it has seen. */
static void
ask_notify(struct hand *hand, unsigned ahead)
{
    unsigned at = hand->avail_idx + ahead;
    if (!hand->is_packed) {
        *hand_avail_event(hand) = le16_from((uint16_t)at);
        return;
    }
    bool wrap = hand->avail_wrap != (at / SIZE % 2 != 0);
    *hand_device_event(hand) =
        (struct virtq_packed_event){ le16_from((uint16_t)(at % SIZE | (wrap ? 0x8000U : 0))),
                                     le16_from(VIRTQ_EVENT_DESC) };
}

/* From each place in the ring: the first of `count` buffers is the one that the device waits for. */
static void
expect_notified_after(uint64_t format, unsigned count)
{
    for (unsigned place = 0; place < 2 * SIZE && !utest.has_failed; place++) {
        struct hand *hand = new_hand(format);
        pass(hand, place);
        (void)virtq_notify(&hand->q);
        ask_notify(hand, 0);
        pass(hand, count);
        if (!EXPECT_TRUE(virtq_notify(&hand->q))) {
            printf("        %u buffers from place %u\n", count, place);
        }
        hand_free(hand);
    }
}

UTEST(an_event_of_an_earlier_lap_is_not_missed)
{
    for (unsigned count = 1; count <= 5 * SIZE; count++) {
        expect_notified_after(0, count);
        expect_notified_after(PACKED, count);
    }
}

UTEST(an_event_is_not_missed_when_the_index_has_come_round)
{
    struct hand *hand = new_hand(0);
    ask_notify(hand, 0);
    pass(hand, 65536);
    EXPECT_TRUE(virtq_notify(&hand->q));
    ask_notify(hand, 0);
    pass(hand, 65537);
    EXPECT_TRUE(virtq_notify(&hand->q));
    hand_free(hand);
}

UTEST(within_one_lap_the_event_decides)
{
    static const uint64_t formats[] = { 0, PACKED };
    for (unsigned i = 0; i < 2 * 2 * SIZE; i++) {
        struct hand *hand = new_hand(formats[i % 2]);
        pass(hand, i / 2);
        (void)virtq_notify(&hand->q);
        pass(hand, SIZE);
        ask_notify(hand, 0);
        EXPECT_FALSE(virtq_notify(&hand->q));
        hand_free(hand);
    }
}
