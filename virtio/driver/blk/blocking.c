/*
 * Blocking calls: an op of the driver's own over its own buffer, and a deadline.
 */
#include "virtio/core/memory.h"
#include "virtio/driver/blk/blk_private.h"

static void
on_sync_done(struct vblk_op *op)
{
    struct vblk *blk = op->ctx;

    blk->is_sync_in_flight = op->is_in_flight;
}

/* May the driver's own op be used? One that timed out may be done by now. */
static enum virtio_err
sync_usable(struct vblk *blk)
{
    enum virtio_err err = vblk_usable(blk);

    if (err == VIRTIO_OK && blk->is_sync_in_flight) {
        (void)vblk_poll(blk);
        err = vblk_usable(blk);
    }
    if (err != VIRTIO_OK) {
        return err;
    }
    return blk->is_sync_in_flight ? VIRTIO_ERR_BUSY : VIRTIO_OK;
}

/* Run sync_op, whose type, sector and count are set. */
static enum virtio_err
run_sync(struct vblk *blk, uint32_t timeout_ms)
{
    uint64_t deadline_ns;
    enum virtio_err err;

    blk->sync_op.data = blk->bounce;
    blk->sync_op.timeout_ms = timeout_ms;
    blk->sync_op.done = on_sync_done;
    blk->sync_op.ctx = blk;
    err = vblk_submit(blk, &blk->sync_op);
    if (err != VIRTIO_OK) {
        return err;
    }
    blk->is_sync_in_flight = true;
    deadline_ns = virtio_driver_deadline_ns(blk->device, timeout_ms);
    vblk_flush_queue(blk);
    for (;;) {
        err = vblk_poll(blk);
        if (!blk->is_sync_in_flight) {
            return blk->sync_op.err;
        }
        if (err == VIRTIO_OK || err == VIRTIO_EMPTY) {
            err = virtio_driver_wait_turn(blk->device, &blk->watch, deadline_ns);
        }
        if (err == VIRTIO_ERR_TIMEOUT) {
            (void)vblk_poll(blk); /* a last look, which also tells the trace that the op is late */
        }
        if (err != VIRTIO_OK) {
            return blk->is_sync_in_flight ? err : blk->sync_op.err;
        }
    }
}

/* The most sectors that one request of a blocking call carries. */
static uint32_t
chunk_sectors(const struct vblk *blk)
{
    uint32_t bytes = blk->bounce_bytes < blk->max_bytes ? blk->bounce_bytes : blk->max_bytes;

    return bytes / VIRTIO_BLK_SECTOR_BYTES;
}

/* Where a transfer stands. */
struct transfer {
    uint64_t sector;
    uint32_t left;
    uint8_t *to;         /* read, or NULL */
    const uint8_t *from; /* write, or NULL */
};

static enum virtio_err
run_chunk(struct vblk *blk, struct transfer *transfer, uint32_t timeout_ms)
{
    uint32_t sectors = chunk_sectors(blk);
    size_t bytes;
    enum virtio_err err;

    sectors = transfer->left < sectors ? transfer->left : sectors;
    bytes = (size_t)sectors * VIRTIO_BLK_SECTOR_BYTES;
    blk->sync_op.sector = transfer->sector;
    blk->sync_op.sector_count = sectors;
    if (transfer->from != NULL) {
        memcpy(blk->bounce, transfer->from, bytes);
        transfer->from += bytes;
    }
    err = run_sync(blk, timeout_ms);
    if (err == VIRTIO_OK && transfer->to != NULL) {
        memcpy(transfer->to, blk->bounce, bytes);
        transfer->to += bytes;
    }
    transfer->sector += sectors;
    transfer->left -= sectors;
    return err;
}

/* The bounds are those of the whole transfer: nothing is written of one that would not fit. */
static enum virtio_err
run_transfer(struct vblk *blk, enum vblk_type type, struct transfer *transfer, uint32_t timeout_ms)
{
    enum virtio_err err = sync_usable(blk);

    if (err != VIRTIO_OK) {
        return err;
    }
    if (transfer->left == 0 || transfer->sector > blk->capacity_sectors ||
        transfer->left > blk->capacity_sectors - transfer->sector) {
        blk->stats.refused++;
        return VIRTIO_ERR_INVALID;
    }
    blk->sync_op.type = type;
    while (err == VIRTIO_OK && transfer->left != 0) {
        err = run_chunk(blk, transfer, timeout_ms);
    }
    return err;
}

enum virtio_err
vblk_read(struct vblk *blk, uint64_t sector, uint32_t sector_count, void *data, uint32_t timeout_ms)
{
    struct transfer transfer = { .sector = sector, .left = sector_count, .to = data };

    return run_transfer(blk, VBLK_READ, &transfer, timeout_ms);
}

enum virtio_err
vblk_write(struct vblk *blk, uint64_t sector, uint32_t sector_count, const void *data,
           uint32_t timeout_ms)
{
    struct transfer transfer = { .sector = sector, .left = sector_count, .from = data };

    return run_transfer(blk, VBLK_WRITE, &transfer, timeout_ms);
}

enum virtio_err
vblk_flush(struct vblk *blk, uint32_t timeout_ms)
{
    enum virtio_err err = sync_usable(blk);

    if (err != VIRTIO_OK) {
        return err;
    }
    blk->sync_op.type = VBLK_FLUSH;
    return run_sync(blk, timeout_ms);
}

enum virtio_err
vblk_get_id(struct vblk *blk, char id[VIRTIO_BLK_ID_BYTES + 1], uint32_t timeout_ms)
{
    enum virtio_err err = sync_usable(blk);

    if (err != VIRTIO_OK) {
        return err;
    }
    blk->sync_op.type = VBLK_GET_ID;
    memset(blk->bounce, 0, VIRTIO_BLK_ID_BYTES);
    err = run_sync(blk, timeout_ms);
    if (err == VIRTIO_OK) {
        memcpy(id, blk->bounce, VIRTIO_BLK_ID_BYTES);
        id[VIRTIO_BLK_ID_BYTES] = '\0';
    }
    return err;
}
