/*
 * One function for each command of contexts and blobs. Contract: virtio/gpu_3d.h.
 */
#include "virtio/driver/gpu/driver.h"
#include "virtio/gpu_3d.h"

/* Timelines of a context, VirtIO 1.3 §5.7.6.7. */
enum { RING_IDX_COUNT = 64 };

static bool
has(const struct vgpu *vgpu, unsigned feature_bit)
{
    return vgpu->device != NULL && virtio_device_has(vgpu->device, feature_bit);
}

const char *
vgpu_3d_missing(const struct vgpu *vgpu)
{
    if (!has(vgpu, VIRTIO_GPU_F_VIRGL)) {
        return "the device has no 3D renderer (feature VIRGL)";
    }
    if (!has(vgpu, VIRTIO_GPU_F_CONTEXT_INIT)) {
        return "the device's contexts speak virgl only (feature CONTEXT_INIT is missing)";
    }
    if (!has(vgpu, VIRTIO_GPU_F_RESOURCE_BLOB)) {
        return "the device has no memory that both sides see (feature RESOURCE_BLOB)";
    }
    return NULL;
}

/* Refused before it is sent where `feature_bit` was not negotiated, §5.7.6.8. */
static enum virtio_err
submit(struct vgpu *vgpu, unsigned feature_bit, const struct vgpu_request *request)
{
    return has(vgpu, feature_bit) ? vgpu_submit(vgpu, request) : VIRTIO_ERR_UNSUPPORTED;
}

/* A command without more than its fixed part. */
#define REQUEST(command_, then_)                                                                   \
 &(struct vgpu_request)                                                                            \
 {                                                                                                 \
  .command = &(command_), .command_bytes = sizeof(command_), .then = (then_),                      \
 }

enum virtio_err
vgpu_cmd_ctx_create(struct vgpu *vgpu, uint32_t ctx_id, uint32_t capset_id, const char *name,
                    const struct vgpu_then *then)
{
    bool has_init = has(vgpu, VIRTIO_GPU_F_CONTEXT_INIT);
    struct virtio_gpu_ctx_create command =
        vgpu_encode_ctx_create(ctx_id, has_init ? capset_id : 0, name);
    if (!has_init && capset_id != VIRTIO_GPU_CAPSET_VIRGL) {
        return VIRTIO_ERR_UNSUPPORTED;
    }
    return submit(vgpu, VIRTIO_GPU_F_VIRGL, REQUEST(command, then));
}

enum virtio_err
vgpu_cmd_ctx_destroy(struct vgpu *vgpu, uint32_t ctx_id, const struct vgpu_then *then)
{
    struct virtio_gpu_ctx_destroy command = vgpu_encode_ctx_destroy(ctx_id);
    return submit(vgpu, VIRTIO_GPU_F_VIRGL, REQUEST(command, then));
}

enum virtio_err
vgpu_cmd_ctx_attach_resource(struct vgpu *vgpu, uint32_t ctx_id, uint32_t resource_id,
                             const struct vgpu_then *then)
{
    struct virtio_gpu_ctx_resource command = vgpu_encode_ctx_attach_resource(ctx_id, resource_id);
    return submit(vgpu, VIRTIO_GPU_F_VIRGL, REQUEST(command, then));
}

enum virtio_err
vgpu_cmd_ctx_detach_resource(struct vgpu *vgpu, uint32_t ctx_id, uint32_t resource_id,
                             const struct vgpu_then *then)
{
    struct virtio_gpu_ctx_resource command = vgpu_encode_ctx_detach_resource(ctx_id, resource_id);
    return submit(vgpu, VIRTIO_GPU_F_VIRGL, REQUEST(command, then));
}

enum virtio_err
vgpu_cmd_submit_3d(struct vgpu *vgpu, const struct vgpu_stream *stream,
                   const struct vgpu_then *then)
{
    struct virtio_gpu_cmd_submit command =
        vgpu_encode_submit_3d(stream->ctx_id, stream->commands.byte_count);
    struct vgpu_request request = {
        .command = &command,
        .command_bytes = sizeof(command),
        .extra = &stream->commands,
        .extra_count = 1,
        .then = then,
    };
    bool is_timeline_good =
        has(vgpu, VIRTIO_GPU_F_CONTEXT_INIT) && stream->ring_idx < RING_IDX_COUNT;
    if (stream->commands.byte_count == 0 || (stream->has_ring_idx && !is_timeline_good)) {
        return VIRTIO_ERR_INVALID;
    }
    if (stream->has_ring_idx) {
        vgpu_encode_ring_idx(&command.hdr, stream->ring_idx);
    }
    return submit(vgpu, VIRTIO_GPU_F_VIRGL, &request);
}

enum virtio_err
vgpu_cmd_resource_create_blob(struct vgpu *vgpu, uint32_t resource_id, uint32_t ctx_id,
                              const struct vgpu_blob_wish *wish,
                              const struct virtio_gpu_mem_entry *entries,
                              const struct vgpu_then *then)
{
    struct virtio_gpu_resource_create_blob command =
        vgpu_encode_create_blob(resource_id, ctx_id, wish);
    uint64_t list_bytes = (uint64_t)wish->entry_count * sizeof(*entries);
    struct vgpu_memory list = { entries, (uint32_t)list_bytes };
    struct vgpu_request request = {
        .command = &command,
        .command_bytes = sizeof(command),
        .extra = &list,
        .extra_count = list_bytes > 0,
        .then = then,
    };
    if (list_bytes > UINT32_MAX || (list_bytes > 0) != (entries != NULL)) {
        return VIRTIO_ERR_INVALID;
    }
    return submit(vgpu, VIRTIO_GPU_F_RESOURCE_BLOB, &request);
}

enum virtio_err
vgpu_cmd_set_scanout_blob(struct vgpu *vgpu, uint32_t scanout_id, uint32_t resource_id,
                          const struct vgpu_blob_image *image, const struct vgpu_then *then)
{
    struct virtio_gpu_set_scanout_blob command =
        vgpu_encode_set_scanout_blob(scanout_id, resource_id, image);
    return submit(vgpu, VIRTIO_GPU_F_RESOURCE_BLOB, REQUEST(command, then));
}

enum virtio_err
vgpu_cmd_resource_map_blob(struct vgpu *vgpu, uint32_t resource_id, uint64_t offset_bytes,
                           const struct vgpu_then *then)
{
    struct virtio_gpu_resource_map_blob command = vgpu_encode_map_blob(resource_id, offset_bytes);
    return submit(vgpu, VIRTIO_GPU_F_RESOURCE_BLOB, REQUEST(command, then));
}

enum virtio_err
vgpu_cmd_resource_unmap_blob(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_then *then)
{
    struct virtio_gpu_resource_unmap_blob command = vgpu_encode_unmap_blob(resource_id);
    return submit(vgpu, VIRTIO_GPU_F_RESOURCE_BLOB, REQUEST(command, then));
}
