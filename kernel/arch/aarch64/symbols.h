/*
 * The kernel's own symbol table, made by the build after a first link (tools/gen/symbols.py) and linked in by a second.
 */
#ifndef KERNEL_ARCH_AARCH64_SYMBOLS_H
#define KERNEL_ARCH_AARCH64_SYMBOLS_H

#include "kernel/core/base.h"

/* Functions by rising offset; empty in the first link. */
struct symbol {
    uint32_t offset;      /* from the image's start */
    uint32_t name_offset; /* from symbols_end */
};

extern const struct symbol symbols_start[], symbols_end[];

#endif
