#include "receiver.h"

/* A line "con" beside the others, looked at with the rules that ship. */
static int
open_console(struct receiver *r)
{
    char text[400];
    int fd = open(receiver_path(r, "conf"), O_WRONLY | O_APPEND);
    int n = snprintf(
            text, sizeof text, "Rules console %s\nLine con pty %s/con rules=console\n", STARTER, r->dir);

    CHECK_INT(write(fd, text, (size_t)n), n);
    (void)close(fd);
    receiver_start(r);
    fd = open(receiver_path(r, "con"), O_RDWR | O_NOCTTY);
    CHECK(fd >= 0);
    return fd;
}

static void
say(int fd, const char *text)
{
    CHECK_INT(write(fd, text, strlen(text)), strlen(text));
}

static void
a_panic_on_the_console_is_a_notice_and_an_alarm_until_somebody_acknowledges_it(void)
{
    struct receiver r;
    char text[4000];
    int fd;

    receiver_make(&r, NULL);
    fd = open_console(&r);
    say(fd, "all is well\r\n[    9.1] Kernel panic - not syncing: Fatal exception\r\n");
    CHECK(receiver_hears(&r,
            "\tcon\t-\tNOTICE\tCRIT\tnotice.panic\t-\tline=con "
            "text=[%20%20%20%209.1]%20Kernel%20panic%20-%20not%20syncing:%20Fatal%20exception\n",
            10000));
    CHECK(receiver_hears(&r, "\topen\t-\tCRIT\tnotice.panic\t", 10000));
    CHECK_INT(receiver_command(&r, text, sizeof text, "alarms", "--open", NULL), 1);
    CHECK(strstr(text, "notice.panic") != NULL);
    CHECK_INT(receiver_command(&r, text, sizeof text, "ack", "1", NULL), 0);
    CHECK(receiver_hears(&r, "\tclosed\t-\tCRIT\tnotice.panic\t", 10000));
    say(fd, "Kernel panic - not syncing: again\r\n");
    CHECK(receiver_hears(&r, "\t2\topen\t-\tCRIT\tnotice.panic\t", 10000));
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    (void)close(fd);
    receiver_remove(&r);
}

static void
text_that_is_of_no_rule_or_on_a_line_without_rules_is_no_notice(void)
{
    struct receiver r;
    struct speaker s;
    int con;
    int tty;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    con = open_console(&r);
    tty = receiver_tty(&r);
    say(tty, "Kernel panic - not syncing: nobody asked\r\n");
    say(con, "web03 login: root\r\nLast login: today\r\n");
    receiver_say(con, &s, WIRE_INFO, "agent.beat", "next=10");
    CHECK(receiver_hears(&r, "\tweb03\tOK\tINFO\tagent.beat\t", 10000));
    receiver_say(tty, &s, WIRE_INFO, "agent.beat", "next=10");
    CHECK(receiver_hears(&r, "\tOK\tINFO\tagent.beat\t1-K3QF.1\t", 10000));
    CHECK(!receiver_hears(&r, "\tNOTICE\t", 100));
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    (void)close(con);
    (void)close(tty);
    receiver_remove(&r);
}

static void
a_flood_of_what_the_rules_find_is_ten_records_and_no_proved_line_waits(void)
{
    struct receiver r;
    struct speaker s;
    int fd;

    receiver_make(&r, NULL);
    receiver_pair(&r, "web03", &s);
    fd = open_console(&r);
    for (int i = 0; i < 200; i++) {
        say(fd, "\x1b[31mOut of memory: Killed process 1 (\x1b]0;x\x07%s)\x1b[0m\r\n");
    }
    receiver_say(fd, &s, WIRE_WARN, "test.alarm", "n=1");
    CHECK(receiver_hears(&r, "\tweb03\tOK\tWARN\ttest.alarm\t", 10000));
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    int told = 0;
    for (const char *at = r.text; (at = strstr(at, "\tNOTICE\tERRO\tnotice.oom\t")) != NULL; at++) {
        told++;
    }
    CHECK_INT(told, 10);
    CHECK(strchr(r.text, 0x1b) == NULL);
    (void)close(fd);
    receiver_remove(&r);
}

static void
rules_that_were_changed_hold_after_a_reload_and_wrong_ones_do_not(void)
{
    struct receiver r;
    char conf[400];
    int fd;

    receiver_make(&r, NULL);
    receiver_write(receiver_path(&r, "rules"), "one warn first\n", 0600);
    fd = open(receiver_path(&r, "conf"), O_WRONLY | O_APPEND);
    int n = snprintf(conf, sizeof conf, "Rules mine %s/rules\nDefault all rules=mine\nLine con pty %s/con\n",
            r.dir, r.dir);
    CHECK_INT(write(fd, conf, (size_t)n), n);
    (void)close(fd);
    receiver_start(&r);
    fd = open(receiver_path(&r, "con"), O_RDWR | O_NOCTTY);
    say(fd, "the first\r\n");
    CHECK(receiver_hears(&r, "\tnotice.one\t", 10000));
    receiver_write(receiver_path(&r, "rules"), "two warn (second\n", 0600);
    CHECK_INT(receiver_command(&r, NULL, 0, "reload", NULL), 2);
    receiver_write(receiver_path(&r, "rules"), "two warn second\n", 0600);
    say(fd, "the first again\r\n");
    CHECK(receiver_hears(&r, "text=the%20first%20again\n", 10000));
    CHECK_INT(receiver_command(&r, NULL, 0, "reload", NULL), 0);
    say(fd, "the first, and the second\r\n");
    CHECK(receiver_hears(&r, "\tnotice.two\t", 10000));
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    (void)close(fd);
    receiver_remove(&r);
}

static void
a_wrong_rule_is_an_error_before_anything_is_touched(void)
{
    struct receiver r;
    char conf[400];
    int fd;

    receiver_make(&r, NULL);
    receiver_write(receiver_path(&r, "rules"), "a warn (\n", 0600);
    fd = open(receiver_path(&r, "conf"), O_WRONLY | O_APPEND);
    int n = snprintf(conf, sizeof conf, "Rules mine %s/rules\n", r.dir);
    CHECK_INT(write(fd, conf, (size_t)n), n);
    (void)close(fd);
    CHECK_INT(receiver_command(&r, NULL, 0, "--check-config", NULL), 2);
    CHECK_INT(receiver_command(&r, NULL, 0, "run", NULL), 2);
    CHECK(access(receiver_path(&r, "state"), F_OK) != 0);
    receiver_remove(&r);
}

int
main(void)
{
    CHECK_RUN(a_panic_on_the_console_is_a_notice_and_an_alarm_until_somebody_acknowledges_it);
    CHECK_RUN(text_that_is_of_no_rule_or_on_a_line_without_rules_is_no_notice);
    CHECK_RUN(a_flood_of_what_the_rules_find_is_ten_records_and_no_proved_line_waits);
    CHECK_RUN(rules_that_were_changed_hold_after_a_reload_and_wrong_ones_do_not);
    CHECK_RUN(a_wrong_rule_is_an_error_before_anything_is_touched);
    return check_result();
}
