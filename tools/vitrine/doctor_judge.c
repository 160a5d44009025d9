#include "tools/vitrine/doctor_judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/virtio.h"
#include "abi/virtio_gpu.h"

#include "tools/vitrine/gpu_names.h"

struct judge {
    const struct doctor_evidence *evidence;
    struct doctor_report *report;
};

/* A finding without its evidence yet; NULL: there are too many. */
static struct doctor_finding *
find(struct judge *judge, const char *cause, const char *advice)
{
    struct doctor_report *report = judge->report;
    if (report->finding_count == DOCTOR_FINDING_COUNT_MAX) {
        report->finding_count--; /* the last one gives way: causes come first */
    }
    struct doctor_finding *finding = &report->findings[report->finding_count++];
    *finding = (struct doctor_finding){ .cause = cause, .is_cause = true, .advice = advice };
    return finding;
}

static void __attribute__((format(printf, 2, 3)))
say(struct doctor_finding *finding, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(finding->sentence, sizeof(finding->sentence), format, values);
    va_end(values);
}

static void __attribute__((format(printf, 2, 3)))
because(struct doctor_finding *finding, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(finding->evidence, sizeof(finding->evidence), format, values);
    va_end(values);
}

static const char *
name_of(uint32_t type)
{
    const char *name = gpu_type_name(type);
    return name == NULL ? "?" : name;
}

/* --- the machine --- */

static void
judge_machine(struct judge *judge)
{
    const struct doctor_evidence *evidence = judge->evidence;
    if (!evidence->has_qemu) {
        return;
    }
    if (evidence->saw_panic || strcmp(evidence->run_state, "guest-panicked") == 0) {
        struct doctor_finding *finding =
            find(judge, "panicked", "Read the guest's serial line or its crash dump.");
        say(finding, "The guest's system has crashed.");
        because(finding, "QEMU's state is \"%s\"", evidence->run_state);
    } else if (!evidence->is_running) {
        struct doctor_finding *finding =
            find(judge, "not-running", "Let it run: the monitor's command is `cont`.");
        say(finding, "The machine stands still, so nobody draws.");
        because(finding, "QEMU's state is \"%s\"", evidence->run_state);
    }
    if (evidence->gpu_count == 0 && !evidence->device.is_known) {
        struct doctor_finding *finding = find(
            judge, "no-gpu", "Start QEMU with one, for example -device virtio-gpu-pci,id=gpu0.");
        say(finding, "This machine has no virtio GPU.");
        because(finding, "none of QEMU's virtio devices is a GPU");
    }
}

/* --- who drives it --- */

static void
status_text(int status, char text[DOCTOR_NAME_BYTES])
{
    static const struct {
        int bit;
        const char *name;
    } names[] = {
        {VIRTIO_STATUS_ACKNOWLEDGE,         "ACKNOWLEDGE "       },
        { VIRTIO_STATUS_DRIVER,             "DRIVER "            },
        { VIRTIO_STATUS_FEATURES_OK,        "FEATURES_OK "       },
        { VIRTIO_STATUS_DRIVER_OK,          "DRIVER_OK "         },
        { VIRTIO_STATUS_DEVICE_NEEDS_RESET, "DEVICE_NEEDS_RESET "},
        { VIRTIO_STATUS_FAILED,             "FAILED "            },
    };
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t bytes = strlen(names[i].name);
        if ((status & names[i].bit) != 0 && used + bytes < DOCTOR_NAME_BYTES) {
            memcpy(text + used, names[i].name, bytes + 1);
            used += bytes;
        }
    }
    (void)snprintf(text + used, DOCTOR_NAME_BYTES - used, "(0x%x)", (unsigned)status);
}

/* A picture that the guest made stands there still, or its size, though nobody drives the device now. */
static bool
was_driven(const struct doctor_evidence *evidence, int gpu_idx)
{
    for (unsigned i = 0; i < evidence->screen_count; i++) {
        const struct doctor_screen *screen = &evidence->screens[i];
        if (screen->gpu_idx == gpu_idx && screen->is_seen &&
            (!screen->is_placeholder || screen->was_shown)) {
            return true;
        }
    }
    return evidence->reset_by[0] != '\0' ||
           (evidence->device.is_known && evidence->device.reset_count > 1);
}

