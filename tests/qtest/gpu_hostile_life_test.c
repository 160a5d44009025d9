/*
 * Guests that begin anew in the middle of everything, take all there is, and let go of what is in use, on our device behind
 * QEMU: it serves on, and holds afterwards what it held before.
 */
#define GPU_HOSTILE_GUEST "tests/qtest/gpu_far_guest.h"

#include "tests/qtest/gpu_far_hostile.h"

enum {
    ROUNDS = 4,
    BLOB = 7,
    BLOB_BYTES = 8192,
    WAITING_RING = 1, /* its fences wait, see venus_fake.h */
    RESOURCES_MAX = 1000,
    CONTEXTS_MAX = 6,
    FENCES_MAX = 20,
    REUSES = 24,
    FIRST_ID = 1000,
    BLOBS_OF_A_CONTEXT = 200,
    MAPPINGS_MAX = 600,
    BLOBS_MAPPED_MIN = 400,
};

static const char *const two_displays[] = { "--resolution", "640x480,641x480", "--window", "1M",
                                            NULL };

/* --- what is under way when the guest's kernel begins anew --- */

static void
under_way_context(void)
{
    const struct virtio_gpu_ctx_create command = { .hdr =
                                                       loop_header_of(VIRTIO_GPU_CMD_CTX_CREATE, 3),
                                                   .context_init = le32_from(4) };
    (void)loop_guest_send(&guest, &command, sizeof(command));
}

static void
under_way_blob(void)
{
    const struct virtio_gpu_resource_create_blob command =
        loop_blob(BLOB, MINE, HOST3D, 0, BLOB_BYTES);
    (void)loop_guest_send(&guest, &command, sizeof(command));
}

static void
send_map(uint32_t id, uint64_t offset)
{
    const struct virtio_gpu_resource_map_blob command = {
        loop_header(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB), le32_from(id), { 0 }, le64_from(offset)
    };
    (void)loop_guest_send(&guest, &command, sizeof(command));
}

static void
under_way_map(void)
{
    EXPECT_EQ(loop_create_blob(&guest, BLOB, MINE, HOST3D, 0, BLOB_BYTES), OK);
    send_map(BLOB, 4096);
}

static void
under_way_unmap(void)
{
    EXPECT_EQ(loop_create_blob(&guest, BLOB, MINE, HOST3D, 0, BLOB_BYTES), OK);
    EXPECT_EQ(loop_map(&guest, BLOB, 4096), MAPPED);
    const struct virtio_gpu_ctx_resource command = {
        loop_header(VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB), le32_from(BLOB), { 0 }
    };
    (void)loop_guest_send(&guest, &command, sizeof(command));
}

static void
send_fences(unsigned count)
{
    const uint32_t nothing = FAKE_NOTHING;
    for (unsigned i = 0; i < count; i++) {
        (void)loop_send_stream(&guest, loop_fenced(MINE, WAITING_RING, i + 1), &nothing, 1);
    }
}

static void
under_way_fences(void)
{
    send_fences(8);
}

static void
under_way_crash(void)
{
    const uint32_t crash = FAKE_CRASH;
    (void)loop_send_stream(&guest, loop_fenced(MINE, 0, 1), &crash, 1);
}

static void
mapped_and_shown(void)
{
    EXPECT_EQ(loop_create_blob(&guest, BLOB, MINE, HOST3D, 0, BLOB_BYTES), OK);
    EXPECT_EQ(loop_map(&guest, BLOB, 0), MAPPED);
    EXPECT_EQ(show_blob(BLOB, FORMAT, 64, 0), OK);
}

static void
all_at_once(void)
{
    under_way_fences();
    under_way_map();
    under_way_context();
}

/*
 * Those behind MAPPED_FIRST leave a blob in the window, or may.  QEMU 11.1.3 itself dies of that now and then when the device is reset
 * (docs/hostile-guests.md), so that there only the machine's end is tried.
 */
static void (*const under_way[])(void) = { under_way_context, under_way_blob,  under_way_fences,
                                           under_way_crash,   under_way_unmap, under_way_map,
                                           mapped_and_shown,  all_at_once };
enum { UNDER_WAY_COUNT = sizeof(under_way) / sizeof(under_way[0]), MAPPED_FIRST = 4 };

UTEST(a_guest_may_begin_anew_in_the_middle_of_everything)
{
    if (!far_can_begin() || !far_begin(two_displays)) {
        return;
    }
    prepare();
    check_served();
    struct our_gpu_size before = our_gpu_size(&guest.host);
    for (unsigned i = 0; i < ROUNDS * MAPPED_FIRST; i++) {
        bool is_packed = i / MAPPED_FIRST % 2 != 0;
        under_way[i % MAPPED_FIRST]();
        EXPECT_TRUE(begin_anew(is_packed ? 0 : VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)));
        prepare();
        check_served();
    }
    EXPECT_TRUE(our_gpu_shrinks_to(&guest.host, &before));
    far_end();
}

