/*
 * Blobs of the host's memory: made by a renderer, mapped into the guest's window, shown, shared between contexts.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/packet.h"
#include "device/render_wire.h"
#include "tests/fake/venus_fake.h"
#include "tests/loop/loop_guest.h"
#include "tests/unit/gpu_device_answers.h"
#include "tests/unit/utest.h"

enum {
    CONTROL = VIRTIO_GPU_CONTROLQ,
    MS = 8000,
    SOON_MS = 30,
    WINDOW = 1 << 20,
    HOST3D = VIRTIO_GPU_BLOB_MEM_HOST3D,
    UNREF = VIRTIO_GPU_CMD_RESOURCE_UNREF,
    UNMAP = VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,
    ATTACH = VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
    DETACH = VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE,
    MAPPED = VIRTIO_GPU_RESP_OK_MAP_INFO,
};

static struct loop_guest guest;
static const struct loop_guest_wish usual = { .has_vulkan = true, .window_bytes = WINDOW };

static void
begin(const struct loop_guest_wish *wish)
{
    EXPECT_TRUE(loop_guest_begin(&guest, wish));
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
}

static uint32_t
take(unsigned ms)
{
    return loop_guest_take(&guest, CONTROL, ms);
}

/* Whether the renderer of a context has a resource: a ring in one that is not there kills it. */
static bool
is_there(uint32_t ctx_id, uint32_t id)
{
    const uint32_t ring[3] = { FAKE_RING, id, 0 };
    (void)loop_send_stream(&guest, loop_fenced(ctx_id, 0, 1), ring, 3);
    return take(MS) == OK;
}

UTEST(a_blob_is_made_mapped_and_shared_memory)
{
    begin(&usual);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 10000), OK);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 10000), NO_RESOURCE);
    EXPECT_EQ(loop_map(&guest, 5, 8192), MAPPED);
    EXPECT_EQ(le32_get(guest.answer.map_info.map_info), VIRTIO_GPU_MAP_CACHE_CACHED);
    memset(guest.host.window + 8192, 0x5a, 10000);
    EXPECT_EQ(loop_map(&guest, 5, 65536), BAD_VALUE); /* mapped already */
    EXPECT_EQ(loop_of_resource(&guest, UNMAP, 0, 5), OK);
    EXPECT_EQ(loop_of_resource(&guest, UNMAP, 0, 5), BAD_VALUE);
    EXPECT_EQ(loop_map(&guest, 5, 65536), MAPPED);
    EXPECT_EQ(guest.host.window[65536 + 9999], 0x5a);
    EXPECT_EQ(loop_of_resource(&guest, UNREF, 0, 5), OK); /* unmapped first */
    EXPECT_EQ(loop_of_resource(&guest, UNREF, 0, 5), NO_RESOURCE);
    EXPECT_EQ(loop_create_blob(&guest, 6, 1, HOST3D, 0, 4096), OK);
    EXPECT_EQ(loop_map(&guest, 6, 65536), MAPPED);
    EXPECT_EQ(guest.host.window[65536], 0);
    loop_guest_end(&guest);
}

UTEST(places_in_the_window_are_checked)
{
    begin(&usual);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 10000), OK);
    EXPECT_EQ(loop_create_blob(&guest, 6, 1, HOST3D, 0, 4096), OK);
    EXPECT_EQ(loop_create_blob(&guest, 7, 1, HOST3D, 0, WINDOW + 1), OK);
    EXPECT_EQ(loop_map(&guest, 8, 0), NO_RESOURCE);
    EXPECT_EQ(loop_map(&guest, 5, 1), BAD_VALUE);
    EXPECT_EQ(loop_map(&guest, 5, WINDOW - 8192), BAD_VALUE);
    EXPECT_EQ(loop_map(&guest, 5, UINT64_MAX - 4095), BAD_VALUE);
    EXPECT_EQ(loop_map(&guest, 7, 0), BAD_VALUE);
    EXPECT_EQ(loop_map(&guest, 5, WINDOW - 12288), MAPPED);
    EXPECT_EQ(loop_map(&guest, 6, WINDOW - 4096), BAD_VALUE); /* rounded up to pages */
    EXPECT_EQ(loop_map(&guest, 6, WINDOW - 16384), MAPPED);
    loop_guest_end(&guest);
}

