/*
 * Does the device see what the driver does in the order that VirtIO 1.3 asks for? On the machines that tests run on it would,
 * nearly, without any barrier: so the real code runs on an architecture that takes notes (tests/unit/recorded), and the notes
 * are judged: rules over all of them (tests/unit/order_rules.h), and over single calls, below.
 * tests/proof/barriers.py takes each barrier out of the library and sees this test fail.
 * conformance: S0-06 S0-07
 */
#include "tests/unit/order_rules.h"

/* How often each rule over a call had something to say. */
static struct {
    unsigned published;
    unsigned read_before;
    unsigned taken;
    unsigned slept;
} uses;

static const struct rig_event *
event_at(size_t position)
{
    return &rig->events[position];
}

static bool
is_store_to(const struct rig_event *event, unsigned fields)
{
    struct order_set set = STORES_TO(fields);
    return is_in(&set, &event->event);
}

static bool
is_load_of(const struct rig_event *event, unsigned fields)
{
    struct order_set set = LOADS_OF(fields);
    return is_in(&set, &event->event);
}

/* The store that gives a chain to the device: the available index, or the flags of the chain's first descriptor. */
static bool
is_publishing(const struct rig_event *event, const volatile void *head_flags)
{
    return rig->hand.is_packed
               ? is_store_to(event, IS(PACKED_FLAGS)) && event->event.at == head_flags
               : is_store_to(event, IS(AVAIL_IDX));
}

/* §2.7.13.3.1, §2.8.21.1.1: a chain is given by one store, after all other stores of it and of its buffers. */
static void
check_publish(size_t from, const volatile void *head_flags)
{
    const struct rig_event *end = event_at(rig->event_count);
    const struct rig_event *last = end;
    for (const struct rig_event *at = event_at(from); at < end; at++) {
        last = is_write(at->event.kind) ? at : last;
    }
    if (!EXPECT_TRUE(last != end && is_publishing(last, head_flags))) {
        return;
    }
    for (const struct rig_event *at = event_at(from); at < last; at++) {
        EXPECT_FALSE(is_publishing(at, head_flags));
        uses.published++;
        if (is_write(at->event.kind) && !is_ordered(at, last)) {
            say_broken("all of a chain before the store that gives it, §2.7.13.3.1, §2.8.21.1.1",
                       at, last);
        }
    }
}

/*
 * What the driver read of a buffer that came back, and of the element that told of it, it has read before the device may write
 * there again: before the store that gives the next chain, which may be of the same memory. Not a sentence of the
 * specification: a buffer is the device's from that store on, §2.6, §2.7.6.
 */
static void
check_given_away(const volatile void *head_flags)
{
    const unsigned elements = IS(USED_RING) | IS(PACKED_BODY);
    const struct rig_event *given = event_at(rig->event_count - 1);
    while (given > rig->events && !is_publishing(given, head_flags)) {
        given--;
    }
    for (const struct rig_event *at = event_at(0); at < given && !utest.has_failed; at++) {
        if (at->event.kind == ORDER_BUFFER_READ || is_load_of(at, elements)) {
            uses.read_before++;
            if (!is_ordered(at, given)) {
                say_broken("reads of a buffer before it is given away again, §2.7.6", at, given);
            }
        }
    }
}

static void
add(uint16_t readable_count, uint16_t writable_count)
{
    const volatile struct virtq_packed_desc *ring = rig->q.desc_area;
    const volatile void *head_flags = &ring[rig->q.avail_idx % RIG_QUEUE_SIZE].flags;
    struct virtq_seg segs[HAND_SEGS_MAX];
    for (uint16_t i = 0; i < readable_count + writable_count; i++) {
        segs[i] = (struct virtq_seg){ .addr = UINT64_C(4096) * (i + 1), .bytes = 16 };
    }
    struct virtq_chain chain = { .segs = segs,
                                 .readable_count = readable_count,
                                 .writable_count = writable_count };
    size_t from = rig->event_count;
    order_note(ORDER_BUFFER_WRITE, NULL, 0);
    EXPECT_EQ(virtq_add(&rig->q, &chain), VIRTIO_OK);
    check_publish(from, head_flags);
    check_given_away(head_flags);
}

