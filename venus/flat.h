/*
 * What the generated decoders of commands with one fixed layout use (tools/venusgen/flat.py).
 *
 * Each looks whether the bytes have its layout, and takes them; NULL: they do not, or name an object that was not looked up
 * lately, and nothing has happened: the walk over the tables (vn_decode_request) is to be taken.
 */
#ifndef VENUS_FLAT_H
#define VENUS_FLAT_H

#include "venus/call.h"

#include "vn_args.h"

static inline bool
vn_is_u32(const uint8_t *at, uint32_t expected)
{
    uint32_t found;
    memcpy(&found, at, sizeof(found));
    return found == expected;
}

static inline bool
vn_is_u64(const uint8_t *at, uint64_t expected)
{
    uint64_t found;
    memcpy(&found, at, sizeof(found));
    return found == expected;
}

/* The host's handle of the id at `at`, of 8 bytes, into *to, which is zero.  Returns: false: to be left to the walk. */
static inline bool
vn_flat_handle(struct vn_exec *exec, uint16_t type, bool is_needed, const uint8_t *at, void *to)
{
    uint64_t id;
    memcpy(&id, at, sizeof(id));
    if (!id) {
        return !is_needed;
    }
    const struct vn_object *object = vn_exec_remembered(exec, type, id);
    if (object) {
        memcpy(to, &object->host, sizeof(object->host));
    }
    return object;
}

static inline void *
vn_flat_leave(struct vn_exec *exec)
{
    vn_exec_forget(exec);
    return NULL;
}

#endif
