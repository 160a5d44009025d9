/*
 * Names and sentences of the error codes. Contract: virtio/error.h.
 */
#include "virtio/error.h"

#include <stddef.h>

struct error_words {
    const char *name;
    const char *text;
};

static const struct error_words words[VIRTIO_ERR_COUNT] = {
    [VIRTIO_OK] = {"ok",                "success"                                                },
    [VIRTIO_EMPTY] = { "empty",            "nothing to take now"                                    },
    [VIRTIO_ERR_INVALID] = { "invalid",          "an argument is outside its range"                       },
    [VIRTIO_ERR_STATE] = { "state",            "not allowed in the present state"                       },
    [VIRTIO_ERR_NOT_INITIALIZED] = { "not_initialized",  "not initialized"                                        },
    [VIRTIO_ERR_BUSY] = { "busy",             "the queue or table is full; try again after completions"},
    [VIRTIO_ERR_NO_MEMORY] = { "no_memory",        "the memory given at init is too small"                  },
    [VIRTIO_ERR_BUFFER_TOO_SMALL] = { "buffer_too_small", "the buffer cannot hold the answer"                      },
    [VIRTIO_ERR_TIMEOUT] = { "timeout",          "the deadline passed"                                    },
    [VIRTIO_ERR_TRANSMIT_FAILED] = { "transmit_failed",  "the device did not send the frame"                      },
    [VIRTIO_ERR_IO] = { "io",               "the device reports that the request failed"             },
    [VIRTIO_ERR_REFUSED] = { "refused",          "the device answered with an error response"             },
    [VIRTIO_ERR_UNSUPPORTED] = { "unsupported",      "the device does not offer what this needs"              },
    [VIRTIO_ERR_NO_DEVICE] = { "no_device",        "no such device"                                         },
    [VIRTIO_ERR_OWNED] = { "owned",            "somebody else owns the device"                          },
    [VIRTIO_ERR_BROKEN] = { "broken",           "the device broke a rule of the specification"           },
    [VIRTIO_ERR_NEEDS_RESET] = { "needs_reset",      "the device says that it needs a reset"                  },
    [VIRTIO_ERR_LOST] = { "lost",             "somebody reset the device beneath its driver"           },
};

static const struct error_words unknown = { "unknown", "an unknown error" };

static const struct error_words *
words_of(enum virtio_err err)
{
    return (unsigned)err < VIRTIO_ERR_COUNT ? &words[err] : &unknown;
}

const char *
virtio_err_name(enum virtio_err err)
{
    return words_of(err)->name;
}

const char *
virtio_err_text(enum virtio_err err)
{
    return words_of(err)->text;
}
