/*
 * A guest for each rule of VirtIO 1.3 §5.7 that a driver can break (tests/loop/gpu_breaks.h), on our device behind QEMU: what
 * it gets stands in gpu_driver_rules.def, and afterwards it and its other context are served, as is the next driver.
 *
 * With COMPARE=1 in the environment they are broken on QEMU's own 2D device, too, and what that answers is printed, for
 * docs/hostile-guests.md.
 */
#define GPU_HOSTILE_GUEST "tests/qtest/gpu_far_guest.h"

#include <sys/wait.h>

#include "virtio/gpu_protocol.h"

#include "tests/loop/gpu_breaks.h"
#include "tests/qtest/gpu_far_hostile.h"

static const char *const two_displays[] = { "--resolution", "640x480,641x480", "--window", "1M",
                                            NULL };

UTEST(each_rule_broken_gets_what_its_line_says)
{
    if (!far_can_begin() || !far_begin(two_displays)) {
        return;
    }
    prepare();
    check_served();
    struct our_gpu_size before = our_gpu_size(&guest.host);
    for (unsigned i = 0; i < RULE_COUNT; i++) {
        EXPECT_TRUE(begin_anew(0));
        prepare();
        break_rule(i);
    }
    EXPECT_TRUE(begin_anew(0));
    prepare();
    check_served();
    EXPECT_TRUE(our_gpu_shrinks_to(&guest.host, &before));
    far_end();
}

/* --- the same on QEMU's own device, for docs/hostile-guests.md: printed, not judged --- */

enum { ANSWERS_MAX = 8, COMPARED_WAIT_MS = 500 };

static struct {
    uint32_t types[ANSWERS_MAX]; /* each once, as they came */
    unsigned count;
} answers;

static void
keep_answer(uint32_t type)
{
    for (unsigned i = 0; i < answers.count; i++) {
        if (answers.types[i] == type) {
            return;
        }
    }
    if (answers.count < ANSWERS_MAX) {
        answers.types[answers.count++] = type;
    }
}

/* Rules about what a 2D device does not offer; that a command needs its feature can be broken there, too. */
static bool
is_compared(const char *name)
{
    static const char *const prefixes[] = { "blob_", "capset_", "context_", "map_",
                                            "ring_", "stream_", "unmap" };
    for (unsigned i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0 &&
            strcmp(name, "blob_feature") != 0) {
            return false;
        }
    }
    return true;
}

/* In a process of its own, for QEMU may not survive it. */
static void
compare(unsigned rule_idx)
{
    static const char *const own[] = { "-device", "virtio-gpu-pci,id=gpu0,max_outputs=2", NULL };
    char line[256];
    FILE *seen = fdopen(dup(STDOUT_FILENO), "w");
    (void)!freopen("/dev/null", "w", stdout); /* what differs from ours */
    if (seen == NULL || !loop_guest_begin(&guest, own)) {
        _exit(1);
    }
    prepare();
    guest.wait_ms = COMPARED_WAIT_MS;
    guest.on_answer = keep_answer;
    utest.has_failed = false;
    rules[rule_idx].break_it();
    bool differs = utest.has_failed;
    guest.on_answer = NULL;
    bool is_served = loop_set_scanout(&guest, 0, 0, loop_rect(0, 0, 0, 0)) == OK;
    int used = snprintf(line, sizeof(line), "%s |", differs ? "differs" : "as ours");
    for (unsigned i = 0; i < answers.count; i++) {
        bool is_answer = answers.types[i] >> 8 == 0x11 || answers.types[i] >> 8 == 0x12;
        used += snprintf(line + used, sizeof(line) - (size_t)used, " %s",
                         is_answer ? vgpu_type_name(answers.types[i]) : "nothing");
    }
    (void)fprintf(seen, "| `%s` | %s | %s |\n", rules[rule_idx].name, line,
                  is_served ? "yes" : "no");
    (void)fclose(seen);
    loop_guest_end(&guest);
    _exit(0);
}

UTEST(what_qemus_own_device_does_is_printed)
{
    if (getenv("COMPARE") == NULL) {
        utest_skip("COMPARE=1 prints what QEMU's own device does");
        return;
    }
    printf("| rule | QEMU's own | answers | served then |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < RULE_COUNT; i++) {
        int status = 0;
        (void)fflush(stdout);
        pid_t pid = is_compared(rules[i].name) ? fork() : 0;
        if (pid == 0 && is_compared(rules[i].name)) {
            compare(i);
        }
        if (pid > 0 && EXPECT_EQ(waitpid(pid, &status, 0), pid) && status != 0) {
            printf("| `%s` | QEMU ended |  | no |\n", rules[i].name);
        }
    }
}
