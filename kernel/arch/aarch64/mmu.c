/*
 * The MMU: one set of tables, 4 KiB granule, 48-bit addresses, everything mapped to itself. This is the only file that knows
 * MAIR, TCR and the layout of a descriptor. Mappings are only ever added (invalid to valid), which needs no TLB maintenance.
 */
#include <string.h>

#include "kernel/arch/aarch64/aarch64.h"
#include "kernel/arch/aarch64/sysreg.h"
#include "kernel/core/check.h"
#include "kernel/core/errno.h"
#include "kernel/core/lock.h"
#include "kernel/core/log.h"
#include "kernel/mm/map.h"
#include "kernel/mm/pages.h"
#include "kernel/mm/ranges.h"

enum {
    ENTRY_COUNT = 512,
    LEVEL_LAST = 3,
    BOOT_TABLE_COUNT = 24, /* until there is an allocator; RAM is mapped from these */
    MAP_ENTRY_COUNT_MAX = 96,
};

#define ADDRESS_BITS 48

/* Arm ARM, "VMSAv8-64 descriptor formats". */
#define DESC_VALID  (UINT64_C(1) << 0)
#define DESC_TABLE  (UINT64_C(1) << 1) /* a table, or at the last level a page; else a block */
#define DESC_ATTR_0 (UINT64_C(0) << 2) /* index into MAIR */
#define DESC_ATTR_1 (UINT64_C(1) << 2)
#define DESC_RO     (UINT64_C(1) << 7)
#define DESC_INNER  (UINT64_C(3) << 8)
#define DESC_AF     (UINT64_C(1) << 10)
#define DESC_PXN    (UINT64_C(1) << 53)
#define DESC_UXN    (UINT64_C(1) << 54)

#define DESC_ADDRESS    UINT64_C(0x0000fffffffff000)
#define DESC_ATTRIBUTES (~DESC_ADDRESS & ~(DESC_VALID | DESC_TABLE))

/* Attribute 0: Device-nGnRE. Attribute 1: Normal, write-back, allocate on read and write. */
#define MAIR_VALUE UINT64_C(0xff04)

#define SCTLR_M   (UINT64_C(1) << 0)
#define SCTLR_C   (UINT64_C(1) << 2)
#define SCTLR_SA  (UINT64_C(1) << 3)
#define SCTLR_I   (UINT64_C(1) << 12)
#define SCTLR_WXN (UINT64_C(1) << 19) /* the CPU itself refuses to execute what is writable */

#define SCTLR_ON (SCTLR_EL1_OFF | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I | SCTLR_WXN)

static const uint64_t kind_attributes[MAP_KIND_COUNT] = {
    [MAP_TEXT] = DESC_ATTR_1 | DESC_INNER | DESC_AF | DESC_RO | DESC_UXN,
    [MAP_RODATA] = DESC_ATTR_1 | DESC_INNER | DESC_AF | DESC_RO | DESC_UXN | DESC_PXN,
    [MAP_DATA] = DESC_ATTR_1 | DESC_INNER | DESC_AF | DESC_UXN | DESC_PXN,
    [MAP_DEVICE] = DESC_ATTR_0 | DESC_AF | DESC_UXN | DESC_PXN,
};

static const char *const kind_names[MAP_KIND_COUNT] = {
    [MAP_TEXT] = "text   R-X",
    [MAP_RODATA] = "rodata R--",
    [MAP_DATA] = "data   RW-",
    [MAP_DEVICE] = "device RW-",
};

struct table {
    _Alignas(PAGE_BYTES) uint64_t entries[ENTRY_COUNT];
};

static struct table root;
static struct table boot_tables[BOOT_TABLE_COUNT];
static uint32_t boot_table_taken_count;
static struct spinlock lock;
static struct map_entry map_entries[MAP_ENTRY_COUNT_MAX];
static uint32_t map_entry_count;

