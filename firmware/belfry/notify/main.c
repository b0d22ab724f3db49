#include "belfry/notify/work.h"

#include "belfry/beside.h"
#include "belfry/nobody.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void
limit(int what, rlim_t most)
{
    struct rlimit r = { .rlim_cur = most, .rlim_max = most };

    (void)setrlimit(what, &r);
}

/* Nothing of belfry's but the link and standard error. Programs that a kind runs inherit no limits of ours.
 */
static void
set_up(const struct notify_kind *kind)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    (void)close_range(BESIDE_FD + 1, ~0U, 0);
    (void)fcntl(BESIDE_FD, F_SETFD, FD_CLOEXEC);
    (void)prctl(PR_SET_NAME, notify_program);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    /* Belfry's end of the link is what ends us: signals to the whole group are not for us. */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    if (!kind->runs_programs) {
        limit(RLIMIT_CORE, 0);
        limit(RLIMIT_FSIZE, 0);
        (void)prctl(PR_SET_DUMPABLE, 0);
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    }
}

void
work_drop_root(const struct notify_kind *kind)
{
    if (kind->keeps_user) {
        return;
    }
    (void)nobody_become();
}

int
main(int argc, char **argv)
{
    const struct notify_kind *kind = argc >= 4 ? notify_kind_of(argv[2], argv[3]) : NULL;
    int type = 0;
    socklen_t len = sizeof type;

    if (kind == NULL || getsockopt(BESIDE_FD, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
            type != SOCK_SEQPACKET) {
        (void)fprintf(
                stderr, "%s: started by belfry, for its Notify, OnAlarm and Syslog lines\n", notify_program);
        return 2;
    }
    set_up(kind);
    return work_run(kind, BESIDE_FD, argv + 1);
}
