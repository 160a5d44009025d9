/*
 * The display layer: draw into memory, remember what changed, show just that. It knows the GPU
 * driver by virtio/gpu.h only and is the same above the `queued` and the `simple` driver.
 *
 *   display_init(&display, &vgpu, &config)          framebuffers up, scanout set
 *   display_fill(&display.target, &rect, color)     draws and notes the damage; clipped, never outside
 *   display_present(&display)                       a transfer per rectangle, a flush, one notification
 *   vgpu_poll(&vgpu)                                completes frames; meanwhile draw the next one
 *   display_finish(&display)
 *
 *   draw ──► target pixels ──► damage {few rectangles} ──► present ──► frames in flight ──► shown
 *
 * Three ways to present:
 *   DIRECT   draws in the memory that the device reads. Fastest; a frame may show parts of the next.
 *   COPY     draws in memory of its own, copied by rectangle at present. Never torn.
 *   FLIP     draws in one of two resources, and the scanout is set to it at present. Never torn.
 *
 * Colors are 0xAARRGGBB whatever the pixel format; each target knows its own order.
 *
 * Context: as virtio/gpu.h: the caller serialises.
 */
#ifndef VIRTIO_DISPLAY_H
#define VIRTIO_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtio/gpu.h"

/* Positions may be negative and sizes huge: every operation clips, and no arithmetic overflows. */
struct display_rect {
    int32_t x;
    int32_t y;
    int32_t width; /* 0 or less: empty */
    int32_t height;
};

/* The part of `a` that lies in `b`; empty (all 0) when there is none. */
struct display_rect
display_rect_intersect(const struct display_rect *a, const struct display_rect *b);

/*
 * The smallest rectangle around both; an empty one does not count. Where that is wider or higher than
 * INT32_MAX, it keeps all of both that lies between 0 and INT32_MAX.
 */
struct display_rect display_rect_union(const struct display_rect *a, const struct display_rect *b);

static inline bool
display_rect_is_empty(const struct display_rect *rect)
{
    return rect->width <= 0 || rect->height <= 0;
}

enum { DISPLAY_DAMAGE_RECTS_MAX = 8 };

/* What changed: a few rectangles, merged where that costs less than it saves. */
struct display_damage {
    struct display_rect rects[DISPLAY_DAMAGE_RECTS_MAX];
    uint8_t count;
};

/* Add a rectangle; it must be clipped already. An empty one changes nothing. */
void display_damage_add(struct display_damage *damage, const struct display_rect *rect);

/* Memory to draw in. */
struct display_target {
    uint8_t *pixels;
    uint32_t stride_bytes; /* from a row to the next; a multiple of 4 */
    int32_t width_px;
    int32_t height_px;
    uint32_t format;          /* enum virtio_gpu_format */
    struct display_rect clip; /* drawing goes nowhere else; within the target */
    struct display_damage damage;
};

/*
 * Describe memory to draw in. `pixels`: aligned to 4 bytes, height_px * stride_bytes of them.
 * Returns: VIRTIO_OK; VIRTIO_ERR_INVALID (a format that is none, sizes of 0 or beyond 16384, a
 * stride that is too small).
 */
enum virtio_err display_target_init(struct display_target *target, const struct vgpu_image *image,
                                    void *pixels, uint32_t stride_bytes);

/* Restrict drawing to `rect` (NULL: to the whole target). */
void display_set_clip(struct display_target *target, const struct display_rect *rect);

/* Fill with one color. */
void display_fill(struct display_target *target, const struct display_rect *rect, uint32_t color);

/* One pixel. */
void display_pixel(struct display_target *target, int32_t x, int32_t y, uint32_t color);

/* The color of a pixel of the target; 0 outside. */
uint32_t display_read_pixel(const struct display_target *target, int32_t x, int32_t y);

/* A line between two points, both drawn. Coordinates within +-32767. */
void display_line(struct display_target *target, const int32_t from[2], const int32_t to[2],
                  uint32_t color);

