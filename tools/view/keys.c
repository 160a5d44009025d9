/*
 * keys.c - the tables, in the order of the HID usages.
 */
#include "tools/view/keys.h"

#include <stddef.h>
#include <string.h>

enum { FIRST = 4 /* the letter a */, MODIFIERS = 0xe0 };

static const char *const qcodes[] = {
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "i",
    "j",
    "k",
    "l",
    "m",
    "n",
    "o",
    "p",
    "q",
    "r",
    "s",
    "t",
    "u",
    "v",
    "w",
    "x",
    "y",
    "z",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "0",
    "ret",
    "esc",
    "backspace",
    "tab",
    "spc",
    "minus",
    "equal",
    "bracket_left",
    "bracket_right",
    "backslash",
    "backslash",
    "semicolon",
    "apostrophe",
    "grave_accent",
    "comma",
    "dot",
    "slash",
    "caps_lock",
    "f1",
    "f2",
    "f3",
    "f4",
    "f5",
    "f6",
    "f7",
    "f8",
    "f9",
    "f10",
    "f11",
    "f12",
    "print",
    "scroll_lock",
    "pause",
    "insert",
    "home",
    "pgup",
    "delete",
    "end",
    "pgdn",
    "right",
    "left",
    "down",
    "up",
    "num_lock",
    "kp_divide",
    "kp_multiply",
    "kp_subtract",
    "kp_add",
    "kp_enter",
    "kp_1",
    "kp_2",
    "kp_3",
    "kp_4",
    "kp_5",
    "kp_6",
    "kp_7",
    "kp_8",
    "kp_9",
    "kp_0",
    "kp_decimal",
    "less",
    "compose",
};
static const char *const modifiers[] = { "ctrl",   "shift",   "alt",   "meta_l",
                                         "ctrl_r", "shift_r", "alt_r", "meta_r" };

/* What stands on the keys from FIRST on, a 0 where nothing does: by themselves, and with shift. */
static const char plain[] = "abcdefghijklmnopqrstuvwxyz1234567890\0\0\0\0 -=[]\\\0;'`,./";
static const char shifted[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ!@#$%^&*()\0\0\0\0 _+{}|\0:\"~<>?";

static const struct {
    uint32_t keysym; /* the first of count in a row */
    uint8_t usage;
    uint8_t count;
} functions[] = {
    {0xff08,  0x2a, 1 },
    { 0xff09, 0x2b, 1 },
    { 0xfe20, 0x2b, 1 }, /* BackSpace Tab ISO_Left_Tab */
    { 0xff0d, 0x28, 1 },
    { 0xff13, 0x48, 1 },
    { 0xff14, 0x47, 1 }, /* Return Pause Scroll_Lock */
    { 0xff1b, 0x29, 1 },
    { 0xff50, 0x4a, 1 },
    { 0xff51, 0x50, 1 }, /* Escape Home Left */
    { 0xff52, 0x52, 1 },
    { 0xff53, 0x4f, 1 },
    { 0xff54, 0x51, 1 }, /* Up Right Down */
    { 0xff55, 0x4b, 1 },
    { 0xff56, 0x4e, 1 },
    { 0xff57, 0x4d, 1 }, /* Page_Up Page_Down End */
    { 0xff61, 0x46, 1 },
    { 0xff63, 0x49, 1 },
    { 0xff67, 0x65, 1 }, /* Print Insert Menu */
    { 0xff7f, 0x53, 1 },
    { 0xff8d, 0x58, 1 },
    { 0xffaa, 0x55, 1 }, /* Num_Lock KP_Enter KP_Multiply */
    { 0xffab, 0x57, 1 },
    { 0xffad, 0x56, 1 },
    { 0xffae, 0x63, 1 }, /* KP_Add KP_Subtract KP_Decimal */
    { 0xffaf, 0x54, 1 },
    { 0xffb0, 0x62, 1 },
    { 0xffb1, 0x59, 9 }, /* KP_Divide KP_0 KP_1... */
    { 0xffbe, 0x3a, 12},
    { 0xffe1, 0xe1, 1 },
    { 0xffe2, 0xe5, 1 }, /* F1... Shift_L Shift_R */
    { 0xffe3, 0xe0, 1 },
    { 0xffe4, 0xe4, 1 },
    { 0xffe5, 0x39, 1 }, /* Control_L Control_R Caps_Lock */
    { 0xffe7, 0xe3, 1 },
    { 0xffe8, 0xe7, 1 },
    { 0xffe9, 0xe2, 1 }, /* Meta_L Meta_R Alt_L */
    { 0xffea, 0xe6, 1 },
    { 0xfe03, 0xe6, 1 },
    { 0xffeb, 0xe3, 1 }, /* Alt_R ISO_Level3_Shift Super_L */
    { 0xffec, 0xe7, 1 },
    { 0xffff, 0x4c, 1 }, /* Super_R Delete */
};

const char *
key_qcode(unsigned usage)
{
    if (usage >= FIRST && usage - FIRST < sizeof(qcodes) / sizeof(qcodes[0])) {
        return qcodes[usage - FIRST];
    }
    if (usage >= MODIFIERS && usage - MODIFIERS < sizeof(modifiers) / sizeof(modifiers[0])) {
        return modifiers[usage - MODIFIERS];
    }
    return NULL;
}

static unsigned
key_of_character(char character)
{
    const char *at = memchr(plain, character, sizeof(plain) - 1);
    if (at != NULL) {
        return FIRST + (unsigned)(at - plain);
    }
    at = memchr(shifted, character, sizeof(shifted) - 1);
    return at != NULL ? FIRST + (unsigned)(at - shifted) : KEY_NONE;
}

unsigned
key_of_keysym(uint32_t keysym)
{
    if (keysym >= ' ' && keysym <= '~') {
        return key_of_character((char)keysym);
    }
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (keysym >= functions[i].keysym && keysym - functions[i].keysym < functions[i].count) {
            return functions[i].usage + (keysym - functions[i].keysym);
        }
    }
    return KEY_NONE;
}
