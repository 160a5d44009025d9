/* Error numbers: see errno.h. */
#include "kernel/core/errno.h"

#include "kernel/core/base.h"

static const int virtio_numbers[VIRTIO_ERR_COUNT] = {
    [VIRTIO_OK] = 0,
    [VIRTIO_EMPTY] = 0,
    [VIRTIO_ERR_INVALID] = -E_INVAL,
    [VIRTIO_ERR_STATE] = -E_INVAL,
    [VIRTIO_ERR_NOT_INITIALIZED] = -E_NODEV,
    [VIRTIO_ERR_BUSY] = -E_BUSY,
    [VIRTIO_ERR_NO_MEMORY] = -E_NOMEM,
    [VIRTIO_ERR_BUFFER_TOO_SMALL] = -E_OVERFLOW,
    [VIRTIO_ERR_TIMEOUT] = -E_TIMEDOUT,
    [VIRTIO_ERR_TRANSMIT_FAILED] = -E_IO,
    [VIRTIO_ERR_IO] = -E_IO,
    [VIRTIO_ERR_REFUSED] = -E_IO,
    [VIRTIO_ERR_UNSUPPORTED] = -E_OPNOTSUPP,
    [VIRTIO_ERR_NO_DEVICE] = -E_NODEV,
    [VIRTIO_ERR_OWNED] = -E_EXIST,
    [VIRTIO_ERR_BROKEN] = -E_PROTO,
    [VIRTIO_ERR_NEEDS_RESET] = -E_PROTO,
    [VIRTIO_ERR_LOST] = -E_CONNRESET,
};

int
errno_from_virtio(enum virtio_err err)
{
    if ((unsigned)err >= ARRAY_COUNT(virtio_numbers)) {
        return -E_PROTO;
    }
    return virtio_numbers[err];
}

static const struct {
    int number;
    const char *text;
} texts[] = {
    {0,            "success"                                },
    { E_NOENT,     "not found"                              },
    { E_INTR,      "interrupted"                            },
    { E_IO,        "input or output failed"                 },
    { E_AGAIN,     "try again"                              },
    { E_NOMEM,     "out of memory"                          },
    { E_FAULT,     "address cannot be mapped"               },
    { E_BUSY,      "busy"                                   },
    { E_EXIST,     "already taken"                          },
    { E_NODEV,     "no such device"                         },
    { E_INVAL,     "invalid argument"                       },
    { E_NOSPC,     "no space left"                          },
    { E_RANGE,     "out of range"                           },
    { E_NOSYS,     "not provided here"                      },
    { E_PROTO,     "the device broke a rule"                },
    { E_OVERFLOW,  "too large"                              },
    { E_OPNOTSUPP, "not supported"                          },
    { E_CONNRESET, "the device was reset beneath its driver"},
    { E_TIMEDOUT,  "timed out"                              },
};

const char *
errno_text(int error)
{
    int number = error < 0 ? -error : error;

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        if (texts[i].number == number) {
            return texts[i].text;
        }
    }
    return "error";
}
