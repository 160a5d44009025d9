/*
 * A command line cut into words.
 */
#ifndef KERNEL_SHELL_PARSE_H
#define KERNEL_SHELL_PARSE_H

#include "kernel/core/base.h"
#include "kernel/shell/shell.h"

struct shell_words {
    int count;
    const char *words[SHELL_ARG_COUNT_MAX + 1]; /* closed by NULL; within `text` */
    char text[SHELL_LINE_BYTES];
};

/*
 * Cut the first command off *line: words, quoted with '...' (as is) or "..." (with \" and \\), up to a ';' outside quotes or
 * the end. *line is then at what follows. A word may be partly quoted.
 * Context: any. Returns: 0 (count may be 0: nothing between two ';'); -E_INVAL (a quote is not closed), -E_OVERFLOW (line too
 * long or too many words): *line is at the end then.
 */
int shell_parse(const char **line, struct shell_words *words);

#endif
