/* The flattened device tree: see tree.h. libfdt reads the format; what the properties mean stands here. */
#include "kernel/fdt/tree.h"

#include <string.h>

#include <libfdt.h>

#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/log.h"

enum {
    CELLS_MAX = 2, /* of an address or size that fits a CPU's */
    GIC_CELLS = 3 /* 4 where it partitions per-CPU interrupts */,
};

static const size_t cell_bytes = 4;

static uint32_t
cell(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* A number of `count` cells, 0..2. */
static uint64_t
cells(const uint8_t *bytes, uint32_t count)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < count; i++) {
        value = value << 32 | cell(bytes + i * cell_bytes);
    }
    return value;
}

/* The specification wants these aligned; libfdt loads through them without looking. */
static bool
has_aligned_blocks(const void *blob)
{
    return is_aligned((uintptr_t)blob, 8) && is_aligned(fdt_off_dt_struct(blob), cell_bytes) &&
           is_aligned(fdt_off_mem_rsvmap(blob), 8);
}

int
dt_validate(const void *blob, size_t bytes)
{
    int result = -FDT_ERR_TRUNCATED;

    if (bytes >= FDT_V1_SIZE) {
        result = has_aligned_blocks(blob) ? fdt_check_full(blob, bytes) : -FDT_ERR_ALIGNMENT;
    }
    if (result != 0) {
        log_error("fdt", "the device tree is unusable: %s", fdt_strerror(result));
        return -E_INVAL;
    }
    return 0;
}

const void *
dt_bytes(const struct dt_cursor *cursor, const char *property, uint32_t *bytes)
{
    int length = 0;
    const void *value = fdt_getprop(cursor->blob, cursor->node, property, &length);

    *bytes = value != NULL ? (uint32_t)length : 0;
    return value;
}

const char *
dt_string(const struct dt_cursor *cursor, const char *property)
{
    uint32_t bytes;
    const char *text = dt_bytes(cursor, property, &bytes);

    return text != NULL && memchr(text, '\0', bytes) != NULL ? text : NULL;
}

int
dt_u32(const struct dt_cursor *cursor, const char *property, uint32_t *value)
{
    uint32_t bytes;
    const uint8_t *data = dt_bytes(cursor, property, &bytes);

    if (data == NULL) {
        return -E_NOENT;
    }
    if (bytes != cell_bytes) {
        dt_complain(cursor, property, "is not one cell");
        return -E_INVAL;
    }
    *value = cell(data);
    return 0;
}

void
dt_complain(const struct dt_cursor *cursor, const char *property, const char *what)
{
    char path[DT_PATH_BYTES];
    char raw[3 * 16 + 1] = "";
    uint32_t bytes;
    const uint8_t *data = dt_bytes(cursor, property, &bytes);

    for (uint32_t i = 0; i < bytes && i < 16; i++) {
        format_text(raw + 3 * (size_t)i, 4, " %02x", data[i]);
    }
    log_error("fdt", "%s: %s %s (%u bytes:%s)", dt_path(cursor, path, sizeof(path)), property, what,
              bytes, raw);
}

/* Look the interrupt controller up; cell_count stays 0 where there is none. */
static void
read_controller(const struct dt_cursor *cursor, uint32_t phandle, struct dt_interrupts *interrupts)
{
    enum { CELL_COUNT_MAX = 8 };
    struct dt_cursor at = { .blob = cursor->blob };

    *interrupts = (struct dt_interrupts){ 0 };
    at.node = fdt_node_offset_by_phandle(cursor->blob, phandle);
    if (at.node < 0 || dt_u32(&at, "#interrupt-cells", &interrupts->cell_count) != 0 ||
        interrupts->cell_count > CELL_COUNT_MAX) {
        interrupts->cell_count = 0;
    }
    interrupts->is_gic =
        interrupts->cell_count == GIC_CELLS || interrupts->cell_count == GIC_CELLS + 1;
}

