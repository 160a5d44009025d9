/*
 * What one guest may take of the host: memory, resources, and time of the loop that serves others, too.
 */
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "device/gpu/private.h"
#include "device/quota.h"
#include "tests/loop/loop_guest.h"
#include "tests/unit/gpu_device_answers.h"
#include "tests/unit/utest.h"

enum { BGRX = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM };

static struct loop_guest guest;

UTEST(quotas_hold_and_come_back)
{
    const struct gpu_limits limits = { .memory_bytes = 4096,
                                       .resource_count = 3,
                                       .backing_count = 2 };
    const struct vq_span far[3] = {
        {LOOP_MEMORY_ADDR,          64},
        { LOOP_MEMORY_ADDR + 4096,  64},
        { LOOP_MEMORY_ADDR + 16384, 64}
    };
    EXPECT_TRUE(loop_guest_begin(&guest, &(struct loop_guest_wish){ .limits = limits }));
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 32, 33), FULL);
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 32, 16), OK);
    EXPECT_EQ(loop_create_2d(&guest, 2, BGRX, 32, 17), FULL);
    EXPECT_EQ(loop_create_2d(&guest, 2, BGRX, 32, 8), OK);
    EXPECT_EQ(loop_create_2d(&guest, 3, BGRX, 1, 1), OK);
    EXPECT_EQ(loop_create_2d(&guest, 4, BGRX, 1, 1), FULL);
    EXPECT_EQ(loop_attach(&guest, 1, far, 3, 3), FULL);
    EXPECT_EQ(loop_attach(&guest, 1, far, 2, 2), OK);
    EXPECT_EQ(loop_attach(&guest, 2, far, 1, 1), FULL);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, 1), OK);
    EXPECT_EQ(loop_attach(&guest, 2, far, 2, 2), OK);
    EXPECT_EQ(loop_create_2d(&guest, 4, BGRX, 32, 16), OK);
    loop_guest_end(&guest);
}

/* With renderers that share the guest's limit: they take the rest, and it is said. */
UTEST(pictures_share_the_limit_with_renderers)
{
    struct quota quota;
    char status[8192];
    EXPECT_TRUE(quota_create(&quota, 2, 4096));
    EXPECT_TRUE(loop_guest_begin(&guest, &(struct loop_guest_wish){ .quota = &quota }));
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 32, 16), OK);
    EXPECT_TRUE(quota_take(&quota, 1, 2000));
    EXPECT_EQ(loop_create_2d(&guest, 2, BGRX, 32, 1), FULL);
    EXPECT_TRUE(loop_device_logged(&guest.host, "128 bytes are more than the 48 left"));
    EXPECT_FALSE(quota_take(&quota, 1, 49));
    (void)gpu_status(guest.host.gpu, status, sizeof(status));
    EXPECT_CONTAINS(status, "\"memory_bytes\": 4048, \"memory_bytes_max\": 4096, "
                            "\"pictures_bytes\": 2048, \"blob_bytes\": 0,");
    quota_give_back(&quota, 1, 2000);
    EXPECT_EQ(loop_create_2d(&guest, 2, BGRX, 32, 16), OK);
    quota_add(&quota, QUOTA_DEVICE_PLACE, 1000); /* as only a renderer in other hands would */
    gpu_reset(guest.host.gpu);
    EXPECT_EQ(quota_held_bytes(&quota), 0);
    EXPECT_TRUE(gpu_memory_take(guest.host.gpu, 1000)); /* a viewer's */
    gpu_reset(guest.host.gpu);
    EXPECT_EQ(quota_held_bytes(&quota), 1000);
    gpu_memory_give_back(guest.host.gpu, 1000);
    EXPECT_EQ(quota_held_bytes(&quota), 0);
    loop_guest_end(&guest);
    quota_finish(&quota);
}

/* A guest whose renderers are gone may still hold their memory: as blobs, which have the same limit. */
UTEST(blobs_outlive_their_renderers_within_the_limit)
{
    enum { BLOB = VIRTIO_GPU_BLOB_MEM_HOST3D };
    const struct loop_guest_wish wish = { .has_vulkan = true, .limits = { .memory_bytes = 20000 } };
    const struct virtio_gpu_ctrl_hdr destroy = loop_header_of(VIRTIO_GPU_CMD_CTX_DESTROY, 1);
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, BLOB, 0, 12000), OK);
    EXPECT_EQ(loop_guest_ask(&guest, &destroy, sizeof(destroy)), OK);
    EXPECT_EQ(loop_create_context(&guest, 1, 4), OK);
    EXPECT_EQ(loop_create_blob(&guest, 6, 1, BLOB, 0, 8001), FULL);
    EXPECT_TRUE(
        loop_device_logged(&guest.host, "of the 20000 for this guest's blobs 8000 are left"));
    EXPECT_EQ(loop_create_blob(&guest, 6, 1, BLOB, 0, 8000), OK);
    EXPECT_EQ(loop_of_resource(&guest, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, 5), OK);
    EXPECT_EQ(loop_create_blob(&guest, 5, 1, BLOB, 0, 12000), OK);
    gpu_reset(guest.host.gpu);
    EXPECT_EQ(guest.host.gpu->blob_bytes, 0);
    loop_guest_end(&guest);
}

