/*
 * The PCI bus of the kernel on a bus that is played here: numbers, addresses, windows, pins, messages, slots; with and without
 * firmware, and with functions that lie.
 */
#include <string.h>

#include <libfdt.h>

#include "kernel/arch/host/host.h"
#include "kernel/core/errno.h"
#include "kernel/core/idle.h"
#include "kernel/core/time.h"
#include "kernel/irq/irq.h"
#include "kernel/irq/msi.h"
#include "kernel/pci/pci.h"
#include "tests/unit/utest.h"

enum {
    BLOB_BYTES = 4096,
    GIC_PHANDLE = 1,
    MODEL_COUNT_MAX = 40,
    SPACE_BYTES = 256,
    EXPRESS_AT = 0x40,
    MSIX_AT = 0x80,
    NO_PARENT = -1,
};

#define ECAM_BASE     UINT64_C(0x4010000000)
#define MEMORY_BASE   0x10000000U
#define MEMORY_BYTES  0x08000000U
#define PREFETCH_BASE UINT64_C(0x8000000000)

/* A function of the played bus. */
struct model {
    int parent; /* the bridge above, or NO_PARENT */
    uint8_t device;
    bool is_there;
    uint8_t space[SPACE_BYTES];
    uint32_t bar_masks[PCI_BAR_COUNT]; /* bits that can be written; the rest is as in space */
};

static struct model models[MODEL_COUNT_MAX];
static int model_count;
static unsigned write_count;
static _Alignas(8) char blob[BLOB_BYTES];

static struct model *
model_at(uint64_t address)
{
    uint32_t offset = (uint32_t)(address - ECAM_BASE);

    for (int i = 0; i < model_count; i++) {
        struct model *model = &models[i];
        uint8_t bus =
            model->parent == NO_PARENT ? 0 : models[model->parent].space[PCI_SECONDARY_BUS];
        bool is_reached = model->parent == NO_PARENT || bus != 0;

        if (model->is_there && is_reached && offset >> 20 == bus &&
            (offset >> 15 & 31) == model->device && (offset >> 12 & 7) == 0) {
            return model;
        }
    }
    return NULL;
}

static uint32_t
on_read(uint64_t address)
{
    const struct model *model = model_at(address);
    uint32_t value = UINT32_MAX;

    if (model != NULL && (address & 0xfff) <= SPACE_BYTES - 4) {
        memcpy(&value, model->space + (address & 0xfff), 4);
    }
    return value;
}

static void
on_write(uint64_t address, unsigned width, uint32_t value)
{
    struct model *model = model_at(address);
    uint32_t at = (uint32_t)(address & 0xfff);

    write_count++;
    if (model == NULL || at > SPACE_BYTES - width) {
        return;
    }
    if (at >= PCI_BAR_0 && at < PCI_BAR_0 + 8 && (model->space[PCI_HEADER_TYPE] & 1) != 0) {
        return; /* the bridges here have no BARs */
    }
    if (at >= PCI_BAR_0 && at < PCI_BAR_0 + 24 && (model->space[PCI_HEADER_TYPE] & 1) == 0) {
        uint32_t before;
        uint32_t mask = model->bar_masks[(at - PCI_BAR_0) / 4];
        memcpy(&before, model->space + at, 4);
        value = (before & ~mask) | (value & mask);
    }
    if (at == EXPRESS_AT + PCI_EXPRESS_SLOT_STATUS && model->space[EXPRESS_AT] != 0) {
        return; /* change bits: the test sets and clears them */
    }
    memcpy(model->space + at, &value, width);
}

static void
put16(struct model *model, unsigned at, uint16_t value)
{
    memcpy(model->space + at, &value, 2);
}

static void
put32(struct model *model, unsigned at, uint32_t value)
{
    memcpy(model->space + at, &value, 4);
}

static struct model *
add(int parent, uint8_t device, uint16_t device_id)
{
    struct model *model = &models[model_count++];

    *model = (struct model){ .parent = parent, .device = device, .is_there = true };
    put16(model, PCI_VENDOR_ID, 0x1234);
    put16(model, PCI_DEVICE_ID, device_id);
    return model;
}

