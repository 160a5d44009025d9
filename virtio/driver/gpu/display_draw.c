/*
 * Drawing: everything is clipped once, then runs over rows. Contract: virtio/display.h.
 */
#include "virtio/core/memory.h"
#include "virtio/driver/gpu/display_private.h"
#include "virtio/driver/gpu/formats.h"

enum { SIDE_MAX_PX = 16384 };

/* Which byte of 0xAARRGGBB a letter of a format's name stands for, counted from the right. */
static unsigned
shift_of(char letter)
{
    switch (letter) {
    case 'B': return 0;
    case 'G': return 8;
    case 'R': return 16;
    default: return 24; /* A, and X */
    }
}

/* The letters are in the order of memory, each followed by its 8 bits. X is all ones on both ways. */
static uint32_t
reorder(uint32_t format, uint32_t from, bool is_to_memory)
{
    const char *name = vgpu_format_find(format)->name;
    uint32_t to = 0;
    for (unsigned i = 0; i < VIRTIO_GPU_BYTES_PER_PX; i++) {
        char letter = name[(size_t)2 * i];
        unsigned in_memory = 8 * i;
        unsigned in_color = shift_of(letter);
        uint32_t byte = from >> (is_to_memory ? in_color : in_memory) & 0xff;
        byte = letter == 'X' ? 0xff : byte;
        to |= byte << (is_to_memory ? in_memory : in_color);
    }
    return to;
}

uint32_t
display_encode_color(uint32_t format, uint32_t color)
{
    if (format == VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM) { /* what consoles and tests mostly have */
        return le32_from(color | 0xff000000).raw;
    }
    return le32_from(reorder(format, color, true)).raw;
}

static uint32_t
decode_color(uint32_t format, uint32_t raw)
{
    return reorder(format, le32_get((le32){ raw }), false);
}

enum virtio_err
display_target_init(struct display_target *target, const struct vgpu_image *image, void *pixels,
                    uint32_t stride_bytes)
{
    bool is_size_right = image->width_px >= 1 && image->width_px <= SIDE_MAX_PX &&
                         image->height_px >= 1 && image->height_px <= SIDE_MAX_PX;
    if (!is_size_right || vgpu_format_name(image->format) == NULL ||
        stride_bytes % VIRTIO_GPU_BYTES_PER_PX != 0 ||
        stride_bytes / VIRTIO_GPU_BYTES_PER_PX < image->width_px || (uintptr_t)pixels % 4 != 0) {
        return VIRTIO_ERR_INVALID;
    }
    *target = (struct display_target){
        .pixels = pixels,
        .stride_bytes = stride_bytes,
        .width_px = (int32_t)image->width_px,
        .height_px = (int32_t)image->height_px,
        .format = image->format,
    };
    display_set_clip(target, NULL);
    return VIRTIO_OK;
}

void
display_set_clip(struct display_target *target, const struct display_rect *rect)
{
    struct display_rect all = { 0, 0, target->width_px, target->height_px };
    target->clip = rect != NULL ? display_rect_intersect(rect, &all) : all;
}

uint32_t *
display_row(const struct display_target *target, int32_t x, int32_t y)
{
    uint8_t *row = target->pixels + (size_t)y * target->stride_bytes;
    return (uint32_t *)(void *)row + x;
}

/* Two pixels; other code looks at the same memory one at a time. */
typedef uint64_t __attribute__((may_alias)) pixel_pair;

/* Two pixels per store where the alignment allows: filling is most of what a screen does. */
static void
fill_row(uint32_t *row, int32_t count, uint32_t pixel)
{
    uint64_t pair = (uint64_t)pixel << 32 | pixel;
    if (count > 0 && (uintptr_t)row % 8 != 0) {
        *row++ = pixel;
        count--;
    }
    pixel_pair *pairs = (pixel_pair *)(void *)row;
    for (; count >= 8; count -= 8, pairs += 4) {
        pairs[0] = pair;
        pairs[1] = pair;
        pairs[2] = pair;
        pairs[3] = pair;
    }
    row = (uint32_t *)(void *)pairs;
    for (; count > 0; count--) {
        *row++ = pixel;
    }
}

void
display_fill(struct display_target *target, const struct display_rect *rect, uint32_t color)
{
    struct display_rect part = display_rect_intersect(rect, &target->clip);
    uint32_t pixel = display_encode_color(target->format, color);
    for (int32_t y = part.y; y < part.y + part.height; y++) {
        fill_row(display_row(target, part.x, y), part.width, pixel);
    }
    display_damage_add(&target->damage, &part);
}

