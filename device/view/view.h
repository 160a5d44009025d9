/*
 * view.h - pictures for a person who looks: the device's end of vitrine-view, which is a process of its own.
 *
 *      parent, before the sandbox               device process                       vitrine-view
 *        view_choose("vnc:5901")
 *        view_start ──fork, exec────────────────────────────────────────────────────▶ opens, READY
 *             fd ───────────────────────────▶ view_create(fd)
 *                                              flushed: merge the rectangle
 *                                              viewer idle: copy it, DAMAGE ─────────▶ copies, TAKEN
 *
 * Never blocks, and holds no queue: what the viewer was not yet told is state (a size, one rectangle, a cursor), so a slow
 * viewer misses pictures and never sees one half written.  The guest chooses how large pictures are: they count as its memory
 * (gpu_memory_take), the viewer's copies with them, and large ones are made and copied in several rounds of the loop.
 */
#ifndef DEVICE_VIEW_VIEW_H
#define DEVICE_VIEW_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

struct gpu;
struct loop;
struct view;

enum view_way { VIEW_NONE, VIEW_WINDOW, VIEW_VNC };
enum { VIEW_VNC_PORT = 5900 };

struct view_choice {
    enum view_way way;
    uint16_t port; /* of VIEW_VNC: scanout 0's; scanout n has port + n */
    const char
        *input_path; /* QEMU's QMP socket, for a person's keys and pointer; NULL: they go nowhere */
};

/* What people write: none, window, vnc or vnc:PORT.  Returns: true and *choice; false: none of these. */
bool view_choose(const char *text, struct view_choice *choice);

struct view_started {
    int fd; /* for view_create; closed on exec.  The viewer ends when its last copy is closed, so a parent closes its own */
    pid_t pid; /* the parent's to wait for: it may end whenever a person closes the window */
};

/*
 * Starts vitrine-view, the program beside this one, and waits until it can show something, 10 s at most.
 * title: names the guest, in the window's title and to VNC clients.  choice: not VIEW_NONE.
 * Context: before the sandbox; blocks.
 * Returns: true and *started; false and `reason`, a sentence, and no process is left.
 */
bool view_start(const struct view_choice *choice, const char *title, struct view_started *started,
                char *reason, size_t reason_bytes);

struct view_config {
    struct loop *loop;
    struct gpu *gpu; /* outlives the view */
    int fd;          /* of view_start; the view's from now on */
    /* A sentence for people: the viewer has ended, or said what cannot be.  NULL: nobody reads. */
    void (*on_problem)(void *user, const char *sentence);
    void *user;
};

/*
 * Watches the device and tells the viewer, until that ends; then only view_destroy is left to do.
 * System calls later on: memfd_create, ftruncate, fallocate, mmap, munmap, fcntl(F_ADD_SEALS), sendmsg, recvmsg, close.
 * Returns: the view; NULL and errno (the fd is then still the caller's).
 */
struct view *view_create(const struct view_config *config);

/* Before the device and the loop.  view: NULL is allowed. */
void view_destroy(struct view *view);

#endif
