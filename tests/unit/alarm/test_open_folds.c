#include "alarm/open.h"
#include "alarm/tokens.h"
#include "support/check.h"
#include <stdlib.h>

#define DETAIL_ROOM 45 /* columns that a line with a short host alias has */
#define STEP_MS 50

static struct open_table table;
static int64_t now;
static uint32_t number;

/* What was told since reset(). */
static struct {
    unsigned lines; /* with those that carry on */
    unsigned opened;
    unsigned over;
    unsigned folds;
    unsigned files;               /* stood for by folds, and told singly */
    unsigned gravest;             /* severity of the last fold */
    char first[FINDING_TEXT + 2]; /* text of the first opened */
    char last[FINDING_TEXT + 2];
    uint32_t last_number;
    uint32_t over_number;
} told;

static void
reset(void)
{
    memset(&told, 0, sizeof(told));
}

static void
begin(void)
{
    memset(&table, 0, sizeof(table));
    now = 1000;
    number = 100;
    open_init(&table, now);
    reset();
}

static unsigned
lines_of(const char *text)
{
    struct tokens t;
    char detail[WIRE_LINE_MAX];
    unsigned n = 1;

    tokens_begin(&t, text);
    tokens_first(&t, DETAIL_ROOM, -1, detail, sizeof(detail));
    while (tokens_more(&t, DETAIL_ROOM, 1, detail, sizeof(detail)) > 0) {
        n++;
    }
    return n;
}

static unsigned
value_of(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at != NULL ? (unsigned)strtoul(at + strlen(key), NULL, 10) : 0;
}

static void
note(struct open_entry *e)
{
    if (e->state == OPEN_CLOSED) {
        told.lines++;
        told.over++;
        told.over_number = e->number;
        return;
    }
    told.lines += lines_of(e->finding.text);
    snprintf(told.opened++ == 0 ? told.first : told.last, sizeof(told.last), "%s", e->finding.text);
    told.last_number = number;
    if (e->finding.code == FINDING_INTEGRITY_MANY) {
        told.folds++;
        told.files += value_of(e->finding.text, " files=");
        told.gravest = e->finding.severity;
    } else {
        told.files++;
    }
}

/* As the core does: all that may be told is told at once. */
static void
run(int64_t ms)
{
    for (int64_t end = now + ms; now < end; now += STEP_MS) {
        int64_t due_ms;
        struct open_entry *e;

        while ((e = open_next(&table, now, &due_ms)) != NULL) {
            note(e);
            open_told(&table, e, number++, now);
        }
    }
}

static void
take(enum finding_op op, enum finding_code code, const char *path, const char *detail, int severity)
{
    struct finding f;

    finding_begin(&f, code, "path", path, strlen(path));
    finding_addf(&f, "size", "%s", detail);
    f.op = (uint8_t)op;
    f.severity = severity >= 0 ? (uint8_t)severity : f.severity;
    open_take(&table, &f);
}

static void
pass(enum finding_op op)
{
    struct finding f;

    finding_pass(&f, FINDING_FILES, op);
    open_take(&table, &f);
}

/* The i-th file of a package that has some in 30 directories. */
static const char *
package_file(unsigned i)
{
    static const char *const dirs[] = { "/etc/foo", "/etc/foo/conf.d", "/usr/bin", "/usr/sbin",
        "/usr/lib/foo", "/usr/lib/foo/plugins", "/usr/lib/x86_64-linux-gnu", "/usr/share/foo",
        "/usr/share/foo/icons", "/usr/share/doc/foo", "/usr/share/doc/foo/html",
        "/usr/share/doc/foo/examples", "/usr/share/man/man1", "/usr/share/man/man5", "/usr/share/man/man8",
        "/usr/share/man/de/man1", "/usr/share/man/fr/man1", "/usr/share/locale/de/LC_MESSAGES",
        "/usr/share/locale/es/LC_MESSAGES", "/usr/share/locale/fr/LC_MESSAGES",
        "/usr/share/locale/it/LC_MESSAGES", "/usr/share/locale/ja/LC_MESSAGES",
        "/usr/share/locale/pl/LC_MESSAGES", "/usr/share/locale/pt/LC_MESSAGES",
        "/usr/share/locale/ru/LC_MESSAGES", "/usr/share/locale/sv/LC_MESSAGES",
        "/usr/share/locale/tr/LC_MESSAGES", "/lib/systemd/system", "/usr/share/bash-completion/completions",
        "/usr/include/foo" };
    static char path[96];
    const unsigned count = sizeof(dirs) / sizeof(dirs[0]);

    snprintf(path, sizeof(path), "%s/file-%u", dirs[i % count], i);
    return path;
}

