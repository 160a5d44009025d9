/*
 * A device played by hand: a transport without registers and the device's side of both ring formats, for tests of the
 * queue alone. It is no judge of the driver (tests/fake is); it does what the test says, lies included.
 */
#ifndef TESTS_UNIT_VIRTQ_HAND_H
#define TESTS_UNIT_VIRTQ_HAND_H

#include <stdlib.h>

#include "abi/virtio_mmio.h"

#include "virtio/queue.h"

#include "tests/unit/utest.h"

enum {
    HAND_ARENA_BYTES = 1 << 20,
    HAND_SEGS_MAX = 64,
    HAND_TRACE_RECORDS = 64,
};

struct hand {
    struct virtio_bus bus;
    struct virtio_trace trace;
    struct trace_record records[HAND_TRACE_RECORDS];
    struct virtio_device *device;
    struct virtio_arena arena;
    struct virtq q;

    /* The transport's registers. */
    uint64_t features;
    uint8_t status;
    uint16_t size_max;
    uint32_t notify_count;
    uint32_t notify_value;
    struct virtio_queue_areas areas;

    /* The device's side of the ring. */
    bool is_packed;
    uint16_t avail_idx;
    uint16_t used_idx;
    bool avail_wrap;
    bool used_wrap;

    uint64_t now_ns;
    char log[4096];
    size_t log_bytes;
};

/* A buffer as the device sees it. */
struct hand_buffer {
    uint16_t id;
    uint16_t desc_count; /* ring entries */
    uint16_t seg_count;
    uint16_t writable_count;
    bool is_indirect;
    struct virtq_seg segs[HAND_SEGS_MAX];
};

static inline uint64_t
hand_now(void *ctx)
{
    struct hand *hand = ctx;
    hand->now_ns += 100;
    return hand->now_ns;
}

static inline uint64_t
hand_dma(void *ctx, const volatile void *ptr, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    return (uint64_t)(uintptr_t)ptr;
}

static inline volatile void *
hand_map(void *ctx, uint64_t phys, size_t size)
{
    (void)ctx;
    (void)phys;
    (void)size;
    return NULL;
}

static inline void
hand_log(void *ctx, enum virtio_log_level level, const char *text, size_t bytes)
{
    struct hand *hand = ctx;
    (void)level;
    if (hand->log_bytes + bytes + 2 < sizeof(hand->log)) {
        memcpy(hand->log + hand->log_bytes, text, bytes);
        hand->log_bytes += bytes;
        hand->log[hand->log_bytes++] = '\n';
    }
}

static inline struct hand *
hand_of(const struct virtio_device *device)
{
    return device->bus->plat->ctx;
}

static inline uint8_t
hand_get_status(struct virtio_device *device)
{
    return hand_of(device)->status;
}

static inline void
hand_set_status(struct virtio_device *device, uint8_t status)
{
    hand_of(device)->status = status;
}

static inline uint64_t
hand_get_features(struct virtio_device *device)
{
    return hand_of(device)->features;
}

static inline void
hand_set_features(struct virtio_device *device, uint64_t features)
{
    (void)device;
    (void)features;
}

static inline uint16_t
hand_queue_size_max(struct virtio_device *device, uint16_t queue_idx)
{
    return queue_idx == 0 ? hand_of(device)->size_max : 0;
}

static inline enum virtio_err
hand_queue_enable(struct virtio_device *device, uint16_t queue_idx,
                  const struct virtio_queue_areas *areas)
{
    (void)queue_idx;
    hand_of(device)->areas = *areas;
    return VIRTIO_OK;
}

static inline void
hand_queue_notify(struct virtio_device *device, uint16_t queue_idx, uint32_t value)
{
    (void)queue_idx;
    hand_of(device)->notify_count++;
    hand_of(device)->notify_value = value;
}

static inline uint32_t
hand_config_generation(struct virtio_device *device)
{
    (void)device;
    return 0;
}

static const struct virtio_transport_ops hand_ops = {
    .name = "hand",
    .get_status = hand_get_status,
    .set_status = hand_set_status,
    .get_features = hand_get_features,
    .set_features = hand_set_features,
    .queue_size_max = hand_queue_size_max,
    .queue_enable = hand_queue_enable,
    .queue_notify = hand_queue_notify,
    .config_generation = hand_config_generation,
};

