/*
 * Honest devices, both formats: every size, wrap-around, chains, indirect, in order with batches, notifications and
 * interrupts with and without EVENT_IDX.
 * conformance: S0-06 S0-08
 */
#include "virtio/core/queue_format.h"

#include "tests/unit/virtq_hand.h"

#define PACKED VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)

static const uint64_t formats[] = { 0, PACKED };
enum { FORMATS = 2 };

/* Numbers that look random and are the same in each run. */
static uint32_t
next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

/* What the test remembers of buffers that the device holds. */
struct held {
    struct hand_buffer buffer;
    uintptr_t number;
};

static void
check_buffer(const struct held *held, uint16_t readable_count, uint16_t writable_count)
{
    const struct hand_buffer *buffer = &held->buffer;
    EXPECT_EQ(buffer->seg_count, readable_count + writable_count);
    EXPECT_EQ(buffer->writable_count, writable_count);
    for (unsigned i = 0; i < buffer->seg_count; i++) {
        EXPECT_EQ(buffer->segs[i].addr, held->number * 4096 + (uint64_t)i * 16);
        EXPECT_EQ(buffer->segs[i].bytes, 16);
    }
}

/* Add and use at random for many laps; tokens, lengths and free counts must come out even. */
static void
run_laps(uint64_t features, uint16_t size, uint16_t indirect_max, bool is_shuffled)
{
    struct virtq_config config = { .size_max = size, .indirect_max = indirect_max };
    struct hand *hand = hand_new(features, &config);
    struct held held[1024];
    unsigned held_count = 0;
    uint32_t random = size;
    uintptr_t number = 1;
    for (unsigned turn = 0; turn < 3000; turn++) {
        uint16_t readable_count = (uint16_t)(next_random(&random) % 4);
        uint16_t writable_count = (uint16_t)(next_random(&random) % 3 + (readable_count == 0));
        unsigned seg_count = (unsigned)readable_count + writable_count;
        enum virtio_err err = hand_add(hand, readable_count, writable_count, number);
        if (err == VIRTIO_OK) {
            EXPECT_TRUE(hand_take(hand, &held[held_count].buffer));
            held[held_count].number = number++;
            check_buffer(&held[held_count], readable_count, writable_count);
            held_count++;
        } else if (seg_count > size) {
            EXPECT_EQ(err, VIRTIO_ERR_INVALID);
        } else {
            EXPECT_EQ(err, VIRTIO_ERR_BUSY);
        }
        if (held_count > 0 && (err != VIRTIO_OK || next_random(&random) % 2 == 0)) {
            unsigned pick = is_shuffled ? next_random(&random) % held_count : 0;
            struct held used = held[pick];
            uint32_t written_bytes =
                used.buffer.writable_count * 16U - (used.buffer.writable_count > 0);
            hand_use(hand, &used.buffer, written_bytes);
            memmove(&held[pick], &held[pick + 1], (held_count - pick - 1) * sizeof(held[0]));
            held_count--;
            struct virtq_done done;
            EXPECT_TRUE(virtq_has_used(&hand->q));
            EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
            EXPECT_EQ(done.token, used.number);
            EXPECT_EQ(done.cookie, (uint32_t)used.number);
            EXPECT_EQ(done.written_bytes, written_bytes);
            EXPECT_TRUE(done.latency_ns >= 100);
            EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_EMPTY);
        }
        EXPECT_EQ(hand->q.in_flight_count, held_count);
        if (utest.has_failed) {
            break;
        }
    }
    EXPECT_EQ(hand->q.stats.added, number - 1);
    hand_free(hand);
}

UTEST(every_size_in_every_format_for_many_laps)
{
    for (uint16_t size = 1; size <= 1024; size = (uint16_t)(size * 2)) {
        for (int i = 0; i < FORMATS; i++) {
            run_laps(formats[i], size, 0, true);
            run_laps(formats[i] | VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC), size, 4, true);
            run_laps(formats[i] | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX), size, 0, true);
            run_laps(formats[i] | VIRTIO_FEATURE(VIRTIO_F_IN_ORDER), size, 0, false);
            run_laps(formats[i] | VIRTIO_FEATURE(VIRTIO_F_IN_ORDER) |
                         VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC),
                     size, 3, false);
        }
    }
}

