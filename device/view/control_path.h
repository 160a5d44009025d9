/*
 * control_path.h - where control sockets lie, so that nobody need type it while one device runs.
 *
 *      $XDG_RUNTIME_DIR/vitrine/gpu-PID.control       else /tmp/vitrine-UID/gpu-PID.control
 */
#ifndef DEVICE_VIEW_CONTROL_PATH_H
#define DEVICE_VIEW_CONTROL_PATH_H

#include <stdbool.h>
#include <stddef.h>

enum { CONTROL_PATH_BYTES = 108, CONTROL_FOUND_COUNT_MAX = 16 };

/*
 * The path for this process's own socket; makes its directory, which only this user may enter.
 * Returns: true and `path`; false and `path` is a sentence that says why not.
 */
bool control_path_own(char path[CONTROL_PATH_BYTES]);

struct control_found {
    unsigned count; /* how many are served; at most CONTROL_FOUND_COUNT_MAX are listed */
    char paths[CONTROL_FOUND_COUNT_MAX][CONTROL_PATH_BYTES];
};

/* The sockets that are served now, of this user. */
void control_path_find(struct control_found *found);

#endif
