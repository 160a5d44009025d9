/* Each check of the fake devices fires, and their models do what devices do. See fake_device_test.c. */
#include "tests/fake/fake_blk.h"
#include "tests/fake/fake_gpu.h"
#include "tests/fake/fake_input.h"
#include "tests/fake/fake_net.h"
#include "tests/fake/mini_driver.h"
#include "tests/unit/utest.h"

enum {
    W = VIRTQ_DESC_F_WRITE,
    ANSWER = 0x4000, /* offset of the writable part among the buffers */
    PIXELS = 0x8000,
    SIDE_PX = 64,
};

#define NET(name) VIRTIO_FEATURE(VIRTIO_NET_F_##name)

static struct mini m;
static struct fake_net net;
static struct fake_blk blk;
static struct fake_gpu gpu;
static struct fake_input input;

static uint8_t *
memory(uint32_t offset)
{
    return m.mem + MINI_DATA + offset;
}

/* Offer `readable` bytes at 0 and `writable` bytes at ANSWER. */
static void
offer(uint16_t queue_idx, uint32_t readable, uint32_t writable)
{
    struct mini_desc descs[2];
    uint16_t count = 0;
    if (readable > 0) {
        descs[count++] = (struct mini_desc){ mini_data(&m, 0), readable, 0, 0 };
    }
    if (writable > 0) {
        descs[count++] = (struct mini_desc){ mini_data(&m, ANSWER), writable, W, 0 };
    }
    uint16_t first = (uint16_t)(m.avail_idx[queue_idx] * 2 % MINI_QUEUE_SIZE);
    mini_offer(&m, queue_idx, first, descs, count);
}

static void
begin_net(uint64_t features)
{
    mini_init(&m, 2, features, &fake_net_model, &net);
    fake_net_init(&net, &m.device);
    m.queue_count = 3;
    mini_start(&m, MINI_DRIVER_OK);
}

static bool
send_breaks(uint64_t features, struct virtio_net_hdr hdr, uint32_t bytes,
            enum fake_requirement requirement)
{
    begin_net(features);
    memcpy(memory(0), &hdr, sizeof(hdr));
    offer(VIRTIO_NET_TRANSMITQ, bytes, 0);
    fake_net_finish(&net);
    return mini_broke(&m, requirement);
}

UTEST(net_sends_wrongly)
{
    const struct virtio_net_hdr good = { 0 };
    const struct virtio_net_hdr buffers = { .num_buffers = le16_from(1) };
    const struct virtio_net_hdr flags = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };
    const struct virtio_net_hdr valid = { .flags = VIRTIO_NET_HDR_F_DATA_VALID };
    const struct virtio_net_hdr gso = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 };
    EXPECT_TRUE(send_breaks(0, good, 12, FAKE_REQ_NET_TX_HEADER));
    EXPECT_TRUE(send_breaks(0, buffers, 72, FAKE_REQ_NET_TX_NUM_BUFFERS));
    EXPECT_TRUE(send_breaks(0, flags, 72, FAKE_REQ_NET_TX_FLAGS));
    EXPECT_TRUE(send_breaks(NET(CSUM), valid, 72, FAKE_REQ_NET_TX_FLAGS));
    EXPECT_TRUE(send_breaks(0, gso, 72, FAKE_REQ_NET_TX_GSO));
    EXPECT_TRUE(send_breaks(NET(MTU), good, 12 + 1515, FAKE_REQ_NET_TX_MTU));
}

static bool
receive_breaks(uint64_t features, uint32_t readable, uint32_t writable,
               enum fake_requirement requirement)
{
    begin_net(features);
    offer(VIRTIO_NET_RECEIVEQ, readable, writable);
    return mini_broke(&m, requirement);
}

UTEST(net_receives_wrongly)
{
    EXPECT_TRUE(receive_breaks(0, 1526, 1526, FAKE_REQ_NET_RX_WRITABLE));
    EXPECT_TRUE(receive_breaks(NET(MRG_RXBUF), 0, 11, FAKE_REQ_NET_RX_HEADER));
    EXPECT_TRUE(receive_breaks(0, 0, 1500, FAKE_REQ_NET_RX_BYTES));
}

