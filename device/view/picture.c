/*
 * picture.c - memfd, its memory and its seals.
 */
#include "device/view/picture.h"

#include <errno.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device/gpu/gpu.h"

/* fallocate: a memfd without pages would end us with SIGBUS when memory is short. */
static uint8_t *
map_new(int fd, size_t size_bytes)
{
    if (fd < 0 || ftruncate(fd, (off_t)size_bytes) != 0 ||
        fallocate(fd, 0, 0, (off_t)size_bytes) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return NULL;
    }
    void *mapped = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return mapped != MAP_FAILED ? mapped : NULL;
}

bool
picture_init(struct picture *picture, uint32_t width_px, uint32_t height_px)
{
    *picture = (struct picture){ .fd = -1 };
    size_t row_bytes = (size_t)width_px * 4;
    int fd = memfd_create("vitrine picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    uint8_t *pixels = map_new(fd, row_bytes * height_px);
    if (pixels == NULL) {
        int error = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        errno = error;
        return false;
    }
    *picture = (struct picture){ fd, pixels, row_bytes, width_px, height_px };
    return true;
}

void
picture_finish(struct picture *picture)
{
    if (picture->pixels != NULL) {
        (void)munmap(picture->pixels, picture->row_bytes * picture->height_px);
        (void)close(picture->fd);
    }
    *picture = (struct picture){ .fd = -1 };
}

bool
picture_copy(struct picture *picture, const struct gpu *gpu, unsigned scanout_idx,
             const struct gpu_rect *rect)
{
    if (picture->pixels == NULL || rect->x > picture->width_px || rect->y > picture->height_px ||
        rect->width_px > picture->width_px - rect->x ||
        rect->height_px > picture->height_px - rect->y) {
        return false;
    }
    uint8_t *to = picture->pixels + rect->y * picture->row_bytes + (size_t)rect->x * 4;
    return gpu_read_pixels(gpu, scanout_idx, rect, to, picture->row_bytes);
}
