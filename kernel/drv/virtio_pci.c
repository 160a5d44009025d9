/* Virtio on PCI under this kernel: see virtio_pci.h. */
#include "kernel/drv/virtio_pci.h"

#include "abi/virtio_mmio.h"

#include "virtio/pci.h"

#include "kernel/core/errno.h"
#include "kernel/core/log.h"
#include "kernel/fdt/devices.h"
#include "kernel/irq/irq.h"
#include "kernel/irq/msi.h"

enum {
    VECTOR_OF_CONFIG, /* entries of the MSI-X table */
    VECTOR_OF_QUEUES,
    VECTOR_COUNT,
};

/* How a device's interrupts come; by the device's index. */
static struct wiring {
    struct pci_function *function; /* NULL: not on PCI */
    struct virtio_device *device;
    struct pci_irq irq; /* count 0: none */
    void (*handler)(uint32_t irq, void *ctx);
    void *ctx;
} wirings[VIRTIO_BUS_DEVICES_MAX];

static uint32_t
config_read(void *ctx, uint16_t offset, unsigned width)
{
    return pci_read(ctx, offset, width);
}

static void
fill_bars(const struct pci_function *function, struct virtio_pci_function *shown)
{
    for (uint32_t i = 0; i < PCI_BAR_COUNT; i++) {
        uint64_t address = pci_bar_cpu_address(function, i);

        shown->bars[i] = (struct virtio_pci_bar){
            .base = address,
            .bytes = address != 0 ? function->bars[i].bytes : 0,
            .is_io = function->bars[i].space == PCI_SPACE_IO,
        };
    }
}

struct virtio_device *
virtio_pci_add(struct virtio_bus *bus, struct pci_function *function)
{
    struct virtio_pci_function shown = { .ctx = function,
                                         .config_read = config_read,
                                         .address = pci_address(function) };
    struct virtio_device *device;

    fill_bars(function, &shown);
    enum virtio_err err = virtio_pci_probe(bus, &shown, &device);
    if (err != VIRTIO_OK) {
        if (err != VIRTIO_ERR_NO_DEVICE) {
            pci_describe(function, "virtio: %s", virtio_err_text(err));
        }
        return NULL;
    }
    wirings[device->index] = (struct wiring){ .function = function, .device = device };
    function->driver = "virtio-pci";
    pci_describe(function, "virtio %s, nobody's", virtio_device_kind(device->id));
    /* The library reads registers from now on. */
    pci_command(function, 0, PCI_COMMAND_MEMORY);
    return device;
}

void
virtio_pci_start(struct virtio_bus *bus)
{
    struct pci_function *function;

    (void)pci_start();
    for (uint32_t i = 0; (function = pci_function_at(i)) != NULL; i++) {
        (void)virtio_pci_add(bus, function);
    }
}

bool
virtio_pci_has(const struct virtio_device *device)
{
    return wirings[device->index].device == device;
}

struct virtio_device *
virtio_pci_device(struct virtio_bus *bus, const struct pci_function *function)
{
    for (uint32_t i = 0; i < bus->device_count; i++) {
        if (wirings[i].function == function && wirings[i].device != NULL) {
            return wirings[i].device;
        }
    }
    return NULL;
}

/* Before there is a driver what comes is acknowledged all the same: a level would never fall. */
static void
serve(struct wiring *wiring, uint32_t irq)
{
    if (wiring->handler != NULL) {
        wiring->handler(irq, wiring->ctx);
    } else {
        (void)virtio_device_take_interrupts(wiring->device);
    }
}

static void
on_config_vector(uint32_t irq, void *ctx)
{
    struct wiring *wiring = ctx;

    virtio_device_note_vector(wiring->device, VIRTIO_INTERRUPT_CONFIG);
    serve(wiring, irq);
}

static void
on_queue_vector(uint32_t irq, void *ctx)
{
    struct wiring *wiring = ctx;

    virtio_device_note_vector(wiring->device, VIRTIO_INTERRUPT_USED_BUFFER);
    serve(wiring, irq);
}

static bool
is_on_line(const struct wiring *wiring, uint32_t irq)
{
    return wiring->irq.count != 0 && !wiring->irq.is_msix && wiring->irq.irqs[0] == irq;
}

