/*
 * The order that VirtIO 1.3 asks of a driver, as rules over what it did (tests/unit/order_rig.h). No rule knows which barrier
 * stands where: only that between two accesses of certain kinds there is one that orders them, wherever it comes from.
 */
#ifndef TESTS_UNIT_ORDER_RULES_H
#define TESTS_UNIT_ORDER_RULES_H

#include "tests/unit/order_rig.h"

/* Parts of a ring; those of the packed format from PACKED_BODY on. */
enum order_field {
    FIELD_OTHER,
    DESC,
    INDIRECT,
    AVAIL_FLAGS,
    AVAIL_IDX,
    AVAIL_RING,
    USED_EVENT,
    USED_FLAGS,
    USED_IDX,
    USED_RING,
    AVAIL_EVENT,
    PACKED_BODY,
    PACKED_FLAGS,
    DRIVER_EVENT_POSITION,
    DRIVER_EVENT_FLAGS,
    DEVICE_EVENT_POSITION,
    DEVICE_EVENT_FLAGS,
};

#define IS(field) (1U << (field))

/* Where `at` lies in an area: the offset, or SIZE_MAX. */
static inline size_t
offset_in(const volatile void *at, const volatile void *area, size_t bytes)
{
    size_t offset = (uintptr_t)at - (uintptr_t)area;
    return area != NULL && offset < bytes ? offset : SIZE_MAX;
}

/* A ring of `first_idx` words of 16 bits, entries, and one word behind them. */
static inline enum order_field
ring_field(size_t offset, size_t ring_bytes, enum order_field flags)
{
    const size_t header_bytes = 2 * sizeof(le16);
    if (offset < header_bytes) {
        return offset == 0 ? flags : flags + 1;
    }
    return offset < header_bytes + ring_bytes ? flags + 2 : flags + 3;
}
_Static_assert(AVAIL_FLAGS + 3 == USED_EVENT && USED_FLAGS + 3 == AVAIL_EVENT,
               "ring_field counts on this order");

static inline enum order_field
field_of(const struct order_event *event)
{
    const struct virtq *q = &rig->q;
    size_t size = q->size;
    size_t offset = offset_in(event->at, q->desc_area, sizeof(struct virtq_desc) * size);
    bool is_packed = rig->hand.is_packed;
    if (offset != SIZE_MAX && is_packed) {
        return offset % sizeof(struct virtq_packed_desc) ==
                       offsetof(struct virtq_packed_desc, flags)
                   ? PACKED_FLAGS
                   : PACKED_BODY;
    }
    if (offset != SIZE_MAX) {
        return DESC;
    }
    if (offset_in(event->at, q->indirect, size * q->indirect_max * sizeof(struct virtq_desc)) !=
        SIZE_MAX) {
        return INDIRECT;
    }
    size_t in_driver = offset_in(event->at, q->driver_area, sizeof(le16) * (size + 3));
    size_t in_device = offset_in(event->at, q->device_area,
                                 sizeof(struct virtq_used_elem) * size + 3 * sizeof(le16));
    if (in_driver != SIZE_MAX) {
        return is_packed ? (in_driver == 0 ? DRIVER_EVENT_POSITION : DRIVER_EVENT_FLAGS)
                         : ring_field(in_driver, sizeof(le16) * size, AVAIL_FLAGS);
    }
    if (in_device != SIZE_MAX) {
        return is_packed ? (in_device == 0 ? DEVICE_EVENT_POSITION : DEVICE_EVENT_FLAGS)
                         : ring_field(in_device, sizeof(struct virtq_used_elem) * size, USED_FLAGS);
    }
    return FIELD_OTHER;
}

static inline bool
is_read(enum order_kind kind)
{
    return kind == ORDER_LOAD || kind == ORDER_BUFFER_READ || kind == ORDER_REG_READ;
}

static inline bool
is_write(enum order_kind kind)
{
    return kind == ORDER_STORE || kind == ORDER_BUFFER_WRITE || kind == ORDER_REG_WRITE;
}

/*
 * Does the device see the earlier access `a` before the later one `b`? As virtio/core/barrier.h promises, not more: a store
 * barrier orders stores to memory before stores and register writes, a load barrier loads, a release barrier loads from memory
 * before stores besides, and only a full one the rest.
 */
