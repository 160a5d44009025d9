/*
 * Writes commands as a client does: well-formed, of random contents, with ids of objects that are alive.
 *
 *    author_init(&author, venus, seed)
 *    author_write(&author, command) ... ──▶ author.out ──▶ venus_submit
 *    author_finish(&author)
 */
#ifndef TESTS_FUZZ_VENUS_AUTHOR_H
#define TESTS_FUZZ_VENUS_AUTHOR_H

#include <stdbool.h>
#include <stdint.h>

#include "venus/context.h"
#include "venus/wire.h"

#define AUTHOR_STREAM_BYTES   ((size_t)1 << 20)
#define AUTHOR_RESOURCE_BYTES ((uint64_t)64 * 1024)

struct author {
    struct venus *venus;
    uint64_t state;     /* of the random numbers */
    uint64_t next_id;   /* for new objects */
    uint32_t wild_odds; /* one handle, count or number in so many is not sensible; 0: none */
    struct vn_arena arena;
    struct vn_writer out;
    uint8_t stream[AUTHOR_STREAM_BYTES];
};

/* Returns: NULL when memory is short. */
struct author *author_create(struct venus *venus, uint32_t seed);
void author_destroy(struct author *author);

/*
 * Appends one command.
 * Returns: false when there is no object that it could be called on, or no room: nothing was written.
 */
bool author_write(struct author *author, const struct vn_command *command);

/* The command of this name; it must exist. */
const struct vn_command *author_command(const char *name);

/* Submits what was written and starts anew. */
enum venus_status author_submit(struct author *author);

/*
 * Resource 1 with the reply stream in it, an instance (id 1), its physical devices (2, 3), devices (4, 5), a queue of each (6, 7).
 * Returns: what the last submission said.
 */
enum venus_status author_begin(struct author *author);

/* A number below `below`. */
uint32_t author_roll(struct author *author, uint32_t below);

#endif
