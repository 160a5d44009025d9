/* Commands, one after another: found in the table, decoded, carried out, answered. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "venus/call.h"
#include "venus/os.h"
#include "venus/record.h"
#include "venus/wire.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the wire is little-endian, and so must this host be");
_Static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8,
               "handles and sizes have 8 bytes on the wire, and so here");
_Static_assert(VN_HANDLE_COUNT <= VN_STATS_HANDLES, "a counter for each type of object");

#define GENERATE_REPLY 1u /* command flag, VK_EXT_command_serialization */
#define NO_COMMAND     UINT32_MAX

void
vn_exec_init(struct vn_exec *exec, struct venus *venus, struct vn_ring *ring)
{
    *exec = (struct vn_exec){ .venus = venus, .ring = ring, .command_idx = NO_COMMAND };
    exec->arena.budget = venus ? &venus->arguments : NULL;
    exec->inner_arena.budget = exec->arena.budget;
    exec->trail = exec->trail_min;
    exec->trail_size = VN_TRAIL_MIN;
}

void
vn_exec_finish(struct vn_exec *exec)
{
    vn_arena_finish(&exec->arena);
    vn_arena_finish(&exec->inner_arena);
    free(exec->stream_copy);
    if (exec->trail != exec->trail_min) {
        free(exec->trail);
    }
    vn_resource_put(exec->reply_resource);
    if (exec->venus) {
        vn_counts_add(&exec->venus->stats.gone, &exec->counts);
    }
    *exec = (struct vn_exec){ .has_failed = true };
}

void
vn_exec_fatal(struct vn_exec *exec, const char *format, ...)
{
    char what[VN_WHY_BYTES];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(what, sizeof(what), format, list);
    va_end(list);
    exec->has_failed = true;
    if (!exec->venus) {
        return;
    }
    const char *name =
        exec->command_idx == NO_COMMAND ? "command" : vn_commands[exec->command_idx].name;
    char where[64] = "the context's own stream";
    if (exec->ring) {
        (void)snprintf(where, sizeof(where), "ring 0x%llx", (unsigned long long)exec->ring->id);
    }
    uint64_t at = exec->stream_offset + (uint64_t)(exec->command_at - exec->stream_at);
    uint64_t read_to = exec->stream_offset + (uint64_t)(exec->in.at - exec->stream_at);
    vn_fatal(exec->venus, "%s at byte %llu of %s (read up to byte %llu): %s", name,
             (unsigned long long)at, where, (unsigned long long)read_to, what);
}

void
vn_exec_absent(struct vn_exec *exec)
{
    vn_exec_fatal(
        exec,
        "the host's device has no such command, and the client was told so by its extensions");
}

/* Keeps the objects that a command names; most name few. */
static bool
remember(struct vn_exec *exec, struct vn_object *object)
{
    if (exec->trail_count == exec->trail_size) {
        uint32_t size = exec->trail_size * 2;
        struct vn_object **trail = malloc(size * sizeof(struct vn_object *));
        if (!trail) {
            return false;
        }
        memcpy(trail, exec->trail, exec->trail_count * sizeof(struct vn_object *));
        if (exec->trail != exec->trail_min) {
            free(exec->trail);
        }
        exec->trail = trail;
        exec->trail_size = size;
    }
    exec->trail[exec->trail_count++] = object;
    return true;
}

uint64_t
vn_exec_look_up(struct vn_exec *exec, const char *name, uint16_t type, uint64_t id)
{
    struct vn_object *object = vn_cache_find(&exec->cache, &exec->venus->objects, id);
    if (!object) {
        vn_exec_fatal(exec, "%s: there is no object 0x%llx, a %s is expected", name,
                      (unsigned long long)id, vn_handle_names[type]);
        return 0;
    }
    if (object->type != type) {
        vn_exec_fatal(exec, "%s: object 0x%llx is a %s, a %s is expected", name,
                      (unsigned long long)id, vn_handle_names[object->type], vn_handle_names[type]);
        return 0;
    }
    if (object->device != exec->device && object->device && exec->device) {
        vn_exec_fatal(exec, "%s: object 0x%llx is of another device", name, (unsigned long long)id);
        return 0;
    }
    if (!remember(exec, object)) {
        vn_exec_fatal(exec, "%s: the host's memory is short", name);
        return 0;
    }
    exec->device = exec->trail[0]->device;
    return object->host;
}

struct vn_object *
vn_exec_object(struct vn_exec *exec, uint16_t type, uint64_t host)
{
    /* From where the last one was found: handlers ask in the order of the trail, which may be as long as a command. */
    for (uint32_t n = 0; host && n < exec->trail_count; n++) {
        uint32_t i = exec->trail_at < exec->trail_count ? exec->trail_at : 0;
        struct vn_object *object = exec->trail[i];
        if (object->host == host && object->type == type) {
            return object;
        }
        exec->trail_at = i + 1;
    }
    return NULL;
}

