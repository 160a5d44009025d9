/*
 * The kernel's parts in the order in which they start. To add a part, add a line to modules.c.
 */
#ifndef KERNEL_CORE_MODULES_H
#define KERNEL_CORE_MODULES_H

#include "kernel/fdt/devices.h"

/* Drivers in the order in which they are offered every device; closed by NULL. Bound after interrupts and timer work. */
extern const struct dt_driver *const module_drivers[];

/* Started in order after the drivers, interrupts on, in the main thread: commands, services. Closed by NULL. */
extern void (*const module_inits[])(void);

#endif
