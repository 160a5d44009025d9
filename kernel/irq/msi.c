/* Message-signalled interrupts: see msi.h. */
#include "kernel/irq/msi.h"

#include "kernel/core/check.h"
#include "kernel/core/errno.h"

static const struct msi_controller_ops *controller;

void
msi_set_controller(const struct msi_controller_ops *ops)
{
    if (controller == NULL) {
        controller = ops;
    }
}

const char *
msi_controller_name(void)
{
    return controller != NULL ? controller->name : NULL;
}

int
msi_alloc(uint32_t device_id, uint32_t count, uint32_t *irqs, struct msi_message *messages)
{
    CHECK(count >= 1 && count <= MSI_COUNT_MAX);
    return controller != NULL ? controller->alloc(device_id, count, irqs, messages) : -E_NODEV;
}

void
msi_free(uint32_t device_id, uint32_t count, const uint32_t *irqs)
{
    CHECK(controller != NULL);
    controller->free(device_id, count, irqs);
}