void *
vn_exec_has_no_memory(struct vn_exec *exec, uint64_t count, size_t size)
{
    vn_exec_fatal(exec,
                  "%llu elements of %zu bytes are beyond the limit of one command's arguments",
                  (unsigned long long)count, size);
    return NULL;
}

struct vn_instance *
vn_instance_of(const struct vn_exec *exec)
{
    struct vn_object *object = exec->trail[0];
    while (object->type != VN_HANDLE_VkInstance) {
        object = object->parent;
    }
    return (struct vn_instance *)object->data;
}

struct vn_object *
vn_exec_add(struct vn_exec *exec, struct vn_object *like)
{
    if (!like->parent && exec->trail_count) {
        like->parent = exec->trail[0];
    }
    if (!like->device && like->parent) {
        like->device = like->parent->device;
    }
    const char *why = NULL;
    uint64_t id = like->id;
    struct vn_object *object = vn_objects_add(exec->venus, like, &why);
    if (!object) {
        vn_exec_fatal(exec, "new %s 0x%llx: %s", vn_handle_names[like->type],
                      (unsigned long long)id, why);
        return NULL;
    }
    *vn_cache_slot(&exec->cache, id) = object; /* it is likely to be named soon */
    return object;
}

void
vn_exec_created(struct vn_exec *exec, uint16_t type, uint64_t *ids, const uint64_t *hosts,
                uint32_t count, VkResult ret)
{
    bool is_made = ret >= 0 || count > 1; /* pipelines: some succeed beside one that fails */
    for (uint32_t i = 0; ids && i < count; i++) {
        if (!is_made || !hosts[i]) {
            ids[i] = 0;
            continue;
        }
        struct vn_object like = { .id = ids[i], .host = hosts[i], .type = type };
        if (!vn_exec_add(exec, &like)) {
            vn_destroyers[type](vn_device_of(exec), hosts[i]);
        }
    }
}

bool
vn_exec_untrack(struct vn_exec *exec, uint16_t type, uint64_t host)
{
    struct vn_object *object = vn_exec_object(exec, type, host);
    if (!host || (object && vn_objects_remove_lone(exec->venus, object, type, host))) {
        return true;
    }
    if (!object || !vn_objects_claim(&exec->venus->objects, object, type, host)) {
        vn_exec_fatal(exec, "destroys a %s that another ring destroys", vn_handle_names[type]);
        return false;
    }
    vn_objects_remove(exec->venus, object);
    return true;
}

static void
reply(struct vn_exec *exec, const struct vn_command *command, const void *args)
{
    size_t before = exec->reply.at;
    if (!exec->reply.base) {
        vn_exec_fatal(exec, "wants a reply, but no reply stream is set");
        return;
    }
    vn_encode_reply(&exec->reply, command, args);
    if (exec->reply.is_short) {
        vn_exec_fatal(exec,
                      "its reply runs over the end of the reply stream: %zu bytes, %zu are left",
                      exec->reply.size, exec->reply.size - before);
        return;
    }
    vn_count_own(&exec->counts.reply_bytes, exec->reply.at - before);
}

static const struct vn_command *
find_command(struct vn_exec *exec, uint32_t id)
{
    uint32_t index = id < vn_command_id_count ? vn_command_by_id[id] : 0;
    exec->command_idx = index ? index - 1 : NO_COMMAND;
    if (!index) {
        vn_exec_fatal(exec, "no command has the id %u", id);
        return NULL;
    }
    const struct vn_command *command = &vn_commands[index - 1];
    if (!command->on) {
        vn_exec_fatal(exec, "refused: %s", command->refusal);
        return NULL;
    }
    return command;
}

/* A command with its arguments. */
struct work {
    const struct vn_command *command;
    void *args;
    uint32_t id;
    uint32_t idx;     /* in vn_commands: a stream within this command has commands of its own */
    bool is_answered; /* it asked for a reply */
};

static void
tell_begin(struct vn_exec *exec, const struct work *work, struct vn_steps *steps)
{
    const struct venus_config *config = &exec->venus->config;
    if (config->on_command) {
        config->on_command(config->user, exec->ring ? exec->ring->id : 0, exec->command_at,
                           (size_t)(exec->in.at - exec->command_at));
    }
    if (config->on_trace) {
        vn_trace_request(exec, work->command);
    }
    if (config->on_record) {
        vn_record_picked(exec, work->id, steps);
    }
}

static void
carry_out(struct vn_exec *exec, const struct work *work)
{
    work->command->on(exec, work->args);
    if (work->is_answered && !exec->has_failed) {
        reply(exec, work->command, work->args);
    }
}

