/*
 * evdev key codes of a US keyboard to the characters that a terminal would send.
 */
#ifndef KERNEL_DRV_KEYMAP_H
#define KERNEL_DRV_KEYMAP_H

#include "kernel/core/base.h"

enum { KEYMAP_TEXT_BYTES = 4 };

/* Keys that are held, and the caps lock. A zeroed one is a keyboard at rest. */
struct keymap {
    bool is_shifted;
    bool is_control;
    bool has_caps_lock;
};

/*
 * One key event: `value` 0 up, 1 down, 2 repeat.
 * Returns: how many characters it types (0 to 4), put in `text`.
 */
unsigned
keymap_feed(struct keymap *keymap, uint16_t code, uint32_t value, char text[KEYMAP_TEXT_BYTES]);

#endif
