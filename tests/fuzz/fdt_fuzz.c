/* The device tree as a boot loader may hand it over: any bytes. */
#include "kernel/arch/host/fuzz.h"
#include "tests/fuzz/fuzz_input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_fdt(data, size);
    return 0;
}
