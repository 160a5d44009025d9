/*
 * trace_rings.c - Vulkan commands as text: microseconds in columns.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "tools/vitrine/trace.h"
#include "tools/vitrine/trace_figures.h"

#define NS_PER_S UINT64_C(1000000000)

static const struct figures_words words = { .stage_count = RING_STAGE_COUNT,
                                            .stage_name = rings_stage_name,
                                            .kind_name = venus_command_name,
                                            .kind_width = 40 };

static void
say_count(FILE *to, uint64_t count, const char *what)
{
    if (count > 0) {
        (void)fprintf(to, "%" PRIu64 " %s\n", count, what);
    }
}

static void
report_head(FILE *to, const struct rings *rings)
{
    (void)fputc('\n', to);
    for (size_t i = 0; i < rings->context_count; i++) {
        (void)fprintf(to, "renderer %zu: context %u, %s\n", i + 1, rings->contexts[i].id,
                      rings->contexts[i].name);
    }
    if (rings->has_guest) {
        (void)fprintf(to,
                      "%" PRIu64 " commands of rings are in the guest's file and a renderer's\n",
                      rings->joined_count);
    }
    say_count(to, rings->lost_count, "records of renderers were lost");
    say_count(to, rings->guest_only_count, "commands of rings are in no renderer's file");
    if (rings->has_guest) {
        say_count(to, rings->renderer_only_count, "commands of rings are not in the guest's file");
    }
}

static uint64_t
first_ns(const struct ring_command *command)
{
    unsigned mark = 0;
    while (mark + 1 < RING_MARK_COUNT && (command->marks & 1U << mark) == 0) {
        mark++;
    }
    return command->time_ns[mark];
}

/* Where a command came from: "ring 1 @8192", "submit 13 @0" of the control queue, "stream 3 @0" where that is not known. */
static void
put_way(FILE *to, const struct ring_command *command)
{
    char way[48];
    const char *mark = command->is_inner ? "+" : "@";
    if (command->id == RING_ID_FENCE) {
        (void)snprintf(way, sizeof(way), "timeline %u @%" PRIu64, command->bytes,
                       command->position);
    } else if (command->stream != 0) {
        (void)snprintf(way, sizeof(way), "ring %u %s%" PRIu64, command->stream, mark,
                       command->position);
    } else if (command->submit != 0) {
        (void)snprintf(way, sizeof(way), "submit %u %s%" PRIu64, command->submit, mark,
                       command->position);
    } else {
        (void)snprintf(way, sizeof(way), "stream %u %s%" PRIu64, command->stream_count, mark,
                       command->position);
    }
    (void)fprintf(to, " %3u %-20s", command->context_id, way);
}

static void
report_command(FILE *to, const struct ring_command *command)
{
    uint64_t stage_ns[RING_STAGE_COUNT];
    uint64_t total_ns = rings_stages(command, stage_ns);
    uint64_t start_ns = first_ns(command);
    (void)fprintf(to, "%5" PRIu64 ".%09" PRIu64, start_ns / NS_PER_S, start_ns % NS_PER_S);
    put_way(to, command);
    (void)fprintf(to, " %-34s", venus_command_name(command->id));
    figures_put_stages(to, &words, stage_ns, total_ns);
    bool is_open = (command->marks & 1U << RING_MARK_LEFT) == 0;
    (void)fprintf(to, "%s\n", is_open ? "  not done" : "");
}

static void
report_figures(FILE *to, const struct rings *rings)
{
    struct figures_sample *samples = calloc(rings->command_count + 1, sizeof(*samples));
    if (samples == NULL) {
        (void)fputs("there is not enough memory for figures\n", to);
        return;
    }
    for (size_t i = 0; i < rings->command_count; i++) {
        samples[i].kind = rings->commands[i].id;
        samples[i].total_ns = rings_stages(&rings->commands[i], samples[i].stage_ns);
    }
    figures_report(to, &words, samples, rings->command_count);
    free(samples);
}

void
trace_report_rings(FILE *to, const struct rings *rings, bool is_summary)
{
    report_head(to, rings);
    if (!is_summary) {
        (void)fprintf(to, "\n%15s %3s %-20s %-34s", "time s", "ctx", "way @byte", "command");
        figures_put_names(to, &words);
        (void)fprintf(to, " %9s\n", "total us");
        for (size_t i = 0; i < rings->command_count; i++) {
            report_command(to, &rings->commands[i]);
        }
    }
    report_figures(to, rings);
}
