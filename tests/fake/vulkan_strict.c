/* Handles, and what a call is given.  See tests/fake/vulkan_strict.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/fake/vulkan_strict_private.h"

#define CHAIN_LENGTH  64
#define PRIVATE_FIRST 1000384000 /* of the protocol's own structs */
#define PRIVATE_END   1000386000

struct strict strict = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void check_struct(const struct vn_type *type, const uint8_t *from, uint32_t tag);

const char *
vulkan_strict_fault(void)
{
    return strict.fault[0] ? strict.fault : NULL;
}

void
vulkan_strict_relax(void)
{
    strict.is_relaxed = true;
}

uint64_t
vulkan_strict_call_count(void)
{
    return strict.call_count;
}

bool
strict_is_counted(const struct record *record)
{
    return record->is_live && record->type != VN_HANDLE_VkQueue &&
           record->type != VN_HANDLE_VkPhysicalDevice;
}

uint32_t
vulkan_strict_live_count(void)
{
    uint32_t live_count = 0;
    for (uint32_t i = 0; i < strict.count; i++) {
        live_count += strict_is_counted(&strict.records[i]);
    }
    return live_count;
}

uint32_t
strict_roll(uint32_t below)
{
    strict.state = strict.state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(strict.state >> 33) % below;
}

__attribute__((format(printf, 1, 2))) void
strict_blame(const char *format, ...)
{
    if (strict.fault[0]) {
        return;
    }
    int length = snprintf(strict.fault, sizeof(strict.fault), "%s: ", strict.command);
    va_list list;
    va_start(list, format);
    (void)vsnprintf(strict.fault + length, sizeof(strict.fault) - (size_t)length, format, list);
    va_end(list);
}

struct record *
strict_make(uint16_t type, struct record *device, struct record *owner)
{
    if (strict.count == STRICT_HANDLES_MAX) {
        return NULL;
    }
    struct record *record = &strict.records[strict.count++];
    *record = (struct record){ .type = type, .is_live = true, .device = device, .owner = owner };
    return record;
}

struct record *
strict_record(uint64_t handle)
{
    uint64_t offset = handle - (uint64_t)(uintptr_t)strict.records;
    bool is_ours =
        offset % sizeof(struct record) == 0 && offset / sizeof(struct record) < strict.count;
    return is_ours ? &strict.records[offset / sizeof(struct record)] : NULL;
}

/* The record of a handle that must be usable now; NULL for a null handle, and for one that breaks a rule. */
struct record *
strict_check_handle(uint16_t type, uint64_t handle, const char *name)
{
    struct record *record = strict_record(handle);
    if (!handle) {
        return NULL;
    }
    if (!record || record->type != type) {
        strict_blame("%s is no %s but %s", name, vn_handle_names[type],
                     record ? vn_handle_names[record->type] : "unknown");
        return NULL;
    }
    if (!record->is_live) {
        strict_blame("%s is a %s that was destroyed", name, vn_handle_names[type]);
        return NULL;
    }
    struct record *device = type == VN_HANDLE_VkDevice ? record : record->device;
    if (strict.device && device && strict.device->type == VN_HANDLE_VkDevice &&
        device->type == VN_HANDLE_VkDevice && device != strict.device) {
        strict_blame("%s is a %s of another device", name, vn_handle_names[type]);
    }
    return record;
}

/* Imported memory must be there as long as it is imported. */
void
strict_touch(const struct record *record)
{
    if (record->map) {
        volatile uint8_t *map = record->map;
        map[0]++;
        map[record->bytes - 1]++;
    }
}

void
strict_bury(struct record *record)
{
    for (uint32_t i = 0; i < strict.count; i++) {
        struct record *other = &strict.records[i];
        if (other->is_live && other->owner == record) {
            other->is_live = false;
        }
        if (strict_is_counted(other) && other->device == record && other->owner == NULL) {
            strict_blame("a %s is still there", vn_handle_names[other->type]);
        }
    }
    strict_touch(record);
    record->is_live = false;
}

static volatile uint8_t sum;

static void
read_bytes(const uint8_t *from, size_t bytes)
{
    uint8_t all = 0;
    for (size_t i = 0; i < bytes; i++) {
        all = (uint8_t)(all + from[i]);
    }
    sum = all;
}