static bool
is_inside(const struct display_rect *rect, int32_t x, int32_t y)
{
    return x >= rect->x && y >= rect->y && x < rect->x + rect->width && y < rect->y + rect->height;
}

void
display_pixel(struct display_target *target, int32_t x, int32_t y, uint32_t color)
{
    struct display_rect one = { x, y, 1, 1 };
    display_fill(target, &one, color);
}

uint32_t
display_read_pixel(const struct display_target *target, int32_t x, int32_t y)
{
    struct display_rect all = { 0, 0, target->width_px, target->height_px };
    return is_inside(&all, x, y) ? decode_color(target->format, *display_row(target, x, y)) : 0;
}

static int32_t
absolute(int32_t value)
{
    return value < 0 ? -value : value;
}

/* Bresenham; the damage is the box around the line. */
void
display_line(struct display_target *target, const int32_t from[2], const int32_t to[2],
             uint32_t color)
{
    int32_t x = from[0];
    int32_t y = from[1];
    int32_t dx = absolute(to[0] - x);
    int32_t dy = -absolute(to[1] - y);
    int32_t step_x = x < to[0] ? 1 : -1;
    int32_t step_y = y < to[1] ? 1 : -1;
    int32_t error = dx + dy;
    uint32_t pixel = display_encode_color(target->format, color);
    struct display_rect box = { x < to[0] ? x : to[0], y < to[1] ? y : to[1], dx + 1, 1 - dy };
    box = display_rect_intersect(&box, &target->clip);
    for (int32_t left = (dx > -dy ? dx : -dy) + 1; left > 0; left--) {
        int32_t twice = 2 * error;
        if (is_inside(&target->clip, x, y)) {
            *display_row(target, x, y) = pixel;
        }
        if (twice >= dy) {
            error += dy;
            x += step_x;
        }
        if (twice <= dx) {
            error += dx;
            y += step_y;
        }
    }
    display_damage_add(&target->damage, &box);
}

/* CPU-order 0xAARRGGBB is what B8G8R8A8 and B8G8R8X8 have in memory on a little-endian CPU. */
static bool
is_native(const struct display_target *target)
{
    return !ABI_HOST_IS_BIG_ENDIAN && (target->format == VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM ||
                                       target->format == VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM);
}

static void
blit_row(const struct display_target *target, uint32_t *to, const uint32_t *from, int32_t count)
{
    if (is_native(target)) {
        memcpy(to, from, (size_t)count * sizeof(*to));
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        to[i] = display_encode_color(target->format, from[i]);
    }
}

void
display_blit(struct display_target *target, int32_t x, int32_t y,
             const struct display_bitmap *bitmap)
{
    struct display_rect whole = { x, y, bitmap->width_px, bitmap->height_px };
    struct display_rect part = display_rect_intersect(&whole, &target->clip);
    for (int32_t row = 0; row < part.height; row++) {
        size_t skip =
            (size_t)((int64_t)part.y + row - y) * bitmap->stride_px + (size_t)((int64_t)part.x - x);
        blit_row(target, display_row(target, part.x, part.y + row), bitmap->pixels + skip,
                 part.width);
    }
    display_damage_add(&target->damage, &part);
}

static int32_t
moved_back(int32_t at, int32_t by)
{
    int64_t sum = (int64_t)at - by;
    return sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : (int32_t)sum;
}

/*
 * Which part of the target can come from within it: clip the destination by the source moved, and
 * by the target moved.
 */
static struct display_rect
move_destination(const struct display_target *target, const struct display_rect *rect, int32_t dx,
                 int32_t dy)
{
    struct display_rect all = { 0, 0, target->width_px, target->height_px };
    struct display_rect source = display_rect_intersect(rect, &all);
    struct display_rect clip_before = target->clip;
    clip_before.x = moved_back(clip_before.x, dx);
    clip_before.y = moved_back(clip_before.y, dy);
    source = display_rect_intersect(&source, &clip_before);
    if (display_rect_is_empty(&source)) {
        return source;
    }
    return (struct display_rect){ source.x + dx, source.y + dy, source.width, source.height };
}

/* Rows are taken in the order in which none is overwritten before it was moved. */
void
display_move(struct display_target *target, const struct display_rect *rect, int32_t dx, int32_t dy)
{
    struct display_rect to = move_destination(target, rect, dx, dy);
    for (int32_t i = 0; i < to.height; i++) {
        int32_t y = dy > 0 ? to.y + to.height - 1 - i : to.y + i;
        memmove(display_row(target, to.x, y), display_row(target, to.x - dx, y - dy),
                (size_t)to.width * VIRTIO_GPU_BYTES_PER_PX);
    }
    display_damage_add(&target->damage, &to);
}