UTEST(what_a_renderer_cannot_give_is_refused)
{
    struct virtio_gpu_resource_create_blob command = loop_blob(5, 1, HOST3D, 0, 4096);
    begin(&usual);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, FAKE_BLOB_NONE, 4096), REFUSED);
    EXPECT_EQ(loop_create_blob(&guest, 5, 9, HOST3D, 0, 4096), NO_CONTEXT);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 0), BAD_VALUE);
    EXPECT_EQ(loop_create_blob(&guest, 0, 1, HOST3D, 0, 4096), NO_RESOURCE);
    command.nr_entries = le32_from(1);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), BAD_VALUE);
    command.nr_entries = le32_from(0);
    command.blob_flags = le32_from(8);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), BAD_VALUE);
    command.blob_flags = le32_from(0);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), OK);
    EXPECT_EQ(loop_map(&guest, 5, 0), BAD_VALUE); /* not made to be mapped */
    EXPECT_EQ(loop_attach_memory(&guest, 5, 0, 4096), REFUSED);
    EXPECT_EQ(loop_create_blob(&guest, 6, 1, HOST3D, FAKE_BLOB_OPAQUE, 4096), OK);
    EXPECT_EQ(loop_map(&guest, 6, 0), REFUSED); /* only Vulkan can map it */
    EXPECT_EQ(loop_create_2d(&guest, 7, 1, 4, 4), OK);
    EXPECT_EQ(loop_map(&guest, 7, 0), BAD_VALUE);
    EXPECT_TRUE(is_there(1, 5));
    loop_guest_end(&guest);
}

UTEST(a_device_without_a_window_maps_nothing)
{
    const struct loop_guest_wish wish = { .has_vulkan = true };
    begin(&wish);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 4096), OK);
    EXPECT_EQ(loop_map(&guest, 5, 0), BAD_VALUE);
    loop_guest_end(&guest);
}

UTEST(a_blob_goes_to_other_contexts_by_attach)
{
    begin(&usual);
    EXPECT_EQ(loop_create_context(&guest, 2, 4), OK);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 4096), OK);
    EXPECT_EQ(loop_of_resource(&guest, ATTACH, 1, 5), OK); /* it made it */
    EXPECT_EQ(loop_of_resource(&guest, ATTACH, 2, 5), OK);
    EXPECT_EQ(loop_of_resource(&guest, ATTACH, 2, 5), OK);
    EXPECT_EQ(loop_of_resource(&guest, ATTACH, 3, 5), NO_CONTEXT);
    EXPECT_EQ(loop_of_resource(&guest, ATTACH, 2, 6), NO_RESOURCE);
    EXPECT_TRUE(is_there(1, 5));
    EXPECT_TRUE(is_there(2, 5));
    EXPECT_EQ(loop_of_resource(&guest, DETACH, 1, 5), OK);
    EXPECT_TRUE(is_there(2, 5));
    EXPECT_FALSE(is_there(1, 5));
    EXPECT_EQ(loop_of_resource(&guest, UNREF, 0, 5), OK);
    EXPECT_FALSE(is_there(2, 5));
    loop_guest_end(&guest);
}

/* Programs attach whatever they open; what no renderer can map stays a name. */
UTEST(memory_of_the_guests_is_attached_by_name_only)
{
    begin(&usual);
    EXPECT_EQ(loop_create_2d(&guest, 7, 1, 4, 4), OK);
    EXPECT_EQ(loop_of_resource(&guest, ATTACH, 1, 7), OK);
    EXPECT_EQ(loop_of_resource(&guest, DETACH, 1, 7), OK);
    EXPECT_EQ(loop_of_resource(&guest, UNREF, 0, 7), OK);
    EXPECT_FALSE(is_there(1, 7));
    loop_guest_end(&guest);
}

