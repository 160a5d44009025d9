/* The machine as a whole: see platform.h. */
#include "kernel/fdt/platform.h"

#include <string.h>

#include <libfdt.h>

#include "kernel/core/errno.h"
#include "kernel/core/log.h"
#include "kernel/core/percpu.h"
#include "kernel/fdt/devices.h"

static void
add_range(struct range_set *set, const char *what, uint64_t base, uint64_t size)
{
    int error = size == 0 ? 0 : ranges_add(set, base, size);

    if (error != 0) {
        log_error("fdt", "%s at 0x%lx, 0x%lx bytes: %s", what, base, size, errno_text(error));
    }
}

static bool
is_memory(const struct dt_cursor *node)
{
    const char *kind = dt_string(node, "device_type");

    return node->depth == 1 && kind != NULL && strcmp(kind, "memory") == 0 && dt_is_enabled(node);
}

static bool
is_reserved(const struct dt_cursor *node)
{
    struct dt_cursor parent = { .blob = node->blob };

    if (node->depth != 2) {
        return false;
    }
    parent.node = node->levels[1].node;
    return strcmp(dt_name(&parent), "reserved-memory") == 0 && dt_is_enabled(node);
}

static void
read_reservation(const struct dt_cursor *node, struct dt_memory *memory)
{
    struct dt_reg reg;
    uint32_t bytes;

    for (uint32_t i = 0; dt_reg(node, i, &reg) == 0; i++) {
        add_range(&memory->reserved, dt_name(node), reg.base, reg.size);
        if (dt_bytes(node, "no-map", &bytes) != NULL) {
            add_range(&memory->unmapped, dt_name(node), reg.base, reg.size);
        }
    }
}

/* A number of one or two cells. */
static bool
read_address(const struct dt_cursor *node, const char *property, uint64_t *value)
{
    uint32_t bytes;
    const uint8_t *data = dt_bytes(node, property, &bytes);

    if (data == NULL || (bytes != 4 && bytes != 8)) {
        return false;
    }
    *value = 0;
    for (uint32_t i = 0; i < bytes; i++) {
        *value = *value << 8 | data[i];
    }
    return true;
}

static void
reserve_initrd(const void *blob, struct dt_memory *memory)
{
    struct dt_cursor node;
    uint64_t start;
    uint64_t end;

    if (dt_find(&node, blob, "/chosen") == 0 && read_address(&node, "linux,initrd-start", &start) &&
        read_address(&node, "linux,initrd-end", &end) && end > start) {
        add_range(&memory->reserved, "initrd", start, end - start);
    }
}

int
dt_read_memory(const void *blob, struct dt_memory *memory)
{
    struct dt_cursor node;
    struct dt_reg reg;
    uint64_t base;
    uint64_t size;

    memset(memory, 0, sizeof(*memory));
    for (dt_first(&node, blob); dt_next(&node);) {
        if (is_memory(&node)) {
            for (uint32_t i = 0; dt_reg(&node, i, &reg) == 0; i++) {
                add_range(&memory->ram, dt_name(&node), reg.base, reg.size);
            }
        } else if (is_reserved(&node)) {
            read_reservation(&node, memory);
        }
    }
    for (int i = 0; i < fdt_num_mem_rsv(blob) && fdt_get_mem_rsv(blob, i, &base, &size) == 0; i++) {
        add_range(&memory->reserved, "/memreserve/", base, size);
    }
    reserve_initrd(blob, memory);
    return memory->ram.count == 0 ? -E_NOENT : 0;
}

void
dt_read_chosen(const void *blob, struct dt_chosen *chosen)
{
    struct dt_cursor node;

    *chosen = (struct dt_chosen){ "", NULL };
    if (dt_find(&node, blob, "/chosen") != 0) {
        log_warn("fdt", "/chosen is missing: no boot arguments, no console named");
        return;
    }
    const char *bootargs = dt_string(&node, "bootargs");
    chosen->bootargs = bootargs != NULL ? bootargs : "";
    chosen->stdout_path = dt_string(&node, "stdout-path");
}

static bool
is_known_cpu(uint64_t hw_id)
{
    for (uint32_t i = 0; i < percpu_count(); i++) {
        if (percpu_at(i)->hw_id == hw_id) {
            return true;
        }
    }
    return false;
}

/* `reg` of a CPU is its MPIDR affinity in one or two cells, and has no size. */
static void
read_cpu(const struct dt_cursor *node)
{
    const char *method = dt_string(node, "enable-method");
    uint64_t hw_id;

    if (!read_address(node, "reg", &hw_id)) {
        dt_complain(node, "reg", "is missing or has neither one nor two cells");
        return;
    }
    if (is_known_cpu(hw_id)) {
        return;
    }
    if (method == NULL || strcmp(method, "psci") != 0) {
        log_warn("fdt", "%s: enable-method is not psci, the CPU stays off", dt_name(node));
    } else if (percpu_add(hw_id) == NULL) {
        log_warn("fdt", "%s: more CPUs than the kernel uses, it stays off", dt_name(node));
    }
}

static bool
is_cpu(const struct dt_cursor *node)
{
    const char *kind = dt_string(node, "device_type");

    return node->depth == 2 && kind != NULL && strcmp(kind, "cpu") == 0;
}

void
dt_read_cpus(const void *blob)
{
    struct dt_cursor node;

    for (dt_first(&node, blob); dt_next(&node);) {
        if (is_cpu(&node) && dt_is_enabled(&node)) {
            read_cpu(&node);
        }
    }
}

void
dt_describe_cpus(void)
{
    struct dt_device *device;
    uint64_t hw_id;

    for (uint32_t i = 0; (device = dt_device_at(i)) != NULL; i++) {
        for (uint32_t cpu = 0; is_cpu(&device->node) && cpu < percpu_count(); cpu++) {
            bool is_online = __atomic_load_n(&percpu_at(cpu)->is_online, __ATOMIC_ACQUIRE);

            if (read_address(&device->node, "reg", &hw_id) && hw_id == percpu_at(cpu)->hw_id) {
                device->driver = "smp";
                dt_device_describe(device, "CPU %u, %s", cpu, is_online ? "online" : "offline");
            }
        }
    }
}

const char *
dt_model(const void *blob)
{
    struct dt_cursor root;

    dt_first(&root, blob);
    const char *model = dt_next(&root) ? dt_string(&root, "model") : NULL;
    return model != NULL ? model : "unknown machine";
}
