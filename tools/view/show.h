/*
 * show.h - ways to show pictures to people: a window per scanout, a VNC server per scanout.
 *
 *      viewer ──picture, damage──▶ way        viewer ◀──resize── way (a person dragged the window)
 *                                             input ◀──keys, pointer── way
 */
#ifndef TOOLS_VIEW_SHOW_H
#define TOOLS_VIEW_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/view/canvas.h"
#include "tools/view/input.h"

struct show;

struct show_config {
    const char *title;   /* names the guest; outlives the way */
    uint16_t port;       /* of VNC */
    struct input *input; /* where a person's keys and pointer go; outlives the way */
    void *user;
    /* A person wants this size: asked when the dragging is over, not for what the guest chose. */
    void (*resize)(void *user, unsigned scanout_idx, uint32_t width_px, uint32_t height_px);
};

struct show_way {
    /* Opens scanout 0's, empty.  Returns: NULL and `reason`, a sentence. */
    struct show *(*open)(const struct show_config *config, char *reason, size_t reason_bytes);
    void (*close)(struct show *show);
    /*
     * A canvas of another size, or one that shows nothing.  The canvas before is still there during the call, and this one
     * until the next.
     */
    void (*picture)(struct show *show, unsigned scanout_idx, const struct canvas *canvas);
    /* This part of what is shown is new. */
    void (*damage)(struct show *show, unsigned scanout_idx, const struct canvas_rect *rect);
    /*
     * Waits until fd can be read, timeout_ms (-1: none) is over, or there is something of its own to do, and does that.
     * Returns: false: a person has closed it.
     */
    bool (*wait)(struct show *show, int fd, int timeout_ms);
};

extern const struct show_way show_window; /* window_sdl.c; without SDL's headers window_none.c */
extern const struct show_way show_vnc; /* vnc_server.c; without libvncserver's headers vnc_none.c */

/* What a scanout's title is: "Vitrine: NAME 1280x800", with its number when that is not 0. */
void show_title(const struct show_config *config, unsigned scanout_idx, const struct canvas *canvas,
                char *title, size_t size_bytes);

#endif
