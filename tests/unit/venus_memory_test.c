/*
 * Device memory on hosts of several kinds, its ledger, what is emulated, and pools: the handlers over a fake Vulkan.
 * conformance: S3-06, S3-08
 */
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fake/vulkan_rig.h"

#define MIB ((uint64_t)1 << 20)

/* A host like lavapipe: a CPU whose memory is all visible, with host pointers. */
static void
start_cpu(struct rig *rig, uint64_t limit_bytes)
{
    memset(&fake, 0, sizeof(fake));
    fake.type = VK_PHYSICAL_DEVICE_TYPE_CPU;
    fake.import_bits = UINT32_MAX;
    fake.linear_features = VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT;
    rig_start(rig, limit_bytes, true);
}

static void
start_gpu(struct rig *rig, bool has_pointers, uint32_t import_bits,
          VkExternalMemoryFeatureFlags dma_buf_features)
{
    memset(&fake, 0, sizeof(fake));
    fake.type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
    fake.import_bits = import_bits;
    fake.dma_buf_features = dma_buf_features;
    rig_start(rig, 64 * MIB, has_pointers);
}

static VkResult
allocate_with(struct rig *rig, uint64_t id, VkMemoryAllocateInfo *info, bool wants_reply)
{
    struct vn_args_vkAllocateMemory args = {
        .device = rig->device->handle,
        .pAllocateInfo = info,
        .pMemory = (VkDeviceMemory *)&id,
    };
    vn_on_vkAllocateMemory(rig_command(rig, wants_reply, rig->device->object, NULL, NULL), &args);
    return args.ret;
}

/* Memory that the client says it may export. */
static VkResult
allocate(struct rig *rig, uint64_t id, uint64_t bytes, uint32_t type_idx, bool wants_reply)
{
    VkMemoryDedicatedAllocateInfo dedicated = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
    };
    VkExportMemoryAllocateInfo export = {
        .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
        .pNext = &dedicated,
        .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
    };
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = &export,
        .allocationSize = bytes,
        .memoryTypeIndex = type_idx,
    };
    return allocate_with(rig, id, &info, wants_reply);
}

/* Memory for the client alone. */
static VkResult
allocate_own(struct rig *rig, uint64_t id, uint64_t bytes)
{
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = bytes,
    };
    return allocate_with(rig, id, &info, true);
}

static VkResult
import_resource(struct rig *rig, uint64_t id, uint32_t res_id, uint64_t bytes)
{
    VkImportMemoryResourceInfoMESA import = {
        .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA,
        .resourceId = res_id,
    };
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = &import,
        .allocationSize = bytes,
    };
    return allocate_with(rig, id, &info, true);
}

static enum venus_status
export(struct rig *rig, uint64_t id, uint64_t bytes, struct venus_memory *out)
{
    const struct venus_blob blob = {
        .blob_id = id,
        .size_bytes = bytes,
        .flags = VENUS_BLOB_MAPPABLE,
    };
    struct vn_shared *shared = NULL;
    struct vn_charge *charge = NULL;
    enum venus_status status = vn_memory_export(rig->venus, &blob, out, &shared, &charge);
    vn_shared_put(&rig->venus->spares, shared);
    vn_charge_put(charge);
    return status;
}

/* As a front does it.  Gives a mapping of the client's. */
static uint8_t *
map_as_resource(struct rig *rig, uint64_t id, uint32_t res_id, uint64_t bytes)
{
    const struct venus_blob blob = {
        .blob_id = id,
        .size_bytes = bytes,
        .flags = VENUS_BLOB_MAPPABLE,
    };
    struct venus_memory out = { .fd = -1 };
    EXPECT_EQ(venus_resource_create(rig->venus, res_id, &blob, &out), VENUS_OK);
    uint8_t *map = vn_os_map(out.fd, bytes);
    (void)close(out.fd);
    return map;
}

