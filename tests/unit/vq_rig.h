/*
 * The real driver's queue against the real device's, over plain memory: what one offers the other takes, with notifications
 * and interrupts only where they were asked for.  A lost one stops the loop, and the test says so.
 *
 *   guest address     0x10000 ... buffers, in two regions that are neighbours for the guest and strangers for us
 *                     the driver's arena at its own address: rings and indirect tables
 */
#ifndef TESTS_UNIT_VQ_RIG_H
#define TESTS_UNIT_VQ_RIG_H

#include "device/vq/guest.h"
#include "device/vq/vq.h"
#include "tests/unit/virtq_hand.h"

enum {
    RIG_BUFFERS_ADDR = 0x10000,
    RIG_REGION_BYTES = 1 << 20,
    RIG_SLOT_BYTES = 1000, /* not a divisor of a region: some buffers lie in both */
    RIG_SLOT_COUNT = 2 * RIG_REGION_BYTES / RIG_SLOT_BYTES,
};

struct rig {
    struct hand *hand;
    struct guest_memory guest;
    uint8_t *halves[2];
    struct vq vq;
    struct vq_layout layout;
};

struct rig_shape {
    bool is_packed;
    bool is_indirect;
    bool has_event_idx;
    bool is_in_order;
    uint16_t size;
};

static inline uint64_t
rig_features(const struct rig_shape *shape)
{
    return (shape->is_packed ? VIRTIO_FEATURE(VIRTIO_F_RING_PACKED) : 0) |
           (shape->is_indirect ? VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) : 0) |
           (shape->has_event_idx ? VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) : 0) |
           (shape->is_in_order ? VIRTIO_FEATURE(VIRTIO_F_IN_ORDER) : 0);
}

/* As a front-end would: areas by address, base 0 (packed: both wrap counters 1). */
static inline struct vq_layout
rig_layout(const struct rig *rig, const struct rig_shape *shape)
{
    const struct virtio_queue_areas *areas = &rig->hand->areas;
    struct vq_layout layout = {
        .size = areas->size,
        .is_packed = shape->is_packed,
        .has_event_idx = shape->has_event_idx,
        .has_indirect = shape->is_indirect,
        .is_in_order = shape->is_in_order,
        .first_avail = shape->is_packed ? 0x80008000U : 0,
    };
    layout.desc = guest_at(&rig->guest, areas->desc_addr, vq_desc_bytes(&layout));
    layout.driver = guest_at(&rig->guest, areas->driver_addr, vq_driver_bytes(&layout));
    layout.device = guest_at(&rig->guest, areas->device_addr, vq_device_bytes(&layout));
    return layout;
}

static inline struct rig *
rig_new(const struct rig_shape *shape)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct virtq_config config = { .size_max = shape->size,
                                   .indirect_max = shape->is_indirect ? 8 : 0,
                                   .is_interrupting = true };
    rig->hand = hand_new(rig_features(shape), &config);
    for (unsigned i = 0; i < 2; i++) {
        rig->halves[i] = calloc(1, RIG_REGION_BYTES);
        struct guest_region half = { .guest_addr = RIG_BUFFERS_ADDR + i * RIG_REGION_BYTES,
                                     .size_bytes = RIG_REGION_BYTES,
                                     .host = rig->halves[i] };
        EXPECT_EQ(guest_add(&rig->guest, &half), NULL);
    }
    struct guest_region rings = { .guest_addr = (uint64_t)(uintptr_t)rig->hand->arena.base,
                                  .size_bytes = HAND_ARENA_BYTES,
                                  .host = (uint8_t *)rig->hand->arena.base };
    EXPECT_EQ(guest_add(&rig->guest, &rings), NULL);
    rig->layout = rig_layout(rig, shape);
    EXPECT_EQ(vq_start(&rig->vq, &rig->guest, &rig->layout), NULL);
    return rig;
}

static inline void
rig_free(struct rig *rig)
{
    (void)vq_stop(&rig->vq);
    guest_finish(&rig->guest);
    hand_free(rig->hand);
    free(rig->halves[0]);
    free(rig->halves[1]);
    free(rig);
}

/* Where a slot's buffers lie for the guest. */
static inline uint64_t
rig_slot_addr(unsigned slot)
{
    return RIG_BUFFERS_ADDR + (uint64_t)slot * RIG_SLOT_BYTES;
}

/* What the driver itself has there: byte by byte, since a slot may lie in both halves. */
static inline uint8_t *
rig_byte(const struct rig *rig, uint64_t guest_addr)
{
    uint64_t offset = guest_addr - RIG_BUFFERS_ADDR;
    return &rig->halves[offset / RIG_REGION_BYTES][offset % RIG_REGION_BYTES];
}

/* A byte that tells slot, direction and place. */
static inline uint8_t
rig_pattern(unsigned slot, unsigned offset, bool is_answer)
{
    return (uint8_t)(slot * 7 + offset * 13 + (is_answer ? 101 : 0));
}

#endif
