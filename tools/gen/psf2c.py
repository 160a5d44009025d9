#!/usr/bin/env python3
"""Turns a PC screen font (PSF1 or PSF2, 8x16, with its unicode table) into a struct display_font in Latin-1 order.

usage: psf2c.py FONT.psf OUT.c OUT.h

Code points 0x20..0x7e and 0xa0..0xff come from the font's unicode table; one that the font lacks, and every control
code, gets the font's glyph for U+FFFD or else a hollow box, so that no text disappears silently.  That glyph also ends
the table (index 256), where the display layer looks for what a font does not have.
"""

import struct
import sys

HEIGHT = 16
HOLLOW_BOX = bytes([0, 0, 0x7E] + [0x42] * 10 + [0x7E, 0, 0])


def parse_psf1(data):
    """Glyphs and code point -> glyph index of a version 1 file."""
    mode, height = data[2], data[3]
    count = 512 if mode & 1 else 256
    glyphs = [data[4 + i * height : 4 + (i + 1) * height] for i in range(count)]
    table = data[4 + count * height :]
    mapping, index, in_sequence = {}, 0, False
    for (unit,) in struct.iter_unpack("<H", table[: len(table) // 2 * 2]):
        if unit == 0xFFFF:
            index, in_sequence = index + 1, False
        elif unit == 0xFFFE:
            in_sequence = True
        elif not in_sequence:
            mapping.setdefault(unit, index)
    return height, glyphs, mapping


def parse_psf2(data):
    """Glyphs and code point -> glyph index of a version 2 file."""
    _, _, header, _, count, size, height, width = struct.unpack_from("<8I", data)
    if width != 8:
        raise SystemExit(f"psf2c: glyphs are {width} pixels wide; 8 wanted")
    glyphs = [data[header + i * size : header + (i + 1) * size] for i in range(count)]
    mapping = {}
    for index, entry in enumerate(data[header + count * size :].split(b"\xff")[:count]):
        for char in entry.split(b"\xfe")[0].decode("utf-8", "ignore"):
            mapping.setdefault(ord(char), index)
    return height, glyphs, mapping


def parse(data):
    if data[:2] == b"\x36\x04":
        return parse_psf1(data)
    if data[:4] == b"\x72\xb5\x4a\x86":
        return parse_psf2(data)
    raise SystemExit("psf2c: not a PSF font")


def latin1_glyphs(data):
    height, glyphs, mapping = parse(data)
    if height != HEIGHT:
        raise SystemExit(f"psf2c: glyphs are {height} pixels high; {HEIGHT} wanted")
    missing = glyphs[mapping[0xFFFD]] if 0xFFFD in mapping else HOLLOW_BOX
    printable = set(range(0x20, 0x7F)) | set(range(0xA0, 0x100))
    return [glyphs[mapping[c]] if c in printable and c in mapping else missing for c in range(256)] + [missing]


def c_source(glyphs):
    lines = ['/* Made by tools/gen/psf2c.py; not to be edited. */', '#include "font_8x16.h"', ""]
    lines.append("static const uint8_t glyphs[257 * 16] = {")
    for code, rows in enumerate(glyphs):
        lines.append(f"    /* 0x{code:02x} */ " + ", ".join(f"0x{b:02x}" for b in rows) + ",")
    return "\n".join(lines + ["};", "", C_FONT])


C_FONT = """const struct display_font font_8x16 = {
    .glyphs = glyphs,
    .width_px = 8,
    .height_px = 16,
    .first_code = 0,
    .glyph_count = 257,
};
"""

C_HEADER = """/* Made by tools/gen/psf2c.py; not to be edited.
 * An 8x16 console font: codes 0 to 255 are Latin-1, the last glyph stands for whatever the font does not have. */
#ifndef VITRINE_GEN_FONT_8X16_H
#define VITRINE_GEN_FONT_8X16_H

#include "virtio/display.h"

extern const struct display_font font_8x16;

#endif
"""


def main(argv):
    if len(argv) != 4:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    with open(argv[1], "rb") as f:
        glyphs = latin1_glyphs(f.read())
    for path, text in ((argv[2], c_source(glyphs)), (argv[3], C_HEADER)):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
