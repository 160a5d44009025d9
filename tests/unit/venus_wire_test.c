/*
 * The wire, both ways, for every command that the tables have: arguments of random contents are encoded as a client does, decoded
 * as the renderer does, and encoded again: the bytes must be the same; and the same for replies.
 *
 * conformance: S3-10 S3-11
 */
#include <stdlib.h>

#include "venus/context.h"
#include "venus/wire.h"

#include "tests/unit/utest.h"

#define STREAM_BYTES ((size_t)4 << 20)
#define DEPTH_MAX    4
#define ROUNDS       6

static uint64_t state;

static uint64_t
roll(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

static void
fill_members(struct vn_arena *arena, const struct vn_type *type, uint8_t *to, int depth);

static void
fill_value(struct vn_arena *arena, const struct vn_member *member, uint8_t *to, int depth)
{
    if (member->wire == VN_STRUCT) {
        const struct vn_type *type = &vn_types[member->type];
        if (type->s_type != -1) {
            struct vn_link link = { .s_type = type->s_type };
            const struct vn_type *chained = NULL;
            if (type->chain_count && depth < DEPTH_MAX && roll(2)) {
                chained = &vn_types[vn_chains[type->chain_first + roll(type->chain_count)]];
                struct vn_link *next = vn_arena_alloc(arena, chained->size_bytes);
                next->s_type = chained->s_type;
                fill_members(arena, chained, (uint8_t *)next, depth + 1);
                link.next = next;
            }
            memcpy(to, &link, sizeof(link));
        }
        fill_members(arena, type, to, depth + 1);
        return;
    }
    uint64_t value = 1 + roll(UINT32_MAX);
    /* A count may be the length of an array elsewhere, as commandBufferCount is. */
    size_t name_length = strlen(member->name);
    if ((member->flags & VN_IS_LENGTH) ||
        (name_length > 5 && !strcmp(member->name + name_length - 5, "Count"))) {
        value = depth < DEPTH_MAX ? 1 + roll(3) : 1;
    }
    if (!strcmp(member->name, "codeSize")) {
        value *= 4; /* bytes of whole words */
    }
    memcpy(to, &value, member->size);
}

static void *
fill_array(struct vn_arena *arena, const struct vn_member *member, uint64_t count, int depth)
{
    uint8_t *array = count ? vn_arena_alloc(arena, count * member->size) : NULL;
    for (uint64_t i = 0; i < count; i++) {
        if (member->size < 4) {
            array[i * member->size] = (uint8_t)(1 + roll(255));
        } else {
            fill_value(arena, member, array + i * member->size, depth);
        }
    }
    return array;
}

static char *
fill_string(struct vn_arena *arena)
{
    size_t length = roll(9);
    char *text = vn_arena_alloc(arena, length + 1);
    memset(text, 'a' + (int)roll(26), length);
    return text;
}

static void *
fill_pointers(struct vn_arena *arena, const struct vn_member *member, uint8_t *base, int depth)
{
    uint64_t count = vn_length_of(member->length, base, 0);
    void **pointers = count ? vn_arena_alloc(arena, count * sizeof(*pointers)) : NULL;
    for (uint64_t i = 0; i < count; i++) {
        pointers[i] = member->form == VN_STRINGS
                          ? (void *)fill_string(arena)
                          : fill_array(arena, member, vn_length_of(member->inner, base, i), depth);
    }
    return pointers;
}

static void
fill_member(struct vn_arena *arena, const struct vn_member *member, uint8_t *base, int depth)
{
    uint8_t *at = base + member->offset;
    void *pointer = NULL;
    switch (member->form) {
    case VN_VALUE: fill_value(arena, member, at, depth); return;
    case VN_FIXED:
        memcpy(at, fill_array(arena, member, member->fixed_count, depth),
               (size_t)member->fixed_count * member->size);
        return;
    case VN_POINTER:
        pointer = vn_arena_alloc(arena, member->size);
        fill_value(arena, member, pointer, depth);
        break;
    case VN_ARRAY:
        pointer = fill_array(arena, member, vn_length_of(member->length, base, 0), depth);
        break;
    case VN_STRING: pointer = fill_string(arena); break;
    case VN_STRINGS:
    case VN_POINTERS: pointer = fill_pointers(arena, member, base, depth); break;
    default: break;
    }
    memcpy(at, &pointer, sizeof(pointer));
}

/* A union's selector, where a sibling holds it, must name a member. */
static void
fix_selector(const struct vn_member *member, uint8_t *base)
{
    if (member->form != VN_VALUE || member->wire != VN_STRUCT || member->length == UINT16_MAX) {
        return;
    }
    const struct vn_type *type = &vn_types[member->type];
    uint32_t tag = vn_members[type->member_first + roll(type->member_count)].tag;
    memcpy(base + vn_lengths[member->length].offset, &tag, 4);
}

static void
fill_members(struct vn_arena *arena, const struct vn_type *type, uint8_t *to, int depth)
{
    if (type->is_union) {
        return; /* zeros: whichever member is sent, all of its bytes are there */
    }
    /* Lengths first: what they count may stand before them. */
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < type->member_count; i++) {
            const struct vn_member *member = &vn_members[type->member_first + i];
            bool is_length =
                (member->flags & VN_IS_LENGTH) || (member->form == VN_VALUE && member->size == 4);
            if (is_length == (pass == 0)) {
                fill_member(arena, member, to, depth);
            }
        }
    }
    for (uint32_t i = 0; i < type->member_count; i++) {
        fix_selector(&vn_members[type->member_first + i], to);
    }
}

