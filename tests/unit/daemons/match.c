/* What makes a process a daemon's: texts as the kernel and others write them. */
#include "support/check.h"
#include "watch/daemonmatch.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void
a_unit_is_found_below_slices_only(void)
{
    static const struct {
        const char *text;
        bool in;
    } rows[] = {
        { "0::/system.slice/ssh.service\n", true },
        { "0::/system.slice/ssh.service/sub/deeper\n", true },
        { "0::/ssh.service", true },
        { "0::/system.slice/system-a.slice/ssh.service\n", true },
        { "1:name=systemd:/system.slice/ssh.service\n", true },
        { "12:cpu,cpuacct:/\n1:name=systemd:/system.slice/ssh.service\n0::/\n", true },
        { "0::/system.slice/ssh.service.d\n", false },
        { "0::/system.slice/xssh.service\n", false },
        { "0::/user.slice/user-1000.slice/user@1000.service/ssh.service\n", false },
        { "0::/a/ssh.service\n", false },
        { "0::/.slice/ssh.service\n", false },
        { "4:freezer:/system.slice/ssh.service\n", false },
        { "0::ssh.service\n", false },
        { "0::/\n", false },
        { "0::", false },
        { ":name=systemd:", false },
        { "\n\n", false },
        { "", false },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool in = daemonmatch_unit(rows[i].text, strlen(rows[i].text), "ssh.service");

        if (in != rows[i].in) {
            printf("%s", rows[i].text);
        }
        CHECK_INT(in, rows[i].in);
    }
}

static void
arguments_are_whole_words_behind_the_first(void)
{
    static const char line[] = "/usr/bin/python3\0-m\0app.server\0--port\0"
                               "80";
    static const struct {
        const char *args;
        bool there;
    } rows[] = {
        { "-m", true },
        { "-m app.server", true },
        { "app.server --port 80", true },
        { "80", true },
        { "app", false },
        { "server", false },
        { "-m  app.server", false },
        { "/usr/bin/python3", false },
        { "-m app.server --port 80 x", false },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_INT(daemonmatch_args(line, sizeof(line), rows[i].args), rows[i].there);
        CHECK_INT(daemonmatch_args(line, sizeof(line) - 1, rows[i].args), rows[i].there);
    }
    CHECK(!daemonmatch_args("", 0, "x"));
}

static void
a_pid_file_holds_one_number_and_nothing_else(void)
{
    static const struct {
        const char *text;
        int pid;
    } rows[] = { { "17\n", 17 }, { " 17", 17 }, { "17\r\n", 17 }, { "2147483647", 2147483647 },
        { "2147483648", 0 }, { "0\n", 0 }, { "-1\n", 0 }, { "17x\n", 0 }, { "17 18\n", 0 }, { "", 0 },
        { "\n", 0 }, { "x", 0 } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_INT(daemonmatch_pid(rows[i].text, strlen(rows[i].text)), rows[i].pid);
    }
}

static void
write_pid(const char *path, int pid)
{
    FILE *f = fopen(path, "w");

    CHECK(f != NULL);
    if (f != NULL) {
        fprintf(f, "%d\n", pid);
        fclose(f);
    }
}

static uint64_t
ticks_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * (uint64_t)sysconf(_SC_CLK_TCK);
}

static void
a_process_that_began_after_its_pid_file_is_not_the_one(void)
{
    char path[] = "/tmp/tocsin-pidfile-XXXXXX";
    int fd = mkstemp(path);
    const struct timespec old[2] = { { .tv_sec = time(NULL) - 60 }, { .tv_sec = time(NULL) - 60 } };

    CHECK(fd >= 0);
    write_pid(path, 17);
    daemonmatch_pidfile(3, path);
    CHECK(daemonmatch_named(3, 17, ticks_now(), true));
    CHECK(!daemonmatch_named(3, 18, ticks_now(), true));
    CHECK_INT(futimens(fd, old), 0);
    daemonmatch_pidfile(3, path);
    CHECK(!daemonmatch_named(3, 17, ticks_now(), true));
    CHECK(daemonmatch_named(3, 17, ticks_now(), false)); /* the executable or unit says so besides */
    CHECK(daemonmatch_named(3, 17, ticks_now() - 65 * (uint64_t)sysconf(_SC_CLK_TCK), true));
    write_pid(path, 19);
    daemonmatch_pidfile(3, path);
    CHECK(!daemonmatch_named(3, 17, 0, true) && daemonmatch_named(3, 19, 0, true));
    unlink(path);
    daemonmatch_pidfile(3, path);
    CHECK(!daemonmatch_named(3, 19, 0, true));
    CHECK_INT(mkfifo(path, 0600), 0);
    daemonmatch_pidfile(3, path); /* does not wait for a writer */
    CHECK(!daemonmatch_named(3, 0, 0, true));
    unlink(path);
    close(fd);
}

int
main(void)
{
    CHECK_RUN(a_unit_is_found_below_slices_only);
    CHECK_RUN(arguments_are_whole_words_behind_the_first);
    CHECK_RUN(a_pid_file_holds_one_number_and_nothing_else);
    CHECK_RUN(a_process_that_began_after_its_pid_file_is_not_the_one);
    return check_result();
}