static struct table *
take_table(void)
{
    if (boot_table_taken_count < BOOT_TABLE_COUNT) {
        return &boot_tables[boot_table_taken_count++];
    }
    return pages_alloc_zeroed(1, PAGE_BYTES);
}

static bool
is_table(uint64_t desc, uint32_t level)
{
    return level < LEVEL_LAST && (desc & DESC_TABLE) != 0;
}

static struct table *
table_of(uint64_t desc)
{
    return (struct table *)(uintptr_t)(desc & DESC_ADDRESS);
}

static uint64_t
level_bytes(uint32_t level)
{
    return UINT64_C(1) << (39 - 9 * level);
}

static int map_level(struct table *table, uint32_t level, struct range range, uint64_t attributes);

/* Map [range.base, range.end), which lies within the part that `entry` covers. */
static int
map_one(uint64_t *entry, uint32_t level, struct range range, uint64_t attributes)
{
    bool is_whole = range.end - range.base == level_bytes(level) && level >= 1;

    if (*entry == 0 && is_whole) {
        uint64_t kind_bits = level == LEVEL_LAST ? DESC_VALID | DESC_TABLE : DESC_VALID;

        *entry = range.base | attributes | kind_bits;
        return 0;
    }
    if (*entry == 0) {
        struct table *fresh = take_table();

        if (fresh == NULL) {
            return -E_NOMEM;
        }
        barrier_dsb_ishst(); /* the walker must see an empty table, not what was in the page */
        *entry = (uintptr_t)fresh | DESC_VALID | DESC_TABLE;
    }
    if (is_table(*entry, level)) {
        return map_level(table_of(*entry), level + 1, range, attributes);
    }
    return (*entry & DESC_ATTRIBUTES) == attributes ? 0 : -E_EXIST;
}

static int
map_level(struct table *table, uint32_t level, struct range range, uint64_t attributes)
{
    uint64_t step = level_bytes(level);

    while (range.base < range.end) {
        uint64_t next = min_u64(align_down(range.base, step) + step, range.end);
        struct range part = { range.base, next };
        int error =
            map_one(&table->entries[range.base / step % ENTRY_COUNT], level, part, attributes);

        if (error != 0) {
            return error;
        }
        range.base = next;
    }
    return 0;
}

/* Remember the mapping by name, by rising address; neighbours of one name and kind (virtio slots) make one line. */
static void
remember(const char *name, struct range range, enum map_kind kind)
{
    uint32_t at = 0;

    for (; at < map_entry_count && map_entries[at].base <= range.base; at++) {
        struct map_entry *entry = &map_entries[at];
        uint64_t end = entry->base + entry->bytes;

        if (range.end <= end) {
            return; /* known already: devices share pages */
        }
        if (end == range.base && entry->kind == kind && strcmp(entry->name, name) == 0) {
            entry->bytes += range.end - range.base;
            return;
        }
    }
    if (map_entry_count == MAP_ENTRY_COUNT_MAX) {
        return; /* mapped, but without a line in the list */
    }
    memmove(&map_entries[at + 1], &map_entries[at],
            (map_entry_count - at) * sizeof(map_entries[0]));
    map_entries[at] = (struct map_entry){ name, range.base, range.end - range.base, kind };
    map_entry_count++;
}

/* Without the lock: exclusive accesses need the MMU on. */
static int
map_unlocked(const char *name, uint64_t base, uint64_t bytes, enum map_kind kind)
{
    struct range range = { align_down(base, PAGE_BYTES), align_up(base + bytes, PAGE_BYTES) };

    if (bytes == 0 || bytes > UINT64_C(1) << ADDRESS_BITS || range.end <= range.base ||
        range.end > UINT64_C(1) << ADDRESS_BITS) {
        return -E_INVAL;
    }
    int error = map_level(&root, 0, range, kind_attributes[kind]);
    barrier_dsb_ishst();
    barrier_isb();
    if (error == 0) {
        remember(name, range, kind);
    }
    return error;
}