static void
take_package(unsigned files, enum finding_op op, const char *detail)
{
    for (unsigned i = 0; i < files; i++) {
        enum finding_code code = i % 9 == 8 ? FINDING_INTEGRITY_ADDED : FINDING_INTEGRITY_CHANGED;

        take(op, code, package_file(i), detail, -1);
    }
}

static void
five_hundred_files_of_a_package_are_at_most_40_lines_and_none_is_lost(void)
{
    begin();
    take_package(500, FINDING_OPEN, "1>2");
    run(60000);
    CHECK(told.lines <= 40);
    CHECK_INT(told.files, 500);
    CHECK(told.folds > 3);
    CHECK_INT(open_count(&table), 500);
    CHECK_INT(open_take_turned_away(&table), 0);
    printf("    %u findings of 500 files, %u lines\n", told.opened, told.lines);
}

static void
it_is_the_same_when_they_come_one_after_the_other(void)
{
    begin();
    for (unsigned i = 0; i < 500; i++) {
        take(FINDING_OPEN, FINDING_INTEGRITY_CHANGED, package_file(i), "1>2", -1);
        run(STEP_MS);
    }
    run(60000);
    CHECK(told.lines <= 40);
    CHECK_INT(open_count(&table), 500);
    printf("    %u findings, %u lines\n", told.opened, told.lines);
}

static void
a_few_are_told_singly_at_once(void)
{
    begin();
    for (unsigned i = 0; i < OPEN_SINGLES; i++) {
        take(FINDING_OPEN, FINDING_INTEGRITY_CHANGED, package_file(i), "1>2", -1);
        run(STEP_MS);
        CHECK_INT(told.opened, i + 1);
    }
    CHECK_INT(told.folds, 0);
    run((int64_t)OPEN_SINGLES * OPEN_SINGLE_MS + STEP_MS);
    take(FINDING_OPEN, FINDING_INTEGRITY_CHANGED, "/a", "1>2", -1);
    run(STEP_MS);
    CHECK_INT(told.opened, OPEN_SINGLES + 1);
}

/* Uses up what is told singly. */
static void
exhaust(void)
{
    begin();
    for (unsigned i = 0; i < OPEN_SINGLES; i++) {
        take(FINDING_OPEN, FINDING_INTEGRITY_CHANGED, package_file(i), "1>2", -1);
    }
    run(STEP_MS);
    reset();
}

static void
take_opt(unsigned files, enum finding_op op, const char *detail)
{
    for (unsigned i = 0; i < files; i++) {
        char path[32];

        snprintf(path, sizeof(path), "/opt/x/%u", i);
        take(op, FINDING_INTEGRITY_CHANGED, path, detail, -1);
    }
}

static void
one_that_is_alone_in_its_directory_is_told_by_its_name(void)
{
    exhaust();
    take_opt(20, FINDING_OPEN, "1>2");
    take(FINDING_OPEN, FINDING_INTEGRITY_CHANGED, "/etc/shadow", "1>2", -1);
    run(OPEN_FOLD_LONGEST_MS);
    CHECK_INT(told.opened, 2);
    CHECK_INT(told.folds, 1);
    CHECK(strstr(told.first, "path=/etc/shadow") == told.first ||
            strstr(told.last, "path=/etc/shadow") == told.last);
}

