/* The block device behind the fake device: a disk in memory, and errors on demand. VirtIO 1.3 §5.2. */
#ifndef FAKE_BLK_H
#define FAKE_BLK_H

#include "abi/virtio_blk.h"

#include "tests/fake/fake_device.h"

struct fake_blk {
    uint8_t *disk;
    uint64_t sector_count;
    char id[VIRTIO_BLK_ID_BYTES];
    uint64_t fail_sector; /* requests that touch it get IOERR; UINT64_MAX: none */
    uint64_t request_count;
    uint64_t flush_count;
};

extern const struct fake_model fake_blk_model;

/* A disk of zeroes; sets capacity in `device`'s configuration space, so call after fake_device_init. */
void fake_blk_init(struct fake_blk *blk, struct fake_device *device, uint64_t sector_count);
void fake_blk_finish(struct fake_blk *blk);

#endif
