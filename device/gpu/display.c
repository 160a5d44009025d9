/*
 * display.c - which displays are plugged in: configuration space, display info, EDID.  VirtIO 1.3 §5.7.4, §5.7.6.8.
 *
 * A front-end with displays of its own is asked first, and waited for like anybody else.
 */
#include <stdio.h>
#include <string.h>

#include "device/gpu/private.h"

/* --- configuration space --- */

void
gpu_config_read(const struct gpu *gpu, uint32_t offset, void *to, uint32_t size_bytes)
{
    const struct virtio_gpu_config config = {
        .events_read = le32_from(gpu->events),
        .num_scanouts = le32_from(gpu->config.scanout_count),
        .num_capsets = le32_from(gpu->config.capset_bytes != 0),
    };
    memset(to, 0, size_bytes);
    if (offset < sizeof(config)) {
        uint32_t left = (uint32_t)sizeof(config) - offset;
        memcpy(to, (const uint8_t *)&config + offset, size_bytes < left ? size_bytes : left);
    }
}

/* Drivers write whole fields, §2.5.1; other writes have no effect. */
void
gpu_config_write(struct gpu *gpu, uint32_t offset, const void *from, uint32_t size_bytes)
{
    le32 bits;
    if (offset == offsetof(struct virtio_gpu_config, events_clear) && size_bytes == sizeof(bits)) {
        memcpy(&bits, from, sizeof(bits));
        gpu->events &= ~le32_get(bits);
    }
}

const char *
gpu_set_display(struct gpu *gpu, unsigned scanout_idx, const struct gpu_scanout_config *display)
{
    if (scanout_idx >= gpu->config.scanout_count) {
        return "there is no such scanout";
    }
    if (display->width_px == 0 || display->height_px == 0 || display->width_px > GPU_SIDE_PX_MAX ||
        display->height_px > GPU_SIDE_PX_MAX) {
        return "each side of a display has 1 to 16384 pixels";
    }
    gpu->scanouts[scanout_idx].shown.display = *display;
    gpu->events |= VIRTIO_GPU_EVENT_DISPLAY;
    if (gpu->config.host.config_changed != NULL) {
        gpu->config.host.config_changed(gpu->config.host.user);
    }
    return NULL;
}

/* --- commands --- */

struct told_edid {
    const uint8_t *bytes;
    size_t count;
};

void
gpu_display_told(struct gpu *gpu, uint64_t token, const uint8_t *edid, size_t edid_bytes)
{
    const struct told_edid told = { edid, edid_bytes };
    if (gpu->wait.command != NULL && token != 0 && gpu->wait.token == token) {
        gpu_wait_done(gpu, edid != NULL ? &told : NULL);
    }
}

/* The displays stand side by side, in their order. */
static uint32_t
put_displays(struct gpu *gpu, struct gpu_command *command, const void *result)
{
    struct virtio_gpu_resp_display_info response = { 0 };
    uint32_t x = 0;
    (void)result; /* gpu_set_display was called */
    for (unsigned i = 0; i < gpu->config.scanout_count; i++) {
        const struct gpu_scanout_config *display = &gpu->scanouts[i].shown.display;
        struct virtio_gpu_display_one *mode = &response.pmodes[i];
        if (display->is_enabled) {
            mode->enabled = le32_from(1);
            mode->r.x = le32_from(x);
            mode->r.width = le32_from(display->width_px);
            mode->r.height = le32_from(display->height_px);
            x += display->width_px;
        }
    }
    gpu_put(command, &response, sizeof(response));
    return VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
}

static uint32_t
put_edid(struct gpu *gpu, struct gpu_command *command, const void *result)
{
    struct virtio_gpu_resp_edid response = { 0 };
    const struct told_edid *told = result;
    size_t count;
    if (told != NULL && told->count <= sizeof(response.edid)) {
        count = told->count;
        memcpy(response.edid, told->bytes, count);
    } else {
        count = gpu_edid(gpu, le32_get(command->request.get_edid.scanout), response.edid);
    }
    response.size = le32_from((uint32_t)count);
    gpu_put(command, &response, sizeof(response));
    return VIRTIO_GPU_RESP_OK_EDID;
}

uint32_t
gpu_on_get_display_info(struct gpu *gpu, struct gpu_command *command)
{
    const struct gpu_host *host = &gpu->config.host;
    struct gpu_wait wait = { .token = ++gpu->last_token,
                             .whom = "the front-end",
                             .is_optional = true,
                             .resume = put_displays };
    if (host->ask_displays != NULL && host->ask_displays(host->user, wait.token)) {
        return gpu_wait_begin(gpu, command, &wait);
    }
    return put_displays(gpu, command, NULL);
}

uint32_t
gpu_on_get_edid(struct gpu *gpu, struct gpu_command *command)
{
    const struct gpu_host *host = &gpu->config.host;
    uint32_t scanout_id = le32_get(command->request.get_edid.scanout);
    if (scanout_id >= gpu->config.scanout_count) {
        return gpu_refuse(gpu, command, VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
                          "scanout %u does not exist, there are %u", scanout_id,
                          gpu->config.scanout_count);
    }
    struct gpu_wait wait = {
        .token = ++gpu->last_token, .whom = "the front-end", .is_optional = true, .resume = put_edid
    };
    if (host->ask_edid != NULL && host->ask_edid(host->user, wait.token, scanout_id)) {
        return gpu_wait_begin(gpu, command, &wait);
    }
    return put_edid(gpu, command, NULL);
}

