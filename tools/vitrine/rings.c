#include "tools/vitrine/rings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/vitrine/rings_side.h"

static bool __attribute__((format(printf, 2, 3)))
wrong(char why[JOIN_WHY_BYTES], const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(why, JOIN_WHY_BYTES, format, values);
    va_end(values);
    return false;
}

static bool
has(const struct ring_command *command, enum ring_mark mark)
{
    return (command->marks & 1U << mark) != 0;
}

/* Of a ring's own commands, which are what a guest writes down. */
static bool
is_of_ring(const struct ring_command *command)
{
    return command->stream != 0 && !command->is_inner && command->id != RING_ID_FENCE;
}

/* By context, ring, place. */
static int
compare_places(const void *left, const void *right)
{
    const struct ring_command *a = left;
    const struct ring_command *b = right;
    if (a->context_id != b->context_id) {
        return a->context_id < b->context_id ? -1 : 1;
    }
    if (a->ring != b->ring) {
        return a->ring < b->ring ? -1 : 1;
    }
    return a->position < b->position ? -1 : a->position > b->position;
}

static bool
merge(struct ring_command *command, const struct ring_command *guest, char why[JOIN_WHY_BYTES])
{
    if (command->id != guest->id) {
        return wrong(why,
                     "the files are not of one run: at byte %llu of context %u's ring is %s for "
                     "the guest and %s for its renderer",
                     (unsigned long long)guest->position, guest->context_id,
                     venus_command_name(guest->id), venus_command_name(command->id));
    }
    for (unsigned mark = 0; mark < RING_MARK_COUNT; mark++) {
        if (has(guest, mark)) {
            command->time_ns[mark] = guest->time_ns[mark];
        }
    }
    command->marks |= guest->marks;
    return true;
}

/* Adds what the guest wrote down.  guest: sorted here. */
static bool
match(struct rings *rings, struct rings_side *guest, char why[JOIN_WHY_BYTES])
{
    if (guest->command_count > 0) {
        qsort(guest->commands, guest->command_count, sizeof(*guest->commands), compare_places);
    }
    for (size_t i = 0; i < rings->command_count; i++) {
        struct ring_command *command = &rings->commands[i];
        if (!is_of_ring(command)) {
            continue;
        }
        const struct ring_command *partner =
            guest->command_count == 0 ? NULL
                                      : bsearch(command, guest->commands, guest->command_count,
                                                sizeof(*command), compare_places);
        rings->joined_count += partner != NULL;
        rings->renderer_only_count += partner == NULL;
        if (partner != NULL && !merge(command, partner, why)) {
            return false;
        }
    }
    rings->guest_only_count =
        guest->command_count > rings->joined_count ? guest->command_count - rings->joined_count : 0;
    return true;
}

bool
rings_join(const struct rings_files *files, struct rings *rings, char why[JOIN_WHY_BYTES])
{
    struct rings_side guest = { 0 };
    *rings = (struct rings){ .has_guest = files->guest != NULL };
    bool is_good = rings_collect_renderers(rings, files) &&
                   (files->guest == NULL || rings_collect_guest(&guest, files->guest));
    if (!is_good) {
        (void)wrong(why, "there is not enough memory");
    }
    is_good = is_good && (files->guest == NULL || match(rings, &guest, why));
    if (!is_good) {
        rings_finish(rings);
    }
    free(guest.commands);
    return is_good;
}

void
rings_finish(struct rings *rings)
{
    free(rings->commands);
    free(rings->contexts);
    *rings = (struct rings){ 0 };
}

/* --- the clocks --- */

struct join_bounds
rings_bounds(const struct rings *rings)
{
    struct join_bounds bounds = { INT64_MIN, INT64_MAX };
    for (size_t i = 0; i < rings->command_count; i++) {
        const struct ring_command *command = &rings->commands[i];
        const uint64_t *time_ns = command->time_ns;
        if (!is_of_ring(command)) {
            continue;
        }
        if (has(command, RING_MARK_WRITTEN)) {
            int64_t most = (int64_t)(time_ns[RING_MARK_PICKED] - time_ns[RING_MARK_WRITTEN]);
            bounds.most = most < bounds.most ? most : bounds.most;
        }
        if (has(command, RING_MARK_SEEN) && has(command, RING_MARK_DONE)) {
            int64_t least = (int64_t)(time_ns[RING_MARK_DONE] - time_ns[RING_MARK_SEEN]);
            bounds.least = least > bounds.least ? least : bounds.least;
        }
    }
    return bounds;
}

void
rings_to_guest_clock(struct rings *rings, int64_t offset_ns)
{
    for (size_t i = 0; i < rings->command_count; i++) {
        struct ring_command *command = &rings->commands[i];
        for (unsigned mark = 0; mark < RING_MARK_COUNT; mark++) {
            bool is_guests =
                is_of_ring(command) && (mark <= RING_MARK_WRITTEN || mark == RING_MARK_SEEN);
            if (has(command, mark) && !is_guests) {
                command->time_ns[mark] -= (uint64_t)offset_ns;
            }
        }
    }
}

/* --- where the time went --- */

uint64_t
rings_stages(const struct ring_command *command, uint64_t stage_ns[RING_STAGE_COUNT])
{
    /* Of the stage that ends with a mark; nothing ends with the first. */
    uint64_t total_ns = 0;
    uint64_t last_ns = 0;
    bool is_first = true;
    for (unsigned i = 0; i < RING_STAGE_COUNT; i++) {
        stage_ns[i] = 0;
    }
    for (unsigned mark = 0; mark < RING_MARK_COUNT; mark++) {
        if (!has(command, mark)) {
            continue;
        }
        if (!is_first && command->time_ns[mark] > last_ns) {
            stage_ns[mark - 1] = command->time_ns[mark] - last_ns;
            total_ns += stage_ns[mark - 1];
        }
        last_ns = command->time_ns[mark];
        is_first = false;
    }
    return total_ns;
}

const char *
rings_stage_name(unsigned stage)
{
    static const char *const names[RING_STAGE_COUNT] = { "encode", "queue", "decode",
                                                         "vulkan", "reply", "seen" };
    return names[stage];
}
