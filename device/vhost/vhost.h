/*
 * vhost.h - a virtio GPU behind QEMU's vhost-user front-ends.
 *
 *      QEMU                                          vitrine-gpu
 *        vhost-user socket ──messages, one by one──▶ session ─▶ memory table, queues ─▶ gpu
 *        kick eventfds ────────────────────────────▶ gpu_queue_ready
 *        call eventfds ◀──────────────────────────── host.interrupt
 *        back-end socket ◀─SHMEM_MAP, CONFIG_CHANGE─ host.map, host.config_changed;  acks ─▶ gpu_map_done
 *        display socket ◀──SCANOUT, UPDATE, CURSOR── a watcher (vhost-user-gpu only)
 *
 * All sockets are served by one loop, and none is ever waited for: QEMU sends its memory table anew, and waits for the ack,
 * before it answers a map.
 *
 * One front-end at a time: another one that comes meanwhile is closed, with a sentence here.  One that leaves, or says what is wrong,
 * ends its session with a sentence: the device is reset, and the next may connect (QEMU's `reconnect`).  One that closes the back-end's socket, and neither has given us another before
 * nor does so at once, has unplugged its device: ours is reset, and the connection is kept for one that is plugged in.  Lengths and fds are trusted from nobody; ring addresses are the
 * guest's.
 */
#ifndef DEVICE_VHOST_VHOST_H
#define DEVICE_VHOST_VHOST_H

#include "device/gpu/gpu.h"

struct vhost;

struct vhost_config {
    struct loop *loop;
    int listener;          /* of listen_on; closed by vhost_destroy */
    uint64_t window_bytes; /* host-visible window; 0: none */
    /* A sentence for people.  Not NULL. */
    void (*say)(void *user, const char *sentence);
    void *user;
    bool is_verbose; /* says also that a front-end has left */
    /* The device's trace; NULL: off. */
    void (*on_record)(void *record_user, const void *record);
    void *record_user;
};

/* Returns: the front; NULL and errno (the listener is then still the caller's). */
struct vhost *vhost_create(const struct vhost_config *config);

/* Fills host, window_bytes, loop, guest and what the device says of a device's config; callbacks work from vhost_serve on. */
void vhost_carry(struct vhost *vhost, struct gpu_config *config);

/* Takes connections from now on.  gpu: outlives the session, so that vhost_end comes before gpu_destroy. */
bool vhost_serve(struct vhost *vhost, struct gpu *gpu);

/* Ends the session, if there is one, and takes no more. */
void vhost_end(struct vhost *vhost);

/* After vhost_end and gpu_destroy.  vhost: NULL is allowed. */
void vhost_destroy(struct vhost *vhost);

/* Why the displays of user, the struct vhost, are not ours to change: a sentence; NULL: they are. */
const char *vhost_display_refusal(void *user);

/* Front-end, features, queues of user, the struct vhost, as one JSON object; as snprintf. */
size_t vhost_status(void *user, char *text, size_t size_bytes);

#endif
