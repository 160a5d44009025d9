/*
 * Everything that a device can lie about in a used ring, both formats: each lie is noticed at once, by its own rule, and
 * the queue stays broken until the device was reset and the queue set up anew. (issue: U08)
 * conformance: S2-05
 */
#include "tests/unit/virtq_hand.h"

static const struct virtq_config eight = { .size_max = 8, .is_interrupting = true };

static const uint64_t formats[] = { 0, VIRTIO_FEATURE(VIRTIO_F_RING_PACKED) };
enum { FORMATS = 2 };

static void
expect_broken(struct hand *hand, const char *rule, uint64_t value)
{
    struct virtq_done done;
    EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_ERR_BROKEN);
    EXPECT_CONTAINS(hand->q.fault.rule, rule);
    EXPECT_CONTAINS(hand->q.fault.rule, "VirtIO 1.3 §2.");
    EXPECT_EQ(hand->q.fault.value, value);
    EXPECT_TRUE(hand->q.fault.time_ns != 0);
    EXPECT_CONTAINS(hand->log, rule);
    /* Sticky, whatever is called and however honest the device becomes; and the device is broken with it. */
    EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(hand_add(hand, 1, 0, 77), VIRTIO_ERR_BROKEN);
    EXPECT_FALSE(virtq_notify(&hand->q));
    EXPECT_EQ(virtio_device_health(hand->device), VIRTIO_ERR_BROKEN);
    EXPECT_STREQ(hand->device->fault.rule, hand->q.fault.rule);
    EXPECT_EQ(hand->device->fault_count, 1);
    hand_free(hand);
}

UTEST(id_out_of_range)
{
    for (int i = 0; i < FORMATS; i++) {
        struct hand *hand = hand_new(formats[i], &eight);
        EXPECT_EQ(hand_add(hand, 1, 1, 1), VIRTIO_OK);
        hand_use_batch(hand, 8, 0, 1, 2);
        expect_broken(hand, "id is out of range", 8);
    }
}

UTEST(id_far_out_of_range)
{
    struct hand *hand = hand_new(0, &eight);
    EXPECT_EQ(hand_add(hand, 1, 1, 1), VIRTIO_OK);
    hand_use_batch(hand, 0x10000, 0, 1, 2); /* 0 in its low half, which is in flight */
    expect_broken(hand, "id is out of range", 0x10000);
}

UTEST(id_never_in_flight)
{
    for (int i = 0; i < FORMATS; i++) {
        struct hand *hand = hand_new(formats[i], &eight);
        EXPECT_EQ(hand_add(hand, 1, 1, 1), VIRTIO_OK);
        hand_use_batch(hand, 5, 0, 1, 2);
        expect_broken(hand, "id is not in flight", 5);
    }
}

UTEST(id_in_the_middle_of_a_chain)
{
    for (int i = 0; i < FORMATS; i++) {
        struct hand *hand = hand_new(formats[i], &eight);
        EXPECT_EQ(hand_add(hand, 2, 2, 1), VIRTIO_OK);
        hand_use_batch(hand, 2, 0, 1, 4);
        expect_broken(hand, "id is not in flight", 2);
    }
}

UTEST(id_replayed_while_others_are_in_flight)
{
    for (int i = 0; i < FORMATS; i++) {
        struct hand *hand = hand_new(formats[i], &eight);
        struct hand_buffer buffer;
        struct virtq_done done;
        EXPECT_EQ(hand_add(hand, 1, 1, 1), VIRTIO_OK);
        EXPECT_EQ(hand_add(hand, 1, 1, 2), VIRTIO_OK);
        EXPECT_TRUE(hand_take(hand, &buffer));
        hand_use(hand, &buffer, 1);
        EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
        hand_use(hand, &buffer, 1);
        expect_broken(hand, "id is not in flight", buffer.id);
    }
}

