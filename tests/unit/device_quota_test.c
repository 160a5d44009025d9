/*
 * One limit for a guest's device and its renderers: shared by processes and threads, and free again when one was killed.
 */
#include <stdatomic.h>

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/quota.h"
#include "tests/unit/utest.h"

enum { LIMIT = 1000, PLACES = 4 };

UTEST(all_places_share_the_limit)
{
    struct quota quota;
    EXPECT_TRUE(quota_create(&quota, PLACES, LIMIT));
    unsigned first = quota_admit(&quota);
    unsigned second = quota_admit(&quota);
    EXPECT_NE(first, second);
    EXPECT_TRUE(quota_take(&quota, first, 600));
    EXPECT_FALSE(quota_take(&quota, second, 401));
    EXPECT_FALSE(quota_take(&quota, second, UINT64_MAX));
    EXPECT_TRUE(quota_take(&quota, second, 300));
    EXPECT_TRUE(quota_take(&quota, QUOTA_DEVICE_PLACE, 100));
    EXPECT_FALSE(quota_take(&quota, QUOTA_DEVICE_PLACE, 1));
    EXPECT_EQ(quota_held_bytes(&quota), LIMIT);
    quota_give_back(&quota, first, 600);
    EXPECT_TRUE(quota_take(&quota, second, 600));
    quota_finish(&quota);
}

UTEST(there_are_as_many_renderers_as_places)
{
    struct quota quota;
    EXPECT_TRUE(quota_create(&quota, PLACES, LIMIT));
    unsigned last = QUOTA_NO_PLACE;
    for (unsigned i = 1; i < PLACES; i++) {
        last = quota_admit(&quota);
        EXPECT_NE(last, QUOTA_NO_PLACE);
        EXPECT_NE(last, QUOTA_DEVICE_PLACE);
    }
    EXPECT_EQ(quota_admit(&quota), QUOTA_NO_PLACE);
    quota_release(&quota, last);
    EXPECT_EQ(quota_admit(&quota), last);
    quota_release(&quota, QUOTA_NO_PLACE);
    quota_finish(&quota);
}

/* A renderer: takes what it can, and is killed with it. */
static pid_t
start_renderer(const struct quota *quota, unsigned place, uint64_t bytes)
{
    int told[2];
    char answer = 0;
    struct quota own;
    EXPECT_EQ(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        bool is_there = quota_open(&own, dup(quota->fd), LIMIT) && quota_take(&own, place, bytes);
        (void)!write(told[1], is_there ? "y" : "n", 1);
        for (;;) {
            (void)pause();
        }
    }
    (void)!read(told[0], &answer, 1);
    EXPECT_EQ(answer, 'y');
    (void)close(told[0]);
    (void)close(told[1]);
    return pid;
}

UTEST(what_a_killed_renderer_had_comes_back)
{
    struct quota quota;
    EXPECT_TRUE(quota_create(&quota, PLACES, LIMIT));
    unsigned place = quota_admit(&quota);
    pid_t pid = start_renderer(&quota, place, 900);
    EXPECT_FALSE(quota_take(&quota, QUOTA_DEVICE_PLACE, 200));
    EXPECT_EQ(quota_held_bytes(&quota), 900);
    (void)kill(pid, SIGKILL);
    EXPECT_EQ(waitpid(pid, NULL, 0), pid);
    quota_release(&quota, place);
    EXPECT_EQ(quota_held_bytes(&quota), 0);
    EXPECT_TRUE(quota_take(&quota, QUOTA_DEVICE_PLACE, LIMIT));
    quota_finish(&quota);
}

/* Numbers that a guest wrote who had taken its renderer over: its own guest is refused, until they are forgotten. */
UTEST(nonsense_in_the_page_refuses_and_goes)
{
    struct quota quota;
    EXPECT_TRUE(quota_create(&quota, PLACES, LIMIT));
    unsigned place = quota_admit(&quota);
    for (unsigned i = 1; i < PLACES; i++) {
        quota_add(&quota, i, UINT64_MAX - i);
    }
    EXPECT_FALSE(quota_take(&quota, QUOTA_DEVICE_PLACE, 1));
    EXPECT_EQ(quota_held_bytes(&quota), LIMIT);
    quota_release(&quota, place);
    EXPECT_EQ(quota_held_bytes(&quota), 0);
    EXPECT_TRUE(quota_take(&quota, QUOTA_DEVICE_PLACE, LIMIT));
    quota_finish(&quota);
}

/* --- at once --- */

enum { THREADS = 3, ROUNDS = 20000, BITE = 400 /* two of them fit */ };

static struct {
    struct quota quota;
    _Atomic unsigned holder_count;
    _Atomic unsigned most;
    _Atomic unsigned taken_count;
} race;

static void *
take_and_give(void *place)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (!quota_take(&race.quota, (unsigned)(uintptr_t)place, BITE)) {
            continue;
        }
        unsigned now = atomic_fetch_add(&race.holder_count, 1) + 1;
        unsigned most = atomic_load(&race.most);
        while (now > most && !atomic_compare_exchange_weak(&race.most, &most, now)) {
        }
        atomic_fetch_add(&race.taken_count, 1);
        atomic_fetch_sub(&race.holder_count, 1);
        quota_give_back(&race.quota, (unsigned)(uintptr_t)place, BITE);
    }
    return NULL;
}

UTEST(those_who_ask_at_once_never_pass_the_limit)
{
    pthread_t threads[THREADS];
    EXPECT_TRUE(quota_create(&race.quota, PLACES, LIMIT));
    for (uintptr_t i = 0; i < THREADS; i++) {
        EXPECT_EQ(pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        EXPECT_EQ(pthread_join(threads[i], NULL), 0);
    }
    EXPECT_TRUE(race.most >= 1 && race.most <= LIMIT / BITE);
    EXPECT_TRUE(race.taken_count > 0);
    EXPECT_EQ(quota_held_bytes(&race.quota), 0);
    quota_finish(&race.quota);
}
