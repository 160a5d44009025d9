/*
 * gpu_main.c - vitrine-gpu: the command line of the server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/beside.h"
#include "device/device_options.h"
#include "device/environment.h"
#include "device/gpu_help.h"
#include "device/options.h"
#include "device/supervisor.h"

enum { CLIENT_COUNT_MAX = 1024, PATH_BYTES = 4096 };

static const struct option_spec specs[] = {
    {"vtest",          "SOCKET",         false},
    { "vhost-user",    "SOCKET",         false},
    { "resolution",    "WxH[,WxH...]",   false},
    { "scanouts",      "N",              false},
    { "window",        "SIZE",           false},
    { "no-venus",      NULL,             false},
    { "control",       "SOCKET|none",    false},
    { "view",          "WAY",            false},
    { "view-input",    "QMP_SOCKET",     false},
    { "trace-records", "FILE",           false},
    { "max-resources", "N",              false},
    { "max-contexts",  "N",              false},
    { "max-fences",    "N",              false},
    { "host-driver",   "NAME|JSON",      false},
    { "isolate",       "process|thread", false},
    { "no-sandbox",    NULL,             false},
    { "shader-cache",  "DIR|none",       false},
    { "trace",         "FILE",           false},
    { "record",        "FILE",           false},
    { "stats",         "text|json",      true },
    { "max-memory",    "SIZE",           false},
    { "max-cpu",       "SECONDS",        false},
    { "max-clients",   "N",              false},
    { "verbose",       NULL,             false},
    { "help",          NULL,             false},
    { "life-fd",       "N",              false},
    { "kill-after",    "MS",             false},
};
enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

static bool
fill_numbers(const struct options *options, struct supervisor_config *config)
{
    static const char *const isolations[] = { "process", "thread" };
    unsigned isolation = 0;
    uint64_t client_count = 256;
    uint64_t life_fd = UINT64_MAX;
    uint64_t kill_after_ms = 0;
    bool is_right = option_word(options, "isolate", isolations, 2, &isolation) &&
                    option_stats(options, &config->stats) &&
                    option_bytes(options, "max-memory", &config->limits.memory_bytes) &&
                    option_number(options, "max-cpu", 1, 1 << 30, &config->cpu_s) &&
                    option_number(options, "max-clients", 1, CLIENT_COUNT_MAX, &client_count) &&
                    option_number(options, "life-fd", 3, 1 << 20, &life_fd) &&
                    option_number(options, "kill-after", 1, 1 << 20, &kill_after_ms);
    config->worker_path = isolation == 0 ? "" : NULL;
    config->client_count_max = (uint32_t)client_count;
    config->life_fd = life_fd != UINT64_MAX ? (int)life_fd : -1;
    config->kill_after_ms = (uint32_t)kill_after_ms;
    return is_right;
}

static int
serve(const struct options *options)
{
    char worker_path[PATH_BYTES];
    struct supervisor_config config = {
        .program = options->program,
        .socket_path = options_get(options, "vtest"),
        .trace_path = options_get(options, "trace"),
        .record_path = options_get(options, "record"),
        .records_path = options_get(options, "trace-records"),
        .is_sandboxed = options_get(options, "no-sandbox") == NULL,
        .is_verbose = options_get(options, "verbose") != NULL,
    };
    bool is_device = options_get(options, "vhost-user") != NULL;
    struct device_config device = { .program = options->program };
    if (!device_options_fit(options) || !fill_numbers(options, &config) ||
        (is_device && !device_options_read(options, &device))) {
        return EXIT_WRONG_USE;
    }
    bool has_renderers = !is_device || device.has_venus;
    if (has_renderers && config.worker_path != NULL) {
        if (!program_beside("vitrine-render", worker_path, sizeof(worker_path))) {
            (void)fprintf(stderr, "%s: the program vitrine-render is missing beside this one\n",
                          options->program);
            return EXIT_FAILURE;
        }
        config.worker_path = worker_path;
    }
    if (has_renderers && !environment_prepare(options, &config.shader_cache)) {
        return EXIT_FAILURE;
    }
    if (!is_device) {
        return supervisor_run(&config);
    }
    device.renderers = config;
    device.renderers.limits.memory_bytes = device.limits.memory_bytes; /* one alone may have all */
    return device_run(&device);
}

int
main(int argc, char **argv)
{
    const char *values[SPEC_COUNT] = { NULL };
    struct options options = {
        .program = "vitrine-gpu",
        .specs = specs,
        .spec_count = SPEC_COUNT,
        .values = values,
    };
    int status = EXIT_SUCCESS;
    return options_begin(&options, argc, argv, gpu_help, &status) ? serve(&options) : status;
}
