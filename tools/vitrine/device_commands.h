/*
 * device_commands.h - subcommands that ask a running device.  argv: the subcommand's name and what follows it.
 * Each returns an exit status: 0; 1 it could not be, and one line says why; 2 wrong use.
 */
#ifndef TOOLS_VITRINE_DEVICE_COMMANDS_H
#define TOOLS_VITRINE_DEVICE_COMMANDS_H

#include <cjson/cJSON.h>

int screenshot_main(int argc, char **argv);
int status_main(int argc, char **argv);
int resize_main(int argc, char **argv);
int plug_main(int argc, char **argv);
int unplug_main(int argc, char **argv);

/* Prints a status for people, on stdout. */
void status_print(const cJSON *status);

/* Prints the members of an object of which nothing is known. */
void status_print_members(const cJSON *object, int indent);

#endif
