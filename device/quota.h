/*
 * quota.h - one limit on memory for all processes that hold some for the same guest: counters in a page that they share.
 *
 *      quota_create ─┬─ the device process, place 0: pictures, the viewer's with them
 *                    └─ the render server: quota_admit ─▶ a renderer: quota_open; quota_take, quota_give_back
 *                         └─ when that one was reaped ─▶ quota_release
 *
 * Each counts at its own place; what the guest has is the sum of all.  There is no lock, so a renderer may be killed at any
 * moment: what stands at its place is forgotten once the kernel has its memory back.  Two who ask at once for the last bytes
 * may both be refused; the limit is never passed.
 *
 * A guest that took over its renderer can write to every place.  So it can have its own guest refused, or count too little of
 * it: but it can take memory without asking just as well, which the kernel takes back from it first (sandbox.h).
 * Other guests have other pages, nothing that is read there is used but as a number, and what was written is forgotten as
 * renderers go and the guest's driver begins anew.
 */
#ifndef DEVICE_QUOTA_H
#define DEVICE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

enum { QUOTA_DEVICE_PLACE = 0, QUOTA_NO_PLACE = 0 /* of a renderer */ };

struct quota {
    int fd;               /* for renderers */
    uint64_t limit_bytes; /* private: not in the page */
    unsigned place_count;
    _Atomic uint64_t *counters; /* shared */
    bool *is_taken;             /* the render server's alone; NULL in a renderer */
};

/* place_count: with the device's.  Returns: false and errno. */
bool quota_create(struct quota *quota, unsigned place_count, uint64_t limit_bytes);

/* A renderer's view of it.  fd: taken over.  Returns: false: it is no quota's. */
bool quota_open(struct quota *quota, int fd, uint64_t limit_bytes);

/* After one of the two. */
void quota_finish(struct quota *quota);

/* A place for another renderer.  Returns: QUOTA_NO_PLACE: all are taken. */
unsigned quota_admit(struct quota *quota);

/* Its renderer was reaped.  place: QUOTA_NO_PLACE is allowed. */
void quota_release(struct quota *quota, unsigned place);

/* Returns: whether the limit leaves so much; then it is counted.  Context: any thread. */
bool quota_take(const struct quota *quota, unsigned place, uint64_t bytes);

/* The same where it cannot be refused. */
void quota_add(const struct quota *quota, unsigned place, uint64_t bytes);

void quota_give_back(const struct quota *quota, unsigned place, uint64_t bytes);

/* Whoever has this place holds nothing, whatever stands there. */
void quota_clear(const struct quota *quota, unsigned place);

/* What the guest has, the limit at most. */
uint64_t quota_held_bytes(const struct quota *quota);

/* Half of this machine's memory: the limit where nobody chose one. */
uint64_t quota_default_bytes(void);

#endif
