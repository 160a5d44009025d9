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

/* The device of that number, in order of the bus. Returns: NULL beyond the last one. */
struct vblk *blk_dev_at(uint32_t idx);

#endif
