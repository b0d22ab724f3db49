#include "receiver.h"

#include "belfry/attach/attach.h"
#include "belfry/ctl/server.h"

#include <grp.h>
#include <pwd.h>
#include <sqlite3.h>
#include <sys/socket.h>

#define NOBODY 65534

/* What a request is answered by a belfry on this state directory; "" when the connection is closed. */
static void
ask(const struct receiver *r, const char *request, char *answer, size_t size)
{
    struct conf conf;
    size_t len = 0;
    ssize_t n;
    int fd;

    conf_defaults(&conf);
    (void)snprintf(conf.state_dir, sizeof conf.state_dir, "%s/state", r->dir);
    fd = ctl_connect(&conf, 20000);
    answer[0] = '\0';
    if (fd < 0) {
        return;
    }
    (void)send(fd, request, strlen(request), MSG_NOSIGNAL);
    while (len + 1 < size && (n = recv(fd, answer + len, size - 1 - len, 0)) > 0) {
        len += (size_t)n;
    }
    answer[len] = '\0';
    (void)close(fd);
}

/* The same, asked by a process of another user. */
static void
ask_as(const struct receiver *r, uid_t uid, const char *request, char *answer, size_t size)
{
    int pipe_fd[2];
    ssize_t n;
    pid_t pid;

    CHECK_INT(pipe(pipe_fd), 0);
    pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0) {
            _exit(1);
        }
        ask(r, request, answer, size);
        _exit(write(pipe_fd[1], answer, strlen(answer)) >= 0 ? 0 : 1);
    }
    (void)close(pipe_fd[1]);
    n = read(pipe_fd[0], answer, size - 1);
    answer[n > 0 ? n : 0] = '\0';
    (void)close(pipe_fd[0]);
    CHECK_INT(receiver_wait(pid), 0);
}

static const char *
me(void)
{
    const struct passwd *pw = getpwuid(getuid());

    return pw != NULL ? pw->pw_name : "root";
}

/* A receiver whose configuration says more. */
static void
make(struct receiver *r, const char *format, const char *name)
{
    char text[400];
    int fd;
    int n;

    receiver_make(r, NULL);
    n = snprintf(text, sizeof text, format, name, r->dir);
    fd = open(receiver_path(r, "conf"), O_WRONLY | O_APPEND);
    CHECK_INT(write(fd, text, (size_t)n), n);
    (void)close(fd);
    (void)chmod(r->dir, 0711);
}

static int64_t
events_like(const struct receiver *r, const char *like)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int64_t n = -1;

    if (sqlite3_open_v2(receiver_path(r, "state/ledger.db"), &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
            sqlite3_busy_timeout(db, 2000) == SQLITE_OK &&
            sqlite3_prepare_v2(db, "SELECT count(*) FROM events WHERE detail LIKE ?", -1, &st, NULL) ==
                    SQLITE_OK &&
            sqlite3_bind_text(st, 1, like, -1, SQLITE_STATIC) == SQLITE_OK &&
            sqlite3_step(st) == SQLITE_ROW) {
        n = sqlite3_column_int64(st, 0);
    }
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(db);
    return n;
}

static bool
is_read(int fd, const char *want)
{
    char got[200] = "";
    size_t len = 0;
    int64_t until = test_ms() + 20000;

    while (len < strlen(want) && test_ms() < until) {
        ssize_t n = read(fd, got + len, sizeof got - 1 - len);

        len += n > 0 ? (size_t)n : 0;
        test_sleep(n > 0 ? 0 : 5);
    }
    return strcmp(got, want) == 0;
}

static int
open_slave(const struct receiver *r)
{
    return open(receiver_path(r, "tty"), O_RDWR | O_NOCTTY | O_NONBLOCK);
}

static void
nobody_writes_without_a_role(void)
{
    struct receiver r;
    char answer[400];

    make(&r, "%.0sLine other pty %s/other\n", "");
    receiver_start(&r);
    ask(&r, "write tty 7 6869\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tyou are no Operator of this line\nend\n");
    r.hears_errors = true;
    CHECK_INT(receiver_command(&r, answer, sizeof answer, "attach", "tty", "--write", NULL), 2);
    CHECK(strstr(answer, "    Operator ") != NULL && strstr(answer, " tty\r\n") != NULL);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK_INT(events_like(&r, "%state=begun%"), 0);
    receiver_remove(&r);
}

