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

#define LINE_BYTES 4096

static void
emit(struct vn_exec *exec, const char *mark, const struct vn_command *command,
     enum vn_print_part part, const void *args)
{
    char line[LINE_BYTES];
    struct venus *venus = exec->venus;
    size_t length = (size_t)snprintf(line, sizeof(line), "%s ring 0x%llx ", mark,
                                     exec->ring ? (unsigned long long)exec->ring->id : 0);
    size_t rest = vn_print(line + length, sizeof(line) - length, command, part, args);
    if (length + rest >= sizeof(line)) {
        memcpy(line + sizeof(line) - 4, "...", 4);
    }
    venus->config.on_trace(venus->config.user, line);
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
        emit(exec, "->", command, VN_PRINT_REQUEST, args);
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
        emit(exec, "<-", command, VN_PRINT_REPLY, args);
    }
}