static void
judge_reset(struct judge *judge, const char *name, const char *how)
{
    const struct doctor_evidence *evidence = judge->evidence;
    struct doctor_finding *finding =
        find(judge, "reset",
             "Look for a second driver: firmware, boot loader, another part of the system. The "
             "owner must start the device anew.");
    const char *who = "somebody in the guest wrote 0 to its status";
    if (evidence->saw_reset) {
        who = evidence->was_guests_wish ? "the guest restarted the whole machine"
                                        : "the whole machine was reset from outside";
    }
    if (evidence->reset_by[0] != '\0') {
        say(finding, "DRIVER_OK of %s is gone: \"%s\" reset the device.", name, evidence->reset_by);
    } else {
        say(finding, "DRIVER_OK of %s is gone: %s, after it had shown something.", name, who);
    }
    because(finding, "%s%s", how,
            evidence->reset_by[0] != '\0' ? "; the name is from the driver's own records"
                                          : "; --guest-records tells who, where the guest is ours");
}

static void
judge_unclaimed(struct judge *judge, const char *name, const char *how)
{
    struct doctor_finding *finding = find(
        judge, "no-claim",
        "Start a driver in the guest: in Linux virtio-gpu (dmesg | grep -i drm), in our kernel "
        "`gpu info`.");
    say(finding, "Nobody has claimed %s: no driver in the guest has set it up.", name);
    because(finding, "%s", how);
}

static void
judge_half_claimed(struct judge *judge, const struct doctor_gpu *gpu)
{
    char text[DOCTOR_NAME_BYTES];
    status_text(gpu->status, text);
    struct doctor_finding *finding =
        find(judge, "half-claimed", "Read the guest's log: the driver says why it stopped.");
    if ((gpu->status & VIRTIO_STATUS_FAILED) != 0) {
        say(finding, "The driver of %s gave up.", gpu->name);
    } else {
        say(finding, "The driver of %s stopped in the middle of its start.", gpu->name);
    }
    because(finding, "status is %s", text);
}

/* Returns: whether a driver drives it, as far as one can know. */
static bool
judge_status(struct judge *judge, int gpu_idx)
{
    const struct doctor_gpu *gpu = &judge->evidence->gpus[gpu_idx];
    bool is_unknown = gpu->status == DOCTOR_STATUS_UNKNOWN;
    bool is_off =
        is_unknown ? gpu->queues[0].is_known && !gpu->queues[0].is_set_up : gpu->status == 0;
    if (gpu->is_broken || (!is_unknown && (gpu->status & VIRTIO_STATUS_DEVICE_NEEDS_RESET) != 0)) {
        struct doctor_finding *finding =
            find(judge, "broken", "QEMU's own output names the rule; restart the driver.");
        say(finding, "%s is broken: the device has stopped, because its driver broke a rule.",
            gpu->name);
        because(finding, "QEMU says \"broken\", or DEVICE_NEEDS_RESET is set");
        return false;
    }
    if (is_off) {
        const char *how = is_unknown ? "its control queue is not set up" : "its status is 0";
        if (was_driven(judge->evidence, gpu_idx)) {
            judge_reset(judge, gpu->name, how);
        } else {
            judge_unclaimed(judge, gpu->name, how);
        }
        return false;
    }
    if (!is_unknown && (gpu->status & VIRTIO_STATUS_DRIVER_OK) == 0) {
        judge_half_claimed(judge, gpu);
        return false;
    }
    return true;
}

/* --- queues --- */

static void
judge_queue(struct judge *judge, const struct doctor_gpu *gpu, unsigned q, uint16_t taken_idx)
{
    const struct doctor_queue *queue = &gpu->queues[q];
    uint16_t waiting = (uint16_t)(queue->offered_idx - taken_idx);
    uint16_t held = (uint16_t)(taken_idx - queue->used_idx);
    if (!queue->is_known || !queue->is_set_up || !queue->is_still) {
        return;
    }
    if (waiting > 0 && waiting <= queue->size) {
        struct doctor_finding *finding =
            find(judge, "not-notified",
                 "The driver must notify the device after it has added commands (VirtIO 1.3 "
                 "§2.7.13.4); if it did, the device is stuck.");
        say(finding,
            "%u commands of %s wait in queue %u, and the device does not take them: it was "
            "not notified.",
            waiting, gpu->name, q);
        because(finding, "available index %u, the device is at %u, a moment later still",
                queue->offered_idx, taken_idx);
    }
    if (held > 0 && held <= queue->size) {
        struct doctor_finding *finding = find(
            judge, "device-waits",
            "See what the device waits for: a renderer, a fence, or (QEMU) a blocked display.");
        finding->is_cause = waiting > 0 || held > 1;
        say(finding, "The device holds %u commands of %s in queue %u and answers none.", held,
            gpu->name, q);
        because(finding, "taken up to %u, used up to %u, a moment later still", taken_idx,
                queue->used_idx);
    }
}

/* --- what the guest said, as it still lies in its memory --- */

