/*
 * The transport's own commands: where replies go, streams in shared memory, rings.
 *
 * Those that name a ring come in the context's own stream only; vkWaitVirtqueueSeqnoMESA in a ring only.
 */
#include <errno.h>
#include <stdlib.h>

#include "venus/chain.h"
#include "venus/context.h"

#include "vn_args.h"

/* How much of a stream is copied at a time: it stays in a second-level cache. */
#define STREAM_CHUNK_BYTES ((size_t)256 * 1024)

typedef unsigned long long ull;

/* Shared memory of this id that holds [offset, offset + size), held for the caller; NULL: already fatal. */
static struct vn_resource *
get_shared(struct vn_exec *exec, const VkCommandStreamDescriptionMESA *where)
{
    struct vn_resource *resource = vn_resource_get(&exec->venus->resources, where->resourceId);
    if (!resource) {
        vn_exec_fatal(exec, "there is no resource %u", where->resourceId);
        return NULL;
    }
    if (!vn_resource_has(resource, where->offset, where->size)) {
        vn_exec_fatal(
            exec,
            "bytes [%zu, %zu + %zu) are expected within shared memory; resource %u has %llu%s",
            where->offset, where->offset, where->size, where->resourceId, (ull)resource->size_bytes,
            resource->map ? "" : " of another kind");
        vn_resource_put(resource);
        return NULL;
    }
    return resource;
}

/*
 * Before nearly every synchronous command, and mostly in the resource of the time before: then nothing is looked up.  A
 * destroyed resource is still held here and written to, which nobody sees, until its stream is set anew.
 */
void
vn_on_vkSetReplyCommandStreamMESA(struct vn_exec *exec,
                                  struct vn_args_vkSetReplyCommandStreamMESA *args)
{
    const VkCommandStreamDescriptionMESA *where = args->pStream;
    struct vn_resource *resource = exec->reply_resource;
    if (where->offset % 4 != 0) {
        vn_exec_fatal(exec, "offset %zu is expected to be a multiple of 4", where->offset);
        return;
    }
    if (!resource || resource->res_id != where->resourceId ||
        atomic_load_explicit(&resource->is_gone, memory_order_acquire) ||
        !vn_resource_has(resource, where->offset, where->size)) {
        resource = get_shared(exec, where);
        if (!resource) {
            return;
        }
        vn_resource_put(exec->reply_resource);
        exec->reply_resource = resource;
    }
    exec->reply = (struct vn_writer){ .base = resource->map + where->offset, .size = where->size };
}

static void
seek_reply(struct vn_exec *exec, size_t position)
{
    if (!exec->reply.base || position > exec->reply.size || position % 4 != 0) {
        vn_exec_fatal(exec,
                      "position %zu is expected to be a multiple of 4 within the reply stream, "
                      "which %s %zu bytes",
                      position, exec->reply.base ? "has" : "is not set:", exec->reply.size);
        return;
    }
    exec->reply.at = position;
}

void
vn_on_vkSeekReplyCommandStreamMESA(struct vn_exec *exec,
                                   struct vn_args_vkSeekReplyCommandStreamMESA *args)
{
    seek_reply(exec, args->position);
}

/* What a copy counts for in the context's budget: an executor keeps one of modest size. */
static size_t
beyond_chunk(size_t bytes)
{
    return bytes > STREAM_CHUNK_BYTES ? bytes : 0;
}

/* Makes room to copy at least `bytes` at a time.  Returns: false when the host's memory is short; already fatal. */
static bool
grow_copy(struct vn_exec *exec, size_t bytes)
{
    struct vn_budget *budget = &exec->venus->arguments;
    if (bytes <= exec->stream_copy_bytes) {
        return true;
    }
    if (!vn_budget_take(budget, beyond_chunk(bytes))) {
        vn_exec_fatal(exec, "a command of more than %zu bytes; expected at most %llu in all rings",
                      exec->stream_copy_bytes, (ull)budget->limit_bytes);
        return false;
    }
    uint8_t *copy = realloc(exec->stream_copy, bytes);
    if (!copy) {
        vn_budget_give_back(budget, beyond_chunk(bytes));
        vn_exec_fatal(exec, "the host has no %zu bytes for a part of the stream", bytes);
        return false;
    }
    vn_budget_give_back(budget, beyond_chunk(exec->stream_copy_bytes));
    exec->stream_copy = copy;
    exec->stream_copy_bytes = bytes;
    return true;
}