/* A running device with one queue. */
static inline struct hand *
hand_new(uint64_t features, const struct virtq_config *config)
{
    struct hand *hand = calloc(1, sizeof(*hand));
    struct virtio_platform *plat = calloc(1, sizeof(*plat));
    *plat = (struct virtio_platform){
        .ctx = hand, .map = hand_map, .dma_addr = hand_dma, .now_ns = hand_now, .log = hand_log
    };
    hand->features = features | VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
    hand->size_max = 1024;
    EXPECT_EQ(virtio_bus_init(&hand->bus, plat, &hand->trace), VIRTIO_OK);
    EXPECT_EQ(virtio_trace_init(&hand->trace, plat, hand->records, HAND_TRACE_RECORDS), VIRTIO_OK);
    virtio_trace_enable(&hand->trace, true);
    hand->device = &hand->bus.devices[0];
    hand->bus.device_count = 1;
    *hand->device = (struct virtio_device){ .bus = &hand->bus, .ops = &hand_ops, .id = 99 };
    hand->arena = (struct virtio_arena){ .base = aligned_alloc(4096, HAND_ARENA_BYTES),
                                         .bytes = HAND_ARENA_BYTES };
    struct virtio_feature_request request = { .wanted = features };
    EXPECT_EQ(virtio_device_claim(hand->device, "test"), VIRTIO_OK);
    EXPECT_EQ(virtio_device_negotiate(hand->device, &request), VIRTIO_OK);
    EXPECT_EQ(virtq_setup(&hand->q, hand->device, 0, config, &hand->arena), VIRTIO_OK);
    EXPECT_TRUE(hand->arena.used_bytes <= virtq_arena_bytes(config));
    EXPECT_EQ(virtio_device_start(hand->device), VIRTIO_OK);
    hand->is_packed = (features & VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)) != 0;
    hand->avail_wrap = true;
    hand->used_wrap = true;
    return hand;
}

static inline void
hand_free(struct hand *hand)
{
    const struct virtio_platform *plat = hand->bus.plat;
    (void)virtio_device_release(hand->device, "test");
    virtq_finish(&hand->q, NULL, NULL);
    free(hand->arena.base);
    free((void *)(uintptr_t)plat);
    free(hand);
}

static inline struct virtq_desc *
hand_table(const struct hand *hand)
{
    return (struct virtq_desc *)(uintptr_t)hand->areas.desc_addr;
}

static inline struct virtq_avail *
hand_avail(const struct hand *hand)
{
    return (struct virtq_avail *)(uintptr_t)hand->areas.driver_addr;
}

static inline struct virtq_used *
hand_used(const struct hand *hand)
{
    return (struct virtq_used *)(uintptr_t)hand->areas.device_addr;
}

static inline le16 *
hand_avail_event(const struct hand *hand)
{
    return (le16 *)(void *)&hand_used(hand)->ring[hand->areas.size];
}

static inline struct virtq_packed_desc *
hand_ring(const struct hand *hand)
{
    return (struct virtq_packed_desc *)(uintptr_t)hand->areas.desc_addr;
}

static inline struct virtq_packed_event *
hand_driver_event(const struct hand *hand)
{
    return (struct virtq_packed_event *)(uintptr_t)hand->areas.driver_addr;
}

static inline struct virtq_packed_event *
hand_device_event(const struct hand *hand)
{
    return (struct virtq_packed_event *)(uintptr_t)hand->areas.device_addr;
}

static inline void
hand_note_seg(struct hand_buffer *buffer, uint64_t addr, uint32_t bytes, uint16_t flags)
{
    EXPECT_TRUE(buffer->seg_count < HAND_SEGS_MAX);
    buffer->segs[buffer->seg_count++] = (struct virtq_seg){ addr, bytes };
    buffer->writable_count += (flags & VIRTQ_DESC_F_WRITE) != 0;
}

static inline void
hand_walk_split(const struct virtq_desc *table, uint16_t at, struct hand_buffer *buffer)
{
    for (;;) {
        uint16_t flags = le16_get(table[at].flags);
        if ((flags & VIRTQ_DESC_F_INDIRECT) != 0) {
            buffer->is_indirect = true;
            buffer->desc_count = 1;
            hand_walk_split((const struct virtq_desc *)(uintptr_t)le64_get(table[at].addr), 0,
                            buffer);
            return;
        }
        hand_note_seg(buffer, le64_get(table[at].addr), le32_get(table[at].len), flags);
        if ((flags & VIRTQ_DESC_F_NEXT) == 0) {
            break;
        }
        at = le16_get(table[at].next);
    }
    if (!buffer->is_indirect) {
        buffer->desc_count = buffer->seg_count;
    }
}

