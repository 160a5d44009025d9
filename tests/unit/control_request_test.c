/*
 * Request lines of the control socket.
 */
#include "device/view/control_request.h"
#include "tests/unit/utest.h"

static const char *
parse(const char *line, struct control_request *request)
{
    return control_parse(line, strlen(line), request);
}

UTEST(each_request_is_read)
{
    static const struct {
        const char *line;
        struct control_request request;
    } lines[] = {
        {"status",               { CONTROL_STATUS, 0, 0, 0 }     },
        { "screenshot",          { CONTROL_SCREENSHOT, 0, 0, 0 } },
        { "screenshot 15",       { CONTROL_SCREENSHOT, 15, 0, 0 }},
        { "resize 0 1280x800",   { CONTROL_RESIZE, 0, 1280, 800 }},
        { "  plug  1  1x16384 ", { CONTROL_PLUG, 1, 1, 16384 }   },
        { "unplug 2\r",          { CONTROL_UNPLUG, 2, 0, 0 }     },
    };
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct control_request request;
        EXPECT_TRUE(parse(lines[i].line, &request) == NULL);
        EXPECT_MEMEQ(&request, &lines[i].request, sizeof(request));
    }
}

UTEST(a_wrong_request_is_told_what_would_be_right)
{
    static const struct {
        const char *line;
        const char *words;
    } lines[] = {
        {"",                                 "requests are"    },
        { "Status",                          "requests are"    },
        { "statusx",                         "requests are"    },
        { "status 1",                        "more in the line"},
        { "screenshot 16",                   "0 to 15"         },
        { "screenshot -1",                   "0 to 15"         },
        { "screenshot 1x",                   "0 to 15"         },
        { "screenshot 4294967296",           "0 to 15"         },
        { "resize",                          "0 to 15"         },
        { "resize 1280x800",                 "0 to 15"         },
        { "resize 0",                        "WIDTHxHEIGHT"    },
        { "resize 0 1280",                   "WIDTHxHEIGHT"    },
        { "resize 0 1280x",                  "WIDTHxHEIGHT"    },
        { "resize 0 0x800",                  "WIDTHxHEIGHT"    },
        { "resize 0 16385x1",                "WIDTHxHEIGHT"    },
        { "resize 0 1x99999999999999999999", "WIDTHxHEIGHT"    },
        { "resize 0 1x1 1",                  "more in the line"},
        { "unplug",                          "0 to 15"         },
        { "unplug 0 1x1",                    "more in the line"},
    };
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct control_request request;
        EXPECT_CONTAINS(parse(lines[i].line, &request), lines[i].words);
    }
}

UTEST(a_zero_byte_is_no_end)
{
    struct control_request request;
    EXPECT_CONTAINS(control_parse("status\0", 7, &request), "requests are");
    EXPECT_CONTAINS(control_parse("status \0", 8, &request), "more in the line");
}
