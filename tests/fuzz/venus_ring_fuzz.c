/*
 * A client's ring and streams in shared memory, over a host that believes nothing (tests/fake/vulkan_strict.h): commands are
 * written as they should be, and at the same time another thread of the client writes over head, tail, status, commands that
 * are being executed and replies.  The context may die of it; nothing else may.
 *
 *    bytes 0-3   seed of the thread that scribbles; 0: there is none
 *    then        operations, one byte each, with what `run_one` takes
 */
#include <stdatomic.h>
#include <stdio.h>

#include <unistd.h>

#include "venus/os.h"

#include "tests/fake/vulkan_strict.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/venus_author.h"
#include "vn_args.h"

/* Resources, and where things are in the ring's. */
enum { REPLIES = 1, RING, STREAM, RESOURCE_COUNT };
enum { HEAD = 0, TAIL = 64, STATUS = 128, EXTRA = 192, EXTRA_BYTES = 64, BUFFER = 4096 };

#define RING_ID        1
#define RING_BYTES     16384u
#define RESOURCE_BYTES ((uint64_t)32 * 1024)
#define OPERATIONS_MAX 60
#define SCRIBBLES_MAX  2000u
#define ROOM_TRIES     100
#define LONGEST_NS     40000000u /* then whatever waits is ended */
#define IDLE_NS        200000u
#define MEMORY_BYTES   ((uint64_t)64 << 20)
#define COMMAND_BYTES  ((uint64_t)8 << 20)

struct client {
    struct venus *venus;
    struct author *author;
    uint8_t *maps[RESOURCE_COUNT];
    uint32_t tail;
    uint64_t virtqueue_seqno;
    uint32_t seed;
    atomic_bool is_done;
};

static void
on_fence(void *user, uint32_t ring_idx, uint64_t fence_id)
{
    (void)user;
    (void)ring_idx;
    (void)fence_id;
}

static _Atomic uint32_t *
word(uint8_t *map, uint32_t offset)
{
    return (_Atomic uint32_t *)(void *)(map + offset % RESOURCE_BYTES / 4 * 4);
}

