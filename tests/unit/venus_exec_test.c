/* Commands that no honest client sends: each kills the context with a reason, and the host sees nothing of it. */
#include <sys/mman.h>
#include <unistd.h>

#include "abi/trace_record.h"

#include "venus/record.h"
#include "venus/ring.h"

#include "tests/unit/venus_hostile.h"

#define MANY 1000

UTEST(nothing_is_called_on_a_null_device_or_instance)
{
    struct hostile h = hostile_begin();
    hostile_write(&h, "vkDestroyDevice", &(struct vn_args_vkDestroyDevice){ 0 });
    hostile_expect_dead(&h, "device is null");
    h = hostile_begin();
    hostile_write(&h, "vkDestroyInstance", &(struct vn_args_vkDestroyInstance){ 0 });
    hostile_expect_dead(&h, "instance is null");
}

/* The chained struct, which can be sent, becomes VkImportMemoryFdInfoKHR, which names a file of this process. */
UTEST(files_of_this_process_cannot_be_named)
{
    struct hostile h = hostile_begin();
    uint64_t id = ID_FREE;
    const VkImportMemoryResourceInfoMESA import = {
        .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA,
        .resourceId = 1,
    };
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = &import,
        .allocationSize = 4096,
    };
    const struct vn_args_vkAllocateMemory args = {
        .device = HANDLE(VkDevice, ID_DEVICE),
        .pAllocateInfo = &info,
        .pMemory = OUT(&id),
    };
    hostile_write(&h, "vkAllocateMemory", &args);
    const uint32_t sent = (uint32_t)VK_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA;
    const uint32_t spoiled = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR;
    for (size_t at = 0; at < h.author->out.at; at += 4) {
        if (memcmp(h.author->stream + at, &sent, 4) == 0) {
            memcpy(h.author->stream + at, &spoiled, 4);
        }
    }
    hostile_expect_dead(&h, "which does not extend it");
}

UTEST(a_struct_stands_in_a_chain_once)
{
    struct hostile h = hostile_begin();
    uint64_t id = ID_FREE;
    const VkExportMemoryAllocateInfo second = {
        .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
        .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
    };
    VkExportMemoryAllocateInfo first = second;
    first.pNext = &second;
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = &first,
        .allocationSize = 4096,
    };
    const struct vn_args_vkAllocateMemory args = {
        .device = HANDLE(VkDevice, ID_DEVICE),
        .pAllocateInfo = &info,
        .pMemory = OUT(&id),
    };
    hostile_write(&h, "vkAllocateMemory", &args);
    hostile_expect_dead(&h, "holds VkExportMemoryAllocateInfo twice");
}

UTEST(a_union_is_what_its_struct_says)
{
    struct hostile h = hostile_begin();
    const VkAccelerationStructureGeometryKHR geometry = {
        .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_GEOMETRY_KHR,
        .geometryType = VK_GEOMETRY_TYPE_AABBS_KHR,
        .geometry.aabbs.sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_GEOMETRY_AABBS_DATA_KHR,
    };
    const VkAccelerationStructureBuildGeometryInfoKHR info = {
        .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_BUILD_GEOMETRY_INFO_KHR,
        .geometryCount = 1,
        .pGeometries = &geometry,
    };
    VkAccelerationStructureBuildSizesInfoKHR sizes = {
        .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_BUILD_SIZES_INFO_KHR,
    };
    const struct vn_args_vkGetAccelerationStructureBuildSizesKHR args = {
        .device = HANDLE(VkDevice, ID_DEVICE),
        .pBuildInfo = &info,
        .pSizeInfo = &sizes,
    };
    EXPECT_EQ(hostile_say(&h, "vkGetAccelerationStructureBuildSizesKHR", &args), VENUS_OK);
    hostile_write(&h, "vkGetAccelerationStructureBuildSizesKHR", &args);
    /* sType, no chain (u64), geometryType, tag. */
    const uint32_t sent[] = { (uint32_t)geometry.sType, 0, 0, VK_GEOMETRY_TYPE_AABBS_KHR };
    const uint32_t spoiled = VK_GEOMETRY_TYPE_INSTANCES_KHR;
    for (size_t at = 0; at < h.author->out.at; at += 4) {
        if (memcmp(h.author->stream + at, sent, sizeof(sent)) == 0) {
            memcpy(h.author->stream + at + sizeof(sent) - 4, &spoiled, 4);
        }
    }
    hostile_expect_dead(&h, "has a tag that is not what its struct selects");
}

