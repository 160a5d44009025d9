/*
 * When a ring expects its client: regular silences, late ones among them, and clients that change or lose their habit.
 */
#include "venus/habit.h"

#include "tests/unit/utest.h"

#define MS UINT64_C(1000000)

static bool
is_expected(const struct vn_habit *habit, uint64_t after_ns)
{
    uint64_t begin_ns = 0;
    uint64_t end_ns = 0;
    vn_habit_expect(habit, 100 * MS, &begin_ns, &end_ns);
    return 100 * MS + after_ns >= begin_ns && 100 * MS + after_ns < end_ns;
}

static void
learn_many(struct vn_habit *habit, unsigned count, uint64_t silence_ns)
{
    for (unsigned i = 0; i < count; i++) {
        vn_habit_learn(habit, silence_ns);
    }
}

UTEST(nothing_is_expected_of_a_stranger)
{
    struct vn_habit habit = { 0 };
    uint64_t begin_ns = 1;
    uint64_t end_ns = 1;
    /* One to compare with, and too few that were like it. */
    learn_many(&habit, VN_HABIT_TRUST, 5 * MS);
    vn_habit_expect(&habit, 7, &begin_ns, &end_ns);
    EXPECT_EQ(begin_ns, 0);
    EXPECT_EQ(end_ns, 0);
}

UTEST(a_regular_client_is_expected_a_little_before_its_time)
{
    struct vn_habit habit = { 0 };
    learn_many(&habit, VN_HABIT_TRUST + 1, 5 * MS);
    EXPECT_TRUE(is_expected(&habit, 5 * MS));
    EXPECT_TRUE(is_expected(&habit, 5 * MS - VN_HABIT_LEAD_NS));
    EXPECT_FALSE(is_expected(&habit, 5 * MS - VN_HABIT_LEAD_NS - 1));
    EXPECT_FALSE(is_expected(&habit, 5 * MS + VN_HABIT_LEAD_NS));
    /* Of a short silence no more than its 16th. */
    habit = (struct vn_habit){ 0 };
    learn_many(&habit, VN_HABIT_TRUST + 1, 160000);
    EXPECT_TRUE(is_expected(&habit, 150000));
    EXPECT_FALSE(is_expected(&habit, 149999));
}

/* To wait for one who mostly comes at another time costs processor time, and nobody gains by it. */
UTEST(one_who_is_only_roughly_regular_is_not_expected)
{
    struct vn_habit habit = { 0 };
    learn_many(&habit, 100, 16 * MS);
    for (unsigned i = 0; i < 20; i++) {
        vn_habit_learn(&habit, i % 2 ? 15 * MS : 17 * MS);
    }
    EXPECT_FALSE(is_expected(&habit, 16 * MS));
    /* Each time further off than it is waited for. */
    for (uint64_t silence_ns = 16 * MS; silence_ns < 25 * MS; silence_ns += MS / 10) {
        vn_habit_learn(&habit, silence_ns);
    }
    EXPECT_FALSE(is_expected(&habit, 25 * MS));
    learn_many(&habit, 10 + VN_HABIT_TRUST, 25 * MS);
    EXPECT_TRUE(is_expected(&habit, 25 * MS));
}

UTEST(a_habit_drifts)
{
    struct vn_habit habit = { 0 };
    for (uint64_t silence_ns = 5 * MS; silence_ns < 8 * MS; silence_ns += MS / 50) {
        vn_habit_learn(&habit, silence_ns);
    }
    EXPECT_TRUE(is_expected(&habit, 8 * MS));
    EXPECT_FALSE(is_expected(&habit, 5 * MS));
}

UTEST(one_late_call_is_forgiven)
{
    struct vn_habit habit = { 0 };
    learn_many(&habit, 100, 5 * MS);
    vn_habit_learn(&habit, 9 * MS);
    EXPECT_TRUE(is_expected(&habit, 5 * MS));
    EXPECT_FALSE(is_expected(&habit, 9 * MS));
    vn_habit_learn(&habit, MS);
    EXPECT_TRUE(is_expected(&habit, 5 * MS));
}

UTEST(a_young_habit_is_forgotten)
{
    struct vn_habit habit = { 0 };
    learn_many(&habit, 2 * VN_HABIT_TRUST, 5 * MS); /* the first is like none */
    vn_habit_learn(&habit, 9 * MS);
    EXPECT_FALSE(is_expected(&habit, 5 * MS));
    habit = (struct vn_habit){ 0 };
    learn_many(&habit, 2 * VN_HABIT_TRUST + 1, 5 * MS);
    vn_habit_learn(&habit, 9 * MS);
    EXPECT_TRUE(is_expected(&habit, 5 * MS));
}

UTEST(a_client_without_a_habit_is_not_expected_for_long)
{
    struct vn_habit habit = { 0 };
    learn_many(&habit, 100, 5 * MS);
    vn_habit_learn(&habit, 9 * MS);
    vn_habit_learn(&habit, 2 * MS);
    vn_habit_learn(&habit, 30 * MS);
    EXPECT_FALSE(is_expected(&habit, 5 * MS));
    learn_many(&habit, VN_HABIT_TRUST, 30 * MS); /* and the new one is learnt at once */
    EXPECT_TRUE(is_expected(&habit, 30 * MS));
}

UTEST(any_length_is_borne)
{
    struct vn_habit habit = { 0 };
    uint64_t begin_ns = 0;
    uint64_t end_ns = 0;
    learn_many(&habit, 100, 0);
    vn_habit_expect(&habit, 5, &begin_ns, &end_ns);
    EXPECT_EQ(end_ns - begin_ns, 0);
    learn_many(&habit, 100, UINT64_C(1) << 60);
    EXPECT_TRUE(is_expected(&habit, UINT64_C(1) << 60));
}
