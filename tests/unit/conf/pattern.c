#include "conf/pattern.h"
#include "support/check.h"

static bool
covers(const char *pattern, const char *path)
{
    struct pattern p;

    CHECK(pattern_parse(&p, pattern, strlen(pattern)) == NULL);
    return pattern_covers(&p, path, strlen(path));
}

static const struct {
    const char *pattern;
    const char *path;
    bool covered;
} table[] = {
    { "/", "/", true },
    { "/", "/a/b", true },
    { "/a", "/a", true },
    { "/a", "/a/b/c", true },
    { "/a", "/ab", false },
    { "/a/b", "/a", false },
    { "/*", "/", false },
    { "/*", "/a", true },
    { "/*/c", "/a/c", true },
    { "/*/c", "/a/b/c", false },
    { "/home/*/.ssh", "/home/eve/.ssh", true },
    { "/home/*/.ssh", "/home/eve/.ssh/authorized_keys", true },
    { "/home/*/.ssh", "/home/eve", false },
    { "/home/*/.ssh", "/home/.ssh", false },
    { "/a/*", "/a/.hidden", true },
    { "/a/?", "/a/b", true },
    { "/a/?", "/a/bc", false },
    { "/a/?", "/a/\xff", true },
    { "/a/[b-d]x", "/a/cx", true },
    { "/a/[b-d]x", "/a/ex", false },
    { "/a/[!b-d]x", "/a/ex", true },
    { "/a/[^b-d]x", "/a/cx", false },
    { "/a/[]-]", "/a/]", true },
    { "/a/[]-]", "/a/-", true },
    { "/a/[a-]", "/a/-", true },
    { "/a/[*]", "/a/*", true },
    { "/a/[*]", "/a/b", false },
    { "/a/[[]", "/a/[", true },
    { "/a/*.log", "/a/x.log", true },
    { "/a/*.log", "/a/.log", true },
    { "/a/*.log", "/a/x.log.1", false },
    { "/a/*a*b*c", "/a/aabbcc", true },
    { "/a/*a*b*c", "/a/aabbccd", false },
    { "/**/x", "/x", true },
    { "/**/x", "/a/b/x", true },
    { "/**/x", "/a/b/x/y", true },
    { "/**/x", "/a/b/xy", false },
    { "/a/**", "/a", false },
    { "/a/**", "/a/b", true },
    { "/a/**", "/a/b/c", true },
    { "/a/**/b/*/c", "/a/b/b/b/c", true },
    { "/a/**/b/*/c", "/a/b/c", false },
    { "/a/**/**/b", "/a/b", true },
    { "/*/**/c", "/a/c", true },
    { "/*/**/c", "/c", false },
    { "/a*/b?", "/a/bc", true },
};

static void
a_pattern_covers_what_the_table_says(void)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (covers(table[i].pattern, table[i].path) != table[i].covered) {
            printf("%s %s %s\n", table[i].pattern, table[i].covered ? "misses" : "covers", table[i].path);
            CHECK(false);
        }
    }
}

static void
what_is_no_pattern_is_refused(void)
{
    static const char *const wrong[] = { "/a/[b", "/a/[]", "/a/[!]", "/a/[b/c]", "/a**", "/a/**b", "/***",
        "/a/b[" };
    struct pattern p;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK(pattern_parse(&p, wrong[i], strlen(wrong[i])) != NULL);
    }
}

static void
thirty_one_names_from_the_first_wildcard_fit(void)
{
    char text[200] = "/plain/names/do/not/count";
    struct pattern p;

    for (int i = 0; i < 31; i++) {
        strcat(text, "/*");
    }
    CHECK(pattern_parse(&p, text, strlen(text)) == NULL);
    CHECK_INT(p.parts, 31);
    CHECK_INT(p.plain, 25);
    strcat(text, "/x");
    CHECK(pattern_parse(&p, text, strlen(text)) != NULL);
}

/* Would take longer than the age of the world if it tried all ways. */
static void
the_worst_pattern_ends(void)
{
    char pattern[256] = "/", path[4096] = "";
    struct pattern p;

    for (int i = 0; i < 126; i++) {
        strcat(pattern, "*a");
    }
    memset(path, 'a', 255);
    path[0] = '/';
    path[254] = 'b';
    CHECK(!covers(pattern, path));

    strcpy(pattern, "/");
    for (int i = 0; i < 15; i++) {
        strcat(pattern, "**/a/");
    }
    strcat(pattern, "c");
    path[0] = '\0';
    for (int i = 0; i < 1000; i++) {
        strcat(path, "/a");
    }
    CHECK(pattern_parse(&p, pattern, strlen(pattern)) == NULL);
    CHECK(!pattern_covers(&p, path, strlen(path)));
    strcat(path, "/c");
    CHECK(pattern_covers(&p, path, strlen(path)));
}

int
main(void)
{
    CHECK_RUN(a_pattern_covers_what_the_table_says);
    CHECK_RUN(what_is_no_pattern_is_refused);
    CHECK_RUN(thirty_one_names_from_the_first_wildcard_fit);
    CHECK_RUN(the_worst_pattern_ends);
    return check_result();
}
