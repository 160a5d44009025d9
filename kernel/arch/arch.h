/*
 * What an architecture gives the portable kernel. arch/aarch64 is the real one; arch/host is a fake one, under which
 * the kernel's core runs in host unit tests with sanitizers.
 */
#ifndef KERNEL_ARCH_ARCH_H
#define KERNEL_ARCH_ARCH_H

#include "kernel/core/base.h"

/* Mask interrupts on this CPU. Returns: the state before, for arch_irq_restore. */
uint64_t arch_irq_save(void);
void arch_irq_restore(uint64_t irq_state);

/* Let interrupts in, whatever was before. */
void arch_irq_enable(void);

/* Sleep until an interrupt is pending, masked or not. Call with interrupts masked, so that none slips in between. */
void arch_wait_for_irq(void);

/* A hint within a spinning loop. */
void arch_spin_hint(void);

/* The running CPU's number, 0..CPU_COUNT_MAX-1; 0 is the boot CPU. Context: any. */
uint32_t arch_cpu_idx(void);

/* The free-running counter and its frequency in Hz (0 before the timer is known). Context: any. */
uint64_t arch_counter(void);
uint64_t arch_counter_hz(void);

/* Raise the timer interrupt when the counter reaches `count`; UINT64_MAX means never. Context: any. */
void arch_timer_set(uint64_t count);

/* Enter the trap handler, which reports panic_message(). Returns: never. */
_Noreturn void arch_trap(void);

/*
 * Start another CPU (percpu number), which then runs smp_cpu_main(). Context: boot CPU.
 * Returns: 0 when the request was taken; a negative error.
 */
int arch_cpu_start(uint32_t cpu_idx);

/* Stop this CPU for good, interrupts masked. */
_Noreturn void arch_halt(void);

/* Power off, or start anew. Return only where the machine cannot (no PSCI): a negative error. */
int arch_power_off(void);
int arch_reset(void);

/* The name of the symbol at `address` and the offset in it; "?" where unknown. Context: any. */
const char *arch_symbol(uint64_t address, uint64_t *offset);

/* Where the kernel's image is, in whole pages, stacks and all. Returns: its size in bytes. */
uint64_t arch_image(uint64_t *base);

/* One line about CPU, exception level and the like, for the log. Returns: text. */
const char *arch_describe(char *text, size_t size);

#endif
