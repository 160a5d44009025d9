/* The packed virtqueue from the device's side. VirtIO 1.3 §2.8. */
#include <string.h>

#include "tests/fake/fake_private.h"

static size_t
packed_area_bytes(const struct fake_device *device, uint32_t size, unsigned area)
{
    (void)device;
    return area == 0 ? (size_t)16 * size : 4;
}

static uint8_t *
slot_at(const struct fake_queue *q, uint16_t slot)
{
    return q->desc + (size_t)16 * slot;
}

static struct fake_desc
read_slot(const uint8_t *entry)
{
    return (struct fake_desc){ fake_get64(entry), fake_get32(entry + 8), fake_get16(entry + 14),
                               fake_get16(entry + 12) };
}

/* §2.8.1: available when the AVAIL bit equals the wrap counter and the USED bit does not. */
static bool
is_available(uint16_t flags, bool wrap)
{
    bool avail = (flags & VIRTQ_DESC_F_AVAIL) != 0;
    bool used = (flags & VIRTQ_DESC_F_USED) != 0;
    return avail == wrap && used != wrap;
}

static void
advance(const struct fake_queue *q, uint16_t *slot, bool *wrap, uint32_t by)
{
    uint32_t next = *slot + by;
    while (next >= q->size) {
        next -= q->size;
        *wrap = !*wrap;
    }
    *slot = (uint16_t)next;
}

static void
packed_check_setup(struct fake_device *device, struct fake_queue *q)
{
    static const uint8_t zero[16];
    if (q->desc_addr % 16 != 0 || q->driver_addr % 4 != 0 || q->device_addr % 4 != 0) {
        fake_break(device, FAKE_REQ_PACKED_ALIGNMENT, q->desc_addr);
    }
    for (uint32_t i = 0; i < q->size; i++) {
        const uint8_t *entry = slot_at(q, (uint16_t)i);
        if (!is_available(fake_get16(entry + 14), true) && memcmp(entry, zero, 16) != 0) {
            fake_break(device, FAKE_REQ_PACKED_RING_ZERO, i);
            return;
        }
    }
}

static bool
packed_has_avail(const struct fake_queue *q)
{
    return is_available(fake_get16(slot_at(q, q->avail_idx) + 14), q->avail_wrap);
}

static bool
walk_indirect(struct fake_device *device, struct fake_chain *chain, const struct fake_desc *head)
{
    const uint8_t *table = fake_platform_at(device->fp, head->addr, head->len);
    if (head->len == 0 || head->len % 16 != 0) {
        fake_break(device, FAKE_REQ_PACKED_INDIRECT_BYTES, head->len);
        return false;
    }
    if (table == NULL) {
        fake_break(device, FAKE_REQ_DMA_ADDRESS, head->addr);
        return false;
    }
    uint32_t count = head->len / 16;
    if (count > device->queues[chain->queue_idx].size) {
        fake_break(device, FAKE_REQ_PACKED_LIST_LENGTH, count);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct fake_desc desc = read_slot(table + (size_t)16 * i);
        if ((desc.flags & ~VIRTQ_DESC_F_WRITE) != 0) {
            fake_break(device, FAKE_REQ_PACKED_INDIRECT_FLAGS, desc.flags);
            return false;
        }
        if (!fake_chain_add(device, chain, &desc)) {
            return false;
        }
    }
    return true;
}

static bool
add_element(struct fake_device *device, struct fake_chain *chain, const struct fake_desc *desc)
{
    if ((desc->flags & VIRTQ_DESC_F_INDIRECT) == 0) {
        return fake_chain_add(device, chain, desc);
    }
    if (!fake_device_has(device, VIRTIO_F_INDIRECT_DESC)) {
        fake_break(device, FAKE_REQ_PACKED_INDIRECT_NEGOTIATED, desc->flags);
        return false;
    }
    if (chain->desc_count > 1 || (desc->flags & VIRTQ_DESC_F_NEXT) != 0) {
        fake_break(device, FAKE_REQ_PACKED_INDIRECT_NEXT, desc->flags);
        return false;
    }
    return walk_indirect(device, chain, desc);
}

static bool
is_id_in_flight(const struct fake_queue *q, uint16_t id)
{
    for (const struct fake_chain *c = q->first; c != NULL; c = c->next) {
        if (c->id == id) {
            return true;
        }
    }
    return false;
}

static bool
walk(struct fake_device *device, struct fake_queue *q, struct fake_chain *chain)
{
    uint16_t slot = q->avail_idx;
    bool wrap = q->avail_wrap;
    struct fake_desc desc;
    do {
        if (chain->desc_count + q->in_flight_descs >= (int)q->size) {
            fake_break(device, FAKE_REQ_PACKED_LIST_LENGTH, chain->desc_count + 1u);
            return false;
        }
        const uint8_t *entry = slot_at(q, slot);
        desc = read_slot(entry);
        if (!is_available(desc.flags, wrap)) {
            fake_break(device, FAKE_REQ_PACKED_FIRST_LAST, slot);
            return false;
        }
        memcpy(chain->copy + (size_t)16 * chain->desc_count, entry, 16);
        chain->entry_idxs[chain->desc_count] = slot;
        chain->desc_count++;
        if (!add_element(device, chain, &desc)) {
            return false;
        }
        advance(q, &slot, &wrap, 1);
    } while ((desc.flags & VIRTQ_DESC_F_NEXT) != 0);
    chain->id = desc.next;
    if (is_id_in_flight(q, chain->id)) {
        fake_break(device, FAKE_REQ_PACKED_ID_IN_FLIGHT, chain->id);
        return false;
    }
    return true;
}

