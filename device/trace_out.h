/*
 * trace_out.h - writes files of trace records (abi/trace_file.h): the device's and the renderers'.
 */
#ifndef DEVICE_TRACE_OUT_H
#define DEVICE_TRACE_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "abi/trace_file.h"

/* Makes the file anew, with the header of a clock of nanoseconds.  Returns: an fd; -1 and errno. */
int trace_out_open(const char *path, enum trace_file_side side);

/* Returns: true; false: not all of it could be written. */
bool trace_out_write(int fd, const void *bytes, size_t size_bytes);

#endif