/*
 * Executes a stream out of memory that the client can still write: each byte is copied once and executed from the copy.  A
 * command that runs over the end of the copy is moved to its start and gets more bytes behind it.
 */
static void
run_stream(struct vn_exec *exec, const uint8_t *bytes, size_t size)
{
    size_t copied = 0; /* of the stream */
    size_t held = 0;   /* of the copy: not executed yet */
    size_t chunk = STREAM_CHUNK_BYTES;
    while (!exec->has_failed && (copied < size || held > 0)) {
        if (!grow_copy(exec, chunk < size ? chunk : size)) {
            return;
        }
        size_t more = size - copied;
        more = more < exec->stream_copy_bytes - held ? more : exec->stream_copy_bytes - held;
        memcpy(exec->stream_copy + held, bytes + copied, more);
        copied += more;
        held += more;
        size_t done = vn_exec_run(exec, exec->stream_copy, held, copied == size, copied - held);
        held -= done;
        memmove(exec->stream_copy, exec->stream_copy + done, held);
        chunk = done == 0 ? exec->stream_copy_bytes * 2 : chunk;
    }
    if (exec->stream_copy_bytes > STREAM_CHUNK_BYTES) {
        free(exec->stream_copy); /* one long command is no reason to keep that much */
        vn_budget_give_back(&exec->venus->arguments, exec->stream_copy_bytes);
        exec->stream_copy = NULL;
        exec->stream_copy_bytes = 0;
    }
}

static void
run_resource(struct vn_exec *exec, const VkCommandStreamDescriptionMESA *where)
{
    struct vn_resource *resource = get_shared(exec, where);
    if (!resource) {
        return;
    }
    exec->depth++;
    run_stream(exec, resource->map + where->offset, where->size);
    exec->depth--;
    vn_resource_put(resource);
}

void
vn_on_vkExecuteCommandStreamsMESA(struct vn_exec *exec,
                                  struct vn_args_vkExecuteCommandStreamsMESA *args)
{
    if (exec->depth > 0) {
        vn_exec_fatal(exec, "a stream that runs streams; expected none within a stream");
        return;
    }
    if (args->streamCount == 0 || args->dependencyCount != 0) {
        vn_exec_fatal(exec,
                      "%u streams and %u dependencies; expected at least 1 stream, no dependencies",
                      args->streamCount, args->dependencyCount);
        return;
    }
    for (uint32_t i = 0; i < args->streamCount && !exec->has_failed; i++) {
        if (args->pReplyPositions) {
            seek_reply(exec, args->pReplyPositions[i]);
        }
        if (!exec->has_failed) {
            run_resource(exec, &args->pStreams[i]);
        }
    }
}

/* The ring of this id, for a command of the context's own stream; NULL: already fatal. */
static struct vn_ring *
named_ring(struct vn_exec *exec, uint64_t id)
{
    if (exec->ring) {
        vn_exec_fatal(exec, "in a ring; expected in the context's own stream");
        return NULL;
    }
    struct vn_ring *ring = vn_ring_find(&exec->venus->rings, id);
    if (!ring) {
        vn_exec_fatal(exec, "there is no ring %#llx", (ull)id);
    }
    return ring;
}

struct part {
    const char *name;
    uint64_t offset; /* from the ring's start */
    uint64_t bytes;
};
enum { HEAD, TAIL, STATUS, BUFFER, EXTRA, PART_COUNT };

/* Is each part aligned, within the ring, and clear of the others? */
static bool
check_parts(struct vn_exec *exec, const VkRingCreateInfoMESA *info, const struct part *parts)
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        const struct part *part = &parts[i];
        if ((info->offset + part->offset) % 4 != 0 || part->offset > info->size ||
            part->bytes > info->size - part->offset) {
            vn_exec_fatal(exec,
                          "%s at %llu, %llu bytes; expected a multiple of 4, within the ring's %zu "
                          "bytes at %zu",
                          part->name, (ull)part->offset, (ull)part->bytes, info->size,
                          info->offset);
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            const struct part *other = &parts[j];
            if (part->offset < other->offset + other->bytes &&
                other->offset < part->offset + part->bytes) {
                vn_exec_fatal(exec, "%s at %llu overlaps %s at %llu", part->name, (ull)part->offset,
                              other->name, (ull)other->offset);
                return false;
            }
        }
    }
    return true;
}

