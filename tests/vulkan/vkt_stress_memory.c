/*
 * Memory of many sizes, and until there is no more.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/vulkan/vkt_stress.h"

#define CHUNK_BYTES (1ULL << 30)
#define CHUNK_MAX   4096U
#define VISIBLE     (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)

/* The device copies what the host wrote, whatever the size. */
static void
map_one(const struct vkt *t, VkDeviceSize size_bytes)
{
    struct vkt_buffer from = vkt_buffer_create(t, size_bytes, VK_BUFFER_USAGE_TRANSFER_SRC_BIT);
    struct vkt_buffer to = vkt_buffer_create(t, size_bytes, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    VkBufferCopy copy = { 0, 0, size_bytes };
    VkCommandBuffer cmd = vkt_begin(t, t->pool);

    for (VkDeviceSize i = 0; i < size_bytes; i++) {
        ((uint8_t *)from.map)[i] = (uint8_t)(i * 13 + size_bytes);
    }
    memset(to.map, 0, size_bytes);
    vk.CmdCopyBuffer(cmd, from.buffer, to.buffer, 1, &copy);
    vkt_barrier(cmd);
    vkt_submit_wait(t, t->pool, cmd);
    if (memcmp(from.map, to.map, size_bytes) != 0) {
        vkt_fail("a copy of %llu bytes differs", (unsigned long long)size_bytes);
    }
    vkt_buffer_destroy(t, &to);
    vkt_buffer_destroy(t, &from);
}

/* Mapped, unmapped, mapped again at an offset: the bytes stay. */
static void
map_again(const struct vkt *t)
{
    VkMemoryRequirements requirements = { 3ULL * 65536, 1, UINT32_MAX };
    VkDeviceMemory memory = vkt_allocate(t, &requirements, VISIBLE);
    uint8_t *map = NULL;

    VKT_MUST(vk.MapMemory(t->device, memory, 0, VK_WHOLE_SIZE, 0, (void **)&map));
    map[70000] = 0xd7;
    vk.UnmapMemory(t->device, memory);
    VKT_MUST(vk.MapMemory(t->device, memory, 65536, 65536, 0, (void **)&map));
    if (map[70000 - 65536] != 0xd7) {
        vkt_fail("mapped again at an offset, memory shows other bytes");
    }
    vk.FreeMemory(t->device, memory, NULL);
}

void
vkt_stress_map(struct vkt_stress *s)
{
    static const VkDeviceSize sizes[] = { 4,       16,      4095,    4096,          4097,
                                          1 << 16, 1000003, 1 << 22, (16 << 20) + 1 };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        map_one(&s->t, sizes[i]);
    }
    map_again(&s->t);
}

static bool
is_honest(VkResult result)
{
    return result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
           result == VK_ERROR_TOO_MANY_OBJECTS || result == VK_ERROR_MEMORY_MAP_FAILED;
}

/* Allocates and maps one chunk; some drivers find out only when it is mapped. */
static VkResult
take_chunk(const struct vkt *t, uint32_t type_idx, VkDeviceMemory *memory)
{
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = CHUNK_BYTES,
        .memoryTypeIndex = type_idx,
    };
    VkResult result = vk.AllocateMemory(t->device, &info, NULL, memory);
    void *map = NULL;

    if (result != VK_SUCCESS) {
        *memory = VK_NULL_HANDLE;
        return result;
    }
    return vk.MapMemory(t->device, *memory, 0, VK_WHOLE_SIZE, 0, &map);
}

void
vkt_stress_exhaust(struct vkt_stress *s)
{
    static VkDeviceMemory chunks[CHUNK_MAX];
    uint32_t type_idx = vkt_memory_type(&s->t, UINT32_MAX, VISIBLE);
    uint32_t limit = s->memory_gib < CHUNK_MAX ? s->memory_gib : CHUNK_MAX;
    VkResult result = VK_SUCCESS;
    uint32_t count = 0;

    while (count < limit && result == VK_SUCCESS) {
        result = take_chunk(&s->t, type_idx, &chunks[count]);
        count++;
    }
    if (result != VK_SUCCESS && !is_honest(result)) {
        vkt_fail("after %u GiB the error is %d, which says nothing of memory", count, result);
    }
    printf(" VkResult %d at %" PRIu32 " GiB,", result, count);
    for (uint32_t i = 0; i < count; i++) {
        vk.FreeMemory(s->t.device, chunks[i], NULL);
    }
    map_one(&s->t, 1 << 20); /* life goes on */
}
