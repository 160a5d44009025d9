"""Pictures as the host sees them: reads QEMU's PPM screendumps, writes PNG, compares pixels."""

import re
import struct
import zlib


class Picture:
    """width x height pixels, `rgb` holds three bytes for each, row by row."""

    def __init__(self, width, height, rgb):
        self.width, self.height, self.rgb = width, height, rgb

    def pixel(self, x, y):
        """The (red, green, blue) at a position counted from the top left."""
        at = (y * self.width + x) * 3
        return tuple(self.rgb[at : at + 3])

    def row(self, y):
        return self.rgb[y * self.width * 3 : (y + 1) * self.width * 3]

    def colours(self):
        """The set of different colours in the whole picture."""
        return {self.rgb[i : i + 3] for i in range(0, len(self.rgb), 3)}


def read_ppm(path):
    """Reads a binary (P6) PPM of 8 bits per channel."""
    with open(path, "rb") as f:
        data = f.read()
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    if not header:
        raise ValueError(f"{path} is no 8-bit PPM")
    width, height = int(header.group(1)), int(header.group(2))
    pixels = data[header.end() :]
    stride = row = width * 3
    if len(pixels) != row * height and len(pixels) == (row + 3) // 4 * 4 * height:
        stride = (row + 3) // 4 * 4  # QEMU 7.2 ends each row at a multiple of 4 bytes, which the format does not have
    if len(pixels) < stride * height:
        raise ValueError(f"{path} is cut short")
    return Picture(width, height, b"".join(pixels[y * stride : y * stride + row] for y in range(height)))


def write_png(picture, path):
    """Writes an 8-bit RGB PNG; the same picture always gives the same bytes."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + picture.row(y) for y in range(picture.height))
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 8, 2, 0, 0, 0)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header))
        f.write(chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))
