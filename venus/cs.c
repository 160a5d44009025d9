/* The memory of one command's arguments. */
#include "venus/cs.h"

#include <stdlib.h>

/* Kept between commands: what nearly all commands need, small enough to stay in a second-level cache. */
#define BLOCK_BYTES ((size_t)64 * 1024)

struct vn_arena_block {
    struct vn_arena_block *older;
    size_t size_bytes; /* behind this header */
    uint8_t memory[] __attribute__((aligned(16)));
};

void *
vn_arena_grow(struct vn_arena *arena, size_t bytes)
{
    size_t size_bytes = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    if (arena->limit_bytes && size_bytes > arena->limit_bytes - arena->used_bytes) {
        return NULL;
    }
    struct vn_arena_block *block = malloc(sizeof(*block) + size_bytes);
    if (!block) {
        return NULL;
    }
    block->older = arena->block;
    block->size_bytes = size_bytes;
    arena->block = block;
    arena->used_bytes += size_bytes;
    arena->at = block->memory + bytes;
    arena->end = block->memory + size_bytes;
    return memset(block->memory, 0, bytes);
}

void
vn_arena_reset(struct vn_arena *arena)
{
    struct vn_arena_block *block = arena->block;
    if (!block) {
        return;
    }
    while (block && (block->older || block->size_bytes > BLOCK_BYTES)) {
        struct vn_arena_block *older = block->older;
        free(block);
        block = older;
    }
    arena->block = block;
    arena->used_bytes = block ? block->size_bytes : 0;
    arena->at = block ? block->memory : NULL;
    arena->end = block ? block->memory + block->size_bytes : NULL;
}

void
vn_arena_finish(struct vn_arena *arena)
{
    while (arena->block) {
        struct vn_arena_block *older = arena->block->older;
        free(arena->block);
        arena->block = older;
    }
    *arena = (struct vn_arena){ .limit_bytes = arena->limit_bytes };
}
