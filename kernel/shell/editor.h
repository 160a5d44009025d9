/*
 * A line editor for a terminal: backspace, Ctrl-U, Ctrl-W, Ctrl-C, cursor left and right, Home, End, history with up and down.
 */
#ifndef KERNEL_SHELL_EDITOR_H
#define KERNEL_SHELL_EDITOR_H

#include "kernel/core/base.h"
#include "kernel/shell/shell.h"

enum {
    EDITOR_HISTORY_COUNT = 16,
};

struct editor {
    const char *prompt;
    void (*write)(const char *text, size_t bytes); /* to the terminal */
    size_t length;
    size_t cursor; /* 0..length */
    char line[SHELL_LINE_BYTES];
    uint32_t escape; /* how far into an escape sequence */
    char last;       /* the character before, to take "\r\n" as one end */
    uint32_t history_count;
    uint32_t history_at; /* which is shown; history_count: the new line */
    char history[EDITOR_HISTORY_COUNT][SHELL_LINE_BYTES];
};

/* Empty, and without history. `prompt` stays. */
void editor_init(struct editor *editor, const char *prompt,
                 void (*write)(const char *text, size_t bytes));

/* Begin a line: print the prompt. */
void editor_begin(struct editor *editor);

/* Print prompt and line anew, after something else was printed. */
void editor_redraw(struct editor *editor);

/*
 * Take one character typed.
 * Returns: the line when it is complete (valid until the next call; "" after Ctrl-C), else NULL.
 */
const char *editor_input(struct editor *editor, char c);

#endif
