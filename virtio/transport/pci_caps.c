/*
 * What a PCI function's capabilities say of its registers, believed only as far as its BARs reach. VirtIO 1.3 §4.1.4.
 */
#include "virtio/core/memory.h"
#include "virtio/transport/pci.h"

/* A capability as it was read: the fields of virtio_pci_cap and, behind them, those of its type. */
struct seen_cap {
    uint16_t at;
    uint8_t bytes;
    uint8_t type;
    uint8_t bar;
    uint8_t id;
    uint64_t offset;
    uint64_t length;
};

static uint32_t
read_config(const struct virtio_pci_function *function, size_t offset, unsigned width)
{
    return function->config_read(function->ctx, (uint16_t)offset, width);
}

static enum virtio_err
lies(struct pci_lie *lie, const char *rule, uint64_t value)
{
    *lie = (struct pci_lie){ rule, value };
    return VIRTIO_ERR_BROKEN;
}

static struct seen_cap
read_cap(const struct virtio_pci_function *function, uint16_t at)
{
    struct seen_cap cap = { .at = at };
    cap.bytes = (uint8_t)read_config(function, at + offsetof(struct virtio_pci_cap, cap_len), 1);
    if (cap.bytes < sizeof(struct virtio_pci_cap) || cap.bytes > PCI_CONFIG_BYTES - at) {
        return cap;
    }
    cap.type = (uint8_t)read_config(function, at + offsetof(struct virtio_pci_cap, cfg_type), 1);
    cap.bar = (uint8_t)read_config(function, at + offsetof(struct virtio_pci_cap, bar), 1);
    cap.id = (uint8_t)read_config(function, at + offsetof(struct virtio_pci_cap, id), 1);
    cap.offset = read_config(function, at + offsetof(struct virtio_pci_cap, offset), 4);
    cap.length = read_config(function, at + offsetof(struct virtio_pci_cap, length), 4);
    return cap;
}

/* The part of its BAR that the capability names. `bytes_min` and `align`: what its type needs. */
static enum virtio_err
locate(const struct virtio_pci_function *function, const struct seen_cap *cap, uint64_t bytes_min,
       uint64_t align, struct pci_region *region, struct pci_lie *lie)
{
    const struct virtio_pci_bar *bar = &function->bars[cap->bar];
    if (bar->bytes == 0 || bar->is_io) {
        return lies(lie, "a capability names a BAR that is not there (VirtIO 1.3 §4.1.4)",
                    cap->bar);
    }
    if (cap->offset > bar->bytes || cap->length > bar->bytes - cap->offset) {
        return lies(lie, "a capability reaches beyond its BAR (VirtIO 1.3 §4.1.4)",
                    cap->offset > bar->bytes ? cap->offset : cap->length);
    }
    if (cap->length < bytes_min) {
        return lies(lie, "a capability is too short for its structure (VirtIO 1.3 §4.1.4)",
                    cap->length);
    }
    if (cap->offset % align != 0) {
        return lies(lie, "a capability is not aligned (VirtIO 1.3 §4.1.4)", cap->offset);
    }
    *region = (struct pci_region){ true, bar->base + cap->offset, cap->length };
    return VIRTIO_OK;
}

/* §4.1.4.4.1: 0, or an even power of two. */
static enum virtio_err
take_notify(const struct virtio_pci_function *function, const struct seen_cap *cap,
            struct pci_found *found, struct pci_lie *lie)
{
    if (cap->bytes < sizeof(struct virtio_pci_notify_cap)) {
        return lies(lie, "the notification capability has no multiplier (VirtIO 1.3 §4.1.4.4)",
                    cap->bytes);
    }
    size_t at = cap->at + offsetof(struct virtio_pci_notify_cap, notify_off_multiplier);
    uint32_t multiplier = read_config(function, at, 4);
    if (multiplier == 1 || (multiplier & (multiplier - 1)) != 0) {
        return lies(lie, "notify_off_multiplier is no even power of two (VirtIO 1.3 §4.1.4.4.1)",
                    multiplier);
    }
    found->notify_multiplier = multiplier;
    return locate(function, cap, sizeof(le16), sizeof(le16), &found->notify, lie);
}

