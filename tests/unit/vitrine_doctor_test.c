/*
 * vitrine doctor's judgement on made-up evidence: what QEMU and our kernel cannot easily be brought to show.
 * conformance: S0-19
 */
#include "abi/virtio.h"
#include "abi/virtio_gpu.h"

#include "tests/unit/utest.h"
#include "tools/vitrine/doctor_judge.h"

enum { DRIVEN = 0xf };

static struct doctor_evidence evidence;
static struct doctor_report report;

/* A running machine with one GPU that shows a picture. */
static struct doctor_gpu *
well(void)
{
    evidence = (struct doctor_evidence){ .has_qemu = true,
                                         .is_running = true,
                                         .run_state = "running",
                                         .gpu_count = 1,
                                         .screen_count = 1 };
    evidence.gpus[0] = (struct doctor_gpu){ .name = "gpu0", .status = DRIVEN };
    evidence.screens[0] = (struct doctor_screen){
        .device = "gpu0", .is_seen = true, .width_px = 1280, .height_px = 800
    };
    return &evidence.gpus[0];
}

/* Our device, with one display on which something was flushed. */
static struct doctor_device *
ours(void)
{
    evidence = (struct doctor_evidence){
        .device = {.is_known = true, .reset_count = 1, .scanout_count = 1}
    };
    evidence.device.queues[0].is_running = true;
    evidence.device.scanouts[0] = (struct doctor_scanout){ .is_plugged = true,
                                                           .resource_id = 7,
                                                           .has_backing = true,
                                                           .width_px = 640,
                                                           .height_px = 480,
                                                           .flush_count = 3 };
    return &evidence.device;
}

static void
expect_cause(const char *cause, const char *words)
{
    doctor_judge(&evidence, &report);
    EXPECT_EQ(report.is_healthy, false);
    if (EXPECT_TRUE(report.finding_count > 0)) {
        EXPECT_STREQ(report.findings[0].cause, cause);
        EXPECT_CONTAINS(report.verdict, words);
        EXPECT_TRUE(report.findings[0].evidence[0] != '\0');
        EXPECT_TRUE(report.findings[0].advice[0] != '\0');
    }
}

static void
expect_health(const char *words)
{
    doctor_judge(&evidence, &report);
    EXPECT_TRUE(report.is_healthy);
    EXPECT_CONTAINS(report.verdict, words);
}

UTEST(what_is_well_is_well)
{
    (void)well();
    expect_health("gpu0 head 0 shows a picture of 1280x800");
    (void)ours();
    expect_health("is flushed to our device");
}

UTEST(a_machine_that_does_not_run)
{
    (void)well();
    evidence.is_running = false;
    (void)snprintf(evidence.run_state, sizeof(evidence.run_state), "paused");
    expect_cause("not-running", "stands still");
    (void)well();
    evidence.saw_panic = true;
    expect_cause("panicked", "crashed");
    (void)well();
    evidence.gpu_count = 0;
    expect_cause("no-gpu", "no virtio GPU");
}

UTEST(a_driver_that_stopped_half_way)
{
    struct doctor_gpu *gpu = well();
    gpu->status = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
    expect_cause("half-claimed", "stopped in the middle of its start");
    EXPECT_CONTAINS(report.findings[0].evidence, "ACKNOWLEDGE DRIVER (0x3)");
    gpu->status |= VIRTIO_STATUS_FAILED;
    expect_cause("half-claimed", "gave up");
    gpu->status = VIRTIO_STATUS_ACKNOWLEDGE; /* Linux, which has no driver for it any more */
    expect_cause("reset", "DRIVER_OK of gpu0 is gone");
}

UTEST(a_device_that_is_broken)
{
    struct doctor_gpu *gpu = well();
    gpu->is_broken = true;
    expect_cause("broken", "broke a rule");
    gpu = well();
    gpu->status |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
    expect_cause("broken", "broke a rule");
}

