/* The kernel's block devices: see blk_dev.h. */
#include "kernel/drv/blk_dev.h"

#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/log.h"
#include "kernel/drv/virtio_bus.h"
#include "kernel/mm/pages.h"

static struct disk {
    struct vblk blk; /* with a device: in use */
    struct virtio_arena arena;
} disks[BLK_DEV_COUNT_MAX];

/* Requests are waited for by their submitter; the interrupt only has to end its sleep and to be acknowledged. */
static void
on_interrupt(uint32_t irq, void *ctx)
{
    struct vblk *blk = ctx;

    (void)irq;
    (void)vblk_take_events(blk);
}

static void
log_device(const struct disk *disk)
{
    const struct vblk *blk = &disk->blk;
    char size[16];

    log_info("blk", "disk %u: %s%s, queue of %u", (unsigned)(disk - disks),
             format_bytes(size, sizeof(size), blk->capacity_sectors * VIRTIO_BLK_SECTOR_BYTES),
             blk->is_read_only ? ", read-only" : "", blk->queue.size);
}

static struct disk *
find_disk(const struct virtio_device *device)
{
    for (uint32_t i = 0; i < BLK_DEV_COUNT_MAX; i++) {
        if (disks[i].blk.device == device) {
            return &disks[i];
        }
    }
    return NULL;
}

int
blk_dev_start(struct virtio_device *device)
{
    struct vblk_config config = { .features = virtio_bus_ring_features(), .is_interrupting = true };
    struct disk *disk = find_disk(NULL);

    if (disk == NULL) {
        log_warn("blk", "device %u: not driven, %u disks are the most", device->index,
                 BLK_DEV_COUNT_MAX);
        return -E_NOSPC;
    }
    if (drv_arena(&disk->arena, vblk_arena_bytes(&config)) != 0) {
        return -E_NOMEM;
    }
    enum virtio_err err = vblk_init(&disk->blk, device, &config, &disk->arena);
    if (err != VIRTIO_OK) {
        if (disk->arena.used_bytes == 0) { /* else the device did not reset and still has it */
            dma_free(disk->arena.base, disk->arena.bytes);
        }
        log_error("blk", "device %u: %s", device->index, virtio_err_text(err));
        return errno_from_virtio(err);
    }
    log_device(disk);
    return drv_interrupt(device, on_interrupt, &disk->blk, "virtio-blk");
}

int
blk_dev_stop(struct virtio_device *device)
{
    struct disk *disk = find_disk(device);

    if (disk == NULL) {
        return 0;
    }
    enum virtio_err err = vblk_finish(&disk->blk);
    if (err != VIRTIO_OK) {
        return errno_from_virtio(err);
    }
    log_info("blk", "disk %u is no more", (unsigned)(disk - disks));
    dma_free(disk->arena.base, disk->arena.bytes);
    *disk = (struct disk){ .blk = { .device = NULL } };
    return 0;
}

struct vblk *
blk_dev_at(uint32_t idx)
{
    for (uint32_t i = 0; i < BLK_DEV_COUNT_MAX; i++) {
        if (disks[i].blk.device != NULL && idx-- == 0) {
            return &disks[i].blk;
        }
    }
    return NULL;
}
