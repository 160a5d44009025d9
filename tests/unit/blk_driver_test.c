/* The block driver against a disk of 64 sectors, played by hand where it lies. VirtIO 1.3 §5.2. conformance: S0-17 S0-18 S2-06 S2-12 */
#include "abi/virtio_blk.h"

#include "virtio/blk.h"

#include "tests/unit/driver_fixture.h"

enum {
    DISK_SECTORS = 64,
    DISK_BYTES = DISK_SECTORS * VIRTIO_BLK_SECTOR_BYTES,
    TIMEOUT_MS = 10,
};

#define BLK_FEATURES (VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH) | VIRTIO_FEATURE(VIRTIO_BLK_F_BLK_SIZE))

static const struct fake_config_field fields[] = {
    {0,      4, 2, -1, false },
    { 8,     4, 1, VIRTIO_BLK_F_SIZE_MAX, false },
    { 20, 4, 1, VIRTIO_BLK_F_BLK_SIZE, false },
    { 0    },
};

static const struct fake_dependency no_dependencies[] = { { 0 } };

/* How the disk behaves. */
static struct {
    uint8_t bytes[DISK_BYTES];
    uint32_t flush_count;
    uint16_t seg_count; /* of the last request */
    bool is_silent;
    bool has_status; /* answer `status` whatever was asked */
    uint8_t status;
    bool has_written;
    uint32_t written_bytes; /* claim this length */
} disk;

static uint8_t
transfer(struct fake_chain *chain, uint64_t sector, bool is_write)
{
    uint32_t bytes = is_write ? chain->readable_bytes - (uint32_t)sizeof(struct virtio_blk_req)
                              : chain->writable_bytes - 1;

    if (!EXPECT_TRUE(sector * VIRTIO_BLK_SECTOR_BYTES + bytes <= DISK_BYTES)) {
        return VIRTIO_BLK_S_IOERR;
    }
    if (is_write) {
        (void)fake_chain_read(chain, sizeof(struct virtio_blk_req),
                              disk.bytes + sector * VIRTIO_BLK_SECTOR_BYTES, bytes);
    } else {
        (void)fake_chain_write(chain, 0, disk.bytes + sector * VIRTIO_BLK_SECTOR_BYTES, bytes);
    }
    return VIRTIO_BLK_S_OK;
}

/* Do what the request asks. Returns: its status. */
static uint8_t
perform(struct fake_chain *chain)
{
    struct virtio_blk_req head;
    static const char id[VIRTIO_BLK_ID_BYTES + 1] = "a disk of 20 letters";

    EXPECT_EQ(fake_chain_read(chain, 0, &head, sizeof(head)), sizeof(head));
    EXPECT_EQ(chain->segs[0].bytes, sizeof(head)); /* §5.2.6.4 */
    EXPECT_EQ(chain->segs[chain->seg_count - 1].bytes, 1);
    switch (le32_get(head.type)) {
    case VIRTIO_BLK_T_IN: return transfer(chain, le64_get(head.sector), false);
    case VIRTIO_BLK_T_OUT: return transfer(chain, le64_get(head.sector), true);
    case VIRTIO_BLK_T_FLUSH: disk.flush_count++; return VIRTIO_BLK_S_OK;
    case VIRTIO_BLK_T_GET_ID:
        (void)fake_chain_write(chain, 0, id, VIRTIO_BLK_ID_BYTES);
        return VIRTIO_BLK_S_OK;
    default: return VIRTIO_BLK_S_UNSUPP;
    }
}

static void
serve(struct fake_device *device, struct fake_chain *chain)
{
    uint8_t status;

    disk.seg_count = chain->seg_count;
    if (disk.is_silent) {
        return;
    }
    status = disk.has_status ? disk.status : perform(chain);
    (void)fake_chain_write(chain, chain->writable_bytes - 1, &status, 1);
    fake_chain_complete(device, chain,
                        disk.has_written ? disk.written_bytes : chain->writable_bytes);
}

static const struct fake_model blk_model = {
    .name = "disk by hand",
    .id = VIRTIO_ID_BLOCK,
    .features = UINT64_MAX,
    .fields = fields,
    .dependencies = no_dependencies,
    .buffer = serve,
};