/* Where the host would write to NULL, or as much as it likes. */
UTEST(what_the_host_fills_in_must_be_there)
{
    struct hostile h = hostile_begin();
    uint64_t id = ID_FREE;
    const VkCommandPoolCreateInfo pool_info = { .sType =
                                                    VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO };
    const struct vn_args_vkCreateCommandPool create = {
        .device = HANDLE(VkDevice, ID_DEVICE),
        .pCreateInfo = &pool_info,
        .pCommandPool = OUT(&id),
    };
    EXPECT_EQ(hostile_say(&h, "vkCreateCommandPool", &create), VENUS_OK);
    const VkCommandBufferAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = HANDLE(VkCommandPool, ID_FREE),
        .commandBufferCount = UINT32_MAX,
    };
    const struct vn_args_vkAllocateCommandBuffers allocate = {
        .device = HANDLE(VkDevice, ID_DEVICE),
        .pAllocateInfo = &info,
    };
    hostile_write(&h, "vkAllocateCommandBuffers", &allocate);
    hostile_expect_dead(&h, "pCommandBuffers");

    h = hostile_begin();
    const VkQueryPoolCreateInfo query_info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryCount = 1,
    };
    const struct vn_args_vkCreateQueryPool queries = {
        .device = HANDLE(VkDevice, ID_DEVICE),
        .pCreateInfo = &query_info,
        .pQueryPool = OUT(&id),
    };
    EXPECT_EQ(hostile_say(&h, "vkCreateQueryPool", &queries), VENUS_OK);
    const struct vn_args_vkGetQueryPoolResults results = {
        .device = HANDLE(VkDevice, ID_DEVICE),
        .queryPool = HANDLE(VkQueryPool, ID_FREE),
        .queryCount = 1,
        .dataSize = 8,
        .stride = 8,
    };
    hostile_write(&h, "vkGetQueryPoolResults", &results);
    hostile_expect_dead(&h, "pData");
}

UTEST(a_name_that_a_host_reads_is_there)
{
    struct hostile h = hostile_begin();
    uint64_t id = ID_FREE;
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
    };
    const struct vn_args_vkCreateComputePipelines args = {
        .device = HANDLE(VkDevice, ID_DEVICE),
        .createInfoCount = 1,
        .pCreateInfos = &info,
        .pPipelines = OUT(&id),
    };
    hostile_write(&h, "vkCreateComputePipelines", &args);
    hostile_expect_dead(&h, "pName is NULL");
}

static enum venus_status
make_fence(struct hostile *h, uint64_t device, uint64_t id)
{
    const VkFenceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
    const struct vn_args_vkCreateFence args = {
        .device = HANDLE(VkDevice, device),
        .pCreateInfo = &info,
        .pFence = OUT(&id),
    };
    return hostile_say(h, "vkCreateFence", &args);
}

UTEST(objects_of_two_devices_do_not_mix)
{
    for (int is_remembered = 0; is_remembered < 2; is_remembered++) {
        struct hostile h = hostile_begin();
        EXPECT_EQ(make_fence(&h, ID_DEVICE, ID_FREE), VENUS_OK);
        struct vn_args_vkGetFenceStatus args = {
            .device = HANDLE(VkDevice, ID_DEVICE),
            .fence = HANDLE(VkFence, ID_FREE),
        };
        if (is_remembered) { /* looked up before: the short way */
            EXPECT_EQ(hostile_say(&h, "vkGetFenceStatus", &args), VENUS_OK);
        }
        args.device = HANDLE(VkDevice, ID_DEVICE_TOO);
        hostile_write(&h, "vkGetFenceStatus", &args);
        hostile_expect_dead(&h, "is of another device");
    }
}

UTEST(an_object_is_destroyed_once_and_its_id_is_free_again)
{
    struct hostile h = hostile_begin();
    const struct vn_args_vkDestroyFence args = {
        .device = HANDLE(VkDevice, ID_DEVICE),
        .fence = HANDLE(VkFence, ID_FREE),
    };
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(make_fence(&h, ID_DEVICE, ID_FREE), VENUS_OK);
        EXPECT_EQ(hostile_say(&h, "vkDestroyFence", &args), VENUS_OK);
    }
    hostile_write(&h, "vkDestroyFence", &args);
    hostile_expect_dead(&h, "there is no object 0x32");
}

