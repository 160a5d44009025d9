/*
 * Virtqueues come and go: memory, areas, the device told; and in the end the buffers handed back. Contract: virtio/queue.h.
 *
 *   arena ... | private: flights[] |pad to 4096| descriptor area | driver area | device area | indirect tables |pad to 4096|
 *
 * What is shared with the device has pages of its own: a device behind an IOMMU never sees the private shadow.
 */
#include "virtio/core/barrier.h"
#include "virtio/core/check.h"
#include "virtio/core/internal.h"
#include "virtio/core/memory.h"
#include "virtio/core/queue_format.h"

enum {
    CONFIG_SIZE_MAX = 1024,
    PAGE_BYTES = 4096,
    CACHE_LINE_BYTES = 64,
};

/* Both blocks of a queue. */
struct queue_memory {
    struct virtq_layout layout;
    size_t indirect_offset;
    size_t indirect_bytes;
    size_t shared_bytes;
    size_t private_bytes;
};

static size_t
round_up(size_t value, size_t align)
{
    return (value + align - 1) & ~(align - 1);
}

/* Longest chain that goes indirect: no longer than the queue (§2.7.5.3.1), and one segment needs no table. */
static uint16_t
indirect_limit(const struct virtq_config *config, uint16_t size)
{
    uint16_t limit = config->indirect_max < size ? config->indirect_max : size;
    return limit < 2 ? 0 : limit;
}

static struct queue_memory
plan_memory(const struct virtq_format_ops *ops, uint16_t size, uint16_t indirect_max,
            bool is_legacy)
{
    struct queue_memory memory;
    ops->get_layout(size, is_legacy, &memory.layout);
    memory.indirect_offset = round_up(memory.layout.end, CACHE_LINE_BYTES);
    memory.indirect_bytes = (size_t)size * indirect_max * sizeof(struct virtq_desc);
    memory.shared_bytes = round_up(memory.indirect_offset + memory.indirect_bytes, PAGE_BYTES);
    memory.private_bytes = (size_t)size * sizeof(struct virtq_flight);
    return memory;
}

