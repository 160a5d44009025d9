/*
 * join.h - the driver's trace and the device's as one: each command with the time at each boundary.
 *
 *   driver's clock   REQUEST ADD NOTIFY                                             WOKEN USED RESPONSE
 *                               ╲                                                  ╱
 *   device's clock               POP ASKED ANSWERED HANDLED FENCE PUSH INTERRUPT ──
 *
 * The nth chain that the driver adds to a queue since its set-up is the nth that the device takes.  The clocks' difference
 * follows from causes: nothing is taken before it was added, and nothing is found used before it was given back.
 */
#ifndef TOOLS_VITRINE_JOIN_H
#define TOOLS_VITRINE_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/vitrine/trace_file.h"

enum { JOIN_QUEUE_COUNT = 2, JOIN_WHY_BYTES = 256 };

/* Boundaries, in the order in which a command passes them; not every command passes all. */
enum mark {
    MARK_REQUEST,
    MARK_ADD,
    MARK_NOTIFY,
    MARK_POP,
    MARK_ASKED,
    MARK_ANSWERED,
    MARK_HANDLED,
    MARK_FENCE,
    MARK_PUSH,
    MARK_INTERRUPT,
    MARK_WOKEN,
    MARK_USED,
    MARK_RESPONSE,
    MARK_COUNT,
};

/* What the time between two boundaries was spent on. */
enum stage {
    STAGE_DRIVER,   /* the driver writes the command */
    STAGE_BATCH,    /* added, and more commands before one notification */
    STAGE_WAKE,     /* until the device takes it */
    STAGE_DEVICE,   /* the device works */
    STAGE_RENDERER, /* the device waits for a renderer */
    STAGE_FENCE,    /* done but for the fence: the host's Vulkan works */
    STAGE_SIGNAL,   /* until the driver's interrupt handler, or whoever polls, is there */
    STAGE_FIND,     /* until the driver takes the used buffer */
    STAGE_CALLBACK, /* until the response is checked and the callback can run */
    STAGE_COUNT,
};

struct joined_command {
    uint64_t number;  /* of its queue since the set-up, from 1; 0: not known */
    uint32_t session; /* which set-up of the queue, counted in its own file */
    uint32_t cookie;  /* the driver's */
    uint32_t type;    /* VIRTIO_GPU_CMD_; 0: not known */
    uint32_t response;
    uint8_t queue;
    uint32_t marks; /* which of time_ns are there: bit per enum mark */
    uint64_t time_ns[MARK_COUNT];
};

/* What is known of two clocks: device's - driver's is from least to most. */
struct join_bounds {
    int64_t least;
    int64_t most;
};

struct joined {
    struct joined_command *commands; /* in the driver's order; those of both sides only */
    size_t command_count;
    int64_t offset_ns;          /* device's clock = driver's clock + offset */
    uint64_t uncertainty_ns;    /* the offset may be so much more or less */
    uint64_t driver_only_count; /* commands that only one side has */
    uint64_t device_only_count;
    uint64_t unnumbered_count; /* of the driver's: no record says how many were before them */
    uint64_t gap_count;        /* chains that were added while the driver's trace was off */
    uint64_t driver_lost_count;
    uint64_t device_lost_count;
    uint8_t driver_origin; /* the driver's index of the device */
    bool is_device_alone;  /* there is no driver's file: join_alone */
};

/*
 * Joins; both were parsed.  known: what else is known of the clocks; NULL: nothing.  On success the times of both sides are on the driver's clock, and in `marks` only those that
 * stand in order.
 * Returns: true, and joined is for join_finish; false and why: no common command, two GPUs in the driver's trace, commands
 * of different types under one number, contradicting times, no memory.
 */
bool join_files(const struct trace_file *driver, const struct trace_file *device,
                const struct join_bounds *known, struct joined *joined, char why[JOIN_WHY_BYTES]);

/* The device's commands by themselves, on its own clock: of a guest that records nothing.  Returns: as join_files. */
bool join_alone(const struct trace_file *device, struct joined *joined, char why[JOIN_WHY_BYTES]);

/* joined: a zeroed one is allowed. */
void join_finish(struct joined *joined);

/* Nanoseconds spent in each stage.  Returns: their sum. */
uint64_t join_stages(const struct joined_command *command, uint64_t stage_ns[STAGE_COUNT]);

/* For people: "wake". */
const char *join_stage_name(enum stage stage);

#endif
