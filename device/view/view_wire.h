/*
 * view_wire.h - what the device process and vitrine-view say to each other, over a pair of SOCK_SEQPACKET sockets.
 *
 *      device                                             vitrine-view
 *        │ ◀───────────────────────────── READY, or FAILED why │  first of all
 *        │ PICTURE scanout, size, memfd ──────────────────────▶ │  maps it; the one before is gone
 *        │ ◀──────────────────────────────────── TAKEN scanout │  so there are never more than two of a scanout
 *        │ DAMAGE scanout, rectangle ─────────────────────────▶ │  copies it
 *        │ ◀──────────────────────────────────── TAKEN scanout │  only now is the picture written again
 *        │ CURSOR scanout, place, pixels ─────────────────────▶ │
 *        │ ◀────────────────────────────── RESIZE scanout, size │  a person made the window larger
 *
 * Each packet is one struct view_message; only a cursor's is followed by pixels.  Either end checks all that it gets:
 * sizes, scanouts, and that a picture's memory is as large as it must be and cannot shrink.  Host byte order.
 */
#ifndef DEVICE_VIEW_VIEW_WIRE_H
#define DEVICE_VIEW_VIEW_WIRE_H

#include <stdint.h>

enum view_kind {
    VIEW_READY = 1, /* viewer: the window is open, the port is bound */
    VIEW_FAILED,    /* viewer: a sentence follows; it ends */
    VIEW_PICTURE, /* device: width_px × height_px of 0xXXRRGGBB, rows without gaps, in the memfd; 0 × 0: it shows nothing */
    VIEW_DAMAGE,  /* device: this rectangle is new; x, y, width_px, height_px within the picture */
    VIEW_TAKEN,   /* viewer: has mapped the last picture, or copied the last damage */
    VIEW_CURSOR, /* device: is_shown, its top left corner x, y; with pixels when their shape is new */
    VIEW_RESIZE, /* viewer: width_px × height_px are wanted */
};

enum {
    VIEW_SCANOUT_COUNT_MAX = 16,
    VIEW_SIDE_PX_MAX = 16384,
    VIEW_CURSOR_SIDE_PX = 64,
    VIEW_CURSOR_BYTES = VIEW_CURSOR_SIDE_PX * VIEW_CURSOR_SIDE_PX * 4, /* 0xAARRGGBB */
    VIEW_SENTENCE_BYTES_MAX = 512,
    VIEW_COPY_COUNT =
        4, /* of a picture: the shared one, the viewer's clean and shown ones, its window's */
};

struct view_message {
    uint32_t kind; /* enum view_kind */
    uint32_t scanout_idx;
    int32_t x; /* a cursor's may be negative */
    int32_t y;
    uint32_t width_px;
    uint32_t height_px;
    uint32_t is_shown;
    uint32_t zero;
};
_Static_assert(sizeof(struct view_message) == 32, "both ends are built together, but say so");

#endif
