/*
 * A device process and what it holds; see our_gpu.h.
 */
#include "tests/qtest/our_gpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/qtest/qemu.h"

enum {
    HEAP_MAPPINGS = 4, /* that malloc may have made meanwhile */
    TURN_MS = 5,
    LOG_BYTES = 1 << 16,
    PATH_BYTES = 96,
    LINE_BYTES = 512,
    DEPTH_MAX = 4,
    SETTLED_MS = 700 /* a spare renderer is made 500 ms after the last one */
};

static void
pause_ms(unsigned ms)
{
    (void)poll(NULL, 0, (int)ms);
}

static _Noreturn void
become_gpu(const struct our_gpu *gpu, const char *const *options)
{
    const char *program = getenv("OUR_GPU");
    const char *argv[8 + OUR_GPU_OPTIONS_MAX] = { program != NULL ? program
                                                                  : "build/fake/vitrine-gpu",
                                                  "--vhost-user", gpu->socket, "--control",
                                                  gpu->control };
    for (unsigned i = 0; i < OUR_GPU_OPTIONS_MAX && options[i] != NULL; i++) {
        argv[5 + i] = options[i];
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)dup2(gpu->log_fd, STDERR_FILENO);
    (void)execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void
print_log(const struct our_gpu *gpu)
{
    static char text[LOG_BYTES];
    ssize_t got = pread(gpu->log_fd, text, sizeof(text) - 1, 0);
    (void)fprintf(stderr, "%.*s", (int)(got > 0 ? got : 0), text);
}

void
our_gpu_start(struct our_gpu *gpu, const char *const *options)
{
    *gpu = (struct our_gpu){ .where = "/tmp/vitrine-test-XXXXXX" };
    gpu->log_fd = memfd_create("log", MFD_CLOEXEC);
    gpu->status = malloc(OUR_GPU_STATUS_BYTES);
    if (mkdtemp(gpu->where) == NULL || gpu->log_fd < 0 || gpu->status == NULL) {
        qemu_die("there is no place for our GPU");
    }
    (void)fcntl(gpu->log_fd, F_SETFL, O_APPEND);
    (void)snprintf(gpu->socket, sizeof(gpu->socket), "%s/gpu", gpu->where);
    (void)snprintf(gpu->control, sizeof(gpu->control), "%s/control", gpu->where);
    gpu->pid = fork();
    if (gpu->pid == 0) {
        become_gpu(gpu, options);
    }
    for (unsigned ms = 0; access(gpu->socket, F_OK) != 0 || access(gpu->control, F_OK) != 0;
         ms += TURN_MS) {
        if (ms > OUR_GPU_WAIT_MS || waitpid(gpu->pid, NULL, WNOHANG) != 0) {
            print_log(gpu);
            qemu_die("our GPU does not listen");
        }
        pause_ms(TURN_MS);
    }
}

int
our_gpu_stop(struct our_gpu *gpu)
{
    int status = -1;
    if (gpu->pid == 0) {
        return 0;
    }
    (void)kill(gpu->pid, SIGTERM);
    for (unsigned ms = 0; waitpid(gpu->pid, &status, WNOHANG) == 0; ms += TURN_MS) {
        if (ms > OUR_GPU_WAIT_MS) {
            (void)kill(gpu->pid, SIGKILL);
            (void)waitpid(gpu->pid, &status, 0);
        }
        pause_ms(TURN_MS);
    }
    (void)close(gpu->log_fd);
    (void)rmdir(gpu->where);
    free(gpu->status);
    *gpu = (struct our_gpu){ 0 };
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- what it says --- */

bool
our_gpu_said(const struct our_gpu *gpu, const char *text)
{
    static char log[LOG_BYTES];
    for (unsigned ms = 0; ms <= OUR_GPU_WAIT_MS; ms += TURN_MS) {
        ssize_t got = pread(gpu->log_fd, log, sizeof(log) - 1, 0);
        log[got > 0 ? got : 0] = '\0';
        if (strstr(log, text) != NULL) {
            return true;
        }
        pause_ms(TURN_MS);
    }
    (void)printf("    our GPU did not say \"%s\", but:\n%s", text, log);
    return false;
}

/* --- what it answers --- */

/* Asks by the control socket.  Returns: the answer's length; *fd: what came with it, -1: nothing. */
static size_t
ask(const struct our_gpu *gpu, const char *question, char *answer, size_t room, int *fd)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .room = { 0 } };
    int asked = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t length = 0;
    *fd = -1;
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", gpu->control);
    if (connect(asked, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        send(asked, question, strlen(question), MSG_NOSIGNAL) < 0) {
        qemu_die("our GPU's control socket is dead");
    }
    while (length + 1 < room && (length == 0 || answer[length - 1] != '\n')) {
        struct iovec text = { .iov_base = answer + length, .iov_len = room - 1 - length };
        struct msghdr message = { .msg_iov = &text,
                                  .msg_iovlen = 1,
                                  .msg_control = control.room,
                                  .msg_controllen = sizeof(control.room) };
        struct pollfd wait = { .fd = asked, .events = POLLIN };
        ssize_t got = poll(&wait, 1, OUR_GPU_WAIT_MS) == 1 ? recvmsg(asked, &message, 0) : -1;
        if (got <= 0) {
            qemu_die("our GPU does not answer");
        }
        const struct cmsghdr *with = CMSG_FIRSTHDR(&message);
        if (with != NULL && with->cmsg_type == SCM_RIGHTS) {
            memcpy(fd, CMSG_DATA(with), sizeof(*fd));
        }
        length += (size_t)got;
    }
    answer[length] = '\0';
    (void)close(asked);
    return length;
}

bool
our_gpu_has(struct our_gpu *gpu, const char *text)
{
    int fd;
    (void)ask(gpu, "status\n", gpu->status, OUR_GPU_STATUS_BYTES, &fd);
    return strstr(gpu->status, text) != NULL;
}

bool
our_gpu_comes_to_have(struct our_gpu *gpu, const char *text)
{
    bool has = our_gpu_has(gpu, text);
    for (unsigned ms = 0; !has && ms <= OUR_GPU_WAIT_MS; ms += TURN_MS) {
        pause_ms(TURN_MS);
        has = our_gpu_has(gpu, text);
    }
    return has;
}

uint64_t
our_gpu_number(struct our_gpu *gpu, const char *after, const char *key)
{
    (void)our_gpu_has(gpu, "");
    const char *from = after != NULL ? strstr(gpu->status, after) : gpu->status;
    const char *at = from != NULL ? strstr(from, key) : NULL;
    return at != NULL ? strtoull(at + strlen(key), NULL, 10) : 0;
}

uint32_t
our_gpu_pixel(const struct our_gpu *gpu, unsigned scanout_idx, uint32_t x, uint32_t y)
{
    char line[LINE_BYTES];
    int fd;
    (void)snprintf(line, sizeof(line), "screenshot %u\n", scanout_idx);
    (void)ask(gpu, line, line, sizeof(line), &fd);
    const char *width = strstr(line, "\"width_px\":");
    uint32_t pixel = OUR_GPU_NO_PIXEL;
    if (fd >= 0 && width != NULL) {
        uint64_t row_px = strtoull(width + strlen("\"width_px\":"), NULL, 10);
        off_t at = (off_t)((y * row_px + x) * sizeof(pixel));
        pixel = pread(fd, &pixel, sizeof(pixel), at) == (ssize_t)sizeof(pixel)
                    ? pixel & 0xffffff
                    : (uint32_t)OUR_GPU_NO_PIXEL;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return pixel;
}

/* --- what it holds --- */

static unsigned
count_entries(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    while (directory != NULL && readdir(directory) != NULL) {
        count++;
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return count > 2 ? count - 2 : 0;
}

static unsigned
count_lines(const char *path)
{
    unsigned count = 0;
    FILE *file = fopen(path, "r");
    for (int byte = 0; file != NULL && (byte = fgetc(file)) != EOF;) {
        count += byte == '\n';
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return count;
}

static void
add_process(struct our_gpu_size *size, pid_t pid, unsigned depth)
{
    char path[PATH_BYTES];
    char pids[LINE_BYTES] = "";
    size->process_count++;
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    size->fd_count += count_entries(path);
    (void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    size->mapping_count += count_lines(path);
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *children = fopen(path, "r");
    if (children != NULL) {
        (void)!fgets(pids, sizeof(pids), children);
        (void)fclose(children);
    }
    char *end = pids;
    for (long child = strtol(pids, &end, 10); child > 0 && depth < DEPTH_MAX;
         child = strtol(end, &end, 10)) {
        add_process(size, (pid_t)child, depth + 1);
    }
}

static struct our_gpu_size
size_now(const struct our_gpu *gpu)
{
    struct our_gpu_size size = { 0 };
    add_process(&size, gpu->pid, 0);
    return size;
}

struct our_gpu_size
our_gpu_size(const struct our_gpu *gpu)
{
    struct our_gpu_size size = size_now(gpu);
    for (unsigned same_ms = 0, ms = 0; same_ms < SETTLED_MS && ms < OUR_GPU_WAIT_MS;
         ms += TURN_MS) {
        pause_ms(TURN_MS);
        struct our_gpu_size now = size_now(gpu);
        same_ms = memcmp(&now, &size, sizeof(now)) == 0 ? same_ms + TURN_MS : 0;
        size = now;
    }
    return size;
}

bool
our_gpu_shrinks_to(const struct our_gpu *gpu, const struct our_gpu_size *size)
{
    struct our_gpu_size now = our_gpu_size(gpu);
    bool is_small = now.process_count <= size->process_count && now.fd_count <= size->fd_count &&
                    now.mapping_count <= size->mapping_count + HEAP_MAPPINGS;
    if (!is_small) {
        (void)printf("    our GPU has %u processes, %u fds, %u mappings; it had %u, %u, %u\n",
                     now.process_count, now.fd_count, now.mapping_count, size->process_count,
                     size->fd_count, size->mapping_count);
    }
    return is_small;
}