struct blk_test {
    struct fixture f;
    struct vblk blk;
    struct vblk_config config;
    uint8_t memory[DISK_BYTES] __attribute__((aligned(4096)));
};

static void
prepare(struct blk_test *t, const struct flavour *flavour, uint64_t features)
{
    struct fixture_wish wish = { &blk_model, flavour, features, 1, 0 };

    memset(&disk, 0, sizeof(disk));
    t->blk = (struct vblk){ 0 };
    t->config.features = VIRTIO_FEATURES_LIBRARY;
    wish.arena_bytes = vblk_arena_bytes(&t->config);
    fixture_start(&t->f, &wish);
    fake_platform_share(&t->f.fp, t->memory, sizeof(t->memory));
    t->f.fake.config[0] = DISK_SECTORS;
    t->f.fake.config[21] = 4096 >> 8;
    for (size_t i = 0; i < DISK_BYTES; i++) {
        disk.bytes[i] = (uint8_t)(i * 13 + i / VIRTIO_BLK_SECTOR_BYTES);
    }
}

static void
start(struct blk_test *t, const struct flavour *flavour, uint64_t features)
{
    prepare(t, flavour, features);
    EXPECT_EQ(vblk_init(&t->blk, t->f.device, &t->config, &t->f.arena), VIRTIO_OK);
}

static void
end(struct blk_test *t)
{
    vblk_finish(&t->blk);
    fixture_end(&t->f);
}

static struct blk_test t;

static void
reset_config(struct vblk_config config)
{
    t.config = config;
}

UTEST(a_zeroed_blk_answers_not_initialized)
{
    struct vblk blk = { 0 };
    struct vblk_op op = { .type = VBLK_FLUSH };

    EXPECT_EQ(vblk_submit(&blk, &op), VIRTIO_ERR_NOT_INITIALIZED);
    EXPECT_EQ(vblk_poll(&blk), VIRTIO_ERR_NOT_INITIALIZED);
    EXPECT_EQ(vblk_flush(&blk, TIMEOUT_MS), VIRTIO_ERR_NOT_INITIALIZED);
    vblk_finish(&blk);
}

UTEST(init_reads_what_the_disk_is)
{
    for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
        reset_config((struct vblk_config){ 0 });
        start(&t, &flavours[i], BLK_FEATURES);
        EXPECT_EQ(t.blk.capacity_sectors, DISK_SECTORS);
        EXPECT_EQ(t.blk.block_bytes, 4096);
        EXPECT_FALSE(t.blk.is_read_only);
        EXPECT_TRUE(t.blk.has_flush);
        end(&t);
    }
}

UTEST(sectors_are_read_and_written)
{
    for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
        uint8_t data[3 * VIRTIO_BLK_SECTOR_BYTES];
        char id[VIRTIO_BLK_ID_BYTES + 1];

        reset_config((struct vblk_config){ 0 });
        start(&t, &flavours[i], BLK_FEATURES);
        EXPECT_EQ(vblk_read(&t.blk, 7, 3, data, TIMEOUT_MS), VIRTIO_OK);
        EXPECT_MEMEQ(data, disk.bytes + (size_t)7 * VIRTIO_BLK_SECTOR_BYTES, sizeof(data));
        memset(data, 0x5a, sizeof(data));
        EXPECT_EQ(vblk_write(&t.blk, DISK_SECTORS - 3, 3, data, TIMEOUT_MS), VIRTIO_OK);
        EXPECT_MEMEQ(data, disk.bytes + DISK_BYTES - sizeof(data), sizeof(data));
        EXPECT_EQ(vblk_flush(&t.blk, TIMEOUT_MS), VIRTIO_OK);
        EXPECT_EQ(disk.flush_count, 1);
        EXPECT_EQ(disk.seg_count, 2);
        EXPECT_EQ(vblk_get_id(&t.blk, id, TIMEOUT_MS), VIRTIO_OK);
        EXPECT_STREQ(id, "a disk of 20 letters");
        EXPECT_EQ(t.blk.latency[VBLK_READ].count, 1);
        EXPECT_TRUE(fixture_has_event(&t.f, TRACE_BLK_REQUEST));
        EXPECT_TRUE(fixture_has_event(&t.f, TRACE_BLK_RESPONSE));
        end(&t);
    }
}

