/*
 * render_main.c - vitrine-render: one client's renderer (started by vitrine-gpu), or a render server (started by QEMU,
 * crosvm or virglrenderer's own test server).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "device/options.h"
#include "device/preload.h"
#include "device/sandbox.h"
#include "device/worker.h"

enum { EXIT_WRONG_USE = 2 };

static const struct option_spec specs[] = {
    {"socket-fd",   "N",
     "serve the render-server protocol on this SOCK_SEQPACKET socket: what virglrenderer\n"
      "gives to the program that RENDER_SERVER_EXEC_PATH names",                                      false},
    { "no-sandbox", NULL,        "keep the access to files and system calls",                         false},
    { "max-memory", "SIZE",      "device and shared memory of one context (512M, 2G; default: half)",
     false                                                                                                 },
    { "max-cpu",    "SECONDS",   "CPU time of a renderer process (default: no limit)",                false},
    { "help",       NULL,        "this text",                                                         false},
 /* from vitrine-gpu */
    { "vtest-fd",   "N",         NULL,                                                                false},
    { "report-fd",  "N",         NULL,                                                                false},
    { "trace-fd",   "N",         NULL,                                                                false},
    { "stats",      "text|json", NULL,                                                                true },
};
enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

static void
print_help(const struct options *options)
{
    (void)puts(
        "vitrine-render - renders for one Venus client, or serves as a render server\n"
        "\n"
        "usage: vitrine-render --socket-fd N [OPTION...]\n"
        "\n"
        "Not for people to start: vitrine-gpu starts one for each client.  To let QEMU, crosvm or\n"
        "virgl_test_server render through it instead of virgl_render_server:\n"
        "  RENDER_SERVER_EXEC_PATH=/path/to/vitrine-render qemu-system-x86_64 ... \\\n"
        "      -device virtio-gpu-gl,hostmem=4G,blob=on,venus=on\n"
        "\n"
        "options:");
    options_print(options);
    (void)puts("\nexit status: 0 the client left; 1 it was ended with a reason; 2 wrong use");
}

static bool
read_fd(const struct options *options, const char *name, int *fd)
{
    uint64_t number = UINT64_MAX;
    bool is_right = option_number(options, name, 0, 1 << 20, &number);
    *fd = number != UINT64_MAX ? (int)number : -1;
    return is_right;
}

/* Returns: true; false and `reason`. */
static bool
shut_off(const struct options *options, const struct worker_config *config,
         char reason[SANDBOX_REASON_BYTES])
{
    struct sandbox_limits limits = { .memory_bytes = config->limits.memory_bytes };
    const char *drivers = getenv("VK_DRIVER_FILES");
    bool is_held = false;
    if (!option_number(options, "max-cpu", 1, 1 << 30, &limits.cpu_s)) {
        (void)snprintf(reason, SANDBOX_REASON_BYTES, "--max-cpu");
        return false;
    }
    /* A cache of compiled shaders that a client could write to would be a way out of here. */
    (void)setenv("MESA_SHADER_CACHE_DISABLE", "true", 1);
    sandbox_limit(&limits);
    if (!sandbox_close_files(drivers, &is_held, reason)) {
        return false;
    }
    (void)preload_vulkan(NULL);
    return sandbox_close_calls(sandbox_has_hardware(drivers), reason);
}

static int
serve_vtest(const struct options *options)
{
    static const char *const formats[] = { "", "text", "json" };
    struct worker_config config = { .is_alone = true };
    unsigned format = 0;
    if (!read_fd(options, "vtest-fd", &config.client_fd) ||
        !read_fd(options, "report-fd", &config.channel) ||
        !read_fd(options, "trace-fd", &config.trace_fd) ||
        !option_bytes(options, "max-memory", &config.limits.memory_bytes) ||
        !option_word(options, "stats", formats, 3, &format)) {
        return EXIT_WRONG_USE;
    }
    bool has_stats = options_get(options, "stats") != NULL;
    config.stats = !has_stats ? STATS_NONE : format == 2 ? STATS_JSON : STATS_TEXT;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    char reason[SANDBOX_REASON_BYTES + 64] = "the renderer's sandbox cannot be made: ";
    size_t used = strlen(reason);
    if (options_get(options, "no-sandbox") == NULL && !shut_off(options, &config, reason + used)) {
        return worker_refuse(&config, reason);
    }
    return worker_serve_vtest(&config);
}

int
main(int argc, char **argv)
{
    const char *values[SPEC_COUNT] = { NULL };
    struct options options = {
        .program = "vitrine-render",
        .specs = specs,
        .spec_count = SPEC_COUNT,
        .values = values,
    };
    if (!options_read(&options, argc, argv)) {
        return EXIT_WRONG_USE;
    }
    if (options_get(&options, "help") != NULL) {
        print_help(&options);
        return EXIT_SUCCESS;
    }
    if (options_get(&options, "vtest-fd") != NULL) {
        return serve_vtest(&options);
    }
    (void)option_wrong(&options, "needs --socket-fd N; people start vitrine-gpu instead");
    return EXIT_WRONG_USE;
}
