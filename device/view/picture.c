/*
 * picture.c - memfd, its memory and its seals.
 */
#include "device/view/picture.h"

#include <errno.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE_PX_MAX = 16384 };

static uint8_t *
map_new(int fd, size_t size_bytes)
{
    if (fd < 0 || ftruncate(fd, (off_t)size_bytes) != 0 ||
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
    *picture = (struct picture){ fd, pixels, row_bytes, 0, width_px, height_px };
    return true;
}

/* fallocate: a memfd without pages would end us with SIGBUS when memory is short. */
bool
picture_make_ready(struct picture *picture, size_t *work_bytes)
{
    size_t left_bytes = picture->row_bytes * picture->height_px - picture->ready_bytes;
    size_t part_bytes = left_bytes < *work_bytes ? left_bytes : *work_bytes;
    if (part_bytes != 0 &&
        fallocate(picture->fd, 0, (off_t)picture->ready_bytes, (off_t)part_bytes) != 0) {
        return false;
    }
    picture->ready_bytes += part_bytes;
    *work_bytes -= part_bytes;
    return true;
}

/* A memfd that could shrink would end its reader with SIGBUS. */
static const char *
why_wrong(int fd, uint32_t width_px, uint32_t height_px)
{
    struct stat status;
    if (width_px == 0 || height_px == 0 || width_px > SIDE_PX_MAX || height_px > SIDE_PX_MAX) {
        return "a picture's size is out of range";
    }
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
        return "a picture's memory could shrink";
    }
    if (fstat(fd, &status) != 0 || status.st_size < (off_t)width_px * height_px * 4) {
        return "a picture's memory is too small";
    }
    return NULL;
}

const char *
picture_open(struct picture *picture, int fd, uint32_t width_px, uint32_t height_px)
{
    *picture = (struct picture){ .fd = -1 };
    const char *wrong = why_wrong(fd, width_px, height_px);
    size_t row_bytes = (size_t)width_px * 4;
    void *mapped = MAP_FAILED;
    if (wrong == NULL) {
        mapped = mmap(NULL, row_bytes * height_px, PROT_READ, MAP_SHARED, fd, 0);
    }
    if (mapped == MAP_FAILED) {
        (void)close(fd);
        return wrong != NULL ? wrong : "a picture's memory cannot be mapped";
    }
    *picture =
        (struct picture){ fd, mapped, row_bytes, row_bytes * height_px, width_px, height_px };
    return NULL;
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
