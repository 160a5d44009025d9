/*
 * Shared by the files of the block driver.
 */
#ifndef VIRTIO_DRIVER_BLK_BLK_PRIVATE_H
#define VIRTIO_DRIVER_BLK_BLK_PRIVATE_H

#include "virtio/blk.h"
#include "virtio/driver/bring_up.h"

/* What each type of request is: its number in the abi, and who writes its data. */
struct vblk_kind {
    uint32_t wire_type;
    uint32_t data_bytes; /* where it has no sectors */
    bool has_sectors;
    bool is_device_writing;
    char name[8];
};

extern const struct vblk_kind vblk_kinds[VBLK_TYPE_COUNT];

/* Returns: VIRTIO_OK, VIRTIO_ERR_NOT_INITIALIZED or as driver_failure. */
enum virtio_err vblk_usable(struct vblk *blk);

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
