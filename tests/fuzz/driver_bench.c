#include "tests/fuzz/driver_bench.h"

#include "virtio/blk.h"
#include "virtio/gpu.h"
#include "virtio/input.h"
#include "virtio/net.h"

#include "tests/fake/fake_blk.h"
#include "tests/fake/fake_gpu.h"
#include "tests/fake/fake_input.h"
#include "tests/fake/fake_net.h"

enum {
    ARENA_BYTES = 3 << 16,
    CONFIG_BYTES = 160,
    TIMEOUT_MS = 10,
    RELAX_STEP_NS = 5000000,
    PIXELS_BYTES = 16 * 16 * 4,
    SIDE_PX = 16,
    BUFFERS_MAX = 512, /* after so many the device is silent */
    ANSWER_BYTES = 2048,
};

static struct fake_platform fp;
static struct fake_device fake;
static struct virtio_bus bus;
static struct virtio_device *device;
static struct virtio_arena arena;
static struct fuzz_input in;
static unsigned buffer_count;

static const struct fake_model *const kinds[] = { &fake_gpu_model, &fake_net_model, &fake_blk_model,
                                                  &fake_input_model };
static struct fake_model model; /* one of them, with the fuzzer for a heart */

/* What comes back, and how much of it; some buffers are kept until the next one comes. */
static void
answer(struct fake_chain *chain)
{
    uint8_t bytes[ANSWER_BYTES];
    uint8_t how = fuzz_u8(&in);
    uint32_t room = chain->writable_bytes < sizeof(bytes) ? chain->writable_bytes : sizeof(bytes);
    uint32_t wanted = (how & 8) != 0 ? room : fuzz_u16(&in);
    fuzz_take(&in, bytes, wanted < room ? wanted : room);
    fake_chain_write(chain, 0, bytes, wanted < room ? wanted : room);
    if ((how & 16) != 0 && chain->writable_bytes >= 1 && chain->queue_idx == 0) {
        uint8_t zero = 0; /* a block device's status of success */
        fake_chain_write(chain, chain->writable_bytes - 1, &zero, 1);
    }
    fake_chain_complete(&fake, chain, (how & 32) != 0 ? chain->writable_bytes : wanted);
}

static void
fuzz_buffer(struct fake_device *unused, struct fake_chain *chain)
{
    (void)unused;
    if (++buffer_count > BUFFERS_MAX || in.left == 0 || (fuzz_u8(&in) & 7) == 0) {
        return;
    }
    answer(chain);
}

/* Between the driver's steps the device may give back what it kept, change its configuration, reset. */
static void
disturb(void)
{
    uint8_t what = fuzz_u8(&in);
    uint16_t queue_idx = what >> 4 & 1;
    struct fake_chain *chain = fake_queue_oldest(&fake, queue_idx);
    if ((what & 1) != 0 && chain != NULL) {
        answer(chain);
    }
    if ((what & 2) != 0) {
        fuzz_take(&in, fake.config, 16);
        fake_device_config_changed(&fake);
    }
    if ((what & 0xec) == 0xec) {
        fake_device_vanish(&fake);
    }
    if ((what & 0xec) == 0x6c) {
        fake_device_need_reset(&fake);
    }
    fake_platform_advance(&fp, RELAX_STEP_NS / 10);
}

static void
gpu_session(uint8_t flavour, bool is_long)
{
    static struct vgpu vgpu;
    const struct vgpu_config config = {
        .timeout_ms = TIMEOUT_MS,
        .features = VIRTIO_FEATURES_LIBRARY,
        .capset_bytes_max = 64,
        .depth = 16,
        .uses_indirect = (flavour & 64) != 0,
        .is_interrupting = (flavour & 16) != 0,
        .driver = (flavour & 32) != 0 ? VGPU_DRIVER_SIMPLE : VGPU_DRIVER_QUEUED,
    };
    const struct vgpu_rect all = { 0, 0, SIDE_PX, SIDE_PX };
    struct vgpu_framebuffer framebuffer = { .vgpu = NULL };
    struct vgpu_capset_info capset = { 4, 1, 64 };
    uint8_t bytes[VIRTIO_GPU_EDID_BYTES_MAX];
    size_t got = sizeof(bytes);
    if (vgpu_init(&vgpu, device, &config, &arena) != VIRTIO_OK) {
        return;
    }
    for (unsigned i = 0; is_long && i < 3; i++) {
        uint8_t *pixels = virtio_arena_take(&arena, PIXELS_BYTES, 64);
        const struct vgpu_framebuffer_config shown = {
            .image = {VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, SIDE_PX, SIDE_PX },
            .backing = { .memory = pixels,                               .bytes = PIXELS_BYTES                     },
        };
        (void)vgpu_display_info_wait(&vgpu);
        disturb();
        if (vgpu_edid_wait(&vgpu, i, bytes, &got) == VIRTIO_OK) {
            fuzz_expect(got <= sizeof(bytes));
        }
        got = sizeof(bytes);
        (void)vgpu_capset_info_wait(&vgpu, 0, &capset);
        (void)vgpu_capset_wait(&vgpu, &capset, bytes, &got);
        (void)vgpu_framebuffer_bring_up_wait(&framebuffer, &vgpu, &shown);
        (void)vgpu_cmd_transfer_to_host_2d(&vgpu, 1, &all, 0, NULL);
        (void)vgpu_cmd_resource_flush(&vgpu, 1, &all, NULL);
        vgpu_notify(&vgpu);
        disturb();
        (void)vgpu_interrupt(&vgpu);
        (void)vgpu_poll(&vgpu);
        (void)vgpu_framebuffer_bring_down_wait(&framebuffer);
    }
    (void)vgpu_finish(&vgpu);
}

