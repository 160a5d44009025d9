/*
 * A context whose commands are toys: real rings and resources, no decoder and no Vulkan.  Include it in one file of a test.
 *
 * A toy command is u32 op, u32 argument; TOY_LONG has `argument` more bytes behind it.
 */
#ifndef TESTS_UNIT_VENUS_FIXTURE_H
#define TESTS_UNIT_VENUS_FIXTURE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <dirent.h>
#include <sys/mman.h>
#include <unistd.h>

#include "venus/context.h"
#include "venus/os.h"

#include "tests/unit/utest.h"

enum toy_op {
    TOY_COUNT = 1, /* adds the argument to toy.sum */
    TOY_SET_REPLY, /* vkSetReplyCommandStreamMESA: 4096 bytes of resource 1 from `argument` on */
    TOY_REPLY,     /* writes the argument into the reply stream */
    TOY_LONG,      /* as TOY_COUNT of 1 */
    TOY_WAIT_VIRTQUEUE, /* vkWaitVirtqueueSeqnoMESA(argument) */
    TOY_SLEEP_MS,
    TOY_HOLD, /* waits for toy.is_released */
    TOY_NEST, /* vkExecuteCommandStreamsMESA of resource `argument` */
    TOY_FAIL,
};

static struct {
    _Atomic uint64_t sum;
    _Atomic uint32_t command_count;
    enum venus_status export_status; /* what vn_memory_export answers */
    _Atomic int ring_count;          /* by on_ring */
    _Atomic uint32_t fatal_count;
    _Atomic bool is_released;
} toy;

static void
toy_hold(void)
{
    while (!atomic_load(&toy.is_released)) {
        vn_os_sleep_ns(100000);
    }
}

void
vn_exec_init(struct vn_exec *exec, struct venus *venus, struct vn_ring *ring)
{
    *exec = (struct vn_exec){ .venus = venus, .ring = ring };
}

void
vn_exec_finish(struct vn_exec *exec)
{
    free(exec->stream_copy);
    vn_resource_put(exec->reply_resource);
}

void
vn_fatal(struct venus *venus, const char *format, ...)
{
    (void)pthread_mutex_lock(&venus->why_lock);
    if (!atomic_exchange(&venus->is_fatal, true)) {
        va_list list;
        va_start(list, format);
        (void)vsnprintf(venus->why, sizeof(venus->why), format, list);
        va_end(list);
    }
    (void)pthread_mutex_unlock(&venus->why_lock);
    toy.fatal_count++;
    vn_rings_fatal(&venus->rings);
}

void
vn_exec_fatal(struct vn_exec *exec, const char *format, ...)
{
    char text[VN_WHY_BYTES];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    exec->has_failed = true;
    vn_fatal(exec->venus, "%s", text);
}

enum venus_status
vn_memory_export(struct venus *venus, const struct venus_blob *blob, struct venus_memory *out,
                 struct vn_shared **shared, struct vn_charge **charge)
{
    (void)venus;
    *shared = NULL;
    *charge = NULL;
    if (toy.export_status == VENUS_OK) {
        out->fd = vn_os_memory_create("exported", blob->size_bytes);
        out->kind = VENUS_FD_DMABUF;
        out->size_bytes = blob->size_bytes;
    }
    return toy.export_status;
}

/* Toys are counted by the tests themselves. */
void
vn_counts_add(struct vn_counts *sum, const struct vn_counts *counts)
{
    (void)sum;
    (void)counts;
}

static void
toy_nest(struct vn_exec *exec, uint32_t res_id)
{
    const VkCommandStreamDescriptionMESA where = { res_id, 0, 8 };
    struct vn_args_vkExecuteCommandStreamsMESA args = { .streamCount = 1, .pStreams = &where };
    vn_on_vkExecuteCommandStreamsMESA(exec, &args);
}

static void
toy_set_reply(struct vn_exec *exec, uint32_t offset)
{
    const VkCommandStreamDescriptionMESA where = { 1, offset, 4096 };
    struct vn_args_vkSetReplyCommandStreamMESA args = { &where };
    vn_on_vkSetReplyCommandStreamMESA(exec, &args);
}

static void
toy_run(struct vn_exec *exec, uint32_t op, uint32_t argument)
{
    struct vn_args_vkWaitVirtqueueSeqnoMESA wait = { .seqno = argument };
    toy.command_count++;
    switch (op) {
    case TOY_COUNT: toy.sum += argument; break;
    case TOY_LONG: toy.sum += 1; break;
    case TOY_SET_REPLY: toy_set_reply(exec, argument); break;
    case TOY_REPLY: vn_put_u32(&exec->reply, argument); break;
    case TOY_WAIT_VIRTQUEUE: vn_on_vkWaitVirtqueueSeqnoMESA(exec, &wait); break;
    case TOY_SLEEP_MS: vn_os_sleep_ns(argument * UINT64_C(1000000)); break;
    case TOY_HOLD: toy_hold(); break;
    case TOY_NEST: toy_nest(exec, argument); break;
    default: vn_exec_fatal(exec, "toy op %u", op);
    }
}

