/* Addresses to names: see symbols.h and arch.h. */
#include "kernel/arch/aarch64/symbols.h"

#include "kernel/arch/aarch64/aarch64.h"
#include "kernel/arch/arch.h"

const char *
arch_symbol(uint64_t address, uint64_t *offset)
{
    uint64_t wanted = address - (uintptr_t)image_text_start;
    const struct symbol *low = symbols_start;
    const struct symbol *high = symbols_end;

    *offset = 0;
    if (address < (uintptr_t)image_text_start || address >= (uintptr_t)image_text_end) {
        return "?";
    }
    /* low: the last symbol at or below `wanted`, once the span has shrunk to one */
    while (high - low > 1) {
        const struct symbol *middle = low + (high - low) / 2;

        if (middle->offset <= wanted) {
            low = middle;
        } else {
            high = middle;
        }
    }
    if (low == high || low->offset > wanted) {
        return "?";
    }
    *offset = wanted - low->offset;
    return (const char *)symbols_end + low->name_offset;
}
