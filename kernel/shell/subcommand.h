/*
 * Commands of several words: `gpu scanout X Y W H`. A table gives each word after the command's name a function of its own.
 *
 *   static int cmd_gpu(const struct shell_call *call) { return subcommand_run(table, call); }
 *   subcommand_register("gpu", table);                      `help gpu` shows its words
 */
#ifndef KERNEL_SHELL_SUBCOMMAND_H
#define KERNEL_SHELL_SUBCOMMAND_H

#include "kernel/core/base.h"
#include "kernel/shell/shell.h"

enum { SUBCOMMAND_TABLES_MAX = 16 };

/* A word after a command's name that has a function of its own. */
struct subcommand {
    const char *name;
    const char *usage;                        /* what follows the name; "" for nothing */
    int (*fn)(const struct shell_call *call); /* call->argv[0] is the subcommand's name */
    int argc_min;                             /* words after the name */
    int argc_max;
};

/*
 * Run call->argv[1] from a table closed by a NULL name. Wrong use is one clear line.
 * Returns: what the function returned; SHELL_FAILED for wrong use.
 */
int subcommand_run(const struct subcommand *table, const struct shell_call *call);

/* Tell `help` about a command's table; both are kept. CHECKs that there is room. Context: boot. */
void subcommand_register(const char *command, const struct subcommand *table);

/* The table of a command. Returns: NULL when it has none. */
const struct subcommand *subcommand_table(const char *command);

#endif
