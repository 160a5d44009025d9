/*
 * Request lines of the control socket, of any bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "device/view/control_request.h"
#include "tests/fuzz/fuzz_input.h"

/* What was accepted is within its bounds; what was not has a sentence. */
static bool
is_right(const char *wrong, const struct control_request *request)
{
    bool has_size = request->verb == CONTROL_RESIZE || request->verb == CONTROL_PLUG;
    if (wrong != NULL) {
        return strlen(wrong) > 20;
    }
    return request->verb <= CONTROL_UNPLUG && request->scanout_idx <= 15 &&
           request->width_px <= 16384 && request->height_px <= 16384 &&
           (request->width_px > 0) == has_size && (request->height_px > 0) == has_size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size != 0 ? size : 1); /* no more, so that a byte too far is seen */
    struct control_request request = { 0 };
    if (line == NULL) {
        return 0;
    }
    memcpy(line, data, size);
    if (!is_right(control_parse(line, size, &request), &request)) {
        abort();
    }
    free(line);
    return 0;
}
