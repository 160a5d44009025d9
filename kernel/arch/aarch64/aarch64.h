/*
 * What the files of arch/aarch64 share among themselves.
 */
#ifndef KERNEL_ARCH_AARCH64_AARCH64_H
#define KERNEL_ARCH_AARCH64_AARCH64_H

#include "kernel/arch/aarch64/offsets.h"
#include "kernel/core/base.h"

/* From the linker script. */
extern char image_text_start[], image_text_end[], image_rodata_start[], image_rodata_end[],
    image_data_start[], image_data_end[], image_end[];

/* One CPU's stacks; see offsets.h. */
struct cpu_stack {
    char guard_low[CPU_STACK_GUARD_BYTES];
    char exception[CPU_STACK_EXC_BYTES];
    char guard_high[CPU_STACK_GUARD_BYTES];
    char main[CPU_STACK_MAIN_BYTES];
};

extern struct cpu_stack cpu_stacks[CPU_COUNT_MAX];

/* What vectors.S saves. */
struct trap_frame {
    uint64_t x[31];
    uint64_t sp;
    uint64_t elr;
    uint64_t spsr;
    uint64_t esr;
    uint64_t far;
};

/* What head.S reads when another CPU starts. */
struct secondary_boot {
    uint64_t mair;
    uint64_t tcr;
    uint64_t ttbr;
    uint64_t sctlr;
    uint64_t exception_stack_top;
    uint64_t main_stack_top;
    uint64_t cpu_idx;
};

/*
 * Map the image with its permissions and the device tree read-only, and switch the MMU on.
 * Context: boot CPU, MMU off, no locks. Returns: 0, or -E_NOMEM when the first tables do not suffice.
 */
int mmu_start(const void *dtb, uint64_t dtb_bytes);

/* Fill in the registers that head.S needs to switch the MMU on in another CPU. */
void mmu_describe(struct secondary_boot *boot);

/* Whether a load from `address` would succeed now. Context: any; for the panic report. */
bool mmu_is_readable(uint64_t address);

/* Write back the cache lines of [start, start + bytes) to memory, for readers without caches. */
void cache_clean(const void *start, size_t bytes);

/* Start the CPU with that MPIDR at secondary_entry. Returns: 0, -E_NODEV (no PSCI), -E_IO (refused, logged). */
int psci_cpu_on(uint64_t hw_id, const struct secondary_boot *boot);

#endif
