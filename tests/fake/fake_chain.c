/* Chains of descriptors as the fake device has taken them: their segments, and the bytes in them. */
#include <stdlib.h>
#include <string.h>

#include "tests/fake/fake_private.h"

void
fake_chain_free(struct fake_chain *chain)
{
    free(chain->segs);
    free(chain->copy);
    free(chain->entry_idxs);
    free(chain);
}

struct fake_chain *
fake_chain_new(uint16_t queue_idx, uint32_t entries_max, uint32_t segs_max)
{
    struct fake_chain *chain = calloc(1, sizeof(*chain));
    if (chain == NULL) {
        abort();
    }
    chain->queue_idx = queue_idx;
    chain->segs = calloc(segs_max, sizeof(*chain->segs));
    chain->copy = calloc(entries_max, 16);
    chain->entry_idxs = calloc(entries_max, sizeof(*chain->entry_idxs));
    if (chain->segs == NULL || chain->copy == NULL || chain->entry_idxs == NULL) {
        abort();
    }
    return chain;
}

bool
fake_chain_add(struct fake_device *device, struct fake_chain *chain, const struct fake_desc *desc)
{
    struct fake_seg *seg = &chain->segs[chain->seg_count];
    seg->addr = desc->addr;
    seg->bytes = desc->len;
    seg->is_writable = (desc->flags & VIRTQ_DESC_F_WRITE) != 0;
    seg->ptr = fake_platform_at(device->fp, desc->addr, desc->len);
    if (seg->ptr == NULL) {
        fake_break(device, FAKE_REQ_DMA_ADDRESS, desc->addr);
        return false;
    }
    if (chain->seg_count > 0 && chain->segs[chain->seg_count - 1].is_writable &&
        !seg->is_writable) {
        fake_break(device,
                   fake_is_packed(device) ? FAKE_REQ_PACKED_WRITABLE_LAST
                                          : FAKE_REQ_SPLIT_WRITABLE_LAST,
                   chain->seg_count);
        return false;
    }
    chain->seg_count++;
    *(seg->is_writable ? &chain->writable_bytes : &chain->readable_bytes) += seg->bytes;
    return true;
}

static uint32_t
chain_copy(const struct fake_chain *chain, uint32_t offset, uint8_t *data, uint32_t bytes,
           bool is_write)
{
    uint32_t done = 0;
    for (uint16_t i = 0; i < chain->seg_count && done < bytes; i++) {
        const struct fake_seg *seg = &chain->segs[i];
        if (seg->is_writable != is_write) {
            continue;
        }
        if (offset >= seg->bytes) {
            offset -= seg->bytes;
            continue;
        }
        uint32_t part = seg->bytes - offset < bytes - done ? seg->bytes - offset : bytes - done;
        if (is_write) {
            memcpy(seg->ptr + offset, data + done, part);
        } else {
            memcpy(data + done, seg->ptr + offset, part);
        }
        offset = 0;
        done += part;
    }
    return done;
}

uint32_t
fake_chain_read(const struct fake_chain *chain, uint32_t offset, void *data, uint32_t bytes)
{
    return chain_copy(chain, offset, data, bytes, false);
}

uint32_t
fake_chain_write(const struct fake_chain *chain, uint32_t offset, const void *data, uint32_t bytes)
{
    /* chain_copy only reads `data` when it writes to the chain. */
    union {
        const void *in;
        uint8_t *out;
    } pointer = { .in = data };
    return chain_copy(chain, offset, pointer.out, bytes, true);
}
