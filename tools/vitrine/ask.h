/*
 * ask.h - a question to a running device, over its control socket (device/view/control.h).
 */
#ifndef TOOLS_VITRINE_ASK_H
#define TOOLS_VITRINE_ASK_H

#include <stdbool.h>

#include "device/options.h"
#include "tools/vitrine/line_socket.h"

struct answer {
    struct line_socket
        line;    /* bytes: the answer's text; passed_fd: a picture's memory, -1: none came */
    cJSON *json; /* the same text, read: an object whose "ok" is true */
};

/*
 * Asks the device that --control names, else the one that runs.  format: the request, without newline.
 * Returns: true and *answer, for answer_finish; false after one line on stderr.
 */
bool ask(const struct options *options, struct answer *answer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void answer_finish(struct answer *answer);

/* --scanout N, 0 when it was not given.  Returns: false after one line. */
bool ask_scanout(const struct options *options, unsigned *scanout_idx);

#endif
