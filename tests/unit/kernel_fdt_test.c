/*
 * The device tree: crafted ones, whole and broken. Nothing in a tree may do more than cost a line in the log.
 * conformance: S4-05 S4-14
 */
#include <libfdt.h>

#include "kernel/arch/host/host.h"
#include "kernel/core/errno.h"
#include "kernel/core/percpu.h"
#include "kernel/drv/pl011.h"
#include "kernel/fdt/devices.h"
#include "kernel/fdt/platform.h"
#include "kernel/fdt/tree.h"
#include "tests/unit/utest.h"

enum {
    BLOB_BYTES = 8192,
    GIC_PHANDLE = 1,
    CLOCK_PHANDLE = 2,
};

static _Alignas(8) char blob[BLOB_BYTES];

/* One property of big-endian cells. */
static void
cells(const char *name, const uint32_t *values, size_t count)
{
    fdt32_t data[16];

    for (size_t i = 0; i < count; i++) {
        data[i] = cpu_to_fdt32(values[i]);
    }
    EXPECT_EQ(fdt_property(blob, name, data, (int)(count * sizeof(data[0]))), 0);
}

#define CELLS(name, ...)                                                                           \
 cells(name, (const uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4)

static void
begin(const char *name)
{
    EXPECT_EQ(fdt_begin_node(blob, name), 0);
}

static void
end(void)
{
    EXPECT_EQ(fdt_end_node(blob), 0);
}

static void
text(const char *name, const char *value)
{
    EXPECT_EQ(fdt_property_string(blob, name, value), 0);
}

static void
begin_tree(void)
{
    (void)fdt_create(blob, sizeof(blob));
    (void)fdt_add_reservemap_entry(blob, 0x48000000, 0x1000);
    (void)fdt_finish_reservemap(blob);
    begin("");
    text("model", "crafted");
    CELLS("#address-cells", 2);
    CELLS("#size-cells", 2);
    CELLS("interrupt-parent", GIC_PHANDLE);
    begin("gic");
    text("compatible", "arm,gic-v3");
    CELLS("phandle", GIC_PHANDLE);
    CELLS("#interrupt-cells", 3);
    end();
    begin("clk");
    text("compatible", "fixed-clock");
    CELLS("phandle", CLOCK_PHANDLE);
    CELLS("clock-frequency", 24000000);
    end();
}

static void
end_tree(void)
{
    end();
    EXPECT_EQ(fdt_finish(blob), 0);
    EXPECT_EQ(dt_validate(blob, fdt_totalsize(blob)), 0);
    host_console_start();
}

static int
find(struct dt_cursor *cursor, const char *path)
{
    return dt_find(cursor, blob, path);
}

UTEST(registers_are_translated_through_every_bus)
{
    struct dt_cursor node;
    struct dt_reg reg;

    begin_tree();
    begin("soc"); /* like a board whose ports lie behind two buses */
    CELLS("#address-cells", 1);
    CELLS("#size-cells", 1);
    CELLS("ranges", 0x7c000000, 0x10, 0x7c000000, 0x4000000, 0x0, 0x0, 0x0, 0x1000);
    begin("bus");
    CELLS("#address-cells", 1);
    CELLS("#size-cells", 1);
    CELLS("ranges", 0x0, 0x7d000000, 0x10000);
    begin("uart@1000");
    text("compatible", "arm,pl011");
    CELLS("reg", 0x1000, 0x200, 0x2000, 0x10);
    end();
    begin("far@20000");
    text("compatible", "x,far");
    CELLS("reg", 0x20000, 0x200);
    end();
    end();
    end();
    end_tree();
    EXPECT_EQ(find(&node, "/soc/bus/uart@1000:115200"), 0);
    EXPECT_EQ(dt_reg(&node, 0, &reg), 0);
    EXPECT_TRUE(reg.base == UINT64_C(0x107d001000) && reg.size == 0x200);
    EXPECT_EQ(dt_reg(&node, 1, &reg), 0);
    EXPECT_TRUE(reg.base == UINT64_C(0x107d002000));
    EXPECT_EQ(dt_reg(&node, 2, &reg), -E_NOENT);
    EXPECT_EQ(find(&node, "/soc/bus/far@20000"), 0);
    EXPECT_EQ(dt_reg(&node, 0, &reg), -E_INVAL);
    EXPECT_CONTAINS(host_console(), "/soc/bus/far@20000: reg lies outside its bus's ranges");
}

UTEST(a_bus_without_ranges_hides_its_children)
{
    struct dt_cursor node;
    struct dt_reg reg;

    begin_tree();
    begin("i2c");
    CELLS("#address-cells", 1);
    CELLS("#size-cells", 0);
    begin("chip@50");
    CELLS("reg", 0x50);
    end();
    end();
    begin("odd");
    CELLS("#address-cells", 1);
    CELLS("#size-cells", 1);
    begin("child@0");
    CELLS("reg", 0, 16);
    end();
    end();
    end_tree();
    EXPECT_EQ(find(&node, "/i2c/chip@50"), 0);
    EXPECT_EQ(dt_reg(&node, 0, &reg), -E_NOENT);
    EXPECT_STREQ(host_console(), "");
    EXPECT_EQ(find(&node, "/odd/child@0"), 0);
    EXPECT_EQ(dt_reg(&node, 0, &reg), -E_INVAL);
}

UTEST(broken_registers_are_named)
{
    struct dt_cursor node;
    struct dt_reg reg;

    begin_tree();
    begin("short@0");
    CELLS("reg", 0, 0x1000, 0x200);
    end();
    begin("huge@0");
    CELLS("reg", 0xffffffff, 0xfffff000, 0, 0x2000);
    end();
    end_tree();
    EXPECT_EQ(find(&node, "/short@0"), 0);
    EXPECT_EQ(dt_reg(&node, 0, &reg), -E_INVAL);
    EXPECT_CONTAINS(
        host_console(),
        "/short@0: reg has a size that its cells do not divide (12 bytes: 00 00 00 00 00 00 10");
    EXPECT_EQ(find(&node, "/huge@0"), 0);
    EXPECT_EQ(dt_reg(&node, 0, &reg), -E_INVAL);
    EXPECT_CONTAINS(host_console(), "/huge@0: reg passes the end of the address space");
}

UTEST(interrupts_follow_their_parent)
{
    struct dt_cursor node;
    struct dt_irq irq;

    begin_tree();
    begin("a");
    CELLS("interrupts", 0, 16, 1, 1, 11, 0x104);
    end();
    begin("b");
    CELLS("interrupt-parent", 9);
    CELLS("interrupts", 0, 16, 1);
    end();
    begin("c");
    CELLS("interrupts", 0, 16);
    end();
    begin("d");
    CELLS("interrupts", 2, 16, 1);
    end();
    begin("e");
    CELLS("interrupts", 0, 988, 1);
    end();
    begin("f");
    CELLS("interrupts-extended", GIC_PHANDLE, 0, 1, 4, GIC_PHANDLE, 0, 2, 4);
    end();
    begin("g");
    CELLS("interrupts-extended", GIC_PHANDLE, 0, 1);
    end();
    end_tree();
    EXPECT_EQ(find(&node, "/a"), 0);
    EXPECT_EQ(dt_irq(&node, 0, &irq), 0);
    EXPECT_TRUE(irq.irq == 48 && irq.trigger == 1);
    EXPECT_EQ(dt_irq(&node, 1, &irq), 0);
    EXPECT_TRUE(irq.irq == 27 && irq.trigger == 4);
    EXPECT_EQ(dt_irq(&node, 2, &irq), -E_NOENT);
    EXPECT_STREQ(host_console(), "");
    for (char name[] = "/b"; name[1] <= 'e'; name[1]++) {
        EXPECT_EQ(find(&node, name), 0);
        EXPECT_EQ(dt_irq(&node, 0, &irq), -E_INVAL);
        EXPECT_CONTAINS(host_console(), name);
    }
    EXPECT_EQ(find(&node, "/f"), 0);
    EXPECT_EQ(dt_irq(&node, 1, &irq), 0);
    EXPECT_EQ(irq.irq, 34);
    EXPECT_EQ(dt_irq(&node, 2, &irq), -E_NOENT);
    EXPECT_EQ(find(&node, "/g"), 0);
    EXPECT_EQ(dt_irq(&node, 0, &irq), -E_INVAL);
}

UTEST(memory_is_read_without_what_is_reserved)
{
    struct dt_memory memory;

    begin_tree();
    begin("memory@40000000");
    text("device_type", "memory");
    CELLS("reg", 0, 0x40000000, 0, 0x10000000, 1, 0, 0, 0x10000000);
    end();
    begin("memory@0");
    text("device_type", "memory");
    text("status", "disabled");
    CELLS("reg", 0, 0, 0, 0x1000);
    end();
    begin("reserved-memory");
    CELLS("#address-cells", 2);
    CELLS("#size-cells", 2);
    (void)fdt_property(blob, "ranges", "", 0);
    begin("secure@41000000");
    CELLS("reg", 0, 0x41000000, 0, 0x100000);
    (void)fdt_property(blob, "no-map", "", 0);
    end();
    end();
    begin("chosen");
    CELLS("linux,initrd-start", 0x42000000);
    CELLS("linux,initrd-end", 0, 0x42001000);
    end();
    end_tree();
    EXPECT_EQ(dt_read_memory(blob, &memory), 0);
    EXPECT_EQ(memory.ram.count, 2);
    EXPECT_TRUE(memory.ram.ranges[1].base == UINT64_C(0x100000000));
    EXPECT_EQ(memory.unmapped.count, 1);
    EXPECT_TRUE(ranges_contain(&memory.reserved, 0x41000000, 0x100000));
    EXPECT_TRUE(ranges_contain(&memory.reserved, 0x42000000, 0x1000));
    EXPECT_TRUE(ranges_contain(&memory.reserved, 0x48000000, 0x1000));
}

UTEST(a_tree_without_memory_console_or_model)
{
    struct dt_memory memory;
    struct dt_chosen chosen;
    struct dt_cursor node;

    (void)fdt_create(blob, sizeof(blob));
    (void)fdt_finish_reservemap(blob);
    begin("");
    end_tree();
    EXPECT_EQ(dt_read_memory(blob, &memory), -E_NOENT);
    dt_read_chosen(blob, &chosen);
    EXPECT_STREQ(chosen.bootargs, "");
    EXPECT_TRUE(chosen.stdout_path == NULL);
    EXPECT_STREQ(dt_model(blob), "unknown machine");
    EXPECT_EQ(find(&node, "/nowhere"), -E_NOENT);
    EXPECT_EQ(find(&node, "alias"), -E_NOENT);
    EXPECT_EQ(find(&node, ""), -E_NOENT);
}

UTEST(cpus_are_added_once_and_broken_ones_left_out)
{
    begin_tree();
    begin("cpus");
    CELLS("#address-cells", 1);
    CELLS("#size-cells", 0);
    for (uint32_t i = 0; i < 4; i++) {
        begin(i == 0 ? "cpu@0" : (i == 1 ? "cpu@1" : (i == 2 ? "cpu@2" : "cpu@3")));
        text("device_type", "cpu");
        text("enable-method", i == 2 ? "spin-table" : "psci");
        if (i != 3) {
            CELLS("reg", i);
        }
        end();
    }
    end();
    end_tree();
    dt_read_cpus(blob);
    EXPECT_EQ(percpu_count(), 2); /* this one (0), and 1 */
    EXPECT_EQ(percpu_at(1)->hw_id, 1);
    EXPECT_CONTAINS(host_console(), "cpu@2: enable-method is not psci");
    EXPECT_CONTAINS(host_console(), "/cpus/cpu@3: reg is missing");
}

static uint32_t probed_count;

static int
probe(struct dt_device *device)
{
    probed_count++;
    if (device->reg_count == 0) {
        return -E_INVAL;
    }
    dt_device_describe(device, "thing number %u", probed_count);
    return device->irq_count > 0 ? 0 : -E_NODEV;
}

UTEST(drivers_get_the_devices_that_they_name)
{
    static const char *const compatible[] = { "x,new", "x,thing", NULL };
    static const struct dt_driver driver = { "thing", compatible, probe };
    uint32_t idx = 0;

    host_memory_init(1 << 20);
    begin_tree();
    begin("one@1000");
    EXPECT_EQ(fdt_property(blob, "compatible", "x,newer\0x,thing", 16), 0);
    CELLS("reg", 0, 0x1000, 0, 0x100);
    CELLS("interrupts", 0, 5, 4);
    end();
    begin("off@2000");
    text("compatible", "x,thing");
    text("status", "disabled");
    CELLS("reg", 0, 0x2000, 0, 0x100);
    end();
    begin("bare");
    text("compatible", "x,new");
    end();
    begin("quiet@3000");
    text("compatible", "x,new");
    CELLS("reg", 0, 0x3000, 0, 0x100);
    end();
    end_tree();
    EXPECT_EQ(dt_devices_init(blob), 0);
    EXPECT_EQ(dt_device_count(), 6); /* gic and clk too */
    EXPECT_EQ(dt_driver_bind(&driver), 1);
    EXPECT_EQ(probed_count, 3);
    EXPECT_CONTAINS(host_console(), "bare: thing: invalid argument");
    struct dt_device *one = dt_device_find("x,thing", &idx);
    EXPECT_STREQ(one->name, "one@1000");
    EXPECT_STREQ(one->driver, "thing");
    EXPECT_STREQ(one->detail, "thing number 1");
    EXPECT_EQ(one->irqs[0].irq, 37);
    EXPECT_EQ(dt_driver_bind(&driver), 0); /* nobody is asked twice */
}

UTEST(the_serial_port_divides_its_own_clock)
{
    static uint32_t registers[1024];
    struct dt_cursor node;
    uint64_t base = (uintptr_t)registers;

    begin_tree();
    begin("uart");
    text("compatible", "arm,pl011");
    CELLS("reg", (uint32_t)(base >> 32), (uint32_t)base, 0, 0x1000);
    CELLS("clocks", CLOCK_PHANDLE, CLOCK_PHANDLE);
    end();
    end_tree();
    EXPECT_EQ(find(&node, "/uart"), 0);
    EXPECT_EQ(pl011_start_early(&node, "9600n8"), 0);
    EXPECT_EQ(registers[0x24 / 4], 156); /* 24 MHz / (16 * 9600) = 156.25 */
    EXPECT_EQ(registers[0x28 / 4], 16);
    EXPECT_EQ(registers[0x30 / 4], 0x301);
    EXPECT_EQ(find(&node, "/gic"), 0);
    EXPECT_EQ(pl011_start_early(&node, NULL), -E_NODEV);
}

UTEST(blobs_that_are_no_trees_are_refused)
{
    begin_tree();
    end_tree();
    EXPECT_EQ(dt_validate(blob, 10), -E_INVAL);
    EXPECT_EQ(dt_validate(blob, fdt_totalsize(blob) - 1), -E_INVAL);
    fdt_set_totalsize(blob, 0x7fffffff);
    EXPECT_EQ(dt_validate(blob, sizeof(blob)), -E_INVAL);
    memset(blob, 0, sizeof(blob));
    EXPECT_EQ(dt_validate(blob, sizeof(blob)), -E_INVAL);
}

/* Flip every byte of a good tree, one at a time, and read all that the kernel reads. */
UTEST(one_wrong_byte_anywhere_does_no_harm)
{
    static _Alignas(8) char good[BLOB_BYTES];
    struct dt_memory memory;
    struct dt_chosen chosen;

    begin_tree();
    begin("memory@40000000");
    text("device_type", "memory");
    CELLS("reg", 0, 0x40000000, 0, 0x10000000);
    end();
    begin("uart@9000000");
    text("compatible", "arm,pl011");
    CELLS("reg", 0, 0x9000000, 0, 0x1000);
    CELLS("interrupts", 0, 1, 4);
    end();
    end_tree();
    size_t bytes = fdt_totalsize(blob);
    memcpy(good, blob, bytes);
    for (size_t at = 0; at < bytes; at++) {
        for (unsigned char bits = 1; bits != 0; bits = (unsigned char)(bits << 1)) {
            memcpy(blob, good, bytes);
            blob[at] = (char)(blob[at] ^ bits);
            if (dt_validate(blob, bytes) != 0) {
                continue;
            }
            host_memory_init(1 << 17);
            (void)dt_read_memory(blob, &memory);
            dt_read_chosen(blob, &chosen);
            (void)dt_devices_init(blob);
        }
    }
}
