/*
 * line_socket.h - a client of a Unix socket that speaks JSON, a line at a time: QEMU's QMP, our control socket.
 */
#ifndef TOOLS_VITRINE_LINE_SOCKET_H
#define TOOLS_VITRINE_LINE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

enum { LINE_WHY_BYTES = 256, LINE_BYTES_MAX = 16 << 20, LINE_WAIT_MS = 10000 };

struct line_socket {
    int fd;            /* -1: closed */
    char *bytes;       /* the last line that was read, ended by a NUL, and what came after it */
    size_t line_bytes; /* of that line, with its end; 0: none */
    size_t used_bytes;
    size_t room_bytes;
    int passed_fd; /* that came with a line; -1: none.  Closed by line_close unless taken */
    char why[LINE_WHY_BYTES]; /* of the last false or NULL */
};

/* Returns: true; false and line->why.  line_close in either case. */
bool line_open(struct line_socket *line, const char *path);

/* Sends text as it is.  Returns: false and line->why. */
bool line_send(struct line_socket *line, const char *text);

/* The next line as JSON, for cJSON_Delete; line->bytes has its text until the next call.  Waits LINE_WAIT_MS at most.  Returns: NULL and line->why. */
cJSON *line_read(struct line_socket *line);

void line_close(struct line_socket *line);

#endif
