/*
 * listen.h - a listening Unix socket of our own.
 */
#ifndef DEVICE_LISTEN_H
#define DEVICE_LISTEN_H

#include <stddef.h>

/*
 * Listens on `path`, which only this user may connect to.  A socket that a dead server left there is replaced; one that is
 * served, and anything that is no socket, is not.
 * Returns: a non-blocking fd; -1 and `reason`, a sentence.
 */
int listen_on(const char *path, char *reason, size_t reason_bytes);

#endif
