/*
 * trace_report.c - a joined trace as text: microseconds in columns.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "tools/vitrine/gpu_names.h"
#include "tools/vitrine/trace.h"
#include "tools/vitrine/trace_figures.h"

#define NS_PER_S UINT64_C(1000000000)

static const char *
name_of(uint32_t type)
{
    const char *name = gpu_type_name(type);
    return name == NULL ? "?" : name;
}

static const char *
stage_name(unsigned stage)
{
    return join_stage_name((enum stage)stage);
}

static const struct figures_words words = {
    .stage_count = STAGE_COUNT, .stage_name = stage_name, .kind_name = name_of, .kind_width = 23
};
_Static_assert((int)STAGE_COUNT <= (int)FIGURES_STAGE_COUNT_MAX, "each stage has a figure");

static void
say_lost(FILE *to, const char *side, uint64_t count, const char *what)
{
    if (count > 0) {
        (void)fprintf(to, "%s: %" PRIu64 " %s\n", side, count, what);
    }
}

static void
report_head(FILE *to, const struct joined *joined)
{
    if (joined->is_device_alone) {
        (void)fprintf(to, "%zu commands are in the device's file\n", joined->command_count);
        say_lost(to, "device", joined->device_lost_count, "records were lost");
        return;
    }
    (void)fprintf(to, "%zu commands of device %u are in both files\n", joined->command_count,
                  joined->driver_origin);
    say_lost(to, "driver", joined->driver_lost_count, "older records were lost");
    say_lost(to, "device", joined->device_lost_count, "records were lost");
    say_lost(to, "driver", joined->gap_count, "commands were added while its trace was off");
    say_lost(to, "driver", joined->unnumbered_count,
             "commands are left out: no record says how many were before them");
    say_lost(to, "driver", joined->driver_only_count, "commands are not in the device's file");
    say_lost(to, "device", joined->device_only_count, "commands are not in the driver's file");
    (void)fprintf(to, "device's clock = driver's clock %+" PRId64 " ns, within %" PRIu64 " ns\n",
                  joined->offset_ns, joined->uncertainty_ns);
}

static uint64_t
first_ns(const struct joined_command *command)
{
    for (unsigned mark = 0; mark < MARK_COUNT; mark++) {
        if ((command->marks & 1U << mark) != 0) {
            return command->time_ns[mark];
        }
    }
    return 0;
}

static void
report_command(FILE *to, const struct joined_command *command)
{
    uint64_t stage_ns[STAGE_COUNT];
    uint64_t total_ns = join_stages(command, stage_ns);
    uint64_t start_ns = first_ns(command);
    (void)fprintf(to, "%5" PRIu64 ".%09" PRIu64 " %u %6" PRIu64 " %-23s", start_ns / NS_PER_S,
                  start_ns % NS_PER_S, command->queue, command->number, name_of(command->type));
    figures_put_stages(to, &words, stage_ns, total_ns);
    bool is_error = command->response >= 0x1200;
    (void)fprintf(to, "%s%s\n", is_error ? "  " : "", is_error ? name_of(command->response) : "");
}

/* --- figures --- */

static void
report_figures(FILE *to, const struct joined *joined)
{
    size_t count = joined->command_count;
    struct figures_sample *samples = calloc(count + 1, sizeof(*samples));
    if (samples == NULL) {
        (void)fputs("there is not enough memory for figures\n", to);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        samples[i].kind = joined->commands[i].type;
        samples[i].total_ns = join_stages(&joined->commands[i], samples[i].stage_ns);
    }
    figures_report(to, &words, samples, count);
    free(samples);
}

void
trace_report(FILE *to, const struct joined *joined, bool is_summary)
{
    report_head(to, joined);
    if (!is_summary) {
        (void)fputs("\n          time s q      # command                ", to);
        figures_put_names(to, &words);
        (void)fprintf(to, " %9s\n", "total us");
        for (size_t i = 0; i < joined->command_count; i++) {
            report_command(to, &joined->commands[i]);
        }
    }
    report_figures(to, joined);
}
