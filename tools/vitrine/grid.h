/*
 * grid.h - a table for people: cells of text, columns as wide as they must be.
 */
#ifndef TOOLS_VITRINE_GRID_H
#define TOOLS_VITRINE_GRID_H

enum { GRID_COLUMN_COUNT_MAX = 12, GRID_ROW_COUNT_MAX = 33, GRID_CELL_BYTES = 96 };

struct grid {
    unsigned column_count;
    unsigned row_count;  /* with that of the headings */
    unsigned more_count; /* rows that had no room */
    char cells[GRID_ROW_COUNT_MAX][GRID_COLUMN_COUNT_MAX][GRID_CELL_BYTES];
};

/* The next row, to be filled with grid_set; its cells are empty. */
void grid_row(struct grid *grid);

/* A cell of the last row.  Text may be a guest's: what a terminal would obey becomes '?'. */
void grid_set(struct grid *grid, unsigned column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* On stdout, and how many rows are missing. */
void grid_print(const struct grid *grid, int indent);

/* Copies text so that a terminal obeys none of it. */
void safe_text(const char *text, char *to, unsigned size_bytes);

/* 1536 → "1.5 KiB" */
void bytes_text(double bytes, char text[GRID_CELL_BYTES]);

#endif
