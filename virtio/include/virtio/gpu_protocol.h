/*
 * The GPU device's language: build commands, check and parse responses, print both. Pure functions
 * over bytes; no device needed.
 *
 *   struct virtio_gpu_set_scanout command = vgpu_encode_set_scanout(2, 7, &rect);     CPU values -> wire
 *   const struct vgpu_message *message = vgpu_message_find(VIRTIO_GPU_CMD_SET_SCANOUT);
 *   err = vgpu_parse_response(message, bytes, written_bytes, &response);              wire -> verdict
 *   vgpu_format_request(&command, sizeof(command), line, sizeof(line));               wire -> text
 *
 * Each message stands once, in a table: its type, sizes, the response that belongs to it, and every
 * field by name. The commands are in one file per family, virtio/driver/gpu/msg_*.c. No id has a
 * meaning here: any resource, any scanout.
 *
 * Context of every function here: any; nothing is kept.
 * Source: VirtIO 1.3 §5.7.6.
 */
#ifndef VIRTIO_GPU_PROTOCOL_H
#define VIRTIO_GPU_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/virtio_gpu.h"

#include "virtio/error.h"

struct vgpu_rect {
    uint32_t x;
    uint32_t y;
    uint32_t width;
    uint32_t height;
};

/* One number per command, for tables of figures per command; in the order of their types. */
enum vgpu_message_idx {
    VGPU_MSG_GET_DISPLAY_INFO,
    VGPU_MSG_RESOURCE_CREATE_2D,
    VGPU_MSG_RESOURCE_UNREF,
    VGPU_MSG_SET_SCANOUT,
    VGPU_MSG_RESOURCE_FLUSH,
    VGPU_MSG_TRANSFER_TO_HOST_2D,
    VGPU_MSG_RESOURCE_ATTACH_BACKING,
    VGPU_MSG_RESOURCE_DETACH_BACKING,
    VGPU_MSG_GET_CAPSET_INFO,
    VGPU_MSG_GET_CAPSET,
    VGPU_MSG_GET_EDID,
    VGPU_MSG_RESOURCE_ASSIGN_UUID,
    VGPU_MSG_RESOURCE_CREATE_BLOB,
    VGPU_MSG_SET_SCANOUT_BLOB,
    VGPU_MSG_CTX_CREATE,
    VGPU_MSG_CTX_DESTROY,
    VGPU_MSG_CTX_ATTACH_RESOURCE,
    VGPU_MSG_CTX_DETACH_RESOURCE,
    VGPU_MSG_SUBMIT_3D,
    VGPU_MSG_RESOURCE_MAP_BLOB,
    VGPU_MSG_RESOURCE_UNMAP_BLOB,
    VGPU_MSG_UPDATE_CURSOR,
    VGPU_MSG_MOVE_CURSOR,
    VGPU_MSG_COUNT
};

/* How a field is read and printed. */
enum vgpu_field_kind {
    VGPU_FIELD_END = 0, /* ends a list of fields */
    VGPU_FIELD_U32,
    VGPU_FIELD_HEX32,
    VGPU_FIELD_U64,
    VGPU_FIELD_RECT,
    VGPU_FIELD_FORMAT,   /* enum virtio_gpu_format by name */
    VGPU_FIELD_CAPSET,   /* enum virtio_gpu_capset_id by name */
    VGPU_FIELD_BLOB_MEM, /* VIRTIO_GPU_BLOB_MEM_* by name */
    VGPU_FIELD_PLANES,   /* four numbers */
    VGPU_FIELD_NAME,  /* 64 characters, printed up to the first that is no letter, digit or sign */
    VGPU_FIELD_BYTES, /* the rest of the message, in hex; long ones are cut */
    VGPU_FIELD_ENTRIES, /* the rest of the message, struct virtio_gpu_mem_entry each */
    VGPU_FIELD_DISPLAYS, /* struct virtio_gpu_display_one; those that are off and empty are left out */
};

struct vgpu_field {
    const char *name;
    uint16_t offset;
    uint16_t kind; /* enum vgpu_field_kind */
};

/* One kind of response. */
struct vgpu_answer {
    uint32_t type;
    uint16_t bytes;     /* at least so many must have been written */
    uint16_t bytes_max; /* room to give; 0: as long as the caller says (GET_CAPSET) */
    const char *name;
    const struct vgpu_field *fields;
};

/* One kind of command. */
struct vgpu_message {
    uint32_t type;
    uint16_t bytes; /* of the fixed part */
    uint8_t idx;    /* enum vgpu_message_idx */
    uint8_t queue;  /* VIRTIO_GPU_CONTROLQ or VIRTIO_GPU_CURSORQ */
    const char *name;
    const struct vgpu_field *fields;
    const struct vgpu_answer *answer; /* NULL: the command has no response (cursor queue) */
};

