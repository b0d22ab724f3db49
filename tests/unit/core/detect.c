#include "alarm/clock.h"
#include "proc/link.h"
#include "proc/role.h"
#include "support/check.h"
#include "watch/detector.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A process of detectors in which one cannot be opened. The detectors are this program's, and a second of the
 * clock passes with each turn.
 */
#define STILL_THERE 9 /* exit status after LONG_S */
#define LONG_S 300

static int error_of_open;
static time_t passed_s;

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    int error = __real_clock_gettime(clock, t);

    t->tv_sec += passed_s;
    return error;
}

static int
open_clock(const struct detector_env *env)
{
    (void)env;
    return error_of_open;
}

static int
open_well(const struct detector_env *env)
{
    (void)env;
    return 0;
}

static int
no_fds(struct pollfd *fds, int max)
{
    (void)fds;
    (void)max;
    return 0;
}

static int64_t
work(int64_t now_ms)
{
    if (++passed_s == LONG_S) {
        _exit(STILL_THERE);
    }
    return now_ms;
}

static int64_t
work_never(int64_t now_ms)
{
    (void)now_ms;
    return INT64_MAX;
}

#define WELL(what, does)                                                \
    const struct detector_ops detector_##what##_ops = {                 \
        .name = #what, .open = open_well, .fds = no_fds, .work = (does) \
    }

const struct detector_ops detector_clock_ops = {
    .name = "clock", .open = open_clock, .fds = no_fds, .work = work_never
};
WELL(system, work);
WELL(mounts, work_never);
WELL(routes, work_never);
WELL(files, work_never);
WELL(protectors, work_never);
WELL(ports, work_never);
WELL(daemons, work_never);
WELL(processes, work_never);

static void
run(int control, int link)
{
    static const struct conf conf;
    struct role_self self = { .role = ROLE_NETWATCH, .conf = &conf };
    int pulse = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    const int fds[3][2] = { { fcntl(control, F_DUPFD, 20), ROLE_FD_CONTROL },
        { fcntl(link, F_DUPFD, 20), ROLE_FD_LINK }, { fcntl(pulse, F_DUPFD, 20), ROLE_FD_PULSE } };

    for (unsigned i = 0; i < 3; i++) {
        dup2(fds[i][0], fds[i][1]);
    }
    _exit(role_detect(&self));
}

/* What was told of the clock's detector when it could be opened with `error`; the exit status. */
static int
status_after(int error, struct finding *told)
{
    int control[2] = { -1, -1 };
    int link[2] = { -1, -1 };
    int status = -1;
    struct finding f;

    CHECK(link_pair(control) == 0 && link_pair(link) == 0);
    error_of_open = error;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        run(control[1], link[1]);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    memset(told, 0, sizeof(*told));
    while (link_receive(link[0], &f, sizeof(f)) > 0) {
        if (strncmp(f.text, "check=clock", strlen("check=clock")) == 0) {
            *told = f;
        }
    }
    for (int i = 0; i < 2; i++) {
        close(control[i]);
        close(link[i]);
    }
    return WEXITSTATUS(status);
}

static void
a_detector_that_lacked_what_may_be_there_later_is_told_as_blind_and_its_process_ends(void)
{
    static const int errors[] = { EMFILE, ENFILE, ENOMEM, ENOBUFS, EAGAIN };
    struct finding told;

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        CHECK_INT(status_after(-errors[i], &told), ROLE_TRIES_AGAIN);
        CHECK_INT(told.op, FINDING_OPEN);
        CHECK(strstr(told.text, "state=blind why=") != NULL);
    }
}

static void
a_detector_that_will_never_open_is_told_as_blind_and_its_process_stays(void)
{
    struct finding told;

    CHECK_INT(status_after(-ENOSYS, &told), STILL_THERE);
    CHECK_INT(told.op, FINDING_OPEN);
}

static void
a_detector_that_opens_is_blind_no_more(void)
{
    struct finding told;

    CHECK_INT(status_after(0, &told), STILL_THERE);
    CHECK_STR(told.text, "check=clock state=blind");
    CHECK_INT(told.op, FINDING_CLOSE);
}

int
main(void)
{
    CHECK_RUN(a_detector_that_lacked_what_may_be_there_later_is_told_as_blind_and_its_process_ends);
    CHECK_RUN(a_detector_that_will_never_open_is_told_as_blind_and_its_process_stays);
    CHECK_RUN(a_detector_that_opens_is_blind_no_more);
    return check_result();
}
