/*
 * The text console on the GPU: a console sink that collects text, and draws it when the kernel is idle.
 */
#ifndef KERNEL_DRV_SCREEN_H
#define KERNEL_DRV_SCREEN_H

#include "virtio/display.h"

#include "kernel/core/base.h"

/* Begin to show the console on `target`, the log kept so far first. Returns: 0; -E_NOMEM. Context: main thread. */
int screen_attach(struct display *target);

/* Stop. Nothing happens when not attached. */
void screen_detach(void);

/* Whether it draws (text mode). Turning it on draws everything anew. */
void screen_enable(bool on);

/*
 * Draw what was written since the last time and present it, if a frame may go out.
 * Context: main thread. Returns: when to call again, in ns; UINT64_MAX: when there is more text.
 */
uint64_t screen_poll(void);

#endif
