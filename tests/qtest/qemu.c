/*
 * Start, steer and stop a QEMU without a running CPU; see qemu.h.
 */
#include "tests/qtest/qemu.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the files go in QEMU's process; the paths in qemu.h say the same. */
enum {
    FD_QTEST = 40,
    FD_QMP = 41,
    FD_RAM = 42,
    FD_DUMP = 43,
    FD_DISK = 44,
    FD_NET = 45,
    FD_LOG = 46,
    FD_COUNT = 7,
};

static const char *const base_args[] = {
    "qemu-system-aarch64",
    "-M",
    "virt,memory-backend=ram",
    "-accel",
    "tcg",
    "-m",
    "64M",
    "-cpu",
    "cortex-a53,start-powered-off=on",
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    "-object",
    "memory-backend-file,id=ram,mem-path=/proc/self/fd/42,share=on,size=64M",
    "-chardev",
    "socket,id=qtest,fd=40",
    "-qtest",
    "chardev:qtest",
    "-qtest-log",
    "none",
    "-chardev",
    "socket,id=qmp,fd=41",
    "-qmp",
    "chardev:qmp",
    "-D",
    "/proc/self/fd/46",
    "-d",
    "guest_errors",
};

enum { BASE_ARG_COUNT = sizeof(base_args) / sizeof(base_args[0]) };

_Noreturn void
qemu_die(const char *what)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "qtest: %s\n", what);
    exit(1);
}

static int
memory_file(const char *name, off_t bytes)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, bytes) != 0) {
        qemu_die("cannot make a memory file");
    }
    return fd;
}

static void
socket_pair(int type, int fds[2])
{
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) {
        qemu_die("cannot make a socket pair");
    }
}

