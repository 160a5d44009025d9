/*
 * record.h - a client's commands as they came, in a file that venus_stream_bench (tests/perf/) and other tools read.
 *
 *      u32 'VNS1' │ { u64 ring id,   u32 size in bytes, u32 0 │ the command's bytes   } ...      little-endian
 *                   { u64 memory id, u32 size in bytes, u32 1 │ what the memory holds }
 *
 * Ring 0 is the socket's own stream.  Commands of several rings stand in the order in which they were carried out.  Memory
 * that the client could map stands where it was freed, with all that was last in it: what is uploaded is in no command.
 */
#ifndef DEVICE_RECORD_H
#define DEVICE_RECORD_H

#include <stddef.h>
#include <stdint.h>

/*
 * Makes the file of client number client_idx (from 0): `path` for the first, path.2 for the next, and so on.
 * Returns: an fd; -1 and errno.
 */
int record_open(const char *path, unsigned client_idx);

/*
 * Adds a command.  Context: any thread.
 * Returns: 0; -1: it could not be written whole, the file is of no use any more.
 */
int record_add(int fd, uint64_t ring_id, const void *bytes, size_t size_bytes);

/* Adds what memory holds, of which more than 1 GiB is left out.  Context and returns: as record_add. */
int record_add_memory(int fd, uint64_t memory_id, const void *bytes, uint64_t size_bytes);

#endif