/* The message of a command type; NULL when it is none of those above. */
const struct vgpu_message *vgpu_message_find(uint32_t type);

/* The message by number, below VGPU_MSG_COUNT. */
const struct vgpu_message *vgpu_message_at(enum vgpu_message_idx idx);

/* "SET_SCANOUT", "OK_NODATA", "ERR_INVALID_SCANOUT_ID"; "unknown" for other types. Never NULL. */
const char *vgpu_type_name(uint32_t type);

/* "B8G8R8X8"; NULL for a format that VirtIO 1.3 does not know. */
const char *vgpu_format_name(uint32_t format);

/*
 * The command builders: CPU values in, wire bytes out. They check nothing, so that wrong commands
 * can be built on purpose.
 * Source: VirtIO 1.3 §5.7.6.8, cursor: §5.7.6.10.
 */
struct virtio_gpu_ctrl_hdr vgpu_encode_header(uint32_t type);
struct virtio_gpu_ctrl_hdr vgpu_encode_get_display_info(void);
struct virtio_gpu_get_edid vgpu_encode_get_edid(uint32_t scanout_id);
struct virtio_gpu_resource_create_2d
vgpu_encode_resource_create_2d(uint32_t resource_id, uint32_t format, uint32_t width_px,
                               uint32_t height_px);
struct virtio_gpu_resource_unref vgpu_encode_resource_unref(uint32_t resource_id);
struct virtio_gpu_set_scanout
vgpu_encode_set_scanout(uint32_t scanout_id, uint32_t resource_id, const struct vgpu_rect *rect);
struct virtio_gpu_resource_flush
vgpu_encode_resource_flush(uint32_t resource_id, const struct vgpu_rect *rect);
struct virtio_gpu_transfer_to_host_2d
vgpu_encode_transfer_to_host_2d(uint32_t resource_id, const struct vgpu_rect *rect,
                                uint64_t offset_bytes);
/* `entry_count` entries must follow: behind it in memory or as further device-readable segments. */
struct virtio_gpu_resource_attach_backing
vgpu_encode_attach_backing(uint32_t resource_id, uint32_t entry_count);
struct virtio_gpu_mem_entry vgpu_encode_mem_entry(uint64_t addr, uint32_t bytes);
struct virtio_gpu_resource_detach_backing vgpu_encode_detach_backing(uint32_t resource_id);
struct virtio_gpu_get_capset_info vgpu_encode_get_capset_info(uint32_t capset_idx);
struct virtio_gpu_get_capset vgpu_encode_get_capset(uint32_t capset_id, uint32_t version);
struct virtio_gpu_resource_assign_uuid vgpu_encode_assign_uuid(uint32_t resource_id);

/* What a blob is made of. */
struct vgpu_blob_wish {
    uint32_t mem;         /* VIRTIO_GPU_BLOB_MEM_* */
    uint32_t flags;       /* VIRTIO_GPU_BLOB_FLAG_* */
    uint32_t entry_count; /* of guest memory; 0 for HOST3D */
    uint64_t blob_id;     /* the context's own number for the memory */
    uint64_t bytes;
};

/* How pixels lie in a blob: one plane. */
struct vgpu_blob_image {
    struct vgpu_rect rect; /* what of it is shown */
    uint32_t width_px;
    uint32_t height_px;
    uint32_t format; /* enum virtio_gpu_format */
    uint32_t stride_bytes;
    uint32_t offset_bytes;
};

/* Source: VirtIO 1.3 §5.7.6.8, blobs; §5.7.6.9, contexts. */
struct virtio_gpu_resource_create_blob
vgpu_encode_create_blob(uint32_t resource_id, uint32_t ctx_id, const struct vgpu_blob_wish *wish);
struct virtio_gpu_set_scanout_blob
vgpu_encode_set_scanout_blob(uint32_t scanout_id, uint32_t resource_id,
                             const struct vgpu_blob_image *image);
struct virtio_gpu_resource_map_blob
vgpu_encode_map_blob(uint32_t resource_id, uint64_t offset_bytes);
struct virtio_gpu_resource_unmap_blob vgpu_encode_unmap_blob(uint32_t resource_id);

/* `context_init`: with CONTEXT_INIT negotiated the capability set's id, else 0. `name` is cut at 63. */
struct virtio_gpu_ctx_create
vgpu_encode_ctx_create(uint32_t ctx_id, uint32_t context_init, const char *name);
struct virtio_gpu_ctx_destroy vgpu_encode_ctx_destroy(uint32_t ctx_id);
struct virtio_gpu_ctx_resource
vgpu_encode_ctx_attach_resource(uint32_t ctx_id, uint32_t resource_id);
struct virtio_gpu_ctx_resource
vgpu_encode_ctx_detach_resource(uint32_t ctx_id, uint32_t resource_id);
struct virtio_gpu_cmd_submit vgpu_encode_submit_3d(uint32_t ctx_id, uint32_t stream_bytes);

