/*
 * belfry-keeper - compresses and drops the rotated parts of transcripts, at low priority, beside belfry
 */
#include "belfry/beside.h"
#include "belfry/keeper/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 60000      /* age tells nobody */
#define LOOK_FLOOR_MS 1000 /* nor does a disk that fills */
#define NICE 10
#define IOPRIO_IDLE (3 << 13)
#define WHO_PROCESS 1

static struct sweep sweep;
static bool woken = true;

/* True when belfry has ended. What it said is only that there is something to do. */
static bool
over(void *to)
{
    char byte;
    ssize_t n;

    (void)to;
    do {
        n = recv(BESIDE_FD, &byte, sizeof byte, MSG_DONTWAIT);
        woken = woken || n > 0;
    } while (n > 0);
    return n == 0 || (errno != EAGAIN && errno != EINTR);
}

static bool
take_terms(struct keeper_terms *terms, int fd[2])
{
    union {
        char room[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec io = { .iov_base = terms, .iov_len = sizeof *terms };
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room
    };
    struct pollfd link = { .fd = BESIDE_FD, .events = POLLIN };
    const struct cmsghdr *c;

    (void)poll(&link, 1, -1);
    if (recvmsg(BESIDE_FD, &m, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof *terms) {
        return false;
    }
    c = CMSG_FIRSTHDR(&m);
    if (c == NULL || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(2 * sizeof(int))) {
        return false;
    }
    memcpy(fd, CMSG_DATA(c), 2 * sizeof(int));
    return true;
}

/* A keeper of an earlier belfry may still be in the middle of a part. */
static bool
be_alone(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && flock(fd, LOCK_EX) == 0;
}

static bool
take_lines(int fd, uint32_t count)
{
    size_t size = count * sizeof(struct keeper_line);
    struct keeper_line *line = count <= CONF_LINES ? calloc(count + 1, sizeof *line) : NULL;

    if (line == NULL || pread(fd, line, size, 0) != (ssize_t)size) {
        return false;
    }
    (void)close(fd);
    sweep.line = line;
    sweep.lines = count;
    return true;
}

static void
set_up(void)
{
    (void)prctl(PR_SET_NAME, "belfry-keeper");
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    /* Belfry's end of the link is what ends us: signals to the whole group are not for us. */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    (void)syscall(SYS_ioprio_set, WHO_PROCESS, 0, IOPRIO_IDLE);
}

int
main(void)
{
    struct pollfd link = { .fd = BESIDE_FD, .events = POLLIN };
    struct keeper_terms terms;
    struct sweep_result result;
    int waited_ms = 0;
    int fd[2];

    if (!take_terms(&terms, fd) || !take_lines(fd[1], terms.lines)) {
        (void)fprintf(stderr, "belfry-keeper: started by belfry, for its transcripts\n");
        return 2;
    }
    set_up();
    sweep.dir = fd[0];
    sweep.floor = terms.floor;
    sweep.stop = over;
    if (!be_alone(sweep.dir)) {
        return 2;
    }
    while (!over(NULL)) {
        if (woken || waited_ms >= LOOK_MS || sweep_is_due(&sweep)) {
            woken = false;
            waited_ms = 0;
            (void)sweep_run(&sweep, (int64_t)time(NULL), &result);
        }
        (void)poll(&link, 1, LOOK_FLOOR_MS);
        waited_ms += LOOK_FLOOR_MS;
    }
    return 0;
}
