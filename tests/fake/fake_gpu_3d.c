/* Contexts, streams and blobs of the fake GPU: no renderer behind them, but a memory of what the driver did. VirtIO 1.3 §5.7.6.8, §5.7.6.9. */
#include <stdlib.h>
#include <string.h>

#include "tests/fake/fake_gpu_private.h"

enum {
    OK = VIRTIO_GPU_RESP_OK_NODATA,
    BAD_RESOURCE = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
    BAD_CONTEXT = VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
    BAD_PARAMETER = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
    BAD_SCANOUT = VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
};

static struct fake_gpu_context *
find_context(struct fake_gpu *gpu, const struct fake_gpu_call *call)
{
    uint32_t id = le32_get(call->request.hdr.ctx_id);
    for (size_t i = 0; i < FAKE_GPU_CONTEXTS_MAX && id != 0; i++) {
        if (gpu->contexts[i].id == id) {
            return &gpu->contexts[i];
        }
    }
    return NULL;
}

static struct fake_gpu_resource *
find_blob(struct fake_gpu *gpu, struct fake_gpu_call *call, uint32_t id)
{
    struct fake_gpu_resource *resource = fake_gpu_find(gpu, id);
    call->resource_id = id;
    return resource != NULL && resource->blob_bytes > 0 ? resource : NULL;
}

uint32_t
fake_gpu_ctx_create(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t id = le32_get(call->request.hdr.ctx_id);
    if (id == 0 || find_context(gpu, call) != NULL) {
        return BAD_CONTEXT;
    }
    for (size_t i = 0; i < FAKE_GPU_CONTEXTS_MAX; i++) {
        struct fake_gpu_context *context = &gpu->contexts[i];
        if (context->id == 0) {
            *context = (struct fake_gpu_context){
                .id = id,
                .capset_id = le32_get(call->request.ctx_create.context_init) &
                             VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK,
            };
            memcpy(context->name, call->request.ctx_create.debug_name, sizeof(context->name) - 1);
            return OK;
        }
    }
    return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
}

uint32_t
fake_gpu_ctx_destroy(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    struct fake_gpu_context *context = find_context(gpu, call);
    if (context == NULL) {
        return BAD_CONTEXT;
    }
    *context = (struct fake_gpu_context){ 0 };
    return OK;
}

static uint32_t
attach(struct fake_gpu *gpu, struct fake_gpu_call *call, bool is_attaching)
{
    uint32_t id = le32_get(call->request.ctx_resource.resource_id);
    struct fake_gpu_resource *resource = fake_gpu_find(gpu, id);
    call->resource_id = id;
    if (find_context(gpu, call) == NULL) {
        return BAD_CONTEXT;
    }
    if (resource == NULL || (resource->ctx_id != 0) == is_attaching) {
        return BAD_RESOURCE;
    }
    resource->ctx_id = is_attaching ? le32_get(call->request.hdr.ctx_id) : 0;
    return OK;
}

uint32_t
fake_gpu_ctx_attach(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    return attach(gpu, call, true);
}

uint32_t
fake_gpu_ctx_detach(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    return attach(gpu, call, false);
}

uint32_t
fake_gpu_submit_3d(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    struct fake_gpu_context *context = find_context(gpu, call);
    uint32_t offset = sizeof(call->request.submit);
    uint32_t bytes = le32_get(call->request.submit.size);
    if (context == NULL) {
        return BAD_CONTEXT;
    }
    if (call->chain->readable_bytes != (uint64_t)offset + bytes) {
        fake_violate(gpu->device->fp, FAKE_REQ_GPU_REQUEST_BYTES, call->chain->readable_bytes);
        return BAD_PARAMETER;
    }
    uint32_t kept = bytes < sizeof(context->stream) ? bytes : sizeof(context->stream);
    (void)fake_chain_read(call->chain, offset, context->stream, kept);
    context->stream_bytes = bytes;
    context->stream_count++;
    context->ring_idx = call->request.hdr.ring_idx;
    context->has_ring_idx =
        (le32_get(call->request.hdr.flags) & VIRTIO_GPU_FLAG_INFO_RING_IDX) != 0;
    return OK;
}

