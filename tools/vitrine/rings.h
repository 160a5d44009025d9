/*
 * rings.h - Vulkan commands from a guest's ring to its renderer and back: each with the time at each boundary.
 *
 *   guest's clock    BEGIN WRITTEN                                         SEEN
 *                                 ╲                                       ╱
 *   host's clock                   PICKED  ENTERED ─ Vulkan ─ LEFT  DONE ─
 *
 * Both sides write down the same byte of the same ring, so nothing is guessed.  The nth ring of a context from the end is the same on
 * both.  What comes in a stream of its own (SUBMIT_3D) is WRITTEN when the device handed it over: its nth stream of a context is the
 * renderer's nth.  Without a guest's file there are the renderers' marks and the device's.
 */
#ifndef TOOLS_VITRINE_RINGS_H
#define TOOLS_VITRINE_RINGS_H

#include "tools/vitrine/join.h"

enum { RINGS_FILE_COUNT_MAX = 256, RINGS_NAME_BYTES = 64 };

/* In the order in which a command passes them. */
enum ring_mark {
    RING_MARK_BEGIN,
    RING_MARK_WRITTEN,
    RING_MARK_PICKED,
    RING_MARK_ENTERED,
    RING_MARK_LEFT,
    RING_MARK_DONE,
    RING_MARK_SEEN,
    RING_MARK_COUNT,
};

enum ring_stage {
    RING_STAGE_ENCODE, /* the client writes it, and waits for room */
    RING_STAGE_QUEUE,  /* until the renderer begins with it: it may sleep, or do what came before */
    RING_STAGE_DECODE, /* arguments and handles */
    RING_STAGE_VULKAN, /* the renderer's function for it, and in that the host's Vulkan */
    RING_STAGE_REPLY,  /* the answer is written */
    RING_STAGE_SEEN,   /* until the client sees it */
    RING_STAGE_COUNT,
};

/* The id of what is no command: a fence of a timeline, asked for (ENTERED) and passed (LEFT). */
#define RING_ID_FENCE UINT32_MAX

struct ring_command {
    uint32_t context_id;
    uint32_t id;       /* of Venus */
    uint32_t bytes;    /* RING_ID_FENCE: the timeline */
    uint64_t position; /* its first byte, of all in its ring or stream; RING_ID_FENCE: the fence */
    uint32_t ring;     /* the ring's turn among the context's, counted from its last, 0 */
    uint32_t stream_count; /* of the context's own stream: which one, from 1; in a ring 0 */
    uint32_t cookie;       /* of the renderer's file */
    uint32_t submit;       /* the number of its SUBMIT_3D in the control queue; 0: not known */
    uint16_t file;         /* of the renderers' */
    uint8_t stream;        /* the renderer's number of the ring; 0: the context's own stream */
    bool is_inner;         /* carried out within another one, vkExecuteCommandStreamsMESA */
    uint32_t marks;        /* which of time_ns are there: bit per enum ring_mark */
    uint64_t time_ns[RING_MARK_COUNT];
};

struct ring_context {
    uint32_t id;
    char name[RINGS_NAME_BYTES]; /* printable */
};

struct rings {
    struct ring_command
        *commands; /* each file's in its order; inner ones and those of streams included */
    size_t command_count;
    struct ring_context *contexts; /* one for each file of renderers */
    size_t context_count;
    uint64_t joined_count;        /* commands of both sides */
    uint64_t guest_only_count;    /* that no renderer's file has */
    uint64_t renderer_only_count; /* of rings, that the guest's has not; 0 without one */
    uint64_t lost_count;          /* records that renderers could not write */
    bool has_guest;
};

/* What is wanted of rings_join. */
struct rings_files {
    const struct trace_file *guest; /* NULL: none */
    const struct trace_file *host;  /* NULL: none */
    const struct trace_file *renderers;
    size_t renderer_count;
};

/*
 * Joins; all were parsed.  Each time is on its own side's clock afterwards.
 * Returns: true, and rings is for rings_finish; false and why: different commands at one place, no memory.
 */
bool rings_join(const struct rings_files *files, struct rings *rings, char why[JOIN_WHY_BYTES]);

/* rings: a zeroed one is allowed. */
void rings_finish(struct rings *rings);

/* What the rings say of the clocks: host's - guest's. */
struct join_bounds rings_bounds(const struct rings *rings);

/* Brings the host's times to the guest's clock. */
void rings_to_guest_clock(struct rings *rings, int64_t offset_ns);

/* Nanoseconds spent in each stage.  Returns: their sum. */
uint64_t rings_stages(const struct ring_command *command, uint64_t stage_ns[RING_STAGE_COUNT]);

/* For people: "queue".  stage: enum ring_stage. */
const char *rings_stage_name(unsigned stage);

/* "vkQueueSubmit"; never NULL. */
const char *venus_command_name(uint32_t id);

#endif
