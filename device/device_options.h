/*
 * device_options.h - the options of vitrine-gpu --vhost-user.
 */
#ifndef DEVICE_DEVICE_OPTIONS_H
#define DEVICE_DEVICE_OPTIONS_H

#include "device/device_run.h"
#include "device/options.h"

/* Whether the options fit together, whatever their values.  Returns: false after one line that says which do not. */
bool device_options_fit(const struct options *options);

/* Reads their values; config: program is set, renderers is left alone.  Returns: false after one line. */
bool device_options_read(const struct options *options, struct device_config *config);

/* "1280x800", "1280x800,off,1024x768".  Returns: how many displays there are; 0: it is none of these. */
unsigned
device_read_displays(const char *text, struct gpu_scanout_config displays[VIRTIO_GPU_SCANOUTS_MAX]);

#endif
