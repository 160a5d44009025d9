/*
 * Shared by the files of the block driver.
 */
#ifndef VIRTIO_DRIVER_BLK_BLK_PRIVATE_H
#define VIRTIO_DRIVER_BLK_BLK_PRIVATE_H

#include "virtio/blk.h"
#include "virtio/driver/bring_up.h"

/* Read the capacity, which may change, §5.2.6.1. Returns: as virtio_config_read, VIRTIO_ERR_BROKEN. */
enum virtio_err vblk_read_capacity(struct vblk *blk);

/* Returns: VIRTIO_OK, VIRTIO_ERR_NOT_INITIALIZED or as driver_failure. */
static inline enum virtio_err
blk_usable(struct vblk *blk)
{
    if (blk->device == NULL) {
        return VIRTIO_ERR_NOT_INITIALIZED;
    }
    if (driver_is_config_new(blk->device, &blk->watch)) {
        (void)vblk_read_capacity(blk);
    }
    return driver_failure(blk->device, &blk->watch);
}

static inline void
blk_slot_free(struct vblk *blk, struct vblk_slot *slot)
{
    slot->op = NULL;
    slot->next_free = blk->free;
    blk->free = slot;
}

/* The op is over and its memory the owner's: free its slot, then tell its owner, who may submit again. */
void vblk_complete(struct vblk *blk, struct vblk_slot *slot, enum virtio_err err);

#endif
