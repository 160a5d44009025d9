/*
 * message.c - the table of vhost-user messages, and how one is read.
 */
#include "device/vhost/message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

struct rule {
    const char *name;
    uint16_t size_min;
    uint16_t size_max;
    uint8_t fd_min;
    uint8_t fd_max;
};

enum {
    NUMBER = sizeof(uint64_t),
    STATE = sizeof(struct vhost_vring_state),
    ADDR = sizeof(struct vhost_vring_addr),
    TABLE_MIN = offsetof(struct vhost_mem_table, regions),
    TABLE = sizeof(struct vhost_mem_table),
    REGION = sizeof(struct vhost_mem_region),
    CONFIG_MIN = VHOST_CONFIG_HEADER_BYTES,
    CONFIG = sizeof(struct vhost_config_space),
};

static const struct rule rules[VHOST_REQUEST_COUNT] = {
    [VHOST_GET_FEATURES] = {"GET_FEATURES",           0,          0,      0, 0                           },
    [VHOST_SET_FEATURES] = { "SET_FEATURES",          NUMBER,     NUMBER, 0, 0                           },
    [VHOST_SET_OWNER] = { "SET_OWNER",             0,          0,      0, 0                           },
    [VHOST_RESET_OWNER] = { "RESET_OWNER",           0,          0,      0, 0                           },
    [VHOST_SET_MEM_TABLE] = { "SET_MEM_TABLE",         TABLE_MIN,  TABLE,  0, VHOST_TABLE_REGION_COUNT_MAX},
    [VHOST_SET_VRING_NUM] = { "SET_VRING_NUM",         STATE,      STATE,  0, 0                           },
    [VHOST_SET_VRING_ADDR] = { "SET_VRING_ADDR",        ADDR,       ADDR,   0, 0                           },
    [VHOST_SET_VRING_BASE] = { "SET_VRING_BASE",        STATE,      STATE,  0, 0                           },
    [VHOST_GET_VRING_BASE] = { "GET_VRING_BASE",        STATE,      STATE,  0, 0                           },
    [VHOST_SET_VRING_KICK] = { "SET_VRING_KICK",        NUMBER,     NUMBER, 0, 1                           },
    [VHOST_SET_VRING_CALL] = { "SET_VRING_CALL",        NUMBER,     NUMBER, 0, 1                           },
    [VHOST_SET_VRING_ERR] = { "SET_VRING_ERR",         NUMBER,     NUMBER, 0, 1                           },
    [VHOST_GET_PROTOCOL_FEATURES] = { "GET_PROTOCOL_FEATURES", 0,          0,      0, 0                           },
    [VHOST_SET_PROTOCOL_FEATURES] = { "SET_PROTOCOL_FEATURES", NUMBER,     NUMBER, 0, 0                           },
    [VHOST_GET_QUEUE_NUM] = { "GET_QUEUE_NUM",         0,          0,      0, 0                           },
    [VHOST_SET_VRING_ENABLE] = { "SET_VRING_ENABLE",      STATE,      STATE,  0, 0                           },
    [VHOST_SET_BACKEND_REQ_FD] = { "SET_BACKEND_REQ_FD",    0,          0,      1, 1                           },
    [VHOST_GET_CONFIG] = { "GET_CONFIG",            CONFIG_MIN, CONFIG, 0, 0                           },
    [VHOST_SET_CONFIG] = { "SET_CONFIG",            CONFIG_MIN, CONFIG, 0, 0                           },
    [VHOST_GPU_SET_SOCKET] = { "GPU_SET_SOCKET",        0,          0,      1, 1                           },
    [VHOST_RESET_DEVICE] = { "RESET_DEVICE",          0,          0,      0, 0                           },
    [VHOST_GET_MAX_MEM_SLOTS] = { "GET_MAX_MEM_SLOTS",     0,          0,      0, 0                           },
    [VHOST_ADD_MEM_REG] = { "ADD_MEM_REG",           REGION,     REGION, 1, 1                           },
    [VHOST_REM_MEM_REG] = { "REM_MEM_REG",           REGION,     REGION, 0, 1                           },
    [VHOST_GET_SHMEM_CONFIG] = { "GET_SHMEM_CONFIG",      0,          0,      0, 0                           },
};

