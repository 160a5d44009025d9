/* The console: see console.h. */
#include "kernel/core/console.h"

#include <string.h>

#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/lock.h"

enum {
    INPUT_BYTES = 1024, /* a power of two */
    LINE_BYTES = 512,   /* longer prints are cut */
};

static struct {
    struct spinlock lock;
    struct console_sink *sinks;
    struct spinlock input_lock;
    char input[INPUT_BYTES];
    uint32_t input_put;
    uint32_t input_taken;
} console;

void
console_add(struct console_sink *sink)
{
    uint64_t irq_state = spin_lock_irq(&console.lock);

    sink->next = console.sinks;
    console.sinks = sink;
    spin_unlock_irq(&console.lock, irq_state);
}

void
console_remove(struct console_sink *sink)
{
    uint64_t irq_state = spin_lock_irq(&console.lock);

    for (struct console_sink **link = &console.sinks; *link != NULL; link = &(*link)->next) {
        if (*link == sink) {
            *link = sink->next;
            break;
        }
    }
    spin_unlock_irq(&console.lock, irq_state);
}

void
console_write(const char *text, size_t bytes)
{
    uint64_t irq_state = spin_lock_irq(&console.lock);

    for (struct console_sink *sink = console.sinks; sink != NULL; sink = sink->next) {
        sink->ops->write(sink->ctx, text, bytes);
    }
    spin_unlock_irq(&console.lock, irq_state);
}

void
console_print_va(const char *format, va_list args)
{
    char line[LINE_BYTES];
    size_t length = format_text_va(line, sizeof(line), format, args);

    console_write(line, length < sizeof(line) ? length : sizeof(line) - 1);
}

void
console_print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    console_print_va(format, args);
    va_end(args);
}

void
console_flush(void)
{
    uint64_t irq_state = spin_lock_irq(&console.lock);

    for (struct console_sink *sink = console.sinks; sink != NULL; sink = sink->next) {
        if (sink->ops->flush != NULL) {
            sink->ops->flush(sink->ctx);
        }
    }
    spin_unlock_irq(&console.lock, irq_state);
}

void
console_on_panic(void)
{
    __atomic_store_n(&console.lock.is_held, 0, __ATOMIC_RELEASE);
    for (struct console_sink *sink = console.sinks; sink != NULL; sink = sink->next) {
        if (sink->ops->on_panic != NULL) {
            sink->ops->on_panic(sink->ctx);
        }
    }
}

void
console_input(char c)
{
    uint64_t irq_state = spin_lock_irq(&console.input_lock);

    if (console.input_put - console.input_taken == INPUT_BYTES && c == CONSOLE_INTERRUPT) {
        console.input_taken = console.input_put;
    }
    if (console.input_put - console.input_taken < INPUT_BYTES) {
        console.input[console.input_put % INPUT_BYTES] = c;
        console.input_put++;
    }
    spin_unlock_irq(&console.input_lock, irq_state);
}

int
console_read(void)
{
    int c = -E_AGAIN;
    uint64_t irq_state = spin_lock_irq(&console.input_lock);

    if (console.input_put != console.input_taken) {
        c = (unsigned char)console.input[console.input_taken % INPUT_BYTES];
        console.input_taken++;
    }
    spin_unlock_irq(&console.input_lock, irq_state);
    return c;
}

bool
console_take_interrupt(void)
{
    bool is_there = false;
    uint64_t irq_state = spin_lock_irq(&console.input_lock);

    for (uint32_t i = console.input_taken; i != console.input_put; i++) {
        if (console.input[i % INPUT_BYTES] == CONSOLE_INTERRUPT) {
            is_there = true;
            console.input_taken = i + 1;
        }
    }
    spin_unlock_irq(&console.input_lock, irq_state);
    return is_there;
}
