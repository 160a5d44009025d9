/*
 * context.h - serves one context of a render server over its own socket (render_wire.h).
 */
#ifndef DEVICE_CONTEXT_H
#define DEVICE_CONTEXT_H

#include "device/front.h"

/*
 * Serves the process behind fd (QEMU, crosvm, ...) until either side ends.  fd: taken over.  name: the context's.
 * Context: blocks.
 * Returns: how it ended; *fault: a sentence, empty for FRONT_CLIENT_LEFT.
 */
enum front_end
context_serve(int fd, const char *name, const struct front_config *config, struct fault *fault);

#endif
