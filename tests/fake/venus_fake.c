/*
 * venus_fake.c - venus.h without Vulkan: memory is real, commands are those of venus_fake.h.
 */
#include "tests/fake/venus_fake.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "venus/venus.h"

enum { RESOURCE_COUNT_MAX = 256, FENCE_COUNT_MAX = 64, NAME_BYTES = 64, MOMENT_US = 500000 };

struct fake_resource {
    uint32_t id;
    int fd;
    uint64_t charged_bytes; /* of a limit that is shared */
};

struct fake_fence {
    uint64_t id;
    uint32_t ring_idx;
};

struct venus {
    struct venus_config config;
    char name[NAME_BYTES];
    char why[128];
    atomic_bool is_dead;
    bool has_thread; /* of FAKE_DIE_LATER */
    pthread_t thread;
    struct fake_resource resources[RESOURCE_COUNT_MAX];
    struct fake_fence fences[FENCE_COUNT_MAX];
    unsigned fence_count;
    unsigned submit_count;
    unsigned refused_count;
};

void
venus_capset(uint8_t capset[VENUS_CAPSET_BYTES])
{
    memset(capset, 0, VENUS_CAPSET_BYTES);
    capset[0] = 1; /* the wire format's version */
}

enum venus_status
venus_create(const struct venus_config *config, struct venus **out)
{
    struct venus *venus = calloc(1, sizeof(*venus));
    if (venus == NULL) {
        return VENUS_NO_MEMORY;
    }
    venus->config = *config;
    (void)snprintf(venus->name, sizeof(venus->name), "%s", config->name);
    for (unsigned i = 0; i < RESOURCE_COUNT_MAX; i++) {
        venus->resources[i].fd = -1;
    }
    *out = venus;
    return VENUS_OK;
}

static bool
take(const struct venus *venus, uint64_t bytes)
{
    uint64_t most = venus->config.limits.memory_bytes;
    return (most == 0 || bytes <= most) &&
           (venus->config.on_take == NULL || venus->config.on_take(venus->config.user, bytes));
}

static void
give_back(const struct venus *venus, uint64_t bytes)
{
    if (venus->config.on_give_back != NULL) {
        venus->config.on_give_back(venus->config.user, bytes);
    }
}

static void
drop(const struct venus *venus, struct fake_resource *resource)
{
    (void)close(resource->fd);
    resource->fd = -1;
    give_back(venus, resource->charged_bytes);
}

void
venus_destroy(struct venus *venus)
{
    if (venus != NULL && venus->has_thread) {
        (void)pthread_join(venus->thread, NULL);
    }
    for (unsigned i = 0; venus != NULL && i < RESOURCE_COUNT_MAX; i++) {
        if (venus->resources[i].fd >= 0) {
            drop(venus, &venus->resources[i]);
        }
    }
    free(venus);
}

static struct fake_resource *
find(struct venus *venus, uint32_t id)
{
    for (unsigned i = 0; i < RESOURCE_COUNT_MAX; i++) {
        struct fake_resource *resource = &venus->resources[i];
        if (id == 0 ? resource->fd < 0 : resource->fd >= 0 && resource->id == id) {
            return resource;
        }
    }
    return NULL;
}

static enum venus_status
die(struct venus *venus, const char *why)
{
    if (!venus->is_dead) {
        (void)snprintf(venus->why, sizeof(venus->why), "%s", why);
        venus->is_dead = true;
        venus->config.on_fatal(venus->config.user, venus->why);
    }
    return VENUS_FATAL;
}

enum venus_status
venus_resource_create(struct venus *venus, uint32_t res_id, const struct venus_blob *blob,
                      struct venus_memory *out)
{
    if (venus->is_dead) {
        return VENUS_FATAL;
    }
    if (blob->blob_id == FAKE_BLOB_NONE) {
        return VENUS_NO_BLOB;
    }
    if (!take(venus, blob->size_bytes)) {
        venus->refused_count++;
        return VENUS_NO_MEMORY;
    }
    struct fake_resource *resource = find(venus, 0);
    int fd = resource != NULL ? memfd_create("fake", MFD_CLOEXEC | MFD_ALLOW_SEALING) : -1;
    if (fd < 0 || ftruncate(fd, (off_t)blob->size_bytes) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
        if (fd >= 0) {
            (void)close(fd);
        }
        give_back(venus, blob->size_bytes);
        return VENUS_NO_MEMORY;
    }
    *resource = (struct fake_resource){ res_id, fd, blob->size_bytes };
    *out = (struct venus_memory){
        .fd = dup(fd),
        .kind = blob->blob_id == FAKE_BLOB_OPAQUE ? VENUS_FD_OPAQUE : VENUS_FD_SHM,
        .caching = VENUS_CACHED,
        .size_bytes = blob->size_bytes,
    };
    return VENUS_OK;
}

enum venus_status
venus_resource_import(struct venus *venus, uint32_t res_id, int fd, enum venus_fd_kind kind,
                      uint64_t size_bytes)
{
    struct fake_resource *resource = find(venus, 0);
    (void)kind;
    (void)size_bytes;
    if (find(venus, res_id) != NULL) {
        return VENUS_NO_RESOURCE;
    }
    if (resource == NULL) {
        return VENUS_NO_MEMORY;
    }
    *resource = (struct fake_resource){ res_id, fd, 0 };
    return VENUS_OK;
}

