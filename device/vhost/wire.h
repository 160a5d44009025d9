/*
 * wire.h - vhost-user messages as QEMU's front-ends send them, and those of the display socket of vhost-user-gpu.
 *
 * Native byte order and layout: both ends are on one machine.  Ours is the back-end.
 */
#ifndef DEVICE_VHOST_WIRE_H
#define DEVICE_VHOST_WIRE_H

#include <assert.h>
#include <stdint.h>

#include "abi/virtio_gpu.h"

/* From the front-end. */
enum vhost_request {
    VHOST_GET_FEATURES = 1,
    VHOST_SET_FEATURES = 2,
    VHOST_SET_OWNER = 3,
    VHOST_RESET_OWNER = 4,
    VHOST_SET_MEM_TABLE = 5,
    VHOST_SET_VRING_NUM = 8,
    VHOST_SET_VRING_ADDR = 9,
    VHOST_SET_VRING_BASE = 10,
    VHOST_GET_VRING_BASE = 11,
    VHOST_SET_VRING_KICK = 12,
    VHOST_SET_VRING_CALL = 13,
    VHOST_SET_VRING_ERR = 14,
    VHOST_GET_PROTOCOL_FEATURES = 15,
    VHOST_SET_PROTOCOL_FEATURES = 16,
    VHOST_GET_QUEUE_NUM = 17,
    VHOST_SET_VRING_ENABLE = 18,
    VHOST_SET_BACKEND_REQ_FD = 21,
    VHOST_GET_CONFIG = 24,
    VHOST_SET_CONFIG = 25,
    VHOST_GPU_SET_SOCKET = 33,
    VHOST_RESET_DEVICE = 34,
    VHOST_GET_MAX_MEM_SLOTS = 36,
    VHOST_ADD_MEM_REG = 37,
    VHOST_REM_MEM_REG = 38,
    VHOST_GET_SHMEM_CONFIG = 44,
    VHOST_REQUEST_COUNT = 45,
};

/* From us, on a socket of their own. */
enum vhost_backend_request {
    VHOST_BACKEND_CONFIG_CHANGE = 2,
    VHOST_BACKEND_SHMEM_MAP = 9,
    VHOST_BACKEND_SHMEM_UNMAP = 10,
};

enum vhost_protocol_feature {
    VHOST_PROTOCOL_MQ = 0,
    VHOST_PROTOCOL_REPLY_ACK = 3,
    VHOST_PROTOCOL_BACKEND_REQ = 5,
    VHOST_PROTOCOL_CONFIG = 9,
    VHOST_PROTOCOL_BACKEND_SEND_FD = 10,
    VHOST_PROTOCOL_RESET_DEVICE = 13,
    VHOST_PROTOCOL_CONFIGURE_MEM_SLOTS = 15,
    VHOST_PROTOCOL_SHMEM_MAP = 22,
};

enum {
    VHOST_F_PROTOCOL_FEATURES = 30, /* among the device's feature bits; never the guest's */
    VHOST_VERSION = 1,
    VHOST_VERSION_MASK = 3,
    VHOST_REPLY = 4,
    VHOST_NEED_REPLY = 8,
    VHOST_VRING_INDEX_MASK = 0xff,
    VHOST_VRING_NO_FD = 1 << 8,
    VHOST_TABLE_REGION_COUNT_MAX = 8,
    VHOST_CONFIG_BYTES_MAX = 256,
    VHOST_FD_COUNT_MAX = 8,
    VHOST_SHMEM_COUNT = 256,
    VHOST_SHMEM_READ_WRITE = 1,
};

struct vhost_header {
    uint32_t request;
    uint32_t flags;
    uint32_t size_bytes; /* of what follows */
};
static_assert(sizeof(struct vhost_header) == 12, "the header is packed");

struct vhost_vring_state {
    uint32_t idx;
    uint32_t number;
};

struct vhost_vring_addr {
    uint32_t idx;
    uint32_t flags;
    uint64_t desc; /* all by the front-end's own addresses */
    uint64_t device;
    uint64_t driver;
    uint64_t log;
};
static_assert(sizeof(struct vhost_vring_addr) == 40, "SET_VRING_ADDR");

struct vhost_region {
    uint64_t guest_addr;
    uint64_t size_bytes;
    uint64_t front_addr;
    uint64_t fd_offset;
};

struct vhost_mem_table {
    uint32_t count;
    uint32_t padding;
    struct vhost_region regions[VHOST_TABLE_REGION_COUNT_MAX];
};
static_assert(sizeof(struct vhost_mem_table) == 264, "SET_MEM_TABLE");

struct vhost_mem_region {
    uint64_t padding;
    struct vhost_region region;
};

struct vhost_config_space {
    uint32_t offset;
    uint32_t size_bytes;
    uint32_t flags;
    uint8_t bytes[VHOST_CONFIG_BYTES_MAX];
};
enum { VHOST_CONFIG_HEADER_BYTES = 12 };

struct vhost_shmem_config {
    uint32_t count;
    uint32_t padding;
    uint64_t sizes[VHOST_SHMEM_COUNT];
};

struct vhost_shmem_map {
    uint8_t shm_id;
    uint8_t padding[7];
    uint64_t fd_offset;
    uint64_t shm_offset;
    uint64_t size_bytes;
    uint64_t flags;
};
static_assert(sizeof(struct vhost_shmem_map) == 40, "SHMEM_MAP");

union vhost_payload {
    uint64_t number;
    struct vhost_vring_state state;
    struct vhost_vring_addr addr;
    struct vhost_mem_table table;
    struct vhost_mem_region region;
    struct vhost_config_space config;
};

/* --- the display socket: we ask and tell, QEMU answers --- */

enum vhost_display_request {
    VHOST_DISPLAY_GET_PROTOCOL_FEATURES = 1,
    VHOST_DISPLAY_SET_PROTOCOL_FEATURES = 2,
    VHOST_DISPLAY_GET_DISPLAY_INFO = 3,
    VHOST_DISPLAY_CURSOR_POS = 4,
    VHOST_DISPLAY_CURSOR_POS_HIDE = 5,
    VHOST_DISPLAY_CURSOR_UPDATE = 6,
    VHOST_DISPLAY_SCANOUT = 7,
    VHOST_DISPLAY_UPDATE = 8,
    VHOST_DISPLAY_GET_EDID = 11,
};

enum vhost_display_feature {
    VHOST_DISPLAY_F_EDID = 0,
};

struct vhost_display_header {
    uint32_t request;
    uint32_t flags; /* VHOST_REPLY */
    uint32_t size_bytes;
};

struct vhost_display_scanout {
    uint32_t scanout_idx;
    uint32_t width_px; /* 0: shows nothing */
    uint32_t height_px;
};

struct vhost_display_update {
    uint32_t scanout_idx;
    uint32_t x;
    uint32_t y;
    uint32_t width_px;
    uint32_t height_px; /* then the pixels, rows without gaps */
};

struct vhost_display_cursor_pos {
    uint32_t scanout_idx;
    uint32_t x;
    uint32_t y;
};

struct vhost_display_cursor {
    struct vhost_display_cursor_pos pos;
    uint32_t hot_x;
    uint32_t hot_y;
    uint32_t pixels[VIRTIO_GPU_CURSOR_SIDE_PX * VIRTIO_GPU_CURSOR_SIDE_PX];
};

#endif
