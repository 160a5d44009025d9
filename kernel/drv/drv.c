/* Every driver of a device on the virtio bus: see drv.h. */
#include "kernel/drv/drv.h"

#include "kernel/core/bootargs.h"
#include "kernel/core/log.h"
#include "kernel/drv/blk_dev.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/gpu_dev.h"
#include "kernel/drv/input_dev.h"
#include "kernel/drv/net_dev.h"
#include "kernel/drv/virtio_bus.h"

static void
start_gpu(struct virtio_device *device)
{
    bool is_simple = bootargs_get()->gpu == BOOTARGS_GPU_SIMPLE;

    (void)gpu_dev_start(device, is_simple ? VGPU_DRIVER_SIMPLE : VGPU_DRIVER_QUEUED);
}

static void
start_one(struct virtio_device *device)
{
    /* A driver that does not start has said why; the others go on. */
    switch (device->id) {
    case VIRTIO_ID_GPU: start_gpu(device); return;
    case VIRTIO_ID_NET: (void)net_dev_start(device); return;
    case VIRTIO_ID_BLOCK: (void)blk_dev_start(device); return;
    case VIRTIO_ID_INPUT: (void)input_dev_start(device); return;
    default:
        log_info("virtio", "device %u: %s (id %u) has no driver here", device->index,
                 virtio_device_kind(device->id), device->id);
        return;
    }
}

void
drv_start(void)
{
    uint32_t count = virtio_bus_start(bootargs_get()->rings == BOOTARGS_RINGS_PACKED);

    /* The screen first: who looks at it should see the rest come up. */
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < count; i++) {
            struct virtio_device *device = &virtio_bus_get()->devices[i];

            if ((device->id == VIRTIO_ID_GPU) == (pass == 0)) {
                start_one(device);
            }
        }
    }
    commands_register();
}