struct streams {
    uint8_t *first;
    uint8_t *second;
    struct vn_writer one;
    struct vn_writer two;
};

static bool
are_same(const struct streams *s, const char *name)
{
    if (s->one.is_short || s->two.is_short || s->one.at != s->two.at ||
        memcmp(s->first, s->second, s->one.at) != 0) {
        printf("  %s: %zu bytes became %zu\n", name, s->one.at, s->two.at);
        return false;
    }
    return true;
}

static void
check_request(struct streams *s, const struct vn_command *command)
{
    const struct vn_type *type = &vn_types[command->type];
    struct vn_arena arena = { 0 };
    struct vn_exec exec;
    uint8_t *args = vn_arena_alloc(&arena, type->size_bytes);
    fill_members(&arena, type, args, 0);
    s->one = (struct vn_writer){ .base = s->first, .size = STREAM_BYTES };
    s->two = (struct vn_writer){ .base = s->second, .size = STREAM_BYTES };
    vn_encode_request(&s->one, command, 1, args);

    vn_exec_init(&exec, NULL, NULL);
    exec.in = (struct vn_reader){ .at = s->first + 8, .end = s->first + s->one.at };
    void *decoded = vn_arena_alloc(&exec.arena, type->size_bytes);
    vn_decode_request(&exec, type, decoded);
    vn_encode_request(&s->two, command, 1, decoded);
    EXPECT_TRUE(are_same(s, command->name));
    EXPECT_TRUE(exec.in.at == exec.in.end);
    EXPECT_TRUE(!exec.has_failed && !exec.in.is_short);
    vn_exec_finish(&exec);
    vn_arena_finish(&arena);
}

static void
check_reply(struct streams *s, const struct vn_command *command)
{
    const struct vn_type *type = &vn_types[command->type];
    struct vn_arena arena = { 0 };
    struct vn_exec exec;
    uint8_t *args = vn_arena_alloc(&arena, type->size_bytes);
    fill_members(&arena, type, args, 0);
    s->one = (struct vn_writer){ .base = s->first, .size = STREAM_BYTES };
    s->two = (struct vn_writer){ .base = s->second, .size = STREAM_BYTES };
    vn_encode_reply(&s->one, command, args);

    vn_exec_init(&exec, NULL, NULL);
    exec.in = (struct vn_reader){ .at = s->first, .end = s->first + s->one.at };
    vn_decode_reply(&exec, command, args);
    vn_encode_reply(&s->two, command, args);
    EXPECT_TRUE(are_same(s, command->name));
    EXPECT_TRUE(exec.in.at == exec.in.end);
    EXPECT_TRUE(!exec.has_failed && !exec.in.is_short);
    vn_exec_finish(&exec);
    vn_arena_finish(&arena);
}

