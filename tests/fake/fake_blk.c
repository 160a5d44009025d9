#include "tests/fake/fake_blk.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fake/fake_private.h"

/* One request, taken apart. */
struct request {
    struct fake_chain *chain;
    uint32_t type;
    uint64_t sector;
    uint32_t in_bytes;  /* writable, without the status */
    uint32_t out_bytes; /* readable, without the header */
};

static bool
touches(const struct request *r, uint32_t bytes, uint64_t sector)
{
    return sector >= r->sector && sector - r->sector < bytes / VIRTIO_BLK_SECTOR_BYTES;
}

/* Returns: false when the transfer cannot be made. */
static bool
check_range(struct fake_device *device, const struct request *r, uint32_t bytes)
{
    const struct fake_blk *blk = device->ctx;
    if (bytes == 0 || bytes % VIRTIO_BLK_SECTOR_BYTES != 0) {
        fake_break(device, FAKE_REQ_BLK_DATA_BYTES, bytes);
        return false;
    }
    uint64_t count = bytes / VIRTIO_BLK_SECTOR_BYTES;
    if (r->sector > blk->sector_count || count > blk->sector_count - r->sector) {
        fake_break(device, FAKE_REQ_BLK_CAPACITY, r->sector);
        return false;
    }
    return !touches(r, bytes, blk->fail_sector);
}

static uint8_t
move_data(struct fake_device *device, const struct request *r)
{
    const struct fake_blk *blk = device->ctx;
    bool is_read = r->type == VIRTIO_BLK_T_IN;
    uint32_t bytes = is_read ? r->in_bytes : r->out_bytes;
    if (!check_range(device, r, bytes)) {
        return VIRTIO_BLK_S_IOERR;
    }
    uint8_t *disk = blk->disk + r->sector * VIRTIO_BLK_SECTOR_BYTES;
    if (is_read) {
        fake_chain_write(r->chain, 0, disk, bytes);
    } else {
        fake_chain_read(r->chain, sizeof(struct virtio_blk_req), disk, bytes);
    }
    return VIRTIO_BLK_S_OK;
}

static uint8_t
flush(struct fake_device *device, const struct request *r)
{
    struct fake_blk *blk = device->ctx;
    if (!fake_device_has(device, VIRTIO_BLK_F_FLUSH)) {
        fake_break(device, FAKE_REQ_BLK_FLUSH_NEGOTIATED, r->type);
    }
    if (r->sector != 0) {
        fake_break(device, FAKE_REQ_BLK_FLUSH_SECTOR, r->sector);
    }
    if (r->in_bytes + r->out_bytes != 0) {
        fake_break(device, FAKE_REQ_BLK_FLUSH_DATA, r->in_bytes + r->out_bytes);
    }
    blk->flush_count++;
    return VIRTIO_BLK_S_OK;
}

static uint8_t
get_id(struct fake_device *device, const struct request *r)
{
    const struct fake_blk *blk = device->ctx;
    if (r->in_bytes != VIRTIO_BLK_ID_BYTES) {
        fake_break(device, FAKE_REQ_BLK_ID_BYTES, r->in_bytes);
    }
    fake_chain_write(r->chain, 0, blk->id, sizeof(blk->id));
    return VIRTIO_BLK_S_OK;
}

static uint8_t
serve(struct fake_device *device, const struct request *r)
{
    switch (r->type) {
    case VIRTIO_BLK_T_IN:
    case VIRTIO_BLK_T_OUT: return move_data(device, r);
    case VIRTIO_BLK_T_FLUSH: return flush(device, r);
    case VIRTIO_BLK_T_GET_ID: return get_id(device, r);
    default: return VIRTIO_BLK_S_UNSUPP;
    }
}

