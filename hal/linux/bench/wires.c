#include "hal/linux/bench/wires.h"

#include "hal/host/tty.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAUD 115200

/* Links the far end's place to `name`, in place of what an earlier bench left. */
static int
link_far_end(int near_end, const char *name)
{
    char place[PATH_MAX];

    if (grantpt(near_end) != 0 || unlockpt(near_end) != 0) {
        return -errno;
    }
    int error = ptsname_r(near_end, place, sizeof place);
    if (error != 0) {
        return -error;
    }
    int far_end = open(place, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (far_end < 0) {
        return -errno;
    }
    int result = hal_tty_raw(far_end, BAUD, "8n1");
    if (result < 0) {
        (void)close(far_end);
        return result;
    }
    (void)unlink(name);
    return symlink(place, name) == 0 ? 0 : -errno;
}

int
wires_pty(const char *name)
{
    int near_end = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

    if (near_end < 0) {
        return -errno;
    }
    int result = link_far_end(near_end, name);
    if (result < 0) {
        (void)close(near_end);
        return result;
    }
    return near_end;
}

/* Under another name first: who waits for the file never finds half of it. */
static int
tell_port(int fd, const char *name)
{
    struct sockaddr_in at = { 0 };
    socklen_t size = sizeof at;
    char begun[NAME_MAX];

    if (getsockname(fd, (struct sockaddr *)&at, &size) != 0) {
        return -errno;
    }
    (void)snprintf(begun, sizeof begun, "%s.new", name);
    FILE *f = fopen(begun, "we");
    if (f == NULL) {
        return -errno;
    }
    bool written = fprintf(f, "%u\n", ntohs(at.sin_port)) > 0;
    written = fclose(f) == 0 && written;
    return written && rename(begun, name) == 0 ? 0 : -EIO;
}

int
wires_listen(uint16_t port, const char *name)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -errno;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int result = bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 4) == 0 ? 0 : -errno;
    if (result == 0) {
        result = tell_port(fd, name);
    }
    if (result < 0) {
        (void)close(fd);
        return result;
    }
    return fd;
}

void
wires_remove(void)
{
    static const char *const names[] = { "server", "console", "pins", "usb" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)unlink(names[i]);
    }
}

/* Holds the terminals open until nobody holds the other end of the pipe. */
static _Noreturn void
guard(int end_of_pipe)
{
    char c;

    (void)signal(SIGHUP, SIG_IGN);
    while (read(end_of_pipe, &c, 1) != 0) {
    }
    wires_remove();
    _exit(0);
}

int
wires_guard(void)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -errno;
    }
    pid_t between = fork();
    if (between < 0) {
        return -errno;
    }
    if (between == 0) {
        (void)close(ends[1]);
        if (setsid() < 0 || fork() != 0) {
            _exit(0);
        }
        guard(ends[0]);
    }
    (void)close(ends[0]); /* ends[1] stays open as long as we live */
    return waitpid(between, NULL, 0) == between ? 0 : -errno;
}