/* A picture to copy from: 0xAARRGGBB in CPU order. Alpha is not blended. */
struct display_bitmap {
    const uint32_t *pixels;
    uint32_t stride_px;
    int32_t width_px;
    int32_t height_px;
};

/* Copy the bitmap with its upper left corner to (x, y). */
void display_blit(struct display_target *target, int32_t x, int32_t y,
                  const struct display_bitmap *bitmap);

/* Move a rectangle within the target by (dx, dy); source and destination may overlap. */
void display_move(struct display_target *target, const struct display_rect *rect, int32_t dx,
                  int32_t dy);

/* A font of fixed size: rows of `(width_px + 7) / 8` bytes, bit 7 is the leftmost pixel. */
struct display_font {
    const uint8_t *glyphs; /* glyph_count * height_px rows */
    uint16_t width_px;     /* 1 to 32 */
    uint16_t height_px;
    uint32_t
        first_code; /* of the first glyph; what is not in the font is drawn as the last glyph */
    uint32_t glyph_count;
};

struct display_ink {
    uint32_t color;
    uint32_t ground;
    bool is_transparent; /* the ground is left as it is */
};

/* Draw one glyph with its upper left corner at (x, y). */
void display_glyph(struct display_target *target, int32_t x, int32_t y,
                   const struct display_font *font, uint32_t code, const struct display_ink *ink);

/* A place to write. */
struct display_pen {
    const struct display_font *font;
    struct display_ink ink;
    int32_t x;
    int32_t y;
};

/* Draw `count` characters of Latin-1, one beside the other; the pen moves on. No line breaks. */
void display_text(struct display_target *target, struct display_pen *pen, const char *text,
                  size_t count);

/* --- presenting --- */

enum display_mode {
    DISPLAY_DIRECT,
    DISPLAY_COPY,
    DISPLAY_FLIP,
};

struct display_config {
    enum display_mode mode;
    struct vgpu_image image;
    uint32_t scanout_id;
    uint32_t resource_ids[2]; /* 0: any; the second is for FLIP */
    /*
     * Memory, shared with the device: height * width * 4 bytes each, contiguous for the device (or
     * with entries). DIRECT: the first. COPY: the first, and `shadow`. FLIP: both.
     */
    struct vgpu_backing backings[2];
    void *shadow;                  /* COPY: not shared; height * width * 4 bytes */
    unsigned frames_in_flight_max; /* DIRECT: 0: DISPLAY_FRAMES_MAX, the most. The others have 1. */
};

struct display_stats {
    uint64_t frames_presented; /* submitted */
    uint64_t frames_shown;     /* all their commands answered well */
    uint64_t frames_failed;
    uint64_t frames_held_back; /* present answered VIRTIO_ERR_BUSY */
    uint64_t rects;
    uint64_t bytes_transferred;
    struct virtio_histogram latency; /* from present to shown */
};

enum { DISPLAY_FRAMES_MAX = 16 };

/* Private: a frame whose commands are in flight. */
struct display_frame {
    struct display *display;
    uint64_t start_ns;
    unsigned commands_left; /* 0: the entry is free */
    enum virtio_err err;
};

/*
 * Read freely, draw in `target`; the rest is written by the library only. In the caller's memory,
 * at one address.
 */
struct display {
    struct vgpu *vgpu;
    struct display_config config;
    struct display_target target; /* where to draw the next frame */
    struct vgpu_framebuffer framebuffers[2];
    struct display_damage
        last_damage;   /* FLIP: of the frame before, which the host lacks in the other resource */
    unsigned back_idx; /* FLIP: the resource drawn in */
    unsigned frames_in_flight;
    struct display_frame frames[DISPLAY_FRAMES_MAX];
    enum virtio_err last_err; /* of a frame that failed */
    struct display_stats stats;
};

/*
 * Bring up what config.mode needs and show it. The target starts black, all of it damaged.
 * Context: thread; blocks for as long as a few commands take.
 * Returns: VIRTIO_OK; VIRTIO_ERR_INVALID (also a backing without memory or smaller than the image:
 * nothing was written); as vgpu_framebuffer_bring_up_wait. After a failure
 * everything is down again; but see display_finish.
 */
