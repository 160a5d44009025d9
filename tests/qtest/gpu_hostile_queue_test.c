/*
 * Guests that break the rules of split virtqueues on our device behind QEMU: the ring is written by hand, the queue breaks with a
 * sentence, the other queue is served on, and after a reset so is this one.
 */
#define GPU_HOSTILE_GUEST "tests/qtest/gpu_far_guest.h"

#include "abi/virtio_pci.h"
#include "abi/virtio_ring.h"

#include "tests/qtest/gpu_far_hostile.h"

enum {
    NEXT = VIRTQ_DESC_F_NEXT,
    WRITE = VIRTQ_DESC_F_WRITE,
    INDIRECT = VIRTQ_DESC_F_INDIRECT,
    HEADER = sizeof(struct virtio_gpu_ctrl_hdr),
    STORM = 5000,
};

static struct virtq *broken; /* the queue of this turn */

static void
desc(unsigned i, uint64_t addr, uint32_t bytes, unsigned flags, unsigned next)
{
    volatile struct virtq_desc *at = (volatile struct virtq_desc *)broken->desc_area + i;
    at->addr = le64_from(addr);
    at->len = le32_from(bytes);
    at->flags = le16_from((uint16_t)flags);
    at->next = le16_from((uint16_t)next);
}

/* Offers a head, and moves the index on by so many. */
static void
offer(unsigned head, unsigned count)
{
    volatile struct virtq_avail *avail = (volatile struct virtq_avail *)broken->driver_area;
    uint16_t idx = le16_get(avail->idx);
    avail->ring[idx % broken->size] = le16_from((uint16_t)head);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    avail->idx = le16_from((uint16_t)(idx + count));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    guest.device->ops->queue_notify(guest.device, broken->index, broken->index);
}

static uint64_t
memory(void)
{
    return loop_guest_memory_addr(&guest);
}

static void
loop_of_two(void)
{
    desc(0, memory(), HEADER, NEXT, 1);
    desc(1, memory(), HEADER, NEXT, 0);
    offer(0, 1);
}

static void
loop_of_one(void)
{
    desc(5, memory(), HEADER, NEXT | WRITE, 5);
    offer(5, 1);
}

static void
outside_below(void)
{
    desc(0, QEMU_RAM_BASE - 8, HEADER, 0, 0);
    offer(0, 1);
}

static void
outside_above(void)
{
    desc(0, QEMU_RAM_BASE + QEMU_RAM_BYTES - 8, HEADER, WRITE, 0);
    offer(0, 1);
}

static void
outside_at_the_end(void)
{
    desc(0, UINT64_MAX - 8, HEADER, 0, 0);
    offer(0, 1);
}

static void
in_a_register(void)
{
    desc(0, guest.device->base, HEADER, 0, 0);
    offer(0, 1);
}

static void
in_the_window(void)
{
    desc(0, guest.window_addr, HEADER, WRITE, 0);
    offer(0, 1);
}

static void
writable_first(void)
{
    desc(0, memory(), HEADER, NEXT | WRITE, 1);
    desc(1, memory(), HEADER, 0, 0);
    offer(0, 1);
}

static void
head_beyond(void)
{
    offer(broken->size, 1);
}

static void
next_beyond(void)
{
    desc(0, memory(), HEADER, NEXT, broken->size);
    offer(0, 1);
}

static void
index_jumps(void)
{
    desc(0, memory(), HEADER, 0, 0);
    offer(0, broken->size + 1u);
}

static void
index_goes_back(void)
{
    desc(0, memory(), HEADER, 0, 0);
    offer(0, UINT16_MAX);
}

static void
longer_than_32_bits(void)
{
    for (unsigned i = 0; i < 64; i++) {
        desc(i, QEMU_RAM_BASE, QEMU_RAM_BYTES, i == 63 ? 0 : NEXT, i + 1);
    }
    desc(63, QEMU_RAM_BASE, QEMU_RAM_BYTES, NEXT, 0);
    offer(0, 1);
}

static void
table_with_next(void)
{
    desc(0, memory(), 32, INDIRECT | NEXT, 1);
    desc(1, memory(), HEADER, 0, 0);
    offer(0, 1);
}

static void
table_cut(void)
{
    desc(0, memory(), 24, INDIRECT, 0);
    offer(0, 1);
}