static void
grave_ones_and_those_of_other_kinds_are_never_gathered(void)
{
    exhaust();
    take_opt(20, FINDING_OPEN, "1>2");
    take(FINDING_OPEN, FINDING_INTEGRITY_CHANGED, "/opt/x/suid", "1>2", WIRE_ALRT);
    take(FINDING_OPEN, FINDING_DAEMON_DOWN, "/usr/sbin/sshd", "1", -1);
    run(STEP_MS);
    CHECK_INT(told.opened, 2);
    CHECK_INT(told.folds, 0);
    CHECK(strstr(told.first, "path=/opt/x/suid") == told.first);
}

static void
a_fold_is_as_grave_as_the_gravest_it_stands_for(void)
{
    exhaust();
    for (unsigned i = 0; i < 20; i++) {
        char path[32];

        snprintf(path, sizeof(path), "/opt/x/%u", i);
        take(FINDING_OPEN, FINDING_INTEGRITY_CHANGED, path, "1>2", i == 13 ? WIRE_ERRO : WIRE_WARN);
    }
    run(OPEN_FOLD_LONGEST_MS);
    CHECK_INT(told.folds, 1);
    CHECK_INT(told.gravest, WIRE_ERRO);
}

static void
a_fold_is_over_in_one_line_when_the_last_of_it_is(void)
{
    exhaust();
    take_opt(50, FINDING_OPEN, "1>2");
    run(OPEN_FOLD_LONGEST_MS);
    CHECK_INT(told.opened, 1);
    uint32_t of = told.last_number;
    reset();
    take_opt(49, FINDING_CLOSE, "1>2");
    CHECK_INT(open_count(&table), OPEN_SINGLES + 1);
    run(STEP_MS);
    CHECK_INT(told.lines, 0);
    take_opt(50, FINDING_CLOSE, "1>2");
    run(STEP_MS);
    CHECK_INT(told.lines, 1);
    CHECK_INT(told.over, 1);
    CHECK_INT(told.over_number, of);
    CHECK_INT(open_count(&table), OPEN_SINGLES);
}

static void
a_fold_that_becomes_smaller_says_so_after_a_while(void)
{
    exhaust();
    take_opt(50, FINDING_OPEN, "1>2");
    run(OPEN_FOLD_LONGEST_MS);
    take_opt(20, FINDING_CLOSE, "1>2");
    reset();
    run(OPEN_FOLD_LESS_MS + OPEN_FOLD_LONGEST_MS);
    CHECK_INT(told.opened, 1);
    CHECK_INT(told.files, 30);
}

static void
what_a_pass_does_not_see_any_more_leaves_its_fold(void)
{
    exhaust();
    take_opt(50, FINDING_OPEN, "1>2");
    run(OPEN_FOLD_LONGEST_MS);
    reset();
    pass(FINDING_PASS_BEGIN);
    pass(FINDING_PASS_END);
    run(STEP_MS);
    CHECK_INT(told.over, OPEN_SINGLES + 1);
    CHECK_INT(open_count(&table), 0);
}

static void
what_comes_and_goes_while_it_is_gathered_is_told_and_counted(void)
{
    exhaust();
    take_opt(50, FINDING_OPEN, "1>2");
    take_opt(50, FINDING_CLOSE, "1>2");
    for (unsigned i = 50; i < 60; i++) {
        char path[32];

        snprintf(path, sizeof(path), "/opt/x/%u", i);
        take(FINDING_BRIEF, FINDING_INTEGRITY_ADDED, path, "1", -1);
    }
    run(OPEN_FOLD_LONGEST_MS);
    CHECK_INT(told.opened, 1);
    CHECK_INT(told.files, 60);
    CHECK_INT(value_of(told.first, " brief="), 60);
    CHECK_INT(told.over, 1);
    CHECK_INT(open_count(&table), OPEN_SINGLES);
}

static void
what_ends_between_folding_and_telling_is_counted_all_the_same(void)
{
    int64_t due_ms;

    exhaust();
    take_opt(50, FINDING_OPEN, "1>2");
    CHECK(open_next(&table, now, &due_ms) == NULL);
    CHECK(open_next(&table, now + OPEN_FOLD_LONGEST_MS, &due_ms) != NULL);
    take_opt(50, FINDING_CLOSE, "1>2");
    run(OPEN_FOLD_LONGEST_MS);
    CHECK_INT(told.files, 50);
    CHECK_INT(told.over, 1);
    CHECK_INT(open_count(&table), OPEN_SINGLES);
}

