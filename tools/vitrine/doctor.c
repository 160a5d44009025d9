/*
 * doctor.c - vitrine doctor: looks, judges, tells.
 */
#include "tools/vitrine/doctor.h"

#include <stdio.h>
#include <stdlib.h>

#include "device/options.h"
#include "tools/vitrine/doctor_judge.h"
#include "tools/vitrine/qmp.h"

enum { EXIT_CAUSE_FOUND = 1, EXIT_CANNOT_LOOK = 3, WHY_BYTES = 512 };

static const struct option_spec specs[] = {
    {"qmp",            "SOCKET", false},
    { "control",       "SOCKET", false},
    { "guest-records", "FILE",   false},
    { "json",          NULL,     false},
    { "help",          NULL,     false},
};
enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

static void
print_help(void)
{
    (void)puts(
        "usage: vitrine doctor --qmp SOCKET [--control SOCKET] [--guest-records FILE] [--json]\n"
        "\n"
        "Says in plain words why the screen of a virtual machine with a virtio GPU is black: one\n"
        "sentence, then what was seen and what to do.  Works with QEMU's own virtio-gpu and any\n"
        "guest; with our device it sees more.  It changes nothing.\n"
        "\n"
        "  --qmp SOCKET          QEMU's QMP: start QEMU with -qmp unix:SOCKET,server=on,wait=off\n"
        "  --control SOCKET      the control socket of our device, vitrine-gpu --vhost-user\n"
        "  --guest-records FILE  the driver's records (as for vitrine trace): who reset the "
        "device\n"
        "  --json                the same for programs\n"
        "  --help                say this\n"
        "\n"
        "give --qmp, --control or both.\n"
        "\n"
        "it knows: a machine that stands still or crashed, a device that is unplugged, no driver,\n"
        "a driver that stopped half way, DRIVER_OK gone, a broken device, a scanout that is off\n"
        "or was refused, a rectangle outside its resource, a resource without memory, nothing\n"
        "flushed, commands without a notification, commands without an answer, error responses,\n"
        "the wrong display.\n"
        "\n"
        "exit status: 0 nothing is wrong; 1 a cause was found; 2 wrong use; 3 it could not look");
}

/* --- looking --- */

static bool
cannot_look(const char *what, const char *path, const char *why)
{
    (void)fprintf(stderr, "vitrine doctor: cannot look at %s %s: %s\n", what, path, why);
    return false;
}

static bool
look_at_qemu(const char *path, struct doctor_evidence *evidence)
{
    struct qmp qmp;
    bool is_seen = qmp_open(&qmp, path) && doctor_look_at_qemu(&qmp, evidence);
    if (!is_seen) {
        (void)cannot_look("QEMU at", path, qmp.line.why);
    }
    qmp_close(&qmp);
    return is_seen;
}

static bool
look_at_device(const char *path, struct doctor_evidence *evidence)
{
    struct line_socket line;
    bool is_seen = line_open(&line, path) && doctor_look_at_device(&line, evidence);
    if (!is_seen) {
        (void)cannot_look("the device at", path, line.why);
    }
    line_close(&line);
    return is_seen;
}

static bool
look(const struct options *options, struct doctor_evidence *evidence)
{
    const char *qmp = options_get(options, "qmp");
    const char *control = options_get(options, "control");
    const char *records = options_get(options, "guest-records");
    char why[WHY_BYTES];
    /* The device first: QEMU's view of the queues is then the newer one, and nothing waits that the device has taken. */
    if ((control != NULL && !look_at_device(control, evidence)) ||
        (qmp != NULL && !look_at_qemu(qmp, evidence))) {
        return false;
    }
    if (records != NULL && !doctor_look_at_records(records, evidence, why, sizeof(why))) {
        (void)fprintf(stderr, "vitrine doctor: %s\n", why);
        return false;
    }
    return true;
}

/* --- telling --- */

static void
tell(const struct doctor_report *report)
{
    (void)puts(report->verdict);
    for (unsigned i = 0; i < report->finding_count; i++) {
        const struct doctor_finding *finding = &report->findings[i];
        (void)printf("\n%u. %s%s\n   seen: %s\n   do:   %s\n", i + 1,
                     finding->is_cause ? "" : "(not the cause) ", finding->sentence,
                     finding->evidence, finding->advice);
    }
}

static bool
tell_json(const struct doctor_report *report)
{
    cJSON *all = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(all, "verdict", report->verdict);
    (void)cJSON_AddBoolToObject(all, "is_healthy", report->is_healthy);
    cJSON *findings = cJSON_AddArrayToObject(all, "findings");
    for (unsigned i = 0; i < report->finding_count; i++) {
        const struct doctor_finding *finding = &report->findings[i];
        cJSON *one = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(one, "cause", finding->cause);
        (void)cJSON_AddBoolToObject(one, "is_cause", finding->is_cause);
        (void)cJSON_AddStringToObject(one, "sentence", finding->sentence);
        (void)cJSON_AddStringToObject(one, "seen", finding->evidence);
        (void)cJSON_AddStringToObject(one, "do", finding->advice);
        (void)cJSON_AddItemToArray(findings, one);
    }
    char *text = cJSON_Print(all);
    cJSON_Delete(all);
    bool is_printed = text != NULL && puts(text) >= 0;
    cJSON_free(text);
    return is_printed;
}

int
doctor_main(int argc, char **argv)
{
    static struct doctor_evidence evidence;
    static struct doctor_report report;
    const char *values[SPEC_COUNT] = { NULL };
    struct options options = {
        .program = "vitrine doctor", .specs = specs, .spec_count = SPEC_COUNT, .values = values
    };
    int status;
    if (!options_begin(&options, argc, argv, print_help, &status)) {
        return status;
    }
    if (options_get(&options, "qmp") == NULL && options_get(&options, "control") == NULL) {
        (void)option_wrong(&options, "say where to look: --qmp SOCKET, --control SOCKET or both");
        return EXIT_WRONG_USE;
    }
    if (!look(&options, &evidence)) {
        return EXIT_CANNOT_LOOK;
    }
    doctor_judge(&evidence, &report);
    if (options_get(&options, "json") == NULL) {
        tell(&report);
    } else if (!tell_json(&report)) {
        return EXIT_CANNOT_LOOK;
    }
    return report.is_healthy ? EXIT_SUCCESS : EXIT_CAUSE_FOUND;
}
