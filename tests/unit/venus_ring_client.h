/* A client of a ring, for venus_ring_test.c: its words, and its patience. */
#ifndef TESTS_UNIT_VENUS_RING_CLIENT_H
#define TESTS_UNIT_VENUS_RING_CLIENT_H

#include "tests/unit/venus_fixture.h"

enum {
    RES = 1,
    SHM_BYTES = 65536,
    BUFFER_BYTES = 1024,
};
#define MS              UINT64_C(1000000)
#define PATIENCE_NS     (5000 * MS)
#define IDLE_TIMEOUT_NS MS
#define RING_ID         UINT64_C(0x100000007)

/* The client's side of a ring. */
struct client {
    struct venus *venus;
    uint8_t *map;
    _Atomic uint32_t *head;
    _Atomic uint32_t *tail;
    _Atomic uint32_t *status;
    uint32_t written;
    uint64_t next_notify_ns;
};

static VkRingCreateInfoMESA
good_info(void)
{
    return (VkRingCreateInfoMESA){
        .sType = VK_STRUCTURE_TYPE_RING_CREATE_INFO_MESA,
        .resourceId = RES,
        .offset = 0,
        .size = 192 + BUFFER_BYTES + 4,
        .idleTimeout = IDLE_TIMEOUT_NS,
        .headOffset = 0,
        .tailOffset = 64,
        .statusOffset = 128,
        .bufferOffset = 192,
        .bufferSize = BUFFER_BYTES,
        .extraOffset = 192 + BUFFER_BYTES,
        .extraSize = 4,
    };
}

static void
create_ring(struct venus *venus, uint64_t id, const VkRingCreateInfoMESA *info)
{
    struct vn_args_vkCreateRingMESA args = { .ring = id, .pCreateInfo = info };
    vn_on_vkCreateRingMESA(&venus->exec, &args);
}

static void
destroy_ring(struct venus *venus, uint64_t id)
{
    struct vn_args_vkDestroyRingMESA args = { id };
    vn_on_vkDestroyRingMESA(&venus->exec, &args);
}

static void
notify(struct venus *venus)
{
    struct vn_args_vkNotifyRingMESA args = { .ring = RING_ID };
    vn_on_vkNotifyRingMESA(&venus->exec, &args);
}

static void
submit_virtqueue_seqno(struct venus *venus, uint64_t seqno)
{
    struct vn_args_vkSubmitVirtqueueSeqnoMESA args = { RING_ID, seqno };
    vn_on_vkSubmitVirtqueueSeqnoMESA(&venus->exec, &args);
}

static void
wait_ring_seqno(struct venus *venus, uint32_t seqno)
{
    struct vn_args_vkWaitRingSeqnoMESA args = { RING_ID, seqno };
    vn_on_vkWaitRingSeqnoMESA(&venus->exec, &args);
}

static struct client
begin(const VkRingCreateInfoMESA *info)
{
    struct client client = { .venus = toy_begin() };
    client.map = toy_shm(client.venus, RES, SHM_BYTES);
    client.head = (_Atomic uint32_t *)(void *)(client.map + info->offset + info->headOffset);
    client.tail = (_Atomic uint32_t *)(void *)(client.map + info->offset + info->tailOffset);
    client.status = (_Atomic uint32_t *)(void *)(client.map + info->offset + info->statusOffset);
    create_ring(client.venus, RING_ID, info);
    EXPECT_FALSE(atomic_load(&client.venus->is_fatal));
    return client;
}

static struct client
begin_good(void)
{
    VkRingCreateInfoMESA info = good_info();
    return begin(&info);
}

static void
end(struct client *client)
{
    toy_end(client->venus);
    vn_os_unmap(client->map, SHM_BYTES);
}

static void
write_word(struct client *client, uint32_t word)
{
    memcpy(client->map + 192 + client->written % BUFFER_BYTES, &word, 4);
    client->written += 4;
}

/* As Mesa does: the tail, then a look at the status, at most one notification per idle timeout. */
static void
flush(struct client *client)
{
    atomic_store(client->tail, client->written);
    if (atomic_load(client->status) & VN_RING_IDLE) {
        uint64_t now_ns = vn_os_now_ns();
        if (now_ns >= client->next_notify_ns) {
            client->next_notify_ns = now_ns + IDLE_TIMEOUT_NS;
            notify(client->venus);
        }
    }
}

static void
submit(struct client *client, uint32_t op, uint32_t argument)
{
    write_word(client, op);
    write_word(client, argument);
    flush(client);
}

static bool
is_done(struct client *client, uint32_t seqno)
{
    return atomic_load_explicit(client->head, memory_order_acquire) - seqno < UINT32_C(1) << 31;
}

/* Waits with a deadline, so that a lost wake-up is a failure and not a hang. */
static bool
wait_done(struct client *client, uint32_t seqno)
{
    uint64_t end_ns = vn_os_now_ns() + PATIENCE_NS;
    while (!is_done(client, seqno) && vn_os_now_ns() < end_ns) {
        vn_os_yield();
    }
    return is_done(client, seqno);
}

static bool
wait_status(struct client *client, uint32_t bit)
{
    uint64_t end_ns = vn_os_now_ns() + PATIENCE_NS;
    while (!(atomic_load(client->status) & bit) && vn_os_now_ns() < end_ns) {
        vn_os_yield();
    }
    return atomic_load(client->status) & bit;
}

static struct vn_ring *
the_ring(struct client *client)
{
    return vn_ring_find(&client->venus->rings, RING_ID);
}

#endif
