/*
 * One QEMU with all its devices and no running CPU, steered from outside. Nothing of it lies in the file system.
 * The machine runs, for some devices work in no other state; its one CPU is powered off and stays so.
 *
 *   this program                                   qemu-system-aarch64 -M virt -cpu ...,start-powered-off=on
 *   qtest_fd  ◄── socket pair, the qtest protocol ──►  registers of the devices, read and written for us
 *   qmp_fd    ◄── socket pair, JSON lines ──────────►  the monitor: screendump, what the device thinks of itself
 *   ram       ◄── one memory file, shared ──────────►  the machine's RAM, from QEMU_RAM_BASE on
 *   dump_fd, disk_fd, net_fd, log_fd                   picture file, disk image, far end of a network, QEMU's log
 *
 * A device's command line names these as the constants below. QEMU dies with this program, whatever way that ends.
 */
#ifndef TESTS_QTEST_QEMU_H
#define TESTS_QTEST_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

/* Of the machine "virt". */
#define QEMU_RAM_BASE  UINT64_C(0x40000000)
#define QEMU_MMIO_BASE UINT64_C(0x0a000000)

enum {
    QEMU_MMIO_SLOT_COUNT = 32,
    QEMU_MMIO_SLOT_BYTES = 0x200,
    QEMU_RAM_BYTES = 64 << 20,
    QEMU_RAM_RESERVED_BYTES = 2 << 20, /* QEMU puts its device tree at the beginning */
    QEMU_DISK_BYTES = 1 << 20,
    QEMU_ARGS_MAX = 32,
    QEMU_REPLY_BYTES = 32768,
    QEMU_ANSWER_TIMEOUT_MS = 10000, /* for a register access or a QMP command */
};

/* File descriptors as QEMU has them. */
#define QEMU_DUMP_PATH "/proc/self/fd/43"
#define QEMU_DISK_FILE "driver=file,node-name=file0,filename=/proc/self/fd/44"
#define QEMU_DISK_FILE_READ_ONLY                                                                   \
 "driver=file,node-name=file0,filename=/proc/self/fd/44,read-only=on"
#define QEMU_NETDEV "dgram,id=net0,local.type=fd,local.str=45"

struct qemu {
    pid_t pid; /* 0: none */
    int qtest_fd;
    int qmp_fd;
    int dump_fd;
    int disk_fd;
    int net_fd;
    int log_fd; /* trace events asked for in args, and what a device says of a guest's errors */
    off_t log_start;              /* what stands before is forgotten */
    uint8_t *ram;                 /* QEMU_RAM_BYTES */
    long version;                 /* the first number of it: 7, 10, 11 */
    char reply[QEMU_REPLY_BYTES]; /* the last answer to a QMP command */
    uint64_t access_count;
};

/*
 * Start QEMU with the devices of `args` (NULL-terminated; virtio devices need an id= to be asked about by QMP).
 * Exits the program where that cannot be done. QTEST_QEMU in the environment names another program than the installed one.
 */
void qemu_start(struct qemu *qemu, const char *const *args);

/* Kill it. Accepts a zeroed one. */
void qemu_stop(struct qemu *qemu);

/* One access to a physical address, of 1, 2, 4 or 8 bytes. Exits the program when QEMU does not answer. */
uint64_t qemu_read(struct qemu *qemu, uint64_t addr, unsigned width);
void qemu_write(struct qemu *qemu, uint64_t addr, unsigned width, uint64_t value);

/*
 * Run a QMP command, given as JSON. Its answer is in qemu->reply.
 * Returns: true when it answered with "return", false when with "error".
 */
bool qemu_command(struct qemu *qemu, const char *json);

/* Same, with printf-like arguments. */
bool
qemu_commandf(struct qemu *qemu, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Give QEMU an open file that QMP commands then name as `name`. Returns: false when it refuses. */
bool qemu_pass_file(struct qemu *qemu, int fd, const char *name);

/*
 * Everything that QEMU has logged so far, terminated, of at most `bytes` (the rest is cut).
 * Returns: how many characters.
 */
size_t qemu_log_read(const struct qemu *qemu, char *text, size_t bytes);

/* Forget what was logged. */
void qemu_log_clear(struct qemu *qemu);

/* Print and end the program, for what makes further testing senseless. */
_Noreturn void qemu_die(const char *what);

#endif
