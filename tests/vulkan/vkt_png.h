/*
 * Writes RGBA pixels as a PNG without compression, so that no library is needed.
 */
#pragma once

#include <stdint.h>

/* Returns 0, or -1 when the file cannot be written. */
int vkt_png_write(const char *path, const uint8_t *rgba, uint32_t width, uint32_t height);
