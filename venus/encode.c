/* From argument structs to bytes.  The reader's twin: decode.c says what stands where. */
#include "venus/wire.h"

static void encode_struct(struct vn_writer *out, const struct vn_type *type, const uint8_t *from,
                          bool is_partial, uint32_t tag);

static void
encode_value(struct vn_writer *out, const struct vn_member *member, const uint8_t *from,
             bool is_partial, uint32_t tag)
{
    uint64_t value = 0;
    switch (member->wire) {
    case VN_STRUCT: encode_struct(out, &vn_types[member->type], from, is_partial, tag); return;
    case VN_HANDLE: break;
    default:
        if (is_partial && !(member->flags & VN_IS_LENGTH)) {
            return;
        }
    }
    memcpy(&value, from, member->size);
    if (member->size == 8) {
        vn_put_u64(out, value);
    } else {
        vn_put_u32(out, (uint32_t)value);
    }
}

static void
encode_elements(struct vn_writer *out, const struct vn_member *member, const uint8_t *from,
                uint64_t count, bool is_partial)
{
    if (vn_is_plain(member)) {
        if (!is_partial) {
            vn_put_bytes(out, from, (size_t)count * member->size);
        }
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        encode_value(out, member, from + i * member->size, is_partial,
                     vn_types[member->type].untagged);
    }
}

static void
encode_array(struct vn_writer *out, const struct vn_member *member, const uint8_t *from,
             uint64_t count, bool is_partial)
{
    vn_put_u64(out, from ? count : 0);
    if (from) {
        encode_elements(out, member, from, count, is_partial);
    }
}

static void
encode_string(struct vn_writer *out, const char *text)
{
    size_t bytes = text ? strlen(text) + 1 : 0;
    vn_put_u64(out, bytes);
    vn_put_bytes(out, text, bytes);
}

static void
encode_pointers(struct vn_writer *out, const struct vn_member *member, const uint8_t *base,
                void *const *from, bool is_partial)
{
    uint64_t count = from ? vn_length_of(member->length, base, 0) : 0;
    vn_put_u64(out, count);
    for (uint64_t i = 0; i < count; i++) {
        if (member->form == VN_STRINGS) {
            encode_string(out, from[i]);
        } else {
            encode_array(out, member, from[i], vn_length_of(member->inner, base, i), is_partial);
        }
    }
}

static void
encode_fixed(struct vn_writer *out, const struct vn_member *member, const uint8_t *from,
             bool is_partial)
{
    if (is_partial && vn_is_plain(member) && member->wire != VN_STRUCT) {
        return;
    }
    vn_put_u64(out, member->fixed_count);
    encode_elements(out, member, from, member->fixed_count, is_partial);
}

/* The tag of a union: what its struct selects, else what its type says. */
static uint32_t
tag_of(const struct vn_member *member, const uint8_t *base)
{
    if (member->wire != VN_STRUCT) {
        return 0;
    }
    return member->length != UINT16_MAX ? (uint32_t)vn_length_of(member->length, base, 0)
                                        : vn_types[member->type].untagged;
}

static void
encode_member(struct vn_writer *out, const struct vn_member *member, const uint8_t *base,
              bool is_partial)
{
    const uint8_t *at = base + member->offset;
    if (member->form == VN_VALUE) {
        encode_value(out, member, at, is_partial, tag_of(member, base));
        return;
    }
    if (member->form == VN_FIXED) {
        encode_fixed(out, member, at, is_partial);
        return;
    }
    void *pointer;
    memcpy(&pointer, at, sizeof(pointer));
    switch (member->form) {
    case VN_POINTER:
        vn_put_u64(out, pointer != NULL);
        if (pointer) {
            encode_value(out, member, pointer, is_partial, vn_types[member->type].untagged);
        }
        break;
    case VN_ARRAY:
        encode_array(out, member, pointer, pointer ? vn_length_of(member->length, base, 0) : 0,
                     is_partial);
        break;
    case VN_STRING: encode_string(out, pointer); break;
    case VN_STRINGS:
    case VN_POINTERS: encode_pointers(out, member, base, pointer, is_partial); break;
    default: /* VN_NULL */ vn_put_u64(out, 0);
    }
}

static void
encode_members(struct vn_writer *out, const struct vn_type *type, const uint8_t *from,
               bool is_partial)
{
    for (uint32_t i = 0; i < type->member_count; i++) {
        encode_member(out, &vn_members[type->member_first + i], from, is_partial);
    }
}

/* Structs that the protocol does not know were added by this process or its driver: the other side never sees them. */
static void
encode_chain(struct vn_writer *out, const struct vn_type *parent, const struct vn_link *link,
             bool is_partial)
{
    const struct vn_type *type = NULL;
    for (; link; link = link->next) {
        type = vn_chained_type(parent, link->s_type);
        if (type) {
            break;
        }
    }
    vn_put_u64(out, type != NULL);
    if (type) {
        vn_put_u32(out, (uint32_t)link->s_type);
        encode_chain(out, parent, link->next, is_partial);
        encode_members(out, type, (const uint8_t *)link, is_partial);
    }
}

static void
encode_union(struct vn_writer *out, const struct vn_type *type, const uint8_t *from,
             bool is_partial, uint32_t tag)
{
    const struct vn_member *members = &vn_members[type->member_first];
    const struct vn_member *member = members;
    for (uint32_t i = 0; i < type->member_count; i++) {
        if (members[i].tag == tag) {
            member = &members[i];
        }
    }
    vn_put_u32(out, member->tag);
    encode_member(out, member, from, is_partial);
}

static void
encode_struct(struct vn_writer *out, const struct vn_type *type, const uint8_t *from,
              bool is_partial, uint32_t tag)
{
    if (type->is_union) {
        encode_union(out, type, from, is_partial, tag);
        return;
    }
    if (type->s_type != -1) {
        struct vn_link link;
        memcpy(&link, from, sizeof(link));
        vn_put_u32(out, (uint32_t)type->s_type);
        encode_chain(out, type, link.next, is_partial);
    }
    encode_members(out, type, from, is_partial);
}

void
vn_encode_request(struct vn_writer *out, const struct vn_command *command, uint32_t flags,
                  const void *args)
{
    const struct vn_type *type = &vn_types[command->type];
    vn_put_u32(out, command->id);
    vn_put_u32(out, flags);
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct vn_member *member = &vn_members[type->member_first + i];
        encode_member(out, member, args, member->flags & VN_OUT);
    }
}

void
vn_encode_reply(struct vn_writer *out, const struct vn_command *command, const void *args)
{
    const struct vn_type *type = &vn_types[command->type];
    vn_put_u32(out, command->id);
    uint64_t ret = 0;
    memcpy(&ret, (const uint8_t *)args + command->ret_offset, command->ret_bytes);
    if (command->ret_bytes == 8) {
        vn_put_u64(out, ret);
    } else if (command->ret_bytes) {
        vn_put_u32(out, (uint32_t)ret);
    }
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct vn_member *member = &vn_members[type->member_first + i];
        if (member->flags & (VN_OUT | VN_INOUT)) {
            encode_member(out, member, args, false);
        }
    }
}
