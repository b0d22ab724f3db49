#ifndef TESTS_NOTIFY_COLLECTORS_H
#define TESTS_NOTIFY_COLLECTORS_H
/*
 * collectors - real servers that alarms are told to, each a process that target.sh runs in a directory of its
 * own
 */
#include "support/held_port.h"
#include "unit/belfry/receiver.h"

struct collector {
    const char *kind;
    char dir[64];
    uint16_t port;
    pid_t pid;
};

#define HEARD_MAX (1 << 20)

static inline bool
collector_is_mail(const struct collector *c)
{
    return strcmp(c->kind, "dma") == 0;
}

/* A mail server has no process that runs on: it is there, or is not. */
static inline void
collector_there(const struct collector *c, bool there)
{
    char file[80];

    (void)snprintf(file, sizeof file, "%s/down", c->dir);
    if (there) {
        (void)unlink(file);
    } else {
        (void)close(open(file, O_WRONLY | O_CREAT, 0600));
    }
}

static inline void
collector_start(struct collector *c)
{
    char script[300];
    char port[8];

    if (collector_is_mail(c)) {
        collector_there(c, true);
        return;
    }
    (void)snprintf(script, sizeof script, "%s/tests/notify/target.sh", getenv("TOCSIN_SRC"));
    (void)snprintf(port, sizeof port, "%u", c->port);
    c->pid = fork();
    if (c->pid == 0) {
        int null = open("/dev/null", O_RDWR);

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(null, 0);
        (void)dup2(null, 1);
        if (getenv("COLLECTOR_STDERR") == NULL) {
            (void)dup2(null, 2);
        }
        (void)execl("/bin/sh", "sh", script, c->kind, c->dir, port, NULL);
        _exit(127);
    }
}

static inline void
collector_kill(struct collector *c)
{
    int status;

    if (collector_is_mail(c)) {
        collector_there(c, false);
    } else if (c->pid > 1) {
        CHECK_INT(kill(c->pid, SIGKILL), 0);
        CHECK_INT(waitpid(c->pid, &status, 0), c->pid);
        c->pid = -1;
    }
}

/* False when what it needs cannot be had here. */
static inline bool
collector_make(struct collector *c, const char *kind)
{
    char command[400];

    *c = (struct collector){ .kind = kind, .port = held_port(), .pid = -1 };
    CHECK(c->port != 0);
    (void)snprintf(c->dir, sizeof c->dir, "/tmp/belfry-target-XXXXXX");
    if (mkdtemp(c->dir) == NULL) {
        abort();
    }
    (void)snprintf(command, sizeof command, "%s/tests/notify/target.sh ready %s %s", getenv("TOCSIN_SRC"),
            kind, c->dir);
    return system(command) == 0;
}

static inline void
collector_remove(struct collector *c)
{
    char command[100];

    collector_kill(c);
    (void)snprintf(command, sizeof command, "rm -rf %s", c->dir);
    CHECK_INT(system(command), 0);
}

static inline const char *
collector_heard(const struct collector *c)
{
    static char text[HEARD_MAX];
    char file[80];
    ssize_t n = 0;
    int fd;

    (void)snprintf(file, sizeof file, "%s/heard", c->dir);
    fd = open(file, O_RDONLY);
    if (fd >= 0) {
        n = read(fd, text, sizeof text - 1);
        (void)close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* 60 s at most. */
static inline bool
collector_hears(const struct collector *c, const char *what, int most_ms)
{
    int64_t until = test_ms() + most_ms;

    while (strstr(collector_heard(c), what) == NULL) {
        if (test_ms() > until) {
            return false;
        }
        test_sleep(20);
    }
    return true;
}

static inline pid_t
notifier_of(const struct receiver *r, const char *name)
{
    return receiver_child(r->pid, "belfry-notify", name);
}

#endif
