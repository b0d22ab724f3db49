/* Which processes are a daemon's, where the kernel does not answer. */
#include "support/check.h"
#include "watch/daemonmatch.h"
#include "watch/daemonscan.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static const char word[] = "a-word-of-this-test";
static struct conf conf;
static int proc;

static struct rlimit
allow_no_descriptor(void)
{
    struct rlimit before;

    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = { .rlim_cur = 0, .rlim_max = before.rlim_max };

    CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    return before;
}

static struct daemon_match
look_at_myself(bool *is_one)
{
    struct daemon_process process;
    struct daemon_match match;

    *is_one = daemonscan_one(proc, &conf, getpid(), &process, &match);
    return match;
}

static void
a_process_whose_arguments_cannot_be_read_may_be_the_daemon(void)
{
    bool is_one;

    conf = (struct conf){ .daemons = 1 };
    memcpy(conf.daemon[0].args, word, sizeof(word));
    struct daemon_match match = look_at_myself(&is_one);

    CHECK(is_one && match.runs == 1 && match.hidden == 0);
    struct rlimit before = allow_no_descriptor();

    match = look_at_myself(&is_one);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK(is_one && match.runs == 0 && match.hidden == 1);
}

static void
a_process_that_is_gone_is_nobodys(void)
{
    struct daemon_process process;
    struct daemon_match match;

    CHECK(!daemonscan_one(proc, &conf, INT32_MAX, &process, &match));
}

static void
a_pid_file_that_could_not_be_read_is_read_again(void)
{
    char path[] = "/tmp/tocsin-pidfile-XXXXXX";
    int fd = mkstemp(path);
    bool is_one;

    CHECK(fd >= 0);
    dprintf(fd, "%d\n", getpid());
    close(fd);
    usleep(200000); /* then one reading is enough */
    conf = (struct conf){ .daemons = 1 };
    memcpy(conf.daemon[0].pidfile, path, sizeof(path));
    struct rlimit before = allow_no_descriptor();

    daemonscan_pidfiles(&conf);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK(daemonmatch_unread(0));
    struct daemon_match match = look_at_myself(&is_one);
    CHECK(is_one && match.runs == 0 && match.hidden == 1);

    daemonscan_pidfiles(&conf);
    CHECK(!daemonmatch_unread(0));
    CHECK(daemonmatch_named(0, getpid(), 0, false));
    unlink(path);
    daemonscan_pidfiles(&conf);
    CHECK(!daemonmatch_unread(0));
    CHECK(!daemonmatch_named(0, getpid(), 0, false));
}

int
main(int argc, char **argv)
{
    if (argc == 1) { /* again, with an argument to be known by */
        execl("/proc/self/exe", argv[0], word, (char *)NULL);
        return EXIT_FAILURE;
    }
    proc = procfs_open();
    CHECK(proc >= 0);
    CHECK_RUN(a_process_whose_arguments_cannot_be_read_may_be_the_daemon);
    CHECK_RUN(a_process_that_is_gone_is_nobodys);
    CHECK_RUN(a_pid_file_that_could_not_be_read_is_read_again);
    return check_result();
}
