/*
 * loop_commands.h - the usual commands of a GPU's driver, right or wrong, for a guest of either kind: loop_guest.h in one
 * process with the device, tests/qtest/gpu_far_guest.h behind QEMU.  It defines what is declared first here.
 */
#ifndef TESTS_LOOP_LOOP_COMMANDS_H
#define TESTS_LOOP_LOOP_COMMANDS_H

#include <stdlib.h>
#include <string.h>

#include "abi/virtio_gpu.h"

#include "device/vq/vq.h"

struct loop_guest;

/* Where the guest sees its LOOP_GUEST_MEMORY_BYTES for backing. */
static inline uint64_t loop_guest_memory_addr(const struct loop_guest *guest);

/* Offers a command on the control queue and notifies.  Returns: its slot. */
static inline unsigned loop_guest_send(struct loop_guest *guest, const void *bytes, size_t size);

/* The same, and waits.  Returns: the response's type; LOOP_GUEST_NO_ANSWER. */
static inline uint32_t loop_guest_ask(struct loop_guest *guest, const void *bytes, size_t size);

static inline struct virtio_gpu_ctrl_hdr
loop_header(uint32_t type)
{
    return (struct virtio_gpu_ctrl_hdr){ .type = le32_from(type) };
}

static inline struct virtio_gpu_ctrl_hdr
loop_header_of(uint32_t type, uint32_t ctx_id)
{
    return (struct virtio_gpu_ctrl_hdr){ .type = le32_from(type), .ctx_id = le32_from(ctx_id) };
}

static inline struct virtio_gpu_rect
loop_rect(uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
    return (struct virtio_gpu_rect){ le32_from(x), le32_from(y), le32_from(width),
                                     le32_from(height) };
}

static inline uint32_t
loop_create_2d(struct loop_guest *guest, uint32_t id, uint32_t format, uint32_t width,
               uint32_t height)
{
    const struct virtio_gpu_resource_create_2d command = {
        loop_header(VIRTIO_GPU_CMD_RESOURCE_CREATE_2D), le32_from(id), le32_from(format),
        le32_from(width), le32_from(height)
    };
    return loop_guest_ask(guest, &command, sizeof(command));
}

/* Commands whose only field is a resource: UNREF, DETACH_BACKING, ASSIGN_UUID, UNMAP_BLOB, CTX_ATTACH_RESOURCE, ... */
static inline uint32_t
loop_of_resource(struct loop_guest *guest, uint32_t type, uint32_t ctx_id, uint32_t id)
{
    const struct virtio_gpu_ctx_resource command = { loop_header_of(type, ctx_id),
                                                     le32_from(id),
                                                     { 0 } };
    return loop_guest_ask(guest, &command, sizeof(command));
}

/* ATTACH_BACKING with `announced` entries, of which `count` follow. */
static inline uint32_t
loop_attach(struct loop_guest *guest, uint32_t id, const struct vq_span *spans, uint32_t count,
            uint32_t announced)
{
    const struct virtio_gpu_resource_attach_backing command = {
        loop_header(VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING), le32_from(id), le32_from(announced)
    };
    size_t size = sizeof(command) + count * sizeof(struct virtio_gpu_mem_entry);
    uint8_t *bytes = calloc(1, size);
    memcpy(bytes, &command, sizeof(command));
    for (uint32_t i = 0; i < count; i++) {
        const struct virtio_gpu_mem_entry entry = { le64_from(spans[i].guest_addr),
                                                    le32_from((uint32_t)spans[i].size_bytes),
                                                    { 0 } };
        memcpy(bytes + sizeof(command) + i * sizeof(entry), &entry, sizeof(entry));
    }
    uint32_t type = loop_guest_ask(guest, bytes, size);
    free(bytes);
    return type;
}

/* With the guest's memory from `offset` on. */
static inline uint32_t
loop_attach_memory(struct loop_guest *guest, uint32_t id, uint32_t offset, uint32_t bytes)
{
    const struct vq_span span = { loop_guest_memory_addr(guest) + offset, bytes };
    return loop_attach(guest, id, &span, 1, 1);
}