/* What the node at the cursor lays down for its children. */
static void
enter_level(struct dt_cursor *cursor)
{
    struct dt_level *level = &cursor->levels[cursor->depth];
    uint32_t phandle;

    *level = (struct dt_level){ .node = cursor->node,
                                .address_cells = 2,
                                .size_cells = 1 }; /* the defaults */
    (void)dt_u32(cursor, "#address-cells", &level->address_cells);
    (void)dt_u32(cursor, "#size-cells", &level->size_cells);
    if (dt_u32(cursor, "interrupt-parent", &phandle) == 0) {
        read_controller(cursor, phandle, &level->interrupts);
    } else if (cursor->depth > 0) {
        level->interrupts = cursor->levels[cursor->depth - 1].interrupts;
    }
}

void
dt_first(struct dt_cursor *cursor, const void *blob)
{
    memset(cursor, 0, sizeof(*cursor));
    cursor->blob = blob;
    cursor->node = -1;
    cursor->depth = -1;
}

bool
dt_next(struct dt_cursor *cursor)
{
    do {
        cursor->node = fdt_next_node(cursor->blob, cursor->node, &cursor->depth);
        if (cursor->node < 0 || cursor->depth < 0) {
            cursor->node = -1;
            return false;
        }
    } while (cursor->depth >= DT_DEPTH_MAX);
    enter_level(cursor);
    return true;
}

static int
find_node(struct dt_cursor *cursor, const void *blob, int node)
{
    dt_first(cursor, blob);
    while (node >= 0 && dt_next(cursor)) {
        if (cursor->node == node) {
            return 0;
        }
    }
    return -E_NOENT;
}

int
dt_find(struct dt_cursor *cursor, const void *blob, const char *path)
{
    const char *end = strchr(path, ':');
    size_t length = end != NULL ? (size_t)(end - path) : strlen(path);

    return find_node(cursor, blob, fdt_path_offset_namelen(blob, path, (int)length));
}

int
dt_find_phandle(struct dt_cursor *cursor, const void *blob, uint32_t phandle)
{
    return find_node(cursor, blob, fdt_node_offset_by_phandle(blob, phandle));
}

const char *
dt_name(const struct dt_cursor *cursor)
{
    const char *name = fdt_get_name(cursor->blob, cursor->node, NULL);

    return name != NULL ? name : "?";
}

const char *
dt_path(const struct dt_cursor *cursor, char *path, size_t size)
{
    size_t used = 0;

    format_text(path, size, "/");
    for (int depth = 1; depth <= cursor->depth && used < size; depth++) {
        const char *name = fdt_get_name(cursor->blob, cursor->levels[depth].node, NULL);

        used += format_text(path + used, size - used, "/%s", name != NULL ? name : "?");
    }
    return path;
}

bool
dt_is_compatible(const struct dt_cursor *cursor, const char *compatible)
{
    return fdt_node_check_compatible(cursor->blob, cursor->node, compatible) == 0;
}

