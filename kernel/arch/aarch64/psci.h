/*
 * PSCI: the firmware calls for power and CPUs (Arm DEN0022). Conduit (HVC or SMC) from the device tree.
 */
#ifndef KERNEL_ARCH_AARCH64_PSCI_H
#define KERNEL_ARCH_AARCH64_PSCI_H

#include "kernel/core/base.h"

/* Use PSCI with that conduit, and log its version. Context: boot. Returns: 0; -E_INVAL (method is neither hvc nor smc). */
int psci_init(const char *method);

#endif
