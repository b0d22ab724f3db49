/* Notifiers and a reload: they come, go and change while alarms are told, and those that stay notice nothing.
 */
#include "teller.h"

#define ALARMS 20

/* The whole file at once: belfry may be reading it. */
static void
configure(const struct receiver *r, const char *format)
{
    char conf[400];

    (void)snprintf(conf, sizeof conf, "StateDir %s/state\nSyslog no\nLine tty pty %s/tty\n", r->dir, r->dir);
    receiver_write(receiver_path(r, "next"), conf, 0600);
    receiver_append(r, "next", format);
    CHECK_INT(rename(receiver_path(r, "next"), receiver_path(r, "conf")), 0);
}

static void
begin(struct receiver *r, struct speaker *s, int *fd, const char *notifiers)
{
    receiver_make(r, NULL);
    teller_make(r, "a", "");
    teller_make(r, "b", "");
    teller_make(r, "slow", "sleep 0.1");
    configure(r, notifiers);
    receiver_pair(r, "web03", s);
    receiver_start(r);
    *fd = receiver_tty(r);
    receiver_say(*fd, s, WIRE_INFO, "agent.start", "beat=600");
}

static void
end(struct receiver *r, int fd)
{
    (void)close(fd);
    CHECK_INT(receiver_end(r, SIGTERM), 0);
    receiver_remove(r);
}

static void
reload(const struct receiver *r, const char *notifiers, const char *answer)
{
    char text[4000];

    configure(r, notifiers);
    CHECK_INT(receiver_command(r, text, sizeof text, "reload", NULL), 0);
    CHECK_STR(text, answer);
}

static void
say(int fd, struct speaker *s, const char *detail)
{
    receiver_say(fd, s, WIRE_CRIT, "daemon.down", detail);
}

static void
one_that_comes_tells_what_follows_and_one_that_goes_nothing_more(void)
{
    struct receiver r;
    struct speaker s;
    int fd;

    begin(&r, &s, &fd, "Notify a exec %s/a");
    say(fd, &s, "name=d0.");
    CHECK_INT(teller_hears(&r, "a", "name=d0.", 1), 1);
    reload(&r, "Notify a exec %s/a\nNotify b exec %s/b",
            "1 line: 0 added, 0 removed, 0 changed\n"
            "2 notifiers: 1 added, 0 removed, 0 changed, 0 with other certificates or keys\n");
    say(fd, &s, "name=d1.");
    CHECK_INT(teller_hears(&r, "a", "name=d1.", 1), 1);
    CHECK_INT(teller_hears(&r, "b", "name=d1.", 1), 1);
    reload(&r, "Notify b exec %s/b",
            "1 line: 0 added, 0 removed, 0 changed\n"
            "1 notifier: 0 added, 1 removed, 0 changed, 0 with other certificates or keys\n");
    say(fd, &s, "name=d2.");
    CHECK_INT(teller_hears(&r, "b", "name=d2.", 1), 1);
    reload(&r, "OnAlarm %s/a\nNotify b exec %s/b",
            "1 line: 0 added, 0 removed, 0 changed\n"
            "2 notifiers: 1 added, 0 removed, 0 changed, 0 with other certificates or keys\n");
    say(fd, &s, "name=d3.");
    CHECK_INT(teller_hears(&r, "a", "name=d3.", 1), 1);
    CHECK_INT(teller_hears(&r, "a", "name=d2.", 0), 0);
    CHECK_INT(teller_hears(&r, "b", "name=d0.", 0), 0);
    reload(&r, "",
            "1 line: 0 added, 0 removed, 0 changed\n"
            "0 notifiers: 0 added, 2 removed, 0 changed, 0 with other certificates or keys\n");
    say(fd, &s, "name=d4.");
    CHECK(receiver_hears(&r, "name=d4.", 60000));
    CHECK_INT(teller_hears(&r, "b", "name=d4.", 0), 0);
    end(&r, fd);
}