static void
blk_buffer(struct fake_device *device, struct fake_chain *chain)
{
    struct fake_blk *blk = device->ctx;
    struct virtio_blk_req req = { .sector = le64_from(0) };
    blk->request_count++;
    if (fake_chain_read(chain, 0, &req, sizeof(req)) != sizeof(req) || chain->writable_bytes == 0) {
        fake_break(device, FAKE_REQ_BLK_FRAMING, chain->readable_bytes);
        fake_chain_complete(device, chain, 0);
        return;
    }
    struct request r = { chain, le32_get(req.type), le64_get(req.sector), chain->writable_bytes - 1,
                         chain->readable_bytes - (uint32_t)sizeof(req) };
    uint8_t status = serve(device, &r);
    uint32_t written = status == VIRTIO_BLK_S_OK ? chain->writable_bytes : 1;
    if (fake_is_evil(device, FAKE_EVIL_RESPONSE_TYPE)) {
        status = (uint8_t)device->evil.value;
    } else if (fake_is_evil(device, FAKE_EVIL_RESPONSE_SHORT)) {
        written = (uint32_t)device->evil.value;
    }
    fake_chain_write(chain, r.in_bytes, &status, 1);
    fake_chain_complete(device, chain, written);
}

static void
blk_config_read(struct fake_device *device, uint32_t offset)
{
    if (offset == offsetof(struct virtio_blk_config, writeback) &&
        (device->status & VIRTIO_STATUS_FEATURES_OK) == 0 && !fake_is_legacy(device)) {
        fake_break(device, FAKE_REQ_BLK_WRITEBACK_EARLY, offset);
    }
}

void
fake_blk_init(struct fake_blk *blk, struct fake_device *device, uint64_t sector_count)
{
    memset(blk, 0, sizeof(*blk));
    blk->sector_count = sector_count;
    blk->disk = calloc(sector_count, VIRTIO_BLK_SECTOR_BYTES);
    if (blk->disk == NULL) {
        abort();
    }
    memcpy(blk->id, "fake disk", 9);
    blk->fail_sector = UINT64_MAX;
    fake_put64(device->config, sector_count);
    fake_put32(device->config + offsetof(struct virtio_blk_config, seg_max), 64);
    fake_put32(device->config + offsetof(struct virtio_blk_config, size_max), 1 << 20);
    fake_put32(device->config + offsetof(struct virtio_blk_config, blk_size), 512);
}

void
fake_blk_finish(struct fake_blk *blk)
{
    free(blk->disk);
    blk->disk = NULL;
}

static const struct fake_config_field blk_fields[] = {
    {0,   4, 2, -1,                      false}, /* capacity, in halves */
    { 8,  4, 1, VIRTIO_BLK_F_SIZE_MAX,   false}, /* size_max */
    { 12, 4, 1, VIRTIO_BLK_F_SEG_MAX,    false}, /* seg_max */
    { 16, 2, 1, VIRTIO_BLK_F_GEOMETRY,   false}, /* cylinders */
    { 18, 1, 2, VIRTIO_BLK_F_GEOMETRY,   false}, /* heads, sectors */
    { 20, 4, 1, VIRTIO_BLK_F_BLK_SIZE,   false}, /* blk_size */
    { 24, 1, 2, VIRTIO_BLK_F_TOPOLOGY,   false}, /* exponent, alignment */
    { 26, 2, 1, VIRTIO_BLK_F_TOPOLOGY,   false}, /* min_io_size */
    { 28, 4, 1, VIRTIO_BLK_F_TOPOLOGY,   false}, /* opt_io_size */
    { 32, 1, 1, VIRTIO_BLK_F_CONFIG_WCE, true }, /* writeback */
    { 34, 2, 1, VIRTIO_BLK_F_MQ,         false}, /* num_queues */
    { 0,  0, 0, 0,                       false},
};

const struct fake_model fake_blk_model = {
    .name = "blk",
    .id = VIRTIO_ID_BLOCK,
    .features = 0x3fff7,
    .fields = blk_fields,
    .buffer = blk_buffer,
    .config_read = blk_config_read,
};
