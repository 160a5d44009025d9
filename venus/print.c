/* Commands as text: one line, as one would write the call, structs and chains in braces. */
#include <inttypes.h>

#include "venus/text.h"
#include "venus/wire.h"

/* Long arrays are data: their first elements tell enough. */
#define ELEMENTS_MAX 8

static void
print_struct(struct vn_text *line, const struct vn_type *type, const uint8_t *from, uint32_t tag);

/* The name of an enum's value, or NULL. */
static const char *
name_of(const struct vn_enum *e, int64_t value)
{
    uint32_t low = 0;
    uint32_t high = e->value_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (vn_enum_values[e->value_first + middle].value < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct vn_enum_value *found = &vn_enum_values[e->value_first + low];
    return low < e->value_count && found->value == value ? found->name : NULL;
}

static void
print_enum(struct vn_text *line, uint16_t look_type, int64_t value)
{
    const char *name = name_of(&vn_enums[look_type], value);
    if (name) {
        vn_text_add(line, "%s", name);
    } else {
        vn_text_add(line, "%" PRId64, value);
    }
}

const char *
vn_result_name(int32_t result)
{
    const char *name = NULL;
    for (uint32_t i = 0; i < vn_enum_count && !name; i++) {
        name = strcmp(vn_enums[i].name, "VkResult") == 0 ? name_of(&vn_enums[i], result) : NULL;
    }
    return name ? name : "a VkResult that is not known";
}

static void
print_float(struct vn_text *line, uint64_t bits, size_t size)
{
    if (size == 8) {
        double number;
        memcpy(&number, &bits, sizeof(number));
        vn_text_add(line, "%g", number);
    } else {
        float number;
        memcpy(&number, &bits, sizeof(number));
        vn_text_add(line, "%g", (double)number);
    }
}

static void
print_number(struct vn_text *line, uint8_t look, uint16_t look_type, uint64_t value, size_t size)
{
    switch (look) {
    case VN_LOOK_SIGNED:
        vn_text_add(line, "%" PRId64, size == 8 ? (int64_t)value : (int32_t)value);
        break;
    case VN_LOOK_FLOAT: print_float(line, value, size); break;
    case VN_LOOK_HEX: vn_text_add(line, value ? "0x%" PRIx64 : "%" PRIu64, value); break;
    case VN_LOOK_BOOL: vn_text_add(line, "%s", value ? "true" : "false"); break;
    case VN_LOOK_ENUM: print_enum(line, look_type, (int32_t)value); break;
    default: vn_text_add(line, "%" PRIu64, value);
    }
}

static void
print_value(struct vn_text *line, const struct vn_member *member, const uint8_t *from, uint32_t tag)
{
    if (member->wire == VN_STRUCT) {
        print_struct(line, &vn_types[member->type], from, tag);
        return;
    }
    uint64_t value = 0;
    memcpy(&value, from, member->size);
    print_number(line, member->look, member->look_type, value, member->size);
}

static void
print_bytes(struct vn_text *line, const uint8_t *from, uint64_t count)
{
    vn_text_add(line, "%" PRIu64 " bytes", count);
    for (uint64_t i = 0; i < count && i < ELEMENTS_MAX; i++) {
        vn_text_add(line, "%s%02x", i ? "" : " ", from[i]);
    }
    vn_text_add(line, "%s", count > ELEMENTS_MAX ? ".." : "");
}

static void
print_elements(struct vn_text *line, const struct vn_member *member, const uint8_t *from,
               uint64_t count)
{
    if (member->look == VN_LOOK_TEXT) {
        vn_text_add_quoted(line, (const char *)from, count);
        return;
    }
    vn_text_add(line, "[");
    if (member->look == VN_LOOK_BYTES) {
        print_bytes(line, from, count);
        count = 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        vn_text_add(line, "%s", i ? ", " : "");
        if (i == ELEMENTS_MAX) {
            vn_text_add(line, "%" PRIu64 " in all", count);
            break;
        }
        print_value(line, member, from + i * member->size, vn_types[member->type].untagged);
    }
    vn_text_add(line, "]");
}

static void
print_pointers(struct vn_text *line, const struct vn_member *member, const uint8_t *base,
               void *const *from)
{
    uint64_t count = vn_length_of(member->length, base, 0);
    vn_text_add(line, "[");
    for (uint64_t i = 0; i < count; i++) {
        vn_text_add(line, "%s", i ? ", " : "");
        if (!from[i]) {
            vn_text_add(line, "NULL");
        } else if (member->form == VN_STRINGS) {
            vn_text_add_quoted(line, from[i], SIZE_MAX);
        } else {
            print_elements(line, member, from[i], vn_length_of(member->inner, base, i));
        }
    }
    vn_text_add(line, "]");
}

static void
print_pointed(struct vn_text *line, const struct vn_member *member, const uint8_t *base,
              void *pointer)
{
    switch (member->form) {
    case VN_POINTER:
        vn_text_add(line, "&");
        print_value(line, member, pointer, vn_types[member->type].untagged);
        break;
    case VN_ARRAY:
        print_elements(line, member, pointer, vn_length_of(member->length, base, 0));
        break;
    case VN_STRING: vn_text_add_quoted(line, pointer, SIZE_MAX); break;
    default: print_pointers(line, member, base, pointer);
    }
}

static void
print_member(struct vn_text *line, const struct vn_member *member, const uint8_t *base)
{
    const uint8_t *at = base + member->offset;
    vn_text_add(line, "%s=", member->name);
    if (member->form == VN_VALUE) {
        bool is_selected = member->wire == VN_STRUCT && member->length != UINT16_MAX;
        uint32_t untagged = member->wire == VN_STRUCT ? vn_types[member->type].untagged : 0;
        print_value(line, member, at,
                    is_selected ? (uint32_t)vn_length_of(member->length, base, 0) : untagged);
        return;
    }
    if (member->form == VN_FIXED) {
        print_elements(line, member, at,
                       member->look == VN_LOOK_TEXT ? strnlen((const char *)at, member->fixed_count)
                                                    : member->fixed_count);
        return;
    }
    void *pointer;
    memcpy(&pointer, at, sizeof(pointer));
    if (pointer) {
        print_pointed(line, member, base, pointer);
    } else {
        vn_text_add(line, "NULL");
    }
}

static void
print_members(struct vn_text *line, const struct vn_type *type, const uint8_t *from,
              const char *comma)
{
    for (uint32_t i = 0; i < type->member_count; i++) {
        vn_text_add(line, "%s", i ? ", " : comma);
        print_member(line, &vn_members[type->member_first + i], from);
    }
}

static void
print_chain(struct vn_text *line, const struct vn_type *parent, const struct vn_link *link)
{
    const char *comma = "";
    vn_text_add(line, "pNext=[");
    for (; link; link = link->next) {
        const struct vn_type *type = vn_chained_type(parent, link->s_type);
        vn_text_add(line, "%s%s{", comma, type ? type->name : "unknown");
        if (type) {
            print_members(line, type, (const uint8_t *)link, "");
        }
        vn_text_add(line, "}");
        comma = ", ";
    }
    vn_text_add(line, "]");
}

static void
print_struct(struct vn_text *line, const struct vn_type *type, const uint8_t *from, uint32_t tag)
{
    struct vn_link link = { 0 };
    vn_text_add(line, "{");
    if (type->is_union) {
        for (uint32_t i = 0; i < type->member_count; i++) {
            if (vn_members[type->member_first + i].tag == tag) {
                print_member(line, &vn_members[type->member_first + i], from);
                break;
            }
        }
        vn_text_add(line, "}");
        return;
    }
    if (type->s_type != -1) {
        memcpy(&link, from, sizeof(link));
    }
    if (link.next) {
        print_chain(line, type, link.next);
    }
    print_members(line, type, from, link.next ? ", " : "");
    vn_text_add(line, "}");
}

static void
print_ret(struct vn_text *line, const struct vn_command *command, const void *args)
{
    uint64_t ret = 0;
    memcpy(&ret, (const uint8_t *)args + command->ret_offset, command->ret_bytes);
    if (command->ret_bytes) {
        vn_text_add(line, "= ");
        print_number(line, command->ret_look, command->ret_look_type, ret, command->ret_bytes);
    }
}

size_t
// NOLINTNEXTLINE(readability-non-const-parameter): it is written through struct vn_text
vn_print(char *text, size_t size_bytes, const struct vn_command *command, enum vn_print_part part,
         const void *args)
{
    struct vn_text line = { .text = text, .size_bytes = size_bytes };
    const struct vn_type *type = &vn_types[command->type];
    const char *comma = "";
    if (part == VN_PRINT_REPLY) {
        print_ret(&line, command, args);
        comma = command->ret_bytes ? ", " : "";
    } else {
        vn_text_add(&line, "%s(", command->name);
    }
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct vn_member *member = &vn_members[type->member_first + i];
        if (part == VN_PRINT_REQUEST || (member->flags & (VN_OUT | VN_INOUT))) {
            vn_text_add(&line, "%s", comma);
            print_member(&line, member, args);
            comma = ", ";
        }
    }
    vn_text_add(&line, "%s", part == VN_PRINT_REQUEST ? ")" : "");
    return line.length;
}
