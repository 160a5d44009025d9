/*
 * What the files of the display layer share.
 */
#ifndef VIRTIO_DRIVER_GPU_DISPLAY_PRIVATE_H
#define VIRTIO_DRIVER_GPU_DISPLAY_PRIVATE_H

#include "virtio/display.h"

/* A color as the four bytes of a pixel in memory. */
uint32_t display_encode_color(uint32_t format, uint32_t color);

/* The address of a pixel; it must lie within the target. */
uint32_t *display_row(const struct display_target *target, int32_t x, int32_t y);

/* Draw a glyph without adding to the damage. Returns: the part of the target that it covers. */
struct display_rect
display_draw_glyph(struct display_target *target, const struct display_pen *pen, uint32_t code);

#endif
