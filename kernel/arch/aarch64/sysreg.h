/*
 * System registers and barriers of AArch64, as functions of their names.
 */
#ifndef KERNEL_ARCH_AARCH64_SYSREG_H
#define KERNEL_ARCH_AARCH64_SYSREG_H

#include "kernel/core/base.h"

/* Volatile: reading a counter or a status twice is two reads. */
#define SYSREG_READ(name)                                                                          \
 __extension__({                                                                                   \
uint64_t sysreg_value;                                                                                 \
__asm__ volatile("mrs %0, " #name : "=r"(sysreg_value));                                               \
sysreg_value;                                                                                          \
 })

#define SYSREG_WRITE(name, value)                                                                  \
 __asm__ volatile("msr " #name ", %0" : : "r"((uint64_t)(value)) : "memory")

static inline void
barrier_isb(void)
{
    __asm__ volatile("isb" : : : "memory");
}

/* All accesses before it, device ones too, have completed everywhere. */
static inline void
barrier_dsb_sy(void)
{
    __asm__ volatile("dsb sy" : : : "memory");
}

/* Stores to memory before it (page tables) are seen by every CPU's table walker. */
static inline void
barrier_dsb_ishst(void)
{
    __asm__ volatile("dsb ishst" : : : "memory");
}

#endif