/* --- EDID 1.4: VESA Enhanced EDID, §3 --- */

enum {
    EDID_BYTES = 128,
    EDID_TIMING = 54, /* four descriptors of 18 bytes, the first of them the preferred timing */
    EDID_DESCRIPTOR_BYTES = 18,
    EDID_TIMING_PX_MAX = 4095,
    EDID_CLOCK_10KHZ_MAX = 65535,
    EDID_REFRESH_HZ = 60,
    EDID_REFRESH_HZ_MIN = 20,
    EDID_DOTS_PER_INCH = 96,
};

static void
put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static uint32_t
millimetres(uint32_t px)
{
    return px * 254 / (10 * EDID_DOTS_PER_INCH);
}

/*
 * As reduced blanking has it, roughly: nobody's beam has to fly back.
 * Returns: false: no timing can say this size; guests then take it from GET_DISPLAY_INFO.
 */
static bool
put_timing(uint8_t *to, uint32_t width_px, uint32_t height_px)
{
    enum { ACROSS = 160, FRONT = 48, PULSE = 32, DOWN = 40, DOWN_FRONT = 3, DOWN_PULSE = 5 };
    uint64_t dots = (uint64_t)(width_px + ACROSS) * (height_px + DOWN);
    uint64_t hz_max = EDID_CLOCK_10KHZ_MAX * UINT64_C(10000) / dots;
    uint64_t hz = hz_max < EDID_REFRESH_HZ ? hz_max : EDID_REFRESH_HZ;
    if (width_px > EDID_TIMING_PX_MAX || height_px > EDID_TIMING_PX_MAX ||
        hz < EDID_REFRESH_HZ_MIN) {
        return false;
    }
    uint32_t wide_mm = millimetres(width_px);
    uint32_t high_mm = millimetres(height_px);
    put16(to, (uint32_t)((dots * hz + 5000) / 10000));
    to[2] = (uint8_t)width_px;
    to[3] = ACROSS;
    to[4] = (uint8_t)(width_px >> 8 << 4);
    to[5] = (uint8_t)height_px;
    to[6] = DOWN;
    to[7] = (uint8_t)(height_px >> 8 << 4);
    to[8] = FRONT;
    to[9] = PULSE;
    to[10] = DOWN_FRONT << 4 | DOWN_PULSE;
    to[12] = (uint8_t)wide_mm;
    to[13] = (uint8_t)high_mm;
    to[14] = (uint8_t)(wide_mm >> 8 << 4 | high_mm >> 8);
    to[17] = 0x1e; /* digital separate sync, both positive */
    return true;
}

/* A descriptor of text: tag 0xfc name, 0xff serial, 0xfe any.  13 characters; a shorter one ends with a line feed. */
static void
put_text(uint8_t *to, uint8_t tag, const char *text)
{
    size_t length = strlen(text);
    to[3] = tag;
    memset(to + 5, ' ', 13);
    memcpy(to + 5, text, length < 13 ? length : 13);
    if (length < 13) {
        to[5 + length] = '\n';
    }
}

size_t
gpu_edid(const struct gpu *gpu, unsigned scanout_idx, uint8_t edid[VIRTIO_GPU_EDID_BYTES_MAX])
{
    static const uint8_t header[8] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    static const uint8_t srgb[10] = { 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54 };
    const struct gpu_scanout_config *display = &gpu->scanouts[scanout_idx].shown.display;
    uint8_t *next = edid + EDID_TIMING;
    char serial[14];
    memset(edid, 0, VIRTIO_GPU_EDID_BYTES_MAX);
    memcpy(edid, header, sizeof(header));
    edid[8] = ('V' - '@') << 2 | ('T' - '@') >> 3; /* "VTR", five bits a letter */
    edid[9] = (('T' - '@') & 7) << 5 | ('R' - '@');
    put16(edid + 10, 1);
    edid[12] = (uint8_t)(scanout_idx + 1);
    edid[17] = 36; /* 2026 - 1990 */
    edid[18] = 1;
    edid[19] = 4;
    edid[20] = 0xa0; /* digital, 8 bits per colour */
    edid[21] = (uint8_t)(millimetres(display->width_px) / 10);
    edid[22] = (uint8_t)(millimetres(display->height_px) / 10);
    edid[23] = 120;  /* gamma 2.2 */
    edid[24] = 0x06; /* sRGB; the first timing is the native one */
    memcpy(edid + 25, srgb, sizeof(srgb));
    memset(edid + 38, 1, 16); /* no standard timings */
    if (put_timing(next, display->width_px, display->height_px)) {
        next += EDID_DESCRIPTOR_BYTES;
    }
    (void)snprintf(serial, sizeof(serial), "%u", scanout_idx);
    put_text(next, 0xfc, "Vitrine");
    put_text(next + EDID_DESCRIPTOR_BYTES, 0xff, serial);
    for (next += 2 * (ptrdiff_t)EDID_DESCRIPTOR_BYTES; next < edid + EDID_BYTES - 2;
         next += EDID_DESCRIPTOR_BYTES) {
        next[3] = 0x10; /* no descriptor */
    }
    uint8_t sum = 0;
    for (unsigned i = 0; i < EDID_BYTES - 1; i++) {
        sum = (uint8_t)(sum + edid[i]);
    }
    edid[EDID_BYTES - 1] = (uint8_t)-sum;
    return EDID_BYTES;
}
