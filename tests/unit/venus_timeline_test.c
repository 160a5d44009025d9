/*
 * Queues, timelines, waits and marked semaphores: the handlers over a fake Vulkan.
 * conformance: S3-07, S3-08
 */
#include "tests/fake/vulkan_rig.h"

#define MS ((uint64_t)1000000)

static void
start(struct rig *rig)
{
    memset(&fake, 0, sizeof(fake));
    (void)pthread_mutex_init(&fake.lock, NULL);
    fake.type = VK_PHYSICAL_DEVICE_TYPE_CPU;
    fake.import_bits = UINT32_MAX;
    rig_start(rig, (uint64_t)1 << 20, true);
}

/* vkGetDeviceQueue2 of queue queue_idx of family 0 as object id. */
static void
get_queue(struct rig *rig, uint64_t id, uint32_t queue_idx, uint32_t ring_idx)
{
    VkDeviceQueueTimelineInfoMESA timeline = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_TIMELINE_INFO_MESA,
        .ringIdx = ring_idx,
    };
    const VkDeviceQueueInfo2 info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2,
        .pNext = &timeline,
        .queueIndex = queue_idx,
    };
    struct vn_args_vkGetDeviceQueue2 args = {
        .device = rig->device->handle,
        .pQueueInfo = &info,
        .pQueue = (VkQueue *)&id,
    };
    vn_on_vkGetDeviceQueue2(rig_command(rig, false, rig->device->object, NULL, NULL), &args);
}

static void
expect_dead(struct rig *rig, const char *reason)
{
    const char *why = venus_why(rig->venus);
    if (!EXPECT_TRUE(why && strstr(why, reason))) {
        printf("        %s\n", why ? why : "(alive)");
    }
}

/* Waits until on_fence was called this often. */
static void
await_fences(uint32_t count)
{
    for (int i = 0; i < 2000 && fake.fence_id_count < count; i++) {
        vn_os_sleep_ns(MS);
    }
    EXPECT_EQ(fake.fence_id_count, count);
}

UTEST(timeline_zero_signals_at_once)
{
    struct rig rig;
    start(&rig);
    EXPECT_EQ(venus_fence(rig.venus, 0, 7), VENUS_OK);
    EXPECT_EQ(fake.fence_id_count, 1);
    EXPECT_EQ(fake.fence_ids[0], 7);
    EXPECT_EQ(venus_fence(rig.venus, 5, 8), VENUS_OK); /* no queue: nothing under way */
    EXPECT_EQ(fake.fence_id_count, 2);
    EXPECT_EQ(venus_fence(rig.venus, 64, 9), VENUS_INVALID);
    venus_destroy(rig.venus);
}

UTEST(fences_wait_for_the_queue_and_come_in_order)
{
    struct rig rig;
    start(&rig);
    get_queue(&rig, 20, 0, 3);
    fake.is_working = true;
    for (uint64_t id = 1; id <= 5; id++) {
        EXPECT_EQ(venus_fence(rig.venus, 3, id), VENUS_OK);
    }
    vn_os_sleep_ns(150 * MS); /* longer than a slice */
    EXPECT_EQ(fake.fence_id_count, 0);
    fake_finish_work();
    await_fences(5);
    for (uint32_t i = 0; i < 5; i++) {
        EXPECT_EQ(fake.fence_ids[i], i + 1);
        EXPECT_EQ(fake.fence_rings[i], 3);
    }
    uint32_t made_count = fake.fence_count;
    EXPECT_EQ(venus_fence(rig.venus, 3, 6), VENUS_OK);
    await_fences(6);
    EXPECT_EQ(fake.fence_count, made_count); /* used again */
    venus_destroy(rig.venus);
    EXPECT_EQ(fake.fence_count, 0);
}

UTEST(a_lost_device_signals_in_turn)
{
    struct rig rig;
    start(&rig);
    get_queue(&rig, 20, 0, 1);
    fake.is_working = true;
    EXPECT_EQ(venus_fence(rig.venus, 1, 1), VENUS_OK);
    fake.submit_result = VK_ERROR_DEVICE_LOST;
    EXPECT_EQ(venus_fence(rig.venus, 1, 2), VENUS_OK);
    vn_os_sleep_ns(10 * MS);
    EXPECT_EQ(fake.fence_id_count, 0); /* the first is still under way */
    fake_finish_work();
    await_fences(2);
    EXPECT_EQ(fake.fence_ids[1], 2);
    venus_destroy(rig.venus);
}