/* Put a command on one of its context's timelines: its fence comes when that is through, §5.7.6.7. */
void vgpu_encode_ring_idx(struct virtio_gpu_ctrl_hdr *hdr, uint8_t ring_idx);

/* Where a cursor stands, and with which picture. */
struct vgpu_cursor {
    uint32_t scanout_id;
    uint32_t x_px;
    uint32_t y_px;
    uint32_t resource_id; /* of 64x64 pixels; 0 hides the cursor; not used by MOVE_CURSOR */
    uint32_t hot_x_px;
    uint32_t hot_y_px;
};
struct virtio_gpu_update_cursor vgpu_encode_update_cursor(const struct vgpu_cursor *cursor);
struct virtio_gpu_update_cursor vgpu_encode_move_cursor(const struct vgpu_cursor *cursor);

/* The verdict on a response. */
struct vgpu_response {
    uint32_t type;
    uint32_t flags;
    uint64_t fence_id;
    uint32_t ctx_id;
    const char *rule; /* which rule it breaks; NULL unless VIRTIO_ERR_BROKEN */
    uint64_t value;   /* what was seen instead */
};

/*
 * Check what the device wrote in answer to `message`. The header is copied out of `bytes` once, so
 * a device that goes on writing cannot change the verdict.
 * `bytes`: `written_bytes` of them are the device's, which may be 0.
 * Returns: VIRTIO_OK (the type that belongs to this command, and long enough for it);
 * VIRTIO_ERR_REFUSED (an error response: response->type tells which); VIRTIO_ERR_BROKEN (too short,
 * or a type that does not belong to the command; response->rule).
 * Source: VirtIO 1.3 §5.7.6.7.
 */
enum virtio_err vgpu_parse_response(const struct vgpu_message *message, const void *bytes,
                                    size_t written_bytes, struct vgpu_response *response);

/*
 * The parsers of what stands in a response that vgpu_parse_response has called VIRTIO_OK. Total:
 * every byte string gives an answer or VIRTIO_ERR_BROKEN (`size` fields that contradict the
 * length), none is read outside of `written_bytes`.
 */
struct vgpu_display {
    struct vgpu_rect rect; /* where the host's window lies, and the size it would like */
    uint32_t flags;
    bool is_enabled;
};
struct vgpu_display_info {
    struct vgpu_display displays[VIRTIO_GPU_SCANOUTS_MAX];
};
enum virtio_err
vgpu_parse_display_info(const void *bytes, size_t written_bytes, struct vgpu_display_info *info);

/*
 * `edid` has room for VIRTIO_GPU_EDID_BYTES_MAX; *edid_bytes is how many were copied. See
 * virtio/edid.h for their meaning.
 */
enum virtio_err
vgpu_parse_edid(const void *bytes, size_t written_bytes, uint8_t *edid, size_t *edid_bytes);

struct vgpu_capset_info {
    uint32_t id;
    uint32_t max_version;
    uint32_t max_bytes;
};
enum virtio_err
vgpu_parse_capset_info(const void *bytes, size_t written_bytes, struct vgpu_capset_info *info);

/*
 * Copies at most `room_bytes`. Also VIRTIO_ERR_BUFFER_TOO_SMALL: nothing was copied, *capset_bytes
 * says how much is needed.
 */
enum virtio_err vgpu_parse_capset(const void *bytes, size_t written_bytes, uint8_t *capset,
                                  size_t room_bytes, size_t *capset_bytes);

/* VIRTIO_GPU_MAP_CACHE_* and bits that VirtIO 1.3 does not know. */
enum virtio_err vgpu_parse_map_info(const void *bytes, size_t written_bytes, uint32_t *map_info);

enum virtio_err vgpu_parse_uuid(const void *bytes, size_t written_bytes, uint8_t uuid[16]);

/*
 * Print a command or a response with every field by name, on one line without newline; never reads
 * outside of `bytes`, so also cut or wrong ones can be printed.
 *   SET_SCANOUT flags 0x1 fence_id 12 ctx_id 0 r (0,0 1280x800) scanout_id 0 resource_id 7
 *   ERR_INVALID_SCANOUT_ID flags 0x1 fence_id 12 ctx_id 0
 * Returns: characters written, less than `text_bytes`; the text is always terminated (text_bytes >=
 * 1).
 */
size_t vgpu_format_request(const void *bytes, size_t request_bytes, char *text, size_t text_bytes);
size_t
vgpu_format_response(const void *bytes, size_t response_bytes, char *text, size_t text_bytes);

#endif
