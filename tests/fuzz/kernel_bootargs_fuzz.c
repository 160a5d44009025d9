/* Fuzzes the kernel's boot arguments. */
#include <stddef.h>
#include <stdint.h>

#include "kernel/arch/host/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_bootargs(data, bytes);
    return 0;
}
