/*
 * The shell: lines of text to commands. One shell; its input and output are the console's (serial line, screen, keyboard).
 *
 *   name word "two words" 'and more' ; next command
 *
 * A command registers itself in a table:
 *
 *   static int cmd_echo(const struct shell_call *call) { ... return 0; }
 *   static const struct shell_command commands[] = { { "echo", "[WORD...]", "print the words", cmd_echo } };
 *   shell_register(commands, ARRAY_COUNT(commands));
 */
#ifndef KERNEL_SHELL_SHELL_H
#define KERNEL_SHELL_SHELL_H

#include "kernel/core/base.h"

enum {
    SHELL_LINE_BYTES = 512, /* longer command lines are refused */
    SHELL_ARG_COUNT_MAX = 32,
};

struct shell_command;

struct shell_call {
    const struct shell_command *command;
    int argc;          /* words, the command's name included */
    const char **argv; /* argv[argc] is NULL */
};

struct shell_command {
    const char *name;
    const char *usage; /* the arguments: "[on|off] FILE", "" for none */
    const char *help;  /* one line */

    /*
     * Do it. Runs in the main thread, interrupts on; waits through idle.h only. Prints with console_print.
     * Returns: 0; a negative error, which the shell prints (shell_usage and shell_fail have printed already).
     */
    int (*fn)(const struct shell_call *call);
};

enum {
    SHELL_FAILED =
        1, /* what shell_usage and shell_fail return: failed, and the reason is on the console */
};

/* Add commands; the table stays. CHECKs that no name is taken. Context: boot. */
void shell_register(const struct shell_command *commands, size_t count);

/* The command at `idx`, in alphabetical order. Returns: NULL past the last one. */
const struct shell_command *shell_command_at(uint32_t idx);

/* Returns: NULL when unknown. */
const struct shell_command *shell_find(const char *name);

/*
 * Wrong use: prints "NAME: what is wrong; usage: NAME ARGUMENTS".
 * Returns: SHELL_FAILED, for `return shell_usage(call, "no such level: %s", word);`.
 */
int shell_usage(const struct shell_call *call, const char *format, ...) PRINTF_LIKE(2, 3);

/* It did not work: prints "NAME: what is wrong". Returns: SHELL_FAILED. */
int shell_fail(const struct shell_call *call, const char *format, ...) PRINTF_LIKE(2, 3);

/* Run a command line. Context: main thread. Returns: how many of its commands failed. */
uint32_t shell_run_line(const char *line);

/*
 * Whether Ctrl-C has been typed since the command began; commands that last ask now and then. What is typed after it, or
 * without it, stays for the next line.
 * Context: main thread.
 */
bool shell_is_interrupted(void);

/* Read lines and run them, for ever. Context: main thread. */
_Noreturn void shell_interact(void);

#endif
