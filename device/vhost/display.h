/*
 * display.h - QEMU's own display of a vhost-user-gpu: we tell it what the guest shows, by a socket that QEMU makes anew each
 * time that the guest's driver starts.
 *
 * Never waits: what QEMU has not taken yet is a size, one rectangle and a cursor for each scanout.  What the guest asks of its
 * displays, QEMU is asked, one question at a time; the guest's command waits meanwhile, not we:
 *
 *   GET_PROTOCOL_FEATURES ▶ ◀ features   SET_PROTOCOL_FEATURES ▶   GET_DISPLAY_INFO ▶ ◀ sizes   GET_EDID ▶ ◀ EDID
 */
#ifndef DEVICE_VHOST_DISPLAY_H
#define DEVICE_VHOST_DISPLAY_H

#include "device/gpu/gpu.h"

struct vhost_display;

struct vhost_display_config {
    struct loop *loop;
    struct gpu *gpu; /* outlives it */
    int fd;          /* the display's from now on */
    /* After so long without an answer QEMU is asked nothing until it gives one; at most GPU_WAIT_MS_MAX. */
    uint32_t patience_ms;
    /* The other end is gone or said what is wrong; only vhost_display_destroy is left to do. */
    void (*say)(void *user, const char *sentence);
    void *user;
};

/* Returns: the display; NULL and errno (the fd is then still the caller's). */
struct vhost_display *vhost_display_create(const struct vhost_display_config *config);

/*
 * The guest asks for its displays' sizes: QEMU is asked, as a person may have changed a window.  Or for a display's EDID.
 * Returns: true: gpu_display_told follows, later, if QEMU answers; false: QEMU is gone, silent, or has no EDID of this display.
 */
bool vhost_display_ask_sizes(struct vhost_display *display, uint64_t token);
bool vhost_display_ask_edid(struct vhost_display *display, uint64_t token, unsigned scanout_idx);

/* display: NULL is allowed. */
void vhost_display_destroy(struct vhost_display *display);

#endif
