/*
 * Arm's PL011 serial port (DDI 0183): console out, characters in. First by polling, as soon as its registers are mapped;
 * by interrupt once there is a controller.
 */
#ifndef KERNEL_DRV_PL011_H
#define KERNEL_DRV_PL011_H

#include "kernel/core/base.h"
#include "kernel/fdt/devices.h"
#include "kernel/fdt/tree.h"

/*
 * Become the early console on the port at that node, polling. `options` is what follows the ':' of stdout-path (a baud rate),
 * may be NULL. Context: boot, before the heap. Returns: 0; -E_NODEV (no PL011), -E_INVAL (no registers), -E_FAULT.
 */
int pl011_start_early(const struct dt_cursor *node, const char *options);

/* Takes the port found early and switches it to interrupts; other ports are left alone. */
extern const struct dt_driver pl011_driver;

#endif
