/*
 * The block driver on QEMU's block device, in each transport and ring; the disk is a file of this program, so that the bytes in it
 * are seen and chosen.
 */
#include <string.h>

#include <unistd.h>

#include "virtio/blk.h"

#include "tests/qtest/rig.h"
#include "tests/unit/utest.h"

enum {
    SECTOR_BYTES = 512,
    SECTOR_COUNT = QEMU_DISK_BYTES / SECTOR_BYTES,
    TIMEOUT_MS = 3000,
    COMBINATION_COUNT = 6,
};

struct combination {
    const char *name;
    uint64_t features;
    enum rig_mmio mmio;
};

#define PACKED    VIRTIO_FEATURE(VIRTIO_F_RING_PACKED)
#define EVENT_IDX VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX)
#define INDIRECT  VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC)

static const struct combination combinations[COMBINATION_COUNT] = {
    {"v1 split",                      0,                             RIG_MMIO_LEGACY},
    { "v1 split event_idx indirect",  EVENT_IDX | INDIRECT,          RIG_MMIO_LEGACY},
    { "v2 split event_idx",           EVENT_IDX,                     RIG_MMIO_MODERN},
    { "v2 packed",                    PACKED,                        RIG_MMIO_MODERN},
    { "v2 packed event_idx indirect", PACKED | EVENT_IDX | INDIRECT, RIG_MMIO_MODERN},
    { "pci packed event_idx",         PACKED | EVENT_IDX,            RIG_PCI        },
};

static const char *const args[] = {
    "-blockdev", QEMU_DISK_FILE,
    "-blockdev", "driver=raw,node-name=disk0,file=file0",
    "-device",   "virtio-blk-device,id=blk0,drive=disk0,serial=vitrine-0001,packed=on",
    NULL
};

static struct rig rig;
static struct vblk blk;
static uint8_t *data; /* shared with the device */

static bool
start(const struct combination *combination, const char *const *with)
{
    const struct vblk_config config = { .features = combination->features };
    rig_start(&rig, combination->mmio, with);
    data = rig_memory(&rig, QEMU_DISK_BYTES);
    struct virtio_device *device = rig_device(&rig, VIRTIO_ID_BLOCK);
    return EXPECT_TRUE(device != NULL) &&
           EXPECT_EQ(vblk_init(&blk, device, &config, &rig.arena), VIRTIO_OK);
}

static void
with_args_in_every_combination(const char *const *with, void (*body)(void))
{
    for (size_t i = 0; i < COMBINATION_COUNT; i++) {
        bool had_failed = utest.has_failed;
        if (start(&combinations[i], with)) {
            body();
            EXPECT_EQ(blk.device->fault.rule, NULL);
        }
        rig_stop(&rig);
        if (utest.has_failed && !had_failed) {
            printf("        first with %s\n", combinations[i].name);
        }
    }
}

static void
make_pattern(uint8_t *bytes, size_t count, unsigned seed)
{
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)((size_t)seed * 17 + i + (i >> 9));
    }
}

static void
tell_what_it_is(void)
{
    char id[VIRTIO_BLK_ID_BYTES + 1];
    EXPECT_EQ(blk.capacity_sectors, SECTOR_COUNT);
    EXPECT_FALSE(blk.is_read_only);
    EXPECT_TRUE(blk.has_flush);
    EXPECT_EQ(vblk_get_id(&blk, id, TIMEOUT_MS), VIRTIO_OK);
    EXPECT_STREQ(id, "vitrine-0001");
}

UTEST(capacity_and_id_are_the_configured_ones)
{
    with_args_in_every_combination(args, tell_what_it_is);
}

static void
write_and_look(void)
{
    static const struct {
        uint64_t sector;
        uint32_t count;
    } places[] = {
        {0,                 1 },
        { 7,                3 },
        { 100,              64},
        { SECTOR_COUNT - 1, 1 }
    };
    static uint8_t pattern[64 * SECTOR_BYTES];
    static uint8_t file[64 * SECTOR_BYTES];
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        size_t bytes = (size_t)places[i].count * SECTOR_BYTES;
        make_pattern(pattern, bytes, (unsigned)i + 1);
        EXPECT_EQ(vblk_write(&blk, places[i].sector, places[i].count, pattern, TIMEOUT_MS),
                  VIRTIO_OK);
        EXPECT_EQ(vblk_flush(&blk, TIMEOUT_MS), VIRTIO_OK);
        EXPECT_EQ(pread(rig.qemu.disk_fd, file, bytes, (off_t)places[i].sector * SECTOR_BYTES),
                  bytes);
        EXPECT_MEMEQ(file, pattern, bytes);
    }
}

