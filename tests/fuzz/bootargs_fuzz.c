/* The boot arguments, any bytes. */
#include "kernel/arch/host/fuzz.h"
#include "tests/fuzz/fuzz_input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bootargs(data, size);
    return 0;
}
