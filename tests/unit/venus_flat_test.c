/*
 * The straight-line decoders of commands with one fixed layout, against the walk over the tables: what they take, the walk takes,
 * and makes the same of it; what the walk would refuse, they leave to it, and leave nothing behind.
 *
 * conformance: S3-01
 */
#include "tests/unit/venus_hostile.h"

enum { ROUNDS = 24, HEAD_BYTES = 8, ENCODED_BYTES = 4096, DEVICES = 2 };

struct flat_rig {
    struct venus *venus;
    struct author *author;
    struct vn_device devices[DEVICES];
    struct vn_exec exec;
};

static uint64_t
id_of(uint64_t type, uint64_t device)
{
    return 1 + type * DEVICES + device;
}

/* Of each type one object of each device: of two devices in one command, the walk refuses the second. */
static void
flat_begin(struct flat_rig *rig)
{
    const struct venus_config config = { .name = "flat" };
    EXPECT_EQ(venus_create(&config, &rig->venus), VENUS_OK);
    rig->author = author_create(rig->venus, 1);
    for (uint64_t i = 0; i < (uint64_t)VN_HANDLE_COUNT * DEVICES; i++) {
        const struct vn_object like = { .id = id_of(i / DEVICES, i % DEVICES),
                                        .host = (i + 1) * 4096,
                                        .type = (uint16_t)(i / DEVICES),
                                        .device = &rig->devices[i % DEVICES] };
        const char *why = NULL;
        EXPECT_TRUE(vn_objects_add(rig->venus, &like, &why) != NULL);
    }
    vn_exec_init(&rig->exec, rig->venus, NULL);
}

static void
flat_end(struct flat_rig *rig)
{
    for (uint64_t i = 0; i < (uint64_t)VN_HANDLE_COUNT * DEVICES; i++) {
        uint64_t id = id_of(i / DEVICES, i % DEVICES);
        vn_objects_remove(rig->venus, vn_objects_find(&rig->venus->objects, id));
    }
    vn_exec_finish(&rig->exec);
    author_destroy(rig->author);
    venus_destroy(rig->venus);
}

/* What a decoder made of a request. */
struct taken {
    bool is_taken;
    size_t bytes;
    size_t trail_count;
    struct vn_object *trail[VN_TRAIL_MIN];
    size_t encoded_bytes;
    uint8_t encoded[ENCODED_BYTES];
};

static struct taken
take(struct flat_rig *rig, const struct vn_command *command, size_t size, bool by_walk)
{
    struct vn_exec *exec = &rig->exec;
    const uint8_t *from = rig->author->stream + HEAD_BYTES;
    exec->in = (struct vn_reader){ .at = from, .end = rig->author->stream + size };
    exec->has_failed = false;
    vn_exec_forget(exec);
    void *args = NULL;
    if (by_walk) {
        args = vn_exec_alloc(exec, 1, vn_types[command->type].size_bytes);
        vn_decode_request(exec, &vn_types[command->type], args);
    } else {
        args = command->flat(exec);
    }
    struct taken taken = { .is_taken = args && !exec->has_failed && !exec->in.is_short };
    taken.bytes = (size_t)(exec->in.at - from);
    taken.trail_count = exec->trail_count;
    memcpy(taken.trail, exec->trail, exec->trail_count * sizeof(struct vn_object *));
    if (taken.is_taken) {
        struct vn_writer out = { .base = taken.encoded, .size = ENCODED_BYTES };
        vn_encode_request(&out, command, 0, args);
        taken.encoded_bytes = out.at;
    }
    vn_arena_reset(&exec->arena);
    return taken;
}

static bool
is_same(const struct taken *a, const struct taken *b)
{
    return a->is_taken == b->is_taken && a->bytes == b->bytes && a->trail_count == b->trail_count &&
           memcmp(a->trail, b->trail, a->trail_count * sizeof(struct vn_object *)) == 0 &&
           a->encoded_bytes == b->encoded_bytes &&
           memcmp(a->encoded, b->encoded, a->encoded_bytes) == 0;
}

