#include "venus/record.h"

#include "abi/trace_record.h"

#include "venus/os.h"

static void
emit(const struct venus *venus, struct trace_record record)
{
    record.origin = TRACE_ORIGIN_DEVICE_SIDE;
    venus->config.on_record(venus->config.user, &record);
}

void
vn_record(const struct venus *venus, enum vn_event event, uint32_t stream, uint64_t a, uint64_t b)
{
    if (vn_is_recorded(venus) && stream != VN_STREAM_NONE) {
        emit(venus, (struct trace_record){ .time_ns = le64_from(vn_os_now_ns()),
                                           .event = le16_from((uint16_t)event),
                                           .queue = (uint8_t)stream,
                                           .a = le64_from(a),
                                           .b = le64_from(b) });
    }
}

static uint32_t
stream_of(const struct vn_exec *exec)
{
    return exec->ring ? exec->ring->number : VN_STREAM_OWN;
}

void
vn_record_picked(struct vn_exec *exec, uint32_t id, struct vn_steps *steps)
{
    uint64_t at = exec->stream_offset + (uint64_t)(exec->command_at - exec->stream_at);
    uint64_t bytes = (uint64_t)(exec->in.at - exec->command_at);
    steps->cookie = ++exec->recorded_count;
    if (stream_of(exec) != VN_STREAM_NONE) {
        emit(exec->venus, (struct trace_record){
                              .time_ns = le64_from(steps->picked_ns),
                              .cookie = le32_from(steps->cookie),
                              .event = le16_from(exec->depth ? VN_EVENT_INNER : VN_EVENT_PICKED),
                              .queue = (uint8_t)stream_of(exec),
                              .a = le64_from(at),
                              .b = le64_from(bytes << 32 | id),
                          });
    }
    steps->entered_ns = vn_os_now_ns();
}

void
vn_record_done(const struct vn_exec *exec, const struct vn_steps *steps)
{
    if (stream_of(exec) != VN_STREAM_NONE) {
        emit(exec->venus, (struct trace_record){
                              .time_ns = le64_from(vn_os_now_ns()),
                              .cookie = le32_from(steps->cookie),
                              .event = le16_from(VN_EVENT_DONE),
                              .queue = (uint8_t)stream_of(exec),
                              .a = le64_from(steps->entered_ns - steps->picked_ns),
                              .b = le64_from(steps->left_ns - steps->picked_ns),
                          });
    }
}
