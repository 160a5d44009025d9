/*
 * status.c - vitrine status: what a device is doing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tools/vitrine/ask.h"
#include "tools/vitrine/device_commands.h"

static const struct option_spec specs[] = {
    {"control", "SOCKET", false},
    { "json",   NULL,     false},
    { "help",   NULL,     false},
};
enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

static void
print_help(void)
{
    (void)puts(
        "vitrine status - says what a guest's GPU is doing\n"
        "\n"
        "usage: vitrine status [OPTION...]\n"
        "\n"
        "Prints the displays and what the guest shows on them, its resources, Vulkan contexts\n"
        "and memory, where the queues stand, and what went wrong last.\n"
        "\n"
        "options:\n"
        "  --control SOCKET  the device's control socket; default: that of the one device of\n"
        "                    yours that runs ($XDG_RUNTIME_DIR/vitrine/gpu-PID.control)\n"
        "  --json            the device's own answer, one line of JSON, for programs\n"
        "  --help            this text\n"
        "\n"
        "exit status: 0 answered; 1 no device; 2 wrong use");
}

int
status_main(int argc, char **argv)
{
    const char *values[SPEC_COUNT] = { NULL };
    struct options options = {
        .program = "vitrine status",
        .specs = specs,
        .spec_count = SPEC_COUNT,
        .values = values,
    };
    int status = EXIT_SUCCESS;
    if (!options_begin(&options, argc, argv, print_help, &status)) {
        return status;
    }
    struct answer answer;
    if (!ask(&options, &answer, "status")) {
        return EXIT_FAILURE;
    }
    if (options_get(&options, "json") != NULL) {
        (void)puts(answer.line.bytes);
    } else {
        status_print(answer.json);
    }
    answer_finish(&answer);
    return EXIT_SUCCESS;
}