static uint32_t
roll(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* The hostile thread; it is also the one that ends what waits for ever. */
static void *
scribble(void *argument)
{
    struct client *client = argument;
    uint64_t state = client->seed;
    uint64_t end_ns = vn_os_now_ns() + LONGEST_NS;
    uint32_t count = client->seed ? client->seed % SCRIBBLES_MAX : 0;
    for (uint32_t i = 0; i < count && !atomic_load(&client->is_done); i++) {
        uint32_t which = 1 + roll(&state) % (RESOURCE_COUNT - 1);
        uint32_t offset = roll(&state) % 8 ? roll(&state) : roll(&state) % 4 * 64;
        uint32_t value = roll(&state) % 3 ? roll(&state) % 400 : roll(&state);
        atomic_store_explicit(word(client->maps[which], offset), value, memory_order_relaxed);
        if (i % 16 == 0) {
            vn_os_yield();
        }
    }
    while (!atomic_load(&client->is_done) && vn_os_now_ns() < end_ns) {
        vn_os_sleep_ns(200000);
    }
    if (!atomic_load(&client->is_done)) {
        vn_fatal(client->venus, "too long");
    }
    return NULL;
}

static void
say(struct client *client, const char *name, const void *args)
{
    vn_encode_request(&client->author->out, author_command(name), 0, args);
}

static void
say_create_ring(struct client *client)
{
    const VkRingMonitorInfoMESA monitor = {
        .sType = VK_STRUCTURE_TYPE_RING_MONITOR_INFO_MESA,
        .maxReportingPeriodMicroseconds = 1,
    };
    const VkRingCreateInfoMESA info = {
        .sType = VK_STRUCTURE_TYPE_RING_CREATE_INFO_MESA,
        .pNext = client->seed % 2 ? &monitor : NULL,
        .resourceId = RING,
        .size = RESOURCE_BYTES,
        .idleTimeout = IDLE_NS,
        .headOffset = HEAD,
        .tailOffset = TAIL,
        .statusOffset = STATUS,
        .bufferOffset = BUFFER,
        .bufferSize = RING_BYTES,
        .extraOffset = EXTRA,
        .extraSize = EXTRA_BYTES,
    };
    const struct vn_args_vkCreateRingMESA args = { .ring = RING_ID, .pCreateInfo = &info };
    say(client, "vkCreateRingMESA", &args);
}

/* What the author has written goes into the ring.  Returns: false when there is no room, and none comes. */
static bool
put_into_ring(struct client *client)
{
    struct author *author = client->author;
    uint8_t *map = client->maps[RING];
    uint32_t bytes = (uint32_t)author->out.at;
    bool has_room = false;
    for (int i = 0; i < ROOM_TRIES && !has_room && bytes <= RING_BYTES; i++) {
        uint32_t head = atomic_load_explicit(word(map, HEAD), memory_order_acquire);
        has_room = client->tail - head <= RING_BYTES - bytes;
        if (!has_room) {
            vn_os_sleep_ns(20000);
        }
    }
    for (uint32_t i = 0; has_room && i < bytes; i++) {
        map[BUFFER + (client->tail + i) % RING_BYTES] = author->stream[i];
    }
    author->out.at = 0;
    if (has_room) {
        client->tail += bytes;
        atomic_store_explicit(word(map, TAIL), client->tail, memory_order_seq_cst);
    }
    return has_room;
}

static bool
notify(struct client *client)
{
    const struct vn_args_vkNotifyRingMESA args = { .ring = RING_ID };
    say(client, "vkNotifyRingMESA", &args);
    return author_submit(client->author) == VENUS_OK;
}

static bool
run_in_ring(struct client *client, struct fuzz_input *in)
{
    const struct vn_command *command = &vn_commands[fuzz_u16(in) % vn_command_count];
    client->author->state = fuzz_u32(in);
    if (!command->on || !author_write(client->author, command)) {
        client->author->out.at = 0;
        return true;
    }
    (void)put_into_ring(client);
    return client->author->state % 2 || notify(client);
}

/* Commands in the third resource, executed by one in the ring. */
static bool
run_stream(struct client *client, struct fuzz_input *in)
{
    struct author *author = client->author;
    size_t bytes = 0;
    for (uint8_t count = fuzz_u8(in) % 8; count > 0; count--) {
        const struct vn_command *command = &vn_commands[fuzz_u16(in) % vn_command_count];
        author->state = fuzz_u32(in);
        (void)(command->on && author_write(author, command));
    }
    bytes = author->out.at < RESOURCE_BYTES ? author->out.at : RESOURCE_BYTES;
    memcpy(client->maps[STREAM], author->stream, bytes);
    author->out.at = 0;
    const VkCommandStreamDescriptionMESA stream = { .resourceId = STREAM, .size = bytes };
    const struct vn_args_vkExecuteCommandStreamsMESA args = { .streamCount = 1,
                                                              .pStreams = &stream };
    say(client, "vkExecuteCommandStreamsMESA", &args);
    return put_into_ring(client) && notify(client);
}

static bool
wait_for_ring(struct client *client)
{
    const struct vn_args_vkWaitRingSeqnoMESA args = { .ring = RING_ID, .seqno = client->tail };
    (void)notify(client);
    say(client, "vkWaitRingSeqnoMESA", &args);
    return author_submit(client->author) == VENUS_OK;
}

static bool
wait_in_ring(struct client *client)
{
    const struct vn_args_vkWaitVirtqueueSeqnoMESA wait = { .seqno = ++client->virtqueue_seqno };
    say(client, "vkWaitVirtqueueSeqnoMESA", &wait);
    (void)put_into_ring(client);
    const struct vn_args_vkSubmitVirtqueueSeqnoMESA submit = { .ring = RING_ID,
                                                               .seqno = client->virtqueue_seqno };
    say(client, "vkSubmitVirtqueueSeqnoMESA", &submit);
    return notify(client);
}

static bool
make_ring_anew(struct client *client)
{
    const struct vn_args_vkDestroyRingMESA args = { .ring = RING_ID };
    say(client, "vkDestroyRingMESA", &args);
    if (author_submit(client->author) != VENUS_OK) {
        return false;
    }
    memset(client->maps[RING], 0, BUFFER);
    client->tail = 0;
    say_create_ring(client);
    return author_submit(client->author) == VENUS_OK;
}

/* Returns: false when the context is dead. */
static bool
run_one(struct client *client, struct fuzz_input *in)
{
    uint32_t which;
    switch (fuzz_u8(in) % 16) {
    case 8:
        which = 1 + fuzz_u8(in) % (RESOURCE_COUNT - 1);
        atomic_store(word(client->maps[which], fuzz_u16(in)), fuzz_u32(in));
        return true;
    case 9: return run_stream(client, in);
    case 10: return wait_for_ring(client);
    case 11: return wait_in_ring(client);
    case 12: return make_ring_anew(client);
    case 13: return venus_resource_destroy(client->venus, fuzz_u8(in) % 4) != VENUS_FATAL;
    case 14: return venus_fence(client->venus, fuzz_u8(in) % 3, 1) == VENUS_OK;
    case 15: return venus_stats(client->venus, fuzz_u8(in) % 2, NULL, 0) > 0;
    default: return run_in_ring(client, in);
    }
}

/* Returns: false when the host is short. */
static bool
begin(struct client *client)
{
    client->author = author_create(client->venus, 1);
    if (author_begin(client->author) != VENUS_OK) {
        return false;
    }
    (void)venus_resource_destroy(client->venus, REPLIES); /* one that is mapped here too */
    for (uint32_t i = 1; i < RESOURCE_COUNT; i++) {
        const struct venus_blob blob = { .size_bytes = RESOURCE_BYTES };
        struct venus_memory memory;
        if (venus_resource_create(client->venus, i, &blob, &memory) != VENUS_OK) {
            return false;
        }
        client->maps[i] = vn_os_map(memory.fd, RESOURCE_BYTES);
        (void)close(memory.fd);
    }
    const VkCommandStreamDescriptionMESA where = { .resourceId = REPLIES, .size = RESOURCE_BYTES };
    const struct vn_args_vkSetReplyCommandStreamMESA args = { .pStream = &where };
    say_create_ring(client);
    bool is_alive = author_submit(client->author) == VENUS_OK;
    say(client, "vkSetReplyCommandStreamMESA", &args);
    return put_into_ring(client) && is_alive;
}

static void
run(struct client *client, struct fuzz_input *in)
{
    pthread_t thread;
    if (!begin(client) || vn_os_thread_start(&thread, scribble, client) != 0) {
        return;
    }
    for (int i = 0; i < OPERATIONS_MAX && in->left > 0 && run_one(client, in); i++) {
    }
    atomic_store(&client->is_done, true);
    (void)pthread_join(thread, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct client client = { .seed = fuzz_u32(&in) };
    const struct venus_config config = {
        .name = "fuzz",
        .vulkan_library = VULKAN_STRICT_LIBRARY,
        .limits = {.memory_bytes = MEMORY_BYTES, .command_bytes = COMMAND_BYTES, .ring_count = 4},
        .on_fence = on_fence,
    };
    vulkan_strict_reset(0);
    fuzz_expect(venus_create(&config, &client.venus) == VENUS_OK);
    run(&client, &in);
    if (getenv("VENUS_FUZZ_WHY")) {
        const char *why = venus_why(client.venus);
        (void)fprintf(stderr, "%s (%llu calls)\n", why ? why : "alive",
                      (unsigned long long)vulkan_strict_call_count());
    }
    venus_destroy(client.venus);
    author_destroy(client.author);
    for (uint32_t i = 1; i < RESOURCE_COUNT; i++) {
        vn_os_unmap(client.maps[i], RESOURCE_BYTES);
    }
    if (vulkan_strict_fault() || vulkan_strict_live_count()) {
        (void)fprintf(stderr, "host: %s; %u handles left\n",
                      vulkan_strict_fault() ? vulkan_strict_fault() : "no fault",
                      vulkan_strict_live_count());
        abort();
    }
    return 0;
}
