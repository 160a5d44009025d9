/*
 * The kernel's block devices: the first few that the bus has.
 */
#ifndef KERNEL_DRV_BLK_DEV_H
#define KERNEL_DRV_BLK_DEV_H

#include "virtio/blk.h"

#include "kernel/core/base.h"

enum { BLK_DEV_COUNT_MAX = 4 };

/* Bring a block device up. Failures are logged. Context: boot. Returns: 0; -E_NOSPC (too many); another negative error. */
int blk_dev_start(struct virtio_device *device);

/*
 * Reset the device, forget it, and take its memory back. Nothing happens for a device that is no disk of ours.
 * Context: main thread. Returns: 0; a negative error: it does not reset and stays.
 */
int blk_dev_stop(struct virtio_device *device);

/* The idx-th of the disks there are. Returns: NULL beyond the last one. */
struct vblk *blk_dev_at(uint32_t idx);

#endif
