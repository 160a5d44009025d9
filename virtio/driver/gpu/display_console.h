/*
 * What the two files of the text console share: its cells are changed by one, drawn by the other.
 */
#ifndef VIRTIO_DRIVER_GPU_DISPLAY_CONSOLE_H
#define VIRTIO_DRIVER_GPU_DISPLAY_CONSOLE_H

#include "virtio/display.h"

enum { DISPLAY_CONSOLE_COLOR = 0x07 }; /* light gray on black */

/* The cells of a row on the screen; the rows are a ring. */
struct display_cell *display_console_row(const struct display_console *console, uint16_t row);

/* All blank, and the cursor in the upper left corner. */
void display_console_clear(struct display_console *console);

#endif
