/*
 * The log. Every line up to its module's level goes to a ring in memory and to the console.
 *
 *   log_info("gic", "GICv%u, %u interrupt lines", version, count);      [    0.004211] gic: GICv3, 288 interrupt lines
 *
 * The ring exists from the first instruction of C on, so nothing is lost before there is a console, nor where there is none.
 */
#ifndef KERNEL_CORE_LOG_H
#define KERNEL_CORE_LOG_H

#include <stdarg.h>

#include "kernel/core/base.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE, LOG_LEVEL_COUNT };

enum {
    LOG_MODULE_BYTES = 12,
    LOG_TEXT_BYTES = 164,
    LOG_RING_COUNT = 1024,
};

struct log_entry {
    uint64_t seq;     /* counts from 0; the oldest kept is at most LOG_RING_COUNT behind */
    uint64_t time_ns; /* since the counter started */
    uint8_t level;
    uint8_t cpu_idx;
    char module[LOG_MODULE_BYTES];
    char text[LOG_TEXT_BYTES]; /* one line, no newline, cut where longer */
};

/*
 * Log one line. `module` is a short constant name ("gic"), the unit of filtering.
 * Context: any but within a console sink.
 */
void log_error(const char *module, const char *format, ...) PRINTF_LIKE(2, 3);
void log_warn(const char *module, const char *format, ...) PRINTF_LIKE(2, 3);
void log_info(const char *module, const char *format, ...) PRINTF_LIKE(2, 3);
void log_debug(const char *module, const char *format, ...) PRINTF_LIKE(2, 3);
void log_trace(const char *module, const char *format, ...) PRINTF_LIKE(2, 3);
void log_va(enum log_level level, const char *module, const char *format, va_list args)
    PRINTF_LIKE(3, 0);

/* Whether a line of that level and module would be kept: to spare the work of preparing it. Context: any. */
bool log_is_enabled(enum log_level level, const char *module);

/* The level for modules without a filter of their own (LOG_INFO at first). Context: any. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/*
 * A level for one module. @module is copied, cut at LOG_MODULE_BYTES - 1.
 * Returns: 0; -E_NOSPC when 16 modules have one already.
 */
int log_set_filter(const char *module, enum log_level level);

/* Drop all filters. */
void log_clear_filters(void);

/* The filter at `idx`. Returns: its module's name, or NULL past the last one. */
const char *log_filter(uint32_t idx, enum log_level *level);

/* "error", "warn", ... Returns: "?" out of range. */
const char *log_level_name(enum log_level level);

/* Parse a level's name. Returns: 0; -E_INVAL. */
int log_parse_level(const char *text, enum log_level *level);

/*
 * Copy the first line kept whose number is at least *seq, and set *seq to the next number to ask for.
 * For readers with their own position: `log`, the panic report, a syslog sender.
 * Context: any. Returns: 0; -E_AGAIN when there is none yet.
 */
int log_read(uint64_t *seq, struct log_entry *entry);

/* The number that the next line will get. Context: any. */
uint64_t log_next_seq(void);

/* Lines logged so far at that level. Context: any. */
uint64_t log_count(enum log_level level);

/* Forget the lines kept. */
void log_clear(void);

/* Write an entry as the console shows it, with newline. Returns: text. @size at least 224 for a whole line. */
const char *log_format(const struct log_entry *entry, char *text, size_t size);

/* Give `write` every line kept that the console would have shown. For a sink that comes late. */
void log_replay(void (*write)(void *ctx, const char *text, size_t bytes), void *ctx);

/*
 * Who draws a prompt on the console: `hide` before a line is printed, `show` after it. Both NULL: nobody does now.
 * They run in the context of whoever logs. Context: main thread.
 */
void log_set_prompt(void (*hide)(void), void (*show)(void));

/* In a panic: break a lock that this CPU may hold. */
void log_break_lock(void);

#endif
