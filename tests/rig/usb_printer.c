/*
 * usb_printer DEVICE - the printer behind a USB printer gadget: standard output is its paper
 *
 * SIGUSR1: it is out of paper, says so when it is asked, and takes nothing any more. SIGUSR2: paper was put
 * in.
 */
#include <fcntl.h>
#include <linux/usb/g_printer.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static volatile sig_atomic_t empty;

static void
change_paper(int number)
{
    empty = number == SIGUSR1;
}

static bool
print(int fd)
{
    uint8_t bytes[4096];
    ssize_t n = read(fd, bytes, sizeof(bytes));

    for (ssize_t at = 0; at < n;) {
        ssize_t out = write(STDOUT_FILENO, bytes + at, (size_t)(n - at));

        if (out < 0) {
            return false;
        }
        at += out;
    }
    return n >= 0;
}

int
main(int argc, char **argv)
{
    const struct sigaction on_signal = { .sa_handler = change_paper };
    sigset_t blocked;
    sigset_t waiting;

    if (argc != 2) {
        fprintf(stderr, "usage: usb_printer DEVICE\n");
        return 2;
    }
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_BLOCK, &blocked, &waiting);
    sigaction(SIGUSR1, &on_signal, NULL);
    sigaction(SIGUSR2, &on_signal, NULL);
    struct pollfd p = { .fd = open(argv[1], O_RDWR | O_CLOEXEC) };
    if (p.fd < 0) {
        perror(argv[1]);
        return 2;
    }
    for (;;) {
        int status = PRINTER_SELECTED | (empty ? PRINTER_PAPER_EMPTY : PRINTER_NOT_ERROR);

        if (ioctl(p.fd, GADGET_SET_PRINTER_STATUS, (uint8_t)status) < 0) {
            perror("usb_printer: status");
            return 1;
        }
        p.events = empty ? 0 : POLLIN;
        if (ppoll(&p, 1, NULL, &waiting) > 0 && (p.revents & POLLIN) != 0 && !print(p.fd)) {
            perror("usb_printer");
            return 1;
        }
    }
}
