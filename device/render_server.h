/*
 * render_server.h - the render server that QEMU, crosvm and virglrenderer's test server start: a worker for each context.
 */
#ifndef DEVICE_RENDER_SERVER_H
#define DEVICE_RENDER_SERVER_H

#include "device/supervisor.h"

/* Of config->quota: the device's, one for each context, and one for the renderer that waits for the next. */
#define RENDER_SERVER_PLACE_COUNT(client_count_max) ((client_count_max) + 2)

/*
 * Serves the SOCK_SEQPACKET socket fd (taken over) until its other end is gone or a signal ends us.  config: socket_path is
 * not used.
 * Returns: an exit status: 0, or 1 after a line on stderr.
 */
int render_server_run(const struct supervisor_config *config, int fd);

#endif