static void
table_outside(void)
{
    desc(0, QEMU_RAM_BASE - 16, 32, INDIRECT, 0);
    offer(0, 1);
}

static void
table_in_table(void)
{
    const struct virtq_desc entry = { .addr = le64_from(memory()),
                                      .len = le32_from(16),
                                      .flags = le16_from(INDIRECT) };
    memcpy(guest.memory, &entry, sizeof(entry));
    desc(0, memory(), 16, INDIRECT, 0);
    offer(0, 1);
}

static void
table_huge(void)
{
    desc(0, QEMU_RAM_BASE, 32 << 20, INDIRECT, 0);
    offer(0, 1);
}

static const struct {
    const char *name;
    void (*break_it)(void);
    const char *sentence; /* what the status has as the queue's fault */
} cases[] = {
    {"a loop of two",               loop_of_two,         "a chain longer than the queue size, or a loop"  },
    { "a loop of one",              loop_of_one,         "a chain longer than the queue size, or a loop"  },
    { "memory below",               outside_below,       "a buffer lies outside the guest's memory"       },
    { "memory above",               outside_above,       "a buffer lies outside the guest's memory"       },
    { "memory at the very end",     outside_at_the_end,
     "a buffer wraps around the end of the address space"                                                 },
    { "a register as memory",       in_a_register,       "a buffer lies outside the guest's memory"       },
    { "the window as memory",       in_the_window,       "a buffer lies outside the guest's memory"       },
    { "writable before readable",   writable_first,      "a device-readable buffer follows"               },
    { "a head beyond the queue",    head_beyond,         "an available head beyond the queue size"        },
    { "a descriptor beyond",        next_beyond,         "a descriptor beyond the queue size"             },
    { "an index that jumps",        index_jumps,         "the available index went on by more"            },
    { "an index that goes back",    index_goes_back,     "the available index went on by more"            },
    { "4 GiB in one chain",         longer_than_32_bits, "a chain "                                       },
    { "a table and a next",         table_with_next,     "an indirect table "                             },
    { "a table of 1.5 descriptors", table_cut,           "an indirect table's length is no multiple of 16"},
    { "a table outside memory",     table_outside,
     "an indirect table lies outside the guest's memory"                                                  },
    { "a table within a table",     table_in_table,      "an indirect table within an indirect table"     },
    { "a table of 2^21 entries",    table_huge,          "an indirect table is longer than any queue"     },
};
enum { CASE_COUNT = sizeof(cases) / sizeof(cases[0]) };

static const char *const two_displays[] = { "--resolution", "640x480,641x480", "--window", "1M",
                                            NULL };

static void
break_queue(unsigned queue_idx, unsigned i)
{
    char sentence[160];
    bool had_failed = utest.has_failed;
    utest.has_failed = false;
    EXPECT_TRUE(begin_anew(VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)));
    prepare();
    broken = &guest.queues[queue_idx];
    cases[i].break_it();
    (void)snprintf(sentence, sizeof(sentence), "\"fault\":\"%s", cases[i].sentence);
    EXPECT_TRUE(our_gpu_comes_to_have(&guest.host, sentence)); /* its log has one in a second */
    if (queue_idx == VIRTIO_GPU_CONTROLQ) {
        EXPECT_EQ(cursor(0), OK);
    } else {
        EXPECT_EQ(loop_flush(&guest, PICTURE, loop_rect(0, 0, 16, 16)), OK);
    }
    if (utest.has_failed) {
        printf("    (queue %u, %s)\n", queue_idx, cases[i].name);
    }
    utest.has_failed = utest.has_failed || had_failed;
}

UTEST(each_rule_of_queues_broken_breaks_that_queue_with_a_sentence)
{
    if (!far_can_begin() || !far_begin(two_displays)) {
        return;
    }
    prepare();
    struct our_gpu_size before = our_gpu_size(&guest.host);
    for (unsigned i = 0; i < 2 * CASE_COUNT; i++) {
        break_queue(i % 2, i / 2);
    }
    EXPECT_TRUE(begin_anew(0));
    prepare();
    check_served();
    EXPECT_TRUE(our_gpu_shrinks_to(&guest.host, &before));
    far_end();
}