static struct fake_chain *
packed_pop(struct fake_device *device, uint16_t queue_idx)
{
    struct fake_queue *q = &device->queues[queue_idx];
    if (!packed_has_avail(q)) {
        return NULL;
    }
    struct fake_chain *chain = fake_chain_new(queue_idx, q->size, (size_t)2 * q->size);
    chain->slot = q->avail_idx;
    if (!walk(device, q, chain)) {
        fake_chain_free(chain);
        q->is_stuck = true;
        return NULL;
    }
    advance(q, &q->avail_idx, &q->avail_wrap, chain->desc_count);
    return chain;
}

/* The slots that this used descriptor gives back are the driver's again, whosever they were. */
static void
release_slot(struct fake_queue *q, uint16_t slot)
{
    for (struct fake_chain *c = q->first; c != NULL; c = c->next) {
        for (uint16_t i = 0; i < c->desc_count; i++) {
            if (c->entry_idxs[i] == slot) {
                c->entry_idxs[i] = FAKE_ENTRY_RELEASED;
            }
        }
    }
}

static void
write_used(struct fake_queue *q, uint16_t slot, bool wrap, const struct fake_used *used)
{
    uint8_t *entry = slot_at(q, slot);
    uint16_t flags = wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0;
    fake_put32(entry + 8, used->len);
    fake_put16(entry + 12, (uint16_t)used->id);
    fake_put16(entry + 14, (uint16_t)(flags | (used->len > 0 ? VIRTQ_DESC_F_WRITE : 0)));
}

static void
packed_push(struct fake_device *device, struct fake_queue *q, const struct fake_chain *chain,
            const struct fake_used *used)
{
    (void)chain;
    if (fake_is_evil(device, FAKE_EVIL_USED_INDEX_RUNAWAY)) {
        for (uint32_t i = 0; i < q->size; i++) {
            write_used(q, (uint16_t)i, i >= q->used_idx ? q->used_wrap : !q->used_wrap, used);
        }
    }
    write_used(q, q->used_idx, q->used_wrap, used);
    uint32_t skip = used->skip > q->size ? q->size : used->skip;
    for (uint32_t i = 0; i < skip; i++) {
        uint16_t slot = q->used_idx;
        release_slot(q, slot);
        advance(q, &q->used_idx, &q->used_wrap, 1);
    }
}

/* Positions over two laps, so that the wrap counter takes part in comparisons. */
static uint32_t
position(const struct fake_queue *q, uint16_t slot, bool wrap)
{
    return slot + (wrap ? 0 : q->size);
}

static bool
packed_wants_interrupt(const struct fake_device *device, struct fake_queue *q, uint16_t used_before)
{
    (void)device;
    uint16_t flags = fake_get16(q->driver + 2) & 3;
    if (flags != VIRTQ_EVENT_DESC) {
        return flags == VIRTQ_EVENT_ENABLE;
    }
    uint16_t off_wrap = fake_get16(q->driver);
    uint32_t laps = 2 * q->size;
    bool wrap_before = q->used_idx <= used_before ? !q->used_wrap : q->used_wrap;
    uint32_t now = position(q, q->used_idx, q->used_wrap);
    uint32_t before = position(q, used_before, wrap_before);
    uint32_t event = position(q, off_wrap & 0x7fff, (off_wrap >> 15) != 0);
    return (now + laps - event % laps - 1) % laps < (now + laps - before) % laps;
}

static bool
packed_wants_notify(const struct fake_device *device, const struct fake_queue *q)
{
    (void)device;
    return !q->is_polling;
}

static void
packed_set_notify(const struct fake_device *device, struct fake_queue *q)
{
    if (q->is_polling) {
        fake_put16(q->device + 2, VIRTQ_EVENT_DISABLE);
    } else if (fake_device_has(device, VIRTIO_F_EVENT_IDX)) {
        fake_put16(q->device, (uint16_t)(q->avail_idx | (q->avail_wrap ? 0x8000 : 0)));
        fake_put16(q->device + 2, VIRTQ_EVENT_DESC);
    } else {
        fake_put16(q->device + 2, VIRTQ_EVENT_ENABLE);
    }
}

static void
packed_check_driver_area(struct fake_device *device, const struct fake_queue *q)
{
    if (device->evil.mode == FAKE_EVIL_SCRIBBLE_DRIVER) {
        return;
    }
    uint16_t flags = fake_get16(q->driver + 2);
    uint16_t highest =
        fake_device_has(device, VIRTIO_F_EVENT_IDX) ? VIRTQ_EVENT_DESC : VIRTQ_EVENT_DISABLE;
    if (flags > highest) {
        fake_break(device, FAKE_REQ_PACKED_EVENT_FLAGS, flags);
    } else if (flags == VIRTQ_EVENT_DESC && (fake_get16(q->driver) & 0x7fff) >= q->size) {
        fake_break(device, FAKE_REQ_PACKED_EVENT_OFFSET, fake_get16(q->driver));
    }
}

static uint32_t
packed_notify_data(const struct fake_queue *q)
{
    uint16_t slot = q->avail_idx;
    bool wrap = q->avail_wrap;
    for (uint32_t i = 0; i < q->size && is_available(fake_get16(slot_at(q, slot) + 14), wrap);
         i++) {
        advance(q, &slot, &wrap, 1);
    }
    return slot | (wrap ? 0x8000u : 0);
}

const struct fake_format fake_packed_format = {
    .check_setup = packed_check_setup,
    .has_avail = packed_has_avail,
    .pop = packed_pop,
    .push = packed_push,
    .wants_interrupt = packed_wants_interrupt,
    .wants_notify = packed_wants_notify,
    .set_notify = packed_set_notify,
    .check_driver_area = packed_check_driver_area,
    .notify_data = packed_notify_data,
    .area_bytes = packed_area_bytes,
};
