/* The list of the kernel's parts: see modules.h. */
#include "kernel/core/modules.h"

#include "kernel/drv/drv.h"
#include "kernel/drv/pl011.h"
#include "kernel/net/net.h"
#include "kernel/shell/commands.h"

const struct dt_driver *const module_drivers[] = {
    &pl011_driver,
    NULL,
};

void (*const module_inits[])(void) = {
    drv_start,
    net_start,
    commands_init,
    NULL,
};
