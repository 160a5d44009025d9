/*
 * vtest.h - serves one client over a vtest socket, with one Venus context.
 */
#ifndef DEVICE_VTEST_H
#define DEVICE_VTEST_H

#include "device/front.h"

/*
 * Serves the client behind fd until either side ends.  fd: taken over; closed before the context's objects are freed, with
 * an unread byte (see stream.h), so that a client which waits for an answer ends at once.
 * on_name: required; the others may be NULL.  Context: blocks.
 * Returns: how it ended; *fault: a sentence, empty for FRONT_CLIENT_LEFT.
 */
enum front_end vtest_serve(int fd, const struct front_config *config, struct fault *fault);

#endif