UTEST(an_id_in_use_leaves_no_handle_behind)
{
    struct hostile h = hostile_begin();
    EXPECT_EQ(make_fence(&h, ID_DEVICE, ID_QUEUE), VENUS_FATAL);
    EXPECT_CONTAINS(venus_why(h.venus), "the id is in use");
    hostile_end(&h);
    h = hostile_begin();
    EXPECT_EQ(make_fence(&h, ID_DEVICE, 0), VENUS_FATAL);
    EXPECT_CONTAINS(venus_why(h.venus), "id 0 means null");
    hostile_end(&h);
}

UTEST(too_many_objects_end_the_context_not_the_host)
{
    struct hostile h = hostile_begin_with((struct venus_limits){ .object_count = 10 });
    enum venus_status status = VENUS_OK;
    for (uint64_t id = ID_FREE; status == VENUS_OK && id < ID_FREE + 10; id++) {
        status = make_fence(&h, ID_DEVICE, id);
    }
    EXPECT_EQ(status, VENUS_FATAL);
    EXPECT_CONTAINS(venus_why(h.venus), "too many objects");
    hostile_end(&h);
}

static enum venus_status
make_semaphore(struct hostile *h, uint64_t id)
{
    const VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO };
    const struct vn_args_vkCreateSemaphore args = {
        .device = HANDLE(VkDevice, ID_DEVICE),
        .pCreateInfo = &info,
        .pSemaphore = OUT(&id),
    };
    return hostile_say(h, "vkCreateSemaphore", &args);
}

/* A wait for a semaphore that is signalled in name only is left out; the numbers beside it lie in the caller's bytes. */
UTEST(the_bytes_of_a_submission_are_not_written_to)
{
    struct hostile h = hostile_begin();
    EXPECT_EQ(make_semaphore(&h, ID_FREE), VENUS_OK);
    EXPECT_EQ(make_semaphore(&h, ID_FREE + 1), VENUS_OK);
    const VkImportSemaphoreResourceInfoMESA import = {
        .sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_RESOURCE_INFO_MESA,
        .semaphore = HANDLE(VkSemaphore, ID_FREE),
    };
    const struct vn_args_vkImportSemaphoreResourceMESA mark = {
        .device = HANDLE(VkDevice, ID_DEVICE),
        .pImportSemaphoreResourceInfo = &import,
    };
    EXPECT_EQ(hostile_say(&h, "vkImportSemaphoreResourceMESA", &mark), VENUS_OK);

    const VkSemaphore waits[] = { HANDLE(VkSemaphore, ID_FREE), HANDLE(VkSemaphore, ID_FREE + 1) };
    const VkPipelineStageFlags stages[] = { 1, 2 };
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .waitSemaphoreCount = 2,
        .pWaitSemaphores = waits,
        .pWaitDstStageMask = stages,
    };
    const struct vn_args_vkQueueSubmit args = {
        .queue = HANDLE(VkQueue, ID_QUEUE),
        .submitCount = 1,
        .pSubmits = &submit,
    };
    hostile_write(&h, "vkQueueSubmit", &args);
    uint8_t *bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(bytes, h.author->stream, h.author->out.at);
    EXPECT_EQ(mprotect(bytes, 4096, PROT_READ), 0);
    EXPECT_EQ(venus_submit(h.venus, bytes, h.author->out.at), VENUS_OK);
    (void)munmap(bytes, 4096);
    hostile_end(&h);
}

