/*
 * Linux's virtio-gpu as a program uses it: one dumb buffer, KMS, and DRM_IOCTL_MODE_DIRTYFB for what changed.
 * The kernel queues transfer and flush and returns; so each run ends by an update of the cursor, which the kernel
 * waits for and which the device does after everything queued before it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drm.h>
#include <drm_mode.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tools/peers/guest/linux_init.h"

#define DAMAGE_PX     64U
#define SPRITE_COUNT  8U
#define CONNECTOR_MAX 16U

struct screen {
    int fd;
    uint32_t crtc_id;
    uint32_t fb_id;
    uint32_t cursor;
    uint32_t width_px;
    uint32_t height_px;
    uint32_t pitch_bytes;
    uint32_t *pixels;
    uint32_t *shadow; /* the naive scene is composed here and copied */
};

static struct screen screen = { .fd = -1 };

static void
must(int result, const char *what)
{
    if (result != 0) {
        die(what);
    }
}

static uint32_t
create_dumb(struct screen *s, uint32_t width_px, uint32_t height_px, uint32_t *pitch_bytes,
            uint64_t *size)
{
    struct drm_mode_create_dumb create = { .width = width_px, .height = height_px, .bpp = 32 };

    must(ioctl(s->fd, DRM_IOCTL_MODE_CREATE_DUMB, &create), "create dumb buffer");
    *pitch_bytes = create.pitch;
    *size = create.size;
    return create.handle;
}

static uint32_t *
map_dumb(struct screen *s, uint32_t handle, uint64_t size)
{
    struct drm_mode_map_dumb map = { .handle = handle };
    void *p;

    must(ioctl(s->fd, DRM_IOCTL_MODE_MAP_DUMB, &map), "map dumb buffer");
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, (off_t)map.offset);
    if (p == MAP_FAILED) {
        die("mmap of dumb buffer");
    }
    return p;
}

/* The first connector that has a mode, and that mode. */
static uint32_t
find_connector(struct screen *s, struct drm_mode_modeinfo *mode)
{
    uint32_t connectors[CONNECTOR_MAX];
    uint32_t crtcs[CONNECTOR_MAX];
    struct drm_mode_modeinfo modes[64];
    struct drm_mode_card_res res = { 0 };

    res.connector_id_ptr = (uintptr_t)connectors;
    res.count_connectors = CONNECTOR_MAX;
    res.crtc_id_ptr = (uintptr_t)crtcs;
    res.count_crtcs = CONNECTOR_MAX;
    must(ioctl(s->fd, DRM_IOCTL_MODE_GETRESOURCES, &res), "get resources");
    for (uint32_t i = 0; i < res.count_connectors; i++) {
        struct drm_mode_get_connector probe = { .connector_id = connectors[i] };
        struct drm_mode_get_connector got = { .connector_id = connectors[i] };

        ioctl(s->fd, DRM_IOCTL_MODE_GETCONNECTOR, &probe);
        got.modes_ptr = (uintptr_t)modes;
        got.count_modes = probe.count_modes < 64 ? probe.count_modes : 64;
        if (got.count_modes != 0 && ioctl(s->fd, DRM_IOCTL_MODE_GETCONNECTOR, &got) == 0) {
            *mode = modes[0];
            s->crtc_id = crtcs[0];
            return connectors[i];
        }
    }
    errno = ENODEV;
    die("no connector has a mode");
}

static void
add_framebuffer(struct screen *s, uint32_t handle)
{
    struct drm_mode_fb_cmd fb = {
        .width = s->width_px,
        .height = s->height_px,
        .pitch = s->pitch_bytes,
        .bpp = 32,
        .depth = 24,
        .handle = handle,
    };

    must(ioctl(s->fd, DRM_IOCTL_MODE_ADDFB, &fb), "add framebuffer");
    s->fb_id = fb.fb_id;
}

static void
set_mode(struct screen *s, uint32_t connector, const struct drm_mode_modeinfo *mode)
{
    struct drm_mode_crtc crtc = {
        .crtc_id = s->crtc_id,
        .fb_id = s->fb_id,
        .set_connectors_ptr = (uintptr_t)&connector,
        .count_connectors = 1,
        .mode = *mode,
        .mode_valid = 1,
    };

    must(ioctl(s->fd, DRM_IOCTL_MODE_SETCRTC, &crtc), "set crtc");
}