UTEST(a_blob_of_the_hosts_is_shown)
{
    struct virtio_gpu_set_scanout_blob command = {
        .hdr = loop_header(VIRTIO_GPU_CMD_SET_SCANOUT_BLOB),
        .r = loop_rect(0, 0, 32, 16),
        .resource_id = le32_from(5),
        .width = le32_from(32),
        .height = le32_from(16),
        .format = le32_from(VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM),
        .strides = {le32_from(128), { 0 }, { 0 }, { 0 }},
    };
    uint32_t pixels[32] = { 0 };
    const struct gpu_rect row = { 0, 15, 32, 1 };
    begin(&usual);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 2048), OK);
    EXPECT_EQ(loop_map(&guest, 5, 0), MAPPED);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), OK);
    memcpy(guest.host.window + 2044, "\x11\x22\x33\xff", 4);
    EXPECT_TRUE(gpu_read_pixels(guest.host.gpu, 0, &row, pixels, sizeof(pixels)));
    EXPECT_EQ(pixels[31], 0xff112233);
    EXPECT_EQ(loop_create_blob(&guest, 6, 1, HOST3D, FAKE_BLOB_OPAQUE, 2048), OK);
    command.resource_id = le32_from(6);
    EXPECT_EQ(loop_guest_ask(&guest, &command, sizeof(command)), REFUSED);
    /* Its maker's end does not take the picture. */
    const struct virtio_gpu_ctrl_hdr destroy = loop_header_of(VIRTIO_GPU_CMD_CTX_DESTROY, 1);
    EXPECT_EQ(loop_guest_ask(&guest, &destroy, sizeof(destroy)), OK);
    EXPECT_TRUE(gpu_read_pixels(guest.host.gpu, 0, &row, pixels, sizeof(pixels)));
    loop_guest_end(&guest);
}

UTEST(a_front_end_that_cannot_map_gives_an_error)
{
    struct loop_guest_wish wish = usual;
    wish.is_map_failing = true;
    begin(&wish);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 4096), OK);
    EXPECT_EQ(loop_map(&guest, 5, 0), REFUSED);
    guest.host.config.is_map_failing = false;
    EXPECT_EQ(loop_map(&guest, 5, 0), MAPPED);
    loop_guest_end(&guest);
}

UTEST(a_front_end_that_is_silent_holds_the_queue_up_for_seconds_only)
{
    struct loop_guest_wish wish = usual;
    wish.is_map_deaf = true;
    begin(&wish);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 4096), OK);
    EXPECT_EQ(loop_map(&guest, 5, 0), REFUSED);
    EXPECT_TRUE(loop_device_logged(&guest.host, "the front-end did not answer RESOURCE_MAP_BLOB"));
    guest.host.config.is_map_deaf = false;
    EXPECT_EQ(loop_map(&guest, 5, 0), MAPPED);
    loop_guest_end(&guest);
}

/* QEMU carries the mapping out when it has stopped the queues. */
UTEST(a_pause_keeps_a_command_that_waits_for_the_front_end)
{
    const struct virtio_gpu_resource_map_blob map = {
        loop_header(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB), le32_from(5), { 0 }, { 0 }
    };
    begin(&usual);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 4096), OK);
    (void)loop_guest_send(&guest, &map, sizeof(map));
    gpu_queue_pause(guest.host.gpu, CONTROL);
    EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
    gpu_queue_resume(guest.host.gpu, CONTROL);
    gpu_queue_ready(guest.host.gpu, CONTROL);
    EXPECT_EQ(take(MS), MAPPED);
    EXPECT_EQ(loop_create_2d(&guest, 6, 1, 4, 4), OK);
    loop_guest_end(&guest);
}

UTEST(a_reset_ends_every_kind_of_wait)
{
    struct loop_guest_wish wish = usual;
    const struct virtio_gpu_resource_map_blob map = {
        loop_header(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB), le32_from(5), { 0 }, { 0 }
    };
    const struct virtio_gpu_resource_unref unref = { loop_header(UNREF), le32_from(5), { 0 } };
    begin(&wish);
    for (unsigned round = 0; round < 2; round++) {
        EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 4096), OK);
        if (round == 1) {
            EXPECT_EQ(loop_map(&guest, 5, 0), MAPPED);
        }
        guest.host.config.is_map_deaf = true;
        (void)(round == 0 ? loop_guest_send(&guest, &map, sizeof(map))
                          : loop_guest_send(&guest, &unref, sizeof(unref)));
        EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
        EXPECT_TRUE(loop_guest_reset(&guest, &wish));
        guest.host.config.is_map_deaf = false;
        EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
        EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    }
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 4096), OK);
    EXPECT_EQ(loop_map(&guest, 5, 0), MAPPED);
    loop_guest_end(&guest);
}

