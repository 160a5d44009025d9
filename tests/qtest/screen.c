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
    size_t pixel_bytes = (size_t)screen->width_px * screen->height_px * 3;
    if ((size_t)(end - at) != pixel_bytes) {
        return false;
    }
    screen->rgb = malloc(pixel_bytes + 1);
    if (screen->rgb == NULL) {
        return false;
    }
    memcpy(screen->rgb, at, pixel_bytes);
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
