/* The end, with as much of the reason as can be told: see check.h. */
#include <stdarg.h>

#include "kernel/arch/arch.h"
#include "kernel/core/bootargs.h"
#include "kernel/core/check.h"
#include "kernel/core/console.h"
#include "kernel/core/format.h"
#include "kernel/core/log.h"
#include "kernel/mm/map.h"

enum {
    MESSAGE_BYTES = 256,
    LOG_TAIL_COUNT = 20,
};

static struct {
    uint32_t has_begun;
    uint32_t cpu_idx; /* who reports */
    bool should_power_off;
    char message[MESSAGE_BYTES];
} state;

void
panic(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (__atomic_load_n(&state.has_begun, __ATOMIC_ACQUIRE) == 0) { /* the first message stays */
        format_text_va(state.message, sizeof(state.message), format, args);
    }
    va_end(args);
    arch_trap();
}

void
check_failed(const char *condition, const char *file, int line)
{
    panic("CHECK failed: %s (%s:%d)", condition, file, line);
}

const char *
panic_message(void)
{
    return state.message;
}

void
panic_set_poweroff(bool should_poweroff)
{
    state.should_power_off = should_poweroff;
}

/* The end itself, as ./run wants it. */
static _Noreturn void
stop(void)
{
    console_print("PANIC: end, %s%s\n", state.should_power_off ? "powering off" : "halted",
                  bootargs_token_mark());
    console_flush();
    if (state.should_power_off) {
        (void)arch_power_off();
    }
    arch_halt();
}

bool
panic_begin(void)
{
    uint32_t not_yet = 0;

    if (__atomic_compare_exchange_n(&state.has_begun, &not_yet, 1, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        state.cpu_idx = arch_cpu_idx();
        console_on_panic();
        log_break_lock();
        log_set_prompt(NULL, NULL);
        return true;
    }
    if (state.cpu_idx == arch_cpu_idx()) {
        console_on_panic();
        console_print("\nPANIC: again, while reporting the first\n");
        stop();
    }
    return false;
}

static void
print_log_tail(void)
{
    struct log_entry entry;
    char line[224];
    uint64_t next = log_next_seq();
    uint64_t seq = next > LOG_TAIL_COUNT ? next - LOG_TAIL_COUNT : 0;

    console_print("last log lines:\n");
    while (log_read(&seq, &entry) == 0) {
        console_print("  %s", log_format(&entry, line, sizeof(line)));
    }
}

static void
print_memory_map(void)
{
    const struct map_entry *entry;

    console_print("memory map:\n");
    for (uint32_t i = 0; (entry = map_entry_at(i)) != NULL; i++) {
        console_print("  0x%012lx-0x%012lx  %s  %s\n", entry->base, entry->base + entry->bytes - 1,
                      map_kind_name(entry->kind), entry->name);
    }
}

void
panic_finish(void)
{
    print_log_tail();
    print_memory_map();
    stop();
}
