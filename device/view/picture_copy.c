/*
 * picture_copy.c - from the device into a picture.
 */
#include "device/gpu/gpu.h"
#include "device/view/picture.h"

bool
picture_copy(struct picture *picture, const struct gpu *gpu, unsigned scanout_idx,
             const struct gpu_rect *rect)
{
    if (picture->pixels == NULL || rect->x > picture->width_px || rect->y > picture->height_px ||
        rect->width_px > picture->width_px - rect->x ||
        rect->height_px > picture->height_px - rect->y) {
        return false;
    }
    uint8_t *to = picture->pixels + rect->y * picture->row_bytes + (size_t)rect->x * 4;
    return gpu_read_pixels(gpu, scanout_idx, rect, to, picture->row_bytes);
}
