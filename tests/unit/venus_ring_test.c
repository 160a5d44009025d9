/*
 * Rings: what is executed and when head says so, idleness and notification, waits in both directions, ends, refusals.
 * conformance: S3-05
 */
#include <sys/resource.h>

#include "tests/unit/venus_ring_client.h"

UTEST(commands_are_executed_and_head_says_so)
{
    struct client client = begin_good();
    EXPECT_EQ(toy.ring_count, 1);
    for (uint32_t i = 1; i <= 1000; i++) { /* many times around the buffer */
        submit(&client, TOY_COUNT, i);
        EXPECT_TRUE(wait_done(&client, client.written));
    }
    EXPECT_EQ(toy.sum, 500500);
    EXPECT_EQ(the_ring(&client)->counters.byte_count, 8000);
    EXPECT_EQ(the_ring(&client)->counters.command_count, 1000);
    end(&client);
}

UTEST(a_command_may_lie_across_the_end_of_the_buffer)
{
    struct client client = begin_good();
    for (uint32_t i = 0; i < 300; i++) {
        write_word(&client, TOY_LONG);
        write_word(&client, 12);
        client.written += 12;
        flush(&client);
        EXPECT_TRUE(wait_done(&client, client.written));
    }
    EXPECT_EQ(toy.sum, 300);
    end(&client);
}

UTEST(head_has_moved_before_a_command_that_waits)
{
    struct client client = begin_good();
    write_word(&client, TOY_COUNT);
    write_word(&client, 1);
    write_word(&client, TOY_WAIT_VIRTQUEUE);
    write_word(&client, 1);
    write_word(&client, TOY_COUNT);
    write_word(&client, 1);
    flush(&client);
    EXPECT_TRUE(wait_done(&client, 8));
    EXPECT_FALSE(is_done(&client, 16));
    wait_ring_seqno(client.venus, 8);
    EXPECT_FALSE(client.venus->exec.has_failed);
    submit_virtqueue_seqno(client.venus, 1);
    EXPECT_TRUE(wait_done(&client, 24));
    end(&client);
}

UTEST(the_reply_is_there_when_head_is)
{
    struct client client = begin_good();
    uint32_t *reply = (uint32_t *)(void *)(client.map + 32768);
    submit(&client, TOY_SET_REPLY, 32768);
    for (uint32_t i = 0; i < 1000; i++) {
        submit(&client, TOY_REPLY, i);
        EXPECT_TRUE(wait_done(&client, client.written));
        EXPECT_EQ(reply[i], i);
    }
    end(&client);
}

UTEST(a_tail_beyond_the_buffer_kills_the_context)
{
    struct client client = begin_good();
    client.written = BUFFER_BYTES + 4;
    flush(&client);
    EXPECT_TRUE(wait_status(&client, VN_RING_FATAL));
    EXPECT_DEATH(client.venus, "is 1028 bytes ahead of head 0");
    end(&client);

    client = begin_good();
    client.written = 6;
    flush(&client);
    EXPECT_TRUE(wait_status(&client, VN_RING_FATAL));
    EXPECT_DEATH(client.venus, "multiple of 4");
    end(&client);
}

UTEST(a_wrong_command_kills_the_context_and_stops_every_ring)
{
    struct client client = begin_good();
    VkRingCreateInfoMESA info = good_info();
    info.offset = 8192;
    create_ring(client.venus, 2, &info);
    _Atomic uint32_t *second_status = (_Atomic uint32_t *)(void *)(client.map + 8192 + 128);
    submit(&client, TOY_FAIL, 0);
    EXPECT_TRUE(wait_status(&client, VN_RING_FATAL));
    uint64_t end_ns = vn_os_now_ns() + PATIENCE_NS;
    while (!(atomic_load(second_status) & VN_RING_FATAL) && vn_os_now_ns() < end_ns) {
        vn_os_yield();
    }
    EXPECT_TRUE(atomic_load(second_status) & VN_RING_FATAL);
    EXPECT_FALSE(is_done(&client, 8));
    EXPECT_EQ(toy.fatal_count, 1);
    end(&client);
}

