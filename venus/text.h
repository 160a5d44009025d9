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

#endif
