/* Set-up of every driver over any configuration space and any features: see driver_bench.h. */
#include "tests/fuzz/driver_bench.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    driver_bench_run(data, size, false);
    return 0;
}
