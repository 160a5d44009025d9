/*
 * What the device tree says about the machine as a whole: memory, boot arguments, CPUs.
 */
#ifndef KERNEL_FDT_PLATFORM_H
#define KERNEL_FDT_PLATFORM_H

#include "kernel/core/base.h"
#include "kernel/fdt/tree.h"
#include "kernel/mm/ranges.h"

struct dt_memory {
    struct range_set ram;      /* what the memory nodes name */
    struct range_set reserved; /* reservations: block of the tree, /reserved-memory, initrd */
    struct range_set unmapped; /* those of the reserved that may not even be mapped (no-map) */
};

/*
 * Read memory nodes and reservations; what is broken is logged and left out. Context: boot.
 * Returns: 0; -E_NOENT when there is no memory at all.
 */
int dt_read_memory(const void *blob, struct dt_memory *memory);

struct dt_chosen {
    const char *bootargs;    /* "" when absent; within the tree */
    const char *stdout_path; /* NULL when absent */
};

void dt_read_chosen(const void *blob, struct dt_chosen *chosen);

/* Add each CPU of /cpus that is in use and not there yet to percpu (percpu.h). Context: boot. */
void dt_read_cpus(const void *blob);

/* Say in the list of devices which CPUs run. Context: boot, after smp_start. */
void dt_describe_cpus(void);

/* The model, for a person; "unknown machine" when absent. */
const char *dt_model(const void *blob);

#endif
