/* Between the files of the fake GPU only. */
#ifndef FAKE_GPU_PRIVATE_H
#define FAKE_GPU_PRIVATE_H

#include "tests/fake/fake_gpu.h"

/* One command while it is served. */
struct fake_gpu_call {
    const struct fake_chain *chain;
    union {
        struct virtio_gpu_ctrl_hdr hdr;
        struct virtio_gpu_resource_create_2d create;
        struct virtio_gpu_resource_unref unref;
        struct virtio_gpu_set_scanout scanout;
        struct virtio_gpu_resource_flush flush;
        struct virtio_gpu_transfer_to_host_2d transfer;
        struct virtio_gpu_resource_attach_backing attach;
        struct virtio_gpu_resource_detach_backing detach;
        struct virtio_gpu_get_capset_info capset_info;
        struct virtio_gpu_get_capset capset;
        struct virtio_gpu_get_edid edid;
        struct virtio_gpu_resource_assign_uuid uuid;
        struct virtio_gpu_update_cursor cursor;
        struct virtio_gpu_ctx_create ctx_create;
        struct virtio_gpu_ctx_resource ctx_resource;
        struct virtio_gpu_cmd_submit submit;
        struct virtio_gpu_resource_create_blob create_blob;
        struct virtio_gpu_set_scanout_blob scanout_blob;
        struct virtio_gpu_resource_map_blob map_blob;
        struct virtio_gpu_resource_unmap_blob unmap_blob;
    } request;
    union {
        struct virtio_gpu_ctrl_hdr hdr;
        struct virtio_gpu_resp_display_info display;
        struct virtio_gpu_resp_capset_info capset_info;
        struct virtio_gpu_resp_edid edid;
        struct virtio_gpu_resp_resource_uuid uuid;
        struct virtio_gpu_resp_map_info map_info;
        uint8_t bytes[2048];
    } response;
    uint32_t response_bytes;
    uint32_t resource_id; /* for the record */
};

/* Each serves one command and returns the type of the response. */
uint32_t fake_gpu_get_display_info(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_create_2d(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_unref(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_set_scanout(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_flush(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_transfer(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_attach(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_detach(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_get_capset_info(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_get_capset(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_get_edid(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_assign_uuid(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_update_cursor(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_move_cursor(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_ctx_create(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_ctx_destroy(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_ctx_attach(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_ctx_detach(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_submit_3d(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_create_blob(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_set_scanout_blob(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_map_blob(struct fake_gpu *gpu, struct fake_gpu_call *call);
uint32_t fake_gpu_unmap_blob(struct fake_gpu *gpu, struct fake_gpu_call *call);

void fake_gpu_forget_resources(struct fake_gpu *gpu);

#endif