UTEST(the_trace_tells_requests_and_responses_in_full)
{
    static const enum virtio_trace_event life[] = { TRACE_VIRTQ_ADD, TRACE_BLK_REQUEST,
                                                    TRACE_VIRTQ_USED, TRACE_BLK_RESPONSE,
                                                    TRACE_NONE };
    const char *text;
    char wanted[64];
    char id[VIRTIO_BLK_ID_BYTES + 1];

    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[0], BLK_FEATURES);
    t.f.fake.delay_ns = 23000;
    EXPECT_EQ(vblk_write(&t.blk, DISK_SECTORS - 3, 3, t.memory, TIMEOUT_MS), VIRTIO_OK);
    EXPECT_EQ(vblk_get_id(&t.blk, id, TIMEOUT_MS), VIRTIO_OK);
    EXPECT_EQ(vblk_flush(&t.blk, TIMEOUT_MS), VIRTIO_OK);
    disk.has_status = true;
    disk.status = VIRTIO_BLK_S_IOERR;
    EXPECT_EQ(vblk_read(&t.blk, 9, 1, t.memory, TIMEOUT_MS), VIRTIO_ERR_IO);
    text = fixture_printed(&t.f, false);
    EXPECT_CONTAINS(text, " blk request type 1: sector 61, 1536 bytes: OUT\n");
    EXPECT_CONTAINS(text, " blk request type 8: sector 0, 20 bytes: GET_ID\n");
    EXPECT_CONTAINS(text, " ns: OK to GET_ID, id \"a disk of 20 letters\"\n");
    EXPECT_CONTAINS(text, " blk request type 4: sector 0, 0 bytes: FLUSH\n");
    (void)snprintf(wanted, sizeof(wanted), " status 0 to type 4 after %llu ns: OK to FLUSH\n",
                   (unsigned long long)t.blk.latency[VBLK_FLUSH].sum_ns);
    EXPECT_CONTAINS(text, wanted);
    EXPECT_CONTAINS(text, " blk request type 0: sector 9, 512 bytes: IN\n");
    EXPECT_CONTAINS(text, " blk response status 1 to type 0 after ");
    EXPECT_CONTAINS(text, " ns: IOERR to IN\n");
    EXPECT_TRUE(fixture_has_command(&t.f, life));
    EXPECT_TRUE(t.blk.latency[VBLK_GET_ID].min_ns >= t.f.fake.delay_ns);
    EXPECT_EQ(t.blk.latency[VBLK_READ].count, 1);
    EXPECT_CONTAINS(fixture_printed(&t.f, true), "{\"name\":\"OUT\",\"cat\":\"blk\",\"ph\":\"X\",");
    end(&t);
}

UTEST(a_long_transfer_goes_in_pieces)
{
    reset_config((struct vblk_config){ .bounce_bytes = 2048 });
    start(&t, &flavours[0], BLK_FEATURES);
    EXPECT_EQ(vblk_read(&t.blk, 1, DISK_SECTORS - 1, t.memory, TIMEOUT_MS), VIRTIO_OK);
    EXPECT_MEMEQ(t.memory, disk.bytes + VIRTIO_BLK_SECTOR_BYTES,
                 DISK_BYTES - VIRTIO_BLK_SECTOR_BYTES);
    EXPECT_EQ(t.blk.stats.ops[VBLK_READ], 16);
    end(&t);
}

UTEST(size_max_bounds_a_request)
{
    struct vblk_op op = { .type = VBLK_READ, .sector_count = 3, .data = t.memory };

    reset_config((struct vblk_config){ 0 });
    prepare(&t, &flavours[0], VIRTIO_FEATURE(VIRTIO_BLK_F_SIZE_MAX));
    t.f.fake.config[9] = 1024 >> 8;
    EXPECT_EQ(vblk_init(&t.blk, t.f.device, &t.config, &t.f.arena), VIRTIO_OK);
    EXPECT_EQ(t.blk.max_bytes, 1024);
    EXPECT_EQ(vblk_submit(&t.blk, &op), VIRTIO_ERR_INVALID);
    EXPECT_EQ(vblk_read(&t.blk, 0, 5, t.memory, TIMEOUT_MS), VIRTIO_OK);
    EXPECT_EQ(t.blk.stats.ops[VBLK_READ], 3);
    end(&t);
}

