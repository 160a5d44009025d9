/*
 * doctor_judge_device.c - what follows from our device's own words.
 */
#include <inttypes.h>
#include <string.h>

#include "tools/vitrine/doctor_judge_private.h"

static void
judge_scanout(struct judge *judge, unsigned idx)
{
    const struct doctor_device *device = &judge->evidence->device;
    const struct doctor_scanout *scanout = &device->scanouts[idx];
    struct doctor_finding *finding;
    if (scanout->resource_id == 0) {
        finding = doctor_find(
            judge, "scanout-off",
            "The guest must set a scanout; what was refused stands among the problems.");
        doctor_say(finding, "Scanout %u is off: the guest shows no resource on it.", idx);
        doctor_because(finding, device->kept_count > 0 ? "the last problem: %s" : "%s",
                       device->kept_count > 0 ? device->problems[0]
                                              : "our device has no problem to tell");
        if (device->kept_count > 0 && strstr(device->problems[0], "SET_SCANOUT") != NULL) {
            finding->cause = "outside";
            doctor_say(finding,
                       "Scanout %u is off: the device refused what the guest wanted to show.", idx);
        }
    } else if (!scanout->has_backing) {
        finding = doctor_find(judge, "unbound",
                              "The guest must attach backing to the resource that it shows.");
        doctor_say(finding, "Scanout %u shows resource %u, which has no memory bound to it.", idx,
                   scanout->resource_id);
        doctor_because(finding, "its backing has 0 bytes");
    } else if (scanout->flush_count == 0) {
        finding =
            doctor_find(judge, "no-flush", "The guest must transfer and flush what it has drawn.");
        doctor_say(finding, "Nothing was flushed on scanout %u since it was set.", idx);
        doctor_because(finding, "resource %u, %ux%u, 0 flushes", scanout->resource_id,
                       scanout->width_px, scanout->height_px);
    }
}

static void
judge_device_queue(struct judge *judge, unsigned q)
{
    const struct doctor_device *device = &judge->evidence->device;
    struct doctor_finding *finding;
    if (device->queues[q].fault[0] != '\0') {
        finding = doctor_find(judge, "broken", "Mend the guest's driver, then restart it.");
        doctor_say(finding, "Queue %u is broken, because the guest broke a rule: %s.", q,
                   device->queues[q].fault);
        doctor_because(finding, "our device says so");
    }
    if (device->queues[q].error_count > 0) {
        finding = doctor_find(judge, "errors", "Read the problems of `vitrine status`.");
        finding->is_cause = false;
        doctor_say(finding, "Our device answered %" PRIu64 " commands of queue %u with errors.",
                   device->queues[q].error_count, q);
        doctor_because(finding, "the last problem: %s",
                       device->kept_count > 0 ? device->problems[0] : "not kept");
    }
}

/* Nobody could drive it.  Returns: whether that is so. */
static bool
judge_front(struct judge *judge)
{
    const struct doctor_device *device = &judge->evidence->device;
    struct doctor_finding *finding;
    if (device->is_alone) {
        finding = doctor_find(judge, "no-machine", "Start QEMU with our device's socket.");
        doctor_say(finding, "No virtual machine has our device.");
        doctor_because(finding, "nobody is connected to its socket");
    } else if (device->is_unplugged) {
        finding = doctor_find(judge, "unplugged",
                              "Plug it in: QEMU's device_add, with the same chardev.");
        doctor_say(finding, "Our device is unplugged from the virtual machine.");
        doctor_because(finding, "QEMU is connected, but has let go of it");
    }
    return device->is_alone || device->is_unplugged;
}

void
doctor_judge_device(struct judge *judge)
{
    const struct doctor_device *device = &judge->evidence->device;
    if (!device->is_known) {
        return;
    }
    if (!device->queues[0].is_running && judge->evidence->gpu_count == 0 && !judge_front(judge)) {
        const char *how = "our device's control queue is not set up";
        if (doctor_was_driven(judge->evidence, -1)) {
            doctor_judge_reset(judge, "our device", how);
        } else {
            doctor_judge_unclaimed(judge, "our device", how);
        }
    }
    for (unsigned q = 0; q < DOCTOR_QUEUE_COUNT; q++) {
        judge_device_queue(judge, q);
    }
    if (device->waits_for[0] != '\0') {
        struct doctor_finding *finding = doctor_find(
            judge, "device-waits", "It gives up after five seconds and tells the guest.");
        finding->is_cause = false;
        doctor_say(finding, "Our device waits for %s.", device->waits_for);
        doctor_because(finding, "its control queue stands still meanwhile");
    }
    if (device->dead_context[0] != '\0') {
        struct doctor_finding *finding =
            doctor_find(judge, "renderer-died", "Its guest program must be started anew.");
        doctor_say(finding, "A renderer died: %s", device->dead_context);
        doctor_because(finding, "our device keeps a context without a renderer");
    }
    for (unsigned i = 0; device->queues[0].is_running && i < device->scanout_count; i++) {
        if (device->scanouts[i].is_plugged) {
            judge_scanout(judge, i);
        }
    }
}
