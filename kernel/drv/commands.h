/*
 * The shell commands of the drivers, and what their files share.
 */
#ifndef KERNEL_DRV_COMMANDS_H
#define KERNEL_DRV_COMMANDS_H

#include "virtio/device.h"
#include "virtio/trace.h"

#include "kernel/core/base.h"
#include "kernel/shell/shell.h"

/* Register them all. Context: boot, once. */
void commands_register(void);

int cmd_virtio(const struct shell_call *call);
int cmd_gpu(const struct shell_call *call);
int cmd_blk(const struct shell_call *call);
int cmd_input(const struct shell_call *call);
int cmd_trace(const struct shell_call *call);

/* A word after a command's name that has a function of its own. */
struct subcommand {
    const char *name;
    const char *usage;                        /* what follows the name; "" for nothing */
    int (*fn)(const struct shell_call *call); /* call->argv[0] is the subcommand's name */
    int argc_min;                             /* words after the name */
    int argc_max;
};

/*
 * Run call->argv[1] from a table closed by a NULL name. Wrong use is one clear line.
 * Returns: what the function returned; SHELL_FAILED for wrong use.
 */
int subcommand_run(const struct subcommand *table, const struct shell_call *call);

/* Say what the library answered to the subcommand call->argv[0]. Returns: SHELL_FAILED. */
int command_failed(const struct shell_call *call, enum virtio_err err);

/* Read word `idx` as a number. A wrong one is named in one line. Returns: 0; SHELL_FAILED. */
int command_number(const struct shell_call *call, int idx, uint32_t max, uint32_t *value);

/* Print the features of a device: offered, wanted and accepted, by name. */
void print_features(const struct virtio_device *device);

/* Print a histogram as one line: count, then mean, median, 99th percentile and maximum in us. */
void print_histogram(const char *name, const struct virtio_histogram *histogram);

#endif
