"""Reads text off a screendump: compares every 8x16 cell with the console font that the kernel was built with."""

import collections
import functools
import importlib.util
import os

from vitrine_test.suite import TOP

WIDTH_PX, HEIGHT_PX = 8, 16


@functools.lru_cache(maxsize=None)
def _characters():
    """Glyph rows -> character; where two look the same, the ASCII one."""
    spec = importlib.util.spec_from_file_location("psf2c", os.path.join(TOP, "tools/gen/psf2c.py"))
    psf2c = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(psf2c)
    with open(os.path.join(TOP, "build/deps/font/Lat15-Terminus16.psf"), "rb") as f:
        glyphs = psf2c.latin1_glyphs(f.read())
    return {glyphs[code]: chr(code) for code in [*range(0xA0, 0x100), *range(0x20, 0x7F)]}


def _cell(picture, column, row, ground):
    """The 16 rows of one cell as bits, set where a pixel is not of the ground's colour."""
    rows = []
    for y in range(row * HEIGHT_PX, (row + 1) * HEIGHT_PX):
        at = (y * picture.width + column * WIDTH_PX) * 3
        line = picture.rgb[at : at + WIDTH_PX * 3]
        rows.append(sum(0x80 >> i for i in range(WIDTH_PX) if line[i * 3 : i * 3 + 3] != ground))
    return bytes(rows)


def read_text(picture):
    """The screen's lines; a cell that is no glyph of the font gives U+FFFD.  The commonest colour is the ground."""
    table = _characters()
    ground = collections.Counter(picture.rgb[i : i + 3] for i in range(0, len(picture.rgb), 3)).most_common(1)[0][0]
    lines = []
    for row in range(picture.height // HEIGHT_PX):
        cells = (_cell(picture, column, row, ground) for column in range(picture.width // WIDTH_PX))
        lines.append("".join(table.get(cell, "\ufffd") for cell in cells).rstrip())
    return lines
