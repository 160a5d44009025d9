/*
 * When a client that comes at regular intervals will come next.
 *
 * Many do: once per frame, or once per tick of their own.  A silence that ends when it was expected to earns a point of trust, one
 * that is alike but ends earlier or later costs one, and from VN_HABIT_TRUST on the client is expected.  A silence of another
 * length costs half of the trust: a habit of 2 * VN_HABIT_TRUST outlasts it, so that a client which was held up once is still
 * known; a younger one is forgotten.
 * Times are nanoseconds.  Context: one thread; nothing is called, nothing allocated.
 */
#ifndef VENUS_HABIT_H
#define VENUS_HABIT_H

#include <stdint.h>

#define VN_HABIT_TRUST 3u
/* Alike: within an 8th. */
#define VN_HABIT_PART 8u
/* More trust than that is not gained: three others in a row use it up. */
#define VN_HABIT_SURE 12u
/* The client is expected so long before and after its time, or a 16th of the silence if that is less. */
#define VN_HABIT_LEAD_NS 200000u

/* Zeros: none known. */
struct vn_habit {
    uint32_t trust;
    uint64_t silence_ns;
};

/* A silence of that length ended. */
void vn_habit_learn(struct vn_habit *habit, uint64_t silence_ns);

/* Returns: when the client is expected, [*begin_ns, *end_ns) on the clock of since_ns, when it fell silent; 0, 0: not known. */
void vn_habit_expect(const struct vn_habit *habit, uint64_t since_ns, uint64_t *begin_ns,
                     uint64_t *end_ns);

#endif
