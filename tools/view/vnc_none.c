/*
 * vnc_none.c - instead of vnc_server.c, where libvncserver's headers were missing.
 */
#include <stdio.h>

#include "tools/view/show.h"

static struct show *
open_none(const struct show_config *config, char *reason, size_t reason_bytes)
{
    (void)config;
    (void)snprintf(reason, reason_bytes,
                   "vitrine-view was built without VNC: apt-get install libvncserver-dev, then "
                   "make programs");
    return NULL;
}

const struct show_way show_vnc = { .open = open_none };
