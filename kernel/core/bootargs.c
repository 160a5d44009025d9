/* Boot arguments: see bootargs.h. */
#include "kernel/core/bootargs.h"

#include <string.h>

#include "kernel/core/errno.h"
#include "kernel/core/log.h"

enum {
    VALUE_BYTES = 16,
};

static struct bootargs current = { .log_level = LOG_INFO };

/* The index of `value` in a list closed by NULL; -E_INVAL. */
static int
choose(const char *value, const char *const *choices)
{
    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(value, choices[i]) == 0) {
            return i;
        }
    }
    return -E_INVAL;
}

static void
set_log(struct bootargs *args, int choice)
{
    args->log_level = (uint32_t)choice;
}

static void
set_gpu(struct bootargs *args, int choice)
{
    args->gpu = (enum bootargs_gpu)choice;
}

static void
set_rings(struct bootargs *args, int choice)
{
    args->rings = (enum bootargs_rings)choice;
}

static void
set_hold(struct bootargs *args, int choice)
{
    args->should_hold = choice != 0;
}

static void
set_panic(struct bootargs *args, int choice)
{
    args->should_power_off_in_panic = choice != 0;
}

static const struct {
    const char *name;
    const char *choices[6];
    void (*set)(struct bootargs *args, int choice);
} options[] = {
    {"vitrine.log=",    { "error", "warn", "info", "debug", "trace", NULL }, set_log  },
    { "vitrine.gpu=",   { "queued", "simple", NULL },                        set_gpu  },
    { "vitrine.rings=", { "split", "packed", NULL },                         set_rings},
    { "vitrine.hold=",  { "0", "1", NULL },                                  set_hold },
    { "vitrine.panic=", { "halt", "poweroff", NULL },                        set_panic},
};

static void
parse_word(const char *word, size_t length, struct bootargs *args)
{
    char value[VALUE_BYTES];

    for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
        size_t name_length = strlen(options[i].name);

        if (length < name_length || strncmp(word, options[i].name, name_length) != 0) {
            continue;
        }
        size_t value_length = length - name_length;
        value_length = value_length < sizeof(value) ? value_length : sizeof(value) - 1;
        memcpy(value, word + name_length, value_length);
        value[value_length] = '\0';
        int choice = choose(value, options[i].choices);
        if (choice < 0) {
            log_error("boot", "boot argument %s'%s' is not one of its values", options[i].name,
                      value);
        } else {
            options[i].set(args, choice);
        }
        return;
    }
    log_warn("boot", "boot argument '%.*s' is unknown", (int)length, word);
}

static bool
is_hex(const char *digits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_digit = digits[i] >= '0' && digits[i] <= '9';

        if (!is_digit && !(digits[i] >= 'a' && digits[i] <= 'f')) {
            return false;
        }
    }
    return true;
}

/* Returns: whether the word is the token's, good or bad; a bad one is not shown either. */
static bool
parse_token(const char *word, size_t length, struct bootargs *args)
{
    static const char name[] = "vitrine.token=";
    static const char mark[] = " token=";

    if (length < strlen(name) || strncmp(word, name, strlen(name)) != 0) {
        return false;
    }
    const char *digits = word + strlen(name);
    args->token_word = word;
    args->token_word_bytes = (uint32_t)length;
    if (length - strlen(name) != BOOTARGS_TOKEN_DIGITS || !is_hex(digits, BOOTARGS_TOKEN_DIGITS)) {
        log_error("boot", "boot argument %s is not followed by %d hex digits", name,
                  BOOTARGS_TOKEN_DIGITS);
        return true;
    }
    memcpy(args->token_mark, mark, strlen(mark));
    memcpy(args->token_mark + strlen(mark), digits, BOOTARGS_TOKEN_DIGITS);
    args->token_mark[sizeof(args->token_mark) - 1] = '\0';
    return true;
}

void
bootargs_parse(const char *line, struct bootargs *args)
{
    static const char prefix[] = "vitrine.";
    static const char exec[] = "vitrine.exec=";

    *args = (struct bootargs){ .log_level = LOG_INFO };
    while (*line != '\0') {
        size_t length = 0;

        if (*line == ' ') {
            line++;
            continue;
        }
        if (strncmp(line, exec, strlen(exec)) == 0) {
            args->exec = line + strlen(exec);
            return;
        }
        while (line[length] != ' ' && line[length] != '\0') {
            length++;
        }
        if (strncmp(line, prefix, strlen(prefix)) == 0 && !parse_token(line, length, args)) {
            parse_word(line, length, args);
        }
        line += length;
    }
}

const struct bootargs *
bootargs_get(void)
{
    return &current;
}

const char *
bootargs_token_mark(void)
{
    return current.token_mark;
}

void
bootargs_set(const struct bootargs *args)
{
    current = *args;
}