/* 60,000 neighbours count as one span, so one span is all that the device may keep of them. */
UTEST(backing_that_merges_takes_the_memory_that_it_counts_for)
{
    enum { COUNT = 60000, PIECE_BYTES = 16 };
    struct vq_span *spans = calloc(COUNT, sizeof(*spans));
    const struct gpu_limits limits = { .backing_count = COUNT };
    EXPECT_TRUE(loop_guest_begin(&guest, &(struct loop_guest_wish){ .limits = limits }));
    for (unsigned i = 0; i < COUNT; i++) {
        spans[i] = (struct vq_span){ loop_guest_memory_addr(&guest) + (uint64_t)i * PIECE_BYTES,
                                     PIECE_BYTES };
    }
    EXPECT_EQ(loop_create_2d(&guest, 1, BGRX, 4, 4), OK);
    EXPECT_EQ(loop_attach(&guest, 1, spans, COUNT, COUNT), OK);
    EXPECT_EQ(guest.host.gpu->span_count, 1);
    void *kept = gpu_resource_find(guest.host.gpu, 1)->spans;
    EXPECT_TRUE(malloc_usable_size(kept) < 16 * sizeof(*spans));
    loop_guest_end(&guest);
    free(spans);
}

/* --- the loop's time --- */

enum { SIDE_PX = 4096, MIB = 1 << 20, IMAGE_MIB = SIDE_PX * SIDE_PX * 4 / MIB };

/* Somebody else whom the loop serves, as it does the control socket: ready whenever it is asked. */
static struct {
    unsigned turn_count; /* while transfers were left */
    uint64_t answered_count;
    uint64_t wanted_count;
} other;

static void
on_other(void *user, uint32_t events)
{
    (void)user;
    (void)events;
    other.answered_count = guest.host.vqs[VIRTIO_GPU_CONTROLQ].push_count;
    other.turn_count += other.answered_count < other.wanted_count;
}

/* A picture of 64 MiB that 1 MiB of the guest's memory fills. */
static void
make_large_picture(uint32_t id)
{
    struct vq_span spans[IMAGE_MIB];
    for (unsigned i = 0; i < IMAGE_MIB; i++) {
        spans[i] = (struct vq_span){ loop_guest_memory_addr(&guest), MIB };
    }
    EXPECT_EQ(loop_create_2d(&guest, id, BGRX, SIDE_PX, SIDE_PX), OK);
    EXPECT_EQ(loop_attach(&guest, id, spans, IMAGE_MIB, IMAGE_MIB), OK);
}

/* All at once: the device is told of the last only. */
static void
send_transfers(unsigned count)
{
    const struct virtio_gpu_transfer_to_host_2d command = {
        .hdr = loop_header(VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D),
        .r = loop_rect(0, 0, SIDE_PX, SIDE_PX),
        .resource_id = le32_from(1),
    };
    for (unsigned i = 0; i < count; i++) {
        (void)loop_guest_offer(&guest, VIRTIO_GPU_CONTROLQ, &command, sizeof(command));
    }
    (void)virtq_notify(&guest.queues[VIRTIO_GPU_CONTROLQ]);
}

/* 1 GiB of copies, which no machine makes in a few stretches of 5 ms: others get their turns between. */
UTEST(large_transfers_leave_turns_to_others)
{
    int ready = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    EXPECT_TRUE(loop_guest_begin(&guest, &(struct loop_guest_wish){ .scanout_count = 1 }));
    make_large_picture(1);
    other.turn_count = 0;
    other.wanted_count = guest.host.vqs[VIRTIO_GPU_CONTROLQ].push_count + LOOP_GUEST_IN_FLIGHT;
    EXPECT_TRUE(loop_watch(guest.host.loop, ready, EPOLLIN, on_other, NULL));
    send_transfers(LOOP_GUEST_IN_FLIGHT);
    for (unsigned i = 0; i < LOOP_GUEST_IN_FLIGHT; i++) {
        EXPECT_EQ(loop_guest_take(&guest, VIRTIO_GPU_CONTROLQ, LOOP_GUEST_WAIT_MS), OK);
    }
    EXPECT_TRUE(other.turn_count >= 2);
    loop_unwatch(guest.host.loop, ready);
    loop_guest_end(&guest);
    (void)close(ready);
}
