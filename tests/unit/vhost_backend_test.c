/*
 * The socket of requests to the front-end: what is asked on it, and what becomes of that when another takes its place.
 * A user's guest keeps its memory in the host-visible window, whatever its front-end does with its sockets.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/vhost/session.h"
#include "tests/unit/utest.h"

enum { TURN_NS = 2000000, LET_GO_NS = 600000000, TOKEN = 7, OFFSET = 4096, SIZE_BYTES = 8192 };

static struct {
    struct vhost vhost;
    int front; /* the front-end's end of the newest socket */
    int memory;
    unsigned let_go_count;
    unsigned fail_count;
    uint64_t done_token; /* 0: none */
    bool is_done;
} rig;

/* --- what the rest of the session would do --- */

bool
vhost_has(const struct vhost *vhost, enum vhost_protocol_feature feature)
{
    (void)vhost;
    (void)feature;
    return true;
}

void
vhost_let_go(struct vhost *vhost)
{
    rig.let_go_count++;
    vhost_backend_close(vhost);
}

void
vhost_fail(struct vhost *vhost, const char *format, ...)
{
    (void)format;
    rig.fail_count++;
    vhost_backend_close(vhost);
}

void
gpu_map_done(struct gpu *gpu, uint64_t token, bool is_done)
{
    (void)gpu;
    rig.done_token = token;
    rig.is_done = is_done;
}

/* --- the front-end --- */

static void
stop(void *user)
{
    (void)user;
    loop_stop(rig.vhost.config.loop);
}

static void
turn(uint64_t ns)
{
    struct loop_timer timer = { .on_late = stop };
    loop_timer_set(rig.vhost.config.loop, &timer, ns);
    EXPECT_EQ(loop_run(rig.vhost.config.loop), 0);
}

/* Gives the back-end a new socket; the old one is left as it is.  Returns: the front-end's end of that one. */
static int
renew(void)
{
    int pair[2];
    int old = rig.front;
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    rig.front = pair[0];
    EXPECT_TRUE(vhost_backend_open(&rig.vhost, pair[1]));
    return old;
}

static void
begin(void)
{
    memset(&rig, 0, sizeof(rig));
    rig.front = rig.vhost.backend = -1;
    rig.vhost.asked_end = &rig.vhost.asked;
    rig.vhost.config.loop = loop_create();
    rig.vhost.queues[VIRTIO_GPU_CONTROLQ].is_running = true;
    rig.vhost.queues[VIRTIO_GPU_CONTROLQ].is_enabled = true;
    rig.memory = memfd_create("blob", MFD_CLOEXEC);
    (void)renew();
}

static void
finish(void)
{
    vhost_backend_close(&rig.vhost);
    loop_destroy(rig.vhost.config.loop);
    (void)close(rig.front);
    (void)close(rig.memory);
}

/* The next request.  Returns: 0: there is none. */
static uint32_t
next(void)
{
    struct vhost_header header = { 0 };
    struct vhost_shmem_map map;
    turn(TURN_NS);
    if (recv(rig.front, &header, sizeof(header), MSG_DONTWAIT) != (ssize_t)sizeof(header)) {
        return 0;
    }
    if (header.size_bytes != 0) {
        EXPECT_EQ(recv(rig.front, &map, sizeof(map), MSG_DONTWAIT), sizeof(map));
        EXPECT_EQ(map.shm_offset, OFFSET);
    }
    return header.request;
}

static void
answer(uint32_t request)
{
    const struct vhost_header header = { request, VHOST_VERSION | VHOST_REPLY, sizeof(uint64_t) };
    const uint64_t status = 0;
    EXPECT_EQ(send(rig.front, &header, sizeof(header), 0), sizeof(header));
    EXPECT_EQ(send(rig.front, &status, sizeof(status), 0), sizeof(status));
}

static bool
map(void)
{
    return vhost_map(&rig.vhost, TOKEN, rig.memory, 0, OFFSET, SIZE_BYTES);
}

static bool
is_mapped(void)
{
    struct stat status;
    EXPECT_EQ(fstat(rig.memory, &status), 0);
    return vhost_is_mapped(&rig.vhost, status.st_dev, status.st_ino);
}