UTEST(bounds_are_checked_before_the_device_sees_a_request)
{
    static const struct {
        uint64_t sector;
        uint32_t count;
    } outside[] = {
        {0,                 0               },
        { DISK_SECTORS,     1               },
        { DISK_SECTORS - 1, 2               },
        { UINT64_MAX,       1               },
        { UINT64_MAX - 1,   3               },
        { 0,                DISK_SECTORS + 1}
    };

    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[0], 0);
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        struct vblk_op op = { .type = VBLK_WRITE,
                              .sector = outside[i].sector,
                              .sector_count = outside[i].count,
                              .data = t.memory };

        EXPECT_EQ(vblk_submit(&t.blk, &op), VIRTIO_ERR_INVALID);
        EXPECT_EQ(vblk_read(&t.blk, outside[i].sector, outside[i].count, t.memory, TIMEOUT_MS),
                  VIRTIO_ERR_INVALID);
    }
    EXPECT_EQ(vblk_flush(&t.blk, TIMEOUT_MS), VIRTIO_ERR_UNSUPPORTED);
    EXPECT_EQ(t.f.fake.queues[0].popped_count, 0);
    end(&t);
}

UTEST(a_read_only_disk_is_not_written)
{
    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[0], VIRTIO_FEATURE(VIRTIO_BLK_F_RO));
    EXPECT_EQ(vblk_write(&t.blk, 0, 1, t.memory, TIMEOUT_MS), VIRTIO_ERR_REFUSED);
    EXPECT_EQ(t.f.fake.queues[0].popped_count, 0);
    end(&t);
}

UTEST(memory_that_cannot_be_shared_is_refused)
{
    uint8_t elsewhere[VIRTIO_BLK_SECTOR_BYTES];
    struct vblk_op op = { .type = VBLK_READ, .sector_count = 1, .data = elsewhere };

    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[0], BLK_FEATURES);
    t.f.fp.dma_fail_from = 0;
    EXPECT_EQ(vblk_submit(&t.blk, &op), VIRTIO_ERR_INVALID);
    t.f.fp.dma_fail_from = UINT32_MAX;
    end(&t);
}

UTEST(an_error_belongs_to_its_request)
{
    uint8_t data[VIRTIO_BLK_SECTOR_BYTES];

    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[0], BLK_FEATURES);
    disk.has_status = true;
    disk.status = VIRTIO_BLK_S_IOERR;
    EXPECT_EQ(vblk_read(&t.blk, 0, 1, data, TIMEOUT_MS), VIRTIO_ERR_IO);
    disk.status = VIRTIO_BLK_S_UNSUPP;
    EXPECT_EQ(vblk_flush(&t.blk, TIMEOUT_MS), VIRTIO_ERR_UNSUPPORTED);
    disk.has_status = false;
    EXPECT_EQ(vblk_read(&t.blk, 0, 1, data, TIMEOUT_MS), VIRTIO_OK);
    EXPECT_EQ(t.blk.stats.io_errors, 1);
    EXPECT_EQ(t.blk.stats.unsupported, 1);
    end(&t);
}

UTEST(a_status_that_does_not_exist_breaks_the_device)
{
    uint8_t data[VIRTIO_BLK_SECTOR_BYTES];

    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[0], BLK_FEATURES);
    disk.has_status = true;
    disk.status = 3;
    EXPECT_EQ(vblk_read(&t.blk, 0, 1, data, TIMEOUT_MS), VIRTIO_ERR_BROKEN);
    EXPECT_EQ(vblk_read(&t.blk, 0, 1, data, TIMEOUT_MS), VIRTIO_ERR_BROKEN);
    EXPECT_TRUE(fake_platform_logged(&t.f.fp, "status is not one of three"));
    EXPECT_CONTAINS(fixture_printed(&t.f, false), " ns: no such status to IN\n");
    end(&t);
}