static bool
is_error(const struct doctor_command *command)
{
    return command->response >= VIRTIO_GPU_RESP_ERR_UNSPEC &&
           command->response <= VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
}

static const struct doctor_command *
last_of(const struct doctor_gpu *gpu, uint32_t type, bool is_refused)
{
    for (unsigned i = 0; i < gpu->command_count; i++) {
        if (gpu->commands[i].type == type && is_error(&gpu->commands[i]) == is_refused) {
            return &gpu->commands[i];
        }
    }
    return NULL;
}

static void
judge_refused_scanout(struct judge *judge, const struct doctor_gpu *gpu,
                      const struct doctor_command *command)
{
    struct doctor_finding *finding =
        find(judge, "outside",
             "Make the rectangle lie within the resource; both sizes are the guest's.");
    if (command->response == VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER) {
        say(finding, "The rectangle of the scanout of %s lies outside its resource.", gpu->name);
    } else {
        finding->cause = "scanout-refused";
        finding->advice = "Set a scanout that exists to a resource that exists.";
        say(finding, "The device refused the scanout of %s.", gpu->name);
    }
    because(finding, "SET_SCANOUT of resource %u, (%u,%u %ux%u), answered %s", command->resource_id,
            command->rect[0], command->rect[1], command->rect[2], command->rect[3],
            name_of(command->response));
}

static void
judge_off(struct judge *judge, const struct doctor_gpu *gpu, const struct doctor_screen *screen)
{
    const struct doctor_command *refused = last_of(gpu, VIRTIO_GPU_CMD_SET_SCANOUT, true);
    if (refused != NULL) {
        judge_refused_scanout(judge, gpu, refused);
        return;
    }
    struct doctor_finding *finding = find(
        judge, "scanout-off", "The guest must set a scanout (in Linux: a mode on the connector).");
    say(finding, "Scanout %u of %s is off: a driver is there, but shows no resource on it.",
        screen->head, gpu->name);
    because(finding, "QEMU shows its own text in place of a picture");
}

static void
judge_errors(struct judge *judge, const struct doctor_gpu *gpu, bool has_good_screen)
{
    unsigned count = 0;
    const struct doctor_command *newest = NULL;
    for (unsigned i = 0; i < gpu->command_count; i++) {
        if (is_error(&gpu->commands[i])) {
            newest = newest == NULL ? &gpu->commands[i] : newest;
            count++;
        }
    }
    if (newest == NULL) {
        return;
    }
    bool is_unbound = (newest->type == VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D ||
                       newest->type == VIRTIO_GPU_CMD_RESOURCE_FLUSH) &&
                      newest->response != VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    struct doctor_finding *finding =
        find(judge, is_unbound ? "unbound" : "errors",
             is_unbound ? "Attach backing to the resource, or draw to one that is there."
                        : "Read the rule of this command in VirtIO 1.3 §5.7.6.");
    finding->is_cause = is_unbound || !has_good_screen;
    if (is_unbound) {
        say(finding,
            "What %s draws goes nowhere: resource %u is not there or has no memory bound to "
            "it.",
            gpu->name, newest->resource_id);
    } else {
        say(finding, "The device answers the guest's commands on %s with errors.", gpu->name);
    }
    because(finding, "%u of the last %u commands; the newest: %s of resource %u answered %s", count,
            gpu->command_count, name_of(newest->type), newest->resource_id,
            name_of(newest->response));
}

/* A picture of one colour: never flushed, or drawn so. */
static void
judge_one_colour(struct judge *judge, const struct doctor_gpu *gpu,
                 const struct doctor_screen *screen)
{
    bool has_flush = false;
    bool has_scanout = false;
    for (unsigned i = 0; i < gpu->command_count && !has_scanout; i++) {
        has_flush |= gpu->commands[i].type == VIRTIO_GPU_CMD_RESOURCE_FLUSH;
        has_scanout = gpu->commands[i].type == VIRTIO_GPU_CMD_SET_SCANOUT;
    }
    if (has_scanout && !has_flush) {
        struct doctor_finding *finding =
            find(judge, "no-flush", "The guest must transfer and flush what it has drawn.");
        say(finding, "Nothing was flushed on %s since its scanout was set.", gpu->name);
        because(finding, "SET_SCANOUT is newer than any RESOURCE_FLUSH; the picture is all 0x%06x",
                screen->colour);
        return;
    }
    struct doctor_finding *finding =
        find(judge, "one-colour", "Look in the guest: its program, its console, its compositor.");
    say(finding,
        "The guest itself shows one colour, 0x%06x, on scanout %u of %s: the way to the "
        "screen is whole.",
        screen->colour, screen->head, gpu->name);
    because(finding, "%ux%u pixels, all the same", screen->width_px, screen->height_px);
}

