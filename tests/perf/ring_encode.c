/*
 * The commands of the load generator, byte by byte.
 */
#include "tests/perf/ring_encode.h"

#include <assert.h>
#include <string.h>

#include <vulkan/vulkan_core.h>

#define FLAG_REPLY         1U
#define REPLY_BYTES        8U
#define IDLE_TIMEOUT_NS    1000000ULL
#define REPORT_PERIOD_US   3000000U
#define RING_HEAD_OFFSET   0ULL
#define RING_TAIL_OFFSET   64ULL
#define RING_STATUS_OFFSET 128ULL
#define RING_DATA_OFFSET   192ULL
#define RING_EXTRA_BYTES   4ULL

#define STYPE_RING_CREATE  1000384000U
#define STYPE_RING_MONITOR 1000384006U

/* The ids of VK_EXT_command_serialization. */
enum command {
    COMMAND_CREATE_INSTANCE = 0,
    COMMAND_DESTROY_INSTANCE = 1,
    COMMAND_ENUMERATE_PHYSICAL_DEVICES = 2,
    COMMAND_CREATE_DEVICE = 11,
    COMMAND_DESTROY_DEVICE = 12,
    COMMAND_CREATE_FENCE = 35,
    COMMAND_DESTROY_FENCE = 36,
    COMMAND_GET_FENCE_STATUS = 38,
    COMMAND_CREATE_SAMPLER = 70,
    COMMAND_DESTROY_SAMPLER = 71,
    COMMAND_CREATE_COMMAND_POOL = 85,
    COMMAND_DESTROY_COMMAND_POOL = 86,
    COMMAND_ALLOCATE_COMMAND_BUFFERS = 88,
    COMMAND_BEGIN_COMMAND_BUFFER = 90,
    COMMAND_END_COMMAND_BUFFER = 91,
    COMMAND_CMD_SET_VIEWPORT = 94,
    COMMAND_CMD_PIPELINE_BARRIER = 126,
    COMMAND_SET_REPLY_STREAM = 178,
    COMMAND_EXECUTE_STREAMS = 180,
    COMMAND_CREATE_RING = 188,
    COMMAND_DESTROY_RING = 189,
    COMMAND_NOTIFY_RING = 190,
    COMMAND_WAIT_RING_SEQNO = 253,
};

static void
put(struct ring_stream *s, const void *value, size_t size_bytes)
{
    assert(s->size_bytes + size_bytes <= s->capacity_bytes);
    memcpy(s->bytes + s->size_bytes, value, size_bytes);
    s->size_bytes += size_bytes;
}

void
ring_u32(struct ring_stream *s, uint32_t value)
{
    put(s, &value, sizeof(value));
}

void
ring_u64(struct ring_stream *s, uint64_t value)
{
    put(s, &value, sizeof(value));
}

void
ring_f32(struct ring_stream *s, float value)
{
    put(s, &value, sizeof(value));
}

static void
command(struct ring_stream *s, enum command id)
{
    ring_u32(s, id);
    ring_u32(s, 0);
}

/* A pointer to a struct, its sType and an empty chain. */
static void
structure(struct ring_stream *s, uint32_t stype)
{
    ring_u64(s, 1);
    ring_u32(s, stype);
    ring_u64(s, 0);
}

/* No allocator, and a pointer to the id of what is made. */
static void
made(struct ring_stream *s, uint64_t id)
{
    ring_u64(s, 0);
    ring_u64(s, 1);
    ring_u64(s, id);
}

static void
destroy(struct ring_stream *s, enum command id, uint64_t object)
{
    command(s, id);
    ring_u64(s, RING_ID_DEVICE);
    ring_u64(s, object);
    ring_u64(s, 0);
}

