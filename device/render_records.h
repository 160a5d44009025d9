/*
 * render_records.h - what became of one context's commands: records of venus/trace.def in a file of their own.
 *
 *      server: render_records_open ──fd──▶ worker: render_records_create ─▶ put, put, flush, put ... ─▶ destroy
 *
 * A file for each context, since who breaks into a renderer can write anything into its file, but into no other's; and the server
 * writes whose it is, since it alone knows.
 */
#ifndef DEVICE_RENDER_RECORDS_H
#define DEVICE_RENDER_RECORDS_H

#include <stdint.h>

struct render_records;

/*
 * Makes PATH.renderer-NUMBER and writes its header and which context it is: its id (0: none, a client of vtest) and name.
 * Returns: an fd; -1 and errno.
 */
int render_records_open(const char *path, unsigned number, uint32_t context_id, const char *name);

/* A buffer before the file.  fd: borrowed.  Returns: NULL: no memory. */
struct render_records *render_records_create(int fd);

/* One record more.  What the disk does not take is counted, and told by one of event LOST.  Context: any thread. */
void render_records_put(struct render_records *records, const void *record);

/* Writes what there is.  Context: any thread. */
void render_records_flush(struct render_records *records);

/* Writes the rest.  records: NULL is allowed. */
void render_records_destroy(struct render_records *records);

#endif
