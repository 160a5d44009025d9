/* habit.c - see habit.h. */
#include "venus/habit.h"

#include <stdbool.h>

#define LEAD_PART 16u

void
vn_habit_learn(struct vn_habit *habit, uint64_t silence_ns)
{
    uint64_t usual_ns = habit->silence_ns;
    uint64_t off_ns = silence_ns > usual_ns ? silence_ns - usual_ns : usual_ns - silence_ns;
    if (off_ns <= usual_ns / VN_HABIT_PART) {
        if (habit->trust < VN_HABIT_SURE) {
            habit->trust++;
        }
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
    uint64_t lead_ns = habit->silence_ns / LEAD_PART;
    lead_ns = lead_ns < VN_HABIT_LEAD_NS ? lead_ns : VN_HABIT_LEAD_NS;
    bool is_known = habit->trust >= VN_HABIT_TRUST;
    *begin_ns = is_known ? since_ns + habit->silence_ns - lead_ns : 0;
    *end_ns = is_known ? since_ns + habit->silence_ns + lead_ns : 0;
}
