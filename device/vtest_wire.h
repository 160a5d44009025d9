/*
 * vtest_wire.h - the vtest socket protocol, versions 3 and 4, as far as Venus needs it.
 *
 * A Unix stream socket.  A message is { u32 length, u32 command, payload }, all little-endian, the length in dwords
 * without these two (but CREATE_RENDERER: in bytes).  A reply has the same shape.  An fd follows its reply as SCM_RIGHTS
 * with one byte of its own.
 *
 *      client                                                            server
 *        │ CREATE_RENDERER name ─────────────────────────────────────────▶ │   first of all
 *        │ PING, RESOURCE_BUSY_WAIT(0, 0) ───────────────────────────────▶ │   "are you so old that you do not know PING?"
 *        │ PROTOCOL_VERSION wanted ◀──────────────────────────────▶ given  │
 *        │ GET_PARAM, GET_CAPSET ◀──────────────────────────▶ valid, value │
 *        │ CONTEXT_INIT 4 ───────────────────────────────────────────────▶ │
 *        │ RESOURCE_CREATE_BLOB ◀───────────────────────────────▶ id, (fd) │   shared memory, device memory
 *        │ SUBMIT_CMD2 batches ──────────────────────────────────────────▶ │   commands, executed at once
 */
#ifndef DEVICE_VTEST_WIRE_H
#define DEVICE_VTEST_WIRE_H

#include <stdint.h>

enum vtest_command {
    VTEST_RESOURCE_UNREF = 3,
    VTEST_RESOURCE_BUSY_WAIT = 7,
    VTEST_CREATE_RENDERER = 8,
    VTEST_PING_PROTOCOL_VERSION = 10,
    VTEST_PROTOCOL_VERSION = 11,
    VTEST_GET_PARAM = 15,
    VTEST_GET_CAPSET = 16,
    VTEST_CONTEXT_INIT = 17,
    VTEST_RESOURCE_CREATE_BLOB = 18,
    VTEST_SYNC_CREATE = 19,
    VTEST_SYNC_UNREF = 20,
    VTEST_SYNC_READ = 21,
    VTEST_SYNC_WRITE = 22,
    VTEST_SYNC_WAIT = 23,
    VTEST_SUBMIT_CMD2 = 24,
};

enum {
    VTEST_HEADER_BYTES = 8,
    VTEST_OWN_VERSION = 4,
    VTEST_OLDEST_VERSION = 3, /* capsets, contexts and blobs came with it */
    VTEST_BLOB_HOST3D =
        2, /* memory of the host's; 1 and 3 mean the guest's, which a socket cannot share */
    VTEST_PARAM_TIMELINE_COUNT = 1,
    VTEST_PARAM_TIMELINE_SYNCOBJ = 2,
    VTEST_WAIT_ANY = 1,
    VTEST_BATCH_HAS_RING_IDX = 1,
    VTEST_BATCH_DWORDS_V3 = 6,
    VTEST_BATCH_DWORDS_V4 = 8,
    VTEST_SYNC_DWORDS = 3, /* id, value low, value high */
};

#endif
