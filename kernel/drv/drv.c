/* Every driver of a device on the virtio bus: see drv.h. */
#include "kernel/drv/drv.h"

#include "virtio/pci.h"

#include "kernel/core/bootargs.h"
#include "kernel/core/errno.h"
#include "kernel/core/log.h"
#include "kernel/drv/blk_dev.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/gpu_dev.h"
#include "kernel/drv/input_dev.h"
#include "kernel/drv/net_dev.h"
#include "kernel/drv/virtio_bus.h"
#include "kernel/drv/virtio_pci.h"

static void
start_gpu(struct virtio_device *device)
{
    bool is_simple = bootargs_get()->gpu == BOOTARGS_GPU_SIMPLE;

    (void)gpu_dev_start(device, is_simple ? VGPU_DRIVER_SIMPLE : VGPU_DRIVER_QUEUED);
}

static bool
is_driven(const struct virtio_device *device)
{
    return device->id == VIRTIO_ID_GPU || device->id == VIRTIO_ID_NET ||
           device->id == VIRTIO_ID_BLOCK || device->id == VIRTIO_ID_INPUT;
}

static void
start_one(struct virtio_device *device)
{
    if (is_driven(device)) {
        virtio_pci_prepare(device);
    }
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
drv_function_added(struct pci_function *function)
{
    struct virtio_device *device = virtio_pci_add(virtio_bus_get(), function);

    if (device != NULL) {
        start_one(device);
    }
}

/* Drivers of displays and disks can end while we run; a device that nobody drives may go as well. */
static int
stop_one(struct virtio_device *device)
{
    switch (device->id) {
    case VIRTIO_ID_GPU: return gpu_dev_stop(device);
    case VIRTIO_ID_BLOCK: return blk_dev_stop(device);
    default: return device->owner[0] != '\0' ? -E_BUSY : 0;
    }
}

int
drv_function_removed(struct pci_function *function, bool is_gone)
{
    struct virtio_device *device = virtio_pci_device(virtio_bus_get(), function);

    if (device == NULL) {
        return 0;
    }
    if (is_gone) {
        virtio_device_unplug(device);
    }
    int error = stop_one(device);
    if (error == 0 || is_gone) {
        virtio_pci_release(device);
    }
    if (error == 0 && !is_gone) {
        virtio_device_unplug(device); /* its place is free for another */
    }
    return error;
}

static const struct pci_listener listener = { drv_function_added, drv_function_removed };

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
    pci_slots_watch(&listener);
}
