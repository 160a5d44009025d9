/*
 * What the device records of each command, for the joined trace (device/gpu/trace.def): in order, under one cookie.
 */
#include "abi/trace_record.h"

#include "device/render_wire.h"
#include "tests/fake/venus_fake.h"
#include "tests/loop/loop_guest.h"
#include "tests/unit/gpu_device_answers.h"
#include "tests/unit/utest.h"

enum { RECORDS_MAX = 512, MS = 8000 };

enum event {
#define TRACE_EVENT(name, text) EVENT_##name,
#include "device/gpu/trace.def"
#undef TRACE_EVENT
};

static struct loop_guest guest;
static struct trace_record records[RECORDS_MAX];
static unsigned record_count;

static void
on_record(void *user, const void *record)
{
    (void)user;
    if (record_count < RECORDS_MAX) {
        memcpy(&records[record_count++], record, sizeof(records[0]));
    }
}

static void
begin(void)
{
    const struct loop_guest_wish wish = { .has_vulkan = true, .on_record = on_record };
    record_count = 0;
    EXPECT_TRUE(loop_guest_begin(&guest, &wish));
}

/* The events of the command that came last, but for its bytes; -1 ends them. */
static const struct trace_record *
expect(const int *events)
{
    const struct trace_record *last = NULL;
    uint32_t cookie = 0;
    unsigned i = record_count;
    while (i > 0 && le16_get(records[--i].event) != EVENT_POP) {
    }
    cookie = le32_get(records[i].cookie);
    EXPECT_NE(cookie, 0);
    for (; i < record_count; i++) {
        int event = le16_get(records[i].event);
        EXPECT_EQ(records[i].origin, TRACE_ORIGIN_DEVICE_SIDE);
        if (event != EVENT_BYTES && le32_get(records[i].cookie) == cookie) {
            EXPECT_EQ(event, *events);
            events += *events >= 0;
            last = &records[i];
        }
    }
    EXPECT_EQ(*events, -1);
    return last;
}

UTEST(a_command_is_recorded_from_pop_to_push)
{
    static const int all[] = { EVENT_POP, EVENT_REQUEST, EVENT_HANDLED, EVENT_PUSH, -1 };
    begin();
    EXPECT_EQ(loop_create_2d(&guest, 42, 1, 10, 20), OK);
    const struct trace_record *push = expect(all);
    EXPECT_EQ(le64_get(push->a), OK | UINT64_C(24) << 32);
    const struct trace_record *request = push;
    while (le16_get(request->event) != EVENT_REQUEST) {
        request--;
    }
    EXPECT_EQ(le64_get(request->a), VIRTIO_GPU_CMD_RESOURCE_CREATE_2D);
    /* Its bytes follow: 40 of them, so three records; the resource's id and format stand in the second. */
    EXPECT_EQ(le16_get(request[3].event), EVENT_BYTES);
    EXPECT_EQ(le64_get(request[2].b), 42 | UINT64_C(1) << 32);
    EXPECT_EQ(le64_get(request[3].a), 10 | UINT64_C(20) << 32);
    EXPECT_EQ(le16_get(push[1].event), EVENT_INTERRUPT);
    EXPECT_EQ(push->queue, 0);
    loop_guest_end(&guest);
}

UTEST(a_flush_says_what_it_showed)
{
    static const int all[] = {
        EVENT_POP, EVENT_REQUEST, EVENT_FLUSH, EVENT_HANDLED, EVENT_PUSH, -1
    };
    begin();
    EXPECT_EQ(loop_create_2d(&guest, 42, 1, 10, 20), OK);
    EXPECT_EQ(loop_set_scanout(&guest, 0, 42, loop_rect(0, 0, 10, 20)), OK);
    EXPECT_EQ(loop_flush(&guest, 42, loop_rect(0, 0, 10, 20)), OK);
    (void)expect(all);
    loop_guest_end(&guest);
}

UTEST(a_fenced_stream_is_recorded_at_each_boundary)
{
    static const int made[] = { EVENT_POP,
                                EVENT_REQUEST,
                                EVENT_RENDERER_ASKED,
                                EVENT_RENDERER_ANSWERED,
                                EVENT_HANDLED,
                                EVENT_PUSH,
                                -1 };
    static const int fenced[] = { EVENT_POP,
                                  EVENT_REQUEST,
                                  EVENT_RENDERER_ASKED,
                                  EVENT_HANDLED,
                                  EVENT_RENDERER_ASKED,
                                  EVENT_FENCE_PASSED,
                                  EVENT_PUSH,
                                  -1 };
    const uint32_t word = FAKE_NOTHING;
    begin();
    EXPECT_EQ(loop_create_context(&guest, 3, 4), OK);
    (void)expect(made);
    EXPECT_EQ(loop_create_blob(&guest, 9, 3, VIRTIO_GPU_BLOB_MEM_HOST3D, 0, 4096), OK);
    (void)expect(made);
    (void)loop_send_stream(&guest, loop_fenced(3, 0, 77), &word, 1);
    EXPECT_EQ(loop_guest_take(&guest, VIRTIO_GPU_CONTROLQ, MS), OK);
    const struct trace_record *push = expect(fenced);
    EXPECT_EQ(le64_get(push[-1].a), 77);
    EXPECT_EQ(le64_get(push[-1].b), 3);
    EXPECT_TRUE(le64_get(push->b) > 0); /* nanoseconds since the pop */
    loop_guest_end(&guest);
}
