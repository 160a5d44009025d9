/*
 * record.c - the device's side of the joined trace: abi/trace_record.h, device/gpu/trace.def.
 */
#include <string.h>

#include "abi/trace_record.h"

#include "device/gpu/private.h"

static void
emit(const struct gpu *gpu, enum gpu_event event, uint32_t cookie, unsigned queue_idx, uint64_t a,
     uint64_t b)
{
    const struct trace_record record = {
        .time_ns = le64_from(loop_now_ns()),
        .cookie = le32_from(cookie),
        .event = le16_from((uint16_t)event),
        .origin = TRACE_ORIGIN_DEVICE_SIDE,
        .queue = (uint8_t)queue_idx,
        .a = le64_from(a),
        .b = le64_from(b),
    };
    gpu->config.on_record(gpu->config.host.user, &record);
}

void
gpu_record(const struct gpu *gpu, enum gpu_event event, const struct gpu_command *command,
           uint64_t a, uint64_t b)
{
    if (gpu->config.on_record == NULL) {
        return;
    }
    uint32_t cookie = command != NULL ? (uint32_t)command->chain->number : 0;
    emit(gpu, event, cookie, command != NULL ? command->queue_idx : TRACE_QUEUE_NONE, a, b);
}

void
gpu_record_queue(const struct gpu *gpu, enum gpu_event event, unsigned queue_idx, uint64_t a,
                 uint64_t b)
{
    if (gpu->config.on_record != NULL) {
        emit(gpu, event, 0, queue_idx, a, b);
    }
}

void
gpu_record_bytes(const struct gpu *gpu, const struct gpu_command *command, const void *bytes,
                 size_t size_bytes)
{
    for (size_t at = 0; gpu->config.on_record != NULL && at < size_bytes;
         at += TRACE_BYTES_PER_RECORD) {
        size_t left = size_bytes - at;
        le64 pair[2] = { 0 };
        memcpy(pair, (const uint8_t *)bytes + at, left < sizeof(pair) ? left : sizeof(pair));
        gpu_record(gpu, GPU_EVENT_BYTES, command, le64_get(pair[0]), le64_get(pair[1]));
    }
}
