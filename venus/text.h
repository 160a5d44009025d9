/* A text of bounded room that is made piece by piece; what does not fit is counted on, as snprintf does. */
#ifndef VENUS_TEXT_H
#define VENUS_TEXT_H

#include <stddef.h>

struct vn_text {
    char *text; /* always terminated where there is room for anything; NULL: it is only counted */
    size_t size_bytes;
    size_t length;
};

void vn_text_add(struct vn_text *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Adds what others said, in quotes: printable ASCII as it is, and all else as JSON has it, so that it ends no line and no
 * string and says nothing to a terminal.  bytes: as far as a NUL, size_bytes at most.
 */
void vn_text_add_quoted(struct vn_text *to, const char *bytes, size_t size_bytes);

#endif
