#include "belfry/notice/notice.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Rules that every text is looked at with; they backtrack, repeat and look around. */
static const struct notice_set *
rules(void)
{
    static const char text[] = "panic crit Kernel panic - not syncing\n"
                               "tail warn ^(a+)+$\n"
                               "deep note (?<=x)(?:[ab]*[bc]*)*d|(\\w+)\\s\\1\n";
    static struct notice_sets *sets;
    static struct conf conf;
    static struct conf_errors errors;

    if (sets == NULL) {
        char path[] = "/tmp/fuzz-notice-XXXXXX";
        int fd = mkstemp(path);

        must(fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
        (void)close(fd);
        conf.rules = 1;
        (void)snprintf(conf.rule[0].name, sizeof conf.rule[0].name, "all");
        (void)snprintf(conf.rule[0].path, sizeof conf.rule[0].path, "%s", path);
        must(notice_load(&conf, &errors, &sets) == 0);
        (void)unlink(path);
    }
    return notice_set(sets, "all");
}

static void
parse(const char *text, size_t len)
{
    struct notice_rule rule;
    char error[CONF_ERROR_TEXT];

    if (notice_parse(text, len, &rule, error)) {
        must(rule.name[0] != '\0' && strnlen(rule.name, sizeof rule.name) < sizeof rule.name);
        must(strnlen(rule.pattern, sizeof rule.pattern) < sizeof rule.pattern);
        must((unsigned)rule.severity < WIRE_SEVERITIES);
        return;
    }
    for (size_t i = 0; error[i] != '\0'; i++) {
        must(error[i] >= 0x20 && error[i] < 0x7F);
    }
}

static void
look(const char *text, size_t len)
{
    static struct notice_watch watch;
    static int64_t now_ms;
    struct notice_found found = { .rule = NULL };
    uint32_t more;
    uint32_t unseen;

    now_ms += 300;
    if (notice_look(rules(), &watch, text, len, now_ms, &found)) {
        must(found.rule != NULL && (unsigned)found.severity < WIRE_SEVERITIES);
    }
    must(watch.told <= NOTICE_A_MINUTE && watch.bytes <= NOTICE_BYTES_S);
    (void)notice_minute(&watch, now_ms, &more, &unseen);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *plain = malloc(size + 1);
    size_t n;

    must(plain != NULL);
    n = notice_plain(plain, (const char *)data, size);
    must(n <= size);
    for (size_t i = 0; i < n; i++) {
        must((unsigned char)plain[i] >= 0x20 && plain[i] != 0x7F);
    }
    free(plain);
    parse((const char *)data, size);
    look((const char *)data, size);
    return 0;
}
