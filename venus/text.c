#include "venus/text.h"

#include <stdarg.h>
#include <stdio.h>

void
vn_text_add(struct vn_text *to, const char *format, ...)
{
    size_t room = to->length < to->size_bytes ? to->size_bytes - to->length : 0;
    va_list list;
    va_start(list, format);
    int length = vsnprintf(room ? to->text + to->length : NULL, room, format, list);
    va_end(list);
    to->length += length > 0 ? (size_t)length : 0;
}
