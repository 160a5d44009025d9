/*
 * The pixel formats: which byte of a pixel in memory is what.
 */
#ifndef VIRTIO_DRIVER_GPU_FORMATS_H
#define VIRTIO_DRIVER_GPU_FORMATS_H

#include <stdint.h>

/*
 * "B8G8R8X8": the digits say nothing here, each letter stands for one byte, X for one that is not
 * looked at.
 */
struct vgpu_format {
    uint8_t id; /* enum virtio_gpu_format */
    char name[9];
};

/* NULL for a format that VirtIO 1.3 does not know. */
const struct vgpu_format *vgpu_format_find(uint32_t id);

#endif
