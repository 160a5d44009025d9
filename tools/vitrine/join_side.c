#include "tools/vitrine/join_side.h"

#include <stdlib.h>

#include "virtio/trace.h"

#define TRACE_EVENT(name, text) DEVICE_EVENT_##name,
enum device_event {
#include "device/gpu/trace.def"
};
#undef TRACE_EVENT

static uint32_t
low(le64 value)
{
    return (uint32_t)le64_get(value);
}

static bool
start(struct side *side, const struct trace_file *file)
{
    size_t slots = 16;
    while (slots < 2 * file->record_count) {
        slots *= 2;
    }
    *side =
        (struct side){ .by_cookie = calloc(slots, sizeof(size_t)), .by_cookie_mask = slots - 1 };
    return side->by_cookie != NULL;
}

void
side_finish(struct side *side)
{
    for (unsigned q = 0; q < JOIN_QUEUE_COUNT; q++) {
        free(side->queues[q].waiting);
    }
    free(side->commands);
    free(side->by_cookie);
    *side = (struct side){ 0 };
}

/* Room for one more element of an array.  Returns: the array, perhaps elsewhere; NULL: no memory. */
static void *
grown(void *array, size_t count, size_t *room, size_t element_bytes)
{
    if (count < *room) {
        return array;
    }
    size_t more = *room == 0 ? 64 : *room * 2;
    void *bigger = reallocarray(array, more, element_bytes);
    if (bigger != NULL) {
        *room = more;
    }
    return bigger;
}

/*
 * Where a cookie of a queue's session stands, or would.  The table has twice as many slots as the file has records, so there
 * is a free one.
 */
static size_t *
slot_of(const struct side *side, uint8_t queue, uint32_t session, uint32_t cookie)
{
    uint64_t mixed =
        (cookie ^ (uint64_t)session << 32 ^ (uint64_t)queue << 56) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = mixed >> 20;; i++) {
        size_t *slot = &side->by_cookie[i & side->by_cookie_mask];
        const struct joined_command *one = *slot == 0 ? NULL : &side->commands[*slot - 1];
        if (one == NULL ||
            (one->cookie == cookie && one->queue == queue && one->session == session)) {
            return slot;
        }
    }
}

/* Returns: NULL: none yet. */
static struct joined_command *
find(const struct side *side, uint8_t queue, uint32_t session, uint32_t cookie)
{
    size_t idx = cookie == 0 ? 0 : *slot_of(side, queue, session, cookie);
    return idx == 0 ? NULL : &side->commands[idx - 1];
}

static struct joined_command *
add(struct side *side, uint8_t queue, uint32_t cookie)
{
    struct joined_command *bigger =
        grown(side->commands, side->command_count, &side->command_room, sizeof(*side->commands));
    if (bigger == NULL) {
        side->is_out_of_memory = true;
        return NULL;
    }
    side->commands = bigger;
    struct joined_command *command = &side->commands[side->command_count];
    *command = (struct joined_command){ .queue = queue,
                                        .session = side->queues[queue].session,
                                        .cookie = cookie };
    if (cookie != 0) {
        *slot_of(side, queue, command->session, cookie) = side->command_count + 1;
    }
    side->command_count++;
    return command;
}

static void
set_mark(struct joined_command *command, enum mark mark, uint64_t time_ns)
{
    if (command != NULL) {
        command->time_ns[mark] = time_ns;
        command->marks |= 1U << mark;
    }
}

/* The command waits for the next notification (driver) or interrupt (device). */
static void
wait_for_signal(struct side *side, struct side_queue *queue, const struct joined_command *command)
{
    size_t *bigger =
        grown(queue->waiting, queue->waiting_count, &queue->waiting_room, sizeof(*queue->waiting));
    if (bigger == NULL) {
        side->is_out_of_memory = true;
        return;
    }
    queue->waiting = bigger;
    queue->waiting[queue->waiting_count++] = (size_t)(command - side->commands);
}

