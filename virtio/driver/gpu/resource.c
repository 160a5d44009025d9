/*
 * Resources with an explicit life: created with one reference, destroyed with the last, and none
 * forgotten. Contract: virtio/gpu.h.
 *
 * One command about the life of a resource is in flight at a time; the caller's `then` waits in the
 * entry meanwhile.
 */
#include "virtio/driver/gpu/driver.h"
#include "virtio/gpu_3d.h"

enum { RESOURCE_SIDE_MAX_PX = 16384 };

static void
trace_resource(const struct vgpu_resource *resource)
{
    vgpu_trace(resource->vgpu, TRACE_GPU_RESOURCE, (uint64_t)resource->refs << 32 | resource->id,
               resource->backing_bytes);
}

static void
entry_free(struct vgpu_resource *resource)
{
    resource->refs = 0;
    trace_resource(resource);
    *resource = (struct vgpu_resource){ 0 };
}

/* Refused: the device has no such resource, or does not want it, so neither have we. */
static void
life_done(void *ctx, const struct vgpu_completion *completion)
{
    struct vgpu_resource *resource = ctx;
    struct vgpu_then then = resource->then;
    bool is_answered = completion->err == VIRTIO_OK || completion->err == VIRTIO_ERR_REFUSED;
    bool is_done = completion->err == VIRTIO_OK;
    resource->is_busy = false;
    switch (completion->request_type) {
    case VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING:
        resource->backing_bytes = is_done ? resource->busy_bytes : 0;
        break;
    case VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING:
        resource->backing_bytes = is_done ? 0 : resource->backing_bytes;
        break;
    case VIRTIO_GPU_CMD_RESOURCE_UNREF:
        if (is_answered) {
            entry_free(resource);
        }
        break;
    default: /* RESOURCE_CREATE_2D, RESOURCE_CREATE_BLOB */
        if (completion->err == VIRTIO_ERR_REFUSED) {
            entry_free(resource);
        }
        break;
    }
    if (then.done != NULL) {
        then.done(then.ctx, completion);
    }
}

/* What to submit a command about `resource` with. */
static struct vgpu_then
begin(struct vgpu_resource *resource, const struct vgpu_then *then)
{
    resource->then = then != NULL ? *then : (struct vgpu_then){ 0 };
    resource->is_busy = true;
    struct vgpu_then ours = resource->then;
    ours.done = life_done;
    ours.ctx = resource;
    return ours;
}

/* The command was not sent after all. */
static enum virtio_err
end(struct vgpu_resource *resource, enum virtio_err err)
{
    if (err != VIRTIO_OK) {
        resource->is_busy = false;
    }
    return err;
}

struct vgpu_resource *
vgpu_resource_find(struct vgpu *vgpu, uint32_t id)
{
    for (uint16_t i = 0; i < vgpu->resource_count && id != 0; i++) {
        if (vgpu->resources[i].id == id) {
            return &vgpu->resources[i];
        }
    }
    return NULL;
}

static struct vgpu_resource *
entry_take(struct vgpu *vgpu)
{
    for (uint16_t i = 0; i < vgpu->resource_count; i++) {
        if (vgpu->resources[i].id == 0) {
            return &vgpu->resources[i];
        }
    }
    return NULL;
}

/* Ids count on, so that one just freed is not met again soon; 0 means none. */
static uint32_t
choose_id(struct vgpu *vgpu)
{
    do {
        vgpu->next_resource_id++;
    } while (vgpu->next_resource_id == 0 ||
             vgpu_resource_find(vgpu, vgpu->next_resource_id) != NULL);
    return vgpu->next_resource_id;
}

static bool
is_image_valid(const struct vgpu_image *image)
{
    return image->width_px >= 1 && image->width_px <= RESOURCE_SIDE_MAX_PX &&
           image->height_px >= 1 && image->height_px <= RESOURCE_SIDE_MAX_PX;
}

/* A new entry with one reference. Returns: NULL: the table is full. */
static struct vgpu_resource *
entry_make(struct vgpu *vgpu, uint32_t id)
{
    struct vgpu_resource *resource = entry_take(vgpu);
    if (resource != NULL) {
        *resource = (struct vgpu_resource){
            .id = id != 0 ? id : choose_id(vgpu),
            .refs = 1,
            .vgpu = vgpu,
        };
    }
    return resource;
}

/* The command that creates was sent, or not (`err`). *made may be anything by now: a callback may have run. */
static enum virtio_err
entry_settle(struct vgpu_resource *resource, struct vgpu_resource **made, enum virtio_err err)
{
    if (err != VIRTIO_OK) {
        entry_free(resource);
    }
    if (resource->id == 0) { /* not sent, or with `simple` refused already */
        *made = NULL;
    }
    return err;
}