static void
create_instance(struct ring_stream *s)
{
    command(s, COMMAND_CREATE_INSTANCE);
    structure(s, VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
    ring_u32(s, 0);
    structure(s, VK_STRUCTURE_TYPE_APPLICATION_INFO);
    ring_u64(s, 0); /* no name */
    ring_u32(s, 0);
    ring_u64(s, 0); /* no engine */
    ring_u32(s, 0);
    ring_u32(s, VK_API_VERSION_1_1);
    for (int list = 0; list < 2; list++) { /* no layers, no extensions */
        ring_u32(s, 0);
        ring_u64(s, 0);
    }
    made(s, RING_ID_INSTANCE);
}

static void
enumerate(struct ring_stream *s)
{
    command(s, COMMAND_ENUMERATE_PHYSICAL_DEVICES);
    ring_u64(s, RING_ID_INSTANCE);
    ring_u64(s, 1);
    ring_u32(s, 1);
    ring_u64(s, 1);
    ring_u64(s, RING_ID_PHYSICAL);
}

static void
create_device(struct ring_stream *s)
{
    command(s, COMMAND_CREATE_DEVICE);
    ring_u64(s, RING_ID_PHYSICAL);
    structure(s, VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
    ring_u32(s, 0);
    ring_u32(s, 1);
    structure(s, VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO); /* an array of one looks the same */
    ring_u32(s, 0);
    ring_u32(s, 0); /* family */
    ring_u32(s, 1);
    ring_u64(s, 1);
    ring_f32(s, 1.0F);
    for (int list = 0; list < 2; list++) {
        ring_u32(s, 0);
        ring_u64(s, 0);
    }
    ring_u64(s, 0); /* no features */
    made(s, RING_ID_DEVICE);
}

static void
create_buffer(struct ring_stream *s)
{
    command(s, COMMAND_CREATE_COMMAND_POOL);
    ring_u64(s, RING_ID_DEVICE);
    structure(s, VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
    ring_u32(s, VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT);
    ring_u32(s, 0);
    made(s, RING_ID_POOL);
    command(s, COMMAND_ALLOCATE_COMMAND_BUFFERS);
    ring_u64(s, RING_ID_DEVICE);
    structure(s, VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
    ring_u64(s, RING_ID_POOL);
    ring_u32(s, VK_COMMAND_BUFFER_LEVEL_PRIMARY);
    ring_u32(s, 1);
    ring_u64(s, 1);
    ring_u64(s, RING_ID_BUFFER);
}

static void
begin(struct ring_stream *s)
{
    command(s, COMMAND_BEGIN_COMMAND_BUFFER);
    ring_u64(s, RING_ID_BUFFER);
    structure(s, VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
    ring_u32(s, 0);
    ring_u64(s, 0);
}

static void
end(struct ring_stream *s)
{
    command(s, COMMAND_END_COMMAND_BUFFER);
    ring_u64(s, RING_ID_BUFFER);
}

void
ring_encode_setup(struct ring_stream *s)
{
    create_instance(s);
    enumerate(s);
    create_device(s);
    create_buffer(s);
    command(s, COMMAND_CREATE_FENCE);
    ring_u64(s, RING_ID_DEVICE);
    structure(s, VK_STRUCTURE_TYPE_FENCE_CREATE_INFO);
    ring_u32(s, VK_FENCE_CREATE_SIGNALED_BIT);
    made(s, RING_ID_FENCE);
    begin(s);
}

void
ring_encode_begin_again(struct ring_stream *s)
{
    end(s);
    begin(s);
}

void
ring_encode_teardown(struct ring_stream *s)
{
    end(s);
    destroy(s, COMMAND_DESTROY_FENCE, RING_ID_FENCE);
    destroy(s, COMMAND_DESTROY_COMMAND_POOL, RING_ID_POOL);
    command(s, COMMAND_DESTROY_DEVICE);
    ring_u64(s, RING_ID_DEVICE);
    ring_u64(s, 0);
    command(s, COMMAND_DESTROY_INSTANCE);
    ring_u64(s, RING_ID_INSTANCE);
    ring_u64(s, 0);
}

void
ring_encode_viewport(struct ring_stream *s, unsigned i)
{
    command(s, COMMAND_CMD_SET_VIEWPORT);
    ring_u64(s, RING_ID_BUFFER);
    ring_u32(s, 0);
    ring_u32(s, 1);
    ring_u64(s, 1);
    ring_f32(s, 0.0F);
    ring_f32(s, 0.0F);
    ring_f32(s, (float)(1 + i % 64));
    ring_f32(s, 16.0F);
    ring_f32(s, 0.0F);
    ring_f32(s, 1.0F);
}

void
ring_encode_barrier(struct ring_stream *s, unsigned i)
{
    (void)i;
    command(s, COMMAND_CMD_PIPELINE_BARRIER);
    ring_u64(s, RING_ID_BUFFER);
    ring_u32(s, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
    ring_u32(s, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
    ring_u32(s, 0);
    ring_u32(s, 1);
    structure(s, VK_STRUCTURE_TYPE_MEMORY_BARRIER); /* an array of one */
    ring_u32(s, VK_ACCESS_MEMORY_WRITE_BIT);
    ring_u32(s, VK_ACCESS_MEMORY_READ_BIT);
    for (int list = 0; list < 2; list++) { /* no buffers, no images */
        ring_u32(s, 0);
        ring_u64(s, 0);
    }
}

void
ring_encode_sampler_pair(struct ring_stream *s, unsigned i)
{
    uint64_t id = RING_ID_SAMPLER + (uint64_t)i;

    command(s, COMMAND_CREATE_SAMPLER);
    ring_u64(s, RING_ID_DEVICE);
    structure(s, VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO);
    for (int member = 0; member < 16; member++) {
        ring_u32(s, 0); /* flags, filters, addressing, level of detail: all have a legal zero */
    }
    made(s, id);
    destroy(s, COMMAND_DESTROY_SAMPLER, id);
}

void
ring_encode_fence_status(struct ring_stream *s, unsigned i)
{
    (void)i;
    command(s, COMMAND_GET_FENCE_STATUS);
    ring_u64(s, RING_ID_DEVICE);
    ring_u64(s, RING_ID_FENCE);
}

void
ring_encode_reply_stream(struct ring_stream *s, uint32_t resource_id, uint64_t size_bytes)
{
    command(s, COMMAND_SET_REPLY_STREAM);
    ring_u64(s, 1);
    ring_u32(s, resource_id);
    ring_u64(s, 0);
    ring_u64(s, size_bytes);
}

void
ring_encode_call(struct ring_stream *s, uint32_t reply_resource_id)
{
    ring_encode_reply_stream(s, reply_resource_id, REPLY_BYTES);
    ring_u32(s, COMMAND_GET_FENCE_STATUS);
    ring_u32(s, FLAG_REPLY);
    ring_u64(s, RING_ID_DEVICE);
    ring_u64(s, RING_ID_FENCE);
}

void
ring_encode_execute(struct ring_stream *s, uint32_t resource_id, uint64_t size_bytes)
{
    command(s, COMMAND_EXECUTE_STREAMS);
    ring_u32(s, 1);
    ring_u64(s, 1);
    ring_u32(s, resource_id);
    ring_u64(s, 0);
    ring_u64(s, size_bytes);
    ring_u64(s, 0); /* no reply positions */
    ring_u32(s, 0);
    ring_u64(s, 0); /* no dependencies */
    ring_u32(s, 0);
}

void
ring_encode_create_ring(struct ring_stream *s, uint32_t resource_id, uint64_t size_bytes,
                        uint64_t buffer_bytes)
{
    command(s, COMMAND_CREATE_RING);
    ring_u64(s, RING_ID_RING);
    ring_u64(s, 1);
    ring_u32(s, STYPE_RING_CREATE);
    ring_u64(s, 1); /* the chain comes before the struct's own members */
    ring_u32(s, STYPE_RING_MONITOR);
    ring_u64(s, 0);
    ring_u32(s, REPORT_PERIOD_US);
    ring_u32(s, 0);
    ring_u32(s, resource_id);
    ring_u64(s, 0);
    ring_u64(s, size_bytes);
    ring_u64(s, IDLE_TIMEOUT_NS);
    ring_u64(s, RING_HEAD_OFFSET);
    ring_u64(s, RING_TAIL_OFFSET);
    ring_u64(s, RING_STATUS_OFFSET);
    ring_u64(s, RING_DATA_OFFSET);
    ring_u64(s, buffer_bytes);
    ring_u64(s, RING_DATA_OFFSET + buffer_bytes);
    ring_u64(s, RING_EXTRA_BYTES);
}

void
ring_encode_notify(struct ring_stream *s, uint32_t seqno)
{
    command(s, COMMAND_NOTIFY_RING);
    ring_u64(s, RING_ID_RING);
    ring_u32(s, seqno);
    ring_u32(s, 0);
}

void
ring_encode_wait_seqno(struct ring_stream *s, uint32_t seqno)
{
    command(s, COMMAND_WAIT_RING_SEQNO);
    ring_u64(s, RING_ID_RING);
    ring_u64(s, seqno);
}

void
ring_encode_destroy_ring(struct ring_stream *s)
{
    command(s, COMMAND_DESTROY_RING);
    ring_u64(s, RING_ID_RING);
}
