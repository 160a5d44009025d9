/*
 * The first instructions: Image header, drop to EL1, own relocations, stacks, then C.
 *
 * Boot contract (Linux arm64 "booting" document): MMU and data cache off, x0 = address of the device tree,
 * loaded at a 2 MiB aligned address plus text_offset.  Nothing here knows where that is: everything is
 * relative to the program counter, and pointers in data are relocated by relocate_self().
 *
 * The kernel proper runs on SP_EL0 (EL1t) and exceptions on SP_EL1 (EL1h): an overflowing main stack
 * still leaves a good stack to report it on.
 */
#include "kernel/arch/aarch64/offsets.h"

    .section .head.text, "ax"
    .global image_start
image_start:
    b       primary_entry
    .long   0
    .quad   0                       /* text_offset: the image may start right at a 2 MiB boundary */
    .long   image_size              /* with what is not in the file: bss and stacks; two words, because a */
    .long   0                       /* 64-bit one would become a relocation of its own */
    .quad   0xa                     /* little endian, 4 KiB pages, anywhere in memory */
    .quad   0
    .quad   0
    .quad   0
    .ascii  "ARM\x64"
    .long   0

    .text

/*
 * Leaves EL2 for EL1 with interrupts masked; returns to the caller in EL1 either way.  Uses x9-x11.
 * The generic timer and the GIC system registers are opened to EL1; nothing is trapped.
 */
drop_to_el1:
    mrs     x9, CurrentEL
    cmp     x9, #(2 << 2)
    b.ne    1f
    mov     x9, #(1 << 31)          /* HCR_EL2.RW: EL1 is AArch64 */
    msr     hcr_el2, x9
    mov     x9, #3                  /* CNTHCTL_EL2: counter and physical timer for EL1 */
    msr     cnthctl_el2, x9
    msr     cntvoff_el2, xzr
    mov     x9, #0x33ff             /* CPTR_EL2: RES1 bits only, no traps */
    msr     cptr_el2, x9
    msr     hstr_el2, xzr
    mrs     x9, midr_el1
    msr     vpidr_el2, x9
    mrs     x9, mpidr_el1
    msr     vmpidr_el2, x9
    mrs     x9, id_aa64pfr0_el1
    ubfx    x9, x9, #24, #4         /* GIC system registers present? */
    cbz     x9, 2f
    mrs     x9, s3_4_c12_c9_5       /* ICC_SRE_EL2: SRE and Enable */
    mov     x10, #9
    orr     x9, x9, x10
    msr     s3_4_c12_c9_5, x9
    isb
2:  mov     x9, #0x3c5              /* SPSR: EL1h, D A I F masked */
    msr     spsr_el2, x9
    msr     elr_el2, x30
    ldr     x9, =SCTLR_EL1_OFF
    msr     sctlr_el1, x9
    isb
    eret
1:  ldr     x9, =SCTLR_EL1_OFF
    msr     sctlr_el1, x9
    isb
    ret

    .global primary_entry
primary_entry:
    mov     x19, x0                 /* device tree */
    mrs     x20, CurrentEL
    bl      drop_to_el1

    adrp    x0, vectors
    add     x0, x0, :lo12:vectors
    msr     vbar_el1, x0
    msr     spsel, #1
    adrp    x0, cpu_stacks
    add     x0, x0, :lo12:cpu_stacks
    mov     x1, #CPU_STACK_EXCEPTION_TOP
    add     x1, x0, x1
    mov     sp, x1
    msr     spsel, #0
    ldr     x1, =CPU_STACK_MAIN_TOP
    add     x1, x0, x1
    mov     sp, x1

    adrp    x0, image_bss_start
    add     x0, x0, :lo12:image_bss_start
    adrp    x1, image_bss_end
    add     x1, x1, :lo12:image_bss_end
3:  cmp     x0, x1
    b.hs    4f
    stp     xzr, xzr, [x0], #16
    b       3b

    /* R_AARCH64_RELATIVE only: *(base + offset) = base + addend.  The linker script asserts no other. */
4:  adrp    x0, rela_start
    add     x0, x0, :lo12:rela_start
    adrp    x1, rela_end
    add     x1, x1, :lo12:rela_end
    adrp    x2, image_start
5:  cmp     x0, x1
    b.hs    6f
    ldp     x3, x4, [x0]
    ldr     x5, [x0, #16]
    cmp     w4, #R_AARCH64_RELATIVE
    b.ne    7f
    add     x5, x5, x2
    str     x5, [x3, x2]
7:  add     x0, x0, #24
    b       5b

6:  mov     x29, xzr
    mov     x30, xzr
    mov     x0, x19
    lsr     x1, x20, #2
    bl      arch_start              /* does not return */
    b       .

/*
 * A CPU woken by PSCI CPU_ON: x0 = its struct secondary_boot (physical, cleaned to memory).
 * The tables exist already, so the MMU goes on before any stack or lock is touched.
 */
    .global secondary_entry
secondary_entry:
    mov     x19, x0
    bl      drop_to_el1
    ldp     x0, x1, [x19, #SECONDARY_MAIR]      /* mair, tcr */
    msr     mair_el1, x0
    msr     tcr_el1, x1
    ldp     x0, x1, [x19, #SECONDARY_TTBR]      /* ttbr0, sctlr */
    msr     ttbr0_el1, x0
    isb
    tlbi    vmalle1
    ic      iallu
    dsb     nsh
    isb
    msr     sctlr_el1, x1
    isb
    adrp    x0, vectors
    add     x0, x0, :lo12:vectors
    msr     vbar_el1, x0
    ldp     x0, x1, [x19, #SECONDARY_STACKS]    /* exception stack top, main stack top */
    msr     spsel, #1
    mov     sp, x0
    msr     spsel, #0
    mov     sp, x1
    mov     x29, xzr
    mov     x30, xzr
    ldr     x0, [x19, #SECONDARY_CPU]
    bl      arch_secondary_start    /* does not return */
    b       .
