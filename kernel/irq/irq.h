/*
 * Interrupts: handlers by number, behind whichever controller the device tree names.
 *
 *   device ─→ controller (GICv2, GICv3) ─→ trap ─→ irq_dispatch ─→ handler(ctx)
 *
 * Numbers are the controller's own (GIC INTIDs: 0-15 software, 16-31 this CPU's own, 32 and up shared, 8192 and up by
 * message)
 */
#ifndef KERNEL_IRQ_IRQ_H
#define KERNEL_IRQ_IRQ_H

#include "kernel/core/base.h"

enum {
    IRQ_COUNT_MAX = 1020,
    IRQ_SOFTWARE_COUNT = 16, /* numbers below are raised by software */
    IRQ_SHARED_FIRST = 32,   /* numbers from here on are not per CPU */
    IRQ_SPURIOUS = 1023,
    IRQ_MESSAGE_FIRST = 8192, /* numbers from here on come by message (GIC: LPIs) */
    IRQ_MESSAGE_COUNT = 128,  /* of them we use so many */
};

/* Trigger bits as the device tree writes them in an interrupt specifier. */
enum irq_trigger {
    IRQ_TRIGGER_ANY = 0,
    IRQ_EDGE_RISING = 1,
    IRQ_LEVEL_HIGH = 4,
};

typedef void (*irq_handler)(uint32_t irq, void *ctx);

/* A controller: one table of operations, chosen once by the device tree's compatible string. */
struct irq_controller_ops {
    const char *name;
    uint32_t (*line_count)(void);
    void (*init_cpu)(void); /* the running CPU's own part */
    void (*enable)(uint32_t irq);
    void (*disable)(uint32_t irq);
    void (*set_trigger)(uint32_t irq, enum irq_trigger trigger);
    uint32_t (*acknowledge)(void); /* the number, or IRQ_SPURIOUS */
    void (*finish)(uint32_t irq);
    void (*raise_self)(uint32_t software_irq);
    /* Compare the controller's state with what the kernel set; one line per item. Returns: the count of wrong ones. */
    uint32_t (*check)(void (*print)(const char *format, ...));
};

/* What is known about a line. */
struct irq_line {
    const char *name; /* NULL: nobody has registered */
    irq_handler handler;
    void *ctx;
    uint64_t count;
};

/* Use that controller; its shared part is initialised. Also initialises the boot CPU's part. Context: boot, once. */
void irq_set_controller(const struct irq_controller_ops *ops);

/* The controller's name, or NULL while there is none. */
const char *irq_controller_name(void);
uint32_t irq_line_count(void);

/*
 * Register a handler and enable the line. `name` and `ctx` are kept. The handler runs with interrupts masked and must make
 * the device drop a level-triggered line.
 * Context: main thread or boot.
 * Returns: 0; -E_NODEV (no controller), -E_RANGE (no such line), -E_BUSY (taken: logged with the owner's name).
 */
int irq_register(uint32_t irq, enum irq_trigger trigger, irq_handler handler, void *ctx,
                 const char *name);

/* Disable the line and forget its handler. Returns: 0; -E_NOENT when nobody had registered. */
int irq_unregister(uint32_t irq);

/* Set how a shared line that nobody has registered is triggered. Context: boot. */
void irq_set_trigger(uint32_t irq, enum irq_trigger trigger);

/* Enable a line that another CPU registered, in the running CPU's own part (numbers below 32). Context: that CPU. */
void irq_enable_here(uint32_t irq);

/* The running CPU's part of the controller. Context: each CPU once, interrupts masked. */
void irq_init_cpu(void);

/* Take what is pending and run the handlers. Context: trap, interrupts masked. */
void irq_dispatch(void);

/* What is known about a line. Returns: NULL when out of range. */
const struct irq_line *irq_line_at(uint32_t irq);

/*
 * The first number from *irq on for which somebody has registered; *irq is that number then.
 * Context: any. Returns: NULL past the last one.
 */
const struct irq_line *irq_next_registered(uint32_t *irq);

/* Interrupts for which nobody had registered, and spurious ones, since boot. */
uint64_t irq_unhandled_count(void);
uint64_t irq_spurious_count(void);

/*
 * Raise a software interrupt for the running CPU and wait for its handler.
 * Context: main thread. Returns: 0 with *latency_ns; -E_NODEV, -E_TIMEDOUT (100 ms).
 */
int irq_self_test(uint64_t *latency_ns);

/* The controller's own check; see irq_controller_ops. Returns: the count of wrong items, or -E_NODEV. */
int irq_check(void (*print)(const char *format, ...));

#endif