UTEST(memory_of_a_cpu_is_ours_and_outlives_its_freeing)
{
    struct rig rig;
    start_cpu(&rig, 64 * MIB);
    EXPECT_EQ(allocate(&rig, 10, 5000, 0, true), VK_SUCCESS);
    EXPECT_EQ(fake.allocated_bytes, 8192); /* whole pages */
    EXPECT_FALSE(fake.has_dedicated);      /* not allowed with imported memory */
    EXPECT_EQ(fake.exported_types, 0);
    EXPECT_TRUE(fake.imported_pointer != NULL);

    struct venus_memory out = { .fd = -1 };
    EXPECT_EQ(export(&rig, 10, 8193, &out), VENUS_NO_BLOB);
    EXPECT_EQ(export(&rig, 10, 8192, &out), VENUS_OK);
    EXPECT_EQ(out.kind, VENUS_FD_SHM);
    EXPECT_EQ(out.caching, VENUS_CACHED);
    EXPECT_EQ(export(&rig, 10, 8192, &out), VENUS_NO_BLOB); /* once */

    uint8_t *client = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, out.fd, 0);
    EXPECT_TRUE(client != MAP_FAILED);
    ((uint8_t *)fake.imported_pointer)[4999] = 77;
    EXPECT_EQ(client[4999], 77);
    EXPECT_TRUE(ftruncate(out.fd, 0) < 0); /* sealed: nobody pulls it from under the host */

    rig_free_memory(&rig, 10);
    EXPECT_EQ(fake.memory_count, 0);
    EXPECT_TRUE(rig_find(&rig, 10) == NULL);
    EXPECT_EQ(client[4999], 77);
    (void)munmap(client, 8192);
    (void)close(out.fd);
    EXPECT_EQ(vn_ledger_left_bytes(&rig.venus->ledger), 64 * MIB);
    venus_destroy(rig.venus);
}

UTEST(memory_that_nobody_has_any_more_is_used_again_and_zero)
{
    struct rig rig;
    start_cpu(&rig, 640 * MIB);
    EXPECT_EQ(allocate_own(&rig, 10, 8192), VK_SUCCESS);
    const void *first = fake.imported_pointer;
    uint8_t *map = map_as_resource(&rig, 10, 5, 8192);
    map[8191] = 77;

    rig_free_memory(&rig, 10);
    EXPECT_EQ(allocate_own(&rig, 11, 8192), VK_SUCCESS); /* the resource is there still */
    EXPECT_TRUE(fake.imported_pointer != first);
    EXPECT_EQ(map[8191], 77);
    EXPECT_EQ(venus_resource_destroy(rig.venus, 5), VENUS_OK);
    EXPECT_EQ(vn_ledger_left_bytes(&rig.venus->ledger), 640 * MIB - 8192);

    EXPECT_EQ(allocate_own(&rig, 12, 4096), VK_SUCCESS); /* of another size */
    EXPECT_TRUE(fake.imported_pointer != first);
    EXPECT_EQ(allocate_own(&rig, 13, 8192), VK_SUCCESS);
    EXPECT_TRUE(fake.imported_pointer == first);
    EXPECT_EQ(((const uint8_t *)first)[8191], 0);
    uint8_t *again =
        map_as_resource(&rig, 13, 6, 8192); /* its size is sealed since the first time */
    again[0] = 5;
    EXPECT_EQ(((const uint8_t *)first)[0], 5);
    vn_os_unmap(map, 8192);
    vn_os_unmap(again, 8192);
    venus_destroy(rig.venus);
}

