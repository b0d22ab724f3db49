#include "belfry/run.h"

#include "belfry/beside.h"
#include "belfry/clock.h"
#include "belfry/events.h"
#include "belfry/pages.h"
#include "belfry/state.h"
#include "belfry/text.h"
#include "belfry/transcript/share.h"
#include "wire/escape.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SECOND_MS 1000
#define SETTLE_MS 5000   /* a line that is quiet for so long has finished what it began */
#define TICK_MS 250      /* judges are looked at so often, or when one of them is due */
#define PAUSE_MS 2000    /* a turn that took so long: we did not run, or the disk did not */
#define CATCH_UP_MS 5000 /* after one, how long what was sent meanwhile is read before silence is judged */
#define OPEN_MS 300      /* ports that open at once are open by then */
#define OPEN_EACH_MS 2
#define ERROR_FATAL 2

enum slot { SLOT_SIGNALS, SLOT_NOTIFY, SLOT_OUT, SLOT_NET, SLOT_PAGE, SLOT_LINES, SLOT_CTL };

#define SLOTS (SLOT_CTL + CTL_POLLS)

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

/* Nothing waits but what may wait for others to join it. */
static bool
may_wait(const struct run *run)
{
    return run->answers == 0 && !run->urgent;
}

static bool
may_read(const struct run *run)
{
    return run->queued < (run->locked ? RUN_QUEUE - RUN_QUEUE_ROOM : RUN_QUEUE_HIGH);
}

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A commit of more would keep a line waiting that is quiet now. */
static bool
batch_full(const struct run *run)
{
    return run->queued >= RUN_BATCH && !run->stuck;
}

/* When something has to be done that no descriptor will tell. */
static int64_t
due(const struct run *run)
{
    int64_t at = run->second_ms;

    if (run->stuck) {
        at = earlier(at, run->again_ms);
    } else if (run->queued > 0) {
        at = earlier(at, run->first_ms + RUN_COMMIT_MS);
    }
    if (run->tell_ms != INT64_MAX) {
        at = earlier(at, run->tell_ms - run->utc_us / 1000 + run->now_ms);
    }
    at = earlier(at, bench_due(&run->bench));
    at = earlier(at, transcripts_due_ms(&run->transcripts));
    return may_read(run) ? earlier(at, rota_due(&run->rota, run->now_ms)) : at;
}

static int
patience(const struct run *run)
{
    int64_t left;

    if ((waiting(run) && !run->stuck && !may_wait(run)) || (net_has_more(run) && may_read(run))) {
        return 0;
    }
    left = due(run) - run->now_ms;
    return left <= 0 ? 0 : left > TICK_MS ? TICK_MS : (int)left;
}

static void
set_polls(const struct run *run, struct pollfd *p)
{
    p[SLOT_SIGNALS] = (struct pollfd){ .fd = run->signals, .events = POLLIN };
    p[SLOT_NOTIFY] = (struct pollfd){ .fd = run->tell.fd, .events = POLLIN };
    p[SLOT_OUT] =
            (struct pollfd){ .fd = run->events && run->out.len > 0 && !run->out.is_file ? run->out.fd : -1,
                .events = POLLOUT };
    p[SLOT_NET] = (struct pollfd){ .fd = net_fd(run), .events = net_events(run) };
    p[SLOT_PAGE] = (struct pollfd){ .fd = page_fd(&run->page), .events = page_events(&run->page) };
    p[SLOT_LINES] =
            (struct pollfd){ .fd = may_read(run) ? rota_fd(&run->rota, run->now_ms) : -1, .events = POLLIN };
    ctl_polls(&run->ctl, p + SLOT_CTL);
}

/* True when there may be more to read. */
static bool
serve_line(struct run_line *rl)
{
    struct run *run = rl->run;
    size_t got = intake_serve(rl);

    if (rl->line.up) {
        rota_served(&run->rota, rl->place, line_fd(&rl->line), got, line_due(&rl->line), run->now_ms);
    } else {
        rota_down(&run->rota, rl->place, line_due(&rl->line));
    }
    look_at_clocks(run);
    return got >= ROTA_MUCH;
}

/*
 * One slice of every line that has something: first those that were quiet until now, then, in turn, those
 * that are due by the clock, until what is read has to be committed first. True when something is left to be
 * read.
 */
static bool
serve_lines(struct run *run)
{
    struct rota *rota = &run->rota;
    int64_t begun_ms = run->now_ms;
    bool more = false;

    for (unsigned i = 0; i < rota->woken; i++) {
        if (may_read(run)) {
            more = serve_line(run->line[rota->wake[i]]) || more;
        } else {
            rota->due_ms[rota->wake[i]] = begun_ms;
        }
    }
    rota->woken = 0;
    for (unsigned i = 0; i < run->lines; i++) {
        unsigned place = (rota->from + i) % run->lines;

        if (rota->due_ms[place] > begun_ms) {
            continue;
        }
        if (!may_read(run) || batch_full(run)) {
            rota->from = place;
            return true;
        }
        more = serve_line(run->line[place]) || more;
    }
    return more;
}