static void
net_session(uint8_t flavour, bool is_long)
{
    static struct vnet vnet;
    const struct vnet_config config = { .is_interrupting = (flavour & 16) != 0,
                                        .features = VIRTIO_FEATURES_LIBRARY,
                                        .rx_queue_size = 8,
                                        .tx_queue_size = 8 };
    uint8_t frame[1518] = { 0 };
    if (vnet_init(&vnet, device, &config, &arena) != VIRTIO_OK) {
        return;
    }
    for (unsigned i = 0; is_long && i < 12; i++) {
        size_t bytes = 0;
        struct vnet_frame whole;
        (void)vnet_send(&vnet, frame, 60 + i);
        disturb();
        enum virtio_err err = vnet_receive(&vnet, frame, sizeof(frame), &bytes);
        fuzz_expect(err != VIRTIO_OK || bytes <= sizeof(frame));
        disturb();
        if (vnet_receive_frame(&vnet, &whole) == VIRTIO_OK) {
            for (unsigned s = 0; s < whole.seg_count; s++) {
                memset(whole.segs[s].data, 1, whole.segs[s].bytes);
            }
            vnet_recycle(&vnet, &whole);
        }
        (void)vnet_take_events(&vnet);
        (void)vnet_is_link_up(&vnet);
    }
    if (is_long) {
        (void)vnet_set_promiscuous(&vnet, true);
        (void)vnet_drain(&vnet, TIMEOUT_MS);
    }
    vnet_finish(&vnet);
}

static void
blk_session(uint8_t flavour, bool is_long)
{
    static struct vblk vblk;
    const struct vblk_config config = { .is_interrupting = (flavour & 16) != 0,
                                        .features = VIRTIO_FEATURES_LIBRARY,
                                        .queue_size = 16 };
    uint8_t data[2048] = { 0 };
    char id[VIRTIO_BLK_ID_BYTES + 1] = "";
    if (vblk_init(&vblk, device, &config, &arena) != VIRTIO_OK) {
        return;
    }
    for (uint64_t i = 0; is_long && i < 6; i++) {
        (void)vblk_read(&vblk, i * i, 1 + (uint32_t)i % 4, data, TIMEOUT_MS);
        disturb();
        (void)vblk_write(&vblk, UINT64_MAX - i, 2, data, TIMEOUT_MS);
        (void)vblk_write(&vblk, i, 2, data, TIMEOUT_MS);
        (void)vblk_flush(&vblk, TIMEOUT_MS);
        (void)vblk_get_id(&vblk, id, TIMEOUT_MS);
        fuzz_expect(memchr(id, 0, sizeof(id)) != NULL);
    }
    vblk_finish(&vblk);
}

static void
input_session(uint8_t flavour, bool is_long)
{
    static struct vinput vinput;
    const struct vinput_config config = { .is_interrupting = (flavour & 16) != 0,
                                          .features = VIRTIO_FEATURES_LIBRARY,
                                          .event_count = 8 };
    struct vinput_event event;
    if (vinput_init(&vinput, device, &config, &arena) != VIRTIO_OK) {
        return;
    }
    fuzz_expect(memchr(vinput.name, 0, sizeof(vinput.name)) != NULL);
    fuzz_expect(memchr(vinput.serial, 0, sizeof(vinput.serial)) != NULL);
    for (unsigned i = 0; is_long && i < 16; i++) {
        disturb();
        (void)vinput_next(&vinput, &event);
        (void)vinput_set_led(&vinput, i % 3, (i & 1) != 0);
    }
    vinput_finish(&vinput);
}

static void
plug(uint64_t features)
{
    fake_platform_init(&fp);
    fp.is_expecting_violations = true; /* a device made of noise is no judge */
    fp.relax_step_ns = RELAX_STEP_NS;
    fp.relax_limit = 100000;
    fake_device_init(&fake, &fp,
                     &(struct fake_device_config){ .model = &model,
                                                   .version = (features & 1) != 0 ? 1 : 2,
                                                   .features = features,
                                                   .queue_count = 3,
                                                   .queue_size_max = 64 });
    fuzz_take(&in, fake.config, CONFIG_BYTES);
    arena = fake_platform_arena(&fp, ARENA_BYTES);
    fuzz_expect(virtio_bus_init(&bus, &fp.plat, NULL) == VIRTIO_OK);
    fuzz_expect(virtio_mmio_probe(&bus, fake.base, FAKE_DEVICE_BYTES, &device) == VIRTIO_OK);
}

void
driver_bench_run(const uint8_t *data, size_t size, bool is_long)
{
    static void (*const sessions[])(uint8_t flavour, bool is_long) = { gpu_session, net_session,
                                                                       blk_session, input_session };
    in = (struct fuzz_input){ data, size };
    buffer_count = 0;
    uint8_t kind = fuzz_u8(&in) % 4;
    uint8_t flavour = fuzz_u8(&in);
    uint64_t features = fuzz_u32(&in);
    features |= (uint64_t)fuzz_u32(&in) << 32;
    model = *kinds[kind];
    model.reset = NULL;
    model.buffer = fuzz_buffer;
    model.config_read = NULL;
    model.config_written = NULL;
    plug(features);
    sessions[kind](flavour, is_long);
    fuzz_expect(device->owner[0] == '\0'); /* init failed or finish came: nobody's */
    fake_device_finish(&fake);
    fuzz_expect(fake_platform_finish(&fp));
}
