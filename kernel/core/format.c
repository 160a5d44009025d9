/* Formatted text without libc: see format.h. */
#include "kernel/core/format.h"

#include <string.h>

#include "kernel/core/errno.h"

struct sink {
    char *buffer;
    size_t size;
    size_t length; /* of the whole text, also beyond size */
};

struct conversion {
    bool is_left;
    bool is_zero_padded;
    bool has_sign;
    bool has_space;
    bool has_prefix;
    bool has_precision;
    int width;
    int precision;
    unsigned length_bytes; /* of the integer argument */
    char kind;
};

static void
put(struct sink *sink, char c)
{
    if (sink->length + 1 < sink->size) {
        sink->buffer[sink->length] = c;
    }
    sink->length++;
}

static void
put_repeated(struct sink *sink, char c, int count)
{
    for (int i = 0; i < count; i++) {
        put(sink, c);
    }
}

static void
put_padded(struct sink *sink, const struct conversion *conv, const char *text, int length)
{
    int pad = conv->width > length ? conv->width - length : 0;

    if (!conv->is_left) {
        put_repeated(sink, ' ', pad);
    }
    for (int i = 0; i < length; i++) {
        put(sink, text[i]);
    }
    if (conv->is_left) {
        put_repeated(sink, ' ', pad);
    }
}

static void
put_string(struct sink *sink, const struct conversion *conv, const char *text)
{
    size_t length = 0;

    if (text == NULL) {
        text = "(null)";
    }
    while (text[length] != '\0' && !(conv->has_precision && length >= (size_t)conv->precision)) {
        length++;
    }
    put_padded(sink, conv, text, (int)length);
}

/* Digits of `value` in `base`, backwards; returns their count. `digits` holds 64 bits in octal. */
static int
make_digits(char digits[24], uint64_t value, unsigned base, bool is_upper)
{
    const char *alphabet = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";
    int count = 0;

    while (value != 0) {
        digits[count++] = alphabet[value % base];
        value /= base;
    }
    return count;
}

static const char *
sign_text(const struct conversion *conv, bool is_negative, bool is_signed)
{
    if (is_negative) {
        return "-";
    }
    if (is_signed && conv->has_sign) {
        return "+";
    }
    return is_signed && conv->has_space ? " " : "";
}

static const char *
prefix_text(const struct conversion *conv, uint64_t value)
{
    if (conv->kind == 'p' || (conv->has_prefix && value != 0 && conv->kind == 'x')) {
        return "0x";
    }
    return conv->has_prefix && value != 0 && conv->kind == 'X' ? "0X" : "";
}

static void
put_number(struct sink *sink, const struct conversion *conv, uint64_t value, const char *lead)
{
    char digits[24];
    unsigned base = conv->kind == 'o' ? 8 : (strchr("xXp", conv->kind) != NULL ? 16 : 10);
    int count = make_digits(digits, value, base, conv->kind == 'X');
    int lead_length = (int)strlen(lead);
    int zeros = (conv->has_precision ? conv->precision : 1) - count;

    if (conv->is_zero_padded && !conv->is_left && !conv->has_precision &&
        conv->width > lead_length + count) {
        zeros = conv->width - lead_length - count;
    }
    zeros = zeros > 0 ? zeros : 0;
    if (!conv->is_left) {
        put_repeated(sink, ' ', conv->width - lead_length - zeros - count);
    }
    while (*lead != '\0') {
        put(sink, *lead++);
    }
    put_repeated(sink, '0', zeros);
    for (int i = count; i > 0; i--) {
        put(sink, digits[i - 1]);
    }
    if (conv->is_left) {
        put_repeated(sink, ' ', conv->width - lead_length - zeros - count);
    }
}

static const char *
parse_flags(const char *format, struct conversion *conv)
{
    for (;; format++) {
        switch (*format) {
        case '-': conv->is_left = true; break;
        case '0': conv->is_zero_padded = true; break;
        case '+': conv->has_sign = true; break;
        case ' ': conv->has_space = true; break;
        case '#': conv->has_prefix = true; break;
        default: return format;
        }
    }
}

/* A number, limited so that hostile widths cannot loop for long. */
static const char *
parse_int(const char *format, int *value)
{
    enum { WIDTH_MAX = 4096 };

    *value = 0;
    while (*format >= '0' && *format <= '9') {
        *value = *value * 10 + (*format - '0');
        *value = *value > WIDTH_MAX ? WIDTH_MAX : *value;
        format++;
    }
    return format;
}

static const char *
parse_length(const char *format, struct conversion *conv)
{
    conv->length_bytes = sizeof(int);
    switch (*format) {
    case 'h':
        conv->length_bytes = format[1] == 'h' ? 1 : sizeof(short);
        return format + (format[1] == 'h' ? 2 : 1);
    case 'l':
        conv->length_bytes = format[1] == 'l' ? sizeof(long long) : sizeof(long);
        return format + (format[1] == 'l' ? 2 : 1);
    case 'z': conv->length_bytes = sizeof(size_t); return format + 1;
    case 't': conv->length_bytes = sizeof(ptrdiff_t); return format + 1;
    case 'j': conv->length_bytes = sizeof(intmax_t); return format + 1;
    default: return format;
    }
}

