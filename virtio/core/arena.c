/*
 * The arena: memory of the caller's, carved at init. Contract: virtio/platform.h.
 */
#include "virtio/core/check.h"
#include "virtio/core/memory.h"
#include "virtio/platform.h"

void *
virtio_arena_take(struct virtio_arena *arena, size_t bytes, size_t align)
{
    VIRTIO_CHECK(align != 0 && (align & (align - 1)) == 0);
    size_t padding = (size_t)(-(uintptr_t)(arena->base + arena->used_bytes)) & (align - 1);
    size_t left = arena->bytes - arena->used_bytes;
    if (arena->base == NULL || left < padding || left - padding < bytes) {
        return NULL;
    }
    uint8_t *taken = arena->base + arena->used_bytes + padding;
    arena->used_bytes += padding + bytes;
    memset(taken, 0, bytes);
    return taken;
}