UTEST(a_ring_made_in_a_dying_context_is_told)
{
    struct client client = begin_good();
    vn_fatal(client.venus, "for the test");
    EXPECT_TRUE(atomic_load(client.status) & VN_RING_FATAL);
    VkRingCreateInfoMESA info = good_info();
    info.offset = 8192;
    create_ring(client.venus, 2, &info);
    EXPECT_TRUE(atomic_load((_Atomic uint32_t *)(void *)(client.map + 8192 + 128)) & VN_RING_FATAL);
    end(&client);
}

UTEST(an_idle_ring_sleeps_until_it_is_notified)
{
    struct client client = begin_good();
    EXPECT_TRUE(wait_status(&client, VN_RING_IDLE));
    struct vn_ring *ring = the_ring(&client);
    uint64_t nap_count = ring->counters.nap_count;
    vn_os_sleep_ns(200 * MS);
    EXPECT_EQ(ring->counters.nap_count, nap_count);
    EXPECT_EQ(ring->counters.wakeup_count, 0);
    /* Asleep indeed: a tail without a notification is not seen. */
    write_word(&client, TOY_COUNT);
    write_word(&client, 1);
    atomic_store(client.tail, client.written);
    vn_os_sleep_ns(50 * MS);
    EXPECT_FALSE(is_done(&client, 8));
    notify(client.venus);
    EXPECT_TRUE(wait_done(&client, 8));
    EXPECT_TRUE(wait_status(&client, VN_RING_IDLE));
    EXPECT_EQ(ring->counters.wakeup_count, 1);
    end(&client);
}

UTEST(a_client_that_leaves_its_habit_costs_one_look)
{
    struct client client = begin_good();
    struct vn_ring *ring = the_ring(&client);
    for (int i = 0; i < 20; i++) {
        vn_os_sleep_ns(8 * MS);
        submit(&client, TOY_COUNT, 1);
        EXPECT_TRUE(wait_done(&client, client.written));
    }
    vn_os_sleep_ns(50 * MS);
    uint64_t wakeup_count = ring->counters.wakeup_count;
    uint64_t nap_count = ring->counters.nap_count;
    EXPECT_TRUE(wakeup_count <= 2 * 20 + 1);
    vn_os_sleep_ns(300 * MS);
    EXPECT_EQ(ring->counters.wakeup_count, wakeup_count);
    EXPECT_EQ(ring->counters.nap_count, nap_count);
    EXPECT_TRUE(atomic_load(client.status) & VN_RING_IDLE);
    end(&client);
}

/* The window between the last command and sleep, from both sides: no tail is missed although notifications are rare. */
UTEST(no_wakeup_is_lost)
{
    struct client client = begin_good();
    uint32_t seed = 12345;
    uint64_t end_ns = vn_os_now_ns() + 1500 * MS;
    for (uint32_t i = 0; vn_os_now_ns() < end_ns; i++) {
        submit(&client, TOY_COUNT, 1);
        if (!EXPECT_TRUE(wait_done(&client, client.written))) {
            break;
        }
        seed = seed * 1103515245 + 12345;
        uint32_t pause_us = (seed >> 16) % 1500 * (i % 4 / 3) + (seed >> 16) % 60;
        uint64_t until_ns = vn_os_now_ns() + pause_us * UINT64_C(1000);
        if (i % 2) {
            vn_os_sleep_ns(pause_us * UINT64_C(1000));
        }
        while (vn_os_now_ns() < until_ns) {
            vn_os_pause();
        }
    }
    end(&client);
}

UTEST(the_contexts_stream_waits_for_a_ring)
{
    struct client client = begin_good();
    for (uint32_t i = 0; i < 200; i++) {
        submit(&client, TOY_COUNT, 1);
        if (i % 20 == 0) {
            submit(&client, TOY_SLEEP_MS, 2);
        }
        wait_ring_seqno(client.venus, client.written);
        EXPECT_TRUE(wait_done(&client, client.written));
    }
    EXPECT_FALSE(client.venus->exec.has_failed);
    /* Even asleep with a tail that nobody told it of. */
    EXPECT_TRUE(wait_status(&client, VN_RING_IDLE));
    write_word(&client, TOY_COUNT);
    write_word(&client, 1);
    atomic_store(client.tail, client.written);
    wait_ring_seqno(client.venus, client.written);
    EXPECT_TRUE(wait_done(&client, client.written));
    EXPECT_FALSE(client.venus->exec.has_failed);
    end(&client);
}

