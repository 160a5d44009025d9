/*
 * chain.c - chains of buffers: the rules that both ring formats share, and what is kept of a chain.
 */
#include <stdlib.h>
#include <string.h>

#include "device/vq/ring.h"

/* §2.7.5.2: no chain is longer than this. */
static const uint64_t chain_bytes_max = 1ULL << 32;

static bool
refuse(struct vq *vq, const char *rule, uint64_t value)
{
    vq_break(vq, rule, value);
    return false;
}

bool
vq_walk_add(struct vq *vq, struct vq_walk *walk, const struct vq_desc *desc)
{
    bool is_writable = (desc->flags & VIRTQ_DESC_F_WRITE) != 0;
    struct vq_span piece = { desc->addr, desc->size_bytes };
    if (walk->piece_count == VQ_CHAIN_PIECES_MAX) {
        return refuse(vq,
                      "a chain has more buffers than any queue has entries (VirtIO 1.3 §2.7.5.3.1)",
                      walk->piece_count);
    }
    if (!is_writable && walk->readable_count < walk->piece_count) {
        return refuse(
            vq, "a device-readable buffer follows a device-writable one (VirtIO 1.3 §2.7.4.2)",
            desc->addr);
    }
    if (desc->size_bytes > UINT64_MAX - desc->addr) {
        return refuse(vq, "a buffer wraps around the end of the address space (VirtIO 1.3 §2.7.5)",
                      desc->addr);
    }
    if (desc->size_bytes != 0 && !vq_spans_exist(vq->guest, &piece, 1)) {
        return refuse(vq, "a buffer lies outside the guest's memory (VirtIO 1.3 §2.7.5)",
                      desc->addr);
    }
    walk->pieces[walk->piece_count++] = piece;
    walk->readable_count += !is_writable;
    *(is_writable ? &walk->writable_bytes : &walk->readable_bytes) += desc->size_bytes;
    if (walk->readable_bytes + walk->writable_bytes > chain_bytes_max) {
        return refuse(vq, "a chain is longer than 2^32 bytes (VirtIO 1.3 §2.7.5.2)",
                      walk->readable_bytes + walk->writable_bytes);
    }
    return true;
}

unsigned
vq_walk_table(struct vq *vq, const struct vq_desc *desc, bool is_permitted, void *table)
{
    struct vq_span whole = { desc->addr, desc->size_bytes };
    const char *rule = NULL;
    if (!vq->layout.has_indirect) {
        rule = "an indirect table without INDIRECT_DESC (VirtIO 1.3 §2.7.5.3.1, §2.8.19)";
    } else if (!is_permitted) {
        rule = "an indirect table and NEXT in one chain (VirtIO 1.3 §2.7.5.3.1, §2.8.19)";
    } else if (desc->size_bytes == 0 || desc->size_bytes % sizeof(struct virtq_desc) != 0) {
        rule = "an indirect table's length is no multiple of 16 (VirtIO 1.3 §2.7.5.3, §2.8.7)";
    } else if (desc->size_bytes > VQ_TABLE_BYTES_MAX) {
        rule = "an indirect table is longer than any queue (VirtIO 1.3 §2.7.5.3.1, §2.8.19)";
    }
    if (rule != NULL) {
        vq_break(vq, rule, desc->size_bytes);
        return 0;
    }
    if (desc->size_bytes > UINT64_MAX - desc->addr ||
        !vq_spans_read(vq->guest, &whole, 1, 0, table, desc->size_bytes)) {
        vq_break(vq, "an indirect table lies outside the guest's memory (VirtIO 1.3 §2.7.5.3)",
                 desc->addr);
        return 0;
    }
    return (unsigned)(desc->size_bytes / sizeof(struct virtq_desc));
}

struct vq_chain *
vq_chain_make(const struct vq *vq, const struct vq_walk *walk)
{
    size_t pieces_bytes = walk->piece_count * sizeof(struct vq_span);
    struct vq_chain *chain = malloc(sizeof(*chain) + pieces_bytes);
    if (chain == NULL) {
        return NULL;
    }
    *chain = (struct vq_chain){
        .guest = vq->guest,
        .id = walk->id,
        .desc_count = walk->desc_count,
        .readable_count = walk->readable_count,
        .writable_count = walk->piece_count - walk->readable_count,
        .readable_bytes = walk->readable_bytes,
        .writable_bytes = walk->writable_bytes,
        .pieces = (struct vq_span *)(chain + 1),
    };
    memcpy(chain->pieces, walk->pieces, pieces_bytes);
    return chain;
}

void
vq_chain_forget(struct vq_chain *chain)
{
    free(chain);
}

/* At most what is left from the offset. */
static size_t
cut(uint64_t offset, size_t size_bytes, uint64_t whole_bytes)
{
    uint64_t left = offset < whole_bytes ? whole_bytes - offset : 0;
    return size_bytes < left ? size_bytes : (size_t)left;
}

size_t
vq_read(const struct vq_chain *chain, uint64_t offset, void *to, size_t size_bytes)
{
    size_t part = cut(offset, size_bytes, chain->readable_bytes);
    bool is_read =
        vq_spans_read(chain->guest, chain->pieces, chain->readable_count, offset, to, part);
    return is_read ? part : 0;
}

size_t
vq_write(const struct vq_chain *chain, uint64_t offset, const void *from, size_t size_bytes)
{
    size_t part = cut(offset, size_bytes, chain->writable_bytes);
    bool is_written = vq_spans_write(chain->guest, chain->pieces + chain->readable_count,
                                     chain->writable_count, offset, from, part);
    return is_written ? part : 0;
}
