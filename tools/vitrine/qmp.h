/*
 * qmp.h - QEMU's machine protocol: one command at a time.
 */
#ifndef TOOLS_VITRINE_QMP_H
#define TOOLS_VITRINE_QMP_H

#include <stdint.h>

#include "tools/vitrine/line_socket.h"

struct qmp {
    struct line_socket line;
    unsigned major;
    unsigned minor;
    bool saw_panic;       /* an event GUEST_PANICKED came meanwhile */
    bool saw_reset;       /* RESET */
    bool was_guests_wish; /* of the last RESET */
};

/* Returns: true; false and qmp->line.why.  qmp_close in either case. */
bool qmp_open(struct qmp *qmp, const char *path);

/*
 * arguments: NULL or an object, freed here.
 * Returns: what the command returned, for cJSON_Delete; NULL and qmp->line.why: QEMU refused it, or is gone.
 */
cJSON *qmp_ask(struct qmp *qmp, const char *command, cJSON *arguments);

/* A command of the human monitor.  Returns: its text, for free; NULL and qmp->line.why. */
char *qmp_ask_human(struct qmp *qmp, const char *command_line);

/*
 * Guest memory or device registers at a guest physical address, in 32-bit words.
 * Returns: false and qmp->line.why: no memory is there.
 */
bool qmp_read_words(struct qmp *qmp, uint64_t guest_addr, unsigned count, uint32_t words[]);

void qmp_close(struct qmp *qmp);

#endif
