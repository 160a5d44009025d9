/*
 * The shell commands of the drivers, and what their files share.
 */
#ifndef KERNEL_DRV_COMMANDS_H
#define KERNEL_DRV_COMMANDS_H

#include "virtio/device.h"
#include "virtio/trace.h"

#include "kernel/core/base.h"
#include "kernel/shell/shell.h"
#include "kernel/shell/subcommand.h"

/* Register them all. Context: boot, once. */
void commands_register(void);

int cmd_virtio(const struct shell_call *call);
extern const struct subcommand cmd_virtio_table[];
int cmd_pci(const struct shell_call *call);
extern const struct subcommand cmd_pci_table[];
int cmd_gpu(const struct shell_call *call);
extern const struct subcommand cmd_gpu_table[];
int cmd_blk(const struct shell_call *call);
extern const struct subcommand cmd_blk_table[];
int cmd_input(const struct shell_call *call);
extern const struct subcommand cmd_input_table[];
int cmd_vulkan(const struct shell_call *call);
extern const struct subcommand cmd_vulkan_table[];
int cmd_trace(const struct shell_call *call);
extern const struct subcommand cmd_trace_table[];

/* Say what the library answered to the subcommand call->argv[0]. Returns: SHELL_FAILED. */
int command_failed(const struct shell_call *call, enum virtio_err err);

/* Read word `idx` as a number. A wrong one is named in one line. Returns: 0; SHELL_FAILED. */
int command_number(const struct shell_call *call, int idx, uint32_t max, uint32_t *value);

/* Print the features of a device: offered, wanted and accepted, by name. */
void print_features(const struct virtio_device *device);

/* Print the head of a table of histograms, of which the first column is called `name`. */
void print_histogram_head(const char *name);

/* Print a histogram as one line: count, then mean, median, 99th percentile and maximum in us. */
void print_histogram(const char *name, const struct virtio_histogram *histogram);

#endif
