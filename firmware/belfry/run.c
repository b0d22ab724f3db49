#include "belfry/run.h"

#include "belfry/clock.h"
#include "belfry/events.h"
#include "belfry/state.h"
#include "wire/escape.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SECOND_MS 1000
#define SETTLE_MS 5000   /* a line that is quiet for so long has finished what it began */
#define TICK_MS 250      /* judges are looked at so often, or when one of them is due */
#define PAUSE_MS 2000    /* a turn that took so long: we did not run, or the disk did not */
#define CATCH_UP_MS 5000 /* after one, how long what was sent meanwhile is read before silence is judged */
#define ERROR_FATAL 2

enum slot { SLOT_SIGNALS, SLOT_NOTIFY, SLOT_OUT, SLOT_CTL };

#define SLOT_LINES (SLOT_CTL + CTL_POLLS)

/* ---- systemd */

/* Tells systemd, if it started us so: "READY=1" and the like. */
static void
tell_systemd(const char *what)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    size_t len = path != NULL ? strlen(path) : 0;
    int fd;

    if (len == 0 || len >= sizeof at.sun_path || (path[0] != '/' && path[0] != '@')) {
        return;
    }
    memcpy(at.sun_path, path, len);
    if (path[0] == '@') {
        at.sun_path[0] = '\0';
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    (void)sendto(fd, what, strlen(what), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&at,
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    (void)close(fd);
}

static int64_t
watchdog_interval(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    long long us = text != NULL ? strtoll(text, NULL, 10) : 0;

    return us >= 2000 && us < INT64_C(86400000000) ? us / 2000 : 0;
}

/* ---- ctl */

__attribute__((format(printf, 2, 3))) static void
say(struct out *out, const char *format, ...)
{
    char text[EVENTS_TEXT];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0 && n < (int)sizeof text) {
        (void)out_put(out, text, (size_t)n);
    }
}

static void
answer_status(struct run *run, struct out *out)
{
    say(out, "belfry\t%s\t%ld\t%lld\t%llu\t%llu\t%d\n", TOCSIN_VERSION, (long)getpid(),
            (long long)run->started_ms, (unsigned long long)run->bench.unknown,
            (unsigned long long)run->bench.torn, run->stuck);
    for (unsigned i = 0; i < run->lines; i++) {
        const struct line *l = &run->line[i].line;

        say(out, "line\t%s\t%s\t%s\t%d\t%llu\t%lld\t%llu\t%llu\n", l->conf->name, l->ops->kind,
                l->up ? "up" : "lost", l->error, (unsigned long long)l->bytes, (long long)l->last_utc_ms,
                (unsigned long long)l->transcript.lost_all, (unsigned long long)line_errors(l));
    }
}

/* A small transaction of its own; what waits is committed first, so that the order of changes is kept. */
static void
answer_ack(struct run *run, const struct ctl_request *request, struct out *out)
{
    struct ledger_changes changes = { .count = 0 };
    char text[EVENTS_TEXT];
    struct alarm a;
    int r = commit_now(run) ? ledger_begin(run->ledger) : LEDGER_E_BUSY;

    if (r == 0) {
        r = ledger_ack(run->ledger, request->alarm, request->by, run->utc_us / 1000, &changes);
    }
    if (r == 0) {
        r = ledger_commit(run->ledger);
    }
    if (r != 0) {
        ledger_rollback(run->ledger);
        say(out, "error\t%s\n", r == LEDGER_E_NONE ? "no such alarm" : "the ledger cannot be written");
        return;
    }
    if (changes.count > 0) {
        run->tell_ms = 0;
        if (run->events && ledger_alarm(run->ledger, request->alarm, &a) == 0) {
            (void)out_put(&run->out, text, events_alarm(text, &a, true, run->utc_us));
        }
    }
    say(out, "ok\t%s\n", changes.count > 0 ? "closed" : "acknowledged");
}

static void
answer(void *to, const struct ctl_request *request, struct out *out)
{
    struct run *run = to;

    switch (request->what) {
    case CTL_STATUS:
        answer_status(run, out);
        break;
    case CTL_ACK:
        answer_ack(run, request, out);
        break;
    }
}

/* ---- the loop */

static void
look_at_clocks(struct run *run)
{
    run->now_ms = clock_ms();
    run->utc_us = clock_utc_us();
}

static bool
waiting(const struct run *run)
{
    return run->queued > 0 || run->answers > 0;
}

static bool
may_read(const struct run *run)
{
    return run->queued < RUN_QUEUE_HIGH;
}

static bool
has_more(const struct run *run)
{
    for (unsigned i = 0; i < run->lines; i++) {
        if (run->line[i].line.more) {
            return true;
        }
    }
    return false;
}

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When something has to be done that no descriptor will tell. */
static int64_t
due(const struct run *run)
{
    int64_t at = run->second_ms;

    if (run->stuck) {
        at = earlier(at, run->again_ms);
    }
    if (run->tell_ms != INT64_MAX) {
        at = earlier(at, run->tell_ms - run->utc_us / 1000 + run->now_ms);
    }
    at = earlier(at, bench_due(&run->bench));
    for (unsigned i = 0; i < run->lines && may_read(run); i++) {
        at = earlier(at, line_due(&run->line[i].line));
    }
    return at;
}

