/*
 * Rectangles that never overflow, and the few of them that tell what changed. Contract:
 * virtio/display.h.
 */
#include "virtio/display.h"

static int64_t
right_of(const struct display_rect *rect)
{
    return (int64_t)rect->x + rect->width;
}

static int64_t
bottom_of(const struct display_rect *rect)
{
    return (int64_t)rect->y + rect->height;
}

static int32_t
saturate(int64_t size)
{
    return size > INT32_MAX ? INT32_MAX : (int32_t)size;
}

/* Where a size cannot be told, give up the negative positions first: they are on no screen. */
static int32_t
start_of(int32_t start, int64_t end)
{
    int64_t first = end < INT32_MAX ? end - INT32_MAX : 0;
    return start < first ? (int32_t)first : start;
}

struct display_rect
display_rect_intersect(const struct display_rect *a, const struct display_rect *b)
{
    int32_t x = a->x > b->x ? a->x : b->x;
    int32_t y = a->y > b->y ? a->y : b->y;
    int64_t right = right_of(a) < right_of(b) ? right_of(a) : right_of(b);
    int64_t bottom = bottom_of(a) < bottom_of(b) ? bottom_of(a) : bottom_of(b);
    if (display_rect_is_empty(a) || display_rect_is_empty(b) || right <= x || bottom <= y) {
        return (struct display_rect){ 0 };
    }
    return (struct display_rect){ x, y, saturate(right - x), saturate(bottom - y) };
}

struct display_rect
display_rect_union(const struct display_rect *a, const struct display_rect *b)
{
    if (display_rect_is_empty(a)) {
        return *b;
    }
    if (display_rect_is_empty(b)) {
        return *a;
    }
    int32_t x = a->x < b->x ? a->x : b->x;
    int32_t y = a->y < b->y ? a->y : b->y;
    int64_t right = right_of(a) > right_of(b) ? right_of(a) : right_of(b);
    int64_t bottom = bottom_of(a) > bottom_of(b) ? bottom_of(a) : bottom_of(b);
    x = start_of(x, right);
    y = start_of(y, bottom);
    return (struct display_rect){ x, y, saturate(right - x), saturate(bottom - y) };
}

/* What one rectangle more costs, in pixels transferred: a command there and back. */
enum { RECT_COST_PX = 4096 };

static int64_t
area(const struct display_rect *rect)
{
    return (int64_t)rect->width * rect->height;
}

/* How many pixels more the rectangle around both has than the two. */
static int64_t
waste(const struct display_rect *a, const struct display_rect *b)
{
    struct display_rect both = display_rect_union(a, b);
    return area(&both) - area(a) - area(b);
}

static unsigned
cheapest_partner(const struct display_damage *damage, const struct display_rect *rect)
{
    unsigned best = 0;
    for (unsigned i = 1; i < damage->count; i++) {
        if (waste(&damage->rects[i], rect) < waste(&damage->rects[best], rect)) {
            best = i;
        }
    }
    return best;
}

/*
 * Merge with the partner that wastes least, while that is cheaper than a rectangle of its own; a
 * merged one may then swallow further ones. Each turn has one rectangle fewer, so there are at most
 * DISPLAY_DAMAGE_RECTS_MAX.
 */
void
display_damage_add(struct display_damage *damage, const struct display_rect *rect)
{
    struct display_rect added = *rect;
    if (display_rect_is_empty(rect)) {
        return;
    }
    while (damage->count > 0) {
        unsigned partner = cheapest_partner(damage, &added);
        bool is_full = damage->count == DISPLAY_DAMAGE_RECTS_MAX;
        if (!is_full && waste(&damage->rects[partner], &added) > RECT_COST_PX) {
            break;
        }
        added = display_rect_union(&damage->rects[partner], &added);
        damage->rects[partner] = damage->rects[--damage->count];
    }
    damage->rects[damage->count++] = added;
}
