/* The answer of a web server, good and bad, in one piece and byte by byte. */
#include "kernel/net/http.h"
#include "tests/unit/utest.h"

enum {
    BODY_ROOM = 256,
    ENDLESS_BYTES = 100000,
    RANDOM_RUNS = 20000,
};

static struct {
    struct http_answer answer;
    char body[BODY_ROOM + 1];
    size_t body_bytes;
} t;

static void
keep(void *ctx, const uint8_t *bytes, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count && t.body_bytes < BODY_ROOM; i++) {
        t.body[t.body_bytes++] = (char)bytes[i];
    }
    t.body[t.body_bytes] = '\0';
}

static enum http_result
read_in(const char *text, size_t count, size_t piece)
{
    enum http_result result = HTTP_MORE;

    memset(&t, 0, sizeof(t));
    http_begin(&t.answer, keep, NULL);
    for (size_t at = 0; at < count; at += piece) {
        result = http_take(&t.answer, (const uint8_t *)text + at,
                           at + piece < count ? piece : count - at);
    }
    return result;
}

/* What all sizes of pieces must agree in. */
struct wanted {
    const char *text;
    enum http_result result; /* before the connection ends */
    enum http_result closed; /* and after */
    uint32_t status;
    const char *body;
};

static const struct wanted answers[] = {
    {"HTTP/1.0 200 OK\r\n\r\nall of it",                                             HTTP_MORE,     HTTP_COMPLETE, 200, "all of it"    },
    { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef",                          HTTP_COMPLETE, HTTP_COMPLETE, 200,
     "abc"                                                                                                                             },
    { "HTTP/1.1 200\ncontent-LENGTH:\t3 \n\nabc",                                    HTTP_COMPLETE, HTTP_COMPLETE, 200, "abc"          },
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",                             HTTP_MORE,     HTTP_CUT,      200, "abc"          },
    { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",                                HTTP_COMPLETE, HTTP_COMPLETE, 200, ""             },
    { "HTTP/1.1 204 No Content\r\n\r\n",                                             HTTP_COMPLETE, HTTP_COMPLETE, 204, ""             },
    { "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",                       HTTP_COMPLETE, HTTP_COMPLETE, 404,
     "no"                                                                                                                              },
    { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",  HTTP_COMPLETE,
     HTTP_COMPLETE,                                                                                                200, "x"            },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA; "
      "x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n",                                 HTTP_COMPLETE, HTTP_COMPLETE, 200, "abc0123456789"},
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",           HTTP_MORE,     HTTP_CUT,      200,
     "abc"                                                                                                                             },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",          HTTP_BROKEN,
     HTTP_BROKEN,                                                                                                  200, "abc"          },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",                   HTTP_BROKEN,   HTTP_BROKEN,   200,
     ""                                                                                                                                },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", HTTP_BROKEN,
     HTTP_BROKEN,                                                                                                  200, ""             },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",                       HTTP_BROKEN,   HTTP_BROKEN,   200, ""             },
    { "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nabc",       HTTP_BROKEN,
     HTTP_BROKEN,                                                                                                  200, ""             },
    { "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",                            HTTP_BROKEN,   HTTP_BROKEN,   200, ""             },
    { "HTTP/1.1 200 OK\r\nContent-Length: 0x3\r\n\r\nabc",                           HTTP_BROKEN,   HTTP_BROKEN,   200, ""             },
    { "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nabc",                               HTTP_BROKEN,   HTTP_BROKEN,   200, ""             },
    { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",        HTTP_BROKEN,
     HTTP_BROKEN,                                                                                                  200, ""             },
    { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",        HTTP_COMPLETE,
     HTTP_COMPLETE,                                                                                                200, "abc"          },
    { "HTTP/1.1 200 OK\r\nno header\r\n\r\nabc",                                     HTTP_BROKEN,   HTTP_BROKEN,   200, ""             },
    { "HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc",                            HTTP_BROKEN,   HTTP_BROKEN,   200, ""             },
    { "HTTP/1.1 200 OK\r\n: x\r\n\r\nabc",                                           HTTP_BROKEN,   HTTP_BROKEN,   200, ""             },
    { "HTTP/1.1 099 No\r\n\r\n",                                                     HTTP_BROKEN,   HTTP_BROKEN,   99,  ""             },
    { "HTTP/1.1 2000 No\r\n\r\n",                                                    HTTP_BROKEN,   HTTP_BROKEN,   0,   ""             },
    { "HTTP/1.1 20\r\n\r\n",                                                         HTTP_BROKEN,   HTTP_BROKEN,   0,   ""             },
    { "\x16\x03\x01 no HTTP",                                                        HTTP_BROKEN,   HTTP_BROKEN,   0,   ""             },
    { "SSH-2.0-x\r\n",                                                               HTTP_BROKEN,   HTTP_BROKEN,   0,   ""             },
    { "\r\n",                                                                        HTTP_BROKEN,   HTTP_BROKEN,   0,   ""             },
    { "HTTP/1.1 200 OK\r\nContent-",                                                 HTTP_MORE,     HTTP_CUT,      200, ""             },
    { "HTT",                                                                         HTTP_MORE,     HTTP_CUT,      0,   ""             },
    { "",                                                                            HTTP_MORE,     HTTP_CUT,      0,   ""             },
};

