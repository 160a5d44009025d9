/*
 * What a virtio GPU driver and its device say to each other: every structure of the control and the
 * cursor queue.
 *
 *   controlq   virtio_gpu_ctrl_hdr | the command's fields | entries or stream      device-readable
 *              virtio_gpu_ctrl_hdr | the response's fields                         device-writable
 *   cursorq    virtio_gpu_update_cursor, which has no response                     device-readable
 *
 * Source: VirtIO 1.3 §5.7.
 */
#ifndef ABI_VIRTIO_GPU_H
#define ABI_VIRTIO_GPU_H

#include <stdint.h>

#include "abi/endian.h"

enum {
    VIRTIO_GPU_CONTROLQ = 0,
    VIRTIO_GPU_CURSORQ = 1,
    VIRTIO_GPU_QUEUE_COUNT = 2, /* a device has no third, §5.7.2 */
};

/* Bit numbers of the device's own feature bits, §5.7.3. */
enum {
    VIRTIO_GPU_F_VIRGL = 0,
    VIRTIO_GPU_F_EDID = 1,
    VIRTIO_GPU_F_RESOURCE_UUID = 2,
    VIRTIO_GPU_F_RESOURCE_BLOB = 3,
    VIRTIO_GPU_F_CONTEXT_INIT = 4,
};

/* Configuration space, §5.7.4. */
struct virtio_gpu_config {
    le32 events_read;
    le32 events_clear;
    le32 num_scanouts; /* 1 to 16 */
    le32 num_capsets;
};
_Static_assert(sizeof(struct virtio_gpu_config) == 16, "VirtIO 1.3 §5.7.4");

enum { VIRTIO_GPU_EVENT_DISPLAY = 1 }; /* §5.7.4.2 */

enum {
    VIRTIO_GPU_SCANOUTS_MAX = 16, /* §5.7.4.1, §5.7.6.8 */
    VIRTIO_GPU_EDID_BYTES_MAX = 1024,
    VIRTIO_GPU_CURSOR_SIDE_PX = 64, /* §5.7.6.6 */
};

/* Types of commands and responses, §5.7.6.7. */
enum virtio_gpu_ctrl_type {
    VIRTIO_GPU_CMD_GET_DISPLAY_INFO = 0x0100,
    VIRTIO_GPU_CMD_RESOURCE_CREATE_2D = 0x0101,
    VIRTIO_GPU_CMD_RESOURCE_UNREF = 0x0102,
    VIRTIO_GPU_CMD_SET_SCANOUT = 0x0103,
    VIRTIO_GPU_CMD_RESOURCE_FLUSH = 0x0104,
    VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D = 0x0105,
    VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING = 0x0106,
    VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING = 0x0107,
    VIRTIO_GPU_CMD_GET_CAPSET_INFO = 0x0108,
    VIRTIO_GPU_CMD_GET_CAPSET = 0x0109,
    VIRTIO_GPU_CMD_GET_EDID = 0x010a,
    VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID = 0x010b,
    VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB = 0x010c,
    VIRTIO_GPU_CMD_SET_SCANOUT_BLOB = 0x010d,

    VIRTIO_GPU_CMD_CTX_CREATE = 0x0200,
    VIRTIO_GPU_CMD_CTX_DESTROY = 0x0201,
    VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE = 0x0202,
    VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE = 0x0203,
    VIRTIO_GPU_CMD_RESOURCE_CREATE_3D = 0x0204,
    VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D = 0x0205,
    VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D = 0x0206,
    VIRTIO_GPU_CMD_SUBMIT_3D = 0x0207,
    VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB = 0x0208,
    VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB = 0x0209,

    VIRTIO_GPU_CMD_UPDATE_CURSOR = 0x0300,
    VIRTIO_GPU_CMD_MOVE_CURSOR = 0x0301,

    VIRTIO_GPU_RESP_OK_NODATA = 0x1100,
    VIRTIO_GPU_RESP_OK_DISPLAY_INFO = 0x1101,
    VIRTIO_GPU_RESP_OK_CAPSET_INFO = 0x1102,
    VIRTIO_GPU_RESP_OK_CAPSET = 0x1103,
    VIRTIO_GPU_RESP_OK_EDID = 0x1104,
    VIRTIO_GPU_RESP_OK_RESOURCE_UUID = 0x1105,
    VIRTIO_GPU_RESP_OK_MAP_INFO = 0x1106,

    VIRTIO_GPU_RESP_ERR_UNSPEC = 0x1200,
    VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY = 0x1201,
    VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID = 0x1202,
    VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID = 0x1203,
    VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID = 0x1204,
    VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER = 0x1205,
};

/* Flags of the header, §5.7.6.7. */
enum {
    VIRTIO_GPU_FLAG_FENCE = 1 << 0,
    VIRTIO_GPU_FLAG_INFO_RING_IDX = 1 << 1,
};