int
map_add(const char *name, uint64_t base, uint64_t bytes, enum map_kind kind)
{
    uint64_t irq_state = spin_lock_irq(&lock);
    int error = map_unlocked(name, base, bytes, kind);

    spin_unlock_irq(&lock, irq_state);
    return error;
}

volatile void *
mmio_map_device(const char *name, uint64_t base, uint64_t bytes)
{
    int error = map_add(name, base, bytes, MAP_DEVICE);

    if (error != 0) {
        log_error("mmu", "%s: registers at 0x%lx, 0x%lx bytes: %s", name, base, bytes,
                  errno_text(error));
        return NULL;
    }
    log_debug("mmu", "%s: registers at 0x%lx, 0x%lx bytes, Device-nGnRE", name, base, bytes);
    return (volatile void *)(uintptr_t)base;
}

const struct map_entry *
map_entry_at(uint32_t idx)
{
    return idx < map_entry_count ? &map_entries[idx] : NULL;
}

const char *
map_kind_name(enum map_kind kind)
{
    return (unsigned)kind < MAP_KIND_COUNT ? kind_names[kind] : "?";
}

static void
count_leaf(struct map_census *census, uint64_t desc, uint32_t level, uint64_t address)
{
    uint64_t attributes = desc & DESC_ATTRIBUTES;
    bool is_writable = (desc & DESC_RO) == 0;
    bool is_executable = (desc & DESC_PXN) == 0 || (desc & DESC_UXN) == 0;
    uint32_t kind = 0;

    while (kind < MAP_KIND_COUNT && attributes != kind_attributes[kind]) {
        kind++;
    }
    if (kind < MAP_KIND_COUNT) {
        census->bytes[kind] += level_bytes(level);
    }
    census->page_count += level == LEVEL_LAST ? 1 : 0;
    census->block_count += level == LEVEL_LAST ? 0 : 1;
    if (kind == MAP_KIND_COUNT || (is_writable && is_executable)) {
        census->violation_address =
            census->violation_count == 0 ? address : census->violation_address;
        census->violation_count++;
    }
}

static void
count_level(struct map_census *census, const struct table *table, uint32_t level, uint64_t address)
{
    census->table_count++;
    for (uint32_t i = 0; i < ENTRY_COUNT; i++) {
        uint64_t desc = table->entries[i];
        uint64_t at = address + i * level_bytes(level);

        if ((desc & DESC_VALID) == 0) {
            continue;
        }
        if (is_table(desc, level)) {
            count_level(census, table_of(desc), level + 1, at);
        } else {
            count_leaf(census, desc, level, at);
        }
    }
}

void
map_census(struct map_census *census)
{
    memset(census, 0, sizeof(*census));
    count_level(census, &root, 0, 0);
}

int
map_plant_violation(uint64_t address)
{
    struct table *table = &root;
    uint64_t *entry = NULL;

    for (uint32_t level = 0; level <= LEVEL_LAST; level++) {
        entry = &table->entries[address / level_bytes(level) % ENTRY_COUNT];
        if (level < LEVEL_LAST && !is_table(*entry, level)) {
            return -E_NOENT;
        }
        table = table_of(*entry);
    }
    *entry &=
        ~DESC_PXN; /* the tables alone: no TLB is told, and SCTLR.WXN would refuse to execute all the same */
    return 0;
}

void
map_verify(void)
{
    struct map_census census;

    map_census(&census);
    if (census.violation_count != 0) {
        panic("%lu mappings violate W^X, the first at 0x%lx", census.violation_count,
              census.violation_address);
    }
    log_info("mmu",
             "W^X holds: %lu KiB R-X, %lu KiB R--, %lu MiB RW-, %lu KiB device; %lu tables, %lu "
             "blocks, %lu pages",
             census.bytes[MAP_TEXT] / 1024, census.bytes[MAP_RODATA] / 1024,
             census.bytes[MAP_DATA] / 1024 / 1024, census.bytes[MAP_DEVICE] / 1024,
             census.table_count, census.block_count, census.page_count);
}