/* Of regions with one id the first counts; those beyond the table are passed over. */
static enum virtio_err
take_shm(const struct virtio_pci_function *function, struct seen_cap *cap, struct pci_found *found,
         struct pci_lie *lie)
{
    struct pci_region region;
    if (cap->bytes < sizeof(struct virtio_pci_cap64)) {
        return lies(lie, "a shared memory capability has no high halves (VirtIO 1.3 §4.1.4.7)",
                    cap->bytes);
    }
    for (uint32_t i = 0; i < found->shm_count; i++) {
        if (found->shms[i].id == cap->id) {
            return VIRTIO_OK;
        }
    }
    cap->offset |=
        (uint64_t)read_config(function, cap->at + offsetof(struct virtio_pci_cap64, offset_hi), 4)
        << 32;
    cap->length |=
        (uint64_t)read_config(function, cap->at + offsetof(struct virtio_pci_cap64, length_hi), 4)
        << 32;
    enum virtio_err err = locate(function, cap, 1, 1, &region, lie);
    if (err == VIRTIO_OK && found->shm_count < VIRTIO_DEVICE_SHMS_MAX) {
        found->shms[found->shm_count++] =
            (struct virtio_pci_shm){ .phys = region.phys, .bytes = region.bytes, .id = cap->id };
    }
    return err;
}

static enum virtio_err
take_region(const struct virtio_pci_function *function, const struct seen_cap *cap,
            uint64_t bytes_min, struct pci_region *region, struct pci_lie *lie)
{
    uint64_t align = bytes_min == 1 ? 1 : 4;
    return region->is_there ? VIRTIO_OK : locate(function, cap, bytes_min, align, region, lie);
}

/* §4.1.4.1: of each type the first that the driver can use; what it does not know it passes over. */
static enum virtio_err
take_cap(const struct virtio_pci_function *function, struct seen_cap *cap, struct pci_found *found,
         struct pci_lie *lie)
{
    if (cap->bar > VIRTIO_PCI_BAR_LAST) {
        return VIRTIO_OK;
    }
    switch (cap->type) {
    case VIRTIO_PCI_CAP_COMMON_CFG:
        return take_region(function, cap, VIRTIO_PCI_COMMON_BYTES_MIN, &found->common, lie);
    case VIRTIO_PCI_CAP_NOTIFY_CFG:
        return found->notify.is_there ? VIRTIO_OK : take_notify(function, cap, found, lie);
    case VIRTIO_PCI_CAP_ISR_CFG: return take_region(function, cap, 1, &found->isr, lie);
    case VIRTIO_PCI_CAP_DEVICE_CFG: return take_region(function, cap, 4, &found->config, lie);
    case VIRTIO_PCI_CAP_SHARED_MEMORY_CFG: return take_shm(function, cap, found, lie);
    default: return VIRTIO_OK;
    }
}

enum virtio_err
virtio_pci_read_caps(const struct virtio_pci_function *function, struct pci_found *found,
                     struct pci_lie *lie)
{
    memset(found, 0, sizeof(*found));
    if ((read_config(function, PCI_STATUS, 2) & PCI_STATUS_HAS_CAPABILITIES) == 0) {
        return VIRTIO_OK;
    }
    uint16_t at = (uint16_t)(read_config(function, PCI_CAPABILITIES, 1) & ~3U);
    for (unsigned step = 0; at != 0; step++) {
        if (at < PCI_CAPABILITY_FIRST) {
            return lies(lie, "the capability list leads into the header (PCI 3.0 §6.7)", at);
        }
        if (step == PCI_CAPABILITY_STEPS_MAX) {
            return lies(lie, "the capability list is a loop (PCI 3.0 §6.7)", at);
        }
        if (read_config(function, at + PCI_CAPABILITY_ID, 1) == PCI_CAPABILITY_VENDOR) {
            struct seen_cap cap = read_cap(function, at);
            if (cap.type == 0 && cap.bytes > PCI_CONFIG_BYTES - at) {
                return lies(lie,
                            "a capability passes the end of configuration space (PCI 3.0 §6.7)",
                            cap.bytes);
            }
            enum virtio_err err = take_cap(function, &cap, found, lie);
            if (err != VIRTIO_OK) {
                return err;
            }
        }
        at = (uint16_t)(read_config(function, at + PCI_CAPABILITY_NEXT, 1) & ~3U);
    }
    return VIRTIO_OK;
}
