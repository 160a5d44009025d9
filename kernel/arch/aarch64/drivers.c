/* The architecture's own devices: PSCI, GIC, generic timer. See arch/drivers.h. */
#include "kernel/arch/drivers.h"

#include "kernel/arch/aarch64/gic.h"
#include "kernel/arch/aarch64/psci.h"
#include "kernel/arch/aarch64/timer.h"
#include "kernel/core/errno.h"
#include "kernel/irq/irq.h"
#include "kernel/mm/map.h"

static int
probe_psci(struct dt_device *device)
{
    const char *method = dt_string(&device->node, "method");

    if (method == NULL || psci_init(method) != 0) {
        dt_complain(&device->node, "method", "is neither hvc nor smc");
        return -E_INVAL;
    }
    dt_device_describe(device, "power and CPUs, by %s", method);
    return 0;
}

/* Both generations: registers 0 is the distributor, 1 the CPU interface (v2) or the redistributors (v3). */
static int
map_gic(struct dt_device *device, volatile void **distributor, volatile void **second)
{
    if (irq_controller_name() != NULL) {
        return -E_EXIST;
    }
    if (device->reg_count < 2) {
        dt_complain(&device->node, "reg", "names fewer than two register ranges");
        return -E_INVAL;
    }
    *distributor = mmio_map_device("gic distributor", device->regs[0].base, device->regs[0].size);
    *second = mmio_map_device("gic cpu", device->regs[1].base, device->regs[1].size);
    return *distributor == NULL || *second == NULL ? -E_FAULT : 0;
}

static int
probe_gicv2(struct dt_device *device)
{
    volatile void *distributor;
    volatile void *cpu;
    int error = map_gic(device, &distributor, &cpu);

    if (error == 0) {
        gicv2_start(distributor, cpu);
        dt_device_describe(device, "interrupt controller, %u lines", irq_line_count());
    }
    return error;
}

static int
probe_gicv3(struct dt_device *device)
{
    volatile void *distributor;
    volatile void *redistributors;
    int error = map_gic(device, &distributor, &redistributors);

    if (error == 0) {
        gicv3_start(distributor, redistributors, device->regs[1].size);
        dt_device_describe(device, "interrupt controller, %u lines", irq_line_count());
    }
    return error;
}

static int
probe_gicv2m(struct dt_device *device)
{
    if (device->reg_count == 0 || irq_controller_name() == NULL) {
        return -E_INVAL;
    }
    volatile void *registers =
        mmio_map_device("gic v2m", device->regs[0].base, device->regs[0].size);
    int count = registers != NULL ? gicv2m_start(registers, device->regs[0].base) : -E_FAULT;
    if (count < 0) {
        return count;
    }
    dt_device_describe(device, "interrupts by message, %d lines", count);
    return 0;
}

static int
probe_its(struct dt_device *device)
{
    volatile void *redistributor = gicv3_redistributor();

    if (device->reg_count == 0 || redistributor == NULL) {
        return -E_INVAL;
    }
    volatile void *registers =
        mmio_map_device("gic its", device->regs[0].base, device->regs[0].size);
    int error =
        registers != NULL ? its_start(registers, device->regs[0].base, redistributor) : -E_FAULT;
    if (error == 0) {
        dt_device_describe(device, "interrupts by message, %d of them", IRQ_MESSAGE_COUNT);
    }
    return error;
}

/* The interrupts of the timer node: secure physical, physical, virtual, hypervisor. */
static int
probe_timer(struct dt_device *device)
{
    enum { VIRTUAL = 2 };

    if (device->irq_count <= VIRTUAL) {
        dt_complain(&device->node, "interrupts", "does not name the virtual timer's interrupt");
        return -E_INVAL;
    }
    dt_device_describe(device, "clock");
    return timer_attach(device->irqs[VIRTUAL].irq, device->irqs[VIRTUAL].trigger);
}

static const char *const psci_compatible[] = { "arm,psci-1.0", "arm,psci-0.2", NULL };
static const char *const gicv2_compatible[] = { "arm,cortex-a15-gic", "arm,gic-400",
                                                "arm,cortex-a7-gic", NULL };
static const char *const gicv3_compatible[] = { "arm,gic-v3", NULL };
static const char *const gicv2m_compatible[] = { "arm,gic-v2m-frame", NULL };
static const char *const its_compatible[] = { "arm,gic-v3-its", NULL };
static const char *const timer_compatible[] = { "arm,armv8-timer", "arm,armv7-timer", NULL };

static const struct dt_driver psci_driver = { "psci", psci_compatible, probe_psci };
static const struct dt_driver gicv2_driver = { "gicv2", gicv2_compatible, probe_gicv2 };
static const struct dt_driver gicv3_driver = { "gicv3", gicv3_compatible, probe_gicv3 };
static const struct dt_driver gicv2m_driver = { "gicv2m", gicv2m_compatible, probe_gicv2m };
static const struct dt_driver its_driver = { "its", its_compatible, probe_its };
static const struct dt_driver timer_driver = { "timer", timer_compatible, probe_timer };

const struct dt_driver *const arch_drivers[] = {
    &psci_driver, &gicv2_driver, &gicv3_driver, &gicv2m_driver, &its_driver, &timer_driver, NULL,
};
