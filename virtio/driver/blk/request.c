/*
 * Requests, many in flight. VirtIO 1.3 §5.2.6.
 */
#include "virtio/core/check.h"
#include "virtio/core/memory.h"
#include "virtio/driver/blk/blk_private.h"

enum { STATUS_UNWRITTEN = 0xff };

const struct vblk_kind vblk_kinds[VBLK_TYPE_COUNT] = {
    [VBLK_READ] = {VIRTIO_BLK_T_IN,      0,                   true,  true,  "IN"    },
    [VBLK_WRITE] = { VIRTIO_BLK_T_OUT,    0,                   true,  false, "OUT"   },
    [VBLK_FLUSH] = { VIRTIO_BLK_T_FLUSH,  0,                   false, false, "FLUSH" },
    [VBLK_GET_ID] = { VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_ID_BYTES, false, true,  "GET_ID"},
};

/* §5.2.6.1: never beyond the capacity, no write to a read-only device, no flush unless offered. */
static enum virtio_err
check_op(const struct vblk *blk, const struct vblk_op *op)
{
    if (op->type == VBLK_FLUSH) {
        return blk->has_flush ? VIRTIO_OK : VIRTIO_ERR_UNSUPPORTED;
    }
    if (op->data == NULL) {
        return VIRTIO_ERR_INVALID;
    }
    if (!vblk_kinds[op->type].has_sectors) {
        return VIRTIO_OK;
    }
    if (op->sector_count == 0 || op->sector_count > blk->max_bytes / VIRTIO_BLK_SECTOR_BYTES ||
        op->sector > blk->capacity_sectors ||
        op->sector_count > blk->capacity_sectors - op->sector) {
        return VIRTIO_ERR_INVALID;
    }
    return op->type == VBLK_WRITE && blk->is_read_only ? VIRTIO_ERR_REFUSED : VIRTIO_OK;
}

static uint32_t
op_data_bytes(const struct vblk_op *op)
{
    const struct vblk_kind *kind = &vblk_kinds[op->type];

    return kind->has_sectors ? op->sector_count * VIRTIO_BLK_SECTOR_BYTES : kind->data_bytes;
}

static void
fill_cell(struct vblk_slot *slot, const struct vblk_op *op)
{
    const struct vblk_kind *kind = &vblk_kinds[op->type];

    slot->cell->head.type = le32_from(kind->wire_type);
    slot->cell->head.reserved = le32_from(0);
    slot->cell->head.sector = le64_from(kind->has_sectors ? op->sector : 0);
    slot->cell->status = STATUS_UNWRITTEN;
}

/* Three descriptors, in this order and these pieces even for legacy devices, §5.2.6.4. */
static enum virtio_err
add_op(struct vblk *blk, struct vblk_slot *slot, uint64_t data_addr)
{
    const struct vblk_kind *kind = &vblk_kinds[slot->op->type];
    struct virtq_seg segs[3] = {
        {slot->cell_addr, sizeof(struct virtio_blk_req)}
    };
    uint16_t seg_count = 1;
    struct virtq_chain chain = { .segs = segs, .readable_count = 1, .writable_count = 1 };
    enum virtio_err err;

    if (slot->data_bytes != 0) {
        segs[seg_count++] = (struct virtq_seg){ data_addr, slot->data_bytes };
        *(kind->is_device_writing ? &chain.writable_count : &chain.readable_count) = 2;
    }
    segs[seg_count] = (struct virtq_seg){ slot->cell_addr + offsetof(struct vblk_cell, status), 1 };
    slot->cookie = driver_cookie(blk->device);
    chain.cookie = slot->cookie;
    chain.token = slot;
    err = virtq_add(&blk->queue, &chain);
    if (err == VIRTIO_OK) {
        driver_trace(blk->device, TRACE_BLK_REQUEST, chain.cookie, VIRTIO_BLK_REQUESTQ,
                     kind->wire_type | (uint64_t)slot->data_bytes << 32,
                     kind->has_sectors ? slot->op->sector : 0);
    }
    return err;
}

