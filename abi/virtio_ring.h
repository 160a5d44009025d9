/*
 * The memory layout of both ring formats.
 *
 *   split  (§2.7)   descriptor table | available ring | used ring      three areas
 *   packed (§2.8)   descriptor ring  | driver event suppression | device event suppression
 *
 * Source: VirtIO 1.3 §2.7, §2.8.
 */
#ifndef ABI_VIRTIO_RING_H
#define ABI_VIRTIO_RING_H

#include <stddef.h>

#include "abi/endian.h"

/* Flags of a descriptor, §2.7.5 and §2.8.13. */
enum {
    VIRTQ_DESC_F_NEXT = 1,
    VIRTQ_DESC_F_WRITE = 2,
    VIRTQ_DESC_F_INDIRECT = 4,
    VIRTQ_DESC_F_AVAIL = 1 << 7, /* packed only, §2.8.1 */
    VIRTQ_DESC_F_USED = 1 << 15, /* packed only, §2.8.1 */
};

/* Split virtqueue: descriptor table entry, §2.7.5. */
struct virtq_desc {
    le64 addr;
    le32 len;
    le16 flags;
    le16 next;
};
_Static_assert(sizeof(struct virtq_desc) == 16, "VirtIO 1.3 §2.7.5");

enum { VIRTQ_AVAIL_F_NO_INTERRUPT = 1 }; /* §2.7.6 */
enum { VIRTQ_USED_F_NO_NOTIFY = 1 };     /* §2.7.8 */

/* Split virtqueue: available ring; followed by le16 used_event where EVENT_IDX is accepted, §2.7.6. */
struct virtq_avail {
    le16 flags;
    le16 idx;
    le16 ring[];
};
_Static_assert(sizeof(struct virtq_avail) == 4, "VirtIO 1.3 §2.7.6");

/* Split virtqueue: used ring element, §2.7.8. */
struct virtq_used_elem {
    le32 id;
    le32 len;
};
_Static_assert(sizeof(struct virtq_used_elem) == 8, "VirtIO 1.3 §2.7.8");

/* Split virtqueue: used ring; followed by le16 avail_event where EVENT_IDX is accepted, §2.7.8. */
struct virtq_used {
    le16 flags;
    le16 idx;
    struct virtq_used_elem ring[];
};
_Static_assert(sizeof(struct virtq_used) == 4, "VirtIO 1.3 §2.7.8");

/* Packed virtqueue: one descriptor of the ring, §2.8.13. */
struct virtq_packed_desc {
    le64 addr;
    le32 len;
    le16 id;
    le16 flags;
};
_Static_assert(sizeof(struct virtq_packed_desc) == 16, "VirtIO 1.3 §2.8.13");

/* Values of the low two bits of virtq_packed_event.flags, §2.8.14. */
enum {
    VIRTQ_EVENT_ENABLE = 0,
    VIRTQ_EVENT_DISABLE = 1,
    VIRTQ_EVENT_DESC = 2, /* only with EVENT_IDX */
};

/* Packed virtqueue: event suppression structure, §2.8.14; bit 15 of off_wrap is the wrap counter. */
struct virtq_packed_event {
    le16 off_wrap;
    le16 flags;
};
_Static_assert(sizeof(struct virtq_packed_event) == 4, "VirtIO 1.3 §2.8.14");

enum {
    VIRTQ_SIZE_MAX = 32768,          /* both formats, §2.7 and §2.8 */
    VIRTQ_LEGACY_ALIGN_BYTES = 4096, /* QueueAlign that we tell a legacy device, §2.7.2 */
};

#endif
