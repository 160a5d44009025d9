/*
 * device_options.c - which options belong together, and what they say of the device.
 */
#include "device/device_options.h"

#include <stdlib.h>
#include <string.h>

enum {
    CONTEXT_COUNT_MAX = 64,
    WINDOW_BYTES_MIN = 1 << 20,
    WIDTH_DEFAULT_PX = 1280,
    HEIGHT_DEFAULT_PX = 800,
    PIXEL_BYTES = 4
};

static const char *const of_device[] = { "resolution",   "scanouts",  "window",     "no-venus",
                                         "control",      "view",      "view-input", "max-resources",
                                         "max-contexts", "max-fences" };
static const char *const of_vtest[] = { "record", "stats", "max-clients", "life-fd", "kill-after" };
static const char *const of_venus[] = { "window",  "host-driver",  "isolate",     "trace",
                                        "max-cpu", "max-contexts", "shader-cache" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The first of these options that was given; NULL: none. */
static const char *
find_given(const struct options *options, const char *const names[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (options_get(options, names[i]) != NULL) {
            return names[i];
        }
    }
    return NULL;
}

bool
device_options_fit(const struct options *options)
{
    const char *vtest = options_get(options, "vtest");
    const char *device = options_get(options, "vhost-user");
    const char *alien = device != NULL ? find_given(options, of_vtest, COUNT(of_vtest))
                                       : find_given(options, of_device, COUNT(of_device));
    const char *idle = options_get(options, "no-venus") != NULL
                           ? find_given(options, of_venus, COUNT(of_venus))
                           : NULL;
    const char *path = vtest != NULL ? vtest : device;
    if (path == NULL || path[0] == '\0') {
        return option_wrong(options, "nothing to serve: say --vtest SOCKET or --vhost-user SOCKET");
    }
    if (vtest != NULL && device != NULL) {
        return option_wrong(options,
                            "--vtest and --vhost-user are two servers: start each by itself");
    }
    if (alien != NULL) {
        return option_wrong(options, "--%s belongs to --%s", alien,
                            device != NULL ? "vtest" : "vhost-user");
    }
    if (idle != NULL) {
        return option_wrong(options, "--%s is about Vulkan, which --no-venus leaves out", idle);
    }
    return true;
}

static bool
read_display(const char *text, const char **end, struct gpu_scanout_config *display)
{
    char *at = NULL;
    if (strncmp(text, "off", 3) == 0) {
        *end = text + 3;
        *display = (struct gpu_scanout_config){ WIDTH_DEFAULT_PX, HEIGHT_DEFAULT_PX, false };
        return true;
    }
    unsigned long width_px = text[0] >= '1' && text[0] <= '9' ? strtoul(text, &at, 10) : 0;
    if (width_px == 0 || *at != 'x' || at[1] < '1' || at[1] > '9') {
        return false;
    }
    unsigned long height_px = strtoul(at + 1, &at, 10);
    *end = at;
    *display = (struct gpu_scanout_config){ (uint32_t)width_px, (uint32_t)height_px, true };
    return width_px <= GPU_SIDE_PX_MAX && height_px <= GPU_SIDE_PX_MAX;
}

unsigned
device_read_displays(const char *text, struct gpu_scanout_config displays[VIRTIO_GPU_SCANOUTS_MAX])
{
    const char *at = text;
    for (unsigned count = 1; count <= VIRTIO_GPU_SCANOUTS_MAX; count++) {
        if (!read_display(at, &at, &displays[count - 1])) {
            return 0;
        }
        if (*at == '\0') {
            return count;
        }
        if (*at++ != ',') {
            return 0;
        }
    }
    return 0;
}

static bool
read_scanouts(const struct options *options, struct device_config *config)
{
    const char *text = options_get(options, "resolution");
    uint64_t count = 0;
    unsigned listed = device_read_displays(text != NULL ? text : "1280x800", config->scanouts);
    if (listed == 0) {
        return option_wrong(options,
                            "--resolution %s: right is a size such as 1280x800, or up to 16 of "
                            "them, or off, with commas between",
                            text);
    }
    if (!option_number(options, "scanouts", listed, VIRTIO_GPU_SCANOUTS_MAX, &count)) {
        return false;
    }
    config->scanout_count = count != 0 ? (unsigned)count : listed;
    for (unsigned i = listed; i < config->scanout_count; i++) {
        config->scanouts[i] = config->scanouts[listed - 1];
    }
    return true;
}

static bool
read_window(const struct options *options, struct device_config *config)
{
    config->window_bytes = config->has_venus ? UINT64_C(4) << 30 : 0;
    if (!option_bytes(options, "window", &config->window_bytes)) {
        return false;
    }
    bool is_power = (config->window_bytes & (config->window_bytes - 1)) == 0;
    if (config->has_venus && (!is_power || config->window_bytes < WINDOW_BYTES_MIN)) {
        return option_wrong(options, "--window %s: right is a power of two from 1M, such as 4G",
                            options_get(options, "window"));
    }
    return true;
}

/* Below one picture of a display its guest would show nothing, and nobody would know why. */
static bool
has_room_for_pictures(const struct options *options, const struct device_config *config)
{
    const char *text = options_get(options, "max-memory");
    for (unsigned i = 0; i < config->scanout_count && text != NULL; i++) {
        const struct gpu_scanout_config *display = &config->scanouts[i];
        uint64_t bytes = (uint64_t)display->width_px * display->height_px * PIXEL_BYTES;
        if (display->is_enabled && bytes > config->limits.memory_bytes) {
            return option_wrong(options,
                                "--max-memory %s: one picture of a display of %ux%u takes %llu "
                                "bytes",
                                text, display->width_px, display->height_px,
                                (unsigned long long)bytes);
        }
    }
    return true;
}

static bool
read_limits(const struct options *options, struct gpu_limits *limits)
{
    uint64_t resource_count = 0;
    uint64_t context_count = 0;
    uint64_t fence_count = 0;
    limits->memory_bytes = quota_default_bytes();
    bool is_right = option_bytes(options, "max-memory", &limits->memory_bytes) &&
                    option_number(options, "max-resources", 1, 1 << 20, &resource_count) &&
                    option_number(options, "max-contexts", 1, CONTEXT_COUNT_MAX, &context_count) &&
                    option_number(options, "max-fences", 1, 1 << 20, &fence_count);
    limits->resource_count = (uint32_t)resource_count;
    limits->context_count = (uint32_t)context_count;
    limits->fence_count = (uint32_t)fence_count;
    return is_right;
}

bool
device_options_read(const struct options *options, struct device_config *config)
{
    const char *view = options_get(options, "view");
    config->socket_path = options_get(options, "vhost-user");
    config->control_path = options_get(options, "control");
    config->records_path = options_get(options, "trace-records");
    config->has_venus = options_get(options, "no-venus") == NULL;
    config->is_sandboxed = options_get(options, "no-sandbox") == NULL;
    if (view != NULL && !view_choose(view, &config->view)) {
        return option_wrong(options, "--view %s: right is window, vnc, vnc:PORT or none", view);
    }
    config->view.input_path = options_get(options, "view-input");
    if (config->view.input_path != NULL && config->view.way == VIEW_NONE) {
        return option_wrong(options, "--view-input says where keys of a view go: add --view window "
                                     "or --view vnc");
    }
    return read_scanouts(options, config) && read_window(options, config) &&
           read_limits(options, &config->limits) && has_room_for_pictures(options, config);
}
