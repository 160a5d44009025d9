/*
 * virtio over PCI: probing. Contract: virtio/pci.h; VirtIO 1.3 §4.1.2, §4.1.4, §4.1.5.1.1.
 */
#include "virtio/transport/pci.h"

#include "virtio/core/internal.h"
#include "virtio/core/memory.h"

/* For every message of a function: 00:01.0. */
struct address_text {
    unsigned bus;
    unsigned device;
    unsigned function;
};

static struct address_text
address_of(const struct virtio_pci_function *function)
{
    return (struct address_text){ function->address >> 8, function->address >> 3 & 31U,
                                  function->address & 7U };
}

/* The virtio device id, or VIRTIO_ID_NONE where the function is no virtio device. §4.1.2.1, §4.1.2.3. */
static uint32_t
device_id(const struct virtio_pci_function *function)
{
    uint32_t id = function->config_read(function->ctx, PCI_DEVICE_ID, 2);
    if (function->config_read(function->ctx, PCI_VENDOR_ID, 2) != VIRTIO_PCI_VENDOR ||
        id < VIRTIO_PCI_DEVICE_FIRST || id > VIRTIO_PCI_DEVICE_LAST) {
        return VIRTIO_ID_NONE;
    }
    if (id >= VIRTIO_PCI_DEVICE_MODERN) {
        return id - VIRTIO_PCI_DEVICE_MODERN;
    }
    return function->config_read(function->ctx, PCI_SUBSYSTEM_ID, 2); /* transitional */
}

static enum virtio_err
read_caps(const struct virtio_bus *bus, const struct virtio_pci_function *function,
          struct pci_found *found)
{
    struct address_text at = address_of(function);
    struct pci_lie lie = { NULL, 0 };
    enum virtio_err err = virtio_pci_read_caps(function, found, &lie);
    if (err != VIRTIO_OK) {
        virtio_log(bus->plat, VIRTIO_LOG_ERROR,
                   "pci %02x:%02x.%u is not driven: %s; the value is 0x%llx", at.bus, at.device,
                   at.function, lie.rule, (unsigned long long)lie.value);
        return err;
    }
    if (!found->common.is_there || !found->notify.is_there || !found->isr.is_there) {
        virtio_log(bus->plat, VIRTIO_LOG_ERROR,
                   "pci %02x:%02x.%u is not driven: it has only the legacy interface, or a part of "
                   "the modern one (VirtIO 1.3 §4.1.4: common, notification and ISR structures)",
                   at.bus, at.device, at.function);
        return VIRTIO_ERR_UNSUPPORTED;
    }
    return VIRTIO_OK;
}

static volatile uint8_t *
map_region(const struct virtio_bus *bus, const struct pci_region *region)
{
    return bus->plat->map(bus->plat->ctx, region->phys, (size_t)region->bytes);
}

/* Returns: VIRTIO_OK, VIRTIO_ERR_NO_MEMORY. */
static enum virtio_err
map_windows(const struct virtio_bus *bus, const struct pci_found *found, struct virtio_device *seen)
{
    seen->regs = map_region(bus, &found->common);
    seen->pci.notify = map_region(bus, &found->notify);
    seen->pci.isr = map_region(bus, &found->isr);
    seen->pci.config = found->config.is_there ? map_region(bus, &found->config) : NULL;
    if (seen->regs == NULL || seen->pci.notify == NULL || seen->pci.isr == NULL ||
        (found->config.is_there && seen->pci.config == NULL)) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    return VIRTIO_OK;
}

static void
fill(const struct virtio_pci_function *function, const struct pci_found *found,
     struct virtio_device *seen)
{
    seen->ops = &virtio_pci_modern_ops;
    seen->base = found->common.phys;
    seen->vendor = VIRTIO_PCI_VENDOR;
    seen->config_bytes = (size_t)found->config.bytes;
    seen->pci.address = function->address;
    seen->pci.notify_bytes = found->notify.bytes;
    seen->pci.notify_multiplier = found->notify_multiplier;
    seen->pci.shm_count = found->shm_count;
    memcpy(seen->pci.shms, found->shms, sizeof(found->shms));
}

static void
report(const struct virtio_device *device, const struct virtio_pci_function *function)
{
    struct address_text at = address_of(function);
    uint32_t pci_id = function->config_read(function->ctx, PCI_DEVICE_ID, 2);
    device_trace(device, TRACE_DEVICE_SEEN, trace_halves(device->id, 2), device->base);
    virtio_log(device->bus->plat, VIRTIO_LOG_INFO,
               "virtio %s (id %u) at 0x%llx by pci %02x:%02x.%u%s", virtio_device_kind(device->id),
               device->id, (unsigned long long)device->base, at.bus, at.device, at.function,
               pci_id < VIRTIO_PCI_DEVICE_MODERN ? ", transitional" : "");
}

enum virtio_err
virtio_pci_probe(struct virtio_bus *bus, const struct virtio_pci_function *function,
                 struct virtio_device **device)
{
    struct pci_found found;
    struct virtio_device seen = { .id = device_id(function) };
    *device = NULL;
    if (seen.id == VIRTIO_ID_NONE) {
        return VIRTIO_ERR_NO_DEVICE;
    }
    enum virtio_err err = read_caps(bus, function, &found);
    if (err != VIRTIO_OK) {
        return err;
    }
    *device = virtio_bus_find(bus, found.common.phys);
    if (*device != NULL) {
        return VIRTIO_OK;
    }
    err = map_windows(bus, &found, &seen);
    if (err != VIRTIO_OK) {
        return err;
    }
    fill(function, &found, &seen);
    *device = virtio_bus_add(bus, &seen);
    if (*device == NULL) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    report(*device, function);
    return VIRTIO_OK;
}
