/*
 * Commands put together again from the trace; for its two printers.
 */
#ifndef VIRTIO_DRIVER_GPU_TRACE_JOIN_H
#define VIRTIO_DRIVER_GPU_TRACE_JOIN_H

#include "virtio/driver/gpu/messages.h"
#include "virtio/gpu.h"

enum { VGPU_TRACE_BYTES_MAX = 512 };

/* Collect the bytes that follow `record`. Returns: how many, a multiple of 16. */
size_t vgpu_trace_join(const struct virtio_trace_reader *reader, const struct trace_record *record,
                       uint8_t bytes[VGPU_TRACE_BYTES_MAX]);

/*
 * The command or response of a TRACE_GPU_REQUEST or TRACE_GPU_RESPONSE record with all its fields.
 * Returns: characters.
 */
size_t vgpu_trace_fields(const struct virtio_trace_reader *reader,
                         const struct trace_record *record, char *text, size_t text_bytes);

#endif
