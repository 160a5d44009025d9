/* Contexts: made, killed with a reason, ended. */
#include "venus/context.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "venus/device.h"
#include "venus/record.h"
#include "venus/table.h"

#define COMMAND_BYTES  ((uint64_t)256 * 1024 * 1024)
#define OBJECT_COUNT   1048576u
#define RESOURCE_COUNT 65536u
#define RING_COUNT     64u

/* Capability set 4 (virtio-gpu calls it "venus"), as 40 words. */
#define CAPSET_WIRE_FORMAT           0
#define CAPSET_XML_VERSION           1
#define CAPSET_SERIALIZATION_VERSION 2
#define CAPSET_PROTOCOL_VERSION      3
#define CAPSET_HAS_BLOB_0            4
#define CAPSET_EXTENSIONS            5 /* 32 words: bit N is extension number N; bit 0: the mask is valid */
#define CAPSET_MAY_WAIT              37
#define CAPSET_HAS_TIMELINES         38

/* 2: priorities of rings; 3: copies between images and the client's memory, without which Mesa 26 stops at Vulkan 1.3. */
#define PROTOCOL_VERSION 3

#define EXTENSION_SERIALIZATION 384
#define EXTENSION_PROTOCOL      385

struct vn_kept {
    struct vn_kept *next;
    size_t bytes;
    uint8_t memory[] __attribute__((aligned(16)));
};

static void
set_extension(uint32_t *words, uint32_t number)
{
    if (number < 1024) {
        words[CAPSET_EXTENSIONS + number / 32] |= 1u << number % 32;
    }
}

void
venus_capset(uint8_t capset[VENUS_CAPSET_BYTES])
{
    uint32_t words[VENUS_CAPSET_BYTES / 4] = {
        [CAPSET_WIRE_FORMAT] = 1,
        [CAPSET_XML_VERSION] = vn_xml_version,
        [CAPSET_SERIALIZATION_VERSION] = 1,
        [CAPSET_PROTOCOL_VERSION] = PROTOCOL_VERSION,
        [CAPSET_HAS_BLOB_0] = 1,
        [CAPSET_MAY_WAIT] = 1,
        [CAPSET_HAS_TIMELINES] = 1,
    };
    set_extension(words, 0);
    set_extension(words, EXTENSION_SERIALIZATION);
    set_extension(words, EXTENSION_PROTOCOL);
    for (uint32_t i = 0; i < vn_extension_count; i++) {
        set_extension(words, vn_extensions[i].number);
    }
    memcpy(capset, words, sizeof(words));
}

static uint64_t
default_memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages / 2 * (uint64_t)page_bytes : UINT64_MAX;
}

static void
set_defaults(struct venus_limits *limits)
{
    limits->memory_bytes = limits->memory_bytes ? limits->memory_bytes : default_memory_bytes();
    limits->command_bytes = limits->command_bytes ? limits->command_bytes : COMMAND_BYTES;
    limits->object_count = limits->object_count ? limits->object_count : OBJECT_COUNT;
    limits->resource_count = limits->resource_count ? limits->resource_count : RESOURCE_COUNT;
    limits->ring_count = limits->ring_count ? limits->ring_count : RING_COUNT;
}

/* It goes into logs, terminals and JSON, and may be of the client's choice. */
static void
set_name(struct venus *venus, const char *name)
{
    (void)snprintf(venus->name, sizeof(venus->name), "%s", name);
    for (char *at = venus->name; *at; at++) {
        if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\') {
            *at = '?';
        }
    }
}

enum venus_status
venus_create(const struct venus_config *config, struct venus **out)
{
    if (!config || !out) {
        return VENUS_INVALID;
    }
    struct venus *venus = calloc(1, sizeof(*venus));
    if (!venus) {
        return VENUS_NO_MEMORY;
    }
    venus->config = *config;
    set_name(venus, config->name ? config->name : "client");
    venus->config.name = venus->name;
    set_defaults(&venus->config.limits);
    if (!vn_objects_init(&venus->objects, venus->config.limits.object_count)) {
        free(venus);
        return VENUS_NO_MEMORY;
    }
    pthread_mutex_init(&venus->why_lock, NULL);
    pthread_mutex_init(&venus->instances_lock, NULL);
    pthread_mutex_init(&venus->kept_lock, NULL);
    venus->arguments.limit_bytes = venus->config.limits.command_bytes;
    vn_ledger_init(&venus->ledger, venus->config.limits.memory_bytes);
    venus->ledger.config = &venus->config;
    vn_resources_init(&venus->resources, venus);
    vn_memories_init(&venus->memories);
    vn_spares_init(&venus->spares, venus->config.limits.memory_bytes);
    vn_rings_init(&venus->rings, venus);
    vn_timelines_init(&venus->timelines, venus);
    vn_exec_init(&venus->exec, venus, NULL);
    *out = venus;
    return VENUS_OK;
}

