/* blk: the disks, sector by sector. */
#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/drv/blk_dev.h"
#include "kernel/drv/commands.h"

enum {
    SECTOR_COUNT_MAX = 16,
    DUMP_BYTES_PER_LINE = 16,
};

static uint8_t buffer[SECTOR_COUNT_MAX * VIRTIO_BLK_SECTOR_BYTES];

/* Word `idx` names the disk. Returns: NULL after saying what is wrong. */
static struct vblk *
need_disk(const struct shell_call *call, int idx)
{
    uint32_t number;

    if (blk_dev_at(0) == NULL) {
        (void)shell_fail(call, "there is no disk (see devices)");
        return NULL;
    }
    if (command_number(call, idx, BLK_DEV_COUNT_MAX - 1, &number) != 0) {
        return NULL;
    }
    if (blk_dev_at(number) == NULL) {
        (void)shell_fail(call, "there is no disk %u; \"blk info\" lists them", number);
    }
    return blk_dev_at(number);
}

static void
print_disk(uint32_t idx, struct vblk *blk)
{
    char id[VIRTIO_BLK_ID_BYTES + 1];
    char size[16];
    enum virtio_err err = vblk_get_id(blk, id, VBLK_TIMEOUT_MS_DEFAULT);

    console_print("disk %u: %s, %llu sectors, block %u%s, id \"%s\"\n", idx,
                  format_bytes(size, sizeof(size), blk->capacity_sectors * VIRTIO_BLK_SECTOR_BYTES),
                  (unsigned long long)blk->capacity_sectors, blk->block_bytes,
                  blk->is_read_only ? ", read-only" : "",
                  err == VIRTIO_OK ? id : virtio_err_text(err));
}

static int
blk_info(const struct shell_call *call)
{
    if (blk_dev_at(0) == NULL) {
        return shell_fail(call, "there is no disk (see devices)");
    }
    for (uint32_t i = 0; blk_dev_at(i) != NULL; i++) {
        print_disk(i, blk_dev_at(i));
    }
    return 0;
}

static void
print_latency(uint32_t idx, const struct vblk *blk)
{
    const struct vblk_stats *stats = &blk->stats;
    uint64_t sent = 0;

    console_print("disk %u:\n", idx);
    print_histogram_head("request");
    for (unsigned type = 0; type < VBLK_TYPE_COUNT; type++) {
        sent += stats->ops[type];
        if (stats->ops[type] > 0) {
            print_histogram(vblk_type_name((enum vblk_type)type), &blk->latency[type]);
        }
    }
    console_print("  sent %llu, failed %llu, unsupported %llu, timed out %llu\n",
                  (unsigned long long)sent, (unsigned long long)stats->io_errors,
                  (unsigned long long)stats->unsupported, (unsigned long long)stats->timeouts);
}

static int
blk_latency(const struct shell_call *call)
{
    if (blk_dev_at(0) == NULL) {
        return shell_fail(call, "there is no disk (see devices)");
    }
    for (uint32_t i = 0; blk_dev_at(i) != NULL; i++) {
        print_latency(i, blk_dev_at(i));
    }
    return 0;
}

static void
dump_line(uint64_t offset, const uint8_t *bytes)
{
    char text[DUMP_BYTES_PER_LINE + 1];

    console_print("%08llx ", (unsigned long long)offset);
    for (unsigned i = 0; i < DUMP_BYTES_PER_LINE; i++) {
        console_print(" %02x", bytes[i]);
        text[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '.';
    }
    text[DUMP_BYTES_PER_LINE] = '\0';
    console_print("  |%s|\n", text);
}

/* A run of equal lines is shown once, then as a star. */
static void
dump(uint64_t offset, const uint8_t *bytes, size_t count)
{
    bool is_starred = false;

    for (size_t i = 0; i < count; i += DUMP_BYTES_PER_LINE) {
        bool is_same =
            i > 0 && memcmp(bytes + i, bytes + i - DUMP_BYTES_PER_LINE, DUMP_BYTES_PER_LINE) == 0;

        if (!is_same) {
            dump_line(offset + i, bytes + i);
        } else if (!is_starred) {
            console_print("*\n");
        }
        is_starred = is_same;
    }
}

/* Are there such sectors? Returns: 0; SHELL_FAILED after saying what there is. */
static int
need_sectors(const struct shell_call *call, const struct vblk *blk, uint32_t sector, uint32_t count)
{
    if (count == 0) {
        return shell_fail(call, "%s: a count is from 1 to %d", call->argv[0], SECTOR_COUNT_MAX);
    }
    if ((uint64_t)sector + count > blk->capacity_sectors) {
        return shell_fail(call, "%s: the disk has %llu sectors, counted from 0", call->argv[0],
                          (unsigned long long)blk->capacity_sectors);
    }
    return 0;
}

static int
blk_read(const struct shell_call *call)
{
    uint32_t sector;
    uint32_t count = 1;
    struct vblk *blk = need_disk(call, 1);

    if (blk == NULL || command_number(call, 2, UINT32_MAX, &sector) != 0 ||
        (call->argc > 3 && command_number(call, 3, SECTOR_COUNT_MAX, &count) != 0) ||
        need_sectors(call, blk, sector, count) != 0) {
        return SHELL_FAILED;
    }
    enum virtio_err err = vblk_read(blk, sector, count, buffer, VBLK_TIMEOUT_MS_DEFAULT);
    if (err != VIRTIO_OK) {
        return command_failed(call, err);
    }
    dump((uint64_t)sector * VIRTIO_BLK_SECTOR_BYTES, buffer,
         (size_t)count * VIRTIO_BLK_SECTOR_BYTES);
    return 0;
}

/* One sector: the text, then zeros. */
static int
blk_write(const struct shell_call *call)
{
    uint32_t sector;
    struct vblk *blk = need_disk(call, 1);

    if (blk == NULL || command_number(call, 2, UINT32_MAX, &sector) != 0 ||
        need_sectors(call, blk, sector, 1) != 0) {
        return SHELL_FAILED;
    }
    size_t length = strlen(call->argv[3]);
    if (length > VIRTIO_BLK_SECTOR_BYTES) {
        return shell_fail(call, "write: %zu characters; a sector holds %d", length,
                          VIRTIO_BLK_SECTOR_BYTES);
    }
    memset(buffer, 0, VIRTIO_BLK_SECTOR_BYTES);
    memcpy(buffer, call->argv[3], length);
    enum virtio_err err = vblk_write(blk, sector, 1, buffer, VBLK_TIMEOUT_MS_DEFAULT);
    return err == VIRTIO_OK ? 0 : command_failed(call, err);
}

static int
blk_flush(const struct shell_call *call)
{
    struct vblk *blk = need_disk(call, 1);

    if (blk == NULL) {
        return SHELL_FAILED;
    }
    enum virtio_err err = vblk_flush(blk, VBLK_TIMEOUT_MS_DEFAULT);
    return err == VIRTIO_OK ? 0 : command_failed(call, err);
}

const struct subcommand cmd_blk_table[] = {
    {"info",     "",                    blk_info,    0, 0},
    { "read",    "DISK SECTOR [COUNT]", blk_read,    2, 3},
    { "write",   "DISK SECTOR TEXT",    blk_write,   3, 3},
    { "flush",   "DISK",                blk_flush,   1, 1},
    { "latency", "",                    blk_latency, 0, 0},
    { NULL,      NULL,                  NULL,        0, 0},
};

int
cmd_blk(const struct shell_call *call)
{
    return subcommand_run(cmd_blk_table, call);
}
