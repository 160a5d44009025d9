/*
 * What the driver never says, said to QEMU's GPU on the bare control queue: every command type there is, types that do not exist,
 * and commands cut short. Each is answered; what with, stands here.
 */
#include "virtio/gpu_protocol.h"

#include "tests/qtest/gpu_wire.h"
#include "tests/unit/utest.h"

enum {
    OK = VIRTIO_GPU_RESP_OK_NODATA,
    UNSPECIFIED = VIRTIO_GPU_RESP_ERR_UNSPEC,
    BAD_RESOURCE = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
    LONGEST_BYTES = 128,
    MIXED_COUNT = 24,
};

static const char *const args[] = { "-device", "virtio-gpu-device,id=gpu0,packed=on", NULL };

static struct rig rig;
static struct gpu_wire wire;

struct type_row {
    uint32_t type;
    uint32_t answer; /* to that command with zeros in all its fields */
};

/* A 2D device without RESOURCE_BLOB: contexts, 3D and blobs are not for it, and VirtIO 1.3 §5.7.6.7 has one error for that. */
static const struct type_row types[] = {
    {VIRTIO_GPU_CMD_GET_DISPLAY_INFO,         VIRTIO_GPU_RESP_OK_DISPLAY_INFO},
    { VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,      BAD_RESOURCE                   },
    { VIRTIO_GPU_CMD_RESOURCE_UNREF,          BAD_RESOURCE                   },
    { VIRTIO_GPU_CMD_SET_SCANOUT,             OK                             }, /* scanout 0, resource 0: disable */
    { VIRTIO_GPU_CMD_RESOURCE_FLUSH,          BAD_RESOURCE                   },
    { VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,     BAD_RESOURCE                   },
    { VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, BAD_RESOURCE                   },
    { VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, BAD_RESOURCE                   },
    { VIRTIO_GPU_CMD_GET_EDID,                VIRTIO_GPU_RESP_OK_EDID        },
    { VIRTIO_GPU_CMD_GET_CAPSET_INFO,         UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_GET_CAPSET,              UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID,    UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_CTX_CREATE,              UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_CTX_DESTROY,             UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,     UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE,     UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,      UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D,     UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D,   UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_SUBMIT_3D,               UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,       UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,     UNSPECIFIED                    },
    { VIRTIO_GPU_CMD_UPDATE_CURSOR,           UNSPECIFIED                    }, /* on the wrong queue */
    { VIRTIO_GPU_CMD_MOVE_CURSOR,             UNSPECIFIED                    },
    { VIRTIO_GPU_RESP_OK_NODATA,              UNSPECIFIED                    }, /* a response is no command */
    { 0,                                      UNSPECIFIED                    },
    { 0x0999,                                 UNSPECIFIED                    },
    { UINT32_MAX,                             UNSPECIFIED                    },
};

static uint32_t
ask(uint32_t type, uint32_t bytes)
{
    uint8_t command[LONGEST_BYTES] = { 0 };
    struct virtio_gpu_ctrl_hdr header = vgpu_encode_header(type);
    memcpy(command, &header, sizeof(header));
    return gpu_wire_ask(&wire, command, bytes);
}

UTEST(every_type_of_command_is_answered)
{
    for (int mmio = RIG_MMIO_LEGACY; mmio <= RIG_MMIO_MODERN; mmio++) {
        rig_start(&rig, (enum rig_mmio)mmio, args);
        gpu_wire_start(&wire, &rig, 0);
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            uint32_t answer = ask(types[i].type, LONGEST_BYTES);
            if (!EXPECT_EQ(answer, types[i].answer)) {
                printf("        type 0x%x: %s\n", types[i].type, vgpu_type_name(answer));
            }
        }
        rig_stop(&rig);
    }
}

/*
 * QEMU 7.2 logs a command that is shorter than its type, does nothing, and answers OK_NODATA all the same; 11.1 refuses it. So an
 * answer of success does not say that a command was whole. The driver cannot send such a one (gpu_refusal_test.c).
 */
UTEST(a_command_cut_short_does_nothing)
{
    char log[4096];
    uint32_t answer;
    rig_start(&rig, RIG_MMIO_MODERN, args);
    gpu_wire_start(&wire, &rig, VIRTIO_FEATURE(VIRTIO_F_RING_PACKED));
    answer =
        rig.qemu.version >= 11 ? (uint32_t)VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER : (uint32_t)OK;
    EXPECT_EQ(ask(VIRTIO_GPU_CMD_SET_SCANOUT, sizeof(struct virtio_gpu_set_scanout) - 1), answer);
    EXPECT_EQ(ask(VIRTIO_GPU_CMD_RESOURCE_UNREF, sizeof(struct virtio_gpu_ctrl_hdr)), answer);
    (void)qemu_log_read(&rig.qemu, log, sizeof(log));
    EXPECT_CONTAINS(log, "command size incorrect");
    EXPECT_EQ(ask(VIRTIO_GPU_CMD_RESOURCE_UNREF, sizeof(struct virtio_gpu_resource_unref)),
              BAD_RESOURCE);
    rig_stop(&rig);
}

/* Many commands at once, wrong and right mixed, are answered each for itself and in order. */
UTEST(wrong_commands_do_not_spoil_right_ones)
{
    rig_start(&rig, RIG_MMIO_MODERN, args);
    gpu_wire_start(&wire, &rig, 0);
    (void)gpu_wire_framebuffer(&wire, 7, 64, 64);
    for (unsigned i = 0; i < MIXED_COUNT; i++) {
        const struct vgpu_rect rect = { 0, 0, 64, i % 2 == 0 ? 64 : 65 };
        struct virtio_gpu_resource_flush flush = vgpu_encode_resource_flush(7, &rect);
        gpu_wire_add(&wire, &flush, sizeof(flush));
    }
    gpu_wire_run(&wire);
    EXPECT_EQ(wire.refused_count, MIXED_COUNT / 2);
    for (unsigned i = 0; i < MIXED_COUNT; i++) {
        struct virtio_gpu_ctrl_hdr header;
        memcpy(&header, wire.cells[i].response, sizeof(header));
        EXPECT_EQ(le32_get(header.type), i % 2 == 0 ? OK : VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    }
    rig_stop(&rig);
}
