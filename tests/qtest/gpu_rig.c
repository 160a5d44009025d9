/*
 * QEMU, a GPU, a driver; see gpu_rig.h.
 */
#include "tests/qtest/gpu_rig.h"

#include <string.h>

#include "tests/qtest/viewer.h"

#define PACKED    VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)
#define EVENT_IDX VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)
#define INDIRECT  VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC)

/* Version 1 with packed does not exist, see qemu_queue_test.c. */
const struct gpu_combination gpu_combinations[GPU_COMBINATION_COUNT] = {
    {"v1 split queued",                       RIG_MMIO_LEGACY, 0,                             VGPU_DRIVER_QUEUED, false},
    { "v1 split simple",                      RIG_MMIO_LEGACY, 0,                             VGPU_DRIVER_SIMPLE, false},
    { "v2 split queued",                      RIG_MMIO_MODERN, 0,                             VGPU_DRIVER_QUEUED, false},
    { "v2 split simple",                      RIG_MMIO_MODERN, 0,                             VGPU_DRIVER_SIMPLE, false},
    { "v2 packed queued",                     RIG_MMIO_MODERN, PACKED,                        VGPU_DRIVER_QUEUED, false},
    { "v2 packed simple",                     RIG_MMIO_MODERN, PACKED,                        VGPU_DRIVER_SIMPLE, false},
    { "v2 packed event_idx indirect queued",  RIG_MMIO_MODERN, PACKED | EVENT_IDX | INDIRECT,
     VGPU_DRIVER_QUEUED,                                                                                          true },
    { "pci packed event_idx indirect queued", RIG_PCI,         PACKED | EVENT_IDX | INDIRECT,
     VGPU_DRIVER_QUEUED,                                                                                          true },
};

static const char *const gpu_args[] = {
    "-device",   "virtio-gpu-device,id=gpu0,max_outputs=4,xres=1280,yres=800,packed=on",
    "-trace",    "virtio_gpu_cmd_*",
    "-trace",    "virtio_gpu_update_cursor",
    VIEWER_ARGS, NULL,
};

void
gpu_rig_start_with(struct gpu_rig *gpu, const struct gpu_combination *combination,
                   const struct vgpu_config *config)
{
    struct vgpu_config filled = *config;
    filled.driver = combination->driver;
    filled.features = combination->features;
    filled.uses_indirect = combination->uses_indirect;
    rig_start(&gpu->rig, combination->mmio, gpu_args);
    struct virtio_device *device = rig_device(&gpu->rig, VIRTIO_ID_GPU);
    if (device == NULL) {
        qemu_die("there is no GPU");
    }
    enum virtio_err err = vgpu_init(&gpu->vgpu, device, &filled, &gpu->rig.arena);
    if (err != VIRTIO_OK) {
        qemu_die(virtio_err_text(err));
    }
}

void
gpu_rig_start(struct gpu_rig *gpu, const struct gpu_combination *combination)
{
    static const struct vgpu_config defaults = { .capset_bytes_max = 1024,
                                                 .timeout_ms = GPU_TIMEOUT_MS };
    gpu_rig_start_with(gpu, combination, &defaults);
}

void
gpu_rig_stop(struct gpu_rig *gpu)
{
    rig_stop(&gpu->rig);
}

static void
keep_response(void *ctx, const struct vgpu_completion *completion)
{
    struct gpu_rig *gpu = ctx;
    size_t bytes = completion->response_bytes;
    if (completion->response != NULL && bytes <= sizeof(gpu->response)) {
        memcpy(gpu->response, completion->response, bytes);
    }
    gpu->wait.then.done(gpu->wait.then.ctx, completion);
}

const struct vgpu_then *
gpu_then(struct gpu_rig *gpu)
{
    gpu->then = *vgpu_wait_start(&gpu->wait);
    gpu->then.done = keep_response;
    gpu->then.ctx = gpu;
    memset(gpu->response, 0, sizeof(gpu->response));
    return &gpu->then;
}

uint32_t
gpu_answer(struct gpu_rig *gpu, enum virtio_err submitted)
{
    enum virtio_err err = vgpu_wait(&gpu->vgpu, &gpu->wait, submitted);
    uint32_t type = gpu->wait.completion.response_type;
    if (submitted != VIRTIO_OK) {
        return GPU_ANSWER_NONSENSE;
    }
    bool is_error_type = type >= VIRTIO_GPU_RESP_ERR_UNSPEC;
    bool is_consistent = is_error_type ? err == VIRTIO_ERR_REFUSED : err == VIRTIO_OK;
    return is_consistent ? type : GPU_ANSWER_NONSENSE;
}

uint32_t *
gpu_resource(struct gpu_rig *gpu, uint32_t resource_id, const struct vgpu_image *image)
{
    struct vgpu_backing backing = { .bytes = (uint64_t)image->width_px * image->height_px *
                                             VIRTIO_GPU_BYTES_PER_PX };
    backing.memory = rig_memory(&gpu->rig, backing.bytes);
    uint32_t type =
        gpu_answer(gpu, vgpu_cmd_resource_create_2d(&gpu->vgpu, resource_id, image, gpu_then(gpu)));
    if (type != VIRTIO_GPU_RESP_OK_NODATA) {
        qemu_die("RESOURCE_CREATE_2D was refused");
    }
    type =
        gpu_answer(gpu, vgpu_cmd_attach_backing(&gpu->vgpu, resource_id, &backing, gpu_then(gpu)));
    if (type != VIRTIO_GPU_RESP_OK_NODATA) {
        qemu_die("RESOURCE_ATTACH_BACKING was refused");
    }
    return backing.memory;
}

uint32_t
gpu_show(struct gpu_rig *gpu, uint32_t resource_id, const struct vgpu_image *image)
{
    const struct vgpu_rect all = { .width = image->width_px, .height = image->height_px };
    uint32_t type = gpu_answer(
        gpu, vgpu_cmd_transfer_to_host_2d(&gpu->vgpu, resource_id, &all, 0, gpu_then(gpu)));
    if (type == VIRTIO_GPU_RESP_OK_NODATA) {
        type =
            gpu_answer(gpu, vgpu_cmd_resource_flush(&gpu->vgpu, resource_id, &all, gpu_then(gpu)));
    }
    return type;
}

uint32_t
gpu_set_scanout(struct gpu_rig *gpu, uint32_t scanout_id, uint32_t resource_id,
                const struct vgpu_rect *rect)
{
    return gpu_answer(
        gpu, vgpu_cmd_set_scanout(&gpu->vgpu, scanout_id, resource_id, rect, gpu_then(gpu)));
}

const char *
gpu_device_log(struct gpu_rig *gpu)
{
    (void)qemu_log_read(&gpu->rig.qemu, gpu->log, sizeof(gpu->log));
    qemu_log_clear(&gpu->rig.qemu);
    return gpu->log;
}