UTEST(a_host_without_fences_says_so)
{
    struct rig rig;
    start(&rig);
    get_queue(&rig, 20, 0, 1);
    fake.create_fence_result = VK_ERROR_OUT_OF_HOST_MEMORY;
    EXPECT_EQ(venus_fence(rig.venus, 1, 1), VENUS_NO_MEMORY);
    fake.create_fence_result = VK_SUCCESS;
    EXPECT_EQ(venus_fence(rig.venus, 1, 2), VENUS_OK);
    await_fences(1);
    EXPECT_EQ(fake.fence_ids[0], 2);
    venus_destroy(rig.venus);
}

UTEST(the_end_of_a_working_device_signals_all)
{
    struct rig rig;
    start(&rig);
    get_queue(&rig, 20, 0, 1);
    fake.is_working = true;
    EXPECT_EQ(venus_fence(rig.venus, 1, 1), VENUS_OK);
    EXPECT_EQ(venus_fence(rig.venus, 1, 2), VENUS_OK);
    struct vn_queue *queue = rig.device->queues.first;
    uint64_t start_ns = vn_os_now_ns();
    EXPECT_EQ(vn_queues_finish(rig.venus, rig.device), VK_TIMEOUT);
    EXPECT_TRUE(vn_os_now_ns() - start_ns < 4000 * MS);
    EXPECT_EQ(fake.fence_id_count, 2);
    EXPECT_EQ(fake.fence_ids[1], 2);
    fake_finish_work();
    /* What was left to the host, which may still write to it. */
    vn_timeline_finish(queue);
    vn_retire(rig.venus, queue);
    venus_destroy(rig.venus);
}

UTEST(queues_are_got_once_as_they_were_made)
{
    struct rig rig;
    start(&rig);
    get_queue(&rig, 20, 0, 1);
    get_queue(&rig, 21, 1, 63);
    EXPECT_TRUE(rig_find(&rig, 21) != NULL);
    EXPECT_FALSE(venus_why(rig.venus) != NULL);
    get_queue(&rig, 22, 0, 2);
    expect_dead(&rig, "got before");
    venus_destroy(rig.venus);

    start(&rig);
    get_queue(&rig, 20, 2, 1);
    expect_dead(&rig, "no such queue");
    venus_destroy(rig.venus);

    start(&rig);
    get_queue(&rig, 20, 0, 1);
    get_queue(&rig, 21, 1, 1);
    expect_dead(&rig, "another queue's");
    venus_destroy(rig.venus);

    start(&rig);
    get_queue(&rig, 20, 0, 64);
    expect_dead(&rig, "not in 1 to 63");
    venus_destroy(rig.venus);
}

static struct vn_object *
create_semaphore(struct rig *rig, uint64_t id, VkSemaphoreType type)
{
    VkSemaphoreTypeCreateInfo type_info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = type,
    };
    VkExportSemaphoreCreateInfo export = {
        .sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
        .pNext = &type_info,
        .handleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
    };
    const VkSemaphoreCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
        .pNext = &export, /* the fake has no sync files, and expects not to hear of them */
    };
    struct vn_args_vkCreateSemaphore args = {
        .device = rig->device->handle,
        .pCreateInfo = &info,
        .pSemaphore = (VkSemaphore *)&id,
    };
    vn_on_vkCreateSemaphore(rig_command(rig, false, rig->device->object, NULL, NULL), &args);
    return rig_find(rig, id);
}

