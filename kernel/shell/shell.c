/* The shell: see shell.h. */
#include "kernel/shell/shell.h"

#include <stdarg.h>
#include <string.h>

#include "kernel/core/check.h"
#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/idle.h"
#include "kernel/core/log.h"
#include "kernel/shell/editor.h"
#include "kernel/shell/parse.h"

enum { COMMAND_COUNT_MAX = 64 };

static struct {
    const struct shell_command *commands[COMMAND_COUNT_MAX]; /* by name */
    uint32_t command_count;
    bool is_interrupted;
    struct editor editor;
} shell;

static void
add_command(const struct shell_command *command)
{
    uint32_t at = 0;

    CHECK(shell.command_count < COMMAND_COUNT_MAX && shell_find(command->name) == NULL);
    while (at < shell.command_count && strcmp(shell.commands[at]->name, command->name) < 0) {
        at++;
    }
    for (uint32_t i = shell.command_count; i > at; i--) {
        shell.commands[i] = shell.commands[i - 1];
    }
    shell.commands[at] = command;
    shell.command_count++;
}

void
shell_register(const struct shell_command *commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_command(&commands[i]);
    }
}

const struct shell_command *
shell_command_at(uint32_t idx)
{
    return idx < shell.command_count ? shell.commands[idx] : NULL;
}

const struct shell_command *
shell_find(const char *name)
{
    for (uint32_t i = 0; i < shell.command_count; i++) {
        if (strcmp(shell.commands[i]->name, name) == 0) {
            return shell.commands[i];
        }
    }
    return NULL;
}

int
shell_usage(const struct shell_call *call, const char *format, ...)
{
    const struct shell_command *command = call->command;
    va_list args;

    va_start(args, format);
    console_print("%s: ", command->name);
    console_print_va(format, args);
    console_print("; usage: %s%s%s\n", command->name, command->usage[0] != '\0' ? " " : "",
                  command->usage);
    va_end(args);
    return SHELL_FAILED;
}

int
shell_fail(const struct shell_call *call, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    console_print("%s: ", call->command->name);
    console_print_va(format, args);
    console_print("\n");
    va_end(args);
    return SHELL_FAILED;
}

/* Returns: 0; anything else when it failed. */
static int
run_words(struct shell_words *words)
{
    struct shell_call call = { shell_find(words->words[0]), words->count, words->words };

    if (call.command == NULL) {
        console_print("%s: no such command; `help` lists them\n", words->words[0]);
        return -E_NOENT;
    }
    shell.is_interrupted = false;
    int error = call.command->fn(&call);
    if (error < 0) {
        (void)shell_fail(&call, "%s", errno_text(error));
    }
    return error;
}

uint32_t
shell_run_line(const char *line)
{
    static struct shell_words words; /* one main thread; commands do not run lines */
    uint32_t failed_count = 0;

    do {
        int error = shell_parse(&line, &words);

        if (error != 0) {
            console_print("shell: %s\n",
                          error == -E_INVAL ? "a quote is not closed" : "the line is too long");
            failed_count++;
        } else if (words.count > 0) {
            failed_count += run_words(&words) != 0 ? 1 : 0;
        }
    } while (*line != '\0');
    return failed_count;
}

bool
shell_is_interrupted(void)
{
    shell.is_interrupted = console_take_interrupt() || shell.is_interrupted;
    return shell.is_interrupted;
}

/* A line of the log comes while somebody types: it takes the prompt's place, and the prompt moves down. */
static void
hide_prompt(void)
{
    static const char erase[] = "\r\x1b[K";

    console_write(erase, sizeof(erase) - 1);
}

static void
show_prompt(void)
{
    editor_redraw(&shell.editor);
}

static void
begin_line(void)
{
    editor_begin(&shell.editor);
    log_set_prompt(hide_prompt, show_prompt);
}

void
shell_interact(void)
{
    editor_init(&shell.editor, "vitrine> ", console_write);
    console_print("Type `help` for the commands.\n");
    begin_line();
    for (;;) {
        int c = console_read();
        const char *line = c < 0 ? NULL : editor_input(&shell.editor, (char)c);

        if (line != NULL) {
            log_set_prompt(NULL, NULL);
            (void)shell_run_line(line);
            begin_line();
        } else if (c < 0) {
            idle_wait(UINT64_MAX);
        }
    }
}