UTEST(more_than_65536_buffers_pass)
{
    for (int i = 0; i < FORMATS; i++) {
        struct virtq_config config = { .size_max = 4 };
        struct hand *hand = hand_new(formats[i], &config);
        struct virtq_done done;
        struct hand_buffer buffer;
        for (uintptr_t number = 1; number < 70000 && !utest.has_failed; number++) {
            EXPECT_EQ(hand_add(hand, 1, 0, number), VIRTIO_OK);
            EXPECT_TRUE(hand_take(hand, &buffer));
            hand_use(hand, &buffer, 0);
            EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
            EXPECT_EQ(done.token, number);
        }
        hand_free(hand);
    }
}

UTEST(wrong_chains_change_nothing)
{
    for (int i = 0; i < FORMATS; i++) {
        struct virtq_config config = { .size_max = 4 };
        struct hand *hand = hand_new(formats[i], &config);
        struct virtq_seg huge[2] = {
            {0,  UINT32_MAX},
            { 0, 1         }
        };
        struct virtq_seg empty[1] = {
            {4096, 0}
        };
        struct virtq_chain too_long = { .segs = huge, .readable_count = 1, .writable_count = 1 };
        struct virtq_chain no_bytes = { .segs = empty, .readable_count = 1 };
        EXPECT_EQ(hand_add(hand, 0, 0, 1), VIRTIO_ERR_INVALID);
        EXPECT_EQ(hand_add(hand, 3, 2, 1), VIRTIO_ERR_INVALID);
        EXPECT_EQ(hand_add(hand, 65535, 5, 1), VIRTIO_ERR_INVALID);
        EXPECT_EQ(virtq_add(&hand->q, &too_long), VIRTIO_ERR_INVALID);
        EXPECT_EQ(virtq_add(&hand->q, &no_bytes), VIRTIO_ERR_INVALID);
        EXPECT_EQ(virtq_free_count(&hand->q), 4);
        struct hand_buffer buffer;
        EXPECT_FALSE(hand_take(hand, &buffer));
        EXPECT_EQ(hand_add(hand, 2, 1, 1), VIRTIO_OK);
        EXPECT_EQ(hand_add(hand, 1, 1, 2), VIRTIO_ERR_BUSY);
        EXPECT_EQ(hand_add(hand, 1, 0, 3), VIRTIO_OK);
        EXPECT_EQ(hand_add(hand, 1, 0, 4), VIRTIO_ERR_BUSY);
        hand_free(hand);
    }
}

UTEST(indirect_chains_take_one_entry)
{
    for (int i = 0; i < FORMATS; i++) {
        struct virtq_config config = { .size_max = 8, .indirect_max = 4 };
        struct hand *hand = hand_new(formats[i] | VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC), &config);
        struct hand_buffer buffer;
        EXPECT_EQ(hand_add(hand, 2, 2, 1), VIRTIO_OK);
        EXPECT_EQ(virtq_free_count(&hand->q), 7);
        EXPECT_TRUE(hand_take(hand, &buffer));
        EXPECT_TRUE(buffer.is_indirect);
        EXPECT_EQ(buffer.seg_count, 4);
        EXPECT_EQ(hand_add(hand, 3, 2, 2), VIRTIO_OK); /* too long for its table: direct */
        EXPECT_EQ(virtq_free_count(&hand->q), 2);
        EXPECT_TRUE(hand_take(hand, &buffer));
        EXPECT_FALSE(buffer.is_indirect);
        EXPECT_EQ(hand_add(hand, 1, 0, 3), VIRTIO_OK); /* one segment needs no table */
        EXPECT_TRUE(hand_take(hand, &buffer));
        EXPECT_FALSE(buffer.is_indirect);
        hand_free(hand);
    }
}

