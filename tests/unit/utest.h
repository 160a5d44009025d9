/*
 * A unit test program in one header: include it in exactly one source file, write tests, and there is a main.
 *
 *   UTEST(an_empty_queue_has_nothing_to_take)
 *   {
 *       EXPECT_EQ(virtq_take_used(&q, &done), VIRTIO_EMPTY);
 *   }
 *
 * A failed expectation is printed and the test goes on: return yourself where that makes no sense (every EXPECT_ has the
 * value true when it held). `program [FILTER]` runs the tests whose names contain FILTER. Each test gets TIME_LIMIT_S.
 * One line per test, at the end `N passed, N failed, N skipped`; exit status 1 when one failed, or none was found.
 */
#ifndef TESTS_UNIT_UTEST_H
#define TESTS_UNIT_UTEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <unistd.h>

enum { UTEST_TIME_LIMIT_S = 60 };

struct utest_case {
    const char *name;
    void (*run)(void);
    struct utest_case *next;
};

static struct {
    struct utest_case *first;
    struct utest_case **end;
    bool has_failed; /* the test that runs now */
    const char *skip_reason;
} utest;

/* Called before main, once for each test, in the order of the file. */
static inline void
utest_register(struct utest_case *test)
{
    if (utest.end == NULL) {
        utest.end = &utest.first;
    }
    *utest.end = test;
    utest.end = &test->next;
}

#define UTEST(test_name)                                                                           \
 static void test_name(void);                                                                      \
 __attribute__((constructor)) static void utest_register_##test_name(void)                         \
 {                                                                                                 \
  static struct utest_case test = { #test_name, test_name, NULL };                                 \
  utest_register(&test);                                                                           \
 }                                                                                                 \
 static void test_name(void)

/* Say that the test cannot run here and why; then return. */
static inline void
utest_skip(const char *reason)
{
    utest.skip_reason = reason;
}

static inline bool
utest_note(bool is_held, const char *file, int line, const char *text)
{
    if (!is_held) {
        utest.has_failed = true;
        printf("    %s:%d: %s\n", file, line, text);
    }
    return is_held;
}

static inline bool
utest_equal(intmax_t left, intmax_t right, const char *file, int line, const char *text)
{
    if (!utest_note(left == right, file, line, text)) {
        printf("        %" PRIdMAX " (0x%" PRIxMAX ") against %" PRIdMAX " (0x%" PRIxMAX ")\n",
               left, (uintmax_t)left, right, (uintmax_t)right);
    }
    return left == right;
}

static inline bool
utest_same_text(const char *left, const char *right, const char *file, int line, const char *text)
{
    bool is_same = left != NULL && right != NULL && strcmp(left, right) == 0;
    if (!utest_note(is_same, file, line, text)) {
        printf("        \"%s\" against \"%s\"\n", left == NULL ? "(null)" : left,
               right == NULL ? "(null)" : right);
    }
    return is_same;
}

static inline bool
utest_has_text(const char *text, const char *part, const char *file, int line)
{
    bool is_there = text != NULL && strstr(text, part) != NULL;
    if (!utest_note(is_there, file, line, "text is missing")) {
        printf("        \"%s\" in \"%s\"\n", part, text == NULL ? "(null)" : text);
    }
    return is_there;
}

/* Integers, enums and pointers. */
#define EXPECT_EQ(left, right)                                                                     \
 utest_equal((intmax_t)(left), (intmax_t)(right), __FILE__, __LINE__, #left " == " #right)
#define EXPECT_NE(left, right)                                                                     \
 utest_note((intmax_t)(left) != (intmax_t)(right), __FILE__, __LINE__, #left " != " #right)
#define EXPECT_TRUE(condition)  utest_note((condition), __FILE__, __LINE__, #condition)
#define EXPECT_FALSE(condition) utest_note(!(condition), __FILE__, __LINE__, "not " #condition)
#define EXPECT_STREQ(left, right)                                                                  \
 utest_same_text((left), (right), __FILE__, __LINE__, #left " is " #right)
#define EXPECT_CONTAINS(text, part) utest_has_text((text), (part), __FILE__, __LINE__)
#define EXPECT_MEMEQ(left, right, bytes)                                                           \
 utest_note(memcmp((left), (right), (bytes)) == 0, __FILE__, __LINE__,                             \
            #left " has the bytes of " #right)

static inline const char *
utest_run_one(const struct utest_case *test)
{
    utest.has_failed = false;
    utest.skip_reason = NULL;
    alarm(UTEST_TIME_LIMIT_S);
    test->run();
    alarm(0);
    if (utest.has_failed) {
        return "FAIL";
    }
    return utest.skip_reason != NULL ? "skip" : "ok";
}

int
main(int argc, char **argv)
{
    const char *filter = argc > 1 ? argv[1] : "";
    unsigned passed_count = 0;
    unsigned failed_count = 0;
    unsigned skipped_count = 0;
    for (const struct utest_case *test = utest.first; test != NULL; test = test->next) {
        if (strstr(test->name, filter) == NULL) {
            continue;
        }
        const char *verdict = utest_run_one(test);
        printf("%-4s %s%s%s\n", verdict, test->name, utest.skip_reason != NULL ? ": " : "",
               utest.skip_reason != NULL ? utest.skip_reason : "");
        (void)fflush(stdout);
        passed_count += verdict[0] == 'o';
        failed_count += verdict[0] == 'F';
        skipped_count += verdict[0] == 's';
    }
    printf("%u passed, %u failed, %u skipped\n", passed_count, failed_count, skipped_count);
    return failed_count != 0 || passed_count + skipped_count == 0;
}

#endif
