/*
 * Drawing and the text console on a small target, with any coordinates: no pixel outside of the clip changes, and each pixel that
 * changes lies in the damage; the memory around the target belongs to nobody (AddressSanitizer watches).
 */
#include "virtio/display.h"

#include "tests/fuzz/fuzz_input.h"

enum {
    GLYPH_COUNT = 8,
    GLYPH_WIDTH_PX = 9, /* two bytes a row */
    GLYPH_HEIGHT_PX = 5,
    BITMAP_SIDE_PX = 6,
    SIDE_MAX_PX = 48,
    CELLS_MAX = 2 * SIDE_MAX_PX * SIDE_MAX_PX,
    OP_COUNT = 10,
};

static uint8_t glyphs[GLYPH_COUNT * GLYPH_HEIGHT_PX * 2];
static uint32_t picture[BITMAP_SIDE_PX * BITMAP_SIDE_PX];
static struct display_cell cells[CELLS_MAX];
static const struct display_font font = { glyphs, GLYPH_WIDTH_PX, GLYPH_HEIGHT_PX, 'a',
                                          GLYPH_COUNT };

static struct display_target target;
static struct display_console console;
static bool has_console;
static uint8_t *pixels;
static uint8_t *before;
static size_t pixels_bytes;

/* Mostly near the target, now and then anywhere. */
static int32_t
coordinate(struct fuzz_input *in)
{
    uint8_t near = fuzz_u8(in);
    return near == 0xff ? (int32_t)fuzz_u32(in) : (int32_t)near - SIDE_MAX_PX;
}

static struct display_rect
rectangle(struct fuzz_input *in)
{
    return (struct display_rect){ coordinate(in), coordinate(in), coordinate(in), coordinate(in) };
}

static bool
is_in(const struct display_rect *rect, int32_t x, int32_t y)
{
    return x >= rect->x && y >= rect->y && x - rect->x < rect->width && y - rect->y < rect->height;
}

static bool
is_damaged(int32_t x, int32_t y)
{
    bool is_found = false;
    for (unsigned i = 0; i < target.damage.count; i++) {
        is_found = is_found || is_in(&target.damage.rects[i], x, y);
    }
    return is_found;
}

/* Compare with what was there before; then that is now. */
static void
check(void)
{
    fuzz_expect(target.damage.count <= DISPLAY_DAMAGE_RECTS_MAX);
    for (size_t i = 0; i < pixels_bytes; i += 4) {
        int32_t x = (int32_t)(i % target.stride_bytes / 4);
        int32_t y = (int32_t)(i / target.stride_bytes);
        if (memcmp(pixels + i, before + i, 4) != 0) {
            fuzz_expect(x < target.width_px && is_in(&target.clip, x, y) && is_damaged(x, y));
        }
    }
    memcpy(before, pixels, pixels_bytes);
}

static void
write_console(struct fuzz_input *in)
{
    char text[64];
    size_t count = fuzz_u8(in) % (sizeof(text) + 1);
    fuzz_take(in, text, count);
    if (has_console) {
        display_console_write(&console, text, count);
        display_console_draw(&console, &target);
    }
}

static void
draw_text(struct fuzz_input *in)
{
    struct display_pen pen = {
        &font,
        {fuzz_u32(in), fuzz_u32(in), (fuzz_u8(in) & 1) != 0},
        coordinate(in),
        coordinate(in)
    };
    char text[16];
    size_t count = fuzz_u8(in) % sizeof(text);
    fuzz_take(in, text, count);
    display_text(&target, &pen, text, count);
}

static void
draw(struct fuzz_input *in)
{
    const struct display_bitmap bitmap = { picture, BITMAP_SIDE_PX, BITMAP_SIDE_PX,
                                           BITMAP_SIDE_PX };
    struct display_rect rect = { 0, 0, 0, 0 };
    switch (fuzz_u8(in) % OP_COUNT) {
    case 0:
        rect = rectangle(in);
        display_fill(&target, &rect, fuzz_u32(in));
        break;
    case 1: display_pixel(&target, coordinate(in), coordinate(in), fuzz_u32(in)); break;
    case 2: {
        /* Lines take coordinates within +-32767. */
        int32_t from[2] = { coordinate(in) % 32768, coordinate(in) % 32768 };
        int32_t to[2] = { coordinate(in) % 32768, coordinate(in) % 32768 };
        display_line(&target, from, to, fuzz_u32(in));
        break;
    }
    case 3: display_blit(&target, coordinate(in), coordinate(in), &bitmap); break;
    case 4:
        rect = rectangle(in);
        display_move(&target, &rect, coordinate(in), coordinate(in));
        break;
    case 5: draw_text(in); break;
    case 6:
        rect = rectangle(in);
        display_set_clip(&target, &rect);
        break;
    case 7: target.damage.count = 0; break;
    case 8: fuzz_expect(display_read_pixel(&target, -1, coordinate(in)) == 0); break;
    default:
        display_set_clip(&target, NULL);
        write_console(in);
        break;
    }
    check();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t formats[] = { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
                                        VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM,
                                        VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM,
                                        VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM };
    struct fuzz_input in = { data, size };
    uint8_t shape = fuzz_u8(&in);
    struct vgpu_image image = { formats[shape & 3], fuzz_u8(&in) % SIDE_MAX_PX + 1U,
                                fuzz_u8(&in) % SIDE_MAX_PX + 1U };
    uint32_t stride_bytes = (image.width_px + (shape >> 2 & 7)) * 4;
    memset(glyphs, 0x5a, sizeof(glyphs));
    memset(picture, 0x77, sizeof(picture));
    pixels_bytes = (size_t)stride_bytes * image.height_px;
    pixels = calloc(1, pixels_bytes);
    before = calloc(1, pixels_bytes);
    fuzz_expect(pixels != NULL && before != NULL);
    fuzz_expect(display_target_init(&target, &image, pixels, stride_bytes) == VIRTIO_OK);
    const struct display_console_config config = { .font = &font,
                                                   .cells = cells,
                                                   .cell_count = CELLS_MAX };
    has_console = display_console_init(&console, &target, &config) == VIRTIO_OK;
    check();
    while (in.left > 0) {
        draw(&in);
    }
    free(pixels);
    free(before);
    return 0;
}
