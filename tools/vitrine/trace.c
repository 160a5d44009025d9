/*
 * trace.c - vitrine trace: reads the driver's, the device's and the renderers' files, joins them, prints.
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
        "usage: vitrine trace --join GUEST HOST [RENDERER...] [OPTION...]\n"
        "       vitrine trace [HOST] [RENDERER...] [OPTION...]\n"
        "\n"
        "Joins what a guest's driver, our device and its renderers wrote down of one run: a line\n"
        "for each command with the microseconds that it spent at each step of its way, then\n"
        "figures per command.  Of a guest that writes nothing down, the host's part.\n"
        "\n"
        "  GUEST     records of the driver: ./run --exec '...' --trace-records GUEST\n"
        "  HOST      records of the device: vitrine-gpu --vhost-user SOCKET --trace-records HOST\n"
        "  RENDERER  of each context's renderer: HOST.renderer-1, HOST.renderer-2, ...\n"
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
        "of Vulkan commands, in rings (ring N @BYTE) and streams (submit N: SUBMIT_3D number N):\n"
        "  encode    the client writes the command\n"
        "  queue     until the renderer picks it up\n"
        "  decode    its arguments are decoded and checked\n"
        "  vulkan    it is carried out: in the host's Vulkan, but for a little\n"
        "  reply     its answer is written\n"
        "  seen      until the client sees the answer\n"
        "\n"
        "exit status: 0; 1 a file is damaged, or they do not belong together; 2 wrong use;\n"
        "3 a file cannot be read or written");
}

/* What was read. */
struct files {
    struct trace_bytes *bytes; /* one for each path */
    struct trace_file *files;
    struct trace_file *renderers;
    size_t count;
    size_t renderer_count;
    const struct trace_file *guest; /* NULL: none */
    const struct trace_file *host;  /* NULL: none */
};

static int
write_json(const char *path, const struct joined *joined, const struct rings *rings)
{
    FILE *to = fopen(path, "we");
    bool is_written = to != NULL && trace_write_json(to, joined, rings);
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

static void
unload(struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        trace_unload(&files->bytes[i]);
    }
    free(files->bytes);
    free(files->files);
    free(files->renderers);
}

/* Puts the file where its side belongs.  Returns: an exit status. */
static int
sort_in(struct files *files, const struct trace_file *file, const char *path)
{
    const struct trace_file **place =
        file->side == TRACE_FILE_DRIVER ? &files->guest : &files->host;
    if (file->side == TRACE_FILE_RENDERER) {
        files->renderers[files->renderer_count++] = *file;
        return EXIT_SUCCESS;
    }
    if (*place != NULL) {
        (void)fprintf(stderr, "vitrine trace: %s is of the %s's side, and so is one before it\n",
                      path, trace_file_whose(file->side));
        return EXIT_NOT_JOINED;
    }
    *place = file;
    return EXIT_SUCCESS;
}

/* With --join the guest's comes first, then the host's.  Returns: an exit status. */
static int
load(struct files *files, const char *path, bool is_join)
{
    char why[WHY_BYTES];
    static const enum trace_file_side order[] = { TRACE_FILE_DRIVER, TRACE_FILE_DEVICE };
    size_t idx = files->count++;
    struct trace_file *file = &files->files[idx];
    enum trace_loaded loaded = trace_load(path, &files->bytes[idx], file, why, sizeof(why));
    if (loaded != TRACE_LOADED) {
        (void)fprintf(stderr, "vitrine trace: %s\n", why);
        return loaded == TRACE_NO_FILE ? EXIT_NO_FILE : EXIT_NOT_JOINED;
    }
    enum trace_file_side wanted = idx < 2 ? order[idx] : TRACE_FILE_RENDERER;
    if (is_join && file->side != wanted) {
        (void)fprintf(stderr,
                      "vitrine trace: %s is of the %s's side: give GUEST first, then HOST, then "
                      "renderers'\n",
                      path, trace_file_whose(file->side));
        return EXIT_NOT_JOINED;
    }
    return sort_in(files, file, path);
}

static int
load_all(struct files *files, char *const *paths, size_t path_count, bool is_join)
{
    files->bytes = calloc(path_count, sizeof(*files->bytes));
    files->files = calloc(path_count, sizeof(*files->files));
    files->renderers = calloc(path_count, sizeof(*files->renderers));
    if (files->bytes == NULL || files->files == NULL || files->renderers == NULL) {
        (void)fputs("vitrine trace: there is not enough memory\n", stderr);
        return EXIT_NOT_JOINED;
    }
    int status = EXIT_SUCCESS;
    for (size_t i = 0; i < path_count && status == EXIT_SUCCESS; i++) {
        status = load(files, paths[i], is_join);
    }
    if (status == EXIT_SUCCESS && files->guest != NULL && files->host == NULL) {
        (void)fputs("vitrine trace: a guest's records alone are read by its own `trace dump`: "
                    "give HOST too\n",
                    stderr);
        return EXIT_NOT_JOINED;
    }
    return status;
}

/* The virtqueues' part, where the device's file is given; then the rings are on the same clock. */
static bool
join(const struct files *files, struct joined *joined, struct rings *rings,
     char why[JOIN_WHY_BYTES])
{
    const struct rings_files ring_files = { files->guest, files->host, files->renderers,
                                            files->renderer_count };
    if (!rings_join(&ring_files, rings, why)) {
        return false;
    }
    const struct join_bounds known = rings_bounds(rings);
    bool is_good = true;
    if (files->guest != NULL) {
        is_good = join_files(files->guest, files->host, &known, joined, why);
        rings_to_guest_clock(rings, joined->offset_ns);
    } else if (files->host != NULL) {
        is_good = join_alone(files->host, joined, why);
    }
    return is_good;
}

static int
join_and_print(const struct options *options, const struct files *files)
{
    char why[JOIN_WHY_BYTES];
    struct joined joined = { 0 };
    struct rings rings = { 0 };
    int status = EXIT_SUCCESS;
    bool is_summary = options_get(options, "summary") != NULL;
    if (!join(files, &joined, &rings, why)) {
        (void)fprintf(stderr, "vitrine trace: %s\n", why);
        rings_finish(&rings);
        return EXIT_NOT_JOINED;
    }
    if (options_get(options, "json") != NULL) {
        status = write_json(options_get(options, "json"), &joined, &rings);
    }
    if (files->host != NULL) {
        trace_report(stdout, &joined, is_summary);
    }
    if (files->renderer_count > 0) {
        trace_report_rings(stdout, &rings, is_summary);
    }
    join_finish(&joined);
    rings_finish(&rings);
    return status;
}

static int
print_paths(const struct options *options)
{
    bool is_join = options_get(options, "join") != NULL;
    size_t path_count = (size_t)options->rest_count;
    struct files files = { 0 };
    if (path_count == 0 || (is_join && path_count < 2)) {
        (void)option_wrong(options, "give the guest's and the host's records: --join GUEST HOST");
        return EXIT_WRONG_USE;
    }
    if (path_count > RINGS_FILE_COUNT_MAX) {
        (void)option_wrong(options, "%zu files are too many: %d at most", path_count,
                           RINGS_FILE_COUNT_MAX);
        return EXIT_WRONG_USE;
    }
    int status = load_all(&files, options->rest, path_count, is_join);
    if (status == EXIT_SUCCESS) {
        status = join_and_print(options, &files);
    }
    unload(&files);
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
                               .takes_words = true,
                               .is_mixed = true };
    int status;
    if (!options_begin(&options, argc, argv, print_help, &status)) {
        return status;
    }
    return print_paths(&options);
}
