/*
 * Guests behind QEMU: how our device is started for them, and what its GPU looks like from outside.  Who includes it has
 * defined GPU_HOSTILE_GUEST before, as tests/qtest/gpu_far_guest.h.
 */
#ifndef TESTS_QTEST_GPU_FAR_HOSTILE_H
#define TESTS_QTEST_GPU_FAR_HOSTILE_H

#include "tests/loop/gpu_hostile.h"

static const char far_lacks[] =
    "QEMU has no vhost-user-test-device-pci; 11.1 does: name one in QTEST_QEMU";

static inline uint32_t
seen_resource(unsigned scanout_idx)
{
    char scanout[64];
    if (guest.host.pid == 0) {
        return 0; /* QEMU's own device is not asked */
    }
    (void)snprintf(scanout, sizeof(scanout), "{\"index\": %u, \"display\": ", scanout_idx);
    return (uint32_t)our_gpu_number(&guest.host, scanout, "\"resource_id\": ");
}

static inline uint32_t
seen_pixel(unsigned scanout_idx, uint32_t x, uint32_t y)
{
    return guest.host.pid == 0 ? NOT_SHOWN : our_gpu_pixel(&guest.host, scanout_idx, x, y);
}

static inline uint64_t
seen_flush_count(void)
{
    return guest.host.pid == 0
               ? 0
               : our_gpu_number(&guest.host, "{\"index\": 0, \"display\": ", "\"flush_count\": ");
}

static inline uint32_t
seen_cursor_x(void)
{
    return guest.host.pid == 0 ? 0
                               : (uint32_t)our_gpu_number(&guest.host, "\"cursor\": {", "\"x\": ");
}

static inline bool
seen_cursor_is_shown(void)
{
    if (guest.host.pid == 0) {
        return false;
    }
    (void)our_gpu_has(&guest.host, "");
    const char *cursor = strstr(guest.host.status, "\"cursor\": {\"is_shown\": ");
    return cursor != NULL && cursor[strlen("\"cursor\": {\"is_shown\": ")] == 't';
}

static inline void
read_config(struct virtio_gpu_config *config)
{
    EXPECT_EQ(virtio_config_read(guest.device, 0, "\4\4\4\4", config, sizeof(*config)), VIRTIO_OK);
}

/* In pieces that a register takes; what lies behind the space is refused by the library already. */
static inline void
write_config(uint32_t offset, const void *bytes, uint32_t size)
{
    for (uint32_t at = 0; at < size; at += 4) {
        uint32_t value = 0;
        unsigned width = size - at < 4 ? size - at : 4;
        memcpy(&value, (const uint8_t *)bytes + at, width);
        (void)virtio_config_write(guest.device, offset + at, width, value);
    }
}

static inline void
write_window(void)
{
    qemu_write(&guest.rig.qemu, guest.window_addr, 1, 1);
}

static inline bool
begin_anew(uint64_t refused_features)
{
    return loop_guest_reset(&guest, refused_features);
}

/* Whether this QEMU can be a front-end of our device. */
static inline bool
far_can_begin(void)
{
    static const char *const none[] = { NULL };
    static long version;
    if (version == 0) {
        rig_start(&guest.rig, RIG_PCI, none);
        version = guest.rig.qemu.version;
        rig_stop(&guest.rig);
    }
    if (version < 11) {
        utest_skip(far_lacks);
    }
    return version >= 11;
}

/* A virtual machine whose GPU is our device, which runs already. */
static inline bool
far_connect(const char *front)
{
    static char chardev[128];
    static const char *words[] = { "-chardev", chardev, "-device", NULL, NULL };
    (void)snprintf(chardev, sizeof(chardev), "socket,id=gpu,path=%s", guest.host.socket);
    words[3] = front;
    return EXPECT_TRUE(loop_guest_begin(&guest, words));
}

static const char far_front[] = "vhost-user-test-device-pci,id=gpu0,chardev=gpu,virtio-id=16,"
                                "num_vqs=2,config_size=16,vq_size=256";

static inline bool
far_begin(const char *const *options)
{
    our_gpu_start(&guest.host, options);
    return far_connect(far_front);
}

/* It must have served to its end. */
static inline void
far_end(void)
{
    loop_guest_end(&guest);
    EXPECT_EQ(our_gpu_stop(&guest.host), 0);
}

#endif
