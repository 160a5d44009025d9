/*
 * virtio over PCI, the modern interface: registers in windows of BARs. VirtIO 1.3 §4.1.3 to §4.1.5.
 */
#include "abi/virtio_mmio.h" /* the bits of an interrupt are the same */
#include "abi/virtio_ring.h"

#include "virtio/core/barrier.h"
#include "virtio/core/internal.h"
#include "virtio/transport/access.h"
#include "virtio/transport/pci.h"

#define COMMON(field) offsetof(struct virtio_pci_common_cfg, field)

static uint32_t
common_read(const struct virtio_device *device, size_t offset, unsigned width)
{
    return register_read(device->bus->plat, device->regs + offset, width);
}

static void
common_write(struct virtio_device *device, size_t offset, unsigned width, uint32_t value)
{
    register_write(device->bus->plat, device->regs + offset, width, value);
}

static uint8_t
pci_get_status(struct virtio_device *device)
{
    return (uint8_t)common_read(device, COMMON(device_status), 1);
}

static void
pci_set_status(struct virtio_device *device, uint8_t status)
{
    common_write(device, COMMON(device_status), 1, status);
}

static uint64_t
pci_get_features(struct virtio_device *device)
{
    uint64_t features = 0;
    for (uint32_t half = 0; half < 2; half++) {
        common_write(device, COMMON(device_feature_select), 4, half);
        features |= (uint64_t)common_read(device, COMMON(device_feature), 4) << (32 * half);
    }
    return features;
}

static void
pci_set_features(struct virtio_device *device, uint64_t features)
{
    for (uint32_t half = 0; half < 2; half++) {
        common_write(device, COMMON(driver_feature_select), 4, half);
        common_write(device, COMMON(driver_feature), 4, (uint32_t)(features >> (32 * half)));
    }
}

/* Returns: whether the device has a queue of that number at all. */
static bool
select_queue(struct virtio_device *device, uint16_t queue_idx)
{
    if (queue_idx >= common_read(device, COMMON(num_queues), 2)) {
        return false;
    }
    common_write(device, COMMON(queue_select), 2, queue_idx);
    return true;
}

static uint16_t
pci_queue_size_max(struct virtio_device *device, uint16_t queue_idx)
{
    if (!select_queue(device, queue_idx)) {
        return 0;
    }
    uint32_t size_max = common_read(device, COMMON(queue_size), 2);
    return size_max < VIRTQ_SIZE_MAX ? (uint16_t)size_max : VIRTQ_SIZE_MAX;
}

/* §4.1.4.4: where the queue is notified; the device says, so it is checked against its own window. */
static bool
find_notify(struct virtio_device *device, uint16_t queue_idx)
{
    struct virtio_pci_windows *pci = &device->pci;
    uint64_t offset =
        (uint64_t)common_read(device, COMMON(queue_notify_off), 2) * pci->notify_multiplier;
    uint64_t bytes = virtio_device_has(device, VIRTIO_F_NOTIFICATION_DATA) ? 4 : 2;
    if (bytes > pci->notify_bytes || offset > pci->notify_bytes - bytes || offset % bytes != 0) {
        virtio_device_break(
            device, "a queue's notification lies outside its window (VirtIO 1.3 §4.1.4.4)", offset);
        return false;
    }
    pci->notify_offsets[queue_idx] = (uint32_t)offset;
    return true;
}

/* §4.1.3.1: 64-bit fields may be written in halves. */
static void
write_addr(struct virtio_device *device, size_t offset_low, uint64_t addr)
{
    common_write(device, offset_low, 4, (uint32_t)addr);
    common_write(device, offset_low + 4, 4, (uint32_t)(addr >> 32));
}

/* §4.1.5.1.3, §4.1.4.3.2: everything is there before the queue is enabled. */
static enum virtio_err
pci_queue_enable(struct virtio_device *device, uint16_t queue_idx,
                 const struct virtio_queue_areas *areas)
{
    if (!select_queue(device, queue_idx) || !find_notify(device, queue_idx)) {
        return VIRTIO_ERR_INVALID;
    }
    if (common_read(device, COMMON(queue_enable), 2) != 0) {
        return VIRTIO_ERR_BUSY;
    }
    common_write(device, COMMON(queue_size), 2, areas->size);
    write_addr(device, COMMON(queue_desc_low), areas->desc_addr);
    write_addr(device, COMMON(queue_driver_low), areas->driver_addr);
    write_addr(device, COMMON(queue_device_low), areas->device_addr);
    common_write(device, COMMON(queue_enable), 2, 1);
    return VIRTIO_OK;
}

