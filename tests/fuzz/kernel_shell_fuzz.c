/* Fuzzes the kernel's line editor and command parser. */
#include <stddef.h>
#include <stdint.h>

#include "kernel/arch/host/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_shell(data, bytes);
    return 0;
}
