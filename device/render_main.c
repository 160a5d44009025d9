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

#include "device/beside.h"
#include "device/environment.h"
#include "device/options.h"
#include "device/preload.h"
#include "device/render_server.h"
#include "device/sandbox.h"
#include "device/worker.h"

enum { PATH_BYTES = 4096, CONTEXT_COUNT_MAX = 1024, TEXT_BYTES = 4096, WORD_COUNT_MAX = 64 };

static const struct option_spec specs[] = {
    {"socket-fd",      "N",         false},
    { "host-driver",   "NAME|JSON", false},
    { "no-sandbox",    NULL,        false},
    { "shader-cache",  "DIR|none",  false},
    { "trace",         "FILE",      false},
    { "record",        "FILE",      false},
    { "trace-records", "FILE",      false},
    { "stats",         "text|json", true },
    { "max-memory",    "SIZE",      false},
    { "max-cpu",       "SECONDS",   false},
    { "verbose",       NULL,        false},
    { "help",          NULL,        false},
    { "report-fd",     "N",         false},
    { "trace-fd",      "N",         false},
    { "quota-fd",      "N",         false},
    { "quota-place",   "N",         false},
};
enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

static void
print_help(void)
{
    (void)puts(
        "vitrine-render - renders for one Venus client, or serves as a render server\n"
        "\n"
        "usage: vitrine-render --socket-fd N [OPTION...]\n"
        "\n"
        "Not for people to start: vitrine-gpu starts one for each client.  To let QEMU, crosvm\n"
        "or virgl_test_server render through it instead of virgl_render_server:\n"
        "  RENDER_SERVER_EXEC_PATH=/path/to/vitrine-render qemu-system-x86_64 ... \\\n"
        "      -device virtio-gpu-gl,hostmem=4G,blob=on,venus=on\n"
        "Options for it then stand in the environment: VITRINE_RENDER_OPTIONS='--trace FILE\n"
        "--stats'.\n"
        "\n"
        "options:\n"
        "  --socket-fd N           serve the render-server protocol on this SOCK_SEQPACKET\n"
        "                          socket: what virglrenderer gives to the program that\n"
        "                          RENDER_SERVER_EXEC_PATH names\n"
        "  --host-driver NAME|JSON the Vulkan driver that does the work: part of the name of an\n"
        "                          ICD file (lavapipe, radeon, ...) or its path; default:\n"
        "                          $VK_DRIVER_FILES, else what works here, software last\n"
        "  --no-sandbox            renderer processes keep their access to files and system\n"
        "                          calls\n"
        "  --shader-cache DIR|none keep compiled shaders in DIR, which contexts' renderers may\n"
        "                          write: only for contexts that trust one another, since one\n"
        "                          may spoil it for the next (default: none)\n"
        "  --trace FILE            write each command, decoded, as one line\n"
        "  --record FILE           write each command's bytes, and freed memory's: of the first\n"
        "                          context to FILE, of the next ones to FILE.2, FILE.3, ...\n"
        "  --trace-records FILE    when each command was picked up, carried out and answered,\n"
        "                          for `vitrine trace`: FILE.renderer-1, FILE.renderer-2, ...\n"
        "  --stats[=text|json]     print counters when a context ends, and for all on SIGUSR1\n"
        "                          (text, or --stats=json)\n"
        "  --max-memory SIZE       device and shared memory of all contexts together (512M, 2G;\n"
        "                          default: half of this machine's)\n"
        "  --max-cpu SECONDS       CPU time of one context's renderer process (default: no\n"
        "                          limit)\n"
        "  --verbose               say also which contexts come and go\n"
        "  --help                  this text\n"
        "\n"
        "exit status: 0 the client left; 1 it was ended with a reason; 2 wrong use");
}

static bool
read_fd(const struct options *options, const char *name, int *fd)
{
    uint64_t number = UINT64_MAX;
    bool is_right = option_number(options, name, 0, 1 << 20, &number);
    *fd = number != UINT64_MAX ? (int)number : -1;
    return is_right;
}

/* A driver that does not load would otherwise show only as a client without devices. */
static void
preload(const struct worker_config *config)
{
    char sentence[PATH_BYTES + 128];
    const char *drivers = getenv("VK_DRIVER_FILES");
    int device_count = preload_vulkan(NULL);
    if (device_count < 0) {
        worker_warn(config, "there is no Vulkan loader (libvulkan.so.1) for its renderer: Debian's "
                            "package libvulkan1");
    } else if (device_count == 0) {
        (void)snprintf(
            sentence, sizeof(sentence),
            "its renderer finds no Vulkan device: the driver %s did not load, or has none "
            "(VK_LOADER_DEBUG=all tells more)",
            drivers != NULL ? drivers : "of this machine");
        worker_warn(config, sentence);
    }
}

/*
 * Without Landlock nothing says which files are read; nor which are written, where a driver must open its device to write;
 * and a cache cannot be the only thing that is written: then there is none.
 */
static void
do_without_landlock(const struct worker_config *config, struct sandbox *sandbox)
{
    char sentence[256];
    (void)snprintf(sentence, sizeof(sentence), "this kernel has no Landlock: its renderer can %s%s",
                   sandbox_has_hardware(sandbox->driver_files)
                       ? "make no file, but read all that its user can read, and overwrite all "
                         "that its user can write, as its driver does with its device"
                       : "write no file, but read all that its user can read",
                   sandbox->writable_directory == NULL ? ""
                                                       : "; and it goes without its shader cache");
    worker_warn(config, sentence);
    (void)environment_set_cache(NULL);
    sandbox->writable_directory = NULL;
}