/* is_out: its members are the callee's to write, not to read. */
void
strict_check_chain(const struct vn_type *parent, const struct vn_link *link, bool is_out)
{
    int32_t seen[CHAIN_LENGTH];
    uint32_t seen_count = 0;
    for (; link; link = link->next) {
        const struct vn_type *type = vn_chained_type(parent, link->s_type);
        for (uint32_t i = 0; i < seen_count; i++) {
            if (seen[i] == link->s_type) {
                strict_blame("%s has sType %d twice in its chain", parent->name, link->s_type);
            }
        }
        if (seen_count < CHAIN_LENGTH) {
            seen[seen_count++] = link->s_type;
        }
        if (link->s_type >= PRIVATE_FIRST && link->s_type < PRIVATE_END) {
            strict_blame("%s has the protocol's own sType %d in its chain", parent->name,
                         link->s_type);
        } else if (type && !is_out) {
            check_struct(type, (const uint8_t *)link, UINT32_MAX);
        }
    }
}

static void
check_value(const struct vn_member *member, const uint8_t *from, uint32_t tag)
{
    if (member->wire == VN_STRUCT) {
        const struct vn_type *type = &vn_types[member->type];
        if (type->s_type != -1) {
            strict_check_chain(type, ((const struct vn_link *)(const void *)from)->next, false);
        }
        check_struct(type, from, tag);
    } else if (member->wire == VN_HANDLE) {
        uint64_t handle;
        memcpy(&handle, from, sizeof(handle));
        (void)strict_check_handle(member->type, handle, member->name);
    } else {
        read_bytes(from, member->size);
    }
}

static void
check_elements(const struct vn_member *member, const uint8_t *from, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        check_value(member, from + i * member->size, UINT32_MAX);
    }
}

static void
check_pointers(const struct vn_member *member, const uint8_t *base, void *const *from)
{
    uint64_t count = vn_length_of(member->length, base, 0);
    for (uint64_t i = 0; i < count; i++) {
        if (member->form == VN_STRINGS) {
            read_bytes(from[i], strlen(from[i]) + 1);
        } else if (from[i]) {
            check_elements(member, from[i], vn_length_of(member->inner, base, i));
        } else if (vn_length_of(member->inner, base, i)) {
            strict_blame("%s[%llu] is NULL", member->name, (unsigned long long)i);
        }
    }
}

static void
check_pointed(const struct vn_member *member, const uint8_t *base, void *pointer)
{
    uint64_t count = member->length == UINT16_MAX ? 1 : vn_length_of(member->length, base, 0);
    if (!pointer) {
        if (count && !(member->flags & VN_OPTIONAL) && member->form != VN_NULL) {
            strict_blame("%s is NULL", member->name);
        }
        return;
    }
    switch (member->form) {
    case VN_POINTER: check_value(member, pointer, UINT32_MAX); break;
    case VN_ARRAY: check_elements(member, pointer, count); break;
    case VN_STRING: read_bytes(pointer, strlen(pointer) + 1); break;
    case VN_NULL: strict_blame("%s is not NULL", member->name); break;
    default: check_pointers(member, base, pointer);
    }
}

void
strict_check_member(const struct vn_member *member, const uint8_t *base)
{
    const uint8_t *at = base + member->offset;
    if (member->form == VN_VALUE) {
        uint32_t tag = UINT32_MAX;
        if (member->wire == VN_STRUCT && member->length != UINT16_MAX) {
            tag = (uint32_t)vn_length_of(member->length, base, 0);
        }
        check_value(member, at, tag);
    } else if (member->form == VN_FIXED) {
        read_bytes(at, (size_t)member->fixed_count * member->size);
    } else {
        void *pointer;
        memcpy(&pointer, at, sizeof(pointer));
        check_pointed(member, base, pointer);
    }
}

/* tag: of a union; UINT32_MAX: nothing says which member it has, so none is looked at. */
static void
check_struct(const struct vn_type *type, const uint8_t *from, uint32_t tag)
{
    for (uint32_t i = 0; i < type->member_count; i++) {
        const struct vn_member *member = &vn_members[type->member_first + i];
        if (!type->is_union || member->tag == tag) {
            strict_check_member(member, from);
        }
    }
}
