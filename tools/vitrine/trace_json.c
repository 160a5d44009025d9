/*
 * trace_json.c - a joined trace as Chrome trace JSON: what each side did, and arrows from the one to the other.
 *
 *      guest   [write]┐                                   ┌[finish]     and from end to end a bar "in flight"
 *                     └───▶ host  [work]  [wait for the fence]  ┘
 */
#include "tools/vitrine/trace_json.h"

#include <inttypes.h>

#include "tools/vitrine/gpu_names.h"

static const char *
name_of(uint32_t type)
{
    const char *name = gpu_type_name(type);
    return name == NULL ? "unknown" : name;
}

static bool
has(const struct joined_command *command, enum mark mark)
{
    return (command->marks & 1U << mark) != 0;
}

void
trace_put_us(FILE *to, const char *key, uint64_t ns)
{
    (void)fprintf(to, ",\"%s\":%" PRIu64 ".%03u", key, ns / 1000, (unsigned)(ns % 1000));
}

static void
put_start(FILE *to, const char *phase, const char *name, int pid,
          const struct joined_command *command)
{
    (void)fprintf(to, ",\n{\"ph\":\"%s\",\"name\":\"%s\",\"cat\":\"gpu\",\"pid\":%d,\"tid\":%u",
                  phase, name, pid, command->queue);
}

/* A bar from one boundary to another, where both are there. */
static void
put_bar(FILE *to, const struct joined_command *command, int pid, enum mark from, enum mark until,
        const char *what)
{
    if (!has(command, from) || !has(command, until)) {
        return;
    }
    put_start(to, "X", name_of(command->type), pid, command);
    trace_put_us(to, "ts", command->time_ns[from]);
    trace_put_us(to, "dur", command->time_ns[until] - command->time_ns[from]);
    (void)fprintf(to, ",\"args\":{\"what\":\"%s\",\"number\":%" PRIu64 ",\"response\":\"%s\"}}",
                  what, command->number, name_of(command->response));
}

/* A bar that may overlap those of other commands. */
struct span {
    const char *name;
    int pid;
    enum mark from;
    enum mark until;
};

static void
put_span(FILE *to, const struct joined_command *command, size_t id, const struct span *span)
{
    if (!has(command, span->from) || !has(command, span->until)) {
        return;
    }
    put_start(to, "b", span->name, span->pid, command);
    trace_put_us(to, "ts", command->time_ns[span->from]);
    (void)fprintf(to, ",\"id\":\"%zu\"}", id);
    put_start(to, "e", span->name, span->pid, command);
    trace_put_us(to, "ts", command->time_ns[span->until]);
    (void)fprintf(to, ",\"id\":\"%zu\"}", id);
}

static void
put_arrow(FILE *to, const struct joined_command *command, size_t id, int from_pid, enum mark from,
          enum mark until)
{
    if (!has(command, from) || !has(command, until)) {
        return;
    }
    put_start(to, "s", "way", from_pid, command);
    trace_put_us(to, "ts", command->time_ns[from]);
    (void)fprintf(to, ",\"id\":%zu}", id);
    put_start(to, "f", "way", TRACE_PID_GUEST + TRACE_PID_HOST - from_pid, command);
    trace_put_us(to, "ts", command->time_ns[until]);
    (void)fprintf(to, ",\"id\":%zu,\"bp\":\"e\"}", id);
}

static void
put_command(FILE *to, const struct joined_command *command, size_t idx)
{
    enum mark written = has(command, MARK_NOTIFY) ? MARK_NOTIFY : MARK_ADD;
    enum mark signalled = has(command, MARK_INTERRUPT) ? MARK_INTERRUPT : MARK_PUSH;
    const struct span flight = { name_of(command->type), TRACE_PID_GUEST, MARK_ADD, MARK_USED };
    const struct span renderer = { "renderer", TRACE_PID_HOST, MARK_ASKED, MARK_ANSWERED };
    const struct span fence = { "fence", TRACE_PID_HOST, MARK_HANDLED, MARK_FENCE };
    put_span(to, command, 4 * idx, &flight);
    put_bar(to, command, TRACE_PID_GUEST, MARK_REQUEST, written, "the driver writes it");
    put_bar(to, command, TRACE_PID_GUEST, MARK_USED, MARK_RESPONSE, "the driver finishes it");
    put_bar(to, command, TRACE_PID_HOST, MARK_POP, MARK_HANDLED, "the device carries it out");
    put_bar(to, command, TRACE_PID_HOST, MARK_PUSH, signalled, "the device gives it back");
    put_span(to, command, 4 * idx + 1, &renderer);
    put_span(to, command, 4 * idx + 2, &fence);
    put_arrow(to, command, 2 * idx, TRACE_PID_GUEST, MARK_ADD, MARK_POP);
    put_arrow(to, command, 2 * idx + 1, TRACE_PID_HOST, MARK_PUSH, MARK_USED);
}

static void
put_names(FILE *to)
{
    static const char *const queues[JOIN_QUEUE_COUNT] = { "control queue", "cursor queue" };
    (void)fputs(
        "{\"traceEvents\":[\n"
        "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":1,\"args\":{\"name\":\"guest\"}},\n"
        "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":2,\"args\":{\"name\":\"host\"}}",
        to);
    for (unsigned q = 0; q < JOIN_QUEUE_COUNT; q++) {
        for (int pid = TRACE_PID_GUEST; pid <= TRACE_PID_HOST; pid++) {
            (void)fprintf(to,
                          ",\n{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%d,\"tid\":%u,"
                          "\"args\":{\"name\":\"%s\"}}",
                          pid, q, queues[q]);
        }
    }
}

bool
trace_write_json(FILE *to, const struct joined *joined, const struct rings *rings)
{
    put_names(to);
    for (size_t i = 0; i < joined->command_count; i++) {
        put_command(to, &joined->commands[i], i);
    }
    trace_put_rings(to, rings);
    (void)fprintf(to,
                  "\n],\n\"otherData\":{\"clock_offset_ns\":%" PRId64
                  ",\"clock_uncertainty_ns\":%" PRIu64 ",\"driver_lost_records\":%" PRIu64
                  ",\"device_lost_records\":%" PRIu64 "}}\n",
                  joined->offset_ns, joined->uncertainty_ns, joined->driver_lost_count,
                  joined->device_lost_count);
    return fflush(to) == 0 && ferror(to) == 0;
}