/* Returns: true; false and `reason`. */
static bool
shut_off(const struct options *options, const struct worker_config *config,
         char reason[SANDBOX_REASON_BYTES])
{
    struct sandbox_limits limits = { .memory_bytes = config->limits.memory_bytes };
    struct sandbox sandbox = {
        .driver_files = getenv("VK_DRIVER_FILES"),
        .writable_directory = options_get(options, "shader-cache"),
    };
    if (!option_number(options, "max-cpu", 1, 1 << 30, &limits.cpu_s)) {
        (void)snprintf(reason, SANDBOX_REASON_BYTES, "--max-cpu");
        return false;
    }
    bool is_held = false;
    sandbox_limit(&limits);
    if (!sandbox_close_files(&sandbox, &is_held, reason)) {
        return false;
    }
    if (!is_held) {
        do_without_landlock(config, &sandbox);
    }
    preload(config);
    return sandbox_close_calls(&sandbox, reason);
}

/* Beside the client's own limit one that it shares with others. */
static bool
join_quota(const struct options *options, struct worker_config *config, struct quota *quota)
{
    uint64_t place = QUOTA_NO_PLACE;
    int fd = -1;
    if (!read_fd(options, "quota-fd", &fd) ||
        !option_number(options, "quota-place", 1, UINT32_MAX, &place)) {
        return false;
    }
    if (fd < 0) {
        return true;
    }
    if (!quota_open(quota, fd, config->limits.memory_bytes) || place == QUOTA_NO_PLACE ||
        place >= quota->place_count) {
        return option_wrong(options, "--quota-fd %d, --quota-place %u: there is no such place", fd,
                            (unsigned)place);
    }
    config->quota = quota;
    config->place = (unsigned)place;
    return true;
}

/* One client, as a worker of vitrine-gpu or of a render server. */
static int
serve_client(const struct options *options)
{
    struct worker_config config = { .is_alone = true };
    struct quota quota;
    if (!read_fd(options, "report-fd", &config.channel) ||
        !read_fd(options, "trace-fd", &config.trace_fd) ||
        !option_bytes(options, "max-memory", &config.limits.memory_bytes) ||
        !join_quota(options, &config, &quota) || !option_stats(options, &config.stats)) {
        return EXIT_WRONG_USE;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    char reason[SANDBOX_REASON_BYTES + 64] = "the renderer's sandbox cannot be made: ";
    size_t used = strlen(reason);
    bool is_sandboxed = options_get(options, "no-sandbox") == NULL;
    if (is_sandboxed && !shut_off(options, &config, reason + used)) {
        return worker_refuse(&config, reason);
    }
    if (!is_sandboxed) {
        preload(&config);
    }
    return worker_serve(&config);
}

static int
serve_contexts(const struct options *options)
{
    char self[PATH_BYTES];
    int fd = -1;
    struct quota quota;
    struct supervisor_config config = {
        .program = options->program,
        .worker_path = self,
        .trace_path = options_get(options, "trace"),
        .record_path = options_get(options, "record"),
        .records_path = options_get(options, "trace-records"),
        .client_count_max = CONTEXT_COUNT_MAX,
        .is_sandboxed = options_get(options, "no-sandbox") == NULL,
        .is_verbose = options_get(options, "verbose") != NULL,
        .life_fd = -1,
        .limits.memory_bytes = quota_default_bytes(),
    };
    if (!read_fd(options, "socket-fd", &fd) ||
        !option_bytes(options, "max-memory", &config.limits.memory_bytes) ||
        !option_number(options, "max-cpu", 1, 1 << 30, &config.cpu_s) ||
        !option_stats(options, &config.stats)) {
        return EXIT_WRONG_USE;
    }
    if (!program_self(self, sizeof(self))) {
        (void)fprintf(stderr, "%s: cannot find my own file\n", options->program);
        return EXIT_FAILURE;
    }
    if (!quota_create(&quota, RENDER_SERVER_PLACE_COUNT(CONTEXT_COUNT_MAX),
                      config.limits.memory_bytes)) {
        perror(options->program);
        return EXIT_FAILURE;
    }
    config.quota = &quota;
    return environment_prepare(options, &config.shader_cache) ? render_server_run(&config, fd)
                                                              : EXIT_FAILURE;
}

/*
 * Who starts a render server gives it one option only; a person's own come by the environment, and before it.
 * words: room for word_count_max.  text: changed.
 */
static int
add_environment(char *text, char *words[], int word_count, int word_count_max)
{
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word != NULL && word_count < word_count_max;
         word = strtok_r(NULL, " ", &rest)) {
        words[word_count++] = word;
    }
    return word_count;
}

static bool
begin(struct options *options, int argc, char **argv, int *exit_status)
{
    static char text[TEXT_BYTES];
    static char *words[WORD_COUNT_MAX];
    const char *own = getenv("VITRINE_RENDER_OPTIONS");
    bool is_server = argc > 1 && strncmp(argv[1], "--socket-fd", 11) == 0;
    if (own == NULL || !is_server || argc > WORD_COUNT_MAX / 2) {
        return options_begin(options, argc, argv, print_help, exit_status);
    }
    (void)snprintf(text, sizeof(text), "%s", own);
    words[0] = argv[0];
    int count = add_environment(text, words, 1, WORD_COUNT_MAX / 2);
    for (int i = 1; i < argc; i++) {
        words[count++] = argv[i];
    }
    return options_begin(options, count, words, print_help, exit_status);
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
    int status = EXIT_SUCCESS;
    if (!begin(&options, argc, argv, &status)) {
        return status;
    }
    if (options_get(&options, "report-fd") != NULL) {
        return serve_client(&options);
    }
    if (options_get(&options, "socket-fd") != NULL) {
        return serve_contexts(&options);
    }
    (void)option_wrong(&options, "needs --socket-fd N; people start vitrine-gpu instead");
    return EXIT_WRONG_USE;
}
