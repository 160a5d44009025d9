/*
 * rings_guest.c - what a guest's Venus clients wrote into their rings.
 */
#include <stdlib.h>

#include "virtio/trace.h"

#include "tools/vitrine/rings_side.h"

enum { UNDER_WAY_MAX = 64 /* clients at once, and commands within commands */ };

/* The last ring of a context so far. */
struct ring_end {
    uint32_t context_id;
    uint32_t turn; /* rings of this context before it */
    uint64_t position;
};

struct guest {
    struct rings_side *side;
    const struct trace_file *file;
    struct under_way { /* begun, and not in the ring yet, or not answered */
        uint32_t cookie;
        uint64_t begin_ns;
        size_t idx; /* of the command + 1; 0: not there yet */
    } under_way[UNDER_WAY_MAX];
    unsigned next;
    struct ring_end *ends;
    size_t end_count;
};

struct ring_command *
rings_side_add(struct rings_side *side)
{
    if (side->command_count == side->command_room) {
        size_t more = side->command_room == 0 ? 256 : 2 * side->command_room;
        struct ring_command *bigger = reallocarray(side->commands, more, sizeof(*bigger));
        if (bigger == NULL) {
            return NULL;
        }
        side->commands = bigger;
        side->command_room = more;
    }
    struct ring_command *command = &side->commands[side->command_count++];
    *command = (struct ring_command){ 0 };
    return command;
}

/* NULL: it began before the trace, or longer ago than anybody waits. */
static struct under_way *
find(struct guest *guest, uint32_t cookie)
{
    for (unsigned i = 0; i < UNDER_WAY_MAX; i++) {
        if (guest->under_way[i].cookie == cookie && cookie != 0) {
            return &guest->under_way[i];
        }
    }
    return NULL;
}

static struct ring_end *
end_of(struct guest *guest, uint32_t context_id)
{
    for (size_t i = 0; i < guest->end_count; i++) {
        if (guest->ends[i].context_id == context_id) {
            return &guest->ends[i];
        }
    }
    struct ring_end *more = reallocarray(guest->ends, guest->end_count + 1, sizeof(*more));
    if (more == NULL) {
        return NULL;
    }
    guest->ends = more;
    more[guest->end_count] = (struct ring_end){ .context_id = context_id };
    return &more[guest->end_count++];
}

/* A ring's place has 32 bits and begins anew after them; a new ring begins at 0. */
static void
place(struct ring_end *end, struct ring_command *command, uint32_t position)
{
    uint32_t ahead = position - (uint32_t)end->position;
    bool is_new = ahead >> 31 != 0 || (position == 0 && ahead != 0);
    end->turn += is_new;
    command->position = is_new ? position : end->position + ahead;
    command->ring = end->turn;
    end->position = command->position + command->bytes;
}

static bool
add_command(struct guest *guest, const struct trace_record *record, uint64_t time_ns)
{
    uint64_t a = le64_get(record->a);
    uint64_t b = le64_get(record->b);
    struct under_way *begun = find(guest, le32_get(record->cookie));
    struct ring_end *end = end_of(guest, (uint32_t)(b >> 32));
    struct ring_command *command = end == NULL ? NULL : rings_side_add(guest->side);
    if (command == NULL) {
        return false;
    }
    command->context_id = end->context_id;
    command->id = (uint32_t)a;
    command->bytes = (uint32_t)(a >> 32);
    place(end, command, (uint32_t)b);
    command->time_ns[RING_MARK_WRITTEN] = time_ns;
    command->marks = 1U << RING_MARK_WRITTEN;
    if (begun != NULL) {
        command->time_ns[RING_MARK_BEGIN] = begun->begin_ns;
        command->marks |= 1U << RING_MARK_BEGIN;
        begun->idx = guest->side->command_count;
    }
    return true;
}

static bool
take(struct guest *guest, const struct trace_record *record)
{
    uint64_t time_ns = trace_file_ns(guest->file, record);
    struct under_way *begun = find(guest, le32_get(record->cookie));
    switch (le16_get(record->event)) {
    case TRACE_VENUS_BEGIN:
        guest->under_way[guest->next++ % UNDER_WAY_MAX] =
            (struct under_way){ le32_get(record->cookie), time_ns, 0 };
        return true;
    case TRACE_VENUS_COMMAND: return add_command(guest, record, time_ns);
    case TRACE_VENUS_ANSWER:
        if (begun != NULL && begun->idx != 0) {
            guest->side->commands[begun->idx - 1].time_ns[RING_MARK_SEEN] = time_ns;
            guest->side->commands[begun->idx - 1].marks |= 1U << RING_MARK_SEEN;
        }
        return true;
    default: return true;
    }
}

/* From the end: the last ring of a context is the last one on both sides. */
static void
count_from_end(struct guest *guest)
{
    for (size_t i = 0; i < guest->side->command_count; i++) {
        struct ring_command *command = &guest->side->commands[i];
        command->ring = end_of(guest, command->context_id)->turn - command->ring;
    }
}

bool
rings_collect_guest(struct rings_side *side, const struct trace_file *file)
{
    struct guest guest = { .side = side, .file = file };
    bool is_good = true;
    for (size_t i = 0; i < file->record_count && is_good; i++) {
        is_good = take(&guest, &file->records[i]);
    }
    if (is_good) {
        count_from_end(&guest);
    }
    free(guest.ends);
    return is_good;
}
