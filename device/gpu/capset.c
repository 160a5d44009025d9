/*
 * capset.c - the capability set of Venus, which is the only one.  VirtIO 1.3 §5.7.6.8.
 */
#include <string.h>

#include "device/gpu/private.h"

enum { VERSION = 0 /* as virglrenderer says of Venus: versions stand within the set */ };

uint32_t
gpu_on_get_capset_info(struct gpu *gpu, struct gpu_command *command)
{
    uint32_t capset_idx = le32_get(command->request.get_capset_info.capset_index);
    if (capset_idx != 0 || gpu->config.capset_bytes == 0) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "capability set number %u does not exist, there is %u", capset_idx,
                          gpu->config.capset_bytes != 0);
    }
    const struct virtio_gpu_resp_capset_info response = {
        .capset_id = le32_from(VIRTIO_GPU_CAPSET_VENUS),
        .capset_max_version = le32_from(VERSION),
        .capset_max_size = le32_from((uint32_t)gpu->config.capset_bytes),
    };
    gpu_put(command, &response, sizeof(response));
    return VIRTIO_GPU_RESP_OK_CAPSET_INFO;
}

uint32_t
gpu_on_get_capset(struct gpu *gpu, struct gpu_command *command)
{
    uint32_t id = le32_get(command->request.get_capset.capset_id);
    uint32_t version = le32_get(command->request.get_capset.capset_version);
    if (id != VIRTIO_GPU_CAPSET_VENUS || version > VERSION || gpu->config.capset_bytes == 0) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "capability set %u version %u does not exist, there is %u version %u", id,
                          version, VIRTIO_GPU_CAPSET_VENUS, VERSION);
    }
    uint8_t response[GPU_HEADER_BYTES + GPU_CAPSET_BYTES_MAX] = { 0 };
    memcpy(response + GPU_HEADER_BYTES, gpu->capset, gpu->config.capset_bytes);
    gpu_put(command, response, GPU_HEADER_BYTES + gpu->config.capset_bytes);
    return VIRTIO_GPU_RESP_OK_CAPSET;
}