/* The device node appears a moment after the module is loaded. */
static int
open_card(void)
{
    for (int i = 0; i < 1000; i++) {
        int fd = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);

        if (fd >= 0) {
            return fd;
        }
        usleep(1000);
    }
    die("/dev/dri/card0");
}

static void
open_screen(struct screen *s)
{
    struct drm_mode_modeinfo mode;
    uint32_t connector;
    uint32_t handle;
    uint32_t cursor_pitch;
    uint64_t size;

    if (s->fd >= 0) {
        return;
    }
    s->fd = open_card();
    connector = find_connector(s, &mode);
    s->width_px = mode.hdisplay;
    s->height_px = mode.vdisplay;
    handle = create_dumb(s, s->width_px, s->height_px, &s->pitch_bytes, &size);
    s->pixels = map_dumb(s, handle, size);
    s->shadow = malloc(size);
    memset(s->pixels, 0x40, size);
    add_framebuffer(s, handle);
    set_mode(s, connector, &mode);
    s->cursor = create_dumb(s, DAMAGE_PX, DAMAGE_PX, &cursor_pitch, &size);
}

static void
dirty(struct screen *s, const struct drm_clip_rect *rects, uint32_t rect_count)
{
    struct drm_mode_fb_dirty_cmd cmd = { .fb_id = s->fb_id,
                                         .num_clips = rect_count,
                                         .clips_ptr = (uintptr_t)rects };

    must(ioctl(s->fd, DRM_IOCTL_MODE_DIRTYFB, &cmd), "dirty framebuffer");
}

static void
wait_until_done(struct screen *s)
{
    struct drm_mode_cursor cursor = {
        .flags = DRM_MODE_CURSOR_BO, .crtc_id = s->crtc_id, .width = DAMAGE_PX, .height = DAMAGE_PX
    };

    cursor.handle = s->cursor;
    must(ioctl(s->fd, DRM_IOCTL_MODE_CURSOR, &cursor), "set cursor");
    cursor.handle = 0;
    must(ioctl(s->fd, DRM_IOCTL_MODE_CURSOR, &cursor), "hide cursor");
}

static struct drm_clip_rect
rect_at(uint32_t x, uint32_t y, uint32_t w, uint32_t h)
{
    struct drm_clip_rect r = { .x1 = (unsigned short)x, .y1 = (unsigned short)y };

    r.x2 = (unsigned short)(x + w);
    r.y2 = (unsigned short)(y + h);
    return r;
}

static struct drm_clip_rect
whole(const struct screen *s)
{
    return rect_at(0, 0, s->width_px, s->height_px);
}

/* Calls frame(s, i) for `seconds`, and then waits for the device. */
static void
run(struct screen *s, unsigned seconds, struct samples *out,
    void (*frame)(struct screen *, uint32_t))
{
    uint64_t start;
    uint64_t end;

    wait_until_done(s);
    start = now_ns();
    end = start + seconds * NS_PER_S;
    for (uint64_t t = start, next; t < end; t = next) {
        frame(s, (uint32_t)out->item_count);
        next = now_ns();
        samples_add(out, next - t);
    }
    wait_until_done(s);
    out->elapsed_ns = now_ns() - start;
}

static void
full_frame(struct screen *s, uint32_t i)
{
    struct drm_clip_rect r = whole(s);

    (void)i;
    dirty(s, &r, 1);
}

static void
damage_frame(struct screen *s, uint32_t i)
{
    struct drm_clip_rect r = rect_at((i * 8) % (s->width_px - DAMAGE_PX),
                                     (i * 4) % (s->height_px - DAMAGE_PX), DAMAGE_PX, DAMAGE_PX);

    dirty(s, &r, 1);
}

static void
fill(uint32_t *pixels, uint32_t stride_px, const struct drm_clip_rect *r, uint32_t color)
{
    for (uint32_t y = r->y1; y < r->y2; y++) {
        for (uint32_t x = r->x1; x < r->x2; x++) {
            pixels[(size_t)y * stride_px + x] = color;
        }
    }
}

