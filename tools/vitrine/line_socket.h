/*
 * line_socket.h - a client of a Unix socket that speaks JSON, a line at a time: QEMU's QMP, our control socket.
 */
#ifndef TOOLS_VITRINE_LINE_SOCKET_H
#define TOOLS_VITRINE_LINE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

enum { LINE_WHY_BYTES = 256, LINE_BYTES_MAX = 16 << 20, LINE_WAIT_MS = 5000 };

struct line_socket {
    int fd; /* -1: closed */
    char *bytes;
    size_t used_bytes;
    size_t room_bytes;
    char why[LINE_WHY_BYTES]; /* of the last false or NULL */
};

/* Returns: true; false and line->why.  line_close in either case. */
bool line_open(struct line_socket *line, const char *path);

/* Sends text as it is.  Returns: false and line->why. */
bool line_send(struct line_socket *line, const char *text);

/* The next line as JSON, for cJSON_Delete; waits LINE_WAIT_MS at most.  Returns: NULL and line->why. */
cJSON *line_read(struct line_socket *line);

void line_close(struct line_socket *line);

#endif
