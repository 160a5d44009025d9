/*
 * memcpy and memset. 64 bytes a turn once the destination is aligned to 16; only where source and destination
 * disagree in alignment are there unaligned loads, which need the MMU on (normal memory). The copy goes upwards and
 * reads each block before writing it: memmove relies on that.
 */
    .text
    .global memcpy
    .type   memcpy, %function
memcpy:
    mov     x3, x0
    cmp     x2, #16
    b.lo    4f
1:  tst     x3, #15                 /* head: bytes until the destination is aligned */
    b.eq    2f
    ldrb    w4, [x1], #1
    strb    w4, [x3], #1
    sub     x2, x2, #1
    b       1b
2:  subs    x2, x2, #64
    b.lo    3f
    ldp     x4, x5, [x1]
    ldp     x6, x7, [x1, #16]
    ldp     x8, x9, [x1, #32]
    ldp     x10, x11, [x1, #48]
    stp     x4, x5, [x3]
    stp     x6, x7, [x3, #16]
    stp     x8, x9, [x3, #32]
    stp     x10, x11, [x3, #48]
    add     x1, x1, #64
    add     x3, x3, #64
    b       2b
3:  add     x2, x2, #64
    cmp     x2, #8
    b.lo    4f
    ldr     x4, [x1], #8
    str     x4, [x3], #8
    sub     x2, x2, #72             /* undo the addition above too */
    b       3b
4:  cbz     x2, 5f
    ldrb    w4, [x1], #1
    strb    w4, [x3], #1
    sub     x2, x2, #1
    b       4b
5:  ret
    .size   memcpy, . - memcpy

    .global memset
    .type   memset, %function
memset:
    mov     x3, x0
    and     x1, x1, #0xff
    mov     x4, #0x0101010101010101
    mul     x1, x1, x4
    cmp     x2, #16
    b.lo    4f
1:  tst     x3, #15
    b.eq    2f
    strb    w1, [x3], #1
    sub     x2, x2, #1
    b       1b
2:  subs    x2, x2, #64
    b.lo    3f
    stp     x1, x1, [x3]
    stp     x1, x1, [x3, #16]
    stp     x1, x1, [x3, #32]
    stp     x1, x1, [x3, #48]
    add     x3, x3, #64
    b       2b
3:  add     x2, x2, #64
4:  cbz     x2, 5f
    strb    w1, [x3], #1
    sub     x2, x2, #1
    b       4b
5:  ret
    .size   memset, . - memset
