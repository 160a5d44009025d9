/* The shell's line editor and parser, fed with whatever somebody types. conformance: S4-25 */
#include "kernel/arch/host/fuzz.h"
#include "tests/fuzz/fuzz_input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_shell(data, size);
    return 0;
}
