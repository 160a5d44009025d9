/*
 * The index arithmetic of both ring formats, for every size and every position (VirtIO 1.3 §2.7, §2.8).
 */
#include "virtio/core/packed.c"

#include "tests/proof/proof.h"
#define write_desc       split_write_desc
#define write_direct     split_write_direct
#define write_indirect   split_write_indirect
#define CACHE_LINE_BYTES SPLIT_CACHE_LINE_BYTES
#include "virtio/core/split.c"

enum virtio_err
virtq_break(struct virtq *q, const char *rule, uint64_t value)
{
    q->fault.rule = rule;
    q->fault.value = value;
    return VIRTIO_ERR_BROKEN;
}

static uint16_t
any_size(void)
{
    uint16_t size = nondet_u16();

    ASSUME(size >= 1 && size <= VIRTQ_SIZE_MAX);
    return size;
}

static uint16_t
any_power_of_two(void)
{
    uint16_t size = any_size();

    ASSUME((size & (size - 1)) == 0);
    return size;
}

static struct virtq
any_packed_position(void)
{
    struct virtq q = { .size = any_size(),
                       .avail_idx = nondet_u16(),
                       .used_idx = nondet_u16(),
                       .avail_wrap = nondet_bool(),
                       .used_wrap = nondet_bool() };

    ASSUME(q.avail_idx < q.size && q.used_idx < q.size);
    return q;
}

/* A position and its lap as one number modulo 2 * size; the first lap has wrap counter 1, §2.8.1. */
static uint32_t
unrolled(uint16_t idx, bool wrap, uint16_t size)
{
    return idx + (wrap ? 0U : (uint32_t)size);
}

/* The event lies among the positions from `from` up to, but not including, `to`: no more and no less, modulo 2^16. */
void
proof_event_window(void)
{
    uint16_t event = nondet_u16();
    uint16_t from = nondet_u16();
    uint16_t to = nondet_u16();

    PROVE(is_event_passed(event, from, to) == ((uint16_t)(event - from) < (uint16_t)(to - from)));
}

/* §2.8.22: going on behind a buffer is the same as that many single steps; never out of the ring. */
void
proof_packed_advance(void)
{
    struct virtq q = any_packed_position();
    uint16_t count = nondet_u16();
    uint32_t before = unrolled(q.used_idx, q.used_wrap, q.size);

    ASSUME(count >= 1 && count <= q.size);
    packed_advance(&q, count);
    PROVE(q.used_idx < q.size);
    PROVE(unrolled(q.used_idx, q.used_wrap, q.size) == (before + count) % (2U * q.size));
}

void
proof_packed_step_avail(void)
{
    struct virtq q = any_packed_position();
    uint32_t before = unrolled(q.avail_idx, q.avail_wrap, q.size);

    step_avail(&q);
    PROVE(q.avail_idx < q.size);
    PROVE(unrolled(q.avail_idx, q.avail_wrap, q.size) == (before + 1) % (2U * q.size));
}

/* What we made available is never taken for used, and what was used in one lap not for used in the next. */
void
proof_packed_flags(void)
{
    struct virtq q = any_packed_position();
    uint16_t used_now = q.used_wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0;

    PROVE(!is_used(&q, avail_flags(&q)));
    PROVE(is_used(&q, used_now));
    q.used_wrap = !q.used_wrap;
    PROVE(!is_used(&q, used_now));
}

/* §2.8.14: the position that we ask for and its wrap counter fit beside one another and come out as they went in. */
void
proof_packed_ask(void)
{
    struct virtq q = any_packed_position();
    struct virtq_packed_event event;

    q.driver_area = &event;
    q.has_event_idx = nondet_bool();
    q.is_interrupting = nondet_bool();
    packed_ask_interrupts(&q);
    uint16_t flags = le16_read(&event.flags);
    PROVE((flags == VIRTQ_EVENT_DISABLE) == !q.is_interrupting);
    PROVE((flags == VIRTQ_EVENT_DESC) == (q.is_interrupting && q.has_event_idx));
    if (flags == VIRTQ_EVENT_DESC) {
        PROVE((le16_read(&event.off_wrap) & OFFSET_MASK) == q.used_idx);
        PROVE((le16_read(&event.off_wrap) >> WRAP_SHIFT != 0) == q.used_wrap);
    }
}

/*
 * §2.8.14: a device that waits for a position gets a notification when, and only when, that position is one of the last
 * `steps_since_notify` that we filled.
 */
