/*
 * Bringing a block device up and down. VirtIO 1.3 §5.2.5.
 */
#include "abi/virtio.h"

#include "virtio/core/memory.h"
#include "virtio/driver/blk/blk_private.h"

enum {
    SEGS_PER_OP = 3, /* head, data, status */
    /* The longest request for a device that gives no limit: keeps used lengths and our sums within 32 bits. */
    MAX_BYTES_DEFAULT = 1 << 30,
};

static const struct vblk_config default_config = { .features = VIRTIO_FEATURES_LIBRARY };

static enum virtio_err
resolve_config(const struct vblk_config *given, struct vblk_config *config)
{
    *config = given != NULL ? *given : default_config;
    if (config->queue_size == 0) {
        config->queue_size = VBLK_QUEUE_SIZE_DEFAULT;
    }
    if (config->op_count == 0) {
        config->op_count = VBLK_OPS_DEFAULT;
    }
    if (config->bounce_bytes == 0) {
        config->bounce_bytes = VBLK_BOUNCE_BYTES_DEFAULT;
    }
    if (!driver_is_power_of_two(config->queue_size) || config->queue_size < SEGS_PER_OP ||
        config->queue_size > VBLK_QUEUE_SIZE_MAX || config->op_count > VBLK_OPS_MAX ||
        config->bounce_bytes % VIRTIO_BLK_SECTOR_BYTES != 0 ||
        config->bounce_bytes > MAX_BYTES_DEFAULT) {
        return VIRTIO_ERR_INVALID;
    }
    return VIRTIO_OK;
}

static struct virtq_config
queue_config(const struct vblk_config *config)
{
    return (struct virtq_config){ .size_max = config->queue_size,
                                  .indirect_max = SEGS_PER_OP,
                                  .is_interrupting = config->is_interrupting };
}

size_t
vblk_arena_bytes(const struct vblk_config *config)
{
    struct vblk_config chosen;
    struct virtq_config queue;

    if (resolve_config(config, &chosen) != VIRTIO_OK) {
        return 0;
    }
    queue = queue_config(&chosen);
    return virtq_arena_bytes(&queue) + chosen.bounce_bytes + 3 * (size_t)64 +
           chosen.op_count * (sizeof(struct vblk_cell) + sizeof(struct vblk_slot));
}

static enum virtio_err
slots_init(struct vblk *blk, const struct vblk_config *config, struct virtio_arena *arena)
{
    uint64_t addr = 0;
    uint64_t bounce_addr = 0;
    struct vblk_cell *cells =
        virtio_driver_take_shared(blk->device, arena, config->op_count * sizeof(*cells), &addr);

    blk->bounce = virtio_driver_take_shared(blk->device, arena, config->bounce_bytes, &bounce_addr);
    blk->slots = virtio_arena_take(arena, config->op_count * sizeof(*blk->slots), 64);
    if (cells == NULL || blk->bounce == NULL || blk->slots == NULL) {
        return VIRTIO_ERR_NO_MEMORY;
    }
    blk->bounce_bytes = config->bounce_bytes;
    blk->deadline_ns = UINT64_MAX;
    blk->op_count = config->op_count;
    for (uint16_t i = config->op_count; i > 0; i--) {
        struct vblk_slot *slot = &blk->slots[i - 1];

        slot->cell = &cells[i - 1];
        slot->cell_addr = addr + (i - 1) * sizeof(*cells);
        blk_slot_free(blk, slot);
    }
    return VIRTIO_OK;
}

static enum virtio_err
read_le32(struct vblk *blk, unsigned feature_bit, size_t offset, uint32_t *value)
{
    le32 field;
    enum virtio_err err;

    if (!virtio_device_has(blk->device, feature_bit)) {
        return VIRTIO_OK;
    }
    err = virtio_config_read(blk->device, offset, "\4", &field, sizeof(field));
    if (err == VIRTIO_OK) {
        *value = le32_get(field);
    }
    return err;
}

static enum virtio_err
read_capacity(struct vblk *blk)
{
    /* Two halves of one field: a transport may read no wider than 32 bits, §4.2.2.2. */
    le32 halves[2];
    enum virtio_err err = virtio_config_read(
        blk->device, offsetof(struct virtio_blk_config, capacity), "\4\4", halves, sizeof(halves));

    if (err != VIRTIO_OK) {
        return err;
    }
    blk->capacity_sectors = (uint64_t)le32_get(halves[1]) << 32 | le32_get(halves[0]);
    if (blk->capacity_sectors > UINT64_MAX / VIRTIO_BLK_SECTOR_BYTES) {
        return virtio_driver_broken(blk->device, "capacity above 2^64 bytes (VirtIO 1.3 §5.2.4)",
                                    blk->capacity_sectors);
    }
    return VIRTIO_OK;
}

