/*
 * edid.c - what QEMU says is an EDID: VESA Enhanced EDID 1.4, §3.
 */
#include "device/vhost/edid.h"

#include <string.h>

bool
vhost_is_edid(const struct virtio_gpu_resp_edid *response)
{
    enum { BLOCK_BYTES = 128 };
    static const uint8_t header[8] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    uint32_t size_bytes = le32_get(response->size);
    uint8_t sum = 0;
    if (le32_get(response->hdr.type) != VIRTIO_GPU_RESP_OK_EDID || size_bytes == 0 ||
        size_bytes > sizeof(response->edid) || size_bytes % BLOCK_BYTES != 0 ||
        memcmp(response->edid, header, sizeof(header)) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < size_bytes; i++) {
        sum = (uint8_t)(sum + response->edid[i]);
        if (i % BLOCK_BYTES == BLOCK_BYTES - 1 && sum != 0) {
            return false;
        }
    }
    return true;
}