/* Returns: whether the straight line took it. */
static bool
compare(struct flat_rig *rig, const struct vn_command *command, size_t size)
{
    struct taken walk =
        take(rig, command, size, true); /* it comes first: it remembers the objects */
    struct taken flat = take(rig, command, size, false);
    if (!flat.is_taken) {
        EXPECT_EQ(flat.bytes, 0);
        EXPECT_EQ(flat.trail_count, 0);
        EXPECT_TRUE(!rig->exec.has_failed && !rig->exec.in.is_short);
    } else if (!EXPECT_TRUE(is_same(&flat, &walk))) {
        printf("        %s\n", command->name);
    }
    return flat.is_taken;
}

/* The same request with one word of it spoiled, and cut short anywhere. */
static void
spoil(struct flat_rig *rig, const struct vn_command *command, size_t size)
{
    static const uint32_t words[] = { 0, 1, 2, 3, 1000, UINT32_MAX };
    for (size_t at = HEAD_BYTES; at < size; at += 4) {
        uint32_t kept;
        memcpy(&kept, rig->author->stream + at, 4);
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            memcpy(rig->author->stream + at, &words[i], 4);
            compare(rig, command, size);
        }
        memcpy(rig->author->stream + at, &kept, 4);
        EXPECT_FALSE(compare(rig, command, at));
    }
}

UTEST(a_straight_line_makes_of_a_command_what_the_walk_makes)
{
    struct flat_rig rig = { 0 };
    flat_begin(&rig);
    unsigned flat_count = 0;
    for (uint32_t i = 0; i < vn_command_count; i++) {
        const struct vn_command *command = &vn_commands[i];
        unsigned taken_count = 0;
        for (int round = 0; command->flat && round < ROUNDS; round++) {
            rig.author->out.at = 0;
            if (author_write(rig.author, command)) {
                size_t size = rig.author->out.at;
                taken_count += compare(&rig, command, size);
                spoil(&rig, command, size);
            }
        }
        if (command->flat && !EXPECT_TRUE(taken_count > 0)) {
            printf("        %s\n", command->name);
        }
        flat_count += command->flat != NULL;
    }
    EXPECT_TRUE(flat_count >= 100);
    flat_end(&rig);
}

/* What was not looked up lately is looked up by the walk: and what is gone is not found by either. */
UTEST(a_straight_line_names_only_what_is_remembered_and_lives)
{
    struct flat_rig rig = { 0 };
    flat_begin(&rig);
    const struct vn_command *command = author_command("vkDestroyFence");
    rig.author->out.at = 0;
    const struct vn_args_vkDestroyFence args = {
        .device = HANDLE(VkDevice, id_of(VN_HANDLE_VkDevice, 0)),
        .fence = HANDLE(VkFence, id_of(VN_HANDLE_VkFence, 0)),
    };
    vn_encode_request(&rig.author->out, command, 0, &args);
    size_t size = rig.author->out.at;
    EXPECT_FALSE(take(&rig, command, size, false).is_taken);
    EXPECT_TRUE(take(&rig, command, size, true).is_taken);
    EXPECT_TRUE(take(&rig, command, size, false).is_taken);
    struct vn_object *fence = vn_objects_find(&rig.venus->objects, id_of(VN_HANDLE_VkFence, 0));
    struct vn_object again = {
        .id = fence->id, .host = 1, .type = fence->type, .device = fence->device
    };
    vn_objects_remove(rig.venus, fence);
    EXPECT_FALSE(take(&rig, command, size, false).is_taken);
    EXPECT_FALSE(take(&rig, command, size, true).is_taken);
    const char *why = NULL;
    EXPECT_TRUE(vn_objects_add(rig.venus, &again, &why) != NULL);
    flat_end(&rig);
}