UTEST(memory_that_others_may_have_is_not_used_again)
{
    struct rig rig;
    start_cpu(&rig, 640 * MIB);
    EXPECT_EQ(allocate(&rig, 10, 8192, 0, true), VK_SUCCESS); /* for export */
    vn_os_unmap(map_as_resource(&rig, 10, 5, 8192), 8192);
    rig_free_memory(&rig, 10);
    EXPECT_EQ(venus_resource_destroy(rig.venus, 5), VENUS_OK);
    EXPECT_TRUE(rig.venus->spares.first == NULL);

    EXPECT_EQ(allocate_own(&rig, 11, 8192), VK_SUCCESS);
    vn_os_unmap(map_as_resource(&rig, 11, 6, 8192), 8192);
    VkImportMemoryResourceInfoMESA import = {
        .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA,
        .resourceId = 6,
    };
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = &import,
        .allocationSize = 8192,
    };
    EXPECT_EQ(allocate_with(&rig, 12, &info, true), VK_SUCCESS); /* twice the same memory */
    rig_free_memory(&rig, 11);
    EXPECT_EQ(venus_resource_destroy(rig.venus, 6), VENUS_OK);
    EXPECT_TRUE(rig.venus->spares.first == NULL);
    ((uint8_t *)fake.imported_pointer)[0] = 1;

    EXPECT_EQ(allocate_own(&rig, 13, 5000),
              VK_SUCCESS); /* a file of 5000 bytes is of no use for another size */
    vn_os_unmap(map_as_resource(&rig, 13, 7, 5000), 5000);
    rig_free_memory(&rig, 13);
    EXPECT_EQ(venus_resource_destroy(rig.venus, 7), VENUS_OK);
    EXPECT_TRUE(rig.venus->spares.first == NULL);
    venus_destroy(rig.venus);
}

UTEST(spares_take_no_more_than_their_part)
{
    struct rig rig;
    start_cpu(&rig, MIB); /* of which spares may take 16 KiB */
    for (uint64_t id = 10; id < 16; id++) {
        EXPECT_EQ(allocate_own(&rig, id, 8192), VK_SUCCESS);
    }
    for (uint64_t id = 10; id < 16; id++) {
        rig_free_memory(&rig, id);
    }
    EXPECT_EQ(rig.venus->spares.bytes, 16384);
    EXPECT_TRUE(rig.venus->spares.first->next->next == NULL);
    EXPECT_EQ(allocate_own(&rig, 20, MIB / 2), VK_SUCCESS);
    rig_free_memory(&rig, 20); /* too much for a spare, and it displaces none of use */
    EXPECT_EQ(rig.venus->spares.bytes, 16384);
    venus_destroy(rig.venus);
}

UTEST(exported_memory_has_the_size_that_was_asked_for)
{
    struct rig rig;
    start_cpu(&rig, 64 * MIB);
    struct venus_memory out = { .fd = -1 };
    EXPECT_EQ(allocate(&rig, 10, 5000, 0, true), VK_SUCCESS);
    EXPECT_EQ(export(&rig, 10, 5000, &out), VENUS_OK);
    EXPECT_EQ(lseek(out.fd, 0, SEEK_END), 5000);
    (void)close(out.fd);

    EXPECT_EQ(allocate(&rig, 11, 9000, 0, true), VK_SUCCESS);
    EXPECT_EQ(export(&rig, 11, 4096, &out), VENUS_OK);
    EXPECT_EQ(lseek(out.fd, 0, SEEK_END), 12288); /* but the host has all its pages */
    (void)close(out.fd);
    venus_destroy(rig.venus);
}

UTEST(what_a_client_leaves_goes_with_its_context)
{
    struct rig rig;
    start_cpu(&rig, 64 * MIB);
    for (uint64_t id = 10; id < 20; id++) {
        EXPECT_EQ(allocate(&rig, id, 4096, 0, true), VK_SUCCESS);
    }
    rig_free_memory(&rig, 13);
    rig_free_memory(&rig, 19);
    rig_free_memory(&rig, 10);
    EXPECT_EQ(fake.memory_count, 7);
    venus_destroy(rig.venus); /* the sanitizer looks for leaks */
    EXPECT_EQ(fake.memory_count, 0);
}

