/*
 * Message-signalled interrupts: a device writes a value to an address, and the controller makes an interrupt of it.
 *
 *   PCI function ─ MSI-X table entry { address, data } ─→ write ─→ GICv2m frame or GICv3 ITS ─→ irq_dispatch
 */
#ifndef KERNEL_IRQ_MSI_H
#define KERNEL_IRQ_MSI_H

#include "kernel/core/base.h"

/* What a device writes, and where. */
struct msi_message {
    uint64_t address;
    uint32_t data;
};

/* A controller of messages: one table of operations, chosen once by the device tree's compatible string. */
struct msi_controller_ops {
    const char *name;

    /* See msi_alloc. */
    int (*alloc)(uint32_t device_id, uint32_t count, uint32_t *irqs, struct msi_message *messages);
    void (*free)(uint32_t device_id, uint32_t count, const uint32_t *irqs);
};

/* Use that controller; the first one stays. Context: boot. */
void msi_set_controller(const struct msi_controller_ops *ops);

/* Its name, or NULL while there is none. */
const char *msi_controller_name(void);

/*
 * Take `count` interrupts (1 to MSI_COUNT_MAX) for the device that its bus knows as `device_id`, which has none yet. They
 * are edges; register handlers with irq_register (IRQ_TRIGGER_ANY) before the device may send.
 * Context: boot, main thread.
 * Returns: 0 with irqs[] and messages[]; -E_NODEV (no controller), -E_NOSPC (none left), -E_NOMEM, -E_TIMEDOUT.
 */
int msi_alloc(uint32_t device_id, uint32_t count, uint32_t *irqs, struct msi_message *messages);

/* Give them back, when no handler is registered and the device is silent. */
void msi_free(uint32_t device_id, uint32_t count, const uint32_t *irqs);

enum { MSI_COUNT_MAX = 4 };

#endif
