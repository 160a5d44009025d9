/*
 * gpu_fake.h - a device without a guest: the part of device/gpu/gpu.h that looks at pictures, and a hand that draws them.
 */
#ifndef TESTS_VIEW_GPU_FAKE_H
#define TESTS_VIEW_GPU_FAKE_H

#include "device/gpu/gpu.h"

/* Scanouts of 1280×800, the first plugged in, nothing shown.  Aborts without memory. */
struct gpu *gpu_fake_create(unsigned scanout_count);
void gpu_fake_destroy(struct gpu *gpu);

/* The guest shows a picture of this size, black, and flushes nothing yet; 0 × 0: it shows nothing. */
void gpu_fake_show(struct gpu *gpu, unsigned scanout_idx, uint32_t width_px, uint32_t height_px);

/* The pixels that it shows, rows without gaps. */
uint32_t *gpu_fake_pixels(struct gpu *gpu, unsigned scanout_idx);

void gpu_fake_flush(struct gpu *gpu, unsigned scanout_idx, const struct gpu_rect *rect);

/* What pixel (x, y) of pattern `number` is: tells all places of a picture, and patterns, apart. */
uint32_t gpu_fake_pattern(unsigned number, uint32_t x, uint32_t y);

/* Draws a pattern everywhere and flushes it. */
void gpu_fake_draw(struct gpu *gpu, unsigned scanout_idx, unsigned number);

/* A cursor of one colour, 16×16 in the top left corner of its 64×64. */
void gpu_fake_cursor(struct gpu *gpu, unsigned scanout_idx, uint32_t x, uint32_t y, bool is_shown,
                     uint32_t argb);

/* It moves. */
void gpu_fake_move_cursor(struct gpu *gpu, unsigned scanout_idx, uint32_t x, uint32_t y);

/* What gpu_display_told was called with last; token 0: it was not called.  Forgotten by this. */
struct gpu_fake_told {
    uint64_t token;
    bool has_edid;
    size_t edid_bytes;
    uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX];
};
struct gpu_fake_told gpu_fake_told(struct gpu *gpu);

/* The guest's memory from now on, 1 GiB at first. */
void gpu_fake_limit(struct gpu *gpu, uint64_t limit_bytes);

/* What gpu_status says, a JSON object; its owner is the caller. */
void gpu_fake_status(struct gpu *gpu, const char *json);

/* How often a display was changed by gpu_set_display. */
unsigned gpu_fake_display_count(const struct gpu *gpu);

#endif
