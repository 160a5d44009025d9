/*
 * cursor.c - a cursor per scanout: a copy of its picture, taken when the guest says so.  VirtIO 1.3 §5.7.6.10.
 */
#include <string.h>

#include "device/gpu/private.h"

const struct gpu_cursor *
gpu_cursor(const struct gpu *gpu, unsigned scanout_idx)
{
    return scanout_idx < gpu->config.scanout_count ? &gpu->cursors[scanout_idx] : NULL;
}

static void
tell(const struct gpu *gpu, unsigned scanout_idx, bool is_moved_only)
{
    for (unsigned i = 0; i < GPU_WATCHER_COUNT_MAX; i++) {
        const struct gpu_watcher *watcher = gpu->watchers[i];
        if (watcher == NULL) {
            continue;
        }
        if (is_moved_only && watcher->cursor_moved != NULL) {
            watcher->cursor_moved(watcher->user, scanout_idx);
        }
        if (!is_moved_only && watcher->cursor_changed != NULL) {
            watcher->cursor_changed(watcher->user, scanout_idx);
        }
    }
}

void
gpu_cursors_hide(struct gpu *gpu)
{
    for (unsigned i = 0; i < gpu->config.scanout_count; i++) {
        bool was_shown = gpu->cursors[i].is_shown;
        memset(&gpu->cursors[i], 0, sizeof(gpu->cursors[i]));
        if (was_shown) {
            tell(gpu, i, false);
        }
    }
}

/* Returns: GPU_OK, and the scanout of the cursor. */
static uint32_t
find_scanout(struct gpu *gpu, const struct gpu_command *command, unsigned *scanout_idx)
{
    *scanout_idx = le32_get(command->request.cursor.pos.scanout_id);
    return *scanout_idx < gpu->config.scanout_count
               ? GPU_OK
               : gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
                            "scanout %u does not exist, there are %u", *scanout_idx,
                            gpu->config.scanout_count);
}

static void
move(struct gpu_cursor *cursor, const struct gpu_command *command)
{
    cursor->x = le32_get(command->request.cursor.pos.x);
    cursor->y = le32_get(command->request.cursor.pos.y);
}

uint32_t
gpu_on_move_cursor(struct gpu *gpu, struct gpu_command *command)
{
    unsigned scanout_idx;
    uint32_t type = find_scanout(gpu, command, &scanout_idx);
    if (type == GPU_OK) {
        move(&gpu->cursors[scanout_idx], command);
        tell(gpu, scanout_idx, true);
    }
    return type;
}

/* A blob of the right length is taken for one of the cursor's format that everybody uses. */
static uint32_t
take_pixels(struct gpu *gpu, const struct gpu_command *command, struct gpu_cursor *cursor,
            const struct gpu_resource *resource)
{
    struct gpu_place at = { 0 };
    bool is_2d = resource->kind == GPU_RESOURCE_2D;
    uint32_t pixels[VIRTIO_GPU_CURSOR_SIDE_PX * VIRTIO_GPU_CURSOR_SIDE_PX];
    if (is_2d && (resource->width_px != VIRTIO_GPU_CURSOR_SIDE_PX ||
                  resource->height_px != VIRTIO_GPU_CURSOR_SIDE_PX)) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                          "resource %u has %ux%u pixels, a cursor has %ux%u", resource->id,
                          resource->width_px, resource->height_px, VIRTIO_GPU_CURSOR_SIDE_PX,
                          VIRTIO_GPU_CURSOR_SIDE_PX);
    }
    if (!gpu_resource_read(gpu, resource, &at, 0, pixels, sizeof(pixels))) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_UNSPEC,
                          "resource %u has no %zu bytes that could be read here", resource->id,
                          sizeof(pixels));
    }
    gpu_format_convert(is_2d ? resource->format : VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, pixels,
                       sizeof(pixels) / sizeof(pixels[0]), true);
    memcpy(cursor->pixels, pixels, sizeof(pixels));
    return GPU_OK;
}

uint32_t
gpu_on_update_cursor(struct gpu *gpu, struct gpu_command *command)
{
    unsigned scanout_idx;
    uint32_t resource_id = le32_get(command->request.cursor.resource_id);
    const struct gpu_resource *resource = NULL;
    uint32_t type = find_scanout(gpu, command, &scanout_idx);
    struct gpu_cursor *cursor = &gpu->cursors[type == GPU_OK ? scanout_idx : 0];
    if (type == GPU_OK && resource_id != 0) {
        resource = gpu_resource_of(gpu, command, resource_id);
        type = resource != NULL ? take_pixels(gpu, command, cursor, resource)
                                : VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    }
    if (type == GPU_OK) {
        move(cursor, command);
        cursor->hot_x = le32_get(command->request.cursor.hot_x);
        cursor->hot_y = le32_get(command->request.cursor.hot_y);
        cursor->is_shown = resource != NULL;
        tell(gpu, scanout_idx, false);
    }
    return type;
}
