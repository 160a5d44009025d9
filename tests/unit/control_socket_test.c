/*
 * Clients of the control socket: polite, slow, silly and too many, on a device without a guest.
 */
#include <stdlib.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "device/listen.h"
#include "device/loop.h"
#include "device/packet.h"
#include "device/view/control.h"
#include "tests/unit/utest.h"
#include "tests/view/gpu_fake.h"

static struct {
    char directory[32];
    char path[64];
    struct loop *loop;
    struct gpu *gpu;
    struct control *control;
} rig;

static void
stop(void *user)
{
    (void)user;
    loop_stop(rig.loop);
}

/* What the device does in these milliseconds. */
static void
run_loop(unsigned ms)
{
    struct loop_timer timer = { .on_late = stop };
    loop_timer_set(rig.loop, &timer, (uint64_t)ms * 1000000);
    EXPECT_EQ(loop_run(rig.loop), 0);
}

static size_t
front_status(void *user, char *text, size_t size_bytes)
{
    (void)user;
    return (size_t)snprintf(text, size_bytes, "{\n \"name\": \"test\"}");
}

static const char *refusal; /* of the front */

static const char *
front_refusal(void *user)
{
    (void)user;
    return refusal;
}

static void
begin(unsigned scanout_count)
{
    char reason[128];
    (void)snprintf(rig.directory, sizeof(rig.directory), "/tmp/vitrine-XXXXXX");
    EXPECT_TRUE(mkdtemp(rig.directory) != NULL);
    (void)snprintf(rig.path, sizeof(rig.path), "%s/s", rig.directory);
    rig.loop = loop_create();
    rig.gpu = gpu_fake_create(scanout_count);
    rig.control = control_create(&(struct control_config){
        .loop = rig.loop,
        .gpu = rig.gpu,
        .listener = listen_on(rig.path, reason, sizeof(reason)),
        .front_status = front_status,
        .front_refusal = front_refusal,
    });
    EXPECT_TRUE(rig.control != NULL);
}

static void
finish(void)
{
    control_destroy(rig.control);
    gpu_fake_destroy(rig.gpu);
    loop_destroy(rig.loop);
    (void)unlink(rig.path);
    (void)rmdir(rig.directory);
}