/* Of nothing new, of queues that are not there, of all registers behind. */
UTEST(notifications_without_end_do_no_harm)
{
    if (!far_can_begin() || !far_begin(two_displays)) {
        return;
    }
    prepare();
    uint64_t notify = (uintptr_t)guest.device->pci.notify;
    uint64_t step = guest.device->pci.notify_multiplier;
    for (unsigned i = 0; i < STORM; i++) {
        qemu_write(&guest.rig.qemu, notify + i % 5 * step, 2, i % 7);
    }
    check_served();
    far_end();
}

/*
 * --- a queue that the driver resets: VIRTIO_F_RING_RESET ---
 * QEMU 11.1.3 offers it for vhost-user-gpu and then tells nobody: our device sees a ring whose index went back.
 */

static const char *const only_2d[] = { "--resolution", "640x480,641x480", "--no-venus", NULL };

static void (*write_register)(void *ctx, volatile void *reg, unsigned width, uint64_t value);

/* Our library has no use for the feature: it is accepted behind its back. */
static void
write_and_accept(void *ctx, volatile void *reg, unsigned width, uint64_t value)
{
    uint64_t common = guest.device->base;
    uint64_t select = common + offsetof(struct virtio_pci_common_cfg, driver_feature_select);
    bool is_feature =
        (uintptr_t)reg == common + offsetof(struct virtio_pci_common_cfg, driver_feature);
    bool is_high = is_feature && qemu_read(&guest.rig.qemu, select, 4) == 1;
    write_register(ctx, reg, width,
                   value | (is_high ? VIRTIO_FEATURE(VIRTIO_F_RING_RESET) >> 32 : 0));
}

static void
reset_queue(unsigned queue_idx)
{
    uint64_t common = guest.device->base;
    const struct virtq *q = &guest.queues[queue_idx];
    qemu_write(&guest.rig.qemu, common + offsetof(struct virtio_pci_common_cfg, queue_select), 2,
               queue_idx);
    qemu_write(&guest.rig.qemu, common + offsetof(struct virtio_pci_common_cfg, queue_reset), 2, 1);
    EXPECT_EQ(
        qemu_read(&guest.rig.qemu, common + offsetof(struct virtio_pci_common_cfg, queue_reset), 2),
        0);
    memset((void *)(uintptr_t)q->desc_area, 0, q->size * sizeof(struct virtq_desc));
    memset((void *)(uintptr_t)q->driver_area, 0, 6 + q->size * sizeof(le16));
    memset((void *)(uintptr_t)q->device_area, 0, 6 + q->size * sizeof(struct virtq_used_elem));
    qemu_write(&guest.rig.qemu, common + offsetof(struct virtio_pci_common_cfg, queue_enable), 2,
               1);
}

UTEST(a_queue_that_is_reset_behind_our_back_is_broken_until_the_device_is_reset)
{
    if (!far_can_begin()) {
        return;
    }
    our_gpu_start(&guest.host, only_2d);
    if (!far_connect("vhost-user-gpu-pci,id=gpu0,chardev=gpu")) {
        return;
    }
    write_register = guest.rig.platform.table.mmio_write;
    guest.rig.platform.table.mmio_write = write_and_accept;
    EXPECT_TRUE(begin_anew(0));
    EXPECT_EQ(loop_create_2d(&guest, PICTURE, FORMAT, 16, 16), OK);
    EXPECT_EQ(loop_set_scanout(&guest, 0, PICTURE, loop_rect(0, 0, 16, 16)), OK);
    EXPECT_TRUE((guest.device->offered & VIRTIO_FEATURE(VIRTIO_F_RING_RESET)) != 0);
    broken = &guest.queues[VIRTIO_GPU_CONTROLQ];
    reset_queue(VIRTIO_GPU_CONTROLQ);
    desc(0, memory(), HEADER, 0, 0);
    offer(0, 1);
    EXPECT_TRUE(our_gpu_said(&guest.host, "the guest broke queue 0: the available index went on"));
    EXPECT_EQ(seen_resource(0), PICTURE);
    EXPECT_EQ(cursor(0), OK);
    EXPECT_TRUE(begin_anew(0));
    EXPECT_EQ(loop_create_2d(&guest, PICTURE, FORMAT, 16, 16), OK);
    far_end();
}