static bool
control_breaks(uint64_t features, const char *command, uint32_t bytes, uint32_t ack_bytes,
               enum fake_requirement requirement)
{
    begin_net(NET(CTRL_VQ) | features);
    memcpy(memory(0), command, bytes);
    offer(VIRTIO_NET_CONTROLQ, bytes, ack_bytes);
    return mini_broke(&m, requirement);
}

UTEST(net_controls_wrongly)
{
    EXPECT_TRUE(control_breaks(NET(CTRL_RX), "\0\0\1", 3, 0, FAKE_REQ_NET_CTRL_FORMAT));
    EXPECT_TRUE(control_breaks(0, "\0\0\1", 3, 1, FAKE_REQ_NET_CTRL_RX));
    EXPECT_TRUE(control_breaks(NET(CTRL_RX), "\0\2\1", 3, 1, FAKE_REQ_NET_CTRL_RX_EXTRA));
    EXPECT_TRUE(control_breaks(0, "\1\0\0\0\0\0\0\0\0\0", 10, 1, FAKE_REQ_NET_CTRL_MAC));
    EXPECT_TRUE(
        control_breaks(NET(CTRL_RX), "\1\0\1\0\0\0\0\0\0\0", 10, 1, FAKE_REQ_NET_CTRL_MAC_TABLE));
}

UTEST(net_moves_frames)
{
    begin_net(NET(CTRL_VQ) | NET(CTRL_RX) | NET(MRG_RXBUF));
    memset(memory(0), 0, 12);
    memcpy(memory(12), "frame", 5);
    offer(VIRTIO_NET_TRANSMITQ, 17, 0);
    EXPECT_EQ(net.sent_count, 1);
    EXPECT_EQ(fake_net_last_sent(&net)->bytes, 5);
    EXPECT_MEMEQ(fake_net_last_sent(&net)->data, "frame", 5);
    EXPECT_FALSE(fake_net_receive(&m.device, "early", 5));
    offer(VIRTIO_NET_RECEIVEQ, 0, 16);
    offer(VIRTIO_NET_RECEIVEQ, 0, 16);
    EXPECT_TRUE(fake_net_receive(&m.device, "merged", 6));
    EXPECT_EQ(m.device.queues[VIRTIO_NET_RECEIVEQ].used_count, 2);
    memcpy(memory(0), "\1\0\1\0\0\0\2abcde\1\0\0\0\3abcde", 22);
    offer(VIRTIO_NET_CONTROLQ, 22, 1);
    EXPECT_EQ(memory(ANSWER)[0], VIRTIO_NET_OK);
    EXPECT_EQ(net.multicast[0][0], 3);
    fake_net_finish(&net);
    EXPECT_TRUE(mini_is_clean(&m));
}

static void
begin_blk(uint64_t features)
{
    mini_init(&m, 2, features, &fake_blk_model, &blk);
    fake_blk_init(&blk, &m.device, 8);
    mini_start(&m, MINI_DRIVER_OK);
}

static void
request(uint32_t type, uint64_t sector, uint32_t out_bytes, uint32_t writable)
{
    struct virtio_blk_req req = { .type = le32_from(type), .sector = le64_from(sector) };
    memcpy(memory(0), &req, sizeof(req));
    offer(VIRTIO_BLK_REQUESTQ, sizeof(req) + out_bytes, writable);
}

static bool
request_breaks(uint32_t type, uint64_t sector, uint32_t out_bytes, uint32_t writable,
               enum fake_requirement requirement)
{
    begin_blk(VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH));
    request(type, sector, out_bytes, writable);
    fake_blk_finish(&blk);
    return mini_broke(&m, requirement);
}

