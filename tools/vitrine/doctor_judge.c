#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/virtio.h"
#include "abi/virtio_gpu.h"

#include "tools/vitrine/doctor_judge_private.h"
#include "tools/vitrine/gpu_names.h"

struct doctor_finding *
doctor_find(struct judge *judge, const char *cause, const char *advice)
{
    struct doctor_report *report = judge->report;
    if (report->finding_count == DOCTOR_FINDING_COUNT_MAX) {
        report->finding_count--; /* the last one gives way: causes come first */
    }
    struct doctor_finding *finding = &report->findings[report->finding_count++];
    *finding = (struct doctor_finding){ .cause = cause, .is_cause = true, .advice = advice };
    return finding;
}

void
doctor_say(struct doctor_finding *finding, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(finding->sentence, sizeof(finding->sentence), format, values);
    va_end(values);
}

void
doctor_because(struct doctor_finding *finding, const char *format, ...)
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
            doctor_find(judge, "panicked", "Read the guest's serial line or its crash dump.");
        doctor_say(finding, "The guest's system has crashed.");
        doctor_because(finding, "QEMU's state is \"%s\"", evidence->run_state);
    } else if (!evidence->is_running) {
        struct doctor_finding *finding =
            doctor_find(judge, "not-running", "Let it run: the monitor's command is `cont`.");
        doctor_say(finding, "The machine stands still, so nobody draws.");
        doctor_because(finding, "QEMU's state is \"%s\"", evidence->run_state);
    }
    if (evidence->gpu_count == 0 && !evidence->device.is_known) {
        struct doctor_finding *finding = doctor_find(
            judge, "no-gpu", "Start QEMU with one, for example -device virtio-gpu-pci,id=gpu0.");
        doctor_say(finding, "This machine has no virtio GPU.");
        doctor_because(finding, "none of QEMU's virtio devices is a GPU");
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

bool
doctor_was_driven(const struct doctor_evidence *evidence, int gpu_idx)
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

void
doctor_judge_reset(struct judge *judge, const char *name, const char *how)
{
    const struct doctor_evidence *evidence = judge->evidence;
    struct doctor_finding *finding = doctor_find(
        judge, "reset",
        "Look for a second driver: firmware, boot loader, another part of the system. The "
        "owner must start the device anew.");
    const char *who = "somebody in the guest wrote 0 to its status";
    if (evidence->saw_reset) {
        who = evidence->was_guests_wish ? "the guest restarted the whole machine"
                                        : "the whole machine was reset from outside";
    }
    if (evidence->reset_by[0] != '\0') {
        doctor_say(finding, "DRIVER_OK of %s is gone: \"%s\" reset the device.", name,
                   evidence->reset_by);
    } else {
        doctor_say(finding, "DRIVER_OK of %s is gone: %s, after it had shown something.", name,
                   who);
    }
    doctor_because(finding, "%s%s", how,
                   evidence->reset_by[0] != '\0'
                       ? "; the name is from the driver's own records"
                       : "; --guest-records tells who, where the guest is ours");
}

void
doctor_judge_unclaimed(struct judge *judge, const char *name, const char *how)
{
    struct doctor_finding *finding = doctor_find(
        judge, "no-claim",
        "Start a driver in the guest: in Linux virtio-gpu (dmesg | grep -i drm), in our kernel "
        "`gpu info`.");
    doctor_say(finding, "Nobody has claimed %s: no driver in the guest has set it up.", name);
    doctor_because(finding, "%s", how);
}

static void
judge_half_claimed(struct judge *judge, const struct doctor_gpu *gpu)
{
    char text[DOCTOR_NAME_BYTES];
    status_text(gpu->status, text);
    struct doctor_finding *finding =
        doctor_find(judge, "half-claimed", "Read the guest's log: the driver says why it stopped.");
    if ((gpu->status & VIRTIO_STATUS_FAILED) != 0) {
        doctor_say(finding, "The driver of %s gave up.", gpu->name);
    } else {
        doctor_say(finding, "The driver of %s stopped in the middle of its start.", gpu->name);
    }
    doctor_because(finding, "status is %s", text);
}

/* Returns: whether a driver drives it, as far as one can know. */
static bool
judge_status(struct judge *judge, int gpu_idx)
{
    const struct doctor_gpu *gpu = &judge->evidence->gpus[gpu_idx];
    bool is_unknown = gpu->status == DOCTOR_STATUS_UNKNOWN;
    /* Linux acknowledges each device, also one that its driver has left. */
    bool is_off = is_unknown ? gpu->queues[0].is_known && !gpu->queues[0].is_set_up
                             : (gpu->status & (VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FAILED)) == 0;
    if (gpu->is_broken || (!is_unknown && (gpu->status & VIRTIO_STATUS_DEVICE_NEEDS_RESET) != 0)) {
        struct doctor_finding *finding =
            doctor_find(judge, "broken", "QEMU's own output names the rule; restart the driver.");
        doctor_say(finding,
                   "%s is broken: the device has stopped, because its driver broke a rule.",
                   gpu->name);
        doctor_because(finding, "QEMU says \"broken\", or DEVICE_NEEDS_RESET is set");
        return false;
    }
    if (is_off) {
        char how[DOCTOR_TEXT_BYTES] = "its control queue is not set up";
        if (!is_unknown) {
            char status[DOCTOR_NAME_BYTES];
            status_text(gpu->status, status);
            (void)snprintf(how, sizeof(how), "its status is %s", status);
        }
        if (doctor_was_driven(judge->evidence, gpu_idx)) {
            doctor_judge_reset(judge, gpu->name, how);
        } else {
            doctor_judge_unclaimed(judge, gpu->name, how);
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
            doctor_find(judge, "not-notified",
                        "The driver must notify the device after it has added commands (VirtIO 1.3 "
                        "§2.7.13.4); if it did, the device is stuck.");
        doctor_say(finding,
                   "%u commands of %s wait in queue %u, and the device does not take them: it was "
                   "not notified.",
                   waiting, gpu->name, q);
        doctor_because(finding, "available index %u, the device is at %u, a moment later still",
                       queue->offered_idx, taken_idx);
    }
    if (held > 0 && held <= queue->size) {
        struct doctor_finding *finding = doctor_find(
            judge, "device-waits",
            "See what the device waits for: a renderer, a fence, or (QEMU) a blocked display.");
        finding->is_cause = waiting > 0 || held > 1;
        doctor_say(finding, "The device holds %u commands of %s in queue %u and answers none.",
                   held, gpu->name, q);
        doctor_because(finding, "taken up to %u, used up to %u, a moment later still", taken_idx,
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
        doctor_find(judge, "outside",
                    "Make the rectangle lie within the resource; both sizes are the guest's.");
    if (command->response == VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER) {
        doctor_say(finding, "The rectangle of the scanout of %s lies outside its resource.",
                   gpu->name);
    } else {
        finding->cause = "scanout-refused";
        finding->advice = "Set a scanout that exists to a resource that exists.";
        doctor_say(finding, "The device refused the scanout of %s.", gpu->name);
    }
    doctor_because(finding, "SET_SCANOUT of resource %u, (%u,%u %ux%u), answered %s",
                   command->resource_id, command->rect[0], command->rect[1], command->rect[2],
                   command->rect[3], name_of(command->response));
}

static void
judge_off(struct judge *judge, const struct doctor_gpu *gpu, const struct doctor_screen *screen)
{
    const struct doctor_command *refused = last_of(gpu, VIRTIO_GPU_CMD_SET_SCANOUT, true);
    if (refused != NULL) {
        judge_refused_scanout(judge, gpu, refused);
        return;
    }
    struct doctor_finding *finding = doctor_find(
        judge, "scanout-off", "The guest must set a scanout (in Linux: a mode on the connector).");
    doctor_say(finding, "Scanout %u of %s is off: a driver is there, but shows no resource on it.",
               screen->head, gpu->name);
    doctor_because(finding, "QEMU shows its own text in place of a picture");
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
        doctor_find(judge, is_unbound ? "unbound" : "errors",
                    is_unbound ? "Attach backing to the resource, or draw to one that is there."
                               : "Read the rule of this command in VirtIO 1.3 §5.7.6.");
    finding->is_cause = is_unbound || !has_good_screen;
    if (is_unbound) {
        doctor_say(finding,
                   "What %s draws goes nowhere: resource %u is not there or has no memory bound to "
                   "it.",
                   gpu->name, newest->resource_id);
    } else {
        doctor_say(finding, "The device answers the guest's commands on %s with errors.",
                   gpu->name);
    }
    doctor_because(finding, "%u of the last %u commands; the newest: %s of resource %u answered %s",
                   count, gpu->command_count, name_of(newest->type), newest->resource_id,
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
            doctor_find(judge, "no-flush", "The guest must transfer and flush what it has drawn.");
        doctor_say(finding, "Nothing was flushed on %s since its scanout was set.", gpu->name);
        doctor_because(finding,
                       "SET_SCANOUT is newer than any RESOURCE_FLUSH; the picture is all 0x%06x",
                       screen->colour);
        return;
    }
    struct doctor_finding *finding = doctor_find(
        judge, "one-colour", "Look in the guest: its program, its console, its compositor.");
    doctor_say(finding,
               "The guest itself shows one colour, 0x%06x, on scanout %u of %s: the way to the "
               "screen is whole.",
               screen->colour, screen->head, gpu->name);
    doctor_because(finding, "of %ux%u pixels %u are of another colour", screen->width_px,
                   screen->height_px, screen->other_count);
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
    struct doctor_finding *finding =
        doctor_find(judge, "wrong-display",
                    "Look at that one: in a window the menu or Ctrl-Alt-N, "
                    "for a dump give its device and head.");
    doctor_say(finding,
               "You may look at the wrong display: %s head %u is %s, but %s head %u has a picture.",
               first->device, first->head, first->is_placeholder ? "off" : "of one colour",
               good->device, good->head);
    doctor_because(finding,
                   "QEMU's first console is what a window opens with and screendump takes");
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

/* What was not looked at is said, so that nobody takes it for well. */
static void
judge_unseen(struct judge *judge, const struct doctor_gpu *gpu)
{
    const char *advice = gpu->is_vhost
                             ? "Ask the device itself, where it is ours: --control SOCKET."
                             : "Try split rings (packed=off), or our device with --control.";
    struct doctor_finding *finding = doctor_find(judge, "not-seen", advice);
    finding->is_cause = false;
    doctor_say(finding, "What stands in the queues of %s could not be seen: %s.", gpu->name,
               gpu->is_vhost ? "another process has them" : "its rings are packed");
    doctor_because(finding, "%s: no waiting command, no error response is found there",
                   gpu->is_vhost ? "QEMU does not know how far that process has come"
                                 : "QEMU tells nothing of packed rings");
}

static void
judge_gpu(struct judge *judge, int gpu_idx)
{
    const struct doctor_evidence *evidence = judge->evidence;
    const struct doctor_gpu *gpu = &evidence->gpus[gpu_idx];
    const struct doctor_screen *good = any_picture(evidence);
    unsigned before = judge->report->finding_count;
    /* Our device knows what it shows; QEMU has only a picture of it. */
    bool is_ours = gpu->is_vhost && evidence->device.is_known;
    if (judge_status(judge, gpu_idx)) {
        /* How far another process has come, only that one knows. */
        for (unsigned q = 0; (is_ours || !gpu->is_vhost) && q < DOCTOR_QUEUE_COUNT; q++) {
            judge_queue(judge, gpu, q,
                        is_ours ? evidence->device.queues[q].avail_idx : gpu->queues[q].taken_idx);
        }
        if (!is_ours) {
            judge_screens(judge, gpu_idx);
        }
        if (!is_ours && gpu->is_packed) {
            judge_unseen(judge, gpu);
        }
        judge_errors(judge, gpu, good != NULL);
    } else if (good != NULL && good->gpu_idx >= 0 && good->gpu_idx != gpu_idx) {
        /* A second GPU that nobody uses does not make the first one black. */
        for (unsigned i = before; i < judge->report->finding_count; i++) {
            judge->report->findings[i].is_cause = false;
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
    doctor_judge_device(&judge);
    causes_first(report);
    if (report->is_healthy) {
        tell_health(evidence, report);
    } else {
        (void)snprintf(report->verdict, sizeof(report->verdict), "%s",
                       report->findings[0].sentence);
    }
}