static inline uint32_t
loop_set_scanout(struct loop_guest *guest, uint32_t scanout, uint32_t id,
                 struct virtio_gpu_rect rect)
{
    const struct virtio_gpu_set_scanout command = { loop_header(VIRTIO_GPU_CMD_SET_SCANOUT), rect,
                                                    le32_from(scanout), le32_from(id) };
    return loop_guest_ask(guest, &command, sizeof(command));
}

static inline uint32_t
loop_transfer(struct loop_guest *guest, uint32_t id, struct virtio_gpu_rect rect, uint64_t offset)
{
    const struct virtio_gpu_transfer_to_host_2d command = { loop_header(
                                                                VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D),
                                                            rect,
                                                            le64_from(offset),
                                                            le32_from(id),
                                                            { 0 } };
    return loop_guest_ask(guest, &command, sizeof(command));
}

static inline uint32_t
loop_flush(struct loop_guest *guest, uint32_t id, struct virtio_gpu_rect rect)
{
    const struct virtio_gpu_resource_flush command = {
        loop_header(VIRTIO_GPU_CMD_RESOURCE_FLUSH), rect, le32_from(id), { 0 }
    };
    return loop_guest_ask(guest, &command, sizeof(command));
}

static inline uint32_t
loop_create_context(struct loop_guest *guest, uint32_t ctx_id, uint32_t capset)
{
    const struct virtio_gpu_ctx_create command = {
        .hdr = loop_header_of(VIRTIO_GPU_CMD_CTX_CREATE, ctx_id),
        .nlen = le32_from(5),
        .context_init = le32_from(capset),
        .debug_name = "guest",
    };
    return loop_guest_ask(guest, &command, sizeof(command));
}

static inline struct virtio_gpu_resource_create_blob
loop_blob(uint32_t id, uint32_t ctx_id, uint32_t kind, uint64_t blob_id, uint64_t size)
{
    return (struct virtio_gpu_resource_create_blob){
        .hdr = loop_header_of(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, ctx_id),
        .resource_id = le32_from(id),
        .blob_mem = le32_from(kind),
        .blob_flags = le32_from(VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE),
        .blob_id = le64_from(blob_id),
        .size = le64_from(size),
    };
}

static inline uint32_t
loop_create_blob(struct loop_guest *guest, uint32_t id, uint32_t ctx_id, uint32_t kind,
                 uint64_t blob_id, uint64_t size)
{
    const struct virtio_gpu_resource_create_blob command =
        loop_blob(id, ctx_id, kind, blob_id, size);
    return loop_guest_ask(guest, &command, sizeof(command));
}

static inline uint32_t
loop_map(struct loop_guest *guest, uint32_t id, uint64_t offset)
{
    const struct virtio_gpu_resource_map_blob command = {
        loop_header(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB), le32_from(id), { 0 }, le64_from(offset)
    };
    return loop_guest_ask(guest, &command, sizeof(command));
}

/* A stream of dwords; flags, fence_id and ring_idx go into its header.  Returns: its slot. */
static inline unsigned
loop_send_stream(struct loop_guest *guest, struct virtio_gpu_ctrl_hdr header, const uint32_t *words,
                 uint32_t count)
{
    struct virtio_gpu_cmd_submit command = { header, le32_from(count * 4), { 0 } };
    size_t size = sizeof(command) + (size_t)count * 4;
    uint8_t *bytes = calloc(1, size);
    command.hdr.type = le32_from(VIRTIO_GPU_CMD_SUBMIT_3D);
    memcpy(bytes, &command, sizeof(command));
    memcpy(bytes + sizeof(command), words, (size_t)count * 4);
    unsigned slot = loop_guest_send(guest, bytes, size);
    free(bytes);
    return slot;
}

static inline struct virtio_gpu_ctrl_hdr
loop_fenced(uint32_t ctx_id, uint8_t ring_idx, uint64_t fence_id)
{
    struct virtio_gpu_ctrl_hdr header = loop_header_of(VIRTIO_GPU_CMD_SUBMIT_3D, ctx_id);
    header.flags = le32_from(VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX);
    header.fence_id = le64_from(fence_id);
    header.ring_idx = ring_idx;
    return header;
}

#endif
