/* The split virtqueue from the device's side. VirtIO 1.3 §2.7. */
#include <stdlib.h>
#include <string.h>

#include "tests/fake/fake_private.h"

static size_t
split_area_bytes(const struct fake_device *device, uint32_t size, unsigned area)
{
    size_t event = fake_device_has(device, VIRTIO_F_EVENT_IDX) ? 2 : 0;
    const size_t bytes[] = { (size_t)16 * size, 4 + (size_t)2 * size + event,
                             4 + (size_t)8 * size + event };
    return bytes[area];
}

static void
split_check_setup(struct fake_device *device, struct fake_queue *q)
{
    if (q->desc_addr % 16 != 0 || q->driver_addr % 2 != 0 || q->device_addr % 4 != 0) {
        fake_break(device, FAKE_REQ_SPLIT_ALIGNMENT, q->desc_addr);
    }
    if (fake_get16(q->device) != 0) {
        fake_break(device, FAKE_REQ_SPLIT_USED_FLAGS, fake_get16(q->device));
    }
}

static uint16_t
avail_idx(const struct fake_queue *q)
{
    return fake_get16(q->driver + 2);
}

static bool
split_has_avail(const struct fake_queue *q)
{
    return avail_idx(q) != q->avail_idx;
}

static struct fake_desc
read_desc(const uint8_t *entry)
{
    return (struct fake_desc){ fake_get64(entry), fake_get32(entry + 8), fake_get16(entry + 12),
                               fake_get16(entry + 14) };
}

/* The table that one descriptor points to. */
static bool
walk_indirect(struct fake_device *device, const struct fake_queue *q, struct fake_chain *chain,
              const struct fake_desc *head)
{
    const uint8_t *table = fake_platform_at(device->fp, head->addr, head->len);
    uint32_t count = head->len / 16;
    if (head->len == 0 || head->len % 16 != 0) {
        fake_break(device, FAKE_REQ_SPLIT_INDIRECT_BYTES, head->len);
        return false;
    }
    if (table == NULL) {
        fake_break(device, FAKE_REQ_DMA_ADDRESS, head->addr);
        return false;
    }
    uint32_t idx = 0;
    for (uint32_t steps = 0;; steps++) {
        if (steps == q->size) {
            fake_break(device, FAKE_REQ_SPLIT_CHAIN_LENGTH, steps);
            return false;
        }
        struct fake_desc desc = read_desc(table + (size_t)16 * idx);
        if ((desc.flags & VIRTQ_DESC_F_INDIRECT) != 0) {
            fake_break(device, FAKE_REQ_SPLIT_INDIRECT_NESTED, idx);
            return false;
        }
        if (!fake_chain_add(device, chain, &desc)) {
            return false;
        }
        if ((desc.flags & VIRTQ_DESC_F_NEXT) == 0) {
            return true;
        }
        if (desc.next >= count) {
            fake_break(device, FAKE_REQ_SPLIT_NEXT_RANGE, desc.next);
            return false;
        }
        if (fake_device_has(device, VIRTIO_F_IN_ORDER) && desc.next != idx + 1) {
            fake_break(device, FAKE_REQ_SPLIT_INDIRECT_IN_ORDER, desc.next);
        }
        idx = desc.next;
    }
}

static bool
check_indirect(struct fake_device *device, const struct fake_desc *desc)
{
    if (!fake_device_has(device, VIRTIO_F_INDIRECT_DESC)) {
        fake_break(device, FAKE_REQ_SPLIT_INDIRECT_NEGOTIATED, desc->flags);
        return false;
    }
    if ((desc->flags & VIRTQ_DESC_F_NEXT) != 0) {
        fake_break(device, FAKE_REQ_SPLIT_INDIRECT_NEXT, desc->flags);
        return false;
    }
    return true;
}

/* Take note of the table's entry `idx`. */
static bool
take_entry(struct fake_device *device, const struct fake_queue *q, struct fake_chain *chain,
           uint16_t idx)
{
    if (q->is_taken[idx] != 0) {
        fake_break(device, FAKE_REQ_SPLIT_DESC_IN_FLIGHT, idx);
        return false;
    }
    memcpy(chain->copy + (size_t)16 * chain->desc_count, q->desc + (size_t)16 * idx, 16);
    chain->entry_idxs[chain->desc_count] = idx;
    chain->desc_count++;
    return true;
}

static bool
check_next(struct fake_device *device, const struct fake_queue *q, uint16_t idx, uint16_t next)
{
    if (next >= q->size) {
        fake_break(device, FAKE_REQ_SPLIT_NEXT_RANGE, next);
        return false;
    }
    if (fake_device_has(device, VIRTIO_F_IN_ORDER) && next != (idx + 1u) % q->size) {
        fake_break(device, FAKE_REQ_SPLIT_NEXT_IN_ORDER, next);
    }
    return true;
}

