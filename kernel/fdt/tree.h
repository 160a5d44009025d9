/*
 * The flattened device tree, walked node by node, with what a node's meaning depends on: its ancestors' cell counts, their
 * `ranges` and interrupt parents. Everything in it comes from outside: whatever is missing or broken gets one line in the log
 * that names node and property, and the walk goes on.
 *
 *   struct dt_cursor at;
 *   for (dt_first(&at, blob); dt_next(&at);) { if (dt_is_compatible(&at, "arm,pl011")) { dt_reg(&at, 0, &reg); } }
 */
#ifndef KERNEL_FDT_TREE_H
#define KERNEL_FDT_TREE_H

#include "kernel/core/base.h"

enum {
    DT_DEPTH_MAX = 16, /* deeper nodes are not looked at */
    DT_PATH_BYTES = 128,
};

/* The interrupt controller in force at a node. */
struct dt_interrupts {
    uint32_t cell_count; /* of a specifier; 0: no controller */
    bool is_gic;
};

/* What a node lays down for its children. */
struct dt_level {
    int node;
    uint32_t address_cells;
    uint32_t size_cells;
    struct dt_interrupts interrupts;
};

struct dt_cursor {
    const void *blob;
    int node;  /* libfdt's offset; negative before the first and after the last */
    int depth; /* 0: the root */
    struct dt_level levels[DT_DEPTH_MAX];
};

struct dt_reg {
    uint64_t base; /* CPU physical address */
    uint64_t size;
};

struct dt_irq {
    uint32_t irq;     /* the controller's number (GIC INTID) */
    uint32_t trigger; /* enum irq_trigger, as in the tree */
};

/*
 * Check the whole blob: header, structure, strings. Only then may the other functions see it.
 * Context: any. Returns: 0; -E_INVAL (logged with libfdt's reason).
 */
int dt_validate(const void *blob, size_t bytes);

/* Start before the root. `blob` has been validated and stays. */
void dt_first(struct dt_cursor *cursor, const void *blob);

/* Go to the next node, the root first. Returns: whether there is one. */
bool dt_next(struct dt_cursor *cursor);

/* Go to the node that `path` names (an alias, or a path; what follows a ':' is ignored). Returns: 0; -E_NOENT. */
int dt_find(struct dt_cursor *cursor, const void *blob, const char *path);

/* Go to the node with that phandle. Returns: 0; -E_NOENT. */
int dt_find_phandle(struct dt_cursor *cursor, const void *blob, uint32_t phandle);

/* The node's name with unit address. Returns: never NULL. */
const char *dt_name(const struct dt_cursor *cursor);

/* The node's full path, cut where longer than `size`. Returns: path. */
const char *dt_path(const struct dt_cursor *cursor, char *path, size_t size);

/* The property's bytes, not aligned. Returns: NULL when absent; *bytes is 0 then. */
const void *dt_bytes(const struct dt_cursor *cursor, const char *property, uint32_t *bytes);

/* A string property's first string. Returns: NULL when absent or not terminated. */
const char *dt_string(const struct dt_cursor *cursor, const char *property);

/* A one-cell property. Returns: 0; -E_NOENT (absent), -E_INVAL (another size). *value is unchanged on errors. */
int dt_u32(const struct dt_cursor *cursor, const char *property, uint32_t *value);

/* Whether one of the node's compatible strings is `compatible`. */
bool dt_is_compatible(const struct dt_cursor *cursor, const char *compatible);

/* Whether the node is in use: no status, "okay" or "ok". */
bool dt_is_enabled(const struct dt_cursor *cursor);

/*
 * The node's register range number `idx`, translated through every ancestor's `ranges`.
 * Returns: 0; -E_NOENT (no such range: not logged), -E_INVAL (broken: logged).
 */
int dt_reg(const struct dt_cursor *cursor, uint32_t idx, struct dt_reg *reg);

/* The same for another property of that form. */
int dt_reg_property(const struct dt_cursor *cursor, const char *property, uint32_t idx,
                    struct dt_reg *reg);

/*
 * The node's interrupt number `idx`, from `interrupts` and the interrupt parent in force, or `interrupts-extended`.
 * Returns: 0; -E_NOENT (none, or its controller is not a GIC), -E_INVAL (broken: logged).
 */
int dt_irq(const struct dt_cursor *cursor, uint32_t idx, struct dt_irq *irq);

/*
 * What the node's `interrupt-map` makes of an interrupt of a child: for a PCI bus `address_high` is the first cell of the
 * child's unit address (bus << 16 | device << 11 | function << 8), and `pin` is 1 to 4.
 * Returns: 0; -E_NOENT (not in the map, or its controller is not a GIC), -E_INVAL (broken: logged).
 */
int dt_irq_mapped(const struct dt_cursor *cursor, uint32_t address_high, uint32_t pin,
                  struct dt_irq *irq);

/*
 * The clock number `idx` of the node in Hz, where it is a fixed one. Returns: 0; -E_NOENT.
 */
int dt_clock_hz(const struct dt_cursor *cursor, uint32_t idx, uint32_t *hz);

/* One log line: "PATH: PROPERTY: what is wrong", with the property's first bytes. */
void dt_complain(const struct dt_cursor *cursor, const char *property, const char *what);

#endif
