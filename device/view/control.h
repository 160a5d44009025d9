/*
 * control.h - the control socket of a device: a person asks, the running device answers.
 *
 *      vitrine status ──▶ "status\n"                  {"ok":true,"gpu":{...},"front":{...}}\n
 *                         "screenshot [SCANOUT]\n"    {"ok":true,"width_px":W,"height_px":H}\n and a memfd of the pixels
 *                         "resize SCANOUT WxH\n"      {"ok":true}\n
 *                         "plug SCANOUT WxH\n"        {"ok":true}\n
 *                         "unplug SCANOUT\n"          {"ok":true}\n
 *      what cannot be                                 {"ok":false,"error":"a sentence"}\n
 *
 * A request is one line of words, an answer one line of JSON, so `echo status | nc -NU SOCKET` is a client too.  A
 * picture's pixels are 0xXXRRGGBB in the host's byte order, rows without gaps; its memfd comes with the first byte of the
 * answer (SCM_RIGHTS).
 *
 * A Unix stream socket of mode 0600.  Clients are served in the device's loop and never make it wait: each has at most one
 * answer under way, the next request is read when it has been taken, and one that does not take it is dropped.
 */
#ifndef DEVICE_VIEW_CONTROL_H
#define DEVICE_VIEW_CONTROL_H

#include <stddef.h>
#include <stdint.h>

enum {
    CONTROL_CLIENT_COUNT_MAX = 16, /* one more: the one that was silent longest leaves */
    CONTROL_REQUEST_BYTES_MAX = 128,
    CONTROL_ANSWER_BYTES_MAX = 4 << 20,
    CONTROL_TAKE_MS_MAX = 5000, /* for a client to take its answer */
};

struct control;
struct gpu;
struct loop;

struct control_config {
    struct loop *loop;
    struct gpu *gpu; /* outlives it */
    int listener; /* of listen_on (device/listen.h), made before the sandbox; closed by control_destroy */
    /*
     * What the front knows: front-end, features, queues, as one JSON object; as snprintf (gpu_status does the same).
     * NULL: nothing.
     */
    size_t (*front_status)(void *user, char *text, size_t size_bytes);
    /* Why nobody can resize, plug or unplug displays now: a sentence; NULL: they can. */
    const char *(*front_refusal)(void *user);
    void *user;
};

/*
 * System calls later on: accept4, recvmsg, sendmsg, memfd_create, ftruncate, fallocate, mmap, munmap, close.
 * Returns: the socket's server; NULL and errno (the listener is then still the caller's).
 */
struct control *control_create(const struct control_config *config);

/* Before the device and the loop.  control: NULL is allowed. */
void control_destroy(struct control *control);

#endif
