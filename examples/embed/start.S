/* Entry of the example on QEMU's AArch64 `virt` machine: the arm64 boot header, a stack, a cleared .bss, then C. */
    .section .head, "ax"
    .global _start
_start:
    b       1f
    .long   0
    .quad   0x80000             /* text_offset: loaded at the start of memory plus this */
    .quad   image_bytes
    .quad   0xa                 /* little-endian, 4 KiB pages, placed anywhere */
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0
1:
    adrp    x0, stack_top
    add     sp, x0, :lo12:stack_top
    adrp    x0, bss_start
    add     x0, x0, :lo12:bss_start
    adrp    x1, bss_end
    add     x1, x1, :lo12:bss_end
2:
    cmp     x0, x1
    b.hs    3f
    stp     xzr, xzr, [x0], #16
    b       2b
3:
    bl      embed_main

    /* PSCI SYSTEM_OFF */
    movz    w0, #0x0008
    movk    w0, #0x8400, lsl #16
    hvc     #0
4:
    wfi
    b       4b

/* The generic timer: its count, and how many of them make a second. */
    .global embed_ticks
embed_ticks:
    isb
    mrs     x0, cntvct_el0
    ret
    .global embed_ticks_per_second
embed_ticks_per_second:
    mrs     x0, cntfrq_el0
    ret
