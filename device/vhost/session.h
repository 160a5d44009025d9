/*
 * session.h - the parts of one front-end's session.  Private to device/vhost.
 */
#ifndef DEVICE_VHOST_SESSION_H
#define DEVICE_VHOST_SESSION_H

#include "device/vhost/message.h"
#include "device/vhost/vhost.h"
#include "device/vq/guest.h"
#include "device/vq/vq.h"

enum {
    VHOST_QUEUE_COUNT = 2,
    VHOST_REPLY_BYTES = sizeof(struct vhost_header) + sizeof(uint64_t),
    /*
     * Each piece of the guest's memory and each blob in the window is a region of QEMU's; with more than its
     * VHOST_USER_MAX_RAM_SLOTS, QEMU 11.1 ends.  Some stay free for memory that is plugged in.
     */
    VHOST_SLOT_COUNT = 512,
    VHOST_SPARE_SLOT_COUNT = 64,
};

struct vhost_queue {
    struct vhost *vhost;
    unsigned idx;
    int kick; /* eventfds; -1: none */
    int call;
    int err;
    bool is_enabled;
    bool has_addr;
    bool is_running;
    bool is_paused; /* stopped like a machine that pauses: vq and what is in flight stay */
    bool has_run;   /* since the device's last reset */
    uint32_t size;
    uint32_t base;
    struct vhost_vring_addr addr;
    struct vq vq;
};

/* A request to the front-end, until it is answered. */
struct vhost_asked {
    struct vhost_asked *next;
    uint32_t request;
    uint64_t token;
    int fd; /* ours; -1: none, or sent */
    bool is_sent;
    struct vhost_shmem_map map;
};

/* A file that is mapped in the host-visible window. */
struct vhost_mapped {
    struct vhost_mapped *next;
    uint64_t shm_offset;
    uint64_t device; /* st_dev, st_ino */
    uint64_t inode;
};

struct vhost {
    struct vhost_config config;
    struct gpu *gpu;
    int socket; /* -1: no session */
    uint64_t connect_ns;
    bool has_spoken; /* a whole message */
    struct vhost_reader reader;
    uint64_t protocol_features;
    uint64_t features;
    uint64_t session_count;
    struct vhost_queue queues[VHOST_QUEUE_COUNT];
    struct guest_memory guest;

    int backend;          /* -1: none */
    bool is_backend_lost; /* the front-end has closed it */
    struct loop_timer let_go;
    bool is_config_changed; /* to be said when the queues run */
    uint8_t reply[VHOST_REPLY_BYTES];
    size_t reply_bytes;
    struct vhost_asked *asked; /* the first one is under way */
    struct vhost_asked **asked_end;
    struct vhost_mapped *mapped;

    struct vhost_display *display; /* NULL: none */
};

bool vhost_has(const struct vhost *vhost, enum vhost_protocol_feature feature);

/* Says a printf sentence and ends the session. */
void vhost_fail(struct vhost *vhost, const char *format, ...) __attribute__((format(printf, 2, 3)));
void vhost_say(struct vhost *vhost, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * The front-end has closed the back-end's socket and gave us no other: it has let go of its device.  What the guest had is gone;
 * the connection stays, and a device that is plugged in may be given it, on which all begins anew.  We must not close it: QEMU
 * 11.1 would call the device that it has just freed.
 */
void vhost_let_go(struct vhost *vhost);

/* Resets the device; what the driver has accepted since stays. */
void vhost_reset_gpu(struct vhost *vhost);

/* memory.c: all take what they want of the message's fds.  Returns: false: fault. */
bool vhost_set_table(struct vhost *vhost, struct vhost_message *message, struct fault *fault);
bool vhost_add_region(struct vhost *vhost, struct vhost_message *message, struct fault *fault);
void vhost_remove_region(struct vhost *vhost, const struct vhost_region *region);

/* queue.c.  Returns: false: fault. */
void vhost_queues_init(struct vhost *vhost);
bool vhost_set_vring(struct vhost *vhost, struct vhost_message *message, struct fault *fault);
bool vhost_set_vring_fd(struct vhost *vhost, struct vhost_message *message, struct fault *fault);
/* *base: from which to go on.  What is in flight stays so until the queue starts again, or the device is reset. */
bool vhost_pause_vring(struct vhost *vhost, unsigned idx, uint32_t *base, struct fault *fault);
bool vhost_is_running(const struct vhost *vhost);
/* Stops all.  What was in flight is forgotten. */
void vhost_queues_stop(struct vhost *vhost);
/* The device is reset: none goes on from where it was paused. */
void vhost_queues_forget(struct vhost *vhost);
/* Rings lie elsewhere: the table has changed. */
void vhost_queues_move(struct vhost *vhost);
/* Stops all; closes their fds. */
void vhost_queues_finish(struct vhost *vhost);
void vhost_interrupt(void *user, unsigned queue_idx);
void vhost_queue_broke(void *user, unsigned queue_idx);

/*
 * backend.c: requests to the front-end.
 * A socket that follows another takes over all that is mapped, and what was asked and has no answer yet.
 * fd: taken over.  Returns: false: errno, and the session is to end.
 */
bool vhost_backend_open(struct vhost *vhost, int fd);
void vhost_backend_close(struct vhost *vhost);
/* Whether the front-end has closed it, though the loop has not said so yet. */
bool vhost_backend_is_closed(const struct vhost *vhost);
bool vhost_map(void *user, uint64_t token, int fd, uint64_t fd_offset, uint64_t shm_offset,
               uint64_t size_bytes);
bool vhost_unmap(void *user, uint64_t token, uint64_t shm_offset, uint64_t size_bytes);
/* Whether there is a slot for one more mapping.  One that is asked for counts, and one to be taken out until QEMU has done it. */
bool vhost_has_room(void *user);
void vhost_config_changed(void *user);
/* The queues run: what was not to be said before is said now. */
void vhost_backend_go_on(struct vhost *vhost);
/* Whether this file is one of those in the window. */
bool vhost_is_mapped(const struct vhost *vhost, uint64_t device, uint64_t inode);

#endif