static uint64_t
tcr_value(void)
{
    enum { PA_RANGE_48_BITS = 5 };
    uint64_t pa_range = min_u64(SYSREG_READ(id_aa64mmfr0_el1) & 0xf, PA_RANGE_48_BITS);

    return (64 - ADDRESS_BITS) /* T0SZ */
           | UINT64_C(1) << 8  /* IRGN0: walks write-back, allocate */
           | UINT64_C(1) << 10 /* ORGN0 */
           | UINT64_C(3) << 12 /* SH0: inner shareable */
           | UINT64_C(1) << 23 /* EPD1: no upper half */
           | pa_range << 32;   /* IPS */
}

void
mmu_describe(struct secondary_boot *boot)
{
    boot->mair = MAIR_VALUE;
    boot->tcr = tcr_value();
    boot->ttbr = (uintptr_t)&root;
    boot->sctlr = SCTLR_ON;
}

static uint64_t
cache_line_bytes(void)
{
    return UINT64_C(4) << (SYSREG_READ(ctr_el0) >> 16 & 0xf);
}

void
cache_clean(const void *start, size_t bytes)
{
    uint64_t line = cache_line_bytes();
    uint64_t end = (uintptr_t)start + bytes;

    for (uint64_t at = align_down((uintptr_t)start, line); at < end; at += line) {
        __asm__ volatile("dc cvac, %0" : : "r"(at) : "memory");
    }
    barrier_dsb_sy();
}

/*
 * Everything written so far went past the caches. Drop lines that the firmware's speculation may have left there, lest
 * they hide it once the caches are on.
 */
static void
cache_forget_image(void)
{
    uint64_t line = cache_line_bytes();

    barrier_dsb_sy();
    for (uint64_t at = (uintptr_t)image_text_start; at < (uintptr_t)image_end; at += line) {
        __asm__ volatile("dc ivac, %0" : : "r"(at) : "memory");
    }
    barrier_dsb_sy();
}

static int
map_image(void)
{
    int error = map_unlocked("kernel text", (uintptr_t)image_text_start,
                             (uint64_t)(image_text_end - image_text_start), MAP_TEXT);

    if (error == 0) {
        error = map_unlocked("kernel rodata", (uintptr_t)image_rodata_start,
                             (uint64_t)(image_rodata_end - image_rodata_start), MAP_RODATA);
    }
    if (error == 0) {
        error = map_unlocked("kernel data", (uintptr_t)image_data_start,
                             (uint64_t)(image_data_end - image_data_start), MAP_DATA);
    }
    if (error == 0) {
        error = map_unlocked("exception stack", (uintptr_t)cpu_stacks[0].exception,
                             CPU_STACK_EXC_BYTES, MAP_DATA);
    }
    if (error == 0) {
        error = map_unlocked("main stack", (uintptr_t)cpu_stacks[0].main, CPU_STACK_MAIN_BYTES,
                             MAP_DATA);
    }
    return error;
}

int
mmu_start(const void *dtb, uint64_t dtb_bytes)
{
    struct secondary_boot boot;
    int error = map_image();

    if (error == 0 && dtb_bytes != 0) {
        error = map_unlocked("device tree", (uintptr_t)dtb, dtb_bytes, MAP_RODATA);
    }
    if (error != 0) {
        return error;
    }
    cache_forget_image();
    mmu_describe(&boot);
    SYSREG_WRITE(mair_el1, boot.mair);
    SYSREG_WRITE(tcr_el1, boot.tcr);
    SYSREG_WRITE(ttbr0_el1, boot.ttbr);
    barrier_isb();
    __asm__ volatile("tlbi vmalle1\n ic iallu\n dsb nsh\n isb" : : : "memory");
    SYSREG_WRITE(sctlr_el1, boot.sctlr);
    barrier_isb();
    return 0;
}

bool
mmu_is_readable(uint64_t address)
{
    __asm__ volatile("at s1e1r, %0" : : "r"(address) : "memory");
    barrier_isb();
    return (SYSREG_READ(par_el1) & 1) == 0;
}