enum virtio_err
vgpu_resource_create(struct vgpu *vgpu, uint32_t id, const struct vgpu_image *image,
                     const struct vgpu_then *then, struct vgpu_resource **made)
{
    enum virtio_err err = vgpu_usable(vgpu);
    if (err != VIRTIO_OK) {
        return err;
    }
    if (!is_image_valid(image) || vgpu_resource_find(vgpu, id) != NULL) {
        return VIRTIO_ERR_INVALID;
    }
    struct vgpu_resource *resource = entry_make(vgpu, id);
    if (resource == NULL) {
        return VIRTIO_ERR_BUSY;
    }
    resource->format = image->format;
    resource->width_px = image->width_px;
    resource->height_px = image->height_px;
    *made = resource;
    trace_resource(resource);
    struct vgpu_then ours = begin(resource, then);
    err = vgpu_cmd_resource_create_2d(vgpu, resource->id, image, &ours);
    return entry_settle(resource, made, err);
}

enum virtio_err
vgpu_resource_create_blob(struct vgpu *vgpu, uint32_t ctx_id, const struct vgpu_blob_wish *wish,
                          const struct vgpu_then *then, struct vgpu_resource **made)
{
    enum virtio_err err = vgpu_usable(vgpu);
    if (err != VIRTIO_OK) {
        return err;
    }
    if (wish->bytes == 0) {
        return VIRTIO_ERR_INVALID;
    }
    struct vgpu_resource *resource = entry_make(vgpu, 0);
    if (resource == NULL) {
        return VIRTIO_ERR_BUSY;
    }
    resource->blob_bytes = wish->bytes;
    *made = resource;
    trace_resource(resource);
    struct vgpu_then ours = begin(resource, then);
    err = vgpu_cmd_resource_create_blob(vgpu, resource->id, ctx_id, wish, NULL, &ours);
    return entry_settle(resource, made, err);
}

static uint64_t
entries_bytes(const struct vgpu_backing *backing)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < backing->entry_count && backing->entries != NULL; i++) {
        bytes += le32_get(backing->entries[i].length);
    }
    return bytes;
}

enum virtio_err
vgpu_resource_attach(struct vgpu_resource *resource, const struct vgpu_backing *backing,
                     const struct vgpu_then *then)
{
    if (resource->is_busy || resource->backing_bytes > 0) {
        return VIRTIO_ERR_STATE;
    }
    resource->busy_bytes = backing->entries != NULL ? entries_bytes(backing) : backing->bytes;
    struct vgpu_then ours = begin(resource, then);
    return end(resource, vgpu_cmd_attach_backing(resource->vgpu, resource->id, backing, &ours));
}

enum virtio_err
vgpu_resource_detach(struct vgpu_resource *resource, const struct vgpu_then *then)
{
    if (resource->is_busy || resource->backing_bytes == 0) {
        return VIRTIO_ERR_STATE;
    }
    struct vgpu_then ours = begin(resource, then);
    return end(resource, vgpu_cmd_detach_backing(resource->vgpu, resource->id, &ours));
}

void
vgpu_resource_ref(struct vgpu_resource *resource)
{
    VIRTIO_CHECK(resource->refs > 0 && resource->refs < UINT32_MAX);
    resource->refs++;
    trace_resource(resource);
}

static void
report_without_command(const struct vgpu_then *then)
{
    struct vgpu_completion completion = { .request_type = VIRTIO_GPU_CMD_RESOURCE_UNREF };
    if (then != NULL && then->done != NULL) {
        then->done(then->ctx, &completion);
    }
}

/* On a failed device there is nobody to tell: its resources went with it. */
enum virtio_err
vgpu_resource_unref(struct vgpu_resource *resource, const struct vgpu_then *then)
{
    VIRTIO_CHECK(resource->refs > 0);
    if (resource->is_busy) {
        return VIRTIO_ERR_STATE;
    }
    if (resource->refs > 1) {
        resource->refs--;
        trace_resource(resource);
        report_without_command(then);
        return VIRTIO_OK;
    }
    if (resource->vgpu->state == VGPU_FAILED) {
        entry_free(resource);
        report_without_command(then);
        return VIRTIO_OK;
    }
    struct vgpu_then ours = begin(resource, then);
    return end(resource, vgpu_cmd_resource_unref(resource->vgpu, resource->id, &ours));
}

unsigned
vgpu_resource_report(const struct vgpu *vgpu,
                     void (*visit)(void *ctx, const struct vgpu_resource *resource), void *ctx)
{
    unsigned count = 0;
    for (uint16_t i = 0; i < vgpu->resource_count; i++) {
        if (vgpu->resources[i].id == 0) {
            continue;
        }
        count++;
        if (visit != NULL) {
            visit(ctx, &vgpu->resources[i]);
        }
    }
    return count;
}

static void
log_leak(void *ctx, const struct vgpu_resource *resource)
{
    const struct vgpu *vgpu = ctx;
    uint64_t bytes = resource->backing_bytes + resource->blob_bytes;
    virtio_log(vgpu->device->bus->plat, VIRTIO_LOG_WARN,
               "gpu: resource %u leaked: %ux%u, %llu bytes of backing or blob, %u references",
               (unsigned)resource->id, (unsigned)resource->width_px, (unsigned)resource->height_px,
               (unsigned long long)bytes, (unsigned)resource->refs);
}

unsigned
vgpu_resources_forget(struct vgpu *vgpu)
{
    unsigned count = vgpu_resource_report(vgpu, log_leak, vgpu);
    vgpu->resource_count = 0;
    return count;
}