UTEST(a_reset_and_whose_wish_it_was)
{
    struct doctor_gpu *gpu = well();
    gpu->status = 0;
    expect_cause("reset", "somebody in the guest wrote 0");
    evidence.saw_reset = true;
    expect_cause("reset", "reset from outside");
    evidence.was_guests_wish = true;
    expect_cause("reset", "the guest restarted the whole machine");
    (void)snprintf(evidence.reset_by, sizeof(evidence.reset_by), "firmware");
    expect_cause("reset", "\"firmware\" reset the device");
    evidence.screens[0].is_placeholder = true; /* and never showed anything */
    evidence.reset_by[0] = '\0';
    expect_cause("no-claim", "Nobody has claimed gpu0");
}

UTEST(a_status_that_nobody_could_read)
{
    struct doctor_gpu *gpu = well();
    gpu->status = DOCTOR_STATUS_UNKNOWN;
    expect_health("shows a picture");
    gpu->queues[0].is_known = true;
    evidence.screens[0].is_placeholder = true;
    expect_cause("no-claim", "Nobody has claimed");
    EXPECT_CONTAINS(report.findings[0].evidence, "control queue is not set up");
}

UTEST(commands_that_nobody_takes_or_answers)
{
    struct doctor_gpu *gpu = well();
    /* The index is of 16 bits and goes round. */
    gpu->queues[0] = (struct doctor_queue){ .is_known = true,
                                            .is_set_up = true,
                                            .size = 64,
                                            .offered_idx = 1,
                                            .taken_idx = 0xffff,
                                            .used_idx = 0xffff,
                                            .is_still = true };
    expect_cause("not-notified", "2 commands of gpu0 wait");
    gpu->queues[0].is_still = false;
    expect_health("shows a picture");
    gpu->queues[0].is_still = true;
    gpu->queues[0].taken_idx = 1;
    expect_cause("device-waits", "holds 2 commands");
    gpu->queues[0].offered_idx = 5000; /* no index of this queue: somebody writes nonsense */
    gpu->queues[0].used_idx = 1;
    expect_health("shows a picture");
}

UTEST(the_index_of_our_device_is_its_own)
{
    struct doctor_gpu *gpu = well();
    gpu->is_vhost = true;
    gpu->queues[0] = (struct doctor_queue){ .is_known = true,
                                            .is_set_up = true,
                                            .size = 64,
                                            .offered_idx = 9,
                                            .used_idx = 7,
                                            .is_still = true };
    evidence.device.is_known = true;
    evidence.device.queues[0].is_running = true;
    evidence.device.queues[0].avail_idx = 7;
    expect_cause("not-notified", "2 commands of gpu0 wait");
    EXPECT_CONTAINS(report.findings[0].evidence, "the device is at 7");
    evidence.device.is_known = false; /* nobody asked it */
    expect_health("shows a picture");
}

UTEST(our_device_knows_better_than_a_picture_of_it)
{
    (void)ours();
    struct doctor_device device = evidence.device;
    well()->is_vhost = true;
    evidence.device = device;
    evidence.screens[0].is_one_colour = true;
    expect_health("is flushed to our device");
    evidence.device.scanouts[0].flush_count = 0;
    expect_cause("no-flush", "Nothing was flushed on scanout 0");
    EXPECT_EQ(report.finding_count, 1);
}

UTEST(error_responses_beside_a_picture_are_no_cause)
{
    struct doctor_gpu *gpu = well();
    gpu->command_count = 2;
    gpu->commands[0] = (struct doctor_command){ .type = VIRTIO_GPU_CMD_GET_EDID,
                                                .response = VIRTIO_GPU_RESP_ERR_UNSPEC };
    gpu->commands[1] = (struct doctor_command){ .type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
                                                .response = VIRTIO_GPU_RESP_OK_NODATA };
    expect_health("shows a picture");
    EXPECT_EQ(report.finding_count, 1);
    EXPECT_CONTAINS(report.findings[0].evidence, "GET_EDID of resource 0 answered ERR_UNSPEC");
    evidence.screens[0].is_one_colour = true;
    doctor_judge(&evidence, &report);
    EXPECT_EQ(report.is_healthy, false);
}

