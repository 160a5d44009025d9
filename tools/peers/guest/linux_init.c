/*
 * The Linux peer's only process: loads the modules beside it, measures what the command line names, powers off.
 */
#include "tools/peers/guest/linux_init.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE_CAPACITY (1U << 20)

struct job {
    const char *name;
    void (*measure)(unsigned seconds, struct samples *s);
};

static const struct job jobs[] = {
    {"gpu_full",        gpu_full      },
    { "gpu_damage",     gpu_damage    },
    { "gpu_scene",      gpu_scene     },
    { "gpu_paced",      gpu_paced     },
    { "gpu_still",      gpu_still     },
    { "net_tx",         net_tx        },
    { "net_rx",         net_rx        },
    { "net_rtt",        net_rtt       },
    { "net_tx_batched", net_tx_batched},
};

uint64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void
power_off(void)
{
    (void)fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    for (;;) {
        pause();
    }
}

void
die(const char *what)
{
    printf("peer failed: %s: %s\n", what, strerror(errno));
    power_off();
    abort();
}

void
samples_add(struct samples *s, uint64_t item_ns)
{
    if (s->item_count < s->item_capacity) {
        s->item_ns[s->item_count++] = item_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)item_ns;
    }
}

static int
compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

void
samples_print(struct samples *s, const char *name, const char *unit)
{
    size_t n = s->item_count;

    qsort(s->item_ns, n, sizeof(*s->item_ns), compare_u32);
    printf("bench %s %s=%zu elapsed_ns=%llu p50_ns=%u p99_ns=%u max_ns=%u\n", name, unit, n,
           (unsigned long long)s->elapsed_ns, n != 0 ? s->item_ns[n / 2] : 0,
           n != 0 ? s->item_ns[n - 1 - n / 100] : 0, n != 0 ? s->item_ns[n - 1] : 0);
    (void)fflush(stdout);
}

static void
load_module(const char *name)
{
    char path[300];
    int fd;

    (void)snprintf(path, sizeof(path), "/modules/%s", name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST)) {
        die(path);
    }
    close(fd);
}

/* Their names begin with their place in the load order. */
static void
load_modules(void)
{
    struct dirent **names;
    int count = scandir("/modules", &names, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        if (names[i]->d_name[0] != '.') {
            load_module(names[i]->d_name);
        }
    }
}

static void
run_job(char *text, struct samples *s)
{
    char *colon = strchr(text, ':');
    unsigned seconds = colon != NULL ? (unsigned)strtoul(colon + 1, NULL, 10) : 2;

    if (colon != NULL) {
        *colon = '\0';
    }
    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        if (strcmp(text, jobs[i].name) == 0) {
            s->item_count = 0;
            jobs[i].measure(seconds, s);
            return;
        }
    }
    printf("peer failed: no figure is called '%s'\n", text);
}

int
main(void)
{
    static uint32_t item_ns[SAMPLE_CAPACITY];
    struct samples s = { .item_ns = item_ns, .item_capacity = SAMPLE_CAPACITY };
    char *list;

    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    load_modules();
    list = getenv("bench"); /* the kernel hands unknown command line words to init */
    for (char *job = strtok(list != NULL ? list : "", ","); job != NULL; job = strtok(NULL, ",")) {
        run_job(job, &s);
    }
    printf("peer done\n");
    power_off();
    return 0;
}
