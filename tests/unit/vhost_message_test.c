/*
 * vhost-user messages: sizes, fds and what they say of their own length; parts that come one by one.
 * A user sees the sentence, and QEMU can connect again.
 */
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/packet.h"
#include "device/vhost/message.h"
#include "tests/unit/utest.h"

static struct fault fault;

static struct vhost_message
message(uint32_t request, uint32_t size_bytes, unsigned fd_count)
{
    struct vhost_message made = {
        .header = {request, VHOST_VERSION, size_bytes},
          .fd_count = fd_count
    };
    for (unsigned i = 0; i < VHOST_FD_COUNT_MAX; i++) {
        made.fds[i] = -1;
    }
    return made;
}

static bool
is_right(uint32_t request, uint32_t size_bytes, unsigned fd_count)
{
    struct vhost_message made = message(request, size_bytes, fd_count);
    return vhost_check_message(&made, &fault);
}

UTEST(every_fixed_size_is_checked)
{
    static const uint32_t fixed[][3] = {
        {VHOST_GET_FEATURES,        0,  0},
        { VHOST_SET_FEATURES,       8,  0},
        { VHOST_SET_VRING_NUM,      8,  0},
        { VHOST_SET_VRING_ADDR,     40, 0},
        { VHOST_GET_VRING_BASE,     8,  0},
        { VHOST_SET_VRING_KICK,     8,  1},
        { VHOST_SET_VRING_ENABLE,   8,  0},
        { VHOST_SET_BACKEND_REQ_FD, 0,  1},
        { VHOST_GPU_SET_SOCKET,     0,  1},
        { VHOST_ADD_MEM_REG,        40, 1},
        { VHOST_REM_MEM_REG,        40, 0},
        { VHOST_GET_SHMEM_CONFIG,   0,  0},
    };
    for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        EXPECT_TRUE(is_right(fixed[i][0], fixed[i][1], fixed[i][2]));
        EXPECT_FALSE(is_right(fixed[i][0], fixed[i][1] + 1, fixed[i][2]));
        EXPECT_CONTAINS(fault.text, vhost_request_name(fixed[i][0]));
        EXPECT_FALSE(is_right(fixed[i][0], fixed[i][1], fixed[i][2] + 2));
        EXPECT_FALSE(is_right(fixed[i][0], UINT32_MAX, fixed[i][2]));
    }
}

UTEST(unknown_messages_and_versions_are_refused)
{
    struct vhost_header header = { .request = 0, .flags = VHOST_VERSION };
    EXPECT_FALSE(vhost_check_header(&header, &fault));
    EXPECT_CONTAINS(fault.text, "message 0 is not one that this device takes");
    header.request = UINT32_MAX;
    EXPECT_FALSE(vhost_check_header(&header, &fault));
    header = (struct vhost_header){ .request = VHOST_GET_FEATURES, .flags = 2 };
    EXPECT_FALSE(vhost_check_header(&header, &fault));
    EXPECT_CONTAINS(fault.text, "only version 1");
}

UTEST(a_table_has_as_many_regions_as_bytes_and_fds)
{
    struct vhost_message table = message(VHOST_SET_MEM_TABLE, 8 + 2 * 32, 2);
    table.payload.table.count = 2;
    EXPECT_TRUE(vhost_check_message(&table, &fault));
    table.fd_count = 1;
    EXPECT_FALSE(vhost_check_message(&table, &fault));
    EXPECT_CONTAINS(fault.text, "tells of 2 regions in 72 bytes with 1 fds");
    table.fd_count = 2;
    table.payload.table.count = 0x08000002; /* times 32 it is 64, where products are 32 bits wide */
    EXPECT_FALSE(vhost_check_message(&table, &fault));
}

UTEST(configuration_stays_within_itself)
{
    struct vhost_message config = message(VHOST_GET_CONFIG, 12 + 20, 0);
    config.payload.config.size_bytes = 20;
    EXPECT_TRUE(vhost_check_message(&config, &fault));
    config.payload.config.size_bytes = 21;
    EXPECT_FALSE(vhost_check_message(&config, &fault));
    config.payload.config.size_bytes = 20;
    config.payload.config.offset = UINT32_MAX - 10;
    EXPECT_FALSE(vhost_check_message(&config, &fault));
    EXPECT_CONTAINS(fault.text, "GET_CONFIG names 20 bytes at 4294967285");
}

UTEST(a_queue_without_an_fd_says_so)
{
    struct vhost_message kick = message(VHOST_SET_VRING_KICK, 8, 0);
    EXPECT_FALSE(vhost_check_message(&kick, &fault));
    kick.payload.number = VHOST_VRING_NO_FD;
    EXPECT_TRUE(vhost_check_message(&kick, &fault));
    kick.fd_count = 1;
    EXPECT_FALSE(vhost_check_message(&kick, &fault));
}

/* QEMU may be stopped between any two bytes. */
/* Before a header is whole: who asks for the status here says no more, and waits. */
UTEST(who_speaks_something_else_is_told_apart_at_once)
{
    int pair[2];
    struct vhost_reader reader = { .got_bytes = 0 };
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    EXPECT_EQ(send(pair[0], "status\n", 7, 0), 7);
    EXPECT_EQ(vhost_read(pair[1], &reader, &fault), VHOST_READ_WRONG);
    EXPECT_CONTAINS(fault.text, "not one that this device takes");
    vhost_read_next(&reader);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

UTEST(a_message_may_come_byte_by_byte_and_another_behind_it)
{
    int pair[2];
    struct vhost_reader reader = { .got_bytes = 0 };
    struct vhost_header header = { VHOST_SET_VRING_CALL, VHOST_VERSION, 8 };
    uint8_t bytes[20] = { 0 };
    int event = eventfd(0, EFD_CLOEXEC);
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    memcpy(bytes, &header, sizeof(header));
    bytes[sizeof(header)] = 1;
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        EXPECT_EQ(vhost_read(pair[1], &reader, &fault), VHOST_READ_MORE);
        EXPECT_EQ(packet_send(pair[0], &bytes[i], 1, i == 0 ? event : -1), 0);
    }
    EXPECT_EQ(send(pair[0], bytes, 5, 0), 5); /* of the next one */
    EXPECT_EQ(vhost_read(pair[1], &reader, &fault), VHOST_READ_WHOLE);
    EXPECT_EQ(reader.message.payload.number, 1);
    EXPECT_EQ(reader.message.fd_count, 1);
    int taken = vhost_take_fd(&reader.message, 0);
    EXPECT_TRUE(taken >= 0);
    EXPECT_EQ(vhost_take_fd(&reader.message, 0), -1);
    vhost_read_next(&reader);
    EXPECT_EQ(vhost_read(pair[1], &reader, &fault), VHOST_READ_MORE);
    EXPECT_EQ(reader.got_bytes, 5);
    (void)close(pair[0]);
    EXPECT_EQ(vhost_read(pair[1], &reader, &fault), VHOST_READ_END);
    vhost_read_next(&reader);
    (void)close(pair[1]);
    (void)close(taken);
    (void)close(event);
}