const char *
vhost_request_name(uint32_t request)
{
    bool is_known = request < VHOST_REQUEST_COUNT && rules[request].name != NULL;
    return is_known ? rules[request].name : "an unknown message";
}

static bool
check_request(uint32_t request, struct fault *fault)
{
    bool is_known = request < VHOST_REQUEST_COUNT && rules[request].name != NULL;
    return is_known ||
           refuse(fault, "vhost-user message %u is not one that this device takes", request);
}

bool
vhost_check_header(const struct vhost_header *header, struct fault *fault)
{
    if (!check_request(header->request, fault)) {
        return false;
    }
    const struct rule *rule = &rules[header->request];
    if ((header->flags & VHOST_VERSION_MASK) != VHOST_VERSION) {
        return refuse(fault, "%s has flags 0x%x: only version 1 is known", rule->name,
                      header->flags);
    }
    if (header->size_bytes < rule->size_min || header->size_bytes > rule->size_max) {
        return refuse(fault, "%s has %u bytes, right are %u to %u", rule->name, header->size_bytes,
                      rule->size_min, rule->size_max);
    }
    return true;
}

static bool
check_lengths(const struct vhost_message *message, struct fault *fault)
{
    const struct vhost_header *header = &message->header;
    const union vhost_payload *payload = &message->payload;
    size_t regions_bytes = header->size_bytes - TABLE_MIN;
    switch (header->request) {
    case VHOST_SET_MEM_TABLE:
        if (payload->table.count > VHOST_TABLE_REGION_COUNT_MAX ||
            payload->table.count * sizeof(struct vhost_region) != regions_bytes ||
            payload->table.count != message->fd_count) {
            return refuse(fault, "SET_MEM_TABLE tells of %u regions in %u bytes with %u fds",
                          payload->table.count, header->size_bytes, message->fd_count);
        }
        return true;
    case VHOST_GET_CONFIG:
    case VHOST_SET_CONFIG:
        if (payload->config.size_bytes > VHOST_CONFIG_BYTES_MAX ||
            payload->config.offset > VHOST_CONFIG_BYTES_MAX - payload->config.size_bytes ||
            header->size_bytes != CONFIG_MIN + payload->config.size_bytes) {
            return refuse(fault, "%s names %u bytes at %u in a message of %u",
                          vhost_request_name(header->request), payload->config.size_bytes,
                          payload->config.offset, header->size_bytes);
        }
        return true;
    case VHOST_SET_VRING_KICK:
    case VHOST_SET_VRING_CALL:
    case VHOST_SET_VRING_ERR:
        if (message->fd_count != ((payload->number & VHOST_VRING_NO_FD) == 0)) {
            return refuse(fault, "%s 0x%llx comes with %u fds", vhost_request_name(header->request),
                          (unsigned long long)payload->number, message->fd_count);
        }
        return true;
    default: return true;
    }
}

bool
vhost_check_message(const struct vhost_message *message, struct fault *fault)
{
    if (!vhost_check_header(&message->header, fault)) {
        return false;
    }
    const struct rule *rule = &rules[message->header.request];
    if (message->fd_count < rule->fd_min || message->fd_count > rule->fd_max) {
        return refuse(fault, "%s comes with %u fds, right are %u to %u", rule->name,
                      message->fd_count, rule->fd_min, rule->fd_max);
    }
    return check_lengths(message, fault);
}

int
vhost_take_fd(struct vhost_message *message, unsigned idx)
{
    int fd = idx < message->fd_count ? message->fds[idx] : -1;
    if (fd >= 0) {
        message->fds[idx] = -1;
    }
    return fd;
}

void
vhost_close_fds(struct vhost_message *message)
{
    for (unsigned i = 0; i < message->fd_count; i++) {
        if (message->fds[i] >= 0) {
            (void)close(message->fds[i]);
        }
    }
    message->fd_count = 0;
}

