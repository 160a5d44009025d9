/*
 * doctor_judge.h - from what was seen to why the screen is black.
 */
#ifndef TOOLS_VITRINE_DOCTOR_JUDGE_H
#define TOOLS_VITRINE_DOCTOR_JUDGE_H

#include "tools/vitrine/doctor_evidence.h"

enum { DOCTOR_FINDING_COUNT_MAX = 48, DOCTOR_SENTENCE_BYTES = 320 };

struct doctor_finding {
    const char *cause; /* a word for programs: "no-claim" */
    bool is_cause;     /* of a black screen; false: worth knowing */
    char sentence[DOCTOR_SENTENCE_BYTES];
    char evidence[DOCTOR_SENTENCE_BYTES];
    const char *advice;
};

struct doctor_report {
    unsigned finding_count;
    struct doctor_finding
        findings[DOCTOR_FINDING_COUNT_MAX]; /* causes first, nearest to the root first */
    bool is_healthy;                        /* no cause */
    char verdict[DOCTOR_SENTENCE_BYTES];
};

void doctor_judge(const struct doctor_evidence *evidence, struct doctor_report *report);

#endif
