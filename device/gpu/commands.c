/*
 * commands.c - every command once: name, size, feature, queue, handler.  VirtIO 1.3 §5.7.6.7.
 */
#include "device/gpu/private.h"

enum {
    CONTROL = VIRTIO_GPU_CONTROLQ,
    CURSOR = VIRTIO_GPU_CURSORQ,
    ANY = GPU_NO_FEATURE,
    VIRGL = VIRTIO_GPU_F_VIRGL,
    EDID = VIRTIO_GPU_F_EDID,
    UUID = VIRTIO_GPU_F_RESOURCE_UUID,
    BLOB = VIRTIO_GPU_F_RESOURCE_BLOB,
};

#define RULE(command, request, feature, queue, handler)                                            \
 {                                                                                                 \
#  command, handler, VIRTIO_GPU_CMD_##command, sizeof(struct virtio_gpu_##request), feature, queue \
 }

static const struct gpu_rule rules[] = {
    RULE(GET_DISPLAY_INFO, ctrl_hdr, ANY, CONTROL, gpu_on_get_display_info),
    RULE(RESOURCE_CREATE_2D, resource_create_2d, ANY, CONTROL, gpu_on_create_2d),
    RULE(RESOURCE_UNREF, resource_unref, ANY, CONTROL, gpu_on_unref),
    RULE(SET_SCANOUT, set_scanout, ANY, CONTROL, gpu_on_set_scanout),
    RULE(RESOURCE_FLUSH, resource_flush, ANY, CONTROL, gpu_on_flush),
    RULE(TRANSFER_TO_HOST_2D, transfer_to_host_2d, ANY, CONTROL, gpu_on_transfer_2d),
    RULE(RESOURCE_ATTACH_BACKING, resource_attach_backing, ANY, CONTROL, gpu_on_attach),
    RULE(RESOURCE_DETACH_BACKING, resource_detach_backing, ANY, CONTROL, gpu_on_detach),
    RULE(GET_CAPSET_INFO, get_capset_info, VIRGL, CONTROL, gpu_on_get_capset_info),
    RULE(GET_CAPSET, get_capset, VIRGL, CONTROL, gpu_on_get_capset),
    RULE(GET_EDID, get_edid, EDID, CONTROL, gpu_on_get_edid),
    RULE(RESOURCE_ASSIGN_UUID, resource_assign_uuid, UUID, CONTROL, gpu_on_assign_uuid),
    RULE(RESOURCE_CREATE_BLOB, resource_create_blob, BLOB, CONTROL, gpu_on_create_blob),
    RULE(SET_SCANOUT_BLOB, set_scanout_blob, BLOB, CONTROL, gpu_on_set_scanout_blob),
    RULE(CTX_CREATE, ctx_create, VIRGL, CONTROL, gpu_on_ctx_create),
    RULE(CTX_DESTROY, ctx_destroy, VIRGL, CONTROL, gpu_on_ctx_destroy),
    RULE(CTX_ATTACH_RESOURCE, ctx_resource, VIRGL, CONTROL, gpu_on_ctx_attach),
    RULE(CTX_DETACH_RESOURCE, ctx_resource, VIRGL, CONTROL, gpu_on_ctx_detach),
    RULE(RESOURCE_CREATE_3D, resource_create_3d, VIRGL, CONTROL, gpu_on_3d),
    RULE(TRANSFER_TO_HOST_3D, transfer_host_3d, VIRGL, CONTROL, gpu_on_3d),
    RULE(TRANSFER_FROM_HOST_3D, transfer_host_3d, VIRGL, CONTROL, gpu_on_3d),
    RULE(SUBMIT_3D, cmd_submit, VIRGL, CONTROL, gpu_on_submit),
    RULE(RESOURCE_MAP_BLOB, resource_map_blob, BLOB, CONTROL, gpu_on_map_blob),
    RULE(RESOURCE_UNMAP_BLOB, resource_unmap_blob, BLOB, CONTROL, gpu_on_unmap_blob),
    RULE(UPDATE_CURSOR, update_cursor, ANY, CURSOR, gpu_on_update_cursor),
    RULE(MOVE_CURSOR, update_cursor, ANY, CURSOR, gpu_on_move_cursor),
};

const struct gpu_rule *
gpu_rule_find(uint32_t type)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].type == type) {
            return &rules[i];
        }
    }
    return NULL;
}

/* VIRGL is offered because Venus' contexts hang on it; OpenGL's own resources do not exist here. */
uint32_t
gpu_on_3d(struct gpu *gpu, struct gpu_command *command)
{
    return gpu_refuse(
        gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
        "there is no OpenGL (virgl) here, only Vulkan (Venus), whose resources are blobs");
}