/* --- what is seen --- */

static bool
has_picture(const struct doctor_screen *screen)
{
    return screen->is_seen && !screen->is_placeholder && !screen->is_one_colour;
}

static const struct doctor_screen *
any_picture(const struct doctor_evidence *evidence)
{
    for (unsigned i = 0; i < evidence->screen_count; i++) {
        if (has_picture(&evidence->screens[i])) {
            return &evidence->screens[i];
        }
    }
    return NULL;
}

/* Another display has a picture: whoever looks at this one looks at the wrong one. */
static bool
judge_wrong_display(struct judge *judge)
{
    const struct doctor_evidence *evidence = judge->evidence;
    const struct doctor_screen *good = any_picture(evidence);
    const struct doctor_screen *first = evidence->screen_count > 0 ? &evidence->screens[0] : NULL;
    if (good == NULL || first == NULL || good == first || !first->is_seen || has_picture(first)) {
        return false;
    }
    struct doctor_finding *finding = find(judge, "wrong-display",
                                          "Look at that one: in a window the menu or Ctrl-Alt-N, "
                                          "for a dump give its device and head.");
    say(finding,
        "You may look at the wrong display: %s head %u is %s, but %s head %u has a picture.",
        first->device, first->head, first->is_placeholder ? "off" : "of one colour", good->device,
        good->head);
    because(finding, "QEMU's first console is what a window opens with and screendump takes");
    return true;
}

static void
judge_screens(struct judge *judge, int gpu_idx)
{
    const struct doctor_evidence *evidence = judge->evidence;
    const struct doctor_gpu *gpu = &evidence->gpus[gpu_idx];
    const struct doctor_screen *good = any_picture(evidence);
    bool has_screen = false;
    for (unsigned i = 0; i < evidence->screen_count; i++) {
        const struct doctor_screen *screen = &evidence->screens[i];
        if (screen->gpu_idx != gpu_idx || !screen->is_seen) {
            continue;
        }
        /* Of several displays the further ones may well be off. */
        bool is_needed = screen->head == 0 || (good == NULL && !has_screen);
        has_screen = true;
        if (screen->is_placeholder && is_needed && (good == NULL || good == screen)) {
            judge_off(judge, gpu, screen);
        } else if (!screen->is_placeholder && screen->is_one_colour && good == NULL) {
            judge_one_colour(judge, gpu, screen);
        }
    }
}

static void
judge_gpu(struct judge *judge, int gpu_idx)
{
    const struct doctor_evidence *evidence = judge->evidence;
    const struct doctor_gpu *gpu = &evidence->gpus[gpu_idx];
    const struct doctor_screen *good = any_picture(evidence);
    unsigned before = judge->report->finding_count;
    if (judge_status(judge, gpu_idx)) {
        for (unsigned q = 0; q < DOCTOR_QUEUE_COUNT; q++) {
            bool is_ours = gpu->is_vhost && evidence->device.is_known;
            judge_queue(judge, gpu, q,
                        is_ours ? evidence->device.queues[q].avail_idx : gpu->queues[q].taken_idx);
        }
        judge_screens(judge, gpu_idx);
        judge_errors(judge, gpu, good != NULL);
    } else if (good != NULL && good->gpu_idx >= 0 && good->gpu_idx != gpu_idx) {
        /* A second GPU that nobody uses does not make the first one black. */
        for (unsigned i = before; i < judge->report->finding_count; i++) {
            judge->report->findings[i].is_cause = false;
        }
    }
}

/* --- our device --- */

static void
judge_scanout(struct judge *judge, unsigned idx)
{
    const struct doctor_device *device = &judge->evidence->device;
    const struct doctor_scanout *scanout = &device->scanouts[idx];
    struct doctor_finding *finding;
    if (scanout->resource_id == 0) {
        finding = find(judge, "scanout-off",
                       "The guest must set a scanout; what was refused stands among the problems.");
        say(finding, "Scanout %u is off: the guest shows no resource on it.", idx);
        because(finding, device->kept_count > 0 ? "the last problem: %s" : "%s",
                device->kept_count > 0 ? device->problems[0] : "our device has no problem to tell");
        if (device->kept_count > 0 && strstr(device->problems[0], "SET_SCANOUT") != NULL) {
            finding->cause = "outside";
            say(finding, "Scanout %u is off: the device refused what the guest wanted to show.",
                idx);
        }
    } else if (!scanout->has_backing) {
        finding =
            find(judge, "unbound", "The guest must attach backing to the resource that it shows.");
        say(finding, "Scanout %u shows resource %u, which has no memory bound to it.", idx,
            scanout->resource_id);
        because(finding, "its backing has 0 bytes");
    } else if (scanout->flush_count == 0) {
        finding = find(judge, "no-flush", "The guest must transfer and flush what it has drawn.");
        say(finding, "Nothing was flushed on scanout %u since it was set.", idx);
        because(finding, "resource %u, %ux%u, 0 flushes", scanout->resource_id, scanout->width_px,
                scanout->height_px);
    }
}

