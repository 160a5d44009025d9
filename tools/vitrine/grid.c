/*
 * grid.c - tables.
 */
#include "tools/vitrine/grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
safe_text(const char *text, char *to, unsigned size_bytes)
{
    (void)snprintf(to, size_bytes, "%s", text);
    for (char *at = to; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || (unsigned char)*at == 0x7f) {
            *at = '?';
        }
    }
}

void
bytes_text(double bytes, char text[GRID_CELL_BYTES])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    unsigned unit = 0;
    while (bytes >= 1024 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    (void)snprintf(text, GRID_CELL_BYTES, "%.*f %s", unit == 0 ? 0 : 1, bytes, units[unit]);
}

void
grid_row(struct grid *grid)
{
    if (grid->row_count == GRID_ROW_COUNT_MAX) {
        grid->more_count++;
        return;
    }
    memset(grid->cells[grid->row_count++], 0, sizeof(grid->cells[0]));
}

void
grid_set(struct grid *grid, unsigned column, const char *format, ...)
{
    char text[GRID_CELL_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (grid->more_count == 0 && grid->row_count > 0 && column < GRID_COLUMN_COUNT_MAX) {
        safe_text(text, grid->cells[grid->row_count - 1][column], GRID_CELL_BYTES);
        grid->column_count = column >= grid->column_count ? column + 1 : grid->column_count;
    }
}

static int
column_width(const struct grid *grid, unsigned column)
{
    size_t width = 0;
    for (unsigned i = 0; i < grid->row_count; i++) {
        size_t length = strlen(grid->cells[i][column]);
        width = length > width ? length : width;
    }
    return (int)width;
}

/* Nothing but blanks stands behind this cell. */
static int
is_last(const struct grid *grid, unsigned row, unsigned column)
{
    for (unsigned i = column + 1; i < grid->column_count; i++) {
        if (grid->cells[row][i][0] != '\0') {
            return 0;
        }
    }
    return 1;
}

void
grid_print(const struct grid *grid, int indent)
{
    for (unsigned row = 0; row < grid->row_count; row++) {
        (void)printf("%*s", indent, "");
        for (unsigned column = 0; column < grid->column_count; column++) {
            if (is_last(grid, row, column)) {
                (void)printf("%s", grid->cells[row][column]);
                break;
            }
            (void)printf("%-*s  ", column_width(grid, column), grid->cells[row][column]);
        }
        (void)putchar('\n');
    }
    if (grid->more_count != 0) {
        (void)printf("%*sand %u more\n", indent, "", grid->more_count);
    }
}
