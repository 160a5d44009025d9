/*
 * The `fault` command: do on purpose what the kernel must catch, so that a test can see that it does. None of them returns.
 */
#include <string.h>

#include "kernel/mm/heap.h"
#include "kernel/mm/map.h"
#include "kernel/shell/commands.h"
#include "kernel/shell/shell.h"

enum {
    BLOCK_BYTES = 24,
    STACK_STEP_BYTES = 512,
    STACK_STEP_COUNT = 4096,
};

static void
read_null(void)
{
    static volatile uintptr_t address = 8; /* volatile: the compiler must not see that it is none */

    (void)*(volatile const uint32_t *)address;
}

/* The array is handed on, so that no compiler makes a loop of it. */
static uint32_t
recurse(volatile const char *above, uint32_t depth)
{
    volatile char frame[STACK_STEP_BYTES];

    frame[0] = (char)(above[0] + 1);
    return depth == 0 ? 0 : recurse(frame, depth - 1) + (uint32_t)frame[0];
}

static void
overflow_stack(void)
{
    volatile char first = 0;

    (void)recurse(&first, STACK_STEP_COUNT);
}

static void
write_text(void)
{
    volatile uint32_t *code = (volatile uint32_t *)(uintptr_t)write_text;

    *code = 0;
}

static void
write_rodata(void)
{
    static const uint32_t constant = 1;

    *(volatile uint32_t *)(uintptr_t)&constant = 2;
}

static void
execute_data(void)
{
    static uint32_t data[4];

    ((void (*)(void))(uintptr_t)data)();
}

static void
free_twice(void)
{
    void *block = kmalloc(BLOCK_BYTES);

    kfree(block);
    kfree(block); /* NOLINT(clang-analyzer-unix.Malloc): on purpose */
}

static void
overrun_block(void)
{
    volatile char *block = kmalloc(BLOCK_BYTES);

    if (block != NULL) {
        block[BLOCK_BYTES] = 1; /* one past its end */
        kfree((void *)(uintptr_t)block);
    }
}

static void
map_writable_and_executable(void)
{
    static uint32_t data;

    if (map_plant_violation((uintptr_t)&data) == 0) {
        map_verify();
    }
}

static const struct {
    const char *word;
    void (*fn)(void);
} faults[] = {
    {"null",          read_null                  },
    { "stack",        overflow_stack             },
    { "write-text",   write_text                 },
    { "write-rodata", write_rodata               },
    { "execute-data", execute_data               },
    { "double-free",  free_twice                 },
    { "overrun",      overrun_block              },
    { "wx",           map_writable_and_executable},
};

static int
cmd_fault(const struct shell_call *call)
{
    for (size_t i = 0; i < ARRAY_COUNT(faults) && call->argc == 2; i++) {
        if (strcmp(call->argv[1], faults[i].word) == 0) {
            faults[i].fn();
            return shell_fail(call, "%s went unnoticed", faults[i].word);
        }
    }
    return shell_usage(call, "which fault?");
}

static const char usage[] =
    "null | stack | write-text | write-rodata | execute-data | double-free | overrun | wx";

static const struct shell_command commands[] = {
    {"fault", usage, "do what the kernel must catch, and stop with a full report", cmd_fault},
};

void
commands_fault_init(void)
{
    shell_register(commands, ARRAY_COUNT(commands));
}
