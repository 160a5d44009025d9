/*
 * Reads the few things that a display driver wants to know from an EDID block, as the monitor or
 * the host wrote it. Total: any bytes give an answer, none outside is read.
 * Source: VESA Enhanced EDID 1.4 §3; VirtIO 1.3 §5.7.6.8 (VIRTIO_GPU_CMD_GET_EDID).
 */
#ifndef VIRTIO_EDID_H
#define VIRTIO_EDID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio/error.h"

enum {
    EDID_BLOCK_BYTES = 128,
    EDID_NAME_BYTES = 14, /* 13 characters and the terminator */
};

struct edid_info {
    char vendor[4];             /* three letters; '?' where the code is none */
    char name[EDID_NAME_BYTES]; /* printable ASCII; empty when not told */
    uint16_t product;
    uint32_t serial;
    uint16_t width_px; /* the preferred mode; 0 when none is told */
    uint16_t height_px;
    uint32_t refresh_mhz; /* millihertz; 0 when the timing is not told */
    uint16_t width_mm;    /* 0: not told (a projector) */
    uint16_t height_mm;
    uint8_t extension_count;
    bool is_checksum_right;
};

/*
 * Parse the base block. A wrong checksum is told, not refused: hosts have shipped such blocks.
 * Context: any.
 * Returns: VIRTIO_OK; VIRTIO_ERR_INVALID when there are fewer than 128 bytes or the header pattern
 * is not there (*info is zeroed then).
 */
enum virtio_err edid_parse(const uint8_t *bytes, size_t byte_count, struct edid_info *info);

#endif
