/*
 * Between argument structs and bytes: decode, encode, print; all walk the tables of table.h.
 *
 * A *request* carries what the host reads in full, and of what the host fills in only its shape: pointers, counts, chains,
 * and the ids that the client chose for new objects ("partial").  A *reply* carries what the host filled in, in full.
 */
#ifndef VENUS_WIRE_H
#define VENUS_WIRE_H

#include "venus/cs.h"
#include "venus/table.h"

struct vn_exec;

/*
 * Decodes a request's arguments into args (zeroed, the size of the command's type), with what they point at in exec->arena.
 * Handles are looked up in exec->venus; when that is NULL they stay the client's ids.
 * On bad bytes: vn_exec_fatal.  On missing bytes: exec->in.is_short.
 */
void vn_decode_request(struct vn_exec *exec, const struct vn_type *type, void *args);

/* Decodes a reply into args that hold the request's pointers: what a client does. Ids stay ids. */
void vn_decode_reply(struct vn_exec *exec, const struct vn_command *command, void *args);

/* Writes command id, flags and arguments: what a client does.  Handles in args are ids. */
void vn_encode_request(struct vn_writer *out, const struct vn_command *command, uint32_t flags,
                       const void *args);

/* Writes command id, result and what the host filled in.  Handles in args are ids. */
void vn_encode_reply(struct vn_writer *out, const struct vn_command *command, const void *args);

/* Whether a member's elements lie in memory as on the wire. */
static inline bool
vn_is_plain(const struct vn_member *member)
{
    return member->wire == VN_STRUCT ? vn_types[member->type].plain_width
                                     : member->wire != VN_HANDLE;
}

/* The number that a length stands for, in the struct at base; index: of an element, for VN_LENGTH_EACH. */
uint64_t vn_length_slow(const struct vn_length *l, const void *base, uint64_t index);
static inline uint64_t
vn_length_of(uint16_t length, const void *base, uint64_t index)
{
    const struct vn_length *l = &vn_lengths[length];
    if (l->kind == VN_LENGTH_FIELD && l->width == 4 && l->divide == 1) {
        uint32_t number;
        memcpy(&number, (const uint8_t *)base + l->offset, sizeof(number));
        return number;
    }
    return vn_length_slow(l, base, index);
}

/* The type that may stand in the chain of `parent` under this sType, or NULL. */
const struct vn_type *vn_chained_type(const struct vn_type *parent, int32_t s_type);

enum vn_print_part { VN_PRINT_REQUEST, VN_PRINT_REPLY };

/*
 * Prints a command on one line, always terminated: `vkCreateFence(device=0x3, pCreateInfo={sType=..., flags=0x1}, pFence=[0x9])`.
 * Handles in args are ids.  Returns: the length of the whole line, as snprintf.
 */
size_t vn_print(char *text, size_t size_bytes, const struct vn_command *command,
                enum vn_print_part part, const void *args);

/* The name of a VkResult, "VK_ERROR_OUT_OF_DEVICE_MEMORY", or "a VkResult that is not known". */
const char *vn_result_name(int32_t result);

/* A struct in a chain, as all of them begin (Vulkan 1.4, VkBaseOutStructure). */
struct vn_link {
    int32_t s_type;
    struct vn_link *next;
};

#endif