UTEST(blk_asks_wrongly)
{
    EXPECT_TRUE(request_breaks(VIRTIO_BLK_T_IN, 0, 0, 0, FAKE_REQ_BLK_FRAMING));
    EXPECT_TRUE(request_breaks(VIRTIO_BLK_T_IN, 8, 0, 513, FAKE_REQ_BLK_CAPACITY));
    EXPECT_TRUE(request_breaks(VIRTIO_BLK_T_OUT, UINT64_MAX, 512, 1, FAKE_REQ_BLK_CAPACITY));
    EXPECT_TRUE(request_breaks(VIRTIO_BLK_T_FLUSH, 1, 0, 1, FAKE_REQ_BLK_FLUSH_SECTOR));
    EXPECT_TRUE(request_breaks(VIRTIO_BLK_T_FLUSH, 0, 8, 1, FAKE_REQ_BLK_FLUSH_DATA));
    EXPECT_TRUE(request_breaks(VIRTIO_BLK_T_IN, 0, 0, 512, FAKE_REQ_BLK_DATA_BYTES));
    EXPECT_TRUE(request_breaks(VIRTIO_BLK_T_GET_ID, 0, 0, 20, FAKE_REQ_BLK_ID_BYTES));
    begin_blk(0);
    request(VIRTIO_BLK_T_FLUSH, 0, 0, 1);
    fake_blk_finish(&blk);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_BLK_FLUSH_NEGOTIATED));
}

UTEST(blk_reads_writeback_too_early)
{
    mini_init(&m, 2, VIRTIO_FEATURE(VIRTIO_BLK_F_CONFIG_WCE), &fake_blk_model, &blk);
    mini_start(&m, MINI_DRIVER);
    (void)m.fp.plat.mmio_read(&m.fp, m.regs + VIRTIO_MMIO_CONFIG + 32, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_BLK_WRITEBACK_EARLY));
}

UTEST(blk_keeps_what_is_written)
{
    begin_blk(VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH));
    memset(memory(16), 0x5a, 512);
    request(VIRTIO_BLK_T_OUT, 3, 512, 1);
    EXPECT_EQ(memory(ANSWER)[0], VIRTIO_BLK_S_OK);
    request(VIRTIO_BLK_T_IN, 3, 0, 513);
    EXPECT_EQ(memory(ANSWER)[511], 0x5a);
    EXPECT_EQ(memory(ANSWER)[512], VIRTIO_BLK_S_OK);
    blk.fail_sector = 3;
    request(VIRTIO_BLK_T_IN, 2, 0, 1025);
    EXPECT_EQ(memory(ANSWER)[1024], VIRTIO_BLK_S_IOERR);
    fake_blk_finish(&blk);
    EXPECT_TRUE(mini_is_clean(&m));
}

static void
begin_gpu(uint64_t features)
{
    mini_init(&m, 2, features, &fake_gpu_model, &gpu);
    fake_gpu_init(&gpu, 1);
    m.queue_count = 2;
    mini_start(&m, MINI_DRIVER_OK);
}

/* Send a command of `words` behind its header. Returns: the type of the response. */
static uint32_t
command(uint32_t type, uint32_t bytes, uint32_t room, const uint32_t *words)
{
    memset(memory(0), 0, bytes);
    le32 wire = le32_from(type);
    memcpy(memory(0), &wire, 4);
    for (uint32_t i = 0; i < (bytes - 24) / 4; i++) {
        wire = le32_from(words[i]);
        memcpy(memory(24 + 4 * i), &wire, 4);
    }
    bool is_cursor = type >= VIRTIO_GPU_CMD_UPDATE_CURSOR;
    offer(is_cursor ? VIRTIO_GPU_CURSORQ : VIRTIO_GPU_CONTROLQ, bytes, room);
    memcpy(&wire, memory(ANSWER), 4);
    return is_cursor ? 0 : le32_get(wire);
}

static bool
end_gpu(enum fake_requirement requirement)
{
    fake_gpu_finish(&gpu);
    return mini_broke(&m, requirement);
}

static void
create(uint32_t id, uint32_t side_px)
{
    const uint32_t words[] = { id, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, side_px, side_px };
    EXPECT_EQ(command(VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, 40, 24, words), VIRTIO_GPU_RESP_OK_NODATA);
}

