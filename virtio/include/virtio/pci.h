/*
 * Virtio devices on PCI. The embedding kernel owns the bus: it enumerates, assigns BARs, turns memory and bus mastering on,
 * and programs MSI-X; the library is told of one function at a time.
 *
 *   struct virtio_pci_function function = { .ctx = &mine, .config_read = mine_read, .address = bus << 8 | device << 3 | fn,
 *                                           .bars = { ... CPU addresses ... } };
 *   virtio_pci_probe(&bus, &function, &device)           only reads; then as any device: virtio/device.h
 *   virtio_device_use_vectors(device, 0, 1)              where MSI-X is on; else the ISR register is read
 *   ... virtio_device_note_vector(device, VIRTIO_INTERRUPT_USED_BUFFER) in the handler of vector 1 ...
 *   virtio_device_unplug(device)                         the function has gone
 */
#ifndef VIRTIO_PCI_H
#define VIRTIO_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/pci.h"

#include "virtio/device.h"

/* One base address register as the CPU sees it. */
struct virtio_pci_bar {
    uint64_t base;  /* CPU physical address */
    uint64_t bytes; /* 0: not there, not assigned, or the upper half of a 64-bit one */
    bool is_io;
};

/* One function of the bus. Used during probing only. */
struct virtio_pci_function {
    void *ctx;

    /* Read configuration space: `width` 1, 2 or 4 bytes at an aligned `offset` below 256, in CPU order. */
    uint32_t (*config_read)(void *ctx, uint16_t offset, unsigned width);

    uint16_t address; /* bus << 8 | device << 3 | function: for people */
    struct virtio_pci_bar bars[PCI_BAR_COUNT];
};

/*
 * Look at a function. Reads configuration space, maps the register windows that its capabilities tell of, touches no
 * register in them, writes nothing: probing a running device is harmless. Of several capabilities of a type the first is
 * taken; those of unknown type or of a reserved BAR are passed over (§4.1.4.1). Transitional functions are driven by the
 * modern interface. A function that was seen before gives the same device, but for one that was unplugged since.
 * Returns: VIRTIO_OK and *device for every virtio device, of known kind or not; VIRTIO_ERR_NO_DEVICE: no virtio function;
 * VIRTIO_ERR_UNSUPPORTED: one without the modern interface (logged); VIRTIO_ERR_BROKEN: its capabilities lie (logged with
 * a sentence and the value); VIRTIO_ERR_NO_MEMORY: the bus is full, or a window cannot be mapped. *device is NULL then.
 * Source: VirtIO 1.3 §4.1.2, §4.1.4, §4.1.5.1.1.
 */
enum virtio_err virtio_pci_probe(struct virtio_bus *bus, const struct virtio_pci_function *function,
                                 struct virtio_device **device);

/*
 * Let the device signal by MSI-X: configuration changes by `config_vector`, all its queues by `queue_vector`, entries of a
 * table that is enabled. Resets the device, tries each vector and reads it back; from then on each negotiation and each
 * queue set-up sets it again. Before a driver claims the device.
 * Returns: VIRTIO_OK; VIRTIO_ERR_UNSUPPORTED: the transport has no vectors or the device refuses one, and none is set:
 * turn MSI-X off and use the function's INTx; VIRTIO_ERR_STATE: the device has an owner; VIRTIO_ERR_TIMEOUT: no reset.
 * Source: VirtIO 1.3 §4.1.5.1.2.
 */
enum virtio_err virtio_device_use_vectors(struct virtio_device *device, uint16_t config_vector,
                                          uint16_t queue_vector);

/*
 * A vector came: `bits` (VIRTIO_INTERRUPT_*) are what the next virtio_device_take_interrupts answers, which then reads no
 * register. Context: interrupt handlers.
 */
void virtio_device_note_vector(struct virtio_device *device, uint32_t bits);

/*
 * The device was taken out of its slot: no register of it is accessed any more, its health is VIRTIO_ERR_LOST, and a reset,
 * so also a release, succeeds at once, since nothing can write to its memory. Its place on the bus is free for another
 * device once nobody owns it. Context: any but interrupt handlers.
 */
void virtio_device_unplug(struct virtio_device *device);

/* Was it unplugged? */
bool virtio_device_is_unplugged(const struct virtio_device *device);

#endif
