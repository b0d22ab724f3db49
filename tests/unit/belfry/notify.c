/* Notifiers of a real belfry: who is told what, and what one that hangs, fails or dies does to the others. */
#include "teller.h"

#include "belfry/notify/link.h"
#include "support/held_port.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define ALARMS 20
#define NOISY 300

static void
begin(struct receiver *r, struct speaker *s, int *fd)
{
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
one_that_hangs_delays_no_other(void)
{
    struct receiver r;
    struct speaker s;
    int fd;

    receiver_make(&r, NULL);
    teller_make(&r, "stuck", "sleep 1000");
    teller_make(&r, "quick", "");
    receiver_configure(&r, "Notify stuck exec %s/stuck\nNotify quick exec %s/quick");
    begin(&r, &s, &fd);
    teller_alarms(fd, &s, ALARMS);
    CHECK_INT(teller_hears(&r, "quick", " open web03 name=d", ALARMS), ALARMS);
    CHECK_INT(teller_hears(&r, "stuck", "open", 0), 0);
    end(&r, fd);
}

static void
each_is_told_what_it_is_for_and_the_end_of_what_it_was_told(void)
{
    struct receiver r;
    struct speaker s;
    int fd;

    receiver_make(&r, NULL);
    teller_make(&r, "all", "");
    teller_make(&r, "bad", "");
    teller_make(&r, "elsewhere", "");
    teller_make(&r, "here", "");
    receiver_configure(&r, "Notify all exec %s/all\nNotify bad exec %s/bad at-least=crit\n"
                           "Notify elsewhere exec %s/elsewhere hosts=db*,w?b\n"
                           "Notify here exec %s/here lines=lab,t?y hosts=db*,web*");
    begin(&r, &s, &fd);
    receiver_say(fd, &s, WIRE_WARN, "time.step", "clock=utc");
    receiver_say(fd, &s, WIRE_CRIT, "daemon.down", "name=a");
    receiver_say(fd, &s, WIRE_NOTE, "daemon.up", "name=a of=2");
    CHECK_INT(teller_hears(&r, "all", "closed web03 name=a", 1), 1);
    CHECK_INT(teller_hears(&r, "bad", "closed web03 name=a", 1), 1);
    CHECK_INT(teller_hears(&r, "here", "closed web03 name=a", 1), 1);
    CHECK_INT(teller_hears(&r, "all", "open web03 clock=utc", 1), 1);
    CHECK_INT(teller_hears(&r, "here", "open web03 clock=utc", 1), 1);
    CHECK_INT(teller_hears(&r, "bad", "open web03 name=a", 1), 1);
    CHECK_INT(teller_hears(&r, "bad", "clock=utc", 0), 0);
    CHECK_INT(teller_hears(&r, "elsewhere", "web03", 0), 0);
    end(&r, fd);
}

/* The number that a program has written to the file `name`, 0 when it does not. */
static pid_t
pid_in(const struct receiver *r, const char *name)
{
    int64_t until = test_ms() + 30000;
    char text[20] = "";
    int fd = -1;

    while (strchr(text, '\n') == NULL && test_ms() < until) {
        fd = open(receiver_path(r, name), O_RDONLY);
        if (fd >= 0) {
            (void)!read(fd, text, sizeof text - 1);
            (void)close(fd);
        }
        test_sleep(20);
    }
    return (pid_t)strtol(text, NULL, 10);
}

static void
a_mail_program_that_hangs_does_not_outlive_belfry(void)
{
    struct receiver r;
    struct speaker s;
    int64_t until;
    pid_t pid;
    int fd;

    receiver_make(&r, NULL);
    teller_make(&r, "stuck", "echo $$ > $D/pid; exec sleep 1000");
    receiver_configure(&r, "Notify stuck mail %s/stuck to=a@b");
    begin(&r, &s, &fd);
    receiver_say(fd, &s, WIRE_CRIT, "daemon.down", "name=a");
    pid = pid_in(&r, "pid");
    CHECK(pid > 1 && kill(pid, 0) == 0);
    end(&r, fd);
    until = test_ms() + 30000;
    while (kill(pid, 0) == 0 && test_ms() < until) {
        test_sleep(20);
    }
    CHECK(kill(pid, 0) != 0);
}

static void
one_that_failed_is_told_again_and_the_end_never_before_the_beginning(void)
{
    struct receiver r;
    struct speaker s;
    static char text[8192];
    int fd;

    receiver_make(&r, NULL);
    teller_make(&r, "hook", "[ -e $D/works ] || { touch $D/works; exit 1; }");
    receiver_configure(&r, "Notify a exec %s/hook");
    begin(&r, &s, &fd);
    receiver_say(fd, &s, WIRE_CRIT, "daemon.down", "name=a");
    receiver_say(fd, &s, WIRE_NOTE, "daemon.up", "name=a of=1");
    CHECK_INT(teller_hears(&r, "hook", "closed web03 name=a", 1), 1);
    CHECK(teller_told(&r, "hook", text, sizeof text) > 0);
    CHECK(strstr(text, "open") != NULL && strstr(text, "open") < strstr(text, "closed"));
    end(&r, fd);
}

/* What status says of a notifier; it is asked again until it says `want`. */
static bool
is_said(const struct receiver *r, const char *want)
{
    static char text[20000];
    int64_t until = test_ms() + 30000;

    do {
        (void)receiver_command(r, text, sizeof text, "status", NULL);
        if (strstr(text, want) != NULL) {
            return true;
        }
        test_sleep(100);
    } while (test_ms() < until);
    printf("%s", text);
    return false;
}

static void
what_a_notifier_cannot_do_stands_in_the_status_with_its_reason(void)
{
    struct receiver r;
    struct speaker s;
    int fd;

    receiver_make(&r, NULL);
    teller_make(&r, "fails", "exit 7");
    receiver_configure(&r, "Notify fails exec %s/fails\nNotify gone exec /none/hook\n"
                           "Notify mails mail /none/sendmail to=a@b\n"
                           "Notify log syslog tls://127.0.0.1:9 ca=/none/ca.pem");
    begin(&r, &s, &fd);
    receiver_say(fd, &s, WIRE_CRIT, "daemon.down", "name=a");
    CHECK(is_said(&r, "notifier fails (exec): WAITS: the program's exit status is 7;"));
    CHECK(is_said(
            &r, "notifier gone (exec): WAITS: the program cannot be started: No such file or directory;"));
    CHECK(is_said(
            &r, "notifier mails (mail): WAITS: the program cannot be started: No such file or directory;"));
    CHECK(is_said(&r, "notifier log (syslog): NOT RUNNING: /none/ca.pem: No such file or directory;"));
    teller_make(&r, "fails", "");
    CHECK(is_said(&r, "notifier fails (exec): up;"));
    end(&r, fd);
}

/* A socket at which nobody ever takes what comes: connections wait in the kernel, and their bytes too. */
static int
black_hole(uint16_t *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK_INT(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_INT(listen(fd, 8), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static uint64_t
size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* A collector that takes a connection and nothing more, one that is not there, a mail program that hangs and
 * a hook that does. */
static void
dead_targets_cost_no_byte_of_a_line_and_delay_no_other(void)
{
    const char *mb = getenv("NOTIFY_MB");
    uint64_t bytes = (mb != NULL ? strtoul(mb, NULL, 10) : 5) * 1000000;
    static char block[4000];
    struct receiver r;
    struct speaker s;
    char conf[500];
    uint16_t hole_port = 0;
    uint16_t gone_port = held_port(); /* nobody listens there */
    uint64_t sent = 0;
    int64_t until;
    int hole = black_hole(&hole_port);
    int fd;

    CHECK(gone_port != 0);
    receiver_make(&r, NULL);
    teller_make(&r, "stuck", "sleep 1000");
    teller_make(&r, "quick", "");
    (void)snprintf(conf, sizeof conf,
            "Notify quick exec %%s/quick\nNotify stuck exec %%s/stuck\nNotify mail mail %%s/stuck to=root\n"
            "Notify hole syslog tls://127.0.0.1:%u\nNotify mute syslog tcp://127.0.0.1:%u\n"
            "Notify gone syslog tcp://127.0.0.1:%u\nNotify none alertmanager http://127.0.0.1:%u",
            hole_port, hole_port, gone_port, gone_port);
    receiver_configure(&r, conf);
    begin(&r, &s, &fd);
    teller_alarms(fd, &s, ALARMS);
    CHECK_INT(teller_hears(&r, "quick", " open web03 name=d", ALARMS), ALARMS);
    CHECK_INT(receiver_command(&r, block, sizeof block, "status", NULL), 1);
    CHECK(is_said(&r, "\nnotifier quick (exec): up; 0 wait, told last "));
    CHECK(is_said(&r, "\nnotifier gone (syslog): WAITS: Connection refused; 20 wait, told last never\n"));
    memset(block, 'x', sizeof block);
    block[sizeof block - 1] = '\n';
    sent = size_of(receiver_path(&r, "state/lines/tty.raw"));
    bytes += sent;
    while (sent < bytes) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        ssize_t n = write(fd, block, sizeof block);

        if (n < 0 && poll(&p, 1, 60000) != 1) {
            CHECK(false);
            break;
        }
        sent += n > 0 ? (uint64_t)n : 0;
    }
    receiver_say(fd, &s, WIRE_CRIT, "daemon.down", "name=last.");
    CHECK_INT(teller_hears(&r, "quick", " open web03 name=last.", 1), 1);
    until = test_ms() + 60000;
    while (size_of(receiver_path(&r, "state/lines/tty.raw")) <= sent && test_ms() < until) {
        test_sleep(20);
    }
    CHECK(size_of(receiver_path(&r, "state/lines/tty.raw")) > sent);
    CHECK_INT(teller_hears(&r, "stuck", "open", 0), 0);
    (void)close(hole);
    end(&r, fd);
}

/* Each is told, whatever died when; an exec hook may be told twice, with the same number. */
static void
no_kill_of_a_notifier_or_of_belfry_loses_an_alarm(void)
{
    struct receiver r;
    struct speaker s;
    const char *seed_text = getenv("NOTIFY_SEED");
    unsigned seed = seed_text != NULL ? (unsigned)strtoul(seed_text, NULL, 10) : 7;
    int fd;

    receiver_make(&r, NULL);
    teller_make(&r, "a", "");
    teller_make(&r, "b", "sleep 0.05");
    receiver_configure(&r, "Notify a exec %s/a\nNotify b exec %s/b");
    begin(&r, &s, &fd);
    for (unsigned i = 0; i < 4 * ALARMS; i++) {
        char detail[20];
        pid_t pid;

        (void)snprintf(detail, sizeof detail, "name=d%u.", i);
        receiver_say(fd, &s, WIRE_CRIT, "daemon.down", detail);
        if (i % 16 == 15) {
            (void)close(fd);
            CHECK(receiver_hears(&r, detail, 60000));
            CHECK_INT(receiver_end(&r, SIGKILL), -SIGKILL);
            receiver_start(&r);
            fd = receiver_tty(&r);
        } else if (rand_r(&seed) % 4 == 0 &&
                   (pid = receiver_child(r.pid, "belfry-notify", i % 2 == 0 ? "a" : "b")) > 1) {
            CHECK_INT(kill(pid, SIGKILL), 0);
        }
    }
    for (unsigned i = 0; i < 4 * ALARMS; i++) {
        char detail[20];

        (void)snprintf(detail, sizeof detail, "name=d%u.", i);
        CHECK(teller_hears(&r, "a", detail, 1) >= 1);
        CHECK(teller_hears(&r, "b", detail, 1) >= 1);
    }
    end(&r, fd);
}

/* A host that says so much that a hook cannot keep up, and then the first alarm of another on the same line.
 */
static void
begin_noisy(struct receiver *r, struct speaker *noisy, int *fd, const char *hook)
{
    struct speaker quiet;

    receiver_make(r, NULL);
    teller_make(r, "hook", hook);
    receiver_configure(r, "Notify slow exec %s/hook");
    receiver_pair(r, "db01", &quiet);
    begin(r, noisy, fd);
    teller_alarms(*fd, noisy, NOISY);
    receiver_say(*fd, &quiet, WIRE_CRIT, "daemon.down", "name=quiet.");
    CHECK_INT(teller_hears(r, "hook", " open db01 name=quiet.", 1), 1);
}

static void
the_first_alarm_of_a_quiet_host_is_told_before_most_of_what_waits_of_a_noisy_one(void)
{
    struct receiver r;
    struct speaker noisy;
    static char text[65536];
    unsigned before = 0;
    int fd;

    begin_noisy(&r, &noisy, &fd, "sleep 0.02");
    CHECK_INT(teller_hears(&r, "hook", " open web03 ", NOISY), NOISY);
    (void)teller_told(&r, "hook", text, sizeof text);
    for (const char *at = text; (at = strstr(at, " open ")) != NULL && strncmp(at, " open db01", 10) != 0;
            at++) {
        before++;
    }
    CHECK(before < NOISY / 2);
    end(&r, fd);
}

struct behind {
    int64_t place;
    int64_t web03; /* 0 when nothing waits of it */
    unsigned hosts;
};

static void
see_behind(void *to, const char *host, int64_t seq)
{
    struct behind *b = to;

    b->hosts++;
    b->web03 = strcmp(host, "web03") == 0 ? seq : b->web03;
}

/* What the ledger says of the notifier "slow". */
static struct behind
behind(const struct receiver *r)
{
    char error[LEDGER_ERROR];
    struct ledger *ledger;
    struct ledger_place place;
    struct behind b = { 0 };

    CHECK_INT(ledger_open(receiver_path(r, "state/ledger.db"), LEDGER_READ, false, &ledger, error), 0);
    CHECK_INT(ledger_place(ledger, "slow", &place), 0);
    CHECK_INT(ledger_behind(ledger, "slow", see_behind, &b), 0);
    ledger_close(ledger);
    b.place = place.notices;
    return b;
}

static void
after_a_kill_what_waits_of_a_noisy_host_is_told_and_what_was_told_ahead_of_it_is_not_again(void)
{
    struct receiver r;
    struct speaker noisy;
    struct behind b;
    int64_t until = test_ms() + 60000;
    int fd;

    begin_noisy(&r, &noisy, &fd, "sleep 0.05");
    do {
        test_sleep(20);
        b = behind(&r);
    } while (b.place < NOISY + 1 && test_ms() < until);
    CHECK_INT(b.place, NOISY + 1);
    CHECK_INT(b.hosts, 1);
    CHECK(b.web03 > 0 && b.web03 <= NOISY);
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGKILL), -SIGKILL);
    receiver_start(&r);
    for (unsigned i = 0; i < NOISY; i++) {
        char detail[30];

        (void)snprintf(detail, sizeof detail, " web03 name=d%u.", i);
        CHECK(teller_hears(&r, "hook", detail, 1) >= 1);
    }
    CHECK(teller_hears(&r, "hook", " web03 ", 0) <= NOISY + NOTIFY_ROOM);
    CHECK_INT(teller_hears(&r, "hook", " db01 ", 0), 1);
    until = test_ms() + 60000;
    while (behind(&r).hosts > 0 && test_ms() < until) {
        test_sleep(20);
    }
    CHECK_INT(behind(&r).hosts, 0);
    end(&r, -1);
}

int
main(void)
{
    CHECK_RUN(the_first_alarm_of_a_quiet_host_is_told_before_most_of_what_waits_of_a_noisy_one);
    CHECK_RUN(after_a_kill_what_waits_of_a_noisy_host_is_told_and_what_was_told_ahead_of_it_is_not_again);
    CHECK_RUN(one_that_hangs_delays_no_other);
    CHECK_RUN(each_is_told_what_it_is_for_and_the_end_of_what_it_was_told);
    CHECK_RUN(what_a_notifier_cannot_do_stands_in_the_status_with_its_reason);
    CHECK_RUN(a_mail_program_that_hangs_does_not_outlive_belfry);
    CHECK_RUN(one_that_failed_is_told_again_and_the_end_never_before_the_beginning);
    CHECK_RUN(dead_targets_cost_no_byte_of_a_line_and_delay_no_other);
    CHECK_RUN(no_kill_of_a_notifier_or_of_belfry_loses_an_alarm);
    return check_result();
}