UTEST(waits_that_cannot_end_kill_the_context)
{
    struct client client = begin_good();
    wait_ring_seqno(client.venus, 8);
    EXPECT_DEATH(client.venus, "is beyond the tail");
    end(&client);

    client = begin_good();
    submit(&client, TOY_WAIT_VIRTQUEUE, 5);
    submit_virtqueue_seqno(client.venus, 4);
    wait_ring_seqno(client.venus, 8);
    EXPECT_DEATH(client.venus, "itself waits for a seqno");
    end(&client);

    client = begin_good();
    submit(&client, TOY_WAIT_VIRTQUEUE, 5);
    vn_os_sleep_ns(5 * MS);
    destroy_ring(client.venus, RING_ID);
    EXPECT_DEATH(client.venus, "being destroyed");
    end(&client);
}

static void *
take_tail_back(void *argument)
{
    struct client *client = argument;
    vn_os_sleep_ns(30 * MS);
    atomic_store(client->tail, client->written);
    return NULL;
}

UTEST(a_wait_for_a_tail_that_is_taken_back_kills_the_context)
{
    struct client client = begin_good();
    write_word(&client, TOY_COUNT);
    write_word(&client, 1);
    submit(&client, TOY_HOLD, 0);
    EXPECT_TRUE(wait_done(&client, 8)); /* the ring is held, and looks at no tail */
    atomic_store(client.tail, client.written + 8);
    pthread_t thread;
    EXPECT_EQ(pthread_create(&thread, NULL, take_tail_back, &client), 0);
    wait_ring_seqno(client.venus, client.written + 8);
    EXPECT_DEATH(client.venus, "is beyond the tail");
    (void)pthread_join(thread, NULL);
    atomic_store(&toy.is_released, true);
    end(&client);
}

UTEST(a_virtqueue_seqno_counts_before_and_during_the_wait)
{
    struct client client = begin_good();
    submit_virtqueue_seqno(client.venus, 3);
    submit_virtqueue_seqno(client.venus, 2);
    submit(&client, TOY_WAIT_VIRTQUEUE, 3);
    EXPECT_TRUE(wait_done(&client, client.written));
    for (uint32_t i = 4; i < 200; i++) {
        submit(&client, TOY_WAIT_VIRTQUEUE, i);
        if (i % 3 == 0) {
            vn_os_yield();
        }
        submit_virtqueue_seqno(client.venus, i);
        wait_ring_seqno(client.venus, client.written);
        if (!EXPECT_FALSE(client.venus->exec.has_failed)) {
            break;
        }
    }
    end(&client);
}

static void *
die_soon(void *argument)
{
    vn_os_sleep_ns(20 * MS);
    vn_fatal(argument, "for the test");
    return NULL;
}

UTEST(the_contexts_death_ends_every_wait)
{
    struct client client = begin_good();
    submit(&client, TOY_SLEEP_MS, 100);
    submit(&client, TOY_COUNT, 1);
    pthread_t thread;
    EXPECT_EQ(pthread_create(&thread, NULL, die_soon, client.venus), 0);
    wait_ring_seqno(client.venus, client.written);
    EXPECT_TRUE(client.venus->exec.has_failed);
    (void)pthread_join(thread, NULL);
    end(&client);
    EXPECT_EQ(toy.sum, 0);

    client = begin_good(); /* and its end: a ring that waits is no obstacle */
    submit(&client, TOY_WAIT_VIRTQUEUE, 5);
    vn_os_sleep_ns(5 * MS);
    end(&client);
    EXPECT_EQ(toy.fatal_count, 0);
}

