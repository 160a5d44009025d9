/*
 * Command streams: a cursor over private bytes, a cursor into a reply, and the memory that one command's arguments take.
 *
 * Everything on the wire is little-endian and a multiple of 4 bytes; 8-byte values are not aligned to 8.
 * A reader never runs over its end: it turns `is_short`, stays there, and yields zeros; so callers need to look once, after
 * a command.  The bytes must be private (not mapped by the client), so that nothing is ever read twice with two answers.
 */
#ifndef VENUS_CS_H
#define VENUS_CS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct vn_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool is_short;
};

/* Where replies go: within memory that the client maps; written once, never read. */
struct vn_writer {
    uint8_t *base; /* NULL: no reply stream is set */
    size_t size;
    size_t at; /* offset of the next byte; may be set by the client anywhere up to size */
    bool is_short;
};

/*
 * What all executors of a context together may take for the commands at work, beyond what each of them keeps (a block of each
 * arena, a piece of a stream): many rings at once get no more than one.
 */
struct vn_budget {
    _Atomic uint64_t used_bytes;
    uint64_t limit_bytes; /* 0: none */
};

/* Returns: false, and nothing was taken, beyond the limit.  Context: any thread. */
bool vn_budget_take(struct vn_budget *budget, uint64_t bytes);
void vn_budget_give_back(struct vn_budget *budget, uint64_t bytes);

/* Bump memory: all of it is given back at once, after each command. */
struct vn_arena_block;
struct vn_arena {
    struct vn_arena_block *block; /* the newest; older ones hang behind it */
    uint8_t *at;
    uint8_t *end;
    uint8_t *kept; /* where `at` starts anew, when there is one block and it is kept; else NULL */
    struct vn_budget *budget; /* of all but one block of modest size; NULL: none */
};

static inline size_t
vn_align4(size_t bytes)
{
    return (bytes + 3) & ~(size_t)3;
}

/* The next `bytes` (a multiple of 4) of the stream, or NULL when it has fewer. */
static inline const uint8_t *
vn_take(struct vn_reader *reader, size_t bytes)
{
    const uint8_t *at = reader->at;
    if ((size_t)(reader->end - at) < bytes) {
        reader->is_short = true;
        reader->at = reader->end;
        return NULL;
    }
    reader->at = at + bytes;
    return at;
}

static inline uint32_t
vn_take_u32(struct vn_reader *reader)
{
    const uint8_t *at = vn_take(reader, 4);
    uint32_t value = 0;
    if (at) {
        memcpy(&value, at, 4);
    }
    return value;
}

static inline uint64_t
vn_take_u64(struct vn_reader *reader)
{
    const uint8_t *at = vn_take(reader, 8);
    uint64_t value = 0;
    if (at) {
        memcpy(&value, at, 8);
    }
    return value;
}

/* Room for `bytes` (a multiple of 4) in the reply, or NULL when it has less. */
static inline uint8_t *
vn_room(struct vn_writer *writer, size_t bytes)
{
    if (writer->size - writer->at < bytes) {
        writer->is_short = true;
        return NULL;
    }
    uint8_t *room = writer->base + writer->at;
    writer->at += bytes;
    return room;
}

static inline void
vn_put_u32(struct vn_writer *writer, uint32_t value)
{
    uint8_t *room = vn_room(writer, 4);
    if (room) {
        memcpy(room, &value, 4);
    }
}

static inline void
vn_put_u64(struct vn_writer *writer, uint64_t value)
{
    uint8_t *room = vn_room(writer, 8);
    if (room) {
        memcpy(room, &value, 8);
    }
}

/* Copies `bytes` and pads with zeros to a multiple of 4. */
static inline void
vn_put_bytes(struct vn_writer *writer, const void *from, size_t bytes)
{
    uint8_t *room = vn_room(writer, vn_align4(bytes));
    if (room && bytes) {
        memcpy(room, from, bytes);
        memset(room + bytes, 0, vn_align4(bytes) - bytes);
    }
}

/* Gets a further block.  Returns: NULL when the limit or the host's memory is reached. */
void *vn_arena_grow(struct vn_arena *arena, size_t bytes);

/* Zeroed memory, aligned to 16, until the next reset; NULL when the limit or the host's memory is reached. */
static inline void *
vn_arena_alloc(struct vn_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX - 15) {
        return NULL;
    }
    bytes = (bytes + 15) & ~(size_t)15;
    if (!arena->at || (size_t)(arena->end - arena->at) < bytes) {
        return vn_arena_grow(arena, bytes);
    }
    void *memory = arena->at;
    arena->at += bytes;
    return memory;
}

/* The same for count elements of `size` bytes; a division would cost more than all the rest. */
static inline void *
vn_arena_alloc_array(struct vn_arena *arena, uint64_t count, size_t size)
{
    size_t bytes = 0;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : vn_arena_alloc(arena, bytes);
}

/* Gives everything back but one block of modest size, so that the next command finds it warm. */
void vn_arena_shrink(struct vn_arena *arena);
static inline void
vn_arena_reset(struct vn_arena *arena)
{
    if (arena->kept) {
        memset(arena->kept, 0, (size_t)(arena->at - arena->kept)); /* what comes next finds zeros */
        arena->at = arena->kept;
    } else if (arena->block) {
        vn_arena_shrink(arena);
    }
}
void vn_arena_finish(struct vn_arena *arena);

#endif
