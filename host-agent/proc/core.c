#include "proc/core.h"
#include "alarm/clock.h"
#include "proc/link.h"
#include "proc/rights.h"
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The core: findings in, sealed lines out. Knows no file, no device and no network; everything it hears is
 * one of the fixed-size messages.
 */
#define DRAIN_MS 2000          /* for the goodbye to reach the channels */
#define WARDEN_SILENT_MS 10000 /* two signs of life missing */

#define FDS (4 + CONF_CHANNELS + CORE_DETECTORS + CORE_CLIENTS)

struct core core;

/* The goodbye would be written to a file that nobody finds, and there would be no next session. */
static void
watch_session(void)
{
    session_watch(&core.session);
    if (session_unlinked(&core.session)) {
        core_self_finding("session", "unsaved", WIRE_ERRO);
    }
}

/* Told once: it is put right, or a mode that somebody has to. */
static void
tell_session(const char *what)
{
    static const char subject[] = "session";
    struct finding f;

    finding_begin(&f, FINDING_AGENT_SELF, "part", subject, sizeof(subject) - 1);
    f.op = FINDING_EVENT;
    f.severity = WIRE_CRIT;
    finding_addf(&f, "state", "changed");
    finding_addf(&f, "what", "%s", what);
    open_take(&core.open, &f);
    if (core.session.unsaved) {
        core_self_finding("session", "unsaved", WIRE_ERRO);
    }
}

/* What became of a rekey, or what a look at the session's file found. */
static void
hear_session(void)
{
    char text[WIRE_REKEY_ID + 8];

    switch (session_rekey_poll(&core.session)) {
    case SESSION_REKEY_STORED:
        snprintf(text, sizeof(text), "id=%s", core.session.rekey_id);
        core_tell(WIRE_NOTE, "agent.rekey", text, -1);
        break;
    case SESSION_REKEY_FAILED:
        core_self_finding("session", "unsaved", WIRE_ERRO);
        break;
    case SESSION_OVERWRITTEN:
        tell_session("content");
        break;
    case SESSION_EXPOSED:
        tell_session("rights");
        break;
    case SESSION_REKEY_NONE:
        break;
    }
}

static void
hear_detector(unsigned i, int64_t now_ms)
{
    union {
        struct finding finding;
        struct detector_status status;
        struct base_message base;
    } m;

    _Static_assert(sizeof(m.finding) != sizeof(m.status) && sizeof(m.base) != sizeof(m.finding) &&
                           sizeof(m.base) != sizeof(m.status),
            "the size says which it is");
    for (unsigned turn = 0; turn < CORE_MESSAGES_A_TURN; turn++) {
        ssize_t n = link_receive(core.detector[i], &m, sizeof(m));
        if (n == -EAGAIN) {
            return;
        }
        if (n <= 0) {
            close(core.detector[i]);
            core.detector[i] = -1;
            core.asked[i] = false;
            return;
        }
        if (finding_valid(&m, (size_t)n)) {
            open_take(&core.open, &m.finding);
            core_net_notice(&m.finding, now_ms);
        } else if (message_base_valid(&m, (size_t)n)) {
            core_run_base(&m.base);
        } else if (status_valid(&m, (size_t)n)) {
            status_keep(&core.status, &m.status, now_ms);
            core.asked[i] = core.asked[i] && m.status.left > 0;
        } else {
            core_self_finding("link", "garbled", WIRE_CRIT);
        }
    }
}

static void
welcome_detector(int fd)
{
    for (unsigned i = 0; i < CORE_DETECTORS; i++) {
        if (core.detector[i] < 0) {
            core.detector[i] = fd;
            core.asked[i] = false;
            core_net_introduce(fd);
            core_wires_introduce(fd);
            return;
        }
    }
    close(fd);
}

static void
warden_finding(enum finding_op op)
{
    static const struct control_message warden = {
        .kind = CONTROL_LOST, .role = ROLE_WARDEN, .how = LOST_HUNG
    };

    core_process_finding(&warden, op == FINDING_OPEN);
    core.warden_told = op == FINDING_OPEN;
}

static void
warden_lives(int64_t now_ms)
{
    core.warden_ms = now_ms;
    if (core.warden_told) {
        warden_finding(FINDING_CLOSE);
    }
}

/* A warden that is stopped or traced tells nobody of the others, nor starts them again. */
static void
check_warden(int64_t now_ms)
{
    if (role_was_absent(&core.turn_ms, now_ms)) {
        core.warden_ms = now_ms;
    }
    if (!core.warden_told && now_ms - core.warden_ms > WARDEN_SILENT_MS) {
        warden_finding(FINDING_OPEN);
    }
}

