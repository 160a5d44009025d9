/*
 * join_side.h - the commands of one file, numbered; for join.c.
 */
#ifndef TOOLS_VITRINE_JOIN_SIDE_H
#define TOOLS_VITRINE_JOIN_SIDE_H

#include "tools/vitrine/join.h"

struct side_queue {
    uint32_t session;
    bool is_numbered; /* `count` is what the other side counts */
    uint64_t count;   /* chains so far; before the first record that says how many: in this file */
    size_t first;     /* first command of this session in the file */
    uint64_t taken_before; /* device: chains before it was stopped and went on */
    size_t *waiting;       /* commands that the next notification or interrupt is for */
    size_t waiting_count;
    size_t waiting_room;
};

struct side {
    struct joined_command *commands;
    size_t command_count;
    size_t command_room;
    size_t *
        by_cookie; /* hash table of command indices + 1; of the driver's cookies or the device's numbers */
    size_t by_cookie_mask;
    uint64_t woken_ns; /* driver: its last interrupt */
    uint64_t gap_count;
    bool is_out_of_memory;
    struct side_queue queues[JOIN_QUEUE_COUNT];
};

/* Commands of the device `origin` in the driver's file.  Returns: true; false: no memory.  side: for side_finish. */
bool side_collect_driver(struct side *side, const struct trace_file *file, uint8_t origin);
bool side_collect_device(struct side *side, const struct trace_file *file);
void side_finish(struct side *side);

#endif
