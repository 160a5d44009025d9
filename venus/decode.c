/* From bytes to argument structs.  Whatever the bytes say, memory outside the arena is never touched. */
#include "venus/call.h"
#include "venus/wire.h"

/* No chain that Vulkan allows is longer: each struct stands in it once. */
#define CHAIN_MAX 512
/* But for VkDevicePrivateDataCreateInfo (vk.xml, allowduplicate). */
#define MAY_REPEAT 1000295001

#define NO_LENGTH UINT16_MAX

struct walk {
    struct vn_exec *exec;
    bool is_partial; /* what the host fills in: shape and ids only */
    bool is_raw;     /* ids stay ids */
};

static void decode_struct(struct walk *w, const struct vn_type *type, uint8_t *to);

static void
fail(struct walk *w, const struct vn_member *member, const char *what, uint64_t found,
     uint64_t expected)
{
    if (!w->exec->in.is_short) {
        vn_exec_fatal(w->exec, "%s %s: found %llu, expected %llu", member->name, what,
                      (unsigned long long)found, (unsigned long long)expected);
    }
}

static bool
is_stopped(const struct walk *w)
{
    return w->exec->has_failed || w->exec->in.is_short;
}

uint64_t
vn_length_slow(const struct vn_length *l, const void *base, uint64_t index)
{
    if (l->kind == VN_LENGTH_CONSTANT) {
        return l->add;
    }
    const uint8_t *at = (const uint8_t *)base + l->offset;
    if (l->kind != VN_LENGTH_FIELD) {
        const uint8_t *pointed;
        memcpy(&pointed, at, sizeof(pointed));
        if (!pointed) {
            return 0;
        }
        at = pointed + l->inner + (l->kind == VN_LENGTH_EACH ? index * l->stride : 0);
    }
    uint64_t number = 0;
    memcpy(&number, at, l->width); /* little-endian hosts only: asserted in exec.c */
    return l->divide > 1 ? (number + l->add) / l->divide : number + l->add;
}

const struct vn_type *
vn_chained_type(const struct vn_type *parent, int32_t s_type)
{
    for (uint32_t i = 0; i < parent->chain_count; i++) {
        const struct vn_type *type = &vn_types[vn_chains[parent->chain_first + i]];
        if (type->s_type == s_type) {
            return type;
        }
    }
    return NULL;
}

static inline uint64_t
look_up(struct walk *w, const struct vn_member *member, uint64_t id)
{
    if (id && !w->is_raw && !w->is_partial) {
        return vn_exec_host_of(w->exec, member->name, member->type, id);
    }
    if (!id && (member->flags & VN_NEEDED) && !w->exec->in.is_short) {
        vn_exec_fatal(w->exec, "%s is null, a %s is expected", member->name,
                      vn_handle_names[member->type]);
    }
    return id;
}

static inline void
decode_handle(struct walk *w, const struct vn_member *member, uint8_t *to)
{
    uint64_t handle = look_up(w, member, vn_take_u64(&w->exec->in));
    memcpy(to, &handle, sizeof(handle));
}

/* One element that is not of 1 or 2 bytes in an array. */
static void
decode_value(struct walk *w, const struct vn_member *member, uint8_t *to)
{
    struct vn_reader *in = &w->exec->in;
    switch (member->wire) {
    case VN_STRUCT: decode_struct(w, &vn_types[member->type], to); return;
    case VN_HANDLE: decode_handle(w, member, to); return;
    default: break;
    }
    if (w->is_partial && !(member->flags & VN_IS_LENGTH)) {
        return;
    }
    if (member->wire == VN_U64 || member->wire == VN_SIZE) {
        uint64_t value = vn_take_u64(in);
        memcpy(to, &value, 8);
    } else {
        uint32_t value = vn_take_u32(in);
        memcpy(to, &value, member->size);
    }
}

/* Plain, and of 4 bytes or less each: used where it lies, for streams are aligned to 4. */
static bool
is_in_place(const struct walk *w, const struct vn_member *member)
{
    if (w->is_partial) {
        return false;
    }
    return member->wire == VN_STRUCT ? vn_types[member->type].plain_width == 4
                                     : member->wire <= VN_U32;
}