static void
judge_device_queue(struct judge *judge, unsigned q)
{
    const struct doctor_device *device = &judge->evidence->device;
    struct doctor_finding *finding;
    if (device->queues[q].fault[0] != '\0') {
        finding = find(judge, "broken", "Mend the guest's driver, then restart it.");
        say(finding, "Queue %u is broken, because the guest broke a rule: %s.", q,
            device->queues[q].fault);
        because(finding, "our device says so");
    }
    if (device->queues[q].error_count > 0) {
        finding = find(judge, "errors", "Read the problems of `vitrine status`.");
        finding->is_cause = false;
        say(finding, "Our device answered %" PRIu64 " commands of queue %u with errors.",
            device->queues[q].error_count, q);
        because(finding, "the last problem: %s",
                device->kept_count > 0 ? device->problems[0] : "not kept");
    }
}

static void
judge_device(struct judge *judge)
{
    const struct doctor_device *device = &judge->evidence->device;
    if (!device->is_known) {
        return;
    }
    if (!device->queues[0].is_running && judge->evidence->gpu_count == 0) {
        const char *how = "our device's control queue is not set up";
        if (was_driven(judge->evidence, -1)) {
            judge_reset(judge, "our device", how);
        } else {
            judge_unclaimed(judge, "our device", how);
        }
    }
    for (unsigned q = 0; q < DOCTOR_QUEUE_COUNT; q++) {
        judge_device_queue(judge, q);
    }
    if (device->waits_for[0] != '\0') {
        struct doctor_finding *finding =
            find(judge, "device-waits", "It gives up after five seconds and tells the guest.");
        finding->is_cause = false;
        say(finding, "Our device waits for %s.", device->waits_for);
        because(finding, "its control queue stands still meanwhile");
    }
    if (device->dead_context[0] != '\0') {
        struct doctor_finding *finding =
            find(judge, "renderer-died", "Its guest program must be started anew.");
        say(finding, "A renderer died: %s", device->dead_context);
        because(finding, "our device keeps a context without a renderer");
    }
    for (unsigned i = 0; device->queues[0].is_running && i < device->scanout_count; i++) {
        if (device->scanouts[i].is_plugged) {
            judge_scanout(judge, i);
        }
    }
}

/* --- all of it --- */

static void
causes_first(struct doctor_report *report)
{
    unsigned at = 0;
    for (unsigned i = 0; i < report->finding_count; i++) {
        if (report->findings[i].is_cause) {
            struct doctor_finding cause = report->findings[i];
            memmove(&report->findings[at + 1], &report->findings[at],
                    (i - at) * sizeof(report->findings[0]));
            report->findings[at++] = cause;
        }
    }
    report->is_healthy = at == 0;
}

static void
tell_health(const struct doctor_evidence *evidence, struct doctor_report *report)
{
    const struct doctor_screen *good = any_picture(evidence);
    if (good != NULL) {
        (void)snprintf(report->verdict, sizeof(report->verdict),
                       "All is well: %s head %u shows a picture of %ux%u.", good->device,
                       good->head, good->width_px, good->height_px);
    } else if (evidence->device.is_known) {
        (void)snprintf(report->verdict, sizeof(report->verdict),
                       "All is well: what the guest shows is flushed to our device.");
    } else {
        (void)snprintf(report->verdict, sizeof(report->verdict),
                       "Nothing is wrong that can be seen from here.");
    }
}

void
doctor_judge(const struct doctor_evidence *evidence, struct doctor_report *report)
{
    struct judge judge = { evidence, report };
    *report = (struct doctor_report){ 0 };
    judge_machine(&judge);
    bool is_other = judge_wrong_display(&judge);
    for (unsigned i = 0; i < evidence->gpu_count && !is_other; i++) {
        judge_gpu(&judge, (int)i);
    }
    judge_device(&judge);
    causes_first(report);
    if (report->is_healthy) {
        tell_health(evidence, report);
    } else {
        (void)snprintf(report->verdict, sizeof(report->verdict), "%s",
                       report->findings[0].sentence);
    }
}