/* §4.1.5.2: 16 bits, the queue's index; 32 with NOTIFICATION_DATA. */
static void
pci_queue_notify(struct virtio_device *device, uint16_t queue_idx, uint32_t value)
{
    unsigned width = virtio_device_has(device, VIRTIO_F_NOTIFICATION_DATA) ? 4 : 2;
    volatile uint8_t *reg = device->pci.notify + device->pci.notify_offsets[queue_idx];
    register_write(device->bus->plat, reg, width, value);
}

/* What vectors brought since the last look. */
static uint32_t
take_noted(struct virtio_vectors *vectors)
{
    uint32_t bits = 0;
    if (virtio_exchange(&vectors->has_used, 0) != 0) {
        bits |= VIRTIO_INTERRUPT_USED_BUFFER;
    }
    if (virtio_exchange(&vectors->has_config, 0) != 0) {
        bits |= VIRTIO_INTERRUPT_CONFIG;
    }
    return bits;
}

/* §4.1.4.5: reading ISR status acknowledges it. §4.1.5.3.1, §4.1.5.4: with MSI-X it is not read, it says nothing. */
static uint32_t
pci_take_interrupts(struct virtio_device *device)
{
    if (device->vectors.are_on) {
        return take_noted(&device->vectors);
    }
    uint32_t bits = register_read(device->bus->plat, device->pci.isr, 1) &
                    (VIRTIO_INTERRUPT_USED_BUFFER | VIRTIO_INTERRUPT_CONFIG);
    if (bits != 0) {
        /* Acknowledged before the used ring is looked at: what is used after that look interrupts again. */
        virtio_load_barrier();
    }
    return bits;
}

static uint32_t
pci_config_read(struct virtio_device *device, size_t offset, unsigned width)
{
    return register_read(device->bus->plat, device->pci.config + offset, width);
}

static void
pci_config_write(struct virtio_device *device, size_t offset, unsigned width, uint32_t value)
{
    register_write(device->bus->plat, device->pci.config + offset, width, value);
}

static uint32_t
pci_config_generation(struct virtio_device *device)
{
    return common_read(device, COMMON(config_generation), 1);
}

static enum virtio_err
pci_shm(struct virtio_device *device, uint8_t id, uint64_t *phys, uint64_t *bytes)
{
    for (uint32_t i = 0; i < device->pci.shm_count; i++) {
        const struct virtio_pci_shm *shm = &device->pci.shms[i];
        if (shm->id == id) {
            *phys = shm->phys;
            *bytes = shm->bytes;
            return VIRTIO_OK;
        }
    }
    return VIRTIO_ERR_UNSUPPORTED;
}

static bool
pci_set_vector(struct virtio_device *device, uint16_t queue_idx, uint16_t vector)
{
    size_t offset = COMMON(config_msix_vector);
    if (queue_idx != VIRTIO_VECTOR_OF_CONFIG) {
        if (!select_queue(device, queue_idx)) {
            return false;
        }
        offset = COMMON(queue_msix_vector);
    }
    common_write(device, offset, 2, vector);
    return common_read(device, offset, 2) == vector;
}

const struct virtio_transport_ops virtio_pci_modern_ops = {
    .name = "pci",
    .is_legacy = false,
    .get_status = pci_get_status,
    .set_status = pci_set_status,
    .get_features = pci_get_features,
    .set_features = pci_set_features,
    .queue_size_max = pci_queue_size_max,
    .queue_enable = pci_queue_enable,
    .queue_notify = pci_queue_notify,
    .take_interrupts = pci_take_interrupts,
    .config_read = pci_config_read,
    .config_write = pci_config_write,
    .config_generation = pci_config_generation,
    .shm = pci_shm,
    .set_vector = pci_set_vector,
};
