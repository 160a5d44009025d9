/* The kernel's network device: see net_dev.h. */
#include "kernel/drv/net_dev.h"

#include "kernel/core/errno.h"
#include "kernel/core/log.h"
#include "kernel/drv/virtio_bus.h"
#include "kernel/mm/pages.h"

static struct vnet net;
static bool is_up;
static bool is_polled;

/* The interrupt ends the main thread's sleep, and its idle hook looks for frames; here it is only acknowledged. */
static void
on_interrupt(uint32_t irq, void *ctx)
{
    (void)irq;
    (void)ctx;
    (void)vnet_take_events(&net);
}

int
net_dev_start(struct virtio_device *device)
{
    struct vnet_config config = {
        .rx_queue_size = VNET_QUEUE_SIZE_MAX,
        .tx_queue_size = VNET_QUEUE_SIZE_MAX,
        .features = virtio_bus_ring_features(),
        .is_interrupting = true,
    };
    struct virtio_arena arena;

    if (is_up) {
        log_warn("net", "device %u: not driven, one network device is the most", device->index);
        return -E_NOSPC;
    }
    if (drv_arena(&arena, vnet_arena_bytes(&config)) != 0) {
        return -E_NOMEM;
    }
    enum virtio_err err = vnet_init(&net, device, &config, &arena);
    if (err != VIRTIO_OK) {
        if (arena.used_bytes == 0) { /* else the device did not reset and still has it */
            dma_free(arena.base, arena.bytes);
        }
        log_error("net", "device %u: %s", device->index, virtio_err_text(err));
        return errno_from_virtio(err);
    }
    is_up = true;
    log_info("net", "VirtIO Net: MAC=%02x:%02x:%02x:%02x:%02x:%02x MTU=%u link %s", net.mac[0],
             net.mac[1], net.mac[2], net.mac[3], net.mac[4], net.mac[5], net.mtu,
             net.is_link_up ? "up" : "down");
    int result = drv_interrupt(device, on_interrupt, NULL, "virtio-net");
    is_polled = result != 0;
    return result;
}

struct vnet *
net_dev_get(void)
{
    return is_up ? &net : NULL;
}

bool
net_dev_is_polled(void)
{
    return is_polled;
}