void
proof_packed_notify(void)
{
    struct virtq q = any_packed_position();
    struct virtq_packed_event event = { .flags = le16_from(VIRTQ_EVENT_DESC) };
    uint16_t steps = nondet_u16();
    uint16_t offset = nondet_u16();
    bool wrap = nondet_bool();

    ASSUME(steps >= 1 && steps <= q.size && offset < q.size);
    q.has_event_idx = true;
    q.steps_since_notify = steps;
    q.device_area = &event;
    event.off_wrap = le16_from((uint16_t)(offset | (unsigned)wrap << WRAP_SHIFT));
    uint32_t here = unrolled(q.avail_idx, q.avail_wrap, q.size);
    uint32_t there = unrolled(offset, wrap, q.size);
    uint32_t back = here >= there ? here - there : here + 2U * q.size - there;
    PROVE(packed_is_notify_wanted(&q) == (back >= 1 && back <= steps));
}

/* ENABLE, DISABLE; and whatever a hostile device writes there: an answer, and nothing else. */
void
proof_packed_notify_flags(void)
{
    struct virtq q = any_packed_position();
    struct virtq_packed_event event = { .off_wrap = le16_from(nondet_u16()),
                                        .flags = le16_from(nondet_u16()) };

    q.has_event_idx = nondet_bool();
    q.steps_since_notify = nondet_u32();
    q.device_area = &event;
    bool is_wanted = packed_is_notify_wanted(&q);
    uint16_t flags = le16_read(&event.flags) & 3;
    PROVE(flags != VIRTQ_EVENT_ENABLE || is_wanted);
    PROVE(flags != VIRTQ_EVENT_DISABLE || !is_wanted);
}

/* Both areas behind the descriptors, aligned as §2.8.10.1 wants them, and none over another. */
void
proof_packed_layout(void)
{
    uint16_t size = any_size();
    struct virtq_layout layout;

    packed_layout(size, false, &layout);
    PROVE(layout.driver_offset >= sizeof(struct virtq_packed_desc) * size);
    PROVE(layout.driver_offset % 4 == 0 && layout.device_offset % 4 == 0);
    PROVE(layout.device_offset >= layout.driver_offset + sizeof(struct virtq_packed_event));
    PROVE(layout.end >= layout.device_offset + sizeof(struct virtq_packed_event));
}

/* §2.7: 16, 2 and 4 bytes of alignment; §2.7.2: a legacy used ring on the next page. */
void
proof_split_layout(void)
{
    uint16_t size = any_power_of_two();
    bool is_legacy = nondet_bool();
    struct virtq_layout layout;

    split_layout(size, is_legacy, &layout);
    PROVE(layout.driver_offset == 16U * size);
    PROVE(layout.device_offset >= layout.driver_offset + 6U + 2U * size);
    PROVE(layout.device_offset % 4 == 0);
    PROVE(layout.end == layout.device_offset + 6U + 8U * size);
    PROVE(!is_legacy ||
          layout.device_offset == (layout.driver_offset + 6U + 2U * size + 4095U) / 4096U * 4096U);
}

/* The ring slot of an index: within the ring, and the next index has the next slot, also where the index wraps. */
void
proof_split_slot(void)
{
    uint16_t size = any_power_of_two();
    uint16_t idx = nondet_u16();
    uint16_t next = (uint16_t)(idx + 1);

    PROVE((idx & (size - 1)) < size);
    PROVE((next & (size - 1)) == ((idx & (size - 1)) + 1) % size);
}

/* Whatever index a device shows: at most what is in flight is believed, or the queue is broken. */
void
proof_split_see_used(void)
{
    uint32_t memory[2] = { nondet_u32(), nondet_u32() };
    struct virtq q = { .device_area = memory,
                       .used_idx = nondet_u16(),
                       .in_flight_count = nondet_u16() };

    q.used_seen = q.used_idx;
    enum virtio_err err = see_used(&q);
    uint16_t distance = (uint16_t)(q.used_seen - q.used_idx);
    PROVE(err == VIRTIO_OK || err == VIRTIO_EMPTY || err == VIRTIO_ERR_BROKEN);
    PROVE((err == VIRTIO_OK) == (distance != 0));
    PROVE(distance <= q.in_flight_count);
    PROVE((err == VIRTIO_ERR_BROKEN) == (q.fault.rule != NULL));
}

/* §2.7.10: the same for the split ring, where events are indices of buffers. */
void
proof_split_notify(void)
{
    struct {
        le16 flags;
        le16 idx;
        struct virtq_used_elem ring[4];
        le16 avail_event;
    } used;
    struct virtq q = { .device_area = &used,
                       .size = 4,
                       .has_event_idx = true,
                       .avail_idx = nondet_u16(),
                       .steps_since_notify = nondet_u32() };
    uint16_t back = nondet_u16();

    ASSUME(q.steps_since_notify >= 1);
    used.avail_event = le16_from((uint16_t)(q.avail_idx - back));
    bool is_wanted = split_is_notify_wanted(&q);
    PROVE(!(back >= 1 && back <= q.steps_since_notify) || is_wanted);
    PROVE(q.steps_since_notify > q.size ||
          is_wanted == (back >= 1 && back <= q.steps_since_notify));
}
