/* What lwIP asks of the system that it runs on: time, chance, and two functions of a libc's. */
#include <stdarg.h>

#include <arch/cc.h>
#include <lwip/sys.h>

#include "kernel/core/check.h"
#include "kernel/core/format.h"
#include "kernel/core/time.h"

/* lwIP counts milliseconds in 32 bits and expects them to wrap. */
u32_t
sys_now(void)
{
    return (u32_t)(time_now_ns() / NS_PER_MS);
}

void
net_port_assert_failed(const char *what, const char *file, int line)
{
    panic("lwIP: %s (%s:%d)", what, file, line);
}

/*
 * Ports and sequence numbers that differ from boot to boot (splitmix64 over the moment of each call). Not for secrets.
 */
uint32_t
net_port_random(void)
{
    static uint64_t state;

    state += UINT64_C(0x9e3779b97f4a7c15) ^ time_now_ns();
    uint64_t mixed = (state ^ (state >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(mixed >> 32);
}

int
atoi(const char *text)
{
    uint64_t value = 0;
    char digits[12];
    size_t length = 0;

    while (length < sizeof(digits) - 1 && text[length] >= '0' && text[length] <= '9') {
        digits[length] = text[length];
        length++;
    }
    digits[length] = '\0';
    return parse_u64(digits, INT32_MAX, &value) == 0 ? (int)value : 0;
}

int
snprintf(char *text, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    size_t length = format_text_va(text, size, format, args);
    va_end(args);
    return (int)length;
}
