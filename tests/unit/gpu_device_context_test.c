/*
 * Contexts of our GPU device: capability set, streams, fences by timeline, against real context servers in threads, on a
 * venus that does nothing (tests/fake/venus_fake.h).
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/packet.h"
#include "device/render_wire.h"
#include "tests/fake/venus_fake.h"
#include "tests/loop/loop_guest.h"
#include "tests/unit/gpu_device_answers.h"
#include "tests/unit/utest.h"

enum { CONTROL = VIRTIO_GPU_CONTROLQ, CURSOR = VIRTIO_GPU_CURSORQ, MS = 8000, SOON_MS = 30 };

static struct loop_guest guest;
static const struct loop_guest_wish vulkan = { .has_vulkan = true };
static const uint32_t nothing[1] = { FAKE_NOTHING };

static void
begin(void)
{
    EXPECT_TRUE(loop_guest_begin(&guest, &vulkan));
}

static uint32_t
take(unsigned ms)
{
    return loop_guest_take(&guest, CONTROL, ms);
}

static uint32_t
submit(uint32_t ctx_id, const uint32_t *words, uint32_t count)
{
    (void)loop_send_stream(&guest, loop_header_of(0, ctx_id), words, count);
    return take(MS);
}

static uint32_t
of_context(uint32_t type, uint32_t ctx_id)
{
    const struct virtio_gpu_ctrl_hdr command = loop_header_of(type, ctx_id);
    return loop_guest_ask(&guest, &command, sizeof(command));
}

UTEST(the_capability_set_is_venus)
{
    struct virtio_gpu_get_capset_info info = { loop_header(VIRTIO_GPU_CMD_GET_CAPSET_INFO),
                                               { 0 },
                                               { 0 } };
    struct virtio_gpu_get_capset command = { loop_header(VIRTIO_GPU_CMD_GET_CAPSET),
                                             le32_from(VIRTIO_GPU_CAPSET_VENUS),
                                             { 0 } };
    begin();
    EXPECT_EQ(gpu_features(guest.host.gpu) & 0x1f, 0x1f);
    EXPECT_EQ(loop_guest_ask(&guest, &info, sizeof(info)), VIRTIO_GPU_RESP_OK_CAPSET_INFO);
    EXPECT_EQ(le32_get(guest.answer.capset_info.capset_id), 4);
    EXPECT_EQ(le32_get(guest.answer.capset_info.capset_max_size), VENUS_CAPSET_BYTES);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), VIRTIO_GPU_RESP_OK_CAPSET);
    EXPECT_EQ(guest.answer_bytes, 24 + VENUS_CAPSET_BYTES);
    EXPECT_EQ(guest.answer.bytes[24], 1);
    info.capset_index = le32_from(1);
    EXPECT_EQ(loop_guest_ask(&guest, &info, sizeof(info)), BAD_VALUE);
    command.capset_version = le32_from(1);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), BAD_VALUE);
    command.capset_version = le32_from(0);
    command.capset_id = le32_from(VIRTIO_GPU_CAPSET_VIRGL2);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), BAD_VALUE);
    loop_guest_end(&guest);
}

UTEST(contexts_come_and_go)
{
    struct virtio_gpu_ctx_create command = { .hdr = loop_header_of(VIRTIO_GPU_CMD_CTX_CREATE, 3),
                                             .nlen = le32_from(65) };
    begin();
    EXPECT_EQ(loop_create_context(&guest, 0, 4), NO_CONTEXT);
    EXPECT_EQ(loop_create_context(&guest, 3, VIRTIO_GPU_CAPSET_VIRGL2), BAD_VALUE);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), BAD_VALUE);
    EXPECT_EQ(loop_create_context(&guest, 3, 4), OK);
    EXPECT_EQ(loop_create_context(&guest, 3, 4), NO_CONTEXT);
    EXPECT_EQ(loop_create_context(&guest, 4, 0), OK); /* the device chooses */
    EXPECT_EQ(submit(3, nothing, 1), OK);
    EXPECT_EQ(submit(4, nothing, 1), OK);
    EXPECT_EQ(submit(5, nothing, 1), NO_CONTEXT);
    EXPECT_EQ(of_context(VIRTIO_GPU_CMD_CTX_DESTROY, 3), OK);
    EXPECT_EQ(of_context(VIRTIO_GPU_CMD_CTX_DESTROY, 3), NO_CONTEXT);
    EXPECT_EQ(submit(3, nothing, 1), NO_CONTEXT);
    EXPECT_EQ(loop_create_context(&guest, 3, 4), OK);
    loop_guest_end(&guest);
    EXPECT_EQ(guest.server.context_count, 3);
    EXPECT_EQ(guest.server.destroyed_count, 3);
}

