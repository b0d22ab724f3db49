#include "lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 30000
#define SAY_MS 20000
#define PATH 256
#define TOLD 65536

static char told[TOLD]; /* by the pins, all of it */
static size_t told_len;

static int64_t
now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
path_of(const struct lab *lab, const char *name, char path[PATH])
{
    (void)snprintf(path, PATH, "%s/%s", lab->directory, name);
}

static int
open_line(const struct lab *lab, const char *name)
{
    char path[PATH];

    path_of(lab, name, path);
    return open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

static int
open_pins(const struct lab *lab)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/pins", lab->directory);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        (void)close(fd);
        return -1;
    }
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static uint16_t
read_port(const struct lab *lab)
{
    char path[PATH];
    char text[16] = "";

    path_of(lab, "usb", path);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return 0;
    }
    (void)fgets(text, sizeof text, f);
    (void)fclose(f);
    return (uint16_t)strtoul(text, NULL, 10);
}

bool
lab_start(struct lab *lab, const char *image)
{
    const char *bin = getenv("TOCSIN_BIN");
    char program[PATH];
    int64_t until = now_ms() + START_MS;

    told_len = 0;
    *lab = (struct lab){ .directory = "/tmp/hal-linux-XXXXXX", .pins = -1 };
    if (bin == NULL || mkdtemp(lab->directory) == NULL) {
        return false;
    }
    (void)snprintf(program, sizeof program, "%s/%s", bin, image);
    lab->pid = fork();
    if (lab->pid == 0) {
        (void)execl(program, program, "-p", "-u", "0", lab->directory, (char *)NULL);
        _exit(127);
    }
    while (lab->pins < 0 && now_ms() < until) {
        (void)usleep(10000);
        lab->pins = open_pins(lab); /* made last: the rest is there */
    }
    lab->server = open_line(lab, "server");
    lab->console = open_line(lab, "console");
    lab->usb = read_port(lab);
    return lab->pins >= 0 && lab->server >= 0 && lab->console >= 0 && lab->usb != 0;
}

static void
remove_all(const struct lab *lab)
{
    DIR *d = opendir(lab->directory);
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        char path[PATH + 256];

        (void)snprintf(path, sizeof path, "%s/%s", lab->directory, e->d_name);
        (void)unlink(path);
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    (void)rmdir(lab->directory);
}

int
lab_stop(struct lab *lab)
{
    int status = -1;

    if (lab->pid > 1) {
        (void)kill(lab->pid, SIGTERM);
        (void)waitpid(lab->pid, &status, 0);
    }
    (void)close(lab->pins);
    (void)close(lab->server);
    (void)close(lab->console);
    remove_all(lab);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void
lab_send(int fd, const void *src, size_t len)
{
    const char *at = src;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno != EAGAIN) {
            return;
        }
        at += n < 0 ? 0 : n;
        len -= n < 0 ? 0 : (size_t)n;
        (void)poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, 1000);
    }
}

void
lab_pins(struct lab *lab, const char *line)
{
    lab_send(lab->pins, line, strlen(line));
    lab_send(lab->pins, "\n", 1);
}

bool
lab_console_says(struct lab *lab, const char *wanted)
{
    int64_t until = now_ms() + SAY_MS;
    char line[256];
    size_t len = 0;

    while (now_ms() < until) {
        char c;

        if (read(lab->console, &c, 1) != 1) {
            (void)poll(&(struct pollfd){ .fd = lab->console, .events = POLLIN }, 1, 100);
        } else if (c == '\n') {
            line[len] = '\0';
            len = 0;
            if (strcmp(line, wanted) == 0) {
                return true;
            }
        } else if (len + 1 < sizeof line) {
            line[len++] = c;
        }
    }
    return false;
}

static void
hear_pins(struct lab *lab)
{
    ssize_t n;

    while ((n = read(lab->pins, told + told_len, sizeof told - 1 - told_len)) > 0) {
        told_len += (size_t)n;
    }
    told[told_len] = '\0';
}

bool
lab_pins_say(struct lab *lab, const char *line)
{
    int64_t until = now_ms() + SAY_MS;
    char wanted[64];

    (void)snprintf(wanted, sizeof wanted, "%s\n", line);
    hear_pins(lab);
    while (strstr(told, wanted) == NULL && now_ms() < until) {
        (void)poll(&(struct pollfd){ .fd = lab->pins, .events = POLLIN }, 1, 100);
        hear_pins(lab);
    }
    return strstr(told, wanted) != NULL;
}

char
lab_pin(struct lab *lab, const char *name)
{
    char wanted[64];
    char level = 0;

    hear_pins(lab);
    int len = snprintf(wanted, sizeof wanted, "%s ", name);
    for (char *at = told; (at = strstr(at, wanted)) != NULL; at++) {
        level = at[len];
    }
    return level;
}
