/*
 * gpu_fake.c - pictures without a guest.
 */
#include "tests/view/gpu_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gpu {
    unsigned scanout_count;
    struct gpu_scanout scanouts[VIRTIO_GPU_SCANOUTS_MAX];
    struct gpu_cursor cursors[VIRTIO_GPU_SCANOUTS_MAX];
    uint32_t *pixels[VIRTIO_GPU_SCANOUTS_MAX];
    const struct gpu_watcher *watchers[GPU_WATCHER_COUNT_MAX];
    const char *status;
    unsigned display_count;
    struct gpu_fake_told told;
    uint64_t limit_bytes;
    uint64_t held_bytes;
};

struct gpu *
gpu_fake_create(unsigned scanout_count)
{
    struct gpu *gpu = calloc(1, sizeof(*gpu));
    if (gpu == NULL) {
        abort();
    }
    gpu->scanout_count = scanout_count;
    gpu->status = "{}";
    gpu->limit_bytes = UINT64_C(1) << 30;
    for (unsigned i = 0; i < scanout_count; i++) {
        gpu->scanouts[i].display = (struct gpu_scanout_config){ 1280, 800, i == 0 };
    }
    return gpu;
}

void
gpu_fake_destroy(struct gpu *gpu)
{
    for (unsigned i = 0; i < gpu->scanout_count; i++) {
        free(gpu->pixels[i]);
    }
    free(gpu);
}

void
gpu_fake_show(struct gpu *gpu, unsigned scanout_idx, uint32_t width_px, uint32_t height_px)
{
    struct gpu_scanout *scanout = &gpu->scanouts[scanout_idx];
    free(gpu->pixels[scanout_idx]);
    gpu->pixels[scanout_idx] = calloc((size_t)width_px * height_px + 1, 4);
    if (gpu->pixels[scanout_idx] == NULL) {
        abort();
    }
    scanout->resource_id = width_px != 0 ? 1 : 0;
    scanout->width_px = width_px;
    scanout->height_px = height_px;
    for (unsigned i = 0; i < GPU_WATCHER_COUNT_MAX; i++) {
        if (gpu->watchers[i] != NULL) {
            gpu->watchers[i]->scanout_changed(gpu->watchers[i]->user, scanout_idx);
        }
    }
}

uint32_t *
gpu_fake_pixels(struct gpu *gpu, unsigned scanout_idx)
{
    return gpu->pixels[scanout_idx];
}

void
gpu_fake_flush(struct gpu *gpu, unsigned scanout_idx, const struct gpu_rect *rect)
{
    gpu->scanouts[scanout_idx].flush_count++;
    for (unsigned i = 0; i < GPU_WATCHER_COUNT_MAX; i++) {
        if (gpu->watchers[i] != NULL) {
            gpu->watchers[i]->flushed(gpu->watchers[i]->user, scanout_idx, rect);
        }
    }
}

uint32_t
gpu_fake_pattern(unsigned number, uint32_t x, uint32_t y)
{
    return ((number * 40 + 15) & 255) << 16 | (x & 255) << 8 | (y & 255);
}

void
gpu_fake_draw(struct gpu *gpu, unsigned scanout_idx, unsigned number)
{
    const struct gpu_scanout *scanout = &gpu->scanouts[scanout_idx];
    uint32_t *to = gpu->pixels[scanout_idx];
    for (uint32_t y = 0; y < scanout->height_px; y++) {
        for (uint32_t x = 0; x < scanout->width_px; x++) {
            *to++ = gpu_fake_pattern(number, x, y);
        }
    }
    gpu_fake_flush(gpu, scanout_idx,
                   &(struct gpu_rect){ 0, 0, scanout->width_px, scanout->height_px });
}

void
gpu_fake_cursor(struct gpu *gpu, unsigned scanout_idx, uint32_t x, uint32_t y, bool is_shown,
                uint32_t argb)
{
    struct gpu_cursor *cursor = &gpu->cursors[scanout_idx];
    memset(cursor, 0, sizeof(*cursor));
    cursor->x = x;
    cursor->y = y;
    cursor->is_shown = is_shown;
    for (unsigned i = 0; i < 256; i++) {
        cursor->pixels[i / 16 * VIRTIO_GPU_CURSOR_SIDE_PX + i % 16] = argb;
    }
    for (unsigned i = 0; i < GPU_WATCHER_COUNT_MAX; i++) {
        if (gpu->watchers[i] != NULL) {
            gpu->watchers[i]->cursor_changed(gpu->watchers[i]->user, scanout_idx);
        }
    }
}

