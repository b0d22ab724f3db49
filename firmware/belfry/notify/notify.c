#include "belfry/notify/notify.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int
notify_start(struct notify *n, const struct conf *conf)
{
    int pair[2];

    n->fd = -1;
    n->pid = -1;
    if (conf->on_alarm[0] == '\0' && !conf->syslog) {
        return 0;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return -errno;
    }
    n->pid = fork();
    if (n->pid < 0) {
        int error = -errno;

        (void)close(pair[0]);
        (void)close(pair[1]);
        return error;
    }
    if (n->pid == 0) {
        notifier_main(pair[1], conf);
    }
    (void)close(pair[1]);
    n->fd = pair[0];
    return 0;
}

int
notify_send(struct notify *n, const struct notify_message *m)
{
    return send(n->fd, m, sizeof *m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof *m ? 0 : -errno;
}

int
notify_receive(struct notify *n, struct notify_answer *out)
{
    ssize_t got = recv(n->fd, out, sizeof *out, MSG_DONTWAIT);

    if (got == (ssize_t)sizeof *out) {
        return 1;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    return got < 0 ? -errno : -EPIPE;
}

void
notify_stop(struct notify *n)
{
    if (n->fd >= 0) {
        (void)close(n->fd);
        n->fd = -1;
    }
    if (n->pid > 0) {
        (void)waitpid(n->pid, NULL, WNOHANG);
        n->pid = -1;
    }
}
