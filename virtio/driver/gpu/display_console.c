/*
 * The text console: what is wanted, what is shown, and the drawing of the difference. Contract:
 * virtio/display.h.
 */
#include "virtio/driver/gpu/display_console.h"

#include "virtio/core/memory.h"
#include "virtio/driver/gpu/display_private.h"

/* The first eight are dark, the others bright; ANSI's order. */
static const uint32_t palette[16] = {
    0xff000000, 0xffaa0000, 0xff00aa00, 0xffaa5500, 0xff0000aa, 0xffaa00aa, 0xff00aaaa, 0xffaaaaaa,
    0xff555555, 0xffff5555, 0xff55ff55, 0xffffff55, 0xff5555ff, 0xffff55ff, 0xff55ffff, 0xffffffff,
};

enum { NEVER_SHOWN = 0 }; /* a code that no wanted cell has */

size_t
display_console_cells(const struct display_font *font, uint32_t width_px, uint32_t height_px)
{
    return (size_t)2 * (width_px / font->width_px) * (height_px / font->height_px);
}

static struct display_rect
area_of(const struct display_target *target, const struct display_console_config *config)
{
    struct display_rect all = { 0, 0, target->width_px, target->height_px };
    return display_rect_is_empty(&config->area) ? all : display_rect_intersect(&config->area, &all);
}

enum virtio_err
display_console_init(struct display_console *console, const struct display_target *target,
                     const struct display_console_config *config)
{
    struct display_rect area = area_of(target, config);
    *console = (struct display_console){ .config = *config };
    console->config.area = area;
    console->columns = (uint16_t)(area.width / config->font->width_px);
    console->rows = (uint16_t)(area.height / config->font->height_px);
    size_t count = (size_t)console->columns * console->rows;
    if (count == 0) {
        return VIRTIO_ERR_INVALID;
    }
    if (config->cell_count < 2 * count) {
        return VIRTIO_ERR_BUFFER_TOO_SMALL;
    }
    console->wanted = config->cells;
    console->shown = config->cells + count;
    console->color_idx = DISPLAY_CONSOLE_COLOR;
    console->has_cursor = true;
    display_console_clear(console);
    display_console_damage(console);
    return VIRTIO_OK;
}

void
display_console_damage(struct display_console *console)
{
    console->is_damaged = true;
}

/* Forget what is shown: then every cell differs. */
static void
forget_shown(struct display_console *console)
{
    size_t count = (size_t)console->columns * console->rows;
    memset(console->shown, NEVER_SHOWN, count * sizeof(*console->shown));
    console->is_damaged = false;
}

static struct display_cell
wanted_cell(const struct display_console *console, uint16_t row, uint16_t column)
{
    struct display_cell cell = display_console_row(console, row)[column];
    bool is_cursor = console->has_cursor && row == console->row && column == console->column;
    if (is_cursor) {
        cell.color_idx = (uint8_t)(cell.color_idx << 4 | cell.color_idx >> 4);
    }
    return cell;
}

/* Draw what differs in one row; returns the part of the target that was drawn on. */
static struct display_rect
draw_row(struct display_console *console, struct display_target *target, uint16_t row)
{
    const struct display_font *font = console->config.font;
    struct display_cell *shown = console->shown + (size_t)row * console->columns;
    struct display_rect drawn = { 0 };
    for (uint16_t column = 0; column < console->columns; column++) {
        struct display_cell cell = wanted_cell(console, row, column);
        if (cell.code == shown[column].code && cell.color_idx == shown[column].color_idx) {
            continue;
        }
        struct display_pen pen = {
            .font = font,
            .ink = {palette[cell.color_idx & 0xf], palette[cell.color_idx >> 4], false},
            .x = console->config.area.x + column * font->width_px,
            .y = console->config.area.y + row * font->height_px,
        };
        struct display_rect part = display_draw_glyph(target, &pen, cell.code);
        drawn = display_rect_union(&drawn, &part);
        shown[column] = cell;
    }
    return drawn;
}

void
display_console_draw(struct display_console *console, struct display_target *target)
{
    if (console->is_damaged) {
        forget_shown(console);
    }
    for (uint16_t row = 0; row < console->rows; row++) {
        struct display_rect drawn = draw_row(console, target, row);
        display_damage_add(&target->damage, &drawn);
    }
}