static void
signalled(struct side *side, struct side_queue *queue, enum mark mark, uint64_t time_ns)
{
    for (size_t i = 0; i < queue->waiting_count; i++) {
        set_mark(&side->commands[queue->waiting[i]], mark, time_ns);
    }
    queue->waiting_count = 0;
}

static void
new_session(struct side *side, struct side_queue *queue)
{
    queue->session++;
    queue->is_numbered = true;
    queue->count = 0;
    queue->taken_before = 0;
    queue->first = side->command_count;
    queue->waiting_count = 0;
}

/* --- the driver's file --- */

/* The driver says how many it has added: number those before, or see that some are missing. */
static void
driver_counted(struct side *side, uint8_t q, uint64_t added)
{
    struct side_queue *queue = &side->queues[q];
    if (queue->is_numbered) {
        side->gap_count += added > queue->count ? added - queue->count : 0;
    } else if (added >= queue->count) {
        uint64_t number = added - queue->count;
        for (size_t i = queue->first; i < side->command_count; i++) {
            if (side->commands[i].queue == q && (side->commands[i].marks & 1U << MARK_ADD) != 0) {
                side->commands[i].number = ++number;
            }
        }
    }
    queue->is_numbered = true;
    queue->count = added;
}

static void
driver_added(struct side *side, const struct trace_record *record, uint64_t time_ns)
{
    struct side_queue *queue = &side->queues[record->queue];
    uint32_t cookie = le32_get(record->cookie);
    struct joined_command *command = find(side, record->queue, queue->session, cookie);
    if (command == NULL) {
        command = add(side, record->queue, cookie);
    }
    if (command != NULL) {
        queue->count++;
        command->number = queue->is_numbered ? queue->count : 0;
        set_mark(command, MARK_ADD, time_ns);
        wait_for_signal(side, queue, command);
    }
}

static void
driver_asked(struct side *side, const struct trace_record *record, uint64_t time_ns)
{
    struct joined_command *command = add(side, record->queue, le32_get(record->cookie));
    if (command != NULL) {
        command->type = low(record->a);
        set_mark(command, MARK_REQUEST, time_ns);
    }
}

static void
driver_ended(struct side *side, const struct trace_record *record, uint64_t time_ns)
{
    const struct side_queue *queue = &side->queues[record->queue];
    struct joined_command *command =
        find(side, record->queue, queue->session, le32_get(record->cookie));
    if (command == NULL) {
        return;
    }
    if (le16_get(record->event) == TRACE_GPU_RESPONSE) {
        command->response = low(record->a);
        set_mark(command, MARK_RESPONSE, time_ns);
    } else {
        set_mark(command, MARK_USED, time_ns);
        if (side->woken_ns != 0) {
            set_mark(command, MARK_WOKEN, side->woken_ns);
        }
    }
}

static void
driver_queue_record(struct side *side, const struct trace_record *record, uint64_t time_ns)
{
    struct side_queue *queue = &side->queues[record->queue];
    switch (le16_get(record->event)) {
    case TRACE_VIRTQ_SETUP: new_session(side, queue); break;
    case TRACE_VIRTQ_COUNT: driver_counted(side, record->queue, le64_get(record->a)); break;
    case TRACE_GPU_REQUEST: driver_asked(side, record, time_ns); break;
    case TRACE_VIRTQ_ADD: driver_added(side, record, time_ns); break;
    case TRACE_VIRTQ_NOTIFY: signalled(side, queue, MARK_NOTIFY, time_ns); break;
    case TRACE_VIRTQ_NOTIFY_SUPPRESSED: queue->waiting_count = 0; break;
    case TRACE_VIRTQ_USED:
    case TRACE_GPU_RESPONSE: driver_ended(side, record, time_ns); break;
    default: break;
    }
}