static enum virtio_err
start_op(struct vblk *blk, struct vblk_op *op)
{
    const struct virtio_platform *plat = blk->device->bus->plat;
    uint32_t data_bytes = op_data_bytes(op);
    uint64_t data_addr = data_bytes != 0 ? plat->dma_addr(plat->ctx, op->data, data_bytes) : 0;
    struct vblk_slot *slot = blk->free;
    enum virtio_err err;

    if (data_addr == UINT64_MAX) {
        return VIRTIO_ERR_INVALID;
    }
    if (slot == NULL) {
        return VIRTIO_ERR_BUSY;
    }
    blk->free = slot->next_free;
    slot->op = op;
    slot->data_bytes = data_bytes;
    slot->is_reported = false;
    slot->deadline_ns =
        op->timeout_ms != 0 ? virtio_driver_deadline_ns(blk->device, op->timeout_ms) : UINT64_MAX;
    fill_cell(slot, op);
    err = add_op(blk, slot, data_addr);
    if (err != VIRTIO_OK) {
        blk_slot_free(blk, slot);
        return err;
    }
    op->err = VIRTIO_ERR_STATE;
    op->is_in_flight = true;
    if (slot->deadline_ns < blk->deadline_ns) {
        blk->deadline_ns = slot->deadline_ns;
    }
    blk->in_flight++;
    blk->stats.ops[op->type]++;
    blk->stats.bytes[op->type] += data_bytes;
    return VIRTIO_OK;
}

enum virtio_err
vblk_submit(struct vblk *blk, struct vblk_op *op)
{
    enum virtio_err err = vblk_usable(blk);

    if (err != VIRTIO_OK) {
        return err;
    }
    VIRTIO_CHECK((unsigned)op->type < VBLK_TYPE_COUNT);
    err = check_op(blk, op);
    if (err != VIRTIO_OK) {
        blk->stats.refused++;
        return err;
    }
    err = start_op(blk, op);
    if (err == VIRTIO_ERR_BUSY) {
        blk->stats.busy++;
        (void)virtq_notify(&blk->queue); /* what is queued must run for a slot to come back */
    }
    return err;
}

void
vblk_flush_queue(struct vblk *blk)
{
    if (blk->device != NULL) {
        (void)virtq_notify(&blk->queue);
    }
}

void
vblk_complete(struct vblk *blk, struct vblk_slot *slot, enum virtio_err err)
{
    struct vblk_op *op = slot->op;

    blk->in_flight--;
    blk_slot_free(blk, slot);
    op->is_in_flight = false;
    op->err = err;
    if (op->done != NULL) {
        op->done(op);
    }
}

/* A disk's id goes with the response that brought it: the device may have written anything, but no more than its length. */
static void
trace_response(const struct vblk *blk, const struct vblk_slot *slot, const struct virtq_done *done,
               uint8_t status)
{
    const struct vblk_op *op = slot->op;

    driver_trace(blk->device, TRACE_BLK_RESPONSE, done->cookie, VIRTIO_BLK_REQUESTQ,
                 status | (uint64_t)vblk_kinds[op->type].wire_type << 32, done->latency_ns);
    if (op->type == VBLK_GET_ID && status == VIRTIO_BLK_S_OK) {
        virtio_trace_payload(blk->device->bus->trace, done->cookie,
                             driver_origin(blk->device, VIRTIO_BLK_REQUESTQ), op->data,
                             VIRTIO_BLK_ID_BYTES);
    }
}

/*
 * What the device said of a request. The status byte is read once; the used length must cover it, and for a read all of the
 * data before it (§2.7.8.2: what was written, from the start). Legacy devices count otherwise, §5.2.6.3: there 0xff, which
 * was in the status byte before, is the only guard.
 */