enum virtio_err
display_init(struct display *display, struct vgpu *vgpu, const struct display_config *config);

/*
 * Wait for the frames in flight, take the scanout off, destroy the resources. Accepts a zeroed one.
 * backings[i] is the caller's again where the state of framebuffers[i] is then Uninitialized; else
 * it stays the device's until vgpu_finish says VIRTIO_OK.
 * Context: thread; blocks.
 * Returns: VIRTIO_OK; why a resource is not destroyed, as vgpu_framebuffer_bring_down_wait.
 */
enum virtio_err display_finish(struct display *display);

/*
 * Show what was drawn: submits, notifies once, waits for nothing. Without damage it does nothing.
 * Returns: VIRTIO_OK; VIRTIO_ERR_BUSY (as many frames as allowed are in flight, or the GPU has no
 * room: poll, then try again; the damage is kept, so nothing is lost by going on drawing with
 * DIRECT and COPY); why the device failed, as vgpu_submit.
 * Source: VirtIO 1.3 §5.7.6.2, FLIP: §5.7.6.3.
 */
enum virtio_err display_present(struct display *display);

/*
 * Present as soon as there is room, waiting for it. Context: thread; blocks. Also
 * VIRTIO_ERR_TIMEOUT.
 */
enum virtio_err display_present_wait(struct display *display);

/*
 * Wait until every frame presented is shown. Returns: VIRTIO_OK; VIRTIO_ERR_TIMEOUT; how a frame
 * failed.
 */
enum virtio_err display_drain(struct display *display);

/* Mark everything damaged: after the host lost its copy, or to show the whole again. */
void display_damage_all(struct display *display);

/* --- a text console on a target --- */

struct display_cell {
    uint8_t code;      /* Latin-1 */
    uint8_t color_idx; /* low 4 bits: ink, high 4 bits: ground; of the 16 colors of the console */
};

struct display_console_config {
    const struct display_font *font;
    struct display_rect area;   /* of the target; empty: all */
    struct display_cell *cells; /* the caller's memory: display_console_cells() of them */
    size_t cell_count;
};

/*
 * Rows and columns of characters. Writing changes cells only; display_console_draw draws the cells
 * that differ from what stands on the screen, so any amount of scrolling costs at most one screen
 * of glyphs per frame.
 */
struct display_console {
    struct display_console_config config;
    struct display_cell *wanted; /* a ring of rows: the first row is top_row */
    struct display_cell *shown;
    uint16_t columns;
    uint16_t rows;
    uint16_t top_row;
    uint16_t column;
    uint16_t row;
    uint8_t color_idx;
    bool has_cursor; /* drawn as an inverse cell; may be changed at any time */
    bool is_damaged; /* draw every cell anew */
    uint8_t escape_state;
    uint8_t escape_count;
    uint8_t escape_args[4];
    uint64_t lines_scrolled;
};

/* Cells needed for an area of that size. */
size_t
display_console_cells(const struct display_font *font, uint32_t width_px, uint32_t height_px);

/*
 * Returns: VIRTIO_OK; VIRTIO_ERR_INVALID (the area holds no cell); VIRTIO_ERR_BUFFER_TOO_SMALL
 * (cells).
 */
enum virtio_err
display_console_init(struct display_console *console, const struct display_target *target,
                     const struct display_console_config *config);

/*
 * Write text: printable Latin-1, \n (also to column 0), \r, \b, \t, \f (clear), and of the ANSI
 * sequences: ESC [ ... m (colors), ESC [ 2 J (clear), ESC [ r ; c H (place), ESC [ K (clear to the
 * end of the line). Others are swallowed.
 * Context: any; draws nothing.
 */
void display_console_write(struct display_console *console, const char *text, size_t count);

/*
 * Draw what changed since the last time. The target must be the one, or of the size of the one,
 * given at init.
 */
void display_console_draw(struct display_console *console, struct display_target *target);

/* The target was drawn over by others: draw everything at the next draw. */
void display_console_damage(struct display_console *console);

#endif
