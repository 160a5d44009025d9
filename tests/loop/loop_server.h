/*
 * loop_server.h - a render server whose renderers are threads on a venus that does nothing (tests/fake/venus_fake.h).
 */
#ifndef TESTS_LOOP_LOOP_SERVER_H
#define TESTS_LOOP_LOOP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <pthread.h>

enum { LOOP_SERVER_CONTEXTS_MAX = 64 };

enum loop_server_mood {
    LOOP_SERVER_KIND,
    LOOP_SERVER_REFUSING, /* starts no renderer */
    LOOP_SERVER_SILENT,   /* never answers */
    LOOP_SERVER_DEAF, /* its renderers neither read nor answer; loop_server.deaf are their sockets */
};

struct loop_server {
    int fd; /* for gpu_config.render_server, which takes it */
    enum loop_server_mood mood;
    int socket;
    pthread_t thread;
    pthread_t contexts[LOOP_SERVER_CONTEXTS_MAX];
    unsigned context_count;
    int deaf[LOOP_SERVER_CONTEXTS_MAX];
    unsigned deaf_count;
    unsigned destroyed_count; /* contexts that were to be destroyed */
};

/* Returns: false and errno. */
bool loop_server_start(struct loop_server *server, enum loop_server_mood mood);

/* After the device has gone: waits for all. */
void loop_server_finish(struct loop_server *server);

#endif
