/*
 * What each CPU has for itself. The boot CPU is number 0; the others follow in the device tree's order.
 */
#ifndef KERNEL_CORE_PERCPU_H
#define KERNEL_CORE_PERCPU_H

#include "kernel/core/base.h"

struct percpu {
    uint64_t hw_id;      /* MPIDR affinity */
    uint64_t irq_count;  /* interrupts taken; written by this CPU only */
    uint64_t wake_count; /* times that it left its sleep */
    uint32_t cpu_idx;
    bool is_online; /* written once, by the CPU itself; others read it with acquire */
};

/* The running CPU's own. Context: any; stable since nothing migrates. */
struct percpu *percpu_get(void);

/* Any CPU's, 0..percpu_count()-1. CHECKs the index. */
struct percpu *percpu_at(uint32_t cpu_idx);

/* CPUs that the device tree names (at least 1, at most CPU_COUNT_MAX). */
uint32_t percpu_count(void);

/* Those that run. */
uint32_t percpu_online_count(void);

/* Add a CPU. Context: boot. Returns: its structure, NULL when there are CPU_COUNT_MAX already. */
struct percpu *percpu_add(uint64_t hw_id);

#endif
