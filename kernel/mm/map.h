/*
 * What is mapped, and how. One kernel address space, every address mapped to itself; no page is both writable and
 * executable. The tables belong to the architecture (arch/aarch64/mmu.c), which is also the only place of MAIR and TCR.
 */
#ifndef KERNEL_MM_MAP_H
#define KERNEL_MM_MAP_H

#include "kernel/core/base.h"

enum map_kind {
    MAP_TEXT,   /* read, execute */
    MAP_RODATA, /* read */
    MAP_DATA,   /* read, write; normal memory, write-back */
    MAP_DEVICE, /* read, write; AArch64: Device-nGnRE */
    MAP_KIND_COUNT
};

/* A named mapping, for `mem map` and the panic report. */
struct map_entry {
    const char *name;
    uint64_t base;
    uint64_t bytes;
    enum map_kind kind;
};

/*
 * Map [base, base + bytes) to itself. Both are rounded out to pages. What is mapped already in the same kind stays.
 * @name  kept by reference.
 * Context: boot and probing; takes a lock.
 * Returns: 0; -E_INVAL (empty, or outside the address space), -E_EXIST (mapped in another kind), -E_NOMEM (no table page).
 */
int map_add(const char *name, uint64_t base, uint64_t bytes, enum map_kind kind);

/*
 * Map a device's registers: uncached, not reordered, never executable.
 * Context: boot and probing. Returns: where the registers are, or NULL (logged with the name and reason).
 */
volatile void *mmio_map_device(const char *name, uint64_t base, uint64_t bytes);

/* The mapping at `idx` by rising address. Returns: NULL past the last one. */
const struct map_entry *map_entry_at(uint32_t idx);

/* "text RX", ... Returns: "?" out of range. */
const char *map_kind_name(enum map_kind kind);

/* What a walk over all tables finds. */
struct map_census {
    uint64_t bytes[MAP_KIND_COUNT];
    uint64_t block_count; /* 2 MiB and 1 GiB entries */
    uint64_t page_count;  /* 4 KiB entries */
    uint64_t table_count; /* table pages */
    uint64_t
        violation_count; /* writable and executable, or an executable device, or attributes that no kind has */
    uint64_t violation_address; /* of the first */
};

/* Walk the tables as they are in memory. Context: any. */
void map_census(struct map_census *census);

/*
 * Make the page of `address`, mapped as data, executable too: for `fault wx`, which shows that map_verify notices.
 * Context: main thread. Returns: 0; -E_NOENT when it is not mapped by a page of its own.
 */
int map_plant_violation(uint64_t address);

/* Walk, log the sums, and panic where a mapping violates W^X. Context: boot. */
void map_verify(void);

#endif
