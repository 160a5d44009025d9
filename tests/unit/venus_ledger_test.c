/*
 * The ledger of a context: what it prints, and a limit that it shares with others.
 */
#include "venus/ledger.h"

#include "tests/unit/utest.h"

UTEST(the_ledger_prints_what_it_holds)
{
    struct vn_ledger ledger;
    char text[1024];
    vn_ledger_init(&ledger, 1000);
    EXPECT_EQ(vn_ledger_take(&ledger, VN_LEDGER_SHM, 600), VENUS_OK);
    EXPECT_EQ(vn_ledger_take(&ledger, VN_LEDGER_DEVICE, 401), VENUS_NO_MEMORY);
    EXPECT_EQ(vn_ledger_take(&ledger, VN_LEDGER_DEVICE, 400), VENUS_OK);
    vn_ledger_give_back(&ledger, VN_LEDGER_SHM, 600);
    struct vn_text all = { .text = text, .size_bytes = sizeof(text) };
    vn_ledger_print(&ledger, true, &all);
    EXPECT_EQ(all.length, strlen(text));
    EXPECT_TRUE(strstr(text, "\"device\":{\"live_bytes\":400,\"live_count\":1,\"made_count\":1}"));
    EXPECT_TRUE(strstr(text, "\"live_bytes\":400,\"peak_bytes\":1000,\"limit_bytes\":1000,"
                             "\"refused_count\":1}"));
    char little[8] = "";
    struct vn_text part = { .text = little, .size_bytes = sizeof(little) };
    vn_ledger_print(&ledger, true, &part);
    EXPECT_EQ(part.length, all.length);
    EXPECT_EQ(strlen(little), 7);
    struct vn_text counted = { .text = NULL };
    vn_ledger_print(&ledger, false, &counted);
    EXPECT_TRUE(counted.length > 100);
}

static bool
take_shared(void *user, uint64_t bytes)
{
    uint64_t *left_bytes = user;
    bool is_left = bytes <= *left_bytes;
    *left_bytes -= is_left ? bytes : 0;
    return is_left;
}

static void
give_back_shared(void *user, uint64_t bytes)
{
    *(uint64_t *)user += bytes;
}

UTEST(a_shared_limit_is_asked_after_the_own_one)
{
    struct vn_ledger ledger;
    uint64_t left_bytes = 500;
    const struct venus_config config = { .user = &left_bytes,
                                         .on_take = take_shared,
                                         .on_give_back = give_back_shared };
    vn_ledger_init(&ledger, 1000);
    ledger.config = &config;
    EXPECT_EQ(vn_ledger_take(&ledger, VN_LEDGER_SHM, 400), VENUS_OK);
    EXPECT_EQ(left_bytes, 100);
    EXPECT_EQ(vn_ledger_take(&ledger, VN_LEDGER_DEVICE, 101), VENUS_NO_MEMORY);
    EXPECT_EQ(ledger.live_bytes, 400);
    EXPECT_EQ(ledger.peak_bytes, 400);
    EXPECT_EQ(ledger.refused_count, 1);
    left_bytes = 5000;
    EXPECT_EQ(vn_ledger_take(&ledger, VN_LEDGER_DEVICE, 601), VENUS_NO_MEMORY);
    EXPECT_EQ(left_bytes, 5000);
    EXPECT_EQ(vn_ledger_take(&ledger, VN_LEDGER_DEVICE, 600), VENUS_OK);
    vn_ledger_give_back(&ledger, VN_LEDGER_SHM, 400);
    vn_ledger_give_back(&ledger, VN_LEDGER_DEVICE, 600);
    EXPECT_EQ(left_bytes, 5400);
    EXPECT_EQ(ledger.live_bytes, 0);
}