UTEST(what_is_written_is_in_the_file)
{
    with_args_in_every_combination(args, write_and_look);
}

static void
put_and_read(void)
{
    static uint8_t pattern[200 * SECTOR_BYTES];
    static uint8_t read[200 * SECTOR_BYTES];
    make_pattern(pattern, sizeof(pattern), 99);
    EXPECT_EQ(pwrite(rig.qemu.disk_fd, pattern, sizeof(pattern), (off_t)50 * SECTOR_BYTES),
              sizeof(pattern));
    /* More than the driver's own buffer holds: several requests. */
    EXPECT_EQ(vblk_read(&blk, 50, 200, read, TIMEOUT_MS), VIRTIO_OK);
    EXPECT_MEMEQ(read, pattern, sizeof(pattern));
}

UTEST(what_is_in_the_file_is_read)
{
    with_args_in_every_combination(args, put_and_read);
}

static unsigned done_count;
static unsigned failed_count;

static void
count_done(struct vblk_op *op)
{
    done_count++;
    failed_count += op->err != VIRTIO_OK;
}

/* Poll until `count` are done, at most TIMEOUT_MS. */
static void
poll_until(unsigned count)
{
    const struct virtio_platform *plat = &rig.platform.table;
    uint64_t deadline_ns = plat->now_ns(plat->ctx) + TIMEOUT_MS * UINT64_C(1000000);
    while (done_count < count && plat->now_ns(plat->ctx) < deadline_ns) {
        if (vblk_poll(&blk) == VIRTIO_EMPTY) {
            plat->relax(plat->ctx, deadline_ns);
        }
    }
    EXPECT_EQ(done_count, count);
}

static void
keep_many_in_flight(void)
{
    enum { MANY = 16, EACH = 8 };
    static struct vblk_op ops[MANY];
    static uint8_t file[EACH * SECTOR_BYTES];
    done_count = 0;
    failed_count = 0;
    for (unsigned i = 0; i < MANY; i++) {
        uint8_t *piece = data + (size_t)i * EACH * SECTOR_BYTES;
        make_pattern(piece, sizeof(file), i);
        /* Backwards, so that sectors and memory run in different orders. */
        ops[i] = (struct vblk_op){ .type = VBLK_WRITE,
                                   .sector = (uint64_t)(MANY - 1 - i) * EACH,
                                   .sector_count = EACH,
                                   .data = piece,
                                   .done = count_done };
        EXPECT_EQ(vblk_submit(&blk, &ops[i]), VIRTIO_OK);
        EXPECT_EQ(ops[i].err, VIRTIO_ERR_STATE);
    }
    vblk_flush_queue(&blk);
    poll_until(MANY);
    EXPECT_EQ(failed_count, 0);
    for (unsigned i = 0; i < MANY; i++) {
        off_t at = (off_t)(MANY - 1 - i) * EACH * SECTOR_BYTES;
        EXPECT_EQ(pread(rig.qemu.disk_fd, file, sizeof(file), at), sizeof(file));
        EXPECT_MEMEQ(file, ops[i].data, sizeof(file));
    }
}

UTEST(many_requests_are_in_flight)
{
    with_args_in_every_combination(args, keep_many_in_flight);
}

static void
go_beyond_the_end(void)
{
    uint8_t sector[SECTOR_BYTES];
    EXPECT_EQ(vblk_read(&blk, SECTOR_COUNT, 1, sector, TIMEOUT_MS), VIRTIO_ERR_INVALID);
    EXPECT_EQ(vblk_read(&blk, UINT64_MAX, 1, sector, TIMEOUT_MS), VIRTIO_ERR_INVALID);
    EXPECT_EQ(vblk_write(&blk, SECTOR_COUNT - 1, 2, data, TIMEOUT_MS), VIRTIO_ERR_INVALID);
    EXPECT_EQ(vblk_read(&blk, 0, 0, sector, TIMEOUT_MS), VIRTIO_ERR_INVALID);
    EXPECT_EQ(vblk_read(&blk, SECTOR_COUNT - 1, 1, sector, TIMEOUT_MS), VIRTIO_OK);
}

UTEST(beyond_the_end_is_refused_here)
{
    with_args_in_every_combination(args, go_beyond_the_end);
}

/* Sector 40 cannot be read and sector 80 cannot be written: these requests fail, and no others. */
#define BAD_SECTORS                                                                                \
 "driver=blkdebug,node-name=bad0,image=file0,"                                                     \
 "inject-error.0.event=none,inject-error.0.iotype=read,inject-error.0.sector=40,"                  \
 "inject-error.0.errno=5,inject-error.0.once=off,"                                                 \
 "inject-error.1.event=none,inject-error.1.iotype=write,inject-error.1.sector=80,"                 \
 "inject-error.1.errno=5,inject-error.1.once=off"

