/* The function of a libc's that lwIP uses; host tests take the host's. */
#include <arch/cc.h>

#include "kernel/core/format.h"

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
