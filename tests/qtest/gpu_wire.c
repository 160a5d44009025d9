/*
 * Commands straight onto the GPU's control queue; see gpu_wire.h.
 */
#include "tests/qtest/gpu_wire.h"

#include <string.h>

#include "virtio/gpu_protocol.h"

static uint64_t
dma_addr(const struct gpu_wire *wire, const void *memory)
{
    return QEMU_RAM_BASE + (uint64_t)((const uint8_t *)memory - wire->rig->qemu.ram);
}

void
gpu_wire_start(struct gpu_wire *wire, struct rig *rig, uint64_t features)
{
    const struct virtq_config config = { .size_max = 256 };
    const struct virtio_feature_request want = { .wanted = features, .required = features };
    *wire = (struct gpu_wire){ .rig = rig, .device = rig_device(rig, VIRTIO_ID_GPU) };
    if (wire->device == NULL || virtio_device_claim(wire->device, "wire") != VIRTIO_OK ||
        virtio_device_negotiate(wire->device, &want) != VIRTIO_OK ||
        virtq_setup(&wire->controlq, wire->device, VIRTIO_GPU_CONTROLQ, &config, &rig->arena) !=
            VIRTIO_OK ||
        virtio_device_start(wire->device) != VIRTIO_OK) {
        qemu_die("the GPU cannot be brought up");
    }
    wire->cells = rig_memory(rig, sizeof(struct gpu_wire_cell) * GPU_WIRE_DEPTH);
}

void
gpu_wire_add(struct gpu_wire *wire, const void *command, uint32_t bytes)
{
    if (wire->in_flight_count == GPU_WIRE_DEPTH || bytes > GPU_WIRE_REQUEST_BYTES) {
        qemu_die("too much for the wire");
    }
    struct gpu_wire_cell *cell = &wire->cells[wire->in_flight_count];
    memcpy(cell->request, command, bytes);
    const struct virtq_seg segs[] = {
        {.addr = dma_addr(wire,  cell->request),  .bytes = bytes                  },
        { .addr = dma_addr(wire, cell->response), .bytes = GPU_WIRE_RESPONSE_BYTES},
    };
    const struct virtq_chain chain = {
        .segs = segs, .readable_count = 1, .writable_count = 1, .token = cell
    };
    if (virtq_add(&wire->controlq, &chain) != VIRTIO_OK) {
        qemu_die("the control queue takes no more");
    }
    wire->in_flight_count++;
}

static uint32_t
response_type(const struct gpu_wire_cell *cell)
{
    struct virtio_gpu_ctrl_hdr header;
    memcpy(&header, cell->response, sizeof(header));
    return le32_get(header.type);
}

void
gpu_wire_run(struct gpu_wire *wire)
{
    const struct virtio_platform *plat = &wire->rig->platform.table;
    uint64_t deadline_ns = plat->now_ns(plat->ctx) + GPU_WIRE_TIMEOUT_MS * UINT64_C(1000000);
    struct virtq_done done;
    (void)virtq_notify(&wire->controlq);
    while (wire->in_flight_count > 0) {
        enum virtio_err err = virtq_take_used(&wire->controlq, &done);
        if (err == VIRTIO_OK) {
            wire->in_flight_count--;
            wire->refused_count += response_type(done.token) >= VIRTIO_GPU_RESP_ERR_UNSPEC;
        } else if (err != VIRTIO_EMPTY || plat->now_ns(plat->ctx) > deadline_ns) {
            qemu_die("a command was not answered");
        } else {
            plat->relax(plat->ctx, deadline_ns);
        }
    }
}

uint32_t
gpu_wire_ask(struct gpu_wire *wire, const void *command, uint32_t bytes)
{
    gpu_wire_add(wire, command, bytes);
    gpu_wire_run(wire);
    return response_type(&wire->cells[0]);
}

static void
must(struct gpu_wire *wire, const void *command, uint32_t bytes)
{
    char line[256];
    if (gpu_wire_ask(wire, command, bytes) != VIRTIO_GPU_RESP_OK_NODATA) {
        (void)vgpu_format_request(command, bytes, line, sizeof(line));
        qemu_die(line);
    }
}

uint8_t *
gpu_wire_framebuffer(struct gpu_wire *wire, uint32_t resource_id, uint32_t width, uint32_t height)
{
    struct {
        struct virtio_gpu_resource_attach_backing command;
        struct virtio_gpu_mem_entry entry;
    } attach;
    const struct vgpu_rect all = { .width = width, .height = height };
    uint32_t bytes = width * height * VIRTIO_GPU_BYTES_PER_PX;
    uint8_t *memory = rig_memory(wire->rig, bytes);
    struct virtio_gpu_resource_create_2d create = vgpu_encode_resource_create_2d(
        resource_id, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, width, height);
    struct virtio_gpu_set_scanout scanout = vgpu_encode_set_scanout(0, resource_id, &all);
    attach.command = vgpu_encode_attach_backing(resource_id, 1);
    attach.entry = vgpu_encode_mem_entry(dma_addr(wire, memory), bytes);
    must(wire, &create, sizeof(create));
    must(wire, &attach, sizeof(attach));
    must(wire, &scanout, sizeof(scanout));
    return memory;
}