UTEST(beyond_the_limit_is_an_honest_error)
{
    struct rig rig;
    start_cpu(&rig, MIB);
    VkPhysicalDeviceMemoryProperties properties = rig.physical->memory;
    vn_memory_filter_properties(rig.physical, rig.venus, &properties);
    EXPECT_EQ(properties.memoryHeaps[0].size, MIB); /* said before */

    EXPECT_EQ(allocate(&rig, 10, MIB - 4096, 0, true), VK_SUCCESS);
    EXPECT_EQ(allocate(&rig, 11, 4097, 0, true), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    EXPECT_TRUE(rig_find(&rig, 11) == NULL);
    EXPECT_EQ(allocate(&rig, 12, UINT64_MAX - 5, 0, true), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    EXPECT_EQ(allocate(&rig, 13, 4096, 0, true), VK_SUCCESS);
    EXPECT_FALSE(venus_why(rig.venus) != NULL);
    EXPECT_EQ(rig.venus->ledger.refused_count, 1);
    EXPECT_EQ(rig.venus->ledger.peak_bytes, MIB);
    venus_destroy(rig.venus);
}

UTEST(a_failure_that_the_client_does_not_know_of_waits_for_it)
{
    struct rig rig;
    start_cpu(&rig, MIB);
    EXPECT_EQ(allocate(&rig, 10, 2 * MIB, 0, false), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    struct vn_object *object = rig_find(&rig, 10);
    EXPECT_TRUE(object && object->host == 0);
    struct venus_memory out;
    EXPECT_EQ(export(&rig, 10, 4096, &out), VENUS_NO_BLOB);
    rig_free_memory(&rig, 10);
    EXPECT_TRUE(rig_find(&rig, 10) == NULL);
    EXPECT_FALSE(venus_why(rig.venus) != NULL);

    EXPECT_EQ(allocate(&rig, 11, 2 * MIB, 0, false), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    struct vn_args_vkBindBufferMemory bind = { .device = rig.device->handle };
    vn_on_vkBindBufferMemory(rig_command(&rig, false, rig.device->object, rig_find(&rig, 11), NULL),
                             &bind);
    EXPECT_TRUE(venus_why(rig.venus) &&
                strstr(venus_why(rig.venus), "vkAllocateMemory had failed"));
    venus_destroy(rig.venus);
}

UTEST(a_host_that_fails_leaves_nothing_behind)
{
    struct rig rig;
    start_cpu(&rig, MIB);
    fake.allocate_result = VK_ERROR_OUT_OF_HOST_MEMORY;
    int before = vn_os_memory_create("probe", 4096);
    EXPECT_EQ(allocate(&rig, 10, 4096, 0, true), VK_ERROR_OUT_OF_HOST_MEMORY);
    int after = vn_os_memory_create("probe", 4096);
    EXPECT_EQ(after, before + 1); /* no fd is left */
    EXPECT_EQ(vn_ledger_left_bytes(&rig.venus->ledger), MIB);
    (void)close(before);
    (void)close(after);
    EXPECT_EQ(allocate(&rig, 11, 4096, 7, true), VK_ERROR_UNKNOWN); /* no such type */
    EXPECT_EQ(allocate(&rig, 11, 0, 0, true), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    venus_destroy(rig.venus);
}

UTEST(memory_of_another_context_is_imported)
{
    struct rig rig;
    start_cpu(&rig, MIB);
    int fd = vn_os_memory_create("elsewhere", 8192);
    uint8_t *map = vn_os_map(fd, 8192);
    EXPECT_EQ(venus_resource_import(rig.venus, 5, fd, VENUS_FD_SHM, 8192), VENUS_OK);
    EXPECT_EQ(import_resource(&rig, 10, 5, 5000), VK_SUCCESS);
    map[77] = 5;
    EXPECT_EQ(((uint8_t *)fake.imported_pointer)[77], 5);
    struct venus_memory out;
    EXPECT_EQ(export(&rig, 10, 4096, &out), VENUS_NO_BLOB);          /* it is a resource already */
    EXPECT_EQ(vn_ledger_left_bytes(&rig.venus->ledger), MIB - 8192); /* who made it may go first */
    EXPECT_EQ(venus_resource_destroy(rig.venus, 5), VENUS_OK);
    EXPECT_EQ(((uint8_t *)fake.imported_pointer)[77], 5);

    (void)import_resource(&rig, 11, 5, 5000);
    EXPECT_TRUE(venus_why(rig.venus) && strstr(venus_why(rig.venus), "resource 5"));
    vn_os_unmap(map, 8192);
    venus_destroy(rig.venus);
}

/* Of a host that shares by memfd, and of one that does by dma-buf. */
static void
check_charge(struct rig *rig, uint64_t limit_bytes)
{
    const struct vn_ledger *ledger = &rig->venus->ledger;
    uint64_t bytes = limit_bytes / 2;
    for (unsigned turn = 0; turn < 2; turn++) {
        EXPECT_EQ(allocate(rig, 10, bytes, 0, true), VK_SUCCESS);
        vn_os_unmap(map_as_resource(rig, 10, 5, bytes), bytes);
        EXPECT_EQ(vn_ledger_left_bytes(ledger), bytes); /* once for both */
        rig_free_memory(rig, 10);
        EXPECT_EQ(vn_ledger_left_bytes(ledger), bytes);
        EXPECT_EQ(allocate(rig, 11, bytes + 4096, 0, true), VK_ERROR_OUT_OF_DEVICE_MEMORY);
        EXPECT_EQ(import_resource(rig, 12, 5, bytes), VK_SUCCESS);
        EXPECT_EQ(venus_resource_destroy(rig->venus, 5), VENUS_OK);
        EXPECT_EQ(vn_ledger_left_bytes(ledger), bytes);
        rig_free_memory(rig, 12);
        EXPECT_EQ(vn_ledger_left_bytes(ledger), limit_bytes);
    }
    venus_destroy(rig->venus);
}

UTEST(memory_is_charged_once_until_the_last_who_has_it_is_gone)
{
    struct rig rig;
    start_cpu(&rig, 2 * MIB);
    check_charge(&rig, 2 * MIB);
    start_gpu(&rig, false, 0, VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT);
    check_charge(&rig, 64 * MIB);
}

UTEST(each_type_of_a_gpu_gets_what_works)
{
    struct rig rig;
    start_gpu(&rig, true, 2, 0);
    EXPECT_EQ(rig.physical->plan.backing[0], VN_BACKING_NONE);
    EXPECT_EQ(rig.physical->plan.backing[1], VN_BACKING_HOST);
    EXPECT_FALSE(rig.physical->plan.is_all_host);
    EXPECT_EQ(fake.memory_count, 0); /* the trial's */
    venus_destroy(rig.venus);

    /* The driver says that it takes host pointers, but takes none of a file. */
    start_gpu(&rig, true, 0, VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT);
    EXPECT_EQ(rig.physical->plan.backing[1], VN_BACKING_DMABUF);
    EXPECT_EQ(allocate(&rig, 10, 5000, 1, true), VK_SUCCESS);
    EXPECT_EQ(fake.exported_types, VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT);
    EXPECT_TRUE(fake.has_dedicated);
    struct venus_memory out;
    EXPECT_EQ(export(&rig, 10, 4096, &out), VENUS_OK);
    EXPECT_EQ(out.kind, VENUS_FD_DMABUF);
    EXPECT_EQ(out.caching, VENUS_WRITE_COMBINED);
    (void)close(out.fd);
    fake.get_fd_result = VK_ERROR_TOO_MANY_OBJECTS;
    EXPECT_EQ(allocate(&rig, 11, 5000, 1, true), VK_ERROR_TOO_MANY_OBJECTS);
    EXPECT_EQ(fake.memory_count, 1);
    venus_destroy(rig.venus);

    start_gpu(&rig, false, 0, 0);
    VkPhysicalDeviceMemoryProperties properties = rig.physical->memory;
    vn_memory_filter_properties(rig.physical, rig.venus, &properties);
    EXPECT_EQ(properties.memoryTypes[1].propertyFlags, 0);
    EXPECT_EQ(allocate(&rig, 10, 5000, 1, true), VK_SUCCESS);
    EXPECT_EQ(export(&rig, 10, 4096, &out), VENUS_NO_BLOB);
    venus_destroy(rig.venus);
}

UTEST(buffers_are_told_of_imported_memory)
{
    struct rig rig;
    start_cpu(&rig, MIB);
    VkExternalMemoryBufferCreateInfo room;
    VkExternalMemoryBufferCreateInfo external = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
        .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
    };
    VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .pNext = &external,
    };
    vn_emulate_buffer_info(rig.physical, &room, &info);
    EXPECT_TRUE(info.pNext == &room && room.pNext == NULL);
    EXPECT_EQ(room.handleTypes, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT);
    venus_destroy(rig.venus);

    start_gpu(&rig, true, 2, 0);
    info.pNext = &external;
    vn_emulate_buffer_info(rig.physical, &room, &info);
    EXPECT_TRUE(info.pNext == NULL); /* the host has no dma-buf, and device memory of its own */
    venus_destroy(rig.venus);
}

UTEST(the_linear_modifier_is_emulated)
{
    struct rig rig;
    start_cpu(&rig, MIB);
    EXPECT_TRUE(vn_emulates_extension(rig.physical, "VK_EXT_image_drm_format_modifier"));
    VkDrmFormatModifierPropertiesEXT modifiers[2];
    VkDrmFormatModifierPropertiesListEXT list = {
        .sType = VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT,
        .drmFormatModifierCount = 2,
        .pDrmFormatModifierProperties = modifiers,
    };
    VkFormatProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2,
        .pNext = &list,
    };
    vn_emulate_format_properties2(rig.physical, VK_FORMAT_R8G8B8A8_UNORM, &properties);
    EXPECT_EQ(list.drmFormatModifierCount, 1);
    EXPECT_EQ(modifiers[0].drmFormatModifier, 0);
    EXPECT_EQ(modifiers[0].drmFormatModifierTilingFeatures, fake.linear_features);

    VkPhysicalDeviceImageDrmFormatModifierInfoEXT modifier = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT,
    };
    VkPhysicalDeviceImageFormatInfo2 question = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
        .pNext = &modifier,
        .tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT,
    };
    VkImageFormatProperties2 answer = { .sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2 };
    EXPECT_EQ(vn_emulate_image_format_properties2(rig.physical, &question, &answer), VK_SUCCESS);
    EXPECT_EQ(fake.image_question_tiling, VK_IMAGE_TILING_LINEAR);
    modifier.drmFormatModifier = 5;
    question.pNext = &modifier;
    question.tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT;
    EXPECT_EQ(vn_emulate_image_format_properties2(rig.physical, &question, &answer),
              VK_ERROR_FORMAT_NOT_SUPPORTED);
    venus_destroy(rig.venus);
}

