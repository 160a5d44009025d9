/*
 * keys.h - names of keys: what SDL calls them (USB HID usages), what VNC sends (X keysyms), what QEMU calls them (qcodes).
 */
#ifndef TOOLS_VIEW_KEYS_H
#define TOOLS_VIEW_KEYS_H

#include <stdint.h>

enum { KEY_COUNT = 256, KEY_NONE = 0 };

/*
 * usage: of page 7 of the HID usage tables, which is also an SDL_Scancode.
 * Returns: QEMU's name of the key; NULL: it has none that we know.
 */
const char *key_qcode(unsigned usage);

/*
 * The key of a US keyboard that a character or a function is on, whatever shift it needs: the shift keys come by themselves.
 * Returns: a usage; KEY_NONE: no key that we know.
 */
unsigned key_of_keysym(uint32_t keysym);

#endif
