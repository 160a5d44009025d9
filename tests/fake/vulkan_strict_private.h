/* The parts of tests/fake/vulkan_strict.h among themselves. */
#ifndef TESTS_FAKE_VULKAN_STRICT_PRIVATE_H
#define TESTS_FAKE_VULKAN_STRICT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>

#include "venus/wire.h"

#include "tests/fake/vulkan_strict.h"
#include "vn_args.h"

#define STRICT_HANDLES_MAX 32768u
#define STRICT_INTEGERS    12 /* arguments of one call that are no floating point, at most */
#define STRICT_FLOATS      4

/* A handle is the address of one of these; none is used twice before a reset. */
struct record {
    uint16_t type;
    bool is_live;
    struct record *owner;  /* a pool: goes with it */
    struct record *device; /* or the instance that it lives on */
    uint8_t *map;          /* imported memory */
    uint64_t bytes;
    uint32_t value_count; /* of each query */
};

struct strict {
    pthread_mutex_t lock;
    struct record records[STRICT_HANDLES_MAX];
    uint32_t count;
    uint64_t state; /* of the random numbers */
    bool may_fail;
    bool is_relaxed;
    uint64_t call_count;
    const char *command;
    struct record *device; /* of the call at work */
    char fault[256];
};

extern struct strict strict;

/* A number below `below`. */
uint32_t strict_roll(uint32_t below);

/* A rule is broken, by the command at work. */
void strict_blame(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* NULL when there are too many. */
struct record *strict_make(uint16_t type, struct record *device, struct record *owner);

/* NULL: no handle of ours. */
struct record *strict_record(uint64_t handle);

/* It goes, with what it owns; nothing else may live on it. */
void strict_bury(struct record *record);

/* Imported memory must be there as long as it is imported. */
void strict_touch(const struct record *record);

/* Does it count as alive? */
bool strict_is_counted(const struct record *record);

/* The record of a handle that must be usable now; NULL for a null handle, and for one that breaks a rule. */
struct record *strict_check_handle(uint16_t type, uint64_t handle, const char *name);

/* Reads a member, with all that it points at.  is_out: the callee's to write: only the shape is looked at. */
void strict_check_member(const struct vn_member *member, const uint8_t *base);
void strict_check_chain(const struct vn_type *parent, const struct vn_link *link, bool is_out);

/* Writes a member, with all that it points at. */
void strict_fill_member(const struct vn_member *member, uint8_t *base);

/* Lowers the count at `at`, which is at most what there is room for. */
void strict_lower(const struct vn_member *member, uint8_t *at);

/* A call of the command of this index, with what the caller put into registers and onto the stack. */
uint64_t strict_call(uint32_t index, const uint64_t *integers, const double *floats);

#endif
