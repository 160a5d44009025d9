/*
 * What each driver tells of its records of the trace; for the printers of any record.
 */
#ifndef VIRTIO_DRIVER_TRACE_COMMAND_H
#define VIRTIO_DRIVER_TRACE_COMMAND_H

#include <stdbool.h>

#include "virtio/core/text.h"
#include "virtio/trace.h"

/* A command that has come to its end. */
struct trace_command {
    const char *category; /* the driver */
    const char *name;
    uint64_t latency_ns;
};

/* Does `record` end a command of the driver's? Then fill *command. */
bool vgpu_trace_command(const struct trace_record *record, struct trace_command *command);
bool vblk_trace_command(const struct trace_record *record, struct trace_command *command);
bool vnet_trace_command(const struct trace_record *record, struct trace_command *command);
bool vinput_trace_command(const struct trace_record *record, struct trace_command *command);

/* The record's own line, and ": ": what a driver knows besides goes behind it. */
static inline struct text
trace_line_start(const struct trace_record *record, char *chars, size_t bytes)
{
    struct text line = { .chars = chars, .bytes = bytes };
    line.used = virtio_trace_format(record, chars, bytes);
    virtio_text_string(&line, ": ");
    return line;
}

#endif