static void
for_all(void (*check)(struct streams *, const struct vn_command *))
{
    struct streams s = { .first = malloc(STREAM_BYTES), .second = malloc(STREAM_BYTES) };
    uint32_t count = 0;
    for (uint32_t i = 0; i < vn_command_count; i++) {
        for (int round = 0; vn_commands[i].on && round < ROUNDS; round++) {
            state = i * 1000u + (uint32_t)round;
            check(&s, &vn_commands[i]);
            count++;
        }
    }
    EXPECT_TRUE(count > 250 * ROUNDS);
    free(s.first);
    free(s.second);
}

UTEST(every_request_survives_the_way_there)
{
    for_all(check_request);
}

UTEST(every_reply_survives_the_way_back)
{
    for_all(check_reply);
}

UTEST(a_request_cut_anywhere_is_short_and_no_worse)
{
    struct streams s = { .first = malloc(STREAM_BYTES), .second = malloc(STREAM_BYTES) };
    for (uint32_t i = 0; i < vn_command_count; i++) {
        const struct vn_command *command = &vn_commands[i];
        if (!command->on) {
            continue;
        }
        state = i;
        check_request(&s, command);
        for (size_t cut = 8; cut < s.one.at && cut < 600; cut += 12) {
            uint8_t *bytes = malloc(cut); /* exactly as long: the sanitizer sees a read beyond */
            memcpy(bytes, s.first, cut);
            struct vn_exec exec;
            vn_exec_init(&exec, NULL, NULL);
            exec.in = (struct vn_reader){ .at = bytes + 8, .end = bytes + cut };
            void *args = vn_arena_alloc(&exec.arena, vn_types[command->type].size_bytes);
            vn_decode_request(&exec, &vn_types[command->type], args);
            EXPECT_TRUE(exec.in.is_short || exec.has_failed);
            vn_exec_finish(&exec);
            free(bytes);
        }
    }
    free(s.first);
    free(s.second);
}

UTEST(every_command_can_be_printed)
{
    char line[4096];
    for (uint32_t i = 0; i < vn_command_count; i++) {
        const struct vn_command *command = &vn_commands[i];
        if (!command->on) {
            continue;
        }
        struct vn_arena arena = { 0 };
        state = i;
        uint8_t *args = vn_arena_alloc(&arena, vn_types[command->type].size_bytes);
        fill_members(&arena, &vn_types[command->type], args, 0);
        size_t length = vn_print(line, sizeof(line), command, VN_PRINT_REQUEST, args);
        EXPECT_TRUE(length > strlen(command->name) &&
                    !strncmp(line, command->name, strlen(command->name)));
        vn_print(line, 7, command, VN_PRINT_REPLY, args);
        EXPECT_TRUE(strlen(line) < 7);
        vn_arena_finish(&arena);
    }
}

static const struct vn_command *
find_command(const char *name)
{
    uint32_t i = 0;
    while (i < vn_command_count && strcmp(vn_commands[i].name, name) != 0) {
        i++;
    }
    return &vn_commands[i];
}

/* A client's words stay within its own line, and within their quotes. */
UTEST(what_a_client_says_is_printed_in_printable_characters)
{
    char line[1024];
    const VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "x\")\nother: -> ring 0x1 vkForged(\033[31mred\\ \x9b",
    };
    const char *const layers[] = { "a\r" };
    const VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pApplicationInfo = &application,
        .enabledLayerCount = 1,
        .ppEnabledLayerNames = layers,
    };
    const struct vn_args_vkCreateInstance args = { .pCreateInfo = &info };
    const struct vn_command *command = find_command("vkCreateInstance");
    (void)vn_print(line, sizeof(line), command, VN_PRINT_REQUEST, &args);
    EXPECT_TRUE(
        strstr(line, "\"x\\\")\\u000aother: -> ring 0x1 vkForged(\\u001b[31mred\\\\ \\u009b\""));
    EXPECT_TRUE(strstr(line, "[\"a\\u000d\"]"));
    for (const char *at = line; *at; at++) {
        EXPECT_TRUE(*at >= ' ' && *at <= '~');
    }
}