static const char *const bad_args[] = {
    "-blockdev", QEMU_DISK_FILE,
    "-blockdev", BAD_SECTORS,
    "-blockdev", "driver=raw,node-name=disk0,file=bad0",
    "-device",   "virtio-blk-device,id=blk0,drive=disk0,packed=on,rerror=report,werror=report",
    NULL
};

static void
meet_bad_sectors(void)
{
    uint8_t sectors[8 * SECTOR_BYTES];
    memset(sectors, 0x5a, sizeof(sectors));
    EXPECT_EQ(vblk_read(&blk, 40, 1, sectors, TIMEOUT_MS), VIRTIO_ERR_IO);
    EXPECT_EQ(vblk_read(&blk, 36, 8, sectors, TIMEOUT_MS), VIRTIO_ERR_IO);
    EXPECT_EQ(vblk_read(&blk, 41, 8, sectors, TIMEOUT_MS), VIRTIO_OK);
    EXPECT_EQ(vblk_write(&blk, 40, 1, sectors, TIMEOUT_MS), VIRTIO_OK);
    EXPECT_EQ(vblk_write(&blk, 80, 1, sectors, TIMEOUT_MS), VIRTIO_ERR_IO);
    EXPECT_EQ(vblk_write(&blk, 81, 1, sectors, TIMEOUT_MS), VIRTIO_OK);
    EXPECT_EQ(blk.stats.io_errors, 3);
    EXPECT_EQ(virtio_device_health(blk.device), VIRTIO_OK);
}

UTEST(a_bad_sector_fails_its_request_only)
{
    with_args_in_every_combination(bad_args, meet_bad_sectors);
}

static const char *const read_only_args[] = {
    "-blockdev", QEMU_DISK_FILE_READ_ONLY,
    "-blockdev", "driver=raw,node-name=disk0,file=file0,read-only=on",
    "-device",   "virtio-blk-device,id=blk0,drive=disk0,packed=on",
    NULL
};

static void
try_to_write(void)
{
    uint8_t sector[SECTOR_BYTES] = { 1 };
    EXPECT_TRUE(blk.is_read_only);
    EXPECT_EQ(vblk_write(&blk, 0, 1, sector, TIMEOUT_MS), VIRTIO_ERR_REFUSED);
    EXPECT_EQ(vblk_read(&blk, 0, 1, sector, TIMEOUT_MS), VIRTIO_OK);
}

UTEST(a_read_only_disk_is_not_written)
{
    with_args_in_every_combination(read_only_args, try_to_write);
}

/* Two requests a second and no more: the deadline passes, the driver says so, and goes on when the device has answered. */
static const char *const slow_args[] = {
    "-object",   "throttle-group,id=slow0,x-iops-total=2",
    "-blockdev", QEMU_DISK_FILE,
    "-blockdev", "driver=throttle,node-name=thr0,throttle-group=slow0,file=file0",
    "-blockdev", "driver=raw,node-name=disk0,file=thr0",
    "-device",   "virtio-blk-device,id=blk0,drive=disk0,packed=on",
    NULL
};

static void
be_late(void)
{
    uint8_t sector[SECTOR_BYTES];
    enum virtio_err err = VIRTIO_OK;
    const struct virtio_platform *plat = &rig.platform.table;
    /* The group gives the first ones away; then it makes us wait. */
    for (unsigned i = 0; i < 20 && err == VIRTIO_OK; i++) {
        err = vblk_read(&blk, i, 1, sector, 50);
    }
    EXPECT_EQ(err, VIRTIO_ERR_TIMEOUT);
    EXPECT_EQ(vblk_read(&blk, 0, 1, sector, 50), VIRTIO_ERR_BUSY);
    EXPECT_EQ(virtio_device_health(blk.device), VIRTIO_OK);
    for (unsigned turn = 0; turn < 400000 && blk.in_flight > 0; turn++) {
        if (vblk_poll(&blk) == VIRTIO_EMPTY) {
            plat->relax(plat->ctx, 0);
        }
    }
    EXPECT_EQ(blk.in_flight, 0);
    EXPECT_EQ(vblk_read(&blk, 1, 1, sector, 10000), VIRTIO_OK);
}

UTEST(a_late_disk_is_waited_for_only_so_long)
{
    with_args_in_every_combination(slow_args, be_late);
}
