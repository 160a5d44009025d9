/* What lwIP asks of the system that it runs on: time, chance, somebody to tell when it is wrong. */
#include <arch/cc.h>
#include <lwip/sys.h>

#include "kernel/core/check.h"
#include "kernel/core/time.h"

/* lwIP counts milliseconds in 32 bits and expects them to wrap. */
u32_t
sys_now(void)
{
    return (u32_t)(time_now_ns() / NS_PER_MS);
}

void
net_port_assert_failed(const char *what, const char *file, int line)
{
    panic("lwIP: %s (%s:%d)", what, file, line);
}

/*
 * Ports and sequence numbers that differ from boot to boot (splitmix64 over the moment of each call). Not for secrets.
 */
uint32_t
net_port_random(void)
{
    static uint64_t state;

    state += UINT64_C(0x9e3779b97f4a7c15) ^ time_now_ns();
    uint64_t mixed = (state ^ (state >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(mixed >> 32);
}
