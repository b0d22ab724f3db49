#include "belfry/notice/notice.h"

#include "support/check.h"

#include <stdlib.h>
#include <unistd.h>

static struct notice_sets *sets;

/* A set "t" of these rules; NULL when they have errors, which are in `errors`. */
static struct conf_errors errors;

static const struct notice_set *
load(const char *text, size_t len)
{
    static struct conf conf;
    char path[] = "/tmp/test-notice-XXXXXX";
    int fd = mkstemp(path);

    CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    (void)close(fd);
    notice_free(sets);
    conf_defaults(&conf);
    memset(&errors, 0, sizeof errors);
    conf.rules = 1;
    (void)snprintf(conf.rule[0].name, sizeof conf.rule[0].name, "t");
    (void)snprintf(conf.rule[0].path, sizeof conf.rule[0].path, "%s", path);
    (void)notice_load(&conf, &errors, &sets);
    (void)unlink(path);
    return notice_set(sets, "t");
}

static const struct notice_set *
rules(const char *text)
{
    return load(text, strlen(text));
}

/* The rule that speaks, "" for none. */
static const char *
rule_for(const struct notice_set *set, const char *text)
{
    struct notice_watch watch = { .told = 0 };
    struct notice_found found;

    return set != NULL && notice_look(set, &watch, text, strlen(text), 1000, &found) ? found.rule : "";
}

static void
the_first_rule_that_fits_speaks_and_text_that_fits_none_is_silent(void)
{
    const struct notice_set *set = rules("# a comment\n\n  \t\nany warn fail\npanic crit panic\r\n");

    CHECK(set != NULL);
    CHECK_STR(rule_for(set, "a fail and a panic"), "any");
    CHECK_STR(rule_for(set, "a panic"), "panic");
    CHECK_STR(rule_for(set, "all is well"), "");
    CHECK_STR(rule_for(set, ""), "");
}

static void
colours_titles_and_control_bytes_hide_nothing(void)
{
    const struct notice_set *set = rules("panic crit ^Kernel panic$\n");

    CHECK_STR(rule_for(set, "\x1b[1;31mKernel\x1b[0m panic"), "panic");
    CHECK_STR(rule_for(set, "\x1b]0;title\x07Kernel \x1b(Bpanic"), "panic");
    CHECK_STR(rule_for(set, "\rKer\x08nel\tpanic\x7f"), "panic");
    CHECK_STR(rule_for(set, "\x1b[Kernel panic"), "");
}

static void
a_pattern_that_backtracks_for_ever_is_given_up_and_the_next_rule_is_asked(void)
{
    const struct notice_set *set = rules("slow warn ^(a+)+$\nend crit b$\n");
    struct notice_watch watch = { .told = 0 };
    struct notice_found found = { .rule = "" };
    char text[NOTICE_TEXT];

    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    CHECK(notice_look(set, &watch, text, sizeof text, 1000, &found));
    CHECK_STR(found.rule, "end");
    CHECK_INT(watch.unseen, sizeof text);
}

static void
short_texts_that_patterns_give_up_on_cost_a_second_no_more_than_sixteen_of_them(void)
{
    const struct notice_set *set = rules("slow warn ^(a+)+$\n");
    struct notice_watch watch = { .minute_ms = 1000 };
    struct notice_found found;
    char text[32];
    uint32_t more;
    uint32_t unseen;
    unsigned before;
    int looks = 0;

    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    do {
        before = watch.bytes;
        CHECK(!notice_look(set, &watch, text, sizeof text, 1000, &found));
        looks += watch.bytes != before;
    } while (watch.bytes != before);
    CHECK(looks >= 8 && looks <= NOTICE_BYTES_S / NOTICE_GIVEN_UP);
    CHECK(!notice_look(set, &watch, text, sizeof text, 1000 + NOTICE_SECOND_MS, &found));
    CHECK(watch.bytes < NOTICE_BYTES_S); /* looked at again */
    CHECK(notice_minute(&watch, 1000 + NOTICE_MINUTE_MS, &more, &unseen));
    CHECK_INT(unseen, (looks + 2) * sizeof text);
}

