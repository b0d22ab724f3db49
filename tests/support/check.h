#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H
/*
 * check - the least that a test program needs
 *
 * A test is a function whose name is a sentence that can be false. main() lists them with CHECK_RUN and
 * returns check_result(). A failed check prints where and what, and the test goes on. Exit 77 means skipped.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CHECK_SKIPPED 77

static int check_failures;
static int check_tests;

#define CHECK(condition)                                                     \
    do {                                                                     \
        if (!(condition)) {                                                  \
            printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            check_failures++;                                                \
        }                                                                    \
    } while (0)

#define CHECK_INT(got, want)                                                                          \
    do {                                                                                              \
        long long check_got = (long long)(got);                                                       \
        long long check_want = (long long)(want);                                                     \
        if (check_got != check_want) {                                                                \
            printf("%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, check_got, check_want); \
            check_failures++;                                                                         \
        }                                                                                             \
    } while (0)

#define CHECK_STR(got, want)                                                                              \
    do {                                                                                                  \
        const char *check_got = (got);                                                                    \
        const char *check_want = (want);                                                                  \
        if (strcmp(check_got, check_want) != 0) {                                                         \
            printf("%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #got, check_got, check_want); \
            check_failures++;                                                                             \
        }                                                                                                 \
    } while (0)

#define CHECK_MEM(got, want, len)                                                   \
    do {                                                                            \
        if (memcmp((got), (want), (len)) != 0) {                                    \
            printf("%s:%d: %s differs from %s\n", __FILE__, __LINE__, #got, #want); \
            check_failures++;                                                       \
        }                                                                           \
    } while (0)

#define CHECK_RUN(test)                                                             \
    do {                                                                            \
        int check_before = check_failures;                                          \
        check_tests++;                                                              \
        test();                                                                     \
        printf("%s %s\n", check_failures == check_before ? "ok  " : "FAIL", #test); \
        fflush(stdout);                                                             \
    } while (0)

static inline int
check_result(void)
{
    printf("%d tests, %d failed checks\n", check_tests, check_failures);
    return check_failures == 0 && check_tests > 0 ? 0 : 1;
}

#endif
