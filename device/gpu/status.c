/*
 * status.c - the device as one JSON object, for people and for `vitrine doctor`.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "device/gpu/private.h"

struct text {
    char *to;
    size_t room;
    size_t length; /* that all of it has */
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
add(struct text *text, const char *format, ...)
{
    size_t left = text->length < text->room ? text->room - text->length : 0;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(left > 0 ? text->to + text->length : NULL, left, format, arguments);
    va_end(arguments);
    text->length += length > 0 ? (size_t)length : 0;
}

/* With its quotes; what is no printable ASCII is a question mark. */
static void
add_string(struct text *text, const char *string)
{
    add(text, "\"");
    for (; *string != '\0'; string++) {
        bool is_special = *string == '"' || *string == '\\';
        add(text, "%s%c", is_special ? "\\" : "", *string >= ' ' && *string <= '~' ? *string : '?');
    }
    add(text, "\"");
}

static void
add_scanouts(struct text *text, const struct gpu *gpu)
{
    add(text, "\"scanouts\": [");
    for (unsigned i = 0; i < gpu->config.scanout_count; i++) {
        const struct gpu_scanout_state *state = &gpu->scanouts[i];
        const struct gpu_scanout *shown = &state->shown;
        const struct gpu_cursor *cursor = &gpu->cursors[i];
        add(text,
            "%s{\"index\": %u, \"display\": {\"width_px\": %u, \"height_px\": %u, \"is_enabled\": "
            "%s}, \"resource_id\": %u, \"x\": %u, \"y\": %u, \"width_px\": %u, \"height_px\": %u, "
            "\"format\": %u, \"flush_count\": %llu, \"flush_ns\": %llu, "
            "\"cursor\": {\"is_shown\": %s, \"x\": %u, \"y\": %u}}",
            i > 0 ? ", " : "", i, shown->display.width_px, shown->display.height_px,
            shown->display.is_enabled ? "true" : "false", shown->resource_id, state->x, state->y,
            shown->width_px, shown->height_px, state->format,
            (unsigned long long)shown->flush_count, (unsigned long long)shown->flush_ns,
            cursor->is_shown ? "true" : "false", cursor->x, cursor->y);
    }
    add(text, "], ");
}

static void
add_resources(struct text *text, const struct gpu *gpu)
{
    static const char *const kinds[] = { "2d", "guest blob", "host blob", "host and guest blob" };
    const char *comma = "";
    add(text, "\"resources\": [");
    for (unsigned i = 0; i < GPU_BUCKETS; i++) {
        for (const struct gpu_resource *resource = gpu->buckets[i]; resource != NULL;
             resource = resource->next) {
            add(text,
                "%s{\"id\": %u, \"kind\": \"%s\", \"width_px\": %u, \"height_px\": %u, \"format\": "
                "%u, \"bytes\": %llu, \"backing_bytes\": %llu, \"is_mapped\": %s, \"contexts\": "
                "%d}",
                comma, resource->id, kinds[resource->kind], resource->width_px, resource->height_px,
                resource->format, (unsigned long long)resource->size_bytes,
                (unsigned long long)resource->backing_bytes, resource->is_mapped ? "true" : "false",
                __builtin_popcountll(resource->attached));
            comma = ", ";
        }
    }
    add(text, "], ");
}

static void
add_contexts(struct text *text, const struct gpu *gpu)
{
    const char *comma = "";
    add(text, "\"contexts\": [");
    for (unsigned i = 0; i < GPU_CONTEXT_SLOTS; i++) {
        const struct gpu_context *context = &gpu->contexts[i];
        if (context->id == 0) {
            continue;
        }
        add(text, "%s{\"id\": %u, \"name\": ", comma, context->id);
        add_string(text, context->name);
        add(text,
            ", \"is_dead\": %s, \"submit_count\": %llu, \"submit_bytes\": %llu, "
            "\"fence_count\": %u, \"why\": ",
            context->is_dead ? "true" : "false", (unsigned long long)context->submit_count,
            (unsigned long long)context->submit_bytes, context->fence_count);
        add_string(text, context->why);
        add(text, "}");
        comma = ", ";
    }
    add(text, "], ");
}

static void
add_queues(struct text *text, const struct gpu *gpu)
{
    add(text, "\"queues\": [");
    for (unsigned i = 0; i < VIRTIO_GPU_QUEUE_COUNT; i++) {
        const struct gpu_queue *queue = &gpu->queues[i];
        static const struct vq none = { 0 };
        const struct vq *vq = queue->vq != NULL ? queue->vq : &none;
        add(text,
            "%s{\"index\": %u, \"is_running\": %s, \"size\": %u, \"is_packed\": %s, "
            "\"avail_idx\": %u, \"used_idx\": %u, \"pop_count\": %llu, \"push_count\": %llu, "
            "\"command_count\": %llu, \"error_count\": %llu, \"fault\": ",
            i > 0 ? ", " : "", i, queue->vq != NULL ? "true" : "false", vq->layout.size,
            vq->layout.is_packed ? "true" : "false", vq->avail_idx, vq->used_idx,
            (unsigned long long)vq->pop_count, (unsigned long long)vq->push_count,
            (unsigned long long)queue->command_count, (unsigned long long)queue->error_count);
        add_string(text, vq->fault.rule != NULL ? vq->fault.rule : "");
        add(text, "}");
    }
    add(text, "], ");
}

static void
add_problems(struct text *text, const struct gpu *gpu)
{
    uint64_t first =
        gpu->problem_count > GPU_PROBLEMS_KEPT ? gpu->problem_count - GPU_PROBLEMS_KEPT : 0;
    add(text, "\"problem_count\": %llu, \"problems\": [", (unsigned long long)gpu->problem_count);
    for (uint64_t i = first; i < gpu->problem_count; i++) {
        add(text, "%s", i > first ? ", " : "");
        add_string(text, gpu->problems[i % GPU_PROBLEMS_KEPT]);
    }
    add(text, "]");
}

size_t
gpu_status(const struct gpu *gpu, char *text, size_t size_bytes)
{
    struct text all = { text, size_bytes, 0 };
    if (size_bytes > 0) {
        text[0] = '\0';
    }
    add(&all, "{\"features\": %llu, \"accepted\": %llu, \"reset_count\": %llu, ",
        (unsigned long long)gpu_features(gpu), (unsigned long long)gpu->accepted,
        (unsigned long long)gpu->reset_count);
    add(&all,
        "\"memory_bytes\": %llu, \"memory_bytes_max\": %llu, \"pictures_bytes\": %llu, "
        "\"blob_bytes\": %llu, "
        "\"backing_count\": %u, "
        "\"fence_count\": %u, \"waits_for\": ",
        (unsigned long long)gpu_memory_held(gpu), (unsigned long long)gpu_memory_limit(gpu),
        (unsigned long long)gpu->memory_bytes, (unsigned long long)gpu->blob_bytes, gpu->span_count,
        gpu->fence_count);
    add_string(&all, gpu->wait.command != NULL ? gpu->wait.whom : "");
    add(&all, ", ");
    add_scanouts(&all, gpu);
    add_resources(&all, gpu);
    add_contexts(&all, gpu);
    add_queues(&all, gpu);
    add_problems(&all, gpu);
    add(&all, "}");
    return all.length;
}
