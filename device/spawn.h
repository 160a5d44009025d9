/*
 * spawn.h - starts a worker, as a process or as a thread.
 */
#ifndef DEVICE_SPAWN_H
#define DEVICE_SPAWN_H

#include <stdbool.h>

#include "device/client.h"
#include "device/supervisor.h"

/*
 * Starts a worker for the client behind fd; client->worker and client->channel are set.  fd: taken over.
 * trace_fd: borrowed.
 * Returns: true; false and errno.
 */
bool
spawn_worker(const struct supervisor_config *config, struct client *client, int fd, int trace_fd);

#endif
