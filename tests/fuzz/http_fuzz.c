/* The reader of a web server's answer: any bytes, in one piece and in pieces of the size that the first byte says. */
#include "kernel/net/http.h"
#include "tests/fuzz/fuzz_input.h"

struct body {
    uint64_t bytes;
    uint32_t sum; /* of the bytes, in order */
};

static void
add(void *ctx, const uint8_t *bytes, size_t count)
{
    struct body *body = ctx;

    body->bytes += count;
    for (size_t i = 0; i < count; i++) {
        body->sum = body->sum * 31 + bytes[i];
    }
}

static void
read_in(struct http_answer *answer, struct body *body, const uint8_t *data, size_t size,
        size_t piece)
{
    memset(body, 0, sizeof(*body));
    http_begin(answer, add, body);
    for (size_t at = 0; at < size; at += piece) {
        size_t count = size - at < piece ? size - at : piece;
        uint8_t *copy = malloc(count);

        fuzz_expect(copy != NULL);
        memcpy(copy, data + at, count);
        fuzz_expect(http_take(answer, copy, count) != HTTP_CUT);
        free(copy);
    }
    fuzz_expect(http_close(answer) != HTTP_MORE);
    fuzz_expect(body->bytes == answer->body_bytes);
    fuzz_expect(answer->result != HTTP_COMPLETE || !answer->has_length ||
                answer->length == body->bytes || answer->status == 204 || answer->status == 304);
    fuzz_expect((answer->result == HTTP_BROKEN) == (answer->fault != NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_answer whole;
    static struct http_answer pieces;
    struct body whole_body;
    struct body pieces_body;

    if (size < 2) {
        return 0;
    }
    read_in(&whole, &whole_body, data + 1, size - 1, size);
    read_in(&pieces, &pieces_body, data + 1, size - 1, 1 + data[0] % 64U);
    fuzz_expect(whole.result == pieces.result && whole.status == pieces.status);
    fuzz_expect(whole_body.bytes == pieces_body.bytes && whole_body.sum == pieces_body.sum);
    return 0;
}