static bool
walk(struct fake_device *device, const struct fake_queue *q, struct fake_chain *chain)
{
    uint16_t idx = chain->id;
    uint64_t bytes = 0;
    for (uint32_t steps = 0;; steps++) {
        if (steps == q->size) {
            fake_break(device, FAKE_REQ_SPLIT_CHAIN_LENGTH, steps);
            return false;
        }
        if (!take_entry(device, q, chain, idx)) {
            return false;
        }
        struct fake_desc desc = read_desc(q->desc + (size_t)16 * idx);
        if ((desc.flags & VIRTQ_DESC_F_INDIRECT) != 0) {
            return check_indirect(device, &desc) && walk_indirect(device, q, chain, &desc);
        }
        bytes += desc.len;
        if (bytes > UINT64_C(1) << 32) {
            fake_break(device, FAKE_REQ_SPLIT_CHAIN_BYTES, bytes);
            return false;
        }
        if (!fake_chain_add(device, chain, &desc)) {
            return false;
        }
        if ((desc.flags & VIRTQ_DESC_F_NEXT) == 0) {
            return true;
        }
        if (!check_next(device, q, idx, desc.next)) {
            return false;
        }
        idx = desc.next;
    }
}

/* Returns: may the device go on with this ring? */
static bool
check_avail(struct fake_device *device, const struct fake_queue *q, uint16_t head)
{
    uint16_t ahead = (uint16_t)(avail_idx(q) - q->avail_idx);
    if (ahead + q->in_flight_count > q->size) {
        fake_break(device, FAKE_REQ_SPLIT_AVAIL_INDEX, avail_idx(q));
        return false;
    }
    if (head >= q->size) {
        fake_break(device, FAKE_REQ_SPLIT_AVAIL_ENTRY, head);
        return false;
    }
    return true;
}

static struct fake_chain *
split_pop(struct fake_device *device, uint16_t queue_idx)
{
    struct fake_queue *q = &device->queues[queue_idx];
    if (!split_has_avail(q)) {
        return NULL;
    }
    uint16_t head = fake_get16(q->driver + 4 + (size_t)2 * (q->avail_idx % q->size));
    if (!check_avail(device, q, head)) {
        q->is_stuck = true;
        return NULL;
    }
    struct fake_chain *chain = fake_chain_new(queue_idx, q->size, (size_t)2 * q->size);
    chain->id = head;
    if (!walk(device, q, chain)) {
        fake_chain_free(chain);
        q->is_stuck = true;
        return NULL;
    }
    q->avail_idx++;
    return chain;
}

static void
split_push(struct fake_device *device, struct fake_queue *q, const struct fake_chain *chain,
           const struct fake_used *used)
{
    (void)device;
    (void)chain;
    uint8_t *element = q->device + 4 + (size_t)8 * (q->used_idx % q->size);
    fake_put32(element, used->id);
    fake_put32(element + 4, used->len);
    q->used_idx = (uint16_t)(q->used_idx + used->skip);
    fake_put16(q->device + 2, q->used_idx);
}

static bool
split_wants_interrupt(const struct fake_device *device, struct fake_queue *q, uint16_t used_before)
{
    if (!fake_device_has(device, VIRTIO_F_EVENT_IDX)) {
        return (fake_get16(q->driver) & VIRTQ_AVAIL_F_NO_INTERRUPT) == 0;
    }
    /* §2.7.7.2: when the entry just written is the one that used_event names. */
    uint16_t used_event = fake_get16(q->driver + 4 + (size_t)2 * q->size);
    uint16_t added = (uint16_t)(q->used_idx - used_before);
    return (uint16_t)(q->used_idx - used_event - 1) < added;
}

static bool
split_wants_notify(const struct fake_device *device, const struct fake_queue *q)
{
    if (!fake_device_has(device, VIRTIO_F_EVENT_IDX)) {
        return (fake_get16(q->device) & VIRTQ_USED_F_NO_NOTIFY) == 0;
    }
    /* Has the driver passed the entry that avail_event names, since the device last looked? */
    uint16_t event = fake_get16(q->device + 4 + (size_t)8 * q->size);
    uint16_t added = (uint16_t)(avail_idx(q) - q->avail_idx);
    return (uint16_t)(avail_idx(q) - event - 1) < added;
}

static void
split_set_notify(const struct fake_device *device, struct fake_queue *q)
{
    if (!fake_device_has(device, VIRTIO_F_EVENT_IDX)) {
        fake_put16(q->device, q->is_polling ? VIRTQ_USED_F_NO_NOTIFY : 0);
        return;
    }
    uint16_t event = q->is_polling ? (uint16_t)(q->avail_idx - 1) : q->avail_idx;
    fake_put16(q->device + 4 + (size_t)8 * q->size, event);
}

static void
split_check_driver_area(struct fake_device *device, const struct fake_queue *q)
{
    uint16_t flags = fake_get16(q->driver);
    uint16_t allowed = fake_device_has(device, VIRTIO_F_EVENT_IDX) ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT;
    if ((flags & ~allowed) != 0 && device->evil.mode != FAKE_EVIL_SCRIBBLE_DRIVER) {
        fake_break(device, FAKE_REQ_SPLIT_AVAIL_FLAGS, flags);
    }
}

static uint32_t
split_notify_data(const struct fake_queue *q)
{
    return avail_idx(q);
}

const struct fake_format fake_split_format = {
    .check_setup = split_check_setup,
    .has_avail = split_has_avail,
    .pop = split_pop,
    .push = split_push,
    .wants_interrupt = split_wants_interrupt,
    .wants_notify = split_wants_notify,
    .set_notify = split_set_notify,
    .check_driver_area = split_check_driver_area,
    .notify_data = split_notify_data,
    .area_bytes = split_area_bytes,
};
