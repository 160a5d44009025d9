/*
 * Every driver of a device on the virtio bus, in one call.
 */
#ifndef KERNEL_DRV_DRV_H
#define KERNEL_DRV_DRV_H

#include "virtio/gpu.h"

#include "kernel/core/base.h"

/* What the boot arguments may choose. */
struct drv_choices {
    enum vgpu_driver gpu_driver; /* vitrine.gpu= */
    bool is_packed;              /* vitrine.rings= */
};

/* Find the devices, start a driver for each of a known kind, register the shell commands. Context: boot, once. */
void drv_start(const struct drv_choices *choices);

/* Give every device back, before the machine stops. */
void drv_stop(void);

#endif
