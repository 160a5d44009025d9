/*
 * The host-visible window: where it is, and which parts of it are taken. Contract: virtio/gpu_3d.h.
 */
#include "virtio/driver/gpu/driver.h"
#include "virtio/gpu_3d.h"

enum virtio_err
vgpu_window_init(struct vgpu_window *window, struct vgpu *vgpu)
{
    const struct virtio_platform *plat = vgpu->device->bus->plat;
    *window = (struct vgpu_window){ .vgpu = vgpu };
    enum virtio_err err = virtio_device_shm(vgpu->device, VIRTIO_GPU_SHM_ID_HOST_VISIBLE,
                                            &window->phys, &window->bytes);
    if (err != VIRTIO_OK) {
        return err;
    }
    if (plat->map_cached == NULL) {
        return VIRTIO_ERR_UNSUPPORTED;
    }
    window->memory = plat->map_cached(plat->ctx, window->phys, window->bytes);
    return window->memory != NULL ? VIRTIO_OK : VIRTIO_ERR_NO_MEMORY;
}

/* The spans from `at` on move up by one. */
static void
insert(struct vgpu_window *window, uint16_t at, struct vgpu_span span)
{
    memmove(&window->spans[at + 1], &window->spans[at],
            (size_t)(window->span_count - at) * sizeof(span));
    window->spans[at] = span;
    window->span_count++;
}

enum virtio_err
vgpu_window_take(struct vgpu_window *window, uint64_t bytes, uint64_t *offset)
{
    uint64_t free_from = 0;
    if (bytes == 0 || bytes > window->bytes || window->span_count == VGPU_SPANS_MAX) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    bytes = (bytes + VGPU_SPAN_BYTES - 1) & ~(uint64_t)(VGPU_SPAN_BYTES - 1);
    for (uint16_t i = 0; i <= window->span_count; i++) {
        bool is_last = i == window->span_count;
        uint64_t free_to = is_last ? window->bytes : window->spans[i].offset;
        if (free_to >= free_from && free_to - free_from >= bytes) {
            insert(window, i, (struct vgpu_span){ free_from, bytes });
            *offset = free_from;
            return VIRTIO_OK;
        }
        free_from = is_last ? 0 : window->spans[i].offset + window->spans[i].bytes;
    }
    return VIRTIO_ERR_NO_MEMORY;
}

void
vgpu_window_give(struct vgpu_window *window, uint64_t offset)
{
    uint16_t at = 0;
    while (at < window->span_count && window->spans[at].offset != offset) {
        at++;
    }
    VIRTIO_CHECK(at < window->span_count);
    window->span_count--;
    memmove(&window->spans[at], &window->spans[at + 1],
            (size_t)(window->span_count - at) * sizeof(window->spans[0]));
}