UTEST(id_replayed_rests_while_new_buffers_come)
{
    /* What was freed last is used again last: three more adds do not make the old id valid. */
    for (int i = 0; i < FORMATS; i++) {
        struct hand *hand = hand_new(formats[i], &eight);
        struct hand_buffer buffer;
        struct virtq_done done;
        EXPECT_EQ(hand_add(hand, 1, 0, 1), VIRTIO_OK);
        EXPECT_TRUE(hand_take(hand, &buffer));
        hand_use(hand, &buffer, 0);
        EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
        for (uintptr_t number = 2; number < 5; number++) {
            EXPECT_EQ(hand_add(hand, 1, 0, number), VIRTIO_OK);
        }
        hand_use(hand, &buffer, 0);
        expect_broken(hand, "id is not in flight", buffer.id);
    }
}

UTEST(used_without_any_in_flight)
{
    struct hand *hand = hand_new(formats[1], &eight);
    hand_use_batch(hand, 0, 0, 1, 1);
    expect_broken(hand, "id is not in flight", 0);
    hand = hand_new(formats[0], &eight);
    hand_use_batch(hand, 0, 0, 1, 1);
    expect_broken(hand, "ran ahead", 1);
}

UTEST(length_beyond_what_was_writable)
{
    for (int i = 0; i < FORMATS; i++) {
        struct hand *hand = hand_new(formats[i], &eight);
        struct hand_buffer buffer;
        EXPECT_EQ(hand_add(hand, 1, 2, 1), VIRTIO_OK);
        EXPECT_TRUE(hand_take(hand, &buffer));
        hand_use(hand, &buffer, 33);
        expect_broken(hand, "length is more than was device-writable", 33);
    }
}

/* QEMU's input device tells how much it read: no harm can come of it, and it means nothing. */
UTEST(a_length_where_nothing_was_writable_means_nothing)
{
    for (int i = 0; i < FORMATS; i++) {
        struct hand *hand = hand_new(formats[i], &eight);
        struct hand_buffer buffer;
        struct virtq_done done;
        EXPECT_EQ(hand_add(hand, 3, 0, 1), VIRTIO_OK);
        EXPECT_TRUE(hand_take(hand, &buffer));
        hand_use(hand, &buffer, 0xffffffff);
        EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
        EXPECT_EQ(done.written_bytes, 0);
        hand_free(hand);
    }
}

UTEST(index_runs_away)
{
    static const uint16_t jumps[] = { 3, 9, 0x7fff, 0xffff };
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        struct hand *hand = hand_new(0, &eight);
        EXPECT_EQ(hand_add(hand, 1, 0, 1), VIRTIO_OK);
        EXPECT_EQ(hand_add(hand, 1, 0, 2), VIRTIO_OK);
        hand_use_batch(hand, 0, 0, jumps[i], 1);
        expect_broken(hand, "ran ahead", jumps[i]);
    }
}

UTEST(index_goes_back)
{
    struct hand *hand = hand_new(0, &eight);
    struct hand_buffer buffer;
    struct virtq_done done;
    EXPECT_EQ(hand_add(hand, 1, 0, 1), VIRTIO_OK);
    EXPECT_TRUE(hand_take(hand, &buffer));
    hand_use(hand, &buffer, 0);
    EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
    hand_used(hand)->idx = le16_from(0);
    expect_broken(hand, "ran ahead", 0);
}

UTEST(split_in_order_a_later_one_comes_first)
{
    struct hand *hand = hand_new(VIRTIO_FEATURE(VIRTIO_F_IN_ORDER), &eight);
    EXPECT_EQ(hand_add(hand, 1, 0, 1), VIRTIO_OK);
    EXPECT_EQ(hand_add(hand, 1, 0, 2), VIRTIO_OK);
    hand_use_batch(hand, 1, 0, 1, 1); /* the index says one, the id says two */
    expect_broken(hand, "not the next in order", 1);
}