/* A load after which the driver may know of the next used buffer. */
static bool
is_revealing(const struct rig_event *event)
{
    uint64_t value = event->event.value;
    if (!rig->hand.is_packed) {
        uint16_t ahead = (uint16_t)(value - rig->taken);
        return is_load_of(event, IS(USED_IDX)) && ahead >= 1 && ahead <= RIG_QUEUE_SIZE;
    }
    uint64_t both = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;
    return is_load_of(event, IS(PACKED_FLAGS)) && (value & both) == (rig->reveal_wrap ? both : 0);
}

/* §2.7.14, §2.8.22: a used element and its buffer are read after the load that told of it, and in this order. */
static bool
is_revealed_before(const struct rig_event *b)
{
    for (const struct rig_event *a = event_at(rig->reveal_from); a < b; a++) {
        if (is_revealing(a) && is_ordered(a, b)) {
            return true;
        }
    }
    return false;
}

static void
check_taken(size_t from)
{
    const unsigned elements = IS(USED_RING) | IS(PACKED_BODY);
    for (const struct rig_event *at = event_at(from); at < event_at(rig->event_count); at++) {
        if (at->event.kind == ORDER_BUFFER_READ || is_load_of(at, elements)) {
            uses.taken++;
            if (!is_revealed_before(at)) {
                say_broken("the device's index or flags before what they tell of, §2.7.14, §2.8.22",
                           event_at(rig->reveal_from), at);
            }
        }
    }
}

/* §2.7.14, §2.8.22: who asks for an interrupt looks once more, for what was used before the wish was seen. */
static void
check_sleep(size_t from)
{
    const unsigned wishes =
        IS(AVAIL_FLAGS) | IS(USED_EVENT) | IS(DRIVER_EVENT_POSITION) | IS(DRIVER_EVENT_FLAGS);
    const struct rig_event *end = event_at(rig->event_count);
    const struct rig_event *wish = NULL;
    bool is_looked_at = true;
    for (const struct rig_event *at = event_at(from); at < end; at++) {
        if (is_store_to(at, wishes)) {
            wish = at;
            is_looked_at = false;
        } else if (wish != NULL && is_load_of(at, IS(USED_IDX) | IS(PACKED_FLAGS))) {
            uses.slept++;
            is_looked_at = is_looked_at || is_ordered(wish, at);
        }
    }
    if (!is_looked_at) {
        say_broken("a wish for an interrupt before another look, §2.7.7.2, §2.8.10", wish, end);
    }
}

/* Take one; what the device wrote is then read. */
static enum virtio_err
take(void)
{
    struct virtq_done done;
    size_t from = rig->event_count;
    if (rig->q.batch_left == 0) {
        rig->reveal_from = rig->hand.is_packed ? from : 0;
        rig->reveal_wrap = rig->q.used_wrap;
    }
    enum virtio_err err = virtq_take_used(&rig->q, &done);
    if (err == VIRTIO_OK) {
        order_note(ORDER_BUFFER_READ, NULL, 0);
        check_taken(from);
        rig->taken++;
    } else if (rig->q.is_interrupting) {
        check_sleep(from);
    }
    return err;
}

static unsigned
take_all(void)
{
    unsigned count = 0;
    while (take() == VIRTIO_OK && !utest.has_failed) {
        count++;
    }
    return count;
}

static void
sleep_and_wake(void)
{
    size_t from = rig->event_count;
    EXPECT_FALSE(virtq_interrupts_on(&rig->q));
    EXPECT_TRUE(rig->event_count > from);
    check_sleep(from);
}

/* Now and then the device does not want to be told: the driver reads its wish in any case. */
static void
set_device_wish(unsigned round)
{
    bool is_wanted = round % 3 != 0;
    struct hand *hand = &rig->hand;
    uint16_t next =
        (uint16_t)(hand->avail_idx | (hand->is_packed && hand->avail_wrap ? 0x8000U : 0));
    order_open();
    if (hand->is_packed) {
        bool is_event = (rig->features & VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)) != 0;
        uint16_t wanted = is_event ? VIRTQ_EVENT_DESC : VIRTQ_EVENT_ENABLE;
        *hand_device_event(hand) =
            (struct virtq_packed_event){ le16_from(next),
                                         le16_from(is_wanted ? wanted : VIRTQ_EVENT_DISABLE) };
    } else {
        *hand_avail_event(hand) = le16_from((uint16_t)(next - !is_wanted));
        hand_used(hand)->flags = le16_from(is_wanted ? 0 : VIRTQ_USED_F_NO_NOTIFY);
    }
    order_close();
}