static void
decode_elements(struct walk *w, const struct vn_member *member, uint8_t *to, uint64_t count)
{
    if (vn_is_plain(member)) {
        if (!w->is_partial) {
            size_t bytes = (size_t)count * member->size;
            const uint8_t *from = vn_take(&w->exec->in, vn_align4(bytes));
            if (from) {
                memcpy(to, from, bytes);
            }
        }
        return;
    }
    for (uint64_t i = 0; i < count && !is_stopped(w); i++) {
        decode_value(w, member, to + i * member->size);
    }
}

/* No element takes fewer bytes: so a count cannot make us allocate more than the stream is long, but for what we fill in. */
static uint64_t
elements_left(const struct walk *w, const struct vn_member *member)
{
    uint64_t left = (uint64_t)(w->exec->in.end - w->exec->in.at);
    if (w->is_partial && member->wire != VN_HANDLE) {
        return UINT64_MAX;
    }
    return vn_is_plain(member) ? (left + 3) / member->size : left / 4;
}

static uint8_t *
decode_array(struct walk *w, const struct vn_member *member, uint64_t expected)
{
    uint64_t count = vn_take_u64(&w->exec->in);
    if (count == 0 && (expected == 0 || (member->flags & VN_OPTIONAL))) {
        return NULL;
    }
    if (count != expected) {
        fail(w, member, "has a count that is not its length", count, expected);
        return NULL;
    }
    if (count > elements_left(w, member)) {
        w->exec->in.is_short = true;
        return NULL;
    }
    if (is_in_place(w, member)) {
        return (uint8_t *)(uintptr_t)vn_take(&w->exec->in, vn_align4((size_t)count * member->size));
    }
    uint8_t *to = vn_exec_alloc(w->exec, count, member->size);
    if (to) {
        decode_elements(w, member, to, count);
    }
    return to;
}

static char *
decode_string(struct walk *w, const struct vn_member *member)
{
    uint64_t bytes = vn_take_u64(&w->exec->in);
    if (bytes == 0) {
        if (!(member->flags & VN_OPTIONAL)) {
            fail(w, member, "is NULL, which has length", 0, 1);
        }
        return NULL;
    }
    const uint8_t *from =
        bytes > UINT32_MAX ? NULL : vn_take(&w->exec->in, vn_align4((size_t)bytes));
    if (!from) {
        w->exec->in.is_short = true;
        return NULL;
    }
    char *text = vn_exec_alloc(w->exec, bytes, 1);
    if (text) {
        memcpy(text, from, (size_t)bytes);
        if (text[bytes - 1]) {
            fail(w, member, "ends without a NUL", (uint8_t)text[bytes - 1], 0);
        }
    }
    return text;
}

static void *
decode_pointers(struct walk *w, const struct vn_member *member, const uint8_t *base)
{
    uint64_t expected = vn_length_of(member->length, base, 0);
    uint64_t count = vn_take_u64(&w->exec->in);
    if (count == 0 && (expected == 0 || (member->flags & VN_OPTIONAL))) {
        return NULL;
    }
    if (count != expected) {
        fail(w, member, "has a count that is not its length", count, expected);
        return NULL;
    }
    if (count > (uint64_t)(w->exec->in.end - w->exec->in.at) / 8) {
        w->exec->in.is_short = true;
        return NULL;
    }
    void **to = vn_exec_alloc(w->exec, count, sizeof(*to));
    for (uint64_t i = 0; to && i < count && !is_stopped(w); i++) {
        if (member->form == VN_STRINGS) {
            to[i] = decode_string(w, member);
            if (!to[i]) {
                fail(w, member, "holds a string of length", 0, 1);
            }
        } else {
            to[i] = decode_array(w, member, vn_length_of(member->inner, base, i));
        }
    }
    return to;
}

static void *
decode_pointer(struct walk *w, const struct vn_member *member)
{
    uint64_t is_there = vn_take_u64(&w->exec->in);
    if (is_there > 1) {
        fail(w, member, "is neither 0 (NULL) nor 1 (present)", is_there, 1);
    }
    if (!is_there) {
        if (!(member->flags & VN_OPTIONAL)) {
            fail(w, member, "is NULL", 0, 1);
        }
        return NULL;
    }
    uint8_t *to = vn_exec_alloc(w->exec, 1, member->size);
    if (to) {
        decode_value(w, member, to);
    }
    return to;
}

