/*
 * Present because lwIP's sources include it; they use none of its functions.
 */
#ifndef KERNEL_LIBC_STDIO_H
#define KERNEL_LIBC_STDIO_H
#endif
