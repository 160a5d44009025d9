/*
 * options.h - command lines of our programs: a table of the options, and what reads their values.
 *
 *      static const struct option_spec specs[] = {
 *          { "vtest", "SOCKET", false },
 *          { "verbose", NULL, false },
 *      };
 */
#ifndef DEVICE_OPTIONS_H
#define DEVICE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/worker.h"

enum { EXIT_WRONG_USE = 2 };

struct option_spec {
    const char *name;       /* without its "--" */
    const char *value;      /* what messages call the value; NULL: it takes none */
    bool is_value_optional; /* then given only as --name=VALUE */
};

struct options {
    const char *program;
    const struct option_spec *specs;
    unsigned spec_count;
    const char **values; /* per spec: NULL not given, "" given without a value */
    bool takes_words;    /* words that are no options may follow them */
    bool is_mixed;       /* options may follow these words too; argv is put in another order */
    char **rest;         /* these words; after "--", all */
    int rest_count;
};

/*
 * Reads a command line up to its first word that is no option.  values: spec_count NULLs.
 * Returns: true; false after one line on stderr that says what would be right.
 */
bool options_read(struct options *options, int argc, char **argv);

/*
 * What a main begins with: sees to it that fds 0 to 2 are open, reads the command line, prints the help when it is asked for,
 * refuses words that are not taken.
 * Returns: true: go on; false: end with *exit_status.
 */
bool options_begin(struct options *options, int argc, char **argv, void (*print_help)(void),
                   int *exit_status);

/* The value of option `name`, which must be in the table; NULL when it was not given. */
const char *options_get(const struct options *options, const char *name);

/*
 * A number of bytes such as 512M, 2G, 65536; 1 to 2^60.
 * Returns: true and *bytes; false after one line on stderr.
 */
bool option_bytes(const struct options *options, const char *name, uint64_t *bytes);

/* A decimal number from `least` to `most`.  Returns: true and *number (unchanged when not given); false after one line. */
bool option_number(const struct options *options, const char *name, uint64_t least, uint64_t most,
                   uint64_t *number);

/* One of the words; *idx as given when the option is not there.  Returns: true; false after one line. */
bool option_word(const struct options *options, const char *name, const char *const words[],
                 unsigned word_count, unsigned *idx);

/* What --stats[=text|json] asks for; STATS_NONE when it was not given.  Returns: true; false after one line. */
bool option_stats(const struct options *options, enum worker_stats *stats);

/* Writes "PROGRAM: sentence (see PROGRAM --help)" to stderr; always false. */
bool option_wrong(const struct options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