UTEST(there_is_a_limit_of_contexts)
{
    struct loop_guest_wish wish = vulkan;
    wish.limits.context_count = 2;
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    EXPECT_EQ(loop_create_context(&guest, 2, 4), OK);
    EXPECT_EQ(loop_create_context(&guest, 3, 4), FULL);
    EXPECT_EQ(of_context(VIRTIO_GPU_CMD_CTX_DESTROY, 1), OK);
    EXPECT_EQ(loop_create_context(&guest, 3, 4), OK);
    loop_guest_end(&guest);
}

UTEST(streams_of_every_length_arrive_whole)
{
    enum { WORDS = 65536 };
    uint32_t *words = malloc((WORDS + 1) * sizeof(*words));
    static const uint32_t lengths[] = { 0, 1, 63, 64, 65, 1000, WORDS };
    struct virtio_gpu_cmd_submit odd = { loop_header_of(VIRTIO_GPU_CMD_SUBMIT_3D, 1),
                                         le32_from(2),
                                         { 0 } };
    begin();
    for (unsigned i = 0; i <= WORDS; i++) {
        words[i] = FAKE_NOTHING;
    }
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        (void)loop_send_stream(&guest, loop_fenced(1, 0, i), words, lengths[i]);
        EXPECT_EQ(take(MS), OK); /* alive: no byte was lost */
    }
    EXPECT_EQ(submit(1, words, WORDS + 1), FULL);
    EXPECT_EQ(loop_guest_ask(&guest, &odd, sizeof(odd)), BAD_VALUE);
    odd.size = le32_from(4); /* nothing follows */
    EXPECT_EQ(loop_guest_ask(&guest, &odd, sizeof(odd)), BAD_VALUE);
    odd.size = le32_from(UINT32_MAX - 3);
    EXPECT_EQ(loop_guest_ask(&guest, &odd, sizeof(odd)), BAD_VALUE);
    EXPECT_EQ(submit(1, nothing, 1), OK);
    free(words);
    loop_guest_end(&guest);
}

UTEST(a_fence_waits_for_its_timeline_and_holds_nobody_up)
{
    const uint32_t release[2] = { FAKE_RELEASE, 1 };
    begin();
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    EXPECT_EQ(loop_create_context(&guest, 2, 4), OK);
    unsigned first = loop_send_stream(&guest, loop_fenced(1, 1, 100), nothing, 1);
    unsigned second = loop_send_stream(&guest, loop_fenced(1, 1, 101), nothing, 1);
    unsigned other = loop_send_stream(&guest, loop_fenced(2, 1, 102), nothing, 1);
    EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
    EXPECT_EQ(loop_create_2d(&guest, 1, 1, 4, 4), OK);
    (void)loop_send_stream(&guest, loop_fenced(1, 0, 103), nothing, 1); /* timeline 0: at once */
    EXPECT_EQ(take(MS), OK);
    EXPECT_EQ(le64_get(guest.answer.header.fence_id), 103);
    (void)loop_send_stream(&guest, loop_header_of(0, 1), release, 2);
    EXPECT_EQ(take(MS), OK);
    EXPECT_EQ(take(MS), OK);
    EXPECT_EQ(guest.answer_slot, first);
    EXPECT_EQ(le64_get(guest.answer.header.fence_id), 100);
    EXPECT_EQ(le32_get(guest.answer.header.flags),
              VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX);
    EXPECT_EQ(guest.answer.header.ring_idx, 1);
    EXPECT_EQ(le32_get(guest.answer.header.ctx_id), 1);
    EXPECT_EQ(take(MS), OK);
    EXPECT_EQ(guest.answer_slot, second);
    EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
    EXPECT_EQ(of_context(VIRTIO_GPU_CMD_CTX_DESTROY, 2), OK); /* what was fenced is over */
    EXPECT_EQ(guest.answer_slot, other);
    EXPECT_EQ(take(MS), OK);
    loop_guest_end(&guest);
}