static inline bool
is_ordered(const struct rig_event *a, const struct rig_event *b)
{
    if (is_read(a->event.kind) && is_read(b->event.kind)) {
        return b->load_barriers != a->load_barriers;
    }
    if (is_write(a->event.kind) && a->event.kind != ORDER_REG_WRITE && is_write(b->event.kind)) {
        return b->store_barriers != a->store_barriers;
    }
    if (is_read(a->event.kind) && a->event.kind != ORDER_REG_READ && is_write(b->event.kind)) {
        return b->release_barriers != a->release_barriers;
    }
    return b->full_barriers != a->full_barriers;
}

/* Some accesses: of these kinds; in ring memory to these fields; of registers to this one; with a value that has these bits. */
struct order_set {
    unsigned kinds;
    unsigned fields;
    size_t reg;
    uint64_t value_bits;
};

#define STORES_TO(mask)                                                                            \
 {                                                                                                 \
  IS(ORDER_STORE), (mask), 0, 0                                                                    \
 }
#define LOADS_OF(mask)                                                                             \
 {                                                                                                 \
  IS(ORDER_LOAD), (mask), 0, 0                                                                     \
 }
#define WRITES_TO(where)                                                                           \
 {                                                                                                 \
  IS(ORDER_REG_WRITE), 0, (where), 0                                                               \
 }
#define OFFERED                                                                                    \
 (IS(DESC) | IS(INDIRECT) | IS(AVAIL_RING) | IS(AVAIL_IDX) | IS(PACKED_BODY) | IS(PACKED_FLAGS))
#define ANY_FIELD UINT32_MAX

static inline bool
is_in(const struct order_set *set, const struct order_event *event)
{
    if ((set->kinds >> event->kind & 1) == 0 ||
        (event->value & set->value_bits) != set->value_bits) {
        return false;
    }
    switch (event->kind) {
    case ORDER_LOAD:
    case ORDER_STORE: return (set->fields >> field_of(event) & 1) != 0;
    case ORDER_REG_READ:
    case ORDER_REG_WRITE: return rig_offset(event->at) == set->reg;
    default: return true;
    }
}

/* Each access of `first` that comes before one of `second` is seen before it. */
struct order_rule {
    const char *text;
    struct order_set first;
    struct order_set second;
};

