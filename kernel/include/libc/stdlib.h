/*
 * Present because libfdt's environment header includes it; the parts of libfdt that the kernel compiles use nothing of it.
 */
#ifndef KERNEL_LIBC_STDLIB_H
#define KERNEL_LIBC_STDLIB_H

#include <stddef.h>

#endif
