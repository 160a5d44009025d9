/* The `log` command. */
#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/log.h"
#include "kernel/core/metrics.h"
#include "kernel/shell/commands.h"
#include "kernel/shell/shell.h"

static int
print_log(void)
{
    struct log_entry entry;
    char line[224];
    uint64_t seq = 0;
    uint64_t end = log_next_seq();

    while (seq < end && log_read(&seq, &entry) == 0) {
        console_print("%s", log_format(&entry, line, sizeof(line)));
    }
    return 0;
}

static int
log_level_command(const struct shell_call *call)
{
    enum log_level level;
    const char *module;

    if (call->argc == 2) {
        console_print("level %s\n", log_level_name(log_get_level()));
        for (uint32_t i = 0; (module = log_filter(i, &level)) != NULL; i++) {
            console_print("  %s: %s\n", module, log_level_name(level));
        }
        return 0;
    }
    if (call->argc > 3) {
        return shell_usage(call, "too many words");
    }
    if (log_parse_level(call->argv[2], &level) != 0) {
        return shell_usage(call, "no such level: %s (error, warn, info, debug, trace)",
                           call->argv[2]);
    }
    log_set_level(level);
    return 0;
}

static int
log_filter_command(const struct shell_call *call)
{
    enum log_level level;

    if (call->argc == 3 && strcmp(call->argv[2], "off") == 0) {
        log_clear_filters();
        return 0;
    }
    if (call->argc != 4) {
        return shell_usage(call, "filter takes a module and a level, or off");
    }
    if (log_parse_level(call->argv[3], &level) != 0) {
        return shell_usage(call, "no such level: %s (error, warn, info, debug, trace)",
                           call->argv[3]);
    }
    return log_set_filter(call->argv[2], level);
}

static int
cmd_log(const struct shell_call *call)
{
    if (call->argc == 1) {
        return print_log();
    }
    if (strcmp(call->argv[1], "level") == 0) {
        return log_level_command(call);
    }
    if (strcmp(call->argv[1], "filter") == 0) {
        return log_filter_command(call);
    }
    if (strcmp(call->argv[1], "clear") == 0 && call->argc == 2) {
        log_clear();
        return 0;
    }
    return shell_usage(call, "unknown word: %s", call->argv[1]);
}

static void
emit(struct metrics_reader *reader)
{
    for (uint32_t level = 0; level < LOG_LEVEL_COUNT; level++) {
        metrics_emit(reader, log_count((enum log_level)level), "log.%s_count",
                     log_level_name((enum log_level)level));
    }
}

static const struct shell_command commands[] = {
    {"log", "[level [LEVEL] | filter MODULE LEVEL | filter off | clear]",
     "print the kept log, or choose what is logged", cmd_log},
};

static struct metrics_source source = { .emit = emit };

void
commands_log_init(void)
{
    shell_register(commands, ARRAY_COUNT(commands));
    metrics_register(&source);
}