static void
a_line_tells_ten_a_minute_and_counts_the_rest(void)
{
    const struct notice_set *set = rules("x warn x\n");
    struct notice_watch watch = { .minute_ms = 1000 };
    struct notice_found found;
    uint32_t more;
    uint32_t unseen;
    int told = 0;

    for (int i = 0; i < 25; i++) {
        told += notice_look(set, &watch, "x", 1, 1000 + i, &found);
    }
    CHECK_INT(told, NOTICE_A_MINUTE);
    CHECK(!notice_minute(&watch, 1000 + NOTICE_MINUTE_MS - 1, &more, &unseen));
    CHECK(notice_minute(&watch, 1000 + NOTICE_MINUTE_MS, &more, &unseen));
    CHECK_INT(more, 15);
    CHECK_INT(unseen, 0);
    CHECK(notice_look(set, &watch, "x", 1, 70000, &found));
    CHECK(!notice_minute(&watch, 200000, &more, &unseen));
}

static void
a_line_that_floods_is_looked_at_within_a_bound_a_second(void)
{
    const struct notice_set *set = rules("x warn x\n");
    struct notice_watch watch = { .minute_ms = 1000 };
    struct notice_found found;
    char text[256];
    uint32_t more;
    uint32_t unseen;

    memset(text, '.', sizeof text);
    for (int i = 0; i < 1000; i++) {
        CHECK(!notice_look(set, &watch, text, sizeof text, 1000, &found));
    }
    CHECK_INT(watch.bytes, NOTICE_BYTES_S);
    CHECK(!notice_look(set, &watch, "x", 1, 1999, &found));
    CHECK(notice_look(set, &watch, "x", 1, 2000, &found));
    CHECK(notice_minute(&watch, 1000 + NOTICE_MINUTE_MS, &more, &unseen));
    CHECK_INT(unseen, 1000 * 256 - NOTICE_BYTES_S + 1);
}

static void
a_clock_that_goes_back_stops_nothing(void)
{
    const struct notice_set *set = rules("x warn x\n");
    struct notice_watch watch = { .second_ms = 9000, .bytes = NOTICE_BYTES_S };
    struct notice_found found;

    CHECK(notice_look(set, &watch, "x", 1, 1000, &found));
}

/* Refused, with a text that has all of these. */
static bool
refused(const char *text, const char *place, const char *why)
{
    bool well = rules(text) == NULL && errors.count == 1 && strstr(errors.text[0], place) != NULL &&
                strstr(errors.text[0], why) != NULL;

    if (!well) {
        printf("  %u errors: %s\n", errors.count, errors.text[0]);
    }
    return well;
}

static void
an_error_in_a_file_of_rules_is_told_with_its_place(void)
{
    char many[NOTICE_RULES * 16 + 64] = "";
    size_t len = 0;

    CHECK(refused("# one\nBad! warn x\n", ":2: ", "\"Bad!\"; expected NAME"));
    CHECK(refused("abcdefghijklmnop warn x\n", ":1: ", "1 to 15 letters"));
    CHECK(refused("a wrong x\n", ":1: ", "\"wrong\"; expected a severity"));
    CHECK(refused("a warn\n", ":1: ", "a pattern of 0 bytes"));
    CHECK(refused("a warn (x\n", ":1: ", "at its byte 3: missing closing parenthesis"));
    CHECK(refused("a warn x\na warn y\n", ":2: ", "a second time"));
    CHECK(refused("a warn (*UTF)x\n", ":1: ", "using UTF is disabled"));
    CHECK(load("a warn x\0y\n", 12) == NULL && strstr(errors.text[0], "a NUL in a pattern") != NULL);
    for (unsigned i = 0; i <= NOTICE_RULES; i++) {
        len += (size_t)snprintf(
                many + len, sizeof many - len, "r%c%c warn x\n", 'a' + (int)(i / 26), 'a' + (int)(i % 26));
    }
    CHECK(refused(many, ":129: ", "more than 128 rules"));
}

static void
a_set_that_is_not_there_is_an_error_of_the_line_that_wants_it(void)
{
    static const char text[] = "Line a pty /a rules=none-such\nLine b pty /b rules=no\n";
    static struct conf conf;
    struct notice_sets *out = sets;

    conf_defaults(&conf);
    memset(&errors, 0, sizeof errors);
    CHECK_INT(conf_parse(&conf, "f", text, sizeof text - 1, &errors), 0);
    CHECK_INT(notice_load(&conf, &errors, &out), 1);
    CHECK(out == NULL);
    CHECK_STR(errors.text[0], "a: rules=none-such; expected the name of a set: Rules none-such FILE");
    conf_free(&conf);
}