static inline bool
hand_take_split(struct hand *hand, struct hand_buffer *buffer)
{
    const struct virtq_avail *avail = hand_avail(hand);
    if (le16_get(avail->idx) == hand->avail_idx) {
        return false;
    }
    buffer->id = le16_get(avail->ring[hand->avail_idx % hand->areas.size]);
    hand->avail_idx++;
    hand_walk_split(hand_table(hand), buffer->id, buffer);
    return true;
}

static inline bool
hand_take_packed(struct hand *hand, struct hand_buffer *buffer)
{
    const struct virtq_packed_desc *ring = hand_ring(hand);
    uint16_t flags = le16_get(ring[hand->avail_idx].flags);
    bool is_avail = ((flags & VIRTQ_DESC_F_AVAIL) != 0) == hand->avail_wrap &&
                    ((flags & VIRTQ_DESC_F_USED) != 0) != hand->avail_wrap;
    if (!is_avail) {
        return false;
    }
    do {
        const struct virtq_packed_desc *desc = &ring[hand->avail_idx];
        flags = le16_get(desc->flags);
        buffer->id = le16_get(desc->id);
        buffer->desc_count++;
        if ((flags & VIRTQ_DESC_F_INDIRECT) != 0) {
            buffer->is_indirect = true;
            const struct virtq_packed_desc *table =
                (const struct virtq_packed_desc *)(uintptr_t)le64_get(desc->addr);
            for (uint32_t i = 0; i < le32_get(desc->len) / sizeof(*table); i++) {
                hand_note_seg(buffer, le64_get(table[i].addr), le32_get(table[i].len),
                              le16_get(table[i].flags));
            }
        } else {
            hand_note_seg(buffer, le64_get(desc->addr), le32_get(desc->len), flags);
        }
        if (++hand->avail_idx == hand->areas.size) {
            hand->avail_idx = 0;
            hand->avail_wrap = !hand->avail_wrap;
        }
    } while ((flags & VIRTQ_DESC_F_NEXT) != 0);
    return true;
}

/* The next available buffer, if there is one. */
static inline bool
hand_take(struct hand *hand, struct hand_buffer *buffer)
{
    *buffer = (struct hand_buffer){ .id = 0 };
    return hand->is_packed ? hand_take_packed(hand, buffer) : hand_take_split(hand, buffer);
}

/* Write one used element; go on by `buffer_count` buffers (split) or `desc_count` slots (packed). */
static inline void
hand_use_batch(struct hand *hand, uint32_t id, uint32_t written_bytes, uint16_t buffer_count,
               uint16_t desc_count)
{
    if (!hand->is_packed) {
        struct virtq_used *used = hand_used(hand);
        used->ring[hand->used_idx % hand->areas.size] =
            (struct virtq_used_elem){ le32_from(id), le32_from(written_bytes) };
        hand->used_idx = (uint16_t)(hand->used_idx + buffer_count);
        used->idx = le16_from(hand->used_idx);
        return;
    }
    unsigned flags = (hand->used_wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0U) |
                     (written_bytes != 0 ? VIRTQ_DESC_F_WRITE : 0U);
    hand_ring(hand)[hand->used_idx] =
        (struct virtq_packed_desc){ .len = le32_from(written_bytes),
                                    .id = le16_from((uint16_t)id),
                                    .flags = le16_from((uint16_t)flags) };
    unsigned next = (unsigned)hand->used_idx + desc_count;
    if (next >= hand->areas.size) {
        next -= hand->areas.size;
        hand->used_wrap = !hand->used_wrap;
    }
    hand->used_idx = (uint16_t)next;
}

static inline void
hand_use(struct hand *hand, const struct hand_buffer *buffer, uint32_t written_bytes)
{
    hand_use_batch(hand, buffer->id, written_bytes, 1, buffer->desc_count);
}

/* One buffer of `readable_count` and `writable_count` segments of 16 bytes; token and addresses come from `number`. */
static inline enum virtio_err
hand_add(struct hand *hand, uint16_t readable_count, uint16_t writable_count, uintptr_t number)
{
    struct virtq_seg segs[HAND_SEGS_MAX];
    for (unsigned i = 0; i < (unsigned)readable_count + writable_count && i < HAND_SEGS_MAX; i++) {
        segs[i] = (struct virtq_seg){ .addr = number * 4096 + (uint64_t)i * 16, .bytes = 16 };
    }
    struct virtq_chain chain = { .segs = segs,
                                 .readable_count = readable_count,
                                 .writable_count = writable_count,
                                 .cookie = (uint32_t)number,
                                 .token = (void *)number };
    return virtq_add(&hand->q, &chain);
}

#endif
