/*
 * control_request.h - a request line of the control socket (control.h), read.
 */
#ifndef DEVICE_VIEW_CONTROL_REQUEST_H
#define DEVICE_VIEW_CONTROL_REQUEST_H

#include <stddef.h>
#include <stdint.h>

enum control_verb {
    CONTROL_STATUS,
    CONTROL_SCREENSHOT,
    CONTROL_RESIZE,
    CONTROL_PLUG,
    CONTROL_UNPLUG,
};

struct control_request {
    enum control_verb verb;
    uint32_t scanout_idx; /* 0 to 15; 0 when it was not said */
    uint32_t width_px;    /* of RESIZE and PLUG: 1 to 16384; else 0 */
    uint32_t height_px;
};

/*
 * Reads a line, without its newline; any bytes may be in it.  A carriage return at its end is not minded.
 * Returns: NULL and *request; else a constant sentence that says what would be right.
 */
const char *control_parse(const char *line, size_t length, struct control_request *request);

#endif
