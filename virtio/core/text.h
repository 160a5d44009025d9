/*
 * Text built in a buffer of fixed size: what does not fit is cut, the end is always NUL. For logs and traces.
 */
#ifndef VIRTIO_CORE_TEXT_H
#define VIRTIO_CORE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *chars;
    size_t bytes; /* of the buffer, at least 1 */
    size_t used;  /* characters, without the NUL */
};

/* Start an empty text in `chars[bytes]`. */
struct text virtio_text_start(char *chars, size_t bytes);

void virtio_text_char(struct text *text, char c);
void virtio_text_string(struct text *text, const char *string);

/* At most `max` characters of `chars`, fewer where a NUL comes first; what is not printable becomes '?'. */
void virtio_text_chars(struct text *text, const char *chars, size_t max);

/* `value` in `base` 10 or 16, at least `width` characters, filled up with `fill` (' ' or '0'). */
void
virtio_text_number(struct text *text, uint64_t value, unsigned base, unsigned width, char fill);

/* The printf subset of virtio_log: %s %d %u %x %c %% with l, ll, z, a zero flag and a width. */
void virtio_text_format(struct text *text, const char *format, va_list args);

#endif