UTEST(pieces_of_every_size_give_the_same)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]) && !utest.has_failed; i++) {
        const struct wanted *wanted = &answers[i];
        size_t count = strlen(wanted->text);

        for (size_t piece = 1; piece <= count + 1; piece++) {
            EXPECT_EQ(read_in(wanted->text, count, piece), wanted->result);
            EXPECT_EQ(http_close(&t.answer), wanted->closed);
            EXPECT_EQ(t.answer.status, wanted->status);
            EXPECT_STREQ(t.body, wanted->body);
            EXPECT_EQ(t.answer.body_bytes, strlen(wanted->body));
            EXPECT_EQ(t.answer.fault != NULL, wanted->closed == HTTP_BROKEN);
        }
        if (utest.has_failed) {
            printf("    at the answer \"%s\"\n", wanted->text);
        }
    }
}

UTEST(a_zero_byte_in_a_header_is_refused)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nA: \0b\r\n\r\n";

    EXPECT_EQ(read_in(text, sizeof(text) - 1, 1), HTTP_BROKEN);
    EXPECT_STREQ(t.answer.fault, "a zero byte in a header");
}

/* A line, or header lines, or lines after a chunk, that never end. */
UTEST(headers_have_a_limit)
{
    static const struct {
        const char *start;
        const char *again;
    } cases[] = {
        {"HTTP/1.1 200 ",                                               "x"                            },
        { "HTTP/1.1 200 OK\r\nA: ",                                     "x"                            },
        { "HTTP/1.1 200 OK\r\n",                                        "A: x\r\n"                     },
        { "",                                                           "HTTP/1.1 100 Continue\r\n\r\n"},
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: x\r\n"                     },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",    "x"                            },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t bytes = 0;

        EXPECT_EQ(read_in(cases[i].start, strlen(cases[i].start), 7), HTTP_MORE);
        while (t.answer.result == HTTP_MORE && bytes < ENDLESS_BYTES) {
            (void)http_take(&t.answer, (const uint8_t *)cases[i].again, strlen(cases[i].again));
            bytes += strlen(cases[i].again);
        }
        EXPECT_EQ(t.answer.result, HTTP_BROKEN);
        EXPECT_STREQ(t.answer.fault, "headers without end");
        EXPECT_TRUE(bytes <= HTTP_HEADER_BYTES_MAX + strlen(cases[i].again));
    }
}

/* The answers above with bytes changed, for the sanitizers; what is complete or broken stays so. */
UTEST(changed_bytes_do_no_harm)
{
    uint32_t random = 1;
    char text[BODY_ROOM];

    for (unsigned run = 0; run < RANDOM_RUNS; run++) {
        const struct wanted *wanted = &answers[run % (sizeof(answers) / sizeof(answers[0]))];
        size_t count = strlen(wanted->text);

        memcpy(text, wanted->text, count);
        for (unsigned i = 0; i < 3 && count > 0; i++) {
            random = random * 1664525 + 1013904223;
            text[(random >> 16) % count] = (char)(random >> 8);
        }
        enum http_result result = read_in(text, count, 1 + random % 9);
        enum http_result closed = http_close(&t.answer);
        EXPECT_TRUE(result == HTTP_MORE ? closed == HTTP_CUT || closed == HTTP_COMPLETE
                                        : closed == result);
        EXPECT_EQ(http_take(&t.answer, (const uint8_t *)"x", 1), closed);
    }
}
