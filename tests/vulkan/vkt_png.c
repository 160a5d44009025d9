/*
 * A PNG of stored deflate blocks, one for each row (RFC 2083, 1950 and 1951).
 */
#include "tests/vulkan/vkt_png.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PIXEL_BYTES      4U
#define ADLER_MODULUS    65521U
#define CRC_POLYNOMIAL   0xedb88320U
#define BLOCK_HEAD_BYTES 6U /* the five of a stored block, and the row's filter type */

struct chunk {
    FILE *file;
    uint32_t crc;
};

static uint32_t
crc_of(uint32_t crc, const uint8_t *p, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1U) != 0 ? CRC_POLYNOMIAL : 0);
        }
    }
    return crc;
}

static void
put(struct chunk *c, const void *bytes, size_t size_bytes)
{
    (void)fwrite(bytes, 1, size_bytes, c->file);
    c->crc = crc_of(c->crc, bytes, size_bytes);
}

static void
put_be32(struct chunk *c, uint32_t value)
{
    uint8_t bytes[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                         (uint8_t)value };

    put(c, bytes, sizeof(bytes));
}

static void
chunk_begin(struct chunk *c, const char *type, uint32_t size_bytes)
{
    put_be32(c, size_bytes);
    c->crc = UINT32_MAX;
    put(c, type, 4);
}

static void
chunk_end(struct chunk *c)
{
    put_be32(c, ~c->crc);
}

static void
put_header(struct chunk *c, uint32_t width, uint32_t height)
{
    static const uint8_t rest[5] = { 8, 6, 0, 0, 0 }; /* 8 bits, RGBA */

    chunk_begin(c, "IHDR", 13);
    put_be32(c, width);
    put_be32(c, height);
    put(c, rest, sizeof(rest));
    chunk_end(c);
}

static uint32_t
adler_of(uint32_t adler, const uint8_t *p, size_t size_bytes)
{
    uint32_t a = adler & 0xffff;
    uint32_t b = adler >> 16;

    for (size_t i = 0; i < size_bytes; i++) {
        a = (a + p[i]) % ADLER_MODULUS;
        b = (b + a) % ADLER_MODULUS;
    }
    return b << 16 | a;
}

static void
put_pixels(struct chunk *c, const uint8_t *rgba, uint32_t width, uint32_t height)
{
    static const uint8_t zlib_head[2] = { 0x78, 0x01 };
    uint32_t row_bytes = width * PIXEL_BYTES;
    uint32_t block_bytes = row_bytes + 1;
    uint32_t adler = 1;

    chunk_begin(c, "IDAT", 2 + height * (BLOCK_HEAD_BYTES + row_bytes) + 4);
    put(c, zlib_head, sizeof(zlib_head));
    for (uint32_t y = 0; y < height; y++) {
        uint8_t head[BLOCK_HEAD_BYTES] = {
            y + 1 == height,       (uint8_t)block_bytes,         (uint8_t)(block_bytes >> 8),
            (uint8_t)~block_bytes, (uint8_t)(~block_bytes >> 8), 0
        };
        const uint8_t *row = rgba + (size_t)y * row_bytes;

        put(c, head, sizeof(head));
        put(c, row, row_bytes);
        adler = adler_of(adler_of(adler, head + 5, 1), row, row_bytes);
    }
    put_be32(c, adler);
    chunk_end(c);
}

int
vkt_png_write(const char *path, const uint8_t *rgba, uint32_t width, uint32_t height)
{
    static const uint8_t magic[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    struct chunk c = { .file = fopen(path, "wb") };
    int failed = 0;

    if (c.file == NULL) {
        return -1;
    }
    put(&c, magic, sizeof(magic));
    put_header(&c, width, height);
    put_pixels(&c, rgba, width, height);
    chunk_begin(&c, "IEND", 0);
    chunk_end(&c);
    failed = ferror(c.file);
    return fclose(c.file) == 0 && failed == 0 ? 0 : -1;
}
