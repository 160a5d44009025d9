/*
 * spans.c - copies between our memory and guest memory that lies scattered.
 */
#include <string.h>

#include "device/vq/guest.h"
#include "device/vq/vq.h"

enum direction { FROM_GUEST, TO_GUEST };

struct scattered {
    const struct guest_memory *guest;
    const struct vq_span *spans;
    unsigned count;
};

/* Contiguous for the guest, perhaps not for us. */
static bool
copy_span(const struct guest_memory *guest, const struct vq_span *span, enum direction direction,
          uint8_t *ours)
{
    uint64_t done = 0;
    while (done < span->size_bytes) {
        uint64_t part = 0;
        uint8_t *host = guest_part(guest, span->guest_addr + done, span->size_bytes - done, &part);
        if (host == NULL) {
            return false;
        }
        if (direction == FROM_GUEST) {
            memcpy(ours + done, host, part);
        } else if (direction == TO_GUEST) {
            memcpy(host, ours + done, part);
        }
        done += part;
    }
    return true;
}

static bool
copy(const struct scattered *there, uint64_t offset, enum direction direction, uint8_t *ours,
     size_t size_bytes)
{
    for (unsigned i = 0; i < there->count && size_bytes > 0; i++) {
        const struct vq_span *span = &there->spans[i];
        if (offset >= span->size_bytes) {
            offset -= span->size_bytes;
            continue;
        }
        uint64_t left = span->size_bytes - offset;
        struct vq_span part = { span->guest_addr + offset, size_bytes < left ? size_bytes : left };
        if (span->size_bytes - 1 > UINT64_MAX - span->guest_addr ||
            !copy_span(there->guest, &part, direction, ours)) {
            return false;
        }
        ours += part.size_bytes;
        size_bytes -= part.size_bytes;
        offset = 0;
    }
    return size_bytes == 0;
}

bool
vq_spans_read(const struct guest_memory *guest, const struct vq_span *spans, unsigned count,
              uint64_t offset, void *to, size_t size_bytes)
{
    return copy(&(struct scattered){ guest, spans, count }, offset, FROM_GUEST, to, size_bytes);
}

bool
vq_spans_write(const struct guest_memory *guest, const struct vq_span *spans, unsigned count,
               uint64_t offset, const void *from, size_t size_bytes)
{
    void *ours = NULL;
    memcpy(&ours, &from, sizeof(ours)); /* only read from in this direction */
    return copy(&(struct scattered){ guest, spans, count }, offset, TO_GUEST, ours, size_bytes);
}

static bool
span_exists(const struct guest_memory *guest, const struct vq_span *span)
{
    uint64_t done = 0;
    if (span->size_bytes != 0 && span->size_bytes - 1 > UINT64_MAX - span->guest_addr) {
        return false;
    }
    while (done < span->size_bytes) {
        uint64_t part = 0;
        if (guest_part(guest, span->guest_addr + done, span->size_bytes - done, &part) == NULL) {
            return false;
        }
        done += part;
    }
    return true;
}

bool
vq_spans_exist(const struct guest_memory *guest, const struct vq_span *spans, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!span_exists(guest, &spans[i])) {
            return false;
        }
    }
    return true;
}