/* What is wrong with a blob that is to be made; 0: nothing. */
static uint32_t
refuse_blob(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    const struct virtio_gpu_resource_create_blob *blob = &call->request.create_blob;
    uint32_t id = le32_get(blob->resource_id);
    bool is_host = le32_get(blob->blob_mem) == VIRTIO_GPU_BLOB_MEM_HOST3D;
    call->resource_id = id;
    if (id == 0 || fake_gpu_find(gpu, id) != NULL) {
        return BAD_RESOURCE;
    }
    if (is_host && find_context(gpu, call) == NULL) {
        return BAD_CONTEXT;
    }
    if (le64_get(blob->size) == 0 || (is_host && le32_get(blob->nr_entries) != 0)) {
        return BAD_PARAMETER;
    }
    uint64_t room = call->chain->readable_bytes - sizeof(*blob);
    if (room != (uint64_t)le32_get(blob->nr_entries) * sizeof(struct virtio_gpu_mem_entry)) {
        fake_violate(gpu->device->fp, FAKE_REQ_GPU_REQUEST_BYTES, call->chain->readable_bytes);
        return BAD_PARAMETER;
    }
    return 0;
}

uint32_t
fake_gpu_create_blob(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint32_t refusal = refuse_blob(gpu, call);
    if (refusal != 0) {
        return refusal;
    }
    struct fake_gpu_resource *resource = calloc(1, sizeof(*resource));
    if (resource == NULL) {
        abort();
    }
    resource->id = le32_get(call->request.create_blob.resource_id);
    resource->blob_bytes = le64_get(call->request.create_blob.size);
    resource->blob_id = le64_get(call->request.create_blob.blob_id);
    resource->next = gpu->resources;
    gpu->resources = resource;
    gpu->resource_count++;
    return OK;
}

static bool
is_overlapping(const struct fake_gpu *gpu, uint64_t offset, uint64_t bytes)
{
    for (const struct fake_gpu_resource *r = gpu->resources; r != NULL; r = r->next) {
        if (r->is_mapped && offset < r->map_offset + r->blob_bytes &&
            r->map_offset < offset + bytes) {
            return true;
        }
    }
    return false;
}

uint32_t
fake_gpu_map_blob(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    uint64_t offset = le64_get(call->request.map_blob.offset);
    uint64_t window_bytes = gpu->device->shm_bytes;
    struct fake_gpu_resource *blob =
        find_blob(gpu, call, le32_get(call->request.map_blob.resource_id));
    if (blob == NULL || blob->is_mapped) {
        return BAD_RESOURCE;
    }
    if (offset % 4096 != 0 || offset > window_bytes || blob->blob_bytes > window_bytes - offset ||
        is_overlapping(gpu, offset, blob->blob_bytes)) {
        fake_violate(gpu->device->fp, FAKE_REQ_GPU_MAP_RANGE, offset);
        return BAD_PARAMETER;
    }
    blob->is_mapped = true;
    blob->map_offset = offset;
    call->response.map_info.map_info = le32_from(gpu->map_info);
    call->response_bytes = sizeof(call->response.map_info);
    return VIRTIO_GPU_RESP_OK_MAP_INFO;
}

uint32_t
fake_gpu_unmap_blob(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    struct fake_gpu_resource *blob =
        find_blob(gpu, call, le32_get(call->request.unmap_blob.resource_id));
    if (blob == NULL || !blob->is_mapped) {
        return BAD_RESOURCE;
    }
    blob->is_mapped = false;
    return OK;
}

uint32_t
fake_gpu_set_scanout_blob(struct fake_gpu *gpu, struct fake_gpu_call *call)
{
    const struct virtio_gpu_set_scanout_blob *request = &call->request.scanout_blob;
    uint32_t scanout_id = le32_get(request->scanout_id);
    const struct fake_gpu_resource *blob = find_blob(gpu, call, le32_get(request->resource_id));
    if (scanout_id >= gpu->scanout_count) {
        return BAD_SCANOUT;
    }
    if (blob == NULL) {
        return BAD_RESOURCE;
    }
    uint64_t end = le32_get(request->offsets[0]) +
                   (uint64_t)le32_get(request->strides[0]) * le32_get(request->height);
    if (end > blob->blob_bytes) {
        return BAD_PARAMETER;
    }
    gpu->scanouts[scanout_id].blob_resource_id = blob->id;
    return OK;
}
