/*
 * kms_show.c - a program of a Linux guest that draws on every connected display by KMS, as a desktop does.
 *
 *   kms_show [SECONDS]     draws, then looks for changes of the displays for so long (default 0), and draws anew
 *
 * The picture is one that a test can compute: see pixel_at; the cursor is a white square with a black border.  A line for each picture:
 *   kms_show: display 0: 1280x800
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

enum {
    DISPLAY_COUNT_MAX = 16,
    CURSOR_PX = 64,
    CURSOR_AT_PX = 100,
    LOOK_MS = 100,
};

struct buffer {
    uint32_t handle;
    uint32_t framebuffer;
    uint32_t row_bytes;
    uint64_t size_bytes;
    uint8_t *pixels;
};

struct display {
    uint32_t connector;
    uint32_t crtc;
    uint32_t width_px; /* 0: nothing is shown */
    uint32_t height_px;
    struct buffer buffer;
};

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("kms_show: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fprintf(stderr, ": %s\n", strerror(errno));
    va_end(arguments);
    exit(1);
}

/* Red grows to the right, green downwards; blue tells the display. */
static uint32_t
pixel_at(unsigned display, uint32_t x, uint32_t y)
{
    return (x & 0xff) << 16 | (y & 0xff) << 8 | (0x40 * (display + 1) & 0xff);
}

static void
buffer_create(int card, struct buffer *buffer, uint32_t width_px, uint32_t height_px)
{
    uint64_t offset = 0;
    if (drmModeCreateDumbBuffer(card, width_px, height_px, 32, 0, &buffer->handle,
                                &buffer->row_bytes, &buffer->size_bytes) != 0 ||
        drmModeMapDumbBuffer(card, buffer->handle, &offset) != 0) {
        die("a buffer of %ux%u", width_px, height_px);
    }
    buffer->pixels =
        mmap(NULL, buffer->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, card, (off_t)offset);
    if (buffer->pixels == MAP_FAILED) {
        die("mmap");
    }
}

static void
buffer_destroy(int card, struct buffer *buffer)
{
    if (buffer->pixels != NULL) {
        (void)munmap(buffer->pixels, buffer->size_bytes);
        (void)drmModeRmFB(card, buffer->framebuffer);
        (void)drmModeDestroyDumbBuffer(card, buffer->handle);
    }
    *buffer = (struct buffer){ 0 };
}

static void
draw(struct display *display, unsigned number)
{
    for (uint32_t y = 0; y < display->height_px; y++) {
        uint32_t *row =
            (uint32_t *)(void *)(display->buffer.pixels + (size_t)y * display->buffer.row_bytes);
        for (uint32_t x = 0; x < display->width_px; x++) {
            row[x] = pixel_at(number, x, y);
        }
    }
}

static void
show(int card, struct display *display, unsigned number, drmModeModeInfo *mode)
{
    struct buffer old = display->buffer;
    struct buffer *buffer = &display->buffer;
    *buffer = (struct buffer){ 0 };
    display->width_px = mode->hdisplay;
    display->height_px = mode->vdisplay;
    buffer_create(card, buffer, mode->hdisplay, mode->vdisplay);
    draw(display, number);
    if (drmModeAddFB(card, mode->hdisplay, mode->vdisplay, 24, 32, buffer->row_bytes,
                     buffer->handle, &buffer->framebuffer) != 0 ||
        drmModeSetCrtc(card, display->crtc, buffer->framebuffer, 0, 0, &display->connector, 1,
                       mode) != 0) {
        die("display %u", number);
    }
    buffer_destroy(card, &old);
    drmModeClip whole = { .x2 = mode->hdisplay, .y2 = mode->vdisplay };
    (void)drmModeDirtyFB(card, buffer->framebuffer, &whole, 1);
    (void)printf("kms_show: display %u: %ux%u\n", number, display->width_px, display->height_px);
    (void)fflush(stdout);
}

/* A display that is connected with another mode than is shown, or that has gone. */
static void
look(int card, struct display *display, unsigned number)
{
    drmModeConnector *connector = drmModeGetConnector(card, display->connector);
    if (connector == NULL) {
        die("connector of display %u", number);
    }
    bool is_there = connector->connection == DRM_MODE_CONNECTED && connector->count_modes > 0;
    if (is_there && (connector->modes[0].hdisplay != display->width_px ||
                     connector->modes[0].vdisplay != display->height_px)) {
        show(card, display, number, &connector->modes[0]);
    } else if (!is_there && display->width_px != 0) {
        (void)drmModeSetCrtc(card, display->crtc, 0, 0, 0, NULL, 0, NULL);
        buffer_destroy(card, &display->buffer);
        display->width_px = 0;
        display->height_px = 0;
        (void)printf("kms_show: display %u: unplugged\n", number);
        (void)fflush(stdout);
    }
    drmModeFreeConnector(connector);
}

static void
show_cursor(int card, uint32_t crtc)
{
    struct buffer buffer = { 0 };
    buffer_create(card, &buffer, CURSOR_PX, CURSOR_PX);
    for (uint32_t i = 0; i < CURSOR_PX * CURSOR_PX; i++) {
        uint32_t x = i % CURSOR_PX;
        uint32_t y = i / CURSOR_PX;
        bool is_border = x == 0 || y == 0 || x == CURSOR_PX - 1 || y == CURSOR_PX - 1;
        ((uint32_t *)(void *)buffer.pixels)[i] = is_border ? 0xff000000U : 0xffffffffU;
    }
    if (drmModeSetCursor(card, crtc, buffer.handle, CURSOR_PX, CURSOR_PX) != 0 ||
        drmModeMoveCursor(card, crtc, CURSOR_AT_PX, CURSOR_AT_PX) != 0) {
        die("the cursor");
    }
}

static unsigned
find_displays(int card, struct display displays[DISPLAY_COUNT_MAX])
{
    drmModeRes *resources = drmModeGetResources(card);
    if (resources == NULL) {
        die("no resources");
    }
    unsigned count = (unsigned)resources->count_connectors;
    count = count < DISPLAY_COUNT_MAX ? count : DISPLAY_COUNT_MAX;
    for (unsigned i = 0; i < count; i++) {
        displays[i] =
            (struct display){ .connector = resources->connectors[i], .crtc = resources->crtcs[i] };
    }
    drmModeFreeResources(resources);
    return count;
}

int
main(int argc, char **argv)
{
    struct display displays[DISPLAY_COUNT_MAX] = { 0 };
    long long looks = argc > 1 ? strtoll(argv[1], NULL, 10) * 1000 / LOOK_MS : 0;
    int card = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
    if (card < 0) {
        die("/dev/dri/card0");
    }
    unsigned count = find_displays(card, displays);
    show_cursor(card, displays[0].crtc);
    for (long long i = 0; i <= looks; i++) {
        for (unsigned n = 0; n < count; n++) {
            look(card, &displays[n], n);
        }
        const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
        (void)nanosleep(&pause, NULL);
    }
    return 0;
}
