/*
 * The whole test rig: QEMU, the platform on it, the library's bus with all devices that probing finds, trace, memory.
 *
 *   rig_start(&rig, RIG_MMIO_MODERN, args);
 *   struct virtio_device *gpu = rig_device(&rig, VIRTIO_ID_GPU);
 *   ... drivers, with memory from rig.arena ...
 *   rig_stop(&rig);
 */
#ifndef TESTS_QTEST_RIG_H
#define TESTS_QTEST_RIG_H

#include "virtio/device.h"
#include "virtio/platform.h"
#include "virtio/trace.h"

#include "tests/qtest/qemu.h"
#include "tests/qtest/qtest_platform.h"

enum rig_mmio {
    RIG_MMIO_LEGACY, /* version 1: what QEMU's virt gives unless told otherwise */
    RIG_MMIO_MODERN, /* version 2 */
    RIG_PCI,         /* devices of args named virtio-*-device are virtio-*-pci instead */
};

enum { RIG_TRACE_RECORDS = 8192 };

struct rig {
    struct qemu qemu;
    struct qtest_platform platform;
    struct virtio_bus bus;
    struct virtio_trace trace;
    struct trace_record records[RIG_TRACE_RECORDS];
    struct virtio_arena arena; /* the machine's RAM, as far as it is free */
    bool is_pci;
    size_t status_offset; /* of the status register, from a device's base */
    char path[64];
    char text[1024]; /* arguments that were renamed */
    size_t text_used;
    unsigned empty_count; /* slots without a device; PCI: functions that are no virtio devices */
};

/* Start QEMU with `args` and probe all virtio-mmio slots, or PCI functions; the trace is on. Exits the program where that fails. */
void rig_start(struct rig *rig, enum rig_mmio mmio, const char *const *args);

/* End it all. Drivers may be left as they are. Accepts a zeroed rig. */
void rig_stop(struct rig *rig);

/* The first device of a kind; NULL when there is none. */
struct virtio_device *rig_device(struct rig *rig, uint32_t id);

/* Memory shared with QEMU, zeroed, aligned to a page; exits the program when there is no more. */
void *rig_memory(struct rig *rig, size_t bytes);

/* How many records of an event the trace holds. */
unsigned rig_trace_count(const struct rig *rig, uint16_t event);

/* Where QMP finds the virtio device of that id, which on PCI is within the function. In memory of the rig. */
const char *rig_qmp_path(struct rig *rig, const char *qmp_id);

/* Does the device of that QMP id say `text` of its status (x-query-virtio-status)? */
bool rig_device_says(struct rig *rig, const char *qmp_id, const char *text);

#endif
