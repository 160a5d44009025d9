/* virtio: what is on the bus, what was agreed, and a reset beneath a driver, on purpose. */
#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/drv/commands.h"
#include "kernel/drv/virtio_bus.h"

void
print_features(const struct virtio_device *device)
{
    struct virtio_feature_line line;
    unsigned position = 0;

    console_print("device %u (%s): offered 0x%llx, wanted 0x%llx, accepted 0x%llx\n", device->index,
                  virtio_device_kind(device->id), (unsigned long long)device->offered,
                  (unsigned long long)device->wanted, (unsigned long long)device->accepted);
    console_print("  bit  %-22s offered wanted accepted\n", "name");
    while (virtio_feature_next(device, &position, &line) == VIRTIO_OK) {
        console_print("  %3u  %-22s %-7s %-6s %s\n", line.bit,
                      line.name == NULL ? "(unknown)" : line.name, line.is_offered ? "yes" : "-",
                      line.is_wanted ? "yes" : "-", line.is_accepted ? "yes" : "-");
    }
}

static void
print_device(const struct virtio_device *device)
{
    console_print("%3u  %-10s id %-3u %-8s at 0x%08llx  owner %-10s status 0x%02x  %s\n",
                  device->index, virtio_device_kind(device->id), device->id, device->ops->name,
                  (unsigned long long)device->base,
                  device->owner[0] == '\0' ? "(nobody)" : device->owner, device->status,
                  device->fault.rule == NULL ? "well" : device->fault.rule);
}

static int
for_each(const struct shell_call *call, void (*visit)(const struct virtio_device *device))
{
    struct virtio_bus *bus = virtio_bus_get();
    uint32_t idx;

    if (call->argc == 1) {
        for (idx = 0; idx < bus->device_count; idx++) {
            visit(&bus->devices[idx]);
        }
        return 0;
    }
    if (command_number(call, 1, bus->device_count - 1, &idx) != 0) {
        return SHELL_FAILED;
    }
    visit(&bus->devices[idx]);
    return 0;
}

static int
virtio_list(const struct shell_call *call)
{
    return for_each(call, print_device);
}

static int
virtio_features(const struct shell_call *call)
{
    return for_each(call, print_features);
}

/* Ask each device whether it is still what its driver left; one that is not fails the command. */
static int
virtio_health(const struct shell_call *call)
{
    struct virtio_bus *bus = virtio_bus_get();
    unsigned ill_count = 0;

    for (uint32_t i = 0; i < bus->device_count; i++) {
        struct virtio_device *device = &bus->devices[i];

        if (device->owner[0] == '\0') {
            continue;
        }
        enum virtio_err err = virtio_device_health(device);
        ill_count += err != VIRTIO_OK;
        console_print("%3u  %-10s %s%s%s\n", i, virtio_device_kind(device->id),
                      err == VIRTIO_OK ? "well" : virtio_err_text(err),
                      err == VIRTIO_ERR_LOST ? "; last reset asked for by " : "",
                      err == VIRTIO_ERR_LOST ? device->last_reset.who : "");
    }
    return ill_count == 0 ? 0 : shell_fail(call, "health: %u devices are not well", ill_count);
}

/* The origin's black screen on purpose: somebody who is not the owner resets the device beneath its driver. */
static int
virtio_reset(const struct shell_call *call)
{
    struct virtio_bus *bus = virtio_bus_get();
    uint32_t idx;

    if (command_number(call, 1, bus->device_count - 1, &idx) != 0) {
        return SHELL_FAILED;
    }
    enum virtio_err err =
        virtio_device_reset(&bus->devices[idx], call->argc > 2 ? call->argv[2] : "shell");
    return err == VIRTIO_OK ? 0 : command_failed(call, err);
}

const struct subcommand cmd_virtio_table[] = {
    {"list",      "[N]",     virtio_list,     0, 1},
    { "features", "[N]",     virtio_features, 0, 1},
    { "health",   "",        virtio_health,   0, 0},
    { "reset",    "N [WHO]", virtio_reset,    1, 2},
    { NULL,       NULL,      NULL,            0, 0},
};

int
cmd_virtio(const struct shell_call *call)
{
    return subcommand_run(cmd_virtio_table, call);
}
