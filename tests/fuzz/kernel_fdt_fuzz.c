/* Fuzzes everything that the kernel reads from a device tree. */
#include <stddef.h>
#include <stdint.h>

#include "kernel/arch/host/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_fdt(data, bytes);
    return 0;
}
