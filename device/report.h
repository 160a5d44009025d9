/*
 * report.h - what a worker process tells its supervisor, over a pair of SOCK_SEQPACKET sockets.
 *
 *      worker                                          supervisor
 *        │ ◀── SERVE_VTEST or SERVE_CONTEXT name, socket   │  first of all; until then it is a spare one, ready
 *        │ NAME "vulkaninfo" ────────────────────────────▶ │
 *        │ RING id, offset of its status word, memfd ────▶ │  kept: should the worker die, the supervisor tells the client
 *        │ RING_GONE id ─────────────────────────────────▶ │
 *        │ REASON "vkCmdDraw at byte 96: ..." ───────────▶ │  one line for the person
 *        │ ◀───────────────────────────────── WANT_STATS   │
 *        │ STATS text ───────────────────────────────────▶ │
 *
 * A worker that its client has broken into may send anything: the supervisor checks all of it and trusts none.
 */
#ifndef DEVICE_REPORT_H
#define DEVICE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum report_kind {
    REPORT_NAME = 1,
    REPORT_RING,
    REPORT_RING_GONE,
    REPORT_REASON,
    REPORT_STATS,
    REPORT_WANT_STATS,
    REPORT_WARNING, /* a sentence for the person; the client is served all the same */
    REPORT_RECORD, /* the file for the bytes of the client's commands; comes before REPORT_SERVE_* */
    REPORT_RECORDS, /* the file for what became of them (render_records.h); so does this */
    REPORT_SERVE_VTEST,
    REPORT_SERVE_CONTEXT,
};

enum { REPORT_TEXT_BYTES_MAX = 64 << 10 };

struct report_head {
    uint32_t kind; /* enum report_kind */
    uint32_t text_bytes;
    uint64_t ring_id;
    uint64_t status_offset_bytes;
};

struct report {
    struct report_head head;
    char text[REPORT_TEXT_BYTES_MAX + 1]; /* always ends with 0 when received */
};

enum report_result { REPORT_GOT, REPORT_NONE, REPORT_CLOSED, REPORT_WRONG };

/* Both ends of a channel, closed on exec.  Returns: false and errno. */
bool report_pair(int fds[2]);

/*
 * Sends a report with `text` (cut to what fits; NULL: none) and fd (still the caller's; negative: none).
 * Context: any thread; blocks while the supervisor does not read.  Returns: false: the other end is gone.
 */
bool report_send(int channel, const struct report_head *head, const char *text, int fd);

/*
 * Receives a report.  is_waiting: whether to wait for one.  *fd: the caller's, -1 when there was none.
 * Text is made printable: a report is shown to people on terminals.
 * Returns: REPORT_GOT; REPORT_NONE (nothing there now); REPORT_CLOSED; REPORT_WRONG (malformed: nothing was kept).
 */
enum report_result report_receive(int channel, bool is_waiting, struct report *report, int *fd);

/* Replaces what could change a terminal's state or forge a line: control characters but, if allowed, line ends. */
void make_printable(char *text, bool is_with_line_ends);

#endif