UTEST(in_order_one_element_stands_for_a_batch)
{
    for (int i = 0; i < FORMATS; i++) {
        struct virtq_config config = { .size_max = 16 };
        struct hand *hand = hand_new(formats[i] | VIRTIO_FEATURE(VIRTIO_F_IN_ORDER), &config);
        uintptr_t number = 0;
        for (unsigned lap = 0; lap < 500 && !utest.has_failed; lap++) {
            struct hand_buffer buffer;
            uint16_t count = (uint16_t)(lap % 5 + 1);
            uint16_t desc_count = 0;
            for (unsigned k = 0; k < count; k++) {
                EXPECT_EQ(hand_add(hand, 1, (uint16_t)(k % 3), number + k), VIRTIO_OK);
                EXPECT_TRUE(hand_take(hand, &buffer));
                desc_count = (uint16_t)(desc_count + buffer.desc_count);
            }
            uint32_t last_bytes = (count - 1U) % 3 * 16 / 2;
            hand_use_batch(hand, buffer.id, last_bytes, count, desc_count);
            for (unsigned k = 0; k < count; k++) {
                struct virtq_done done;
                EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
                EXPECT_EQ(done.token, number + k);
                EXPECT_EQ(done.written_bytes, k + 1 == count ? last_bytes : k % 3 * 16);
            }
            EXPECT_FALSE(virtq_has_used(&hand->q));
            EXPECT_EQ(virtq_free_count(&hand->q), 16);
            number += count;
        }
        hand_free(hand);
    }
}

UTEST(packed_length_counts_only_with_the_write_flag)
{
    struct virtq_config config = { .size_max = 4 };
    struct hand *hand = hand_new(PACKED, &config);
    struct virtq_done done;
    EXPECT_EQ(hand_add(hand, 1, 1, 1), VIRTIO_OK);
    hand_ring(hand)[0].len = le32_from(9999); /* reserved, §2.8.4 */
    hand_ring(hand)[0].flags = le16_from(VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED);
    EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
    EXPECT_EQ(done.written_bytes, 0);
    hand_free(hand);
}

UTEST(split_in_order_descriptors_follow_the_table)
{
    struct virtq_config config = { .size_max = 8 };
    struct hand *hand = hand_new(VIRTIO_FEATURE(VIRTIO_F_IN_ORDER), &config);
    uint16_t expected = 0;
    for (uintptr_t number = 1; number < 100; number++) {
        struct hand_buffer buffer;
        struct virtq_done done;
        EXPECT_EQ(hand_add(hand, 2, 1, number), VIRTIO_OK);
        EXPECT_TRUE(hand_take(hand, &buffer));
        EXPECT_EQ(buffer.id, expected);
        for (uint16_t at = expected, i = 0; i < 2; i++) {
            EXPECT_EQ(le16_get(hand_table(hand)[at].next), (at + 1) % 8);
            at = (uint16_t)((at + 1) % 8);
        }
        expected = (uint16_t)((expected + 3) % 8);
        hand_use(hand, &buffer, 0);
        EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
    }
    hand_free(hand);
}

/* The device's wish: notify me once the buffer (split) or slot (packed) at our avail position plus `ahead` is available. */
static void
ask_notify(struct hand *hand, uint16_t ahead)
{
    unsigned at = hand->avail_idx + ahead;
    if (!hand->is_packed) {
        *hand_avail_event(hand) = le16_from((uint16_t)at);
        return;
    }
    bool wrap = hand->avail_wrap;
    if (at >= hand->areas.size) {
        at -= hand->areas.size;
        wrap = !wrap;
    }
    *hand_device_event(hand) =
        (struct virtq_packed_event){ le16_from((uint16_t)(at | (wrap ? 0x8000U : 0))),
                                     le16_from(VIRTQ_EVENT_DESC) };
}

UTEST(event_idx_notifies_exactly_when_the_event_is_passed)
{
    for (int i = 0; i < FORMATS; i++) {
        struct virtq_config config = { .size_max = 8 };
        struct hand *hand = hand_new(formats[i] | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX), &config);
        uint32_t random = 7;
        /* Enough buffers to pass 2^16 in the split index and many laps of the packed ring. */
        for (unsigned turn = 0; turn < 30000 && !utest.has_failed; turn++) {
            uint16_t ahead = (uint16_t)(next_random(&random) % 8);
            uint16_t count = (uint16_t)(next_random(&random) % 8 + 1);
            ask_notify(hand, ahead);
            for (uint16_t k = 0; k < count; k++) {
                EXPECT_EQ(hand_add(hand, 1, 0, k), VIRTIO_OK);
            }
            EXPECT_EQ(virtq_notify(&hand->q), ahead < count);
            EXPECT_FALSE(virtq_notify(&hand->q)); /* nothing new */
            struct hand_buffer buffer;
            struct virtq_done done;
            while (hand_take(hand, &buffer)) {
                hand_use(hand, &buffer, 0);
                EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
            }
        }
        hand_free(hand);
    }
}