static struct drm_clip_rect
sprite_at(const struct screen *s, uint32_t sprite, uint32_t frame)
{
    uint32_t x = (sprite * 157 + frame * (3 + sprite)) % (s->width_px - DAMAGE_PX);
    uint32_t y = (sprite * 91 + frame * (2 + sprite)) % (s->height_px - DAMAGE_PX);

    return rect_at(x, y, DAMAGE_PX, DAMAGE_PX);
}

/* The naive way: the whole picture composed, the whole picture copied, the whole picture sent. */
static void
naive_scene_frame(struct screen *s, uint32_t i)
{
    struct drm_clip_rect r = whole(s);
    uint32_t stride_px = s->pitch_bytes / 4;

    fill(s->shadow, stride_px, &r, 0x00203040U);
    for (uint32_t n = 0; n < SPRITE_COUNT; n++) {
        struct drm_clip_rect sprite = sprite_at(s, n, i);

        fill(s->shadow, stride_px, &sprite, 0x00ffffffU - n * 0x00112233U);
    }
    memcpy(s->pixels, s->shadow, (size_t)s->pitch_bytes * s->height_px);
    dirty(s, &r, 1);
}

/* The careful way: what moved is erased and drawn, and only that is sent. */
static void
scene_frame(struct screen *s, uint32_t i)
{
    struct drm_clip_rect erased[SPRITE_COUNT];
    struct drm_clip_rect rects[2 * SPRITE_COUNT];
    uint32_t stride_px = s->pitch_bytes / 4;

    for (uint32_t n = 0; n < SPRITE_COUNT; n++) {
        erased[n] = sprite_at(s, n, i);
        fill(s->pixels, stride_px, &erased[n], 0x00203040U);
    }
    memcpy(rects, erased, sizeof(erased));
    for (uint32_t n = 0; n < SPRITE_COUNT; n++) {
        struct drm_clip_rect drawn = sprite_at(s, n, i + 1);

        fill(s->pixels, stride_px, &drawn, 0x00ffffffU - n * 0x00112233U);
        rects[SPRITE_COUNT + n] = drawn;
    }
    dirty(s, rects, 2 * SPRITE_COUNT);
}

void
gpu_full(unsigned seconds, struct samples *s)
{
    open_screen(&screen);
    run(&screen, seconds, s, full_frame);
    samples_print(s, "gpu_full", "frames");
}

void
gpu_damage(unsigned seconds, struct samples *s)
{
    open_screen(&screen);
    run(&screen, seconds, s, damage_frame);
    samples_print(s, "gpu_damage", "frames");
}

void
gpu_scene(unsigned seconds, struct samples *s)
{
    open_screen(&screen);
    run(&screen, seconds, s, scene_frame);
    samples_print(s, "gpu_scene", "frames");
    s->item_count = 0;
    run(&screen, seconds, s, naive_scene_frame);
    samples_print(s, "gpu_scene_naive", "frames");
}

/* One whole frame each 1/60 s, waited for: the time from its start until the device has shown it. */
void
gpu_paced(unsigned seconds, struct samples *s)
{
    uint64_t start;

    open_screen(&screen);
    wait_until_done(&screen);
    start = now_ns();
    for (unsigned i = 0; i < seconds * 60; i++) {
        uint64_t due = start + i * NS_PER_S / 60;
        struct timespec t = { .tv_sec = (time_t)(due / NS_PER_S),
                              .tv_nsec = (long)(due % NS_PER_S) };

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        due = now_ns();
        full_frame(&screen, i);
        wait_until_done(&screen);
        samples_add(s, now_ns() - due);
    }
    s->elapsed_ns = now_ns() - start;
    samples_print(s, "gpu_paced", "frames");
}

/* For the command sequence: one mode set, one whole frame, one damage rectangle, nothing else. */
void
gpu_still(unsigned seconds, struct samples *s)
{
    (void)seconds;
    (void)s;
    open_screen(&screen);
    full_frame(&screen, 0);
    damage_frame(&screen, 16);
    usleep(100000);
    printf("bench gpu_still frames=2\n");
}