UTEST(all_executors_together_get_what_one_gets)
{
    struct vn_budget budget = { .limit_bytes = 1 << 20 };
    struct vn_arena first = { .budget = &budget };
    struct vn_arena second = { .budget = &budget };
    EXPECT_TRUE(vn_arena_alloc(&first, 100) && vn_arena_alloc(&second, 100));
    EXPECT_EQ(budget.used_bytes, 0); /* what each keeps */
    EXPECT_TRUE(vn_arena_alloc(&first, 700000) != NULL);
    EXPECT_TRUE(vn_arena_alloc(&second, 700000) == NULL);
    EXPECT_TRUE(vn_arena_alloc(&second, 300000) != NULL);
    vn_arena_reset(&first);
    EXPECT_EQ(budget.used_bytes, 300000);
    EXPECT_TRUE(vn_arena_alloc(&second, 700000) != NULL);
    vn_arena_reset(&second);
    EXPECT_TRUE(vn_arena_alloc(&second, (size_t)2 << 20) == NULL); /* and one alone no more */
    EXPECT_EQ(budget.used_bytes, 0);
    EXPECT_TRUE(vn_arena_alloc(&first, 700000) != NULL);
    vn_arena_finish(&first);
    vn_arena_finish(&second);
    EXPECT_EQ(budget.used_bytes, 0);
}

UTEST(a_command_in_a_stream_is_not_copied_beyond_the_limit)
{
    enum { BYTES = 2 << 20, CODE_BYTES = 1 << 20 };
    struct hostile h = hostile_begin_with((struct venus_limits){ .command_bytes = 1 << 16 });
    const struct venus_blob blob = { .size_bytes = BYTES };
    struct venus_memory memory;
    EXPECT_EQ(venus_resource_create(h.venus, 2, &blob, &memory), VENUS_OK);
    uint8_t *map = vn_os_map(memory.fd, BYTES);
    uint32_t *code = calloc(1, CODE_BYTES);
    uint64_t id = ID_FREE;
    const VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = CODE_BYTES,
        .pCode = code,
    };
    const struct vn_args_vkCreateShaderModule args = {
        .device = HANDLE(VkDevice, ID_DEVICE),
        .pCreateInfo = &info,
        .pShaderModule = OUT(&id),
    };
    struct vn_writer out = { .base = map, .size = BYTES };
    vn_encode_request(&out, author_command("vkCreateShaderModule"), 0, &args);
    const VkCommandStreamDescriptionMESA stream = { .resourceId = 2, .size = out.at };
    const struct vn_args_vkExecuteCommandStreamsMESA run = { .streamCount = 1,
                                                             .pStreams = &stream };
    hostile_write(&h, "vkExecuteCommandStreamsMESA", &run);
    hostile_expect_dead(&h, "a command of more than");
    free(code);
    vn_os_unmap(map, BYTES);
    vn_os_fd_close(memory.fd);
}

/* Each begins with where the next is. */
static size_t
count_retired(const struct venus *venus)
{
    size_t count = 0;
    for (size_t i = 0; i < VN_KEPT_BINS; i++) {
        for (const void *kept = venus->retired[i]; kept; kept = *(const void *const *)kept) {
            count++;
        }
    }
    return count;
}

UTEST(devices_that_come_and_go_take_no_more_memory)
{
    static const float priority = 1;
    struct hostile h = hostile_begin();
    uint64_t id = ID_FREE;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
    };
    const struct vn_args_vkCreateDevice create = {
        .physicalDevice = HANDLE(VkPhysicalDevice, ID_PHYSICAL),
        .pCreateInfo = &info,
        .pDevice = OUT(&id),
    };
    const struct vn_args_vkDestroyDevice destroy = { .device = HANDLE(VkDevice, ID_FREE) };
    for (int i = 0; i < 100; i++) {
        EXPECT_EQ(hostile_say(&h, "vkCreateDevice", &create), VENUS_OK);
        EXPECT_EQ(make_fence(&h, ID_FREE, ID_FREE + 1), VENUS_OK);
        EXPECT_EQ(hostile_say(&h, "vkDestroyDevice", &destroy), VENUS_OK);
    }
    EXPECT_EQ(count_retired(h.venus), 1);
    hostile_end(&h);
}

/* As the fuzzer does, but the same each time: every command that can be said, and then the end. */
UTEST(whatever_a_client_leaves_is_destroyed_once)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct hostile h = hostile_begin();
        author_destroy(h.author);
        h.author = author_create(h.venus, seed);
        enum venus_status status = VENUS_OK;
        for (int i = 0; i < MANY && status == VENUS_OK; i++) {
            const struct vn_command *command =
                &vn_commands[author_roll(h.author, vn_command_count)];
            if (command->on && author_write(h.author, command)) {
                status = author_submit(h.author);
            }
        }
        hostile_end(&h);
    }
}

