/*
 * edid.h - the form of an EDID that comes from QEMU's display.
 */
#ifndef DEVICE_VHOST_EDID_H
#define DEVICE_VHOST_EDID_H

#include <stdbool.h>

#include "abi/virtio_gpu.h"

/* Whole blocks of 128 bytes, each with its checksum; what a block says is for the guest to read. */
bool vhost_is_edid(const struct virtio_gpu_resp_edid *response);

#endif
