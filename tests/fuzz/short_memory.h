/*
 * short_memory.h - for fuzzers linked with --wrap=malloc, calloc, realloc: an allocator that has no more after a while.
 *
 * Included once, by the fuzzer itself.
 */
#ifndef TESTS_FUZZ_SHORT_MEMORY_H
#define TESTS_FUZZ_SHORT_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Allocations until there is no more memory; negative: there always is. */
static _Atomic int64_t allocations_left = -1;

static bool
is_short(void)
{
    int64_t left = atomic_load(&allocations_left);
    if (left > 0) {
        atomic_fetch_sub(&allocations_left, 1);
    }
    return left == 0;
}

// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier,misc-definitions-in-headers): the linker's names, of --wrap
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);

void *
__wrap_malloc(size_t bytes)
{
    return is_short() ? NULL : __real_malloc(bytes);
}

void *
__wrap_calloc(size_t count, size_t bytes)
{
    return is_short() ? NULL : __real_calloc(count, bytes);
}

void *
__wrap_realloc(void *memory, size_t bytes)
{
    return is_short() ? NULL : __real_realloc(memory, bytes);
}
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier,misc-definitions-in-headers)

#endif
