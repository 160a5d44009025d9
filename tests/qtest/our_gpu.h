/*
 * A vitrine-gpu --vhost-user of its own: started, asked by its control socket, measured, ended.
 *
 *   struct our_gpu gpu;
 *   our_gpu_start(&gpu, options);             QEMU then connects to gpu.socket
 *   our_gpu_said(&gpu, "a part of a line")    what it says to people
 *   our_gpu_stop(&gpu);
 *
 * OUR_GPU in the environment names the program; else it is build/fake/vitrine-gpu, whose renderers do what venus_fake.h says.
 */
#ifndef TESTS_QTEST_OUR_GPU_H
#define TESTS_QTEST_OUR_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

enum {
    OUR_GPU_OPTIONS_MAX = 16,
    OUR_GPU_WAIT_MS = 5000,
    OUR_GPU_STATUS_BYTES = 4 << 20,
    OUR_GPU_NO_PIXEL = 1 << 24,
};

struct our_gpu {
    pid_t pid; /* 0: none */
    char where[64];
    char socket[80];
    char control[80];
    int log_fd;
    char *status; /* the last answer of the control socket */
};

/* Of all its processes together. */
struct our_gpu_size {
    unsigned process_count;
    unsigned fd_count;
    unsigned mapping_count;
};

/* Start it, and wait until it listens; options: NULL-terminated.  Exits the program where that cannot be done. */
void our_gpu_start(struct our_gpu *gpu, const char *const *options);

/* End it.  Returns: its exit status; -1: it had to be killed.  Accepts a zeroed one. */
int our_gpu_stop(struct our_gpu *gpu);

/* Whether it says, or said, a line with this text; waits OUR_GPU_WAIT_MS for it. */
bool our_gpu_said(const struct our_gpu *gpu, const char *text);

/* The number behind `key` ("\"resource_id\": "), behind the first `after` (NULL: anywhere) in its status; 0: there is none. */
uint64_t our_gpu_number(struct our_gpu *gpu, const char *after, const char *key);

/* Whether its status has this text; within OUR_GPU_WAIT_MS. */
bool our_gpu_has(struct our_gpu *gpu, const char *text);
bool our_gpu_comes_to_have(struct our_gpu *gpu, const char *text);

/* A pixel of what a scanout shows, 0xRRGGBB; OUR_GPU_NO_PIXEL: it shows nothing. */
uint32_t our_gpu_pixel(const struct our_gpu *gpu, unsigned scanout_idx, uint32_t x, uint32_t y);

/* What it holds, once that has been the same for some time: renderers end and get ready behind the guest's back. */
struct our_gpu_size our_gpu_size(const struct our_gpu *gpu);

/* Whether it then holds no more than that.  Returns: false after a line that says what is left. */
bool our_gpu_shrinks_to(const struct our_gpu *gpu, const struct our_gpu_size *size);

#endif