/* A va_list that can be handed down: as a parameter it may be an array or not, and an address of one differs. */
struct arguments {
    va_list list;
};

static const char *
parse_conversion(const char *format, struct conversion *conv, struct arguments *args)
{
    format = parse_flags(format, conv);
    if (*format == '*') {
        conv->width = va_arg(args->list, int);
        conv->is_left = conv->is_left || conv->width < 0;
        conv->width = conv->width < 0 ? -conv->width : conv->width;
        format++;
    } else {
        format = parse_int(format, &conv->width);
    }
    if (*format == '.') {
        format++;
        if (*format == '*') {
            conv->precision = va_arg(args->list, int);
            format++;
        } else {
            format = parse_int(format, &conv->precision);
        }
        conv->has_precision = conv->precision >= 0;
    }
    format = parse_length(format, conv);
    conv->kind = *format;
    return *format == '\0' ? format : format + 1;
}

static uint64_t
take_unsigned(const struct conversion *conv, struct arguments *args)
{
    uint64_t value = conv->length_bytes > sizeof(int) ? va_arg(args->list, uint64_t)
                                                      : va_arg(args->list, unsigned);

    return conv->length_bytes >= sizeof(uint64_t)
               ? value
               : value & ((UINT64_C(1) << (8 * conv->length_bytes)) - 1);
}

static int64_t
take_signed(const struct conversion *conv, struct arguments *args)
{
    uint64_t value = take_unsigned(conv, args);
    unsigned shift = 64 - 8 * conv->length_bytes;

    return (int64_t)(value << shift) >> shift;
}

static void
put_conversion(struct sink *sink, const struct conversion *conv, struct arguments *args)
{
    char c;
    int64_t number;
    uint64_t value;

    switch (conv->kind) {
    case 'd':
    case 'i':
        number = take_signed(conv, args);
        value = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
        put_number(sink, conv, value, sign_text(conv, number < 0, true));
        break;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        value = take_unsigned(conv, args);
        put_number(sink, conv, value, prefix_text(conv, value));
        break;
    case 'p':
        value = (uintptr_t)va_arg(args->list, void *);
        put_number(sink, conv, value, prefix_text(conv, value));
        break;
    case 'c':
        c = (char)va_arg(args->list, int);
        put_padded(sink, conv, &c, 1);
        break;
    case 's': put_string(sink, conv, va_arg(args->list, const char *)); break;
    case '%': put(sink, '%'); break;
    default:
        put(sink, '%');
        if (conv->kind != '\0') {
            put(sink, conv->kind);
        }
        break;
    }
}

size_t
format_text_va(char *buffer, size_t size, const char *format, va_list args)
{
    struct sink sink = { buffer, size, 0 };
    struct arguments rest;

    va_copy(rest.list, args);
    while (*format != '\0') {
        struct conversion conv = { 0 };

        if (*format != '%') {
            put(&sink, *format++);
            continue;
        }
        format = parse_conversion(format + 1, &conv, &rest);
        put_conversion(&sink, &conv, &rest);
    }
    va_end(rest.list);
    if (size > 0) {
        buffer[sink.length < size ? sink.length : size - 1] = '\0';
    }
    return sink.length;
}

size_t
format_text(char *buffer, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    size_t length = format_text_va(buffer, size, format, args);
    va_end(args);
    return length;
}

const char *
format_bytes(char *buffer, size_t size, uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;
    uint64_t scale = 1;

    while (unit + 1 < ARRAY_COUNT(units) && bytes / scale >= 1024) {
        scale *= 1024;
        unit++;
    }
    uint64_t tenths = bytes % scale * 10 / scale;
    if (tenths == 0) {
        format_text(buffer, size, "%lu %s", (bytes / scale), units[unit]);
    } else {
        format_text(buffer, size, "%lu.%lu %s", (bytes / scale), tenths, units[unit]);
    }
    return buffer;
}

static unsigned
digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (unsigned)(c - 'a') + 10;
    }
    return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 255;
}

int
parse_u64(const char *text, uint64_t max, uint64_t *value)
{
    bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    unsigned base = is_hex ? 16 : 10;
    uint64_t number = 0;

    text += is_hex ? 2 : 0;
    if (*text == '\0') {
        return -E_INVAL;
    }
    for (; *text != '\0'; text++) {
        unsigned digit = digit_value(*text);

        if (digit >= base) {
            return -E_INVAL;
        }
        if (number > (UINT64_MAX - digit) / base) {
            return -E_RANGE;
        }
        number = number * base + digit;
    }
    if (number > max) {
        return -E_RANGE;
    }
    *value = number;
    return 0;
}
