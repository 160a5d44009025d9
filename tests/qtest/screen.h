/*
 * What the host sees on a console of QEMU: the pixels, by QMP screendump. The oracle of every test that says "it draws".
 */
#ifndef TESTS_QTEST_SCREEN_H
#define TESTS_QTEST_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/qtest/qemu.h"

struct screen {
    uint32_t width_px;
    uint32_t height_px;
    uint8_t *rgb; /* 3 bytes for each pixel, by rows */
};

/*
 * Take the picture of console `head` of the device with QMP id `device`. Give it back with screen_free.
 * Returns: false when QEMU has no such console or no picture of it.
 */
bool screen_take(struct screen *screen, struct qemu *qemu, const char *device, unsigned head);

/* Accepts a zeroed one. */
void screen_free(struct screen *screen);

/* A pixel as 0xrrggbb; UINT32_MAX outside. */
uint32_t screen_pixel(const struct screen *screen, uint32_t x, uint32_t y);

/* How many pixels have that colour, 0xrrggbb. */
uint64_t screen_count(const struct screen *screen, uint32_t colour);

#endif
