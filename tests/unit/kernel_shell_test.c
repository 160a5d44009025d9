/* The shell: words, commands, line editor; and the boot arguments. */
#include "kernel/arch/host/host.h"
#include "kernel/core/bootargs.h"
#include "kernel/core/check.h"
#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/log.h"
#include "kernel/shell/editor.h"
#include "kernel/shell/parse.h"
#include "kernel/shell/shell.h"
#include "tests/unit/utest.h"

static struct shell_words words;

UTEST(a_line_is_cut_at_blanks_and_semicolons)
{
    const char *line = "  gpu  scanout 0\t0 ;; echo x";

    EXPECT_EQ(shell_parse(&line, &words), 0);
    EXPECT_EQ(words.count, 4);
    EXPECT_STREQ(words.words[0], "gpu");
    EXPECT_STREQ(words.words[3], "0");
    EXPECT_TRUE(words.words[4] == NULL);
    EXPECT_EQ(shell_parse(&line, &words), 0);
    EXPECT_EQ(words.count, 0);
    EXPECT_EQ(shell_parse(&line, &words), 0);
    EXPECT_EQ(words.count, 2);
    EXPECT_STREQ(line, "");
}

UTEST(quotes_keep_blanks_and_semicolons)
{
    const char *line = "a 'b; c' \"d \\\"e\\\\\" f'g'\"h\" '' \"\\n\"";

    EXPECT_EQ(shell_parse(&line, &words), 0);
    EXPECT_EQ(words.count, 6);
    EXPECT_STREQ(words.words[1], "b; c");
    EXPECT_STREQ(words.words[2], "d \"e\\");
    EXPECT_STREQ(words.words[3], "fgh");
    EXPECT_STREQ(words.words[4], "");
    EXPECT_STREQ(words.words[5], "\\n");
}

UTEST(an_open_quote_and_too_much_are_refused)
{
    static char longest[2 * SHELL_LINE_BYTES];
    const char *line = "echo 'x ; y";

    EXPECT_EQ(shell_parse(&line, &words), -E_INVAL);
    EXPECT_STREQ(line, "");
    memset(longest, 'x', sizeof(longest) - 1);
    line = longest;
    EXPECT_EQ(shell_parse(&line, &words), -E_OVERFLOW);
    longest[SHELL_LINE_BYTES - 1] = '\0'; /* the longest word that fits */
    line = longest;
    EXPECT_EQ(shell_parse(&line, &words), 0);
    longest[SHELL_LINE_BYTES - 1] = 'x';
    for (int i = 1; i < 2 * SHELL_ARG_COUNT_MAX; i += 2) {
        longest[i] = ' ';
    }
    longest[2 * SHELL_ARG_COUNT_MAX - 1] = '\0';
    line = longest;
    EXPECT_EQ(shell_parse(&line, &words), 0);
    EXPECT_EQ(words.count, SHELL_ARG_COUNT_MAX);
    longest[2 * SHELL_ARG_COUNT_MAX - 1] = ' ';
    longest[2 * SHELL_ARG_COUNT_MAX + 1] = '\0';
    line = longest;
    EXPECT_EQ(shell_parse(&line, &words), -E_OVERFLOW);
}

static int
cmd_works(const struct shell_call *call)
{
    console_print("%s has %d words\n", call->argv[0], call->argc);
    return 0;
}

static int
cmd_fails(const struct shell_call *call)
{
    (void)call;
    return -E_TIMEDOUT;
}

static int
cmd_misused(const struct shell_call *call)
{
    return shell_usage(call, "no such thing: %s", call->argc > 1 ? call->argv[1] : "?");
}

static const struct shell_command commands[] = {
    {"works",    "",      "works",      cmd_works  },
    { "fails",   "",      "fails",      cmd_fails  },
    { "misused", "THING", "is misused", cmd_misused},
};

