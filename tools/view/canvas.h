/*
 * canvas.h - one scanout in the viewer: the device's picture, a copy of it, and what people see: the copy under the cursor.
 *
 *      shared memory ──canvas_take──▶ clean ──▶ shown ──▶ window, VNC
 *      (between DAMAGE and TAKEN)                 ▲ cursor
 */
#ifndef TOOLS_VIEW_CANVAS_H
#define TOOLS_VIEW_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/view/picture.h"
#include "device/view/view_wire.h"

struct canvas_rect {
    uint32_t x;
    uint32_t y;
    uint32_t width_px; /* 0: nothing */
    uint32_t height_px;
};

struct canvas_cursor {
    int32_t x; /* of its top left corner */
    int32_t y;
    bool is_shown;
    uint32_t pixels[VIEW_CURSOR_SIDE_PX *
                    VIEW_CURSOR_SIDE_PX]; /* 0xAARRGGBB, colours multiplied by A already */
};

struct canvas {
    struct picture shared;
    uint32_t *clean;
    uint32_t *shown; /* 0x00RRGGBB, rows without gaps; NULL: the scanout shows nothing */
    uint32_t width_px;
    uint32_t height_px;
    struct canvas_cursor cursor;
};

/*
 * A canvas for the picture in this memfd, black at first.  fd: the canvas's from now on; -1 with 0 × 0: it shows nothing.
 * Returns: NULL; else a sentence and the canvas shows nothing.
 */
const char *canvas_init(struct canvas *canvas, int fd, uint32_t width_px, uint32_t height_px,
                        const struct canvas_cursor *cursor);
void canvas_finish(struct canvas *canvas);

/* Copies what is new from the shared picture.  Returns: false: the rectangle is not within it. */
bool canvas_take(struct canvas *canvas, const struct canvas_rect *rect);

/* Another cursor.  changed: where it was and where it is, within the canvas. */
void canvas_set_cursor(struct canvas *canvas, const struct canvas_cursor *cursor,
                       struct canvas_rect changed[2]);

#endif
