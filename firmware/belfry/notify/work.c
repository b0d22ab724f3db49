#include "belfry/notify/work.h"

#include "belfry/clock.h"
#include "wire/escape.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct work {
    const struct notify_kind *kind;
    int link;
    bool parting;
    int64_t part_ms;
    uint64_t order;
    char state[NOTIFY_WHY];
    char **word; /* NAME KIND PLACE OPTION... */
    struct notify_task task[NOTIFY_TASKS];
};

static struct work work;

/* ---- for the kind */

const char *
notify_name(void)
{
    return work.word[0];
}

const char *
notify_place(void)
{
    return work.word[2];
}

const char *
notify_option_next(const char *name, const char *last)
{
    size_t len = strlen(name);
    bool behind = last == NULL;

    for (char **w = work.word + 3; *w != NULL; w++) {
        const char *value = (*w)[len] == '=' ? *w + len + 1 : *w + len;

        if (strncmp(*w, name, len) != 0 || ((*w)[len] != '=' && (*w)[len] != '\0')) {
            continue;
        }
        if (behind) {
            return value;
        }
        behind = value == last;
    }
    return NULL;
}

const char *
notify_option(const char *name)
{
    return notify_option_next(name, NULL);
}

/* Of its alarm an earlier one is taken or waits. */
static bool
follows(const struct notify_task *t)
{
    for (unsigned i = 0; i < NOTIFY_TASKS; i++) {
        const struct notify_task *o = &work.task[i];

        if (o->state != NOTIFY_FREE && o->order < t->order && o->message.what == t->message.what &&
                o->message.of.notice.alarm.id == t->message.of.notice.alarm.id) {
            return true;
        }
    }
    return false;
}

static bool
goes_before(const struct notify_task *t, const struct notify_task *o)
{
    return t->message.ahead != o->message.ahead ? t->message.ahead != 0 : t->order < o->order;
}

static struct notify_task *
oldest(bool apart)
{
    struct notify_task *best = NULL;

    for (unsigned i = 0; i < NOTIFY_TASKS; i++) {
        struct notify_task *t = &work.task[i];

        if (t->state == NOTIFY_WAITS && (best == NULL || goes_before(t, best)) && !(apart && follows(t))) {
            best = t;
        }
    }
    if (best != NULL) {
        best->state = NOTIFY_TAKEN;
    }
    return best;
}

struct notify_task *
notify_next(void)
{
    return oldest(false);
}

struct notify_task *
notify_next_apart(void)
{
    return oldest(true);
}

/* Belfry is waited for: without it there is nothing to do. One that has no more for us may still listen. */
static void
answer(const struct notify_answer *a)
{
    struct pollfd p = { .fd = work.link, .events = POLLOUT };

    while (send(work.link, a, sizeof *a, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
            (errno == EAGAIN || errno == EINTR)) {
        (void)poll(&p, 1, -1);
    }
}

static void
done(struct notify_task *t, enum notify_said said, const char *why)
{
    bool row = t->message.what == NOTIFY_LINE || t->message.what == NOTIFY_EVENT;
    struct notify_answer a = {
        .said = said, .what = t->message.what, .seq = row ? t->message.of.row.row : t->message.of.notice.seq
    };

    (void)wire_escape(a.why, sizeof a.why, why, strlen(why), WIRE_ESCAPE_TEXT);
    t->state = NOTIFY_FREE;
    if (a.seq != 0) {
        answer(&a);
    }
}

void
notify_told(struct notify_task *t)
{
    done(t, NOTIFY_TOLD, "");
}

void
notify_failed(struct notify_task *t, const char *why)
{
    done(t, NOTIFY_FAILED, why);
}

void
notify_put_back(struct notify_task *t)
{
    t->state = NOTIFY_WAITS;
}

unsigned
notify_waiting(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < NOTIFY_TASKS; i++) {
        count += work.task[i].state == NOTIFY_WAITS;
    }
    return count;
}

void
notify_state(const char *format, ...)
{
    struct notify_answer a = { .said = NOTIFY_STATE };
    char text[4 * NOTIFY_WHY];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)wire_escape(a.why, sizeof a.why, text, strlen(text), WIRE_ESCAPE_TEXT);
    if (strcmp(a.why, work.state) != 0) {
        memcpy(work.state, a.why, sizeof work.state);
        answer(&a);
    }
}

/* ---- the process */

static void
part(void)
{
    work.parting = true;
    work.part_ms = clock_ms() + NOTIFY_PART_MS;
}

static void
take(const struct notify_message *m)
{
    if (m->what == NOTIFY_STANDING) {
        if (work.kind->standing != NULL) {
            work.kind->standing(&m->of.notice);
        }
        return;
    }
    for (unsigned i = 0; i < NOTIFY_TASKS; i++) {
        struct notify_task *t = &work.task[i];

        if (t->state == NOTIFY_FREE) {
            t->state = NOTIFY_WAITS;
            t->tries = m->tries;
            t->order = work.order++;
            t->message = *m;
            return;
        }
    }
    /* More than NOTIFY_TASKS: what has seq 0. It was to be told as well as can be. */
}

static void
receive(void)
{
    static struct notify_message m;
    ssize_t got;

    while ((got = recv(work.link, &m, sizeof m, MSG_DONTWAIT)) > 0) {
        if (!notify_message_valid(&m, (size_t)got)) {
            part(); /* another version of belfry, which starts us again */
            return;
        }
        take(&m);
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        part();
    }
}

static int
patience(int64_t due_ms)
{
    int64_t now_ms = clock_ms();

    if (work.parting && work.part_ms < due_ms) {
        due_ms = work.part_ms;
    }
    if (due_ms == INT64_MAX) {
        return -1;
    }
    return due_ms <= now_ms ? 0 : due_ms - now_ms > 60000 ? 60000 : (int)(due_ms - now_ms);
}

static bool
over(void)
{
    return work.parting && (work.kind->part == NULL || work.kind->part() || clock_ms() >= work.part_ms);
}

int
work_run(const struct notify_kind *kind, int link, char **word)
{
    work.kind = kind;
    work.link = link;
    work.word = word;
    if (kind->start() != 0) {
        return 1;
    }
    work_drop_root(kind);
    while (!over()) {
        struct pollfd p[1 + NOTIFY_POLLS] = { { .fd = work.parting ? -1 : link, .events = POLLIN } };
        int64_t due_ms = INT64_MAX;
        unsigned count = kind->polls != NULL ? kind->polls(p + 1, &due_ms) : 0;

        (void)poll(p, 1 + count, patience(due_ms));
        if (p[0].revents != 0) {
            receive();
        }
        kind->turn(p + 1, count);
    }
    return 0;
}
