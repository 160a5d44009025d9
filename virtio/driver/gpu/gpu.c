/*
 * The life of a GPU: from a device that was probed to one that takes commands, and back. Contract:
 * virtio/gpu.h.
 */
#include "virtio/driver/gpu/driver.h"

static const char owner_name[] = "gpu";

enum { CURSOR_QUEUE_SIZE = 16, CONTROL_QUEUE_SIZE_MAX = 1024 };

static struct vgpu_config
with_defaults(const struct vgpu_config *config)
{
    struct vgpu_config full = { .features = VIRTIO_FEATURES_LIBRARY };
    if (config != NULL) {
        full = *config;
    }
    full.depth = full.depth != 0 ? full.depth : VGPU_DEPTH_DEFAULT;
    full.resources_max = full.resources_max != 0 ? full.resources_max : VGPU_RESOURCES_DEFAULT;
    full.timeout_ms = full.timeout_ms != 0 ? full.timeout_ms : VGPU_TIMEOUT_DEFAULT_MS;
    return full;
}

static bool
is_config_valid(const struct vgpu_config *config)
{
    return config->depth >= VGPU_DEPTH_MIN && config->depth <= VGPU_DEPTH_MAX &&
           config->capset_bytes_max <= UINT32_C(1) << 20 &&
           (config->driver == VGPU_DRIVER_QUEUED || config->driver == VGPU_DRIVER_SIMPLE);
}

/*
 * Direct chains where the ring has room for them: an indirect table costs the device one more look
 * into memory. The ring is a power of two.
 */
static struct virtq_config
queue_config(const struct vgpu_config *config, unsigned queue_idx)
{
    unsigned per_command = config->uses_indirect ? 1 : VGPU_SEGS_PER_COMMAND;
    unsigned size = CURSOR_QUEUE_SIZE;
    if (queue_idx == VIRTIO_GPU_CONTROLQ) {
        while (size < config->depth * per_command && size < CONTROL_QUEUE_SIZE_MAX) {
            size *= 2;
        }
    }
    return (struct virtq_config){
        .size_max = (uint16_t)size,
        .indirect_max = config->uses_indirect ? VGPU_EXTRA_MAX + 2 : 0,
        .is_interrupting = config->is_interrupting,
        .is_untimed = true, /* slots are: vgpu_time_ns */
    };
}

size_t
vgpu_arena_bytes(const struct vgpu_config *config)
{
    struct vgpu_config full = with_defaults(config);
    size_t bytes = vgpu_slots_arena_bytes(&full);
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        struct virtq_config queue = queue_config(&full, i);
        bytes += virtq_arena_bytes(&queue);
    }
    return bytes + full.resources_max * sizeof(struct vgpu_resource) + 64;
}

static enum virtio_err
set_up_queues(struct vgpu *vgpu, struct virtio_arena *arena)
{
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        struct virtq_config config = queue_config(&vgpu->config, i);
        enum virtio_err err =
            virtq_setup(&vgpu->queues[i], vgpu->device, (uint16_t)i, &config, arena);
        if (err != VIRTIO_OK) {
            return err;
        }
    }
    return VIRTIO_OK;
}

/* As many slots as the ring that the device gave us can hold commands. */
static enum virtio_err
set_up_memory(struct vgpu *vgpu, struct virtio_arena *arena)
{
    const struct virtq *control = &vgpu->queues[VIRTIO_GPU_CONTROLQ];
    unsigned per_command = control->has_indirect ? 1 : VGPU_SEGS_PER_COMMAND;
    unsigned fitting = control->size / per_command;
    vgpu->config.uses_indirect = vgpu->config.uses_indirect && control->has_indirect;
    vgpu->slot_count = vgpu->config.depth < fitting ? vgpu->config.depth : (uint16_t)fitting;
    if (vgpu->slot_count < VGPU_DEPTH_MIN) {
        return VIRTIO_ERR_UNSUPPORTED;
    }
    enum virtio_err err = vgpu_slots_init(vgpu, arena);
    if (err != VIRTIO_OK) {
        return err;
    }
    vgpu->resource_count = vgpu->config.resources_max;
    vgpu->resources = virtio_arena_take(arena, vgpu->resource_count * sizeof(struct vgpu_resource),
                                        _Alignof(struct vgpu_resource));
    return vgpu->resources != NULL ? VIRTIO_OK : VIRTIO_ERR_NO_MEMORY;
}

static enum virtio_err
read_config(struct vgpu *vgpu)
{
    struct virtio_gpu_config config;
    enum virtio_err err = virtio_config_read(vgpu->device, 0, "\4\4\4\4", &config, sizeof(config));
    if (err != VIRTIO_OK) {
        return err;
    }
    vgpu->scanout_count = le32_get(config.num_scanouts);
    vgpu->capset_count = le32_get(config.num_capsets);
    if (vgpu->scanout_count == 0 || vgpu->scanout_count > VIRTIO_GPU_SCANOUTS_MAX) {
        return virtio_driver_broken(
            vgpu->device, "num_scanouts is not 1 to 16 (VirtIO 1.3 §5.7.4.1)", vgpu->scanout_count);
    }
    return VIRTIO_OK;
}

