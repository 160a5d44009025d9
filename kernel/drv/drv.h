/*
 * Every driver of a device on the virtio bus, in one call.
 */
#ifndef KERNEL_DRV_DRV_H
#define KERNEL_DRV_DRV_H

#include "kernel/core/base.h"
#include "kernel/pci/pci.h"

/*
 * Find the devices, start a driver for each of a known kind, as the boot arguments choose; register the shell commands.
 * Context: boot, once.
 */
void drv_start(void);

/* A function came: start a driver, if it is a device of a known kind. Context: main thread. */
void drv_function_added(struct pci_function *function);

/*
 * A function is wanted back, or (`is_gone`) is out already: end its driver, and take its memory back.
 * Context: main thread. Returns: 0; -E_BUSY: its driver cannot end; -E_TIMEDOUT: it does not reset.
 */
int drv_function_removed(struct pci_function *function, bool is_gone);

#endif