static const struct order_rule order_rules[] = {
    {"descriptors, ring entry and buffer before the available index, §2.7.13.3.1",
     { IS(ORDER_STORE) | IS(ORDER_BUFFER_WRITE), IS(DESC) | IS(INDIRECT) | IS(AVAIL_RING), 0, 0 },
     STORES_TO(IS(AVAIL_IDX))                                                                                                                                  },
    { "the available index before the look whether the device wants to know, §2.7.13.4.1",
     STORES_TO(IS(AVAIL_IDX)),                                                                     LOADS_OF(IS(USED_FLAGS) | IS(AVAIL_EVENT))                  },
    { "the descriptors' flags before the look whether the device wants to know, §2.8.21.3.1",
     STORES_TO(IS(PACKED_FLAGS)),                                                                  LOADS_OF(IS(DEVICE_EVENT_FLAGS) | IS(DEVICE_EVENT_POSITION))},
    { "the device's event: flags read before the position, §2.8.14",
     LOADS_OF(IS(DEVICE_EVENT_FLAGS)),                                                             LOADS_OF(IS(DEVICE_EVENT_POSITION))                         },
    { "our event: the position before the flag that gives it a meaning, §2.8.14",
     STORES_TO(IS(DRIVER_EVENT_POSITION)),
     { IS(ORDER_STORE), IS(DRIVER_EVENT_FLAGS), 0, VIRTQ_EVENT_DESC }                                                                                          },
    { "what a notification is about before it, §2.7.13.4",
     { IS(ORDER_STORE) | IS(ORDER_BUFFER_WRITE), OFFERED, 0, 0 },
     WRITES_TO(VIRTIO_MMIO_QUEUE_NOTIFY)                                                                                                                       },
    { "all memory before DRIVER_OK, §3.1.1",
     { IS(ORDER_STORE) | IS(ORDER_BUFFER_WRITE), ANY_FIELD, 0, 0 },
     { IS(ORDER_REG_WRITE), 0, VIRTIO_MMIO_STATUS, VIRTIO_STATUS_DRIVER_OK }                                                                                   },
    { "an empty ring before QueueReady, §4.2.3.2",
     { IS(ORDER_STORE) | IS(ORDER_BUFFER_WRITE), ANY_FIELD, 0, 0 },
     WRITES_TO(VIRTIO_MMIO_QUEUE_READY)                                                                                                                        },
    { "an empty ring before QueuePFN, §4.2.4",
     { IS(ORDER_STORE) | IS(ORDER_BUFFER_WRITE), ANY_FIELD, 0, 0 },
     WRITES_TO(VIRTIO_MMIO_QUEUE_PFN)                                                                                                                          },
    { "an interrupt acknowledged before the look for used buffers, §4.2.3.4.1",
     WRITES_TO(VIRTIO_MMIO_INTERRUPT_ACK),                                                         LOADS_OF(IS(USED_IDX) | IS(PACKED_FLAGS))                   },
    { "the interrupt's cause read before the look for used buffers, §4.2.3.4.1",
     { IS(ORDER_REG_READ), 0, VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_INTERRUPT_USED_BUFFER },
     LOADS_OF(IS(USED_IDX) | IS(PACKED_FLAGS))                                                                                                                 },
    { "PCI: what a notification is about before it, §2.7.13.4",
     { IS(ORDER_STORE) | IS(ORDER_BUFFER_WRITE), OFFERED, 0, 0 },
     WRITES_TO(RIG_PCI_NOTIFY)                                                                                                                                 },
    { "PCI: all memory before DRIVER_OK, §3.1.1",
     { IS(ORDER_STORE) | IS(ORDER_BUFFER_WRITE), ANY_FIELD, 0, 0 },
     { IS(ORDER_REG_WRITE), 0, RIG_PCI_REG(device_status), VIRTIO_STATUS_DRIVER_OK }                                                                           },
    { "PCI: an empty ring before queue_enable, §4.1.4.3.2",
     { IS(ORDER_STORE) | IS(ORDER_BUFFER_WRITE), ANY_FIELD, 0, 0 },
     WRITES_TO(RIG_PCI_REG(queue_enable))                                                                                                                      },
    { "PCI: ISR status read, and so acknowledged, before the look for used buffers, §4.1.4.5",
     { IS(ORDER_REG_READ), 0, RIG_PCI_ISR, VIRTIO_INTERRUPT_USED_BUFFER },
     LOADS_OF(IS(USED_IDX) | IS(PACKED_FLAGS))                                                                                                                 },
};
enum { ORDER_RULES = sizeof(order_rules) / sizeof(order_rules[0]) };

/* How often each rule had something to say: one that never has proves nothing. */
static unsigned rule_uses[ORDER_RULES];

static inline void
say_broken(const char *text, const struct rig_event *a, const struct rig_event *b)
{
    utest.has_failed = true;
    printf("    not ordered (event %zu, event %zu): %s\n", (size_t)(a - rig->events),
           (size_t)(b - rig->events), text);
}

/* Does the rule hold for all that comes before `b`? The first violation is told. */
static inline bool
is_kept_at(const struct order_rule *rule, const struct rig_event *b, unsigned *use_count)
{
    for (const struct rig_event *a = rig->events; a < b; a++) {
        if (is_in(&rule->first, &a->event)) {
            ++*use_count;
            if (!is_ordered(a, b)) {
                say_broken(rule->text, a, b);
                return false;
            }
        }
    }
    return true;
}

static inline void
check_rule(const struct order_rule *rule, unsigned *use_count)
{
    const struct rig_event *end = rig->events + rig->event_count;
    for (const struct rig_event *b = rig->events; b < end; b++) {
        if (is_in(&rule->second, &b->event) && !is_kept_at(rule, b, use_count)) {
            return;
        }
    }
}

/* All rules over all of the log. */
static inline void
check_rules(void)
{
    for (size_t i = 0; i < ORDER_RULES; i++) {
        check_rule(&order_rules[i], &rule_uses[i]);
    }
}

#endif