/* INTx lines are shared: each device on the line is asked. */
static void
on_line(uint32_t irq, void *ctx)
{
    (void)ctx;
    for (uint32_t i = 0; i < VIRTIO_BUS_DEVICES_MAX; i++) {
        if (is_on_line(&wirings[i], irq)) {
            serve(&wirings[i], irq);
        }
    }
}

static int
register_vector(void *ctx, uint32_t irq, uint32_t vector)
{
    return irq_register(irq, IRQ_TRIGGER_ANY,
                        vector == VECTOR_OF_CONFIG ? on_config_vector : on_queue_vector, ctx,
                        vector == VECTOR_OF_CONFIG ? "virtio-pci config" : "virtio-pci queues");
}

static void
unregister_all(const struct pci_irq *irq)
{
    for (uint32_t i = 0; i < irq->count; i++) {
        (void)irq_unregister(irq->irqs[i]);
    }
}

/* Returns: 0; why not, and nothing is changed. */
static int
use_messages(struct wiring *wiring)
{
    int error =
        pci_irq_messages(wiring->function, VECTOR_COUNT, register_vector, wiring, &wiring->irq);

    if (error == 0 && virtio_device_use_vectors(wiring->device, VECTOR_OF_CONFIG,
                                                VECTOR_OF_QUEUES) != VIRTIO_OK) {
        unregister_all(&wiring->irq);
        pci_irq_release(wiring->function, &wiring->irq);
        error = -E_NODEV;
    }
    if (error != 0) {
        wiring->irq.count = 0;
        return error;
    }
    pci_describe(wiring->function, "virtio %s, MSI-X by %s, lines %u and %u",
                 virtio_device_kind(wiring->device->id), msi_controller_name(),
                 wiring->irq.irqs[VECTOR_OF_CONFIG], wiring->irq.irqs[VECTOR_OF_QUEUES]);
    return 0;
}

static bool
is_line_registered(uint32_t irq)
{
    for (uint32_t i = 0; i < VIRTIO_BUS_DEVICES_MAX; i++) {
        if (is_on_line(&wirings[i], irq)) {
            return true;
        }
    }
    return false;
}

static int
use_line(struct wiring *wiring)
{
    struct dt_irq line;
    int error = pci_irq_line(wiring->function, &line);

    if (error == 0 && !is_line_registered(line.irq)) {
        error = irq_register(line.irq, (enum irq_trigger)line.trigger, on_line, NULL, "pci intx");
    }
    if (error != 0) {
        pci_describe(wiring->function, "virtio %s, polled", virtio_device_kind(wiring->device->id));
        return error;
    }
    wiring->irq = (struct pci_irq){ .count = 1, .irqs = { line.irq } };
    pci_command(wiring->function, PCI_COMMAND_INTX_OFF, 0);
    pci_describe(wiring->function, "virtio %s, INTx, line %u",
                 virtio_device_kind(wiring->device->id), line.irq);
    return 0;
}

void
virtio_pci_prepare(struct virtio_device *device)
{
    struct wiring *wiring = &wirings[device->index];
    char name[8];

    if (!virtio_pci_has(device)) {
        return;
    }
    pci_command(wiring->function, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    if (use_messages(wiring) != 0) {
        (void)use_line(wiring);
    }
    log_info("pci", "%s: %s", pci_name(wiring->function, name), wiring->function->detail);
}

int
virtio_pci_interrupt(const struct virtio_device *device, void (*handler)(uint32_t irq, void *ctx),
                     void *ctx, const char *name)
{
    struct wiring *wiring = &wirings[device->index];

    if (wiring->irq.count == 0) {
        return -E_NODEV;
    }
    wiring->function->driver = name;
    wiring->ctx = ctx;
    __atomic_store_n(&wiring->handler, handler, __ATOMIC_RELEASE); /* an interrupt may come now */
    return 0;
}

void
virtio_pci_release(struct virtio_device *device)
{
    struct wiring *wiring = &wirings[device->index];

    if (!virtio_pci_has(device)) {
        return;
    }
    struct pci_irq irq = wiring->irq;
    wiring->irq.count = 0;
    wiring->handler = NULL;
    if (irq.count != 0 && (irq.is_msix || !is_line_registered(irq.irqs[0]))) {
        unregister_all(&irq);
    }
    if (irq.count != 0) {
        pci_irq_release(wiring->function, &irq);
    }
    pci_command(wiring->function, PCI_COMMAND_MASTER, 0);
    wiring->function->driver = NULL;
    *wiring = (struct wiring){ .function = NULL };
}
