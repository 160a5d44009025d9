/*
 * The four drivers over a device whose configuration space and answers are the fuzzer's bytes.
 *
 *   | driver | flavour | features (8) | configuration (160) | answers ... |
 */
#ifndef DRIVER_BENCH_H
#define DRIVER_BENCH_H

#include "tests/fuzz/fuzz_input.h"

/* Plug the device in, run `sessions` (init, a bit of everything, or nothing between), finish. */
void driver_bench_run(const uint8_t *data, size_t size, bool is_long);

#endif