UTEST(a_status_that_was_never_written_breaks_the_device)
{
    uint8_t data[VIRTIO_BLK_SECTOR_BYTES];

    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[3], BLK_FEATURES);
    disk.has_status = true;
    disk.status = 0xff;
    EXPECT_EQ(vblk_read(&t.blk, 0, 1, data, TIMEOUT_MS), VIRTIO_ERR_BROKEN);
    end(&t);
}

UTEST(a_read_that_was_not_written_breaks_the_device)
{
    uint8_t data[VIRTIO_BLK_SECTOR_BYTES];

    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[0], BLK_FEATURES);
    disk.has_written = true;
    disk.written_bytes = 100;
    EXPECT_EQ(vblk_read(&t.blk, 0, 1, data, TIMEOUT_MS), VIRTIO_ERR_BROKEN);
    EXPECT_TRUE(fake_platform_logged(&t.f.fp, "data not written"));
    end(&t);
}

/* Ops in flight tell here how they ended. */
static uint32_t done_count;

static void
count_done(struct vblk_op *op)
{
    done_count++;
    EXPECT_NE(op->err, VIRTIO_ERR_STATE);
}

UTEST(many_requests_complete_in_any_order)
{
    for (size_t i = 0; i < FLAVOUR_COUNT; i++) {
        struct vblk_op ops[8];

        reset_config((struct vblk_config){ .op_count = 8 });
        start(&t, &flavours[i], BLK_FEATURES);
        t.f.fake.is_reversing = true;
        done_count = 0;
        for (uint32_t k = 0; k < 8; k++) {
            ops[k] = (struct vblk_op){ .type = VBLK_READ,
                                       .sector = (uint64_t)k * 8,
                                       .sector_count = 8,
                                       .data = t.memory + (size_t)k * 8 * VIRTIO_BLK_SECTOR_BYTES,
                                       .done = count_done };
            EXPECT_EQ(vblk_submit(&t.blk, &ops[k]), VIRTIO_OK);
        }
        EXPECT_EQ(t.blk.in_flight, 8);
        EXPECT_EQ(vblk_submit(&t.blk, &ops[0]), VIRTIO_ERR_BUSY);
        vblk_flush_queue(&t.blk);
        fake_platform_advance(&t.f.fp, 1000);
        EXPECT_EQ(vblk_poll(&t.blk), VIRTIO_OK);
        EXPECT_EQ(vblk_poll(&t.blk), VIRTIO_EMPTY);
        EXPECT_EQ(done_count, 8);
        EXPECT_EQ(t.blk.in_flight, 0);
        EXPECT_MEMEQ(t.memory, disk.bytes, DISK_BYTES);
        end(&t);
    }
}

UTEST(after_a_timeout_the_callers_memory_stays_untouched)
{
    static const enum virtio_trace_event late_life[] = { TRACE_BLK_REQUEST, TRACE_BLK_TIMEOUT,
                                                         TRACE_VIRTQ_USED, TRACE_BLK_RESPONSE,
                                                         TRACE_NONE };
    uint8_t data[VIRTIO_BLK_SECTOR_BYTES] = { 0 };
    uint8_t zeros[VIRTIO_BLK_SECTOR_BYTES] = { 0 };
    struct fake_chain *chain;

    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[0], BLK_FEATURES);
    disk.is_silent = true;
    EXPECT_EQ(vblk_read(&t.blk, 0, 1, data, TIMEOUT_MS), VIRTIO_ERR_TIMEOUT);
    EXPECT_CONTAINS(fixture_printed(&t.f, false),
                    " blk request type 0: no response after 10000000 ns: IN\n");
    EXPECT_EQ(t.blk.stats.timeouts, 1);
    EXPECT_EQ(vblk_read(&t.blk, 0, 1, data, TIMEOUT_MS), VIRTIO_ERR_BUSY);
    disk.is_silent = false;
    chain = fake_queue_oldest(&t.f.fake, 0);
    serve(&t.f.fake, chain);
    EXPECT_MEMEQ(data, zeros, sizeof(data));
    EXPECT_EQ(vblk_read(&t.blk, 0, 1, data, TIMEOUT_MS), VIRTIO_OK);
    EXPECT_TRUE(fixture_has_command(&t.f, late_life));
    EXPECT_MEMEQ(data, disk.bytes, sizeof(data));
    end(&t);
}

