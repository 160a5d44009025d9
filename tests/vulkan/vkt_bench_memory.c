/*
 * Measurements of memory that the host maps.
 */
#include <string.h>

#include "tests/vulkan/vkt_bench.h"

#define ALLOC_BYTES 65536
#define BIG_BYTES   (64ULL << 20)

static void
alloc_once(const struct vkt *t, uint32_t type_idx)
{
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = ALLOC_BYTES,
        .memoryTypeIndex = type_idx,
    };
    void *map = NULL;

    VKT_MUST(vk.AllocateMemory(t->device, &info, NULL, &memory));
    VKT_MUST(vk.MapMemory(t->device, memory, 0, VK_WHOLE_SIZE, 0, &map));
    memset(map, 0x5a, ALLOC_BYTES);
    vk.FreeMemory(t->device, memory, NULL);
}

void
vkt_bench_alloc(struct vkt_bench *b)
{
    uint32_t type_idx =
        vkt_memory_type(&b->t, UINT32_MAX,
                        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
    uint64_t start_ns = vkt_now_ns();
    uint64_t count = 0;

    while (vkt_now_ns() - start_ns < b->span_ns) {
        alloc_once(&b->t, type_idx);
        count++;
    }
    vkt_report(b, "alloc", (double)(vkt_now_ns() - start_ns) / 1000.0 / (double)count, "us");
}

/* Bytes per nanosecond are gigabytes per second. */
static double
rate(uint64_t start_ns, uint64_t count)
{
    return (double)(count * BIG_BYTES) / (double)(vkt_now_ns() - start_ns);
}

static uint64_t
sum(const uint64_t *words, size_t count)
{
    uint64_t total = 0;

    for (size_t i = 0; i < count; i++) {
        total += words[i];
    }
    return total;
}

void
vkt_bench_memory(struct vkt_bench *b)
{
    struct vkt_buffer big = vkt_buffer_create(&b->t, BIG_BYTES, VK_BUFFER_USAGE_TRANSFER_SRC_BIT);
    uint64_t start_ns = 0;
    uint64_t count = 0;
    uint64_t total = 0;

    memset(big.map, 1, BIG_BYTES); /* the pages are there */
    for (start_ns = vkt_now_ns(); vkt_now_ns() - start_ns < b->span_ns; count++) {
        memset(big.map, (int)count, BIG_BYTES);
    }
    vkt_report(b, "memory-write", rate(start_ns, count), "GB/s");
    count = 0;
    for (start_ns = vkt_now_ns(); vkt_now_ns() - start_ns < b->span_ns; count++) {
        total += sum(big.map, BIG_BYTES / sizeof(uint64_t));
    }
    vkt_report(b, "memory-read", rate(start_ns, count), "GB/s");
    if (total == 1) { /* the sum is used */
        vkt_fail("the sum of equal bytes is odd");
    }
    vkt_buffer_destroy(&b->t, &big);
}