static bool
is_power_of_two(unsigned value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

size_t
virtq_arena_bytes(const struct virtq_config *config)
{
    /* The legacy split layout is the largest: packed has no rings beside the descriptors. */
    struct queue_memory memory = plan_memory(&virtq_split_ops, config->size_max,
                                             indirect_limit(config, config->size_max), true);
    size_t padding_bytes = CACHE_LINE_BYTES - 1 + PAGE_BYTES - 1;
    return memory.private_bytes + memory.shared_bytes + padding_bytes;
}

/* The largest power of two that both sides can do. */
static uint16_t
choose_size(uint16_t wanted, uint16_t device_max)
{
    uint16_t size = wanted;
    while (size > device_max) {
        size = (uint16_t)(size >> 1);
    }
    return size;
}

static void
take_features(struct virtq *q, const struct virtq_config *config)
{
    const struct virtio_device *device = q->device;
    q->ops = virtio_device_has(device, VIRTIO_F_RING_PACKED) ? &virtq_packed_ops : &virtq_split_ops;
    q->indirect_max =
        virtio_device_has(device, VIRTIO_F_INDIRECT_DESC) ? indirect_limit(config, q->size) : 0;
    q->has_indirect = q->indirect_max != 0;
    q->has_event_idx = virtio_device_has(device, VIRTIO_F_EVENT_IDX);
    q->has_notification_data = virtio_device_has(device, VIRTIO_F_NOTIFICATION_DATA);
    q->is_in_order = virtio_device_has(device, VIRTIO_F_IN_ORDER);
    q->is_interrupting = config->is_interrupting;
    q->is_untimed = config->is_untimed;
}

/* Returns: VIRTIO_OK, VIRTIO_ERR_NO_MEMORY. */
static enum virtio_err
take_memory(struct virtq *q, struct virtio_arena *arena, struct virtio_queue_areas *areas)
{
    struct queue_memory memory =
        plan_memory(q->ops, q->size, q->indirect_max, q->device->ops->is_legacy);
    q->flights = virtio_arena_take(arena, memory.private_bytes, CACHE_LINE_BYTES);
    uint8_t *shared = virtio_arena_take(arena, memory.shared_bytes, PAGE_BYTES);
    if (q->flights == NULL || shared == NULL) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    uint64_t addr = q->plat->dma_addr(q->plat->ctx, shared, memory.shared_bytes);
    if (addr == UINT64_MAX) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    q->desc_area = shared;
    q->driver_area = shared + memory.layout.driver_offset;
    q->device_area = shared + memory.layout.device_offset;
    q->indirect = q->has_indirect ? shared + memory.indirect_offset : NULL;
    q->indirect_addr = addr + memory.indirect_offset;
    *areas = (struct virtio_queue_areas){ .desc_addr = addr,
                                          .driver_addr = addr + memory.layout.driver_offset,
                                          .device_addr = addr + memory.layout.device_offset,
                                          .size = q->size };
    return VIRTIO_OK;
}

/* All ids free, in order. */
static void
start_free_list(struct virtq *q)
{
    for (uint16_t i = 0; i < q->size; i++) {
        q->flights[i].next = (uint16_t)(i + 1);
        q->flights[i].last = i;
    }
    q->free_head = 0;
    q->free_tail = (uint16_t)(q->size - 1);
    q->free_count = q->size;
}

/* What can be wrong before anything is taken. */
static enum virtio_err
check_setup(const struct virtio_device *device, uint16_t queue_idx,
            const struct virtq_config *config)
{
    if (device->life != VIRTIO_LIFE_NEGOTIATED) {
        return VIRTIO_ERR_STATE;
    }
    if (queue_idx >= VIRTIO_DEVICE_QUEUES_MAX || !is_power_of_two(config->size_max) ||
        config->size_max > CONFIG_SIZE_MAX) {
        return VIRTIO_ERR_INVALID;
    }
    return device->queues[queue_idx] != NULL ? VIRTIO_ERR_BUSY : VIRTIO_OK;
}

enum virtio_err
virtq_setup(struct virtq *q, struct virtio_device *device, uint16_t queue_idx,
            const struct virtq_config *config, struct virtio_arena *arena)
{
    enum virtio_err err = check_setup(device, queue_idx, config);
    if (err != VIRTIO_OK) {
        return err;
    }
    uint16_t device_max = device->ops->queue_size_max(device, queue_idx);
    if (device_max == 0) {
        return VIRTIO_ERR_NO_DEVICE;
    }
    size_t arena_mark = arena->used_bytes;
    *q = (struct virtq){ .device = device,
                         .plat = device->bus->plat,
                         .trace = device->bus->trace,
                         .index = queue_idx,
                         .size = choose_size(config->size_max, device_max) };
    take_features(q, config);
    struct virtio_queue_areas areas;
    err = take_memory(q, arena, &areas);
    if (err == VIRTIO_OK) {
        start_free_list(q);
        q->ops->start(q);
        virtio_store_barrier(); /* empty rings before the device is told where they are */
        err = virtio_device_apply_vector(device, queue_idx);
    }
    if (err == VIRTIO_OK) {
        device->has_memory = true;
        err = device->ops->queue_enable(device, queue_idx, &areas);
    }
    if (err != VIRTIO_OK) {
        arena->used_bytes = arena_mark;
        memset(q, 0, sizeof(*q));
        return err;
    }
    device->queues[queue_idx] = q;
    virtio_trace_emit(q->trace, TRACE_VIRTQ_SETUP, 0, virtq_origin(q),
                      trace_halves(q->size, q->ops == &virtq_packed_ops), device->accepted);
    return VIRTIO_OK;
}

void
virtq_finish(struct virtq *q, void (*dropped)(void *ctx, void *token), void *ctx)
{
    if (q->device != NULL && q->device->queues[q->index] == q) {
        VIRTIO_CHECK(q->device->life != VIRTIO_LIFE_RUNNING);
        q->device->queues[q->index] = NULL;
    }
    for (uint16_t id = 0; dropped != NULL && id < q->size; id++) {
        if (q->flights[id].desc_count != 0) {
            dropped(ctx, q->flights[id].token);
        }
    }
    memset(q, 0, sizeof(*q));
}