UTEST(finish_ends_what_is_in_flight)
{
    struct vblk_op op = {
        .type = VBLK_READ, .sector_count = 1, .data = t.memory, .done = count_done
    };

    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[0], BLK_FEATURES);
    disk.is_silent = true;
    done_count = 0;
    EXPECT_EQ(vblk_submit(&t.blk, &op), VIRTIO_OK);
    EXPECT_EQ(op.err, VIRTIO_ERR_STATE);
    vblk_finish(&t.blk);
    EXPECT_EQ(done_count, 1);
    EXPECT_EQ(op.err, VIRTIO_ERR_LOST);
    end(&t);
}

UTEST(what_cannot_be_is_refused_at_init)
{
    reset_config((struct vblk_config){ 0 });
    prepare(&t, &flavours[0], BLK_FEATURES);
    t.f.fake.config[7] = 0x80; /* 2^63 sectors */
    EXPECT_EQ(vblk_init(&t.blk, t.f.device, &t.config, &t.f.arena), VIRTIO_ERR_BROKEN);
    EXPECT_TRUE(fake_platform_logged(&t.f.fp, "capacity above"));
    EXPECT_EQ(t.f.device->owner[0], '\0');
    t.f.fake.config[7] = 0;
    t.f.device->id = VIRTIO_ID_NET;
    EXPECT_EQ(vblk_init(&t.blk, t.f.device, &t.config, &t.f.arena), VIRTIO_ERR_NO_DEVICE);
    end(&t);
    EXPECT_EQ(vblk_arena_bytes(&(struct vblk_config){ .queue_size = 5 }), 0);
    EXPECT_EQ(vblk_arena_bytes(&(struct vblk_config){ .bounce_bytes = 100 }), 0);
}

static struct vblk_op
one_read(void)
{
    return (struct vblk_op){
        .type = VBLK_READ, .sector_count = 1, .data = t.memory, .done = count_done
    };
}

UTEST(ops_in_flight_hear_once_that_the_device_died)
{
    for (int is_vanished = 0; is_vanished < 2; is_vanished++) {
        enum virtio_err expected = is_vanished ? VIRTIO_ERR_LOST : VIRTIO_ERR_NEEDS_RESET;
        struct vblk_op op = one_read();
        enum virtio_err err = VIRTIO_EMPTY;

        reset_config((struct vblk_config){ 0 });
        start(&t, &flavours[0], BLK_FEATURES);
        disk.is_silent = true;
        done_count = 0;
        EXPECT_EQ(vblk_submit(&t.blk, &op), VIRTIO_OK);
        vblk_flush_queue(&t.blk);
        (is_vanished ? fake_device_vanish : fake_device_need_reset)(&t.f.fake);
        for (int i = 0; i < 4; i++) {
            err = vblk_poll(&t.blk);
            fake_platform_advance(&t.f.fp, VIRTIO_SILENCE_MS * UINT64_C(1000000));
        }
        EXPECT_EQ(err, expected);
        EXPECT_EQ(op.err, expected);
        EXPECT_TRUE(op.is_in_flight);
        EXPECT_EQ(done_count, 1);
        EXPECT_EQ(vblk_submit(&t.blk, &op), expected);
        vblk_finish(&t.blk);
        EXPECT_EQ(done_count, 2);
        EXPECT_FALSE(op.is_in_flight);
        end(&t);
    }
}

