/*
 * GICv3's interrupt translation service (Arm IHI 0069, chapter 5): a write of an event number by a device becomes an LPI, an
 * interrupt that is configured by a table in memory. See irq/msi.h.
 *
 *   device writes EVENT to TRANSLATER ─→ device table ─→ its events' table ─→ LPI, collection ─→ the boot CPU's redistributor
 *
 * Tables are the ITS's own once it has them; they are changed by commands in a ring.
 */
#include <string.h>

#include "kernel/arch/aarch64/gic.h"
#include "kernel/arch/aarch64/sysreg.h"
#include "kernel/core/errno.h"
#include "kernel/core/log.h"
#include "kernel/core/mmio.h"
#include "kernel/core/time.h"
#include "kernel/irq/msi.h"
#include "kernel/mm/pages.h"

enum its_register {
    GITS_CTLR = 0x0000,
    GITS_TYPER = 0x0008,
    GITS_CBASER = 0x0080,
    GITS_CWRITER = 0x0088,
    GITS_CREADR = 0x0090,
    GITS_BASER = 0x0100, /* eight of 8 bytes */
    GITS_TRANSLATER = 0x10040,
};

/* Of a redistributor. */
enum lpi_register {
    GICR_CTLR = 0x00,
    GICR_TYPER = 0x08,
    GICR_PROPBASER = 0x70,
    GICR_PENDBASER = 0x78,
};

enum its_command {
    COMMAND_SYNC = 0x05,
    COMMAND_MAPD = 0x08,
    COMMAND_MAPC = 0x09,
    COMMAND_MAPTI = 0x0a,
    COMMAND_INV = 0x0c,
    COMMAND_INVALL = 0x0d,
    COMMAND_DISCARD = 0x0f,
};

enum {
    BASER_COUNT = 8,
    BASER_DEVICES = 1, /* kinds of tables */
    BASER_COLLECTIONS = 4,
    TABLE_PAGE_BYTES = 1 << 16,
    TABLE_PAGES_MAX = 256,
    DEVICE_BITS_MAX = 16, /* of a PCI function's id */
    LPI_ID_BITS = 14,     /* 8192 to 16383, of which IRQ_MESSAGE_COUNT are used */
    QUEUE_BYTES = TABLE_PAGE_BYTES,
    COMMAND_BYTES = 32,
    EVENT_BITS = 2, /* of one device: MSI_COUNT_MAX events */
    EVENTS_TABLE_ALIGN = PAGE_BYTES,
    COLLECTION = 0,
    CTLR_ENABLED = 1,
    LPI_ENABLED = 1, /* in its byte of the configuration, beside the priority */
};

#define BASER_VALID   (UINT64_C(1) << 63)
#define BASER_CACHED  (UINT64_C(7) << 59 | UINT64_C(1) << 10) /* write-back, inner shareable */
#define BASER_SHARED  (UINT64_C(3) << 10)
#define BASER_64K     (UINT64_C(2) << 8)
#define LPI_CACHED    (UINT64_C(7) << 7 | UINT64_C(1) << 10) /* of the redistributor's registers */
#define LPI_PEND_ZERO (UINT64_C(1) << 62)
#define TYPER_PTA     (UINT64_C(1) << 19)
#define ITS_MAP_VALID (UINT64_C(1) << 63)
#define ITS_WAIT_NS   (100 * NS_PER_MS)

/* An LPI that is taken: whose. */
struct lpi {
    bool is_taken;
    uint32_t device_id;
    uint32_t event;
};

static struct {
    volatile void *registers;
    uint64_t base;
    uint64_t redistributor; /* the boot CPU's, as commands name it */
    uint64_t device_count;
    uint32_t event_entry_bytes;
    uint8_t *configuration; /* a byte of each LPI */
    uint64_t *queue;
    uint32_t queue_next; /* bytes */
    struct lpi lpis[IRQ_MESSAGE_COUNT];
    uint32_t mapped[IRQ_MESSAGE_COUNT]; /* devices that have a table of events */
    uint32_t mapped_count;
} its;