bool
side_collect_driver(struct side *side, const struct trace_file *file, uint8_t origin)
{
    if (!start(side, file)) {
        return false;
    }
    for (size_t i = 0; i < file->record_count && !side->is_out_of_memory; i++) {
        const struct trace_record *record = &file->records[i];
        if (record->origin != origin) {
            continue;
        }
        if (le16_get(record->event) == TRACE_INTERRUPT) {
            side->woken_ns = trace_file_ns(file, record);
        } else if (record->queue < JOIN_QUEUE_COUNT) {
            driver_queue_record(side, record, trace_file_ns(file, record));
        }
    }
    return !side->is_out_of_memory;
}

/* --- the device's file --- */

static void
device_started(struct side *side, struct side_queue *queue, uint64_t base)
{
    if (base == 0) {
        new_session(side, queue);
    } else {
        queue->taken_before = queue->count;
    }
}

static void
device_took(struct side *side, const struct trace_record *record, uint64_t time_ns)
{
    struct side_queue *queue = &side->queues[record->queue];
    uint32_t cookie = le32_get(record->cookie);
    struct joined_command *command = add(side, record->queue, cookie);
    if (command != NULL) {
        queue->count = queue->taken_before + cookie;
        command->number = queue->count;
        set_mark(command, MARK_POP, time_ns);
    }
}

/* The first time of being asked, the last of all others. */
static void
device_went_on(struct side *side, const struct trace_record *record, enum mark mark,
               uint64_t time_ns)
{
    struct side_queue *queue = &side->queues[record->queue];
    struct joined_command *command =
        find(side, record->queue, queue->session, le32_get(record->cookie));
    if (command == NULL || (mark == MARK_ASKED && (command->marks & 1U << MARK_ASKED) != 0)) {
        return;
    }
    set_mark(command, mark, time_ns);
    if (mark == MARK_PUSH) {
        command->response = low(record->a);
        wait_for_signal(side, queue, command);
    }
}

static void
device_requested(struct side *side, const struct trace_record *record)
{
    struct joined_command *command =
        find(side, record->queue, side->queues[record->queue].session, le32_get(record->cookie));
    if (command != NULL) {
        command->type = low(record->a);
    }
}

static void
device_queue_record(struct side *side, const struct trace_record *record, uint64_t time_ns)
{
    struct side_queue *queue = &side->queues[record->queue];
    switch (le16_get(record->event)) {
    case DEVICE_EVENT_QUEUE_START: device_started(side, queue, le64_get(record->b)); break;
    case DEVICE_EVENT_POP: device_took(side, record, time_ns); break;
    case DEVICE_EVENT_REQUEST: device_requested(side, record); break;
    case DEVICE_EVENT_RENDERER_ASKED: device_went_on(side, record, MARK_ASKED, time_ns); break;
    case DEVICE_EVENT_RENDERER_ANSWERED:
        device_went_on(side, record, MARK_ANSWERED, time_ns);
        break;
    case DEVICE_EVENT_HANDLED: device_went_on(side, record, MARK_HANDLED, time_ns); break;
    case DEVICE_EVENT_FENCE_PASSED: device_went_on(side, record, MARK_FENCE, time_ns); break;
    case DEVICE_EVENT_PUSH: device_went_on(side, record, MARK_PUSH, time_ns); break;
    case DEVICE_EVENT_INTERRUPT: signalled(side, queue, MARK_INTERRUPT, time_ns); break;
    default: break;
    }
}

bool
side_collect_device(struct side *side, const struct trace_file *file)
{
    if (!start(side, file)) {
        return false;
    }
    for (size_t i = 0; i < file->record_count && !side->is_out_of_memory; i++) {
        const struct trace_record *record = &file->records[i];
        if (le16_get(record->event) == DEVICE_EVENT_LOST) {
            side->gap_count += le64_get(record->a);
        } else if (record->queue < JOIN_QUEUE_COUNT) {
            device_queue_record(side, record, trace_file_ns(file, record));
        }
    }
    return !side->is_out_of_memory;
}