UTEST(extensions_are_exchanged_for_what_the_host_has)
{
    struct rig rig;
    start_cpu(&rig, MIB);
    const char *names[4 + VN_OWN_EXTENSIONS] = { "VK_EXT_queue_family_foreign", "VK_EXT_other",
                                                 "VK_KHR_external_semaphore_fd",
                                                 "VK_KHR_external_memory_fd" };
    EXPECT_EQ(vn_emulate_device_extensions(rig.physical, names, 4), 3);
    EXPECT_EQ(strcmp(names[0], "VK_EXT_other"), 0);
    EXPECT_EQ(strcmp(names[1], "VK_KHR_external_memory_fd"), 0);
    EXPECT_EQ(strcmp(names[2], "VK_EXT_external_memory_host"), 0);
    uint32_t count = 0;
    while (vn_emulated_extension(rig.physical, count)) {
        count++;
    }
    EXPECT_EQ(count, 4);
    VkExternalSemaphoreProperties properties = { 0 };
    const VkPhysicalDeviceExternalSemaphoreInfo info = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
        .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
    };
    vn_emulate_external_semaphore_properties(rig.physical, &info, &properties);
    EXPECT_EQ(properties.externalSemaphoreFeatures, VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT);
    venus_destroy(rig.venus);
}

static void
allocate_sets(struct rig *rig, struct vn_object *pool, const uint64_t *ids, uint32_t count)
{
    const VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = (VkDescriptorPool)(uintptr_t)pool->host,
        .descriptorSetCount = count,
    };
    struct vn_args_vkAllocateDescriptorSets args = {
        .device = rig->device->handle,
        .pAllocateInfo = &info,
        .pDescriptorSets = vn_mutable(ids),
    };
    vn_on_vkAllocateDescriptorSets(rig_command(rig, false, rig->device->object, pool, NULL), &args);
    EXPECT_EQ(args.ret, VK_SUCCESS);
}

