#ifndef TESTS_UNIT_BELFRY_RECEIVER_H
#define TESTS_UNIT_BELFRY_RECEIVER_H
/*
 * receiver - a real `belfry run --events` in a directory of its own, with one pty line "tty" and one file
 * line "log"
 */
#include "support/check.h"
#include "unit/belfry/speaker.h"

#include "belfry/ledger/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RECEIVER_TEXT (8 << 20)

struct receiver {
    char dir[64];
    const char *program;
    pid_t pid;
    uint16_t port;     /* where its gate listens, 0 for none */
    int out;           /* its standard output */
    bool hears_errors; /* what commands say on standard error comes with their output */
    size_t len;
    char *text; /* what it has printed so far */
};

static inline int64_t
test_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void
test_sleep(int ms)
{
    (void)poll(NULL, 0, ms);
}

static inline const char *
receiver_path(const struct receiver *r, const char *name)
{
    static char path[8][160];
    static unsigned turn;
    char *out = path[turn++ % 8];

    (void)snprintf(out, sizeof path[0], "%s/%s", r->dir, name);
    return out;
}

static inline void
receiver_write(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

    CHECK_INT(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

/* A new directory and configuration; `hook` is the text of a shell script, NULL for none. */
static inline void
receiver_make(struct receiver *r, const char *hook)
{
    char conf[600];

    memset(r, 0, sizeof *r);
    r->program = BELFRY;
    (void)snprintf(r->dir, sizeof r->dir, "%s", "/tmp/belfry-run-XXXXXX");
    if (mkdtemp(r->dir) == NULL) {
        abort();
    }
    r->text = malloc(RECEIVER_TEXT);
    (void)snprintf(conf, sizeof conf,
            "StateDir %s/state\nSyslog no\nLine tty pty %s/tty\nLine log file %s/log\n%s%s%s", r->dir, r->dir,
            r->dir, hook != NULL ? "OnAlarm " : "", hook != NULL ? r->dir : "",
            hook != NULL ? "/hook\n" : "");
    receiver_write(receiver_path(r, "conf"), conf, 0600);
    receiver_write(receiver_path(r, "log"), "", 0600);
    if (hook != NULL) {
        char script[1000];

        (void)snprintf(script, sizeof script, "#!/bin/sh\nD=%s\n%s\n", r->dir, hook);
        receiver_write(receiver_path(r, "hook"), script, 0700);
    }
}

/* Hooks that belfry's end found running may still write into it. */
static inline void
receiver_remove(struct receiver *r)
{
    char command[100];
    int64_t until = test_ms() + 60000;
    int status;

    (void)snprintf(command, sizeof command, "rm -rf %s 2>/dev/null", r->dir);
    while ((status = system(command)) != 0 && test_ms() < until) {
        test_sleep(50);
    }
    CHECK_INT(status, 0);
    free(r->text);
}

/* Text behind what a file of its directory has, in which %s is that directory. */
static inline void
receiver_append(const struct receiver *r, const char *file, const char *format)
{
    char text[1200];
    int fd = open(receiver_path(r, file), O_WRONLY | O_APPEND);
    int n = 0;

    text[n++] = '\n';
    for (const char *c = format; *c != '\0' && n < (int)sizeof text - 80; c++) {
        if (c[0] == '%' && c[1] == 's') {
            n += snprintf(text + n, sizeof text - (size_t)n, "%s", r->dir);
            c++;
        } else {
            text[n++] = *c;
        }
    }
    text[n++] = '\n';
    CHECK_INT(write(fd, text, (size_t)n), n);
    (void)close(fd);
}

/* More lines of its configuration, from the next start on. */
static inline void
receiver_configure(const struct receiver *r, const char *format)
{
    receiver_append(r, "conf", format);
}

/* Has it listen on the network from the next start on. */
static inline void
receiver_listens(struct receiver *r, uint16_t port)
{
    char text[60];
    int fd = open(receiver_path(r, "conf"), O_WRONLY | O_APPEND);
    int n = snprintf(text, sizeof text, "\nListen 127.0.0.1:%u\n", port);

    r->port = port;
    CHECK_INT(write(fd, text, (size_t)n), n);
    (void)close(fd);
}

/* Runs belfry with these arguments (the last is NULL), standard output to `out` (-1: /dev/null). */
static inline pid_t
receiver_spawn(const struct receiver *r, int out, const char *const *argument)
{
    const char *argv[16] = { r->program, "--config", receiver_path(r, "conf") };
    unsigned n = 3;
    pid_t pid;

    while (*argument != NULL && n < 15) {
        argv[n++] = *argument++;
    }
    pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        union {
            const char *const *in;
            char *const *out;
        } args = { .in = argv };

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(null, 0);
        (void)dup2(out >= 0 ? out : null, 1);
        if (getenv("BELFRY_TEST_STDERR") == NULL) {
            (void)dup2(r->hears_errors ? 1 : null, 2);
        }
        (void)execv(r->program, args.out);
        _exit(127);
    }
    return pid;
}

static inline int
receiver_wait(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Exit status of one command; what it printed goes to `text`, if that is not NULL. */
static inline int
receiver_command(const struct receiver *r, char *text, size_t size, ...)
{
    const char *argument[12] = { NULL };
    size_t len = 0;
    unsigned n = 0;
    va_list args;
    int pipe_fd[2];
    pid_t pid;
    ssize_t got;

    va_start(args, size);
    while (n < 11 && (argument[n] = va_arg(args, const char *)) != NULL) {
        n++;
    }
    va_end(args);
    if (pipe2(pipe_fd, O_CLOEXEC) != 0) {
        abort();
    }
    pid = receiver_spawn(r, pipe_fd[1], argument);
    (void)close(pipe_fd[1]);
    do {
        char rest[4096];

        got = text != NULL && len + 1 < size ? read(pipe_fd[0], text + len, size - 1 - len)
                                             : read(pipe_fd[0], rest, sizeof rest);
        len += got > 0 && text != NULL && len + 1 < size ? (size_t)got : 0;
    } while (got > 0);
    if (text != NULL) {
        text[len] = '\0';
    }
    (void)close(pipe_fd[0]);
    return receiver_wait(pid);
}

/* Reads what is there without waiting. */
static inline void
receiver_listen(struct receiver *r)
{
    ssize_t n;

    while (r->len + 1 < RECEIVER_TEXT &&
            (n = read(r->out, r->text + r->len, RECEIVER_TEXT - 1 - r->len)) > 0) {
        r->len += (size_t)n;
    }
    r->text[r->len] = '\0';
}

/* Waits until `want` was printed, after the first `from` bytes. */
static inline bool
receiver_hears_from(struct receiver *r, size_t from, const char *want, int ms)
{
    int64_t until = test_ms() + ms;

    do {
        receiver_listen(r);
        if (r->len > from && strstr(r->text + from, want) != NULL) {
            return true;
        }
        struct pollfd p = { .fd = r->out, .events = POLLIN };
        (void)poll(&p, 1, 5);
    } while (test_ms() < until);
    return false;
}

static inline bool
receiver_hears(struct receiver *r, const char *want, int ms)
{
    return receiver_hears_from(r, 0, want, ms);
}

static inline void
receiver_start(struct receiver *r)
{
    static const char *const argument[] = { "run", "--events", NULL };
    int pipe_fd[2];

    if (pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK) != 0) {
        abort();
    }
    (void)fcntl(pipe_fd[1], F_SETPIPE_SZ, 1 << 20);
    (void)fcntl(pipe_fd[1], F_SETFL, 0);
    r->pid = receiver_spawn(r, pipe_fd[1], argument);
    (void)close(pipe_fd[1]);
    r->out = pipe_fd[0];
    r->len = 0;
    r->text[0] = '\0';
    CHECK(receiver_hears(r, "READY\t", 10000));
}

static inline bool
receiver_is_named(pid_t pid, const char *name)
{
    char path[64];
    char comm[20] = "";
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
    f = fopen(path, "r");
    if (f != NULL) {
        comm[fread(comm, 1, sizeof comm - 1, f)] = '\0';
        (void)fclose(f);
    }
    comm[strcspn(comm, "\n")] = '\0';
    return strcmp(comm, name) == 0;
}

/* The process whose stat file this is, when `parent` started it; else -1. */
static inline pid_t
receiver_started_by(const char *stat, pid_t parent)
{
    const char *end = strrchr(stat, ')');

    /* "PID (NAME) STATE PARENT ..." */
    return end != NULL && strlen(end) > 4 && strtol(end + 4, NULL, 10) == parent
                   ? (pid_t)strtol(stat, NULL, 10)
                   : -1;
}

/* A child of `parent` whose first two arguments are these, NULL for any. -1 for none now. */
static inline pid_t
receiver_child(pid_t parent, const char *program, const char *argument)
{
    DIR *dir = opendir("/proc");
    struct dirent *e;
    pid_t found = -1;

    while (found < 0 && (e = readdir(dir)) != NULL) {
        char file[300];
        char stat[600] = "";
        char line[600] = "";
        ssize_t n = 0;
        int fd;

        (void)snprintf(file, sizeof file, "/proc/%s/stat", e->d_name);
        fd = open(file, O_RDONLY);
        if (fd >= 0) {
            n = read(fd, stat, sizeof stat - 1);
            (void)close(fd);
        }
        if (n <= 0 || receiver_started_by(stat, parent) < 0) {
            continue;
        }
        (void)snprintf(file, sizeof file, "/proc/%s/cmdline", e->d_name);
        fd = open(file, O_RDONLY);
        n = fd >= 0 ? read(fd, line, sizeof line - 1) : 0;
        (void)close(fd);
        if (n > 0 && (program == NULL || (strcmp(line, program) == 0 &&
                                                 strcmp(line + strlen(line) + 1, argument) == 0))) {
            found = receiver_started_by(stat, parent);
        }
    }
    (void)closedir(dir);
    return found;
}

/* The process that the receiver's gate is; 0 when there is none. */
static inline pid_t
receiver_gate(const struct receiver *r)
{
    char path[64];
    char text[200] = "";
    FILE *children;

    (void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)r->pid, (long)r->pid);
    children = fopen(path, "r");
    if (children != NULL) {
        text[fread(text, 1, sizeof text - 1, children)] = '\0';
        (void)fclose(children);
    }
    for (const char *at = text; *at != '\0'; at = strchr(at, ' ') + 1) {
        pid_t pid = (pid_t)strtol(at, NULL, 10);

        if (pid > 1 && receiver_is_named(pid, "belfry-gate")) {
            return pid;
        }
        if (strchr(at, ' ') == NULL) {
            break;
        }
    }
    return 0;
}

