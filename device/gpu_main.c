/*
 * gpu_main.c - vitrine-gpu: the command line of the server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/beside.h"
#include "device/environment.h"
#include "device/options.h"
#include "device/supervisor.h"

enum { CLIENT_COUNT_MAX = 1024, PATH_BYTES = 4096 };

static const struct option_spec specs[] = {
    {"vtest",         "SOCKET",         false},
    { "host-driver",  "NAME|JSON",      false},
    { "isolate",      "process|thread", false},
    { "no-sandbox",   NULL,             false},
    { "shader-cache", "DIR|none",       false},
    { "trace",        "FILE",           false},
    { "record",       "FILE",           false},
    { "stats",        "text|json",      true },
    { "max-memory",   "SIZE",           false},
    { "max-cpu",      "SECONDS",        false},
    { "max-clients",  "N",              false},
    { "verbose",      NULL,             false},
    { "help",         NULL,             false},
    { "life-fd",      "N",              false},
    { "kill-after",   "MS",             false},
};
enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

static void
print_help(void)
{
    (void)puts(
        "vitrine-gpu - serves Vulkan to Mesa's Venus clients, on this machine's own Vulkan\n"
        "driver\n"
        "\n"
        "usage: vitrine-gpu --vtest SOCKET [OPTION...]\n"
        "\n"
        "Then, in another terminal, any Vulkan program is a client:\n"
        "  VN_DEBUG=vtest VTEST_SOCKET_NAME=SOCKET \\\n"
        "  VK_DRIVER_FILES=/usr/share/vulkan/icd.d/virtio_icd.json vulkaninfo --summary\n"
        "(`vitrine exec -- PROGRAM` does both at once.)\n"
        "\n"
        "options:\n"
        "  --vtest SOCKET          serve Mesa's Venus clients on this Unix socket (made here,\n"
        "                          mode 0600)\n"
        "  --host-driver NAME|JSON the Vulkan driver that does the work: part of the name of an\n"
        "                          ICD file (lavapipe, radeon, ...) or its path; default:\n"
        "                          $VK_DRIVER_FILES, else what works here, software last\n"
        "  --isolate process|thread  process (default): each client's renderer is a sandboxed\n"
        "                          process of its own; thread: all in this process, for\n"
        "                          debugging\n"
        "  --no-sandbox            renderer processes keep their access to files and system\n"
        "                          calls\n"
        "  --shader-cache DIR|none keep compiled shaders in DIR, which clients' renderers may\n"
        "                          write: only for clients who trust one another, since one\n"
        "                          may spoil it for the next (default: none)\n"
        "  --trace FILE            write each command, decoded, as one line\n"
        "  --record FILE           write each command's bytes: the first client's to FILE, the\n"
        "                          next ones' to FILE.2, FILE.3, ...\n"
        "  --stats[=text|json]     print counters when a client leaves, and for all on SIGUSR1\n"
        "                          (text, or --stats=json)\n"
        "  --max-memory SIZE       device and shared memory of one client (512M, 2G; default:\n"
        "                          half of this machine's)\n"
        "  --max-cpu SECONDS       CPU time of one client's renderer process (default: no\n"
        "                          limit)\n"
        "  --max-clients N         clients at once (default 256)\n"
        "  --verbose               say also who comes and goes\n"
        "  --help                  this text\n"
        "\n"
        "A client whose commands are wrong, or whose renderer dies, is ended with one line here\n"
        "that says why; the others run on.  Ends on SIGINT, SIGTERM and SIGHUP.\n"
        "\n"
        "exit status: 0 stopped by a signal; 1 could not serve; 2 wrong use");
}

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
        .is_sandboxed = options_get(options, "no-sandbox") == NULL,
        .is_verbose = options_get(options, "verbose") != NULL,
    };
    if (config.socket_path == NULL || config.socket_path[0] == '\0') {
        (void)option_wrong(options, "nothing to serve: say --vtest SOCKET");
        return EXIT_WRONG_USE;
    }
    if (!fill_numbers(options, &config)) {
        return EXIT_WRONG_USE;
    }
    if (config.worker_path != NULL) {
        if (!program_beside("vitrine-render", worker_path, sizeof(worker_path))) {
            (void)fprintf(stderr, "%s: the program vitrine-render is missing beside this one\n",
                          options->program);
            return EXIT_FAILURE;
        }
        config.worker_path = worker_path;
    }
    return environment_prepare(options, &config.shader_cache) ? supervisor_run(&config)
                                                              : EXIT_FAILURE;
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
    return options_begin(&options, argc, argv, print_help, &status) ? serve(&options) : status;
}