UTEST(commands_run_in_order_and_failures_are_counted)
{
    host_console_start();
    shell_register(commands, ARRAY_COUNT(commands));
    EXPECT_EQ(shell_run_line("works a b; fails; misused x; nosuch; works"), 3);
    EXPECT_STREQ(host_console(), "works has 3 words\n"
                                 "fails: timed out\n"
                                 "misused: no such thing: x; usage: misused THING\n"
                                 "nosuch: no such command; `help` lists them\n"
                                 "works has 1 words\n");
    EXPECT_EQ(shell_run_line(" ; ;"), 0);
    EXPECT_EQ(shell_run_line("works 'open; works"), 1);
    EXPECT_CONTAINS(host_console(), "shell: a quote is not closed\n");
}

UTEST(commands_are_listed_by_name_and_names_are_unique)
{
    EXPECT_STREQ(shell_command_at(0)->name, "fails");
    EXPECT_STREQ(shell_command_at(2)->name, "works");
    EXPECT_TRUE(shell_command_at(3) == NULL);
    EXPECT_TRUE(shell_find("wor") == NULL);
    EXPECT_TRUE(HOST_PANICS(shell_register(commands, 1)));
    EXPECT_CONTAINS(panic_message(), "shell_find");
}

UTEST(ctrl_c_interrupts_a_command)
{
    EXPECT_FALSE(shell_is_interrupted());
    console_input('x');
    EXPECT_FALSE(shell_is_interrupted());
    console_input(CONSOLE_INTERRUPT);
    EXPECT_TRUE(shell_is_interrupted());
    EXPECT_EQ(console_read(), -E_AGAIN);
    EXPECT_EQ(shell_run_line("works"), 0);
    EXPECT_FALSE(shell_is_interrupted());
}

UTEST(what_is_typed_while_a_command_waits_stays)
{
    console_input('a');
    console_input(CONSOLE_INTERRUPT);
    console_input('l');
    EXPECT_TRUE(shell_is_interrupted());
    console_input('s');
    EXPECT_TRUE(shell_is_interrupted());
    EXPECT_EQ(console_read(), 'l');
    EXPECT_EQ(console_read(), 's');
    EXPECT_EQ(console_read(), -E_AGAIN);
    EXPECT_EQ(shell_run_line("works"), 0);
}

UTEST(ctrl_c_is_heard_though_nobody_reads)
{
    for (unsigned i = 0; i < 5000; i++) {
        console_input('x');
    }
    EXPECT_FALSE(shell_is_interrupted());
    console_input(CONSOLE_INTERRUPT);
    EXPECT_TRUE(shell_is_interrupted());
    EXPECT_EQ(console_read(), -E_AGAIN);
    EXPECT_EQ(shell_run_line("works"), 0);
}

static struct editor editor;

/* Types text; returns the last complete line. */
static const char *
type(const char *text)
{
    const char *complete = NULL;

    for (; *text != '\0'; text++) {
        const char *line = editor_input(&editor, *text);

        if (line != NULL) {
            static char copy[SHELL_LINE_BYTES];

            memcpy(copy, line, strlen(line) + 1);
            complete = copy;
            editor_begin(&editor);
        }
    }
    return complete;
}

UTEST(editing_a_line)
{
    host_console_start();
    editor_init(&editor, "> ", console_write);
    editor_begin(&editor);
    EXPECT_STREQ(type("help\r\n"), "help");
    EXPECT_STREQ(host_console(), "> help\n> ");
    EXPECT_STREQ(type("helxx\b\x7fp\n"), "help");
    EXPECT_STREQ(type("abc\x15xyz\n"), "xyz");
    EXPECT_STREQ(type("one two  \x17three\n"), "one three");
    EXPECT_STREQ(type("ad\x1b[Dc\x1b[Db\x1b[Hx\x1b[Fe\n"), "xabcde");
    EXPECT_STREQ(type("\b\x1b[D\x1b[C\x1b[3~ok\n"), "ok");
    EXPECT_STREQ(type("half\x03"), "");
    EXPECT_CONTAINS(host_console(), "half^C\n> ");
}