UTEST(a_clients_name_breaks_no_line_and_no_json)
{
    char text[16384];
    struct hostile h = hostile_begin();
    EXPECT_TRUE(venus_stats(h.venus, true, text, sizeof(text)) < sizeof(text));
    EXPECT_CONTAINS(text, "{\"client\":\"say ?hi???\",");
    hostile_end(&h);
}

enum { RECORD_COUNT_MAX = 16 };

struct record_log {
    struct trace_record records[RECORD_COUNT_MAX];
    unsigned count;
};

static void
log_record(void *user, const void *record)
{
    struct record_log *log = user;
    if (EXPECT_TRUE(log->count < RECORD_COUNT_MAX)) {
        memcpy(&log->records[log->count++], record, sizeof(log->records[0]));
    }
}

static void
expect_record(const struct record_log *log, unsigned idx, enum vn_event event, uint32_t cookie)
{
    EXPECT_EQ(le16_get(log->records[idx].event), event);
    EXPECT_EQ(le32_get(log->records[idx].cookie), cookie);
    EXPECT_EQ(log->records[idx].queue, VN_STREAM_OWN);
}

/* As another ring may do it between the look-up of a sampler and its end. */
static void
replace_sampler(void *user, uint64_t ring_id, const void *bytes, size_t size_bytes)
{
    struct venus *venus = user;
    struct vn_object *sampler = vn_objects_find(&venus->objects, ID_FREE);
    const struct vn_object other = { .id = ID_FREE + 1,
                                     .host = sampler->host + 16,
                                     .type = VN_HANDLE_VkEvent,
                                     .device = sampler->device,
                                     .parent = sampler->parent };
    const char *why = NULL;
    (void)ring_id;
    (void)bytes;
    (void)size_bytes;
    vn_objects_remove(venus, sampler);
    EXPECT_TRUE(vn_objects_add(venus, &other, &why) == sampler);
}

UTEST(what_another_ring_destroyed_meanwhile_is_not_destroyed_again)
{
    struct hostile h = hostile_begin();
    uint64_t id = ID_FREE;
    const VkSamplerCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO };
    const struct vn_args_vkCreateSampler create = { .device = HANDLE(VkDevice, ID_DEVICE),
                                                    .pCreateInfo = &info,
                                                    .pSampler = OUT(&id) };
    const struct vn_args_vkDestroySampler destroy = { .device = HANDLE(VkDevice, ID_DEVICE),
                                                      .sampler = HANDLE(VkSampler, ID_FREE) };
    EXPECT_EQ(hostile_say(&h, "vkCreateSampler", &create), VENUS_OK);
    const struct vn_object *sampler = vn_objects_find(&h.venus->objects, ID_FREE);
    VkSampler host = HANDLE(VkSampler, sampler->host);
    struct vn_device *device = sampler->device;
    h.venus->config.on_command = replace_sampler;
    h.venus->config.user = h.venus;
    EXPECT_EQ(hostile_say(&h, "vkDestroySampler", &destroy), VENUS_FATAL);
    EXPECT_CONTAINS(venus_why(h.venus), "destroys a VkSampler that another ring destroys");
    struct vn_object *other = vn_objects_find(&h.venus->objects, ID_FREE + 1);
    EXPECT_TRUE(other != NULL);
    vn_objects_remove(h.venus, other);
    device->vk.vkDestroySampler(device->handle, host, NULL); /* the other ring's, not seen before */
    hostile_end(&h);
}

enum { HEADS_MAX = 80 };

struct head_log {
    const _Atomic uint32_t *head;
    unsigned count;
    uint32_t heads[HEADS_MAX];
};

static void
log_head(void *user, uint64_t ring_id, const void *bytes, size_t size_bytes)
{
    struct head_log *log = user;
    (void)ring_id;
    (void)bytes;
    (void)size_bytes;
    if (log->count < HEADS_MAX) {
        log->heads[log->count++] = atomic_load(log->head);
    }
}

