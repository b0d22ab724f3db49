#ifndef TESTS_SUPPORT_HELD_PORT_H
#define TESTS_SUPPORT_HELD_PORT_H
/*
 * held_port - a TCP port of 127.0.0.1 for a server that is started later
 *
 * A port that was found free and closed again may be somebody else's when the server comes. This one stays
 * bound, and does not listen, as long as the process lives: the kernel gives it to nobody who asks for any
 * port, and a server that binds it with SO_REUSEADDR, as they all do, can listen there, again and again.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

/* 0 when there is none. */
static inline uint16_t
held_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof at;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
            bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
            getsockname(fd, (struct sockaddr *)&at, &len) == 0) {
        return ntohs(at.sin_port);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return 0;
}

#endif