static void
add_bar(struct model *model, unsigned idx, uint32_t flags, uint64_t bytes)
{
    put32(model, PCI_BAR_0 + 4 * idx, flags);
    model->bar_masks[idx] = (uint32_t) ~(bytes - 1) & ~15U;
    if ((flags & PCI_BAR_64_BIT) != 0) {
        model->bar_masks[idx + 1] = (uint32_t)(~(bytes - 1) >> 32);
    }
}

/* A root port, with a hot-plug slot where `is_slot`. */
static int
add_port(int parent, uint8_t device, bool is_slot)
{
    struct model *model = add(parent, device, 0x100c);

    model->space[PCI_HEADER_TYPE] = PCI_HEADER_BRIDGE;
    put16(model, PCI_STATUS, PCI_STATUS_HAS_CAPABILITIES);
    model->space[PCI_CAPABILITIES] = EXPRESS_AT;
    model->space[EXPRESS_AT] = PCI_CAPABILITY_EXPRESS;
    put16(model, EXPRESS_AT + PCI_EXPRESS_FLAGS,
          (uint16_t)(PCI_EXPRESS_KIND_ROOT_PORT << PCI_EXPRESS_KIND_SHIFT |
                     (is_slot ? PCI_EXPRESS_FLAG_SLOT : 0)));
    put32(model, EXPRESS_AT + PCI_EXPRESS_SLOT_CAPABILITIES, PCI_EXPRESS_SLOT_IS_HOT_PLUG);
    return (int)(model - models);
}

static void
cells(const char *name, const uint32_t *values, size_t count)
{
    fdt32_t data[48];

    for (size_t i = 0; i < count; i++) {
        data[i] = cpu_to_fdt32(values[i]);
    }
    EXPECT_EQ(fdt_property(blob, name, data, (int)(count * sizeof(data[0]))), 0);
}

