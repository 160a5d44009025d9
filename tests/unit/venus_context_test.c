/* A whole context, with several rings at once: what each ring is told is done, in its order, and nothing is lost at the end. */
#include <sched.h>
#include <unistd.h>

#include "tests/unit/venus_hostile.h"

enum { RING_COUNT = 3, ROUNDS = 1500, WAIT_EVERY = 8 };
enum { HEAD = 0, TAIL = 64, STATUS = 128, REPLY = 1024, REPLY_BYTES = 1024, BUFFER = 4096 };

#define BUFFER_BYTES   16384u
#define RESOURCE_BYTES ((uint64_t)32 * 1024)
#define RESOURCE_FIRST 10
#define IDS            100000u
#define COMMAND_BYTES  1024

struct ring_client {
    struct hostile *h;
    pthread_mutex_t *submit_lock; /* venus_submit: one call at a time */
    uint32_t number;
    uint8_t *map;
    uint32_t tail;
    uint32_t wrong_count;
};

static _Atomic uint32_t *
word(const struct ring_client *client, uint32_t offset)
{
    return (_Atomic uint32_t *)(void *)(client->map + offset);
}

static void
notify(struct ring_client *client)
{
    uint8_t bytes[COMMAND_BYTES];
    struct vn_writer out = { .base = bytes, .size = sizeof(bytes) };
    const struct vn_args_vkNotifyRingMESA args = { .ring = client->number };
    vn_encode_request(&out, author_command("vkNotifyRingMESA"), 0, &args);
    (void)pthread_mutex_lock(client->submit_lock);
    (void)venus_submit(client->h->venus, bytes, out.at);
    (void)pthread_mutex_unlock(client->submit_lock);
}

static void
wait_for(const struct ring_client *client, uint32_t behind)
{
    while (client->tail - atomic_load_explicit(word(client, HEAD), memory_order_acquire) > behind &&
           !venus_why(client->h->venus)) {
        (void)sched_yield();
    }
}

static void
say(struct ring_client *client, const char *name, uint32_t flags, const void *args)
{
    uint8_t bytes[COMMAND_BYTES] = { 0 };
    struct vn_writer out = { .base = bytes, .size = sizeof(bytes) };
    vn_encode_request(&out, author_command(name), flags, args);
    wait_for(client, BUFFER_BYTES - (uint32_t)out.at);
    for (size_t i = 0; i < out.at; i++) {
        client->map[BUFFER + (client->tail + i) % BUFFER_BYTES] = bytes[i];
    }
    client->tail += (uint32_t)out.at;
    atomic_store(word(client, TAIL), client->tail);
    if (atomic_load(word(client, STATUS)) & VN_RING_IDLE) {
        notify(client);
    }
}

static void
set_reply(struct ring_client *client)
{
    const VkCommandStreamDescriptionMESA where = { .resourceId = RESOURCE_FIRST + client->number,
                                                   .offset = REPLY,
                                                   .size = REPLY_BYTES };
    const struct vn_args_vkSetReplyCommandStreamMESA args = { .pStream = &where };
    say(client, "vkSetReplyCommandStreamMESA", 0, &args);
}

/* A fence of its own, asked about, and all of that on a device that the others use as well. */
static void
use_fence(struct ring_client *client, uint64_t id)
{
    VkDevice device = HANDLE(VkDevice, client->number % 2 ? ID_DEVICE : ID_DEVICE_TOO);
    const VkFenceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
    const struct vn_args_vkCreateFence create = {
        .device = device,
        .pCreateInfo = &info,
        .pFence = OUT(&id),
    };
    const struct vn_args_vkGetFenceStatus ask = { .device = device, .fence = HANDLE(VkFence, id) };
    const struct vn_args_vkDestroyFence destroy = { .device = device,
                                                    .fence = HANDLE(VkFence, id) };
    say(client, "vkCreateFence", 0, &create);
    set_reply(client);
    say(client, "vkGetFenceStatus", 1, &ask);
    if (id % 3) {
        say(client, "vkDestroyFence", 0, &destroy);
    }
}

static void *
run_client(void *argument)
{
    struct ring_client *client = argument;
    uint32_t wanted = author_command("vkGetFenceStatus")->id;
    for (uint32_t round = 0; round < ROUNDS && !venus_why(client->h->venus); round++) {
        use_fence(client, (client->number + 1) * IDS + round);
        if (round % WAIT_EVERY == 0) {
            wait_for(client, 0);
            uint32_t id = 0;
            memcpy(&id, client->map + REPLY, sizeof(id));
            client->wrong_count += id != wanted;
            memset(client->map + REPLY, 0, sizeof(id));
        }
    }
    wait_for(client, 0);
    return NULL;
}

