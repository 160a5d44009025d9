/* The log and the console. conformance: S4-19 */
#include "kernel/arch/host/host.h"
#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/log.h"
#include "kernel/core/metrics.h"
#include "tests/unit/utest.h"

UTEST(a_line_goes_to_ring_and_console_with_time_and_level)
{
    struct log_entry entry;
    uint64_t seq = log_next_seq();

    host_console_start();
    host_advance_ns(1234567890);
    log_info("gic", "%u lines", 288U);
    log_warn("gic", "odd");
    log_error("net", "bad\nnews\x1b[2J");
    EXPECT_CONTAINS(host_console(), "] gic: 288 lines\n");
    EXPECT_CONTAINS(host_console(), "[    1.23456");
    EXPECT_CONTAINS(host_console(), "] gic: warning: odd\n");
    EXPECT_CONTAINS(host_console(), "] net: ERROR: bad news [2J\n");
    EXPECT_EQ(log_read(&seq, &entry), 0);
    EXPECT_STREQ(entry.module, "gic");
    EXPECT_STREQ(entry.text, "288 lines");
    EXPECT_EQ(entry.level, LOG_INFO);
    EXPECT_EQ(log_read(&seq, &entry), 0);
    EXPECT_EQ(log_read(&seq, &entry), 0);
    EXPECT_EQ(log_read(&seq, &entry), -E_AGAIN);
}

UTEST(levels_and_filters_choose)
{
    enum log_level level;

    host_console_start();
    log_debug("gpu", "one");
    log_set_level(LOG_WARN);
    log_info("gpu", "two");
    EXPECT_EQ(log_set_filter("gpu", LOG_TRACE), 0);
    log_trace("gpu", "three");
    log_info("net", "four");
    EXPECT_EQ(log_set_filter("gpu", LOG_ERROR), 0);
    log_warn("gpu", "five");
    log_warn("net", "six");
    EXPECT_STREQ(log_filter(0, &level), "gpu");
    EXPECT_EQ(level, LOG_ERROR);
    EXPECT_TRUE(log_filter(1, &level) == NULL);
    log_clear_filters();
    log_set_level(LOG_INFO);
    EXPECT_CONTAINS(host_console(), "three");
    EXPECT_CONTAINS(host_console(), "six");
    EXPECT_TRUE(strstr(host_console(), "one") == NULL && strstr(host_console(), "two") == NULL);
    EXPECT_TRUE(strstr(host_console(), "four") == NULL && strstr(host_console(), "five") == NULL);
}

UTEST(filters_are_limited)
{
    char module[3] = "m?";

    for (int i = 0; i < 16; i++) {
        module[1] = (char)('a' + i);
        EXPECT_EQ(log_set_filter(module, LOG_INFO), 0);
    }
    EXPECT_EQ(log_set_filter("more", LOG_INFO), -E_NOSPC);
    EXPECT_EQ(log_set_filter("ma", LOG_DEBUG), 0);
    log_clear_filters();
}

UTEST(the_ring_keeps_the_newest)
{
    struct log_entry entry;
    uint64_t seq = 0;
    uint64_t before = log_count(LOG_INFO);

    for (uint32_t i = 0; i < LOG_RING_COUNT + 10; i++) {
        log_info("test", "line %u", i);
    }
    EXPECT_EQ(log_count(LOG_INFO), before + LOG_RING_COUNT + 10);
    EXPECT_EQ(log_read(&seq, &entry), 0);
    EXPECT_STREQ(entry.text, "line 10");
    EXPECT_EQ(seq, entry.seq + 1);
    log_clear();
    EXPECT_EQ(log_read(&seq, &entry), -E_AGAIN);
    log_info("test", "after");
    EXPECT_EQ(log_read(&seq, &entry), 0);
    EXPECT_STREQ(entry.text, "after");
}

UTEST(long_lines_and_names_are_cut)
{
    struct log_entry entry;
    char line[300];
    uint64_t seq = log_next_seq();

    memset(line, 'y', sizeof(line));
    line[sizeof(line) - 1] = '\0';
    log_info("a_very_long_module", "%s", line);
    EXPECT_EQ(log_read(&seq, &entry), 0);
    EXPECT_EQ(strlen(entry.text), LOG_TEXT_BYTES - 1);
    EXPECT_STREQ(entry.module, "a_very_long");
    EXPECT_EQ(strlen(log_format(&entry, line, 20)), 19);
}

static size_t written_bytes;

static void
count_bytes(void *ctx, const char *text, size_t bytes)
{
    (void)ctx;
    (void)text;
    written_bytes += bytes;
}

UTEST(a_late_sink_gets_the_lines_before)
{
    static const struct console_ops ops = { .name = "count", .write = count_bytes };
    struct console_sink sink = { .ops = &ops };

    log_clear();
    log_info("test", "early");
    log_replay(count_bytes, NULL);
    EXPECT_EQ(written_bytes, strlen("[    1.234567] test: early\n"));
    console_add(&sink);
    console_print("%s", "12345");
    console_remove(&sink);
    console_print("%s", "12345");
    EXPECT_EQ(written_bytes, strlen("[    1.234567] test: early\n") + 5);
}

UTEST(input_waits_in_a_ring)
{
    EXPECT_EQ(console_read(), -E_AGAIN);
    for (int i = 0; i < 1100; i++) {
        console_input((char)(i | 0x80));
    }
    for (int i = 0; i < 1024; i++) {
        EXPECT_EQ(console_read(), (i & 0xff) | 0x80);
    }
    EXPECT_EQ(console_read(), -E_AGAIN);
}

static void
emit(struct metrics_reader *reader)
{
    metrics_emit(reader, 7, "test.%s_count", "thing");
}

static void
take_value(struct metrics_reader *reader, const char *name, uint64_t value)
{
    uint64_t *sum = reader->ctx;

    EXPECT_STREQ(name, "test.thing_count");
    *sum += value;
}

UTEST(metrics_are_read_from_their_sources)
{
    static struct metrics_source source = { .emit = emit };
    uint64_t sum = 0;
    struct metrics_reader reader = { take_value, &sum };

    metrics_register(&source);
    metrics_read(&reader);
    EXPECT_EQ(sum, 7);
}

UTEST(error_numbers_have_texts_and_one_mapping)
{
    for (int err = 0; err < VIRTIO_ERR_COUNT; err++) {
        int number = errno_from_virtio((enum virtio_err)err);

        EXPECT_TRUE(number <= 0);
        EXPECT_TRUE((number == 0) == (err == VIRTIO_OK || err == VIRTIO_EMPTY));
        EXPECT_TRUE(strcmp(errno_text(number), "error") != 0);
    }
    EXPECT_EQ(errno_from_virtio((enum virtio_err)1000), -E_PROTO);
    EXPECT_EQ(errno_from_virtio(VIRTIO_ERR_TIMEOUT), -E_TIMEDOUT);
    EXPECT_STREQ(errno_text(-E_TIMEDOUT), errno_text(E_TIMEDOUT));
    EXPECT_STREQ(errno_text(9999), "error");
}
