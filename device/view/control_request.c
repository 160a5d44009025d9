/*
 * control_request.c - words and numbers of a request line.
 */
#include "device/view/control_request.h"

#include <stdbool.h>
#include <string.h>

enum { SCANOUT_IDX_MAX = 15, SIDE_PX_MAX = 16384 };

static const struct verb {
    const char *word;
    enum control_verb verb;
    bool needs_scanout;
    bool takes_scanout;
    bool takes_size;
} verbs[] = {
    {"status",      CONTROL_STATUS,     false, false, false},
    { "screenshot", CONTROL_SCREENSHOT, false, true,  false},
    { "resize",     CONTROL_RESIZE,     true,  true,  true },
    { "plug",       CONTROL_PLUG,       true,  true,  true },
    { "unplug",     CONTROL_UNPLUG,     true,  true,  false},
};

/* What is not yet read of the line. */
struct rest {
    const char *at;
    const char *end;
};

static void
skip_blanks(struct rest *rest)
{
    while (rest->at < rest->end && *rest->at == ' ') {
        rest->at++;
    }
}

static const struct verb *
take_verb(struct rest *rest)
{
    skip_blanks(rest);
    const char *first = rest->at;
    while (rest->at < rest->end && *rest->at != ' ') {
        rest->at++;
    }
    size_t length = (size_t)(rest->at - first);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strlen(verbs[i].word) == length && memcmp(verbs[i].word, first, length) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

/* Decimal digits, at least one, for a number of at most `most`. */
static bool
take_number(struct rest *rest, uint32_t most, uint32_t *number)
{
    uint32_t value = 0;
    const char *first = rest->at;
    while (rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9' && value <= most) {
        value = value * 10 + (uint32_t)(*rest->at - '0');
        rest->at++;
    }
    *number = value;
    return rest->at > first && value <= most;
}

/* WIDTHxHEIGHT */
static bool
take_size(struct rest *rest, struct control_request *request)
{
    skip_blanks(rest);
    if (!take_number(rest, SIDE_PX_MAX, &request->width_px) || rest->at == rest->end ||
        *rest->at != 'x') {
        return false;
    }
    rest->at++;
    return take_number(rest, SIDE_PX_MAX, &request->height_px) && request->width_px > 0 &&
           request->height_px > 0;
}

static const char *
take_arguments(struct rest *rest, const struct verb *verb, struct control_request *request)
{
    skip_blanks(rest);
    bool has_scanout = verb->takes_scanout && rest->at < rest->end;
    if ((has_scanout || verb->needs_scanout) &&
        !take_number(rest, SCANOUT_IDX_MAX, &request->scanout_idx)) {
        return "a scanout is a number from 0 to 15, and comes first";
    }
    if (has_scanout && rest->at < rest->end && *rest->at != ' ') {
        return "a scanout is a number from 0 to 15, and a blank follows it";
    }
    if (verb->takes_size && !take_size(rest, request)) {
        return "a size is WIDTHxHEIGHT in pixels, such as 1280x800, each from 1 to 16384";
    }
    skip_blanks(rest);
    return rest->at == rest->end ? NULL : "there is more in the line than this request takes";
}

const char *
control_parse(const char *line, size_t length, struct control_request *request)
{
    struct rest rest = { line, line + length };
    if (length > 0 && line[length - 1] == '\r') {
        rest.end--;
    }
    const struct verb *verb = take_verb(&rest);
    if (verb == NULL) {
        return "requests are: status; screenshot [SCANOUT]; resize SCANOUT WxH; plug SCANOUT WxH; "
               "unplug SCANOUT";
    }
    *request = (struct control_request){ .verb = verb->verb };
    return take_arguments(&rest, verb, request);
}
