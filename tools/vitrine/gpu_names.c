#include "tools/vitrine/gpu_names.h"

#include <stddef.h>

#include "abi/virtio_gpu.h"

struct type_name {
    uint32_t type;
    const char *name;
};

#define CMD(name)                                                                                  \
 {                                                                                                 \
  VIRTIO_GPU_CMD_##name, #name                                                                     \
 }
#define RESP(name)                                                                                 \
 {                                                                                                 \
  VIRTIO_GPU_RESP_##name, #name                                                                    \
 }

static const struct type_name names[] = {
    CMD(GET_DISPLAY_INFO),
    CMD(RESOURCE_CREATE_2D),
    CMD(RESOURCE_UNREF),
    CMD(SET_SCANOUT),
    CMD(RESOURCE_FLUSH),
    CMD(TRANSFER_TO_HOST_2D),
    CMD(RESOURCE_ATTACH_BACKING),
    CMD(RESOURCE_DETACH_BACKING),
    CMD(GET_CAPSET_INFO),
    CMD(GET_CAPSET),
    CMD(GET_EDID),
    CMD(RESOURCE_ASSIGN_UUID),
    CMD(RESOURCE_CREATE_BLOB),
    CMD(SET_SCANOUT_BLOB),
    CMD(CTX_CREATE),
    CMD(CTX_DESTROY),
    CMD(CTX_ATTACH_RESOURCE),
    CMD(CTX_DETACH_RESOURCE),
    CMD(RESOURCE_CREATE_3D),
    CMD(TRANSFER_TO_HOST_3D),
    CMD(TRANSFER_FROM_HOST_3D),
    CMD(SUBMIT_3D),
    CMD(RESOURCE_MAP_BLOB),
    CMD(RESOURCE_UNMAP_BLOB),
    CMD(UPDATE_CURSOR),
    CMD(MOVE_CURSOR),
    RESP(OK_NODATA),
    RESP(OK_DISPLAY_INFO),
    RESP(OK_CAPSET_INFO),
    RESP(OK_CAPSET),
    RESP(OK_EDID),
    RESP(OK_RESOURCE_UUID),
    RESP(OK_MAP_INFO),
    RESP(ERR_UNSPEC),
    RESP(ERR_OUT_OF_MEMORY),
    RESP(ERR_INVALID_SCANOUT_ID),
    RESP(ERR_INVALID_RESOURCE_ID),
    RESP(ERR_INVALID_CONTEXT_ID),
    RESP(ERR_INVALID_PARAMETER),
};

const char *
gpu_type_name(uint32_t type)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].type == type) {
            return names[i].name;
        }
    }
    return NULL;
}
