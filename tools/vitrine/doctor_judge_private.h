/*
 * doctor_judge_private.h - for doctor_judge*.c.
 */
#ifndef TOOLS_VITRINE_DOCTOR_JUDGE_PRIVATE_H
#define TOOLS_VITRINE_DOCTOR_JUDGE_PRIVATE_H

#include "tools/vitrine/doctor_judge.h"

struct judge {
    const struct doctor_evidence *evidence;
    struct doctor_report *report;
};

/* A finding more, a cause until somebody says otherwise; its sentence and evidence follow. */
struct doctor_finding *doctor_find(struct judge *judge, const char *cause, const char *advice);
void doctor_say(struct doctor_finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void doctor_because(struct doctor_finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * A picture that the guest made stands there still, or its size, though nobody drives the device now; or it was reset before.
 * gpu_idx: -1: our device, of which QEMU tells nothing.
 */
bool doctor_was_driven(const struct doctor_evidence *evidence, int gpu_idx);

/* DRIVER_OK is gone, or was never there.  how: what was seen. */
void doctor_judge_reset(struct judge *judge, const char *name, const char *how);
void doctor_judge_unclaimed(struct judge *judge, const char *name, const char *how);

void doctor_judge_device(struct judge *judge);

#endif
