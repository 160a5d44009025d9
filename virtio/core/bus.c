/*
 * The caller's root object: which devices were seen. Contract: virtio/device.h.
 */
#include "virtio/core/internal.h"
#include "virtio/pci.h"

enum virtio_err
virtio_bus_init(struct virtio_bus *bus, const struct virtio_platform *plat,
                struct virtio_trace *trace)
{
    bool is_complete = plat != NULL && plat->map != NULL && plat->dma_addr != NULL &&
                       plat->now_ns != NULL && plat->log != NULL;
    if (!is_complete || (plat->mmio_read == NULL) != (plat->mmio_write == NULL)) {
        return VIRTIO_ERR_INVALID;
    }
    *bus = (struct virtio_bus){ .plat = plat, .trace = trace };
    return VIRTIO_OK;
}

struct virtio_device *
virtio_bus_find(struct virtio_bus *bus, uint64_t base)
{
    for (uint32_t i = 0; i < bus->device_count; i++) {
        if (bus->devices[i].base == base && !virtio_device_is_unplugged(&bus->devices[i])) {
            return &bus->devices[i];
        }
    }
    return NULL;
}

/* A place that an unplugged device has left, else a new one; NULL: there is none. */
static struct virtio_device *
free_place(struct virtio_bus *bus)
{
    for (uint32_t i = 0; i < bus->device_count; i++) {
        struct virtio_device *device = &bus->devices[i];
        if (virtio_device_is_unplugged(device) && device->owner[0] == '\0') {
            return device;
        }
    }
    return bus->device_count < VIRTIO_BUS_DEVICES_MAX ? &bus->devices[bus->device_count++] : NULL;
}

struct virtio_device *
virtio_bus_add(struct virtio_bus *bus, const struct virtio_device *seen)
{
    struct virtio_device *device = free_place(bus);
    if (device == NULL) {
        return NULL;
    }
    *device = *seen;
    device->bus = bus;
    device->index = (uint8_t)(device - bus->devices);
    return device;
}

static const struct {
    uint8_t id;
    char name[16];
} kinds[] = {
    {VIRTIO_ID_NET,      "network"       },
    { VIRTIO_ID_BLOCK,   "block"         },
    { VIRTIO_ID_CONSOLE, "console"       },
    { VIRTIO_ID_ENTROPY, "entropy"       },
    { 5,                 "balloon"       },
    { 8,                 "SCSI host"     },
    { 9,                 "9P transport"  },
    { VIRTIO_ID_GPU,     "gpu"           },
    { VIRTIO_ID_INPUT,   "input"         },
    { 19,                "socket"        },
    { 20,                "crypto"        },
    { 23,                "IOMMU"         },
    { 24,                "memory"        },
    { 25,                "sound"         },
    { 26,                "file system"   },
    { 27,                "PMEM"          },
    { 29,                "mac80211 hwsim"},
    { 32,                "SCMI"          },
    { 34,                "I2C adapter"   },
    { 36,                "CAN"           },
    { 41,                "GPIO"          },
};

const char *
virtio_device_kind(uint32_t id)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].id == id) {
            return kinds[i].name;
        }
    }
    return "unknown";
}