size_t
vn_exec_run(struct vn_exec *exec, const uint8_t *bytes, size_t size, bool is_whole,
            uint64_t stream_offset)
{
    (void)stream_offset;
    size_t at = 0;
    while (at < size && !exec->has_failed) {
        struct vn_reader in = { .at = bytes + at, .end = bytes + size };
        uint32_t op = vn_take_u32(&in);
        uint32_t argument = vn_take_u32(&in);
        if (op == TOY_LONG) {
            (void)vn_take(&in, argument);
        }
        if (in.is_short) {
            break;
        }
        bool is_awaited = op != TOY_COUNT;
        if (exec->ring && exec->depth == 0 && is_awaited) {
            vn_ring_show_head(exec->ring);
        }
        toy_run(exec, op, argument);
        if (exec->has_failed) {
            break;
        }
        at = (size_t)(in.at - bytes);
        if (exec->ring && exec->depth == 0) {
            vn_ring_advance(exec->ring, at, is_awaited);
        }
    }
    if (at < size && is_whole && !exec->has_failed) {
        vn_exec_fatal(exec, "short");
    }
    return at;
}

static inline void
toy_on_ring(void *user, uint64_t ring_id, int fd, uint64_t status_offset_bytes)
{
    (void)user;
    (void)ring_id;
    (void)status_offset_bytes;
    toy.ring_count += fd >= 0 ? 1 : -1;
}

static inline struct venus *
toy_begin(void)
{
    memset(&toy, 0, sizeof(toy));
    struct venus *venus = calloc(1, sizeof(*venus));
    venus->config.limits = (struct venus_limits){
        .memory_bytes = 64 << 20, .command_bytes = 4 << 20, .resource_count = 8, .ring_count = 3
    };
    venus->config.on_ring = toy_on_ring;
    (void)pthread_mutex_init(&venus->why_lock, NULL);
    vn_ledger_init(&venus->ledger, venus->config.limits.memory_bytes);
    venus->arguments.limit_bytes = venus->config.limits.command_bytes;
    vn_resources_init(&venus->resources, venus);
    EXPECT_EQ(vn_rings_init(&venus->rings, venus), 0);
    vn_exec_init(&venus->exec, venus, NULL);
    return venus;
}

static inline void
toy_end(struct venus *venus)
{
    vn_rings_finish(&venus->rings);
    vn_exec_finish(&venus->exec);
    vn_resources_finish(&venus->resources);
    EXPECT_EQ(vn_ledger_left_bytes(&venus->ledger), venus->config.limits.memory_bytes);
    EXPECT_EQ(toy.ring_count, 0);
    (void)pthread_mutex_destroy(&venus->why_lock);
    free(venus);
}

/* The context died, for this reason; it lives again for the next try. */
static inline void
expect_death(struct venus *venus, const char *part, int line)
{
    (void)pthread_mutex_lock(&venus->why_lock);
    if (!atomic_load(&venus->is_fatal)) {
        utest_note(false, __FILE__, line, "the context lives");
    } else {
        (void)utest_has_text(venus->why, part, __FILE__, line);
    }
    venus->why[0] = '\0';
    (void)pthread_mutex_unlock(&venus->why_lock);
    atomic_store(&venus->is_fatal, false);
    venus->exec.has_failed = false;
}
#define EXPECT_DEATH(venus, part) expect_death((venus), (part), __LINE__)

/* Shared memory under this id, as the client maps it; 64 KiB unless told. */
static inline uint8_t *
toy_shm(struct venus *venus, uint32_t res_id, uint64_t size_bytes)
{
    const struct venus_blob blob = { .size_bytes = size_bytes, .flags = VENUS_BLOB_MAPPABLE };
    struct venus_memory memory;
    if (!EXPECT_EQ(venus_resource_create(venus, res_id, &blob, &memory), VENUS_OK)) {
        abort();
    }
    uint8_t *map = vn_os_map(memory.fd, size_bytes);
    vn_os_fd_close(memory.fd);
    return map;
}

static inline int
open_fd_count(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (directory && readdir(directory)) {
        count++;
    }
    if (directory) {
        (void)closedir(directory);
    }
    return count;
}

#endif
