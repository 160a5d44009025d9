/*
 * The small parts of the core: arena, error words, log lines, histogram, byte order.
 */
#include <stdlib.h>

#include "virtio/core/shared.h"
#include "virtio/device.h"

#include "tests/unit/utest.h"

static char logged[512];
static size_t logged_bytes;

static void
keep_log(void *ctx, enum virtio_log_level level, const char *text, size_t bytes)
{
    (void)ctx;
    (void)level;
    memcpy(logged, text, bytes);
    logged[bytes] = '\0';
    logged_bytes = bytes;
}

static const struct virtio_platform plat = { .log = keep_log };

UTEST(log_prints_its_subset_of_printf)
{
    virtio_log(&plat, VIRTIO_LOG_INFO, "%s %d %d %u %x %c %%", "text", -12, 34, 4000000000U,
               0xbeefU, 'z');
    EXPECT_STREQ(logged, "text -12 34 4000000000 beef z %");
    virtio_log(&plat, VIRTIO_LOG_INFO, "%llu %llx %ld %zu %lld", 18446744073709551615ULL,
               0xfedcba9876543210ULL, -5L, sizeof(int), -9223372036854775807LL - 1);
    EXPECT_STREQ(logged, "18446744073709551615 fedcba9876543210 -5 4 -9223372036854775808");
    virtio_log(&plat, VIRTIO_LOG_INFO, "[%5u] [%05u] [%08x] [%2u]", 42U, 42U, 0xabcU, 12345U);
    EXPECT_STREQ(logged, "[   42] [00042] [00000abc] [12345]");
    EXPECT_EQ(logged_bytes, strlen(logged));
}

UTEST(log_lines_are_cut_at_200)
{
    char longer[300];
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    virtio_log(&plat, VIRTIO_LOG_INFO, "%s", longer);
    EXPECT_EQ(logged_bytes, 200);
}

UTEST(arena_aligns_zeroes_and_refuses)
{
    uint8_t *base = aligned_alloc(4096, 8192);
    memset(base, 0xa5, 8192);
    struct virtio_arena arena = { .base = base, .bytes = 8192 };
    uint8_t *first = virtio_arena_take(&arena, 3, 1);
    EXPECT_EQ(first, base);
    EXPECT_EQ(first[2], 0);
    EXPECT_EQ(first[3], 0xa5);
    EXPECT_EQ(virtio_arena_take(&arena, 64, 64), base + 64);
    EXPECT_EQ(virtio_arena_take(&arena, 4097, 4096), NULL);
    EXPECT_EQ(arena.used_bytes, 128);
    EXPECT_EQ(virtio_arena_take(&arena, SIZE_MAX, 1), NULL);
    EXPECT_EQ(virtio_arena_take(&arena, 4096, 4096), base + 4096);
    EXPECT_EQ(virtio_arena_take(&arena, 1, 1), NULL);
    EXPECT_EQ(virtio_arena_take(&arena, 0, 1), base + 8192);
    free(base);
    struct virtio_arena none = { .base = NULL };
    EXPECT_EQ(virtio_arena_take(&none, 0, 1), NULL);
}

UTEST(every_error_has_a_name_and_a_sentence)
{
    for (int err = 0; err < VIRTIO_ERR_COUNT; err++) {
        EXPECT_TRUE(strlen(virtio_err_name((enum virtio_err)err)) > 1);
        EXPECT_TRUE(strlen(virtio_err_text((enum virtio_err)err)) > 5);
        EXPECT_TRUE(strcmp(virtio_err_name((enum virtio_err)err), "unknown") != 0);
    }
    EXPECT_STREQ(virtio_err_name(VIRTIO_ERR_NEEDS_RESET), "needs_reset");
    EXPECT_STREQ(virtio_err_name((enum virtio_err)99), "unknown");
    EXPECT_STREQ(virtio_err_text((enum virtio_err) - 1), "an unknown error");
}

UTEST(histogram_counts_by_powers_of_two)
{
    struct virtio_histogram histogram = { 0 };
    EXPECT_EQ(virtio_histogram_quantile_ns(&histogram, 500), 0);
    virtio_histogram_add(&histogram, 0);
    virtio_histogram_add(&histogram, 1);
    virtio_histogram_add(&histogram, 1023);
    virtio_histogram_add(&histogram, 1024);
    virtio_histogram_add(&histogram, UINT64_MAX);
    EXPECT_EQ(histogram.buckets[0], 2);
    EXPECT_EQ(histogram.buckets[9], 1);
    EXPECT_EQ(histogram.buckets[10], 1);
    EXPECT_EQ(histogram.buckets[VIRTIO_HISTOGRAM_BUCKETS - 1], 1);
    EXPECT_EQ(histogram.min_ns, 0);
    EXPECT_EQ(histogram.max_ns, UINT64_MAX);
    EXPECT_EQ(virtio_histogram_quantile_ns(&histogram, 0), 2);
    EXPECT_EQ(virtio_histogram_quantile_ns(&histogram, 400), 2);
    EXPECT_EQ(virtio_histogram_quantile_ns(&histogram, 500), 1024);
    EXPECT_EQ(virtio_histogram_quantile_ns(&histogram, 800), 2048);
    EXPECT_EQ(virtio_histogram_quantile_ns(&histogram, 1000), UINT64_MAX);
}

UTEST(histogram_quantiles_of_many)
{
    struct virtio_histogram histogram = { 0 };
    for (uint64_t i = 0; i < 1000; i++) {
        virtio_histogram_add(&histogram, i < 990 ? 100 : 5000);
    }
    EXPECT_EQ(virtio_histogram_quantile_ns(&histogram, 500), 128);
    EXPECT_EQ(virtio_histogram_quantile_ns(&histogram, 990), 128);
    EXPECT_EQ(virtio_histogram_quantile_ns(&histogram, 991), 5000);
    EXPECT_EQ(histogram.sum_ns, 990 * 100 + 10 * 5000);
}

UTEST(fields_are_little_endian_in_memory)
{
    le32 field;
    le32_write(&field, 0x01020304);
    EXPECT_MEMEQ(&field, "\4\3\2\1", 4);
    EXPECT_EQ(le32_read(&field), 0x01020304);
    EXPECT_EQ(le64_get(le64_from(0x0102030405060708)), 0x0102030405060708);
    EXPECT_EQ(le16_get(le16_from(0x0102)), 0x0102);
}
