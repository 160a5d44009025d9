/* Between the files of the fake device only. */
#ifndef FAKE_PRIVATE_H
#define FAKE_PRIVATE_H

#include "tests/fake/fake_device.h"

static inline uint16_t
fake_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
fake_get32(const uint8_t *p)
{
    return (uint32_t)fake_get16(p) | (uint32_t)fake_get16(p + 2) << 16;
}

static inline uint64_t
fake_get64(const uint8_t *p)
{
    return (uint64_t)fake_get32(p) | (uint64_t)fake_get32(p + 4) << 32;
}

static inline void
fake_put16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static inline void
fake_put32(uint8_t *p, uint32_t value)
{
    fake_put16(p, (uint16_t)value);
    fake_put16(p + 2, (uint16_t)(value >> 16));
}

static inline void
fake_put64(uint8_t *p, uint64_t value)
{
    fake_put32(p, (uint32_t)value);
    fake_put32(p + 4, (uint32_t)(value >> 32));
}

enum { FAKE_ENTRY_RELEASED = UINT16_MAX };

/* A descriptor in private memory. */
struct fake_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next; /* packed: id */
};

struct fake_used {
    uint32_t id;
    uint32_t len;
    uint16_t skip; /* split: by how much the index grows; packed: slots */
};

static inline bool
fake_is_packed(const struct fake_device *device)
{
    return fake_device_has(device, VIRTIO_F_RING_PACKED);
}

static inline bool
fake_is_legacy(const struct fake_device *device)
{
    return device->version == 1;
}

static inline void
fake_break(struct fake_device *device, enum fake_requirement requirement, uint64_t value)
{
    fake_violate(device->fp, requirement, value);
}

/* fake_pci.c */
void fake_pci_init(struct fake_device *device);
void fake_pci_reset(struct fake_device *device);
uint64_t fake_pci_read(struct fake_device *device, uint32_t offset, unsigned width);
void fake_pci_write(struct fake_device *device, uint32_t offset, unsigned width, uint32_t value);

static inline bool
fake_is_pci(const struct fake_device *device)
{
    return device->version == FAKE_VERSION_PCI;
}

/* fake_status.c */
void fake_status_write(struct fake_device *device, uint32_t value);
uint32_t fake_status_read(struct fake_device *device);
void fake_features_write(struct fake_device *device, uint32_t value);
uint32_t fake_features_read(struct fake_device *device);

/* fake_config.c */
uint64_t fake_config_read(struct fake_device *device, uint32_t offset, unsigned width);
void fake_config_write(struct fake_device *device, uint32_t offset, unsigned width, uint32_t value);
uint32_t fake_generation_read(struct fake_device *device);

/* fake_queue.c */
void fake_queue_enable(struct fake_device *device, struct fake_queue *q);
void fake_queue_reset(struct fake_queue *q);
void fake_queue_notified(struct fake_device *device, uint32_t value);
void fake_queue_process(struct fake_device *device, uint16_t queue_idx);
void fake_queue_flush(struct fake_device *device, uint16_t queue_idx);
void fake_queue_tick(struct fake_device *device, uint16_t queue_idx);
void fake_interrupt(struct fake_device *device, uint32_t bits);
struct fake_chain *fake_chain_new(uint16_t queue_idx, uint32_t entries_max, uint32_t segs_max);
void fake_chain_free(struct fake_chain *chain);
/* Add what the descriptor says; false when the device cannot reach it. */
bool
fake_chain_add(struct fake_device *device, struct fake_chain *chain, const struct fake_desc *desc);

/* fake_split.c, fake_packed.c: one table for each format. */
struct fake_format {
    void (*check_setup)(struct fake_device *device, struct fake_queue *q);
    bool (*has_avail)(const struct fake_queue *q);
    struct fake_chain *(*pop)(struct fake_device *device, uint16_t queue_idx);
    void (*push)(struct fake_device *device, struct fake_queue *q, const struct fake_chain *chain,
                 const struct fake_used *used);
    bool (*wants_interrupt)(const struct fake_device *device, struct fake_queue *q,
                            uint16_t used_before);
    bool (*wants_notify)(const struct fake_device *device, const struct fake_queue *q);
    void (*set_notify)(const struct fake_device *device, struct fake_queue *q);
    void (*check_driver_area)(struct fake_device *device, const struct fake_queue *q);
    uint32_t (*notify_data)(const struct fake_queue *q);
    size_t (*area_bytes)(const struct fake_device *device, uint32_t size, unsigned area);
};

extern const struct fake_format fake_split_format;
extern const struct fake_format fake_packed_format;

static inline const struct fake_format *
fake_format_of(const struct fake_device *device)
{
    return fake_is_packed(device) ? &fake_packed_format : &fake_split_format;
}

#endif
