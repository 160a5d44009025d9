/*
 * ask.c - finds the device's socket and says what went wrong with it.
 */
#include "tools/vitrine/ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "device/view/control.h"
#include "device/view/control_path.h"

/* One line on stderr without "see --help": nothing is wrong with the command line.  Returns: false. */
static bool __attribute__((format(printf, 2, 3)))
failed(const struct options *options, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "%s: ", options->program);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    return false;
}

/* --- which socket --- */

static bool
say_which(const struct options *options, const struct control_found *found)
{
    (void)fprintf(stderr, "%s: %u devices run; say which: ", options->program, found->count);
    for (unsigned i = 0; i < found->count; i++) {
        (void)fprintf(stderr, "%s--control %s", i > 0 ? " or " : "", found->paths[i]);
    }
    (void)fputc('\n', stderr);
    return false;
}

static bool
find_path(const struct options *options, char path[CONTROL_PATH_BYTES])
{
    struct control_found found;
    const char *given = options_get(options, "control");
    if (given != NULL) {
        int length = snprintf(path, CONTROL_PATH_BYTES, "%s", given);
        return length < CONTROL_PATH_BYTES ||
               failed(options, "--control %s: a socket's path has at most %d bytes", given,
                      CONTROL_PATH_BYTES - 1);
    }
    control_path_find(&found);
    if (found.count > 1) {
        return say_which(options, &found);
    }
    if (found.count == 0) {
        return failed(options, "no device of yours runs: start `vitrine-gpu --vhost-user SOCKET`, "
                               "or name its control socket with --control");
    }
    memcpy(path, found.paths[0], CONTROL_PATH_BYTES);
    return true;
}

/* --- the answer --- */

static bool
read_answer(const struct options *options, struct answer *answer)
{
    answer->json = line_read(&answer->line);
    if (answer->json == NULL) {
        return failed(options,
                      "the device did not answer: %s (is it the control socket? QEMU's is another)",
                      answer->line.why);
    }
    if (cJSON_IsTrue(cJSON_GetObjectItem(answer->json, "ok"))) {
        return true;
    }
    const char *error = cJSON_GetStringValue(cJSON_GetObjectItem(answer->json, "error"));
    return failed(options, "%s", error != NULL ? error : "the answer is not a device's");
}

bool
ask(const struct options *options, struct answer *answer, const char *format, ...)
{
    char path[CONTROL_PATH_BYTES];
    char request[CONTROL_REQUEST_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(request, sizeof(request) - 1, format, arguments);
    va_end(arguments);
    memcpy(request + length, "\n", 2); /* our own requests are shorter */
    *answer = (struct answer){
        .line = {.fd = -1, .passed_fd = -1}
    };
    if (!find_path(options, path)) {
        return false;
    }
    bool is_answered = false;
    if (!line_open(&answer->line, path)) {
        (void)failed(options, "cannot reach a device at %s: %s", path, answer->line.why);
    } else if (!line_send(&answer->line, request)) {
        (void)failed(options, "the device takes no request: %s", answer->line.why);
    } else {
        is_answered = read_answer(options, answer);
    }
    if (!is_answered) {
        answer_finish(answer);
    }
    return is_answered;
}

void
answer_finish(struct answer *answer)
{
    cJSON_Delete(answer->json);
    answer->json = NULL;
    line_close(&answer->line);
}

bool
ask_scanout(const struct options *options, unsigned *scanout_idx)
{
    uint64_t number = 0;
    bool is_right = option_number(options, "scanout", 0, 15, &number);
    *scanout_idx = (unsigned)number;
    return is_right;
}
