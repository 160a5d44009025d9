/* What a call is asked for.  See tests/fake/vulkan_strict.h. */
#include <string.h>

#include "tests/fake/vulkan_strict_private.h"

static void fill_struct(const struct vn_type *type, uint8_t *to, uint32_t tag);

static void
fill_chain(const struct vn_type *type, struct vn_link *first)
{
    strict_check_chain(type, first, true);
    for (struct vn_link *link = first; link; link = link->next) {
        const struct vn_type *chained = vn_chained_type(type, link->s_type);
        if (chained) {
            fill_struct(chained, (uint8_t *)link, UINT32_MAX);
        }
    }
}

static void
fill_value(const struct vn_member *member, uint8_t *to, uint32_t tag)
{
    uint64_t value = member->wire == VN_HANDLE ? 0 : strict_roll(5);
    if (member->wire == VN_STRUCT) {
        const struct vn_type *type = &vn_types[member->type];
        if (type->s_type != -1) {
            fill_chain(type, ((struct vn_link *)(void *)to)->next);
        }
        fill_struct(type, to, tag);
        return;
    }
    memcpy(to, &value, member->size);
}

static void
fill_array(const struct vn_member *member, uint8_t *to, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        fill_value(member, to + i * member->size, UINT32_MAX);
    }
}

/* A count stays at most what there is room for. */
void
strict_lower(const struct vn_member *member, uint8_t *at)
{
    uint64_t count = 0;
    memcpy(&count, at, member->size);
    count = count ? strict_roll(count < 1000 ? (uint32_t)count + 1 : 1000) : 0;
    memcpy(at, &count, member->size);
}

void
strict_fill_member(const struct vn_member *member, uint8_t *base)
{
    uint8_t *at = base + member->offset;
    void *pointer;
    memcpy(&pointer, at, sizeof(pointer) <= 8 && member->form != VN_VALUE ? sizeof(pointer) : 0);
    switch (member->form) {
    case VN_VALUE:
        if (!(member->flags & VN_IS_LENGTH)) {
            fill_value(member, at,
                       member->wire == VN_STRUCT && member->length != UINT16_MAX
                           ? (uint32_t)vn_length_of(member->length, base, 0)
                           : UINT32_MAX);
        }
        break;
    case VN_FIXED:
        if (member->wire == VN_STRUCT) {
            fill_array(member, at, member->fixed_count);
        } else {
            memset(at, 0, (size_t)member->fixed_count * member->size);
        }
        break;
    case VN_POINTER:
        if (pointer) {
            fill_value(member, pointer, UINT32_MAX);
        }
        break;
    case VN_ARRAY:
        if (pointer) {
            fill_array(member, pointer, vn_length_of(member->length, base, 0));
        }
        break;
    default: break;
    }
}

static void
fill_struct(const struct vn_type *type, uint8_t *to, uint32_t tag)
{
    if (type->is_union && tag == UINT32_MAX) {
        memset(to, 1, type->size_bytes);
        return;
    }
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct vn_member *member = &vn_members[type->member_first + i];
        if (!type->is_union || member->tag == tag) {
            strict_fill_member(member, to);
        }
    }
    /* Lengths last: what they count was filled as far as there is room. */
    for (uint32_t i = 0; i < type->member_count && !type->is_union; i++) {
        const struct vn_member *member = &vn_members[type->member_first + i];
        if ((member->flags & VN_IS_LENGTH) && member->form == VN_VALUE && member->wire == VN_U32) {
            strict_lower(member, to + member->offset);
        }
    }
}
