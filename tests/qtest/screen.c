/*
 * QMP screendump to a memory file, and that file (a binary portable pixmap) read; see screen.h.
 */
#include "tests/qtest/screen.h"

#include <stdlib.h>
#include <string.h>

#include <unistd.h>

/* A number of the header, and the one white space behind it. Returns: 0 where there is none. */
static uint32_t
header_number(const char **at, const char *end)
{
    uint32_t value = 0;
    while (*at < end && **at >= '0' && **at <= '9') {
        value = value * 10 + (uint32_t)(**at - '0');
        ++*at;
    }
    if (*at < end) {
        ++*at;
    }
    return value;
}

/* "P6", width, height, 255, pixels. */
static bool
parse(struct screen *screen, const char *file, size_t bytes)
{
    const char *at = file + 3;
    const char *end = file + bytes;
    if (bytes < 3 || memcmp(file, "P6", 2) != 0) {
        return false;
    }
    screen->width_px = header_number(&at, end);
    screen->height_px = header_number(&at, end);
    if (header_number(&at, end) != 255) {
        return false;
    }
    size_t row_bytes = (size_t)screen->width_px * 3;
    size_t left = (size_t)(end - at);
    size_t stride = screen->height_px == 0 ? 0 : left / screen->height_px;
    /* QEMU 7.2 ends each row at a multiple of 4 bytes, which the format does not have. */
    if (left != stride * screen->height_px ||
        (stride != row_bytes && stride != (row_bytes + 3) / 4 * 4)) {
        return false;
    }
    screen->rgb = malloc(row_bytes * screen->height_px + 1);
    if (screen->rgb == NULL) {
        return false;
    }
    for (size_t y = 0; y < screen->height_px; y++) {
        memcpy(screen->rgb + y * row_bytes, at + y * stride, row_bytes);
    }
    return true;
}

bool
screen_take(struct screen *screen, struct qemu *qemu, const char *device, unsigned head)
{
    *screen = (struct screen){ .rgb = NULL };
    if (!qemu_commandf(qemu,
                       "{\"execute\": \"screendump\", \"arguments\": {\"filename\": \"%s\", "
                       "\"device\": \"%s\", \"head\": %u}}",
                       QEMU_DUMP_PATH, device, head)) {
        return false;
    }
    off_t bytes = lseek(qemu->dump_fd, 0, SEEK_END);
    if (bytes <= 0) {
        return false;
    }
    char *file = malloc((size_t)bytes);
    bool is_good = file != NULL && pread(qemu->dump_fd, file, (size_t)bytes, 0) == bytes &&
                   parse(screen, file, (size_t)bytes);
    free(file);
    return is_good;
}

void
screen_free(struct screen *screen)
{
    free(screen->rgb);
    *screen = (struct screen){ .rgb = NULL };
}

uint32_t
screen_pixel(const struct screen *screen, uint32_t x, uint32_t y)
{
    if (x >= screen->width_px || y >= screen->height_px) {
        return UINT32_MAX;
    }
    const uint8_t *rgb = screen->rgb + ((size_t)y * screen->width_px + x) * 3;
    return (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
}

uint64_t
screen_count(const struct screen *screen, uint32_t colour)
{
    uint64_t count = 0;
    for (uint32_t y = 0; y < screen->height_px; y++) {
        for (uint32_t x = 0; x < screen->width_px; x++) {
            count += screen_pixel(screen, x, y) == colour;
        }
    }
    return count;
}