static void
settle_lines(struct run *run)
{
    for (unsigned i = 0; i < run->lines; i++) {
        struct run_line *rl = run->line[i];

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
    run->second_ms = (run->now_ms / SECOND_MS + 1) * SECOND_MS; /* with the looks at busy lines */
    if (run->watchdog_ms > 0 && run->watchdog_ms < SECOND_MS) {
        run->second_ms = run->now_ms + run->watchdog_ms;
    }
    beside_reap();
    dial_tick(run->now_ms);
    intake_hosts(run);
    settle_lines(run);
    for (unsigned i = 0; i < run->lines; i++) {
        intake_notices(run->line[i]);
        intake_mend(run->line[i]);
    }
    net_mend(run);
    forget_look(run);
    if (reserve_look(&run->reserve)) {
        ledger_spare(run->ledger, false);
    }
    keeper_look(&run->keeper, run->conf, run->transcripts.dir, run->transcripts.floor, run->now_ms);
    if (run->watchdog_ms > 0) {
        tell_systemd("WATCHDOG=1");
    }
}

/* Commits when the lines are drained (unless what waits may wait), or when the oldest record has waited long
 * enough. */
static void
commit_if_due(struct run *run, bool reading)
{
    bool old = run->queued > 0 && run->now_ms - run->first_ms >= RUN_COMMIT_MS;
    bool places = run->unsaved && run->now_ms - run->unsaved_ms >= RUN_SAVE_MS;

    if ((waiting(run) && ((!reading && !may_wait(run)) || old || !may_read(run) || batch_full(run))) ||
            places) {
        (void)commit_now(run);
    }
}

static void
take_signals(struct run *run)
{
    struct signalfd_siginfo info;

    while (read(run->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        run->stop = run->stop || info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
        run->reload = run->reload || info.ssi_signo == SIGHUP;
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
    (void)poll(p, SLOTS, patience(run));
    look_at_clocks(run);
    if (p[SLOT_SIGNALS].revents != 0) {
        take_signals(run);
    }
    /* Asked without having been polled, too: after a pause of ours all that waited comes before the clock's
     * verdict. */
    if (may_read(run) && rota_fd(&run->rota, run->now_ms) >= 0 &&
            (p[SLOT_LINES].fd < 0 || p[SLOT_LINES].revents != 0)) {
        rota_wake(&run->rota, run->now_ms);
    }
    reading = serve_lines(run);
    reading = net_serve(run) || reading;
    at = (struct bench_moment){ .line = "", .now_ms = run->now_ms, .utc_us = run->utc_us };
    if (may_judge(run, reading)) {
        bench_tick(&run->bench, &at);
    }
    once_a_second(run);
    intake_write(run);
    commit_if_due(run, reading);
    net_settle(run);
    tell_turn(run);
    page_serve(&run->page, p[SLOT_PAGE].revents != 0, run->now_ms);
    ctl_serve(&run->ctl, p + SLOT_CTL, run->now_ms);
    if (run->reload) {
        struct roster_change change;

        run->reload = false;
        commit_patient(run, true);
        (void)roster_reload(run, &change);
        commit_patient(run, false);
    }
    if (run->events) {
        commit_say_dropped(run);
    }
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
    (void)sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    run->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);  /* in the processes beside us; we have it from the descriptor */
    (void)signal(SIGXFSZ, SIG_IGN); /* a file size limit is a write error like a full disk */
}

/* Some for each line: what the system lets us have. */
static void
allow_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* What cannot be shared is said and no reason not to listen. */
static void
share_lines(struct run *run, int dir)
{
    const char *name = run->conf->readers;
    const struct group *group = name[0] != '\0' ? getgrnam(name) : NULL;
    int error = name[0] == '\0' ? share_with_nobody(dir)
                : group == NULL ? -ENOENT
                                : share_with(dir, group->gr_gid);
    char shown[CONF_NAME * WIRE_ESCAPE_WORST];

    if (error != 0) {
        wire_escape(shown, sizeof shown, name, strlen(name), WIRE_ESCAPE_TEXT);
        out_warn("Readers %s: %s; the group may not read all transcripts", shown,
                error == -ENOENT ? "no such group" : strerror(-error));
    }
}

static int
prepare_lines(struct run *run)
{
    int dir = state_lines(run->conf, true);
    char path[STATE_PATH];
    const char *failed;
    int error;

    if (dir < 0) {
        return fatal(state_path(run->conf, "lines", path), dir);
    }
    share_lines(run, dir);
    transcripts_init(&run->transcripts, dir, run->conf->disk_floor);
    error = roster_take(run, &failed);
    return error != 0 ? fatal(failed, error) : 0;
}

static bool
load_notices(struct run *run)
{
    static struct conf_errors errors;

    (void)notice_load(run->conf, &errors, &run->notices);
    conf_print_errors(&errors);
    return errors.count == 0;
}

/* In this order: nothing is touched before we know that we are alone and that the ledger is sound. */
static int
start(struct run *run)
{
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    int r;

    if (!load_notices(run)) {
        return ERROR_FATAL;
    }
    r = state_make(run->conf);
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
    r = tell_start(run); /* before there is a key in this process */
    if (r != 0) {
        return fatal("notifiers", r);
    }
    r = net_start(run); /* likewise */
    if (r != 0) {
        return fatal("gate", r);
    }
    r = page_start(&run->page, run->conf, answer, run, run->now_ms); /* likewise */
    if (r != 0) {
        return fatal("status page", r);
    }
    dial_start(run->conf); /* likewise */
    if (ledger_open(state_path(run->conf, "ledger.db", path), LEDGER_WRITE, true, &run->ledger, error) != 0) {
        (void)fprintf(stderr, "belfry: %s\n", error);
        return ERROR_FATAL;
    }
    reserve_open(&run->reserve, run->conf->state_dir);
    run->queue = calloc(RUN_QUEUE, sizeof *run->queue);
    if (run->queue == NULL || (run->events && out_stdout(&run->out, RUN_EVENTS_BUFFER) != 0)) {
        return fatal("start", -ENOMEM);
    }
    r = rota_init(&run->rota);
    if (r != 0) {
        return fatal("epoll", r);
    }
    allow_descriptors();
    /* What is kept of a line or a host is touched here and there: small pages hold just that. */
    (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    intake_init(run);
    run->data_version = -1;
    intake_hosts(run);
    tell_resume(run);
    tell_left(run);
    net_resume(run);
    r = prepare_lines(run);
    if (r == 0) {
        r = ctl_listen(&run->ctl, run->conf, answer, run);
        run->ctl.welcome = attach_welcome;
        r = r != 0 ? fatal(state_path(run->conf, "ctl", path), r) : 0;
    }
    return r;
}

static void
finish(struct run *run)
{
    look_at_clocks(run);
    for (unsigned i = 0; i < run->lines; i++) {
        wire_stream_flush(&run->line[i]->line.stream);
        attach_end(run->line[i]);
    }
    net_part(run);
    ledger_patience(run->ledger, LEDGER_PATIENCE_MS);
    run->again_ms = run->now_ms;
    if (!commit_now(run)) {
        (void)fprintf(stderr, "belfry: %s; lost: the last %u record%s\n", ledger_error(run->ledger),
                run->queued, text_s(run->queued));
    }
    tell_turn(run);
    for (unsigned i = 0; i < run->lines; i++) {
        line_close(&run->line[i]->line);
        transcript_close(&run->line[i]->line.transcript, run->now_ms);
        pages_give(run->line[i], sizeof *run->line[i]);
    }
    keeper_stop(&run->keeper);
    transcripts_free(&run->transcripts);
    (void)close(run->transcripts.dir);
    dial_stop();
    net_stop(run);
    page_stop(&run->page);
    ctl_shut(&run->ctl);
    tell_stop(run);
    if (run->events) {
        (void)out_flush(&run->out);
        out_close(&run->out);
    }
    bench_free(&run->bench);
    ledger_close(run->ledger);
    reserve_close(&run->reserve);
    rota_free(&run->rota);
    free(run->queue);
    notice_free(run->notices);
}

static bool
opening_ports(const struct run *run)
{
    for (unsigned i = 0; i < run->lines; i++) {
        const struct line *l = &run->line[i]->line;

        if (l->coming && l->conf->kind == CONF_SERIAL) {
            return true;
        }
    }
    return false;
}

/* Who is told READY may count on each port that opens at once. */
static void
open_lines(struct run *run)
{
    int64_t begun_ms = run->now_ms;

    do {
        for (unsigned i = 0; i < run->lines; i++) {
            if (!run->line[i]->line.up && line_due(&run->line[i]->line) <= run->now_ms) {
                (void)serve_line(run->line[i]);
            }
        }
        if (!opening_ports(run)) {
            return;
        }
        (void)poll(NULL, 0, OPEN_EACH_MS);
        look_at_clocks(run);
    } while (run->now_ms - begun_ms < OPEN_MS);
}

int
run_belfry(const struct conf *conf, const char *config, bool events)
{
    static struct run run;
    static struct pollfd polls[SLOTS];
    char text[EVENTS_TEXT];
    char count[32];
    int r;

    run.own = *conf;
    run.conf = &run.own;
    run.config = config;
    run.events = events;
    look_at_clocks(&run);
    run.started_ms = run.utc_us / 1000;
    run.unsaved_ms = run.now_ms;
    run.watchdog_ms = watchdog_interval();
    r = start(&run);
    if (r != 0) {
        return r;
    }
    ledger_patience(run.ledger, 0); /* others may hold it as long as they like */
    open_lines(&run);
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
