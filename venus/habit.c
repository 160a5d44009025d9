/* habit.c - see habit.h. */
#include "venus/habit.h"

#include <stdbool.h>

#define LEAD_PART 16u

/* How long before and after its time a client is expected. */
static uint64_t
lead_of(const struct vn_habit *habit)
{
    uint64_t lead_ns = habit->silence_ns / LEAD_PART;
    return lead_ns < VN_HABIT_LEAD_NS ? lead_ns : VN_HABIT_LEAD_NS;
}

static void
change_trust(struct vn_habit *habit, bool was_in_time)
{
    if (was_in_time && habit->trust < VN_HABIT_SURE) {
        habit->trust++;
    } else if (!was_in_time && habit->trust > 0) {
        habit->trust--;
    }
}

void
vn_habit_learn(struct vn_habit *habit, uint64_t silence_ns)
{
    uint64_t usual_ns = habit->silence_ns;
    uint64_t off_ns = silence_ns > usual_ns ? silence_ns - usual_ns : usual_ns - silence_ns;
    if (off_ns <= usual_ns / VN_HABIT_PART) {
        change_trust(habit, off_ns <= lead_of(habit));
        habit->silence_ns = (3 * usual_ns + silence_ns) / 4;
        return;
    }
    habit->trust /= 2;
    if (habit->trust < VN_HABIT_TRUST) {
        *habit = (struct vn_habit){ .silence_ns = silence_ns };
    }
}

void
vn_habit_expect(const struct vn_habit *habit, uint64_t since_ns, uint64_t *begin_ns,
                uint64_t *end_ns)
{
    uint64_t lead_ns = lead_of(habit);
    bool is_known = habit->trust >= VN_HABIT_TRUST;
    *begin_ns = is_known ? since_ns + habit->silence_ns - lead_ns : 0;
    *end_ns = is_known ? since_ns + habit->silence_ns + lead_ns : 0;
}
