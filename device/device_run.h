/*
 * device_run.h - the processes of vitrine-gpu --vhost-user, and the one of them that is the device.
 *
 *      caretaker: starts both, waits, says who died ──┬─ render server (herd): a renderer process per guest context
 *                                                     └─ device process: one loop, sandboxed, alone with the guest
 */
#ifndef DEVICE_DEVICE_RUN_H
#define DEVICE_DEVICE_RUN_H

#include "device/gpu/gpu.h"
#include "device/records.h"
#include "device/supervisor.h"
#include "device/view/view.h"

struct device_config {
    const char *program; /* for messages */
    const char *socket_path;
    const char *control_path; /* NULL: this user's usual place; "none": none */
    const char *records_path; /* NULL: none */
    unsigned scanout_count;
    struct gpu_scanout_config scanouts[VIRTIO_GPU_SCANOUTS_MAX];
    uint64_t window_bytes;
    struct gpu_limits limits;
    struct view_choice view;
    bool has_venus;
    bool is_sandboxed;
    struct supervisor_config renderers; /* of the render server */
};

/* Serves until SIGINT, SIGTERM or SIGHUP.  Returns: an exit status: 0; 1 after a line on stderr. */
int device_run(const struct device_config *config);

/* What was opened before the device process shuts itself off; all are its own.  -1 and NULL: none. */
struct device_fds {
    int listener;
    int control;
    int render_server;
    int view;
    struct records *records;
    struct quota quota; /* the guest's memory in all processes */
};

/* The device process: returns when a signal ends it.  Returns: an exit status. */
int device_serve(const struct device_config *config, const struct device_fds *fds);

enum { DEVICE_REASON_BYTES = 160 };

/*
 * From now on this process opens no file, starts nothing, connects to nobody; a call outside the list ends it.
 * Returns: true; false and `reason`.
 */
bool device_sandbox(char reason[DEVICE_REASON_BYTES]);

#endif