/* It could empty its event while we come to read it, and take its O_NONBLOCK, which is also ours: so we do not read it. */
UTEST(a_renderer_cannot_make_the_device_wait_for_its_event)
{
    struct loop_guest_wish wish = vulkan;
    struct render_init init = { 0 };
    struct packet packet = { 0 };
    wish.mood = LOOP_SERVER_DEAF;
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    EXPECT_EQ(packet_receive(guest.server.deaf[0], &init, sizeof(init), &packet), PACKET_GOT);
    EXPECT_EQ(packet.fd_count, 2);
    EXPECT_EQ(fcntl(packet.fds[1], F_SETFL, 0), 0);
    EXPECT_EQ(eventfd_write(packet.fds[1], 1), 0);
    loop_device_turn(&guest.host, SOON_MS);
    struct pollfd event = { .fd = packet.fds[1], .events = POLLIN };
    EXPECT_EQ(poll(&event, 1, 0), 1);
    packet_close_fds(&packet);
    loop_guest_end(&guest);
}

/* The stream's end is what the fence is for: a driver that frees memory by it must not do so before. */
UTEST(a_fenced_stream_is_answered_after_it_was_executed_without_a_timeline_too)
{
    const uint32_t die[1] = { FAKE_DIE };
    struct virtio_gpu_ctrl_hdr header = loop_fenced(1, 200, 100); /* nobody reads ring_idx */
    header.flags = le32_from(VIRTIO_GPU_FLAG_FENCE);
    begin();
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    (void)loop_send_stream(&guest, header, nothing, 1);
    EXPECT_EQ(take(MS), OK);
    EXPECT_EQ(le64_get(guest.answer.header.fence_id), 100);
    EXPECT_EQ(le32_get(guest.answer.header.flags), VIRTIO_GPU_FLAG_FENCE);
    (void)loop_send_stream(&guest, header, die, 1);
    EXPECT_EQ(take(MS), REFUSED);
    header.ctx_id = le32_from(9);
    (void)loop_send_stream(&guest, header, nothing, 1);
    EXPECT_EQ(take(MS), NO_CONTEXT);
    loop_guest_end(&guest);
}

/* The machine stands still: its memory, too.  Afterwards it finds every answer, or a frame would wait for ever. */
UTEST(a_pause_holds_answers_back_and_loses_none)
{
    const uint32_t release[2] = { FAKE_RELEASE, 1 };
    begin();
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    (void)loop_send_stream(&guest, loop_fenced(1, 1, 100), nothing, 1);
    (void)loop_send_stream(&guest, loop_fenced(1, 1, 101), nothing, 1);
    (void)loop_send_stream(&guest, loop_header_of(0, 1), release, 2);
    gpu_queue_pause(guest.host.gpu, CONTROL);
    (void)loop_send_stream(&guest, loop_header_of(0, 1), nothing, 1);
    EXPECT_EQ(take(MS), OK); /* the release was carried out before */
    EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
    EXPECT_EQ(guest.host.vqs[CONTROL].in_flight_count, 2);
    gpu_queue_resume(guest.host.gpu, CONTROL);
    gpu_queue_ready(guest.host.gpu, CONTROL);
    for (uint64_t id = 100; id <= 101; id++) {
        EXPECT_EQ(take(MS), OK);
        EXPECT_EQ(le64_get(guest.answer.header.fence_id), id);
    }
    EXPECT_EQ(take(MS), OK); /* what was offered in between */
    loop_guest_end(&guest);
}

UTEST(a_reset_of_a_paused_device_forgets_what_it_held)
{
    const uint32_t release[2] = { FAKE_RELEASE, 1 };
    begin();
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    (void)loop_send_stream(&guest, loop_fenced(1, 1, 100), nothing, 1);
    (void)loop_send_stream(&guest, loop_fenced(1, 2, 101), nothing, 1);
    (void)loop_send_stream(&guest, loop_header_of(0, 1), release, 2);
    gpu_queue_pause(guest.host.gpu, CONTROL);
    loop_device_turn(&guest.host, SOON_MS);
    EXPECT_TRUE(loop_guest_reset(&guest, &vulkan));
    EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    EXPECT_EQ(submit(1, nothing, 1), OK);
    loop_guest_end(&guest);
}

UTEST(fences_are_checked_and_limited)
{
    struct loop_guest_wish wish = vulkan;
    wish.limits.fence_count = 2;
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    (void)loop_send_stream(&guest, loop_fenced(1, 64, 1), nothing, 1);
    EXPECT_EQ(take(MS), BAD_VALUE);
    (void)loop_send_stream(&guest, loop_fenced(9, 1, 1), nothing, 1);
    EXPECT_EQ(take(MS), NO_CONTEXT);
    (void)loop_send_stream(&guest, loop_fenced(1, 63, 1), nothing, 1);
    (void)loop_send_stream(&guest, loop_fenced(1, 62, 1), nothing, 1);
    (void)loop_send_stream(&guest, loop_fenced(1, 63, 2), nothing, 1);
    EXPECT_EQ(take(MS), FULL);
    EXPECT_EQ(le64_get(guest.answer.header.fence_id), 2);
    loop_guest_end(&guest);
}