UTEST(a_destroyed_ring_executes_what_is_in_it)
{
    struct client client = begin_good();
    submit(&client, TOY_SLEEP_MS, 20);
    for (uint32_t i = 0; i < 100; i++) {
        write_word(&client, TOY_COUNT);
        write_word(&client, 1);
    }
    atomic_store(client.tail, client.written);
    destroy_ring(client.venus, RING_ID);
    EXPECT_EQ(toy.sum, 100);
    EXPECT_EQ(client.venus->rings.gone.command_count, 101);
    EXPECT_EQ(toy.ring_count, 0);
    destroy_ring(client.venus, RING_ID);
    EXPECT_DEATH(client.venus, "there is no ring");
    end(&client);
}

UTEST(a_ring_whose_memory_is_destroyed_kills_the_context)
{
    struct client client = begin_good();
    EXPECT_EQ(venus_resource_destroy(client.venus, RES), VENUS_FATAL);
    EXPECT_TRUE(atomic_load(client.status) & VN_RING_FATAL);
    EXPECT_DEATH(client.venus, "destroy the ring first");
    end(&client);
}

UTEST(alive_is_set_again_and_again)
{
    VkRingCreateInfoMESA info = good_info();
    const VkRingMonitorInfoMESA slow = { .sType = VK_STRUCTURE_TYPE_RING_MONITOR_INFO_MESA,
                                         .maxReportingPeriodMicroseconds = 3000000 };
    info.pNext = &slow;
    struct client client = begin(&info);
    EXPECT_TRUE(atomic_load(client.status) & VN_RING_ALIVE);
    const VkRingMonitorInfoMESA fast = { .sType = VK_STRUCTURE_TYPE_RING_MONITOR_INFO_MESA,
                                         .maxReportingPeriodMicroseconds = 100000 };
    info.pNext = &fast;
    info.offset = 8192;
    create_ring(client.venus, 2, &info);
    vn_os_sleep_ns(20 * MS);
    for (int i = 0; i < 3; i++) {
        atomic_fetch_and(client.status, ~VN_RING_ALIVE);
        uint64_t begin_ns = vn_os_now_ns();
        EXPECT_TRUE(wait_status(&client, VN_RING_ALIVE));
        EXPECT_TRUE(vn_os_now_ns() - begin_ns < 1000 * MS); /* the slow ring alone: 1500 */
    }
    const VkRingMonitorInfoMESA never = { .sType = VK_STRUCTURE_TYPE_RING_MONITOR_INFO_MESA };
    info.pNext = &never;
    info.offset = 16384;
    create_ring(client.venus, 3, &info);
    EXPECT_DEATH(client.venus, "a reporting period of 0");
    end(&client);
}

UTEST(a_priority_beyond_what_is_permitted_is_no_error)
{
    VkRingCreateInfoMESA info = good_info();
    const VkRingPriorityInfoMESA priority = { .sType = VK_STRUCTURE_TYPE_RING_PRIORITY_INFO_MESA,
                                              .priority = 100 };
    info.pNext = &priority;
    int before = getpriority(PRIO_PROCESS, 0);
    struct client client = begin(&info);
    submit(&client, TOY_COUNT, 1);
    EXPECT_TRUE(wait_done(&client, 8));
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), before);
    end(&client);
}

UTEST(extra_is_written_within_its_bounds)
{
    struct client client = begin_good();
    struct vn_args_vkWriteRingExtraMESA args = { RING_ID, 0, 4711 };
    vn_on_vkWriteRingExtraMESA(&client.venus->exec, &args);
    uint32_t value = 0;
    memcpy(&value, client.map + 192 + BUFFER_BYTES, 4);
    EXPECT_EQ(value, 4711);
    args.offset = 4;
    vn_on_vkWriteRingExtraMESA(&client.venus->exec, &args);
    EXPECT_DEATH(client.venus, "offset 4; expected");
    end(&client);
}

struct refusal {
    const char *part;
    size_t at; /* of the member of VkRingCreateInfoMESA that is wrong */
    size_t value;
};
#define WRONG(member, value, part)                                                                 \
 {                                                                                                 \
  part, offsetof(VkRingCreateInfoMESA, member), value                                              \
 }

