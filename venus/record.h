/*
 * What became of each command, as records of 32 bytes for config.on_record: venus/trace.def says what they hold.
 */
#ifndef VENUS_RECORD_H
#define VENUS_RECORD_H

#include "venus/context.h"

#define TRACE_EVENT(name, text) VN_EVENT_##name,
enum vn_event {
#include "venus/trace.def"
};
#undef TRACE_EVENT

#define VN_STREAM_OWN  0u   /* the context's */
#define VN_STREAM_NONE 255u /* a ring beyond what a record can name: nothing of it is recorded */

/* The steps of a command at work; zeroed when nobody wants records. */
struct vn_steps {
    uint64_t picked_ns;
    uint64_t entered_ns; /* its arguments were decoded */
    uint64_t left_ns;
    uint32_t cookie;
};

static inline bool
vn_is_recorded(const struct venus *venus)
{
    return venus->config.on_record != NULL;
}

/* An event now, of the context or of a stream. */
void
vn_record(const struct venus *venus, enum vn_event event, uint32_t stream, uint64_t a, uint64_t b);

/* Context: the executor's thread, in this order; on_record is not NULL. */
void vn_record_picked(struct vn_exec *exec, uint32_t id, struct vn_steps *steps);
void vn_record_done(const struct vn_exec *exec, const struct vn_steps *steps);

#endif
