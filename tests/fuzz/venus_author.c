#include "tests/fuzz/venus_author.h"

#include <stdlib.h>

#include <unistd.h>

#include "venus/chain.h"

#include "vn_args.h"

#define DEPTH_MAX     4
#define CANDIDATE_MAX 64
#define ID_FIRST      100
#define RING_ID       1

static void fill_members(struct author *author, const struct vn_type *type, uint8_t *to,
                         bool is_out, int depth);

struct author *
author_create(struct venus *venus, uint32_t seed)
{
    struct author *author = malloc(sizeof(*author));
    if (author) {
        author->venus = venus;
        author->state = seed;
        author->next_id = ID_FIRST;
        author->wild_odds = 0;
        author->arena = (struct vn_arena){ 0 };
        author->out = (struct vn_writer){ .base = author->stream, .size = AUTHOR_STREAM_BYTES };
    }
    return author;
}

void
author_destroy(struct author *author)
{
    if (author) {
        vn_arena_finish(&author->arena);
        free(author);
    }
}

uint32_t
author_roll(struct author *author, uint32_t below)
{
    author->state = author->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(author->state >> 33) % below;
}

static bool
is_wild(struct author *author)
{
    return author->wild_odds && author_roll(author, author->wild_odds) == 0;
}

/* A live object of this type, of this device if that is not NULL; 0: there is none. */
static uint64_t
choose(struct author *author, uint16_t type)
{
    struct vn_objects *objects = &author->venus->objects;
    uint64_t found[CANDIDATE_MAX];
    uint32_t count = 0;
    vn_spin_lock(&objects->lock); /* rings may be at work */
    for (uint32_t i = 0; i < objects->slot_count && count < CANDIDATE_MAX; i++) {
        const struct vn_object *object = objects->slots[i];
        if (object && object->id && (object->type == type || is_wild(author))) {
            found[count++] = object->id;
        }
    }
    vn_spin_unlock(&objects->lock);
    return count ? found[author_roll(author, count)] : 0;
}

static uint64_t
number(struct author *author, size_t size)
{
    static const uint64_t edges[] = {
        UINT32_MAX, UINT64_MAX,  UINT64_C(1) << 31,   4096, 65536, UINT64_C(1) << 63, 0x7fffffff,
        255,        1000384000u, UINT64_MAX - 0xfffu, 16,   8
    };
    if (is_wild(author)) {
        return edges[author_roll(author, sizeof(edges) / sizeof(edges[0]))];
    }
    (void)size;
    return author_roll(author, 4);
}

static bool
ends_with(const char *name, const char *with)
{
    size_t length = strlen(name);
    return length >= strlen(with) && strcmp(name + length - strlen(with), with) == 0;
}

static uint64_t
scalar(struct author *author, const struct vn_member *member)
{
    if (strcmp(member->name, "resourceId") == 0 && !is_wild(author)) {
        return author_roll(author, 3) ? 1 : 0;
    }
    if (strcmp(member->name, "ring") == 0 && !is_wild(author)) {
        return RING_ID;
    }
    if (strcmp(member->name, "allocationSize") == 0 && !is_wild(author)) {
        return 1 + author_roll(author, 9000);
    }
    if (ends_with(member->name, "ffset") && author_roll(author, 2)) {
        return 4 * (uint64_t)author_roll(author, 64);
    }
    if ((member->flags & VN_IS_LENGTH) || ends_with(member->name, "Count")) {
        uint64_t count = is_wild(author) ? number(author, 8) : author_roll(author, 4);
        return member->wire == VN_SIZE && author_roll(author, 2) ? count * 16 : count;
    }
    return number(author, member->size);
}

static struct vn_link *
fill_chain(struct author *author, const struct vn_type *type, bool is_out, int depth)
{
    struct vn_link *first = NULL;
    while (type->chain_count && depth < DEPTH_MAX && author_roll(author, 4) == 0) {
        const struct vn_type *chained =
            &vn_types[vn_chains[type->chain_first + author_roll(author, type->chain_count)]];
        struct vn_link *link = vn_arena_alloc(&author->arena, chained->size_bytes);
        bool is_double = false;
        for (const struct vn_link *other = first; other; other = other->next) {
            is_double = is_double || other->s_type == chained->s_type;
        }
        if (link && (!is_double || is_wild(author))) {
            link->s_type = chained->s_type;
            link->next = first;
            fill_members(author, chained, (uint8_t *)link, is_out, depth + 1);
            first = link;
        }
    }
    return first;
}