static int
connect_client(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, rig.path, strlen(rig.path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void
say(int fd, const char *text)
{
    EXPECT_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    run_loop(5);
}

/* What has been answered until now; a picture's fd, else -1. */
static char *
heard(int fd, int *picture_fd)
{
    static char text[4096];
    struct packet packet;
    *picture_fd = -1;
    EXPECT_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    if (packet_receive(fd, text, sizeof(text) - 1, &packet) != PACKET_GOT) {
        text[0] = '\0';
        return text;
    }
    text[packet.size_bytes] = '\0';
    if (packet.fd_count == 1) {
        *picture_fd = packet.fds[0];
    }
    return text;
}

static bool
is_answer(int fd, const char *expected)
{
    int picture_fd;
    return EXPECT_STREQ(heard(fd, &picture_fd), expected) && EXPECT_EQ(picture_fd, -1);
}

UTEST(status_is_one_line_of_the_device_and_the_front)
{
    begin(1);
    gpu_fake_status(rig.gpu, "{\"a\":\n1}");
    int fd = connect_client();
    say(fd, "status\n");
    EXPECT_TRUE(
        is_answer(fd, "{\"ok\":true,\"gpu\":{\"a\": 1},\"front\":{  \"name\": \"test\"}}\n"));
    (void)close(fd);
    finish();
}

UTEST(the_socket_is_this_users_alone)
{
    begin(1);
    struct stat status;
    EXPECT_EQ(stat(rig.path, &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600);
    finish();
}

UTEST(a_screenshot_is_memory_with_the_pixels)
{
    begin(2);
    static const size_t picture_bytes = (size_t)37 * 11 * 4;
    gpu_fake_show(rig.gpu, 1, 37, 11);
    gpu_fake_draw(rig.gpu, 1, 3);
    int fd = connect_client();
    int picture_fd;
    say(fd, "screenshot 1\n");
    EXPECT_STREQ(heard(fd, &picture_fd), "{\"ok\":true,\"width_px\":37,\"height_px\":11}\n");
    struct stat status = { 0 };
    if (EXPECT_EQ(fstat(picture_fd, &status), 0) && EXPECT_EQ(status.st_size, picture_bytes)) {
        EXPECT_NE(ftruncate(picture_fd, 0), 0);
        uint32_t *pixels = mmap(NULL, picture_bytes, PROT_READ, MAP_SHARED, picture_fd, 0);
        EXPECT_MEMEQ(pixels, gpu_fake_pixels(rig.gpu, 1), picture_bytes);
        (void)munmap(pixels, picture_bytes);
    }
    (void)close(picture_fd);
    (void)close(fd);
    finish();
}

UTEST(a_large_screenshot_keeps_nobody_waiting)
{
    begin(1);
    static const size_t picture_bytes = (size_t)4096 * 4096 * 4;
    gpu_fake_show(rig.gpu, 0, 4096, 4096);
    gpu_fake_draw(rig.gpu, 0, 3);
    int picture_fd;
    int patient = connect_client();
    int gone = connect_client();
    EXPECT_EQ(send(patient, "screenshot\n", 11, 0), 11);
    EXPECT_EQ(send(gone, "screenshot\n", 11, 0), 11);
    run_loop(0);
    run_loop(0);
    int other = connect_client();
    EXPECT_EQ(send(other, "unplug 0\n", 9, 0), 9);
    (void)close(gone);
    run_loop(0);
    run_loop(0);
    EXPECT_TRUE(is_answer(other, "{\"ok\":true}\n"));
    EXPECT_STREQ(heard(patient, &picture_fd), "");
    for (unsigned i = 0; i < 100 && picture_fd < 0; i++) {
        run_loop(5);
        (void)heard(patient, &picture_fd);
    }
    uint32_t *pixels = mmap(NULL, picture_bytes, PROT_READ, MAP_SHARED, picture_fd, 0);
    if (EXPECT_TRUE(pixels != MAP_FAILED)) {
        EXPECT_MEMEQ(pixels, gpu_fake_pixels(rig.gpu, 0), picture_bytes);
        (void)munmap(pixels, picture_bytes);
    }
    (void)close(picture_fd);
    (void)close(patient);
    (void)close(other);
    finish();
}

UTEST(a_screenshot_is_no_larger_than_the_guests_memory_may_be)
{
    begin(1);
    int fd = connect_client();
    int none;
    gpu_fake_limit(rig.gpu, UINT64_C(64) * 32 * 4);
    gpu_fake_show(rig.gpu, 0, 64, 33);
    say(fd, "screenshot\n");
    EXPECT_CONTAINS(heard(fd, &none), "larger than the guest's memory may be (--max-memory)");
    gpu_fake_show(rig.gpu, 0, 64, 32);
    say(fd, "screenshot\n");
    EXPECT_CONTAINS(heard(fd, &none), "\"ok\":true");
    (void)close(none);
    (void)close(fd);
    finish();
}

UTEST(what_cannot_be_is_a_sentence)
{
    begin(1);
    int fd = connect_client();
    int none;
    say(fd, "screenshot\n");
    EXPECT_CONTAINS(heard(fd, &none), "\"ok\":false,\"error\":\"this scanout shows nothing");
    say(fd, "screenshot 3\n");
    EXPECT_CONTAINS(heard(fd, &none), "there is no scanout 3: this device has 1");
    say(fd, "make me rich\n");
    EXPECT_CONTAINS(heard(fd, &none), "requests are: status;");
    say(fd, "resize 0 666x1\n");
    EXPECT_CONTAINS(heard(fd, &none), "the display \\\"666\\\" cannot be");
    (void)close(fd);
    finish();
}

UTEST(displays_are_resized_plugged_and_unplugged)
{
    begin(2);
    int fd = connect_client();
    int none;
    say(fd, "resize 0 1920x1080\n");
    EXPECT_TRUE(is_answer(fd, "{\"ok\":true}\n"));
    EXPECT_EQ(gpu_scanout(rig.gpu, 0)->display.width_px, 1920);
    EXPECT_EQ(gpu_scanout(rig.gpu, 0)->display.height_px, 1080);
    say(fd, "unplug 0\n");
    EXPECT_TRUE(is_answer(fd, "{\"ok\":true}\n"));
    EXPECT_FALSE(gpu_scanout(rig.gpu, 0)->display.is_enabled);
    say(fd, "resize 0 640x480\n");
    EXPECT_CONTAINS(heard(fd, &none), "no display is plugged in there");
    say(fd, "plug 1 640x480\n");
    EXPECT_TRUE(is_answer(fd, "{\"ok\":true}\n"));
    EXPECT_TRUE(gpu_scanout(rig.gpu, 1)->display.is_enabled);
    refusal = "they are the front's";
    say(fd, "unplug 1\n");
    EXPECT_TRUE(is_answer(fd, "{\"ok\":false,\"error\":\"they are the front's\"}\n"));
    refusal = NULL;
    EXPECT_EQ(gpu_fake_display_count(rig.gpu), 3);
    (void)close(fd);
    finish();
}

UTEST(requests_may_come_in_pieces_and_at_once)
{
    begin(1);
    int fd = connect_client();
    int none;
    say(fd, "unp");
    EXPECT_STREQ(heard(fd, &none), "");
    say(fd, "lug 0\nplug 0 1x1\nplug 0 2x2\n");
    EXPECT_TRUE(is_answer(fd, "{\"ok\":true}\n{\"ok\":true}\n{\"ok\":true}\n"));
    EXPECT_EQ(gpu_scanout(rig.gpu, 0)->display.width_px, 2);
    (void)close(fd);
    finish();
}

UTEST(a_client_that_only_sends_is_answered_before_its_end)
{
    begin(1);
    int fd = connect_client();
    EXPECT_EQ(send(fd, "unplug 0\n", 9, 0), 9);
    EXPECT_EQ(shutdown(fd, SHUT_WR), 0);
    run_loop(5);
    EXPECT_TRUE(is_answer(fd, "{\"ok\":true}\n"));
    (void)close(fd);
    finish();
}

UTEST(a_line_without_end_ends_the_client_only)
{
    begin(1);
    int silly = connect_client();
    int fd = connect_client();
    char text[CONTROL_REQUEST_BYTES_MAX + 1];
    int none;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    say(silly, text);
    EXPECT_CONTAINS(heard(silly, &none), "at most 128 bytes");
    EXPECT_EQ(recv(silly, text, 1, 0), 0);
    say(fd, "unplug 0\n");
    EXPECT_TRUE(is_answer(fd, "{\"ok\":true}\n"));
    (void)close(silly);
    (void)close(fd);
    finish();
}

UTEST(a_client_that_does_not_take_its_answers_waits_for_itself)
{
    begin(1);
    char *large = malloc(1 << 20);
    if (!EXPECT_TRUE(large != NULL)) {
        return;
    }
    memset(large, ' ', 1 << 20);
    memcpy(large, "{}", 2);
    large[(1 << 20) - 1] = '\0';
    gpu_fake_status(rig.gpu, large);
    int slow = connect_client();
    say(slow, "status\nstatus\n");
    gpu_fake_status(rig.gpu, "{}");
    int fd = connect_client();
    say(fd, "unplug 0\n");
    EXPECT_TRUE(is_answer(fd, "{\"ok\":true}\n"));
    size_t total = 0;
    EXPECT_EQ(fcntl(slow, F_SETFL, O_NONBLOCK), 0);
    for (ssize_t got = 1; got > 0;) {
        static char some[65536];
        got = recv(slow, some, sizeof(some), 0);
        total += got > 0 ? (size_t)got : 0;
        run_loop(1);
    }
    EXPECT_TRUE(total > 1 << 20); /* the first as it was, the second short */
    (void)close(slow);
    (void)close(fd);
    finish();
    free(large);
}

UTEST(one_client_too_many_takes_the_place_of_the_most_silent)
{
    begin(1);
    int fds[CONTROL_CLIENT_COUNT_MAX + 1];
    char byte;
    for (unsigned i = 0; i < CONTROL_CLIENT_COUNT_MAX; i++) {
        fds[i] = connect_client();
        run_loop(2);
    }
    say(fds[0], "unplug 0\n");
    EXPECT_TRUE(is_answer(fds[0], "{\"ok\":true}\n"));
    fds[CONTROL_CLIENT_COUNT_MAX] = connect_client();
    say(fds[CONTROL_CLIENT_COUNT_MAX], "plug 0 5x5\n");
    EXPECT_TRUE(is_answer(fds[CONTROL_CLIENT_COUNT_MAX], "{\"ok\":true}\n"));
    EXPECT_EQ(recv(fds[1], &byte, 1, MSG_DONTWAIT), 0);
    EXPECT_EQ(recv(fds[0], &byte, 1, MSG_DONTWAIT), -1);
    for (unsigned i = 0; i <= CONTROL_CLIENT_COUNT_MAX; i++) {
        (void)close(fds[i]);
    }
    run_loop(5);
    finish();
}
