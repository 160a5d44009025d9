/* The kernel's own <string.h>: kernel.mk compiles it here under other names, beside the host's. */
#include "tests/unit/utest.h"

void *own_memmove(void *to, const void *from, size_t bytes);
int own_memcmp(const void *a, const void *b, size_t bytes);
void *own_memchr(const void *memory, int value, size_t bytes);
size_t own_strlen(const char *text);
size_t own_strnlen(const char *text, size_t max_bytes);
int own_strcmp(const char *a, const char *b);
int own_strncmp(const char *a, const char *b, size_t max_bytes);
char *own_strchr(const char *text, int value);
char *own_strrchr(const char *text, int value);
char *own_strstr(const char *text, const char *part);

UTEST(overlapping_moves_go_both_ways)
{
    char up[] = "0123456789";
    char down[] = "0123456789";

    EXPECT_TRUE(own_memmove(up + 2, up, 6) == up + 2);
    EXPECT_STREQ(up, "0101234589");
    EXPECT_TRUE(own_memmove(down, down + 9, 1) == down);
    EXPECT_STREQ(down, "9123456789");
    EXPECT_TRUE(own_memmove(down + 1, down + 1, 3) == down + 1);
    EXPECT_STREQ(down, "9123456789");
}

UTEST(comparing)
{
    EXPECT_EQ(own_memcmp("abc", "abd", 2), 0);
    EXPECT_TRUE(own_memcmp("abc", "abd", 3) < 0);
    EXPECT_TRUE(own_memcmp("\xff", "\x01", 1) > 0);
    EXPECT_EQ(own_strcmp("", ""), 0);
    EXPECT_TRUE(own_strcmp("a", "ab") < 0);
    EXPECT_TRUE(own_strcmp("\xff", "a") > 0);
    EXPECT_EQ(own_strncmp("abcX", "abcY", 3), 0);
    EXPECT_EQ(own_strncmp("ab", "ab", 10), 0);
}

UTEST(searching)
{
    static const char text[] = "a=b=c";

    EXPECT_EQ(own_strlen(text), 5);
    EXPECT_EQ(own_strnlen(text, 3), 3);
    EXPECT_EQ(own_strnlen(text, 9), 5);
    EXPECT_TRUE(own_strchr(text, '=') == text + 1);
    EXPECT_TRUE(own_strrchr(text, '=') == text + 3);
    EXPECT_TRUE(own_strchr(text, '\0') == text + 5);
    EXPECT_TRUE(own_strchr(text, 'x') == NULL);
    EXPECT_TRUE(own_memchr(text, 'b', 5) == text + 2);
    EXPECT_TRUE(own_memchr(text, 'c', 4) == NULL);
    EXPECT_TRUE(own_strstr(text, "b=c") == text + 2);
    EXPECT_TRUE(own_strstr(text, "b=d") == NULL);
    EXPECT_TRUE(own_strstr(text, "") == text);
}