/* Starts every command and every response, §5.7.6.7. */
struct virtio_gpu_ctrl_hdr {
    le32 type;
    le32 flags;
    le64 fence_id;
    le32 ctx_id;
    uint8_t ring_idx;
    uint8_t padding[3];
};
_Static_assert(sizeof(struct virtio_gpu_ctrl_hdr) == 24, "VirtIO 1.3 §5.7.6.7");

struct virtio_gpu_rect {
    le32 x;
    le32 y;
    le32 width;
    le32 height;
};
_Static_assert(sizeof(struct virtio_gpu_rect) == 16, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_display_one {
    struct virtio_gpu_rect r;
    le32 enabled;
    le32 flags;
};
_Static_assert(sizeof(struct virtio_gpu_display_one) == 24, "VirtIO 1.3 §5.7.6.8");

/* Answers GET_DISPLAY_INFO, whose request is a bare header. */
struct virtio_gpu_resp_display_info {
    struct virtio_gpu_ctrl_hdr hdr;
    struct virtio_gpu_display_one pmodes[VIRTIO_GPU_SCANOUTS_MAX];
};
_Static_assert(sizeof(struct virtio_gpu_resp_display_info) == 408, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_get_edid {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 scanout;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_get_edid) == 32, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_resp_edid {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 size;
    le32 padding;
    uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX];
};
_Static_assert(sizeof(struct virtio_gpu_resp_edid) == 1056, "VirtIO 1.3 §5.7.6.8");

/* Byte order of a pixel in memory, first byte first, §5.7.6.8. All have 4 bytes per pixel. */
enum virtio_gpu_format {
    VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM = 1,
    VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM = 2,
    VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM = 3,
    VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM = 4,
    VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM = 67,
    VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM = 68,
    VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM = 121,
    VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM = 134,
};

enum { VIRTIO_GPU_BYTES_PER_PX = 4 };

struct virtio_gpu_resource_create_2d {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 resource_id; /* never 0 */
    le32 format;
    le32 width;
    le32 height;
};
_Static_assert(sizeof(struct virtio_gpu_resource_create_2d) == 40, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_resource_unref {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 resource_id;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_resource_unref) == 32, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_set_scanout {
    struct virtio_gpu_ctrl_hdr hdr;
    struct virtio_gpu_rect r;
    le32 scanout_id;
    le32 resource_id; /* 0: disable the scanout */
};
_Static_assert(sizeof(struct virtio_gpu_set_scanout) == 48, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_resource_flush {
    struct virtio_gpu_ctrl_hdr hdr;
    struct virtio_gpu_rect r;
    le32 resource_id;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_resource_flush) == 48, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_transfer_to_host_2d {
    struct virtio_gpu_ctrl_hdr hdr;
    struct virtio_gpu_rect r;
    le64 offset; /* of the rectangle's first pixel in the backing */
    le32 resource_id;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_transfer_to_host_2d) == 56, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_mem_entry {
    le64 addr;
    le32 length;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_mem_entry) == 16, "VirtIO 1.3 §5.7.6.8");

/* Followed by nr_entries struct virtio_gpu_mem_entry. */
struct virtio_gpu_resource_attach_backing {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 resource_id;
    le32 nr_entries;
};
_Static_assert(sizeof(struct virtio_gpu_resource_attach_backing) == 32, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_resource_detach_backing {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 resource_id;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_resource_detach_backing) == 32, "VirtIO 1.3 §5.7.6.8");

/* Kinds of capability sets, §5.7.6.8. */
enum virtio_gpu_capset_id {
    VIRTIO_GPU_CAPSET_VIRGL = 1,
    VIRTIO_GPU_CAPSET_VIRGL2 = 2,
    VIRTIO_GPU_CAPSET_GFXSTREAM = 3,
    VIRTIO_GPU_CAPSET_VENUS = 4,
    VIRTIO_GPU_CAPSET_CROSS_DOMAIN = 5,
};

struct virtio_gpu_get_capset_info {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 capset_index;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_get_capset_info) == 32, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_resp_capset_info {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 capset_id;
    le32 capset_max_version;
    le32 capset_max_size;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_resp_capset_info) == 40, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_get_capset {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 capset_id;
    le32 capset_version;
};
_Static_assert(sizeof(struct virtio_gpu_get_capset) == 32, "VirtIO 1.3 §5.7.6.8");

/* As long as capset_max_size said. */
struct virtio_gpu_resp_capset {
    struct virtio_gpu_ctrl_hdr hdr;
    uint8_t capset_data[];
};
_Static_assert(sizeof(struct virtio_gpu_resp_capset) == 24, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_resource_assign_uuid {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 resource_id;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_resource_assign_uuid) == 32, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_resp_resource_uuid {
    struct virtio_gpu_ctrl_hdr hdr;
    uint8_t uuid[16];
};
_Static_assert(sizeof(struct virtio_gpu_resp_resource_uuid) == 40, "VirtIO 1.3 §5.7.6.8");

enum {
    VIRTIO_GPU_BLOB_MEM_GUEST = 1,
    VIRTIO_GPU_BLOB_MEM_HOST3D = 2,
    VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST = 3,
};

enum {
    VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE = 1,
    VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE = 2,
    VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE = 4,
};

/* Followed by nr_entries struct virtio_gpu_mem_entry. */
struct virtio_gpu_resource_create_blob {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 resource_id;
    le32 blob_mem;
    le32 blob_flags;
    le32 nr_entries;
    le64 blob_id;
    le64 size;
};
_Static_assert(sizeof(struct virtio_gpu_resource_create_blob) == 56, "VirtIO 1.3 §5.7.6.8");

struct virtio_gpu_set_scanout_blob {
    struct virtio_gpu_ctrl_hdr hdr;
    struct virtio_gpu_rect r;
    le32 scanout_id;
    le32 resource_id;
    le32 width;
    le32 height;
    le32 format;
    le32 padding;
    le32 strides[4];
    le32 offsets[4];
};
_Static_assert(sizeof(struct virtio_gpu_set_scanout_blob) == 96, "VirtIO 1.3 §5.7.6.8");

enum { VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK = 0xff };

struct virtio_gpu_ctx_create {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 nlen;
    le32 context_init;
    char debug_name[64]; /* nlen bytes of it; not terminated */
};
_Static_assert(sizeof(struct virtio_gpu_ctx_create) == 96, "VirtIO 1.3 §5.7.6.9");

struct virtio_gpu_ctx_destroy {
    struct virtio_gpu_ctrl_hdr hdr;
};
_Static_assert(sizeof(struct virtio_gpu_ctx_destroy) == 24, "VirtIO 1.3 §5.7.6.9");

/* CTX_ATTACH_RESOURCE and CTX_DETACH_RESOURCE. */
struct virtio_gpu_ctx_resource {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 resource_id;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_ctx_resource) == 32, "VirtIO 1.3 §5.7.6.9");

struct virtio_gpu_resource_create_3d {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 resource_id;
    le32 target;
    le32 format;
    le32 bind;
    le32 width;
    le32 height;
    le32 depth;
    le32 array_size;
    le32 last_level;
    le32 nr_samples;
    le32 flags;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_resource_create_3d) == 72, "VirtIO 1.3 §5.7.6.9");

struct virtio_gpu_box {
    le32 x;
    le32 y;
    le32 z;
    le32 w;
    le32 h;
    le32 d;
};
_Static_assert(sizeof(struct virtio_gpu_box) == 24, "VirtIO 1.3 §5.7.6.9");

/* TRANSFER_TO_HOST_3D and TRANSFER_FROM_HOST_3D. */
struct virtio_gpu_transfer_host_3d {
    struct virtio_gpu_ctrl_hdr hdr;
    struct virtio_gpu_box box;
    le64 offset;
    le32 resource_id;
    le32 level;
    le32 stride;
    le32 layer_stride;
};
_Static_assert(sizeof(struct virtio_gpu_transfer_host_3d) == 72, "VirtIO 1.3 §5.7.6.9");

/* Followed by `size` bytes of the context's own command stream. */
struct virtio_gpu_cmd_submit {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 size;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_cmd_submit) == 32, "VirtIO 1.3 §5.7.6.9");

