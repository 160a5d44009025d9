/* The log: see log.h. */
#include "kernel/core/log.h"

#include <string.h>

#include "kernel/arch/arch.h"
#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/lock.h"
#include "kernel/core/time.h"

enum {
    FILTER_COUNT_MAX = 16,
    LINE_BYTES = 224,
};

static const char *const level_names[LOG_LEVEL_COUNT] = { "error", "warn", "info", "debug",
                                                          "trace" };

static struct log_entry ring[LOG_RING_COUNT]; /* apart, so that it takes no room in the image */

static struct {
    struct spinlock lock;
    uint64_t next_seq;
    uint64_t first_seq; /* the oldest kept */
    uint64_t counts[LOG_LEVEL_COUNT];
    enum log_level level;
    uint32_t filter_count;
    struct {
        char module[LOG_MODULE_BYTES];
        enum log_level level;
    } filters[FILTER_COUNT_MAX];
} logger = { .level = LOG_INFO };

static struct {
    void (*hide)(void);
    void (*show)(void);
} prompt;

static enum log_level
level_for(const char *module)
{
    for (uint32_t i = 0; i < logger.filter_count; i++) {
        if (strncmp(logger.filters[i].module, module, LOG_MODULE_BYTES - 1) == 0) {
            return logger.filters[i].level;
        }
    }
    return logger.level;
}

bool
log_is_enabled(enum log_level level, const char *module)
{
    return level <= level_for(module);
}

static void
copy_name(char to[LOG_MODULE_BYTES], const char *from)
{
    size_t length = strnlen(from, LOG_MODULE_BYTES - 1);

    memcpy(to, from, length);
    to[length] = '\0';
}

/* One line: control characters (a device's, a guest's text) must not reach a terminal. */
static void
make_plain(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            *text = ' ';
        }
    }
}

static void
keep(struct log_entry *entry)
{
    uint64_t irq_state = spin_lock_irq(&logger.lock);

    entry->seq = logger.next_seq++;
    if (logger.next_seq - logger.first_seq > LOG_RING_COUNT) {
        logger.first_seq = logger.next_seq - LOG_RING_COUNT;
    }
    logger.counts[entry->level]++;
    ring[entry->seq % LOG_RING_COUNT] = *entry;
    spin_unlock_irq(&logger.lock, irq_state);
}

void
log_va(enum log_level level, const char *module, const char *format, va_list args)
{
    struct log_entry entry;
    char line[LINE_BYTES];

    if (!log_is_enabled(level, module)) {
        return;
    }
    entry.time_ns = time_now_ns();
    entry.level = (uint8_t)level;
    entry.cpu_idx = (uint8_t)arch_cpu_idx();
    copy_name(entry.module, module);
    format_text_va(entry.text, sizeof(entry.text), format, args);
    make_plain(entry.text);
    keep(&entry);
    log_format(&entry, line, sizeof(line));
    if (prompt.hide != NULL) {
        prompt.hide();
    }
    console_write(line, strlen(line));
    if (prompt.show != NULL) {
        prompt.show();
    }
}

void
log_set_prompt(void (*hide)(void), void (*show)(void))
{
    prompt.hide = hide;
    prompt.show = show;
}

void
log_error(const char *module, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_va(LOG_ERROR, module, format, args);
    va_end(args);
}

void
log_warn(const char *module, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_va(LOG_WARN, module, format, args);
    va_end(args);
}

void
log_info(const char *module, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_va(LOG_INFO, module, format, args);
    va_end(args);
}

void
log_debug(const char *module, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_va(LOG_DEBUG, module, format, args);
    va_end(args);
}

void
log_trace(const char *module, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_va(LOG_TRACE, module, format, args);
    va_end(args);
}

void
log_set_level(enum log_level level)
{
    logger.level = level;
}

enum log_level
log_get_level(void)
{
    return logger.level;
}

int
log_set_filter(const char *module, enum log_level level)
{
    int error = 0;
    uint64_t irq_state = spin_lock_irq(&logger.lock);
    uint32_t idx = 0;

    while (idx < logger.filter_count &&
           strncmp(logger.filters[idx].module, module, LOG_MODULE_BYTES - 1) != 0) {
        idx++;
    }
    if (idx == FILTER_COUNT_MAX) {
        error = -E_NOSPC;
    } else {
        copy_name(logger.filters[idx].module, module);
        logger.filters[idx].level = level;
        logger.filter_count += idx == logger.filter_count ? 1 : 0;
    }
    spin_unlock_irq(&logger.lock, irq_state);
    return error;
}

void
log_clear_filters(void)
{
    uint64_t irq_state = spin_lock_irq(&logger.lock);

    logger.filter_count = 0;
    spin_unlock_irq(&logger.lock, irq_state);
}

const char *
log_filter(uint32_t idx, enum log_level *level)
{
    if (idx >= logger.filter_count) {
        return NULL;
    }
    *level = logger.filters[idx].level;
    return logger.filters[idx].module;
}

const char *
log_level_name(enum log_level level)
{
    return (unsigned)level < LOG_LEVEL_COUNT ? level_names[level] : "?";
}

int
log_parse_level(const char *text, enum log_level *level)
{
    for (uint32_t i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return 0;
        }
    }
    return -E_INVAL;
}

int
log_read(uint64_t *seq, struct log_entry *entry)
{
    int error = -E_AGAIN;
    uint64_t irq_state = spin_lock_irq(&logger.lock);

    *seq = max_u64(*seq, logger.first_seq);
    if (*seq < logger.next_seq) {
        *entry = ring[*seq % LOG_RING_COUNT];
        (*seq)++;
        error = 0;
    }
    spin_unlock_irq(&logger.lock, irq_state);
    return error;
}

uint64_t
log_next_seq(void)
{
    return logger.next_seq;
}

uint64_t
log_count(enum log_level level)
{
    return (unsigned)level < LOG_LEVEL_COUNT ? logger.counts[level] : 0;
}

void
log_clear(void)
{
    uint64_t irq_state = spin_lock_irq(&logger.lock);

    logger.first_seq = logger.next_seq;
    spin_unlock_irq(&logger.lock, irq_state);
}

const char *
log_format(const struct log_entry *entry, char *text, size_t size)
{
    static const char *const marks[LOG_LEVEL_COUNT] = { "ERROR: ", "warning: ", "", "", "" };
    const char *mark = entry->level < LOG_LEVEL_COUNT ? marks[entry->level] : "";

    format_text(text, size, "[%5lu.%06lu] %s: %s%s\n", entry->time_ns / 1000000000,
                entry->time_ns / 1000 % 1000000, entry->module, mark, entry->text);
    return text;
}

void
log_replay(void (*write)(void *ctx, const char *text, size_t bytes), void *ctx)
{
    struct log_entry entry;
    char line[LINE_BYTES];
    uint64_t seq = 0;

    while (log_read(&seq, &entry) == 0) {
        log_format(&entry, line, sizeof(line));
        write(ctx, line, strlen(line));
    }
}

void
log_break_lock(void)
{
    __atomic_store_n(&logger.lock.is_held, 0, __ATOMIC_RELEASE);
}