static void
begin_stop(bool spent, int64_t now_ms)
{
    core.stopping = true;
    core.spent = spent;
    core.stop_ms = now_ms;
    open_hurry(&core.open);
}

static void
take_control(const struct control_message *m, int passed, int64_t now_ms)
{
    warden_lives(now_ms);
    switch ((enum control_kind)m->kind) {
    case CONTROL_PEER:
        if (passed >= 0 && m->role == ROLE_WIRE && m->index < core.self->conf->channels) {
            core_wire_welcome(m->index, passed, now_ms);
        } else if (passed >= 0 && m->role == ROLE_COURIER) {
            core_net_welcome(passed, now_ms);
        } else if (passed >= 0) {
            welcome_detector(passed);
        }
        return;
    case CONTROL_LOST:
        core_process_finding(m, true);
        break;
    case CONTROL_BACK:
        core_process_finding(m, false);
        break;
    case CONTROL_RIGHTS:
        core_rights_take((enum role)m->role, m->index, (unsigned)m->value & RIGHTS_ALL);
        break;
    case CONTROL_STOP:
        begin_stop(false, now_ms);
        break;
    default:
        break;
    }
    if (passed >= 0) {
        close(passed);
    }
}

/* False when the warden is gone. */
static bool
hear_control(int64_t now_ms)
{
    struct control_message m;
    int passed;

    for (unsigned turn = 0; turn < CORE_MESSAGES_A_TURN; turn++) {
        int heard = role_hear_warden(&m, &passed);
        if (heard < 0) {
            return false;
        }
        if (heard == 0) {
            return true;
        }
        take_control(&m, passed, now_ms);
    }
    return true;
}

static void
wait_for_something(int64_t now_ms, int64_t due_ms, struct pollfd fds[FDS])
{
    struct pollfd *p = fds;

    *p++ = (struct pollfd){ .fd = ROLE_FD_CONTROL, .events = POLLIN };
    *p++ = (struct pollfd){ .fd = core_ctl_room(now_ms) ? ROLE_FD_LISTEN : -1, .events = POLLIN };
    *p++ = (struct pollfd){ .fd = core.net.fd, .events = POLLIN };
    *p++ = (struct pollfd){ .fd = core.goodbye ? -1 : session_fd(), .events = POLLIN };
    for (unsigned i = 0; i < CONF_CHANNELS; i++) {
        *p++ = (struct pollfd){ .fd = core.channel[i].fd, .events = POLLIN };
    }
    for (unsigned i = 0; i < CORE_DETECTORS; i++) {
        *p++ = (struct pollfd){ .fd = core.detector[i], .events = POLLIN };
    }
    for (unsigned i = 0; i < CORE_CLIENTS; i++) {
        *p++ = (struct pollfd){ .fd = core.client[i].fd, .events = POLLIN };
    }
    if (role_poll(fds, FDS, role_timeout(now_ms, due_ms, core.stopping ? ROLE_HURRIED_MS : ROLE_ALIVE_MS)) <
            0) {
        for (unsigned i = 0; i < FDS; i++) {
            fds[i].revents = 0;
        }
    }
}

/* False when the warden is gone. */
static bool
hear_all(const struct pollfd fds[FDS])
{
    int64_t now_ms = clock_boot_ms();
    const struct pollfd *p = fds + 4;

    if (fds[2].revents != 0 && core.net.fd >= 0) {
        core_net_hear(now_ms);
    }
    for (unsigned i = 0; i < CONF_CHANNELS; i++, p++) {
        if (p->revents != 0 && core.channel[i].fd == p->fd) {
            core_wire_hear(i, now_ms);
        }
    }
    for (unsigned i = 0; i < CORE_DETECTORS; i++, p++) {
        if (p->revents != 0) {
            hear_detector(i, now_ms);
        }
    }
    for (unsigned i = 0; i < CORE_CLIENTS; i++, p++) {
        if (p->revents != 0 && core.client[i].fd >= 0) {
            core_ctl_hear(&core.client[i], now_ms);
        }
    }
    if (fds[1].revents != 0) {
        core_ctl_welcome(now_ms);
    }
    return fds[0].revents == 0 || hear_control(now_ms);
}

