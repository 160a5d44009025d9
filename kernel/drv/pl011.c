/*
 * PL011: see pl011.h. Text waits in a ring; whoever adds to it fills the device's FIFO, the transmit interrupt empties the
 * rest. When the ring is full the writer polls: console text is never dropped.
 */
#include "kernel/drv/pl011.h"

#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/idle.h"
#include "kernel/core/lock.h"
#include "kernel/core/log.h"
#include "kernel/core/mmio.h"
#include "kernel/core/time.h"
#include "kernel/irq/irq.h"
#include "kernel/mm/map.h"

enum pl011_register {
    UARTDR = 0x00,
    UARTFR = 0x18,
    UARTIBRD = 0x24,
    UARTFBRD = 0x28,
    UARTLCR_H = 0x2c,
    UARTCR = 0x30,
    UARTIFLS = 0x34,
    UARTIMSC = 0x38,
    UARTMIS = 0x40,
    UARTICR = 0x44,
};

enum {
    FR_BUSY = 1 << 3,
    FR_RX_EMPTY = 1 << 4,
    FR_TX_FULL = 1 << 5,
    LCR_FIFO = 1 << 4,
    LCR_8_BITS = 3 << 5,
    CR_ON = 1 << 0 | 1 << 8 | 1 << 9, /* port, transmitter, receiver */
    INT_RX = 1 << 4,
    INT_TX = 1 << 5,
    INT_RX_TIMEOUT = 1 << 6,
    RING_BYTES = 4096,
    BAUD_DEFAULT = 115200,
};

static struct {
    struct spinlock lock;
    volatile void *regs; /* NULL: no port */
    uint64_t base;
    bool has_irq;
    char ring[RING_BYTES];
    uint32_t put_count;
    uint32_t taken_count;
} port;

/* With the lock held: move what the FIFO takes; let the interrupt do the rest. */
static void
pump(void)
{
    while (port.taken_count != port.put_count &&
           (mmio_read32(port.regs, UARTFR) & FR_TX_FULL) == 0) {
        mmio_write32(port.regs, UARTDR, (uint8_t)port.ring[port.taken_count % RING_BYTES]);
        port.taken_count++;
    }
    if (port.has_irq) {
        bool is_waiting = port.taken_count != port.put_count;

        mmio_write32(port.regs, UARTIMSC, INT_RX | INT_RX_TIMEOUT | (is_waiting ? INT_TX : 0));
    }
}

/* With the lock held: poll until `room` bytes are free in the ring, at most 1 s (a port that is stuck must not stop us). */
static void
drain(uint32_t room)
{
    uint64_t deadline_ns = time_deadline_ns(NS_PER_S);

    while (RING_BYTES - (port.put_count - port.taken_count) < room &&
           !time_has_passed(deadline_ns)) {
        pump();
    }
    if (RING_BYTES - (port.put_count - port.taken_count) < room) {
        port.taken_count = port.put_count; /* stuck: forget */
    }
}

static void
put_char(char c)
{
    if (port.put_count - port.taken_count == RING_BYTES) {
        drain(1);
    }
    port.ring[port.put_count % RING_BYTES] = c;
    port.put_count++;
}

static void
write_text(void *ctx, const char *text, size_t bytes)
{
    uint64_t irq_state = spin_lock_irq(&port.lock);

    (void)ctx;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n') {
            put_char('\r');
        }
        put_char(text[i]);
    }
    pump();
    spin_unlock_irq(&port.lock, irq_state);
}

static void
flush(void *ctx)
{
    uint64_t deadline_ns = time_deadline_ns(NS_PER_S);
    uint64_t irq_state = spin_lock_irq(&port.lock);

    (void)ctx;
    drain(RING_BYTES);
    while ((mmio_read32(port.regs, UARTFR) & FR_BUSY) != 0 && !time_has_passed(deadline_ns)) {
    }
    spin_unlock_irq(&port.lock, irq_state);
}

static void
on_panic(void *ctx)
{
    (void)ctx;
    __atomic_store_n(&port.lock.is_held, 0, __ATOMIC_RELEASE);
    port.has_irq = false;
}

static const struct console_ops ops = { "pl011", write_text, flush, on_panic };

static struct console_sink sink = { .ops = &ops };

