/*
 * Text into the cells of the console, with the ANSI sequences that shells and logs use. Contract:
 * virtio/display.h.
 */
#include "virtio/driver/gpu/display_console.h"

enum {
    TAB_COLUMNS = 8,
    ARGS_MAX = 4,

    ESCAPE_NONE = 0,
    ESCAPE_STARTED, /* ESC came */
    ESCAPE_ARGS,    /* ESC [ came */
};

struct display_cell *
display_console_row(const struct display_console *console, uint16_t row)
{
    unsigned in_ring = ((unsigned)console->top_row + row) % console->rows;
    return console->wanted + (size_t)in_ring * console->columns;
}

static void
blank(struct display_console *console, uint16_t row, uint16_t from_column)
{
    struct display_cell *cells = display_console_row(console, row);
    for (uint16_t column = from_column; column < console->columns; column++) {
        cells[column] = (struct display_cell){ ' ', console->color_idx };
    }
}

void
display_console_clear(struct display_console *console)
{
    for (uint16_t row = 0; row < console->rows; row++) {
        blank(console, row, 0);
    }
    console->row = 0;
    console->column = 0;
}

/* The rows stay where they are in memory; the ring turns. */
static void
next_row(struct display_console *console)
{
    console->column = 0;
    if (console->row + 1 < console->rows) {
        console->row++;
        return;
    }
    console->top_row = (uint16_t)((console->top_row + 1U) % console->rows);
    console->lines_scrolled++;
    blank(console, console->row, 0);
}

/* The last column is filled first, and wrapped when there is more to come. */
static void
put_code(struct display_console *console, uint8_t code)
{
    if (console->column == console->columns) {
        next_row(console);
    }
    struct display_cell *cells = display_console_row(console, console->row);
    cells[console->column] = (struct display_cell){ code, console->color_idx };
    console->column++;
}

static void
tabulate(struct display_console *console)
{
    do {
        put_code(console, ' ');
    } while (console->column % TAB_COLUMNS != 0 && console->column < console->columns);
}

static void
select_color(struct display_console *console, unsigned arg)
{
    unsigned color = console->color_idx;
    if (arg == 0) {
        color = DISPLAY_CONSOLE_COLOR;
    } else if (arg == 1) {
        color |= 0x08;
    } else if (arg == 7) {
        color = (color << 4 | color >> 4) & 0xff;
    } else if (arg >= 30 && arg <= 37) {
        color = (color & 0xf8) | (arg - 30);
    } else if (arg >= 40 && arg <= 47) {
        color = (color & 0x8f) | (arg - 40) << 4;
    } else if (arg >= 90 && arg <= 97) {
        color = (color & 0xf0) | (arg - 90 + 8);
    } else if (arg >= 100 && arg <= 107) {
        color = (color & 0x0f) | (arg - 100 + 8) << 4;
    }
    console->color_idx = (uint8_t)color;
}

/* Arguments count from 1, and 0 means 1; what is beyond the screen is its edge. */
static uint16_t
place(uint8_t arg, uint16_t count)
{
    unsigned wanted = arg > 0 ? arg - 1U : 0;
    return wanted < count ? (uint16_t)wanted : (uint16_t)(count - 1);
}

static void
end_sequence(struct display_console *console, char letter)
{
    const uint8_t *args = console->escape_args;
    console->escape_state = ESCAPE_NONE;
    switch (letter) {
    case 'm':
        for (unsigned i = 0; i <= console->escape_count; i++) {
            select_color(console, args[i]);
        }
        break;
    case 'J':
        if (args[0] == 2) {
            display_console_clear(console);
        }
        break;
    case 'H':
        console->row = place(args[0], console->rows);
        console->column = place(args[1], console->columns);
        break;
    case 'K':
        if (console->column < console->columns) {
            blank(console, console->row, console->column);
        }
        break;
    default: break;
    }
}

static void
put_escape(struct display_console *console, char c)
{
    if (console->escape_state == ESCAPE_STARTED) {
        console->escape_state = c == '[' ? ESCAPE_ARGS : ESCAPE_NONE;
        console->escape_count = 0;
        for (unsigned i = 0; i < ARGS_MAX; i++) {
            console->escape_args[i] = 0;
        }
        return;
    }
    uint8_t *arg = &console->escape_args[console->escape_count];
    if (c >= '0' && c <= '9') {
        unsigned value = *arg * 10U + (unsigned)(c - '0');
        *arg = (uint8_t)(value < UINT8_MAX ? value : UINT8_MAX);
    } else if (c == ';') {
        if (console->escape_count + 1 < ARGS_MAX) {
            console->escape_count++;
        }
    } else if (c >= '@' && c <= '~') {
        end_sequence(console, c);
    }
}

static void
put_control(struct display_console *console, char c)
{
    switch (c) {
    case '\n': next_row(console); break;
    case '\r': console->column = 0; break;
    case '\b':
        if (console->column > 0) {
            console->column--;
        }
        break;
    case '\t': tabulate(console); break;
    case '\f': display_console_clear(console); break;
    case '\033': console->escape_state = ESCAPE_STARTED; break;
    default: break;
    }
}

void
display_console_write(struct display_console *console, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t code = (uint8_t)text[i];
        if (console->escape_state != ESCAPE_NONE) {
            put_escape(console, text[i]);
        } else if (code < ' ' || code == 0x7f) {
            put_control(console, text[i]);
        } else {
            put_code(console, code);
        }
    }
}
