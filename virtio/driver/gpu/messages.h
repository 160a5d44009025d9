/*
 * The messages of all families, for the one table; and what their files share.
 */
#ifndef VIRTIO_DRIVER_GPU_MESSAGES_H
#define VIRTIO_DRIVER_GPU_MESSAGES_H

#include <stddef.h>

#include "virtio/core/memory.h"
#include "virtio/gpu_protocol.h"

/* Entries of a list of memory that the line of its command shows. */
enum { VGPU_ENTRIES_SHOWN_MAX = 8 };

/* A field of struct virtio_gpu_MESSAGE, under its own name. */
#define VGPU_FIELD_OF(message, member, kind)                                                       \
 {                                                                                                 \
#  member, offsetof(struct virtio_gpu_##message, member), VGPU_FIELD_##kind                        \
 }
#define VGPU_FIELDS_END                                                                            \
 {                                                                                                 \
  NULL, 0, VGPU_FIELD_END                                                                          \
 }

/* Most commands are answered by a bare header. */
extern const struct vgpu_answer vgpu_answer_nodata;
extern const struct vgpu_answer vgpu_answer_display_info;
extern const struct vgpu_answer vgpu_answer_edid;
extern const struct vgpu_answer vgpu_answer_capset_info;
extern const struct vgpu_answer vgpu_answer_capset;
extern const struct vgpu_answer vgpu_answer_uuid;
extern const struct vgpu_answer vgpu_answer_map_info;

extern const struct vgpu_message vgpu_msg_get_display_info;
extern const struct vgpu_message vgpu_msg_get_edid;
extern const struct vgpu_message vgpu_msg_resource_create_2d;
extern const struct vgpu_message vgpu_msg_resource_unref;
extern const struct vgpu_message vgpu_msg_set_scanout;
extern const struct vgpu_message vgpu_msg_resource_flush;
extern const struct vgpu_message vgpu_msg_transfer_to_host_2d;
extern const struct vgpu_message vgpu_msg_attach_backing;
extern const struct vgpu_message vgpu_msg_detach_backing;
extern const struct vgpu_message vgpu_msg_get_capset_info;
extern const struct vgpu_message vgpu_msg_get_capset;
extern const struct vgpu_message vgpu_msg_assign_uuid;
extern const struct vgpu_message vgpu_msg_create_blob;
extern const struct vgpu_message vgpu_msg_set_scanout_blob;
extern const struct vgpu_message vgpu_msg_ctx_create;
extern const struct vgpu_message vgpu_msg_ctx_destroy;
extern const struct vgpu_message vgpu_msg_ctx_attach_resource;
extern const struct vgpu_message vgpu_msg_ctx_detach_resource;
extern const struct vgpu_message vgpu_msg_submit_3d;
extern const struct vgpu_message vgpu_msg_map_blob;
extern const struct vgpu_message vgpu_msg_unmap_blob;
extern const struct vgpu_message vgpu_msg_update_cursor;
extern const struct vgpu_message vgpu_msg_move_cursor;

/* The answer of a response type; NULL for errors and unknown types. */
const struct vgpu_answer *vgpu_answer_find(uint32_t type);

/* As vgpu_type_name; NULL for unknown types. */
const char *vgpu_known_type_name(uint32_t type);

static inline struct virtio_gpu_rect
vgpu_encode_rect(const struct vgpu_rect *rect)
{
    return (struct virtio_gpu_rect){
        .x = le32_from(rect->x),
        .y = le32_from(rect->y),
        .width = le32_from(rect->width),
        .height = le32_from(rect->height),
    };
}

/*
 * One little-endian number, or a rectangle, out of bytes of any alignment; the caller has checked
 * that it lies within. The bytes may be the device's to change: what is returned was read once.
 */
uint32_t vgpu_peek32(const void *bytes, size_t offset);
uint64_t vgpu_peek64(const void *bytes, size_t offset);
struct vgpu_rect vgpu_peek_rect(const void *bytes, size_t offset);

#endif
