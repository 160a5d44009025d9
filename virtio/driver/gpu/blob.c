/*
 * Blobs from making to destroying, waited for. Contract: virtio/gpu_3d.h.
 */
#include "virtio/driver/gpu/driver.h"
#include "virtio/gpu_3d.h"

/* Prepare a wait with the blob's timeout. */
static const struct vgpu_then *
wait_start(const struct vgpu_blob *blob, struct vgpu_wait *wait)
{
    (void)vgpu_wait_start(wait);
    wait->then.timeout_ns = blob->timeout_ns;
    return &wait->then;
}

static enum virtio_err
create(struct vgpu_blob *blob, const struct vgpu_blob_config *config)
{
    struct vgpu_wait wait;
    struct vgpu *vgpu = blob->window->vgpu;
    const struct vgpu_blob_wish wish = {
        .mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
        .flags = config->flags,
        .blob_id = config->blob_id,
        .bytes = config->bytes,
    };
    const struct vgpu_then *then = wait_start(blob, &wait);
    enum virtio_err sent =
        vgpu_resource_create_blob(vgpu, config->ctx_id, &wish, then, &blob->resource);
    if (sent != VIRTIO_OK) {
        blob->resource = NULL;
        return sent;
    }
    enum virtio_err err = vgpu_wait(vgpu, &wait, sent);
    if (err == VIRTIO_ERR_REFUSED) {
        blob->resource = NULL; /* the entry is free again */
    }
    return err;
}

static enum virtio_err
parse_map_info(struct vgpu_wait *wait, const void *bytes, size_t byte_count)
{
    return vgpu_parse_map_info(bytes, byte_count, wait->parsed);
}

/* Attach and map together: one notification, one wait. */
static enum virtio_err
attach_and_map(struct vgpu_blob *blob, bool is_mapped)
{
    struct vgpu *vgpu = blob->window->vgpu;
    struct vgpu_wait attach;
    struct vgpu_wait map;
    uint32_t map_info = 0;
    uint32_t id = blob->resource->id;
    enum virtio_err attach_sent =
        vgpu_cmd_ctx_attach_resource(vgpu, blob->ctx_id, id, wait_start(blob, &attach));
    enum virtio_err map_sent = attach_sent;
    (void)wait_start(blob, &map);
    map.parse = parse_map_info;
    map.parsed = &map_info;
    if (attach_sent == VIRTIO_OK && is_mapped) {
        map_sent = vgpu_cmd_resource_map_blob(vgpu, id, blob->offset, &map.then);
    }
    enum virtio_err err = vgpu_wait(vgpu, &attach, attach_sent);
    blob->is_attached = err == VIRTIO_OK;
    if (attach_sent != VIRTIO_OK || !is_mapped) {
        return err;
    }
    enum virtio_err map_err = vgpu_wait(vgpu, &map, map_sent);
    if (map_err == VIRTIO_OK) {
        blob->memory = blob->window->memory + blob->offset;
    } else if (map_err != VIRTIO_ERR_REFUSED) {
        blob->has_span = false; /* it may be mapped there all the same */
    }
    if (map_err == VIRTIO_OK &&
        (map_info & VIRTIO_GPU_MAP_CACHE_MASK) != VIRTIO_GPU_MAP_CACHE_CACHED) {
        map_err = VIRTIO_ERR_UNSUPPORTED;
    }
    return err != VIRTIO_OK ? err : map_err;
}

enum virtio_err
vgpu_blob_open_wait(struct vgpu_blob *blob, struct vgpu_window *window,
                    const struct vgpu_blob_config *config)
{
    bool is_mapped = (config->flags & VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE) != 0;
    *blob = (struct vgpu_blob){
        .window = window,
        .ctx_id = config->ctx_id,
        .bytes = config->bytes,
        .timeout_ns = config->timeout_ns,
    };
    enum virtio_err err = VIRTIO_OK;
    if (is_mapped) {
        err = vgpu_window_take(window, config->bytes, &blob->offset);
        blob->has_span = err == VIRTIO_OK;
    }
    if (err == VIRTIO_OK) {
        err = create(blob, config);
    }
    if (err == VIRTIO_OK) {
        err = attach_and_map(blob, is_mapped);
    }
    if (err != VIRTIO_OK) {
        (void)vgpu_blob_close_wait(blob);
    }
    return err;
}

static enum virtio_err
unmap(struct vgpu_blob *blob)
{
    struct vgpu_wait wait;
    struct vgpu *vgpu = blob->window->vgpu;
    const struct vgpu_then *then = wait_start(blob, &wait);
    return vgpu_wait(vgpu, &wait, vgpu_cmd_resource_unmap_blob(vgpu, blob->resource->id, then));
}

static enum virtio_err
detach(struct vgpu_blob *blob)
{
    struct vgpu_wait wait;
    struct vgpu *vgpu = blob->window->vgpu;
    const struct vgpu_then *then = wait_start(blob, &wait);
    return vgpu_wait(vgpu, &wait,
                     vgpu_cmd_ctx_detach_resource(vgpu, blob->ctx_id, blob->resource->id, then));
}

static enum virtio_err
unref(struct vgpu_blob *blob)
{
    struct vgpu_wait wait;
    const struct vgpu_then *then = wait_start(blob, &wait);
    return vgpu_wait(blob->window->vgpu, &wait, vgpu_resource_unref(blob->resource, then));
}

/* Each step is tried whatever became of the one before; the range is free only if the host let go of it. */
enum virtio_err
vgpu_blob_close_wait(struct vgpu_blob *blob)
{
    enum virtio_err first = VIRTIO_OK;
    enum virtio_err err = VIRTIO_OK;
    bool is_range_free = blob->has_span;
    if (blob->resource != NULL && blob->memory != NULL) {
        first = unmap(blob);
        is_range_free = first == VIRTIO_OK;
    }
    if (blob->resource != NULL && blob->is_attached) {
        err = detach(blob);
        first = first != VIRTIO_OK ? first : err;
    }
    if (blob->resource != NULL) {
        err = unref(blob);
        first = first != VIRTIO_OK ? first : err;
    }
    if (is_range_free) {
        vgpu_window_give(blob->window, blob->offset);
    }
    *blob = (struct vgpu_blob){ 0 };
    return first;
}
