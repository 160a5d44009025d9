/*
 * Does the client wait for the result of the command at work?  Mesa's driver sends most commands without, and believes that they
 * succeeded.
 */
#ifndef VENUS_REPLY_H
#define VENUS_REPLY_H

#include "venus/exec.h"

/* A command starts with its id and its flags (VK_EXT_command_serialization); bit 0: generate a reply. */
static inline bool
vn_exec_wants_reply(const struct vn_exec *exec)
{
    uint32_t flags = 0;
    memcpy(&flags, exec->command_at + 4, sizeof(flags));
    return flags & 1u;
}

#endif
