/*
 * The GPU's control queue with nothing above it: a command's bytes go out as they are, the response's bytes come back.
 * For measuring the device itself, and for saying to it what the driver would not.
 */
#ifndef TESTS_QTEST_GPU_WIRE_H
#define TESTS_QTEST_GPU_WIRE_H

#include <stdint.h>

#include "abi/virtio_gpu.h"

#include "virtio/queue.h"

#include "tests/qtest/rig.h"

enum {
    GPU_WIRE_DEPTH = 64,
    GPU_WIRE_REQUEST_BYTES = 128,
    GPU_WIRE_RESPONSE_BYTES = 2048,
    GPU_WIRE_TIMEOUT_MS = 5000,
};

/* Request and response memory of one command. */
struct gpu_wire_cell {
    uint8_t request[GPU_WIRE_REQUEST_BYTES];
    uint8_t response[GPU_WIRE_RESPONSE_BYTES];
};

struct gpu_wire {
    struct rig *rig;
    struct virtio_device *device;
    struct virtq controlq;
    struct gpu_wire_cell *cells; /* [GPU_WIRE_DEPTH] */
    unsigned in_flight_count;
    uint32_t refused_count; /* responses of an error type */
};

/* Bring the rig's GPU up with `features` besides its own; exits the program where that fails. */
void gpu_wire_start(struct gpu_wire *wire, struct rig *rig, uint64_t features);

/* Put a command into the queue as number in_flight_count; no notification. */
void gpu_wire_add(struct gpu_wire *wire, const void *command, uint32_t bytes);

/* Notify, wait until all commands are answered; exits the program after GPU_WIRE_TIMEOUT_MS. */
void gpu_wire_run(struct gpu_wire *wire);

/* One command: add, run. Returns: the response's type. */
uint32_t gpu_wire_ask(struct gpu_wire *wire, const void *command, uint32_t bytes);

/* A resource with backing memory, contiguous, shown on scanout 0; exits the program where that fails. */
uint8_t *
gpu_wire_framebuffer(struct gpu_wire *wire, uint32_t resource_id, uint32_t width, uint32_t height);

#endif
