/*
 * The trace of a context: each command as the client said it, and what came back.
 *
 * The arguments of the command at work hold the host's handles; so the bytes are decoded once more for the trace, with the
 * client's ids left as they are.  Only whoever asked for a trace pays for it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "venus/call.h"
#include "venus/wire.h"

#define LINE_BYTES     4096
#define LINE_BYTES_MAX (1U << 20) /* of arrays that long nobody reads more */

/* What a line says. */
struct said {
    const char *mark;
    const struct vn_command *command;
    enum vn_print_part part;
    const void *args;
};

/* Returns: how long the whole line is, like snprintf. */
static size_t
print(char *line, size_t size_bytes, const struct vn_exec *exec, const struct said *said)
{
    size_t length = (size_t)snprintf(line, size_bytes, "%s ring 0x%llx ", said->mark,
                                     exec->ring ? (unsigned long long)exec->ring->id : 0);
    return length +
           vn_print(line + length, size_bytes - length, said->command, said->part, said->args);
}

static void
emit(struct vn_exec *exec, const struct said *said)
{
    char few[LINE_BYTES];
    char *line = few;
    size_t size_bytes = sizeof(few);
    size_t length = print(line, size_bytes, exec, said);
    if (length >= size_bytes) {
        size_t wanted_bytes = length < LINE_BYTES_MAX ? length + 1 : LINE_BYTES_MAX;
        line = malloc(wanted_bytes);
        size_bytes = line ? wanted_bytes : size_bytes;
        line = line ? line : few;
        length = print(line, size_bytes, exec, said);
    }
    if (length >= size_bytes) {
        memcpy(line + size_bytes - 4, "...", 4);
    }
    exec->venus->config.on_trace(exec->venus->config.user, line);
    if (line != few) {
        free(line);
    }
}

void
vn_trace_request(struct vn_exec *exec, const struct vn_command *command)
{
    struct vn_exec raw;
    vn_exec_init(&raw, NULL, NULL);
    const uint8_t *arguments = exec->command_at + 8; /* behind id and flags */
    raw.in = (struct vn_reader){ .at = arguments, .end = exec->in.at };
    void *args = vn_arena_alloc(&raw.arena, vn_types[command->type].size_bytes);
    if (args) {
        vn_decode_request(&raw, &vn_types[command->type], args);
        emit(exec, &(struct said){ "->", command, VN_PRINT_REQUEST, args });
    }
    vn_exec_finish(&raw);
}

void
vn_trace_reply(struct vn_exec *exec, const struct vn_command *command, const void *args)
{
    const struct vn_type *type = &vn_types[command->type];
    bool has_out = command->ret_bytes != 0;
    for (uint32_t i = 0; i < type->member_count && !has_out; i++) {
        has_out = vn_members[type->member_first + i].flags & (VN_OUT | VN_INOUT);
    }
    if (has_out) {
        emit(exec, &(struct said){ "<-", command, VN_PRINT_REPLY, args });
    }
}