UTEST(a_context_that_dies_takes_only_its_own_fences_with_it)
{
    const uint32_t die[1] = { FAKE_DIE };
    begin();
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    EXPECT_EQ(loop_create_context(&guest, 2, 4), OK);
    (void)loop_send_stream(&guest, loop_fenced(2, 1, 20), nothing, 1);
    (void)loop_send_stream(&guest, loop_fenced(1, 1, 10), nothing, 1);
    (void)loop_send_stream(&guest, loop_fenced(1, 2, 11), nothing, 1);
    (void)loop_send_stream(&guest, loop_fenced(1, 2, 12), die, 1);
    for (uint64_t id = 10; id <= 12; id++) {
        EXPECT_EQ(take(MS), REFUSED);
        EXPECT_EQ(le64_get(guest.answer.header.fence_id), id);
        EXPECT_TRUE(le32_get(guest.answer.header.flags) & VIRTIO_GPU_FLAG_FENCE);
    }
    EXPECT_TRUE(loop_device_logged(&guest.host, "context 1 (guest): its renderer has ended"));
    EXPECT_EQ(submit(1, nothing, 1), REFUSED);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, VIRTIO_GPU_BLOB_MEM_HOST3D, 0, 4096), REFUSED);
    (void)loop_send_stream(&guest, loop_fenced(1, 1, 13), nothing, 1);
    EXPECT_EQ(take(MS), REFUSED);
    EXPECT_EQ(submit(2, nothing, 1), OK);
    EXPECT_EQ(of_context(VIRTIO_GPU_CMD_CTX_DESTROY, 1), OK);
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    EXPECT_EQ(submit(1, nothing, 1), OK);
    loop_guest_end(&guest);
}

UTEST(a_reset_forgets_what_waits_for_fences)
{
    begin();
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    (void)loop_send_stream(&guest, loop_fenced(1, 1, 1), nothing, 1);
    (void)loop_send_stream(&guest, loop_fenced(1, 1, 2), nothing, 1);
    EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
    EXPECT_TRUE(loop_guest_reset(&guest, &vulkan));
    EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
    EXPECT_EQ(submit(1, nothing, 1), NO_CONTEXT);
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    EXPECT_EQ(submit(1, nothing, 1), OK);
    loop_guest_end(&guest);
}

UTEST(a_server_that_refuses_gives_an_error)
{
    struct loop_guest_wish wish = vulkan;
    wish.mood = LOOP_SERVER_REFUSING;
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
    EXPECT_EQ(loop_create_context(&guest, 1, 4), REFUSED);
    EXPECT_TRUE(loop_device_logged(&guest.host, "starts no renderer for context 1"));
    EXPECT_EQ(submit(1, nothing, 1), NO_CONTEXT);
    loop_guest_end(&guest);
}

UTEST(a_server_that_ends_leaves_2d_alive)
{
    struct loop_guest_wish wish = vulkan;
    wish.mood = LOOP_SERVER_SILENT;
    const struct virtio_gpu_ctx_create command = { .hdr = loop_header_of(VIRTIO_GPU_CMD_CTX_CREATE,
                                                                         1) };
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
    (void)loop_guest_send(&guest, &command, sizeof(command));
    EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
    EXPECT_EQ(shutdown(guest.server.socket, SHUT_RDWR), 0);
    EXPECT_EQ(take(MS), REFUSED);
    EXPECT_TRUE(loop_device_logged(&guest.host, "the render server has ended"));
    EXPECT_EQ(loop_create_context(&guest, 1, 4), REFUSED);
    EXPECT_EQ(loop_create_2d(&guest, 1, 1, 4, 4), OK);
    loop_guest_end(&guest);
}

/* Also what a reply that comes after its command's end does: nothing. */
UTEST(a_server_that_is_silent_holds_the_queue_up_for_seconds_only)
{
    struct loop_guest_wish wish = vulkan;
    wish.mood = LOOP_SERVER_SILENT;
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
    uint64_t start_ns = loop_now_ns();
    EXPECT_EQ(loop_create_context(&guest, 1, 4), REFUSED);
    EXPECT_TRUE(loop_now_ns() - start_ns > UINT64_C(4500000000));
    EXPECT_TRUE(loop_device_logged(&guest.host, "the render server did not answer CTX_CREATE"));
    uint8_t is_made = 0;
    EXPECT_EQ(send(guest.server.socket, &is_made, 1, 0), 1);
    EXPECT_EQ(loop_create_2d(&guest, 1, 1, 4, 4), OK);
    guest.server.mood = LOOP_SERVER_KIND;
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    EXPECT_EQ(submit(1, nothing, 1), OK);
    loop_guest_end(&guest);
}

