/*
 * Numeric options of the client programs: `--name N`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct vkt_option {
    const char *name;
    uint32_t *value;
    uint32_t least;
    uint32_t most;
};

/* Reads a number; gives whether the text is one within the bounds. */
static inline bool
vkt_is_number(const struct vkt_option *o, const char *text)
{
    char *end = NULL;
    unsigned long long n = strtoull(text, &end, 0);

    if (end == text || *end != '\0' || n < o->least || n > o->most) {
        return false;
    }
    *o->value = (uint32_t)n;
    return true;
}

/* Gives whether `name` is one of the options and `text` its number. */
static inline bool
vkt_is_option(const struct vkt_option *options, unsigned count, const char *name, const char *text)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(options[i].name, name) == 0) {
            return text != NULL && vkt_is_number(&options[i], text);
        }
    }
    return false;
}

/* Reads the whole command line; gives whether it was understood. */
static inline bool
vkt_options(const struct vkt_option *options, unsigned count, int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        if (!vkt_is_option(options, count, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
            return false;
        }
    }
    return true;
}