UTEST(gpu_is_asked_wrongly)
{
    const uint32_t none[16] = { 0 };
    begin_gpu(0);
    (void)command(VIRTIO_GPU_CMD_RESOURCE_UNREF, 28, 24, none);
    EXPECT_TRUE(end_gpu(FAKE_REQ_GPU_REQUEST_BYTES));
    begin_gpu(0);
    (void)command(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, 24, 100, none);
    EXPECT_TRUE(end_gpu(FAKE_REQ_GPU_RESPONSE_ROOM));
    begin_gpu(0);
    (void)command(VIRTIO_GPU_CMD_GET_EDID, 32, 1056, none);
    EXPECT_TRUE(end_gpu(FAKE_REQ_GPU_FEATURE));
    begin_gpu(0);
    (void)command(VIRTIO_GPU_CMD_GET_CAPSET_INFO, 32, 40, none);
    EXPECT_TRUE(end_gpu(FAKE_REQ_GPU_CAPSET_INDEX));
    begin_gpu(0);
    le32 type = le32_from(VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
    memcpy(memory(0), &type, 4);
    offer(VIRTIO_GPU_CURSORQ, 24, 408);
    EXPECT_TRUE(end_gpu(FAKE_REQ_GPU_QUEUE));
    begin_gpu(0);
    create(1, 32);
    const uint32_t cursor[] = { 0, 0, 0, 0, 1, 0, 0, 0 };
    (void)command(VIRTIO_GPU_CMD_UPDATE_CURSOR, 56, 0, cursor);
    EXPECT_TRUE(end_gpu(FAKE_REQ_GPU_CURSOR_SIZE));
    begin_gpu(0);
    create(1, 32);
    const uint32_t outside[] = { 16, 0, 32, 32, 0, 1 };
    EXPECT_EQ(command(VIRTIO_GPU_CMD_SET_SCANOUT, 48, 24, outside),
              VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    EXPECT_TRUE(end_gpu(FAKE_REQ_GPU_RECT_INSIDE));
}

/* A blob of 8192 bytes, mapped at `offset`. */
static void
map_blob(uint32_t offset)
{
    const uint32_t blob[] = { 7, VIRTIO_GPU_BLOB_MEM_GUEST, 1, 0, 0, 0, 8192, 0 };
    const uint32_t map[] = { 7, 0, offset, 0 };
    begin_gpu(VIRTIO_FEATURE(VIRTIO_GPU_F_RESOURCE_BLOB));
    m.device.shm_bytes = 16384;
    EXPECT_EQ(command(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, 56, 24, blob),
              VIRTIO_GPU_RESP_OK_NODATA);
    (void)command(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, 40, 32, map);
}

UTEST(gpu_blobs_are_mapped_wrongly)
{
    const uint32_t unref[] = { 7, 0 };
    map_blob(100);
    EXPECT_TRUE(end_gpu(FAKE_REQ_GPU_MAP_RANGE));
    map_blob(12288);
    EXPECT_TRUE(end_gpu(FAKE_REQ_GPU_MAP_RANGE));
    map_blob(4096);
    (void)command(VIRTIO_GPU_CMD_RESOURCE_UNREF, 32, 24, unref);
    EXPECT_TRUE(end_gpu(FAKE_REQ_GPU_UNREF_MAPPED));
}

UTEST(gpu_draws_what_is_flushed)
{
    begin_gpu(VIRTIO_FEATURE(VIRTIO_GPU_F_EDID));
    create(7, SIDE_PX);
    uint64_t pixels = mini_data(&m, PIXELS);
    const uint32_t attach[] = {
        7, 1, (uint32_t)pixels, (uint32_t)(pixels >> 32), SIDE_PX * SIDE_PX * 4, 0
    };
    EXPECT_EQ(command(VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, 48, 24, attach),
              VIRTIO_GPU_RESP_OK_NODATA);
    const uint32_t scanout[] = { 0, 0, SIDE_PX, SIDE_PX, 0, 7 };
    EXPECT_EQ(command(VIRTIO_GPU_CMD_SET_SCANOUT, 48, 24, scanout), VIRTIO_GPU_RESP_OK_NODATA);
    uint32_t offset = (10 * SIDE_PX + 20) * 4;
    memcpy(memory(PIXELS + offset), "\x03\x02\x01\xff", 4); /* blue, green, red */
    const uint32_t transfer[] = { 20, 10, 4, 4, offset, 0, 7, 0 };
    EXPECT_EQ(command(VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, 56, 24, transfer),
              VIRTIO_GPU_RESP_OK_NODATA);
    EXPECT_EQ(fake_gpu_pixel(&gpu, 0, 20, 10), 0);
    const uint32_t flush[] = { 20, 10, 4, 4, 7, 0 };
    EXPECT_EQ(command(VIRTIO_GPU_CMD_RESOURCE_FLUSH, 48, 24, flush), VIRTIO_GPU_RESP_OK_NODATA);
    EXPECT_EQ(fake_gpu_pixel(&gpu, 0, 20, 10), 0x010203);
    const uint32_t edid[] = { 0, 0 };
    EXPECT_EQ(command(VIRTIO_GPU_CMD_GET_EDID, 32, 1056, edid), VIRTIO_GPU_RESP_OK_EDID);
    const uint32_t unref[] = { 8, 0 };
    EXPECT_EQ(command(VIRTIO_GPU_CMD_RESOURCE_UNREF, 32, 24, unref),
              VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    fake_gpu_finish(&gpu);
    EXPECT_TRUE(mini_is_clean(&m));
}

static void
begin_input(enum mini_step last)
{
    mini_init(&m, 2, 0, &fake_input_model, &input);
    fake_input_init(&input, true);
    m.queue_count = 2;
    mini_start(&m, last);
}

static void
config_byte(uint32_t offset, uint8_t value)
{
    m.fp.plat.mmio_write(&m.fp, m.regs + VIRTIO_MMIO_CONFIG + offset, 1, value);
}

UTEST(input_is_asked_wrongly)
{
    begin_input(MINI_DRIVER_OK);
    config_byte(0, VIRTIO_INPUT_CFG_ID_NAME);
    (void)m.fp.plat.mmio_read(&m.fp, m.regs + VIRTIO_MMIO_CONFIG + 2, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INPUT_SELECT_BOTH));
    begin_input(MINI_DRIVER_OK);
    config_byte(2, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INPUT_CONFIG_WRITE));
    begin_input(MINI_DRIVER_OK);
    config_byte(0, VIRTIO_INPUT_CFG_ID_NAME);
    config_byte(1, 0);
    (void)m.fp.plat.mmio_read(&m.fp, m.regs + VIRTIO_MMIO_CONFIG + 8, 1);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INPUT_SIZE_READ));
    begin_input(MINI_DRIVER_OK);
    offer(VIRTIO_INPUT_EVENTQ, 0, 7);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INPUT_EVENT_BUFFER));
    begin_input(MINI_DRIVER_OK);
    offer(VIRTIO_INPUT_STATUSQ, 7, 0);
    EXPECT_TRUE(mini_broke(&m, FAKE_REQ_INPUT_STATUS_BUFFER));
}

UTEST(input_brings_events)
{
    begin_input(MINI_DRIVER_OK);
    EXPECT_FALSE(fake_input_event(&m.device, VIRTIO_INPUT_EV_ABS, 0, 5));
    offer(VIRTIO_INPUT_EVENTQ, 0, 8);
    EXPECT_TRUE(fake_input_event(&m.device, VIRTIO_INPUT_EV_ABS, 1, 77));
    EXPECT_MEMEQ(memory(ANSWER), "\3\0\1\0\x4d\0\0\0", 8);
    EXPECT_TRUE(mini_is_clean(&m));
}

UTEST(every_requirement_of_devices_has_a_broken_driver)
{
    EXPECT_EQ(mini_unproven(FAKE_REQ_NET_TX_HEADER, FAKE_REQ_COUNT - 1), 0);
}
