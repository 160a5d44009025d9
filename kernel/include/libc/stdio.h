/*
 * Present because lwIP's HTTP client includes it; the one function that it uses is declared in kernel/net/include/arch/cc.h.
 */
#ifndef KERNEL_LIBC_STDIO_H
#define KERNEL_LIBC_STDIO_H
#endif
