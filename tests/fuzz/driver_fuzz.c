/* Whole drivers over a device of noise: see driver_bench.h. */
#include "tests/fuzz/driver_bench.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    driver_bench_run(data, size, true);
    return 0;
}
