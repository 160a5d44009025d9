/*
 * A tiny encoder of Venus commands: only those that the load generator needs, written out by hand.
 *
 * Everything is little-endian and of 4-byte multiples.  A pointer is a u64 0 or 1 before its value, an array a u64
 * count before its elements, a handle the u64 that the client chose.  A struct begins with its sType and the u64 of
 * pNext.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ids of the objects that the load generator makes; samplers follow at RING_ID_SAMPLER. */
enum ring_id {
    RING_ID_RING = 1,
    RING_ID_INSTANCE,
    RING_ID_PHYSICAL,
    RING_ID_DEVICE,
    RING_ID_POOL,
    RING_ID_BUFFER, /* the command buffer */
    RING_ID_FENCE,
    RING_ID_SAMPLER = 0x1000,
};

struct ring_stream {
    uint8_t *bytes;
    size_t size_bytes;
    size_t capacity_bytes; /* never exceeded: asserted */
};

void ring_u32(struct ring_stream *s, uint32_t value);
void ring_u64(struct ring_stream *s, uint64_t value);
void ring_f32(struct ring_stream *s, float value);

/* Instance, physical device, device, command pool and buffer, fence; the buffer is left recording. */
void ring_encode_setup(struct ring_stream *s);
/* Starts the command buffer anew. */
void ring_encode_begin_again(struct ring_stream *s);
/* Ends recording and destroys everything. */
void ring_encode_teardown(struct ring_stream *s);

void ring_encode_viewport(struct ring_stream *s, unsigned i);
void ring_encode_barrier(struct ring_stream *s, unsigned i);
void ring_encode_sampler_pair(struct ring_stream *s, unsigned i);
void ring_encode_fence_status(struct ring_stream *s, unsigned i);

/* Where the next replies go: to the start of shared memory. */
void ring_encode_reply_stream(struct ring_stream *s, uint32_t resource_id, uint64_t size_bytes);
/* A synchronous call as Mesa makes it: where the reply goes, then the command with its flag. */
void ring_encode_call(struct ring_stream *s, uint32_t reply_resource_id);
/* Runs what stands in shared memory. */
void ring_encode_execute(struct ring_stream *s, uint32_t resource_id, uint64_t size_bytes);

void ring_encode_create_ring(struct ring_stream *s, uint32_t resource_id, uint64_t size_bytes,
                             uint64_t buffer_bytes);
void ring_encode_notify(struct ring_stream *s, uint32_t seqno);
/* For the socket: what follows there is done after all that the ring has up to seqno. */
void ring_encode_wait_seqno(struct ring_stream *s, uint32_t seqno);
void ring_encode_destroy_ring(struct ring_stream *s);