/* Put a command into the ring, and wait until it is done. Returns: 0; -E_TIMEDOUT. */
static int
command(uint64_t word0, uint64_t word1, uint64_t word2)
{
    uint64_t deadline_ns = time_deadline_ns(ITS_WAIT_NS);
    uint64_t *entry = its.queue + its.queue_next / sizeof(uint64_t);

    entry[0] = word0;
    entry[1] = word1;
    entry[2] = word2;
    entry[3] = 0;
    its.queue_next = (its.queue_next + COMMAND_BYTES) % QUEUE_BYTES;
    barrier_dsb_sy(); /* the command, and the tables that it names, before the ITS is told */
    mmio_write64(its.registers, GITS_CWRITER, its.queue_next);
    while (mmio_read64(its.registers, GITS_CREADR) != its.queue_next) {
        if (time_has_passed(deadline_ns)) {
            log_error("gic", "ITS: command 0x%lx is not done within 100 ms", word0 & 0xff);
            return -E_TIMEDOUT;
        }
    }
    return 0;
}

static uint64_t
of_device(enum its_command what, uint32_t device_id)
{
    return (uint64_t)device_id << 32 | (uint64_t)what;
}

static int
synchronize(void)
{
    return command(COMMAND_SYNC, 0, its.redistributor);
}

void
its_set_enabled(uint32_t irq, bool is_enabled)
{
    const struct lpi *lpi = &its.lpis[irq - IRQ_MESSAGE_FIRST];

    its.configuration[irq - IRQ_MESSAGE_FIRST] =
        (uint8_t)(GIC_PRIORITY | (is_enabled ? LPI_ENABLED : 0));
    if (lpi->is_taken) {
        (void)command(of_device(COMMAND_INV, lpi->device_id), lpi->event, 0);
        (void)synchronize();
    }
}

static void
free_events(uint32_t device_id, uint32_t count, const uint32_t *irqs)
{
    for (uint32_t i = 0; i < count; i++) {
        struct lpi *lpi = &its.lpis[irqs[i] - IRQ_MESSAGE_FIRST];

        (void)command(of_device(COMMAND_DISCARD, device_id), lpi->event, 0);
        lpi->is_taken = false;
    }
    (void)synchronize();
}

static struct lpi *
take_lpi(uint32_t device_id, uint32_t event)
{
    for (uint32_t i = 0; i < IRQ_MESSAGE_COUNT; i++) {
        if (!its.lpis[i].is_taken) {
            its.lpis[i] = (struct lpi){ true, device_id, event };
            return &its.lpis[i];
        }
    }
    return NULL;
}

/* The events' table of a device. It stays the ITS's when the device goes: one that comes to its place finds it. */
static int
map_device(uint32_t device_id)
{
    uint64_t bytes = align_up((uint64_t)its.event_entry_bytes << EVENT_BITS, PAGE_BYTES);
    uint32_t idx = 0;

    while (idx < its.mapped_count && its.mapped[idx] != device_id) {
        idx++;
    }
    if (idx < its.mapped_count) {
        return 0;
    }
    if (idx == ARRAY_COUNT(its.mapped)) {
        return -E_NOSPC;
    }
    void *table = pages_alloc_zeroed(bytes / PAGE_BYTES, EVENTS_TABLE_ALIGN);
    if (table == NULL) {
        return -E_NOMEM;
    }
    int error = command(of_device(COMMAND_MAPD, device_id), EVENT_BITS - 1,
                        (uintptr_t)table | ITS_MAP_VALID);
    if (error == 0) {
        its.mapped[its.mapped_count++] = device_id;
    }
    return error; /* after an error the ITS may have the table all the same: it is given up */
}

static int
alloc_events(uint32_t device_id, uint32_t count, uint32_t *irqs, struct msi_message *messages)
{
    int error = device_id < its.device_count ? map_device(device_id) : -E_RANGE;

    for (uint32_t event = 0; event < count && error == 0; event++) {
        struct lpi *lpi = take_lpi(device_id, event);

        if (lpi == NULL) {
            free_events(device_id, event, irqs);
            return -E_NOSPC;
        }
        irqs[event] = IRQ_MESSAGE_FIRST + (uint32_t)(lpi - its.lpis);
        messages[event] = (struct msi_message){ its.base + GITS_TRANSLATER, event };
        error = command(of_device(COMMAND_MAPTI, device_id), (uint64_t)irqs[event] << 32 | event,
                        COLLECTION);
    }
    return error == 0 ? synchronize() : error;
}

static const struct msi_controller_ops ops = {
    .name = "GICv3 ITS",
    .alloc = alloc_events,
    .free = free_events,
};

