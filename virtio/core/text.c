/*
 * Text in a fixed buffer.
 */
#include "virtio/core/text.h"

struct text
virtio_text_start(char *chars, size_t bytes)
{
    chars[0] = '\0';
    return (struct text){ .chars = chars, .bytes = bytes };
}

void
virtio_text_char(struct text *text, char c)
{
    if (text->used + 1 < text->bytes) {
        text->chars[text->used++] = c;
        text->chars[text->used] = '\0';
    }
}

void
virtio_text_string(struct text *text, const char *string)
{
    for (const char *c = string != NULL ? string : "(null)"; *c != '\0'; c++) {
        virtio_text_char(text, *c);
    }
}

void
virtio_text_chars(struct text *text, const char *chars, size_t max)
{
    for (size_t i = 0; i < max && chars[i] != '\0'; i++) {
        char c = chars[i];
        if (c < ' ' || c > '~') {
            c = '?';
        }
        virtio_text_char(text, c);
    }
}

void
virtio_text_number(struct text *text, uint64_t value, unsigned base, unsigned width, char fill)
{
    char digits[20]; /* UINT64_MAX in decimal */
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    for (unsigned i = count; i < width; i++) {
        virtio_text_char(text, fill);
    }
    while (count > 0) {
        virtio_text_char(text, digits[--count]);
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

/* %d arrives as the unsigned value of its own width. */
static int64_t
sign_extend(uint64_t value, unsigned longs)
{
    switch (longs) {
    case 0: return (int)(unsigned)value;
    case 1: return (long)(unsigned long)value;
    default: return (int64_t)value;
    }
}

static void
text_integer(struct text *text, uint64_t value, const struct conversion *conversion)
{
    unsigned base = conversion->letter == 'x' ? 16 : 10;
    if (conversion->letter == 'd' && sign_extend(value, conversion->longs) < 0) {
        virtio_text_char(text, '-');
        value = -(uint64_t)sign_extend(value, conversion->longs);
    }
    virtio_text_number(text, value, base, conversion->width, conversion->fill);
}

void
virtio_text_format(struct text *text, const char *format, va_list args)
{
    for (const char *at = format; *at != '\0';) {
        struct conversion conversion;
        char c = *at++;
        if (c != '%') {
            virtio_text_char(text, c);
            continue;
        }
        at = parse_conversion(at, &conversion);
        uint64_t value;
        switch (conversion.letter) {
        case 's': virtio_text_string(text, va_arg(args, const char *)); break;
        case 'c': virtio_text_char(text, (char)va_arg(args, int)); break;
        case 'd':
        case 'u':
        case 'x':
            /* NOLINTNEXTLINE(bugprone-branch-clone): long and long long differ on other machines */
            if (conversion.longs == 0) {
                value = va_arg(args, unsigned);
            } else if (conversion.longs == 1) {
                value = va_arg(args, unsigned long);
            } else {
                value = va_arg(args, unsigned long long);
            }
            text_integer(text, value, &conversion);
            break;
        default: virtio_text_char(text, conversion.letter); break; /* %% */
        }
    }
}