static void
what_an_operator_types_reaches_the_line_and_who_and_when_is_on_record(void)
{
    struct receiver r;
    char answer[400];
    char like[100];
    int fd;

    make(&r, "Operator %s tt?\nLine safe pty %s/safe alarm-only\n", me());
    receiver_start(&r);
    fd = open_slave(&r);
    ask(&r, "write tty 7 -\n", answer, sizeof answer);
    CHECK_STR(answer, "ok\t0\nend\n");
    (void)snprintf(like, sizeof like, "line=tty by=%s uid=%u pid=%d state=begun", me(), getuid(), getpid());
    CHECK_INT(events_like(&r, like), 1); /* before the first byte */
    ask(&r, "write tty 7 68690d00ff\n", answer, sizeof answer);
    CHECK_STR(answer, "ok\t5\nend\n");
    CHECK(is_read(fd, "hi\r"));
    ask(&r, "write tty 8 21\n", answer, sizeof answer);
    CHECK(strncmp(answer, "error\tsomebody else writes: by=", 31) == 0);
    ask(&r, "take tty 8 21\n", answer, sizeof answer);
    CHECK_STR(answer, "ok\t1\nend\n");
    CHECK_INT(events_like(&r, "%state=taken bytes=5"), 1);
    ask(&r, "write tty 7 21\n", answer, sizeof answer);
    CHECK(strncmp(answer, "error\tsomebody else writes: by=", 31) == 0);
    ask(&r, "leave tty 8\n", answer, sizeof answer);
    CHECK_STR(answer, "ok\t0\nend\n");
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK_INT(events_like(&r, "%state=ended bytes=1"), 1);
    CHECK_INT(events_like(&r, "line=tty %"), 4);
    (void)close(fd);
    receiver_remove(&r);
}

