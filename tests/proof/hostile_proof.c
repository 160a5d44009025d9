/*
 * A device that writes what it likes, whenever it likes, into the rings: every read of shared memory gives any value.
 * Whatever it does, the driver stays within its memory, hands back only what is in flight,
 * once, with a length that fits, and keeps its books. VirtIO 1.3 §2.7, §2.8.
 */
#include "virtio/core/shared.h"

#include "tests/proof/proof.h"

/* The library reads shared memory by these two only. The field must be there; what is in it is the device's business. */
static inline uint16_t
hostile_read16(const volatile le16 *field)
{
    (void)field->raw;
    return nondet_u16();
}

static inline uint32_t
hostile_read32(const volatile le32 *field)
{
    (void)field->raw;
    return nondet_u32();
}

#define le16_read hostile_read16
#define le32_read hostile_read32

#include "virtio/core/packed.c"
#define write_desc       split_write_desc
#define write_direct     split_write_direct
#define write_indirect   split_write_indirect
#define CACHE_LINE_BYTES SPLIT_CACHE_LINE_BYTES
#define round_up         split_round_up
#include "virtio/core/split.c"
#undef round_up
#undef CACHE_LINE_BYTES
#define CACHE_LINE_BYTES SETUP_CACHE_LINE_BYTES
#include "virtio/core/queue.c"
#include "virtio/core/queue_setup.c"

enum {
    SIZE = 4,
    INDIRECT_MAX = 2,
    SEG_COUNT_MAX = 3,
    STEP_COUNT = 6,
};

static struct virtq_flight flights[SIZE];
static uint8_t desc_area[SIZE * sizeof(struct virtq_desc)];
static uint8_t indirect_area[SIZE * INDIRECT_MAX * sizeof(struct virtq_desc)];
static uint8_t driver_area[sizeof(struct virtq_avail) + sizeof(le16) * (SIZE + 1)];
static uint8_t
    device_area[sizeof(struct virtq_used) + sizeof(struct virtq_used_elem) * SIZE + sizeof(le16)];
static uint32_t notified_count;

static uint64_t
any_time(void *ctx)
{
    (void)ctx;
    return nondet_u64();
}

static void
on_notify(struct virtio_device *device, uint16_t queue_idx, uint32_t value)
{
    (void)device;
    PROVE(queue_idx == (value & 0xffff));
    notified_count++;
}

static const struct virtio_platform plat = { .now_ns = any_time };
static const struct virtio_transport_ops transport = { .queue_notify = on_notify };
static struct virtio_device the_device = { .ops = &transport, .life = VIRTIO_LIFE_RUNNING };

void
virtio_device_break(struct virtio_device *device, const char *rule, uint64_t value)
{
    (void)value;
    PROVE(device == &the_device && rule != NULL);
}

static void
start(struct virtq *q, const struct virtq_format_ops *ops)
{
    *q = (struct virtq){ .ops = ops,
                         .device = &the_device,
                         .plat = &plat,
                         .flights = flights,
                         .size = SIZE,
                         .indirect_max = INDIRECT_MAX,
                         .has_indirect = nondet_bool(),
                         .has_event_idx = nondet_bool(),
                         .has_notification_data = nondet_bool(),
                         .is_in_order = nondet_bool(),
                         .is_interrupting = nondet_bool(),
                         .desc_area = desc_area,
                         .driver_area = driver_area,
                         .device_area = device_area,
                         .indirect = indirect_area };
    start_free_list(q);
    ops->start(q);
}

/* What must hold between any two calls. */
static void
prove_books(const struct virtq *q)
{
    uint32_t in_flight_count = 0;
    uint32_t taken_count = 0;

    for (uint16_t id = 0; id < SIZE; id++) {
        in_flight_count += flights[id].desc_count != 0;
        taken_count += flights[id].desc_count;
    }
    PROVE(q->in_flight_count == in_flight_count);
    PROVE(q->free_count + taken_count == SIZE);
    PROVE(q->free_count == 0 || (q->free_head < SIZE && flights[q->free_head].desc_count == 0));
    PROVE(q->batch_left <= q->in_flight_count);
}

static void
add_any(struct virtq *q, struct virtq_seg *token)
{
    struct virtq_seg segs[SEG_COUNT_MAX];
    struct virtq_chain chain = {
        .segs = segs, .readable_count = nondet_u16(), .writable_count = nondet_u16(), .token = token
    };
    uint16_t free_before = q->free_count;

    ASSUME(chain.readable_count + chain.writable_count <= SEG_COUNT_MAX);
    for (int i = 0; i < SEG_COUNT_MAX; i++) {
        segs[i] = (struct virtq_seg){ .addr = nondet_u64(), .bytes = nondet_u32() };
    }
    enum virtio_err err = virtq_add(q, &chain);
    PROVE(err == VIRTIO_OK || q->free_count == free_before);
    PROVE(err != VIRTIO_OK || q->free_count < free_before);
}

static void
take_any(struct virtq *q)
{
    struct virtq_flight before[SIZE];
    struct virtq_done done;
    bool was_broken = q->fault.rule != NULL;

    for (int i = 0; i < SIZE; i++) {
        before[i] = flights[i];
    }
    enum virtio_err err = virtq_take_used(q, &done);
    PROVE(err == VIRTIO_OK || err == VIRTIO_EMPTY || err == VIRTIO_ERR_BROKEN);
    PROVE((err == VIRTIO_ERR_BROKEN) == (q->fault.rule != NULL));
    PROVE(!was_broken || err == VIRTIO_ERR_BROKEN);
    int returned_count = 0;
    for (int i = 0; i < SIZE; i++) {
        bool is_returned = before[i].desc_count != 0 && flights[i].desc_count == 0;
        PROVE(!is_returned ||
              (done.token == before[i].token && done.written_bytes <= before[i].writable_bytes));
        returned_count += is_returned;
    }
    PROVE(returned_count == (err == VIRTIO_OK));
}

static void
survive(const struct virtq_format_ops *ops)
{
    static struct virtq_seg tokens[STEP_COUNT];
    struct virtq q;

    start(&q, ops);
    for (int i = 0; i < STEP_COUNT; i++) {
        if (nondet_bool()) {
            add_any(&q, &tokens[i]);
        } else {
            take_any(&q);
        }
        if (nondet_bool()) {
            (void)virtq_notify(&q);
        }
        prove_books(&q);
    }
}

/* cbmc: unwind 7 */
void
proof_split_survives(void)
{
    survive(&virtq_split_ops);
}

/* cbmc: unwind 7 */
void
proof_packed_survives(void)
{
    survive(&virtq_packed_ops);
}
