/*
 * A compute program: N elements, read back, each compared with what the CPU reckons by itself.
 *
 * usage: vkt_compute [--elements N] [--runs N] [--timeout S]
 * Exit status: 0 right, with a sentence; 1 wrong; 2 wrong use; 124 no end in time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/vulkan/vkt.h"
#include "tests/vulkan/vkt_options.h"
#include "tests/vulkan/vkt_work.h"

#define USAGE "usage: vkt_compute [--elements N] [--runs N] [--timeout S]\n"

static void
fill(uint32_t *values, uint32_t count)
{
    uint32_t x = 0x9e3779b9U;

    for (uint32_t i = 0; i < count; i++) {
        x = x * 1664525U + 1013904223U;
        values[i] = x;
    }
}

static void
check(const uint32_t *before, const uint32_t *after, uint32_t count, uint32_t seed)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t expected = vkt_work_expected(before[i], i, seed);

        if (after[i] != expected) {
            vkt_fail("element %" PRIu32 " of %" PRIu32 " is 0x%08" PRIx32 ", not 0x%08" PRIx32, i,
                     count, after[i], expected);
        }
    }
}

static void
compute(const struct vkt *t, uint32_t count, uint32_t run_count)
{
    VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
    struct vkt_buffer source = vkt_buffer_create(t, (VkDeviceSize)count * 4, usage);
    struct vkt_buffer target = vkt_buffer_create(t, (VkDeviceSize)count * 4, usage);
    struct vkt_work work = vkt_work_create(t, VK_NULL_HANDLE);

    vkt_work_buffers(t, &work, source.buffer, target.buffer);
    fill(source.map, count);
    for (uint32_t run = 0; run < run_count; run++) {
        VkCommandBuffer cmd = vkt_begin(t, t->pool);

        vkt_work_record(&work, cmd, count, run);
        vkt_submit_wait(t, t->pool, cmd);
        check(source.map, target.map, count, run);
    }
    vkt_work_destroy(t, &work);
    vkt_buffer_destroy(t, &target);
    vkt_buffer_destroy(t, &source);
}

int
main(int argc, char **argv)
{
    struct vkt t;
    uint32_t element_count = 1U << 20;
    uint32_t run_count = 3;
    uint32_t timeout_s = 60;
    struct vkt_option options[] = {
        {"--elements", &element_count, 1, 1U << 26},
        { "--runs",    &run_count,     1, 100000  },
        { "--timeout", &timeout_s,     1, 3600    },
    };

    if (!vkt_options(options, 3, argc, argv)) {
        (void)fputs(USAGE, stderr);
        return 2;
    }
    vkt_deadline(timeout_s);
    vkt_open(&t, "vkt_compute");
    compute(&t, element_count, run_count);
    printf("vkt_compute: %" PRIu32 " elements, %" PRIu32 " runs, all right on %s\n", element_count,
           run_count, t.properties.deviceName);
    vkt_close(&t);
    return 0;
}
