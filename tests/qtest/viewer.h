/*
 * A person's window on QEMU's display, as far as a test needs one: a VNC viewer that asks for another size. QEMU is started with
 * VIEWER_ARGS and takes the viewer's socket by QMP, so that nothing listens anywhere.
 */
#ifndef TESTS_QTEST_VIEWER_H
#define TESTS_QTEST_VIEWER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/qtest/qemu.h"

/* For the args of qemu_start: a VNC display for the device with QMP id gpu0. */
#define VIEWER_ARGS "-vnc", "none,display=gpu0,head=0"

struct viewer {
    int fd;
    uint16_t width_px; /* what the display had when the viewer came */
    uint16_t height_px;
};

/* Connect. Returns: false when QEMU refuses. */
bool viewer_open(struct viewer *viewer, struct qemu *qemu);

/* The window gets another size, as when a person pulls at its corner. Returns: false when that cannot be sent. */
bool viewer_resize(struct viewer *viewer, uint16_t width_px, uint16_t height_px);

void viewer_close(struct viewer *viewer);

#endif
