/*
 * A context over a host that believes nothing (tests/fake/vulkan_strict.h), with two devices, and a client that says one command
 * at a time.  Include it in one file of a test.
 */
#ifndef TESTS_UNIT_VENUS_HOSTILE_H
#define TESTS_UNIT_VENUS_HOSTILE_H

#include <stdlib.h>

#include "venus/call.h"
#include "venus/chain.h"
#include "venus/os.h"
#include "venus/wire.h"

#include "tests/fake/vulkan_strict.h"
#include "tests/fuzz/venus_author.h"
#include "tests/unit/utest.h"

/* What author_begin makes. */
enum {
    ID_INSTANCE = 1,
    ID_PHYSICAL,
    ID_PHYSICAL_TOO,
    ID_DEVICE,
    ID_DEVICE_TOO,
    ID_QUEUE,
    ID_FREE = 50
};

#define HANDLE(type, id) ((type)(uintptr_t)(id))
#define OUT(id)          ((void *)(id)) /* where a client puts the id of a new object */

struct hostile {
    struct venus *venus;
    struct author *author;
};

static void
hostile_on_fence(void *user, uint32_t ring_idx, uint64_t fence_id)
{
    (void)user;
    (void)ring_idx;
    (void)fence_id;
}

static struct hostile
hostile_begin_with(struct venus_limits limits)
{
    struct hostile h = { 0 };
    const struct venus_config config = {
        .name = "say \"hi\"\\\n",
        .vulkan_library = VULKAN_STRICT_LIBRARY,
        .limits = limits,
        .on_fence = hostile_on_fence,
    };
    vulkan_strict_reset(0);
    EXPECT_EQ(venus_create(&config, &h.venus), VENUS_OK);
    h.author = author_create(h.venus, 1);
    EXPECT_EQ(author_begin(h.author), VENUS_OK);
    return h;
}

static inline struct hostile
hostile_begin(void)
{
    return hostile_begin_with((struct venus_limits){ 0 });
}

/* All is destroyed once, and nothing before its time. */
static void
hostile_end(struct hostile *h)
{
    author_destroy(h->author);
    venus_destroy(h->venus);
    EXPECT_EQ(vulkan_strict_live_count(), 0);
    if (!EXPECT_TRUE(vulkan_strict_fault() == NULL)) {
        printf("        %s\n", vulkan_strict_fault());
    }
}

/* Writes a command, to be submitted or spoiled. */
static inline void
hostile_write(struct hostile *h, const char *name, const void *args)
{
    vn_encode_request(&h->author->out, author_command(name), 0, args);
}

static inline enum venus_status
hostile_say(struct hostile *h, const char *name, const void *args)
{
    hostile_write(h, name, args);
    return author_submit(h->author);
}

/* What was written must kill the context, for this reason. */
static inline void
hostile_expect_dead(struct hostile *h, const char *why)
{
    EXPECT_EQ(author_submit(h->author), VENUS_FATAL);
    EXPECT_CONTAINS(venus_why(h->venus), why);
    hostile_end(h);
}

#endif
