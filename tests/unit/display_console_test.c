/*
 * The text console: cells, scrolling, ANSI sequences, and that only differences are drawn.
 */
#include <stdlib.h>

#include "virtio/display.h"

#include "tests/unit/utest.h"

enum { COLUMNS = 10, ROWS = 4, CELLS = 2 * COLUMNS * ROWS };

static uint8_t glyphs[256][8];
static const struct display_font font = { &glyphs[0][0], 8, 8, 0, 256 };
static uint32_t pixels[ROWS * 8 + 5][COLUMNS * 8 + 4];
static struct display_cell cells[CELLS];
static struct display_target target;
static struct display_console console;

/* Glyph n has the bits of n in each row, so that the pixels tell the text. */
static void
set_up(void)
{
    struct vgpu_image image = { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, COLUMNS * 8 + 4, ROWS * 8 + 5 };
    struct display_console_config config = { .font = &font, .cells = cells, .cell_count = CELLS };
    for (unsigned i = 0; i < 256; i++) {
        memset(glyphs[i], (int)i, 8);
    }
    EXPECT_EQ(display_target_init(&target, &image, pixels, sizeof(pixels[0])), VIRTIO_OK);
    EXPECT_EQ(display_console_cells(&font, COLUMNS * 8 + 4, ROWS * 8 + 5), CELLS);
    EXPECT_EQ(display_console_init(&console, &target, &config), VIRTIO_OK);
    console.has_cursor = false;
}

static void
write_text(const char *text)
{
    display_console_write(&console, text, strlen(text));
}

/* What stands on the screen, read from the pixels. */
static void
expect_screen(const char *wanted)
{
    uint8_t seen[ROWS * (COLUMNS + 1) + 1];
    size_t at = 0;
    display_console_draw(&console, &target);
    for (int32_t row = 0; row < ROWS; row++) {
        for (int32_t column = 0; column < COLUMNS; column++) {
            unsigned code = 0;
            uint32_t ground = 0xff000000;
            for (int32_t bit = 0; bit < 8; bit++) {
                uint32_t pixel = display_read_pixel(&target, column * 8 + bit, row * 8 + 3);
                code = code << 1 | (pixel != ground);
            }
            seen[at++] = code == ' ' ? '.' : (uint8_t)code;
        }
        seen[at++] = '\n';
    }
    seen[at] = '\0';
    EXPECT_STREQ((const char *)seen, wanted);
}

UTEST(text_stands_where_it_was_written)
{
    set_up();
    write_text("hello\nab\rA\tx");
    expect_screen("hello.....\nA.......x.\n..........\n..........\n");
    write_text("\b\by\n");
    expect_screen("hello.....\nA......yx.\n..........\n..........\n");
}

UTEST(long_lines_wrap_and_the_screen_scrolls)
{
    set_up();
    write_text("0123456789");
    expect_screen("0123456789\n..........\n..........\n..........\n");
    write_text("abc\n1\n2\n3");
    expect_screen("abc.......\n1.........\n2.........\n3.........\n");
    EXPECT_EQ(console.lines_scrolled, 1);
    for (unsigned i = 0; i < 1000; i++) {
        write_text("line\n");
    }
    write_text("end");
    expect_screen("line......\nline......\nline......\nend.......\n");
}

UTEST(only_what_differs_is_drawn)
{
    set_up();
    write_text("same\nsame\nsame\nsame");
    display_console_draw(&console, &target);
    target.damage.count = 0;
    write_text("\nsame");
    display_console_draw(&console, &target);
    EXPECT_EQ(target.damage.count, 0);
    write_text("\rS");
    display_console_draw(&console, &target);
    EXPECT_EQ(target.damage.count, 1);
    EXPECT_EQ(target.damage.rects[0].x, 0);
    EXPECT_EQ(target.damage.rects[0].y, 24);
    EXPECT_EQ(target.damage.rects[0].width, 8);
    target.damage.count = 0;
    display_console_damage(&console);
    display_console_draw(&console, &target);
    EXPECT_EQ(target.damage.count, 1);
    EXPECT_EQ(target.damage.rects[0].height, 32);
}

UTEST(sequences_place_clear_and_color)
{
    set_up();
    write_text("xxxxxxxxxx\033[2;4HZ\033[1;6H\033[K");
    expect_screen("xxxxx.....\n...Z......\n..........\n..........\n");
    write_text("\033[2Jnew");
    expect_screen("new.......\n..........\n..........\n..........\n");
    write_text("\033[31;1m\xff");
    display_console_draw(&console, &target);
    EXPECT_EQ(display_read_pixel(&target, 24, 0), 0xffff5555);
    write_text("\033[0;42m \033[m");
    display_console_draw(&console, &target);
    EXPECT_EQ(display_read_pixel(&target, 32, 0), 0xff00aa00);
    write_text("\033[2J\033[999;999Hq\033[0;0HQ");
    expect_screen("Q.........\n..........\n..........\n.........q\n");
}

UTEST(a_cursor_is_an_inverse_cell)
{
    set_up();
    console.has_cursor = true;
    write_text("a");
    display_console_draw(&console, &target);
    EXPECT_EQ(display_read_pixel(&target, 8, 0), 0xffaaaaaa);
    write_text("b");
    display_console_draw(&console, &target);
    EXPECT_EQ(display_read_pixel(&target, 16, 0), 0xffaaaaaa);
    EXPECT_EQ(display_read_pixel(&target, 8, 0), 0xff000000);
}

UTEST(unsuitable_memory_is_refused)
{
    struct display_console_config config = { .font = &font,
                                             .cells = cells,
                                             .cell_count = CELLS - 1 };
    set_up();
    EXPECT_EQ(display_console_init(&console, &target, &config), VIRTIO_ERR_BUFFER_TOO_SMALL);
    config.area = (struct display_rect){ 0, 0, 7, 7 };
    EXPECT_EQ(display_console_init(&console, &target, &config), VIRTIO_ERR_INVALID);
}

UTEST(any_bytes_are_survived)
{
    static const char favourites[] = "\033[;0123456789mHJK\n\r\b\t\f";
    set_up();
    console.has_cursor = true;
    srand(3);
    for (unsigned i = 0; i < 200000; i++) {
        size_t favourite = (size_t)rand() % (sizeof(favourites) - 1);
        uint8_t c = rand() % 3 != 0 ? (uint8_t)favourites[favourite] : (uint8_t)rand();
        display_console_write(&console, (const char *)&c, 1);
        if (i % 100 == 0) {
            display_console_draw(&console, &target);
        }
    }
}
