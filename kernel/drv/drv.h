/*
 * Every driver of a device on the virtio bus, in one call.
 */
#ifndef KERNEL_DRV_DRV_H
#define KERNEL_DRV_DRV_H

#include "kernel/core/base.h"

/*
 * Find the devices, start a driver for each of a known kind, as the boot arguments choose; register the shell commands.
 * Context: boot, once.
 */
void drv_start(void);

#endif
