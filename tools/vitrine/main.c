/*
 * main.c - the vitrine command: finds its subcommand.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/options.h"
#include "tools/vitrine/device_commands.h"
#include "tools/vitrine/doctor.h"
#include "tools/vitrine/exec.h"
#include "tools/vitrine/trace.h"

struct subcommand {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

static const struct subcommand subcommands[] = {
    {"exec",        "run a Vulkan program through the Venus renderer",               exec_main      },
    { "screenshot", "write what a guest shows as a PNG file",                        screenshot_main},
    { "status",     "say what a guest's GPU is doing",                               status_main    },
    { "resize",     "give a guest's display another size",                           resize_main    },
    { "plug",       "plug a display into a guest",                                   plug_main      },
    { "unplug",     "take a display away from a guest",                              unplug_main    },
    { "trace",      "join what a guest and the device wrote down of their commands", trace_main     },
    { "doctor",     "say why the screen of a virtual machine is black",              doctor_main    },
};
enum { SUBCOMMAND_COUNT = sizeof(subcommands) / sizeof(subcommands[0]) };

static void
print_help(void)
{
    (void)puts(
        "vitrine - a glass case for graphics: Vulkan through a renderer that you can look into\n"
        "\n"
        "usage: vitrine SUBCOMMAND [OPTION...]\n"
        "       vitrine SUBCOMMAND --help\n"
        "\n"
        "subcommands:");
    for (unsigned i = 0; i < SUBCOMMAND_COUNT; i++) {
        (void)printf("  %-10s %s\n", subcommands[i].name, subcommands[i].summary);
    }
    (void)puts(
        "\n"
        "try:\n"
        "  vitrine exec -- vulkaninfo --summary\n"
        "  vitrine exec --trace commands.txt -- vkcube --c 100\n"
        "  vitrine status\n"
        "\n"
        "`vitrine-gpu` serves many clients, or a virtual machine, on a socket of your choice.");
}

static int
wrong_subcommand(const char *name)
{
    (void)fprintf(stderr, "vitrine: there is no subcommand %s; there is: ", name);
    for (unsigned i = 0; i < SUBCOMMAND_COUNT; i++) {
        (void)fprintf(stderr, "%s%s", i > 0 ? ", " : "", subcommands[i].name);
    }
    (void)fputs(" (see vitrine --help)\n", stderr);
    return EXIT_WRONG_USE;
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fputs("vitrine: say what to do, for example: vitrine exec -- vulkaninfo --summary "
                    "(see vitrine --help)\n",
                    stderr);
        return EXIT_WRONG_USE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help();
        return EXIT_SUCCESS;
    }
    for (unsigned i = 0; i < SUBCOMMAND_COUNT; i++) {
        if (strcmp(argv[1], subcommands[i].name) == 0) {
            return subcommands[i].run(argc - 1, argv + 1);
        }
    }
    return wrong_subcommand(argv[1]);
}