static void
free_sets(struct rig *rig, struct vn_object *pool, struct vn_object *set, bool is_twice)
{
    const VkDescriptorSet sets[] = { (VkDescriptorSet)(uintptr_t)set->host,
                                     (VkDescriptorSet)(uintptr_t)set->host };
    struct vn_args_vkFreeDescriptorSets args = {
        .device = rig->device->handle,
        .descriptorPool = (VkDescriptorPool)(uintptr_t)pool->host,
        .descriptorSetCount = is_twice ? 2 : 1,
        .pDescriptorSets = sets,
    };
    struct vn_exec *exec = rig_command(rig, false, rig->device->object, pool, set);
    if (is_twice) {
        exec->trail[exec->trail_count++] = set;
    }
    vn_on_vkFreeDescriptorSets(exec, &args);
}

UTEST(sets_go_with_their_pool)
{
    struct rig rig;
    start_cpu(&rig, MIB);
    struct vn_object *pool =
        rig_add(&rig, rig.device->object, VN_HANDLE_VkDescriptorPool, 50, 0x900);
    uint64_t ids[] = { 51, 52, 53 };
    allocate_sets(&rig, pool, ids, 3);
    EXPECT_EQ(ids[2], 53); /* still the client's id, for the reply */
    free_sets(&rig, pool, rig_find(&rig, 52), false);
    EXPECT_TRUE(rig_find(&rig, 52) == NULL);
    EXPECT_EQ(fake.set_count, 2);

    struct vn_args_vkResetDescriptorPool reset = {
        .device = rig.device->handle,
        .descriptorPool = (VkDescriptorPool)(uintptr_t)pool->host,
    };
    vn_on_vkResetDescriptorPool(rig_command(&rig, false, rig.device->object, pool, NULL), &reset);
    EXPECT_TRUE(rig_find(&rig, 51) == NULL && rig_find(&rig, 53) == NULL);
    allocate_sets(&rig, pool, ids, 3); /* the ids are free again */
    EXPECT_FALSE(venus_why(rig.venus) != NULL);

    free_sets(&rig, pool, rig_find(&rig, 52), true);
    EXPECT_TRUE(venus_why(rig.venus) && strstr(venus_why(rig.venus), "named twice"));
    EXPECT_EQ(fake.set_count, 3); /* the host was not asked */
    venus_destroy(rig.venus);
}

UTEST(a_set_of_another_pool_is_refused)
{
    struct rig rig;
    start_cpu(&rig, MIB);
    struct vn_object *pool =
        rig_add(&rig, rig.device->object, VN_HANDLE_VkDescriptorPool, 50, 0x900);
    struct vn_object *other =
        rig_add(&rig, rig.device->object, VN_HANDLE_VkDescriptorPool, 60, 0x910);
    uint64_t id = 51;
    allocate_sets(&rig, pool, &id, 1);
    free_sets(&rig, other, rig_find(&rig, 51), false);
    EXPECT_TRUE(venus_why(rig.venus) && strstr(venus_why(rig.venus), "not of this pool"));
    venus_destroy(rig.venus);
}