bool
dt_is_enabled(const struct dt_cursor *cursor)
{
    const char *status = dt_string(cursor, "status");

    return status == NULL || strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

/*
 * Translate `reg` from the address space below the node at `depth` (a bus) to the one that it lies in itself.
 * Returns: 0; -E_INVAL.
 */
static int
translate_once(const struct dt_cursor *cursor, int depth, struct dt_reg *reg)
{
    const struct dt_level *bus = &cursor->levels[depth];
    const struct dt_level *above = &cursor->levels[depth - 1];
    struct dt_cursor at = { .blob = cursor->blob, .node = bus->node };
    uint32_t bytes;
    const uint8_t *ranges = dt_bytes(&at, "ranges", &bytes);
    uint32_t entry_cells = bus->address_cells + above->address_cells + bus->size_cells;

    if (ranges == NULL || bus->address_cells > CELLS_MAX || above->address_cells > CELLS_MAX ||
        bus->size_cells > CELLS_MAX) {
        return -E_INVAL;
    }
    if (bytes == 0) {
        return 0; /* empty: the same addresses on both sides */
    }
    for (uint32_t at_byte = 0; entry_cells > 0 && bytes - at_byte >= entry_cells * cell_bytes;
         at_byte += entry_cells * cell_bytes) {
        const uint8_t *entry = ranges + at_byte;
        uint64_t child = cells(entry, bus->address_cells);
        uint64_t parent = cells(entry + bus->address_cells * cell_bytes, above->address_cells);
        uint64_t size = cells(entry + (bus->address_cells + above->address_cells) * cell_bytes,
                              bus->size_cells);

        if (reg->base >= child && reg->base - child < size) {
            reg->base = reg->base - child + parent;
            return 0;
        }
    }
    return -E_INVAL;
}

int
dt_reg_property(const struct dt_cursor *cursor, const char *property, uint32_t idx,
                struct dt_reg *reg)
{
    uint32_t bytes;
    const uint8_t *data = dt_bytes(cursor, property, &bytes);
    const struct dt_level *parent = &cursor->levels[cursor->depth > 0 ? cursor->depth - 1 : 0];
    uint32_t entry_bytes;

    if (data == NULL || cursor->depth == 0) {
        return -E_NOENT;
    }
    if (parent->address_cells > CELLS_MAX || parent->size_cells > CELLS_MAX ||
        parent->address_cells == 0 || parent->size_cells == 0) {
        return -E_NOENT; /* a CPU, a PCI function: addresses that are no memory */
    }
    entry_bytes = (parent->address_cells + parent->size_cells) * cell_bytes;
    if (bytes == 0 || bytes % entry_bytes != 0) {
        dt_complain(cursor, property, "has a size that its cells do not divide");
        return -E_INVAL;
    }
    if (idx >= bytes / entry_bytes) {
        return -E_NOENT;
    }
    data += (size_t)idx * entry_bytes;
    reg->base = cells(data, parent->address_cells);
    reg->size = cells(data + (size_t)parent->address_cells * cell_bytes, parent->size_cells);
    for (int depth = cursor->depth - 1; depth > 0; depth--) {
        if (translate_once(cursor, depth, reg) != 0) {
            dt_complain(cursor, property, "lies outside its bus's ranges");
            return -E_INVAL;
        }
    }
    if (reg->size > UINT64_MAX - reg->base) {
        dt_complain(cursor, property, "passes the end of the address space");
        return -E_INVAL;
    }
    return 0;
}

int
dt_reg(const struct dt_cursor *cursor, uint32_t idx, struct dt_reg *reg)
{
    return dt_reg_property(cursor, "reg", idx, reg);
}

/* Decode one GIC specifier: kind (0 shared, 1 per CPU), number, trigger. */
static int
decode_gic(const struct dt_cursor *cursor, const char *property, const uint8_t *data,
           struct dt_irq *irq)
{
    enum { SHARED_FIRST = 32, SHARED_COUNT = 988, PER_CPU_FIRST = 16, PER_CPU_COUNT = 16 };
    uint32_t kind = cell(data);
    uint32_t number = cell(data + cell_bytes);

    if (kind > 1 || number >= (kind == 0 ? SHARED_COUNT : PER_CPU_COUNT)) {
        dt_complain(cursor, property, "names no interrupt of the GIC");
        return -E_INVAL;
    }
    irq->irq = number + (kind == 0 ? SHARED_FIRST : PER_CPU_FIRST);
    irq->trigger = cell(data + 2 * cell_bytes) & 0xf; /* above: CPU mask of old trees */
    return 0;
}

static int
extended_irq(const struct dt_cursor *cursor, uint32_t idx, struct dt_irq *irq)
{
    static const char property[] = "interrupts-extended";
    uint32_t bytes;
    const uint8_t *data = dt_bytes(cursor, property, &bytes);

    if (data == NULL) {
        return -E_NOENT;
    }
    for (uint32_t at = 0; bytes - at >= cell_bytes; idx--) {
        struct dt_interrupts controller;

        read_controller(cursor, cell(data + at), &controller);
        if (controller.cell_count == 0 || bytes - at < (controller.cell_count + 1) * cell_bytes) {
            dt_complain(cursor, property, "names no interrupt controller, or is cut off");
            return -E_INVAL;
        }
        if (idx == 0) {
            return controller.is_gic ? decode_gic(cursor, property, data + at + cell_bytes, irq)
                                     : -E_NOENT;
        }
        at += (controller.cell_count + 1) * cell_bytes;
    }
    return -E_NOENT;
}

int
dt_irq(const struct dt_cursor *cursor, uint32_t idx, struct dt_irq *irq)
{
    static const char property[] = "interrupts";
    uint32_t bytes;
    const uint8_t *data = dt_bytes(cursor, property, &bytes);
    const struct dt_interrupts *controller = &cursor->levels[cursor->depth].interrupts;
    uint32_t entry_bytes = controller->cell_count * cell_bytes;

    if (data == NULL) {
        return extended_irq(cursor, idx, irq);
    }
    if (entry_bytes == 0) {
        dt_complain(cursor, property, "has no interrupt controller above it");
        return -E_INVAL;
    }
    if (bytes % entry_bytes != 0) {
        dt_complain(cursor, property, "has a size that its cells do not divide");
        return -E_INVAL;
    }
    if (idx >= bytes / entry_bytes) {
        return -E_NOENT;
    }
    return controller->is_gic ? decode_gic(cursor, property, data + (size_t)idx * entry_bytes, irq)
                              : -E_NOENT;
}

/* Cells of the parent's part of an interrupt-map entry, address and specifier; 0: there is no such controller. */
static uint32_t
parent_cells(const struct dt_cursor *cursor, uint32_t phandle, uint32_t *address_cells,
             struct dt_interrupts *controller)
{
    enum { ADDRESS_CELLS_MAX = 4 };
    struct dt_cursor at = { .blob = cursor->blob };

    read_controller(cursor, phandle, controller);
    at.node = fdt_node_offset_by_phandle(cursor->blob, phandle);
    *address_cells = 0;
    if (at.node >= 0) {
        (void)dt_u32(&at, "#address-cells", address_cells);
    }
    return controller->cell_count == 0 || *address_cells > ADDRESS_CELLS_MAX
               ? 0
               : *address_cells + controller->cell_count;
}

int
dt_irq_mapped(const struct dt_cursor *cursor, uint32_t address_high, uint32_t pin,
              struct dt_irq *irq)
{
    static const char property[] = "interrupt-map";
    enum { PIN = 3, PHANDLE = 4, PARENT = 5, MASK_BYTES = 16 }; /* cells of a PCI bus's entry */
    uint32_t bytes;
    uint32_t mask_bytes;
    const uint8_t *map = dt_bytes(cursor, property, &bytes);
    const uint8_t *mask = dt_bytes(cursor, "interrupt-map-mask", &mask_bytes);
    uint32_t address_mask = mask_bytes == MASK_BYTES ? cell(mask) : UINT32_MAX;

    for (uint32_t at = 0; bytes - at > PARENT * cell_bytes;) {
        const uint8_t *entry = map + at;
        struct dt_interrupts controller;
        uint32_t address_cells;
        uint32_t count =
            parent_cells(cursor, cell(entry + PHANDLE * cell_bytes), &address_cells, &controller);

        at += (uint32_t)((PARENT + count) * cell_bytes);
        if (count == 0 || at > bytes) {
            dt_complain(cursor, property, "names no interrupt controller, or is cut off");
            return -E_INVAL;
        }
        if (cell(entry) == (address_high & address_mask) && cell(entry + PIN * cell_bytes) == pin) {
            entry += (PARENT + address_cells) * cell_bytes;
            return controller.is_gic ? decode_gic(cursor, property, entry, irq) : -E_NOENT;
        }
    }
    return -E_NOENT;
}

int
dt_clock_hz(const struct dt_cursor *cursor, uint32_t idx, uint32_t *hz)
{
    uint32_t bytes;
    const uint8_t *data = dt_bytes(cursor, "clocks", &bytes);
    struct dt_cursor clock = { .blob = cursor->blob };

    /* Fixed clocks have no cells of their own, so that entry `idx` is cell `idx`. */
    if (data == NULL || idx >= bytes / cell_bytes) {
        return -E_NOENT;
    }
    clock.node = fdt_node_offset_by_phandle(cursor->blob, cell(data + (size_t)idx * cell_bytes));
    if (clock.node < 0 || !dt_is_compatible(&clock, "fixed-clock")) {
        return -E_NOENT;
    }
    return dt_u32(&clock, "clock-frequency", hz);
}
