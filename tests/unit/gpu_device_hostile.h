/*
 * Guests in one process with the device: what its GPU looks like from outside.
 */
#ifndef TESTS_UNIT_GPU_DEVICE_HOSTILE_H
#define TESTS_UNIT_GPU_DEVICE_HOSTILE_H

#include "tests/loop/gpu_hostile.h"

static uint32_t
seen_resource(unsigned scanout_idx)
{
    return gpu_scanout(guest.host.gpu, scanout_idx)->resource_id;
}

static uint32_t
seen_pixel(unsigned scanout_idx, uint32_t x, uint32_t y)
{
    uint32_t pixel = NOT_SHOWN;
    const struct gpu_rect one = { x, y, 1, 1 };
    bool is_read = gpu_read_pixels(guest.host.gpu, scanout_idx, &one, &pixel, sizeof(pixel));
    return is_read ? pixel & 0xffffff : NOT_SHOWN;
}

static uint64_t
seen_flush_count(void)
{
    return gpu_scanout(guest.host.gpu, 0)->flush_count;
}

static uint32_t
seen_cursor_x(void)
{
    return gpu_cursor(guest.host.gpu, 0)->x;
}

static bool
seen_cursor_is_shown(void)
{
    return gpu_cursor(guest.host.gpu, 0)->is_shown;
}

static void
read_config(struct virtio_gpu_config *config)
{
    gpu_config_read(guest.host.gpu, 0, config, sizeof(*config));
}

static void
write_config(uint32_t offset, const void *bytes, uint32_t size)
{
    gpu_config_write(guest.host.gpu, offset, bytes, size);
}

static void
write_window(void)
{
    guest.host.window[0] = 1;
}

static bool
begin_anew(uint64_t refused_features)
{
    const struct loop_guest_wish wish = { .refused_features = refused_features };
    return loop_guest_reset(&guest, &wish);
}

#endif
