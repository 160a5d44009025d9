/* Commands about the shell and the kernel's life: help, echo, metrics, panic, reboot, poweroff. */
#include "kernel/shell/commands.h"

#include <string.h>

#include "kernel/core/boot.h"
#include "kernel/core/check.h"
#include "kernel/core/console.h"
#include "kernel/core/metrics.h"
#include "kernel/shell/shell.h"
#include "kernel/shell/subcommand.h"

static void
print_help(const struct shell_command *command)
{
    console_print("  %-10s %s\n", command->name, command->help);
}

/* A command whole: its words and, where it has subcommands, theirs. */
static void
explain(const struct shell_command *command)
{
    const struct subcommand *one = subcommand_table(command->name);

    console_print("%s%s%s\n  %s\n", command->name, command->usage[0] != '\0' ? " " : "",
                  command->usage, command->help);
    for (; one != NULL && one->name != NULL; one++) {
        console_print("    %s %s %s\n", command->name, one->name, one->usage);
    }
}

static int
cmd_help(const struct shell_call *call)
{
    const struct shell_command *command;

    if (call->argc > 2) {
        return shell_usage(call, "too many words");
    }
    if (call->argc == 2) {
        command = shell_find(call->argv[1]);
        if (command == NULL) {
            return shell_usage(call, "no such command: %s", call->argv[1]);
        }
        explain(command);
        return 0;
    }
    for (uint32_t i = 0; (command = shell_command_at(i)) != NULL; i++) {
        print_help(command);
    }
    console_print(
        "`help COMMAND` shows its words. Several commands on a line: put ; between them.\n");
    return 0;
}

static int
cmd_echo(const struct shell_call *call)
{
    for (int i = 1; i < call->argc; i++) {
        console_print("%s%s", i > 1 ? " " : "", call->argv[i]);
    }
    console_print("\n");
    return 0;
}

static void
print_metric(struct metrics_reader *reader, const char *name, uint64_t value)
{
    (void)reader;
    console_print("%-32s %lu\n", name, value);
}

static void
print_metric_json(struct metrics_reader *reader, const char *name, uint64_t value)
{
    bool *has_any = reader->ctx;

    console_print("%s\n  \"%s\": %lu", *has_any ? "," : "", name, value);
    *has_any = true;
}

static int
cmd_metrics(const struct shell_call *call)
{
    bool has_any = false;
    struct metrics_reader text = { print_metric, NULL };
    struct metrics_reader json = { print_metric_json, &has_any };

    if (call->argc == 1) {
        metrics_read(&text);
        return 0;
    }
    if (call->argc != 2 || strcmp(call->argv[1], "json") != 0) {
        return shell_usage(call, "unknown word: %s", call->argv[1]);
    }
    console_print("{");
    metrics_read(&json);
    console_print("\n}\n");
    return 0;
}

static int
cmd_panic(const struct shell_call *call)
{
    if (call->argc > 2) {
        return shell_usage(call, "too many words; quote the message");
    }
    panic("%s", call->argc == 2 ? call->argv[1] : "asked for by the panic command");
}

static int
cmd_reboot(const struct shell_call *call)
{
    if (call->argc > 1) {
        return shell_usage(call, "takes no words");
    }
    boot_reset();
}

static int
cmd_poweroff(const struct shell_call *call)
{
    if (call->argc > 1) {
        return shell_usage(call, "takes no words");
    }
    boot_power_off();
}

static const struct shell_command commands[] = {
    {"help",      "[COMMAND]", "list the commands, or explain one",              cmd_help    },
    { "echo",     "[WORD...]", "print the words",                                cmd_echo    },
    { "metrics",  "[json]",    "print the kernel's counters",                    cmd_metrics },
    { "panic",    "[MESSAGE]", "stop the kernel with a full report, on purpose", cmd_panic   },
    { "reboot",   "",          "start the machine anew",                         cmd_reboot  },
    { "poweroff", "",          "switch the machine off",                         cmd_poweroff},
};

void
commands_init(void)
{
    shell_register(commands, ARRAY_COUNT(commands));
    commands_log_init();
    commands_memory_init();
    commands_machine_init();
    commands_fault_init();
    commands_time_init();
    commands_selftest_init();
}
