#include "belfry/notify/notify.h"

#include "belfry/clock.h"
#include "belfry/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define SYSLOG_JOBS 4
#define ENVIRONMENT 20
#define VARIABLE (RECORD_DETAIL + 32)

enum job_state { JOB_WAITS, JOB_RUNS, JOB_DONE };

struct job {
    enum job_state state;
    pid_t pid;
    int64_t kill_ms;
    bool good;
};

struct task {
    bool used;
    uint64_t order;
    struct notify_message message;
    struct job hook;
    struct job log;
};

struct notifier {
    const struct conf *conf;
    int fd;
    int children; /* signalfd for SIGCHLD */
    bool closing; /* the main process is gone */
    uint64_t order;
    struct task task[NOTIFY_ROOM];
};

struct environment {
    char text[ENVIRONMENT][VARIABLE];
    char *list[ENVIRONMENT + 1];
    unsigned count;
};

static void
put(struct environment *e, const char *name, const char *value)
{
    char shown[RECORD_DETAIL];

    if (e->count == ENVIRONMENT) {
        return;
    }
    (void)text_detail(shown, sizeof shown, value, strlen(value));
    (void)snprintf(e->text[e->count], VARIABLE, "%s=%s", name, shown);
    e->list[e->count] = e->text[e->count];
    e->count++;
}

static void
put_number(struct environment *e, const char *name, int64_t value)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    put(e, name, text);
}