void
venus_destroy(struct venus *venus)
{
    if (!venus) {
        return;
    }
    atomic_store(&venus->is_fatal, true); /* by this, waits in the host end (on_sync.c) */
    vn_rings_finish(&venus->rings);
    vn_exec_finish(&venus->exec);
    vn_instances_finish(venus);
    vn_timelines_finish(&venus->timelines);
    vn_memories_finish(&venus->memories);
    vn_objects_finish(&venus->objects);
    vn_resources_finish(&venus->resources);
    vn_spares_finish(&venus->spares);
    vn_host_unload(&venus->host);
    pthread_mutex_destroy(&venus->why_lock);
    pthread_mutex_destroy(&venus->instances_lock);
    for (size_t i = 0; i < VN_KEPT_BINS; i++) {
        while (venus->retired[i]) {
            struct vn_kept *next = venus->retired[i]->next;
            free(venus->retired[i]);
            venus->retired[i] = next;
        }
    }
    pthread_mutex_destroy(&venus->kept_lock);
    free(venus);
}

/* Most are small, and of few sizes. */
static struct vn_kept **
bin_of(struct venus *venus, size_t bytes)
{
    size_t bin = bytes / 16;
    return &venus->retired[bin < VN_KEPT_BINS ? bin : VN_KEPT_BINS - 1];
}

void *
vn_keep(struct venus *venus, size_t bytes)
{
    pthread_mutex_lock(&venus->kept_lock);
    struct vn_kept **link = bin_of(venus, bytes);
    while (*link && (*link)->bytes != bytes) {
        link = &(*link)->next;
    }
    struct vn_kept *kept = *link;
    if (kept) {
        *link = kept->next;
    }
    pthread_mutex_unlock(&venus->kept_lock);
    if (kept) {
        return memset(kept->memory, 0, bytes);
    }
    kept = calloc(1, sizeof(*kept) + bytes);
    if (!kept) {
        return NULL;
    }
    kept->bytes = bytes;
    return kept->memory;
}

void
vn_retire(struct venus *venus, void *memory)
{
    if (!memory) {
        return;
    }
    struct vn_kept *kept =
        (struct vn_kept *)(void *)((uint8_t *)memory - offsetof(struct vn_kept, memory));
    pthread_mutex_lock(&venus->kept_lock);
    struct vn_kept **first = bin_of(venus, kept->bytes);
    kept->next = *first;
    *first = kept;
    pthread_mutex_unlock(&venus->kept_lock);
}

void
vn_fatal(struct venus *venus, const char *format, ...)
{
    pthread_mutex_lock(&venus->why_lock);
    bool is_first = !atomic_load(&venus->is_fatal);
    if (is_first) {
        va_list list;
        va_start(list, format);
        (void)vsnprintf(venus->why, sizeof(venus->why), format, list);
        va_end(list);
        atomic_store(&venus->is_fatal, true);
    }
    pthread_mutex_unlock(&venus->why_lock);
    if (!is_first) {
        return;
    }
    vn_rings_fatal(&venus->rings);
    if (venus->config.on_fatal) {
        venus->config.on_fatal(venus->config.user, venus->why);
    }
}

const char *
venus_why(const struct venus *venus)
{
    return atomic_load(&venus->is_fatal) ? venus->why : NULL;
}

enum venus_status
venus_submit(struct venus *venus, const void *bytes, size_t size_bytes)
{
    if (atomic_load(&venus->is_fatal)) {
        return VENUS_FATAL;
    }
    if ((uintptr_t)bytes % 4) {
        return VENUS_INVALID;
    }
    if (size_bytes % 4) {
        vn_fatal(venus, "a submission of %zu bytes is not a multiple of 4", size_bytes);
        return VENUS_FATAL;
    }
    vn_count(&venus->stats.submit_count, 1);
    vn_record(venus, VN_EVENT_STREAM, VN_STREAM_OWN, size_bytes, 0);
    vn_exec_run(&venus->exec, bytes, size_bytes, true, 0);
    return venus->exec.has_failed ? VENUS_FATAL : VENUS_OK;
}
