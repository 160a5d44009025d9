/*
 * Numbers that head.S, vectors.S, the linker script's users and C must agree on.
 * C asserts each of them (cpu.c, exception.c), so a change on one side does not compile.
 */
#ifndef KERNEL_ARCH_AARCH64_OFFSETS_H
#define KERNEL_ARCH_AARCH64_OFFSETS_H

/* SCTLR_EL1 with MMU and caches off: only the bits that are RES1 in Armv8.0. */
#define SCTLR_EL1_OFF 0x30d00800

#define R_AARCH64_RELATIVE 1027

/* One CPU's stacks, lowest address first: guard, exception stack, guard, main stack. */
#define CPU_COUNT_MAX           8
#define CPU_STACK_GUARD_BYTES   0x1000
#define CPU_STACK_EXC_BYTES     0x4000
#define CPU_STACK_MAIN_BYTES    0x10000
#define CPU_STACK_EXCEPTION_TOP (CPU_STACK_GUARD_BYTES + CPU_STACK_EXC_BYTES)
#define CPU_STACK_MAIN_TOP      (CPU_STACK_EXCEPTION_TOP + CPU_STACK_GUARD_BYTES + CPU_STACK_MAIN_BYTES)
#define CPU_STACKS_BYTES        CPU_STACK_MAIN_TOP

/* struct secondary_boot */
#define SECONDARY_MAIR   0
#define SECONDARY_TTBR   16
#define SECONDARY_STACKS 32
#define SECONDARY_CPU    48

/* struct trap_frame */
#define TRAP_FRAME_BYTES 288
#define TRAP_ELR         256
#define TRAP_ESR         272

#endif