/* The same, for who looks on; and by the clock, once in a while. */
static void
carry_out_watched(struct vn_exec *exec, const struct work *work, uint64_t picked_ns)
{
    const struct venus *venus = exec->venus;
    struct vn_steps steps = { .picked_ns = picked_ns };
    tell_begin(exec, work, &steps);
    uint64_t begin_ns = vn_os_now_ns();
    work->command->on(exec, work->args);
    steps.left_ns = vn_os_now_ns();
    vn_count_own(&exec->counts.sampled_ns[work->idx], steps.left_ns - begin_ns);
    vn_count_own(&exec->counts.sampled[work->idx], 1);
    if (work->is_answered && !exec->has_failed) {
        reply(exec, work->command, work->args);
    }
    if (vn_is_recorded(venus) && !exec->has_failed) {
        vn_record_done(exec, &steps);
    }
    if (venus->config.on_trace) {
        vn_trace_reply(exec, work->command, work->args);
    }
}

/* Does somebody want to be told of each command? */
static bool
is_watched(const struct venus_config *config)
{
    return config->on_command || config->on_trace || config->on_record;
}

/* Returns: its arguments; NULL: the stream is short, or the context is dead. */
static void *
decode(struct vn_exec *exec, const struct vn_command *command)
{
    void *args = command->flat ? command->flat(exec) : NULL;
    if (args) {
        return args;
    }
    const struct vn_type *type = &vn_types[command->type];
    args = vn_exec_alloc(exec, 1, type->size_bytes);
    if (args) {
        vn_decode_request(exec, type, args);
    }
    return exec->has_failed || exec->in.is_short ? NULL : args;
}

/* Decodes and carries out one command that starts at in.at.  Nothing is done when its bytes are not all there. */
static void
execute(struct vn_exec *exec)
{
    bool has_watcher = is_watched(&exec->venus->config);
    uint64_t picked_ns = has_watcher ? vn_os_now_ns() : 0;
    uint32_t id = vn_take_u32(&exec->in);
    uint32_t flags = vn_take_u32(&exec->in);
    const struct vn_command *command = exec->in.is_short ? NULL : find_command(exec, id);
    if (!command) {
        return;
    }
    void *args = decode(exec, command);
    if (!args) {
        return;
    }
    const struct work work = { command, args, id, exec->command_idx, flags & GENERATE_REPLY };
    if (command->is_own && exec->ring) {
        vn_ring_show_head(exec->ring);
    }
    uint64_t count = vn_count_own(&exec->counts.commands[work.idx], 1);
    if (has_watcher || count % VN_SAMPLE_EVERY == 0) {
        carry_out_watched(exec, &work, picked_ns);
    } else {
        carry_out(exec, &work);
    }
    exec->is_awaited = work.is_answered || command->is_own;
}

/* What a stream within a stream must leave as it was. */
struct outer {
    struct vn_reader in;
    const uint8_t *stream_at;
    const uint8_t *command_at;
    uint64_t stream_offset;
    uint32_t command_idx;
};

static void
swap_arenas(struct vn_exec *exec)
{
    struct vn_arena arena = exec->arena;
    exec->arena = exec->inner_arena;
    exec->inner_arena = arena;
}

static struct outer
enter(struct vn_exec *exec, const uint8_t *bytes, size_t size, uint64_t stream_offset)
{
    struct outer outer = { exec->in, exec->stream_at, exec->command_at, exec->stream_offset,
                           exec->command_idx };
    exec->in = (struct vn_reader){ .at = bytes, .end = bytes + size };
    exec->stream_at = exec->command_at = bytes;
    exec->stream_offset = stream_offset;
    if (exec->depth) {
        swap_arenas(exec);
    }
    return outer;
}

static void
leave(struct vn_exec *exec, const struct outer *outer)
{
    vn_arena_reset(&exec->arena);
    if (exec->depth) {
        swap_arenas(exec);
    }
    exec->in = outer->in;
    exec->stream_at = outer->stream_at;
    exec->command_at = outer->command_at;
    exec->stream_offset = outer->stream_offset;
    exec->command_idx = outer->command_idx;
}

/* Executes the command at `done`.  Returns: false when the stream ends here, for good or ill. */
static bool
step(struct vn_exec *exec, const uint8_t *done)
{
    exec->command_at = done;
    vn_exec_forget(exec);
    if (atomic_load_explicit(&exec->venus->is_fatal, memory_order_relaxed)) {
        exec->has_failed = true;
        return false;
    }
    execute(exec);
    return !exec->in.is_short && !exec->has_failed;
}

size_t
vn_exec_run(struct vn_exec *exec, const uint8_t *bytes, size_t size, bool is_whole,
            uint64_t stream_offset)
{
    struct outer outer = enter(exec, bytes, size, stream_offset);
    const uint8_t *done = bytes;
    while (exec->in.at < exec->in.end && !exec->has_failed && step(exec, done)) {
        done = exec->in.at;
        vn_arena_reset(&exec->arena);
        if (exec->ring && exec->depth == 0) {
            vn_ring_advance(exec->ring, (size_t)(done - bytes), exec->is_awaited);
        }
    }
    if (exec->in.is_short && is_whole && !exec->has_failed) {
        vn_exec_fatal(exec, "runs over the end of its stream, which has %zu bytes", size);
    }
    vn_count_own(&exec->counts.stream_bytes, (uint64_t)(done - bytes));
    leave(exec, &outer);
    return (size_t)(done - bytes);
}
