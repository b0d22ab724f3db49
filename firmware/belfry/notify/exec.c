#include "belfry/notify/kind.h"

#include "belfry/clock.h"
#include "belfry/notify/program.h"
#include "belfry/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define JOBS 4 /* hooks that run at a time */
#define HOOK_MS 10000
#define ENVIRONMENT 20
#define VARIABLE (RECORD_DETAIL + 32)

struct job {
    struct notify_task *task; /* NULL when it is free */
    pid_t pid;
    int64_t kill_ms;
};

struct environment {
    char text[ENVIRONMENT][VARIABLE];
    char *list[ENVIRONMENT + 1];
    unsigned count;
};

static struct job jobs[JOBS];
static int children = -1; /* readable when one has ended */
static bool parting;

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
describe(struct environment *e, const struct notice *n)
{
    const struct alarm *a = &n->alarm;
    char text[64];

    memset(e, 0, sizeof *e);
    put(e, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    put(e, "LC_ALL", "C");
    put_number(e, "BELFRY_ID", a->id);
    put_number(e, "BELFRY_SEQ", n->seq);
    put(e, "BELFRY_STATE", n->closed ? "closed" : "open");
    put(e, "BELFRY_HOST", a->host[0] != '\0' ? a->host : "-");
    put(e, "BELFRY_SEVERITY", wire_severity_name(a->severity));
    put(e, "BELFRY_CODE", a->code);
    put(e, "BELFRY_SUBJECT", a->subject);
    put(e, "BELFRY_DETAIL", a->detail);
    put(e, "BELFRY_LINE", a->line);
    put(e, "BELFRY_VERDICT", a->verdict);
    put_number(e, "BELFRY_COUNT", a->count);
    put(e, "BELFRY_TIME", text_time(n->closed ? a->closed_ms : a->opened_ms, text));
    put(e, "BELFRY_OPENED", text_time(a->opened_ms, text));
    put(e, "BELFRY_NUMBER", notify_number(a, text));
}

static pid_t
start_hook(const struct notice *n)
{
    static struct environment env;
    char path[CONF_PATH];
    char *argv[] = { path, NULL };

    (void)snprintf(path, sizeof path, "%s", notify_place());
    describe(&env, n);
    return program_start(argv, env.list, -1);
}

/* Belfry tries again later, and people should not have to wait for that to learn of it. */
static void
failed(struct notify_task *t, const char *why)
{
    notify_failed(t, why);
    notify_state("%s", why);
}

static void
job_ended(struct job *j, int status)
{
    struct notify_task *t = j->task;
    char why[NOTIFY_WHY];

    j->task = NULL;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        notify_told(t);
        notify_state("%s", "");
        return;
    }
    (void)snprintf(why, sizeof why,
            WIFEXITED(status) ? "the program's exit status is %d" : "the program was killed by signal %d",
            WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    failed(t, why);
}

static void
reap(void)
{
    int status;
    pid_t pid;

    while ((pid = program_ended(children, &status)) > 0) {
        for (unsigned i = 0; i < JOBS; i++) {
            if (jobs[i].task != NULL && jobs[i].pid == pid) {
                job_ended(&jobs[i], status);
            }
        }
    }
}

static void
kill_late(int64_t now_ms)
{
    for (unsigned i = 0; i < JOBS; i++) {
        struct job *j = &jobs[i];

        if (j->task != NULL && now_ms >= j->kill_ms) {
            program_kill(j->pid);
            j->kill_ms = now_ms + 1000;
        }
    }
}

static void
start_what_waits(int64_t now_ms)
{
    char why[NOTIFY_WHY];

    for (unsigned i = 0; i < JOBS; i++) {
        struct notify_task *t = jobs[i].task == NULL ? notify_next_apart() : NULL;
        pid_t pid;

        if (t == NULL) {
            continue;
        }
        pid = start_hook(&t->message.of.notice);
        if (pid > 0) {
            jobs[i] = (struct job){ .task = t, .pid = pid, .kill_ms = now_ms + HOOK_MS };
        } else {
            (void)snprintf(why, sizeof why, "the program cannot be started: %s", strerror(-pid));
            failed(t, why);
        }
    }
}

static int
exec_start(void)
{
    children = program_watch();
    return children >= 0 ? 0 : children;
}

static unsigned
exec_polls(struct pollfd *p, int64_t *due_ms)
{
    p[0] = (struct pollfd){ .fd = children, .events = POLLIN };
    for (unsigned i = 0; i < JOBS; i++) {
        if (jobs[i].task != NULL && jobs[i].kill_ms < *due_ms) {
            *due_ms = jobs[i].kill_ms;
        }
    }
    return 1;
}

static void
exec_turn(const struct pollfd *p, unsigned count)
{
    int64_t now_ms = clock_ms();

    (void)p;
    (void)count;
    reap();
    kill_late(now_ms);
    if (!parting) {
        start_what_waits(now_ms);
    }
}

/* What runs is finished; nothing new is begun. */
static bool
exec_part(void)
{
    parting = true;
    for (unsigned i = 0; i < JOBS; i++) {
        if (jobs[i].task != NULL) {
            return false;
        }
    }
    return true;
}

const struct notify_kind notify_exec = {
    .name = "exec",
    .keeps_user = true,
    .runs_programs = true,
    .start = exec_start,
    .polls = exec_polls,
    .turn = exec_turn,
    .part = exec_part,
};