static void
decode_fixed(struct walk *w, const struct vn_member *member, uint8_t *to)
{
    if (w->is_partial && vn_is_plain(member) && member->wire != VN_STRUCT) {
        return;
    }
    uint64_t count = vn_take_u64(&w->exec->in);
    if (count != member->fixed_count) {
        fail(w, member, "has another size", count, member->fixed_count);
        return;
    }
    if (w->is_partial && vn_is_plain(member)) {
        return;
    }
    decode_elements(w, member, to, count);
}

/* A size in bytes of elements of several: the host reads it to its last byte, so it must be whole elements. */
static void
check_whole(struct walk *w, const struct vn_member *member, const uint8_t *base)
{
    const struct vn_length *l = &vn_lengths[member->length];
    uint64_t number = 0;
    if (l->kind == VN_LENGTH_FIELD && l->divide > 1 && !l->add) {
        memcpy(&number, base + l->offset, l->width);
    }
    if (l->divide > 1 && number % l->divide != 0) {
        fail(w, member, "has a size in bytes that is no multiple", number, l->divide);
    }
}

/* The host goes by the selector, the bytes by the tag: were they two, it would take numbers for pointers. */
static void
check_tag(struct walk *w, const struct vn_member *member, const uint8_t *base)
{
    struct vn_reader ahead = w->exec->in;
    uint32_t tag = vn_take_u32(&ahead);
    uint32_t selected = (uint32_t)vn_length_of(member->length, base, 0);
    if (!ahead.is_short && tag != selected) {
        fail(w, member, "has a tag that is not what its struct selects", tag, selected);
    }
}

static inline void
decode_null(struct walk *w, const struct vn_member *member, uint8_t *to)
{
    uint64_t is_there = vn_take_u64(&w->exec->in);
    if (is_there) {
        fail(w, member, "cannot be sent, so that it must be NULL", is_there, 0);
    }
    const void *nothing = NULL;
    memcpy(to, &nothing, sizeof(nothing));
}

static void
decode_member(struct walk *w, const struct vn_member *member, uint8_t *base)
{
    uint8_t *at = base + member->offset;
    void *pointer = NULL;
    switch (member->form) {
    case VN_VALUE:
        if (member->length != NO_LENGTH && !w->is_partial) {
            check_tag(w, member, base);
        }
        decode_value(w, member, at);
        return;
    case VN_FIXED: decode_fixed(w, member, at); return;
    case VN_POINTER: pointer = decode_pointer(w, member); break;
    case VN_ARRAY:
        check_whole(w, member, base);
        pointer = decode_array(w, member, vn_length_of(member->length, base, 0));
        break;
    case VN_STRING: pointer = decode_string(w, member); break;
    case VN_STRINGS:
    case VN_POINTERS: pointer = decode_pointers(w, member, base); break;
    default: decode_null(w, member, at); return;
    }
    memcpy(at, &pointer, sizeof(pointer));
}

/* Most are short: then these are moves, not a call. */
static inline void
copy_run(uint8_t *to, const uint8_t *from, size_t bytes)
{
    switch (bytes) {
    case 4: memcpy(to, from, 4); return;
    case 8: memcpy(to, from, 8); return;
    case 16: memcpy(to, from, 16); return;
    default: memcpy(to, from, bytes);
    }
}

/* A member, or a run of them; those of which most commands consist come first.  Returns: how many. */
static uint32_t
decode_run(struct walk *w, const struct vn_member *member, uint8_t *base)
{
    if (member->run_count && !w->is_partial) {
        const uint8_t *from = vn_take(&w->exec->in, member->run_bytes);
        if (from) {
            copy_run(base + member->offset, from, member->run_bytes);
        }
        return member->run_count;
    }
    if (member->form == VN_VALUE && member->wire == VN_HANDLE) {
        decode_handle(w, member, base + member->offset);
    } else if (member->form == VN_NULL) {
        decode_null(w, member, base + member->offset);
    } else {
        decode_member(w, member, base);
    }
    return 1;
}