static int
patience(const struct run *run)
{
    int64_t left;

    if ((waiting(run) && !run->stuck) || (has_more(run) && may_read(run))) {
        return 0;
    }
    left = due(run) - run->now_ms;
    return left <= 0 ? 0 : left > TICK_MS ? TICK_MS : (int)left;
}

static void
set_polls(const struct run *run, struct pollfd *p)
{
    p[SLOT_SIGNALS] = (struct pollfd){ .fd = run->signals, .events = POLLIN };
    p[SLOT_NOTIFY] = (struct pollfd){ .fd = run->notify.fd, .events = POLLIN };
    p[SLOT_OUT] =
            (struct pollfd){ .fd = run->events && run->out.len > 0 && !run->out.is_file ? run->out.fd : -1,
                .events = POLLOUT };
    ctl_polls(&run->ctl, p + SLOT_CTL);
    for (unsigned i = 0; i < run->lines; i++) {
        p[SLOT_LINES + i] =
                (struct pollfd){ .fd = may_read(run) ? line_fd(&run->line[i].line) : -1, .events = POLLIN };
    }
}

/* One slice of every line that has something: nobody gets a second one before all had one. True if any byte
 * came. */
static bool
serve_lines(struct run *run, const struct pollfd *p)
{
    bool any = false;

    for (unsigned i = 0; i < run->lines && may_read(run); i++) {
        struct run_line *rl = &run->line[i];
        bool ready = p[SLOT_LINES + i].fd >= 0 && p[SLOT_LINES + i].revents != 0;
        uint64_t before = rl->line.bytes;

        if (ready || rl->line.more || run->now_ms >= line_due(&rl->line)) {
            intake_serve(rl, ready);
            any = any || rl->line.bytes != before;
            look_at_clocks(run);
        }
    }
    return any;
}

static void
settle_lines(struct run *run)
{
    for (unsigned i = 0; i < run->lines; i++) {
        struct run_line *rl = &run->line[i];

        if (rl->unsettled && run->now_ms - rl->fed_ms >= SETTLE_MS) {
            wire_stream_flush(&rl->line.stream);
            rl->unsettled = false;
        }
    }
}

static void
once_a_second(struct run *run)
{
    if (run->now_ms < run->second_ms) {
        return;
    }
    run->second_ms = run->now_ms + SECOND_MS;
    if (run->watchdog_ms > 0 && run->watchdog_ms < SECOND_MS) {
        run->second_ms = run->now_ms + run->watchdog_ms;
    }
    intake_hosts(run);
    settle_lines(run);
    for (unsigned i = 0; i < run->lines; i++) {
        intake_mend(&run->line[i]);
    }
    if (run->watchdog_ms > 0) {
        tell_systemd("WATCHDOG=1");
    }
}

/* Commits when the lines are drained, or when the oldest record has waited long enough. */
static void
commit_if_due(struct run *run, bool reading)
{
    bool old = run->queued > 0 && run->now_ms - run->first_ms >= RUN_COMMIT_MS;
    bool places = run->unsaved && run->now_ms - run->unsaved_ms >= RUN_SAVE_MS;

    if ((waiting(run) && (!reading || old || !may_read(run))) || places) {
        (void)commit_now(run);
    }
}

static void
take_signals(struct run *run)
{
    struct signalfd_siginfo info;

    while (read(run->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        run->stop = run->stop || info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
    }
}

/* After a pause of ours, what is missing may be waiting in the kernel: first that, but not for ever. */
static bool
may_judge(struct run *run, bool reading)
{
    bool paused = run->now_ms - run->turned_ms >= PAUSE_MS;

    run->turned_ms = run->now_ms;
    if (paused) {
        run->catch_up_ms = run->now_ms + CATCH_UP_MS;
    } else if (!reading) {
        run->catch_up_ms = 0;
    }
    return run->now_ms >= run->catch_up_ms;
}

static void
turn(struct run *run, struct pollfd *p)
{
    struct bench_moment at;
    bool reading;

    set_polls(run, p);
    (void)poll(p, SLOT_LINES + run->lines, patience(run));
    look_at_clocks(run);
    take_signals(run);
    reading = serve_lines(run, p);
    at = (struct bench_moment){ .line = "", .now_ms = run->now_ms, .utc_us = run->utc_us };
    if (may_judge(run, reading)) {
        bench_tick(&run->bench, &at);
    }
    once_a_second(run);
    commit_if_due(run, reading);
    commit_tell(run);
    ctl_serve(&run->ctl, p + SLOT_CTL, run->now_ms);
    if (run->events && out_flush(&run->out) != 0) {
        /* Whoever read our events is gone; the ledger and the alarms are not. */
        out_close(&run->out);
        run->events = false;
    }
}

/* ---- beginning and end */

static int
fatal(const char *what, int error)
{
    char shown[STATE_PATH];

    wire_escape(shown, sizeof shown, what, strlen(what), WIRE_ESCAPE_TEXT);
    (void)fprintf(stderr, "belfry: %s: %s\n", shown, strerror(-error));
    return ERROR_FATAL;
}

static void
block_signals(struct run *run)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    run->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file size limit is a write error like a full disk */
}

