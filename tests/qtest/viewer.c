/*
 * The little of the RFB protocol (RFC 6143, and the community's ExtendedDesktopSize) that a resize needs; see viewer.h.
 */
#include "tests/qtest/viewer.h"

#include <string.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    VERSION_BYTES = 12,     /* "RFB 003.008\n", RFC 6143 §7.1.1 */
    SERVER_INIT_BYTES = 24, /* §7.3.2, the name follows */
    SECURITY_NONE = 1,
    SET_ENCODINGS = 2,
    SET_DESKTOP_SIZE = 251,
    WAIT_MS = 3000,
};

/* Read exactly so many bytes. */
static bool
take(int fd, void *bytes, size_t count)
{
    uint8_t *at = bytes;
    while (count > 0) {
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        if (poll(&wait, 1, WAIT_MS) != 1) {
            return false;
        }
        ssize_t got = recv(fd, at, count, 0);
        if (got <= 0) {
            return false;
        }
        at += got;
        count -= (size_t)got;
    }
    return true;
}

static bool
give(int fd, const void *bytes, size_t count)
{
    return send(fd, bytes, count, MSG_NOSIGNAL) == (ssize_t)count;
}

static uint16_t
be16_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Version, security, initialisation: RFC 6143 §7.1, §7.3. */
static bool
shake_hands(struct viewer *viewer)
{
    uint8_t version[VERSION_BYTES];
    uint8_t security[2]; /* one type, None */
    uint8_t result[4];
    uint8_t init[SERVER_INIT_BYTES];
    uint8_t name[256];
    static const uint8_t choice = SECURITY_NONE;
    static const uint8_t is_shared = 1;
    bool is_in = take(viewer->fd, version, sizeof(version)) &&
                 give(viewer->fd, "RFB 003.008\n", VERSION_BYTES) &&
                 take(viewer->fd, security, sizeof(security)) && security[0] == 1 &&
                 give(viewer->fd, &choice, 1) && take(viewer->fd, result, sizeof(result)) &&
                 result[3] == 0 && give(viewer->fd, &is_shared, 1) &&
                 take(viewer->fd, init, sizeof(init)) && init[22] == 0 &&
                 take(viewer->fd, name, init[23]);
    if (is_in) {
        viewer->width_px = be16_at(init);
        viewer->height_px = be16_at(init + 2);
    }
    return is_in;
}

/* Tell that we understand ExtendedDesktopSize (-308). */
static bool
set_encodings(struct viewer *viewer)
{
    static const uint8_t message[] = { SET_ENCODINGS, 0, 0, 2, 0, 0, 0, 0, 0xff, 0xff, 0xfe, 0xcc };
    return give(viewer->fd, message, sizeof(message));
}

bool
viewer_open(struct viewer *viewer, struct qemu *qemu)
{
    int pair[2];
    *viewer = (struct viewer){ .fd = -1 };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return false;
    }
    viewer->fd = pair[0];
    bool is_taken =
        qemu_pass_file(qemu, pair[1], "viewer") &&
        qemu_command(qemu, "{\"execute\": \"add_client\", \"arguments\": {\"protocol\": \"vnc\", "
                           "\"fdname\": \"viewer\", \"skipauth\": true}}");
    (void)close(pair[1]);
    return is_taken && shake_hands(viewer) && set_encodings(viewer);
}

bool
viewer_resize(struct viewer *viewer, uint16_t width_px, uint16_t height_px)
{
    uint8_t width[2] = { (uint8_t)(width_px >> 8), (uint8_t)width_px };
    uint8_t height[2] = { (uint8_t)(height_px >> 8), (uint8_t)height_px };
    /* Type, padding, size, one screen: id, place, size, flags. */
    uint8_t message[24] = { SET_DESKTOP_SIZE, 0, width[0], width[1], height[0], height[1], 1 };
    memcpy(message + 16, width, 2);
    memcpy(message + 18, height, 2);
    return give(viewer->fd, message, sizeof(message));
}

void
viewer_close(struct viewer *viewer)
{
    if (viewer->fd >= 0) {
        (void)close(viewer->fd);
    }
    viewer->fd = -1;
}
