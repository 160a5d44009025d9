/*
 * Of which memory a record has what was last in it: on_memory (venus.h), over a fake Vulkan.
 * conformance: S3-10
 */
#include <unistd.h>

#include "tests/fake/vulkan_rig.h"

#define MEMORY_BYTES 8192

struct told {
    unsigned count;
    uint64_t id;
    uint64_t size_bytes;
    uint8_t first;
};

static void
on_memory(void *user, uint64_t memory_id, const void *bytes, uint64_t size_bytes)
{
    struct told *told = user;
    *told = (struct told){ told->count + 1, memory_id, size_bytes, *(const uint8_t *)bytes };
}

static void
start(struct rig *rig, struct told *told)
{
    memset(&fake, 0, sizeof(fake));
    fake.type = VK_PHYSICAL_DEVICE_TYPE_CPU;
    fake.import_bits = UINT32_MAX;
    rig_start(rig, 1 << 20, true);
    *told = (struct told){ 0 };
    rig->venus->config.user = told;
    rig->venus->config.on_memory = on_memory;
}

static void
allocate(struct rig *rig, uint64_t id)
{
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = MEMORY_BYTES,
    };
    struct vn_args_vkAllocateMemory args = {
        .device = rig->device->handle,
        .pAllocateInfo = &info,
        .pMemory = (VkDeviceMemory *)&id,
    };
    vn_on_vkAllocateMemory(rig_command(rig, true, rig->device->object, NULL, NULL), &args);
    EXPECT_EQ(args.ret, VK_SUCCESS);
}

static void
bind_memory(struct rig *rig, uint64_t id)
{
    struct vn_args_vkBindBufferMemory bind = { .device = rig->device->handle };
    vn_on_vkBindBufferMemory(rig_command(rig, true, rig->device->object, rig_find(rig, id), NULL),
                             &bind);
    EXPECT_EQ(bind.ret, VK_SUCCESS);
}

/* As a client that maps it. */
static void
write_first(struct rig *rig, uint64_t id, char first)
{
    const struct venus_blob blob = {
        .blob_id = id,
        .size_bytes = MEMORY_BYTES,
        .flags = VENUS_BLOB_MAPPABLE,
    };
    struct venus_memory out = { .fd = -1 };
    struct vn_shared *shared = NULL;
    struct vn_charge *charge = NULL;
    EXPECT_EQ(vn_memory_export(rig->venus, &blob, &out, &shared, &charge), VENUS_OK);
    EXPECT_EQ(pwrite(out.fd, &first, 1, 0), 1);
    (void)close(out.fd);
    vn_shared_put(&rig->venus->spares, shared);
    vn_charge_put(charge);
}

UTEST(mapped_memory_that_was_bound_is_told_when_it_is_freed)
{
    struct rig rig;
    struct told told;
    start(&rig, &told);
    allocate(&rig, 10);
    bind_memory(&rig, 10);
    write_first(&rig, 10, 'V');
    EXPECT_EQ(told.count, 0);
    rig_free_memory(&rig, 10);
    EXPECT_EQ(told.count, 1);
    EXPECT_EQ(told.id, 10);
    EXPECT_EQ(told.size_bytes, MEMORY_BYTES);
    EXPECT_EQ(told.first, 'V');
    venus_destroy(rig.venus);
}

UTEST(mapped_memory_is_told_when_its_context_ends)
{
    struct rig rig;
    struct told told;
    start(&rig, &told);
    allocate(&rig, 10);
    bind_memory(&rig, 10);
    write_first(&rig, 10, 'E');
    venus_destroy(rig.venus);
    EXPECT_EQ(told.count, 1);
    EXPECT_EQ(told.first, 'E');
}

UTEST(memory_that_is_not_bound_or_not_mapped_is_not_told)
{
    struct rig rig;
    struct told told;
    start(&rig, &told);
    allocate(&rig, 10);
    write_first(&rig, 10, 'V');
    allocate(&rig, 11);
    bind_memory(&rig, 11);
    rig_free_memory(&rig, 10);
    rig_free_memory(&rig, 11);
    venus_destroy(rig.venus);
    EXPECT_EQ(told.count, 0);
}