/* Give the ITS memory for one of its tables. Returns: 0; -E_NOMEM. */
static int
give_table(uint32_t offset, uint64_t entry_count)
{
    uint64_t baser = mmio_read64(its.registers, offset);
    uint64_t entry_bytes = (baser >> 48 & 0x1f) + 1;
    uint64_t pages = align_up(entry_count * entry_bytes, TABLE_PAGE_BYTES) / TABLE_PAGE_BYTES;

    pages = min_u64(pages, TABLE_PAGES_MAX);
    void *table = pages_alloc_zeroed(pages * TABLE_PAGE_BYTES / PAGE_BYTES, TABLE_PAGE_BYTES);
    if (table == NULL) {
        return -E_NOMEM;
    }
    mmio_write64(its.registers, offset,
                 BASER_VALID | BASER_CACHED | BASER_64K | (uintptr_t)table | (pages - 1));
    return 0;
}

static int
give_tables(void)
{
    int error = 0;

    for (uint32_t i = 0; i < BASER_COUNT && error == 0; i++) {
        uint32_t offset = GITS_BASER + 8 * i;
        uint64_t kind = mmio_read64(its.registers, offset) >> 56 & 7;

        if (kind == BASER_DEVICES) {
            error = give_table(offset, its.device_count);
        } else if (kind == BASER_COLLECTIONS) {
            error = give_table(offset, 1);
        }
    }
    return error;
}

/* Returns: 0; -E_NOMEM; -E_OPNOTSUPP: it does not see the CPU's caches. */
static int
give_queue(void)
{
    its.queue = pages_alloc_zeroed(QUEUE_BYTES / PAGE_BYTES, TABLE_PAGE_BYTES);
    if (its.queue == NULL) {
        return -E_NOMEM;
    }
    mmio_write64(its.registers, GITS_CBASER,
                 BASER_VALID | BASER_CACHED | (uintptr_t)its.queue |
                     (QUEUE_BYTES / PAGE_BYTES - 1));
    mmio_write64(its.registers, GITS_CWRITER, 0);
    return (mmio_read64(its.registers, GITS_CBASER) & BASER_SHARED) == 0 ? -E_OPNOTSUPP : 0;
}

/* LPIs of the boot CPU: what each is set to, and which pend. Returns: 0; -E_NOMEM. */
static int
start_lpis(volatile void *redistributor)
{
    uint64_t pending_bytes = max_u64((UINT64_C(1) << LPI_ID_BITS) / 8, TABLE_PAGE_BYTES);
    void *pending = pages_alloc_zeroed(pending_bytes / PAGE_BYTES, TABLE_PAGE_BYTES);

    its.configuration = pages_alloc_zeroed(
        ((UINT64_C(1) << LPI_ID_BITS) - IRQ_MESSAGE_FIRST) / PAGE_BYTES, PAGE_BYTES);
    if (pending == NULL || its.configuration == NULL) {
        return -E_NOMEM;
    }
    mmio_write64(redistributor, GICR_PROPBASER,
                 LPI_CACHED | (uintptr_t)its.configuration | (LPI_ID_BITS - 1));
    mmio_write64(redistributor, GICR_PENDBASER, LPI_CACHED | (uintptr_t)pending | LPI_PEND_ZERO);
    barrier_dsb_sy();
    mmio_modify32(redistributor, GICR_CTLR, 0, CTLR_ENABLED);
    return 0;
}

/* All events go to one collection, and that to the boot CPU. */
static int
map_collection(volatile void *redistributor)
{
    bool is_by_address = (mmio_read64(its.registers, GITS_TYPER) & TYPER_PTA) != 0;
    uint64_t number = mmio_read64(redistributor, GICR_TYPER) >> 8 & 0xffff;

    its.redistributor = is_by_address ? (uintptr_t)redistributor : number << 16;
    int error = command(COMMAND_MAPC, 0, its.redistributor | COLLECTION | ITS_MAP_VALID);
    if (error == 0) {
        error = command(COMMAND_INVALL, 0, COLLECTION);
    }
    return error == 0 ? synchronize() : error;
}

int
its_start(volatile void *registers, uint64_t base, volatile void *redistributor)
{
    uint64_t typer = mmio_read64(registers, GITS_TYPER);

    its.registers = registers;
    its.base = base;
    its.event_entry_bytes = (uint32_t)(typer >> 4 & 0xf) + 1;
    its.device_count = UINT64_C(1) << min_u64((typer >> 13 & 0x1f) + 1, DEVICE_BITS_MAX);
    mmio_write32(registers, GITS_CTLR, 0);
    int error = give_tables();
    if (error == 0) {
        error = give_queue();
    }
    if (error == 0) {
        error = start_lpis(redistributor);
    }
    if (error == 0) {
        mmio_write32(registers, GITS_CTLR, CTLR_ENABLED);
        error = map_collection(redistributor);
    }
    if (error == 0) {
        msi_set_controller(&ops);
    }
    return error;
}