static void
fill_value(struct author *author, const struct vn_member *member, uint8_t *to, bool is_out,
           int depth)
{
    uint64_t value = 0;
    if (member->wire == VN_STRUCT) {
        const struct vn_type *type = &vn_types[member->type];
        if (type->s_type != -1) {
            struct vn_link link = { type->s_type, fill_chain(author, type, is_out, depth) };
            memcpy(to, &link, sizeof(link));
        }
        fill_members(author, type, to, is_out, depth + 1);
        return;
    }
    if (member->wire == VN_HANDLE) {
        bool is_left_out = (member->flags & VN_OPTIONAL) && author_roll(author, 2);
        value = is_out ? author->next_id++ : is_left_out ? 0 : choose(author, member->type);
    } else {
        value = scalar(author, member);
    }
    memcpy(to, &value, member->size);
}

static void *
fill_array(struct author *author, const struct vn_member *member, uint64_t count, bool is_out,
           int depth)
{
    uint8_t *array = NULL;
    if (count && count * member->size < AUTHOR_STREAM_BYTES) {
        array = vn_arena_alloc(&author->arena, (size_t)count * member->size);
    }
    for (uint64_t i = 0; array && i < count; i++) {
        fill_value(author, member, array + i * member->size, is_out, depth);
    }
    return array;
}

static char *
fill_string(struct author *author)
{
    static const char *const words[] = { "main", "VK_EXT_external_memory_host", "",
                                         "VK_KHR_swapchain" };
    const char *word = words[author_roll(author, sizeof(words) / sizeof(words[0]))];
    char *text = vn_arena_alloc(&author->arena, strlen(word) + 1);
    if (text) {
        memcpy(text, word, strlen(word) + 1);
    }
    return text;
}

static void *
fill_pointers(struct author *author, const struct vn_member *member, const uint8_t *base, int depth)
{
    uint64_t count = vn_length_of(member->length, base, 0);
    void **pointers = NULL;
    if (count && count < 4096) {
        pointers = vn_arena_alloc(&author->arena, (size_t)count * sizeof(*pointers));
    }
    for (uint64_t i = 0; pointers && i < count; i++) {
        pointers[i] =
            member->form == VN_STRINGS
                ? (void *)fill_string(author)
                : fill_array(author, member, vn_length_of(member->inner, base, i), false, depth);
    }
    return pointers;
}

static void *
fill_pointed(struct author *author, const struct vn_member *member, uint8_t *base, bool is_out,
             int depth)
{
    bool is_left_out = (member->flags & VN_OPTIONAL) && author_roll(author, 3) == 0;
    if (is_left_out || is_wild(author)) {
        return NULL;
    }
    switch (member->form) {
    case VN_POINTER: {
        void *pointer = vn_arena_alloc(&author->arena, member->size);
        fill_value(author, member, pointer, is_out, depth);
        return pointer;
    }
    case VN_ARRAY:
        return fill_array(author, member, vn_length_of(member->length, base, 0), is_out, depth);
    case VN_STRING: return fill_string(author);
    case VN_STRINGS:
    case VN_POINTERS: return fill_pointers(author, member, base, depth);
    default: return NULL;
    }
}

static void
fill_member(struct author *author, const struct vn_member *member, uint8_t *base, bool is_out,
            int depth)
{
    uint8_t *at = base + member->offset;
    if (member->form == VN_VALUE) {
        fill_value(author, member, at, is_out, depth);
    } else if (member->form == VN_FIXED) {
        for (uint32_t i = 0; i < member->fixed_count && member->size >= 4; i++) {
            fill_value(author, member, at + (size_t)i * member->size, is_out, depth);
        }
    } else {
        void *pointer = fill_pointed(author, member, base, is_out, depth);
        memcpy(at, &pointer, sizeof(pointer));
    }
}

/* A union's selector, where a sibling holds it, mostly names a member. */
static void
fix_selector(struct author *author, const struct vn_member *member, uint8_t *base)
{
    if (member->form != VN_VALUE || member->wire != VN_STRUCT || member->length == UINT16_MAX ||
        is_wild(author)) {
        return;
    }
    const struct vn_type *type = &vn_types[member->type];
    uint32_t i = author_roll(author, type->member_count);
    uint32_t tag = vn_members[type->member_first + i].tag;
    memcpy(base + vn_lengths[member->length].offset, &tag, 4);
    memset(base + member->offset, 0, member->size);
    fill_member(author, &vn_members[type->member_first + i], base + member->offset, false,
                DEPTH_MAX);
}

static bool
is_first(const struct vn_member *member)
{
    return (member->flags & (VN_IS_LENGTH | VN_INOUT)) ||
           (member->form == VN_VALUE && member->size <= 8 && member->wire != VN_HANDLE);
}

