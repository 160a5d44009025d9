/*
 * rings_side.h - the commands of the guest's file, and of the renderers' and the device's; for rings.c.
 */
#ifndef TOOLS_VITRINE_RINGS_SIDE_H
#define TOOLS_VITRINE_RINGS_SIDE_H

#include "tools/vitrine/rings.h"

struct rings_side {
    struct ring_command *commands; /* in the order of the file */
    size_t command_count;
    size_t command_room;
};

/* Room for one more.  Returns: it, zeroed; NULL: no memory. */
struct ring_command *rings_side_add(struct rings_side *side);

/* Which are in a ring, where, when.  Returns: true; false: no memory.  side->commands: for free. */
bool rings_collect_guest(struct rings_side *side, const struct trace_file *guest);

/* Fills in commands, contexts, lost_count.  Returns: true; false: no memory.  rings: for rings_finish. */
bool rings_collect_renderers(struct rings *rings, const struct rings_files *files);

#endif
