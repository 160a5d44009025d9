/*
 * worker.c - between a client's session and the supervisor.
 *
 * Two threads besides the library's: this one serves the client, the other answers the supervisor's questions and notices
 * its end.
 */
#include "device/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "device/context.h"
#include "device/crash.h"
#include "device/record.h"
#include "device/render_records.h"
#include "device/report.h"
#include "device/vtest.h"

enum { LABEL_BYTES = 64, FLUSH_MS = 500 };

struct worker {
    const struct worker_config *config;
    pthread_mutex_t lock;
    struct venus *venus; /* NULL before and after the context's life */
    bool is_ending;
    bool has_reason;
    int record_fd;                  /* -1: no record */
    struct render_records *records; /* NULL: none */
    bool is_record_over;
    char label[LABEL_BYTES];
};

static void
send_text(const struct worker *worker, enum report_kind kind, const char *text)
{
    (void)report_send(worker->config->channel, &(struct report_head){ .kind = kind }, text, -1);
}

static void
on_name(void *user, const char *name)
{
    struct worker *worker = user;
    const char *slash = strrchr(name, '/');
    (void)snprintf(worker->label, sizeof(worker->label), "%s", slash != NULL ? slash + 1 : name);
    make_printable(worker->label, false);
    send_text(worker, REPORT_NAME, worker->label);
}

static void
on_fatal(void *user, const char *reason)
{
    struct worker *worker = user;
    (void)pthread_mutex_lock(&worker->lock);
    bool is_first = !worker->has_reason;
    worker->has_reason = true;
    (void)pthread_mutex_unlock(&worker->lock);
    if (is_first) {
        send_text(worker, REPORT_REASON, reason);
    }
}

static void
on_ring(void *user, uint64_t ring_id, int fd, uint64_t status_offset_bytes)
{
    const struct worker *worker = user;
    struct report_head report = {
        .kind = fd >= 0 ? REPORT_RING : REPORT_RING_GONE,
        .ring_id = ring_id,
        .status_offset_bytes = status_offset_bytes,
    };
    (void)report_send(worker->config->channel, &report, NULL, fd);
}

/* One write per line: the file is in append mode, and lines of several clients and threads stay whole. */
static void
on_trace(void *user, const char *line)
{
    struct worker *worker = user;
    char end[] = "\n";
    char separator[] = ": ";
    struct iovec parts[4] = {
        {.iov_base = worker->label, .iov_len = strlen(worker->label)},
        { .iov_base = separator,    .iov_len = 2                    },
        { .iov_len = strlen(line) },
        { .iov_base = end,             .iov_len = 1                                },
    };
    memcpy(&parts[2].iov_base, &line, sizeof(line)); /* writev does not write to it */
    if (writev(worker->config->trace_fd, parts, 4) < 0) {
        return; /* a full disk takes the trace, not the client */
    }
}

static bool
is_recording(const struct worker *worker)
{
    return !__atomic_load_n(&worker->is_record_over, __ATOMIC_RELAXED);
}

/* A record with a gap would be read as something else: the first piece that does not fit ends it. */
static void
end_record(struct worker *worker)
{
    if (!__atomic_exchange_n(&worker->is_record_over, true, __ATOMIC_RELAXED)) {
        send_text(worker, REPORT_WARNING, "its record ends here: the file could not be written");
    }
}

static void
on_command(void *user, uint64_t ring_id, const void *bytes, size_t size_bytes)
{
    struct worker *worker = user;
    if (is_recording(worker) && record_add(worker->record_fd, ring_id, bytes, size_bytes) != 0) {
        end_record(worker);
    }
}

static void
on_memory(void *user, uint64_t memory_id, const void *bytes, uint64_t size_bytes)
{
    struct worker *worker = user;
    if (is_recording(worker) &&
        record_add_memory(worker->record_fd, memory_id, bytes, size_bytes) != 0) {
        end_record(worker);
    }
}

static void
on_record(void *user, const void *record)
{
    const struct worker *worker = user;
    render_records_put(worker->records, record);
}

static void
send_stats(struct worker *worker, bool as_json)
{
    char *text = malloc(REPORT_TEXT_BYTES_MAX);
    (void)pthread_mutex_lock(&worker->lock);
    if (text != NULL && worker->venus != NULL) {
        (void)venus_stats(worker->venus, as_json, text, REPORT_TEXT_BYTES_MAX);
        send_text(worker, REPORT_STATS, text);
    }
    (void)pthread_mutex_unlock(&worker->lock);
    free(text);
}

static void
on_context(void *user, struct venus *venus)
{
    struct worker *worker = user;
    (void)pthread_mutex_lock(&worker->lock);
    worker->venus = venus;
    if (worker->config->is_alone) {
        crash_set_context(venus);
    }
    (void)pthread_mutex_unlock(&worker->lock);
}

/* Its client may only have seen a call fail: the protocols of blobs have no way to say why. */
static void
tell_of_limit(const struct worker *worker, const struct venus *venus)
{
    uint64_t count = venus_refused_count(venus);
    char sentence[96];
    (void)snprintf(sentence, sizeof(sentence),
                   "memory was refused to it %" PRIu64 " time%s: its limit is --max-memory", count,
                   count == 1 ? "" : "s");
    if (count > 0) {
        send_text(worker, REPORT_WARNING, sentence);
    }
}

static void
on_context_end(void *user, struct venus *venus)
{
    struct worker *worker = user;
    tell_of_limit(worker, venus);
    if (worker->config->stats != STATS_NONE) {
        send_stats(worker, worker->config->stats == STATS_JSON);
    }
    on_context(worker, NULL);
}

