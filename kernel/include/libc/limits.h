/*
 * The end of the compiler's own <limits.h>, which goes on to a libc's where it finds one: nothing more is needed here.
 */
#ifndef KERNEL_LIBC_LIMITS_H
#define KERNEL_LIBC_LIMITS_H
#endif