static void
make_ring(struct hostile *h, struct ring_client *client)
{
    const struct venus_blob blob = { .size_bytes = RESOURCE_BYTES };
    struct venus_memory memory;
    uint32_t res_id = RESOURCE_FIRST + client->number;
    EXPECT_EQ(venus_resource_create(h->venus, res_id, &blob, &memory), VENUS_OK);
    client->map = vn_os_map(memory.fd, RESOURCE_BYTES);
    (void)close(memory.fd);
    const VkRingMonitorInfoMESA monitor = {
        .sType = VK_STRUCTURE_TYPE_RING_MONITOR_INFO_MESA,
        .maxReportingPeriodMicroseconds = 1000,
    };
    const VkRingCreateInfoMESA info = {
        .sType = VK_STRUCTURE_TYPE_RING_CREATE_INFO_MESA,
        .pNext = &monitor,
        .resourceId = res_id,
        .size = RESOURCE_BYTES,
        .idleTimeout = 1000000,
        .headOffset = HEAD,
        .tailOffset = TAIL,
        .statusOffset = STATUS,
        .bufferOffset = BUFFER,
        .bufferSize = BUFFER_BYTES,
        .extraOffset = BUFFER + BUFFER_BYTES,
    };
    const struct vn_args_vkCreateRingMESA args = { .ring = client->number, .pCreateInfo = &info };
    EXPECT_EQ(hostile_say(h, "vkCreateRingMESA", &args), VENUS_OK);
}

/* Meanwhile the front asks for this and that. */
static void
disturb(struct hostile *h, struct ring_client *clients)
{
    char text[4096];
    const struct venus_blob blob = { .size_bytes = 4096 };
    struct venus_memory memory;
    for (int i = 0; i < 50; i++) {
        EXPECT_TRUE(venus_stats(h->venus, i % 2, text, sizeof(text)) > 0);
        EXPECT_EQ(venus_fence(h->venus, (uint32_t)i % 3, 1), VENUS_OK);
        EXPECT_EQ(venus_resource_create(h->venus, 99, &blob, &memory), VENUS_OK);
        (void)close(memory.fd);
        EXPECT_EQ(venus_resource_destroy(h->venus, 99), VENUS_OK);
        notify(&clients[i % RING_COUNT]);
    }
}

static void
run_rings(bool is_relaxed, bool is_cut)
{
    struct hostile h = hostile_begin();
    pthread_mutex_t submit_lock = PTHREAD_MUTEX_INITIALIZER;
    struct ring_client clients[RING_COUNT] = { 0 };
    pthread_t threads[RING_COUNT];
    if (is_relaxed) {
        vulkan_strict_relax();
    }
    for (uint32_t i = 0; i < RING_COUNT; i++) {
        clients[i] = (struct ring_client){ .h = &h, .submit_lock = &submit_lock, .number = i };
        make_ring(&h, &clients[i]);
    }
    for (uint32_t i = 0; i < RING_COUNT; i++) {
        EXPECT_EQ(vn_os_thread_start(&threads[i], run_client, &clients[i]), 0);
    }
    if (is_cut) {
        vn_os_sleep_ns(3000000);
        vn_fatal(h.venus, "cut");
    } else {
        disturb(&h, clients);
    }
    uint32_t wrong_count = 0;
    for (uint32_t i = 0; i < RING_COUNT; i++) {
        (void)pthread_join(threads[i], NULL);
        wrong_count += clients[i].wrong_count;
    }
    if (!is_cut) {
        EXPECT_TRUE(venus_why(h.venus) == NULL);
        EXPECT_EQ(wrong_count, 0);
    }
    hostile_end(&h);
    for (uint32_t i = 0; i < RING_COUNT; i++) {
        vn_os_unmap(clients[i].map, RESOURCE_BYTES);
    }
}

UTEST(rings_work_side_by_side)
{
    run_rings(false, false);
}

UTEST(rings_work_side_by_side_with_a_host_that_takes_no_lock)
{
    run_rings(true, false);
}

UTEST(a_context_that_dies_ends_all_its_rings)
{
    for (int i = 0; i < 5; i++) {
        run_rings(i % 2, true);
    }
}
