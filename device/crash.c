/*
 * crash.c - a handler of fatal signals: only what is safe in the middle of anything.
 */
#include "device/crash.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <signal.h>

#include "venus/venus.h"

#include "device/report.h"

enum { LAST_WORDS_BYTES = 1024 };

/* A handler gets no argument of ours, so this is the one state that a process has. */
static _Atomic(struct venus *) context;
static int channel = -1;

struct words {
    char text[LAST_WORDS_BYTES];
    size_t length;
};

static void
add(struct words *words, const char *text)
{
    for (; *text != '\0' && words->length < sizeof(words->text) - 1; text++) {
        words->text[words->length++] = *text;
    }
    words->text[words->length] = '\0';
}

static void
add_number(struct words *words, unsigned number)
{
    char digit[2] = { (char)('0' + number % 10), '\0' };
    if (number >= 10) {
        add_number(words, number / 10);
    }
    add(words, digit);
}

/* strsignal is not safe here. */
static const char *
signal_text(int number)
{
    switch (number) {
    case SIGSEGV: return "crashed: Segmentation fault";
    case SIGBUS: return "crashed: Bus error";
    case SIGILL: return "crashed: Illegal instruction";
    case SIGFPE: return "crashed: Arithmetic error";
    case SIGABRT: return "crashed: Aborted";
    case SIGXCPU: return "used up its CPU time (--max-cpu)";
    default: return "made a system call that the sandbox forbids (--no-sandbox lets it)";
    }
}

static void
on_signal(int number, siginfo_t *info, void *machine)
{
    struct words words = { "its renderer ", 0 };
    (void)machine;
    words.length = strlen(words.text);
    add(&words, signal_text(number));
    add(&words, ", signal ");
    add_number(&words, (unsigned)number);
    if (number == SIGSYS) {
        add(&words, ", call ");
        add_number(&words, (unsigned)info->si_syscall);
    }
    const struct venus *venus = atomic_load(&context);
    char work[LAST_WORDS_BYTES - 256];
    if (venus != NULL && venus_at_work(venus, work, sizeof(work)) > 0) {
        add(&words, "; at work: ");
        add(&words, work);
    }
    struct report_head head = { .kind = REPORT_REASON };
    (void)report_send(channel, &head, words.text, -1);
    (void)raise(number); /* the default again: the process ends by this signal */
}

void
crash_watch(int to_channel)
{
    static const int numbers[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGXCPU, SIGSYS };
    struct sigaction action = { .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER };
    action.sa_sigaction = on_signal;
    channel = to_channel;
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)sigaction(numbers[i], &action, NULL);
    }
}

void
crash_set_context(struct venus *venus)
{
    atomic_store(&context, venus);
}
