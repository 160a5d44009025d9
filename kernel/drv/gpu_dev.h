/*
 * The kernel's GPU: one virtio-gpu with a display on one scanout, in text mode (the console) or graphics mode (whoever draws).
 *
 *   console ─→ screen ─→ display ─→ vgpu ─→ device          text mode
 *   gpu test, scenes ─→ display ─→ vgpu ─→ device           graphics mode; the console goes on elsewhere
 */
#ifndef KERNEL_DRV_GPU_DEV_H
#define KERNEL_DRV_GPU_DEV_H

#include "virtio/display.h"
#include "virtio/gpu.h"

#include "kernel/core/base.h"

enum gpu_mode {
    GPU_MODE_TEXT,
    GPU_MODE_GRAPHICS,
};

/*
 * Bring the GPU up with a display of the size that the host wishes, in text mode. Failures are logged.
 * Context: boot; blocks for a few commands. Returns: 0; a negative error.
 */
int gpu_dev_start(struct virtio_device *device, enum vgpu_driver driver);

/*
 * Reset the GPU and bring it up anew, with either driver: after a fault, or to compare. Text mode, the size that the host wishes.
 * Context: main thread; blocks. Returns: VIRTIO_OK; VIRTIO_ERR_NO_DEVICE; why the driver or the display did not start.
 */
enum virtio_err gpu_dev_restart(enum vgpu_driver driver);

/*
 * Take driver and display down and forget the device, which another gpu_dev_start may then replace. All its memory is ours
 * again, unless the device does not reset. Does nothing for another device.
 * Context: main thread; blocks. Returns: 0; -E_TIMEDOUT: it does not reset, and its driver stays.
 */
int gpu_dev_stop(struct virtio_device *device);

/* The running GPU and its display; NULL when there is none. */
struct vgpu *gpu_dev_vgpu(void);
struct display *gpu_dev_display(void);

/* How many times the driver came up: what was made on the device before the last time is gone. */
uint32_t gpu_dev_generation(void);

/* Change between console and graphics. The console redraws itself; graphics begin with what stands there. */
void gpu_dev_set_mode(enum gpu_mode mode);
enum gpu_mode gpu_dev_mode(void);

/*
 * Put the display up anew: another size (0: the host's wish), another way to present, another scanout.
 * Returns: VIRTIO_OK, or why not, which has been logged: the display is then as it was before, where that can be had again.
 */
enum virtio_err gpu_dev_set_display(uint32_t width_px, uint32_t height_px, enum display_mode mode,
                                    uint32_t scanout_id);

#endif
