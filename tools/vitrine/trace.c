/*
 * trace.c - vitrine trace: reads the driver's and the device's files, joins them, prints.
 */
#include "tools/vitrine/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/options.h"
#include "tools/vitrine/trace_load.h"

enum {
    EXIT_NOT_JOINED = 1,
    EXIT_NO_FILE = 3,
    WHY_BYTES = 512,
};

static const struct option_spec specs[] = {
    {"join",     NULL,   false},
    { "json",    "FILE", false},
    { "summary", NULL,   false},
    { "help",    NULL,   false},
};
enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

static void
print_help(void)
{
    (void)puts(
        "usage: vitrine trace --join GUEST HOST [OPTION...]\n"
        "\n"
        "Joins what a guest's driver and our device wrote down of one run: a line for each "
        "command\n"
        "with the microseconds that it spent at each step of its way, then figures per command.\n"
        "\n"
        "  GUEST  records of the driver: ./run --exec '...' --trace-records GUEST\n"
        "  HOST   records of the device: vitrine-gpu --vhost-user SOCKET --trace-records HOST\n"
        "\n"
        "  --json FILE   also write a Chrome trace, with arrows between guest and host, for\n"
        "                https://ui.perfetto.dev or chrome://tracing\n"
        "  --summary     no line per command, only the figures\n"
        "  --help        say this\n"
        "\n"
        "columns, in the order of the way:\n"
        "  driver    the driver writes the command and adds it to its virtqueue\n"
        "  batch     it adds others before it notifies the device\n"
        "  wake      until the device takes it\n"
        "  device    the device checks it and carries it out\n"
        "  renderer  of this, waiting for the renderer process\n"
        "  fence     until the host's Vulkan has passed the command's fence\n"
        "  signal    from giving it back to the guest's interrupt handler\n"
        "  find      until the driver takes the used buffer\n"
        "  callback  until the response is checked\n"
        "\n"
        "exit status: 0; 1 a file is damaged, or they do not belong together; 2 wrong use;\n"
        "3 a file cannot be read or written");
}

/* Returns: an exit status. */
static int
load(const char *path, struct trace_bytes *bytes, struct trace_file *file,
     enum trace_file_side side)
{
    char why[WHY_BYTES];
    enum trace_loaded loaded = trace_load(path, bytes, file, why, sizeof(why));
    if (loaded != TRACE_LOADED) {
        (void)fprintf(stderr, "vitrine trace: %s\n", why);
        return loaded == TRACE_NO_FILE ? EXIT_NO_FILE : EXIT_NOT_JOINED;
    }
    if (file->side != side) {
        (void)fprintf(stderr,
                      "vitrine trace: %s is of the %s's side: give GUEST first, then HOST\n", path,
                      file->side == TRACE_FILE_DRIVER ? "driver" : "device");
        return EXIT_NOT_JOINED;
    }
    return EXIT_SUCCESS;
}

static int
write_json(const char *path, const struct joined *joined)
{
    FILE *to = fopen(path, "we");
    bool is_written = to != NULL && trace_write_json(to, joined);
    int error = errno;
    if (to != NULL && fclose(to) != 0 && is_written) {
        is_written = false;
        error = errno;
    }
    if (!is_written) {
        (void)fprintf(stderr, "vitrine trace: cannot write %s: %s\n", path, strerror(error));
    }
    return is_written ? EXIT_SUCCESS : EXIT_NO_FILE;
}

static int
join_and_print(const struct options *options, const struct trace_file *guest,
               const struct trace_file *host)
{
    char why[JOIN_WHY_BYTES];
    struct joined joined;
    if (!join_files(guest, host, &joined, why)) {
        (void)fprintf(stderr, "vitrine trace: %s\n", why);
        return EXIT_NOT_JOINED;
    }
    int status = EXIT_SUCCESS;
    if (options_get(options, "json") != NULL) {
        status = write_json(options_get(options, "json"), &joined);
    }
    trace_report(stdout, &joined, options_get(options, "summary") != NULL);
    join_finish(&joined);
    return status;
}

/* Options may stand behind the two files too.  Returns: false after one line. */
static bool
read_paths(struct options *options, char *paths[2])
{
    if (options_get(options, "join") == NULL || options->rest_count < 2) {
        return option_wrong(options, "give the guest's and the host's records: --join GUEST HOST");
    }
    paths[0] = options->rest[0];
    paths[1] = options->rest[1];
    if (!options_read(options, options->rest_count - 1, options->rest + 1)) {
        return false;
    }
    return options->rest_count == 0 ||
           option_wrong(options, "%s is too much: two files are joined", options->rest[0]);
}

static int
join_paths(const struct options *options, char *const paths[2])
{
    struct trace_bytes bytes[2] = { { 0 }, { 0 } };
    struct trace_file guest;
    struct trace_file host;
    int status = load(paths[0], &bytes[0], &guest, TRACE_FILE_DRIVER);
    if (status == EXIT_SUCCESS) {
        status = load(paths[1], &bytes[1], &host, TRACE_FILE_DEVICE);
    }
    if (status == EXIT_SUCCESS) {
        status = join_and_print(options, &guest, &host);
    }
    trace_unload(&bytes[0]);
    trace_unload(&bytes[1]);
    return status;
}

int
trace_main(int argc, char **argv)
{
    const char *values[SPEC_COUNT] = { NULL };
    struct options options = { .program = "vitrine trace",
                               .specs = specs,
                               .spec_count = SPEC_COUNT,
                               .values = values,
                               .takes_words = true };
    char *paths[2] = { NULL, NULL };
    int status;
    if (!options_begin(&options, argc, argv, print_help, &status)) {
        return status;
    }
    return read_paths(&options, paths) ? join_paths(&options, paths) : EXIT_WRONG_USE;
}
