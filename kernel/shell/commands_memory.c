/* The `mem` command. */
#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/format.h"
#include "kernel/core/metrics.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/map.h"
#include "kernel/mm/pages.h"
#include "kernel/shell/commands.h"
#include "kernel/shell/shell.h"

enum {
    SIZE_TEXT_BYTES = 16,
};

static void
print_bytes(const char *label, uint64_t bytes)
{
    char text[SIZE_TEXT_BYTES];

    console_print("  %-22s %10s\n", label, format_bytes(text, sizeof(text), bytes));
}

static int
print_map(void)
{
    const struct map_entry *entry;
    char text[SIZE_TEXT_BYTES];

    for (uint32_t i = 0; (entry = map_entry_at(i)) != NULL; i++) {
        console_print("  0x%012lx-0x%012lx %10s  %s  %s\n", entry->base,
                      entry->base + entry->bytes - 1,
                      format_bytes(text, sizeof(text), entry->bytes), map_kind_name(entry->kind),
                      entry->name);
    }
    return 0;
}

static int
print_free(void)
{
    struct pages_stats stats;

    pages_stats(&stats);
    console_print("physical memory:\n");
    print_bytes("total", stats.total_count * PAGE_BYTES);
    print_bytes("free", stats.free_count * PAGE_BYTES);
    print_bytes("least free so far", stats.lowest_free_count * PAGE_BYTES);
    print_bytes("largest free run", stats.largest_run_count * PAGE_BYTES);
    return 0;
}

static int
print_heap(void)
{
    struct heap_stats stats;

    heap_stats(&stats);
    console_print("heap: %lu blocks in use, %lu allocations so far, %lu failed\n",
                  stats.block_count, stats.alloc_count, stats.failed_count);
    print_bytes("in use", stats.in_use_bytes);
    print_bytes("most in use so far", stats.peak_bytes);
    print_bytes("pages held", stats.pages_count * PAGE_BYTES);
    return 0;
}

/* Walk the page tables themselves, not what the kernel believes of them. */
static int
print_wx(void)
{
    struct map_census census;

    map_census(&census);
    for (uint32_t kind = 0; kind < MAP_KIND_COUNT; kind++) {
        print_bytes(map_kind_name((enum map_kind)kind), census.bytes[kind]);
    }
    console_print("%lu tables, %lu blocks, %lu pages; ", census.table_count, census.block_count,
                  census.page_count);
    if (census.violation_count != 0) {
        console_print("%lu VIOLATE W^X, the first at 0x%lx\n", census.violation_count,
                      census.violation_address);
        return SHELL_FAILED;
    }
    console_print("W^X holds\n");
    return 0;
}

static const struct {
    const char *word;
    int (*print)(void);
} views[] = {
    {"free",  print_free},
    { "map",  print_map },
    { "heap", print_heap},
    { "wx",   print_wx  },
};

static int
cmd_mem(const struct shell_call *call)
{
    if (call->argc == 1) {
        (void)print_free();
        return print_heap();
    }
    for (size_t i = 0; i < ARRAY_COUNT(views) && call->argc == 2; i++) {
        if (strcmp(call->argv[1], views[i].word) == 0) {
            return views[i].print();
        }
    }
    return shell_usage(call, "unknown word: %s", call->argv[call->argc - 1]);
}

static void
emit(struct metrics_reader *reader)
{
    struct pages_stats pages;
    struct heap_stats heap;

    pages_stats(&pages);
    heap_stats(&heap);
    metrics_emit(reader, pages.total_count * PAGE_BYTES, "mem.total_bytes");
    metrics_emit(reader, pages.free_count * PAGE_BYTES, "mem.free_bytes");
    metrics_emit(reader, pages.lowest_free_count * PAGE_BYTES, "mem.lowest_free_bytes");
    metrics_emit(reader, heap.in_use_bytes, "heap.in_use_bytes");
    metrics_emit(reader, heap.peak_bytes, "heap.peak_bytes");
    metrics_emit(reader, heap.block_count, "heap.block_count");
    metrics_emit(reader, heap.alloc_count, "heap.alloc_count");
    metrics_emit(reader, heap.failed_count, "heap.failed_count");
}

static const struct shell_command commands[] = {
    {"mem", "[free | map | heap | wx]", "memory: what is free, mapped, allocated; check W^X",
     cmd_mem},
};

static struct metrics_source source = { .emit = emit };

void
commands_memory_init(void)
{
    shell_register(commands, ARRAY_COUNT(commands));
    metrics_register(&source);
}