UTEST(what_a_dead_client_was_to_signal_is_signalled_for_it)
{
    struct rig rig;
    start(&rig);
    get_queue(&rig, 20, 0, 1);
    (void)create_semaphore(&rig, 30, VK_SEMAPHORE_TYPE_BINARY);
    (void)create_semaphore(&rig, 31, VK_SEMAPHORE_TYPE_TIMELINE);
    fake.is_working = true;
    EXPECT_EQ(venus_fence(rig.venus, 1, 1), VENUS_OK);
    uint64_t start_ns = vn_os_now_ns();
    venus_destroy(rig.venus);
    EXPECT_TRUE(vn_os_now_ns() - start_ns < 1000 * MS);
    EXPECT_EQ(fake.signalled_value, 5 + 0x7fffffffu);
    EXPECT_EQ(fake.fence_id_count, 1);
    EXPECT_EQ(fake.fence_count, 0);
}

static void
import_signalled(struct rig *rig, struct vn_object *semaphore, uint32_t res_id)
{
    const VkImportSemaphoreResourceInfoMESA info = {
        .sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_RESOURCE_INFO_MESA,
        .semaphore = (VkSemaphore)(uintptr_t)semaphore->host,
        .resourceId = res_id,
    };
    struct vn_args_vkImportSemaphoreResourceMESA args = {
        .device = rig->device->handle,
        .pImportSemaphoreResourceInfo = &info,
    };
    vn_on_vkImportSemaphoreResourceMESA(
        rig_command(rig, false, rig->device->object, semaphore, NULL), &args);
}

/* Submits a wait for both semaphores, with stages 1 and 2 and values 10 and 20. */
static void
submit_waits(struct rig *rig, struct vn_object *first, struct vn_object *second)
{
    VkSemaphore waits[] = { (VkSemaphore)(uintptr_t)first->host,
                            (VkSemaphore)(uintptr_t)second->host };
    VkPipelineStageFlags stages[] = { 1, 2 };
    uint64_t values[] = { 10, 20 };
    VkTimelineSemaphoreSubmitInfo timeline = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .waitSemaphoreValueCount = 2,
        .pWaitSemaphoreValues = values,
    };
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = &timeline,
        .waitSemaphoreCount = 2,
        .pWaitSemaphores = waits,
        .pWaitDstStageMask = stages,
    };
    struct vn_object *queue = rig_find(rig, 20);
    struct vn_args_vkQueueSubmit args = {
        .queue = (VkQueue)(uintptr_t)queue->host,
        .submitCount = 1,
        .pSubmits = &submit,
    };
    vn_on_vkQueueSubmit(rig_command(rig, false, queue, first, second), &args);
}

UTEST(a_signalled_import_is_left_out_of_the_next_wait)
{
    struct rig rig;
    start(&rig);
    get_queue(&rig, 20, 0, 1);
    struct vn_object *first = create_semaphore(&rig, 30, VK_SEMAPHORE_TYPE_BINARY);
    struct vn_object *second = create_semaphore(&rig, 31, VK_SEMAPHORE_TYPE_BINARY);
    submit_waits(&rig, first, second);
    EXPECT_EQ(fake.wait_count, 2);

    import_signalled(&rig, first, 0);
    submit_waits(&rig, first, second);
    EXPECT_EQ(fake.wait_count, 1);
    EXPECT_EQ(fake.waits[0], second->host);
    EXPECT_EQ(fake.wait_stages[0], 2);
    EXPECT_EQ(fake.wait_values[0], 20);

    submit_waits(&rig, first, second); /* once only: the import was temporary */
    EXPECT_EQ(fake.wait_count, 2);

    import_signalled(&rig, second, 0);
    VkSemaphoreSubmitInfo waits[] = {
        { .semaphore = (VkSemaphore)(uintptr_t)second->host },
        { .semaphore = (VkSemaphore)(uintptr_t)first->host },
    };
    VkSubmitInfo2 submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
        .waitSemaphoreInfoCount = 2,
        .pWaitSemaphoreInfos = waits,
    };
    struct vn_args_vkQueueSubmit2 args = { .submitCount = 1, .pSubmits = &submit };
    vn_on_vkQueueSubmit2(rig_command(&rig, false, rig_find(&rig, 20), second, first), &args);
    EXPECT_EQ(fake.wait_count, 1);
    EXPECT_EQ(fake.waits[0], first->host);

    import_signalled(&rig, first, 0);
    struct vn_args_vkWaitSemaphoreResourceMESA wait = {
        .device = rig.device->handle,
        .semaphore = (VkSemaphore)(uintptr_t)first->host,
    };
    uint32_t submit_count = fake.submit_count;
    vn_on_vkWaitSemaphoreResourceMESA(rig_command(&rig, false, rig.device->object, first, NULL),
                                      &wait);
    EXPECT_EQ(fake.submit_count, submit_count); /* the mark was all there was */
    vn_on_vkWaitSemaphoreResourceMESA(rig_command(&rig, false, rig.device->object, first, NULL),
                                      &wait);
    EXPECT_EQ(fake.submit_count, submit_count + 1);
    EXPECT_EQ(fake.wait_count, 1);

    EXPECT_FALSE(venus_why(rig.venus) != NULL);
    import_signalled(&rig, first, 9);
    expect_dead(&rig, "resource 9");
    venus_destroy(rig.venus);
}