UTEST(a_renderer_that_does_not_answer_is_given_up)
{
    struct loop_guest_wish wish = usual;
    wish.mood = LOOP_SERVER_DEAF;
    begin(&wish);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, HOST3D, 0, 4096), REFUSED);
    EXPECT_TRUE(
        loop_device_logged(&guest.host, "its renderer did not answer RESOURCE_CREATE_BLOB"));
    EXPECT_EQ(loop_of_resource(&guest, UNREF, 0, 5), NO_RESOURCE);
    EXPECT_EQ(loop_create_2d(&guest, 5, 1, 4, 4), OK);
    loop_guest_end(&guest);
}

/* The queue is stopped, not the device: the reply belongs to nobody, and the next one is not mistaken for it. */
UTEST(a_reply_to_a_command_that_was_forgotten_is_dropped)
{
    struct loop_guest_wish wish = usual;
    const struct virtio_gpu_resource_create_blob command = loop_blob(5, 1, HOST3D, 0, 4096);
    uint8_t packet[512];
    const struct render_resource_reply reply = { .fd_kind = RENDER_FD_NONE };
    wish.mood = LOOP_SERVER_DEAF;
    begin(&wish);
    (void)loop_guest_send(&guest, &command, sizeof(command));
    EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
    gpu_queue_stop(guest.host.gpu, CONTROL);
    gpu_set_queue(guest.host.gpu, CONTROL, &guest.host.vqs[CONTROL]);
    int fd = guest.server.deaf[0];
    EXPECT_EQ(recv(fd, packet, sizeof(packet), 0), sizeof(struct render_init));
    EXPECT_EQ(recv(fd, packet, sizeof(packet), 0), sizeof(struct render_create_resource));
    EXPECT_EQ(recv(fd, packet, sizeof(packet), 0), sizeof(struct render_destroy_resource));
    EXPECT_EQ(send(fd, &reply, sizeof(reply), 0), sizeof(reply));
    loop_device_turn(&guest.host, SOON_MS);
    EXPECT_FALSE(loop_device_logged(&guest.host, "nobody had asked"));
    (void)loop_guest_send(&guest, &command, sizeof(command));
    EXPECT_EQ(take(SOON_MS), LOOP_GUEST_NO_ANSWER);
    EXPECT_EQ(send(fd, &reply, sizeof(reply), 0), sizeof(reply));
    EXPECT_EQ(take(MS), REFUSED);
    loop_guest_end(&guest);
}

UTEST(too_many_open_files_are_an_error_and_no_more)
{
    struct loop_guest_wish wish = usual;
    const struct virtio_gpu_resource_create_blob command = loop_blob(5, 1, HOST3D, 0, 4096);
    const struct render_resource_reply reply = { .fd_kind = RENDER_FD_SHM };
    const uint32_t word = FAKE_NOTHING;
    struct rlimit limit;
    wish.mood = LOOP_SERVER_DEAF;
    begin(&wish);
    (void)loop_guest_send(&guest, &command, sizeof(command));
    int next = dup(0);
    EXPECT_EQ(packet_send(guest.server.deaf[0], &reply, sizeof(reply), next), 0);
    (void)close(next);
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)next, limit.rlim_max }), 0);
    EXPECT_EQ(take(MS), REFUSED);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_TRUE(loop_device_logged(&guest.host, "no room for another file descriptor"));
    EXPECT_EQ(loop_of_resource(&guest, UNREF, 0, 5), NO_RESOURCE);
    (void)loop_send_stream(&guest, loop_header_of(0, 1), &word, 1);
    EXPECT_EQ(take(MS), OK);
    loop_guest_end(&guest);
}
