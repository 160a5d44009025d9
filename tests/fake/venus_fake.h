/*
 * venus_fake.h - a venus that renders nothing: its commands make the fronts' life eventful instead.
 *
 * A stream is a sequence of dwords: one of these, then its arguments.
 */
#ifndef TESTS_FAKE_VENUS_FAKE_H
#define TESTS_FAKE_VENUS_FAKE_H

enum fake_venus_command {
    FAKE_NOTHING = 1,
    FAKE_DIE,       /* the context dies with a reason */
    FAKE_CRASH,     /* the process does */
    FAKE_RING,      /* resource id, status offset: tells of a ring there (id: the resource's) */
    FAKE_RELEASE,   /* ring_idx: retires the fences that wait on it (those of 0 never wait) */
    FAKE_TRACE,     /* says a line of trace */
    FAKE_ESCAPE,    /* tries what a sandbox should stop: opens a file for writing */
    FAKE_DIE_LATER, /* the context dies in a moment, by a thread of its own as rings have */
};

enum {
    FAKE_BLOB_NONE = 666,   /* a blob id that does not exist */
    FAKE_BLOB_OPAQUE = 667, /* one that cannot be mapped */
};

#endif