void
gpu_fake_move_cursor(struct gpu *gpu, unsigned scanout_idx, uint32_t x, uint32_t y)
{
    gpu->cursors[scanout_idx].x = x;
    gpu->cursors[scanout_idx].y = y;
    for (unsigned i = 0; i < GPU_WATCHER_COUNT_MAX; i++) {
        if (gpu->watchers[i] != NULL) {
            gpu->watchers[i]->cursor_moved(gpu->watchers[i]->user, scanout_idx);
        }
    }
}

struct gpu_fake_told
gpu_fake_told(struct gpu *gpu)
{
    struct gpu_fake_told told = gpu->told;
    gpu->told = (struct gpu_fake_told){ 0 };
    return told;
}

void
gpu_fake_status(struct gpu *gpu, const char *json)
{
    gpu->status = json;
}

unsigned
gpu_fake_display_count(const struct gpu *gpu)
{
    return gpu->display_count;
}

void
gpu_fake_limit(struct gpu *gpu, uint64_t limit_bytes)
{
    gpu->limit_bytes = limit_bytes;
}

/* --- gpu.h --- */

uint64_t
gpu_memory_limit(const struct gpu *gpu)
{
    return gpu->limit_bytes;
}

uint64_t
gpu_memory_held(const struct gpu *gpu)
{
    return gpu->held_bytes;
}

bool
gpu_memory_take(struct gpu *gpu, uint64_t bytes)
{
    bool is_left =
        gpu->held_bytes <= gpu->limit_bytes && bytes <= gpu->limit_bytes - gpu->held_bytes;
    gpu->held_bytes += is_left ? bytes : 0;
    return is_left;
}

void
gpu_memory_give_back(struct gpu *gpu, uint64_t bytes)
{
    gpu->held_bytes -= bytes;
}

bool
gpu_watch(struct gpu *gpu, const struct gpu_watcher *watcher)
{
    for (unsigned i = 0; i < GPU_WATCHER_COUNT_MAX; i++) {
        if (gpu->watchers[i] == NULL) {
            gpu->watchers[i] = watcher;
            return true;
        }
    }
    return false;
}

void
gpu_unwatch(struct gpu *gpu, const struct gpu_watcher *watcher)
{
    for (unsigned i = 0; i < GPU_WATCHER_COUNT_MAX; i++) {
        if (gpu->watchers[i] == watcher) {
            gpu->watchers[i] = NULL;
        }
    }
}

const struct gpu_scanout *
gpu_scanout(const struct gpu *gpu, unsigned scanout_idx)
{
    return &gpu->scanouts[scanout_idx];
}

const struct gpu_cursor *
gpu_cursor(const struct gpu *gpu, unsigned scanout_idx)
{
    return &gpu->cursors[scanout_idx];
}

unsigned
gpu_scanout_count(const struct gpu *gpu)
{
    return gpu->scanout_count;
}

bool
gpu_read_pixels(const struct gpu *gpu, unsigned scanout_idx, const struct gpu_rect *rect, void *to,
                size_t row_bytes)
{
    const struct gpu_scanout *scanout = &gpu->scanouts[scanout_idx];
    if (scanout->resource_id == 0 || rect->x + rect->width_px > scanout->width_px ||
        rect->y + rect->height_px > scanout->height_px) {
        return false;
    }
    for (uint32_t y = 0; y < rect->height_px; y++) {
        memcpy((uint8_t *)to + y * row_bytes,
               gpu->pixels[scanout_idx] + (size_t)(rect->y + y) * scanout->width_px + rect->x,
               (size_t)rect->width_px * 4);
    }
    return true;
}

const char *
gpu_set_display(struct gpu *gpu, unsigned scanout_idx, const struct gpu_scanout_config *display)
{
    gpu->scanouts[scanout_idx].display = *display;
    gpu->display_count++;
    return display->width_px == 666 ? "the display \"666\" cannot be" : NULL;
}

void
gpu_display_told(struct gpu *gpu, uint64_t token, const uint8_t *edid, size_t edid_bytes)
{
    if (token == 0) {
        return; /* nobody's */
    }
    gpu->told = (struct gpu_fake_told){ .token = token, .has_edid = edid != NULL };
    if (edid != NULL && edid_bytes <= sizeof(gpu->told.edid)) {
        gpu->told.edid_bytes = edid_bytes;
        memcpy(gpu->told.edid, edid, edid_bytes);
    }
}

size_t
gpu_status(const struct gpu *gpu, char *text, size_t size_bytes)
{
    return (size_t)snprintf(text, size_bytes, "%s", gpu->status);
}
