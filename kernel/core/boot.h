/*
 * From the architecture's first steps to the shell. What happens in which order stands in boot.c, as a list.
 */
#ifndef KERNEL_CORE_BOOT_H
#define KERNEL_CORE_BOOT_H

#include "kernel/core/base.h"

/*
 * The kernel's main thread. MMU on, interrupts masked, image and device tree mapped.
 * @dtb  the device tree, NULL when the boot loader gave none. Returns: never.
 */
_Noreturn void kernel_main(const void *dtb, uint64_t dtb_bytes);

/* The device tree in use; NULL before it has been checked. */
const void *boot_dtb(void);

/* Power off after what is still in the console has gone out; halt where the machine cannot. */
_Noreturn void boot_power_off(void);

/* Start anew; halt where the machine cannot. */
_Noreturn void boot_reset(void);

#endif