static void
fill_members(struct author *author, const struct vn_type *type, uint8_t *to, bool is_out, int depth)
{
    if (type->is_union) {
        return; /* zeros, but see fix_selector */
    }
    /* Lengths first: what they count may stand before them. */
    for (int pass = 0; pass < 3; pass++) {
        for (uint32_t i = 0; i < type->member_count; i++) {
            const struct vn_member *member = &vn_members[type->member_first + i];
            /* Counts within structs that others point at come second. */
            int turn = is_first(member) ? 0 : (member->flags & VN_OUT) ? 2 : 1;
            if (turn == pass) {
                fill_member(author, member, to, is_out || (member->flags & VN_OUT), depth);
            }
        }
    }
    for (uint32_t i = 0; i < type->member_count && !is_out; i++) {
        fix_selector(author, &vn_members[type->member_first + i], to);
    }
}

bool
author_write(struct author *author, const struct vn_command *command)
{
    const struct vn_type *type = &vn_types[command->type];
    const struct vn_member *first = &vn_members[type->member_first];
    size_t begin = author->out.at;
    uint8_t *args = vn_arena_alloc(&author->arena, type->size_bytes);
    if (!args) {
        return false;
    }
    fill_members(author, type, args, false, 0);
    bool is_callable = true;
    for (uint32_t i = 0; i < type->member_count; i++) {
        uint64_t id = 0;
        if ((first[i].flags & VN_NEEDED) && !is_wild(author)) {
            memcpy(&id, args + first[i].offset, sizeof(id));
            is_callable = is_callable && id;
        }
    }
    if (is_callable) {
        vn_encode_request(&author->out, command, author_roll(author, 2), args);
    }
    if (author->out.is_short) {
        author->out.is_short = false;
        author->out.at = begin;
    }
    vn_arena_reset(&author->arena);
    return author->out.at > begin;
}

const struct vn_command *
author_command(const char *name)
{
    for (uint32_t i = 0; i < vn_command_count; i++) {
        if (strcmp(vn_commands[i].name, name) == 0 && vn_commands[i].on) {
            return &vn_commands[i];
        }
    }
    abort();
}

enum venus_status
author_submit(struct author *author)
{
    size_t bytes = author->out.at;
    author->out.at = 0;
    return venus_submit(author->venus, author->stream, bytes);
}

static void
say(struct author *author, const char *name, const void *args)
{
    vn_encode_request(&author->out, author_command(name), 0, args);
}

static void
say_device(struct author *author, uint64_t physical, uint64_t id)
{
    static const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
    };
    const struct vn_args_vkCreateDevice args = {
        .physicalDevice = (VkPhysicalDevice)(uintptr_t)physical,
        .pCreateInfo = &info,
        .pDevice = (VkDevice *)(void *)&id,
    };
    say(author, "vkCreateDevice", &args);
}

static void
say_queue(struct author *author, uint64_t device, uint64_t id, uint32_t ring_idx)
{
    const VkDeviceQueueTimelineInfoMESA timeline = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_TIMELINE_INFO_MESA,
        .ringIdx = ring_idx,
    };
    const VkDeviceQueueInfo2 info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2,
        .pNext = &timeline,
    };
    const struct vn_args_vkGetDeviceQueue2 args = {
        .device = (VkDevice)(uintptr_t)device,
        .pQueueInfo = &info,
        .pQueue = (VkQueue *)(void *)&id,
    };
    say(author, "vkGetDeviceQueue2", &args);
}

static void
say_instance(struct author *author)
{
    const VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO };
    uint64_t id = 1;
    uint64_t ids[2] = { 2, 3 };
    uint32_t count = 2;
    const struct vn_args_vkCreateInstance create = {
        .pCreateInfo = &info,
        .pInstance = (VkInstance *)(void *)&id,
    };
    const struct vn_args_vkEnumeratePhysicalDevices list = {
        .instance = (VkInstance)(uintptr_t)1,
        .pPhysicalDeviceCount = &count,
        .pPhysicalDevices = (VkPhysicalDevice *)(void *)ids,
    };
    say(author, "vkCreateInstance", &create);
    say(author, "vkEnumeratePhysicalDevices", &list);
}

enum venus_status
author_begin(struct author *author)
{
    const struct venus_blob blob = { .size_bytes = AUTHOR_RESOURCE_BYTES };
    struct venus_memory memory;
    enum venus_status status = venus_resource_create(author->venus, 1, &blob, &memory);
    if (status != VENUS_OK) {
        return status;
    }
    (void)close(memory.fd);
    const VkCommandStreamDescriptionMESA stream = { .resourceId = 1,
                                                    .size = AUTHOR_RESOURCE_BYTES };
    const struct vn_args_vkSetReplyCommandStreamMESA reply = { .pStream = &stream };
    say(author, "vkSetReplyCommandStreamMESA", &reply);
    say_instance(author);
    status = author_submit(author);
    for (uint32_t i = 0; i < 2 && status == VENUS_OK; i++) {
        say_device(author, 2 + i, 4 + i);
        say_queue(author, 4 + i, 6 + i, 1 + i);
        status = author_submit(author);
    }
    return status;
}
