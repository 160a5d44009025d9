/*
 * window_none.c - instead of window_sdl.c, where SDL's headers were missing.
 */
#include <stdio.h>

#include "tools/view/show.h"

static struct show *
open_none(const struct show_config *config, char *reason, size_t reason_bytes)
{
    (void)config;
    (void)snprintf(reason, reason_bytes,
                   "vitrine-view was built without windows: apt-get install libsdl2-dev, then "
                   "make programs");
    return NULL;
}

const struct show_way show_window = { .open = open_none };
