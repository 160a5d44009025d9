/*
 * picture.h - a picture in memory that another process can map without trusting us with its life: it cannot shrink.
 */
#ifndef DEVICE_VIEW_PICTURE_H
#define DEVICE_VIEW_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gpu;
struct gpu_rect;

struct picture {
    int fd;          /* a sealed memfd */
    uint8_t *pixels; /* 0xXXRRGGBB, rows without gaps; NULL: no picture */
    size_t row_bytes;
    size_t ready_bytes; /* from its beginning; of our own pictures */
    uint32_t width_px;
    uint32_t height_px;
};

/* For one round of the loop: pages made and pixels copied, a few milliseconds' worth, of pictures that may have a GiB each. */
enum { PICTURE_WORK_BYTES = 16 << 20 };

/*
 * Zeroed memory for a picture, none of it there yet.  Sides: 1 to 16384.
 * Returns: true; false and errno, and *picture is empty.
 */
bool picture_init(struct picture *picture, uint32_t width_px, uint32_t height_px);

/*
 * Makes memory be there, so that writing to it cannot fail: as much as *work_bytes allows, which it lessens.
 * Returns: false and errno: there is none.
 */
bool picture_make_ready(struct picture *picture, size_t *work_bytes);
static inline bool
picture_is_ready(const struct picture *picture)
{
    return picture->ready_bytes == picture->row_bytes * picture->height_px;
}

/*
 * The other process's end: maps such a memfd for reading, when it is as large as the picture and sealed against shrinking.
 * fd: the picture's from now on.  Sides: any number; 0 or more than 16384 are wrong.
 * Returns: NULL; else a sentence, the fd is closed and *picture is empty.
 */
const char *picture_open(struct picture *picture, int fd, uint32_t width_px, uint32_t height_px);

/* Safe on zeroed memory, and twice. */
void picture_finish(struct picture *picture);

/*
 * Copies a rectangle of what a scanout shows to its place in a picture that is ready: from its top, as many rows as *work_bytes
 * allows, by which both shrink.  rect->height_px 0: all is done.
 * Returns: false as gpu_read_pixels, or it is not within both.
 */
bool picture_copy(struct picture *picture, const struct gpu *gpu, unsigned scanout_idx,
                  struct gpu_rect *rect, size_t *work_bytes);

#endif
