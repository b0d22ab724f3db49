#include "belfry/keeper/start.h"

#include "belfry/out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAM "belfry-keeper"
#define AGAIN_MS 1000
#define AGAIN_MAX_MS 60000

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct keeper_line *)a)->name, ((const struct keeper_line *)b)->name);
}

/* The lines' bounds in a file of its own. Its descriptor or -errno. */
static int
write_lines(const struct conf *conf)
{
    struct keeper_line *line = calloc(conf->lines + 1, sizeof *line);
    size_t size = conf->lines * sizeof *line;
    int fd;

    if (line == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < conf->lines; i++) {
        memcpy(line[i].name, conf->line[i].name, sizeof line[i].name);
        line[i].keep = conf->line[i].options.keep;
        line[i].keep_age_s = conf->line[i].options.keep_age_s;
    }
    qsort(line, conf->lines, sizeof *line, by_name);
    fd = memfd_create("belfry-lines", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, line, size) != (ssize_t)size) {
        (void)close(fd);
        fd = -1;
        errno = ENOSPC;
    }
    free(line);
    return fd < 0 ? -errno : fd;
}

static int
send_terms(int link, const struct keeper_terms *terms, const int fd[2])
{
    union {
        char room[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = { .room = { 0 } };
    struct keeper_terms copy = *terms;
    struct iovec io = { .iov_base = &copy, .iov_len = sizeof copy };
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(c), fd, 2 * sizeof(int));
    return sendmsg(link, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof copy ? 0 : -errno;
}

static bool
runs(const struct keeper *k)
{
    return k->process.pid > 1;
}

int
keeper_start(struct keeper *k, const struct conf *conf, int dir, uint64_t floor, int64_t now_ms)
{
    static char name[] = PROGRAM;
    char *argv[] = { name, NULL };
    struct keeper_terms terms = { .floor = floor, .lines = conf->lines };
    int lines = write_lines(conf);
    int r = lines < 0 ? lines : 0;

    keeper_stop(k);
    k->begun_ms = now_ms;
    if (r == 0) {
        r = beside_start(&k->process, PROGRAM, argv, SOCK_SEQPACKET);
    }
    if (r == 0) {
        r = send_terms(k->process.fd, &terms, (int[2]){ dir, lines });
    }
    if (lines >= 0) {
        (void)close(lines);
    }
    if (r != 0) {
        keeper_stop(k);
    }
    return r;
}

void
keeper_wake(const struct keeper *k)
{
    if (runs(k)) {
        (void)send(k->process.fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

static bool
has_ended(const struct keeper *k)
{
    char byte;

    return runs(k) && recv(k->process.fd, &byte, 1, MSG_DONTWAIT) == 0;
}

void
keeper_look(struct keeper *k, const struct conf *conf, int dir, uint64_t floor, int64_t now_ms)
{
    if (has_ended(k)) {
        if (!k->process.absent) {
            out_warn("the keeper of transcripts has ended; it is started again");
        }
        keeper_stop(k);
        k->wait_ms = now_ms - k->begun_ms > AGAIN_MAX_MS || k->wait_ms == 0 ? AGAIN_MS : 2 * k->wait_ms;
        k->wait_ms = k->wait_ms < AGAIN_MAX_MS ? k->wait_ms : AGAIN_MAX_MS;
        k->start_ms = now_ms + k->wait_ms;
    }
    if (!runs(k) && now_ms >= k->start_ms && keeper_start(k, conf, dir, floor, now_ms) != 0) {
        k->start_ms = now_ms + AGAIN_MAX_MS;
    }
}

void
keeper_stop(struct keeper *k)
{
    if (runs(k)) {
        beside_stop(&k->process);
    }
    k->process.fd = -1;
    k->process.pid = -1;
}