static void
one_that_stays_tells_each_once_whatever_comes_and_goes_beside_it(void)
{
    static const char *const beside[] = { "Notify slow exec %s/slow\nNotify b exec %s/b",
        "Notify b exec %s/a\nNotify slow exec %s/slow", "Notify slow exec %s/slow",
        "Notify slow exec %s/slow\nOnAlarm %s/a" };
    struct receiver r;
    struct speaker s;
    pid_t pid;
    int fd;

    begin(&r, &s, &fd, beside[2]);
    pid = receiver_child(r.pid, "belfry-notify", "slow");
    CHECK(pid > 1);
    for (unsigned i = 0; i < ALARMS; i++) {
        char detail[20];

        (void)snprintf(detail, sizeof detail, "name=d%u.", i);
        say(fd, &s, detail);
        configure(&r, beside[i % 4]);
        CHECK_INT(kill(r.pid, SIGHUP), 0);
    }
    CHECK(teller_hears(&r, "slow", " open ", ALARMS) >= ALARMS);
    for (unsigned i = 0; i < ALARMS; i++) {
        char detail[20];

        (void)snprintf(detail, sizeof detail, "name=d%u.", i);
        CHECK_INT(teller_hears(&r, "slow", detail, 1), 1);
    }
    CHECK_INT(receiver_child(r.pid, "belfry-notify", "slow"), pid);
    end(&r, fd);
}

/* What the old process has begun it finishes and answers; the new one goes on behind it. */
static void
one_that_changes_goes_on_where_it_was_and_tells_each_once(void)
{
    struct receiver r;
    struct speaker s;
    int fd;

    begin(&r, &s, &fd, "Notify far exec %s/slow");
    teller_alarms(fd, &s, ALARMS);
    CHECK(teller_hears(&r, "slow", " open ", 2) >= 2);
    reload(&r, "Notify far exec %s/a",
            "1 line: 0 added, 0 removed, 0 changed\n"
            "1 notifier: 0 added, 0 removed, 1 changed, 0 with other certificates or keys\n");
    say(fd, &s, "name=last.");
    CHECK_INT(teller_hears(&r, "a", "name=last.", 1), 1);
    for (unsigned i = 0; i < ALARMS; i++) {
        char detail[20];

        (void)snprintf(detail, sizeof detail, "name=d%u.", i);
        if (teller_hears(&r, "slow", detail, 0) + teller_hears(&r, "a", detail, 0) == 0) {
            CHECK_INT(teller_hears(&r, "a", detail, 1), 1);
        }
        CHECK_INT(teller_hears(&r, "slow", detail, 0) + teller_hears(&r, "a", detail, 0), 1);
    }
    end(&r, fd);
}

static void
what_waits_for_one_that_is_removed_is_said_and_not_told_by_one_of_its_name(void)
{
    struct receiver r;
    struct speaker s;
    char text[4000];
    int fd;

    begin(&r, &s, &fd, "Notify gone syslog tcp://127.0.0.1:1\nNotify a exec %s/a");
    say(fd, &s, "name=d0.");
    say(fd, &s, "name=d1.");
    CHECK_INT(teller_hears(&r, "a", "name=d1.", 1), 1);
    configure(&r, "Notify a exec %s/a");
    CHECK_INT(receiver_command(&r, text, sizeof text, "reload", NULL), 0);
    CHECK(strstr(text, "\n2 notices that waited for removed notifiers are not told by them\n") != NULL);
    CHECK(receiver_command(&r, text, sizeof text, "status", NULL) <= 1);
    CHECK(strstr(text, "notifier gone") == NULL);
    configure(&r, "Notify a exec %s/a\nNotify gone exec %s/b");
    CHECK_INT(receiver_command(&r, text, sizeof text, "reload", NULL), 0);
    say(fd, &s, "name=d2.");
    CHECK_INT(teller_hears(&r, "b", "name=d2.", 1), 1);
    CHECK_INT(teller_hears(&r, "b", " open ", 0), 1);
    end(&r, fd);
}

/* Two that could not tell, in the ledger as belfry left it. */
static void
leave_in_trouble(const struct receiver *r, const char *const name[2])
{
    struct ledger *l = receiver_ledger(r);
    struct ledger_changes changes = { .count = 0 };
    struct record record = { .kind = RECORD_LOCAL, .severity = WIRE_ERRO, .seen_us = 1000000 };

    (void)snprintf(record.code, sizeof record.code, "belfry.notify");
    CHECK_INT(ledger_begin(l), 0);
    for (unsigned i = 0; i < 2; i++) {
        (void)snprintf(record.detail, sizeof record.detail, "name=%s why=refused", name[i]);
        CHECK_INT(ledger_apply(l, &record, &changes), 0);
    }
    CHECK_INT(ledger_commit(l), 0);
    ledger_close(l);
}

