/*
 * Glyphs and lines of text. Contract: virtio/display.h.
 */
#include "virtio/driver/gpu/display_private.h"

static const uint8_t *
glyph_rows(const struct display_font *font, uint32_t code)
{
    uint32_t idx = code - font->first_code;
    if (idx >= font->glyph_count) {
        idx = font->glyph_count - 1;
    }
    return font->glyphs + (size_t)idx * font->height_px * ((font->width_px + 7U) / 8);
}

/* Both colors ready to be stored. */
struct stamp {
    uint32_t ink;
    uint32_t ground;
};

static uint32_t
bit_at(const uint8_t *bits, int32_t column)
{
    return (uint32_t)bits[column / 8] >> (7 - column % 8) & 1;
}

/* Without a branch per pixel: a console draws nothing else. */
static void
stamp_row(uint32_t *to, const uint8_t *bits, const struct display_rect *part,
          const struct stamp *stamp)
{
    uint32_t flip = stamp->ink ^ stamp->ground;
    for (int32_t i = 0; i < part->width; i++) {
        to[i] = stamp->ground ^ (flip & (0 - bit_at(bits, part->x + i)));
    }
}

static void
stamp_row_over(uint32_t *to, const uint8_t *bits, const struct display_rect *part,
               const struct stamp *stamp)
{
    for (int32_t i = 0; i < part->width; i++) {
        if (bit_at(bits, part->x + i) != 0) {
            to[i] = stamp->ink;
        }
    }
}

struct display_rect
display_draw_glyph(struct display_target *target, const struct display_pen *pen, uint32_t code)
{
    const struct display_font *font = pen->font;
    struct display_rect whole = { pen->x, pen->y, font->width_px, font->height_px };
    struct display_rect part = display_rect_intersect(&whole, &target->clip);
    struct stamp stamp = {
        .ink = display_encode_color(target->format, pen->ink.color),
        .ground = display_encode_color(target->format, pen->ink.ground),
    };
    const uint8_t *rows = glyph_rows(font, code);
    size_t row_bytes = (font->width_px + 7U) / 8;
    struct display_rect in_glyph = part;
    if (display_rect_is_empty(&part)) {
        return part;
    }
    in_glyph.x = part.x - pen->x;
    in_glyph.y = part.y - pen->y;
    for (int32_t y = 0; y < part.height; y++) {
        uint32_t *to = display_row(target, part.x, part.y + y);
        const uint8_t *bits = rows + (size_t)(in_glyph.y + y) * row_bytes;
        if (pen->ink.is_transparent) {
            stamp_row_over(to, bits, &in_glyph, &stamp);
        } else {
            stamp_row(to, bits, &in_glyph, &stamp);
        }
    }
    return part;
}

void
display_glyph(struct display_target *target, int32_t x, int32_t y, const struct display_font *font,
              uint32_t code, const struct display_ink *ink)
{
    struct display_pen pen = { font, *ink, x, y };
    struct display_rect part = display_draw_glyph(target, &pen, code);
    display_damage_add(&target->damage, &part);
}

static int32_t
advanced(int32_t x, uint16_t width_px)
{
    return x > INT32_MAX - width_px ? INT32_MAX : x + width_px;
}

/* One rectangle of damage for the line, whatever its length. */
void
display_text(struct display_target *target, struct display_pen *pen, const char *text, size_t count)
{
    struct display_rect line = { 0 };
    for (size_t i = 0; i < count; i++) {
        struct display_rect part = display_draw_glyph(target, pen, (uint8_t)text[i]);
        line = display_rect_union(&line, &part);
        pen->x = advanced(pen->x, pen->font->width_px);
    }
    display_damage_add(&target->damage, &line);
}
