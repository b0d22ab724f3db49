#include "receiver.h"

static void
configure(const struct receiver *r, const char *more)
{
    char conf[1000];

    (void)snprintf(
            conf, sizeof conf, "StateDir %s/state\nSyslog no\nLine tty pty %s/tty\n%s", r->dir, r->dir, more);
    receiver_write(receiver_path(r, "conf"), conf, 0600);
}

static const char *
line(const struct receiver *r, const char *name, const char *mode)
{
    static char text[4][200];
    static unsigned turn;
    char *out = text[turn++ % 4];

    (void)snprintf(out, sizeof text[0], "Line %s pty %s/%s %s\n", name, r->dir, name, mode);
    return out;
}

static int
open_line(const struct receiver *r, const char *name)
{
    int fd = -1;

    for (int64_t until = test_ms() + 60000; fd < 0 && test_ms() < until; test_sleep(5)) {
        fd = open(receiver_path(r, name), O_WRONLY | O_NOCTTY);
    }
    CHECK(fd >= 0);
    return fd;
}

static void
lines_come_and_go_and_the_others_do_not_even_lose_half_a_line(void)
{
    struct receiver r;
    struct speaker s;
    char text[4000];
    char said[SPEAKER_LINE];
    size_t len;
    int fd;
    int two;

    receiver_make(&r, NULL);
    configure(&r, "");
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = open_line(&r, "tty");
    len = speaker_say(&s, WIRE_INFO, "agent.beat", "next=60", said);
    receiver_send(fd, said, 40);
    test_sleep(300);
    configure(&r, line(&r, "two", ""));
    CHECK_INT(receiver_command(&r, text, sizeof text, "reload", NULL), 0);
    CHECK_STR(text, "2 lines: 1 added, 0 removed, 0 changed\n");
    receiver_send(fd, said + 40, len - 40);
    CHECK(receiver_hears(&r, "\tweb03\tOK\tINFO\tagent.beat\t1-K3QF.0\t", 60000));
    two = open_line(&r, "two");
    receiver_say(two, &s, WIRE_INFO, "agent.beat", "next=60");
    CHECK(receiver_hears(&r, "\tweb03\tOK\tINFO\tagent.beat\t1-K3QF.1\t", 60000));
    CHECK(strstr(r.text, "LINE\t") != NULL && strstr(r.text, "\ttty\tlost") == NULL);
    configure(&r, line(&r, "two", "0620"));
    CHECK_INT(kill(r.pid, SIGHUP), 0);
    CHECK(receiver_hears(&r, "\tlines=2 added=0 removed=0 changed=1 notifiers=0 ", 60000));
    (void)close(two);
    two = open_line(&r, "two");
    receiver_say(two, &s, WIRE_INFO, "agent.beat", "next=60");
    CHECK(receiver_hears(&r, "\tweb03\tOK\tINFO\tagent.beat\t1-K3QF.2\t", 60000));
    configure(&r, "");
    CHECK_INT(receiver_command(&r, text, sizeof text, "reload", NULL), 0);
    CHECK_STR(text, "1 line: 0 added, 1 removed, 0 changed\n");
    CHECK(access(receiver_path(&r, "two"), F_OK) != 0);
    CHECK_INT(receiver_command(&r, text, sizeof text, "status", NULL), 0);
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=60");
    CHECK(receiver_hears(&r, "\tweb03\tOK\tINFO\tagent.beat\t1-K3QF.3\t", 60000));
    CHECK(strstr(r.text, "\ttty\tlost") == NULL);
    (void)close(two);
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
a_line_that_is_taken_away_ends_its_own_alarms(void)
{
    struct receiver r;
    char gone[300];

    receiver_make(&r, NULL);
    (void)snprintf(gone, sizeof gone, "Line gone serial %s/no-device\n", r.dir);
    configure(&r, gone);
    receiver_start(&r);
    CHECK(receiver_hears(&r, "\topen\t-\tERRO\tline.lost\t-\tline=gone", 60000));
    configure(&r, "");
    CHECK_INT(receiver_command(&r, NULL, 0, "reload", NULL), 0);
    CHECK(receiver_hears(&r, "\tclosed\t-\tERRO\tline.lost\t", 60000));
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
a_configuration_with_an_error_changes_nothing(void)
{
    struct receiver r;
    struct speaker s;
    int fd;

    receiver_make(&r, NULL);
    configure(&r, "");
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = open_line(&r, "tty");
    configure(&r, "Line two pty not-absolute\n");
    CHECK_INT(receiver_command(&r, NULL, 0, "reload", NULL), 2);
    CHECK_INT(kill(r.pid, SIGHUP), 0);
    receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=60");
    CHECK(receiver_hears(&r, "\tweb03\tOK\tINFO\tagent.beat\t1-K3QF.0\t", 60000));
    configure(&r, line(&r, "two", ""));
    CHECK_INT(receiver_command(&r, NULL, 0, "reload", NULL), 0);
    CHECK(receiver_hears(&r, "RELOAD\t", 60000));
    CHECK(strstr(r.text, "lines=2 added=1 removed=0 changed=0 notifiers=0 ") != NULL);
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
a_reload_that_leaves_a_line_unwatched_is_an_error_for_who_asked(void)
{
    struct receiver r;
    char text[4000];

    receiver_make(&r, NULL);
    configure(&r, "");
    receiver_start(&r);
    CHECK_INT(mkdir(receiver_path(&r, "state/lines/two.raw"), 0700), 0);
    configure(&r, line(&r, "two", ""));
    CHECK_INT(receiver_command(&r, text, sizeof text, "reload", NULL), 2);
    CHECK_STR(text, "2 lines: 1 added, 0 removed, 0 changed\n");
    CHECK_INT(rmdir(receiver_path(&r, "state/lines/two.raw")), 0);
    CHECK_INT(receiver_command(&r, text, sizeof text, "reload", NULL), 0);
    CHECK_STR(text, "2 lines: 1 added, 0 removed, 0 changed\n");
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
three_hundred_lines_come_while_one_speaks_and_nothing_is_lost(void)
{
    static char many[300 * 60];
    struct receiver r;
    struct speaker s;
    size_t n = 0;
    int fd;

    receiver_make(&r, NULL);
    configure(&r, "");
    receiver_pair(&r, "web03", &s);
    receiver_start(&r);
    fd = open_line(&r, "tty");
    for (int i = 0; i < 300; i++) {
        n += (size_t)snprintf(many + n, sizeof many - n, "Line l%d pty %s/l%d\n", i, r.dir, i);
    }
    for (int turn = 0; turn < 6; turn++) {
        char *conf = malloc(sizeof many + 200);

        (void)snprintf(conf, sizeof many + 200, "StateDir %s/state\nSyslog no\n%sLine tty pty %s/tty\n",
                r.dir, turn % 2 == 0 ? many : "", r.dir);
        receiver_write(receiver_path(&r, "conf"), conf, 0600);
        free(conf);
        CHECK_INT(kill(r.pid, SIGHUP), 0);
        for (int i = 0; i < 20; i++) {
            receiver_say(fd, &s, WIRE_INFO, "agent.beat", "next=60");
            test_sleep(3);
        }
    }
    CHECK(receiver_hears(&r, "\tweb03\tOK\tINFO\tagent.beat\t1-K3QF.119\t", 60000));
    CHECK(strstr(r.text, "\tGAP\t") == NULL);
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

int
main(void)
{
    CHECK_RUN(lines_come_and_go_and_the_others_do_not_even_lose_half_a_line);
    CHECK_RUN(a_line_that_is_taken_away_ends_its_own_alarms);
    CHECK_RUN(a_configuration_with_an_error_changes_nothing);
    CHECK_RUN(a_reload_that_leaves_a_line_unwatched_is_an_error_for_who_asked);
    CHECK_RUN(three_hundred_lines_come_while_one_speaks_and_nothing_is_lost);
    return check_result();
}