static enum virtio_err
judge(struct vblk *blk, const struct vblk_slot *slot, const struct virtq_done *done)
{
    bool is_writing = vblk_kinds[slot->op->type].is_device_writing;
    uint8_t status = slot->cell->status;

    trace_response(blk, slot, done, status);
    switch (status) {
    case VIRTIO_BLK_S_OK:
        if (!blk->device->ops->is_legacy &&
            done->written_bytes != (is_writing ? slot->data_bytes : 0) + 1) {
            return virtio_driver_broken(blk->device,
                                        "status OK, data not written (VirtIO 1.3 §5.2.6.2)",
                                        done->written_bytes);
        }
        return VIRTIO_OK;
    case VIRTIO_BLK_S_IOERR: blk->stats.io_errors++; return VIRTIO_ERR_IO;
    case VIRTIO_BLK_S_UNSUPP: blk->stats.unsupported++; return VIRTIO_ERR_UNSUPPORTED;
    default:
        return virtio_driver_broken(blk->device, "status is not one of three (VirtIO 1.3 §5.2.6)",
                                    status);
    }
}

/* Tell an owner, once, why its op is late; the device still has op and data. `done` may submit. */
static void
report(struct vblk_slot *slot, enum virtio_err err)
{
    struct vblk_op *op = slot->op;

    if (op == NULL || slot->is_reported) {
        return;
    }
    slot->is_reported = true;
    op->err = err;
    if (op->done != NULL) {
        op->done(op);
    }
}

/* Report the ops whose deadlines have passed, and find the next deadline. */
static void
expire(struct vblk *blk, uint64_t now_ns)
{
    blk->deadline_ns = UINT64_MAX;
    for (uint16_t i = 0; i < blk->op_count; i++) {
        struct vblk_slot *slot = &blk->slots[i];

        if (slot->op == NULL || slot->is_reported) {
            continue;
        }
        if (slot->deadline_ns <= now_ns) {
            blk->stats.timeouts++;
            driver_trace(blk->device, TRACE_BLK_TIMEOUT, slot->cookie, VIRTIO_BLK_REQUESTQ,
                         vblk_kinds[slot->op->type].wire_type,
                         (uint64_t)slot->op->timeout_ms * 1000000);
            report(slot, VIRTIO_ERR_TIMEOUT);
        } else if (slot->deadline_ns < blk->deadline_ns) {
            blk->deadline_ns = slot->deadline_ns;
        }
    }
}

/* What is late: is the device still there, has a deadline passed? Returns: VIRTIO_OK or as driver_failure. */
static enum virtio_err
look_for_late(struct vblk *blk, bool has_progress)
{
    enum virtio_err err = virtio_driver_silence(blk->device, &blk->watch, has_progress);
    uint64_t now_ns;

    if (err != VIRTIO_OK || blk->deadline_ns == UINT64_MAX) {
        return err;
    }
    now_ns = virtio_driver_deadline_ns(blk->device, 0);
    if (now_ns >= blk->deadline_ns) {
        err = virtio_driver_look(blk->device, &blk->watch);
        if (err == VIRTIO_OK) {
            expire(blk, now_ns);
        }
    }
    return err;
}

enum virtio_err
vblk_poll(struct vblk *blk)
{
    enum virtio_err result = VIRTIO_EMPTY;
    enum virtio_err err = vblk_usable(blk);
    struct virtq_done done;

    /* No more than one queue full: `done` may submit, and the caller has other work too. */
    for (uint16_t left = blk->queue.size; err == VIRTIO_OK && left != 0; left--) {
        struct vblk_slot *slot;

        err = virtq_take_used(&blk->queue, &done);
        if (err != VIRTIO_OK) {
            break;
        }
        slot = done.token;
        slot->op->latency_ns = done.latency_ns;
        virtio_histogram_add(&blk->latency[slot->op->type], done.latency_ns);
        result = VIRTIO_OK;
        vblk_complete(blk, slot, judge(blk, slot, &done));
        err = vblk_usable(blk);
    }
    if (err == VIRTIO_OK || err == VIRTIO_EMPTY) {
        err = look_for_late(blk, result == VIRTIO_OK || blk->in_flight == 0);
    }
    for (uint16_t i = 0; err != VIRTIO_OK && i < blk->op_count; i++) {
        report(&blk->slots[i], err);
    }
    return err == VIRTIO_OK ? result : err;
}
