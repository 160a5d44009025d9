/*
 * canvas.c - copies and cursors.
 */
#include "tools/view/canvas.h"

#include <stdlib.h>
#include <string.h>

/* colour and below are 0 to 255; a cursor that did not multiply its colours by its alpha is not to overflow */
static uint32_t
blend_one(uint32_t colour, uint32_t below, uint32_t alpha)
{
    uint32_t sum = colour + (below * (255 - alpha) + 127) / 255;
    return sum < 255 ? sum : 255;
}

static uint32_t
blend(uint32_t above, uint32_t below)
{
    uint32_t alpha = above >> 24;
    return blend_one(above >> 16 & 255, below >> 16 & 255, alpha) << 16 |
           blend_one(above >> 8 & 255, below >> 8 & 255, alpha) << 8 |
           blend_one(above & 255, below & 255, alpha);
}

/* The part of the cursor's square that lies on the canvas. */
static struct canvas_rect
cursor_rect(const struct canvas *canvas, const struct canvas_cursor *cursor)
{
    int64_t left = cursor->x > 0 ? cursor->x : 0;
    int64_t top = cursor->y > 0 ? cursor->y : 0;
    int64_t right = (int64_t)cursor->x + VIEW_CURSOR_SIDE_PX;
    int64_t bottom = (int64_t)cursor->y + VIEW_CURSOR_SIDE_PX;
    right = right < canvas->width_px ? right : canvas->width_px;
    bottom = bottom < canvas->height_px ? bottom : canvas->height_px;
    if (!cursor->is_shown || left >= right || top >= bottom) {
        return (struct canvas_rect){ 0 };
    }
    return (struct canvas_rect){ (uint32_t)left, (uint32_t)top, (uint32_t)(right - left),
                                 (uint32_t)(bottom - top) };
}

/* Puts the cursor on what is shown, all of it: where it was already the pixels below are taken from the clean copy. */
static void
draw_cursor(struct canvas *canvas)
{
    const struct canvas_cursor *cursor = &canvas->cursor;
    struct canvas_rect rect = cursor_rect(canvas, cursor);
    for (uint32_t y = rect.y; y < rect.y + rect.height_px; y++) {
        for (uint32_t x = rect.x; x < rect.x + rect.width_px; x++) {
            size_t at = (size_t)y * canvas->width_px + x;
            size_t from = (size_t)((int64_t)y - cursor->y) * VIEW_CURSOR_SIDE_PX +
                          (size_t)((int64_t)x - cursor->x);
            canvas->shown[at] = blend(cursor->pixels[from], canvas->clean[at]);
        }
    }
}

static void
copy_rows(uint32_t *to, const uint8_t *from, const struct canvas *canvas,
          const struct canvas_rect *rect)
{
    size_t row_bytes = (size_t)canvas->width_px * 4;
    for (uint32_t y = rect->y; y < rect->y + rect->height_px; y++) {
        size_t offset_bytes = y * row_bytes + (size_t)rect->x * 4;
        memcpy((uint8_t *)to + offset_bytes, from + offset_bytes, (size_t)rect->width_px * 4);
    }
}

const char *
canvas_init(struct canvas *canvas, int fd, uint32_t width_px, uint32_t height_px,
            const struct canvas_cursor *cursor)
{
    *canvas = (struct canvas){ .shared = { .fd = -1 } };
    if (cursor != NULL) {
        canvas->cursor = *cursor;
    }
    if (fd < 0) {
        return width_px == 0 && height_px == 0 ? NULL : "a picture came without its memory";
    }
    const char *wrong = picture_open(&canvas->shared, fd, width_px, height_px);
    if (wrong != NULL) {
        return wrong;
    }
    canvas->clean = calloc((size_t)width_px * height_px, 4);
    canvas->shown = calloc((size_t)width_px * height_px, 4);
    if (canvas->clean == NULL || canvas->shown == NULL) {
        canvas_finish(canvas);
        return "there is no memory for a picture";
    }
    canvas->width_px = width_px;
    canvas->height_px = height_px;
    return NULL;
}

void
canvas_finish(struct canvas *canvas)
{
    picture_finish(&canvas->shared);
    free(canvas->clean);
    free(canvas->shown);
    canvas->clean = NULL;
    canvas->shown = NULL;
    canvas->width_px = 0;
    canvas->height_px = 0;
}

bool
canvas_take(struct canvas *canvas, const struct canvas_rect *rect)
{
    if (rect->x > canvas->width_px || rect->y > canvas->height_px ||
        rect->width_px > canvas->width_px - rect->x ||
        rect->height_px > canvas->height_px - rect->y) {
        return false;
    }
    copy_rows(canvas->clean, canvas->shared.pixels, canvas, rect);
    copy_rows(canvas->shown, (const uint8_t *)canvas->clean, canvas, rect);
    draw_cursor(canvas);
    return true;
}

void
canvas_set_cursor(struct canvas *canvas, const struct canvas_cursor *cursor,
                  struct canvas_rect changed[2])
{
    changed[0] = cursor_rect(canvas, &canvas->cursor);
    changed[1] = cursor_rect(canvas, cursor);
    if (cursor != &canvas->cursor) {
        canvas->cursor = *cursor;
    }
    copy_rows(canvas->shown, (const uint8_t *)canvas->clean, canvas, &changed[0]);
    draw_cursor(canvas);
}
