/*
 * Put the parts together; see rig.h.
 */
#include "tests/qtest/rig.h"

#include <stdio.h>
#include <string.h>

#include "abi/virtio.h"
#include "abi/virtio_mmio.h"
#include "abi/virtio_pci.h"

#include "tests/qtest/qtest_pci.h"

static void
probe_all(struct rig *rig)
{
    for (unsigned i = 0; i < QEMU_MMIO_SLOT_COUNT; i++) {
        struct virtio_device *device = NULL;
        enum virtio_err err =
            virtio_mmio_probe(&rig->bus, QEMU_MMIO_BASE + (uint64_t)i * QEMU_MMIO_SLOT_BYTES,
                              QEMU_MMIO_SLOT_BYTES, &device);
        if (err == VIRTIO_EMPTY) {
            rig->empty_count++;
        } else if (err != VIRTIO_OK) {
            qemu_die("a slot cannot be probed");
        }
    }
}

/* "virtio-gpu-device,id=gpu0" becomes "virtio-gpu-pci,id=gpu0"; what is none is left as it is. */
static const char *
on_pci(struct rig *rig, const char *arg)
{
    static const char suffix[] = "-device";
    static const char pci[] = "-pci";
    const char *end = arg + strcspn(arg, ",");
    size_t name = (size_t)(end - arg);
    if (strncmp(arg, "virtio-", 7) != 0 || name < sizeof(suffix) ||
        strncmp(end - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1) != 0 ||
        rig->text_used + strlen(arg) + sizeof(pci) > sizeof(rig->text)) {
        return arg;
    }
    /* No boot program for a network card: there is no file of it here. */
    const char *rom = strncmp(arg, "virtio-net", 10) == 0 ? ",romfile=" : "";
    char *renamed = rig->text + rig->text_used;
    int length = snprintf(renamed, sizeof(rig->text) - rig->text_used, "%.*s%s%s%s",
                          (int)(name - (sizeof(suffix) - 1)), arg, pci, end, rom);
    rig->text_used += (size_t)length + 1;
    return renamed;
}

void
rig_start(struct rig *rig, enum rig_mmio mmio, const char *const *args)
{
    const char *all[QEMU_ARGS_MAX + 1] = { "-global", mmio == RIG_MMIO_MODERN
                                                          ? "virtio-mmio.force-legacy=false"
                                                          : "virtio-mmio.force-legacy=true" };
    memset(rig, 0, sizeof(*rig));
    for (size_t i = 2; i < QEMU_ARGS_MAX && *args != NULL; i++, args++) {
        all[i] = mmio == RIG_PCI ? on_pci(rig, *args) : *args;
    }
    rig->is_pci = mmio == RIG_PCI;
    rig->status_offset = mmio == RIG_PCI ? offsetof(struct virtio_pci_common_cfg, device_status)
                                         : VIRTIO_MMIO_STATUS;
    qemu_start(&rig->qemu, all);
    qtest_platform_init(&rig->platform, &rig->qemu);
    rig->arena = (struct virtio_arena){ .base = rig->qemu.ram + QEMU_RAM_RESERVED_BYTES,
                                        .bytes = QEMU_RAM_BYTES - QEMU_RAM_RESERVED_BYTES };
    if (virtio_trace_init(&rig->trace, &rig->platform.table, rig->records, RIG_TRACE_RECORDS) !=
            VIRTIO_OK ||
        virtio_bus_init(&rig->bus, &rig->platform.table, &rig->trace) != VIRTIO_OK) {
        qemu_die("the library refuses our platform");
    }
    virtio_trace_enable(&rig->trace, true);
    if (mmio == RIG_PCI) {
        rig->empty_count = qtest_pci_probe(&rig->qemu, &rig->bus);
    } else {
        probe_all(rig);
    }
}

void
rig_stop(struct rig *rig)
{
    qemu_stop(&rig->qemu);
}

struct virtio_device *
rig_device(struct rig *rig, uint32_t id)
{
    for (uint32_t i = 0; i < rig->bus.device_count; i++) {
        if (rig->bus.devices[i].id == id) {
            return &rig->bus.devices[i];
        }
    }
    return NULL;
}

void *
rig_memory(struct rig *rig, size_t bytes)
{
    void *memory = virtio_arena_take(&rig->arena, bytes, 4096);
    if (memory == NULL) {
        qemu_die("the machine's RAM is used up");
    }
    return memory;
}

unsigned
rig_trace_count(const struct rig *rig, uint16_t event)
{
    struct trace_record record;
    struct virtio_trace_reader reader = virtio_trace_read_start(&rig->trace);
    unsigned count = 0;
    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        count += le16_get(record.event) == event;
    }
    return count;
}

/* What the status registers of all devices say together. */
static uint32_t
all_status(struct rig *rig)
{
    uint32_t status = 0;
    for (uint32_t i = 0; i < rig->bus.device_count; i++) {
        uint64_t reg = rig->bus.devices[i].base + rig->status_offset;
        status |=
            (uint32_t)qemu_read(&rig->qemu, reg, rig->status_offset == VIRTIO_MMIO_STATUS ? 4 : 1);
    }
    return status;
}

/* What the status registers say, in the words of x-query-virtio-status. */
static bool
status_says(uint32_t status, const char *text)
{
    return (strcmp(text, "VIRTIO_CONFIG_S_DRIVER_OK") == 0 &&
            (status & VIRTIO_STATUS_DRIVER_OK) != 0) ||
           (strcmp(text, "VIRTIO_CONFIG_S_FAILED") == 0 && (status & VIRTIO_STATUS_FAILED) != 0);
}

const char *
rig_qmp_path(struct rig *rig, const char *qmp_id)
{
    (void)snprintf(rig->path, sizeof(rig->path), "/machine/peripheral/%s%s", qmp_id,
                   rig->status_offset == VIRTIO_MMIO_STATUS ? "" : "/virtio-backend");
    return rig->path;
}

bool
rig_device_says(struct rig *rig, const char *qmp_id, const char *text)
{
    /* QEMU 11.1 aborts when it is asked about a virtio-mmio device; the device's register answers instead. */
    if (rig->qemu.version >= 11) {
        return status_says(all_status(rig), text);
    }
    return qemu_commandf(&rig->qemu,
                         "{\"execute\": \"x-query-virtio-status\", \"arguments\": {\"path\": "
                         "\"%s\"}}",
                         rig_qmp_path(rig, qmp_id)) &&
           strstr(rig->qemu.reply, text) != NULL;
}
