#include "tools/vitrine/qmp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENT_COUNT_MAX = 1000 }; /* between a command and its answer */

static bool
fail(struct qmp *qmp, const char *why)
{
    (void)snprintf(qmp->line.why, sizeof(qmp->line.why), "%s", why);
    return false;
}

static void
note_event(struct qmp *qmp, const cJSON *message)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(message, "event"));
    const cJSON *data = cJSON_GetObjectItem(message, "data");
    if (name == NULL) {
        return;
    }
    if (strcmp(name, "GUEST_PANICKED") == 0) {
        qmp->saw_panic = true;
    } else if (strcmp(name, "RESET") == 0) {
        qmp->saw_reset = true;
        qmp->was_guests_wish = cJSON_IsTrue(cJSON_GetObjectItem(data, "guest"));
    }
}

/* The answer's value, out of the message; NULL: an error. */
static cJSON *
value_of(struct qmp *qmp, cJSON *message)
{
    const cJSON *error = cJSON_GetObjectItem(message, "error");
    if (error != NULL) {
        const char *why = cJSON_GetStringValue(cJSON_GetObjectItem(error, "desc"));
        (void)fail(qmp, why == NULL ? "refused without a reason" : why);
        return NULL;
    }
    return cJSON_DetachItemFromObject(message, "return");
}

static cJSON *
read_answer(struct qmp *qmp)
{
    for (unsigned i = 0; i < EVENT_COUNT_MAX; i++) {
        cJSON *message = line_read(&qmp->line);
        if (message == NULL) {
            return NULL;
        }
        bool is_answer =
            cJSON_HasObjectItem(message, "return") || cJSON_HasObjectItem(message, "error");
        if (!is_answer) {
            note_event(qmp, message);
        }
        cJSON *value = is_answer ? value_of(qmp, message) : NULL;
        cJSON_Delete(message);
        if (is_answer) {
            return value;
        }
    }
    (void)fail(qmp, "too many events");
    return NULL;
}

cJSON *
qmp_ask(struct qmp *qmp, const char *command, cJSON *arguments)
{
    cJSON *request = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(request, "execute", command);
    if (arguments != NULL) {
        (void)cJSON_AddItemToObject(request, "arguments", arguments);
    }
    char *text = cJSON_PrintUnformatted(request);
    cJSON_Delete(request);
    bool is_sent = text != NULL && line_send(&qmp->line, text) && line_send(&qmp->line, "\n");
    cJSON_free(text);
    return is_sent ? read_answer(qmp) : NULL;
}

char *
qmp_ask_human(struct qmp *qmp, const char *command_line)
{
    cJSON *arguments = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(arguments, "command-line", command_line);
    cJSON *value = qmp_ask(qmp, "human-monitor-command", arguments);
    const char *text = cJSON_GetStringValue(value);
    char *copy = text == NULL ? NULL : strdup(text);
    cJSON_Delete(value);
    return copy;
}

/* "40116200: 0x00001101 0x00000000 ..." */
static unsigned
parse_words(const char *text, unsigned count, uint32_t words[])
{
    unsigned found = 0;
    while (found < count && (text = strstr(text, " 0x")) != NULL) {
        char *end;
        words[found++] = (uint32_t)strtoul(text + 3, &end, 16);
        text = end;
    }
    return found;
}

bool
qmp_read_words(struct qmp *qmp, uint64_t guest_addr, unsigned count, uint32_t words[])
{
    char command[64];
    (void)snprintf(command, sizeof(command), "xp /%uxw 0x%" PRIx64, count, guest_addr);
    char *text = qmp_ask_human(qmp, command);
    if (text == NULL) {
        return false;
    }
    unsigned found = parse_words(text, count, words);
    free(text);
    return found == count || fail(qmp, "no memory is there");
}

static unsigned
version_part(const cJSON *version, const char *name)
{
    const cJSON *part = cJSON_GetObjectItem(version, name);
    return cJSON_IsNumber(part) && part->valueint > 0 ? (unsigned)part->valueint : 0;
}

bool
qmp_open(struct qmp *qmp, const char *path)
{
    *qmp = (struct qmp){ 0 };
    if (!line_open(&qmp->line, path)) {
        return false;
    }
    cJSON *greeting = line_read(&qmp->line);
    if (greeting == NULL) {
        return fail(qmp, "it does not greet: QEMU serves one client of a QMP socket at a time, "
                         "give the doctor one of its own (a second -qmp)");
    }
    const cJSON *version = cJSON_GetObjectItem(
        cJSON_GetObjectItem(cJSON_GetObjectItem(greeting, "QMP"), "version"), "qemu");
    qmp->major = version_part(version, "major");
    qmp->minor = version_part(version, "minor");
    bool is_qmp = cJSON_HasObjectItem(greeting, "QMP");
    cJSON_Delete(greeting);
    if (!is_qmp) {
        return fail(qmp, "what answers there is not QMP");
    }
    cJSON *value = qmp_ask(qmp, "qmp_capabilities", NULL);
    bool is_open = value != NULL;
    cJSON_Delete(value);
    return is_open;
}

void
qmp_close(struct qmp *qmp)
{
    line_close(&qmp->line);
}
