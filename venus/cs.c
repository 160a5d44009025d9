/* The memory of one command's arguments. */
#include "venus/cs.h"

#include <stdlib.h>

/* Kept between commands: what nearly all commands need, small enough to stay in a second-level cache. */
#define BLOCK_BYTES ((size_t)64 * 1024)

struct vn_arena_block {
    struct vn_arena_block *older;
    size_t size_bytes; /* behind this header */
    size_t used_bytes; /* when the next block was made: the rest is still zeros */
    uint8_t memory[] __attribute__((aligned(16)));
};

bool
vn_budget_take(struct vn_budget *budget, uint64_t bytes)
{
    uint64_t before = atomic_fetch_add_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
    if (budget->limit_bytes &&
        (before > budget->limit_bytes || bytes > budget->limit_bytes - before)) {
        vn_budget_give_back(budget, bytes);
        return false;
    }
    return true;
}

void
vn_budget_give_back(struct vn_budget *budget, uint64_t bytes)
{
    atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
}

/* The first block of modest size is the arena's to keep; what else it has is of the budget. */
static bool
is_kept(const struct vn_arena_block *older, size_t size_bytes)
{
    return !older && size_bytes <= BLOCK_BYTES;
}

static struct vn_arena_block *
new_block(struct vn_arena *arena, size_t size_bytes)
{
    bool is_counted = arena->budget && !is_kept(arena->block, size_bytes);
    if (is_counted && !vn_budget_take(arena->budget, size_bytes)) {
        return NULL;
    }
    struct vn_arena_block *block = calloc(1, sizeof(*block) + size_bytes);
    if (!block && is_counted) {
        vn_budget_give_back(arena->budget, size_bytes);
    }
    return block;
}

/* Returns: the next older. */
static struct vn_arena_block *
free_block(struct vn_arena *arena, struct vn_arena_block *block)
{
    struct vn_arena_block *older = block->older;
    if (arena->budget && !is_kept(older, block->size_bytes)) {
        vn_budget_give_back(arena->budget, block->size_bytes);
    }
    free(block);
    return older;
}

void *
vn_arena_grow(struct vn_arena *arena, size_t bytes)
{
    size_t size_bytes = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    struct vn_arena_block *block = new_block(arena, size_bytes);
    if (!block) {
        return NULL;
    }
    if (arena->block) {
        arena->block->used_bytes = (size_t)(arena->at - arena->block->memory);
    }
    block->older = arena->block;
    block->size_bytes = size_bytes;
    arena->block = block;
    arena->at = block->memory + bytes;
    arena->end = block->memory + size_bytes;
    arena->kept = is_kept(block->older, size_bytes) ? block->memory : NULL;
    return block->memory;
}

void
vn_arena_shrink(struct vn_arena *arena)
{
    struct vn_arena_block *block = arena->block;
    while (block && !is_kept(block->older, block->size_bytes)) {
        block = free_block(arena, block);
    }
    if (block) {
        memset(block->memory, 0, block->used_bytes);
    }
    arena->block = block;
    arena->kept = arena->at = block ? block->memory : NULL;
    arena->end = block ? block->memory + block->size_bytes : NULL;
}

void
vn_arena_finish(struct vn_arena *arena)
{
    while (arena->block) {
        arena->block = free_block(arena, arena->block);
    }
    *arena = (struct vn_arena){ .budget = arena->budget };
}