UTEST(a_reset_ends_the_wait_for_a_server)
{
    struct loop_guest_wish wish = vulkan;
    wish.mood = LOOP_SERVER_SILENT;
    const struct virtio_gpu_ctx_create command = { .hdr = loop_header_of(VIRTIO_GPU_CMD_CTX_CREATE,
                                                                         1) };
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
    (void)loop_guest_send(&guest, &command, sizeof(command));
    EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
    EXPECT_TRUE(loop_guest_reset(&guest, &wish));
    uint8_t is_made = 0;
    EXPECT_EQ(send(guest.server.socket, &is_made, 1, 0), 1);
    guest.server.mood = LOOP_SERVER_KIND;
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    EXPECT_EQ(submit(1, nothing, 1), OK);
    loop_guest_end(&guest);
}

/* A renderer that does not read: its socket is full at some time; then the queue waits, the cursor does not. */
UTEST(a_renderer_that_does_not_read_is_given_up)
{
    enum { WORDS = 65536, COUNT = 14 };
    struct loop_guest_wish wish = vulkan;
    const struct virtio_gpu_update_cursor cursor = { .hdr =
                                                         loop_header(VIRTIO_GPU_CMD_MOVE_CURSOR) };
    uint32_t *words = calloc(WORDS, sizeof(*words));
    wish.mood = LOOP_SERVER_DEAF;
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    unsigned answered_count = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        (void)loop_send_stream(&guest, loop_header_of(0, 1), words, WORDS);
    }
    while (take(SOON_MS) == OK) {
        answered_count++;
    }
    EXPECT_TRUE(answered_count < COUNT);
    EXPECT_EQ(loop_guest_ask_cursor(&guest, &cursor, sizeof(cursor)), OK);
    EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
    for (unsigned i = answered_count; i < COUNT; i++) {
        EXPECT_EQ(take(MS), REFUSED);
    }
    EXPECT_TRUE(loop_device_logged(&guest.host, "its renderer took nothing for 5000 ms"));
    EXPECT_EQ(loop_create_2d(&guest, 1, 1, 4, 4), OK);
    free(words);
    loop_guest_end(&guest);
}

/* The same, but it was only slow: what waited in the outbox arrives, in order. */
UTEST(a_renderer_that_is_slow_loses_nothing)
{
    enum { WORDS = 65536, COUNT = 14, PACKET_BYTES = 1 << 18 };
    struct loop_guest_wish wish = vulkan;
    uint32_t *words = calloc(WORDS, sizeof(*words));
    uint32_t *packet = malloc(PACKET_BYTES);
    wish.mood = LOOP_SERVER_DEAF;
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        words[0] = i;
        words[WORDS - 1] = i;
        (void)loop_send_stream(&guest, loop_header_of(0, 1), words, WORDS);
    }
    loop_device_turn(&guest.host, SOON_MS);
    int fd = guest.server.deaf[0];
    EXPECT_EQ(recv(fd, packet, PACKET_BYTES, 0), 16); /* INIT */
    for (uint32_t i = 0; i < COUNT; i++) {
        loop_device_turn(&guest.host, 2);
        EXPECT_EQ(recv(fd, packet, PACKET_BYTES, 0), 264);
        EXPECT_EQ(packet[2], i);
        loop_device_turn(&guest.host, 2);
        EXPECT_EQ(recv(fd, packet, PACKET_BYTES, 0), WORDS * 4 - 256);
        EXPECT_EQ(packet[WORDS - 1 - 64], i);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        EXPECT_EQ(take(MS), OK);
    }
    free(packet);
    free(words);
    loop_guest_end(&guest);
}

UTEST(a_renderer_that_talks_unasked_is_given_up)
{
    struct loop_guest_wish wish = vulkan;
    wish.mood = LOOP_SERVER_DEAF;
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    EXPECT_EQ(send(guest.server.deaf[0], nothing, 4, 0), 4);
    loop_device_turn(&guest.host, SOON_MS);
    EXPECT_TRUE(loop_device_logged(&guest.host, "said what nobody had asked"));
    EXPECT_EQ(submit(1, nothing, 1), REFUSED);
    loop_guest_end(&guest);
}
