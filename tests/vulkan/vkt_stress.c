/*
 * Much of everything: many objects, threads, large command buffers, every way to synchronise, memory until there is
 * no more; each result checked.
 *
 * usage: vkt_stress [--only NAME] [--loops N] [--threads N] [--memory-gib N] [--timeout S] [--list]
 * Exit status: 0 all right; 1 wrong, with a sentence; 2 wrong use; 124 no end in time.  `exhaust` only on request.
 */
#include "tests/vulkan/vkt_stress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/vulkan/vkt_options.h"

#define USAGE                                                                                      \
 "usage: vkt_stress [--only NAME] [--loops N] [--threads N] [--memory-gib N] [--timeout S]\n"      \
 "vkt_stress: --list names the tests\n"

struct stress_test {
    const char *name;
    const char *about;
    void (*run)(struct vkt_stress *s);
    bool is_on_request;
};

static const struct stress_test tests[] = {
    {"objects",      "many objects of every simple kind, destroyed in mixed order",            vkt_stress_objects,
     false                                                                                                                },
    { "order",       "objects destroyed in sloppy but legal order",                            vkt_stress_order,     false},
    { "pools",       "command pools: allocate, free, reset, trim, destroy with buffers alive",
     vkt_stress_pools,                                                                                               false},
    { "cache",       "pipeline caches: data out, data in, merged",                             vkt_stress_cache,     false},
    { "copies",      "buffer to image to image to buffer, blit, clear",                        vkt_stress_copies,    false},
    { "secondary",   "secondary command buffers",                                              vkt_stress_secondary, false},
    { "update",      "more than 1 MiB of inline updates",                                      vkt_stress_update,    false},
    { "large",       "a command buffer of 200,000 commands",                                   vkt_stress_large,     false},
    { "reuse",       "one command buffer submitted many times, and indirect dispatch",         vkt_stress_reuse,
     false                                                                                                                },
    { "queries",     "timestamps and occlusion, read in every way",                            vkt_stress_queries,   false},
    { "events",      "events of the host and of the device",                                   vkt_stress_events,    false},
    { "timeline",    "timeline semaphores, and waits before their signal",                     vkt_stress_timeline,
     false                                                                                                                },
    { "fences",      "many fences, waited for together; binary semaphores",                    vkt_stress_fences,    false},
    { "descriptors", "sets written, copied, by template, freed, pools reset",
     vkt_stress_descriptors,                                                                                         false},
    { "map",         "allocations of many sizes, mapped, written, read by the device",         vkt_stress_map,
     false                                                                                                                },
    { "threads",     "threads that build pipelines, record and compute at once",               vkt_stress_threads,
     false                                                                                                                },
    { "rings",       "threads that only build pipelines, on rings of their own",               vkt_stress_rings,
     false                                                                                                                },
    { "exhaust",     "memory until there is no more: an honest error, and life after it",
     vkt_stress_exhaust,                                                                                             true },
};

#define TEST_COUNT (sizeof(tests) / sizeof(tests[0]))

static bool
is_wanted(const struct stress_test *test, const char *only)
{
    return only != NULL ? strcmp(only, test->name) == 0 : !test->is_on_request;
}

static unsigned
run_tests(struct vkt_stress *s, const char *only)
{
    unsigned count = 0;

    for (size_t i = 0; i < TEST_COUNT; i++) {
        if (is_wanted(&tests[i], only)) {
            uint64_t start_ns = vkt_now_ns();

            printf("%s ...", tests[i].name);
            (void)fflush(stdout);
            tests[i].run(s);
            printf(" right, %.3f s\n", (double)(vkt_now_ns() - start_ns) / 1e9);
            (void)fflush(stdout);
            count++;
        }
    }
    return count;
}

static void
list(void)
{
    for (size_t i = 0; i < TEST_COUNT; i++) {
        printf("%-12s  %s\n", tests[i].name, tests[i].about);
    }
}

static bool
is_known(const char *name)
{
    for (size_t i = 0; i < TEST_COUNT; i++) {
        if (strcmp(tests[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

int
main(int argc, char **argv)
{
    struct vkt_stress s = { .loop_count = 1, .thread_count = 4, .memory_gib = 1024 };
    const char *only = NULL;
    uint32_t timeout_s = 120;
    struct vkt_option options[] = {
        {"--loops",       &s.loop_count,   1, 100000 },
        { "--threads",    &s.thread_count, 1, 256    },
        { "--memory-gib", &s.memory_gib,   1, 1 << 20},
        { "--timeout",    &timeout_s,      1, 3600   },
    };

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    if (argc > 2 && strcmp(argv[1], "--only") == 0) {
        only = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (!vkt_options(options, 4, argc, argv) || (only != NULL && !is_known(only))) {
        (void)fputs(USAGE, stderr);
        return 2;
    }
    vkt_deadline(timeout_s);
    vkt_open(&s.t, "vkt_stress");
    for (uint32_t loop = 0; loop < s.loop_count; loop++) {
        (void)run_tests(&s, only);
    }
    printf("vkt_stress: all right on %s\n", s.t.properties.deviceName);
    vkt_close(&s.t);
    return 0;
}
