/*
 * The table of states: what is allowed, and what is not.
 * conformance: S0-14
 */
#include "virtio/gpu.h"

#include "tests/unit/utest.h"

static void
expect_path(const enum vgpu_state *states, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++) {
        if (!EXPECT_TRUE(vgpu_state_allows(states[i], states[i + 1]))) {
            printf("        %s -> %s\n", vgpu_state_name(states[i]),
                   vgpu_state_name(states[i + 1]));
        }
    }
}

#define EXPECT_PATH(...)                                                                           \
 do {                                                                                              \
  const enum vgpu_state path[] = { __VA_ARGS__ };                                                  \
  expect_path(path, sizeof(path) / sizeof(path[0]));                                               \
 } while (0)

UTEST(a_device_goes_up_and_down)
{
    EXPECT_PATH(VGPU_UNINITIALIZED, VGPU_NEGOTIATING, VGPU_SETTING_UP_QUEUES, VGPU_RUNNING,
                VGPU_STOPPING, VGPU_UNINITIALIZED);
    EXPECT_PATH(VGPU_RUNNING, VGPU_FAILED, VGPU_STOPPING, VGPU_UNINITIALIZED);
    EXPECT_PATH(VGPU_NEGOTIATING, VGPU_UNINITIALIZED);
    EXPECT_PATH(VGPU_SETTING_UP_QUEUES, VGPU_UNINITIALIZED);
}

UTEST(a_framebuffer_goes_up_and_down)
{
    EXPECT_PATH(VGPU_UNINITIALIZED, VGPU_INITIALIZING_RESOURCE_CREATE_2D,
                VGPU_INITIALIZING_RESOURCE_ATTACH_BACKING, VGPU_INITIALIZING_SET_SCANOUT,
                VGPU_READY, VGPU_FINISHING_SET_SCANOUT, VGPU_FINISHING_RESOURCE_DETACH_BACKING,
                VGPU_FINISHING_RESOURCE_UNREF, VGPU_UNINITIALIZED);
    EXPECT_PATH(VGPU_INITIALIZING_RESOURCE_ATTACH_BACKING, VGPU_READY,
                VGPU_FINISHING_RESOURCE_DETACH_BACKING);
}

UTEST(a_framebuffer_may_fail_at_every_step)
{
    for (enum vgpu_state state = VGPU_INITIALIZING_RESOURCE_CREATE_2D;
         state <= VGPU_FINISHING_RESOURCE_UNREF; state++) {
        EXPECT_EQ(vgpu_state_allows(state, VGPU_FAILED), state != VGPU_READY);
    }
}

UTEST(no_step_can_be_left_out)
{
    EXPECT_FALSE(vgpu_state_allows(VGPU_UNINITIALIZED, VGPU_READY));
    EXPECT_FALSE(vgpu_state_allows(VGPU_UNINITIALIZED, VGPU_RUNNING));
    EXPECT_FALSE(vgpu_state_allows(VGPU_UNINITIALIZED, VGPU_INITIALIZING_SET_SCANOUT));
    EXPECT_FALSE(vgpu_state_allows(VGPU_INITIALIZING_RESOURCE_CREATE_2D, VGPU_READY));
    EXPECT_FALSE(
        vgpu_state_allows(VGPU_INITIALIZING_RESOURCE_CREATE_2D, VGPU_INITIALIZING_SET_SCANOUT));
    EXPECT_FALSE(vgpu_state_allows(VGPU_READY, VGPU_UNINITIALIZED));
    EXPECT_FALSE(vgpu_state_allows(VGPU_FAILED, VGPU_READY));
    EXPECT_FALSE(vgpu_state_allows(VGPU_FAILED, VGPU_RUNNING));
    EXPECT_FALSE(vgpu_state_allows(VGPU_RUNNING, VGPU_READY));
}

UTEST(nothing_leads_to_itself_and_nothing_beyond_the_table_is_allowed)
{
    for (enum vgpu_state state = VGPU_UNINITIALIZED; state < VGPU_STATE_COUNT; state++) {
        EXPECT_FALSE(vgpu_state_allows(state, state));
        EXPECT_FALSE(vgpu_state_allows(state, VGPU_STATE_COUNT));
        EXPECT_NE(vgpu_state_name(state)[0], 'u');
    }
    EXPECT_FALSE(vgpu_state_allows((enum vgpu_state)99, VGPU_FAILED));
    EXPECT_STREQ(vgpu_state_name((enum vgpu_state)99), "unknown");
    EXPECT_STREQ(vgpu_state_name(VGPU_INITIALIZING_SET_SCANOUT), "InitializingSetScanout");
}