UTEST(without_event_idx_a_flag_suppresses)
{
    for (int i = 0; i < FORMATS; i++) {
        struct virtq_config config = { .size_max = 8 };
        struct hand *hand = hand_new(formats[i], &config);
        EXPECT_FALSE(virtq_notify(&hand->q));
        EXPECT_EQ(hand_add(hand, 1, 0, 1), VIRTIO_OK);
        EXPECT_TRUE(virtq_notify(&hand->q));
        EXPECT_EQ(hand->notify_value, 0);
        if (hand->is_packed) {
            hand_device_event(hand)->flags = le16_from(VIRTQ_EVENT_DISABLE);
        } else {
            hand_used(hand)->flags = le16_from(VIRTQ_USED_F_NO_NOTIFY);
        }
        EXPECT_EQ(hand_add(hand, 1, 0, 2), VIRTIO_OK);
        EXPECT_FALSE(virtq_notify(&hand->q));
        EXPECT_EQ(hand->q.stats.notified, 1);
        EXPECT_EQ(hand->q.stats.notify_suppressed, 1);
        hand_free(hand);
    }
}

UTEST(notification_data_tells_the_next_position)
{
    struct virtq_config config = { .size_max = 4 };
    struct hand *hand = hand_new(VIRTIO_FEATURE(VIRTIO_F_NOTIFICATION_DATA), &config);
    EXPECT_EQ(hand_add(hand, 2, 0, 1), VIRTIO_OK);
    EXPECT_TRUE(virtq_notify(&hand->q));
    EXPECT_EQ(hand->notify_value, 1U << 16);
    hand_free(hand);
    hand = hand_new(PACKED | VIRTIO_FEATURE(VIRTIO_F_NOTIFICATION_DATA), &config);
    EXPECT_EQ(hand_add(hand, 2, 0, 1), VIRTIO_OK);
    EXPECT_TRUE(virtq_notify(&hand->q));
    EXPECT_EQ(hand->notify_value, 2U << 16 | 1U << 31);
    EXPECT_EQ(hand_add(hand, 2, 0, 1), VIRTIO_OK);
    EXPECT_TRUE(virtq_notify(&hand->q));
    EXPECT_EQ(hand->notify_value, 0U << 16); /* the lap is over: offset 0, counter 0 */
    hand_free(hand);
}

/* Would an honest device interrupt when its used position goes from `from_idx` to where it is now, one buffer further? */
static bool
is_interrupt_due(const struct hand *hand, uint16_t from_idx, bool from_wrap)
{
    if (!hand->is_packed) {
        uint16_t event = le16_get(hand_avail(hand)->ring[hand->areas.size]);
        return (uint16_t)(hand->used_idx - event - 1) < (uint16_t)(hand->used_idx - from_idx);
    }
    const struct virtq_packed_event *event = hand_driver_event(hand);
    if (le16_get(event->flags) != VIRTQ_EVENT_DESC) {
        return le16_get(event->flags) == VIRTQ_EVENT_ENABLE;
    }
    return le16_get(event->off_wrap) == (uint16_t)(from_idx | (from_wrap ? 0x8000U : 0));
}

UTEST(event_idx_taking_until_empty_asks_for_the_next_interrupt)
{
    for (int i = 0; i < FORMATS; i++) {
        struct virtq_config config = { .size_max = 8, .is_interrupting = true };
        struct hand *hand = hand_new(formats[i] | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX), &config);
        for (unsigned turn = 0; turn < 70000 && !utest.has_failed; turn++) {
            struct hand_buffer buffer;
            struct virtq_done done;
            uint16_t from_idx = hand->used_idx;
            bool from_wrap = hand->used_wrap;
            EXPECT_EQ(hand_add(hand, 1, 0, turn), VIRTIO_OK);
            EXPECT_TRUE(hand_take(hand, &buffer));
            hand_use(hand, &buffer, 0);
            EXPECT_TRUE(is_interrupt_due(hand, from_idx, from_wrap));
            EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
            EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_EMPTY);
        }
        hand_free(hand);
    }
}