static void
a_line_is_fitted_to_patterns_by_its_own_name_however_it_is_asked_for(void)
{
    struct receiver r;
    char answer[400];

    make(&r, "Operator %s [a-z]*\nLine DB pty %s/db\n", me());
    receiver_start(&r);
    ask(&r, "write DB 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tyou are no Operator of this line\nend\n");
    ask(&r, "write db 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tyou are no Operator of this line\nend\n");
    ask(&r, "write TTY 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "ok\t1\nend\n");
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

/* Another process has the ledger: belfry's queue is for what it hears, not for who tries to write. */
static void
tries_to_write_while_the_ledger_is_refused_leave_one_record(void)
{
    struct receiver r;
    char answer[400];
    sqlite3 *db = NULL;
    int64_t until;

    make(&r, "Operator %s%.0s\n", me());
    receiver_start(&r);
    CHECK_INT(sqlite3_open_v2(receiver_path(&r, "state/ledger.db"), &db, SQLITE_OPEN_READWRITE, NULL),
            SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 4; i++) {
        ask(&r, "write tty 7 21\n", answer, sizeof answer);
        CHECK_STR(answer, "error\tthe ledger cannot be written\nend\n");
    }
    CHECK_INT(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    until = test_ms() + 20000;
    do {
        test_sleep(50);
        ask(&r, "write tty 7 21\n", answer, sizeof answer);
    } while (strcmp(answer, "ok\t1\nend\n") != 0 && test_ms() < until);
    CHECK_STR(answer, "ok\t1\nend\n");
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK(events_like(&r, "%state=begun") <= 2);
    receiver_remove(&r);
}

static void
an_alarm_only_line_takes_nothing_from_anybody(void)
{
    struct receiver r;
    char answer[400];

    make(&r, "Operator %s\nLine safe pty %s/safe alarm-only\n", me());
    receiver_start(&r);
    ask(&r, "write safe 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tthe line is alarm-only: nobody may write to it\nend\n");
    ask(&r, "take safe 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tthe line is alarm-only: nobody may write to it\nend\n");
    ask(&r, "write log 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tlines of this kind are only read\nend\n");
    ask(&r, "write nothing 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tno such line\nend\n");
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK_INT(events_like(&r, "%state=begun"), 0);
    receiver_remove(&r);
}

static void
another_user_writes_where_he_is_operator_and_asks_for_nothing_else(void)
{
    struct receiver r;
    char answer[400];
    const struct passwd *nobody = getpwuid(NOBODY);

    if (getuid() != 0 || nobody == NULL) {
        printf("     not root: left out\n");
        return;
    }
    make(&r, "Operator %s tty\nLine other pty %s/other\n", nobody->pw_name);
    receiver_start(&r);
    ask_as(&r, NOBODY, "write tty 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "ok\t1\nend\n");
    ask_as(&r, NOBODY, "write other 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tyou are no Operator of this line\nend\n");
    ask_as(&r, NOBODY, "status\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tnot a request\nend\n");
    ask_as(&r, NOBODY, "ack 1 nobody\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tnot a request\nend\n");
    ask_as(&r, NOBODY - 1, "write tty 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, ""); /* let in by nobody */
    ask(&r, "write tty 9 21\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tyou are no Operator of this line\nend\n"); /* root has no role by itself */
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
operators_who_hold_places_and_say_nothing_keep_neither_root_nor_each_other_out(void)
{
    struct receiver r;
    struct conf conf;
    char answer[400];
    int pipe_fd[2];
    pid_t pid;

    if (getuid() != 0 || getpwuid(NOBODY) == NULL) {
        printf("     not root: left out\n");
        return;
    }
    make(&r, "Operator %s tty\nLine other pty %s/other\n", getpwuid(NOBODY)->pw_name);
    receiver_start(&r);
    conf_defaults(&conf);
    (void)snprintf(conf.state_dir, sizeof conf.state_dir, "%s/state", r.dir);
    CHECK_INT(pipe2(pipe_fd, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0) {
            _exit(1);
        }
        /* Again and again, until the test ends him. */
        for (unsigned n = 0;; n++) {
            static int held[CTL_CLIENTS];

            (void)close(held[n % CTL_CLIENTS]);
            held[n % CTL_CLIENTS] = ctl_connect(&conf, 20000);
            if (n == 2 * CTL_CLIENTS && write(pipe_fd[1], "x", 1) != 1) {
                _exit(1);
            }
            test_sleep(1);
        }
    }
    CHECK_INT(read(pipe_fd[0], answer, 1), 1);
    for (int i = 0; i < 20; i++) {
        ask(&r, "status\n", answer, sizeof answer);
        CHECK(strncmp(answer, "belfry\t", 7) == 0);
    }
    CHECK(pid > 1 && kill(pid, SIGKILL) == 0);
    (void)receiver_wait(pid);
    ask_as(&r, NOBODY, "write tty 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "ok\t1\nend\n");
    (void)close(pipe_fd[0]);
    (void)close(pipe_fd[1]);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
an_operator_who_is_taken_away_writes_no_more_after_a_reload(void)
{
    struct receiver r;
    char conf[400];
    char answer[400];

    make(&r, "Operator %s%.0s\n", me());
    receiver_start(&r);
    ask(&r, "write tty 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "ok\t1\nend\n");
    (void)snprintf(conf, sizeof conf, "StateDir %s/state\nSyslog no\nLine tty pty %s/tty\n", r.dir, r.dir);
    receiver_write(receiver_path(&r, "conf"), conf, 0600);
    CHECK_INT(receiver_command(&r, NULL, 0, "reload", NULL), 0);
    ask(&r, "write tty 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tyou are no Operator of this line\nend\n");
    (void)snprintf(conf, sizeof conf,
            "StateDir %s/state\nSyslog no\nOperator %s\nLine tty pty %s/tty alarm-only\n", r.dir, me(),
            r.dir);
    receiver_write(receiver_path(&r, "conf"), conf, 0600);
    CHECK_INT(receiver_command(&r, NULL, 0, "reload", NULL), 0);
    ask(&r, "write tty 7 21\n", answer, sizeof answer);
    CHECK_STR(answer, "error\tthe line is alarm-only: nobody may write to it\nend\n");
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK_INT(events_like(&r, "%state=closed bytes=1"), 1);
    receiver_remove(&r);
}

/* Runs `belfry attach tty --write` with this to type; what it showed is in `text`. */
static int
attach(const struct receiver *r, const char *typed, char *text, size_t size)
{
    char command[400];
    FILE *p;
    size_t n;

    (void)snprintf(command, sizeof command, "printf '%s' | %s --config %s/conf attach tty --write 2>&1",
            typed, r->program, r->dir);
    p = popen(command, "r");
    n = fread(text, 1, size - 1, p);
    text[n] = '\0';
    return pclose(p);
}

static void
a_session_types_sees_the_answer_and_no_escape_sequence(void)
{
    struct receiver r;
    char text[4000];
    int status = 0;
    pid_t pid;
    int fd;

    make(&r, "Operator %s%.0s\n", me());
    receiver_start(&r);
    fd = open_slave(&r);
    pid = fork();
    if (pid == 0) { /* the host at the other end */
        _exit(is_read(fd, "uname\r") && write(fd, "\033[31mLinux\033]0;x\007 100%\r\n", 24) == 24 ? 0 : 1);
    }
    status = attach(&r, "uname\\r", text, sizeof text);
    CHECK_INT(status, 0);
    CHECK_INT(receiver_wait(pid), 0);
    CHECK_INT(receiver_command(&r, text, sizeof text, "log", "tty", NULL), 0);
    CHECK(strstr(text, "%1B[31mLinux%1B]0;x%07 100%25\n") != NULL);
    CHECK(strchr(text, '\033') == NULL);
    CHECK_INT(receiver_command(&r, text, sizeof text, "log", "tty", "--raw", NULL), 0);
    CHECK_STR(text, "\033[31mLinux\033]0;x\007 100%\r\n");
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    CHECK_INT(events_like(&r, "%state=ended bytes=6"), 1);
    receiver_remove(&r);
}

static void
viewers_that_are_stopped_cost_the_transcript_no_byte(void)
{
    enum { VIEWERS = 4, BYTES = 20 << 20 };
    static const char *const verbs[VIEWERS][5] = { { "log", "tty", "--follow", NULL },
        { "attach", "tty", NULL }, { "tail", "tty", "--follow", NULL }, { "attach", "tty", "--raw", NULL } };
    struct receiver r;
    struct stat st = { .st_size = 0 };
    pid_t viewer[VIEWERS];
    int pipes[VIEWERS][2];
    static char block[65536];
    int64_t until;
    int fd;

    make(&r, "Operator %s%.0s\n", me());
    receiver_start(&r);
    fd = receiver_tty(&r);
    memset(block, 'x', sizeof block);
    for (int i = 0; i < VIEWERS; i++) {
        CHECK_INT(pipe(pipes[i]), 0);
        viewer[i] = receiver_spawn(&r, pipes[i][1], verbs[i]);
    }
    receiver_send(fd, "begin\r\n", 7);
    test_sleep(300);
    CHECK(kill(viewer[0], SIGSTOP) == 0 &&
            kill(viewer[1], SIGSTOP) == 0); /* the others' pipes are not read */
    for (int sent = 0; sent < BYTES; sent += (int)sizeof block) {
        receiver_send(fd, block, sizeof block);
    }
    until = test_ms() + 60000;
    while (st.st_size < BYTES + 7 && test_ms() < until) {
        test_sleep(20);
        (void)stat(receiver_path(&r, "state/lines/tty.raw"), &st);
    }
    CHECK_INT(st.st_size, BYTES + 7);
    for (int i = 0; i < VIEWERS; i++) {
        (void)kill(viewer[i], SIGKILL);
        (void)receiver_wait(viewer[i]);
        (void)close(pipes[i][0]);
        (void)close(pipes[i][1]);
    }
    (void)close(fd);
    CHECK_INT(receiver_end(&r, SIGTERM), 0);
    receiver_remove(&r);
}

static void
roles_are_of_users_and_groups_and_for_the_lines_they_name(void)
{
    static struct conf_errors errors;
    static const char text[] = "Operator alice rack1-* db?\nOperator @ops\n";
    struct attach_roles roles;
    struct ctl_peer peer = { .uid = 1001, .gid = 100, .pid = 5, .groups = 2, .group = { 4, 27 } };
    struct conf conf;
    char who[ATTACH_WHO];

    conf_defaults(&conf);
    CHECK_INT(conf_parse(&conf, "t", text, sizeof text - 1, &errors), 0);
    CHECK_INT(conf.operators, 2);
    memset(&roles, 0, sizeof roles);
    roles.conf = &conf;
    CHECK(!attach_may(&roles, &peer, "rack1-07", who)); /* there is no such user */
    roles.role[0] = (struct attach_role){ .known = true, .id = 1001 };
    roles.role[1] = (struct attach_role){ .known = true, .id = 28 };
    CHECK(attach_may(&roles, &peer, "rack1-07", who));
    CHECK_STR(who, "by=alice uid=1001 pid=5");
    CHECK(attach_may(&roles, &peer, "db1", who));
    CHECK(!attach_may(&roles, &peer, "db12", who));
    CHECK(attach_may(&roles, &peer, NULL, who));
    CHECK(!attach_may(&roles, NULL, "db1", who));
    peer.group[1] = 28;
    CHECK(attach_may(&roles, &peer, "db12", who));
    CHECK_STR(who, "by=@ops uid=1001 pid=5");
    conf_free(&conf);
}

int
main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    CHECK_RUN(roles_are_of_users_and_groups_and_for_the_lines_they_name);
    CHECK_RUN(nobody_writes_without_a_role);
    CHECK_RUN(what_an_operator_types_reaches_the_line_and_who_and_when_is_on_record);
    CHECK_RUN(a_line_is_fitted_to_patterns_by_its_own_name_however_it_is_asked_for);
    CHECK_RUN(tries_to_write_while_the_ledger_is_refused_leave_one_record);
    CHECK_RUN(an_alarm_only_line_takes_nothing_from_anybody);
    CHECK_RUN(another_user_writes_where_he_is_operator_and_asks_for_nothing_else);
    CHECK_RUN(operators_who_hold_places_and_say_nothing_keep_neither_root_nor_each_other_out);
    CHECK_RUN(an_operator_who_is_taken_away_writes_no_more_after_a_reload);
    CHECK_RUN(a_session_types_sees_the_answer_and_no_escape_sequence);
    CHECK_RUN(viewers_that_are_stopped_cost_the_transcript_no_byte);
    return check_result();
}