UTEST(history_goes_up_and_down)
{
    editor_init(&editor, "> ", console_write);
    editor_begin(&editor);
    (void)type("one\ntwo\ntwo\n");
    EXPECT_STREQ(type("\x1b[A\n"), "two");
    EXPECT_STREQ(type("\x1b[A\x1b[A\x1b[A\n"), "one");
    EXPECT_STREQ(type("\x1b[A\x1b[A\x1b[B!\n"), "one!");
    EXPECT_STREQ(type("\x1b[A\x1b[Bnew\n"), "new");
    for (int i = 0; i < 2 * EDITOR_HISTORY_COUNT; i++) {
        char line[8] = { (char)('a' + i % 20), '\n' };

        (void)type(line);
    }
    EXPECT_EQ(editor.history_count, EDITOR_HISTORY_COUNT);
}

UTEST(a_line_that_is_too_long_rings_the_bell)
{
    editor_init(&editor, "> ", console_write);
    editor_begin(&editor);
    host_console_clear();
    for (int i = 0; i < SHELL_LINE_BYTES; i++) {
        EXPECT_TRUE(editor_input(&editor, 'x') == NULL);
    }
    EXPECT_CONTAINS(host_console(), "\a");
    EXPECT_EQ(strlen(type("\n")), SHELL_LINE_BYTES - 1);
}

UTEST(boot_arguments_are_read)
{
    struct bootargs args;

    bootargs_parse(
        "console=ttyAMA0 vitrine.gpu=simple vitrine.rings=packed vitrine.log=debug vitrine.hold=1 "
        "vitrine.panic=poweroff vitrine.exec=gpu test; echo a b",
        &args);
    EXPECT_EQ(args.gpu, BOOTARGS_GPU_SIMPLE);
    EXPECT_EQ(args.rings, BOOTARGS_RINGS_PACKED);
    EXPECT_EQ(args.log_level, LOG_DEBUG);
    EXPECT_TRUE(args.should_hold);
    EXPECT_TRUE(args.should_power_off_in_panic);
    EXPECT_STREQ(args.exec, "gpu test; echo a b");
}

UTEST(the_token_is_read_but_not_from_the_commands)
{
    struct bootargs args;
    const char *line = "quiet vitrine.token=0123456789abcdef vitrine.exec=vitrine.token=0";

    bootargs_parse(line, &args);
    EXPECT_STREQ(args.token_mark, " token=0123456789abcdef");
    EXPECT_TRUE(args.token_word == line + strlen("quiet "));
    EXPECT_EQ(args.token_word_bytes, strlen("vitrine.token=0123456789abcdef"));
    EXPECT_STREQ(args.exec, "vitrine.token=0");

    bootargs_parse("vitrine.exec=echo", &args);
    EXPECT_STREQ(args.token_mark, "");
    EXPECT_TRUE(args.token_word == NULL);
}

UTEST(a_bad_token_is_refused_without_showing_it)
{
    static const char *const lines[] = { "vitrine.token=", "vitrine.token=0123456789abcde",
                                         "vitrine.token=0123456789abcdef0",
                                         "vitrine.token=0123456789abcdeF" };
    struct bootargs args;

    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        host_console_clear();
        bootargs_parse(lines[i], &args);
        EXPECT_STREQ(args.token_mark, "");
        EXPECT_CONTAINS(host_console(), "vitrine.token= is not followed by 16 hex digits");
        EXPECT_TRUE(strstr(host_console(), "0123") == NULL);
    }
}

UTEST(bad_boot_arguments_are_named_and_ignored)
{
    struct bootargs args;

    host_console_start();
    bootargs_parse("", &args);
    EXPECT_TRUE(args.exec == NULL);
    EXPECT_EQ(args.log_level, LOG_INFO);
    bootargs_parse("vitrine.gpu=fast vitrine.speed=9 vitrine.log=debugdebugdebugdebug quiet",
                   &args);
    EXPECT_EQ(args.gpu, BOOTARGS_GPU_QUEUED);
    EXPECT_EQ(args.log_level, LOG_INFO);
    EXPECT_CONTAINS(host_console(), "vitrine.gpu='fast'");
    EXPECT_CONTAINS(host_console(), "'vitrine.speed=9' is unknown");
}