static void
describe(struct environment *e, const struct notify_message *m)
{
    const struct alarm *a = &m->alarm;
    char text[64];

    memset(e, 0, sizeof *e);
    put(e, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    put(e, "LC_ALL", "C");
    put_number(e, "BELFRY_ID", a->id);
    put(e, "BELFRY_STATE", m->closed ? "closed" : "open");
    put(e, "BELFRY_HOST", a->host[0] != '\0' ? a->host : "-");
    put(e, "BELFRY_SEVERITY", wire_severity_name(a->severity));
    put(e, "BELFRY_CODE", a->code);
    put(e, "BELFRY_SUBJECT", a->subject);
    put(e, "BELFRY_DETAIL", a->detail);
    put(e, "BELFRY_LINE", a->line);
    put(e, "BELFRY_VERDICT", a->verdict);
    put_number(e, "BELFRY_COUNT", a->count);
    put(e, "BELFRY_TIME", text_time(m->closed ? a->closed_ms : a->opened_ms, text));
    put(e, "BELFRY_OPENED", text_time(a->opened_ms, text));
    (void)snprintf(text, sizeof text, "%u-%s.%u", a->session, a->nonce, a->number);
    put(e, "BELFRY_NUMBER", a->nonce[0] != '\0' ? text : "-");
}

/* The program gets no signal settings, descriptors or environment of ours; a group of its own, to be killed
 * as one. */
static pid_t
start_hook(const char *program, const struct notify_message *m)
{
    static struct environment env;
    char path[CONF_PATH];
    char *argv[] = { path, NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t all;
    sigset_t none;
    pid_t pid = -1;

    (void)snprintf(path, sizeof path, "%s", program);
    describe(&env, m);
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    if (posix_spawn_file_actions_init(&files) != 0) {
        return -1;
    }
    if (posix_spawnattr_init(&attr) != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return -1;
    }
    (void)posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    /* Standard output carries events: what a hook prints goes with the errors. */
    (void)posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    (void)posix_spawnattr_setflags(
            &attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    (void)posix_spawnattr_setsigdefault(&attr, &all);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    if (posix_spawn(&pid, path, &files, &attr, argv, env.list) != 0) {
        pid = -1;
    }
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&files);
    return pid;
}

/* syslog(3) waits for a log daemon that does not read: each message is a process that can be killed. */
static pid_t
start_log(int facility, const struct notify_message *m)
{
    const struct alarm *a = &m->alarm;
    pid_t pid = fork();
    char detail[RECORD_DETAIL];

    if (pid != 0) {
        return pid;
    }
    (void)setpgid(0, 0);
    (void)text_detail(detail, sizeof detail, a->detail, strlen(a->detail));
    openlog("belfry", LOG_PID, facility);
    syslog((int)a->severity, "alarm %lld %s: %s %s %s %s", (long long)a->id, m->closed ? "closed" : "open",
            a->host[0] != '\0' ? a->host : "-", wire_severity_name(a->severity), a->code, detail);
    _exit(0);
}

static unsigned
running(const struct notifier *n, bool hooks)
{
    unsigned count = 0;

    for (unsigned i = 0; i < NOTIFY_ROOM; i++) {
        const struct task *t = &n->task[i];

        count += t->used && (hooks ? &t->hook : &t->log)->state == JOB_RUNS;
    }
    return count;
}

static void
started(struct job *j, pid_t pid)
{
    j->state = pid > 0 ? JOB_RUNS : JOB_DONE;
    j->pid = pid;
    j->good = false;
    j->kill_ms = clock_ms() + NOTIFY_HOOK_MS;
}

/* The oldest task that waits for a hook, or for the log. */
static struct task *
oldest(struct notifier *n, bool hooks)
{
    struct task *best = NULL;

    for (unsigned i = 0; i < NOTIFY_ROOM; i++) {
        struct task *t = &n->task[i];

        if (t->used && (hooks ? &t->hook : &t->log)->state == JOB_WAITS &&
                (best == NULL || t->order < best->order)) {
            best = t;
        }
    }
    return best;
}

static void
start_what_waits(struct notifier *n)
{
    struct task *t;

    while (!n->closing && running(n, true) < NOTIFY_JOBS && (t = oldest(n, true)) != NULL) {
        started(&t->hook, start_hook(n->conf->on_alarm, &t->message));
    }
    while (running(n, false) < SYSLOG_JOBS && (t = oldest(n, false)) != NULL) {
        started(&t->log, start_log(n->conf->facility, &t->message));
    }
}

static void
accept_message(struct notifier *n, const struct notify_message *m)
{
    for (unsigned i = 0; i < NOTIFY_ROOM; i++) {
        struct task *t = &n->task[i];

        if (!t->used) {
            memset(t, 0, sizeof *t);
            t->used = true;
            t->order = n->order++;
            t->message = *m;
            t->hook.state = n->conf->on_alarm[0] != '\0' ? JOB_WAITS : JOB_DONE;
            t->hook.good = t->hook.state == JOB_DONE;
            t->log.state = n->conf->syslog ? JOB_WAITS : JOB_DONE;
            return;
        }
    }
    /* More than NOTIFY_ROOM were sent: it stays unanswered and is told again after the next start. */
}

static void
receive(struct notifier *n)
{
    struct notify_message m;
    ssize_t got;

    while ((got = recv(n->fd, &m, sizeof m, MSG_DONTWAIT)) != 0) {
        if (got < 0) {
            n->closing = errno != EAGAIN && errno != EINTR;
            return;
        }
        if (got == (ssize_t)sizeof m) {
            accept_message(n, &m);
        }
    }
    n->closing = true;
}

static void
job_ended(struct job *j, pid_t pid, int status)
{
    if (j->state == JOB_RUNS && j->pid == pid) {
        j->state = JOB_DONE;
        j->good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
}

static void
reap(struct notifier *n)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    while (read(n->children, &info, sizeof info) > 0) {
    }
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (unsigned i = 0; i < NOTIFY_ROOM; i++) {
            job_ended(&n->task[i].hook, pid, status);
            job_ended(&n->task[i].log, pid, status);
        }
    }
}

static void
kill_late(struct job *j, int64_t now_ms)
{
    if (j->state == JOB_RUNS && now_ms >= j->kill_ms) {
        (void)kill(-j->pid, SIGKILL);
        (void)kill(j->pid, SIGKILL); /* the group may not be made yet */
        j->kill_ms = now_ms + 1000;
    }
}

static void
answer_what_is_done(struct notifier *n)
{
    for (unsigned i = 0; i < NOTIFY_ROOM; i++) {
        struct task *t = &n->task[i];

        if (t->used && t->hook.state == JOB_DONE && t->log.state == JOB_DONE) {
            struct notify_answer a = {
                .id = t->message.alarm.id,
                .sequence = t->message.sequence,
                .tries = t->message.tries,
                .closed = t->message.closed,
                .told = t->hook.good,
            };

            /* A log daemon that is away is no reason to run the hook again. */
            if (send(n->fd, &a, sizeof a, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EAGAIN) {
                continue;
            }
            t->used = false;
        }
    }
}

/* How long to sleep: until the next job has to be killed, in ms; -1 when none runs. */
static int
patience(const struct notifier *n, int64_t now_ms)
{
    int64_t at = INT64_MAX;

    for (unsigned i = 0; i < NOTIFY_ROOM; i++) {
        const struct task *t = &n->task[i];

        if (t->used && t->hook.state == JOB_RUNS && t->hook.kill_ms < at) {
            at = t->hook.kill_ms;
        }
        if (t->used && t->log.state == JOB_RUNS && t->log.kill_ms < at) {
            at = t->log.kill_ms;
        }
    }
    if (at == INT64_MAX) {
        return -1;
    }
    return at <= now_ms ? 0 : (int)(at - now_ms);
}

static void
set_up(struct notifier *n)
{
    sigset_t set;

    /* Nothing of the main process but the socket and the standard descriptors. */
    if (n->fd != 3) {
        (void)dup3(n->fd, 3, O_CLOEXEC);
        n->fd = 3;
    }
    (void)close_range(4, ~0U, 0);
    (void)prctl(PR_SET_NAME, "belfry-notify");
    /* The end of the main process is the end of the socket; signals to the whole group are not for us. */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &set, NULL);
    n->children = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

_Noreturn void
notifier_main(int fd, const struct conf *conf)
{
    static struct notifier n;

    n.conf = conf;
    n.fd = fd;
    set_up(&n);
    while (!n.closing || running(&n, true) + running(&n, false) > 0) {
        struct pollfd p[2] = { { .fd = n.closing ? -1 : n.fd, .events = POLLIN },
            { .fd = n.children, .events = POLLIN } };
        int64_t now_ms;

        (void)poll(p, 2, patience(&n, clock_ms()));
        if (p[0].revents != 0) {
            receive(&n);
        }
        reap(&n);
        now_ms = clock_ms();
        for (unsigned i = 0; i < NOTIFY_ROOM; i++) {
            kill_late(&n.task[i].hook, now_ms);
            kill_late(&n.task[i].log, now_ms);
        }
        answer_what_is_done(&n);
        start_what_waits(&n);
        answer_what_is_done(&n); /* what could not be started */
    }
    _exit(0);
}
