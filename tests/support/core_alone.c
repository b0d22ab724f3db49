#include "support/core_alone.h"
#include "alarm/clock.h"
#include "alarm/session.h"
#include "proc/link.h"
#include "proc/role.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FDS 5
#define ALIVE_MS 4000

/* Nothing can be tested without it. */
static void
require(bool is, const char *what)
{
    if (!is) {
        perror(what);
        exit(1);
    }
}

bool
core_alone_prepare(struct core_alone *c)
{
    *c = (struct core_alone){ .dir = "/tmp/tocsin-core-XXXXXX", .control = -1, .pulse = -1 };
    if (mkdtemp(c->dir) == NULL) {
        perror("mkdtemp");
        return false;
    }
    return true;
}

void
core_alone_clean(struct core_alone *c)
{
    static const char *const names[] = { "session", "ctl" };
    char path[64];

    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", c->dir, names[i]);
        unlink(path);
    }
    require(rmdir(c->dir) == 0, c->dir);
}

/* The descriptors where a role finds them, and no others. */
static void
run_core(const struct conf *conf, const int fds[FDS])
{
    struct role_self self = { .role = ROLE_CORE, .conf = conf };

    for (int i = 0; i < FDS; i++) {
        int moved = fcntl(fds[i], F_DUPFD, 100);

        require(moved >= 100, "F_DUPFD");
        dup2(moved, 20 + i);
        close(moved);
    }
    for (int i = 0; i < FDS; i++) {
        dup2(20 + i, ROLE_FD_CONTROL + i);
        close(20 + i);
    }
    for (int fd = ROLE_FD_CONTROL + FDS; fd < 30; fd++) {
        close(fd);
    }
    _exit(role_core(&self));
}

static struct sockaddr_un
address_of(const struct core_alone *c)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    snprintf(at.sun_path, sizeof(at.sun_path), "%s/ctl", c->dir);
    return at;
}

static int
listener(const struct core_alone *c)
{
    struct sockaddr_un at = address_of(c);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    unlink(at.sun_path);
    require(bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 4) == 0, at.sun_path);
    return fd;
}

void
core_alone_start(struct core_alone *c, const struct conf *conf, bool writable)
{
    struct wire_key root = { .bytes = { 7 } };
    char path[64];
    int pair[2];
    int clients = listener(c);

    snprintf(path, sizeof(path), "%s/session", c->dir);
    require(session_create(path, conf->host, &root, true) == 0, path);
    int session = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    require(session >= 0, path);
    require(link_pair(pair) == 0, "link_pair");
    c->pulse = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    require(c->pulse >= 0, "timerfd");
    c->pid = fork();
    if (c->pid == 0) {
        const int fds[FDS] = { pair[1], session, session, clients, c->pulse };

        run_core(conf, fds);
    }
    require(c->pid > 0, "fork");
    close(pair[1]);
    close(session);
    close(clients);
    c->control = pair[0];
}

int
core_alone_introduce(struct core_alone *c, enum role role, unsigned index)
{
    struct control_message m = { .kind = CONTROL_PEER, .role = (uint8_t)role, .index = (uint8_t)index };
    int pair[2];

    require(link_pair(pair) == 0, "link_pair");
    require(link_send_fd(c->control, &m, sizeof(m), pair[0]) == 0, "link_send_fd");
    close(pair[0]);
    return pair[1];
}

int
core_alone_wire(struct core_alone *c, unsigned index)
{
    struct wire_message ready = { .kind = WIRE_SAYS_READY };
    int fd = core_alone_introduce(c, ROLE_WIRE, index);

    link_send(fd, &ready, sizeof(ready));
    return fd;
}

int
core_alone_client(const struct core_alone *c)
{
    struct sockaddr_un to = address_of(c);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void
core_alone_turn(struct core_alone *c)
{
    const struct control_message alive = { .kind = CONTROL_ALIVE };
    struct control_message heard;
    int64_t now_ms = clock_boot_ms();

    if (now_ms - c->alive_ms >= ALIVE_MS) {
        link_send(c->control, &alive, sizeof(alive));
        c->alive_ms = now_ms;
    }
    while (link_receive(c->control, &heard, sizeof(heard)) > 0) {
    }
}

void
core_alone_stop(struct core_alone *c)
{
    struct control_message stop = { .kind = CONTROL_STOP };

    link_send(c->control, &stop, sizeof(stop));
}

bool
core_alone_ended(struct core_alone *c, int *status)
{
    if (waitpid(c->pid, status, WNOHANG) != c->pid) {
        return false;
    }
    close(c->control);
    close(c->pulse);
    c->control = c->pulse = -1;
    return true;
}
