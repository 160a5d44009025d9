#include "tools/vitrine/join.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "virtio/trace.h"

#include "tools/vitrine/gpu_names.h"
#include "tools/vitrine/join_side.h"

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
has(const struct joined_command *command, enum mark mark)
{
    return (command->marks & 1U << mark) != 0;
}

/* Which device of the driver's trace is the GPU. */
static bool
find_gpu(const struct trace_file *driver, uint8_t *origin, char why[JOIN_WHY_BYTES])
{
    bool is_found = false;
    for (size_t i = 0; i < driver->record_count; i++) {
        const struct trace_record *record = &driver->records[i];
        if (le16_get(record->event) != TRACE_GPU_REQUEST) {
            continue;
        }
        if (is_found && record->origin != *origin) {
            return wrong(why, "two GPUs are in the driver's trace, device %u and device %u",
                         *origin, record->origin);
        }
        *origin = record->origin;
        is_found = true;
    }
    return is_found || wrong(why, "no GPU command is in the driver's trace");
}

/* --- the same command on both sides --- */

/* By queue, session, number; those without a number first. */
static int
compare_places(const void *left, const void *right)
{
    const struct joined_command *a = left;
    const struct joined_command *b = right;
    if (a->queue != b->queue) {
        return a->queue < b->queue ? -1 : 1;
    }
    if (a->session != b->session) {
        return a->session < b->session ? -1 : 1;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

/*
 * The last set-up of a queue is the last one on both sides, so sessions are counted from the end.
 * Returns: false: the device's file begins after that session.
 */
static bool
session_of_device(const struct side *driver, const struct side *device,
                  const struct joined_command *command, uint32_t *session)
{
    uint32_t ago = driver->queues[command->queue].session - command->session;
    *session = device->queues[command->queue].session - ago;
    return ago <= device->queues[command->queue].session;
}

static const struct joined_command *
find_partner(const struct side *driver, const struct side *device,
             const struct joined_command *command)
{
    struct joined_command wanted = *command;
    if (command->number == 0 || device->command_count == 0 ||
        !session_of_device(driver, device, command, &wanted.session)) {
        return NULL;
    }
    return bsearch(&wanted, device->commands, device->command_count, sizeof(wanted),
                   compare_places);
}

static const char *
name_of(uint32_t type)
{
    const char *name = gpu_type_name(type);
    return name == NULL ? "an unknown type" : name;
}

/* Adds the device's boundaries to the driver's. */
static bool
merge(struct joined_command *command, const struct joined_command *device, char why[JOIN_WHY_BYTES])
{
    if (command->type != 0 && device->type != 0 && command->type != device->type) {
        return wrong(why,
                     "the files are not of one run: command %llu of queue %u is %s for the driver "
                     "and %s for the device",
                     (unsigned long long)command->number, command->queue, name_of(command->type),
                     name_of(device->type));
    }
    command->type = command->type != 0 ? command->type : device->type;
    for (unsigned mark = MARK_POP; mark <= MARK_INTERRUPT; mark++) {
        if (has(device, mark)) {
            command->time_ns[mark] = device->time_ns[mark];
            command->marks |= 1U << mark;
        }
    }
    return true;
}

static bool
match(struct joined *joined, const struct side *driver, const struct side *device,
      char why[JOIN_WHY_BYTES])
{
    joined->commands = calloc(driver->command_count + 1, sizeof(*joined->commands));
    if (joined->commands == NULL) {
        return wrong(why, "there is not enough memory");
    }
    for (size_t i = 0; i < driver->command_count; i++) {
        struct joined_command *command = &joined->commands[joined->command_count];
        *command = driver->commands[i];
        const struct joined_command *partner = find_partner(driver, device, command);
        if (partner == NULL) {
            joined->unnumbered_count += command->number == 0;
            joined->driver_only_count += command->number != 0;
            continue;
        }
        if (!merge(command, partner, why)) {
            return false;
        }
        joined->command_count++;
    }
    joined->device_only_count = device->command_count > joined->command_count
                                    ? device->command_count - joined->command_count
                                    : 0;
    return joined->command_count > 0 || wrong(why, "no command is in both files");
}

/* --- the clocks --- */

struct bounds {
    int64_t least; /* of device's clock - driver's clock */
    int64_t most;
    uint64_t least_number; /* the commands that say so */
    uint64_t most_number;
};

static void
narrow(struct bounds *bounds, const struct joined_command *command)
{
    if (has(command, MARK_ADD) && has(command, MARK_POP)) {
        int64_t most = (int64_t)(command->time_ns[MARK_POP] - command->time_ns[MARK_ADD]);
        if (most < bounds->most) {
            bounds->most = most;
            bounds->most_number = command->number;
        }
    }
    if (has(command, MARK_USED) && has(command, MARK_PUSH)) {
        int64_t least = (int64_t)(command->time_ns[MARK_PUSH] - command->time_ns[MARK_USED]);
        if (least > bounds->least) {
            bounds->least = least;
            bounds->least_number = command->number;
        }
    }
}

static bool
find_offset(struct joined *joined, const struct join_bounds *known, char why[JOIN_WHY_BYTES])
{
    struct bounds bounds = { INT64_MIN, INT64_MAX, 0, 0 };
    for (size_t i = 0; i < joined->command_count; i++) {
        narrow(&bounds, &joined->commands[i]);
    }
    if (bounds.least_number == 0 || bounds.most_number == 0) {
        return wrong(why, "the clocks cannot be compared: no command has both its beginning and "
                          "its end on both sides");
    }
    if (bounds.least > bounds.most) {
        return wrong(why,
                     "the files are not of one run: if command %llu was taken after it was added, "
                     "command %llu was found used %llu ns before it was given back",
                     (unsigned long long)bounds.most_number,
                     (unsigned long long)bounds.least_number,
                     (unsigned long long)bounds.least - (unsigned long long)bounds.most);
    }
    if (known != NULL) {
        bounds.least = known->least > bounds.least ? known->least : bounds.least;
        bounds.most = known->most < bounds.most ? known->most : bounds.most;
    }
    if (bounds.least > bounds.most) {
        return wrong(why,
                     "the files are not of one run: queues and rings contradict each other "
                     "by %llu ns",
                     (unsigned long long)bounds.least - (unsigned long long)bounds.most);
    }
    uint64_t width = (uint64_t)bounds.most - (uint64_t)bounds.least;
    joined->uncertainty_ns = width / 2;
    joined->offset_ns = (int64_t)((uint64_t)bounds.least + width / 2);
    return true;
}

/* --- the order --- */

/* What may have happened to others in between, or not at all. */
static bool
is_optional(enum mark mark)
{
    return mark == MARK_NOTIFY || mark == MARK_INTERRUPT || mark == MARK_WOKEN;
}

static uint64_t
next_sure_ns(const struct joined_command *command, unsigned mark)
{
    for (mark++; mark < MARK_COUNT; mark++) {
        if (has(command, mark) && !is_optional(mark)) {
            return command->time_ns[mark];
        }
    }
    return UINT64_MAX;
}

/*
 * Leaves out what stands out of order: a notification after the device had looked by itself, an interrupt after the driver had.
 */
static void
put_in_order(struct joined_command *command)
{
    uint64_t last_ns = 0;
    for (unsigned mark = 0; mark < MARK_COUNT; mark++) {
        uint64_t time_ns = command->time_ns[mark];
        bool is_late = is_optional(mark) && time_ns > next_sure_ns(command, mark);
        if (has(command, mark) && (time_ns < last_ns || is_late)) {
            command->marks &= ~(1U << mark);
        }
        last_ns = has(command, mark) ? time_ns : last_ns;
    }
}

static void
to_one_clock(struct joined *joined)
{
    for (size_t i = 0; i < joined->command_count; i++) {
        struct joined_command *command = &joined->commands[i];
        for (unsigned mark = MARK_POP; mark <= MARK_INTERRUPT; mark++) {
            command->time_ns[mark] -= (uint64_t)joined->offset_ns;
        }
        put_in_order(command);
    }
}

bool
join_files(const struct trace_file *driver_file, const struct trace_file *device_file,
           const struct join_bounds *known, struct joined *joined, char why[JOIN_WHY_BYTES])
{
    struct side driver = { 0 };
    struct side device = { 0 };
    *joined = (struct joined){ .driver_lost_count = driver_file->lost_count };
    bool is_good = find_gpu(driver_file, &joined->driver_origin, why);
    if (is_good && (!side_collect_driver(&driver, driver_file, joined->driver_origin) ||
                    !side_collect_device(&device, device_file))) {
        is_good = wrong(why, "there is not enough memory");
    }
    if (is_good) {
        if (device.command_count > 0) {
            qsort(device.commands, device.command_count, sizeof(*device.commands), compare_places);
        }
        joined->gap_count = driver.gap_count;
        joined->device_lost_count = device_file->lost_count + device.gap_count;
        is_good = match(joined, &driver, &device, why) && find_offset(joined, known, why);
    }
    if (is_good) {
        to_one_clock(joined);
    } else {
        join_finish(joined);
    }
    side_finish(&driver);
    side_finish(&device);
    return is_good;
}

bool
join_alone(const struct trace_file *file, struct joined *joined, char why[JOIN_WHY_BYTES])
{
    struct side device = { 0 };
    bool is_good = side_collect_device(&device, file);
    *joined = (struct joined){ .is_device_alone = true };
    if (is_good) {
        joined->commands = device.commands;
        joined->command_count = device.command_count;
        joined->device_lost_count = file->lost_count + device.gap_count;
        device.commands = NULL;
        to_one_clock(joined);
        is_good = joined->command_count > 0 || wrong(why, "no command is in the device's file");
    } else {
        (void)wrong(why, "there is not enough memory");
    }
    if (!is_good) {
        join_finish(joined);
    }
    side_finish(&device);
    return is_good;
}

void
join_finish(struct joined *joined)
{
    free(joined->commands);
    *joined = (struct joined){ 0 };
}

/* --- where the time went --- */

uint64_t
join_stages(const struct joined_command *command, uint64_t stage_ns[STAGE_COUNT])
{
    static const enum stage ends[MARK_COUNT] = {
        [MARK_REQUEST] = STAGE_DRIVER,    [MARK_ADD] = STAGE_DRIVER,
        [MARK_NOTIFY] = STAGE_BATCH,      [MARK_POP] = STAGE_WAKE,
        [MARK_ASKED] = STAGE_DEVICE,      [MARK_ANSWERED] = STAGE_RENDERER,
        [MARK_HANDLED] = STAGE_DEVICE,    [MARK_FENCE] = STAGE_FENCE,
        [MARK_PUSH] = STAGE_DEVICE,       [MARK_INTERRUPT] = STAGE_SIGNAL,
        [MARK_WOKEN] = STAGE_SIGNAL,      [MARK_USED] = STAGE_FIND,
        [MARK_RESPONSE] = STAGE_CALLBACK,
    };
    uint64_t total_ns = 0;
    uint64_t last_ns = 0;
    bool is_first = true;
    for (unsigned i = 0; i < STAGE_COUNT; i++) {
        stage_ns[i] = 0;
    }
    for (unsigned mark = 0; mark < MARK_COUNT; mark++) {
        if (!has(command, mark)) {
            continue;
        }
        uint64_t spent_ns = is_first ? 0 : command->time_ns[mark] - last_ns;
        stage_ns[ends[mark]] += spent_ns;
        total_ns += spent_ns;
        last_ns = command->time_ns[mark];
        is_first = false;
    }
    return total_ns;
}

const char *
join_stage_name(enum stage stage)
{
    static const char *const names[STAGE_COUNT] = { "driver", "batch",    "wake",
                                                    "device", "renderer", "fence",
                                                    "signal", "find",     "callback" };
    return names[stage];
}
