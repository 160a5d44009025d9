/*
 * device_serve.c - the device process: everything that the guest talks to, in one loop.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "venus/venus.h"

#include "device/device_run.h"
#include "device/report.h"
#include "device/vhost/vhost.h"
#include "device/view/control.h"

struct device {
    const struct device_config *config;
    struct loop *loop;
    struct vhost *vhost;
    struct gpu *gpu;
    struct control *control;
    struct view *view;
    int signals;
};

/* A sentence may hold what a guest or a front-end named. */
static void
say(void *user, const char *sentence)
{
    const struct device *device = user;
    char line[512];
    (void)snprintf(line, sizeof(line), "%s", sentence);
    make_printable(line, false);
    (void)fprintf(stderr, "%s: %s\n", device->config->program, line);
}

static bool
fail(const struct device *device, const char *what)
{
    (void)fprintf(stderr, "%s: %s: %s\n", device->config->program, what, strerror(errno));
    return false;
}

static void
on_signal(void *user, uint32_t events)
{
    struct device *device = user;
    struct signalfd_siginfo info;
    (void)events;
    if (read(device->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        loop_stop(device->loop);
    }
}

/* They are blocked since before the fork. */
static bool
open_signals(struct device *device)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    device->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return device->signals >= 0 &&
           loop_watch(device->loop, device->signals, EPOLLIN, on_signal, device);
}

static bool
open_gpu(struct device *device, const struct device_fds *fds)
{
    const struct device_config *config = device->config;
    uint8_t capset[VENUS_CAPSET_BYTES];
    const char *why = NULL;
    struct gpu_config gpu = { .scanout_count = config->scanout_count,
                              .render_server = fds->render_server,
                              .limits = config->limits,
                              .quota = &fds->quota };
    memcpy(gpu.scanouts, config->scanouts, sizeof(gpu.scanouts));
    if (config->has_venus) {
        venus_capset(capset);
        gpu.capset = capset;
        gpu.capset_bytes = sizeof(capset);
    }
    vhost_carry(device->vhost, &gpu);
    device->gpu = gpu_create(&gpu, &why);
    if (device->gpu == NULL && why != NULL) {
        say(device, why);
        return false;
    }
    return device->gpu != NULL || fail(device, "the device");
}

static bool
open_people(struct device *device, const struct device_fds *fds)
{
    struct control_config control = { .loop = device->loop,
                                      .gpu = device->gpu,
                                      .listener = fds->control,
                                      .front_status = vhost_status,
                                      .front_refusal = vhost_display_refusal,
                                      .user = device->vhost };
    struct view_config view = {
        .loop = device->loop, .gpu = device->gpu, .fd = fds->view, .on_problem = say, .user = device
    };
    if (fds->control >= 0 && (device->control = control_create(&control)) == NULL) {
        return fail(device, "the control socket");
    }
    if (fds->view >= 0 && (device->view = view_create(&view)) == NULL) {
        return fail(device, "the view");
    }
    return true;
}

static bool
open_all(struct device *device, const struct device_fds *fds)
{
    struct vhost_config vhost = { .listener = fds->listener,
                                  .window_bytes = device->config->window_bytes,
                                  .say = say,
                                  .user = device,
                                  .is_verbose = device->config->renderers.is_verbose,
                                  .on_record = fds->records != NULL ? records_put : NULL,
                                  .record_user = fds->records };
    device->loop = vhost.loop = loop_create();
    if (device->loop == NULL || !open_signals(device)) {
        return fail(device, "the loop");
    }
    if (fds->records != NULL) {
        records_serve(fds->records, device->loop);
    }
    device->vhost = vhost_create(&vhost);
    if (device->vhost == NULL) {
        return fail(device, "the front");
    }
    if (!open_gpu(device, fds) || !open_people(device, fds)) {
        return false;
    }
    return vhost_serve(device->vhost, device->gpu) || fail(device, "the front's socket");
}

static void
close_all(struct device *device, struct records *records)
{
    if (device->gpu != NULL) {
        vhost_end(device->vhost);
    }
    view_destroy(device->view);
    control_destroy(device->control);
    gpu_destroy(device->gpu);
    vhost_destroy(device->vhost);
    records_close(records);
    loop_destroy(device->loop);
}

int
device_serve(const struct device_config *config, const struct device_fds *fds)
{
    struct device device = { .config = config, .signals = -1 };
    char reason[DEVICE_REASON_BYTES];
    int status = 1;
    if (!open_all(&device, fds)) {
        /* said already */
    } else if (config->is_sandboxed && !device_sandbox(reason)) {
        say(&device, reason);
    } else if (loop_run(device.loop) == 0) {
        status = 0;
    } else {
        (void)fail(&device, "waiting");
    }
    close_all(&device, fds->records);
    return status;
}
