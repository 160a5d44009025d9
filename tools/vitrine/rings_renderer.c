/*
 * rings_renderer.c - what renderers did, each file a context, and when the device handed streams over to them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/render_wire.h"
#include "tools/vitrine/rings_side.h"

#define TRACE_EVENT(name, text) RENDERER_EVENT_##name,
enum renderer_event {
#include "venus/trace.def"
};
#undef TRACE_EVENT
#define TRACE_EVENT(name, text) DEVICE_EVENT_##name,
enum device_event {
#include "device/gpu/trace.def"
};
#undef TRACE_EVENT

enum { STREAM_COUNT = 256, FENCES_MAX = 64 /* waited for at once, in one context */ };

/* A ring, from its RING to its RING_GONE. */
struct instance {
    uint32_t context_id;
    uint64_t time_ns;
    size_t idx; /* in the order of the files */
};

/* A SUBMIT_3D, handed over. */
struct submit {
    uint32_t context_id;
    uint32_t number;
    uint64_t time_ns;
};

struct collector {
    struct rings *rings;
    struct rings_side side;
    struct instance *instances;
    size_t instance_count;
    size_t instance_room;
    struct submit *submits;
    size_t submit_count;
    /* Of the file at work: */
    const struct trace_file *file;
    struct ring_context *context;
    uint64_t begin_ns;
    size_t name_bytes;
    uint32_t stream_count;
    size_t ring_of[STREAM_COUNT]; /* instance + 1; 0: unknown */
    size_t open[STREAM_COUNT][2]; /* command + 1, and of one within it; 0: none */
    size_t fences[FENCES_MAX];    /* command + 1 */
    unsigned fence_count;
};

/* --- the device's submissions --- */

