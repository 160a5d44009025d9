/* Commands of several words: see subcommand.h. */
#include "kernel/shell/subcommand.h"

#include <string.h>

#include "kernel/core/check.h"
#include "kernel/core/format.h"

static struct {
    const char *command;
    const struct subcommand *table;
} tables[SUBCOMMAND_TABLES_MAX];

static uint32_t table_count;

void
subcommand_register(const char *command, const struct subcommand *table)
{
    CHECK(table_count < SUBCOMMAND_TABLES_MAX);
    tables[table_count].command = command;
    tables[table_count++].table = table;
}

const struct subcommand *
subcommand_table(const char *command)
{
    for (uint32_t i = 0; i < table_count; i++) {
        if (strcmp(tables[i].command, command) == 0) {
            return tables[i].table;
        }
    }
    return NULL;
}

/* "info|state|features" of a table, cut where longer. */
static const char *
list_names(const struct subcommand *table, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (const struct subcommand *one = table; one->name != NULL && used < size; one++) {
        used += format_text(text + used, size - used, "%s%s", one == table ? "" : "|", one->name);
    }
    return text;
}

int
subcommand_run(const struct subcommand *table, const struct shell_call *call)
{
    struct shell_call rest = *call;
    char names[128];

    if (call->argc < 2) {
        return shell_fail(call, "a word is missing; one of %s",
                          list_names(table, names, sizeof(names)));
    }
    rest.argc--;
    rest.argv++;
    for (const struct subcommand *one = table; one->name != NULL; one++) {
        if (strcmp(one->name, rest.argv[0]) != 0) {
            continue;
        }
        if (rest.argc - 1 < one->argc_min || rest.argc - 1 > one->argc_max) {
            return shell_fail(call, "%s with %d words; usage: %s %s %s", one->name, rest.argc - 1,
                              call->argv[0], one->name, one->usage);
        }
        return one->fn(&rest);
    }
    return shell_fail(call, "\"%s\" is none of %s", rest.argv[0],
                      list_names(table, names, sizeof(names)));
}
