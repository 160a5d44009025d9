/*
 * The way of a Venus client to a renderer in the same process: no GPU, no virtqueue, the real libvenus.
 *
 *    struct venus_way way;
 *    venus_way_open(&way, VULKAN_STRICT_LIBRARY);     or a real Vulkan's
 *    config.way = &way.way; vvk_create(...)
 *    venus_way_close(&way);
 *
 * Include it in one file of a test.
 */
#ifndef TESTS_FAKE_VENUS_WAY_H
#define TESTS_FAKE_VENUS_WAY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sched.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "venus/venus.h"
#include "virtio/venus.h"

struct venus_way {
    struct vvk_way way;
    struct venus *venus;
    uint32_t next_res_id;
    uint32_t blob_count; /* open */
    uint64_t submit_count;
    enum virtio_err relax_err; /* what relax is to answer */
    bool is_deaf;              /* notifications are lost */
};

static enum virtio_err
venus_way_submit(void *ctx, const void *bytes, size_t byte_count, bool is_waited)
{
    struct venus_way *way = ctx;
    uint32_t copy[256];
    if (byte_count > sizeof(copy)) {
        return VIRTIO_ERR_BUFFER_TOO_SMALL;
    }
    way->submit_count++;
    if (way->is_deaf && !is_waited) {
        return VIRTIO_OK;
    }
    memcpy(copy, bytes, byte_count);
    return venus_submit(way->venus, copy, byte_count) == VENUS_OK ? VIRTIO_OK : VIRTIO_ERR_REFUSED;
}

static enum virtio_err
venus_way_blob_open(void *ctx, uint64_t blob_id, uint64_t bytes, struct vvk_blob *blob)
{
    struct venus_way *way = ctx;
    const struct venus_blob wish = {
        .blob_id = blob_id,
        .size_bytes = bytes,
        .flags = VENUS_BLOB_MAPPABLE,
    };
    struct venus_memory memory;
    uint32_t res_id = ++way->next_res_id;
    if (venus_resource_create(way->venus, res_id, &wish, &memory) != VENUS_OK) {
        return VIRTIO_ERR_REFUSED;
    }
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd, 0);
    (void)close(memory.fd);
    if (map == MAP_FAILED) {
        (void)venus_resource_destroy(way->venus, res_id);
        return VIRTIO_ERR_NO_MEMORY;
    }
    way->blob_count++;
    *blob = (struct vvk_blob){ .resource_id = res_id, .bytes = bytes, .memory = map };
    return VIRTIO_OK;
}

static void
venus_way_blob_close(void *ctx, struct vvk_blob *blob)
{
    struct venus_way *way = ctx;
    way->blob_count--;
    (void)munmap(blob->memory, blob->bytes);
    (void)venus_resource_destroy(way->venus, blob->resource_id);
}

static uint64_t
venus_way_now_ns(void *ctx)
{
    struct timespec now;
    (void)ctx;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static enum virtio_err
venus_way_relax(void *ctx, uint64_t deadline_ns)
{
    const struct venus_way *way = ctx;
    (void)deadline_ns;
    (void)sched_yield();
    return way->relax_err;
}

static void
venus_way_on_fence(void *user, uint32_t ring_idx, uint64_t fence_id)
{
    (void)user;
    (void)ring_idx;
    (void)fence_id;
}

/* Returns: false when the renderer cannot be made. */
static inline bool
venus_way_open(struct venus_way *way, const char *vulkan_library)
{
    const struct venus_config config = {
        .name = "client",
        .vulkan_library = vulkan_library,
        .on_fence = venus_way_on_fence,
    };
    *way = (struct venus_way){
        .way = {
            .ctx = way,
            .submit = venus_way_submit,
            .blob_open = venus_way_blob_open,
            .blob_close = venus_way_blob_close,
            .now_ns = venus_way_now_ns,
            .relax = venus_way_relax,
        },
    };
    return venus_create(&config, &way->venus) == VENUS_OK;
}

static inline void
venus_way_close(struct venus_way *way)
{
    venus_destroy(way->venus);
}

#endif