#define CELLS(name, ...)                                                                           \
 cells(name, (const uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4)

/* Pins A and B of devices 0 and 1 (mod 2) lead to shared lines 3 and 4, turned by the device. */
static void
put_host(void)
{
    EXPECT_EQ(fdt_begin_node(blob, "pcie@10000000"), 0);
    EXPECT_EQ(fdt_property_string(blob, "compatible", "pci-host-ecam-generic"), 0);
    CELLS("reg", 0x40, 0x10000000, 0, 0x10000000);
    CELLS("#address-cells", 3);
    CELLS("#size-cells", 2);
    CELLS("bus-range", 0, 255);
    CELLS("ranges", 0x01000000, 0, 0, 0, 0x3eff0000, 0, 0x10000, 0x02000000, 0, MEMORY_BASE, 0,
          MEMORY_BASE, 0, MEMORY_BYTES, 0x03000000, 0x80, 0, 0x80, 0, 0x80, 0);
    CELLS("interrupt-map-mask", 0x800, 0, 0, 7);
    CELLS("interrupt-map", 0, 0, 0, 1, GIC_PHANDLE, 0, 0, 0, 3, 4, 0, 0, 0, 2, GIC_PHANDLE, 0, 0, 0,
          4, 4, 0x800, 0, 0, 1, GIC_PHANDLE, 0, 0, 0, 4, 4, 0x800, 0, 0, 2, GIC_PHANDLE, 0, 0, 0, 3,
          4);
    CELLS("msi-map", 0, 9, 0x100, 0x10000);
    EXPECT_EQ(fdt_end_node(blob), 0);
}

static void
begin(void)
{
    static bool has_memory;

    if (!has_memory) {
        host_memory_init(16 << 20);
        has_memory = true;
    }
    memset(models, 0, sizeof(models));
    model_count = 0;
    write_count = 0;
    (void)fdt_create(blob, sizeof(blob));
    (void)fdt_finish_reservemap(blob);
    EXPECT_EQ(fdt_begin_node(blob, ""), 0);
    CELLS("#address-cells", 2);
    CELLS("#size-cells", 2);
    EXPECT_EQ(fdt_begin_node(blob, "gic"), 0);
    EXPECT_EQ(fdt_property_string(blob, "compatible", "arm,gic-v3"), 0);
    CELLS("phandle", GIC_PHANDLE);
    CELLS("#interrupt-cells", 3);
    CELLS("#address-cells", 2);
    EXPECT_EQ(fdt_end_node(blob), 0);
    put_host();
    EXPECT_EQ(fdt_end_node(blob), 0);
    EXPECT_EQ(fdt_finish(blob), 0);
    host_on_mmio(on_read, on_write);
    host_console_start();
}

static uint32_t
start(void)
{
    uint32_t before = 0;

    while (pci_function_at(before) != NULL) {
        before++;
    }
    EXPECT_EQ(dt_devices_init(blob), 0);
    return pci_start() - before;
}

/* Every test has numbers of its own: the list keeps what earlier ones found. */
static struct pci_function *
found(uint16_t device_id)
{
    struct pci_function *function;

    for (uint32_t i = 0; (function = pci_function_at(i)) != NULL; i++) {
        if (function->device_id == device_id && !function->is_gone) {
            return function;
        }
    }
    return NULL;
}

UTEST(addresses_are_given_where_firmware_gave_none)
{
    begin();
    struct model *a = add(NO_PARENT, 1, 1);
    add_bar(a, 0, PCI_BAR_IS_IO, 0x20);
    a->bar_masks[0] = 0xffe0; /* I/O of 16 bits */
    add_bar(a, 1, 0, 0x1000);
    add_bar(a, 4, PCI_BAR_64_BIT | PCI_BAR_IS_PREFETCHABLE, 0x4000);
    struct model *b = add(NO_PARENT, 2, 2);
    add_bar(b, 0, PCI_BAR_64_BIT | PCI_BAR_IS_PREFETCHABLE, UINT64_C(1) << 33);
    EXPECT_EQ(start(), 2);
    const struct pci_function *function = found(1);
    EXPECT_EQ(function->bars[0].bytes, 0x20);
    EXPECT_EQ(function->bars[0].address, 0x1000);
    EXPECT_EQ(pci_bar_cpu_address(function, 0), 0x3eff1000);
    EXPECT_EQ(function->bars[1].address, MEMORY_BASE);
    EXPECT_EQ(pci_bar_cpu_address(function, 4), PREFETCH_BASE);
    EXPECT_EQ(pci_read(function, PCI_BAR_0 + 20, 4), 0x80);
    EXPECT_EQ(pci_read(function, PCI_COMMAND, 2), PCI_COMMAND_INTX_OFF);
    EXPECT_EQ(found(2)->bars[0].address % (UINT64_C(1) << 33), 0);
    EXPECT_TRUE(found(2)->bars[0].address > PREFETCH_BASE);
}

UTEST(bridges_get_numbers_and_windows)
{
    begin();
    int port = add_port(NO_PARENT, 1, false);
    add_bar(add(port, 0, 3), 0, 0, 0x200000);
    int slot = add_port(NO_PARENT, 2, true);
    add_bar(add(slot, 0, 4), 4, PCI_BAR_64_BIT | PCI_BAR_IS_PREFETCHABLE, 0x4000);
    add_bar(add(NO_PARENT, 3, 5), 0, 0, 0x1000);
    EXPECT_EQ(start(), 5);
    const struct pci_function *inner = found(3);
    EXPECT_EQ(inner->bus, 1);
    EXPECT_EQ(found(4)->bus, 2);
    const struct pci_window *memory = &inner->parent->windows[PCI_SPACE_MEMORY];
    EXPECT_TRUE(inner->bars[0].address >= memory->base &&
                inner->bars[0].address + 0x200000 <= memory->end);
    EXPECT_EQ(pci_read(inner->parent, PCI_MEMORY_BASE, 2), memory->base >> 16);
    EXPECT_EQ(pci_read(inner->parent, PCI_MEMORY_LIMIT, 2), (memory->end - 1) >> 16 & 0xfff0);
    /* Closed: it ends before it begins. */
    EXPECT_TRUE(pci_read(inner->parent, PCI_PREFETCH_BASE, 2) >
                pci_read(inner->parent, PCI_PREFETCH_LIMIT, 2));
    EXPECT_EQ(pci_read(found(4)->parent, PCI_PREFETCH_BASE_HIGH, 4), 0x80);
    EXPECT_TRUE(found(4)->parent->is_slot);
    EXPECT_TRUE(found(5)->bars[0].address >= memory->end);
    EXPECT_EQ(pci_read(inner->parent, PCI_SUBORDINATE_BUS, 1), 1);
}

UTEST(what_firmware_gave_stays)
{
    begin();
    struct model *a = add(NO_PARENT, 1, 6);
    add_bar(a, 0, 0, 0x1000);
    put32(a, PCI_BAR_0, MEMORY_BASE + 0x5000);
    put16(a, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    int port = add_port(NO_PARENT, 2, false);
    models[port].space[PCI_SECONDARY_BUS] = 7;
    models[port].space[PCI_SUBORDINATE_BUS] = 9;
    add(port, 0, 7);
    EXPECT_EQ(start(), 3);
    EXPECT_EQ(found(6)->bars[0].address, MEMORY_BASE + 0x5000);
    EXPECT_EQ(pci_read(found(6), PCI_BAR_0, 4), MEMORY_BASE + 0x5000);
    EXPECT_EQ(pci_read(found(6), PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    EXPECT_EQ(found(7)->bus, 7);
    EXPECT_CONTAINS(host_console(), "addresses given by firmware");
}

UTEST(what_does_not_fit_is_named_and_left_out)
{
    begin();
    add_bar(add(NO_PARENT, 1, 8), 0, 0, MEMORY_BYTES * UINT64_C(2));
    add_bar(add(NO_PARENT, 2, 9), 0, 0, 0x1000);
    struct model *liar = add(NO_PARENT, 3, 10);
    put32(liar, PCI_BAR_0, 0);
    liar->bar_masks[0] = 0x0f0f0000; /* no size at all */
    EXPECT_EQ(start(), 3);
    EXPECT_EQ(found(8)->bars[0].address, 0);
    EXPECT_EQ(pci_bar_cpu_address(found(8), 0), 0);
    EXPECT_CONTAINS(host_console(), "00:01.0: no memory is left for BAR 0");
    EXPECT_EQ(found(9)->bars[0].address, MEMORY_BASE);
    EXPECT_EQ(found(10)->bars[0].bytes, 0);
}

UTEST(pins_are_turned_by_bridges_and_mapped)
{
    struct dt_irq line;

    begin();
    add(NO_PARENT, 2, 11)->space[PCI_INTERRUPT_PIN] = 1;
    int port = add_port(NO_PARENT, 3, false);
    add(port, 0, 12)->space[PCI_INTERRUPT_PIN] = 1;
    int bridge = add_port(NO_PARENT, 4, false);
    put16(&models[bridge], EXPRESS_AT + PCI_EXPRESS_FLAGS, 0); /* no link: many devices */
    add(bridge, 1, 13)->space[PCI_INTERRUPT_PIN] = 1;
    add(NO_PARENT, 5, 14);
    add(NO_PARENT, 6, 15)->space[PCI_INTERRUPT_PIN] = 4; /* not in the map */
    add(NO_PARENT, 7, 16)->space[PCI_INTERRUPT_PIN] = 77;
    EXPECT_EQ(start(), 8);
    EXPECT_EQ(pci_irq_line(found(11), &line), 0);
    EXPECT_EQ(line.irq, 32 + 3);
    EXPECT_EQ(line.trigger, IRQ_LEVEL_HIGH);
    EXPECT_EQ(pci_irq_line(found(12), &line), 0);
    EXPECT_EQ(line.irq, 32 + 4);
    EXPECT_EQ(pci_irq_line(found(13), &line), 0);
    EXPECT_EQ(line.irq, 32 + 4); /* device 1's pin A is B of the even device 4 */
    EXPECT_EQ(pci_irq_line(found(14), &line), -E_NOENT);
    EXPECT_EQ(pci_irq_line(found(15), &line), -E_NOENT);
    EXPECT_EQ(pci_irq_line(found(16), &line), -E_NOENT);
}

static uint32_t message_device;
static int freed_count;

static int
give(uint32_t device_id, uint32_t count, uint32_t *irqs, struct msi_message *messages)
{
    message_device = device_id;
    for (uint32_t i = 0; i < count; i++) {
        irqs[i] = 100 + i;
        messages[i] = (struct msi_message){ UINT64_C(0x1122334455), 7 + i };
    }
    return 0;
}

static void
take_back(uint32_t device_id, uint32_t count, const uint32_t *irqs)
{
    (void)device_id;
    (void)count;
    (void)irqs;
    freed_count++;
}

static const struct msi_controller_ops messages = { "test", give, take_back };

static int
prepare(void *ctx, uint32_t irq, uint32_t vector)
{
    EXPECT_EQ(irq, 100 + vector);
    return vector == *(const uint32_t *)ctx ? -E_BUSY : 0;
}

static void
add_msix(struct model *model, uint16_t control, uint32_t table)
{
    put16(model, PCI_STATUS, PCI_STATUS_HAS_CAPABILITIES);
    model->space[PCI_CAPABILITIES] = MSIX_AT;
    model->space[MSIX_AT] = PCI_CAPABILITY_MSIX;
    put16(model, MSIX_AT + PCI_MSIX_CONTROL, control);
    put32(model, MSIX_AT + PCI_MSIX_TABLE, table);
}

UTEST(messages_are_written_where_the_table_is)
{
    struct pci_irq irq;
    uint32_t nobody = 9;
    uint32_t second = 1;

    begin();
    struct model *a = add(NO_PARENT, 1, 20);
    add_bar(a, 1, 0, 0x1000);
    add_msix(a, 2, 0x800 | 1);
    struct model *short_table = add(NO_PARENT, 2, 21);
    add_bar(short_table, 1, 0, 0x1000);
    add_msix(short_table, 0, 1);
    struct model *outside = add(NO_PARENT, 3, 22);
    add_bar(outside, 1, 0, 0x1000);
    add_msix(outside, 2, 0x1000 | 1);
    struct model *nowhere = add(NO_PARENT, 4, 23);
    add_msix(nowhere, 2, 7);
    EXPECT_EQ(start(), 4);
    EXPECT_EQ(pci_irq_messages(found(20), 2, prepare, &nobody, &irq), -E_NODEV);
    msi_set_controller(&messages);
    EXPECT_EQ(pci_irq_messages(found(20), 2, prepare, &second, &irq), -E_BUSY);
    EXPECT_EQ(freed_count, 1);
    EXPECT_EQ(pci_read(found(20), MSIX_AT + PCI_MSIX_CONTROL, 2), 2);
    EXPECT_EQ(pci_irq_messages(found(20), 2, prepare, &nobody, &irq), 0);
    EXPECT_EQ(message_device, 0x108);
    EXPECT_EQ(pci_read(found(20), MSIX_AT + PCI_MSIX_CONTROL, 2), PCI_MSIX_CONTROL_ENABLE);
    EXPECT_EQ(pci_irq_messages(found(21), 2, prepare, &nobody, &irq), -E_NODEV);
    EXPECT_EQ(pci_irq_messages(found(22), 2, prepare, &nobody, &irq), -E_NODEV);
    EXPECT_EQ(pci_irq_messages(found(23), 2, prepare, &nobody, &irq), -E_NODEV);
}

UTEST(a_loop_of_capabilities_ends)
{
    begin();
    struct model *a = add(NO_PARENT, 1, 24);
    put16(a, PCI_STATUS, PCI_STATUS_HAS_CAPABILITIES);
    a->space[PCI_CAPABILITIES] = 0x40;
    a->space[0x41] = 0x40;
    EXPECT_EQ(start(), 1);
    EXPECT_EQ(pci_capability(found(24), PCI_CAPABILITY_MSIX), 0);
}

static unsigned added_count;
static unsigned removed_count;
static bool was_gone;
static int removal;

static void
on_added(struct pci_function *function)
{
    EXPECT_TRUE(function->bars[0].address != 0);
    added_count++;
}

static int
on_removed(struct pci_function *function, bool is_gone)
{
    (void)function;
    removed_count++;
    was_gone = is_gone;
    return removal;
}

/* The slot's status becomes this, and is looked at. */
static void
slot_says(int port, uint16_t status)
{
    put16(&models[port], EXPRESS_AT + PCI_EXPRESS_SLOT_STATUS, status);
    idle_sleep_ns(150 * NS_PER_MS);
}

static uint16_t
slot_control(int port)
{
    uint16_t control;

    memcpy(&control, models[port].space + EXPRESS_AT + PCI_EXPRESS_SLOT_CONTROL, 2);
    return control;
}

UTEST(functions_go_and_come)
{
    static const struct pci_listener listener = { on_added, on_removed };

    begin();
    int port = add_port(NO_PARENT, 1, true);
    struct model *card = add(port, 0, 30);
    add_bar(card, 0, 0, 0x1000);
    EXPECT_EQ(start(), 2);
    uint64_t address = found(30)->bars[0].address;
    slot_says(port, PCI_EXPRESS_SLOT_IS_PRESENT);
    pci_slots_watch(&listener);

    /* Somebody presses the button; the driver does not let go, then does. */
    removal = -E_BUSY;
    slot_says(port, PCI_EXPRESS_SLOT_IS_PRESENT | PCI_EXPRESS_SLOT_BUTTON);
    EXPECT_TRUE(removed_count > 0 && !was_gone && found(30) != NULL);
    EXPECT_EQ(slot_control(port) & PCI_EXPRESS_SLOT_POWER_OFF, 0);
    removal = 0;
    slot_says(port, PCI_EXPRESS_SLOT_IS_PRESENT | PCI_EXPRESS_SLOT_BUTTON);
    EXPECT_EQ(found(30), NULL);
    EXPECT_EQ(slot_control(port) & PCI_EXPRESS_SLOT_POWER_OFF, PCI_EXPRESS_SLOT_POWER_OFF);

    /* It goes, and comes to the same address. */
    card->is_there = false;
    slot_says(port, PCI_EXPRESS_SLOT_PRESENCE_CHANGED);
    EXPECT_EQ(added_count, 0);
    card->is_there = true;
    slot_says(port, PCI_EXPRESS_SLOT_IS_PRESENT | PCI_EXPRESS_SLOT_PRESENCE_CHANGED);
    slot_says(port, PCI_EXPRESS_SLOT_IS_PRESENT);
    EXPECT_EQ(added_count, 1);
    EXPECT_EQ(slot_control(port) & PCI_EXPRESS_SLOT_POWER_OFF, 0);
    EXPECT_TRUE(found(30) != NULL && found(30)->bars[0].address == address);

    /* Torn out. */
    card->is_there = false;
    slot_says(port, PCI_EXPRESS_SLOT_PRESENCE_CHANGED);
    EXPECT_TRUE(was_gone);
    EXPECT_EQ(found(30), NULL);

    /* Something is there that never answers. */
    slot_says(port, PCI_EXPRESS_SLOT_IS_PRESENT | PCI_EXPRESS_SLOT_PRESENCE_CHANGED);
    put16(&models[port], EXPRESS_AT + PCI_EXPRESS_SLOT_STATUS, PCI_EXPRESS_SLOT_IS_PRESENT);
    idle_sleep_ns(UINT64_C(4000) * NS_PER_MS);
    EXPECT_CONTAINS(host_console(), "does not answer");
}
