/*
 * A recorded stream of a real client (`vitrine exec --record FILE`; device/record.h says how it is written).
 *
 * Read are the commands that make, use and destroy objects, and what was in mapped memory at its end.  Those that speak of the recorded ring, its seqnos and its
 * shared memory are left out: who plays the record has others.  Whatever is wrong ends the program with a sentence and
 * status 1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ids of VK_EXT_command_serialization that a player looks for. */
enum ring_command_id {
    RING_COMMAND_ALLOCATE_MEMORY = 21,
    RING_COMMAND_FREE_MEMORY = 22,
    RING_COMMAND_CREATE_SAMPLER = 70,
    RING_COMMAND_DESTROY_SAMPLER = 71,
    RING_COMMAND_ALLOCATE_COMMAND_BUFFERS = 88,
    RING_COMMAND_FREE_COMMAND_BUFFERS = 89,
    RING_COMMAND_SET_REPLY_STREAM = 178,
    RING_COMMAND_IMPORT_SEMAPHORE = 246,
};

struct ring_recorded {
    const uint8_t *bytes;
    uint32_t size_bytes;
    uint32_t id;       /* the command's */
    bool is_in_stream; /* the client had it run from shared memory, not from the ring */
};

/* What the client had in memory that it mapped. */
struct ring_memory {
    uint64_t id; /* the VkDeviceMemory's */
    const uint8_t *bytes;
    uint32_t size_bytes;
};

struct ring_record {
    struct ring_recorded *commands;
    size_t count;
    struct ring_memory *memories;
    size_t memory_count;
};

/* Some commands of a record: a round of a program's loop. */
struct ring_period {
    size_t from_idx;
    size_t to_idx; /* of the last one */
};

/* Reads a file; it stays in memory until the program ends. */
void ring_record_read(struct ring_record *r, const char *path);

/* The two numbers in a command at that byte. */
uint32_t ring_recorded_u32(const struct ring_recorded *c, uint32_t offset);
uint64_t ring_recorded_u64(const struct ring_recorded *c, uint32_t offset);

/*
 * The middle one of those periods that no other begins in: a program's loop has many, its start and its end have others.
 * A making command ends with the id of what it makes; a destroying one has that id at destroyed_offset.
 */
struct ring_period ring_record_period(const struct ring_record *r, enum ring_command_id from,
                                      enum ring_command_id to, uint32_t destroyed_offset);

/*
 * Of the commands `id`, which name an object each, at named_offset: from the last but one that names the last one's to the
 * command before the last.  So are some objects used in turn, the images of a swapchain for instance.
 */
struct ring_period
ring_record_cycle(const struct ring_record *r, enum ring_command_id id, uint32_t named_offset);

/* Of a period, how many of its commands are `id`. */
uint32_t ring_record_count(const struct ring_record *r, const struct ring_period *p,
                           enum ring_command_id id);

/* Returns: NULL when the record has none under this id. */
const struct ring_memory *ring_record_memory(const struct ring_record *r, uint64_t id);
