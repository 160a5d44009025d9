/* CPUs: the first steps in C, the boot CPU's and the others', and the small operations of arch.h. */
#include "kernel/arch/aarch64/aarch64.h"
#include "kernel/arch/aarch64/sysreg.h"
#include "kernel/arch/arch.h"
#include "kernel/core/boot.h"
#include "kernel/core/check.h"
#include "kernel/core/format.h"
#include "kernel/core/percpu.h"
#include "kernel/core/smp.h"
#include "kernel/core/time.h"
#include "kernel/mm/map.h"

_Static_assert(sizeof(struct cpu_stack) == CPU_STACKS_BYTES, "head.S computes with it");
_Static_assert(offsetof(struct secondary_boot, mair) == SECONDARY_MAIR, "head.S reads it");
_Static_assert(offsetof(struct secondary_boot, ttbr) == SECONDARY_TTBR, "head.S reads it");
_Static_assert(offsetof(struct secondary_boot, exception_stack_top) == SECONDARY_STACKS,
               "head.S reads it");
_Static_assert(offsetof(struct secondary_boot, cpu_idx) == SECONDARY_CPU, "head.S reads it");

__attribute__((section(".stacks"), aligned(PAGE_BYTES))) struct cpu_stack cpu_stacks[CPU_COUNT_MAX];

#define DAIF_IRQ (UINT64_C(1) << 7)

static uint64_t boot_level; /* exception level that the firmware left us in */

uint64_t
arch_irq_save(void)
{
    uint64_t daif = SYSREG_READ(daif);

    __asm__ volatile("msr daifset, #2" : : : "memory");
    return daif & DAIF_IRQ;
}

void
arch_irq_restore(uint64_t irq_state)
{
    if ((irq_state & DAIF_IRQ) == 0) {
        __asm__ volatile("msr daifclr, #2" : : : "memory");
    }
}

void
arch_irq_enable(void)
{
    __asm__ volatile("msr daifclr, #2" : : : "memory");
}

void
arch_wait_for_irq(void)
{
    __asm__ volatile("dsb sy\n wfi" : : : "memory");
}

void
arch_spin_hint(void)
{
    __asm__ volatile("yield" : : : "memory");
}

/* TPIDR_EL1 holds the number. */
uint32_t
arch_cpu_idx(void)
{
    return (uint32_t)SYSREG_READ(tpidr_el1);
}

void
arch_trap(void)
{
    __asm__ volatile("brk #0x1" : : : "memory");
    arch_halt();
}

void
arch_halt(void)
{
    __asm__ volatile("msr daifset, #15" : : : "memory");
    for (;;) {
        __asm__ volatile("wfi" : : : "memory");
    }
}

const char *
arch_describe(char *text, size_t size)
{
    uint64_t midr = SYSREG_READ(midr_el1);

    format_text(text, size,
                "AArch64, CPU implementer 0x%02lx part 0x%03lx revision r%lup%lu, entered in "
                "EL%lu, runs in EL%lu",
                midr >> 24 & 0xff, midr >> 4 & 0xfff, midr >> 20 & 0xf, midr & 0xf, boot_level,
                SYSREG_READ(currentel) >> 2 & 3);
    return text;
}

uint64_t
arch_image(uint64_t *base)
{
    *base = (uintptr_t)image_text_start;
    return (uint64_t)(image_end - image_text_start);
}

static uint32_t
big_endian(uint32_t value)
{
    return __builtin_bswap32(value);
}

/* The size of the device tree at `dtb`, 0 where there is none. The MMU is off: aligned reads only. */
static uint64_t
dtb_size(const void *dtb)
{
    enum { DTB_BYTES_MIN = 40, DTB_BYTES_MAX = 0x200000 };
    const volatile uint32_t *header = dtb;

    if (dtb == NULL || !is_aligned((uintptr_t)dtb, 8) ||
        big_endian(header[0]) != UINT32_C(0xd00dfeed)) {
        return 0;
    }
    uint32_t bytes = big_endian(header[1]);
    return bytes >= DTB_BYTES_MIN && bytes <= DTB_BYTES_MAX ? bytes : 0;
}

/* Called by head.S on the boot CPU: stacks, zeroed bss and relocated pointers are there, the MMU is off. */
_Noreturn void arch_start(const void *dtb, uint64_t entry_level);

void
arch_start(const void *dtb, uint64_t entry_level)
{
    uint64_t dtb_bytes = dtb_size(dtb);

    SYSREG_WRITE(tpidr_el1, 0);
    boot_level = entry_level & 3;
    if (mmu_start(dtb, dtb_bytes) != 0) {
        arch_halt(); /* there is no console yet, and no more tables than the image itself brings */
    }
    time_init();
    (void)percpu_add(SYSREG_READ(mpidr_el1) & UINT64_C(0xff00ffffff));
    percpu_get()->is_online = true;
    kernel_main(dtb_bytes != 0 ? dtb : NULL, dtb_bytes);
}

static struct secondary_boot secondary_boots[CPU_COUNT_MAX];

int
arch_cpu_start(uint32_t cpu_idx)
{
    CHECK(cpu_idx > 0 && cpu_idx < CPU_COUNT_MAX);
    struct secondary_boot *boot = &secondary_boots[cpu_idx];
    struct cpu_stack *stack = &cpu_stacks[cpu_idx];

    /* Only now: stacks of CPUs that are not there stay unmapped, as the guard pages between them do. */
    int error =
        map_add("exception stack", (uintptr_t)stack->exception, CPU_STACK_EXC_BYTES, MAP_DATA);
    if (error == 0) {
        error = map_add("main stack", (uintptr_t)stack->main, CPU_STACK_MAIN_BYTES, MAP_DATA);
    }
    if (error != 0) {
        return error;
    }
    mmu_describe(boot);
    boot->exception_stack_top = (uintptr_t)stack->exception + CPU_STACK_EXC_BYTES;
    boot->main_stack_top = (uintptr_t)stack->main + CPU_STACK_MAIN_BYTES;
    boot->cpu_idx = cpu_idx;
    cache_clean(boot, sizeof(*boot)); /* it is read with the MMU off */
    return psci_cpu_on(percpu_at(cpu_idx)->hw_id, boot);
}

/* Called by head.S on every other CPU: MMU on, own stacks. */
_Noreturn void arch_secondary_start(uint64_t cpu_idx);

void
arch_secondary_start(uint64_t cpu_idx)
{
    SYSREG_WRITE(tpidr_el1, cpu_idx);
    smp_cpu_main();
}
