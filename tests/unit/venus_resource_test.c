/*
 * Resources: sealed shared memory, references, refusals; where replies and streams go in it.
 * conformance: S3-05
 */
#include <fcntl.h>

#include "tests/unit/venus_fixture.h"

static enum venus_status
create(struct venus *venus, uint32_t res_id, uint64_t blob_id, uint64_t size_bytes)
{
    const struct venus_blob blob = { .blob_id = blob_id, .size_bytes = size_bytes };
    struct venus_memory memory;
    enum venus_status status = venus_resource_create(venus, res_id, &blob, &memory);
    EXPECT_EQ(memory.fd >= 0, status == VENUS_OK);
    vn_os_fd_close(memory.fd);
    return status;
}

UTEST(shared_memory_is_zeroed_sealed_and_the_same_on_both_sides)
{
    struct venus *venus = toy_begin();
    const struct venus_blob blob = { .size_bytes = 5000, .flags = VENUS_BLOB_MAPPABLE };
    struct venus_memory memory;
    EXPECT_EQ(venus_resource_create(venus, 7, &blob, &memory), VENUS_OK);
    EXPECT_EQ(memory.kind, VENUS_FD_SHM);
    EXPECT_EQ(memory.caching, VENUS_CACHED);
    EXPECT_TRUE(memory.size_bytes >= 5000 && memory.size_bytes % vn_os_page_bytes() == 0);

    EXPECT_EQ(lseek(memory.fd, 0, SEEK_END), 5000); /* virglrenderer takes no other size */
    EXPECT_EQ(ftruncate(memory.fd, 0), -1);
    EXPECT_EQ(ftruncate(memory.fd, 1 << 20), -1);
    EXPECT_EQ(fcntl(memory.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
    uint8_t *client = vn_os_map(memory.fd, memory.size_bytes);
    struct vn_resource *resource = vn_resource_get(&venus->resources, 7);
    EXPECT_EQ(client[4999], 0);
    client[4999] = 42;
    EXPECT_EQ(resource->map[4999], 42);
    vn_resource_put(resource);

    vn_os_unmap(client, memory.size_bytes);
    vn_os_fd_close(memory.fd);
    EXPECT_EQ(venus_resource_destroy(venus, 7), VENUS_OK);
    toy_end(venus);
}

UTEST(wrong_requests_change_nothing)
{
    struct venus *venus = toy_begin();
    int fd_count = open_fd_count();
    EXPECT_EQ(create(venus, 0, 0, 4096), VENUS_INVALID);
    EXPECT_EQ(create(venus, 1, 0, 0), VENUS_INVALID);
    EXPECT_EQ(create(venus, 1, 0, UINT64_MAX), VENUS_INVALID);
    EXPECT_EQ(create(venus, 1, 0, UINT64_C(1) << 40), VENUS_NO_MEMORY);
    EXPECT_EQ(venus_resource_destroy(venus, 1), VENUS_NO_RESOURCE);
    EXPECT_EQ(open_fd_count(), fd_count);
    EXPECT_EQ(create(venus, 1, 0, 4096), VENUS_OK);
    EXPECT_EQ(create(venus, 1, 0, 4096), VENUS_NO_RESOURCE);
    for (uint32_t i = 2; i <= 8; i++) {
        EXPECT_EQ(create(venus, i, 0, 4096), VENUS_OK);
    }
    EXPECT_EQ(create(venus, 9, 0, 4096), VENUS_NO_MEMORY);
    EXPECT_EQ(venus_resource_destroy(venus, 3), VENUS_OK);
    EXPECT_EQ(create(venus, 9, 0, 4096), VENUS_OK);
    vn_fatal(venus, "for the test");
    EXPECT_EQ(create(venus, 3, 0, 4096), VENUS_FATAL);
    EXPECT_EQ(venus_resource_import(venus, 3, 0, VENUS_FD_DMABUF, 1), VENUS_FATAL);
    toy_end(venus);
    EXPECT_EQ(open_fd_count(), fd_count);
}

UTEST(ids_that_share_a_slot_are_told_apart)
{
    struct venus *venus = toy_begin();
    for (uint32_t i = 0; i < 4; i++) {
        EXPECT_EQ(create(venus, 5 + i * VN_RESOURCE_SLOTS, 0, UINT64_C(4096) * (i + 1)), VENUS_OK);
    }
    EXPECT_EQ(venus_resource_destroy(venus, 5 + VN_RESOURCE_SLOTS), VENUS_OK);
    EXPECT_EQ(venus_resource_destroy(venus, 5), VENUS_OK);
    struct vn_resource *resource = vn_resource_get(&venus->resources, 5 + 2 * VN_RESOURCE_SLOTS);
    EXPECT_EQ(resource->size_bytes, 3 * 4096);
    vn_resource_put(resource);
    EXPECT_TRUE(vn_resource_get(&venus->resources, 5) == NULL);
    toy_end(venus);
}

UTEST(device_memory_is_the_memory_authors)
{
    struct venus *venus = toy_begin();
    toy.export_status = VENUS_NO_BLOB;
    EXPECT_EQ(create(venus, 1, 77, 4096), VENUS_NO_BLOB);
    toy.export_status = VENUS_OK;
    EXPECT_EQ(create(venus, 1, 77, 4096), VENUS_OK);
    struct vn_resource *resource = vn_resource_get(&venus->resources, 1);
    EXPECT_EQ(resource->kind, VENUS_FD_DMABUF);
    EXPECT_TRUE(resource->map == NULL);
    EXPECT_FALSE(vn_resource_has(resource, 0, 0));
    vn_resource_put(resource);
    toy_end(venus);
}

static int
plain_file(void)
{
    char name[] = "/tmp/venus_resource_test_XXXXXX";
    int fd = mkstemp(name);
    (void)unlink(name);
    EXPECT_EQ(ftruncate(fd, 8192), 0);
    return fd;
}

UTEST(foreign_memory_that_could_shrink_is_sealed_or_refused)
{
    struct venus *venus = toy_begin();
    int file = plain_file();
    EXPECT_EQ(venus_resource_import(venus, 1, file, VENUS_FD_SHM, 8192), VENUS_INVALID);
    vn_os_fd_close(file);

    int closed = memfd_create("no seals", 0);
    EXPECT_EQ(ftruncate(closed, 8192), 0);
    EXPECT_EQ(venus_resource_import(venus, 1, closed, VENUS_FD_SHM, 8192), VENUS_INVALID);
    vn_os_fd_close(closed);

    int open = memfd_create("seals", MFD_ALLOW_SEALING);
    EXPECT_EQ(ftruncate(open, 8192), 0);
    int kept = dup(open);
    EXPECT_EQ(venus_resource_import(venus, 1, open, VENUS_FD_SHM, 8193), VENUS_INVALID);
    EXPECT_EQ(venus_resource_import(venus, 0, open, VENUS_FD_SHM, 8192), VENUS_INVALID);
    EXPECT_EQ(venus_resource_import(venus, 1, open, (enum venus_fd_kind)9, 8192), VENUS_INVALID);
    EXPECT_EQ(venus_resource_import(venus, 1, -1, VENUS_FD_DMABUF, 8192), VENUS_INVALID);
    EXPECT_EQ(venus_resource_import(venus, 1, open, VENUS_FD_SHM, 8192), VENUS_OK);
    EXPECT_EQ(ftruncate(kept, 0), -1);
    EXPECT_EQ(venus_resource_import(venus, 1, kept, VENUS_FD_SHM, 8192), VENUS_NO_RESOURCE);
    EXPECT_EQ(venus_resource_import(venus, 2, kept, VENUS_FD_OPAQUE, 8192), VENUS_OK);
    toy_end(venus);
}

UTEST(a_user_keeps_what_the_client_destroyed)
{
    struct venus *venus = toy_begin();
    EXPECT_EQ(create(venus, 1, 0, 4096), VENUS_OK);
    struct vn_resource *resource = vn_resource_get(&venus->resources, 1);
    EXPECT_EQ(venus_resource_destroy(venus, 1), VENUS_OK);
    EXPECT_TRUE(vn_resource_get(&venus->resources, 1) == NULL);
    EXPECT_TRUE(atomic_load(&resource->is_gone));
    resource->map[100] = 1;
    vn_resource_put(resource);
    toy_end(venus);
}

static void
set_reply(struct venus *venus, uint32_t res_id, size_t offset, size_t size)
{
    const VkCommandStreamDescriptionMESA where = { res_id, offset, size };
    struct vn_args_vkSetReplyCommandStreamMESA args = { &where };
    vn_on_vkSetReplyCommandStreamMESA(&venus->exec, &args);
}

static void
seek(struct venus *venus, size_t position)
{
    struct vn_args_vkSeekReplyCommandStreamMESA args = { position };
    vn_on_vkSeekReplyCommandStreamMESA(&venus->exec, &args);
}

UTEST(replies_go_where_they_were_told_to)
{
    struct venus *venus = toy_begin();
    uint32_t *client = (uint32_t *)(void *)toy_shm(venus, 1, 4096);
    seek(venus, 0);
    EXPECT_DEATH(venus, "is not set");
    set_reply(venus, 1, 8, 16);
    vn_put_u32(&venus->exec.reply, 11);
    seek(venus, 12);
    vn_put_u32(&venus->exec.reply, 12);
    EXPECT_EQ(client[2], 11);
    EXPECT_EQ(client[5], 12);
    vn_put_u32(&venus->exec.reply, 13);
    EXPECT_TRUE(venus->exec.reply.is_short);
    EXPECT_EQ(client[6], 0);
    seek(venus, 20);
    EXPECT_DEATH(venus, "position 20 is expected");
    seek(venus, 2);
    EXPECT_DEATH(venus, "multiple of 4");
    set_reply(venus, 2, 0, 16);
    EXPECT_DEATH(venus, "there is no resource 2");
    set_reply(venus, 1, 4092, 8);
    EXPECT_DEATH(venus, "resource 1 has 4096");
    set_reply(venus, 1, SIZE_MAX - 3, 8);
    EXPECT_DEATH(venus, "expected within shared memory");
    set_reply(venus, 1, 2, 8);
    EXPECT_DEATH(venus, "offset 2 is expected to be a multiple of 4");
    vn_os_unmap((uint8_t *)client, 4096);
    toy_end(venus);
}

UTEST(a_reply_stream_whose_resource_is_gone_harms_nobody)
{
    struct venus *venus = toy_begin();
    vn_os_unmap(toy_shm(venus, 1, 4096), 4096);
    set_reply(venus, 1, 0, 4096);
    EXPECT_EQ(venus_resource_destroy(venus, 1), VENUS_OK);
    vn_put_u32(&venus->exec.reply, 11);
    set_reply(venus, 1, 0, 4096);
    EXPECT_DEATH(venus, "there is no resource 1");
    uint8_t *client = toy_shm(venus, 1, 8192);
    set_reply(venus, 1, 4096, 4096);
    vn_put_u32(&venus->exec.reply, 12);
    EXPECT_EQ(client[4096], 12);
    vn_os_unmap(client, 8192);
    toy_end(venus);
}

static void
execute(struct venus *venus, const VkCommandStreamDescriptionMESA *streams, uint32_t count,
        const size_t *positions)
{
    struct vn_args_vkExecuteCommandStreamsMESA args = { .streamCount = count,
                                                        .pStreams = streams,
                                                        .pReplyPositions = positions };
    vn_on_vkExecuteCommandStreamsMESA(&venus->exec, &args);
}

static void
put(uint8_t *at, uint32_t op, uint32_t argument)
{
    const uint32_t words[2] = { op, argument };
    memcpy(at, words, sizeof(words));
}

UTEST(streams_are_executed_in_order_with_their_reply_positions)
{
    struct venus *venus = toy_begin();
    uint8_t *client = toy_shm(venus, 1, 4096);
    put(client, TOY_COUNT, 5);
    put(client + 8, TOY_REPLY, 77);
    put(client + 16, TOY_REPLY, 78);
    set_reply(venus, 1, 1024, 64);
    const VkCommandStreamDescriptionMESA streams[] = {
        {1,  0,  16},
        { 1, 16, 8 },
        { 1, 0,  0 }
    };
    const size_t positions[] = { 4, 16, 0 };
    execute(venus, streams, 3, positions);
    EXPECT_FALSE(atomic_load(&venus->is_fatal));
    EXPECT_EQ(toy.sum, 5);
    EXPECT_EQ(client[1024 + 4], 77);
    EXPECT_EQ(client[1024 + 16], 78);
    vn_os_unmap(client, 4096);
    toy_end(venus);
}

UTEST(commands_longer_than_a_part_of_a_stream_are_executed_once)
{
    enum { BYTES = 4 << 20 };
    struct venus *venus = toy_begin();
    uint8_t *client = toy_shm(venus, 1, BYTES);
    size_t at = 0;
    uint32_t count = 0;
    for (uint32_t extra = 4; at + 8 + extra < BYTES; extra = extra * 3 / 2 / 4 * 4 + 4) {
        put(client + at, TOY_LONG, extra);
        at += 8 + extra;
        count++;
    }
    for (; at + 8 <= BYTES; at += 8) {
        put(client + at, TOY_COUNT, 1);
        count++;
    }
    execute(venus, &(VkCommandStreamDescriptionMESA){ 1, 0, at }, 1, NULL);
    EXPECT_FALSE(atomic_load(&venus->is_fatal));
    EXPECT_EQ(toy.sum, count);
    vn_os_unmap(client, BYTES);
    toy_end(venus);
}

UTEST(wrong_streams_kill_the_context)
{
    struct venus *venus = toy_begin();
    uint8_t *client = toy_shm(venus, 1, 4096);
    execute(venus, NULL, 0, NULL);
    EXPECT_DEATH(venus, "0 streams");
    execute(venus, &(VkCommandStreamDescriptionMESA){ 2, 0, 8 }, 1, NULL);
    EXPECT_DEATH(venus, "there is no resource 2");
    execute(venus, &(VkCommandStreamDescriptionMESA){ 1, 4096, 8 }, 1, NULL);
    EXPECT_DEATH(venus, "resource 1 has 4096");
    put(client, TOY_LONG, 64);
    execute(venus, &(VkCommandStreamDescriptionMESA){ 1, 0, 16 }, 1, NULL);
    EXPECT_DEATH(venus, "short");
    put(client, TOY_NEST, 1);
    execute(venus, &(VkCommandStreamDescriptionMESA){ 1, 0, 8 }, 1, NULL);
    EXPECT_DEATH(venus, "expected none within a stream");
    struct vn_args_vkExecuteCommandStreamsMESA args = {
        .streamCount = 1,
        .pStreams = &(VkCommandStreamDescriptionMESA){1, 0, 8},
        .dependencyCount = 1,
    };
    vn_on_vkExecuteCommandStreamsMESA(&venus->exec, &args);
    EXPECT_DEATH(venus, "1 dependencies");
    toy.export_status = VENUS_OK;
    EXPECT_EQ(create(venus, 3, 77, 4096), VENUS_OK);
    execute(venus, &(VkCommandStreamDescriptionMESA){ 3, 0, 8 }, 1, NULL);
    EXPECT_DEATH(venus, "of another kind");
    vn_os_unmap(client, 4096);
    toy_end(venus);
}
