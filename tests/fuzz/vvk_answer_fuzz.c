/*
 * Answers of a hostile renderer to the kernel's Vulkan client: whatever the bytes say, the client writes only where it was asked
 * to, and counts that callers follow lead nowhere else.
 *
 * Input: a byte that chooses the command, one for the room that the caller has, then the answer's bytes.
 */
#include "virtio/venus.h"

#include "tests/fuzz/fuzz_input.h"
#include "vvk_commands.h"

enum { RING_BYTES = 4096, REPLY = 4096 + RING_BYTES, ROOM_MAX = 32 };

static struct vvk vvk;
static uint8_t scratch[RING_BYTES];
static uint8_t *memory;

static enum virtio_err
submit(void *ctx, const void *bytes, size_t byte_count, bool is_waited)
{
    (void)ctx;
    (void)bytes;
    (void)byte_count;
    (void)is_waited;
    return VIRTIO_OK;
}

static enum virtio_err
blob_open(void *ctx, uint64_t blob_id, uint64_t bytes, struct vvk_blob *blob)
{
    (void)ctx;
    (void)blob_id;
    memory = calloc(1, bytes);
    fuzz_expect(memory != NULL);
    *blob = (struct vvk_blob){ .resource_id = 1, .bytes = bytes, .memory = memory };
    return VIRTIO_OK;
}

static void
blob_close(void *ctx, struct vvk_blob *blob)
{
    (void)ctx;
    free(blob->memory);
}

static uint64_t
now_ns(void *ctx)
{
    (void)ctx;
    static uint64_t time_ns;
    return time_ns += 1000000;
}

/* All is executed at once: the answer stands there already. */
static enum virtio_err
relax(void *ctx, uint64_t deadline_ns)
{
    (void)ctx;
    (void)deadline_ns;
    memcpy(memory, memory + 64, 4);
    return VIRTIO_OK;
}

static const struct vvk_way way = {
    .submit = submit,
    .blob_open = blob_open,
    .blob_close = blob_close,
    .now_ns = now_ns,
    .relax = relax,
};

static void
ask_memory(void)
{
    VkPhysicalDeviceMemoryProperties *found = calloc(1, sizeof(*found));
    fuzz_expect(found != NULL);
    vvk_GetPhysicalDeviceMemoryProperties(&vvk, VK_NULL_HANDLE, found);
    fuzz_expect(vvk.failure != VIRTIO_OK || (found->memoryTypeCount <= VK_MAX_MEMORY_TYPES &&
                                             found->memoryHeapCount <= VK_MAX_MEMORY_HEAPS));
    free(found);
}

/* A name in an answer ends within its array. */
static void
ask_properties(void)
{
    VkPhysicalDeviceDriverProperties *driver = calloc(1, sizeof(*driver));
    VkPhysicalDeviceProperties2 *found = calloc(1, sizeof(*found));
    fuzz_expect(driver != NULL && found != NULL);
    driver->sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES;
    found->sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    found->pNext = driver;
    vvk_GetPhysicalDeviceProperties2(&vvk, VK_NULL_HANDLE, found);
    fuzz_expect(memchr(found->properties.deviceName, 0, sizeof(found->properties.deviceName)));
    fuzz_expect(memchr(driver->driverName, 0, sizeof(driver->driverName)));
    free(found);
    free(driver);
}

static void *
room_for_handles(uint32_t count)
{
    return calloc(count, sizeof(uintptr_t));
}

static void
ask_lists(uint32_t room)
{
    uint32_t count = room;
    VkPhysicalDevice *devices = room_for_handles(room + 1);
    VkQueueFamilyProperties *families = calloc(room + 1, sizeof(*families));
    VkExtensionProperties *extensions = calloc(room + 1, sizeof(*extensions));
    fuzz_expect(devices != NULL && families != NULL && extensions != NULL);
    (void)vvk_EnumeratePhysicalDevices(&vvk, VK_NULL_HANDLE, &count, devices);
    count = room;
    vvk_GetPhysicalDeviceQueueFamilyProperties(&vvk, VK_NULL_HANDLE, &count, families);
    count = room;
    (void)vvk_EnumerateDeviceExtensionProperties(&vvk, VK_NULL_HANDLE, NULL, &count, extensions);
    free(devices);
    free(families);
    free(extensions);
}

static void
ask_result(void)
{
    VkDeviceMemory allocation = VK_NULL_HANDLE;
    const VkMemoryAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO };
    (void)vvk_AllocateMemory(&vvk, VK_NULL_HANDLE, &info, &allocation);
    (void)vvk_DeviceWaitIdle(&vvk, VK_NULL_HANDLE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    const struct vvk_config config = {
        .way = &way, .scratch = scratch, .scratch_bytes = sizeof(scratch), .ring_bytes = RING_BYTES
    };
    uint8_t choice = fuzz_u8(&in);
    uint32_t room = fuzz_u8(&in) % ROOM_MAX;
    fuzz_expect(vvk_create(&vvk, &config) == VIRTIO_OK);
    size_t part = in.left < VVK_REPLY_BYTES ? in.left : VVK_REPLY_BYTES;
    fuzz_take(&in, memory + REPLY, part);
    switch (choice % 4) {
    case 0: ask_memory(); break;
    case 1: ask_properties(); break;
    case 2: ask_lists(room); break;
    default: ask_result(); break;
    }
    vvk_destroy(&vvk);
    return 0;
}
