/*
 * Bytes of the Venus protocol, written and read: what the generated functions of vvk_commands.h are made of.
 *
 * Everything on the wire is little-endian and a multiple of 4 bytes; 8-byte values are not aligned to 8. Neither cursor runs over
 * its end: a writer that is full, or is given what the protocol has no bytes for, notes why and writes no more; a reader that is
 * short, or finds what cannot be, turns bad and yields zeros. So callers look once, at the end.
 *
 * The bytes that are read may be the host's to change: each is read once.
 */
#ifndef VIRTIO_VENUS_WIRE_H
#define VIRTIO_VENUS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they lie");

struct vvk_writer {
    uint8_t *at;
    uint8_t *end;
    const char *refusal; /* why it stopped; NULL: it has not */
};

struct vvk_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool is_bad;
};

static inline size_t
vvk_align4(size_t bytes)
{
    return (bytes + 3) & ~(size_t)3;
}

static inline void
vvk_refuse(struct vvk_writer *w, const char *why)
{
    w->refusal = w->refusal != NULL ? w->refusal : why;
    w->end = w->at;
}

/* `bytes` of `from`, padded with zeros to a multiple of 4. */
static inline void
vvk_put_bytes(struct vvk_writer *w, const void *from, size_t bytes)
{
    size_t room = (size_t)(w->end - w->at);
    if (bytes > room || vvk_align4(bytes) > room) {
        vvk_refuse(w, "the command is longer than the client's ring");
        return;
    }
    if (bytes > 0) {
        __builtin_memcpy(w->at, from, bytes);
        __builtin_memset(w->at + bytes, 0, vvk_align4(bytes) - bytes);
    }
    w->at += vvk_align4(bytes);
}

static inline void
vvk_put_u32(struct vvk_writer *w, uint32_t value)
{
    vvk_put_bytes(w, &value, sizeof(value));
}

static inline void
vvk_put_u64(struct vvk_writer *w, uint64_t value)
{
    vvk_put_bytes(w, &value, sizeof(value));
}

/* The count includes the NUL; 0 stands for NULL. */
static inline void
vvk_put_string(struct vvk_writer *w, const char *text)
{
    size_t bytes = 0;
    while (text != NULL && text[bytes] != '\0') {
        bytes++;
    }
    bytes += text != NULL;
    vvk_put_u64(w, bytes);
    vvk_put_bytes(w, text, bytes);
}

static inline void
vvk_put_strings(struct vvk_writer *w, const char *const *texts, uint64_t count)
{
    vvk_put_u64(w, texts != NULL ? count : 0);
    for (uint64_t i = 0; texts != NULL && i < count; i++) {
        vvk_put_string(w, texts[i]);
    }
}

/* For structs that nothing of the client's list may extend. */
static inline void
vvk_put_no_chain(struct vvk_writer *w, const void *next)
{
    vvk_put_u64(w, 0);
    if (next != NULL) {
        vvk_refuse(w, "a struct in a pNext where the client's list has none");
    }
}

static inline void
vvk_spoil(struct vvk_reader *r)
{
    r->is_bad = true;
    r->at = r->end;
}

/* `bytes`, and what they are padded with; zeros when there are not so many. */
static inline void
vvk_take_bytes(struct vvk_reader *r, void *to, size_t bytes)
{
    size_t left = (size_t)(r->end - r->at);
    if (bytes > left || vvk_align4(bytes) > left) {
        vvk_spoil(r);
        __builtin_memset(to, 0, bytes);
        return;
    }
    __builtin_memcpy(to, r->at, bytes);
    r->at += vvk_align4(bytes);
}

static inline uint32_t
vvk_take_u32(struct vvk_reader *r)
{
    uint32_t value;
    vvk_take_bytes(r, &value, sizeof(value));
    __asm__ volatile("" : "+r"(value)); /* read once: no later test reads again */
    return value;
}

static inline uint64_t
vvk_take_u64(struct vvk_reader *r)
{
    uint32_t low = vvk_take_u32(r);
    return (uint64_t)vvk_take_u32(r) << 32 | low;
}

/* What must stand there. */
static inline void
vvk_take_tag(struct vvk_reader *r, uint32_t expected)
{
    if (vvk_take_u32(r) != expected) {
        vvk_spoil(r);
    }
}

static inline void
vvk_take_count(struct vvk_reader *r, uint64_t expected)
{
    if (vvk_take_u64(r) != expected) {
        vvk_spoil(r);
    }
}

/* Is there something? It must be so exactly if the client asked for it. */
static inline bool
vvk_take_present(struct vvk_reader *r, bool is_expected)
{
    if (vvk_take_u64(r) != is_expected) {
        vvk_spoil(r);
    }
    return is_expected && !r->is_bad;
}

/* A count of at most `room`; 0 if it is more. */
static inline uint64_t
vvk_take_up_to(struct vvk_reader *r, uint64_t room)
{
    uint64_t count = vvk_take_u64(r);
    if (count > room) {
        vvk_spoil(r);
        return 0;
    }
    return count;
}

/* A count that was read before must not lead out of its array. */
static inline void
vvk_take_no_more(struct vvk_reader *r, uint32_t *count, uint32_t room)
{
    if (*count > room) {
        vvk_spoil(r);
        *count = 0;
    }
}

static inline void
vvk_take_no_chain(struct vvk_reader *r, const void *next)
{
    (void)next;
    vvk_take_count(r, 0);
}

#endif