static void
news_of_one_is_told_with_its_fold_and_singly_when_it_is_graver(void)
{
    exhaust();
    take_opt(50, FINDING_OPEN, "1>2");
    run(OPEN_FOLD_AGAIN_MS);
    uint32_t of = told.last_number;
    reset();
    take_opt(3, FINDING_OPEN, "2>3");
    run(OPEN_FOLD_AGAIN_MS);
    CHECK_INT(told.opened, 1);
    CHECK_INT(told.files, 50);
    CHECK(told.last_number > of);
    reset();
    take(FINDING_OPEN, FINDING_INTEGRITY_CHANGED, "/opt/x/7", "3>4", WIRE_ALRT);
    run(STEP_MS);
    CHECK_INT(told.opened, 1);
    CHECK(strstr(told.first, "path=/opt/x/7 ") == told.first);
    CHECK_INT(open_count(&table), OPEN_SINGLES + 50);
}

static void
the_end_of_a_pass_waits_for_no_quiet(void)
{
    exhaust();
    pass(FINDING_PASS_BEGIN);
    take_opt(50, FINDING_OPEN, "1>2");
    pass(FINDING_PASS_END);
    run(STEP_MS);
    CHECK_INT(told.folds, 1);
    CHECK_INT(told.files, 50);
}

static void
whoever_stops_leaves_nothing_gathered(void)
{
    exhaust();
    take_opt(50, FINDING_OPEN, "1>2");
    open_hurry(&table);
    run(STEP_MS);
    CHECK_INT(told.files, 50);
}

static void
the_root_says_which_ones_they_are_in_whatever_order_they_came(void)
{
    char first[FINDING_TEXT + 2];

    exhaust();
    take_opt(50, FINDING_OPEN, "1>2");
    run(OPEN_FOLD_LONGEST_MS);
    snprintf(first, sizeof(first), "%s", strstr(told.first, " root="));
    exhaust();
    for (unsigned i = 50; i-- > 0;) {
        char path[32];

        snprintf(path, sizeof(path), "/opt/x/%u", i);
        take(FINDING_OPEN, FINDING_INTEGRITY_CHANGED, path, "1>2", -1);
    }
    run(OPEN_FOLD_LONGEST_MS);
    CHECK_STR(strstr(told.first, " root="), first);
    exhaust();
    take_opt(49, FINDING_OPEN, "1>2");
    run(OPEN_FOLD_LONGEST_MS);
    CHECK(strcmp(strstr(told.first, " root="), first) != 0);
}

/* Any order of events, checked against plain counting. */
static void
whatever_happens_the_count_is_exact_and_all_folds_end(void)
{
    enum { FILES = 200 };
    static bool open[FILES];
    uint32_t random = 1;

    begin();
    memset(open, 0, sizeof(open));
    for (unsigned step = 0; step < 20000; step++) {
        random = random * 1664525u + 1013904223u;
        unsigned i = (random >> 8) % FILES;
        unsigned what = (random >> 24) % 8;
        unsigned count = 0;
        char detail[16];

        snprintf(detail, sizeof(detail), "%u", random >> 30);
        open[i] = what != 0;
        take(open[i] ? FINDING_OPEN : FINDING_CLOSE,
                what == 1 ? FINDING_INTEGRITY_GONE : FINDING_INTEGRITY_CHANGED, package_file(i), detail,
                what == 2 ? WIRE_ALRT : -1);
        if (random >> 28 == 0) {
            run(500);
        }
        for (unsigned k = 0; k < OPEN_FOLDS; k++) {
            count += table.fold[k].members;
        }
        CHECK(count <= FILES);
    }
    for (unsigned i = 0; i < FILES; i++) {
        take(FINDING_CLOSE, FINDING_INTEGRITY_CHANGED, package_file(i), "", -1);
    }
    run(600000);
    CHECK_INT(open_count(&table), 0);
    CHECK_INT(table.waiting, 0);
    CHECK_INT(table.gathered, 0);
    for (unsigned k = 0; k < OPEN_FOLDS; k++) {
        CHECK_INT(table.fold[k].members, 0);
        CHECK_INT(table.fold[k].entry.state, OPEN_FREE);
    }
    CHECK_INT(table.held[FINDING_FILES], 0);
}

