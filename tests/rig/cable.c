/*
 * cable FIRST SECOND - a null-modem cable between two serial ports of a virtual machine
 *
 * Listens on two unix sockets, takes one connection on each and carries bytes both ways, no faster than a
 * line of 115200 baud does. SIGUSR1: takes nothing any more, as a peer that holds its line busy. SIGUSR2:
 * carries again. Ends when either end hangs up; prints how many bytes went from the first to the second, and
 * back.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BYTES_PER_S 11520 /* ten bits a byte */
#define BURST 64          /* what may be caught up after this process did not run */
#define TICK_NS 1000000
#define CONNECT_MS 60000

struct way {
    int from;
    int to;
    uint8_t held[BURST]; /* taken and not yet passed on */
    size_t len;
    size_t at;
    int64_t owed_us; /* time of the line that was not used yet */
    uint64_t bytes;
};

static volatile sig_atomic_t stuck;

static void
hold(int number)
{
    stuck = number == SIGUSR1;
}

static int64_t
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
listen_at(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(at.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(at.sun_path, path, strlen(path) + 1);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 1) < 0) {
        return -1;
    }
    return fd;
}

/* A machine that never starts must not leave this process behind. */
static int
plug_in(int listener)
{
    struct pollfd p = { .fd = listener, .events = POLLIN };

    if (poll(&p, 1, CONNECT_MS) != 1) {
        return -1;
    }
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    close(listener);
    return fd;
}

static size_t
allowance(struct way *w, int64_t passed_us)
{
    const int64_t most_us = (int64_t)BURST * 1000000 / BYTES_PER_S;
    size_t bytes;

    w->owed_us = w->owed_us + passed_us < most_us ? w->owed_us + passed_us : most_us;
    bytes = (size_t)(w->owed_us * BYTES_PER_S / 1000000);
    return bytes < BURST ? bytes : BURST;
}

/* False when an end hung up. */
static bool
carry(struct way *w, int64_t passed_us)
{
    size_t may = allowance(w, passed_us);

    if (w->len == 0 && may > 0) {
        ssize_t n = read(w->from, w->held, may);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            return false;
        }
        if (n > 0) {
            w->len = (size_t)n;
            w->at = 0;
            w->owed_us -= (int64_t)n * 1000000 / BYTES_PER_S;
        }
    }
    if (w->len > 0) {
        ssize_t n = send(w->to, w->held + w->at, w->len - w->at, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            w->bytes += (uint64_t)n;
            w->at += (size_t)n;
            w->len = w->at == w->len ? 0 : w->len;
        }
    }
    return true;
}

static void
carry_until_hung_up(struct way *there, struct way *back)
{
    const struct timespec tick = { .tv_nsec = TICK_NS };
    int64_t last_us = now_us();

    for (;;) {
        int64_t at_us = now_us();

        if (!stuck && (!carry(there, at_us - last_us) || !carry(back, at_us - last_us))) {
            return;
        }
        last_us = at_us;
        nanosleep(&tick, NULL);
    }
}

int
main(int argc, char **argv)
{
    const struct sigaction on_signal = { .sa_handler = hold };
    struct way there = { 0 };
    struct way back = { 0 };

    if (argc != 3) {
        fprintf(stderr, "usage: cable FIRST SECOND\n");
        return 2;
    }
    sigaction(SIGUSR1, &on_signal, NULL);
    sigaction(SIGUSR2, &on_signal, NULL);
    int first = listen_at(argv[1]);
    int second = listen_at(argv[2]);
    if (first < 0 || second < 0) {
        perror("cable: socket");
        return 2;
    }
    first = plug_in(first);
    second = first < 0 ? -1 : plug_in(second);
    if (second < 0) {
        fprintf(stderr, "cable: nothing was plugged in\n");
        return 2;
    }
    there.from = back.to = first;
    there.to = back.from = second;
    carry_until_hung_up(&there, &back);
    printf("there %llu back %llu\n", (unsigned long long)there.bytes, (unsigned long long)back.bytes);
    return 0;
}
