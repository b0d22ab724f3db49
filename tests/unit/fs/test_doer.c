/* What the kernel writes about a process that did something, and how it is told. */
#include "support/check.h"
#include "watch/fs_doer.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
parse(const char *text, struct fs_doer_status *s)
{
    return fs_doer_status_parse(text, strlen(text), s);
}

static void
a_status_gives_name_and_effective_uid(void)
{
    struct fs_doer_status s;

    CHECK(parse("Name:\tvim\nUmask:\t0022\nState:\tS\nUid:\t1000\t33\t1000\t1000\nGid:\t0\n", &s));
    CHECK_STR(s.name, "vim");
    CHECK_INT(s.uid, 33);
}

static void
a_status_cut_anywhere_before_its_uid_is_refused(void)
{
    static const char whole[] = "Name:\tvim\nState:\tS\nUid:\t1000\t33\t1000\t1000\n";
    struct fs_doer_status s;

    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        CHECK(!fs_doer_status_parse(whole, len, &s));
    }
    CHECK(fs_doer_status_parse(whole, sizeof(whole) - 1, &s));
}

static void
a_name_cannot_pass_for_another_line(void)
{
    struct fs_doer_status s;

    /* The kernel writes a newline in a name as \n in two characters. */
    CHECK(parse("Name:\tx\\nUid:\\t7\nUid:\t5\t6\t5\t5\n", &s));
    CHECK_INT(s.uid, 6);
    CHECK(!parse("Name:\t0123456789012345678901234567890123456789012345678901234567890123\n"
                 "Uid:\t5\t6\t5\t5\n",
            &s));
}

static void
numbers_that_are_none_are_refused(void)
{
    static const char *const uids[] = { "Uid:\t\n", "Uid:\t5\n", "Uid:\t5 6\n", "Uid:\t-1\t-1\n",
        "Uid:\t5\t4294967296\n" };
    char text[80];
    struct fs_doer_status s;

    for (size_t i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
        snprintf(text, sizeof(text), "Name:\ta\n%s", uids[i]);
        CHECK(!parse(text, &s));
    }
}

static const char *
unit_of(const char *path)
{
    static char out[64];
    const char *unit = "";
    size_t len = fs_doer_unit(path, strlen(path), &unit);

    snprintf(out, sizeof(out), "%.*s", (int)len, unit);
    return out;
}

static void
the_innermost_unit_of_a_group_is_told(void)
{
    CHECK_STR(unit_of("/system.slice/ssh.service"), "ssh.service");
    CHECK_STR(unit_of("/user.slice/user-1000.slice/session-3.scope"), "session-3.scope");
    CHECK_STR(unit_of("/user.slice/user@1000.service/app.slice/vim.service/sub/group"), "vim.service");
    CHECK_STR(unit_of("/"), "");
    CHECK_STR(unit_of(""), "");
    CHECK_STR(unit_of("/a.slice/.service/x"), "");
}

static struct fs_doers doers = { .proc = -1 };

static const char *
told(int32_t pid, int pidfd)
{
    static struct finding f;

    finding_begin(&f, FINDING_INTEGRITY_CHANGED, "path", "/x", 2);
    fs_doer_tell(fs_doers_look(&doers, pid, pidfd), &f);
    CHECK(finding_valid(&f, sizeof(f)));
    return f.text;
}

static int
pidfd_of(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static void
a_process_is_told_while_it_lives_and_as_a_zombie_without_its_program(void)
{
    char want[80];
    int ready[2];
    char byte;
    siginfo_t info;

    CHECK_INT(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_INT(write(ready[1], "", 1), 1);
        pause();
        _exit(0);
    }
    int pidfd = pidfd_of(pid);
    CHECK_INT(read(ready[0], &byte, 1), 1);
    fs_doers_open(&doers);
    const char *text = told(pid, pidfd);
    snprintf(want, sizeof(want), "/test_fs_doer pid=%d uid=%u", (int)pid, geteuid());
    CHECK(strncmp(text, "path=/x by=/", 12) == 0);
    CHECK(strstr(text, want) != NULL);
    CHECK_INT(kill(pid, SIGKILL), 0);
    CHECK_INT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    fs_doers_forget(&doers);
    snprintf(want, sizeof(want), "path=/x by=gone comm=test_fs_doer pid=%d uid=%u", (int)pid, geteuid());
    CHECK(strncmp(told(pid, pidfd), want, strlen(want)) == 0);
    waitpid(pid, NULL, 0);
    fs_doers_forget(&doers);
    snprintf(want, sizeof(want), "path=/x by=gone pid=%d", (int)pid);
    CHECK_STR(told(pid, pidfd), want);
    close(pidfd);
    close(ready[0]);
    close(ready[1]);
}

/* The number lives on in somebody else: what is read then is not of the one that the pidfd means. */
static void
a_number_that_names_another_by_now_tells_nothing(void)
{
    char want[80];
    pid_t pid = fork();

    if (pid == 0) {
        _exit(0);
    }
    int pidfd = pidfd_of(pid);
    waitpid(pid, NULL, 0);
    fs_doers_forget(&doers);
    snprintf(want, sizeof(want), "path=/x by=gone pid=%d", (int)getpid());
    CHECK_STR(told(getpid(), pidfd), want);
    close(pidfd);
}

static void
a_burst_by_one_process_costs_one_look(void)
{
    int pidfd = pidfd_of(getpid());

    fs_doers_forget(&doers);
    for (int i = 0; i < 100; i++) {
        told(getpid(), pidfd);
    }
    CHECK_INT(doers.used, 1);
    for (int i = 0; i < 3 * FS_DOERS; i++) {
        told(100000000 + i, -1);
    }
    CHECK(strstr(told(getpid(), pidfd), "by=/") != NULL);
    close(pidfd);
}

static void
nobody_is_told_where_nobody_is_known(void)
{
    CHECK_STR(told(0, -1), "path=/x");
}

int
main(void)
{
    CHECK_RUN(a_status_gives_name_and_effective_uid);
    CHECK_RUN(a_status_cut_anywhere_before_its_uid_is_refused);
    CHECK_RUN(a_name_cannot_pass_for_another_line);
    CHECK_RUN(numbers_that_are_none_are_refused);
    CHECK_RUN(the_innermost_unit_of_a_group_is_told);
    CHECK_RUN(a_process_is_told_while_it_lives_and_as_a_zombie_without_its_program);
    CHECK_RUN(a_number_that_names_another_by_now_tells_nothing);
    CHECK_RUN(a_burst_by_one_process_costs_one_look);
    CHECK_RUN(nobody_is_told_where_nobody_is_known);
    return check_result();
}
