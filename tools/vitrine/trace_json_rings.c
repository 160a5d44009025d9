/*
 * trace_json_rings.c - Vulkan commands in the Chrome trace: a process for each renderer, a thread for each of its rings.
 *
 *      guest, ring      [encode]┐┌──── answer ────┐            and from end to end of a wait a bar "answer"
 *      renderer, ring           └▶[command [Vulkan]]┘
 */
#include <inttypes.h>

#include "tools/vitrine/trace_json.h"

/* Threads of the guest beside its queues, and where renderers' processes begin. */
enum { TID_RINGS = 16 };

/* One end of a bar or an arrow. */
struct place {
    int pid;
    uint32_t tid;
};

static bool
has(const struct ring_command *command, enum ring_mark mark)
{
    return (command->marks & 1U << mark) != 0;
}

static struct place
renderer_of(const struct ring_command *command)
{
    return (struct place){ TRACE_PID_RENDERERS + command->file, command->stream };
}

/* Who wrote it: the guest's ring, or the device's control queue. */
static struct place
writer_of(const struct ring_command *command)
{
    return command->stream != 0 ? (struct place){ TRACE_PID_GUEST, TID_RINGS + command->context_id }
                                : (struct place){ TRACE_PID_HOST, 0 };
}

static void
put_start(FILE *to, const char *phase, const char *name, struct place place)
{
    (void)fprintf(to, ",\n{\"ph\":\"%s\",\"name\":\"%s\",\"cat\":\"vulkan\",\"pid\":%d,\"tid\":%u",
                  phase, name, place.pid, place.tid);
}

static void
put_bar(FILE *to, const struct ring_command *command, struct place place, enum ring_mark from,
        enum ring_mark until, const char *name)
{
    if (!has(command, from) || !has(command, until) ||
        command->time_ns[until] < command->time_ns[from]) {
        return;
    }
    put_start(to, "X", name, place);
    trace_put_us(to, "ts", command->time_ns[from]);
    trace_put_us(to, "dur", command->time_ns[until] - command->time_ns[from]);
    (void)fprintf(to, ",\"args\":{\"byte\":%" PRIu64 ",\"bytes\":%u}}", command->position,
                  command->bytes);
}

static void
put_span(FILE *to, const struct ring_command *command, struct place place, enum ring_mark from,
         enum ring_mark until, uint64_t id)
{
    const char *name = command->id == RING_ID_FENCE ? "fence" : "answer";
    if (!has(command, from) || !has(command, until)) {
        return;
    }
    put_start(to, "b", name, place);
    trace_put_us(to, "ts", command->time_ns[from]);
    (void)fprintf(to, ",\"id\":\"v%" PRIu64 "\"}", id);
    put_start(to, "e", name, place);
    trace_put_us(to, "ts", command->time_ns[until]);
    (void)fprintf(to, ",\"id\":\"v%" PRIu64 "\"}", id);
}

static void
put_arrow(FILE *to, const struct ring_command *command, const struct place ends[2],
          enum ring_mark from, enum ring_mark until, uint64_t id)
{
    if (!has(command, from) || !has(command, until)) {
        return;
    }
    put_start(to, "s", "ring", ends[0]);
    trace_put_us(to, "ts", command->time_ns[from]);
    (void)fprintf(to, ",\"id\":\"r%" PRIu64 "\"}", id);
    put_start(to, "f", "ring", ends[1]);
    trace_put_us(to, "ts", command->time_ns[until]);
    (void)fprintf(to, ",\"id\":\"r%" PRIu64 "\",\"bp\":\"e\"}", id);
}

static void
put_command(FILE *to, const struct ring_command *command, uint64_t idx)
{
    const char *name = venus_command_name(command->id);
    struct place writer = writer_of(command);
    struct place renderer = renderer_of(command);
    if (command->id == RING_ID_FENCE) {
        put_span(to, command, renderer, RING_MARK_ENTERED, RING_MARK_LEFT, idx);
        return;
    }
    put_bar(to, command, writer, RING_MARK_BEGIN, RING_MARK_WRITTEN, name);
    put_bar(to, command, renderer, RING_MARK_PICKED, RING_MARK_DONE, name);
    put_bar(to, command, renderer, RING_MARK_ENTERED, RING_MARK_LEFT, "Vulkan");
    put_span(to, command, writer, RING_MARK_WRITTEN, RING_MARK_SEEN, idx);
    put_arrow(to, command, (struct place[]){ writer, renderer }, RING_MARK_WRITTEN,
              RING_MARK_PICKED, 2 * idx);
    put_arrow(to, command, (struct place[]){ renderer, writer }, RING_MARK_DONE, RING_MARK_SEEN,
              2 * idx + 1);
}

static void
put_names(FILE *to, const struct rings *rings)
{
    for (size_t i = 0; i < rings->context_count; i++) {
        (void)fprintf(to,
                      ",\n{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%zu,"
                      "\"args\":{\"name\":\"renderer %zu: context %u %s\"}}",
                      TRACE_PID_RENDERERS + i, i + 1, rings->contexts[i].id,
                      rings->contexts[i].name);
        (void)fprintf(to,
                      ",\n{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%zu,\"tid\":0,"
                      "\"args\":{\"name\":\"its own stream\"}}",
                      TRACE_PID_RENDERERS + i);
        if (rings->has_guest) {
            (void)fprintf(to,
                          ",\n{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%d,\"tid\":%u,"
                          "\"args\":{\"name\":\"ring of context %u\"}}",
                          TRACE_PID_GUEST, TID_RINGS + rings->contexts[i].id,
                          rings->contexts[i].id);
        }
    }
}

void
trace_put_rings(FILE *to, const struct rings *rings)
{
    put_names(to, rings);
    for (size_t i = 0; i < rings->command_count; i++) {
        put_command(to, &rings->commands[i], i);
    }
}