static enum virtio_err
start(struct vgpu *vgpu, struct virtio_arena *arena)
{
    enum virtio_err err = set_up_queues(vgpu, arena);
    if (err == VIRTIO_OK) {
        err = set_up_memory(vgpu, arena);
    }
    if (err == VIRTIO_OK) {
        err = read_config(vgpu);
    }
    return err == VIRTIO_OK ? virtio_device_start(vgpu->device) : err;
}

/*
 * The queues are forgotten after the reset: until then the device may write to them. Returns:
 * VIRTIO_OK; VIRTIO_ERR_TIMEOUT: it has not let go of anything, VirtIO 1.3 §2.4.2.
 */
static enum virtio_err
let_go(struct vgpu *vgpu)
{
    if (virtio_device_release(vgpu->device, owner_name) == VIRTIO_ERR_TIMEOUT) {
        vgpu->failure = VIRTIO_ERR_TIMEOUT;
        return VIRTIO_ERR_TIMEOUT;
    }
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        virtq_finish(&vgpu->queues[i], NULL, NULL);
    }
    return VIRTIO_OK;
}

/* Negotiate and start. Failed, where the device is still ours because it does not reset. */
static enum virtio_err
bring_up(struct vgpu *vgpu, const struct driver_wish *wish, struct virtio_arena *arena)
{
    enum virtio_err err = virtio_driver_begin(vgpu->device, wish);
    bool is_stuck = false;
    vgpu->failure = err;
    if (err == VIRTIO_OK) {
        vgpu_state_change(vgpu, &vgpu->state, 0, VGPU_SETTING_UP_QUEUES);
        err = start(vgpu, arena);
        is_stuck = err != VIRTIO_OK && let_go(vgpu) != VIRTIO_OK;
    }
    if (err != VIRTIO_OK) {
        vgpu->slot_count = 0;
        vgpu->resource_count = 0;
    }
    enum vgpu_state failed = is_stuck ? VGPU_FAILED : VGPU_UNINITIALIZED;
    vgpu_state_change(vgpu, &vgpu->state, 0, err == VIRTIO_OK ? VGPU_RUNNING : failed);
    return is_stuck ? VIRTIO_ERR_TIMEOUT : err;
}

enum virtio_err
vgpu_init(struct vgpu *vgpu, struct virtio_device *device, const struct vgpu_config *config,
          struct virtio_arena *arena)
{
    memset(vgpu, 0, sizeof(*vgpu));
    vgpu->device = device;
    vgpu->config = with_defaults(config);
    vgpu->ops = vgpu->config.driver == VGPU_DRIVER_SIMPLE ? &vgpu_simple_ops : &vgpu_queued_ops;
    if (!is_config_valid(&vgpu->config)) {
        return VIRTIO_ERR_INVALID;
    }
    struct driver_wish wish = {
        .device_id = VIRTIO_ID_GPU,
        .who = owner_name,
        .features = VIRTIO_FEATURE(VIRTIO_GPU_F_VIRGL) | VIRTIO_FEATURE(VIRTIO_GPU_F_EDID) |
                    VIRTIO_FEATURE(VIRTIO_GPU_F_RESOURCE_UUID) |
                    VIRTIO_FEATURE(VIRTIO_GPU_F_RESOURCE_BLOB) |
                    VIRTIO_FEATURE(VIRTIO_GPU_F_CONTEXT_INIT),
        .reserved_features = vgpu->config.features,
    };
    vgpu_state_change(vgpu, &vgpu->state, 0, VGPU_NEGOTIATING);
    return bring_up(vgpu, &wish, arena);
}

enum virtio_err
vgpu_finish(struct vgpu *vgpu)
{
    if (vgpu->state != VGPU_RUNNING && vgpu->state != VGPU_FAILED) {
        return VIRTIO_OK;
    }
    vgpu_state_change(vgpu, &vgpu->state, 0, VGPU_STOPPING);
    if (let_go(vgpu) != VIRTIO_OK) {
        vgpu_state_change(vgpu, &vgpu->state, 0, VGPU_FAILED);
        return VIRTIO_ERR_TIMEOUT;
    }
    vgpu_slots_abandon_all(vgpu, VIRTIO_ERR_NOT_INITIALIZED);
    vgpu->leaked_count = vgpu_resources_forget(vgpu);
    vgpu_state_change(vgpu, &vgpu->state, 0, VGPU_UNINITIALIZED);
    vgpu->slot_count = 0;
    return VIRTIO_OK;
}

void
vgpu_fail(struct vgpu *vgpu, enum virtio_err err)
{
    if (vgpu->state != VGPU_RUNNING) {
        return;
    }
    const struct virtio_fault *fault = &vgpu->device->fault;
    vgpu->failure = err;
    vgpu_state_change(vgpu, &vgpu->state, 0, VGPU_FAILED);
    virtio_log(vgpu->device->bus->plat, VIRTIO_LOG_ERROR, "gpu: failed: %s%s%s",
               virtio_err_text(err), fault->rule != NULL ? ": " : "",
               fault->rule != NULL ? fault->rule : "");
    vgpu_slots_abandon_all(vgpu, err);
}
