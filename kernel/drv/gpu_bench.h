/*
 * gpu bench and gpu cursor: the parts of the gpu command that stand in files of their own.
 */
#ifndef KERNEL_DRV_GPU_BENCH_H
#define KERNEL_DRV_GPU_BENCH_H

#include "kernel/shell/shell.h"

/* full|damage|scene|paced [SECONDS]: frames for that long, then a line "bench gpu_NAME key=value ..." (samples.h). */
int gpu_bench(const struct shell_call *call);

/* X Y: a cursor there; off: none. */
int gpu_cursor(const struct shell_call *call);

/* WAY: a black screen on purpose, see gpu_break.c. */
int gpu_break(const struct shell_call *call);

#endif