static bool
is_ending(struct worker *worker)
{
    (void)pthread_mutex_lock(&worker->lock);
    bool is_ending = worker->is_ending;
    (void)pthread_mutex_unlock(&worker->lock);
    return is_ending;
}

/* Who records does not wait longer than this, so that what was recorded is in the file soon. */
static void
await_question(const struct worker *worker)
{
    struct pollfd question = { .fd = worker->config->channel, .events = POLLIN };
    while (worker->records != NULL && poll(&question, 1, FLUSH_MS) == 0) {
        render_records_flush(worker->records);
    }
}

static void *
answer_supervisor(void *argument)
{
    struct worker *worker = argument;
    struct report *report = malloc(sizeof(*report));
    int fd = -1;
    await_question(worker);
    while (report != NULL &&
           report_receive(worker->config->channel, true, report, &fd) == REPORT_GOT) {
        if (fd >= 0) {
            (void)close(fd);
        }
        if (report->head.kind == REPORT_WANT_STATS) {
            send_stats(worker, worker->config->stats == STATS_JSON);
        }
        await_question(worker);
    }
    free(report);
    if (worker->config->is_alone && !is_ending(worker)) {
        _exit(1); /* the supervisor is gone: nobody would stop us */
    }
    return NULL;
}

static void
stop_answering(struct worker *worker, pthread_t thread)
{
    (void)pthread_mutex_lock(&worker->lock);
    worker->is_ending = true;
    (void)pthread_mutex_unlock(&worker->lock);
    (void)shutdown(worker->config->channel, SHUT_RD);
    (void)pthread_join(thread, NULL);
}

static struct front_config
session_config(struct worker *worker)
{
    return (struct front_config){
        .limits = worker->config->limits,
        .quota = worker->config->quota,
        .place = worker->config->place,
        .user = worker,
        .on_name = on_name,
        .on_fatal = on_fatal,
        .on_ring = on_ring,
        .on_trace = worker->config->trace_fd >= 0 ? on_trace : NULL,
        .on_command = worker->record_fd >= 0 ? on_command : NULL,
        .on_memory = worker->record_fd >= 0 ? on_memory : NULL,
        .on_record = worker->records != NULL ? on_record : NULL,
        .on_context = on_context,
        .on_context_end = on_context_end,
    };
}

/* What the supervisor says before a client is served. */
struct orders {
    int client_fd; /* -1: the supervisor is gone, or said something else */
    int record_fd;
    int records_fd;
    bool is_context;
    char name[LABEL_BYTES]; /* of a context */
};

/* Returns: whether more is to come. */
static bool
read_order(struct orders *orders, const struct report *report, int fd)
{
    if (report->head.kind == REPORT_RECORD) {
        orders->record_fd = fd;
        return true;
    }
    if (report->head.kind == REPORT_RECORDS) {
        orders->records_fd = fd;
        return true;
    }
    orders->is_context = report->head.kind == REPORT_SERVE_CONTEXT;
    (void)snprintf(orders->name, LABEL_BYTES, "%.*s", LABEL_BYTES - 1, report->text);
    if (orders->is_context || report->head.kind == REPORT_SERVE_VTEST) {
        orders->client_fd = fd;
    } else if (fd >= 0) {
        (void)close(fd);
    }
    return false;
}

static void
await_client(const struct worker_config *config, struct orders *orders)
{
    struct report *report = malloc(sizeof(*report));
    bool is_more = report != NULL;
    while (is_more) {
        int fd = -1;
        is_more = report_receive(config->channel, true, report, &fd) == REPORT_GOT &&
                  read_order(orders, report, fd);
    }
    free(report);
}

static int
serve(struct worker *worker, int fd, const char *context_name)
{
    struct front_config session = session_config(worker);
    struct fault fault;
    pthread_t thread;
    bool is_answering = pthread_create(&thread, NULL, answer_supervisor, worker) == 0;
    enum front_end end = context_name != NULL ? context_serve(fd, context_name, &session, &fault)
                                              : vtest_serve(fd, &session, &fault);
    if (end != FRONT_CLIENT_LEFT) {
        on_fatal(worker, fault.text);
    }
    if (is_answering) {
        stop_answering(worker, thread);
    }
    return end == FRONT_CLIENT_LEFT ? 0 : 1;
}

int
worker_serve(const struct worker_config *config)
{
    struct worker worker = { .config = config, .label = "client", .record_fd = -1 };
    struct orders orders = { .client_fd = -1, .record_fd = -1, .records_fd = -1 };
    int status = 0;
    if (config->is_alone) {
        crash_watch(config->channel);
    }
    await_client(config, &orders);
    worker.record_fd = orders.record_fd;
    worker.records = orders.records_fd >= 0 ? render_records_create(orders.records_fd) : NULL;
    if (orders.client_fd >= 0) {
        (void)pthread_mutex_init(&worker.lock, NULL);
        status = serve(&worker, orders.client_fd, orders.is_context ? orders.name : NULL);
        (void)pthread_mutex_destroy(&worker.lock);
    }
    render_records_destroy(worker.records);
    if (orders.records_fd >= 0) {
        (void)close(orders.records_fd);
    }
    if (orders.record_fd >= 0) {
        (void)close(orders.record_fd);
    }
    (void)close(config->channel);
    return status;
}

int
worker_refuse(const struct worker_config *config, const char *reason)
{
    const struct worker worker = { .config = config };
    send_text(&worker, REPORT_REASON, reason);
    (void)close(config->channel);
    return 1;
}

void
worker_warn(const struct worker_config *config, const char *sentence)
{
    const struct worker worker = { .config = config };
    send_text(&worker, REPORT_WARNING, sentence);
}
