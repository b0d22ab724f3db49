/*
 * take_console TERMINAL - takes what is written to /dev/console for this terminal (TIOCCONS), until it is
 * ended
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    int fd = argc == 2 ? open(argv[1], O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;

    if (fd < 0 || ioctl(fd, TIOCCONS) < 0) {
        (void)fprintf(stderr, "take_console: %s: %s\n", argc == 2 ? argv[1] : "TERMINAL",
                argc == 2 ? strerror(errno) : "no terminal is named");
        return 2;
    }
    for (;;) {
        pause();
    }
}