static bool
read_layout(struct vn_exec *exec, const VkRingCreateInfoMESA *info, struct vn_ring_layout *layout)
{
    const struct part parts[PART_COUNT] = {
        [HEAD] = {"head",    info->headOffset,   4               },
        [TAIL] = { "tail",   info->tailOffset,   4               },
        [STATUS] = { "status", info->statusOffset, 4               },
        [BUFFER] = { "buffer", info->bufferOffset, info->bufferSize},
        [EXTRA] = { "extra",  info->extraOffset,  info->extraSize },
    };
    size_t buffer_bytes = info->bufferSize;
    if (buffer_bytes < 4 || buffer_bytes > VN_RING_BUFFER_MAX_BYTES ||
        (buffer_bytes & (buffer_bytes - 1)) != 0) {
        vn_exec_fatal(exec, "a buffer of %zu bytes; expected a power of two, 4 to %u", buffer_bytes,
                      VN_RING_BUFFER_MAX_BYTES);
        return false;
    }
    *layout = (struct vn_ring_layout){
        .head_offset = info->offset + info->headOffset,
        .tail_offset = info->offset + info->tailOffset,
        .status_offset = info->offset + info->statusOffset,
        .buffer_offset = info->offset + info->bufferOffset,
        .buffer_bytes = buffer_bytes,
        .extra_offset = info->offset + info->extraOffset,
        .extra_bytes = info->extraSize,
    };
    return check_parts(exec, info, parts);
}

/* Head and status are ours to write from now on, and count from 0. */
static bool
check_words(struct vn_exec *exec, const struct vn_resource *resource,
            const struct vn_ring_layout *layout)
{
    uint32_t head = 0;
    uint32_t status = 0;
    memcpy(&head, resource->map + layout->head_offset, 4);
    memcpy(&status, resource->map + layout->status_offset, 4);
    if (head != 0 || status != 0) {
        vn_exec_fatal(exec, "head is %u, status is %#x; expected both 0 in a new ring", head,
                      status);
        return false;
    }
    return true;
}

/* Returns: false: already fatal. */
static bool
read_wish(struct vn_exec *exec, const VkRingCreateInfoMESA *info, struct vn_ring_wish *wish)
{
    const VkRingMonitorInfoMESA *monitor =
        vn_chain_find(info, VK_STRUCTURE_TYPE_RING_MONITOR_INFO_MESA);
    const VkRingPriorityInfoMESA *priority =
        vn_chain_find(info, VK_STRUCTURE_TYPE_RING_PRIORITY_INFO_MESA);
    wish->idle_timeout_ns = info->idleTimeout;
    wish->has_nice = priority != NULL;
    wish->nice = priority ? priority->priority : 0;
    wish->report_period_ns = monitor ? monitor->maxReportingPeriodMicroseconds * UINT64_C(1000) : 0;
    if (monitor && wish->report_period_ns == 0) {
        vn_exec_fatal(exec, "a reporting period of 0; expected at least 1 microsecond");
        return false;
    }
    return read_layout(exec, info, &wish->layout);
}

/* May there be one more ring, of this id?  False: already fatal. */
static bool
check_new_ring(struct vn_exec *exec, uint64_t id)
{
    struct vn_rings *rings = &exec->venus->rings;
    uint32_t limit_count = exec->venus->config.limits.ring_count;
    if (exec->ring) {
        vn_exec_fatal(exec, "in a ring; expected in the context's own stream");
    } else if (vn_ring_find(rings, id)) {
        vn_exec_fatal(exec, "ring %#llx exists already", (ull)id);
    } else if (rings->live_count >= limit_count) {
        vn_exec_fatal(exec, "%u rings exist, which is this context's limit", limit_count);
    }
    return !exec->has_failed;
}