static int
prepare_lines(struct run *run)
{
    int dir = state_lines(run->conf, true);
    char path[STATE_PATH];

    if (dir < 0) {
        return fatal(state_path(run->conf, "lines", path), dir);
    }
    run->line = calloc(run->conf->lines, sizeof *run->line);
    if (run->line == NULL) {
        return fatal("lines", -ENOMEM);
    }
    for (unsigned i = 0; i < run->conf->lines; i++) {
        int error;

        run->line[i].run = run;
        line_init(&run->line[i].line, &run->conf->line[i], run->now_ms);
        error = intake_prepare(&run->line[i], dir);
        if (error != 0) {
            (void)close(dir);
            return fatal(run->conf->line[i].name, error);
        }
        run->lines++;
    }
    (void)close(dir);
    return 0;
}

/* In this order: nothing is touched before we know that we are alone and that the ledger is sound. */
static int
start(struct run *run)
{
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    int r = state_make(run->conf);

    if (r != 0) {
        return fatal(run->conf->state_dir, r);
    }
    run->lock = state_lock(run->conf);
    if (run->lock == -EBUSY) {
        (void)fprintf(stderr, "belfry: another belfry runs on this state directory\n");
        return ERROR_FATAL;
    }
    if (run->lock < 0) {
        return fatal(state_path(run->conf, "lock", path), run->lock);
    }
    block_signals(run);
    r = notify_start(&run->notify, run->conf); /* before there is a key in this process */
    if (r != 0) {
        return fatal("notifier", r);
    }
    if (ledger_open(state_path(run->conf, "ledger.db", path), LEDGER_WRITE, true, &run->ledger, error) != 0) {
        (void)fprintf(stderr, "belfry: %s\n", error);
        return ERROR_FATAL;
    }
    run->queue = calloc(RUN_QUEUE, sizeof *run->queue);
    if (run->queue == NULL || (run->events && out_stdout(&run->out, RUN_EVENTS_BUFFER) != 0)) {
        return fatal("start", -ENOMEM);
    }
    intake_init(run);
    run->data_version = -1;
    intake_hosts(run);
    r = prepare_lines(run);
    if (r == 0) {
        r = ctl_listen(&run->ctl, run->conf, answer, run);
        r = r != 0 ? fatal(state_path(run->conf, "ctl", path), r) : 0;
    }
    return r;
}

static void
finish(struct run *run)
{
    look_at_clocks(run);
    for (unsigned i = 0; i < run->lines; i++) {
        wire_stream_flush(&run->line[i].line.stream);
    }
    if (!commit_now(run)) {
        (void)fprintf(
                stderr, "belfry: %s; the last %u records are lost\n", ledger_error(run->ledger), run->queued);
    }
    commit_tell(run);
    for (unsigned i = 0; i < run->lines; i++) {
        line_close(&run->line[i].line);
        transcript_close(&run->line[i].line.transcript);
    }
    ctl_shut(&run->ctl);
    notify_stop(&run->notify);
    if (run->events) {
        (void)out_flush(&run->out);
        out_close(&run->out);
    }
    bench_free(&run->bench);
    ledger_close(run->ledger);
    free(run->line);
    free(run->queue);
}

int
run_belfry(const struct conf *conf, bool events)
{
    static struct run run;
    static struct pollfd polls[SLOT_LINES + CONF_LINES];
    char text[EVENTS_TEXT];
    char count[32];
    int r;

    run.conf = conf;
    run.events = events;
    look_at_clocks(&run);
    run.started_ms = run.utc_us / 1000;
    run.unsaved_ms = run.now_ms;
    run.watchdog_ms = watchdog_interval();
    r = start(&run);
    if (r != 0) {
        return r;
    }
    for (unsigned i = 0; i < run.lines; i++) {
        intake_serve(&run.line[i], false); /* opens it */
    }
    if (events) {
        (void)snprintf(count, sizeof count, "lines=%u hosts=%u", run.lines, run.bench.hosts);
        (void)out_put(&run.out, text, events_simple(text, "READY", clock_utc_us(), count));
    }
    tell_systemd("READY=1");
    look_at_clocks(&run);
    run.turned_ms = run.now_ms;
    while (!run.stop) {
        turn(&run, polls);
    }
    tell_systemd("STOPPING=1");
    finish(&run);
    return 0;
}