UTEST(the_wrong_display_is_named_before_all_else)
{
    (void)well();
    evidence.screen_count = 2;
    evidence.screens[1] = evidence.screens[0];
    evidence.screens[1].head = 1;
    evidence.screens[0].is_placeholder = true;
    expect_cause("wrong-display", "gpu0 head 0 is off, but gpu0 head 1 has a picture");
    EXPECT_EQ(report.finding_count, 1);
}

UTEST(a_second_gpu_that_nobody_drives_is_no_cause)
{
    (void)well();
    evidence.gpu_count = 2;
    evidence.gpus[1] = (struct doctor_gpu){ .name = "gpu1" };
    expect_health("shows a picture");
    EXPECT_STREQ(report.findings[0].cause, "no-claim");
}

UTEST(what_our_device_tells_of_its_scanouts)
{
    struct doctor_device *device = ours();
    device->scanouts[0].flush_count = 0;
    expect_cause("no-flush", "Nothing was flushed on scanout 0");
    device = ours();
    device->scanouts[0].has_backing = false;
    expect_cause("unbound", "resource 7, which has no memory");
    device = ours();
    device->scanouts[0].resource_id = 0;
    expect_cause("scanout-off", "Scanout 0 is off");
    device->kept_count = 1;
    (void)snprintf(device->problems[0], sizeof(device->problems[0]),
                   "SET_SCANOUT: rectangle beyond the resource");
    expect_cause("outside", "refused");
    EXPECT_CONTAINS(report.findings[0].evidence, "rectangle beyond the resource");
    device->scanouts[0].is_plugged = false;
    expect_health("our device");
}

UTEST(a_device_that_no_machine_has)
{
    struct doctor_device *device = ours();
    device->queues[0].is_running = false;
    device->reset_count = 2;
    device->is_unplugged = true;
    expect_cause("unplugged", "Our device is unplugged");
    device->is_unplugged = false;
    device->is_alone = true;
    expect_cause("no-machine", "No virtual machine has our device");
}

UTEST(what_our_device_tells_of_its_queues)
{
    struct doctor_device *device = ours();
    device->queues[0].is_running = false;
    expect_cause("no-claim", "our device");
    device->reset_count = 2;
    expect_cause("reset", "DRIVER_OK of our device is gone");
    device = ours();
    (void)snprintf(device->queues[1].fault, sizeof(device->queues[1].fault), "a loop");
    expect_cause("broken", "Queue 1 is broken, because the guest broke a rule: a loop");
    device = ours();
    device->queues[0].error_count = 5;
    (void)snprintf(device->dead_context, sizeof(device->dead_context), "out of memory");
    expect_cause("renderer-died", "out of memory");
    EXPECT_EQ(report.finding_count, 2);
}

UTEST(more_findings_than_there_is_room_for)
{
    struct doctor_device *device = ours();
    device->scanout_count = DOCTOR_SCANOUT_COUNT_MAX;
    for (unsigned i = 0; i < DOCTOR_SCANOUT_COUNT_MAX; i++) {
        device->scanouts[i] = (struct doctor_scanout){ .is_plugged = true };
    }
    evidence.gpu_count = DOCTOR_GPU_COUNT_MAX;
    evidence.screen_count = DOCTOR_SCREEN_COUNT_MAX;
    for (unsigned i = 0; i < DOCTOR_SCREEN_COUNT_MAX; i++) {
        evidence.screens[i] = (struct doctor_screen){ .gpu_idx = (int)(i % DOCTOR_GPU_COUNT_MAX),
                                                      .is_seen = true,
                                                      .is_one_colour = true };
    }
    for (unsigned i = 0; i < DOCTOR_GPU_COUNT_MAX; i++) {
        evidence.gpus[i].status = DRIVEN;
    }
    doctor_judge(&evidence, &report);
    EXPECT_EQ(report.is_healthy, false);
    EXPECT_TRUE(report.finding_count <= DOCTOR_FINDING_COUNT_MAX);
}
