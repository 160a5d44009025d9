/*
 * One trace record: 32 bytes, the same on the driver's and on the device's side, so that one tool can join them.
 *
 *   0        8      12    14     15      16       24       32
 *   | time_ns | cookie | event | origin | queue |   a    |   b    |
 *
 * `cookie` names one command from the moment it is added to a virtqueue until it is used (0: none).
 * `event` is an index into a trace.def; `origin` is the device's index on its bus with bit 7 telling the side.
 * In a ring in memory bit 15 of `event` tells odd laps from even ones, and 0xffff in all of event, origin and queue a record
 * that is being written; readers hand out neither (virtio/core/trace.c).
 * A command's own bytes follow it as records of event "bytes", 16 of them in a and b.
 */
#ifndef ABI_TRACE_RECORD_H
#define ABI_TRACE_RECORD_H

#include "abi/endian.h"

struct trace_record {
    le64 time_ns;
    le32 cookie;
    le16 event;
    uint8_t origin;
    uint8_t queue;
    le64 a;
    le64 b;
};
_Static_assert(sizeof(struct trace_record) == 32, "the record of both sides is 32 bytes");

enum {
    TRACE_ORIGIN_DEVICE_SIDE = 0x80,
    TRACE_QUEUE_NONE = 0xff,
    TRACE_BYTES_PER_RECORD = 16,
};

#endif
