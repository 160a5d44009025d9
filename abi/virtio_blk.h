/*
 * Block device: features, configuration space, requests. Sectors are 512 bytes, whatever blk_size says.
 * Source: VirtIO 1.3 §5.2.
 */
#ifndef ABI_VIRTIO_BLK_H
#define ABI_VIRTIO_BLK_H

#include <stddef.h>

#include "abi/endian.h"

/* Feature bits, §5.2.3; BARRIER and SCSI are legacy, §5.2.3.1. */
enum {
    VIRTIO_BLK_F_BARRIER = 0,
    VIRTIO_BLK_F_SIZE_MAX = 1,
    VIRTIO_BLK_F_SEG_MAX = 2,
    VIRTIO_BLK_F_GEOMETRY = 4,
    VIRTIO_BLK_F_RO = 5,
    VIRTIO_BLK_F_BLK_SIZE = 6,
    VIRTIO_BLK_F_SCSI = 7,
    VIRTIO_BLK_F_FLUSH = 9,
    VIRTIO_BLK_F_TOPOLOGY = 10,
    VIRTIO_BLK_F_CONFIG_WCE = 11,
    VIRTIO_BLK_F_MQ = 12,
    VIRTIO_BLK_F_DISCARD = 13,
    VIRTIO_BLK_F_WRITE_ZEROES = 14,
    VIRTIO_BLK_F_LIFETIME = 15,
    VIRTIO_BLK_F_SECURE_ERASE = 16,
    VIRTIO_BLK_F_ZONED = 17,
};

enum { VIRTIO_BLK_REQUESTQ = 0 };

enum {
    VIRTIO_BLK_SECTOR_BYTES = 512,
    VIRTIO_BLK_ID_BYTES = 20, /* §5.2.6: not terminated where the name is that long */
};

/* Configuration space up to writeback, §5.2.4; what follows belongs to features that we do not ask for. */
struct virtio_blk_config {
    le64 capacity; /* sectors */
    le32 size_max;
    le32 seg_max;
    le16 cylinders;
    uint8_t heads;
    uint8_t sectors;
    le32 blk_size;
    uint8_t physical_block_exp;
    uint8_t alignment_offset;
    le16 min_io_size;
    le32 opt_io_size;
    uint8_t writeback;
    uint8_t unused0;
    le16 num_queues;
    uint8_t reserved[4]; /* max_discard_sectors begins here */
};
_Static_assert(sizeof(struct virtio_blk_config) == 40, "VirtIO 1.3 §5.2.4");
_Static_assert(offsetof(struct virtio_blk_config, blk_size) == 20, "VirtIO 1.3 §5.2.4");
_Static_assert(offsetof(struct virtio_blk_config, writeback) == 32, "VirtIO 1.3 §5.2.4");

/* Types of request, §5.2.6. */
enum {
    VIRTIO_BLK_T_IN = 0,
    VIRTIO_BLK_T_OUT = 1,
    VIRTIO_BLK_T_FLUSH = 4,
    VIRTIO_BLK_T_GET_ID = 8,
};

/* The device-readable head of a request; its data follows, then one byte of status for the device to write, §5.2.6. */
struct virtio_blk_req {
    le32 type;
    le32 reserved;
    le64 sector;
};
_Static_assert(sizeof(struct virtio_blk_req) == 16, "VirtIO 1.3 §5.2.6");

enum {
    VIRTIO_BLK_S_OK = 0,
    VIRTIO_BLK_S_IOERR = 1,
    VIRTIO_BLK_S_UNSUPP = 2,
};

#endif