/* The machine ends instead, and another one comes. */
UTEST(a_machine_may_end_in_the_middle_of_everything)
{
    if (!far_can_begin() || !far_begin(two_displays)) {
        return;
    }
    prepare();
    check_served();
    struct our_gpu_size before = our_gpu_size(&guest.host);
    for (unsigned i = 0; i < UNDER_WAY_COUNT; i++) {
        under_way[i]();
        loop_guest_end(&guest);
        if (!far_connect(far_front)) {
            break;
        }
        prepare();
        check_served();
    }
    EXPECT_TRUE(our_gpu_shrinks_to(&guest.host, &before));
    far_end();
}

/* --- all there is --- */

static const char *const small[] = { "--resolution",
                                     "640x480,641x480",
                                     "--window",
                                     "1M",
                                     "--max-resources",
                                     "1000",
                                     "--max-contexts",
                                     "6",
                                     "--max-fences",
                                     "20",
                                     "--max-memory",
                                     "16M",
                                     NULL };

static void
take_resources(void)
{
    unsigned count = 1; /* PICTURE */
    while (count <= RESOURCES_MAX && loop_create_2d(&guest, FIRST_ID + count, FORMAT, 4, 4) == OK) {
        count++;
    }
    EXPECT_EQ(count, RESOURCES_MAX);
    EXPECT_EQ(le32_get(guest.answer.header.type), FULL);
    EXPECT_EQ(unref(FIRST_ID + 1), OK);
    EXPECT_EQ(loop_create_2d(&guest, FIRST_ID + 1, FORMAT, 4, 4), OK);
}

static void
take_contexts(void)
{
    unsigned count = 2; /* MINE, OTHER */
    while (count <= CONTEXTS_MAX && loop_create_context(&guest, FIRST_ID + count, 4) == OK) {
        count++;
    }
    EXPECT_EQ(count, CONTEXTS_MAX);
    EXPECT_EQ(le32_get(guest.answer.header.type), FULL);
}

static void
take_memory(void)
{
    EXPECT_EQ(loop_create_2d(&guest, BLOB, FORMAT, 2048, 2048), FULL);
    EXPECT_EQ(loop_create_2d(&guest, BLOB, FORMAT, 1024, 1024), OK);
    EXPECT_EQ(loop_create_2d(&guest, BLOB + 1, FORMAT, 16384, 16384), FULL);
    EXPECT_EQ(loop_create_2d(&guest, BLOB + 1, FORMAT, UINT32_MAX, UINT32_MAX), BAD_VALUE);
    EXPECT_EQ(loop_create_blob(&guest, BLOB + 1, MINE, HOST3D, 0, UINT64_C(1) << 40), REFUSED);
}

/* Pictures and both contexts' renderers have one limit together; what a renderer had that crashed is there again. */
static void
share_memory(void)
{
    const uint64_t mib = 1 << 20;
    enum { PATIENCE = 500 };
    EXPECT_EQ(loop_create_2d(&guest, BLOB, FORMAT, 1024, 1024), OK);
    EXPECT_EQ(loop_create_blob(&guest, BLOB + 1, MINE, HOST3D, 0, 6 * mib), OK);
    EXPECT_EQ(loop_create_blob(&guest, BLOB + 2, OTHER, HOST3D, 0, 6 * mib), REFUSED);
    EXPECT_EQ(loop_create_blob(&guest, BLOB + 2, OTHER, HOST3D, 0, 5 * mib), OK);
    EXPECT_EQ(loop_create_2d(&guest, BLOB + 3, FORMAT, 1024, 1024), FULL);
    (void)stream(loop_fenced(MINE, 0, 1), FAKE_CRASH);
    uint32_t type = FULL;
    for (unsigned i = 0; i < PATIENCE && type == FULL; i++) {
        type = loop_create_2d(&guest, BLOB + 3, FORMAT, 1024, 1024);
    }
    EXPECT_EQ(type, OK);
}

static void
take_fences(void)
{
    send_fences(FENCES_MAX + 1);
    EXPECT_EQ(loop_guest_take(&guest, VIRTIO_GPU_CONTROLQ, MS), FULL);
}

static void (*const takes[])(void) = { take_resources, take_contexts, take_memory, share_memory,
                                       take_fences };
enum { TAKE_COUNT = sizeof(takes) / sizeof(takes[0]) };

