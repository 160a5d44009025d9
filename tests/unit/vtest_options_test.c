/*
 * Command lines, the search for drivers, and text from strangers.
 */
#include <stdlib.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/drivers.h"
#include "device/options.h"
#include "device/report.h"
#include "tests/unit/utest.h"

static const struct option_spec specs[] = {
    {"socket",   "PATH",      false},
    { "stats",   "text|json", true },
    { "verbose", NULL,        false},
};
static const char *values[3];
static struct options options = { .program = "test", .specs = specs, .spec_count = 3 };

static bool
read_words(unsigned count, const char *const *words)
{
    static char copies[8][64];
    static char *argv[9];
    memset(values, 0, sizeof(values));
    options.values = values;
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(copies[i], sizeof(copies[i]), "%s", words[i]);
        argv[i] = copies[i];
    }
    argv[count] = NULL;
    return options_read(&options, (int)count, argv);
}

UTEST(options_are_read_up_to_the_program)
{
    static const char *const words[] = { "x",         "--socket", "s",  "--stats=json",
                                         "--verbose", "--",       "ls", "--all" };
    EXPECT_TRUE(read_words(8, words));
    EXPECT_STREQ(options_get(&options, "socket"), "s");
    EXPECT_STREQ(options_get(&options, "stats"), "json");
    EXPECT_STREQ(options_get(&options, "verbose"), "");
    EXPECT_EQ(options.rest_count, 2);
    EXPECT_STREQ(options.rest[0], "ls");
}

UTEST(an_optional_value_is_not_the_next_word)
{
    static const char *const words[] = { "x", "--stats", "ls" };
    EXPECT_TRUE(read_words(3, words));
    EXPECT_STREQ(options_get(&options, "stats"), "");
    EXPECT_EQ(options.rest_count, 1);
}

UTEST(wrong_options_are_refused)
{
    static const char *const wrong[] = { "--bogus", "--sock", "--socket", "--verbose=1", "-v" };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        EXPECT_FALSE(read_words(2, (const char *const[]){ "x", wrong[i] }));
    }
}

UTEST(sizes_have_units_and_bounds)
{
    static const struct {
        const char *text;
        uint64_t bytes; /* 0: wrong */
    } sizes[] = {
        {"1",                     1           },
        { "64K",                  65536       },
        { "512M",                 512ULL << 20},
        { "2G",                   2ULL << 30  },
        { "1T",                   1ULL << 40  },
        { "0",                    0           },
        { "-1",                   0           },
        { "3Q",                   0           },
        { "2GB",                  0           },
        { "",                     0           },
        { "G",                    0           },
        { "99999999999999999999", 0           },
        { "9999999T",             0           },
    };
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint64_t bytes = 0;
        EXPECT_TRUE(read_words(3, (const char *const[]){ "x", "--socket", sizes[i].text }));
        EXPECT_EQ(option_bytes(&options, "socket", &bytes), sizes[i].bytes != 0);
        EXPECT_EQ(bytes, sizes[i].bytes);
    }
}

UTEST(numbers_and_words_have_bounds)
{
    static const char *const words[] = { "process", "thread" };
    uint64_t number = 7;
    unsigned idx = 0;
    EXPECT_TRUE(read_words(3, (const char *const[]){ "x", "--socket", "12" }));
    EXPECT_TRUE(option_number(&options, "socket", 1, 12, &number));
    EXPECT_EQ(number, 12);
    EXPECT_FALSE(option_number(&options, "socket", 1, 11, &number));
    EXPECT_FALSE(option_number(&options, "socket", 13, 14, &number));
    EXPECT_FALSE(option_word(&options, "socket", words, 2, &idx));
    EXPECT_TRUE(read_words(3, (const char *const[]){ "x", "--socket", "thread" }));
    EXPECT_TRUE(option_word(&options, "socket", words, 2, &idx));
    EXPECT_EQ(idx, 1);
}

UTEST(a_driver_is_a_path_or_a_name)
{
    char files[4096];
    char path[] = "/tmp/vitrine-driver-XXXXXX";
    int fd = mkstemp(path);
    EXPECT_TRUE(fd >= 0 && close(fd) == 0);
    EXPECT_TRUE(drivers_for_host(path, files, sizeof(files)));
    EXPECT_STREQ(files, path);
    EXPECT_TRUE(drivers_for_client(path, files, sizeof(files)));
    (void)unlink(path);
    EXPECT_FALSE(drivers_for_host(path, files, sizeof(files)));
    EXPECT_CONTAINS(files, "cannot read the driver file");
    EXPECT_FALSE(drivers_for_host("no-such-driver", files, sizeof(files)));
    EXPECT_CONTAINS(files, "no Vulkan driver no-such-driver");
    EXPECT_FALSE(drivers_for_host("virtio", files, sizeof(files))); /* that is the client itself */
}

UTEST(the_environment_chooses_the_drivers_unless_it_names_the_client)
{
    char files[4096];
    (void)setenv("VK_DRIVER_FILES", "/a.json:/b.json", 1);
    EXPECT_TRUE(drivers_for_host(NULL, files, sizeof(files)));
    EXPECT_STREQ(files, "/a.json:/b.json");
    (void)setenv("VK_DRIVER_FILES", "/x/virtio_icd.json", 1);
    (void)unsetenv("VK_ICD_FILENAMES");
    (void)drivers_for_host(NULL, files, sizeof(files));
    EXPECT_TRUE(strstr(files, "/x/virtio_icd.json") == NULL);
    (void)unsetenv("VK_DRIVER_FILES");
}

UTEST(strangers_text_cannot_steer_a_terminal)
{
    char text[] = "a\033[31mb\rc\nd\177e\tf";
    make_printable(text, false);
    EXPECT_STREQ(text, "a?[31mb?c?d?e\tf");
    char wide[] = "\xc2\x9b"
                  "31m\xc3\xa9\xc2\xa7";
    make_printable(wide, false);
    EXPECT_STREQ(wide, "??31m\xc3\xa9\xc2\xa7");
    char lines[] = "a\nb\033";
    make_printable(lines, true);
    EXPECT_STREQ(lines, "a\nb?");
}

UTEST(reports_carry_text_and_fds_and_wrong_ones_are_dropped)
{
    int channel[2];
    static struct report report;
    int fd = -1;
    EXPECT_TRUE(report_pair(channel));
    EXPECT_EQ(report_receive(channel[0], false, &report, &fd), REPORT_NONE);
    struct report_head ring = { .kind = REPORT_RING, .ring_id = 5, .status_offset_bytes = 128 };
    EXPECT_TRUE(report_send(channel[1], &ring, "text", 0));
    EXPECT_EQ(report_receive(channel[0], true, &report, &fd), REPORT_GOT);
    EXPECT_TRUE(fd > 0 && close(fd) == 0);
    EXPECT_STREQ(report.text, "text");
    EXPECT_EQ(report.head.ring_id, 5);
    EXPECT_EQ(write(channel[1], "short", 5), 5);
    EXPECT_EQ(report_receive(channel[0], false, &report, &fd), REPORT_WRONG);
    ring.text_bytes = 9; /* says more than it has */
    EXPECT_EQ(write(channel[1], &ring, sizeof(ring)), sizeof(ring));
    EXPECT_EQ(report_receive(channel[0], false, &report, &fd), REPORT_WRONG);
    (void)close(channel[1]);
    EXPECT_EQ(report_receive(channel[0], false, &report, &fd), REPORT_CLOSED);
    (void)close(channel[0]);
}