static void
the_trouble_of_one_that_was_removed_while_belfry_did_not_run_is_over_at_its_start(void)
{
    struct receiver r;
    struct speaker s;
    char text[4000];
    int fd;

    begin(&r, &s, &fd, "Notify kept exec %s/kept\nNotify a exec %s/a");
    teller_make(&r, "kept", "sleep 2; exit 7");
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    leave_in_trouble(&r, (const char *const[]){ "kept", "gone" });
    receiver_start(&r);
    CHECK(receiver_hears(&r, "name=gone", 5000));
    CHECK_INT(receiver_command(&r, text, sizeof text, "alarms", "--open", NULL), 1);
    CHECK(strstr(text, "name=gone") == NULL);
    CHECK(strstr(text, "name=kept") != NULL);
    CHECK(strstr(r.text, "name=kept") == NULL);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

/* The configuration is another after each kill, and each time one reload more is cut off somewhere. */
static void
no_kill_in_a_reload_loses_an_alarm(void)
{
    static const char *const beside[] = { "Notify a exec %s/a\nNotify far exec %s/b",
        "Notify far exec %s/b at-least=info\nNotify more exec %s/a\nNotify a exec %s/a",
        "Notify a exec %s/a\nNotify more exec %s/slow\nNotify far exec %s/b lines=t*" };
    const char *seed_text = getenv("NOTIFY_SEED");
    unsigned seed = seed_text != NULL ? (unsigned)strtoul(seed_text, NULL, 10) : 7;
    struct receiver r;
    struct speaker s;
    int fd;

    begin(&r, &s, &fd, beside[0]);
    for (unsigned i = 0; i < ALARMS; i++) {
        char detail[20];

        (void)snprintf(detail, sizeof detail, "name=d%u.", i);
        say(fd, &s, detail);
        CHECK(receiver_hears(&r, detail, 60000));
        configure(&r, beside[(unsigned)rand_r(&seed) % 3]);
        CHECK_INT(kill(r.pid, SIGHUP), 0);
        (void)usleep((useconds_t)(rand_r(&seed) % 20000));
        (void)close(fd);
        CHECK_INT(receiver_end(&r, SIGKILL), -SIGKILL);
        receiver_start(&r);
        fd = receiver_tty(&r);
    }
    for (unsigned i = 0; i < ALARMS; i++) {
        char detail[20];

        (void)snprintf(detail, sizeof detail, "name=d%u.", i);
        CHECK(teller_hears(&r, "a", detail, 1) >= 1);
        CHECK(teller_hears(&r, "b", detail, 1) >= 1);
    }
    end(&r, fd);
}

static void
what_a_reload_cannot_change_is_named_with_its_line(void)
{
    struct receiver r;
    struct speaker s;
    char text[4000];
    char want[400];
    int fd;

    begin(&r, &s, &fd, "Page 127.0.0.1:1");
    configure(&r, "DiskFloor no\nListen 127.0.0.1:2\n\nReaders adm");
    CHECK_INT(receiver_command(&r, text, sizeof text, "reload", NULL), 0);
    (void)snprintf(want, sizeof want,
            "1 line: 0 added, 0 removed, 0 changed\n"
            "%s/conf:6: Listen 127.0.0.1 port 2; takes a restart\n"
            "%s/conf: Page is gone; takes a restart\n"
            "%s/conf:8: Readers; takes a restart\n"
            "%s/conf:5: DiskFloor; takes a restart\n",
            r.dir, r.dir, r.dir, r.dir);
    CHECK_STR(text, want);
    configure(&r, "Page 127.0.0.1:1");
    CHECK_INT(receiver_command(&r, text, sizeof text, "reload", NULL), 0);
    CHECK_STR(text, "1 line: 0 added, 0 removed, 0 changed\n");
    end(&r, fd);
}

int
main(void)
{
    CHECK_RUN(one_that_comes_tells_what_follows_and_one_that_goes_nothing_more);
    CHECK_RUN(one_that_stays_tells_each_once_whatever_comes_and_goes_beside_it);
    CHECK_RUN(one_that_changes_goes_on_where_it_was_and_tells_each_once);
    CHECK_RUN(the_trouble_of_one_that_was_removed_while_belfry_did_not_run_is_over_at_its_start);
    CHECK_RUN(what_waits_for_one_that_is_removed_is_said_and_not_told_by_one_of_its_name);
    CHECK_RUN(no_kill_in_a_reload_loses_an_alarm);
    CHECK_RUN(what_a_reload_cannot_change_is_named_with_its_line);
    return check_result();
}
