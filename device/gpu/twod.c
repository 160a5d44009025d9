/*
 * twod.c - 2D resources: the host's own copy of a picture, filled from the guest's memory.  VirtIO 1.3 §5.7.6.8.
 */
#include <stdlib.h>

#include "device/gpu/private.h"

static uint32_t
check_create(struct gpu *gpu, const struct gpu_command *command, uint32_t format,
             const struct gpu_rect *rect)
{
    if (!gpu_format_is_known(format)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "format %u is none of VirtIO's", format);
    }
    if (!gpu_rect_is_within(rect, GPU_SIDE_PX_MAX, GPU_SIDE_PX_MAX)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "%ux%u pixels, each side is 1 to %u", rect->width_px, rect->height_px,
                          GPU_SIDE_PX_MAX);
    }
    return GPU_OK;
}

/* Takes the picture's memory, all zeroes.  Returns: GPU_OK; the refusal, and nothing changed. */
static uint32_t
make_picture(struct gpu *gpu, const struct gpu_command *command, struct gpu_resource *resource)
{
    size_t pixel_count = (size_t)resource->width_px * resource->height_px;
    uint64_t bytes = (uint64_t)pixel_count * VIRTIO_GPU_BYTES_PER_PX;
    if (!gpu_memory_take(gpu, bytes)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                          "%llu bytes are more than the %llu left to this guest",
                          (unsigned long long)bytes,
                          (unsigned long long)(gpu_memory_limit(gpu) - gpu_memory_held(gpu)));
    }
    resource->pixels = calloc(pixel_count, VIRTIO_GPU_BYTES_PER_PX);
    if (resource->pixels == NULL) {
        gpu_memory_give_back(gpu, bytes);
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                          "the host has no memory for %ux%u pixels", resource->width_px,
                          resource->height_px);
    }
    resource->size_bytes = bytes;
    return GPU_OK;
}

uint32_t
gpu_on_create_2d(struct gpu *gpu, struct gpu_command *command)
{
    const struct virtio_gpu_resource_create_2d *request = &command->request.create_2d;
    const struct gpu_rect rect = { .width_px = le32_get(request->width),
                                   .height_px = le32_get(request->height) };
    uint32_t format = le32_get(request->format);
    uint32_t type = check_create(gpu, command, format, &rect);
    struct gpu_resource *resource =
        type == GPU_OK ? gpu_resource_add(gpu, command, le32_get(request->resource_id), &type)
                       : NULL;
    if (resource == NULL) {
        return type;
    }
    resource->format = format;
    resource->width_px = rect.width_px;
    resource->height_px = rect.height_px;
    type = make_picture(gpu, command, resource);
    if (type != GPU_OK) {
        gpu_resource_remove(gpu, resource);
    }
    return type;
}

/*
 * The rectangle's rows lie in the backing as far apart as in the resource, the first at offset.  The last byte that is
 * needed of the backing; rect is within the resource, so this does not overflow but by offset.
 */
static bool
is_in_backing(const struct gpu_resource *resource, const struct gpu_rect *rect, uint64_t offset)
{
    uint64_t stride = (uint64_t)resource->width_px * VIRTIO_GPU_BYTES_PER_PX;
    uint64_t bytes =
        (rect->height_px - 1) * stride + (uint64_t)rect->width_px * VIRTIO_GPU_BYTES_PER_PX;
    return offset <= resource->backing_bytes && bytes <= resource->backing_bytes - offset;
}

/* Whole rows are one piece. */
static bool
transfer(const struct gpu *gpu, struct gpu_resource *resource, const struct gpu_rect *rect,
         uint64_t offset)
{
    size_t stride = (size_t)resource->width_px * VIRTIO_GPU_BYTES_PER_PX;
    size_t row_bytes = (size_t)rect->width_px * VIRTIO_GPU_BYTES_PER_PX;
    uint8_t *to = resource->pixels + rect->y * stride + (size_t)rect->x * VIRTIO_GPU_BYTES_PER_PX;
    unsigned count = rect->height_px;
    if (row_bytes == stride) {
        row_bytes *= count;
        count = 1;
    }
    uint64_t first_byte = 0; /* of span number idx */
    for (unsigned row = 0, idx = 0; row < count; row++) {
        uint64_t at = offset + row * (uint64_t)stride;
        while (at - first_byte >= resource->spans[idx].size_bytes) {
            first_byte += resource->spans[idx].size_bytes;
            idx++;
        }
        if (!vq_spans_read(gpu->config.guest, resource->spans + idx, resource->span_count - idx,
                           at - first_byte, to + row * stride, row_bytes)) {
            return false;
        }
    }
    return true;
}

uint32_t
gpu_on_transfer_2d(struct gpu *gpu, struct gpu_command *command)
{
    const struct virtio_gpu_transfer_to_host_2d *request = &command->request.transfer_2d;
    struct gpu_resource *resource = gpu_resource_of(gpu, command, le32_get(request->resource_id));
    struct gpu_rect rect = gpu_rect_get(&request->r);
    uint64_t offset = le64_get(request->offset);
    if (resource == NULL) {
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    if (resource->kind != GPU_RESOURCE_2D || !resource->has_backing) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC, "resource %u %s", resource->id,
                          resource->kind == GPU_RESOURCE_2D ? "has no backing"
                                                            : "is a blob: it needs no transfer");
    }
    if (!gpu_rect_is_within(&rect, resource->width_px, resource->height_px)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "%ux%u pixels at %u,%u are not within resource %u, %ux%u", rect.width_px,
                          rect.height_px, rect.x, rect.y, resource->id, resource->width_px,
                          resource->height_px);
    }
    if (!is_in_backing(resource, &rect, offset)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "%ux%u pixels from offset %llu end beyond the backing of resource %u, "
                          "%llu bytes",
                          rect.width_px, rect.height_px, (unsigned long long)offset, resource->id,
                          (unsigned long long)resource->backing_bytes);
    }
    if (!transfer(gpu, resource, &rect, offset)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                          "a part of the backing of resource %u is no memory of the guest any more",
                          resource->id);
    }
    return GPU_OK;
}