static void
what_is_wrong_in_a_file_of_rules_is_told_with_the_line_that_names_it(void)
{
    static const char rule[] = "good warn x\nbad warn (\n";
    static struct conf conf;
    struct notice_sets *out = sets;
    char path[] = "/tmp/test-notice-XXXXXX";
    char text[64];
    char want[64];
    int fd = mkstemp(path);

    CHECK(fd >= 0 && write(fd, rule, sizeof rule - 1) == (ssize_t)(sizeof rule - 1));
    (void)close(fd);
    (void)snprintf(text, sizeof text, "Line a pty /a\nRules t %s\n", path);
    (void)snprintf(want, sizeof want, "belfry.conf:2: rules %s:2: ", path);
    conf_defaults(&conf);
    memset(&errors, 0, sizeof errors);
    CHECK_INT(conf_parse(&conf, "belfry.conf", text, strlen(text), &errors), 0);
    CHECK_INT(notice_load(&conf, &errors, &out), 1);
    CHECK_MEM(errors.text[0], want, strlen(want));
    (void)unlink(path);
    CHECK_INT(notice_load(&conf, &errors, &out), 1);
    CHECK(strstr(errors.text[1], "belfry.conf:2: rules ") == errors.text[1]);
    conf_free(&conf);
}

/* What it is to find, and what looks like it. */
static void
the_set_that_ships_knows_its_troubles(void)
{
    static const struct {
        const char *text;
        const char *rule;
    } cases[] = {
        { "[   12.3] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0", "panic" },
        { "BUG: unable to handle page fault for address: ffffffffc0000000", "oops" },
        { "[  1.0] mce: [Hardware Error]: Machine check events logged", "mce" },
        { "watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [kworker/3:1]", "lockup" },
        { "INFO: task jbd2/sda1-8:249 blocked for more than 120 seconds.", "hung" },
        { "Out of memory: Killed process 1234 (mysqld) total-vm:1kB", "oom" },
        { "EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2: comm ls", "fs" },
        { "blk_update_request: I/O error, dev sdb, sector 0 op 0x0:(READ)", "disk" },
        { "md/raid1:md0: Disk failure on sdb1, disabling device.", "raid" },
        { "a.out[99]: segfault at 0 ip 0000000000401136 sp 00007ffc error 6", "segfault" },
        { "login[700]: ROOT LOGIN  on '/dev/ttyS0'", "rootlogin" },
        { "login: FAILED LOGIN 1 FROM ttyS0 FOR root, Authentication failure", "badlogin" },
        { "[    0.000000] Linux version 6.1.0-18-amd64 (debian-kernel)", "boot" },
        { "sysrq: Show Memory", "sysrq" },
        { "e1000e 0000:00:1f.6 eno1: NIC Link is Down", "nic" },
        { "Debian GNU/Linux 12 web ttyS0", "" },
        { "web login: ", "" },
        { "Started session 3 of user alice.", "" },
        { "EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.", "" },
    };
    static struct conf conf;
    struct notice_sets *starter;

    conf_defaults(&conf);
    memset(&errors, 0, sizeof errors);
    conf.rules = 1;
    (void)snprintf(conf.rule[0].name, sizeof conf.rule[0].name, "console");
    (void)snprintf(conf.rule[0].path, sizeof conf.rule[0].path, "%s", STARTER);
    CHECK_INT(notice_load(&conf, &errors, &starter), 0);
    conf_print_errors(&errors);
    for (size_t i = 0; starter != NULL && i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_STR(rule_for(notice_set(starter, "console"), cases[i].text), cases[i].rule);
    }
    notice_free(starter);
}

int
main(void)
{
    CHECK_RUN(the_first_rule_that_fits_speaks_and_text_that_fits_none_is_silent);
    CHECK_RUN(colours_titles_and_control_bytes_hide_nothing);
    CHECK_RUN(a_pattern_that_backtracks_for_ever_is_given_up_and_the_next_rule_is_asked);
    CHECK_RUN(short_texts_that_patterns_give_up_on_cost_a_second_no_more_than_sixteen_of_them);
    CHECK_RUN(a_line_tells_ten_a_minute_and_counts_the_rest);
    CHECK_RUN(a_line_that_floods_is_looked_at_within_a_bound_a_second);
    CHECK_RUN(a_clock_that_goes_back_stops_nothing);
    CHECK_RUN(an_error_in_a_file_of_rules_is_told_with_its_place);
    CHECK_RUN(a_set_that_is_not_there_is_an_error_of_the_line_that_wants_it);
    CHECK_RUN(what_is_wrong_in_a_file_of_rules_is_told_with_the_line_that_names_it);
    CHECK_RUN(the_set_that_ships_knows_its_troubles);
    notice_free(sets);
    return check_result();
}
