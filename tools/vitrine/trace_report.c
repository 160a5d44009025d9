/*
 * trace_report.c - a joined trace as text: microseconds in columns.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "tools/vitrine/gpu_names.h"
#include "tools/vitrine/trace.h"

#define NS_PER_S UINT64_C(1000000000)

static double
us(uint64_t ns)
{
    return (double)ns / 1000.0;
}

static const char *
name_of(uint32_t type)
{
    const char *name = gpu_type_name(type);
    return name == NULL ? "?" : name;
}

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

static void
report_columns(FILE *to, const char *first)
{
    (void)fprintf(to, "\n%s", first);
    for (unsigned stage = 0; stage < STAGE_COUNT; stage++) {
        (void)fprintf(to, " %9s", join_stage_name(stage));
    }
    (void)fprintf(to, " %9s\n", "total us");
}

static void
report_stages(FILE *to, const uint64_t stage_ns[STAGE_COUNT], uint64_t total_ns)
{
    for (unsigned stage = 0; stage < STAGE_COUNT; stage++) {
        if (stage_ns[stage] == 0) {
            (void)fprintf(to, " %9s", "-");
        } else {
            (void)fprintf(to, " %9.1f", us(stage_ns[stage]));
        }
    }
    (void)fprintf(to, " %9.1f", us(total_ns));
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
    report_stages(to, stage_ns, total_ns);
    bool is_error = command->response >= 0x1200;
    (void)fprintf(to, "%s%s\n", is_error ? "  " : "", is_error ? name_of(command->response) : "");
}

/* --- figures --- */

struct sample {
    uint32_t type;
    uint64_t total_ns;
    uint64_t stage_ns[STAGE_COUNT];
};

static int
compare_samples(const void *left, const void *right)
{
    const struct sample *a = left;
    const struct sample *b = right;
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    return a->total_ns < b->total_ns ? -1 : a->total_ns > b->total_ns;
}

/* Of `count` samples in order: the one below which `percent` of them are. */
static size_t
rank(size_t count, unsigned percent)
{
    size_t at = (count * percent + 99) / 100;
    return at == 0 ? 0 : at - 1;
}

/* One type's samples, by total: percentiles of the total, and where the time of all of them went. */
static void
report_type(FILE *to, const struct sample *samples, size_t count)
{
    uint64_t sum_ns[STAGE_COUNT] = { 0 };
    uint64_t total_ns = 0;
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        for (unsigned stage = 0; stage < STAGE_COUNT; stage++) {
            sum_ns[stage] += samples[i].stage_ns[stage];
        }
        total_ns += samples[i].total_ns;
    }
    for (unsigned stage = 0; stage < STAGE_COUNT; stage++) {
        sum_ns[stage] /= count;
    }
    (void)fprintf(to, "%-23s %6zu", name_of(samples[0].type), count);
    report_stages(to, sum_ns, total_ns / count);
    static const unsigned percents[] = { 50, 90, 99, 100 };
    for (unsigned i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        (void)fprintf(to, " %9.1f", us(samples[rank(count, percents[i])].total_ns));
    }
    (void)fputc('\n', to);
}

static void
report_figures(FILE *to, const struct joined *joined)
{
    size_t count = joined->command_count;
    struct sample *samples = calloc(count, sizeof(*samples));
    if (samples == NULL) {
        (void)fputs("there is not enough memory for figures\n", to);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        samples[i].type = joined->commands[i].type;
        samples[i].total_ns = join_stages(&joined->commands[i], samples[i].stage_ns);
    }
    qsort(samples, count, sizeof(*samples), compare_samples);
    (void)fprintf(to, "\nmean us of each command, and the total's percentiles\n%-23s %6s",
                  "command", "count");
    for (unsigned stage = 0; stage < STAGE_COUNT; stage++) {
        (void)fprintf(to, " %9s", join_stage_name(stage));
    }
    (void)fprintf(to, " %9s %9s %9s %9s %9s\n", "total", "p50", "p90", "p99", "most");
    for (size_t from = 0; from < count;) {
        size_t to_idx = from + 1;
        while (to_idx < count && samples[to_idx].type == samples[from].type) {
            to_idx++;
        }
        report_type(to, &samples[from], to_idx - from);
        from = to_idx;
    }
    free(samples);
}

void
trace_report(FILE *to, const struct joined *joined, bool is_summary)
{
    report_head(to, joined);
    if (!is_summary) {
        report_columns(to, "          time s q      # command                ");
        for (size_t i = 0; i < joined->command_count; i++) {
            report_command(to, &joined->commands[i]);
        }
    }
    report_figures(to, joined);
}
