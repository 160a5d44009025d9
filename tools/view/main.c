/*
 * main.c - vitrine-view: the command line of the viewer, which vitrine-gpu starts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "device/options.h"
#include "tools/view/viewer.h"

static const struct option_spec specs[] = {
    {"socket-fd", "N",      false},
    { "window",   NULL,     false},
    { "vnc",      "PORT",   false},
    { "title",    "NAME",   false},
    { "qmp",      "SOCKET", false},
    { "help",     NULL,     false},
};
enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

static void
print_help(void)
{
    (void)puts(
        "vitrine-view - shows what a guest's GPU shows, in a window or by VNC\n"
        "\n"
        "usage: vitrine-view --socket-fd N --window|--vnc PORT [--title NAME] [--qmp SOCKET]\n"
        "\n"
        "Not for people to start: vitrine-gpu --vhost-user SOCKET --view window|vnc[:PORT]\n"
        "does.  It is a process of its own because libraries for windows and networks open\n"
        "files and start threads, which the device process may not; it sees pixels only, and what "
        "people do.\n"
        "\n"
        "options:\n"
        "  --socket-fd N   the device's socket (device/view/view_wire.h in the sources)\n"
        "  --window        a window for each display that shows something\n"
        "  --vnc PORT      a VNC server on 127.0.0.1 for each: display n at PORT + n\n"
        "  --title NAME    what the guest is called\n"
        "  --qmp SOCKET    QEMU's, for keys and the pointer (default: they go nowhere)\n"
        "  --help          this text\n"
        "\n"
        "exit status: 0 closed by a person, or the device ended; 1 it could not show;\n"
        "2 wrong use");
}

static int
view(const struct options *options)
{
    uint64_t socket = 0;
    uint64_t port = 0;
    const char *title = options_get(options, "title");
    bool is_window = options_get(options, "window") != NULL;
    if (!option_number(options, "socket-fd", 3, 1 << 20, &socket) ||
        !option_number(options, "vnc", 1, UINT16_MAX - VIEW_SCANOUT_COUNT_MAX, &port)) {
        return EXIT_WRONG_USE;
    }
    if (socket == 0 || is_window == (port != 0)) {
        (void)option_wrong(options, "needs --socket-fd N and one of --window and --vnc PORT; "
                                    "people start vitrine-gpu instead");
        return EXIT_WRONG_USE;
    }
    return viewer_run(&(struct viewer_config){
        .program = options->program,
        .socket = (int)socket,
        .title = title != NULL ? title : "guest",
        .way = is_window ? &show_window : &show_vnc,
        .port = (uint16_t)port,
        .qmp_path = options_get(options, "qmp"),
    });
}

int
main(int argc, char **argv)
{
    const char *values[SPEC_COUNT] = { NULL };
    struct options options = {
        .program = "vitrine-view",
        .specs = specs,
        .spec_count = SPEC_COUNT,
        .values = values,
    };
    int status = EXIT_SUCCESS;
    return options_begin(&options, argc, argv, print_help, &status) ? view(&options) : status;
}
