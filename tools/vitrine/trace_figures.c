#include "tools/vitrine/trace_figures.h"

#include <stdlib.h>

static double
us(uint64_t ns)
{
    return (double)ns / 1000.0;
}

void
figures_put_stages(FILE *to, const struct figures_words *words, const uint64_t *stage_ns,
                   uint64_t total_ns)
{
    for (unsigned stage = 0; stage < words->stage_count; stage++) {
        if (stage_ns[stage] == 0) {
            (void)fprintf(to, " %9s", "-");
        } else {
            (void)fprintf(to, " %9.1f", us(stage_ns[stage]));
        }
    }
    (void)fprintf(to, " %9.1f", us(total_ns));
}

void
figures_put_names(FILE *to, const struct figures_words *words)
{
    for (unsigned stage = 0; stage < words->stage_count; stage++) {
        (void)fprintf(to, " %9s", words->stage_name(stage));
    }
}

static int
compare_samples(const void *left, const void *right)
{
    const struct figures_sample *a = left;
    const struct figures_sample *b = right;
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
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

/* One kind's samples, by total: percentiles of the total, and where the time of all of them went. */
static void
report_kind(FILE *to, const struct figures_words *words, const struct figures_sample *samples,
            size_t count)
{
    uint64_t sum_ns[FIGURES_STAGE_COUNT_MAX] = { 0 };
    uint64_t total_ns = 0;
    for (size_t i = 0; i < count; i++) {
        for (unsigned stage = 0; stage < words->stage_count; stage++) {
            sum_ns[stage] += samples[i].stage_ns[stage];
        }
        total_ns += samples[i].total_ns;
    }
    for (unsigned stage = 0; stage < words->stage_count; stage++) {
        sum_ns[stage] /= count;
    }
    (void)fprintf(to, "%-*s %6zu", words->kind_width, words->kind_name(samples[0].kind), count);
    figures_put_stages(to, words, sum_ns, total_ns / count);
    static const unsigned percents[] = { 50, 90, 99, 100 };
    for (unsigned i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        (void)fprintf(to, " %9.1f", us(samples[rank(count, percents[i])].total_ns));
    }
    (void)fputc('\n', to);
}

void
figures_report(FILE *to, const struct figures_words *words, struct figures_sample *samples,
               size_t count)
{
    if (count > 0) {
        qsort(samples, count, sizeof(*samples), compare_samples);
    }
    (void)fprintf(to, "\nmean us of each command, and the total's percentiles\n%-*s %6s",
                  words->kind_width, "command", "count");
    figures_put_names(to, words);
    (void)fprintf(to, " %9s %9s %9s %9s %9s\n", "total", "p50", "p90", "p99", "most");
    for (size_t from = 0; from < count;) {
        size_t until = from + 1;
        while (until < count && samples[until].kind == samples[from].kind) {
            until++;
        }
        report_kind(to, words, &samples[from], until - from);
        from = until;
    }
}
