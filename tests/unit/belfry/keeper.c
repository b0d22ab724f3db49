/*
 * belfry's hold of its keeper. The linker leads waitpid() to the function below.
 */
#include "support/check.h"

#include "belfry/keeper/start.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMES 8

static char dir[] = "/tmp/belfry-keeper-XXXXXX";
static struct conf conf;
static bool held; /* by a disk: killed ones do not end */
static int waits; /* calls that would have lasted as long as the disk */

pid_t __real_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);

pid_t
__wrap_waitpid(pid_t pid, int *status, int options)
{
    waits += held && (options & WNOHANG) == 0;
    return held && (options & WNOHANG) != 0 ? 0 : __real_waitpid(pid, status, options);
}

static bool
is_there(pid_t pid)
{
    return kill(pid, 0) == 0;
}

static void
a_keeper_that_a_slow_disk_holds_keeps_nobody_waiting_when_it_is_replaced(void)
{
    struct keeper k = { .process = { .fd = -1, .pid = -1 } };
    pid_t was[TIMES];
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    unsigned there = 0;

    CHECK_INT(keeper_start(&k, &conf, fd, 0, 1000), 0);
    held = true;
    for (unsigned i = 0; i < TIMES; i++) {
        was[i] = k.process.pid;
        CHECK_INT(keeper_start(&k, &conf, fd, 0, 1000), 0);
        CHECK(k.process.pid > 1 && k.process.pid != was[i]);
    }
    CHECK_INT(waits, 0);
    held = false;
    for (int tries = 0; tries < 500; tries++) {
        there = 0;
        beside_reap();
        for (unsigned i = 0; i < TIMES; i++) {
            there += is_there(was[i]);
        }
        if (there == 0) {
            break;
        }
        (void)poll(NULL, 0, 10);
    }
    CHECK_INT(there, 0);
    CHECK(is_there(k.process.pid));
    keeper_stop(&k);
    (void)close(fd);
}

int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    CHECK_RUN(a_keeper_that_a_slow_disk_holds_keeps_nobody_waiting_when_it_is_replaced);
    (void)rmdir(dir);
    return check_result();
}