/* Not for each command, but often enough for who waits for room, and whenever what comes may take long. */
UTEST(a_client_sees_how_far_its_ring_is)
{
    struct hostile h = hostile_begin();
    _Atomic uint32_t head = 0;
    struct head_log log = { .head = &head };
    struct vn_ring ring = { .venus = h.venus, .shared_head = &head };
    const struct vn_args_vkDestroySampler quick = { .device = HANDLE(VkDevice, ID_DEVICE) };
    const struct vn_args_vkDeviceWaitIdle slow = { .device = HANDLE(VkDevice, ID_DEVICE) };
    uint32_t quick_bytes = 0;
    h.venus->config.on_command = log_head;
    h.venus->config.user = &log;
    h.venus->exec.ring = &ring;
    for (uint32_t i = 0; i < HEADS_MAX - 1; i++) {
        hostile_write(&h, "vkDestroySampler", &quick);
        quick_bytes = (uint32_t)h.author->out.at / (i + 1);
    }
    EXPECT_EQ(hostile_say(&h, "vkDeviceWaitIdle", &slow), VENUS_OK);
    h.venus->exec.ring = NULL;
    h.venus->config.on_command = NULL;
    EXPECT_EQ(log.count, HEADS_MAX);
    EXPECT_EQ(log.heads[1], 0);
    for (uint32_t i = 0; i < HEADS_MAX - 1; i++) {
        EXPECT_TRUE(i * quick_bytes - log.heads[i] < VN_RING_SHOW_BYTES);
    }
    EXPECT_EQ(log.heads[HEADS_MAX - 1], (HEADS_MAX - 1) * quick_bytes);
    EXPECT_EQ(atomic_load(&head), atomic_load(&ring.head));
    hostile_end(&h);
}

/* A command in a stream within a stream stands between its outer one's two records. */
UTEST(each_command_has_two_records_and_so_has_each_within_it)
{
    enum { BYTES = 4096 };
    struct record_log log = { 0 };
    struct hostile h = hostile_begin();
    const struct venus_blob blob = { .size_bytes = BYTES };
    struct venus_memory memory;
    EXPECT_EQ(venus_resource_create(h.venus, 2, &blob, &memory), VENUS_OK);
    uint8_t *map = vn_os_map(memory.fd, BYTES);
    h.venus->config.user = &log;
    h.venus->config.on_record = log_record;
    EXPECT_EQ(make_fence(&h, ID_DEVICE, ID_FREE), VENUS_OK);
    const struct vn_args_vkDestroyFence inner = { .device = HANDLE(VkDevice, ID_DEVICE),
                                                  .fence = HANDLE(VkFence, ID_FREE) };
    struct vn_writer out = { .base = map, .size = BYTES };
    vn_encode_request(&out, author_command("vkDestroyFence"), 0, &inner);
    const VkCommandStreamDescriptionMESA stream = { .resourceId = 2, .size = out.at };
    const struct vn_args_vkExecuteCommandStreamsMESA outer = { .streamCount = 1,
                                                               .pStreams = &stream };
    EXPECT_EQ(hostile_say(&h, "vkExecuteCommandStreamsMESA", &outer), VENUS_OK);
    EXPECT_EQ(venus_fence(h.venus, 0, 77), VENUS_OK);
    EXPECT_EQ(log.count, 10);
    expect_record(&log, 0, VN_EVENT_STREAM, 0);
    expect_record(&log, 1, VN_EVENT_PICKED, 1);
    expect_record(&log, 2, VN_EVENT_DONE, 1);
    expect_record(&log, 3, VN_EVENT_STREAM, 0);
    expect_record(&log, 4, VN_EVENT_PICKED, 2);
    expect_record(&log, 5, VN_EVENT_INNER, 3);
    expect_record(&log, 6, VN_EVENT_DONE, 3);
    expect_record(&log, 7, VN_EVENT_DONE, 2);
    expect_record(&log, 8, VN_EVENT_FENCE_ASKED, 0);
    expect_record(&log, 9, VN_EVENT_FENCE_PASSED, 0);
    EXPECT_EQ(le64_get(log.records[5].b),
              (uint64_t)out.at << 32 | author_command("vkDestroyFence")->id);
    EXPECT_TRUE(le64_get(log.records[7].b) >= le64_get(log.records[7].a));
    h.venus->config.on_record = NULL;
    vn_os_unmap(map, BYTES);
    vn_os_fd_close(memory.fd);
    hostile_end(&h);
}
