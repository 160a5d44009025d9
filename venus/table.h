/*
 * The protocol as data: what the generator (tools/venusgen) makes of vk.xml, and what decode.c, encode.c and print.c walk.
 *
 * A type is a struct, a union or the arguments of a command; a member says where it lies in the host's struct and what stands
 * for it on the wire.  On the wire, in declaration order:
 *
 *   value     the scalar, 4 or 8 bytes; a handle's id; a struct's or union's own wire form
 *   pointer   u64 0 or 1, then the value
 *   array     u64 count (0: NULL), then the elements; elements of 1 and 2 bytes packed, padded to 4 at the end
 *   struct with an sType: i32 sType, u64 0 or 1, [the rest of the chain], and only then its own members
 *   union     u32 tag, then the member that the tag picks
 */
#ifndef VENUS_TABLE_H
#define VENUS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one element is. */
enum vn_wire {
    VN_U8,     /* 4 bytes alone, packed in arrays */
    VN_U16,    /* the same */
    VN_U32,    /* u32, i32, float, enums, flags, VkBool32 */
    VN_U64,    /* u64, i64, double, VkDeviceSize, VkDeviceAddress, 64-bit flags */
    VN_SIZE,   /* size_t here, u64 on the wire */
    VN_HANDLE, /* a handle here, the client's id on the wire; `type` is its vn_type_of_handle */
    VN_STRUCT, /* a struct or union: `type` is its index in vn_types */
};

/* How many, and where. */
enum vn_form {
    VN_VALUE,
    VN_POINTER,  /* to one */
    VN_ARRAY,    /* pointer to `length` of them */
    VN_FIXED,    /* `fixed_count` in place, all always sent */
    VN_STRING,   /* const char *, the count includes the NUL */
    VN_STRINGS,  /* array of `length` of those */
    VN_POINTERS, /* array of `length` pointers to arrays of `inner` each */
    VN_NULL,     /* a pointer that cannot be sent: always NULL */
};

/* How to print it. */
enum vn_look {
    VN_LOOK_UNSIGNED,
    VN_LOOK_SIGNED,
    VN_LOOK_FLOAT,
    VN_LOOK_HEX,
    VN_LOOK_BOOL,
    VN_LOOK_ENUM, /* `look_type` is its index in vn_enums */
    VN_LOOK_BYTES,
    VN_LOOK_TEXT,
};

#define VN_OUT       1u  /* a parameter that the host fills in: in the reply */
#define VN_INOUT     2u  /* a count that is in the request and in the reply */
#define VN_OPTIONAL  4u  /* NULL, or count 0, although the length says otherwise, is fine */
#define VN_IS_LENGTH 8u  /* another member's length: sent even where the host fills in the rest */
#define VN_NEEDED    16u /* a handle that must not be null */

/* A length: the number in a sibling, or behind one, changed a little. */
enum vn_length_kind {
    VN_LENGTH_CONSTANT, /* `add` */
    VN_LENGTH_FIELD,    /* the sibling at `offset` */
    VN_LENGTH_DEREF,    /* what the sibling at `offset` points at */
    VN_LENGTH_INNER,    /* the member at `inner` of the struct that the sibling points at */
    VN_LENGTH_EACH,     /* the same, of the i-th struct, `stride` bytes apart */
};

struct vn_length {
    uint8_t kind;
    uint8_t width; /* 4 or 8 bytes */
    uint16_t offset;
    uint16_t inner;
    uint16_t stride;
    uint16_t add; /* (number + add) / divide */
    uint16_t divide;
};

struct vn_member {
    const char *name;
    uint16_t offset;
    uint16_t type;
    uint16_t
        length; /* in vn_lengths: of VN_ARRAY, VN_STRINGS, VN_POINTERS; of a union: where its selector is */
    uint16_t inner; /* in vn_lengths: of VN_POINTERS */
    uint32_t fixed_count;
    uint32_t tag; /* of a union's member */
    uint16_t look_type;
    uint8_t wire;
    uint8_t form;
    uint8_t flags;
    uint8_t look;
    uint16_t size; /* of one element here, in bytes */
    uint16_t
        run_bytes; /* of this and the following members that lie here as on the wire: copied at once; 0: none */
    uint16_t run_count; /* how many these are */
};

struct vn_type {
    const char *name;
    uint32_t size_bytes;
    int32_t s_type; /* -1: it has none */
    uint16_t member_first;
    uint16_t member_count;
    uint16_t chain_first; /* in vn_chains: the types that may follow in its pNext */
    uint16_t chain_count;
    bool is_union;
    uint8_t
        plain_width; /* it lies here as on the wire, all in scalars of 4 or of 8 bytes; 0: it does not */
    uint16_t untagged; /* of a union: the tag to send when nothing selects one */
};

struct vn_exec;

struct vn_command {
    const char *name;
    uint16_t id;
    uint16_t type;       /* its arguments */
    uint16_t ret_offset; /* of `ret` in them */
    uint8_t ret_bytes;   /* 0: void */
    uint8_t ret_look;
    uint16_t ret_look_type;
    bool is_own; /* carried out by hand: it may wait, or take long */
    void *(*flat)(
        struct vn_exec *exec); /* decodes it if it has its usual layout (flat.h), or NULL */
    void (*on)(struct vn_exec *exec, void *args); /* NULL: refused */
    const char *refusal;                          /* why */
};

struct vn_enum_value {
    int64_t value;
    const char *name;
};

struct vn_enum {
    const char *name;
    uint32_t value_first; /* in vn_enum_values, ascending */
    uint32_t value_count;
};

struct vn_extension {
    const char *name;
    uint16_t number;
    uint16_t spec_version;
};

/* Where a function goes in struct vn_instance_vk or vn_device_vk, and the names to ask for, the first one first. */
struct vn_proc {
    uint16_t offset;
    uint8_t is_device;
    const char *names[4];
};

/* Names of this form are for the generated files only. */
extern const struct vn_type vn_types[];
extern const struct vn_member vn_members[];
extern const struct vn_length vn_lengths[];
extern const uint16_t vn_chains[];
extern const struct vn_command vn_commands[];
extern const uint32_t vn_command_count;
extern const uint16_t vn_command_by_id[]; /* index + 1; 0: not known */
extern const uint32_t vn_command_id_count;
extern const struct vn_enum vn_enums[];
extern const uint32_t vn_enum_count;
extern const struct vn_enum_value vn_enum_values[];
extern const struct vn_extension
    vn_extensions[]; /* whose commands and structs can be decoded, by number */
extern const uint32_t vn_extension_count;
extern const struct vn_proc vn_procs[];
extern const uint32_t vn_proc_count;
extern const char *const vn_handle_names[];
/* vkDestroyX for handles of this type, or NULL where something else frees them. */
struct vn_device;
extern void (*const vn_destroyers[])(struct vn_device *device, uint64_t host);
extern const uint32_t vn_xml_version;

#endif
