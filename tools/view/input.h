/*
 * input.h - a person's keys and pointer, to the guest: by QEMU's QMP (input-send-event), because keyboards and tablets are
 * QEMU's devices, not the GPU's.
 *
 * Never waits.  QEMU makes its socket after it has found the device, so the connection is made when the first event comes,
 * and tried again with later ones; events are lost while there is none.
 */
#ifndef TOOLS_VIEW_INPUT_H
#define TOOLS_VIEW_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/view/keys.h"

enum input_button {
    INPUT_LEFT,
    INPUT_MIDDLE,
    INPUT_RIGHT,
    INPUT_WHEEL_UP,
    INPUT_WHEEL_DOWN,
    INPUT_BUTTON_COUNT
};

struct input {
    const char *program; /* for messages */
    const char *path;    /* of QEMU's QMP socket; NULL: events go nowhere */
    int fd;              /* -1: not connected */
    uint64_t tried_ms;
    bool is_greeted;
    bool has_complained;
    bool is_down[KEY_COUNT];
    bool is_pressed[INPUT_BUTTON_COUNT];
};

/* path: NULL: events go nowhere; outlives the input. */
void input_init(struct input *input, const char *program, const char *path);

/* usage: see keys.h; one without a name is ignored, and so is what the guest has been told already. */
void input_key(struct input *input, unsigned usage, bool is_down);

/* x_px, y_px: within width_px × height_px of what is shown, else the nearest that is. */
void input_move(struct input *input, int x_px, int y_px, uint32_t width_px, uint32_t height_px);

void input_press(struct input *input, enum input_button button, bool is_down);

/* Nobody types any more: all keys and buttons that are down go up. */
void input_release(struct input *input);

void input_finish(struct input *input);

#endif