static void
a_full_share_in_as_many_directories_is_folded_too(void)
{
    exhaust();
    for (unsigned i = OPEN_SINGLES; i < OPEN_SHARE_FOLDING; i++) {
        char path[48];

        snprintf(path, sizeof(path), "/a%u/b%u/c%u/x", i % 90, i % 401, i);
        take(FINDING_OPEN, FINDING_INTEGRITY_GONE, path, "1", -1);
    }
    run(60000);
    CHECK_INT(told.files, OPEN_SHARE_FOLDING - OPEN_SINGLES);
    CHECK(told.opened <= OPEN_FOLD_LINES);
}

static void
a_grave_one_is_told_however_many_came_before_it(void)
{
    exhaust();
    take_opt(2 * OPEN_SHARE, FINDING_OPEN, "1>2");
    run(OPEN_FOLD_LONGEST_MS);
    reset();
    take(FINDING_OPEN, FINDING_INTEGRITY_SETUID, "/opt/x/suid", "1>2", -1);
    run(1000);
    CHECK_INT(told.opened, 1);
    CHECK(strstr(told.first, "path=/opt/x/suid") == told.first);
}

static void
more_directories_than_folds_end_in_the_root(void)
{
    exhaust();
    for (unsigned i = 0; i < 2 * OPEN_FOLDS; i++) {
        for (unsigned k = 0; k < 10; k++) {
            char path[48];

            snprintf(path, sizeof(path), "/a%u/%u", i, k);
            take(FINDING_OPEN, FINDING_INTEGRITY_GONE, path, "1", -1);
        }
        run(OPEN_FOLD_AGAIN_MS + OPEN_FOLD_LONGEST_MS);
    }
    CHECK_INT(open_count(&table), OPEN_SINGLES + 20 * OPEN_FOLDS);
    CHECK(strstr(told.last, "under=/ ") == told.last);
}

int
main(void)
{
    CHECK_RUN(five_hundred_files_of_a_package_are_at_most_40_lines_and_none_is_lost);
    CHECK_RUN(it_is_the_same_when_they_come_one_after_the_other);
    CHECK_RUN(a_few_are_told_singly_at_once);
    CHECK_RUN(one_that_is_alone_in_its_directory_is_told_by_its_name);
    CHECK_RUN(grave_ones_and_those_of_other_kinds_are_never_gathered);
    CHECK_RUN(a_fold_is_as_grave_as_the_gravest_it_stands_for);
    CHECK_RUN(a_fold_is_over_in_one_line_when_the_last_of_it_is);
    CHECK_RUN(a_fold_that_becomes_smaller_says_so_after_a_while);
    CHECK_RUN(what_a_pass_does_not_see_any_more_leaves_its_fold);
    CHECK_RUN(what_comes_and_goes_while_it_is_gathered_is_told_and_counted);
    CHECK_RUN(what_ends_between_folding_and_telling_is_counted_all_the_same);
    CHECK_RUN(news_of_one_is_told_with_its_fold_and_singly_when_it_is_graver);
    CHECK_RUN(the_end_of_a_pass_waits_for_no_quiet);
    CHECK_RUN(whoever_stops_leaves_nothing_gathered);
    CHECK_RUN(the_root_says_which_ones_they_are_in_whatever_order_they_came);
    CHECK_RUN(whatever_happens_the_count_is_exact_and_all_folds_end);
    CHECK_RUN(a_full_share_in_as_many_directories_is_folded_too);
    CHECK_RUN(a_grave_one_is_told_however_many_came_before_it);
    CHECK_RUN(more_directories_than_folds_end_in_the_root);
    return check_result();
}
