/*
 * One line for people, through the platform. Contract: virtio/device.h.
 */
#include "virtio/core/text.h"
#include "virtio/device.h"

enum { LOG_LINE_BYTES = 201 }; /* 200 characters and the NUL */

void
virtio_log(const struct virtio_platform *plat, enum virtio_log_level level, const char *format, ...)
{
    char line[LOG_LINE_BYTES];
    struct text text = virtio_text_start(line, sizeof(line));
    va_list args;
    va_start(args, format);
    virtio_text_format(&text, format, args);
    va_end(args);
    plat->log(plat->ctx, level, line, text.used);
}
