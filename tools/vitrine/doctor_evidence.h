/*
 * doctor_evidence.h - what vitrine doctor looks at, before it thinks: plain values.
 *
 *   QMP ────────▶ doctor_qemu.c   ─┐
 *   our device ─▶ doctor_device.c ─┴▶ struct doctor_evidence ─▶ doctor_judge.c ─▶ findings
 */
#ifndef TOOLS_VITRINE_DOCTOR_EVIDENCE_H
#define TOOLS_VITRINE_DOCTOR_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line_socket;
struct qmp;

enum {
    DOCTOR_GPU_COUNT_MAX = 4,
    DOCTOR_QUEUE_COUNT = 2,
    DOCTOR_COMMAND_COUNT_MAX = 64,
    DOCTOR_SCREEN_COUNT_MAX = 32,
    DOCTOR_SCANOUT_COUNT_MAX = 16,
    DOCTOR_PROBLEM_COUNT_MAX = 4,
    DOCTOR_NAME_BYTES = 96,
    DOCTOR_TEXT_BYTES = 240,
    DOCTOR_STATUS_UNKNOWN = -1,
};

struct doctor_queue {
    bool is_known;
    bool is_set_up;
    uint16_t size;
    uint16_t offered_idx; /* the driver's available index, in guest memory */
    uint16_t taken_idx;   /* how far the device has come */
    uint16_t used_idx;
    bool is_still; /* a moment later nothing had changed */
};

/* A command that still lies in guest memory with its response; the newest first. */
struct doctor_command {
    uint32_t type;
    uint32_t response;
    uint32_t resource_id; /* 0: it names none */
    uint32_t rect[4];     /* x, y, width, height, where it has one */
};

struct doctor_gpu {
    char name[DOCTOR_NAME_BYTES]; /* its id, else its QOM path */
    char path[DOCTOR_NAME_BYTES];
    bool has_id;
    bool is_vhost; /* its device side is another process: ours, or somebody else's */
    int status;    /* VIRTIO_STATUS_ bits, DOCTOR_STATUS_UNKNOWN */
    bool is_broken;
    bool is_packed; /* its rings may be: then nothing is known of its queues and commands */
    struct doctor_queue queues[DOCTOR_QUEUE_COUNT];
    struct doctor_command commands[DOCTOR_COMMAND_COUNT_MAX];
    unsigned command_count;
};

/* One console of QEMU, as QEMU's own displays and screendump have it. */
struct doctor_screen {
    char device[DOCTOR_NAME_BYTES];
    unsigned head;
    int gpu_idx;  /* in gpus; -1: another device's */
    bool is_seen; /* could be dumped */
    uint32_t width_px;
    uint32_t height_px;
    bool is_placeholder;  /* QEMU's own text: the guest shows nothing here */
    bool was_shown;       /* the text is as large as a picture that was there before */
    bool is_one_colour;   /* but for a cursor at most */
    uint32_t other_count; /* pixels of another colour than the first one */
    uint32_t colour;      /* 0xRRGGBB, of the first pixel */
};

struct doctor_scanout {
    bool is_plugged;
    uint32_t resource_id; /* 0: off */
    bool has_backing;     /* the resource has memory of the guest, or is the host's own */
    uint32_t width_px;
    uint32_t height_px;
    uint64_t flush_count; /* since it was set */
    uint64_t flush_age_ms;
};

/* What our device says of itself. */
struct doctor_device {
    bool is_known;
    bool is_alone;     /* no virtual machine is connected */
    bool is_unplugged; /* one is, and has let go of it */
    uint64_t reset_count;
    unsigned scanout_count;
    struct doctor_scanout scanouts[DOCTOR_SCANOUT_COUNT_MAX];
    struct {
        bool is_running;
        uint16_t avail_idx;
        uint64_t error_count;
        uint64_t in_flight_count;
        char fault[DOCTOR_TEXT_BYTES];
    } queues[DOCTOR_QUEUE_COUNT];
    char waits_for[DOCTOR_NAME_BYTES];
    uint64_t problem_count;
    unsigned kept_count;
    char problems[DOCTOR_PROBLEM_COUNT_MAX][DOCTOR_TEXT_BYTES]; /* the newest first */
    char dead_context[DOCTOR_TEXT_BYTES];                       /* why one died; "": none */
};

struct doctor_evidence {
    bool has_qemu;
    char run_state[DOCTOR_NAME_BYTES];
    bool is_running;
    bool saw_panic;
    bool saw_reset;
    bool was_guests_wish;
    unsigned gpu_count;
    struct doctor_gpu gpus[DOCTOR_GPU_COUNT_MAX];
    unsigned screen_count;
    struct doctor_screen screens[DOCTOR_SCREEN_COUNT_MAX];
    struct doctor_device device;
    char reset_by[DOCTOR_NAME_BYTES]; /* by the driver's own records; "": not known */
};

/* Asks QEMU.  Returns: true; false and qmp->line.why: QEMU is gone or knows no virtio. */
bool doctor_look_at_qemu(struct qmp *qmp, struct doctor_evidence *evidence);

/* The part of it that dumps each console into a file that QEMU must be able to write, in a directory of our own. */
void doctor_look_at_screens(struct qmp *qmp, struct doctor_evidence *evidence);

/* Asks our device: "status" on its control socket.  Returns: true; false and line->why. */
bool doctor_look_at_device(struct line_socket *line, struct doctor_evidence *evidence);

/*
 * The last reset of a GPU in the driver's records (a file as for vitrine trace).
 * Returns: true; false and `why`: the file cannot be read.
 */
bool doctor_look_at_records(const char *path, struct doctor_evidence *evidence, char *why,
                            size_t why_bytes);

#endif
