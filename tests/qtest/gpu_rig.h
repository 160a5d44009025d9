/*
 * A QEMU with a GPU and the library's GPU driver running on it, in each combination of transport, ring and driver.
 *
 *   for (size_t i = 0; i < GPU_COMBINATION_COUNT; i++) {
 *       gpu_rig_start(&gpu, &gpu_combinations[i]);
 *       type = gpu_answer(&gpu, vgpu_cmd_set_scanout(&gpu.vgpu, 0, 7, &rect, gpu_then(&gpu)));
 *       gpu_rig_stop(&gpu);
 *   }
 */
#ifndef TESTS_QTEST_GPU_RIG_H
#define TESTS_QTEST_GPU_RIG_H

#include <stdint.h>

#include "abi/virtio_gpu.h"

#include "virtio/gpu.h"

#include "tests/qtest/rig.h"

enum {
    GPU_COMBINATION_COUNT = 8,
    GPU_SCANOUT_COUNT = 4,
    GPU_WIDTH_PX = 1280, /* what the display asks for */
    GPU_HEIGHT_PX = 800,
    GPU_TIMEOUT_MS = 10000, /* of a command: far more than any takes, also on a busy machine */
};

#define GPU_QMP_ID "gpu0"

/* What gpu_answer says when the answer contradicts itself. */
#define GPU_ANSWER_NONSENSE UINT32_MAX

struct gpu_combination {
    const char *name;
    enum rig_mmio mmio;
    uint64_t features;
    enum vgpu_driver driver;
    bool uses_indirect;
};

extern const struct gpu_combination gpu_combinations[GPU_COMBINATION_COUNT];

struct gpu_rig {
    struct rig rig;
    struct vgpu vgpu;
    struct vgpu_wait wait;
    struct vgpu_then then;  /* keeps the response's bytes, then tells `wait` */
    uint8_t response[2048]; /* copy of the last answer */
    char log[65536];        /* what gpu_device_log brought */
};

/*
 * Start QEMU with a GPU of GPU_SCANOUT_COUNT scanouts, and the driver. Exits the program where that fails. The device's own trace
 * of its commands is on.
 */
void gpu_rig_start(struct gpu_rig *gpu, const struct gpu_combination *combination);

/* The same with another depth, timeout, ... than the driver's defaults. */
void gpu_rig_start_with(struct gpu_rig *gpu, const struct gpu_combination *combination,
                        const struct vgpu_config *config);

/* End it all, the driver in whatever state. */
void gpu_rig_stop(struct gpu_rig *gpu);

/* What to submit a command with of which the answer is wanted, and waiting for it. Returns: the response's type, 0: none. */
const struct vgpu_then *gpu_then(struct gpu_rig *gpu);
uint32_t gpu_answer(struct gpu_rig *gpu, enum virtio_err submitted);

/*
 * A resource with contiguous backing; exits the program where that fails.
 * Returns: the backing, zeroed.
 */
uint32_t *gpu_resource(struct gpu_rig *gpu, uint32_t resource_id, const struct vgpu_image *image);

/* Transfer all of a resource that has `image`, and flush it. Returns: the first answer that was not OK_NODATA, or that. */
uint32_t gpu_show(struct gpu_rig *gpu, uint32_t resource_id, const struct vgpu_image *image);

/* Show a part of a resource. Returns: the response's type. */
uint32_t gpu_set_scanout(struct gpu_rig *gpu, uint32_t scanout_id, uint32_t resource_id,
                         const struct vgpu_rect *rect);

/* What the device has logged since the last time: its own account of the commands. In gpu->log. */
const char *gpu_device_log(struct gpu_rig *gpu);

#endif
