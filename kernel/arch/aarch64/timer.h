/*
 * The generic timer: the virtual one, which EL1 always has.
 */
#ifndef KERNEL_ARCH_AARCH64_TIMER_H
#define KERNEL_ARCH_AARCH64_TIMER_H

#include "kernel/core/base.h"

/* Register the timer's interrupt (from the device tree) and log the frequency. Returns: what irq_register returns. */
int timer_attach(uint32_t irq, uint32_t trigger);

#endif
