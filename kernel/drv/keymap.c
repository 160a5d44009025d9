/* A US keyboard: see keymap.h. */
#include "kernel/drv/keymap.h"

#include <string.h>

/* Codes of Linux's input-event-codes.h, which VirtIO 1.3 §5.8 adopts. */
enum {
    KEY_LEFTCTRL = 29,
    KEY_LEFTSHIFT = 42,
    KEY_RIGHTSHIFT = 54,
    KEY_CAPSLOCK = 58,
    KEY_RIGHTCTRL = 97,
    KEY_HOME = 102,
    KEY_UP = 103,
    KEY_LEFT = 105,
    KEY_RIGHT = 106,
    KEY_END = 107,
    KEY_DOWN = 108,
    KEY_DELETE = 111,
};

/* By code, beginning with 0; NUL: the key types nothing. */
static const char plain[] =
    "\0\0331234567890-=\177\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] =
    "\0\033!@#$%^&*()_+\177\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
_Static_assert(sizeof(plain) == sizeof(shifted), "one character per key in both");

/* Keys that type an escape sequence: its last character. */
static char
sequence_of(uint16_t code)
{
    switch (code) {
    case KEY_UP: return 'A';
    case KEY_DOWN: return 'B';
    case KEY_RIGHT: return 'C';
    case KEY_LEFT: return 'D';
    case KEY_HOME: return 'H';
    case KEY_END: return 'F';
    default: return '\0';
    }
}

/* Returns: whether the key changes the others' meaning, and so types nothing itself. */
static bool
feed_modifier(struct keymap *keymap, uint16_t code, uint32_t value)
{
    bool is_down = value != 0;

    switch (code) {
    case KEY_LEFTSHIFT:
    case KEY_RIGHTSHIFT: keymap->is_shifted = is_down; return true;
    case KEY_LEFTCTRL:
    case KEY_RIGHTCTRL: keymap->is_control = is_down; return true;
    case KEY_CAPSLOCK: keymap->has_caps_lock = keymap->has_caps_lock != (value == 1); return true;
    default: return false;
    }
}

static char
character_of(const struct keymap *keymap, uint16_t code)
{
    if (code >= sizeof(plain) - 1) {
        return '\0';
    }
    bool is_letter = plain[code] >= 'a' && plain[code] <= 'z';
    bool is_upper = keymap->is_shifted != (is_letter && keymap->has_caps_lock);

    if (keymap->is_control && is_letter) {
        return (char)(plain[code] - 'a' + 1);
    }
    return is_upper ? shifted[code] : plain[code];
}

unsigned
keymap_feed(struct keymap *keymap, uint16_t code, uint32_t value, char text[KEYMAP_TEXT_BYTES])
{
    if (feed_modifier(keymap, code, value) || value == 0) {
        return 0;
    }
    if (code == KEY_DELETE) {
        memcpy(text, "\033[3~", 4);
        return 4;
    }
    text[0] = '\033';
    text[1] = '[';
    text[2] = sequence_of(code);
    if (text[2] != '\0') {
        return 3;
    }
    text[0] = character_of(keymap, code);
    return text[0] != '\0' ? 1 : 0;
}
