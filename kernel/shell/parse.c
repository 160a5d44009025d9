/* A command line cut into words: see parse.h. */
#include "kernel/shell/parse.h"

#include <string.h>

#include "kernel/core/errno.h"

struct writer {
    struct shell_words *words;
    size_t used;
    bool is_in_word;
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int
begin_word(struct writer *writer)
{
    if (writer->is_in_word) {
        return 0;
    }
    if (writer->words->count == SHELL_ARG_COUNT_MAX ||
        writer->used == sizeof(writer->words->text)) {
        return -E_OVERFLOW;
    }
    writer->words->words[writer->words->count++] = &writer->words->text[writer->used];
    writer->is_in_word = true;
    return 0;
}

static int
put(struct writer *writer, char c)
{
    if (writer->used + 1 >= sizeof(writer->words->text)) {
        return -E_OVERFLOW;
    }
    writer->words->text[writer->used++] = c;
    return 0;
}

static void
end_word(struct writer *writer)
{
    if (writer->is_in_word) {
        writer->is_in_word = false;
        writer->words->text[writer->used++] = '\0'; /* begin_word() and put() leave room for it */
    }
}

/* *at is on the opening quote; afterwards on the closing one. */
static int
take_quoted(struct writer *writer, const char **at)
{
    char quote = **at;

    for ((*at)++; **at != quote; (*at)++) {
        if (**at == '\0') {
            return -E_INVAL;
        }
        if (quote == '"' && **at == '\\' && ((*at)[1] == '"' || (*at)[1] == '\\')) {
            (*at)++;
        }
        if (put(writer, **at) != 0) {
            return -E_OVERFLOW;
        }
    }
    return 0;
}

static int
take_char(struct writer *writer, const char **at)
{
    int error;

    if (is_blank(**at)) {
        end_word(writer);
        return 0;
    }
    error = begin_word(writer);
    if (error != 0) {
        return error;
    }
    return **at == '\'' || **at == '"' ? take_quoted(writer, at) : put(writer, **at);
}

int
shell_parse(const char **line, struct shell_words *words)
{
    struct writer writer = { words, 0, false };
    const char *at = *line;
    int error = 0;

    words->count = 0;
    while (error == 0 && *at != '\0' && *at != ';') {
        error = take_char(&writer, &at);
        at += error == 0 ? 1 : 0;
    }
    end_word(&writer);
    words->words[words->count] = NULL;
    *line = error != 0 ? at + strlen(at) : at + (*at == ';' ? 1 : 0);
    return error;
}
