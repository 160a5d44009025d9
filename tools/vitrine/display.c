/*
 * display.c - vitrine resize, plug, unplug: the guest gets another display.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/vitrine/ask.h"
#include "tools/vitrine/device_commands.h"

static const struct option_spec specs[] = {
    {"control",  "SOCKET", false},
    { "scanout", "N",      false},
    { "help",    NULL,     false},
};
enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]), PROGRAM_BYTES = 32 };

static void
print_rest_of_help(void)
{
    (void)puts(
        "\n"
        "The guest's driver is told that its displays have changed, and reads the new size\n"
        "and EDID; what it then shows is its own business (Linux: the desktop or console\n"
        "follows, a program that draws on the whole screen may not).\n"
        "\n"
        "options:\n"
        "  --control SOCKET  the device's control socket; default: that of the one device of\n"
        "                    yours that runs ($XDG_RUNTIME_DIR/vitrine/gpu-PID.control)\n"
        "  --scanout N       which display, counted from 0 (default 0)\n"
        "  --help            this text\n"
        "\n"
        "exit status: 0 the guest was told; 1 no device, or it refused; 2 wrong use");
}

static void
print_resize_help(void)
{
    (void)puts(
        "vitrine resize - gives a guest's display another size\n"
        "\n"
        "usage: vitrine resize [OPTION...] WxH         for example: vitrine resize 1920x1080");
    print_rest_of_help();
}

static void
print_plug_help(void)
{
    (void)puts(
        "vitrine plug - plugs a display of this size into a guest\n"
        "\n"
        "usage: vitrine plug [OPTION...] WxH   for example: vitrine plug --scanout 1 1280x800");
    print_rest_of_help();
}

static void
print_unplug_help(void)
{
    (void)puts("vitrine unplug - takes a display away from a guest\n"
               "\n"
               "usage: vitrine unplug [OPTION...]        for example: vitrine unplug --scanout 1");
    print_rest_of_help();
}

/* WIDTHxHEIGHT and nothing else, so that what goes into the request is what was meant. */
static bool
is_size(const char *text)
{
    size_t width = strspn(text, "0123456789");
    size_t height = text[width] == 'x' ? strspn(text + width + 1, "0123456789") : 0;
    return width > 0 && width < 6 && height > 0 && height < 6 && text[width + 1 + height] == '\0';
}

static int
tell(const struct options *options, const char *verb, bool has_size)
{
    unsigned scanout_idx = 0;
    const char *size = has_size && options->rest_count == 1 ? options->rest[0] : "";
    if (options->rest_count != (has_size ? 1 : 0) || (has_size && !is_size(size))) {
        (void)option_wrong(options, has_size ? "needs one size in pixels, such as 1920x1080"
                                             : "takes no words, only --scanout N");
        return EXIT_WRONG_USE;
    }
    if (!ask_scanout(options, &scanout_idx)) {
        return EXIT_WRONG_USE;
    }
    struct answer answer;
    if (!ask(options, &answer, "%s %u %s", verb, scanout_idx, size)) {
        return EXIT_FAILURE;
    }
    answer_finish(&answer);
    return EXIT_SUCCESS;
}

static int
run(int argc, char **argv, const char *verb, bool has_size, void (*print_help)(void))
{
    char program[PROGRAM_BYTES];
    const char *values[SPEC_COUNT] = { NULL };
    struct options options = {
        .program = program,
        .specs = specs,
        .spec_count = SPEC_COUNT,
        .values = values,
        .takes_words = true,
        .is_mixed = true,
    };
    int status = EXIT_SUCCESS;
    (void)snprintf(program, sizeof(program), "vitrine %s", verb);
    return options_begin(&options, argc, argv, print_help, &status) ? tell(&options, verb, has_size)
                                                                    : status;
}

int
resize_main(int argc, char **argv)
{
    return run(argc, argv, "resize", true, print_resize_help);
}

int
plug_main(int argc, char **argv)
{
    return run(argc, argv, "plug", true, print_plug_help);
}

int
unplug_main(int argc, char **argv)
{
    return run(argc, argv, "unplug", false, print_unplug_help);
}