UTEST(a_refused_submission_is_not_kept_from_the_client)
{
    struct rig rig;
    start(&rig);
    get_queue(&rig, 20, 0, 1);
    fake.submit_result = VK_ERROR_OUT_OF_HOST_MEMORY;
    struct vn_args_vkQueueSubmit args = { .submitCount = 0 };
    vn_on_vkQueueSubmit(rig_command(&rig, true, rig_find(&rig, 20), NULL, NULL), &args);
    EXPECT_EQ(args.ret, VK_ERROR_OUT_OF_HOST_MEMORY); /* it asked */
    EXPECT_FALSE(venus_why(rig.venus) != NULL);
    vn_on_vkQueueSubmit(rig_command(&rig, false, rig_find(&rig, 20), NULL, NULL), &args);
    expect_dead(&rig, "refused the submission");
    fake.submit_result = VK_SUCCESS;
    venus_destroy(rig.venus);
}

static void *
kill_soon(void *argument)
{
    vn_os_sleep_ns(50 * MS);
    vn_fatal(argument, "for this test");
    return NULL;
}

UTEST(a_wait_without_end_ends_with_the_context)
{
    struct rig rig;
    start(&rig);
    struct fake_fence never = { 0 };
    VkFence fence = (VkFence)(uintptr_t)&never;
    struct vn_args_vkWaitForFences args = {
        .fenceCount = 1,
        .pFences = &fence,
        .waitAll = VK_TRUE,
        .timeout = 20 * MS,
    };
    struct vn_exec *exec = rig_command(&rig, true, rig.device->object, NULL, NULL);
    uint64_t start_ns = vn_os_now_ns();
    vn_on_vkWaitForFences(exec, &args);
    EXPECT_EQ(args.ret, VK_TIMEOUT);
    EXPECT_TRUE(vn_os_now_ns() - start_ns >= 20 * MS);

    pthread_t thread;
    EXPECT_EQ(vn_os_thread_start(&thread, kill_soon, rig.venus), 0);
    args.timeout = UINT64_MAX;
    vn_on_vkWaitForFences(exec, &args);
    EXPECT_EQ(args.ret, VK_TIMEOUT);
    EXPECT_TRUE(vn_os_now_ns() - start_ns < 2000 * MS);
    (void)pthread_join(thread, NULL);
    venus_destroy(rig.venus);
}

UTEST(waiting_until_idle_leaves_the_queue_free)
{
    struct rig rig;
    start(&rig);
    get_queue(&rig, 20, 0, 1);
    struct vn_args_vkQueueWaitIdle args = { 0 };
    vn_on_vkQueueWaitIdle(rig_command(&rig, true, rig_find(&rig, 20), NULL, NULL), &args);
    EXPECT_EQ(args.ret, VK_SUCCESS);
    fake.is_working = true;
    struct vn_queue *queue = rig.device->queues.first;
    EXPECT_EQ(vn_queue_wait_idle(queue, vn_os_now_ns() + 5 * MS, false), VK_TIMEOUT);
    EXPECT_EQ(pthread_mutex_trylock(&queue->lock), 0);
    (void)pthread_mutex_unlock(&queue->lock);
    fake_finish_work();
    venus_destroy(rig.venus);
    EXPECT_EQ(fake.fence_count, 0); /* the abandoned one too */
}