UTEST(an_op_past_its_deadline_is_reported_once_and_may_still_come_back)
{
    struct vblk_op late = one_read();
    struct vblk_op patient = one_read();

    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[0], BLK_FEATURES);
    disk.is_silent = true;
    done_count = 0;
    late.timeout_ms = 2 * TIMEOUT_MS;
    EXPECT_EQ(vblk_submit(&t.blk, &late), VIRTIO_OK);
    EXPECT_EQ(vblk_submit(&t.blk, &patient), VIRTIO_OK);
    vblk_flush_queue(&t.blk);
    fake_platform_advance(&t.f.fp, UINT64_C(1000000) * TIMEOUT_MS);
    EXPECT_EQ(vblk_poll(&t.blk), VIRTIO_EMPTY);
    EXPECT_EQ(done_count, 0);
    for (int i = 0; i < 3; i++) {
        fake_platform_advance(&t.f.fp, UINT64_C(2000000) * TIMEOUT_MS);
        EXPECT_EQ(vblk_poll(&t.blk), VIRTIO_EMPTY);
    }
    EXPECT_EQ(done_count, 1);
    EXPECT_EQ(late.err, VIRTIO_ERR_TIMEOUT);
    EXPECT_TRUE(late.is_in_flight);
    EXPECT_EQ(patient.err, VIRTIO_ERR_STATE);
    EXPECT_EQ(t.blk.in_flight, 2);
    disk.is_silent = false;
    serve(&t.f.fake, fake_queue_oldest(&t.f.fake, 0));
    EXPECT_EQ(vblk_poll(&t.blk), VIRTIO_OK);
    EXPECT_EQ(done_count, 2);
    EXPECT_EQ(late.err, VIRTIO_OK);
    EXPECT_FALSE(late.is_in_flight);
    end(&t);
}

UTEST(a_disk_that_changes_its_size_is_believed)
{
    uint8_t data[VIRTIO_BLK_SECTOR_BYTES];

    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[0], BLK_FEATURES);
    t.f.fake.config[0] = 8;
    fake_device_config_changed(&t.f.fake);
    EXPECT_EQ(vblk_take_events(&t.blk), VBLK_EVENT_CONFIG);
    EXPECT_EQ(vblk_read(&t.blk, 63, 1, data, TIMEOUT_MS), VIRTIO_ERR_INVALID);
    EXPECT_EQ(t.blk.capacity_sectors, 8);
    EXPECT_EQ(vblk_take_events(&t.blk), 0);
    end(&t);
}

UTEST(a_device_that_does_not_reset_keeps_op_and_data)
{
    struct vblk_op op = one_read();

    reset_config((struct vblk_config){ 0 });
    start(&t, &flavours[0], BLK_FEATURES);
    disk.is_silent = true;
    done_count = 0;
    EXPECT_EQ(vblk_submit(&t.blk, &op), VIRTIO_OK);
    vblk_flush_queue(&t.blk);
    t.f.fake.evil = (struct fake_evil){ .mode = FAKE_EVIL_RESET_STUCK };
    EXPECT_EQ(vblk_finish(&t.blk), VIRTIO_ERR_TIMEOUT);
    EXPECT_EQ(done_count, 0);
    EXPECT_TRUE(op.is_in_flight);
    t.f.fake.evil = (struct fake_evil){ 0 };
    EXPECT_EQ(vblk_finish(&t.blk), VIRTIO_OK);
    EXPECT_EQ(done_count, 1);
    EXPECT_EQ(op.err, VIRTIO_ERR_LOST);
    end(&t);
}

UTEST(a_legacy_device_may_claim_any_length)
{
    static const uint32_t lengths[] = { 0, 1, 16 + VIRTIO_BLK_SECTOR_BYTES + 1 };
    static const struct flavour v1 = { "v1", 1, VIRTIO_FEATURE(VIRTIO_F_ANY_LAYOUT) };
    uint8_t data[VIRTIO_BLK_SECTOR_BYTES];

    reset_config((struct vblk_config){ 0 });
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        start(&t, &v1, BLK_FEATURES);
        disk.has_written = true;
        disk.written_bytes = lengths[i];
        EXPECT_EQ(vblk_read(&t.blk, 0, 1, data, TIMEOUT_MS), VIRTIO_OK);
        EXPECT_EQ(vblk_write(&t.blk, 0, 1, data, TIMEOUT_MS), VIRTIO_OK);
        end(&t);
    }
}
