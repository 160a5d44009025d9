/*
 * The states of a device and of a framebuffer: their names, the table of allowed changes, and the
 * one function that changes them.
 */
#include "virtio/driver/gpu/driver.h"

#define TO(state) (1U << VGPU_##state)

static const char *const names[VGPU_STATE_COUNT] = {
    [VGPU_UNINITIALIZED] = "Uninitialized",
    [VGPU_NEGOTIATING] = "Negotiating",
    [VGPU_SETTING_UP_QUEUES] = "SettingUpQueues",
    [VGPU_RUNNING] = "Running",
    [VGPU_STOPPING] = "Stopping",
    [VGPU_INITIALIZING_RESOURCE_CREATE_2D] = "InitializingResourceCreate2D",
    [VGPU_INITIALIZING_RESOURCE_ATTACH_BACKING] = "InitializingResourceAttachBacking",
    [VGPU_INITIALIZING_SET_SCANOUT] = "InitializingSetScanout",
    [VGPU_READY] = "Ready",
    [VGPU_FINISHING_SET_SCANOUT] = "FinishingSetScanout",
    [VGPU_FINISHING_RESOURCE_DETACH_BACKING] = "FinishingResourceDetachBacking",
    [VGPU_FINISHING_RESOURCE_UNREF] = "FinishingResourceUnref",
    [VGPU_FAILED] = "Failed",
};

/* What may follow each state. */
static const uint32_t next_of[VGPU_STATE_COUNT] = {
    [VGPU_UNINITIALIZED] = TO(NEGOTIATING) | TO(INITIALIZING_RESOURCE_CREATE_2D),
    [VGPU_NEGOTIATING] = TO(SETTING_UP_QUEUES) | TO(UNINITIALIZED) | TO(FAILED),
    [VGPU_SETTING_UP_QUEUES] = TO(RUNNING) | TO(UNINITIALIZED) | TO(FAILED),
    [VGPU_RUNNING] = TO(STOPPING) | TO(FAILED),
    [VGPU_STOPPING] = TO(UNINITIALIZED) | TO(FAILED),
    [VGPU_INITIALIZING_RESOURCE_CREATE_2D] = TO(INITIALIZING_RESOURCE_ATTACH_BACKING) | TO(FAILED),
    [VGPU_INITIALIZING_RESOURCE_ATTACH_BACKING] =
        TO(INITIALIZING_SET_SCANOUT) | TO(READY) | TO(FAILED),
    [VGPU_INITIALIZING_SET_SCANOUT] = TO(READY) | TO(FAILED),
    [VGPU_READY] = TO(FINISHING_SET_SCANOUT) | TO(FINISHING_RESOURCE_DETACH_BACKING),
    [VGPU_FINISHING_SET_SCANOUT] = TO(FINISHING_RESOURCE_DETACH_BACKING) | TO(FAILED),
    [VGPU_FINISHING_RESOURCE_DETACH_BACKING] = TO(FINISHING_RESOURCE_UNREF) | TO(FAILED),
    [VGPU_FINISHING_RESOURCE_UNREF] = TO(UNINITIALIZED) | TO(FAILED),
    [VGPU_FAILED] = TO(STOPPING) | TO(FINISHING_SET_SCANOUT) |
                    TO(FINISHING_RESOURCE_DETACH_BACKING) | TO(FINISHING_RESOURCE_UNREF) |
                    TO(UNINITIALIZED),
};

const char *
vgpu_state_name(enum vgpu_state state)
{
    return (unsigned)state < VGPU_STATE_COUNT ? names[state] : "unknown";
}

bool
vgpu_state_allows(enum vgpu_state from, enum vgpu_state to)
{
    bool is_known = (unsigned)from < VGPU_STATE_COUNT && (unsigned)to < VGPU_STATE_COUNT;
    return is_known && (next_of[from] >> to & 1) != 0;
}

void
vgpu_state_change(struct vgpu *vgpu, enum vgpu_state *state, uint32_t resource_id,
                  enum vgpu_state to)
{
    enum vgpu_state from = *state;
    VIRTIO_CHECK(vgpu_state_allows(from, to));
    *state = to;
    vgpu_trace(vgpu, TRACE_GPU_STATE, (uint64_t)resource_id << 32 | from, to);
    virtio_log(vgpu->device->bus->plat, VIRTIO_LOG_DEBUG, "gpu: resource %u: %s -> %s",
               (unsigned)resource_id, names[from], names[to]);
}
