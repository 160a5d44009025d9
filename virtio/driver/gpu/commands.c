/*
 * One function for each command, and one that waits for each answer that carries something.
 * Contract: virtio/gpu.h.
 */
#include "virtio/driver/gpu/driver.h"

static enum virtio_err
submit(struct vgpu *vgpu, const void *command, size_t bytes, const struct vgpu_then *then)
{
    struct vgpu_request request = {
        .command = command,
        .command_bytes = (uint32_t)bytes,
        .then = then,
    };
    return vgpu_submit(vgpu, &request);
}

enum virtio_err
vgpu_cmd_get_display_info(struct vgpu *vgpu, const struct vgpu_then *then)
{
    struct virtio_gpu_ctrl_hdr command = vgpu_encode_get_display_info();
    return submit(vgpu, &command, sizeof(command), then);
}

enum virtio_err
vgpu_cmd_get_edid(struct vgpu *vgpu, uint32_t scanout_id, const struct vgpu_then *then)
{
    struct virtio_gpu_get_edid command = vgpu_encode_get_edid(scanout_id);
    return submit(vgpu, &command, sizeof(command), then);
}

enum virtio_err
vgpu_cmd_resource_create_2d(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_image *image,
                            const struct vgpu_then *then)
{
    struct virtio_gpu_resource_create_2d command = vgpu_encode_resource_create_2d(
        resource_id, image->format, image->width_px, image->height_px);
    return submit(vgpu, &command, sizeof(command), then);
}

enum virtio_err
vgpu_cmd_resource_unref(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_then *then)
{
    struct virtio_gpu_resource_unref command = vgpu_encode_resource_unref(resource_id);
    return submit(vgpu, &command, sizeof(command), then);
}

enum virtio_err
vgpu_cmd_set_scanout(struct vgpu *vgpu, uint32_t scanout_id, uint32_t resource_id,
                     const struct vgpu_rect *rect, const struct vgpu_then *then)
{
    struct virtio_gpu_set_scanout command = vgpu_encode_set_scanout(scanout_id, resource_id, rect);
    return submit(vgpu, &command, sizeof(command), then);
}

enum virtio_err
vgpu_cmd_resource_flush(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_rect *rect,
                        const struct vgpu_then *then)
{
    struct virtio_gpu_resource_flush command = vgpu_encode_resource_flush(resource_id, rect);
    return submit(vgpu, &command, sizeof(command), then);
}

enum virtio_err
vgpu_cmd_transfer_to_host_2d(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_rect *rect,
                             uint64_t offset_bytes, const struct vgpu_then *then)
{
    struct virtio_gpu_transfer_to_host_2d command =
        vgpu_encode_transfer_to_host_2d(resource_id, rect, offset_bytes);
    return submit(vgpu, &command, sizeof(command), then);
}

/* One piece of memory: its entry follows the command in the same buffer. */
static enum virtio_err
attach_contiguous(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_backing *backing,
                  const struct vgpu_then *then)
{
    const struct virtio_platform *plat = vgpu->device->bus->plat;
    struct {
        struct virtio_gpu_resource_attach_backing attach;
        struct virtio_gpu_mem_entry entry;
    } command = { .attach = vgpu_encode_attach_backing(resource_id, 1) };
    uint64_t addr = plat->dma_addr(plat->ctx, backing->memory, backing->bytes);
    if (addr == UINT64_MAX || backing->bytes > UINT32_MAX) {
        return VIRTIO_ERR_INVALID;
    }
    command.entry = vgpu_encode_mem_entry(addr, (uint32_t)backing->bytes);
    return submit(vgpu, &command, sizeof(command), then);
}

enum virtio_err
vgpu_cmd_attach_backing(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_backing *backing,
                        const struct vgpu_then *then)
{
    const uint64_t entry_bytes = sizeof(struct virtio_gpu_mem_entry);
    if (backing->entries == NULL && backing->memory != NULL && backing->bytes > 0) {
        return attach_contiguous(vgpu, resource_id, backing, then);
    }
    uint64_t list_bytes = backing->entry_count * entry_bytes;
    if (backing->entries == NULL || list_bytes == 0 || list_bytes > UINT32_MAX) {
        return VIRTIO_ERR_INVALID;
    }
    struct virtio_gpu_resource_attach_backing command =
        vgpu_encode_attach_backing(resource_id, backing->entry_count);
    struct vgpu_memory list = { backing->entries, (uint32_t)list_bytes };
    struct vgpu_request request = {
        .command = &command,
        .command_bytes = sizeof(command),
        .extra = &list,
        .extra_count = 1,
        .then = then,
    };
    return vgpu_submit(vgpu, &request);
}

enum virtio_err
vgpu_cmd_detach_backing(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_then *then)
{
    struct virtio_gpu_resource_detach_backing command = vgpu_encode_detach_backing(resource_id);
    return submit(vgpu, &command, sizeof(command), then);
}

enum virtio_err
vgpu_cmd_get_capset_info(struct vgpu *vgpu, uint32_t capset_idx, const struct vgpu_then *then)
{
    struct virtio_gpu_get_capset_info command = vgpu_encode_get_capset_info(capset_idx);
    return submit(vgpu, &command, sizeof(command), then);
}

enum virtio_err
vgpu_cmd_get_capset(struct vgpu *vgpu, uint32_t capset_id, uint32_t version,
                    const struct vgpu_then *then)
{
    struct virtio_gpu_get_capset command = vgpu_encode_get_capset(capset_id, version);
    return submit(vgpu, &command, sizeof(command), then);
}

enum virtio_err
vgpu_cmd_assign_uuid(struct vgpu *vgpu, uint32_t resource_id, const struct vgpu_then *then)
{
    struct virtio_gpu_resource_assign_uuid command = vgpu_encode_assign_uuid(resource_id);
    return submit(vgpu, &command, sizeof(command), then);
}

enum virtio_err
vgpu_cmd_update_cursor(struct vgpu *vgpu, const struct vgpu_cursor *cursor,
                       const struct vgpu_then *then)
{
    struct virtio_gpu_update_cursor command = vgpu_encode_update_cursor(cursor);
    return submit(vgpu, &command, sizeof(command), then);
}

enum virtio_err
vgpu_cmd_move_cursor(struct vgpu *vgpu, const struct vgpu_cursor *cursor,
                     const struct vgpu_then *then)
{
    struct virtio_gpu_update_cursor command = vgpu_encode_move_cursor(cursor);
    return submit(vgpu, &command, sizeof(command), then);
}
