/*
 * records.h - what the device did, as 32-byte records in a file (abi/trace_file.h), for `vitrine trace --join`.
 */
#ifndef DEVICE_RECORDS_H
#define DEVICE_RECORDS_H

#include <stdbool.h>

#include "device/loop.h"

struct records;

/* Makes the file anew and writes its header.  Context: before the sandbox.  Returns: NULL and errno. */
struct records *records_open(const char *path);

/* From now on what is recorded is in the file a second later at the latest. */
void records_serve(struct records *records, struct loop *loop);

/* One record more, by user, the struct records: gpu_config's on_record.  Records that the disk does not take are counted, and told by one of event LOST. */
void records_put(void *user, const void *record);

/* Writes the rest.  Before the loop is destroyed.  records: NULL is allowed. */
void records_close(struct records *records);

#endif
