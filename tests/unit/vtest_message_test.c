/*
 * Lengths, counts and offsets of vtest messages: each wrong one is refused with a sentence.
 */
#include <stdlib.h>

#include "device/vtest_message.h"
#include "tests/unit/utest.h"

static struct fault fault;

static bool
header(uint32_t length, uint32_t command)
{
    struct vtest_header out;
    uint32_t words[2] = { length, command };
    return vtest_header_read(words, &out, &fault);
}

/* Reads a message from memory of its exact size, so that the sanitizer sees a step outside. */
static bool
message(uint32_t command, const uint32_t *words, uint32_t word_count, struct vtest_message *out)
{
    static uint32_t *copy;
    struct vtest_header head;
    uint32_t head_words[2] = { word_count, command };
    if (!vtest_header_read(head_words, &head, &fault)) {
        return false;
    }
    free(copy);
    copy = malloc((size_t)word_count * 4 + 1);
    memcpy(copy, words, (size_t)word_count * 4);
    return vtest_message_read(&head, copy, out, &fault);
}

UTEST(every_fixed_length_is_checked)
{
    static const uint32_t fixed[][2] = {
        {VTEST_RESOURCE_UNREF,         1},
        { VTEST_RESOURCE_BUSY_WAIT,    2},
        { VTEST_PING_PROTOCOL_VERSION, 0},
        { VTEST_PROTOCOL_VERSION,      1},
        { VTEST_GET_PARAM,             1},
        { VTEST_GET_CAPSET,            2},
        { VTEST_CONTEXT_INIT,          1},
        { VTEST_RESOURCE_CREATE_BLOB,  6},
        { VTEST_SYNC_CREATE,           2},
        { VTEST_SYNC_UNREF,            1},
        { VTEST_SYNC_READ,             1},
        { VTEST_SYNC_WRITE,            3},
    };
    for (unsigned i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        EXPECT_TRUE(header(fixed[i][1], fixed[i][0]));
        EXPECT_FALSE(header(fixed[i][1] + 1, fixed[i][0]));
        EXPECT_CONTAINS(fault.text, vtest_command_name(fixed[i][0]));
        EXPECT_FALSE(header(UINT32_MAX, fixed[i][0]));
    }
}

UTEST(unknown_commands_are_refused)
{
    static const uint32_t unknown[] = { 0, 1, 2, 4, 5, 6, 9, 12, 13, 14, 39, 1000, UINT32_MAX };
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        EXPECT_FALSE(header(0, unknown[i]));
        EXPECT_CONTAINS(fault.text, "is none that a Venus client may send");
        EXPECT_STREQ(vtest_command_name(unknown[i]), "?");
    }
    EXPECT_FALSE(header(1, 25));
    EXPECT_CONTAINS(fault.text, "sync objects");
}

UTEST(payloads_have_a_limit)
{
    EXPECT_TRUE(header(VTEST_PAYLOAD_BYTES_MAX / 4, VTEST_SUBMIT_CMD2));
    EXPECT_FALSE(header(VTEST_PAYLOAD_BYTES_MAX / 4 + 1, VTEST_SUBMIT_CMD2));
    EXPECT_FALSE(header(0x40000001, VTEST_SUBMIT_CMD2)); /* times 4 it would be small */
    EXPECT_TRUE(header(VTEST_NAME_BYTES_MAX, VTEST_CREATE_RENDERER));
    EXPECT_FALSE(header(VTEST_NAME_BYTES_MAX + 1, VTEST_CREATE_RENDERER));
}

UTEST(a_name_needs_its_end)
{
    struct vtest_header head;
    struct vtest_message out = { 0 };
    uint32_t words[2] = { 4, VTEST_CREATE_RENDERER };
    EXPECT_TRUE(vtest_header_read(words, &head, &fault));
    EXPECT_EQ(head.payload_bytes, 4);
    EXPECT_TRUE(vtest_message_read(&head, "abc", &out, &fault));
    EXPECT_FALSE(vtest_message_read(&head, "abcd", &out, &fault));
    EXPECT_CONTAINS(fault.text, "final 0");
    head.payload_bytes = 0;
    EXPECT_FALSE(vtest_message_read(&head, "", &out, &fault));
}

UTEST(a_batch_of_either_stride_is_found)
{
    struct vtest_message out = { 0 };
    static const uint32_t v4[] = { 1, 1, 9, 2, 11, 1, 5, 0, 0, 77, 78, 3, 4, 5 };
    static const uint32_t v3[] = { 1, 0, 7, 2, 0, 0, 9, 77, 78 };
    EXPECT_TRUE(message(VTEST_SUBMIT_CMD2, v4, 14, &out));
    struct vtest_batch batch = vtest_batch_read(&out, 0);
    EXPECT_EQ(batch.command_bytes, 8);
    EXPECT_EQ(batch.commands[0], 77);
    EXPECT_EQ(batch.ring_idx, 5);
    EXPECT_EQ(batch.sync_count, 1);
    EXPECT_EQ(vtest_u64(batch.syncs + 1), 0x500000004);
    EXPECT_TRUE(message(VTEST_SUBMIT_CMD2, v3, 9, &out));
    batch = vtest_batch_read(&out, 0);
    EXPECT_EQ(batch.commands[1], 78);
    EXPECT_EQ(batch.ring_idx, 0); /* without its flag it does not count */
}

