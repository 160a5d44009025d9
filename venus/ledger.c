#include "venus/ledger.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const kind_names[VN_LEDGER_KIND_COUNT] = {
    [VN_LEDGER_DEVICE] = "device",
    [VN_LEDGER_MAPPED] = "mapped",
    [VN_LEDGER_SHM] = "shm",
};

void
vn_ledger_init(struct vn_ledger *ledger, uint64_t limit_bytes)
{
    *ledger = (struct vn_ledger){ .limit_bytes = limit_bytes };
}

static uint64_t
read_counter(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
raise_peak(struct vn_ledger *ledger, uint64_t live_bytes)
{
    uint64_t peak_bytes = read_counter(&ledger->peak_bytes);
    while (peak_bytes < live_bytes &&
           !atomic_compare_exchange_weak_explicit(&ledger->peak_bytes, &peak_bytes, live_bytes,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* The context's own limit, and then the one that it shares.  *live_bytes: with these. */
static bool
take(struct vn_ledger *ledger, uint64_t bytes, uint64_t *live_bytes)
{
    uint64_t before = read_counter(&ledger->live_bytes);
    do {
        if (bytes > ledger->limit_bytes || before > ledger->limit_bytes - bytes) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&ledger->live_bytes, &before, before + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    *live_bytes = before + bytes;
    const struct venus_config *config = ledger->config;
    bool is_left = !config || !config->on_take || config->on_take(config->user, bytes);
    if (!is_left) {
        atomic_fetch_sub_explicit(&ledger->live_bytes, bytes, memory_order_relaxed);
    }
    return is_left;
}

enum venus_status
vn_ledger_take(struct vn_ledger *ledger, enum vn_ledger_kind kind, uint64_t bytes)
{
    uint64_t live_bytes;
    if (!take(ledger, bytes, &live_bytes)) {
        atomic_fetch_add_explicit(&ledger->refused_count, 1, memory_order_relaxed);
        return VENUS_NO_MEMORY;
    }
    raise_peak(ledger, live_bytes);
    struct vn_ledger_line *line = &ledger->lines[kind];
    atomic_fetch_add_explicit(&line->live_bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&line->live_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&line->made_count, 1, memory_order_relaxed);
    return VENUS_OK;
}

void
vn_ledger_give_back(struct vn_ledger *ledger, enum vn_ledger_kind kind, uint64_t bytes)
{
    struct vn_ledger_line *line = &ledger->lines[kind];
    atomic_fetch_sub_explicit(&line->live_bytes, bytes, memory_order_relaxed);
    atomic_fetch_sub_explicit(&line->live_count, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&ledger->live_bytes, bytes, memory_order_relaxed);
    if (ledger->config && ledger->config->on_give_back) {
        ledger->config->on_give_back(ledger->config->user, bytes);
    }
}

struct vn_charge *
vn_charge_take(struct vn_ledger *ledger, enum vn_ledger_kind kind, uint64_t bytes)
{
    struct vn_charge *charge = malloc(sizeof(*charge));
    if (!charge || vn_ledger_take(ledger, kind, bytes) != VENUS_OK) {
        free(charge);
        return NULL;
    }
    *charge = (struct vn_charge){ .ledger = ledger, .kind = kind, .bytes = bytes };
    atomic_init(&charge->use_count, 1);
    return charge;
}

struct vn_charge *
vn_charge_hold(struct vn_charge *charge)
{
    if (charge) {
        atomic_fetch_add_explicit(&charge->use_count, 1, memory_order_relaxed);
    }
    return charge;
}

void
vn_charge_put(struct vn_charge *charge)
{
    /* Acquire and release: what the others held is given back before it may be charged to anybody else. */
    if (charge && atomic_fetch_sub_explicit(&charge->use_count, 1, memory_order_acq_rel) == 1) {
        vn_ledger_give_back(charge->ledger, charge->kind, charge->bytes);
        free(charge);
    }
}

uint64_t
vn_ledger_left_bytes(const struct vn_ledger *ledger)
{
    uint64_t live_bytes = read_counter(&ledger->live_bytes);
    return live_bytes < ledger->limit_bytes ? ledger->limit_bytes - live_bytes : 0;
}

static void
print_line(const struct vn_ledger *ledger, int kind, bool as_json, struct vn_text *to)
{
    const struct vn_ledger_line *line = &ledger->lines[kind];
    uint64_t live_bytes = read_counter(&line->live_bytes);
    uint64_t live_count = read_counter(&line->live_count);
    uint64_t made_count = read_counter(&line->made_count);
    if (as_json) {
        vn_text_add(to,
                    "\"%s\":{\"live_bytes\":%" PRIu64 ",\"live_count\":%" PRIu64
                    ",\"made_count\":%" PRIu64 "},",
                    kind_names[kind], live_bytes, live_count, made_count);
    } else {
        vn_text_add(to, "memory %-6s %" PRIu64 " bytes in %" PRIu64 " (%" PRIu64 " made)\n",
                    kind_names[kind], live_bytes, live_count, made_count);
    }
}

static void
print_whole(const struct vn_ledger *ledger, bool as_json, struct vn_text *to)
{
    uint64_t live_bytes = read_counter(&ledger->live_bytes);
    uint64_t peak_bytes = read_counter(&ledger->peak_bytes);
    uint64_t refused_count = read_counter(&ledger->refused_count);
    if (as_json) {
        vn_text_add(to,
                    "\"live_bytes\":%" PRIu64 ",\"peak_bytes\":%" PRIu64 ",\"limit_bytes\":%" PRIu64
                    ",\"refused_count\":%" PRIu64 "}",
                    live_bytes, peak_bytes, ledger->limit_bytes, refused_count);
    } else {
        vn_text_add(to,
                    "memory all    %" PRIu64 " bytes, peak %" PRIu64 ", limit %" PRIu64
                    ", refused %" PRIu64 " times\n",
                    live_bytes, peak_bytes, ledger->limit_bytes, refused_count);
    }
}

void
vn_ledger_print(const struct vn_ledger *ledger, bool as_json, struct vn_text *to)
{
    if (as_json) {
        vn_text_add(to, "{");
    }
    for (int kind = 0; kind < VN_LEDGER_KIND_COUNT; kind++) {
        print_line(ledger, kind, as_json, to);
    }
    print_whole(ledger, as_json, to);
}