/* The divisor is clock / (16 * baud) with 6 fraction bits. Left alone when the tree does not name the clock. */
static void
set_baud(uint32_t clock_hz, uint32_t baud)
{
    uint32_t divisor = (uint32_t)(((uint64_t)clock_hz * 4 + baud / 2) / baud);

    mmio_write32(port.regs, UARTCR, 0);
    mmio_write32(port.regs, UARTIBRD, divisor >> 6);
    mmio_write32(port.regs, UARTFBRD, divisor & 0x3f);
}

static void
configure(const struct dt_cursor *node, const char *options)
{
    uint64_t baud = BAUD_DEFAULT;
    uint32_t clock_hz = 0;
    char digits[12];
    size_t length = 0;

    while (options != NULL && length < sizeof(digits) - 1 && options[length] >= '0' &&
           options[length] <= '9') {
        digits[length] = options[length];
        length++;
    }
    digits[length] = '\0';
    if (length > 0 && (parse_u64(digits, 10000000, &baud) != 0 || baud == 0)) {
        baud = BAUD_DEFAULT;
    }
    if (dt_clock_hz(node, 0, &clock_hz) == 0 && clock_hz != 0) {
        set_baud(clock_hz, (uint32_t)baud);
    }
    mmio_write32(port.regs, UARTIMSC, 0);
    mmio_write32(port.regs, UARTLCR_H, LCR_8_BITS | LCR_FIFO); /* also latches the divisor */
    mmio_write32(port.regs, UARTCR, CR_ON);
    log_info("uart", "PL011 at 0x%lx is the console (clock %u Hz, %lu baud)", port.base, clock_hz,
             baud);
}

int
pl011_start_early(const struct dt_cursor *node, const char *options)
{
    struct dt_reg reg;

    if (!dt_is_compatible(node, "arm,pl011")) {
        return -E_NODEV;
    }
    if (dt_reg(node, 0, &reg) != 0) {
        dt_complain(node, "reg", "is missing or broken: no console there");
        return -E_INVAL;
    }
    port.regs = mmio_map_device("pl011", reg.base, reg.size);
    if (port.regs == NULL) {
        return -E_FAULT;
    }
    port.base = reg.base;
    configure(node, options);
    log_replay(write_text, NULL);
    console_add(&sink);
    return 0;
}

static void
receive(void)
{
    while ((mmio_read32(port.regs, UARTFR) & FR_RX_EMPTY) == 0) {
        console_input((char)mmio_read32(port.regs, UARTDR));
    }
}

static void
on_irq(uint32_t irq, void *ctx)
{
    (void)irq;
    (void)ctx;
    mmio_write32(port.regs, UARTICR, mmio_read32(port.regs, UARTMIS));
    receive();
    uint64_t irq_state = spin_lock_irq(&port.lock);
    pump();
    spin_unlock_irq(&port.lock, irq_state);
}

/* In place of the interrupt, where the device tree names none that works. */
static uint64_t
poll(void *ctx)
{
    (void)ctx;
    receive();
    return time_deadline_ns(10 * NS_PER_MS);
}

static int
start_polling(struct dt_device *device)
{
    static struct idle_hook hook = { .name = "pl011", .poll = poll };

    log_warn("uart", "%s: no interrupt that works; polling for input", device->name);
    idle_register(&hook);
    dt_device_describe(device, "console, polled");
    return 0;
}

static int
probe(struct dt_device *device)
{
    if (device->reg_count == 0 || port.regs == NULL || device->regs[0].base != port.base) {
        return -E_NODEV;
    }
    if (device->irq_count == 0 ||
        irq_register(device->irqs[0].irq, (enum irq_trigger)device->irqs[0].trigger, on_irq, NULL,
                     "pl011") != 0) {
        return start_polling(device);
    }
    port.has_irq = true;
    mmio_write32(port.regs, UARTIFLS, 0); /* interrupt early: FIFO one eighth full */
    mmio_write32(port.regs, UARTIMSC, INT_RX | INT_RX_TIMEOUT);
    dt_device_describe(device, "console, by interrupt");
    return 0;
}

static const char *const compatible[] = { "arm,pl011", NULL };

const struct dt_driver pl011_driver = { "pl011", compatible, probe };