UTEST(packed_in_order_an_earlier_one_comes_late)
{
    struct hand *hand = hand_new(formats[1] | VIRTIO_FEATURE(VIRTIO_F_IN_ORDER), &eight);
    struct virtq_done done;
    EXPECT_EQ(hand_add(hand, 1, 0, 1), VIRTIO_OK);
    EXPECT_EQ(hand_add(hand, 1, 0, 2), VIRTIO_OK);
    hand_use_batch(hand, 1, 0, 2, 2); /* stands for both */
    EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
    EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
    EXPECT_EQ(hand_add(hand, 1, 0, 3), VIRTIO_OK);
    hand_use_batch(hand, 0, 0, 1, 1); /* but the first one comes after all */
    expect_broken(hand, "id is not in flight", 0);
}

static void
scribble(struct hand *hand)
{
    for (uint16_t at = 0; at < 8; at++) {
        if (hand->is_packed) {
            /* All but the flags, without which the queue would not go on. */
            hand_ring(hand)[at].addr = le64_from(~UINT64_C(0));
            hand_ring(hand)[at].len = le32_from(~0U);
            hand_ring(hand)[at].id = le16_from(0xffff);
        } else {
            memset(&hand_table(hand)[at], 0xff, sizeof(struct virtq_desc));
        }
    }
}

UTEST(a_device_that_scribbles_over_descriptors_changes_nothing)
{
    for (int i = 0; i < FORMATS; i++) {
        struct hand *hand = hand_new(formats[i], &eight);
        struct virtq_done done;
        for (uintptr_t number = 1; number < 200; number++) {
            struct hand_buffer buffers[2];
            EXPECT_EQ(hand_add(hand, 2, 1, number), VIRTIO_OK);
            EXPECT_EQ(hand_add(hand, 1, 1, number + 1000), VIRTIO_OK);
            EXPECT_TRUE(hand_take(hand, &buffers[0]));
            EXPECT_TRUE(hand_take(hand, &buffers[1]));
            scribble(hand);
            hand_use(hand, &buffers[1], 16);
            hand_use(hand, &buffers[0], 3);
            EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
            EXPECT_EQ(done.token, number + 1000);
            EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
            EXPECT_EQ(done.token, number);
            EXPECT_EQ(done.written_bytes, 3);
        }
        EXPECT_EQ(virtq_free_count(&hand->q), 8);
        hand_free(hand);
    }
}

UTEST(the_rule_stands_in_the_trace_in_words)
{
    struct hand *hand = hand_new(0, &eight);
    struct virtq_done done;
    hand_use_batch(hand, 0, 0, 1, 1);
    EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_ERR_BROKEN);
    char all[4096] = "";
    struct trace_record record;
    struct virtio_trace_reader reader = virtio_trace_read_start(&hand->trace);
    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        char line[160];
        (void)virtio_trace_format(&record, line, sizeof(line));
        strncat(all, line, sizeof(all) - strlen(all) - 1);
    }
    EXPECT_CONTAINS(all, "virtq broken: value 0x1");
    EXPECT_CONTAINS(all, "text the used index ");
    hand_free(hand);
}

UTEST(after_a_reset_the_queue_can_be_set_up_anew)
{
    struct hand *hand = hand_new(0, &eight);
    struct virtq_done done;
    hand_use_batch(hand, 0, 0, 1, 1);
    EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_ERR_BROKEN);
    struct virtio_feature_request request = { 0 };
    EXPECT_EQ(virtio_device_negotiate(hand->device, &request), VIRTIO_OK);
    EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_ERR_BROKEN);
    virtq_finish(&hand->q, NULL, NULL);
    hand->arena.used_bytes = 0;
    hand->used_idx = 0;
    hand->avail_idx = 0;
    EXPECT_EQ(virtq_setup(&hand->q, hand->device, 0, &eight, &hand->arena), VIRTIO_OK);
    EXPECT_EQ(virtio_device_start(hand->device), VIRTIO_OK);
    EXPECT_EQ(virtio_device_health(hand->device), VIRTIO_OK);
    struct hand_buffer buffer;
    EXPECT_EQ(hand_add(hand, 1, 0, 5), VIRTIO_OK);
    EXPECT_TRUE(hand_take(hand, &buffer));
    hand_use(hand, &buffer, 0);
    EXPECT_EQ(virtq_take_used(&hand->q, &done), VIRTIO_OK);
    hand_free(hand);
}