/* The child: takes its files to their places and becomes QEMU. `fds` are in the order of FD_QTEST and so on. */
static _Noreturn void
become_qemu(const int fds[FD_COUNT], const char *const *args)
{
    const char *argv[BASE_ARG_COUNT + QEMU_ARGS_MAX + 1];
    size_t count = 0;
    for (; count < BASE_ARG_COUNT; count++) {
        argv[count] = base_args[count];
    }
    if (getenv("QTEST_QEMU") != NULL) {
        argv[0] = getenv("QTEST_QEMU");
    }
    for (; *args != NULL && count < BASE_ARG_COUNT + QEMU_ARGS_MAX; args++) {
        argv[count++] = *args;
    }
    argv[count] = NULL;
    for (int i = 0; i < FD_COUNT; i++) {
        if (dup2(fds[i], FD_QTEST + i) < 0) {
            _exit(126);
        }
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    (void)fprintf(stderr, "qtest: cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* Wait until there is something to read. */
static void
await_readable(int fd)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    if (poll(&wait, 1, QEMU_ANSWER_TIMEOUT_MS) != 1) {
        qemu_die("QEMU does not answer");
    }
}

/* Read one line, without its newline; lines longer than the room are an error. */
static void
read_line(int fd, char *line, size_t bytes)
{
    size_t length = 0;
    while (length == 0 || line[length - 1] != '\n') {
        if (length + 1 >= bytes) {
            qemu_die("QEMU's answer is too long");
        }
        await_readable(fd);
        ssize_t got = recv(fd, line + length, bytes - 1 - length, MSG_PEEK);
        if (got <= 0) {
            qemu_die("QEMU has gone");
        }
        const char *end = memchr(line + length, '\n', (size_t)got);
        size_t take = end == NULL ? (size_t)got : (size_t)(end - (line + length)) + 1;
        got = recv(fd, line + length, take, 0);
        length += (size_t)got;
    }
    line[length - 1] = '\0';
}

static void
send_text(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
        if (sent <= 0) {
            qemu_die("QEMU has gone");
        }
        text += sent;
        left -= (size_t)sent;
    }
}

/* The greeting tells the version: {"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, ... */
static void
greet(struct qemu *qemu)
{
    read_line(qemu->qmp_fd, qemu->reply, sizeof(qemu->reply));
    const char *major = strstr(qemu->reply, "\"major\": ");
    if (major == NULL) {
        qemu_die("QEMU's greeting has no version");
    }
    qemu->version = strtol(major + strlen("\"major\": "), NULL, 10);
    if (!qemu_command(qemu, "{\"execute\": \"qmp_capabilities\"}")) {
        qemu_die("QEMU refuses QMP");
    }
}

void
qemu_start(struct qemu *qemu, const char *const *args)
{
    int qtest[2];
    int qmp[2];
    int net[2];
    *qemu = (struct qemu){ .pid = 0 };
    socket_pair(SOCK_STREAM, qtest);
    socket_pair(SOCK_STREAM, qmp);
    socket_pair(SOCK_DGRAM, net);
    int ram_fd = memory_file("ram", QEMU_RAM_BYTES);
    qemu->dump_fd = memory_file("dump", 0);
    qemu->disk_fd = memory_file("disk", QEMU_DISK_BYTES);
    qemu->log_fd = memory_file("log", 0);
    qemu->qtest_fd = qtest[0];
    qemu->qmp_fd = qmp[0];
    qemu->net_fd = net[0];
    qemu->ram = mmap(NULL, QEMU_RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ram_fd, 0);
    if (qemu->ram == MAP_FAILED) {
        qemu_die("cannot map the RAM");
    }
    const int fds[FD_COUNT] = { qtest[1],      qmp[1], ram_fd,      qemu->dump_fd,
                                qemu->disk_fd, net[1], qemu->log_fd };
    qemu->pid = fork();
    if (qemu->pid == 0) {
        become_qemu(fds, args);
    }
    if (qemu->pid < 0) {
        qemu_die("cannot fork");
    }
    (void)close(qtest[1]);
    (void)close(qmp[1]);
    (void)close(net[1]);
    (void)close(ram_fd);
    greet(qemu);
}

void
qemu_stop(struct qemu *qemu)
{
    if (qemu->pid == 0) {
        return;
    }
    (void)kill(qemu->pid, SIGKILL);
    (void)waitpid(qemu->pid, NULL, 0);
    (void)munmap(qemu->ram, QEMU_RAM_BYTES);
    (void)close(qemu->qtest_fd);
    (void)close(qemu->qmp_fd);
    (void)close(qemu->dump_fd);
    (void)close(qemu->disk_fd);
    (void)close(qemu->net_fd);
    (void)close(qemu->log_fd);
    qemu->pid = 0;
}

/* The letter of an access width in the protocol's commands: readb, readw, readl, readq. */
static char
width_letter(unsigned width)
{
    return (char)(width == 1 ? 'b' : width == 2 ? 'w' : width == 4 ? 'l' : 'q');
}

/* Send a line, read lines until its answer; interrupts are announced in between when somebody asked for them. */
static uint64_t
exchange(struct qemu *qemu, const char *line)
{
    char answer[256];
    send_text(qemu->qtest_fd, line);
    qemu->access_count++;
    do {
        read_line(qemu->qtest_fd, answer, sizeof(answer));
    } while (strncmp(answer, "IRQ ", 4) == 0);
    if (strncmp(answer, "OK", 2) != 0) {
        qemu_die(answer);
    }
    return strtoull(answer + 2, NULL, 0);
}

uint64_t
qemu_read(struct qemu *qemu, uint64_t addr, unsigned width)
{
    char line[64];
    (void)snprintf(line, sizeof(line), "read%c 0x%" PRIx64 "\n", width_letter(width), addr);
    return exchange(qemu, line);
}

void
qemu_write(struct qemu *qemu, uint64_t addr, unsigned width, uint64_t value)
{
    char line[96];
    (void)snprintf(line, sizeof(line), "write%c 0x%" PRIx64 " 0x%" PRIx64 "\n", width_letter(width),
                   addr, value);
    (void)exchange(qemu, line);
}

/* The answer to a command, past the events that come in between. */
static bool
read_reply(struct qemu *qemu)
{
    do {
        read_line(qemu->qmp_fd, qemu->reply, sizeof(qemu->reply));
    } while (strstr(qemu->reply, "\"event\": ") != NULL);
    return strncmp(qemu->reply, "{\"return\"", 9) == 0;
}

bool
qemu_command(struct qemu *qemu, const char *json)
{
    send_text(qemu->qmp_fd, json);
    send_text(qemu->qmp_fd, "\n");
    return read_reply(qemu);
}

bool
qemu_pass_file(struct qemu *qemu, int fd, const char *name)
{
    char json[128];
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .room = { 0 } };
    int length = snprintf(json, sizeof(json),
                          "{\"execute\": \"getfd\", \"arguments\": {\"fdname\": \"%s\"}}\n", name);
    struct iovec text = { .iov_base = json, .iov_len = (size_t)length };
    struct msghdr message = { .msg_iov = &text,
                              .msg_iovlen = 1,
                              .msg_control = control.room,
                              .msg_controllen = sizeof(control.room) };
    control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
                                       .cmsg_level = SOL_SOCKET,
                                       .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    return sendmsg(qemu->qmp_fd, &message, MSG_NOSIGNAL) == length && read_reply(qemu);
}

bool
qemu_commandf(struct qemu *qemu, const char *format, ...)
{
    char json[1024];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(json, sizeof(json), format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof(json)) {
        qemu_die("a QMP command is too long");
    }
    return qemu_command(qemu, json);
}

size_t
qemu_log_read(const struct qemu *qemu, char *text, size_t bytes)
{
    ssize_t got = pread(qemu->log_fd, text, bytes - 1, qemu->log_start);
    size_t length = got < 0 ? 0 : (size_t)got;
    text[length] = '\0';
    return length;
}

void
qemu_log_clear(struct qemu *qemu)
{
    qemu->log_start = lseek(qemu->log_fd, 0, SEEK_END);
}
