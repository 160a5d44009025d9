/*
 * The `selftest` command: what host tests cannot see, because it is the architecture's or the machine's: memory functions
 * in assembly, the allocators on real memory, interrupts, timers, CPUs, page tables.
 */
#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/idle.h"
#include "kernel/core/percpu.h"
#include "kernel/core/time.h"
#include "kernel/irq/irq.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/map.h"
#include "kernel/mm/pages.h"
#include "kernel/shell/commands.h"
#include "kernel/shell/shell.h"

enum {
    AREA_BYTES = 512,
    LENGTH_MAX = 200,
    OFFSET_MAX = 17,
    DISTANCE_MAX = 2 * OFFSET_MAX, /* so that moves go both ways */
    BLOCK_BYTES = 3 * PAGE_BYTES,
    GUARD = 0x5a,
};

/* Whether area[begin, end) counts up from `first`, and all else is still the guard. */
static bool
is_as_written(const uint8_t *area, size_t begin, size_t end, uint8_t first, uint8_t step)
{
    for (size_t i = 0; i < AREA_BYTES; i++) {
        uint8_t wanted = i >= begin && i < end ? (uint8_t)(first + (i - begin) * step) : GUARD;

        if (area[i] != wanted) {
            return false;
        }
    }
    return true;
}

static bool
does_copy(uint8_t *from, uint8_t *to, size_t from_offset, size_t to_offset, size_t length)
{
    for (size_t i = 0; i < AREA_BYTES; i++) {
        from[i] = (uint8_t)i;
        to[i] = GUARD;
    }
    return memcpy(to + to_offset, from + from_offset, length) == to + to_offset &&
           is_as_written(to, to_offset, to_offset + length, (uint8_t)from_offset, 1);
}

static bool
does_set(uint8_t *to, size_t offset, size_t length)
{
    for (size_t i = 0; i < AREA_BYTES; i++) {
        to[i] = GUARD;
    }
    return memset(to + offset, (int)(0x100 + length), length) == to + offset &&
           is_as_written(to, offset, offset + length, (uint8_t)length, 0);
}

static bool
test_memory_functions(void)
{
    static uint8_t from[AREA_BYTES];
    static uint8_t to[AREA_BYTES];

    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        for (size_t offset = 0; offset <= OFFSET_MAX; offset++) {
            if (!does_copy(from, to, offset, OFFSET_MAX - offset, length) ||
                !does_copy(from, to, 3, offset, length) || !does_set(to, offset, length)) {
                return false;
            }
        }
    }
    return true;
}

static bool
test_moves(void)
{
    static uint8_t area[AREA_BYTES];

    for (size_t distance = 0; distance <= DISTANCE_MAX; distance++) {
        for (size_t i = 0; i < AREA_BYTES; i++) {
            area[i] = (uint8_t)i;
        }
        memmove(area + distance, area + OFFSET_MAX, LENGTH_MAX);
        for (size_t i = 0; i < LENGTH_MAX; i++) {
            if (area[distance + i] != (uint8_t)(OFFSET_MAX + i)) {
                return false;
            }
        }
    }
    return true;
}

static bool
test_allocators(void)
{
    struct pages_stats before;
    struct pages_stats after;
    enum { PAGE_COUNT = 64, ALIGN = 1 << 20 };

    pages_stats(&before);
    uint8_t *pages = pages_alloc_zeroed(PAGE_COUNT, ALIGN);
    uint8_t *block = kmalloc(BLOCK_BYTES);
    bool is_good = pages != NULL && block != NULL && is_aligned((uintptr_t)pages, ALIGN) &&
                   pages[0] == 0 && pages[PAGE_COUNT * (size_t)PAGE_BYTES - 1] == 0;

    kfree(block);
    if (pages != NULL) {
        memset(pages, GUARD, PAGE_COUNT * (size_t)PAGE_BYTES);
        pages_free(pages, PAGE_COUNT);
    }
    pages_stats(&after);
    return is_good && before.free_count == after.free_count;
}

static bool
test_interrupt(void)
{
    uint64_t latency_ns;

    return irq_self_test(&latency_ns) == 0;
}

static bool
test_sleep(void)
{
    uint64_t before_ns = time_now_ns();

    idle_sleep_ns(5 * NS_PER_MS);
    uint64_t slept_ns = time_now_ns() - before_ns;
    return slept_ns >= 5 * NS_PER_MS && slept_ns < NS_PER_S;
}

static bool
test_cpus(void)
{
    return percpu_online_count() == percpu_count() && percpu_at(0) == percpu_get();
}

static bool
test_page_tables(void)
{
    struct map_census census;

    map_census(&census);
    return census.violation_count == 0 && census.bytes[MAP_TEXT] != 0 &&
           census.bytes[MAP_DEVICE] != 0;
}

static const struct {
    const char *name;
    bool (*does_pass)(void);
} tests[] = {
    {"memcpy and memset at every alignment",     test_memory_functions},
    { "memmove over itself",                     test_moves           },
    { "pages and heap give back what they take", test_allocators      },
    { "software interrupt arrives",              test_interrupt       },
    { "sleep lasts as long as asked for",        test_sleep           },
    { "every CPU is online",                     test_cpus            },
    { "page tables keep W^X",                    test_page_tables     },
};

static int
cmd_selftest(const struct shell_call *call)
{
    uint32_t failed_count = 0;

    if (call->argc > 1) {
        return shell_usage(call, "takes no words");
    }
    for (size_t i = 0; i < ARRAY_COUNT(tests); i++) {
        bool is_passed = tests[i].does_pass();

        console_print("  %-6s %s\n", is_passed ? "ok" : "FAILED", tests[i].name);
        failed_count += is_passed ? 0 : 1;
    }
    return failed_count == 0
               ? 0
               : shell_fail(call, "%u of %zu failed", failed_count, ARRAY_COUNT(tests));
}

static const struct shell_command commands[] = {
    {"selftest", "", "test the machine's side of the kernel: memory, interrupts, timers, CPUs",
     cmd_selftest},
};

void
commands_selftest_init(void)
{
    shell_register(commands, ARRAY_COUNT(commands));
}
