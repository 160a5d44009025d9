/*
 * Present because lwIP's HTTP client includes it; the one function that it uses is declared in arch/cc.h.
 */
#ifndef KERNEL_NET_STDIO_H
#define KERNEL_NET_STDIO_H
#endif
