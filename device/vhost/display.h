/*
 * display.h - QEMU's own display of a vhost-user-gpu: we tell it what the guest shows, by a socket that QEMU makes anew each
 * time that the guest's driver starts.
 *
 * Never waits: what QEMU has not taken yet is a size, one rectangle and a cursor for each scanout.
 */
#ifndef DEVICE_VHOST_DISPLAY_H
#define DEVICE_VHOST_DISPLAY_H

#include "device/gpu/gpu.h"

struct vhost_display;

struct vhost_display_config {
    struct loop *loop;
    struct gpu *gpu; /* outlives it */
    int fd;          /* the display's from now on */
    /* The other end is gone or said what is wrong; only vhost_display_destroy is left to do. */
    void (*say)(void *user, const char *sentence);
    void *user;
};

/* Returns: the display; NULL and errno (the fd is then still the caller's). */
struct vhost_display *vhost_display_create(const struct vhost_display_config *config);

/* Asks QEMU for the displays' sizes: the person may have changed a window. */
void vhost_display_refresh(struct vhost_display *display);

/* display: NULL is allowed. */
void vhost_display_destroy(struct vhost_display *display);

#endif
