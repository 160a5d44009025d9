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

void
vn_text_add_quoted(struct vn_text *to, const char *bytes, size_t size_bytes)
{
    vn_text_add(to, "\"");
    for (size_t i = 0; i < size_bytes && bytes[i]; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\') {
            vn_text_add(to, "\\%c", c);
        } else {
            vn_text_add(to, c >= ' ' && c <= '~' ? "%c" : "\\u%04x", c);
        }
    }
    vn_text_add(to, "\"");
}