UTEST(event_idx_polled_queues_are_not_interrupted)
{
    for (int i = 0; i < FORMATS; i++) {
        struct virtq_config config = { .size_max = 8, .is_interrupting = false };
        struct hand *hand = hand_new(formats[i] | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX), &config);
        for (unsigned turn = 0; turn < 140000 && !utest.has_failed; turn++) {
            struct hand_buffer buffer;
            struct virtq_done done;
            uint16_t from_idx = hand->used_idx;
            EXPECT_EQ(hand_add(hand, 1, 0, turn), VIRTIO_OK);
            EXPECT_TRUE(hand_take(hand, &buffer));
            hand_use(hand, &buffer, 0);
            EXPECT_FALSE(is_interrupt_due(hand, from_idx, true));
            EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
            EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_EMPTY);
        }
        hand_free(hand);
    }
}

UTEST(interrupts_can_be_turned_off_and_on)
{
    for (int i = 0; i < FORMATS; i++) {
        struct virtq_config config = { .size_max = 8, .is_interrupting = true };
        struct hand *hand = hand_new(formats[i], &config);
        struct hand_buffer buffer;
        const le16 *flags =
            hand->is_packed ? &hand_driver_event(hand)->flags : &hand_avail(hand)->flags;
        EXPECT_EQ(le16_get(*flags), 0);
        virtq_interrupts_off(&hand->q);
        EXPECT_EQ(le16_get(*flags), 1);
        EXPECT_FALSE(virtq_interrupts_on(&hand->q));
        EXPECT_EQ(le16_get(*flags), 0);
        virtq_interrupts_off(&hand->q);
        EXPECT_EQ(hand_add(hand, 1, 0, 1), VIRTIO_OK);
        EXPECT_TRUE(hand_take(hand, &buffer));
        hand_use(hand, &buffer, 0);
        EXPECT_TRUE(virtq_interrupts_on(&hand->q));
        hand_free(hand);
    }
}

static void
count_dropped(void *ctx, void *token)
{
    uintptr_t *sum = ctx;
    *sum += (uintptr_t)token;
}

UTEST(finish_hands_back_what_was_in_flight)
{
    for (int i = 0; i < FORMATS; i++) {
        struct virtq_config config = { .size_max = 8 };
        struct hand *hand = hand_new(formats[i], &config);
        struct hand_buffer buffer;
        struct virtq_done done;
        EXPECT_EQ(hand_add(hand, 1, 1, 100), VIRTIO_OK);
        EXPECT_EQ(hand_add(hand, 1, 0, 20), VIRTIO_OK);
        EXPECT_EQ(hand_add(hand, 2, 1, 3), VIRTIO_OK);
        EXPECT_TRUE(hand_take(hand, &buffer));
        EXPECT_TRUE(hand_take(hand, &buffer));
        hand_use(hand, &buffer, 0);
        EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
        EXPECT_EQ(done.token, 20);
        uintptr_t sum = 0;
        EXPECT_EQ(virtio_device_reset(hand->device, "test"), VIRTIO_OK);
        virtq_finish(&hand->q, count_dropped, &sum);
        EXPECT_EQ(sum, 103);
        virtq_finish(&hand->q, count_dropped, &sum); /* zeroed by now */
        EXPECT_EQ(sum, 103);
        hand_free(hand);
    }
}

UTEST(before_the_start_nothing_is_notified_and_nothing_is_lost)
{
    struct virtq_config config = { .size_max = 8 };
    struct hand *hand = hand_new(0, &config);
    struct virtio_feature_request request = { 0 };
    EXPECT_EQ(virtio_device_negotiate(hand->device, &request), VIRTIO_OK);
    virtq_finish(&hand->q, NULL, NULL);
    hand->arena.used_bytes = 0;
    EXPECT_EQ(virtq_setup(&hand->q, hand->device, 0, &config, &hand->arena), VIRTIO_OK);
    EXPECT_EQ(hand_add(hand, 1, 0, 1), VIRTIO_OK);
    EXPECT_FALSE(virtq_notify(&hand->q));
    EXPECT_EQ(hand->notify_count, 0);
    EXPECT_EQ(virtio_device_start(hand->device), VIRTIO_OK);
    EXPECT_TRUE(virtq_notify(&hand->q));
    EXPECT_EQ(hand->notify_count, 1);
    hand_free(hand);
}

