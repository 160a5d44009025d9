/* Per-CPU data: see percpu.h. */
#include "kernel/core/percpu.h"

#include "kernel/arch/arch.h"
#include "kernel/core/check.h"

enum {
    PERCPU_COUNT_MAX = 8,
};

static struct percpu cpus[PERCPU_COUNT_MAX];
static uint32_t cpu_count;

struct percpu *
percpu_get(void)
{
    return &cpus[arch_cpu_idx()];
}

struct percpu *
percpu_at(uint32_t cpu_idx)
{
    CHECK(cpu_idx < cpu_count);
    return &cpus[cpu_idx];
}

uint32_t
percpu_count(void)
{
    return cpu_count;
}

uint32_t
percpu_online_count(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < cpu_count; i++) {
        count += __atomic_load_n(&cpus[i].is_online, __ATOMIC_ACQUIRE) ? 1 : 0;
    }
    return count;
}

struct percpu *
percpu_add(uint64_t hw_id)
{
    if (cpu_count == PERCPU_COUNT_MAX) {
        return NULL;
    }
    struct percpu *cpu = &cpus[cpu_count];
    cpu->cpu_idx = cpu_count++;
    cpu->hw_id = hw_id;
    return cpu;
}