UTEST(what_is_mapped_stays_when_the_socket_is_another)
{
    begin();
    EXPECT_TRUE(map());
    EXPECT_EQ(next(), VHOST_BACKEND_SHMEM_MAP);
    answer(VHOST_BACKEND_SHMEM_MAP);
    turn(TURN_NS);
    EXPECT_EQ(rig.done_token, TOKEN);
    EXPECT_TRUE(rig.is_done);
    (void)close(rig.front);
    turn(TURN_NS); /* its end is seen */
    (void)renew();
    EXPECT_TRUE(is_mapped());
    EXPECT_TRUE(vhost_unmap(&rig.vhost, TOKEN + 1, OFFSET, SIZE_BYTES));
    EXPECT_EQ(next(), VHOST_BACKEND_SHMEM_UNMAP);
    answer(VHOST_BACKEND_SHMEM_UNMAP);
    turn(LET_GO_NS);
    EXPECT_EQ(rig.done_token, TOKEN + 1);
    EXPECT_FALSE(is_mapped());
    EXPECT_EQ(rig.let_go_count, 0);
    finish();
}

UTEST(what_is_asked_between_two_sockets_is_said_on_the_second)
{
    begin();
    (void)close(rig.front);
    turn(TURN_NS);
    vhost_config_changed(&rig.vhost);
    EXPECT_TRUE(map());
    EXPECT_EQ(next(), 0);
    (void)renew();
    EXPECT_EQ(next(), VHOST_BACKEND_SHMEM_MAP);
    EXPECT_EQ(next(), 0); /* one at a time */
    answer(VHOST_BACKEND_SHMEM_MAP);
    EXPECT_EQ(next(), VHOST_BACKEND_CONFIG_CHANGE);
    EXPECT_TRUE(rig.is_done);
    finish();
}

/* Whether it has answered what was asked, on the socket that it then replaced, or has not. */
UTEST(a_request_is_not_lost_with_its_socket)
{
    for (unsigned is_answered = 0; is_answered < 2; is_answered++) {
        begin();
        EXPECT_TRUE(map());
        EXPECT_EQ(next(), VHOST_BACKEND_SHMEM_MAP);
        if (is_answered != 0) {
            answer(VHOST_BACKEND_SHMEM_MAP);
        }
        int old = renew(); /* the old one still open */
        (void)close(old);
        EXPECT_EQ(next(), is_answered != 0 ? 0 : VHOST_BACKEND_SHMEM_MAP);
        EXPECT_EQ(rig.done_token, is_answered != 0 ? TOKEN : 0);
        if (is_answered == 0) {
            answer(VHOST_BACKEND_SHMEM_MAP);
            turn(TURN_NS);
        }
        EXPECT_EQ(rig.done_token, TOKEN);
        EXPECT_TRUE(is_mapped());
        EXPECT_EQ(rig.let_go_count + rig.fail_count, 0);
        finish();
    }
}

UTEST(a_wrong_answer_on_the_old_socket_is_no_better_for_a_new_one)
{
    begin();
    answer(VHOST_BACKEND_SHMEM_MAP); /* which nobody asked */
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    EXPECT_FALSE(vhost_backend_open(&rig.vhost, pair[1]));
    EXPECT_EQ(rig.fail_count, 1);
    (void)close(pair[0]);
    finish();
}

/* More regions than it has slots for end QEMU: a piece of RAM is one, and a blob until QEMU says that it is out. */
UTEST(there_is_room_for_as_many_blobs_as_qemu_has_slots)
{
    begin();
    rig.vhost.guest.region_count = 2;
    unsigned count = 0;
    while (vhost_has_room(&rig.vhost) && count < VHOST_SLOT_COUNT) {
        EXPECT_TRUE(map());
        count++;
    }
    EXPECT_EQ(count, VHOST_SLOT_COUNT - VHOST_SPARE_SLOT_COUNT - 2);
    for (unsigned i = 0; i < count; i++) {
        EXPECT_EQ(next(), VHOST_BACKEND_SHMEM_MAP);
        answer(VHOST_BACKEND_SHMEM_MAP);
    }
    EXPECT_TRUE(vhost_unmap(&rig.vhost, TOKEN, OFFSET, SIZE_BYTES));
    EXPECT_EQ(next(), VHOST_BACKEND_SHMEM_UNMAP);
    EXPECT_FALSE(vhost_has_room(&rig.vhost));
    answer(VHOST_BACKEND_SHMEM_UNMAP);
    turn(TURN_NS);
    EXPECT_TRUE(vhost_has_room(&rig.vhost));
    finish();
}

/* QEMU's way to let go of its device. */
UTEST(without_another_socket_the_device_is_let_go_of)
{
    begin();
    (void)close(rig.front);
    rig.front = -1;
    turn(TURN_NS);
    EXPECT_EQ(rig.let_go_count, 0);
    turn(LET_GO_NS);
    EXPECT_EQ(rig.let_go_count, 1);
    EXPECT_FALSE(map());
    finish();
}
