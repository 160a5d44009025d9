/*
 * The boot arguments that ./run writes:
 *
 *   vitrine.log=LEVEL vitrine.panic=poweroff|halt vitrine.hold=0|1 vitrine.gpu=queued|simple vitrine.rings=split|packed
 *   vitrine.exec=COMMANDS      must come last: everything after it, blanks and all, is the command line
 */
#ifndef KERNEL_CORE_BOOTARGS_H
#define KERNEL_CORE_BOOTARGS_H

#include "kernel/core/base.h"

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
    const char *exec; /* NULL: interactive; within the line given */
};

/*
 * Parse a line. Unknown vitrine.* words and bad values are logged and otherwise ignored; other words belong to others.
 * @line  stays, and is not changed.
 */
void bootargs_parse(const char *line, struct bootargs *args);

/* The arguments that the kernel was started with (defaults before they are known). */
const struct bootargs *bootargs_get(void);

/* Set what bootargs_get returns. Context: boot. */
void bootargs_set(const struct bootargs *args);

#endif
