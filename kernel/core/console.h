/*
 * The console: text out to every sink (serial line, screen), characters in from every source (serial line, keyboard).
 *
 *   log, shell ─→ console_write ─→ sink->write (each one)          uart irq, keyboard ─→ console_input ─→ console_read ─→ shell
 */
#ifndef KERNEL_CORE_CONSOLE_H
#define KERNEL_CORE_CONSOLE_H

#include <stdarg.h>

#include "kernel/core/base.h"

struct console_ops {
    const char *name;

    /*
     * Take `bytes` bytes of text; "\n" ends a line. Called from any context, interrupt handlers and panic included, with the
     * console's lock held: must not wait, print or log. A slow sink (the screen) copies to its own ring and draws later, from
     * an idle hook. Required.
     */
    void (*write)(void *ctx, const char *text, size_t bytes);

    /* Get everything written so far out, by polling; used in a panic and before power-off. May be NULL. */
    void (*flush)(void *ctx);

    /* A panic begins: forget locks that may be held, work by polling from now on. May be NULL. */
    void (*on_panic)(void *ctx);
};

struct console_sink {
    const struct console_ops *ops;
    void *ctx;
    struct console_sink *next; /* the console's */
};

/*
 * Add a sink; `sink` stays the caller's memory and must live until console_remove. The early lines of the log follow by
 * log_replay, not from here. Context: any but within a sink.
 */
void console_add(struct console_sink *sink);

/* Take a sink out again. Nothing happens when it is not there. */
void console_remove(struct console_sink *sink);

/* Print. Context: any but within a sink. */
void console_write(const char *text, size_t bytes);
void console_print(const char *format, ...) PRINTF_LIKE(1, 2);
void console_print_va(const char *format, va_list args) PRINTF_LIKE(1, 0);

/* Flush every sink. Context: any. */
void console_flush(void);

/* Break locks that a panicking CPU may hold, the sinks' too. Context: panic only. */
void console_on_panic(void);

enum { CONSOLE_INTERRUPT = 3 }; /* Ctrl-C */

/*
 * Hand over one character typed. Dropped when nobody reads 1024 of them; Ctrl-C takes the place of all of them then.
 * Context: any.
 */
void console_input(char c);

/* Take the next character typed. Context: main loop. Returns: 0..255, or -E_AGAIN when there is none. */
int console_read(void);

/*
 * Look for a Ctrl-C among what is typed and not yet read. When there is one, it and what was typed before it are taken; the
 * rest stays for console_read. Context: main loop. Returns: whether there was one.
 */
bool console_take_interrupt(void);

#endif