/* The capacity may change, §5.2.6.1. */
enum virtio_err
vblk_usable(struct vblk *blk)
{
    if (blk->device == NULL) {
        return VIRTIO_ERR_NOT_INITIALIZED;
    }
    if (driver_is_config_new(blk->device, &blk->watch)) {
        (void)read_capacity(blk);
    }
    return driver_failure(blk->device, &blk->watch);
}

static enum virtio_err
read_config(struct vblk *blk)
{
    enum virtio_err err = read_capacity(blk);

    blk->is_read_only = virtio_device_has(blk->device, VIRTIO_BLK_F_RO);
    blk->has_flush = virtio_device_has(blk->device, VIRTIO_BLK_F_FLUSH);
    blk->block_bytes = VIRTIO_BLK_SECTOR_BYTES;
    blk->max_bytes = MAX_BYTES_DEFAULT;
    if (err == VIRTIO_OK) {
        err = read_le32(blk, VIRTIO_BLK_F_BLK_SIZE, offsetof(struct virtio_blk_config, blk_size),
                        &blk->block_bytes);
    }
    if (err == VIRTIO_OK) {
        err = read_le32(blk, VIRTIO_BLK_F_SIZE_MAX, offsetof(struct virtio_blk_config, size_max),
                        &blk->max_bytes);
    }
    if (err != VIRTIO_OK) {
        return err;
    }
    if (blk->max_bytes > MAX_BYTES_DEFAULT) {
        blk->max_bytes = MAX_BYTES_DEFAULT;
    }
    blk->max_bytes -= blk->max_bytes % VIRTIO_BLK_SECTOR_BYTES;
    if (blk->max_bytes == 0) {
        return virtio_driver_broken(blk->device, "size_max below one sector (VirtIO 1.3 §5.2.4)",
                                    0);
    }
    return VIRTIO_OK;
}

static enum virtio_err
bring_up(struct vblk *blk, const struct vblk_config *config, struct virtio_arena *arena)
{
    struct virtq_config queue = queue_config(config);
    enum virtio_err err = read_config(blk);

    if (err == VIRTIO_OK) {
        err = virtq_setup(&blk->queue, blk->device, VIRTIO_BLK_REQUESTQ, &queue, arena);
    }
    if (err == VIRTIO_OK) {
        err = slots_init(blk, config, arena);
    }
    if (err == VIRTIO_OK) {
        err = virtio_device_start(blk->device);
    }
    return err;
}

enum virtio_err
vblk_init(struct vblk *blk, struct virtio_device *device, const struct vblk_config *config,
          struct virtio_arena *arena)
{
    struct driver_wish wish = {
        .device_id = VIRTIO_ID_BLOCK,
        .who = "blk",
        .features = VIRTIO_FEATURE(VIRTIO_BLK_F_RO) | VIRTIO_FEATURE(VIRTIO_BLK_F_BLK_SIZE) |
                    VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH) | VIRTIO_FEATURE(VIRTIO_BLK_F_SIZE_MAX),
    };
    struct vblk_config chosen;
    size_t arena_used = arena->used_bytes;
    enum virtio_err err = resolve_config(config, &chosen);

    memset(blk, 0, sizeof(*blk));
    if (err == VIRTIO_OK) {
        wish.reserved_features = chosen.features;
        err = virtio_driver_begin(device, &wish);
    }
    if (err != VIRTIO_OK) {
        return err;
    }
    blk->device = device;
    blk->watch.config_seen = driver_config_changes(device);
    err = bring_up(blk, &chosen, arena);
    if (err != VIRTIO_OK) {
        if (vblk_finish(blk) == VIRTIO_ERR_TIMEOUT) {
            return VIRTIO_ERR_TIMEOUT;
        }
        arena->used_bytes = arena_used;
    }
    return err;
}

uint32_t
vblk_take_events(struct vblk *blk)
{
    return driver_take_events(blk->device);
}

enum virtio_err
vblk_finish(struct vblk *blk)
{
    if (blk->device != NULL) {
        struct vblk_slot *slots = blk->slots;
        uint16_t op_count = slots != NULL ? blk->op_count : 0;

        if (virtio_device_release(blk->device, "blk") == VIRTIO_ERR_TIMEOUT) {
            return VIRTIO_ERR_TIMEOUT; /* it still has our memory, and that of the ops in flight */
        }
        virtq_finish(&blk->queue, NULL, NULL);
        blk->device = NULL; /* a `done` that submits is answered VIRTIO_ERR_NOT_INITIALIZED */
        for (uint16_t i = 0; i < op_count; i++) {
            if (slots[i].op != NULL) {
                vblk_complete(blk, &slots[i], VIRTIO_ERR_LOST);
            }
        }
    }
    memset(blk, 0, sizeof(*blk));
    return VIRTIO_OK;
}
