/*
 * Formatted text without libc: the printf language as far as the kernel needs it.
 *
 * %d %i %u %x %X %o %c %s %p %%, flags - 0 + space #, width and precision (also *), lengths hh h l ll z j t.
 * Not: floating point, %n. An unknown conversion is copied as it stands.
 */
#ifndef KERNEL_CORE_FORMAT_H
#define KERNEL_CORE_FORMAT_H

#include <stdarg.h>

#include "kernel/core/base.h"

/*
 * Write at most `size` bytes, the closing NUL included, to `buffer` (may be NULL when size is 0).
 * Context: any.
 * Returns: the length that the whole text has, without the NUL: larger than or equal to `size` means cut off.
 */
size_t
format_text_va(char *buffer, size_t size, const char *format, va_list args) PRINTF_LIKE(3, 0);
size_t format_text(char *buffer, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

/*
 * A size for people: "64 MiB", "4 KiB", "123 B": the largest unit that divides it, else one decimal ("1.5 MiB").
 * @buffer  at least 16 bytes. Context: any. Returns: buffer.
 */
const char *format_bytes(char *buffer, size_t size, uint64_t bytes);

/*
 * Parse an unsigned number: decimal, or hexadecimal with 0x. The whole of `text` must be the number.
 * Context: any. Returns: 0; -E_INVAL (not a number), -E_RANGE (above `max`): *value is unchanged then.
 */
int parse_u64(const char *text, uint64_t max, uint64_t *value);

#endif