UTEST(a_guest_gets_no_more_than_its_share_and_is_served_on)
{
    if (!far_can_begin() || !far_begin(small)) {
        return;
    }
    prepare();
    check_served();
    struct our_gpu_size before = our_gpu_size(&guest.host);
    for (unsigned i = 0; i < TAKE_COUNT; i++) {
        takes[i]();
        if (takes[i] != take_fences) { /* no further fence is to be had */
            check_served();
        }
        EXPECT_TRUE(begin_anew(0));
        prepare();
        check_served();
    }
    EXPECT_TRUE(our_gpu_shrinks_to(&guest.host, &before));
    far_end();
}

/* --- what is in use --- */

/* As Vulkan programs do that map each of their buffers: QEMU would end with the 512th region. */
UTEST(a_guest_that_maps_ever_more_blobs_is_refused_and_its_machine_lives)
{
    static const char *const window[] = { "--window", "4M", NULL };
    if (!far_can_begin() || !far_begin(window)) {
        return;
    }
    prepare();
    uint32_t mapped = MAPPED;
    unsigned count = 0;
    for (; count < MAPPINGS_MAX && mapped == MAPPED; count++) {
        uint32_t ctx_id = FIRST_ID + count / BLOBS_OF_A_CONTEXT;
        if (count % BLOBS_OF_A_CONTEXT == 0) {
            EXPECT_EQ(loop_create_context(&guest, ctx_id, 4), OK);
        }
        EXPECT_EQ(loop_create_blob(&guest, FIRST_ID + count, ctx_id, HOST3D, 0, 4096), OK);
        mapped = loop_map(&guest, FIRST_ID + count, count * UINT64_C(4096));
    }
    EXPECT_EQ(mapped, FULL);
    EXPECT_TRUE(count > BLOBS_MAPPED_MIN);
    EXPECT_EQ(unref(FIRST_ID), OK);
    EXPECT_EQ(loop_map(&guest, FIRST_ID + count - 1, 0), MAPPED);
    check_served();
    far_end();
}

UTEST(a_context_of_a_number_that_was_just_given_up_is_a_new_one)
{
    const struct virtio_gpu_ctrl_hdr destroy = loop_header_of(VIRTIO_GPU_CMD_CTX_DESTROY, 3);
    if (!far_can_begin() || !far_begin(two_displays)) {
        return;
    }
    prepare();
    check_served();
    struct our_gpu_size before = our_gpu_size(&guest.host);
    for (unsigned i = 0; i < REUSES; i++) {
        EXPECT_EQ(loop_create_context(&guest, 3, 4), OK);
        uint32_t ended = stream(loop_fenced(3, 0, 1), i % 3 == 0 ? FAKE_DIE : FAKE_NOTHING);
        EXPECT_EQ(ended, i % 3 == 0 ? REFUSED : OK);
        if (i % 3 == 1) {
            const uint32_t nothing = FAKE_NOTHING;
            (void)loop_send_stream(&guest, loop_fenced(3, WAITING_RING, 2), &nothing, 1);
        }
        (void)loop_guest_send(&guest, &destroy, sizeof(destroy));
        for (unsigned left = i % 3 == 1 ? 2 : 1; left > 0; left--) {
            EXPECT_NE(loop_guest_take(&guest, VIRTIO_GPU_CONTROLQ, MS), LOOP_GUEST_NO_ANSWER);
        }
    }
    check_served();
    EXPECT_TRUE(our_gpu_shrinks_to(&guest.host, &before));
    far_end();
}

UTEST(a_blob_that_is_mapped_and_shown_may_go)
{
    if (!far_can_begin() || !far_begin(two_displays)) {
        return;
    }
    prepare();
    check_served();
    struct our_gpu_size before = our_gpu_size(&guest.host);
    for (unsigned i = 0; i < REUSES; i++) {
        mapped_and_shown();
        write_window();
        EXPECT_EQ(seen_resource(0), BLOB);
        EXPECT_EQ(unref(BLOB), OK);
        EXPECT_EQ(seen_resource(0), 0);
        EXPECT_EQ(loop_set_scanout(&guest, 0, PICTURE, loop_rect(0, 0, 16, 16)), OK);
    }
    check_served();
    EXPECT_TRUE(our_gpu_shrinks_to(&guest.host, &before));
    far_end();
}

UTEST(a_cursor_outlives_its_picture)
{
    if (!far_can_begin() || !far_begin(two_displays)) {
        return;
    }
    prepare();
    EXPECT_EQ(loop_create_2d(&guest, BLOB, FORMAT, 64, 64), OK);
    EXPECT_EQ(cursor(BLOB), OK);
    EXPECT_EQ(unref(BLOB), OK);
    EXPECT_TRUE(seen_cursor_is_shown());
    EXPECT_EQ(cursor(BLOB), NO_RESOURCE);
    check_served();
    far_end();
}
