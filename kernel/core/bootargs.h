/*
 * The boot arguments that ./run writes:
 *
 *   vitrine.log=LEVEL vitrine.panic=poweroff|halt vitrine.hold=0|1 vitrine.gpu=queued|simple vitrine.rings=split|packed
 *   vitrine.token=DIGITS       16 hex digits that only this boot and its starter know: the lines that the starter believes
 *                              (end of the commands, end of a panic, trace markers) end with them, so that nothing else
 *                              that is printed, a fetched page for example, can pass for one of them
 *   vitrine.exec=COMMANDS      must come last: everything after it, blanks and all, is the command line
 */
#ifndef KERNEL_CORE_BOOTARGS_H
#define KERNEL_CORE_BOOTARGS_H

#include "kernel/core/base.h"

enum {
    BOOTARGS_TOKEN_DIGITS = 16,
    BOOTARGS_MARK_BYTES = sizeof(" token=") + BOOTARGS_TOKEN_DIGITS,
};

enum bootargs_gpu {
    BOOTARGS_GPU_QUEUED,
    BOOTARGS_GPU_SIMPLE,
};

enum bootargs_rings {
    BOOTARGS_RINGS_SPLIT,
    BOOTARGS_RINGS_PACKED,
};

struct bootargs {
    uint32_t log_level; /* enum log_level */
    enum bootargs_gpu gpu;
    enum bootargs_rings rings;
    bool should_hold; /* after exec: wait for a newline before power-off */
    bool should_power_off_in_panic;
    const char *exec;       /* NULL: interactive; within the line given */
    const char *token_word; /* which no log may show; NULL: none; within the line given */
    uint32_t token_word_bytes;
    char token_mark[BOOTARGS_MARK_BYTES]; /* " token=DIGITS", or "" without a token */
};

/*
 * Parse a line. Unknown vitrine.* words and bad values are logged and otherwise ignored; other words belong to others.
 * @line  stays, and is not changed.
 */
void bootargs_parse(const char *line, struct bootargs *args);

/* The arguments that the kernel was started with (defaults before they are known). */
const struct bootargs *bootargs_get(void);

/* What a line that the starter believes must end with: " token=DIGITS"; "" when none was given. Context: any. */
const char *bootargs_token_mark(void);

/* Set what bootargs_get returns. Context: boot. */
void bootargs_set(const struct bootargs *args);

#endif