UTEST(several_batches_of_either_stride_are_found)
{
    struct vtest_message out = { 0 };
    static const uint32_t v3[] = { 2, 0, 13, 1, 0, 0, 0, 1, 14, 1, 0, 0, 6, 100, 200 };
    static const uint32_t v4[] = { 2, 0, 17, 1, 0, 0, 0, 0, 0, 1, 18, 1, 0, 0, 6, 0, 0, 100, 200 };
    EXPECT_TRUE(message(VTEST_SUBMIT_CMD2, v3, 15, &out));
    EXPECT_EQ(out.batch_dwords, 6);
    EXPECT_EQ(vtest_batch_read(&out, 1).commands[0], 200);
    EXPECT_EQ(vtest_batch_read(&out, 1).ring_idx, 6);
    EXPECT_TRUE(message(VTEST_SUBMIT_CMD2, v4, 19, &out));
    EXPECT_EQ(out.batch_dwords, 8);
    EXPECT_EQ(vtest_batch_read(&out, 1).commands[0], 200);
}

UTEST(a_submission_of_nothing_is_right)
{
    struct vtest_message out = { 0 };
    static const uint32_t none[] = { 0 };
    static const uint32_t empty[] = { 1, 0, 0, 0, 0, 0, 0 };
    EXPECT_TRUE(message(VTEST_SUBMIT_CMD2, none, 1, &out));
    EXPECT_EQ(out.batch_count, 0);
    EXPECT_TRUE(message(VTEST_SUBMIT_CMD2, empty, 7, &out));
    EXPECT_EQ(vtest_batch_read(&out, 0).command_bytes, 0);
}

UTEST(batches_outside_of_their_message_are_refused)
{
    struct vtest_message out = { 0 };
    static const struct {
        uint32_t words[14];
        const char *part;
    } wrong[] = {
        {{ 1, 0, 9, 3, 0, 0, 0, 0, 0, 1, 2 },            "outside of the data"}, /* one too many */
        { { 1, 0, 9, 0xffffffff, 0, 0, 0, 0, 0, 1, 2 },  "outside of the data"}, /* wraps */
        { { 1, 0, 9, 1, 10, 0x55555556, 0, 0, 0, 1, 2 },
         "outside of the data"                                                }, /* times 3 wraps */
        { { 1, 0, 9, 1, 0xfffffffe, 1, 0, 0, 0, 1, 2 },  "outside of the data"},
        { { 1, 0, 2, 1, 0, 0, 0, 0, 0, 1, 2 },           "neither 8 nor 6"    }, /* within the headers */
        { { 0xffffffff, 0, 9, 1, 0, 0, 0, 0, 0, 1, 2 },  "neither 8 nor 6"    },
        { { 0x20000000, 0, 9, 1, 0, 0, 0, 0, 0, 1, 2 },  "neither 8 nor 6"    },
        { { 1, 2, 9, 1, 0, 0, 0, 0, 0, 1, 2 },           "flags"              },
        { { 1, 1, 9, 1, 0, 0, 64, 0, 0, 1, 2 },          "ring_idx"           },
    };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        EXPECT_FALSE(message(VTEST_SUBMIT_CMD2, wrong[i].words, 11, &out));
        EXPECT_CONTAINS(fault.text, wrong[i].part);
    }
    EXPECT_FALSE(message(VTEST_SUBMIT_CMD2, (const uint32_t[]){ 0 }, 0, &out));
    EXPECT_CONTAINS(fault.text, "no payload");
}

UTEST(waits_have_whole_syncs)
{
    struct vtest_message out = { 0 };
    static const uint32_t words[] = { 1, 100, 1, 2, 3, 4 };
    EXPECT_TRUE(message(VTEST_SYNC_WAIT, words, 2, &out));
    EXPECT_TRUE(message(VTEST_SYNC_WAIT, words, 5, &out));
    EXPECT_FALSE(message(VTEST_SYNC_WAIT, words, 4, &out));
    EXPECT_FALSE(message(VTEST_SYNC_WAIT, words, 1, &out));
    static const uint32_t flags[] = { 2, 100 };
    EXPECT_FALSE(message(VTEST_SYNC_WAIT, flags, 2, &out));
    EXPECT_CONTAINS(fault.text, "flags");
}