struct virtio_gpu_resource_map_blob {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 resource_id;
    le32 padding;
    le64 offset;
};
_Static_assert(sizeof(struct virtio_gpu_resource_map_blob) == 40, "VirtIO 1.3 §5.7.6.9");

enum {
    VIRTIO_GPU_MAP_CACHE_MASK = 0x0f,
    VIRTIO_GPU_MAP_CACHE_NONE = 0,
    VIRTIO_GPU_MAP_CACHE_CACHED = 1,
    VIRTIO_GPU_MAP_CACHE_UNCACHED = 2,
    VIRTIO_GPU_MAP_CACHE_WC = 3,
};

struct virtio_gpu_resp_map_info {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 map_info;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_resp_map_info) == 32, "VirtIO 1.3 §5.7.6.9");

struct virtio_gpu_resource_unmap_blob {
    struct virtio_gpu_ctrl_hdr hdr;
    le32 resource_id;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_resource_unmap_blob) == 32, "VirtIO 1.3 §5.7.6.9");

/* The id of the shared memory region into which blobs are mapped, §5.7.6.9. */
enum { VIRTIO_GPU_SHM_ID_HOST_VISIBLE = 1 };

struct virtio_gpu_cursor_pos {
    le32 scanout_id;
    le32 x;
    le32 y;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_cursor_pos) == 16, "VirtIO 1.3 §5.7.6.10");

/* UPDATE_CURSOR and MOVE_CURSOR. */
struct virtio_gpu_update_cursor {
    struct virtio_gpu_ctrl_hdr hdr;
    struct virtio_gpu_cursor_pos pos;
    le32 resource_id; /* 0: no cursor */
    le32 hot_x;
    le32 hot_y;
    le32 padding;
};
_Static_assert(sizeof(struct virtio_gpu_update_cursor) == 56, "VirtIO 1.3 §5.7.6.10");

#endif
