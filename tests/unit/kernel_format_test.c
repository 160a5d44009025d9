/* The kernel's formatted text and string functions, held against the host's libc. */
#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "tests/unit/utest.h"

/* Formats once with each and compares text and length. */
static void expect_same(const char *format, ...) PRINTF_LIKE(1, 2);

static void
expect_same(const char *format, ...)
{
    char own[128];
    char libc[128];
    va_list args;

    va_start(args, format);
    size_t own_length = format_text_va(own, sizeof(own), format, args);
    va_end(args);
    va_start(args, format);
    int libc_length = vsnprintf(libc, sizeof(libc), format, args);
    va_end(args);
    EXPECT_STREQ(own, libc);
    EXPECT_EQ(own_length, libc_length);
}

UTEST(numbers_as_libc_prints_them)
{
    expect_same("%d %i %u", 0, -1, 4000000000U);
    expect_same("%ld %lu %lx", INT64_MIN, UINT64_MAX, UINT64_MAX);
    expect_same("%hhd %hd %hhu", (signed char)-3, (short)-300, (unsigned char)250);
    expect_same("%zu %td %jd", (size_t)7, (ptrdiff_t)-7, (intmax_t)9);
    expect_same("%x %X %#x %#X %o", 0xbeefU, 0xbeefU, 0xbeefU, 0xbeefU, 8U);
    expect_same("%#x|%x", 0U, 0U);
    expect_same("%5d|%-5d|%05d|%+d|% d", 42, 42, 42, 42, 42);
    expect_same("%5d|%-5d|%05d", -42, -42, -42);
    expect_same("%08x|%-8x|%8x", 0xabcU, 0xabcU, 0xabcU);
    expect_same("%.3d|%8.3d|%-8.3d|%.0d", 7, 7, 7, 0);
    expect_same("%*d|%-*d|%.*d", 6, 1, 6, 2, 4, 3);
    expect_same("%*d|", -6, 1);
    expect_same("%p", (void *)0x1234);
}

UTEST(text_as_libc_prints_it)
{
    expect_same("%s|%10s|%-10s|%.2s|%c|%%", "abc", "abc", "abc", "abc", 'x');
    expect_same("%-4c|%4c|", 'a', 'b');
}

UTEST(what_does_not_fit_is_cut_and_counted)
{
    char text[5];

    EXPECT_EQ(format_text(text, sizeof(text), "%s", "abcdefgh"), 8);
    EXPECT_STREQ(text, "abcd");
    EXPECT_EQ(format_text(NULL, 0, "%d", 12345), 5);
    EXPECT_EQ(format_text(text, 1, "x"), 1);
    EXPECT_STREQ(text, "");
}

UTEST(a_null_string_is_shown_as_such)
{
    char text[16];
    const char *volatile null = NULL;

    (void)format_text(text, sizeof(text), "%s", null);
    EXPECT_STREQ(text, "(null)");
}

UTEST(sizes_for_people)
{
    char text[16];

    EXPECT_STREQ(format_bytes(text, sizeof(text), 0), "0 B");
    EXPECT_STREQ(format_bytes(text, sizeof(text), 1023), "1023 B");
    EXPECT_STREQ(format_bytes(text, sizeof(text), 1024), "1 KiB");
    EXPECT_STREQ(format_bytes(text, sizeof(text), 1536), "1.5 KiB");
    EXPECT_STREQ(format_bytes(text, sizeof(text), UINT64_C(64) << 20), "64 MiB");
    EXPECT_STREQ(format_bytes(text, sizeof(text), UINT64_C(4) << 30), "4 GiB");
}

UTEST(numbers_are_parsed_whole_or_not_at_all)
{
    uint64_t value = 77;

    EXPECT_EQ(parse_u64("", 10, &value), -E_INVAL);
    EXPECT_EQ(parse_u64("0x", 10, &value), -E_INVAL);
    EXPECT_EQ(parse_u64("1a", 100, &value), -E_INVAL);
    EXPECT_EQ(parse_u64("-1", 100, &value), -E_INVAL);
    EXPECT_EQ(parse_u64("101", 100, &value), -E_RANGE);
    EXPECT_EQ(parse_u64("18446744073709551616", UINT64_MAX, &value), -E_RANGE);
    EXPECT_EQ(value, 77);
    EXPECT_EQ(parse_u64("18446744073709551615", UINT64_MAX, &value), 0);
    EXPECT_TRUE(value == UINT64_MAX);
    EXPECT_EQ(parse_u64("0xFf", 255, &value), 0);
    EXPECT_EQ(value, 255);
}