void
vn_on_vkCreateRingMESA(struct vn_exec *exec, struct vn_args_vkCreateRingMESA *args)
{
    const VkRingCreateInfoMESA *info = args->pCreateInfo;
    struct vn_ring_wish wish = { .id = args->ring };
    if (!check_new_ring(exec, args->ring) || !read_wish(exec, info, &wish)) {
        return;
    }
    const VkCommandStreamDescriptionMESA where = { .resourceId = info->resourceId,
                                                   .offset = info->offset,
                                                   .size = info->size };
    struct vn_resource *resource = get_shared(exec, &where);
    if (!resource) {
        return;
    }
    int error = 0;
    if (check_words(exec, resource, &wish.layout)) {
        error = vn_ring_create(&exec->venus->rings, &wish, resource);
    }
    if (error != 0) {
        vn_exec_fatal(exec, "the host is short of memory or threads for one more ring (errno %d)",
                      error);
    }
    if (exec->has_failed) {
        vn_resource_put(resource);
    }
}

void
vn_on_vkDestroyRingMESA(struct vn_exec *exec, struct vn_args_vkDestroyRingMESA *args)
{
    struct vn_ring *ring = named_ring(exec, args->ring);
    if (ring) {
        vn_ring_destroy(&exec->venus->rings, ring);
    }
}

void
vn_on_vkNotifyRingMESA(struct vn_exec *exec, struct vn_args_vkNotifyRingMESA *args)
{
    struct vn_ring *ring = named_ring(exec, args->ring);
    if (ring) {
        vn_ring_notify(ring);
    }
}

void
vn_on_vkWriteRingExtraMESA(struct vn_exec *exec, struct vn_args_vkWriteRingExtraMESA *args)
{
    struct vn_ring *ring = named_ring(exec, args->ring);
    if (!ring) {
        return;
    }
    if (args->offset % 4 != 0 || ring->extra_bytes < 4 || args->offset > ring->extra_bytes - 4) {
        vn_exec_fatal(exec, "offset %zu; expected a multiple of 4 within the %llu bytes of extra",
                      args->offset, (ull)ring->extra_bytes);
        return;
    }
    atomic_store_explicit(&ring->extra[args->offset / 4], args->value, memory_order_release);
}

void
vn_on_vkSubmitVirtqueueSeqnoMESA(struct vn_exec *exec,
                                 struct vn_args_vkSubmitVirtqueueSeqnoMESA *args)
{
    struct vn_ring *ring = named_ring(exec, args->ring);
    if (ring) {
        vn_ring_submit_virtqueue_seqno(ring, args->seqno);
    }
}

void
vn_on_vkWaitVirtqueueSeqnoMESA(struct vn_exec *exec, struct vn_args_vkWaitVirtqueueSeqnoMESA *args)
{
    if (!exec->ring) {
        vn_exec_fatal(exec, "in the context's own stream; expected in a ring");
        return;
    }
    switch (vn_ring_wait_virtqueue_seqno(exec->ring, args->seqno)) {
    case VN_RING_REACHED: break;
    case VN_RING_ENDED: exec->has_failed = true; break;
    default:
        vn_exec_fatal(exec, "the ring is being destroyed, so seqno %llu will never be submitted",
                      (ull)args->seqno);
    }
}

void
vn_on_vkWaitRingSeqnoMESA(struct vn_exec *exec, struct vn_args_vkWaitRingSeqnoMESA *args)
{
    struct vn_ring *ring = named_ring(exec, args->ring);
    if (!ring) {
        return;
    }
    switch (vn_ring_wait_seqno(ring, (uint32_t)args->seqno)) {
    case VN_RING_REACHED: break;
    case VN_RING_BEYOND_TAIL:
        vn_exec_fatal(exec,
                      "seqno %llu is beyond the tail of ring %#llx, so it will never be reached",
                      (ull)args->seqno, (ull)args->ring);
        break;
    case VN_RING_DEADLOCK:
        vn_exec_fatal(exec, "ring %#llx itself waits for a seqno of this stream", (ull)args->ring);
        break;
    case VN_RING_ENDED: exec->has_failed = true; break;
    }
}
