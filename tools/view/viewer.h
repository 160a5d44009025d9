/*
 * viewer.h - between the device process (device/view/view_wire.h) and a way to show its pictures.
 */
#ifndef TOOLS_VIEW_VIEWER_H
#define TOOLS_VIEW_VIEWER_H

#include "tools/view/show.h"

struct viewer_config {
    const char *program; /* for messages */
    int socket;          /* the device's; closed at the end */
    const char *title;
    const struct show_way *way;
    uint16_t port;
    const char *qmp_path; /* where a person's keys and pointer go; NULL: nowhere */
};

/*
 * Opens, tells the device so (or why not), and shows what it is told until either side ends.
 * Returns: an exit status: 0; 1 it could not open, or the device said what cannot be.
 */
int viewer_run(const struct viewer_config *config);

#endif
