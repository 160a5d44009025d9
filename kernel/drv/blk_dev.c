/* The kernel's block devices: see blk_dev.h. */
#include "kernel/drv/blk_dev.h"

#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/log.h"
#include "kernel/drv/virtio_bus.h"
#include "kernel/mm/pages.h"

static struct vblk blks[BLK_DEV_COUNT_MAX];
static uint32_t blk_count;

/* Requests are waited for by their submitter; the interrupt only has to end its sleep and to be acknowledged. */
static void
on_interrupt(uint32_t irq, void *ctx)
{
    struct vblk *blk = ctx;

    (void)irq;
    (void)vblk_take_events(blk);
}

static void
log_device(const struct vblk *blk)
{
    char size[16];

    log_info("blk", "disk %u: %s%s, queue of %u", (unsigned)(blk - blks),
             format_bytes(size, sizeof(size), blk->capacity_sectors * VIRTIO_BLK_SECTOR_BYTES),
             blk->is_read_only ? ", read-only" : "", blk->queue.size);
}

int
blk_dev_start(struct virtio_device *device)
{
    struct vblk_config config = { .features = virtio_bus_ring_features(), .is_interrupting = true };
    struct virtio_arena arena;

    if (blk_count == BLK_DEV_COUNT_MAX) {
        log_warn("blk", "device %u: not driven, %u disks are the most", device->index,
                 BLK_DEV_COUNT_MAX);
        return -E_NOSPC;
    }
    if (drv_arena(&arena, vblk_arena_bytes(&config)) != 0) {
        return -E_NOMEM;
    }
    struct vblk *blk = &blks[blk_count];
    enum virtio_err err = vblk_init(blk, device, &config, &arena);
    if (err != VIRTIO_OK) {
        if (arena.used_bytes == 0) { /* else the device did not reset and still has it */
            dma_free(arena.base, arena.bytes);
        }
        log_error("blk", "device %u: %s", device->index, virtio_err_text(err));
        return errno_from_virtio(err);
    }
    blk_count++;
    log_device(blk);
    return drv_interrupt(device, on_interrupt, blk, "virtio-blk");
}

struct vblk *
blk_dev_at(uint32_t idx)
{
    return idx < blk_count ? &blks[idx] : NULL;
}
