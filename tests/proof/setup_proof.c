/*
 * The memory plan of a queue and the arena that it comes from, for every configuration (VirtIO 1.3 §2.6, §2.7, §2.8).
 */
#include "virtio/core/packed.c"

#include "tests/proof/proof.h"
#define write_desc       split_write_desc
#define write_direct     split_write_direct
#define write_indirect   split_write_indirect
#define CACHE_LINE_BYTES SPLIT_CACHE_LINE_BYTES
#define round_up         split_round_up
#include "virtio/core/split.c"
#undef round_up
#undef CACHE_LINE_BYTES
#define CACHE_LINE_BYTES SETUP_CACHE_LINE_BYTES
#include "virtio/core/arena.c"
#include "virtio/core/queue_setup.c"

enum { ARENA_BYTES = 64 };

static struct virtq_config
any_config(void)
{
    struct virtq_config config = { .size_max = nondet_u16(), .indirect_max = nondet_u16() };

    ASSUME(is_power_of_two(config.size_max) && config.size_max <= CONFIG_SIZE_MAX);
    return config;
}

/* cbmc: unwind 18.  A power of two, at most what either side can do. */
void
proof_choose_size(void)
{
    struct virtq_config config = any_config();
    uint16_t device_max = nondet_u16();

    ASSUME(device_max >= 1);
    uint16_t size = choose_size(config.size_max, device_max);
    PROVE(is_power_of_two(size) && size <= config.size_max && size <= device_max);
    PROVE(size == config.size_max || 2U * size > device_max);
}

/* cbmc: unwind 18.  Rings, then indirect tables, none over another; and virtq_arena_bytes is enough for the smaller queue that a device may want. */
void
proof_plan_memory(void)
{
    struct virtq_config config = any_config();
    uint16_t device_max = nondet_u16();

    ASSUME(device_max >= 1);
    uint16_t size = choose_size(config.size_max, device_max);
    uint16_t limit = indirect_limit(&config, size);
    const struct virtq_format_ops *ops = nondet_bool() ? &virtq_split_ops : &virtq_packed_ops;
    struct queue_memory memory = plan_memory(ops, size, limit, nondet_bool());

    PROVE(limit <= size && limit != 1);
    PROVE(memory.indirect_offset >= memory.layout.end && memory.indirect_offset % 16 == 0);
    PROVE(memory.indirect_bytes == 16ULL * size * limit);
    PROVE(memory.shared_bytes >= memory.indirect_offset + memory.indirect_bytes);
    PROVE(memory.shared_bytes % PAGE_BYTES == 0);
    PROVE(virtq_arena_bytes(&config) >= memory.private_bytes + memory.shared_bytes);
}

/* What is taken lies within the arena, behind all that was taken before, aligned; or nothing changes. */
void
proof_arena_take(void)
{
    static uint8_t memory[ARENA_BYTES];
    struct virtio_arena arena = { .base = memory, .bytes = nondet_u8(), .used_bytes = nondet_u8() };
    size_t used_before = arena.used_bytes;
    size_t bytes = nondet_u64();
    size_t align = nondet_u64();

    ASSUME(arena.bytes <= ARENA_BYTES && arena.used_bytes <= arena.bytes);
    ASSUME(align != 0 && (align & (align - 1)) == 0 && align <= 4096);
    uint8_t *taken = virtio_arena_take(&arena, bytes, align);
    if (taken == NULL) {
        PROVE(arena.used_bytes == used_before);
        return;
    }
    PROVE(taken >= memory + used_before && (uintptr_t)taken % align == 0);
    PROVE(arena.used_bytes <= arena.bytes);
    PROVE(taken + bytes == memory + arena.used_bytes);
}

enum virtio_err
virtq_break(struct virtq *q, const char *rule, uint64_t value)
{
    q->fault.rule = rule;
    q->fault.value = value;
    return VIRTIO_ERR_BROKEN;
}
