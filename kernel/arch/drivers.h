/*
 * What the architecture finds in the device tree for itself: interrupt controller, timer, power.
 */
#ifndef KERNEL_ARCH_DRIVERS_H
#define KERNEL_ARCH_DRIVERS_H

#include "kernel/fdt/devices.h"

/* The architecture's own drivers, in the order in which they must start; closed by NULL. Bound before interrupts are on. */
extern const struct dt_driver *const arch_drivers[];

#endif