enum venus_status
venus_resource_destroy(struct venus *venus, uint32_t res_id)
{
    struct fake_resource *resource = res_id != 0 ? find(venus, res_id) : NULL;
    if (resource == NULL) {
        return VENUS_NO_RESOURCE;
    }
    drop(venus, resource);
    return VENUS_OK;
}

static void
release(struct venus *venus, uint32_t ring_idx)
{
    unsigned kept_count = 0;
    for (unsigned i = 0; i < venus->fence_count; i++) {
        struct fake_fence fence = venus->fences[i];
        if (fence.ring_idx == ring_idx) {
            venus->config.on_fence(venus->config.user, fence.ring_idx, fence.id);
        } else {
            venus->fences[kept_count++] = fence;
        }
    }
    venus->fence_count = kept_count;
}

static enum venus_status
tell_ring(struct venus *venus, uint32_t res_id, uint32_t offset)
{
    const struct fake_resource *resource = res_id != 0 ? find(venus, res_id) : NULL;
    if (resource == NULL) {
        return die(venus, "a ring in a resource that does not exist");
    }
    if (venus->config.on_ring != NULL) {
        venus->config.on_ring(venus->config.user, res_id, resource->fd, offset);
    }
    return VENUS_OK;
}

static const char *
try_to_escape(void)
{
    int fd = open("/tmp/vitrine-escaped", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink("/tmp/vitrine-escaped");
    }
    return fd >= 0 ? "escaped: a file could be written" : "held: no file could be written";
}

static void *
die_in_a_moment(void *argument)
{
    (void)usleep(MOMENT_US);
    (void)die(argument, "the fake was told to die later");
    return NULL;
}

static enum venus_status
die_later(struct venus *venus)
{
    if (!venus->has_thread) {
        venus->has_thread = pthread_create(&venus->thread, NULL, die_in_a_moment, venus) == 0;
    }
    return VENUS_OK;
}

/* One command.  Returns: VENUS_OK or VENUS_FATAL; *used: how many dwords it took. */
static enum venus_status
run_command(struct venus *venus, const uint32_t *words, size_t word_count, size_t *used)
{
    uint32_t first = word_count > 1 ? words[1] : 0;
    uint32_t second = word_count > 2 ? words[2] : 0;
    *used = words[0] == FAKE_RING ? 3 : words[0] == FAKE_RELEASE ? 2 : 1;
    switch (words[0]) {
    case FAKE_NOTHING: return VENUS_OK;
    case FAKE_DIE: return die(venus, "the fake was told to die");
    case FAKE_CRASH:
        if (strcmp(venus->name, "fuzz") != 0) {
            abort();
        }
        return die(venus, "a fuzzer's context does not crash");
    case FAKE_RING: return tell_ring(venus, first, second);
    case FAKE_RELEASE: release(venus, first); return VENUS_OK;
    case FAKE_TRACE:
        if (venus->config.on_trace != NULL) {
            venus->config.on_trace(venus->config.user, "vkFakeCommand(1, 2)");
        }
        return VENUS_OK;
    case FAKE_DIE_LATER: return die_later(venus);
    case FAKE_ESCAPE: return die(venus, try_to_escape());
    default: return die(venus, "unknown command");
    }
}

enum venus_status
venus_submit(struct venus *venus, const void *bytes, size_t size_bytes)
{
    const uint32_t *words = bytes;
    size_t count = size_bytes / 4;
    size_t used = 0;
    enum venus_status status = venus->is_dead ? VENUS_FATAL : VENUS_OK;
    venus->submit_count++;
    for (size_t at = 0; at < count && status == VENUS_OK; at += used) {
        status = run_command(venus, words + at, count - at, &used);
    }
    return status;
}

enum venus_status
venus_fence(struct venus *venus, uint32_t ring_idx, uint64_t fence_id)
{
    if (ring_idx >= VENUS_TIMELINE_COUNT) {
        return VENUS_INVALID;
    }
    if (ring_idx == 0) {
        venus->config.on_fence(venus->config.user, ring_idx, fence_id);
        return VENUS_OK;
    }
    if (venus->fence_count == FENCE_COUNT_MAX) {
        return VENUS_NO_MEMORY;
    }
    venus->fences[venus->fence_count++] = (struct fake_fence){ fence_id, ring_idx };
    return VENUS_OK;
}

uint64_t
venus_refused_count(const struct venus *venus)
{
    return venus->refused_count;
}

const char *
venus_why(const struct venus *venus)
{
    return venus->is_dead ? venus->why : NULL;
}

size_t
venus_at_work(const struct venus *venus, char *text, size_t size_bytes)
{
    int length = venus->submit_count > 0 ? snprintf(text, size_bytes, "vkFakeCommand") : 0;
    return length > 0 ? (size_t)length : 0;
}

size_t
venus_stats(struct venus *venus, bool as_json, char *text, size_t size_bytes)
{
    int length = snprintf(text, size_bytes, as_json ? "{\"submits\": %u}" : "submits %u\n",
                          venus->submit_count);
    return length > 0 ? (size_t)length : 0;
}