UTEST(setup_refuses_what_cannot_be)
{
    struct virtq_config good = { .size_max = 8 };
    struct hand *hand = hand_new(0, &good);
    struct virtio_feature_request request = { 0 };
    struct virtq q = { 0 };
    EXPECT_EQ(virtq_setup(&q, hand->device, 1, &good, &hand->arena), VIRTIO_ERR_STATE);
    EXPECT_EQ(virtio_device_negotiate(hand->device, &request), VIRTIO_OK);
    virtq_finish(&hand->q, NULL, NULL);
    struct virtq_config odd = { .size_max = 6 };
    struct virtq_config zero = { .size_max = 0 };
    struct virtq_config big = { .size_max = 2048 };
    EXPECT_EQ(virtq_setup(&q, hand->device, 0, &odd, &hand->arena), VIRTIO_ERR_INVALID);
    EXPECT_EQ(virtq_setup(&q, hand->device, 0, &zero, &hand->arena), VIRTIO_ERR_INVALID);
    EXPECT_EQ(virtq_setup(&q, hand->device, 0, &big, &hand->arena), VIRTIO_ERR_INVALID);
    EXPECT_EQ(virtq_setup(&q, hand->device, 8, &good, &hand->arena), VIRTIO_ERR_INVALID);
    EXPECT_EQ(virtq_setup(&q, hand->device, 1, &good, &hand->arena), VIRTIO_ERR_NO_DEVICE);
    struct virtio_arena small = { .base = hand->arena.base, .bytes = 4096 };
    EXPECT_EQ(virtq_setup(&q, hand->device, 0, &good, &small), VIRTIO_ERR_NO_MEMORY);
    EXPECT_EQ(small.used_bytes, 0);
    hand->size_max = 5; /* the device's maximum need not be a power of two */
    EXPECT_EQ(virtq_setup(&q, hand->device, 0, &good, &hand->arena), VIRTIO_OK);
    EXPECT_EQ(q.size, 4);
    EXPECT_EQ(virtq_setup(&hand->q, hand->device, 0, &good, &hand->arena), VIRTIO_ERR_BUSY);
    EXPECT_EQ(virtio_device_reset(hand->device, "test"), VIRTIO_OK);
    virtq_finish(&q, NULL, NULL);
    hand_free(hand);
}

/* A device that uses a buffer after our first look and before it can see our event: it will not interrupt for that one. */
static struct {
    struct hand *hand;
    const struct virtq_format_ops *ops;
    struct hand_buffer buffer;
    bool is_due;
} late;

static void
use_and_ask(struct virtq *q)
{
    if (late.is_due) {
        late.is_due = false;
        hand_use(late.hand, &late.buffer, 0);
    }
    late.ops->ask_interrupts(q);
}

/* §2.7.7.2: after the event is moved the ring is looked at once more, or that buffer would wait for the next one. */
UTEST(a_buffer_used_between_the_look_and_the_event_is_found)
{
    for (int i = 0; i < FORMATS; i++) {
        struct virtq_config config = { .size_max = 8, .is_interrupting = true };
        struct hand *hand = hand_new(formats[i] | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX), &config);
        struct virtq_format_ops ops = *hand->q.ops;
        struct virtq_done done;
        late.hand = hand;
        late.ops = hand->q.ops;
        ops.ask_interrupts = use_and_ask;
        hand->q.ops = &ops;
        for (uintptr_t number = 1; number < 20; number++) {
            EXPECT_EQ(hand_add(hand, 1, 1, number), VIRTIO_OK);
            EXPECT_EQ(hand_add(hand, 1, 1, number + 100), VIRTIO_OK);
            EXPECT_TRUE(hand_take(hand, &late.buffer));
            hand_use(hand, &late.buffer, 0);
            EXPECT_TRUE(hand_take(hand, &late.buffer));
            late.is_due = true;
            EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
            EXPECT_EQ(done.token, number);
            EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
            EXPECT_EQ(done.token, number + 100);
            EXPECT_FALSE(late.is_due);
            EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_EMPTY);
        }
        hand->q.ops = late.ops;
        hand_free(hand);
    }
}