union fd_control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(VHOST_FD_COUNT_MAX * sizeof(int))];
};

/* Adds the fds of one part.  Returns: false: there are too many, and all of this part are closed. */
static bool
take_fds(struct msghdr *part, struct vhost_message *message)
{
    const struct cmsghdr *rights = CMSG_FIRSTHDR(part);
    if (rights == NULL || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) {
        return true;
    }
    unsigned count = (unsigned)((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    bool is_room = count <= VHOST_FD_COUNT_MAX - message->fd_count;
    for (unsigned i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(rights) + i * sizeof(fd), sizeof(fd));
        if (is_room) {
            message->fds[message->fd_count++] = fd;
        } else {
            (void)close(fd);
        }
    }
    return is_room;
}

/* One recvmsg.  Returns: bytes; 0: the end; -1: errno. */
static ssize_t
read_part(int socket, struct vhost_message *message, struct iovec *where)
{
    union fd_control control = { 0 };
    struct msghdr part = { .msg_iov = where,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof(control.bytes) };
    ssize_t got;
    do {
        got = recvmsg(socket, &part, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got > 0 && (!take_fds(&part, message) || (part.msg_flags & MSG_CTRUNC) != 0)) {
        errno = EMSGSIZE;
        return -1;
    }
    return got;
}

/* Where the next byte of the message goes, and how many are wanted there. */
static struct iovec
rest_of(struct vhost_reader *reader)
{
    size_t header_bytes = sizeof(reader->message.header);
    if (reader->got_bytes < header_bytes) {
        return (struct iovec){ (uint8_t *)&reader->message.header + reader->got_bytes,
                               header_bytes - reader->got_bytes };
    }
    size_t offset = reader->got_bytes - header_bytes;
    return (struct iovec){ (uint8_t *)&reader->message.payload + offset,
                           reader->message.header.size_bytes - offset };
}

/* Its request as soon as it is there, since who speaks something else may say no more; its size before it is believed. */
static bool
check_early(const struct vhost_reader *reader, struct fault *fault)
{
    const struct vhost_header *header = &reader->message.header;
    if (reader->got_bytes < sizeof(header->request)) {
        return true;
    }
    return reader->got_bytes == sizeof(*header) ? vhost_check_header(header, fault)
                                                : check_request(header->request, fault);
}

enum vhost_read_result
vhost_read(int socket, struct vhost_reader *reader, struct fault *fault)
{
    for (;;) {
        struct iovec where = rest_of(reader);
        if (where.iov_len == 0) {
            return vhost_check_message(&reader->message, fault) ? VHOST_READ_WHOLE
                                                                : VHOST_READ_WRONG;
        }
        ssize_t got = read_part(socket, &reader->message, &where);
        if (got == 0 || (got < 0 && (errno == ECONNRESET || errno == EPIPE))) {
            return VHOST_READ_END;
        }
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return VHOST_READ_MORE;
        }
        if (got < 0) {
            (void)refuse(fault, "reading a vhost-user message: %s",
                         errno == EMSGSIZE ? "it has too many fds" : strerror(errno));
            return VHOST_READ_WRONG;
        }
        reader->got_bytes += (size_t)got;
        if (!check_early(reader, fault)) {
            return VHOST_READ_WRONG;
        }
    }
}

void
vhost_read_next(struct vhost_reader *reader)
{
    vhost_close_fds(&reader->message);
    *reader = (struct vhost_reader){ 0 };
}

bool
vhost_send(int socket, const struct vhost_header *header, const void *payload, int fd)
{
    struct vhost_header own = *header;
    struct iovec parts[2] = {
        {&own, sizeof(own) },
        { .iov_len = header->size_bytes  }
    };
    memcpy(&parts[1].iov_base, &payload, sizeof(payload)); /* sendmsg does not write to it */
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = header->size_bytes > 0 ? 2 : 1 };
    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)(sizeof(*header) + header->size_bytes);
}