static const struct refusal refusals[] = {
    WRONG(offset, 2, "head at 0, 4 bytes; expected a multiple of 4"),
    WRONG(offset, 65536, "resource 1 has 65536"),
    WRONG(offset, SIZE_MAX - 3, "expected within shared memory"),
    WRONG(size, 65540, "resource 1 has 65536"),
    WRONG(size, 1000, "buffer at 192, 1024 bytes"),
    WRONG(headOffset, 1, "head at 1"),
    WRONG(headOffset, SIZE_MAX - 3, "head at"),
    WRONG(tailOffset, 1220, "tail at 1220"),
    WRONG(tailOffset, 0, "tail at 0 overlaps head"),
    WRONG(statusOffset, 192, "buffer at 192 overlaps status"),
    WRONG(bufferOffset, 128, "buffer at 128 overlaps status"),
    WRONG(bufferOffset, SIZE_MAX - 1023, "buffer at"),
    WRONG(bufferSize, 1000, "expected a power of two"),
    WRONG(bufferSize, 0, "expected a power of two"),
    WRONG(bufferSize, 2, "expected a power of two"),
    WRONG(bufferSize, (size_t)32 << 20, "expected a power of two"),
    WRONG(extraOffset, 512, "extra at 512 overlaps buffer"),
    WRONG(extraSize, 8, "extra at 1216, 8 bytes"),
    WRONG(extraSize, SIZE_MAX, "extra at 1216"),
};

UTEST(wrong_layouts_kill_the_context)
{
    struct venus *venus = toy_begin();
    uint8_t *map = toy_shm(venus, RES, SHM_BYTES);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        VkRingCreateInfoMESA info = good_info();
        memcpy((uint8_t *)&info + refusals[i].at, &refusals[i].value, sizeof(size_t));
        create_ring(venus, RING_ID, &info);
        EXPECT_DEATH(venus, refusals[i].part);
    }
    VkRingCreateInfoMESA info = good_info();
    map[0] = 8;
    create_ring(venus, RING_ID, &info);
    EXPECT_DEATH(venus, "head is 8, status is 0");
    map[0] = 0;
    map[128] = 1;
    create_ring(venus, RING_ID, &info);
    EXPECT_DEATH(venus, "status is 0x1");
    EXPECT_EQ(venus->rings.live_count, 0);
    vn_os_unmap(map, SHM_BYTES);
    toy_end(venus);
}

UTEST(wrong_uses_of_rings_kill_the_context)
{
    struct client client = begin_good();
    struct venus *venus = client.venus;
    VkRingCreateInfoMESA info = good_info();
    info.offset = 8192;
    create_ring(venus, RING_ID, &info);
    EXPECT_DEATH(venus, "exists already");
    struct vn_args_vkNotifyRingMESA args = { .ring = 99 };
    vn_on_vkNotifyRingMESA(&venus->exec, &args);
    EXPECT_DEATH(venus, "there is no ring 0x63");
    struct vn_args_vkWaitVirtqueueSeqnoMESA wait = { 1 };
    vn_on_vkWaitVirtqueueSeqnoMESA(&venus->exec, &wait);
    EXPECT_DEATH(venus, "expected in a ring");
    struct vn_exec within = { .venus = venus, .ring = the_ring(&client) };
    vn_on_vkNotifyRingMESA(&within, &args);
    EXPECT_DEATH(venus, "expected in the context's own stream");
    struct vn_args_vkCreateRingMESA create = { 5, &info };
    within.has_failed = false;
    vn_on_vkCreateRingMESA(&within, &create);
    EXPECT_DEATH(venus, "expected in the context's own stream");
    create_ring(venus, 2, &info);
    info.offset = 16384;
    create_ring(venus, 3, &info);
    info.offset = 24576;
    create_ring(venus, 4, &info);
    EXPECT_DEATH(venus, "3 rings exist");
    info.resourceId = 77;
    destroy_ring(venus, 3);
    create_ring(venus, 4, &info);
    EXPECT_DEATH(venus, "there is no resource 77");
    end(&client);
}

UTEST(nothing_leaks)
{
    int fd_count = open_fd_count();
    for (int i = 0; i < 20; i++) {
        struct client client = begin_good();
        submit(&client, TOY_COUNT, 1);
        end(&client);
    }
    EXPECT_EQ(open_fd_count(), fd_count);
}