/* Ends it with a signal; the exit status, negative for a signal. All it printed is in r->text then. */
static inline int
receiver_end(struct receiver *r, int signal_number)
{
    int status;

    (void)kill(r->pid, signal_number);
    status = receiver_wait(r->pid);
    receiver_listen(r);
    (void)close(r->out);
    return status;
}

static inline void
receiver_pair(struct receiver *r, const char *host, struct speaker *s)
{
    char code[64] = "";
    int fd;

    CHECK_INT(receiver_command(r, NULL, 0, "pair", host, "--file", receiver_path(r, host), NULL), 0);
    fd = open(receiver_path(r, host), O_RDONLY);
    CHECK(read(fd, code, sizeof code - 1) > 0);
    (void)close(fd);
    code[strcspn(code, "\n")] = '\0';
    CHECK(speaker_init(s, host, code));
}

/* The writing end of the pty line, non-blocking. */
static inline int
receiver_tty(const struct receiver *r)
{
    return open(receiver_path(r, "tty"), O_WRONLY | O_NOCTTY | O_NONBLOCK);
}

/* All of it, waiting for room as long as it takes. */
static inline void
receiver_send(int fd, const void *src, size_t len)
{
    const char *at = src;
    int64_t until = test_ms() + 20000;

    while (len > 0 && test_ms() < until) {
        ssize_t n = write(fd, at, len);

        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else {
            struct pollfd p = { .fd = fd, .events = POLLOUT };

            (void)poll(&p, 1, 10);
        }
    }
    CHECK_INT(len, 0);
}

static inline void
receiver_say(int fd, struct speaker *s, enum wire_severity severity, const char *code, const char *detail)
{
    char line[SPEAKER_LINE];
    size_t n = speaker_say(s, severity, code, detail, line);

    receiver_send(fd, line, n);
}

static inline struct ledger *
receiver_ledger(const struct receiver *r)
{
    char error[LEDGER_ERROR];
    struct ledger *l = NULL;

    if (ledger_open(receiver_path(r, "state/ledger.db"), LEDGER_WRITE, true, &l, error) != 0) {
        printf("%s\n", error);
        check_failures++;
        abort();
    }
    return l;
}

#endif