static int
compare_submits(const void *left, const void *right)
{
    const struct submit *a = left;
    const struct submit *b = right;
    if (a->context_id != b->context_id) {
        return a->context_id < b->context_id ? -1 : 1;
    }
    if (a->time_ns != b->time_ns) {
        return a->time_ns < b->time_ns ? -1 : 1;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

static bool
collect_submits(struct collector *collector, const struct trace_file *host)
{
    collector->submits = calloc(host->record_count + 1, sizeof(*collector->submits));
    for (size_t i = 0; i < host->record_count && collector->submits != NULL; i++) {
        const struct trace_record *record = &host->records[i];
        uint64_t a = le64_get(record->a);
        if (le16_get(record->event) == DEVICE_EVENT_RENDERER_ASKED &&
            a >> 32 == RENDER_CONTEXT_SUBMIT_CMD) {
            collector->submits[collector->submit_count++] =
                (struct submit){ (uint32_t)a, le32_get(record->cookie),
                                 trace_file_ns(host, record) };
        }
    }
    if (collector->submit_count > 0) {
        qsort(collector->submits, collector->submit_count, sizeof(struct submit), compare_submits);
    }
    return collector->submits != NULL;
}

/* The device's nth submission to the context since this file began; NULL. */
static const struct submit *
find_submit(const struct collector *collector, uint32_t n)
{
    const struct submit wanted = { collector->context->id, 0, collector->begin_ns };
    size_t low = 0;
    size_t high = collector->submit_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_submits(&collector->submits[middle], &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (n == 0 || n > collector->submit_count - low) {
        return NULL;
    }
    const struct submit *submit = &collector->submits[low + n - 1];
    return submit->context_id == wanted.context_id ? submit : NULL;
}

/* --- a renderer's file --- */

static void
set_mark(struct ring_command *command, enum ring_mark mark, uint64_t time_ns)
{
    command->time_ns[mark] = time_ns;
    command->marks |= 1U << mark;
}

static void
add_name(struct collector *collector, const struct trace_record *record)
{
    char part[TRACE_BYTES_PER_RECORD];
    memcpy(part, &record->a, sizeof(record->a));
    memcpy(part + sizeof(record->a), &record->b, sizeof(record->b));
    for (size_t i = 0; i < sizeof(part) && part[i] != '\0'; i++) {
        bool is_plain = part[i] >= ' ' && part[i] <= '~' && part[i] != '"' && part[i] != '\\';
        if (collector->name_bytes + 1 < RINGS_NAME_BYTES) {
            collector->context->name[collector->name_bytes++] = (char)(is_plain ? part[i] : '?');
        }
    }
}

static bool
add_instance(struct collector *collector, uint8_t stream, uint64_t time_ns)
{
    if (collector->instance_count == collector->instance_room) {
        size_t more = collector->instance_room == 0 ? 16 : 2 * collector->instance_room;
        struct instance *bigger = reallocarray(collector->instances, more, sizeof(*bigger));
        if (bigger == NULL) {
            return false;
        }
        collector->instances = bigger;
        collector->instance_room = more;
    }
    collector->instances[collector->instance_count] =
        (struct instance){ collector->context->id, time_ns, collector->instance_count };
    collector->ring_of[stream] = ++collector->instance_count;
    return true;
}

static struct ring_command *
add_command(struct collector *collector, const struct trace_record *record)
{
    struct ring_command *command = rings_side_add(&collector->side);
    if (command != NULL) {
        command->context_id = collector->context->id;
        command->file = (uint16_t)(collector->context - collector->rings->contexts);
        command->stream = record->queue;
        command->position = le64_get(record->a);
    }
    return command;
}

static void
find_stream(const struct collector *collector, struct ring_command *command)
{
    command->stream_count = collector->stream_count;
    const struct submit *submit = find_submit(collector, collector->stream_count);
    if (submit != NULL && submit->time_ns <= command->time_ns[RING_MARK_PICKED]) {
        command->submit = submit->number;
        set_mark(command, RING_MARK_WRITTEN, submit->time_ns);
    }
}

static bool
pick_up(struct collector *collector, const struct trace_record *record, uint64_t time_ns)
{
    bool is_inner = le16_get(record->event) == RENDERER_EVENT_INNER;
    struct ring_command *command = add_command(collector, record);
    if (command == NULL) {
        return false;
    }
    uint64_t b = le64_get(record->b);
    command->id = (uint32_t)b;
    command->bytes = (uint32_t)(b >> 32);
    command->is_inner = is_inner;
    command->ring = (uint32_t)collector->ring_of[record->queue];
    command->cookie = le32_get(record->cookie);
    set_mark(command, RING_MARK_PICKED, time_ns);
    if (record->queue == 0 && !is_inner) {
        find_stream(collector, command);
    }
    collector->open[record->queue][is_inner] = collector->side.command_count;
    return true;
}

static void
done(struct collector *collector, const struct trace_record *record, uint64_t time_ns)
{
    for (unsigned i = 0; i < 2; i++) {
        size_t *open = &collector->open[record->queue][1 - i];
        struct ring_command *command = *open == 0 ? NULL : &collector->side.commands[*open - 1];
        if (command != NULL && command->cookie == le32_get(record->cookie)) {
            uint64_t picked_ns = command->time_ns[RING_MARK_PICKED];
            uint64_t entered_ns = picked_ns + le64_get(record->a);
            uint64_t left_ns = picked_ns + le64_get(record->b);
            set_mark(command, RING_MARK_ENTERED, entered_ns);
            set_mark(command, RING_MARK_LEFT, left_ns);
            set_mark(command, RING_MARK_DONE, time_ns);
            *open = 0;
            return;
        }
    }
}

static bool
ask_fence(struct collector *collector, const struct trace_record *record, uint64_t time_ns)
{
    struct ring_command *command = add_command(collector, record);
    if (command != NULL) {
        command->id = RING_ID_FENCE;
        command->bytes = (uint32_t)le64_get(record->b);
        set_mark(command, RING_MARK_ENTERED, time_ns);
        collector->fences[collector->fence_count++ % FENCES_MAX] = collector->side.command_count;
    }
    return command != NULL;
}

static void
pass_fence(struct collector *collector, const struct trace_record *record, uint64_t time_ns)
{
    for (unsigned i = 0; i < FENCES_MAX; i++) {
        struct ring_command *command =
            collector->fences[i] == 0 ? NULL : &collector->side.commands[collector->fences[i] - 1];
        if (command != NULL && command->position == le64_get(record->a) &&
            command->bytes == (uint32_t)le64_get(record->b)) {
            set_mark(command, RING_MARK_LEFT, time_ns);
            collector->fences[i] = 0;
            return;
        }
    }
}

static bool
take(struct collector *collector, const struct trace_record *record)
{
    uint64_t time_ns = trace_file_ns(collector->file, record);
    switch (le16_get(record->event)) {
    case RENDERER_EVENT_CONTEXT:
        collector->context->id = (uint32_t)le64_get(record->a);
        collector->begin_ns = time_ns;
        break;
    case RENDERER_EVENT_TEXT: add_name(collector, record); break;
    case RENDERER_EVENT_LOST: collector->rings->lost_count += le64_get(record->a); break;
    case RENDERER_EVENT_RING: return add_instance(collector, record->queue, time_ns);
    case RENDERER_EVENT_RING_GONE: collector->ring_of[record->queue] = 0; break;
    case RENDERER_EVENT_STREAM: collector->stream_count++; break;
    case RENDERER_EVENT_PICKED:
    case RENDERER_EVENT_INNER: return pick_up(collector, record, time_ns);
    case RENDERER_EVENT_DONE: done(collector, record, time_ns); break;
    case RENDERER_EVENT_FENCE_ASKED: return ask_fence(collector, record, time_ns);
    case RENDERER_EVENT_FENCE_PASSED: pass_fence(collector, record, time_ns); break;
    default: break;
    }
    return true;
}

static bool
collect_file(struct collector *collector, const struct trace_file *file, size_t idx)
{
    collector->file = file;
    collector->context = &collector->rings->contexts[idx];
    collector->begin_ns = 0;
    collector->name_bytes = 0;
    collector->stream_count = 0;
    collector->fence_count = 0;
    memset(collector->ring_of, 0, sizeof(collector->ring_of));
    memset(collector->open, 0, sizeof(collector->open));
    memset(collector->fences, 0, sizeof(collector->fences));
    collector->rings->lost_count += file->lost_count;
    bool is_good = true;
    for (size_t i = 0; i < file->record_count && is_good; i++) {
        is_good = take(collector, &file->records[i]);
    }
    return is_good;
}

/* --- the turns of rings --- */

static int
compare_instances(const void *left, const void *right)
{
    const struct instance *a = left;
    const struct instance *b = right;
    if (a->context_id != b->context_id) {
        return a->context_id < b->context_id ? -1 : 1;
    }
    if (a->time_ns != b->time_ns) {
        return a->time_ns < b->time_ns ? -1 : 1;
    }
    return a->idx < b->idx ? -1 : a->idx > b->idx;
}

/* command->ring: from which instance to how many of its context came after it.  One whose RING was lost is beyond all. */
static bool
count_from_end(struct collector *collector)
{
    size_t count = collector->instance_count;
    uint32_t *turns = calloc(count + 1, sizeof(*turns));
    if (turns == NULL) {
        return false;
    }
    if (count > 0) {
        qsort(collector->instances, count, sizeof(struct instance), compare_instances);
    }
    for (size_t i = count; i-- > 0;) {
        const struct instance *one = &collector->instances[i];
        bool is_last = i + 1 == count || one[1].context_id != one->context_id;
        turns[one->idx] = is_last ? 0 : turns[one[1].idx] + 1;
    }
    for (size_t i = 0; i < collector->side.command_count; i++) {
        struct ring_command *command = &collector->side.commands[i];
        command->ring = command->ring == 0 ? UINT32_MAX : turns[command->ring - 1];
    }
    free(turns);
    return true;
}

bool
rings_collect_renderers(struct rings *rings, const struct rings_files *files)
{
    struct collector *collector = calloc(1, sizeof(*collector));
    rings->contexts = calloc(files->renderer_count + 1, sizeof(*rings->contexts));
    rings->context_count = files->renderer_count;
    bool is_good = collector != NULL && rings->contexts != NULL;
    if (is_good) {
        collector->rings = rings;
        is_good = files->host == NULL || collect_submits(collector, files->host);
    }
    for (size_t i = 0; i < files->renderer_count && is_good; i++) {
        is_good = collect_file(collector, &files->renderers[i], i);
    }
    is_good = is_good && count_from_end(collector);
    if (collector != NULL) {
        rings->commands = collector->side.commands;
        rings->command_count = collector->side.command_count;
        free(collector->instances);
        free(collector->submits);
    }
    free(collector);
    return is_good;
}
