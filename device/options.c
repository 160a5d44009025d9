/*
 * options.c - command lines.
 */
#include "device/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

bool
option_wrong(const struct options *options, const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "%s: %s (see %s --help)\n", options->program, sentence, options->program);
    return false;
}

/* The option that an argument names; spec_count when there is none. */
static unsigned
find_spec(const struct options *options, const char *name, size_t name_length)
{
    for (unsigned i = 0; i < options->spec_count; i++) {
        const char *known = options->specs[i].name;
        if (strlen(known) == name_length && strncmp(known, name, name_length) == 0) {
            return i;
        }
    }
    return options->spec_count;
}

/* Reads argv[at] and perhaps its value in the next word.  Returns: how many words were used; 0 after a message. */
static int
read_option(struct options *options, int argc, char **argv, int at)
{
    const char *name = argv[at] + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    unsigned idx = find_spec(options, name, length);
    if (idx == options->spec_count) {
        return option_wrong(options, "there is no option %s", argv[at]);
    }
    const struct option_spec *spec = &options->specs[idx];
    if (spec->value == NULL && equals != NULL) {
        return option_wrong(options, "--%s takes no value", spec->name);
    }
    if (equals != NULL) {
        options->values[idx] = equals + 1;
    } else if (spec->value == NULL || spec->is_value_optional) {
        options->values[idx] = "";
    } else if (at + 1 < argc) {
        options->values[idx] = argv[at + 1];
        return 2;
    } else {
        return option_wrong(options, "--%s needs a value: --%s %s", spec->name, spec->name,
                            spec->value);
    }
    return 1;
}

static bool
is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

bool
options_read(struct options *options, int argc, char **argv)
{
    int at = 1;
    int word_count = 0; /* in front of the options, where `at` has been */
    while (at < argc && (options->is_mixed || is_option(argv[at]))) {
        if (!is_option(argv[at])) {
            argv[1 + word_count++] = argv[at++];
            continue;
        }
        if (strcmp(argv[at], "--") == 0 && options->is_mixed) {
            return option_wrong(options, "-- is not needed here");
        }
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        if (argv[at][1] != '-') {
            return option_wrong(options, "there is no option %s; all are words, such as --help",
                                argv[at]);
        }
        int used = read_option(options, argc, argv, at);
        if (used == 0) {
            return false;
        }
        at += used;
    }
    options->rest = options->is_mixed ? argv + 1 : argv + at;
    options->rest_count = options->is_mixed ? word_count : argc - at;
    return true;
}

/* Else the next file or socket that is opened gets what is meant for a person, here and in the programs that we start. */
static void
fill_standard_fds(void)
{
    int fd = 0;
    while (fd >= 0 && fd <= STDERR_FILENO) {
        fd = open("/dev/null", O_RDWR);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

bool
options_begin(struct options *options, int argc, char **argv, void (*print_help)(void),
              int *exit_status)
{
    fill_standard_fds();
    *exit_status = EXIT_WRONG_USE;
    if (!options_read(options, argc, argv)) {
        return false;
    }
    if (options_get(options, "help") != NULL) {
        print_help();
        *exit_status = EXIT_SUCCESS;
        return false;
    }
    if (options->rest_count > 0 && !options->takes_words) {
        return option_wrong(options, "what is \"%s\"? Only options are read", options->rest[0]);
    }
    return true;
}

const char *
options_get(const struct options *options, const char *name)
{
    return options->values[find_spec(options, name, strlen(name))];
}

bool
option_bytes(const struct options *options, const char *name, uint64_t *bytes)
{
    const char *text = options_get(options, name);
    if (text == NULL) {
        return true;
    }
    static const char units[] = "KMGT";
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    bool is_number = end != text && text[0] != '-' && errno == 0;
    const char *unit = is_number && *end != '\0' ? strchr(units, *end) : NULL;
    unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;
    bool is_ended = is_number && *(unit != NULL ? end + 1 : end) == '\0';
    if (!is_ended || number == 0 || number > (1ULL << 60) >> shift) {
        return option_wrong(options, "--%s %s: right is a size such as 512M or 2G", name, text);
    }
    *bytes = (uint64_t)number << shift;
    return true;
}

bool
option_number(const struct options *options, const char *name, uint64_t least, uint64_t most,
              uint64_t *number)
{
    const char *text = options_get(options, name);
    if (text == NULL) {
        return true;
    }
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || text[0] == '-' || errno != 0 || value < least ||
        value > most) {
        return option_wrong(options, "--%s %s: right is a number from %llu to %llu", name, text,
                            (unsigned long long)least, (unsigned long long)most);
    }
    *number = value;
    return true;
}

bool
option_word(const struct options *options, const char *name, const char *const words[],
            unsigned word_count, unsigned *idx)
{
    const char *text = options_get(options, name);
    if (text == NULL) {
        return true;
    }
    char known[128] = "";
    size_t used = 0;
    for (unsigned i = 0; i < word_count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *idx = i;
            return true;
        }
        int part =
            snprintf(known + used, sizeof(known) - used, "%s%s", used > 0 ? " or " : "", words[i]);
        used += part > 0 ? (size_t)part : 0;
        used = used < sizeof(known) ? used : sizeof(known) - 1;
    }
    return option_wrong(options, "--%s %s: right is %s", name, text, known);
}

bool
option_stats(const struct options *options, enum worker_stats *stats)
{
    static const char *const formats[] = { "", "text", "json" };
    unsigned format = 0;
    bool is_given = options_get(options, "stats") != NULL;
    *stats = STATS_NONE;
    if (is_given && option_word(options, "stats", formats, 3, &format)) {
        *stats = format == 2 ? STATS_JSON : STATS_TEXT;
    }
    return *stats != STATS_NONE || !is_given;
}
