/* Prints the counters, as text for people or JSON for programs. */
#include "venus/stats.h"

#include <inttypes.h>
#include <stdlib.h>

#include "venus/context.h"
#include "venus/table.h"

struct page {
    struct vn_text out;
    bool as_json;
    bool is_first; /* of a JSON list */
};

void
vn_counts_add(struct vn_counts *sum, const struct vn_counts *counts)
{
    for (uint32_t i = 0; i < vn_command_count; i++) {
        vn_count(&sum->commands[i],
                 atomic_load_explicit(&counts->commands[i], memory_order_relaxed));
        vn_count(&sum->sampled[i], atomic_load_explicit(&counts->sampled[i], memory_order_relaxed));
        vn_count(&sum->sampled_ns[i],
                 atomic_load_explicit(&counts->sampled_ns[i], memory_order_relaxed));
    }
    vn_count(&sum->stream_bytes, atomic_load_explicit(&counts->stream_bytes, memory_order_relaxed));
    vn_count(&sum->reply_bytes, atomic_load_explicit(&counts->reply_bytes, memory_order_relaxed));
}

static void
put_command(struct page *page, const struct vn_counts *counts, uint32_t i)
{
    uint64_t count = atomic_load_explicit(&counts->commands[i], memory_order_relaxed);
    uint64_t samples = atomic_load_explicit(&counts->sampled[i], memory_order_relaxed);
    uint64_t ns = atomic_load_explicit(&counts->sampled_ns[i], memory_order_relaxed);
    uint64_t mean = samples ? ns / samples : 0;
    if (!count) {
        return;
    }
    if (page->as_json) {
        vn_text_add(&page->out,
                    "%s{\"name\":\"%s\",\"count\":%" PRIu64 ",\"mean_ns\":%" PRIu64
                    ",\"samples\":%" PRIu64 "}",
                    page->is_first ? "" : ",", vn_commands[i].name, count, mean, samples);
    } else {
        vn_text_add(&page->out, "  %-48s %12" PRIu64 "  %10" PRIu64 " ns\n", vn_commands[i].name,
                    count, mean);
    }
    page->is_first = false;
}

static void
put_objects(struct page *page, const struct vn_stats *stats, uint32_t type)
{
    uint64_t made = atomic_load_explicit(&stats->made_counts[type], memory_order_relaxed);
    uint64_t gone = atomic_load_explicit(&stats->gone_counts[type], memory_order_relaxed);
    if (!made) {
        return;
    }
    if (page->as_json) {
        vn_text_add(&page->out,
                    "%s{\"type\":\"%s\",\"live\":%" PRIu64 ",\"made\":%" PRIu64 ",\"gone\":%" PRIu64
                    "}",
                    page->is_first ? "" : ",", vn_handle_names[type], made - gone, made, gone);
    } else {
        vn_text_add(&page->out,
                    "  %-48s %12" PRIu64 " live %12" PRIu64 " made %12" PRIu64 " gone\n",
                    vn_handle_names[type], made - gone, made, gone);
    }
    page->is_first = false;
}

static void
put_lists(struct page *page, const struct vn_stats *stats, const struct vn_counts *counts)
{
    vn_text_add(&page->out,
                page->as_json ? "\"commands\":[" : "commands, and the mean time of one in 64\n");
    page->is_first = true;
    for (uint32_t i = 0; i < vn_command_count; i++) {
        put_command(page, counts, i);
    }
    vn_text_add(&page->out, page->as_json ? "],\"objects\":[" : "objects\n");
    page->is_first = true;
    for (uint32_t i = 0; i < VN_HANDLE_COUNT; i++) {
        put_objects(page, stats, i);
    }
    vn_text_add(&page->out, page->as_json ? "]," : "");
}

static void
put_totals(struct page *page, struct venus *venus, const struct vn_counts *counts)
{
    const char *format = page->as_json ? "\"%s\":%" PRIu64 "," : "%-50s %12" PRIu64 "\n";
    const struct vn_stats *stats = &venus->stats;
    struct vn_ring_counters rings;
    vn_rings_sum(&venus->rings, &rings);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    vn_text_add(&page->out, format, "submissions", atomic_load(&stats->submit_count));
    vn_text_add(&page->out, format, "stream_bytes", atomic_load(&counts->stream_bytes));
    vn_text_add(&page->out, format, "reply_bytes", atomic_load(&counts->reply_bytes));
    vn_text_add(&page->out, format, "ring_commands", atomic_load(&rings.command_count));
    vn_text_add(&page->out, format, "ring_batches", atomic_load(&rings.batch_count));
    vn_text_add(&page->out, format, "ring_naps", atomic_load(&rings.nap_count));
    vn_text_add(&page->out, format, "ring_wake_ups", atomic_load(&rings.wakeup_count));
#pragma GCC diagnostic pop
}

uint64_t
venus_refused_count(const struct venus *venus)
{
    return atomic_load(&venus->ledger.refused_count);
}

/* why: NULL: nothing. */
static void
put_fatal(struct page *page, const char *why)
{
    if (!page->as_json) {
        vn_text_add(&page->out, "fatal %s\n", why ? why : "no");
        return;
    }
    vn_text_add(&page->out, ",\"fatal\":");
    if (why) {
        vn_text_add_quoted(&page->out, why, SIZE_MAX);
    } else {
        vn_text_add(&page->out, "null");
    }
    vn_text_add(&page->out, "}\n");
}

size_t
// NOLINTNEXTLINE(readability-non-const-parameter): it is written through struct vn_text
venus_stats(struct venus *venus, bool as_json, char *text, size_t size_bytes)
{
    struct page page = {
        .out = {.text = text, .size_bytes = size_bytes},
          .as_json = as_json
    };
    vn_text_add(&page.out, as_json ? "{\"client\":\"%s\"," : "client %s\n", venus->name);
    struct vn_counts *counts = calloc(1, sizeof(*counts));
    if (counts) {
        vn_counts_add(counts, &venus->stats.gone);
        vn_counts_add(counts, &venus->exec.counts);
        vn_rings_add_counts(&venus->rings, counts);
        put_totals(&page, venus, counts);
        put_lists(&page, &venus->stats, counts);
        free(counts);
    }
    vn_text_add(&page.out, as_json ? "\"memory\":" : "memory\n");
    vn_ledger_print(&venus->ledger, as_json, &page.out);
    put_fatal(&page, venus_why(venus));
    return page.out.length;
}
