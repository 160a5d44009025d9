/*
 * Text in a fixed buffer.
 */
#include "virtio/core/text.h"

struct text
text_start(char *chars, size_t bytes)
{
    chars[0] = '\0';
    return (struct text){ .chars = chars, .bytes = bytes };
}

void
text_char(struct text *text, char c)
{
    if (text->used + 1 < text->bytes) {
        text->chars[text->used++] = c;
        text->chars[text->used] = '\0';
    }
}

void
text_string(struct text *text, const char *string)
{
    for (const char *c = string != NULL ? string : "(null)"; *c != '\0'; c++) {
        text_char(text, *c);
    }
}

void
text_chars(struct text *text, const char *chars, size_t max)
{
    for (size_t i = 0; i < max && chars[i] != '\0'; i++) {
        char c = chars[i];
        if (c < ' ' || c > '~') {
            c = '?';
        }
        text_char(text, c);
    }
}

void
text_number(struct text *text, uint64_t value, unsigned base, unsigned width, char fill)
{
    char digits[20]; /* UINT64_MAX in decimal */
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    for (unsigned i = count; i < width; i++) {
        text_char(text, fill);
    }
    while (count > 0) {
        text_char(text, digits[--count]);
    }
}

/* One conversion, parsed: %[0][width][l|ll|z]conversion. */
struct conversion {
    char fill;
    unsigned width;
    unsigned longs; /* 0: int, 1: long or size_t, 2: long long */
    char letter;
};

static const char *
parse_conversion(const char *at, struct conversion *conversion)
{
    *conversion = (struct conversion){ .fill = *at == '0' ? '0' : ' ' };
    for (; *at >= '0' && *at <= '9'; at++) {
        conversion->width = conversion->width * 10 + (unsigned)(*at - '0');
    }
    for (; *at == 'l' || *at == 'z'; at++) {
        conversion->longs++;
    }
    conversion->letter = *at;
    return *at == '\0' ? at : at + 1;
}

static uint64_t
take_unsigned(va_list *args, unsigned longs)
{
    switch (longs) {
    case 0: return va_arg(*args, unsigned);
    case 1: return va_arg(*args, unsigned long);
    default: return va_arg(*args, unsigned long long);
    }
}

static int64_t
take_signed(va_list *args, unsigned longs)
{
    switch (longs) {
    case 0: return va_arg(*args, int);
    case 1: return va_arg(*args, long);
    default: return va_arg(*args, long long);
    }
}

static void
text_signed(struct text *text, int64_t value, const struct conversion *conversion)
{
    if (value < 0) {
        text_char(text, '-');
        text_number(text, -(uint64_t)value, 10, conversion->width, conversion->fill);
    } else {
        text_number(text, (uint64_t)value, 10, conversion->width, conversion->fill);
    }
}

static void
text_conversion(struct text *text, const struct conversion *conversion, va_list *args)
{
    switch (conversion->letter) {
    case 's': text_string(text, va_arg(*args, const char *)); break;
    case 'c': text_char(text, (char)va_arg(*args, int)); break;
    case 'd':
    case 'i': text_signed(text, take_signed(args, conversion->longs), conversion); break;
    case 'u':
        text_number(text, take_unsigned(args, conversion->longs), 10, conversion->width,
                    conversion->fill);
        break;
    case 'x':
        text_number(text, take_unsigned(args, conversion->longs), 16, conversion->width,
                    conversion->fill);
        break;
    default: text_char(text, conversion->letter); break; /* %% */
    }
}

void
text_format(struct text *text, const char *format, va_list args)
{
    va_list rest; /* a local one, so that its address has the type that it seems to have */
    va_copy(rest, args);
    for (const char *at = format; *at != '\0';) {
        char c = *at++;
        if (c != '%') {
            text_char(text, c);
            continue;
        }
        struct conversion conversion;
        at = parse_conversion(at, &conversion);
        text_conversion(text, &conversion, &rest);
    }
    va_end(rest);
}