static void
decode_members(struct walk *w, const struct vn_type *type, uint8_t *to)
{
    const struct vn_member *member = &vn_members[type->member_first];
    const struct vn_member *end = member + type->member_count;
    while (member < end && !w->exec->has_failed) {
        member += decode_run(w, member, to);
    }
}

static void
decode_union(struct walk *w, const struct vn_type *type, uint8_t *to)
{
    uint32_t tag = vn_take_u32(&w->exec->in);
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct vn_member *member = &vn_members[type->member_first + i];
        if (member->tag == tag) {
            decode_member(w, member, to);
            return;
        }
    }
    if (!w->exec->in.is_short) {
        vn_exec_fatal(w->exec, "%s has no member with tag %u", type->name, tag);
    }
}

/* Handlers take structs out of chains by type, and hosts take the first or the last: so each stands there once. */
static bool
is_repeated(const struct vn_link *link)
{
    for (const struct vn_link *next = link->next; next; next = next->next) {
        if (next->s_type == link->s_type && link->s_type != MAY_REPEAT) {
            return true;
        }
    }
    return false;
}

/* What follows in the chain of a `parent`: its own chain comes first on the wire, then its members. */
static struct vn_link *
decode_chain(struct walk *w, const struct vn_type *parent, unsigned depth)
{
    uint64_t is_there = vn_take_u64(&w->exec->in);
    if (!is_there || is_stopped(w)) {
        return NULL;
    }
    int32_t s_type = (int32_t)vn_take_u32(&w->exec->in);
    const struct vn_type *type = vn_chained_type(parent, s_type);
    if (!type || depth == CHAIN_MAX) {
        if (!w->exec->in.is_short) {
            vn_exec_fatal(w->exec, "pNext of %s holds sType %d, which %s", parent->name, s_type,
                          type ? "makes it too long" : "does not extend it");
        }
        return NULL;
    }
    struct vn_link *link = vn_exec_alloc(w->exec, 1, type->size_bytes);
    if (link) {
        link->s_type = s_type;
        link->next = decode_chain(w, parent, depth + 1);
        if (is_repeated(link)) {
            vn_exec_fatal(w->exec, "pNext of %s holds %s twice", parent->name, type->name);
            return NULL;
        }
        decode_members(w, type, (uint8_t *)link);
    }
    return link;
}

static void
decode_struct(struct walk *w, const struct vn_type *type, uint8_t *to)
{
    if (type->is_union) {
        decode_union(w, type, to);
        return;
    }
    if (type->s_type != -1) {
        int32_t s_type = (int32_t)vn_take_u32(&w->exec->in);
        if (s_type != type->s_type && !w->exec->in.is_short) {
            vn_exec_fatal(w->exec, "sType of %s: found %d, expected %d", type->name, s_type,
                          type->s_type);
            return;
        }
        struct vn_link link = { s_type, decode_chain(w, type, 0) };
        memcpy(to, &link, sizeof(link));
    }
    decode_members(w, type, to);
}

void
vn_decode_request(struct vn_exec *exec, const struct vn_type *type, void *args)
{
    struct walk w = { .exec = exec, .is_raw = !exec->venus };
    const struct vn_member *member = &vn_members[type->member_first];
    const struct vn_member *end = member + type->member_count;
    while (member < end && !exec->has_failed) {
        w.is_partial = member->flags & VN_OUT;
        member += decode_run(&w, member, args);
    }
}

void
vn_decode_reply(struct vn_exec *exec, const struct vn_command *command, void *args)
{
    struct walk w = { .exec = exec, .is_raw = true };
    uint32_t id = vn_take_u32(&exec->in);
    if (id != command->id) {
        vn_exec_fatal(exec, "reply of command %u: found %u", command->id, id);
        return;
    }
    if (command->ret_bytes) {
        uint64_t ret = command->ret_bytes == 8 ? vn_take_u64(&exec->in) : vn_take_u32(&exec->in);
        memcpy((uint8_t *)args + command->ret_offset, &ret, command->ret_bytes);
    }
    const struct vn_type *type = &vn_types[command->type];
    for (uint32_t i = 0; i < type->member_count && !exec->has_failed; i++) {
        const struct vn_member *member = &vn_members[type->member_first + i];
        if (member->flags & (VN_OUT | VN_INOUT)) {
            decode_member(&w, member, args);
        }
    }
}
