/*
 * actor - does what an ordinary machine does all day, for quiet.sh
 *
 *   actor code               a pairing code
 *   actor serve PORT         a small server: listens on 127.0.0.1, or on descriptor 3 with PORT 0
 *   actor ask PORT           one connection to it
 *   actor activate PORT EXE  listens, and runs EXE serve 0 with the socket when somebody comes
 *   actor udp COUNT          so many UDP sockets on ports the kernel hands out, a hundred at a time
 *   actor tick FILE...       reads the files, looks a name up by UDP, ends
 */
#include "wire/pair.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_A_TIME 100
#define PASSED 3 /* as sd_listen_fds(3) */

static struct sockaddr_in
local(const char *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    return a;
}

static int
listening(const char *port)
{
    struct sockaddr_in a = local(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 8) != 0) {
        perror("listen");
        exit(1);
    }
    return fd;
}

static int
serve(const char *port)
{
    int fd = strcmp(port, "0") == 0 ? PASSED : listening(port);

    for (;;) {
        int client = accept(fd, NULL, NULL);

        if (client < 0) {
            return 1;
        }
        (void)!write(client, "ok\n", 3);
        close(client);
    }
}

static int
ask(const char *port)
{
    struct sockaddr_in a = local(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char answer[3];

    return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && read(fd, answer, 3) == 3 ? 0 : 1;
}

static int
activate(const char *port, char *exe)
{
    int fd = listening(port);
    fd_set set;

    FD_ZERO(&set);
    FD_SET(fd, &set);
    if (select(fd + 1, &set, NULL, NULL, NULL) != 1 || dup2(fd, PASSED) != PASSED) {
        return 1;
    }
    execl(exe, exe, "serve", "0", (char *)NULL);
    return 1;
}

static int
udp(unsigned count)
{
    struct sockaddr_in any = local("0");
    struct sockaddr_in peer = local("9");

    for (unsigned done = 0; done < count; done += AT_A_TIME) {
        int fd[AT_A_TIME];

        for (unsigned i = 0; i < AT_A_TIME; i++) {
            fd[i] = socket(AF_INET, SOCK_DGRAM, 0);
            if (bind(fd[i], (struct sockaddr *)&any, sizeof(any)) != 0) {
                return 1;
            }
            (void)!sendto(fd[i], "x", 1, 0, (struct sockaddr *)&peer, sizeof(peer));
        }
        for (unsigned i = 0; i < AT_A_TIME; i++) {
            close(fd[i]);
        }
    }
    return 0;
}

static int
tick(int argc, char **argv)
{
    char bytes[4096];

    for (int i = 0; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY);

        while (fd >= 0 && read(fd, bytes, sizeof(bytes)) > 0) {
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    return udp(AT_A_TIME);
}

static int
code(void)
{
    uint8_t random[WIRE_PAIR_RANDOM];
    char text[WIRE_PAIR_TEXT + 1];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return 1;
    }
    wire_pair_make(random, text);
    puts(text);
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "code") == 0) {
        return code();
    }
    if (argc >= 2 && strcmp(argv[1], "tick") == 0) {
        return tick(argc - 2, argv + 2);
    }
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        return serve(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "ask") == 0) {
        return ask(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "udp") == 0) {
        return udp((unsigned)strtoul(argv[2], NULL, 10));
    }
    if (argc == 4 && strcmp(argv[1], "activate") == 0) {
        return activate(argv[2], argv[3]);
    }
    return 2;
}
