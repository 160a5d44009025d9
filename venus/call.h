/*
 * What handlers use, written by hand or generated: whose function table, arguments' memory, objects that come and go.
 */
#ifndef VENUS_CALL_H
#define VENUS_CALL_H

#include "venus/context.h"
#include "venus/device.h"
#include "venus/table.h"

/* The device on which (or on whose child) the command was called. */
static inline struct vn_device *
vn_device_of(const struct vn_exec *exec)
{
    return exec->trail[0]->device;
}

/* The physical device on which it was called: for commands of VkPhysicalDevice only. */
static inline struct vn_physical *
vn_physical_of(const struct vn_exec *exec)
{
    return (struct vn_physical *)exec->trail[0]->data;
}

/* The instance on which, or on whose physical device, it was called. */
struct vn_instance *vn_instance_of(const struct vn_exec *exec);

/* The host has no such command: fatal, for the client was told so. */
void vn_exec_absent(struct vn_exec *exec);

/* Fatal: so much is beyond the limit of one command's arguments, or the host's memory.  Returns: NULL. */
void *vn_exec_has_no_memory(struct vn_exec *exec, uint64_t count, size_t size);

/* Zeroed memory until the command ends; NULL: already fatal. */
static inline void *
vn_exec_alloc(struct vn_exec *exec, uint64_t count, size_t size)
{
    void *memory = vn_arena_alloc_array(&exec->arena, count, size);
    return memory ? memory : vn_exec_has_no_memory(exec, count, size);
}

/*
 * Adds an object like this one, whole: from the first moment on, another ring may use it and end it.
 * like: id (the client's), host, type, data, free_data; parent NULL: what the command was called on; device NULL: its parent's.
 * Returns: the object; NULL: already fatal (host and data are still the caller's to end).
 */
struct vn_object *vn_exec_add(struct vn_exec *exec, struct vn_object *like);

/*
 * The host made `count` objects (null where it failed): adds them under the client's ids, and writes 0 over the ids of those
 * that it did not make.
 */
void vn_exec_created(struct vn_exec *exec, uint16_t type, uint64_t *ids, const uint64_t *hosts,
                     uint32_t count, VkResult ret);

/*
 * The command is about to destroy this object, which it named: takes it (and what it owns) out of the table.  host 0: nothing.
 * Returns: false: already fatal, for another ring destroys it.
 */
bool vn_exec_untrack(struct vn_exec *exec, uint16_t type, uint64_t host);

#endif