static int64_t
act(int64_t now_ms)
{
    int64_t due_ms = role_alive(core.self, now_ms);

    check_warden(now_ms);
    if (!core.goodbye) {
        hear_session();
        int64_t findings_ms = core_tell_findings(now_ms);

        if (now_ms >= core.beat_ms) {
            core_tell_beat(now_ms);
            watch_session();
        }
        due_ms = findings_ms < due_ms ? findings_ms : due_ms;
        due_ms = core.beat_ms < due_ms ? core.beat_ms : due_ms;
    }
    core_net_work(now_ms, &due_ms);
    for (unsigned i = 0; i < core.self->conf->channels; i++) {
        core_wire_feed(i, now_ms, &due_ms);
        core_wire_alive(i, now_ms);
    }
    core_net_feed(now_ms, &due_ms);
    core_ctl_answer(now_ms, &due_ms);
    core_ctl_drop_old(now_ms);
    return due_ms;
}

static void
tell_stop(void)
{
    core_tell_flagged(SCHEDULE_ALWAYS, WIRE_NOTE, "agent.stop", core.spent ? "why=numbers" : "why=asked", -1);
}

/* Keys stay out of swap and core dumps. Where memory may not be locked, that is told. */
static void
protect_keys(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = (uintptr_t)&core & ~(page - 1);

    madvise((void *)from, (uintptr_t)(&core + 1) - from, MADV_DONTDUMP);
    if (mlock(&core.session, sizeof(core.session)) < 0) {
        core.self->missing |= RIGHTS_BIT(RIGHTS_MLOCK);
    }
}

static int
begin(struct role_self *self)
{
    struct session_past past;

    core.self = self;
    for (unsigned i = 0; i < CONF_CHANNELS; i++) {
        core.channel[i].fd = -1;
    }
    for (unsigned i = 0; i < CORE_DETECTORS; i++) {
        core.detector[i] = -1;
    }
    for (unsigned i = 0; i < CORE_CLIENTS; i++) {
        core.client[i].fd = -1;
    }
    open_init(&core.open, clock_boot_ms());
    schedule_init(&core.schedule, self->conf);
    core_tell_look();
    core_run_look();
    role_narrow(self);
    protect_keys();
    int error = session_begin(&core.session, ROLE_FD_LINK, self->conf->host, &past);
    if (error != 0) {
        return error;
    }
    core_wire_reserves();
    core_tell_start(&past);
    core_run_begin();
    core.warden_ms = clock_boot_ms();
    if (session_background() < 0) {
        core_self_finding("session", "unwatched", WIRE_WARN);
    }
    core_net_begin(core.warden_ms);
    core.started_ms = core.warden_ms;
    core.flood_ms = core.warden_ms - CORE_FLOOD_MS;
    core.beat_ms = clock_next_ms(core.warden_ms, (int64_t)self->conf->beat_s * 1000);
    role_seal(self);
    core_rights_take(ROLE_CORE, 0, self->missing);
    return 0;
}

static bool
all_written(int64_t now_ms)
{
    return core_wires_written(now_ms) && core_net_written();
}

static bool
stopped(int64_t now_ms)
{
    return core.stopping && (all_written(now_ms) || now_ms - core.stop_ms > DRAIN_MS);
}

/* The warden ended without a word: say so while there are wires, then end. */
static int
end_without_warden(void)
{
    struct pollfd fds[FDS];
    int64_t from_ms = clock_boot_ms();

    core.stop_ms = from_ms;
    core_tell(WIRE_CRIT, "agent.self", "proc=warden state=lost", -1);
    open_hurry(&core.open);
    for (int64_t now_ms = from_ms; !all_written(now_ms) && now_ms - from_ms < DRAIN_MS;
            now_ms = clock_boot_ms()) {
        int64_t due_ms = act(now_ms);

        wait_for_something(now_ms, due_ms < now_ms + 100 ? due_ms : now_ms + 100, fds);
        fds[0].revents = 0;
        hear_all(fds);
    }
    return 1;
}

int
role_core(struct role_self *self)
{
    struct pollfd fds[FDS];

    if (begin(self) != 0) {
        return 2;
    }
    role_tell_warden(self, CONTROL_READY);
    for (;;) {
        int64_t now_ms = clock_boot_ms();
        int64_t due_ms = act(now_ms);

        if (!core.stopping && session_spent(&core.session)) {
            begin_stop(true, now_ms);
        }
        if (core.stopping && !core.goodbye) {
            core.goodbye = true;
            core_tell_rest(now_ms);
            tell_stop();
            session_end(&core.session);
            continue;
        }
        if (stopped(now_ms)) {
            core_wires_dismiss();
            core_net_dismiss(core.stop_ms + DRAIN_MS - now_ms);
            if (!core.spent) {
                role_tell_warden(self, CONTROL_STOPPED);
            }
            return 0;
        }
        wait_for_something(now_ms, due_ms, fds);
        if (!hear_all(fds)) {
            return end_without_warden();
        }
    }
}
