/*
 * picture_copy.c - from the device into a picture.
 */
#include "device/gpu/gpu.h"
#include "device/view/picture.h"

bool
picture_copy(struct picture *picture, const struct gpu *gpu, unsigned scanout_idx,
             struct gpu_rect *rect, size_t *work_bytes)
{
    if (picture->pixels == NULL || rect->x > picture->width_px || rect->y > picture->height_px ||
        rect->width_px > picture->width_px - rect->x ||
        rect->height_px > picture->height_px - rect->y) {
        return false;
    }
    size_t row_bytes = (size_t)rect->width_px * 4;
    size_t row_count = *work_bytes / row_bytes;
    struct gpu_rect part = *rect;
    part.height_px = row_count < rect->height_px ? (uint32_t)row_count : rect->height_px;
    if (part.height_px == 0) {
        *work_bytes = 0; /* not even a row */
        return true;
    }
    uint8_t *to = picture->pixels + part.y * picture->row_bytes + (size_t)part.x * 4;
    *work_bytes -= part.height_px * row_bytes;
    rect->y += part.height_px;
    rect->height_px -= part.height_px;
    return gpu_read_pixels(gpu, scanout_idx, &part, to, picture->row_bytes);
}