/* One round of a driver's life: some chains, a notification, an interrupt, all taken, asleep. */
static void
live(unsigned round, bool is_interrupting)
{
    set_device_wish(round);
    for (unsigned i = 0; i <= round % 2; i++) {
        add((uint16_t)(round % 3), (uint16_t)(1 + (round + i) % 2));
    }
    EXPECT_EQ(virtq_notify(&rig->q), round % 3 != 0);
    EXPECT_EQ(rig_serve(rig->q.is_in_order && round % 4 == 1), 1 + round % 2);
    EXPECT_EQ(virtio_device_take_interrupts(rig->device), VIRTIO_INTERRUPT_USED_BUFFER);
    if (round % 4 == 3 && is_interrupting) {
        virtq_interrupts_off(&rig->q);
        EXPECT_TRUE(virtq_has_used(&rig->q));
    }
    EXPECT_EQ(take_all(), 1 + round % 2);
    if (round % 4 == 3 && is_interrupting) {
        sleep_and_wake();
    }
}

static void
run_life(uint32_t version, uint64_t features, bool is_interrupting)
{
    rig_start(version, features, is_interrupting);
    add(1, 2);
    EXPECT_EQ(virtio_device_start(rig->device), VIRTIO_OK);
    EXPECT_TRUE(virtq_notify(&rig->q));
    EXPECT_EQ(rig_serve(false), 1);
    EXPECT_EQ(virtio_device_take_interrupts(rig->device), VIRTIO_INTERRUPT_USED_BUFFER);
    EXPECT_EQ(take_all(), 1);
    for (unsigned round = 0; round < 24 && !utest.has_failed; round++) {
        live(round, is_interrupting);
    }
    check_rules();
    if (utest.has_failed) {
        printf("    version %u, features 0x%" PRIx64 ", %s\n", version, features,
               is_interrupting ? "interrupting" : "polled");
    }
    rig_end();
}

/* Every set of the features that change what a queue does, on each transport. */
static void
run_lives(uint32_t version, uint64_t always, const uint64_t *features, unsigned feature_count)
{
    for (unsigned chosen = 0; chosen < 1U << feature_count && !utest.has_failed; chosen++) {
        uint64_t accepted = always;
        for (unsigned i = 0; i < feature_count; i++) {
            accepted |= (chosen >> i & 1) != 0 ? features[i] : 0;
        }
        run_life(version, accepted, true);
        run_life(version, accepted, false);
    }
}

UTEST(every_access_is_seen_in_the_order_of_the_specification)
{
    static const uint64_t features[] = {
        VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX),
        VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC),
        VIRTIO_FEATURE(VIRTIO_F_IN_ORDER),
        VIRTIO_FEATURE(VIRTIO_F_NOTIFICATION_DATA),
        VIRTIO_FEATURE(VIRTIO_F_ORDER_PLATFORM) | VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM),
    };
    run_lives(1, 0, features, 1);
    run_lives(2, 0, features, 5);
    run_lives(2, VIRTIO_FEATURE(VIRTIO_F_RING_PACKED), features, 5);
    run_lives(RIG_PCI, 0, features, 1);
    run_lives(RIG_PCI, VIRTIO_FEATURE(VIRTIO_F_RING_PACKED), features, 4);
    EXPECT_TRUE(uses.published > 0 && uses.read_before > 0 && uses.taken > 0 && uses.slept > 0);
    for (size_t i = 0; i < ORDER_RULES && !utest.has_failed; i++) {
        if (!EXPECT_TRUE(rule_uses[i] > 0)) {
            printf("        no occasion for: %s\n", order_rules[i].text);
        }
    }
}
