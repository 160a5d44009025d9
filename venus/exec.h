/*
 * An executor: takes commands from private bytes, one after another, and carries each out.
 *
 * There is one for the context's own stream (venus_submit) and one per ring; each is used by one thread at a time.
 *
 *    bytes ─▶ vn_exec_run ─▶ table of commands ─▶ vn_decode (arguments, handles looked up) ─▶ vn_on_vkX ─▶ vn_encode (reply)
 */
#ifndef VENUS_EXEC_H
#define VENUS_EXEC_H

#include "venus/cs.h"
#include "venus/object.h"
#include "venus/stats.h"

struct venus;
struct vn_ring;
struct vn_resource;

#define VN_TRAIL_MIN 32

struct vn_exec {
    struct venus *venus;
    struct vn_ring *ring; /* NULL: the context's own stream */
    struct vn_reader in;
    struct vn_writer reply;
    struct vn_resource *reply_resource; /* held while it is the reply stream */
    struct vn_arena arena;
    struct vn_arena
        inner_arena; /* of commands within vkExecuteCommandStreamsMESA, whose own arguments must outlive them */
    struct vn_object_cache cache;

    /* The command at work. */
    uint32_t command_idx;      /* in vn_commands; VN_COMMAND_COUNT before the first is known */
    const uint8_t *stream_at;  /* start of the bytes given */
    uint64_t stream_offset;    /* what came before them in the stream, for messages */
    const uint8_t *command_at; /* its first byte */
    struct vn_counts counts;
    uint32_t recorded_count; /* commands that on_record was told of */
    bool has_failed;         /* the context died by it, or before */
    bool is_awaited; /* it has a reply, or was carried out by hand: its end may be waited for */
    uint8_t depth;   /* 1 within vkExecuteCommandStreamsMESA: no further nesting */

    /* Objects looked up for this command, in order: [0] is the one that it is called on. */
    struct vn_object **trail;
    uint32_t trail_count;
    uint32_t trail_size;
    uint32_t trail_at; /* where vn_exec_object looks first */
    struct vn_object *trail_min[VN_TRAIL_MIN];
    const struct vn_device *device; /* of [0]: no object of another one may stand beside it */

    /* vkExecuteCommandStreamsMESA copies streams here, part by part, to execute them. */
    uint8_t *stream_copy;
    size_t stream_copy_bytes;
};

/* ring: NULL for the context's own. */
void vn_exec_init(struct vn_exec *exec, struct venus *venus, struct vn_ring *ring);
void vn_exec_finish(struct vn_exec *exec);

/*
 * Executes the commands in [bytes, bytes + size).
 * is_whole: a command that runs over the end is fatal; else it is left alone (nothing of it was done), to be given again with
 * more behind it.
 * stream_offset: of the first byte, for messages.
 * Returns: how many bytes were executed.  exec->has_failed tells whether the context is dead.
 */
size_t vn_exec_run(struct vn_exec *exec, const uint8_t *bytes, size_t size, bool is_whole,
                   uint64_t stream_offset);

/*
 * Kills the context; the sentence gets the command, its byte offset and the ring in front.  Only the first counts.
 */
void
vn_exec_fatal(struct vn_exec *exec, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The object that this command named with this host handle, or NULL for a null handle: for handlers. */
struct vn_object *vn_exec_object(struct vn_exec *exec, uint16_t type, uint64_t host);

/*
 * The host's handle of object `id`, which the command names as its parameter or member `name`; the object joins the trail.
 * Returns: 0: already fatal.
 */
uint64_t vn_exec_look_up(struct vn_exec *exec, const char *name, uint16_t type, uint64_t id);

/* The object, if it was looked up lately and is of this type and of the command's device; it joins the trail.  NULL: perhaps. */
static inline struct vn_object *
vn_exec_remembered(struct vn_exec *exec, uint16_t type, uint64_t id)
{
    struct vn_object *object = vn_cache_hit(&exec->cache, id);
    if (!object || object->type != type || exec->trail_count == exec->trail_size) {
        return NULL;
    }
    if (object->device != (exec->trail_count ? exec->device : object->device)) {
        return NULL;
    }
    exec->device = object->device;
    exec->trail[exec->trail_count++] = object;
    return object;
}

static inline uint64_t
vn_exec_host_of(struct vn_exec *exec, const char *name, uint16_t type, uint64_t id)
{
    const struct vn_object *object = vn_exec_remembered(exec, type, id);
    return object ? object->host : vn_exec_look_up(exec, name, type, id);
}

/* As before the command's first look-up. */
static inline void
vn_exec_forget(struct vn_exec *exec)
{
    exec->trail_count = 0;
    exec->trail_at = 0;
    exec->device = NULL;
}

/* Prints the command at command_at, and what came of it, to config.on_trace (trace.c). */
struct vn_command;
void vn_trace_request(struct vn_exec *exec, const struct vn_command *command);
void vn_trace_reply(struct vn_exec *exec, const struct vn_command *command, const void *args);

#endif
