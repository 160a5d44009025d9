/*
 * gpu.c - the life of a device: create, features, reset.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/gpu/private.h"
#include "device/quota.h"

static const struct gpu_limits defaults = {
    .memory_bytes = UINT64_C(1) << 30,
    .resource_count = 16384,
    .context_count = GPU_CONTEXT_SLOTS,
    .fence_count = 4096,
    .backing_count = 1 << 20,
};

/* Returns: NULL; what is wrong with the config. */
static const char *
check_config(const struct gpu_config *config)
{
    bool has_capset = config->capset != NULL;
    if (config->scanout_count < 1 || config->scanout_count > VIRTIO_GPU_SCANOUTS_MAX) {
        return "a GPU has 1 to 16 scanouts";
    }
    for (unsigned i = 0; i < config->scanout_count; i++) {
        const struct gpu_scanout_config *display = &config->scanouts[i];
        if (display->width_px < 1 || display->width_px > GPU_SIDE_PX_MAX ||
            display->height_px < 1 || display->height_px > GPU_SIDE_PX_MAX) {
            return "each side of a display has 1 to 16384 pixels";
        }
    }
    if (has_capset != (config->render_server >= 0) ||
        (has_capset &&
         (config->capset_bytes == 0 || config->capset_bytes > GPU_CAPSET_BYTES_MAX))) {
        return "Vulkan needs a render server and a capability set of at most 1024 bytes";
    }
    if (config->limits.context_count > GPU_CONTEXT_SLOTS) {
        return "a guest has at most 64 contexts";
    }
    if (config->window_bytes % GPU_WINDOW_PAGE_BYTES != 0) {
        return "the host-visible window is a multiple of 4096 bytes";
    }
    if (config->loop == NULL || config->guest == NULL || config->host.interrupt == NULL) {
        return "a loop, guest memory and interrupts are needed";
    }
    return NULL;
}

static void
fill_in_limits(struct gpu_limits *limits)
{
    limits->memory_bytes = limits->memory_bytes != 0 ? limits->memory_bytes : defaults.memory_bytes;
    limits->resource_count =
        limits->resource_count != 0 ? limits->resource_count : defaults.resource_count;
    limits->context_count =
        limits->context_count != 0 ? limits->context_count : defaults.context_count;
    limits->fence_count = limits->fence_count != 0 ? limits->fence_count : defaults.fence_count;
    limits->backing_count =
        limits->backing_count != 0 ? limits->backing_count : defaults.backing_count;
}

struct gpu *
gpu_create(const struct gpu_config *config, const char **why)
{
    *why = check_config(config);
    if (*why != NULL) {
        errno = EINVAL;
        return NULL;
    }
    struct gpu *gpu = calloc(1, sizeof(*gpu));
    uint8_t *stream = malloc(RENDER_STREAM_BYTES_MAX);
    if (gpu == NULL || stream == NULL) {
        free(stream);
        free(gpu);
        errno = ENOMEM;
        return NULL;
    }
    gpu->config = *config;
    gpu->stream = stream;
    gpu->server = config->render_server;
    fill_in_limits(&gpu->config.limits);
    for (unsigned i = 0; i < config->scanout_count; i++) {
        gpu->scanouts[i].shown.display = config->scanouts[i];
    }
    if (config->capset != NULL) {
        memcpy(gpu->capset, config->capset, config->capset_bytes);
    } else {
        gpu->config.capset_bytes = 0;
    }
    gpu->config.capset = NULL;
    if (!gpu_server_start(gpu)) {
        free(stream);
        free(gpu);
        return NULL;
    }
    return gpu;
}

static void
forget_all(struct gpu *gpu)
{
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        gpu_queue_stop(gpu, i);
    }
    gpu_window_clear(gpu);
    gpu_contexts_end(gpu);
    gpu_resource_remove_all(gpu);
    if (gpu->config.quota != NULL) {
        quota_clear(gpu->config.quota, QUOTA_DEVICE_PLACE);
        quota_add(gpu->config.quota, QUOTA_DEVICE_PLACE, gpu->memory_bytes); /* of watchers */
    }
    gpu_cursors_hide(gpu);
}

void
gpu_reset(struct gpu *gpu)
{
    gpu_record(gpu, GPU_EVENT_RESET, NULL, 0, 0);
    gpu->reset_count++;
    forget_all(gpu);
    gpu->accepted = 0;
}

void
gpu_destroy(struct gpu *gpu)
{
    if (gpu == NULL) {
        return;
    }
    memset(gpu->watchers, 0, sizeof(gpu->watchers));
    forget_all(gpu);
    gpu_server_stop(gpu);
    free(gpu->stream);
    free(gpu);
}

uint64_t
gpu_features(const struct gpu *gpu)
{
    uint64_t features = UINT64_C(1) << VIRTIO_GPU_F_EDID |
                        UINT64_C(1) << VIRTIO_GPU_F_RESOURCE_UUID |
                        UINT64_C(1) << VIRTIO_GPU_F_RESOURCE_BLOB;
    uint64_t vulkan = UINT64_C(1) << VIRTIO_GPU_F_VIRGL | UINT64_C(1) << VIRTIO_GPU_F_CONTEXT_INIT;
    return gpu->config.capset_bytes != 0 ? features | vulkan : features;
}

void
gpu_set_features(struct gpu *gpu, uint64_t accepted)
{
    gpu->accepted = accepted & gpu_features(gpu);
}
