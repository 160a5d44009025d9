/* A line editor: see editor.h. */
#include "kernel/shell/editor.h"

#include <string.h>

enum control {
    CTRL_A = 1,
    CTRL_C = 3,
    CTRL_E = 5,
    BACKSPACE = 8,
    CTRL_L = 12,
    CTRL_U = 21,
    CTRL_W = 23,
    ESCAPE = 27,
    DELETE = 127,
};

enum escape {
    ESCAPE_NONE,
    ESCAPE_SEEN,    /* ESC */
    ESCAPE_BRACKET, /* ESC [ or ESC O */
    ESCAPE_DIGIT,   /* ESC [ digits, up to ~ */
};

static void
put_text(const struct editor *editor, const char *text)
{
    editor->write(text, strlen(text));
}

void
editor_init(struct editor *editor, const char *prompt,
            void (*write)(const char *text, size_t bytes))
{
    memset(editor, 0, sizeof(*editor));
    editor->prompt = prompt;
    editor->write = write;
}

void
editor_redraw(struct editor *editor)
{
    put_text(editor, "\r\x1b[K");
    put_text(editor, editor->prompt);
    editor->write(editor->line, editor->length);
    for (size_t i = editor->length; i > editor->cursor; i--) {
        put_text(editor, "\b");
    }
}

void
editor_begin(struct editor *editor)
{
    editor->length = 0;
    editor->cursor = 0;
    editor->line[0] = '\0';
    editor->history_at = editor->history_count;
    put_text(editor, editor->prompt);
}

static void
insert(struct editor *editor, char c)
{
    if (editor->length + 1 >= sizeof(editor->line)) {
        put_text(editor, "\a");
        return;
    }
    memmove(&editor->line[editor->cursor + 1], &editor->line[editor->cursor],
            editor->length - editor->cursor);
    editor->line[editor->cursor++] = c;
    editor->line[++editor->length] = '\0';
    if (editor->cursor == editor->length) {
        editor->write(&c, 1); /* the common case, without drawing the line again */
    } else {
        editor_redraw(editor);
    }
}

/* Take `count` characters out before the cursor. */
static void
erase_before(struct editor *editor, size_t count)
{
    memmove(&editor->line[editor->cursor - count], &editor->line[editor->cursor],
            editor->length - editor->cursor);
    editor->cursor -= count;
    editor->length -= count;
    editor->line[editor->length] = '\0';
    editor_redraw(editor);
}

static size_t
word_before(const struct editor *editor)
{
    size_t at = editor->cursor;

    while (at > 0 && editor->line[at - 1] == ' ') {
        at--;
    }
    while (at > 0 && editor->line[at - 1] != ' ') {
        at--;
    }
    return editor->cursor - at;
}

static void
show_history(struct editor *editor, uint32_t at)
{
    const char *line = at < editor->history_count ? editor->history[at] : "";

    editor->history_at = at;
    editor->length = strlen(line);
    editor->cursor = editor->length;
    memcpy(editor->line, line, editor->length + 1);
    editor_redraw(editor);
}

static void
remember(struct editor *editor)
{
    bool is_repeated = editor->history_count > 0 &&
                       strcmp(editor->history[editor->history_count - 1], editor->line) == 0;

    if (editor->length == 0 || is_repeated) {
        return;
    }
    if (editor->history_count == EDITOR_HISTORY_COUNT) {
        memmove(editor->history[0], editor->history[1],
                sizeof(editor->history) - sizeof(editor->history[0]));
        editor->history_count--;
    }
    memcpy(editor->history[editor->history_count++], editor->line, editor->length + 1);
}

static void
move_to(struct editor *editor, size_t cursor)
{
    if (cursor <= editor->length) {
        editor->cursor = cursor;
        editor_redraw(editor);
    }
}

/* The last character of an escape sequence. */
static void
take_escape(struct editor *editor, char c)
{
    switch (c) {
    case 'A':
        if (editor->history_at > 0) {
            show_history(editor, editor->history_at - 1);
        }
        break;
    case 'B':
        if (editor->history_at < editor->history_count) {
            show_history(editor, editor->history_at + 1);
        }
        break;
    case 'C': move_to(editor, editor->cursor + 1); break;
    case 'D': move_to(editor, editor->cursor - 1); break; /* wraps at 0, and is refused */
    case 'H': move_to(editor, 0); break;
    case 'F': move_to(editor, editor->length); break;
    default: break;
    }
}

/* Returns: whether the character belonged to an escape sequence. */
static bool
is_escape(struct editor *editor, char c)
{
    switch (editor->escape) {
    case ESCAPE_SEEN:
        editor->escape = c == '[' || c == 'O' ? ESCAPE_BRACKET : ESCAPE_NONE;
        return true;
    case ESCAPE_BRACKET:
        editor->escape = c >= '0' && c <= '9' ? ESCAPE_DIGIT : ESCAPE_NONE;
        if (editor->escape == ESCAPE_NONE) {
            take_escape(editor, c);
        }
        return true;
    case ESCAPE_DIGIT:
        editor->escape = (c >= '0' && c <= '9') || c == ';' ? ESCAPE_DIGIT : ESCAPE_NONE;
        return true;
    default: editor->escape = c == ESCAPE ? ESCAPE_SEEN : ESCAPE_NONE; return c == ESCAPE;
    }
}

static const char *
finish(struct editor *editor)
{
    put_text(editor, "\n");
    remember(editor);
    return editor->line;
}

static const char *
abandon(struct editor *editor)
{
    put_text(editor, "^C\n");
    editor->length = 0;
    editor->cursor = 0;
    editor->line[0] = '\0';
    return editor->line;
}

static void
take_control(struct editor *editor, char c)
{
    switch (c) {
    case BACKSPACE:
    case DELETE:
        if (editor->cursor > 0) {
            erase_before(editor, 1);
        }
        break;
    case CTRL_U: erase_before(editor, editor->cursor); break;
    case CTRL_W: erase_before(editor, word_before(editor)); break;
    case CTRL_A: move_to(editor, 0); break;
    case CTRL_E: move_to(editor, editor->length); break;
    case CTRL_L:
        put_text(editor, "\x1b[H\x1b[2J");
        editor_redraw(editor);
        break;
    default: break;
    }
}

const char *
editor_input(struct editor *editor, char c)
{
    char before = editor->last;

    editor->last = c;
    if (is_escape(editor, c) || (c == '\n' && before == '\r')) {
        return NULL;
    }
    if (c == '\r' || c == '\n') {
        return finish(editor);
    }
    if (c == CTRL_C) {
        return abandon(editor);
    }
    if ((unsigned char)c < ' ' || c == DELETE) {
        take_control(editor, c);
    } else {
        insert(editor, c);
    }
    return NULL;
}
