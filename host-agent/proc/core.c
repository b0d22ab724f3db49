#include "alarm/clock.h"
#include "alarm/open.h"
#include "alarm/schedule.h"
#include "alarm/session.h"
#include "proc/link.h"
#include "proc/role.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The core: findings in, sealed lines out. Knows no file, no device and no network; everything it hears is
 * one of the fixed-size messages.
 */
#define DETECTOR_LINKS 8
#define CLIENTS 4
#define LONGEST_WAIT_MS 1000
#define DRAIN_MS 2000 /* for the goodbye to reach the channels */
#define RING_WAIT_MS 30000
#define MESSAGES_A_TURN 64
#define FLOOD_MS 5000          /* between two lines that tell of it */
#define WARDEN_SILENT_MS 10000 /* ten signs of life missing */
#define STATUS_WAIT_MS 500     /* for the detectors to say how they are */

struct channel {
    int fd; /* -1: no wire now */
    bool credit;
    bool lost;
    int error;
    int64_t alive_ms; /* when we last said that we live */
};

struct client {
    int fd; /* -1: free */
    bool rings;
    bool asks; /* how the detectors are, and waits for their answers */
    uint32_t number;
    int64_t from_ms;
    uint8_t answered; /* a bit a channel */
};

struct core {
    struct role_self *self;
    struct session session;
    struct open_table open;
    struct schedule schedule;
    struct channel channel[CONF_CHANNELS];
    int detector[DETECTOR_LINKS];
    bool asked[DETECTOR_LINKS]; /* and has not said all yet */
    struct status_table status;
    int64_t started_ms;
    struct client client[CLIENTS];
    struct line_message reserve[CONF_CHANNELS][2]; /* for the core's end and the warden's */
    int64_t beat_ms;                               /* when the next beat is due */
    int64_t flood_ms;                              /* when agent.flood was last told */
    int64_t flood_number;                          /* its line */
    bool flooded;                                  /* told, and not yet told that it is over */
    int64_t warden_ms;                             /* when the warden was last heard */
    int64_t turn_ms;                               /* of role_was_absent() */
    bool warden_told;                              /* its silence is a finding */
    bool first; /* the line being sealed goes before all others: a beat, the start */
    bool stopping;
    bool goodbye; /* agent.stop is sealed: nothing may follow it */
    int64_t stop_ms;
};

static struct core core;

static void
keep_line(void *to, const struct session_line *line)
{
    (void)to;
    schedule_add(&core.schedule, line, core.first, clock_boot_ms());
}

static int64_t
tell(enum wire_severity severity, const char *code, const char *text, int64_t of)
{
    int64_t number = session_tell(&core.session, severity, code, text, of, keep_line, NULL);

    if (number >= 0 && severity <= WIRE_ERRO) {
        open_list_grave(&core.open, (uint32_t)number);
    }
    return number;
}

static void
tell_beat(int64_t now_ms)
{
    char text[WIRE_LINE_MAX];
    size_t room = session_room(&core.session, WIRE_INFO, "agent.beat");
    size_t len = (size_t)snprintf(
            text, sizeof(text), "next=%" PRIu32 " open=%u", core.self->conf->beat_s, open_count(&core.open));

    for (unsigned i = 0; i < core.open.graves; i++) {
        char number[16];
        size_t n = (size_t)snprintf(
                number, sizeof(number), "%s%" PRIu32, i == 0 ? " al=" : ",", core.open.grave[i]);

        if (len + n > room || len + n >= sizeof(text)) {
            break;
        }
        memcpy(text + len, number, n + 1);
        len += n;
    }
    core.first = true;
    tell(WIRE_INFO, "agent.beat", text, -1);
    core.first = false;
    core.beat_ms = now_ms + (int64_t)core.self->conf->beat_s * 1000;
}

/*
 * The end of a finding carries of=. News of one that is open do not: to a receiver that means that it is
 * over. What has no end says so, for a person has to close it.
 */
static void
tell_entry(struct open_entry *e, int64_t now_ms)
{
    const struct finding *f = &e->finding;
    enum finding_code code = (enum finding_code)f->code;
    char text[FINDING_TEXT + 16];
    int64_t number;

    if (e->state == OPEN_CLOSED) {
        size_t len = strcspn(f->text, " ");

        snprintf(text, sizeof(text), "%.*s%s", (int)len, f->text,
                f->source == FINDING_SELF ? " state=ok" : "");
        number = tell(WIRE_NOTE, finding_code_over(code), text, e->number);
    } else {
        snprintf(text, sizeof(text), "%s%s", f->text, f->op == FINDING_EVENT ? " once=yes" : "");
        number = tell((enum wire_severity)f->severity, finding_code_name(code), text, -1);
    }
    if (number >= 0) {
        open_told(&core.open, e, (uint32_t)number, now_ms);
    }
}

/* What waits because of the rate, and what found no room at all; at last, that it is over. */
static void
tell_flood(bool over, int64_t now_ms)
{
    char text[64];
    uint32_t dropped = open_take_turned_away(&core.open) + schedule_take_dropped(&core.schedule);

    snprintf(text, sizeof(text), "part=findings n=%u dropped=%" PRIu32, core.open.waiting, dropped);
    int64_t of = over ? core.flood_number : -1;
    core.flood_number = tell(over ? WIRE_NOTE : WIRE_WARN, "agent.flood", text, of);
    core.flood_ms = now_ms;
    core.flooded = !over;
}

static int64_t
tell_findings(int64_t now_ms)
{
    struct open_entry *e;
    int64_t due_ms;

    while ((e = open_next(&core.open, now_ms, &due_ms)) != NULL) {
        tell_entry(e, now_ms);
    }
    bool held_back = core.open.waiting > OPEN_RATE || core.open.turned_away > 0 || core.schedule.dropped > 0;
    if ((held_back || core.flooded) && now_ms - core.flood_ms >= FLOOD_MS) {
        tell_flood(!held_back, now_ms);
    }
    return due_ms;
}

static void
feed_channel(unsigned i, int64_t now_ms, int64_t *due_ms)
{
    struct channel *c = &core.channel[i];
    struct line_message m = { .kind = LINE_WRITE };
    int64_t due;

    if (c->fd < 0 || !c->credit) {
        return;
    }
    const struct session_line *line = schedule_next(&core.schedule, i, now_ms, &due);
    if (line == NULL) {
        *due_ms = due < *due_ms ? due : *due_ms;
        return;
    }
    m.number = line->number;
    m.len = line->len;
    memcpy(m.bytes, line->bytes, line->len);
    if (link_send(c->fd, &m, sizeof(m)) == 0) {
        c->credit = false;
    }
}

static void
say_alive(unsigned i, int64_t now_ms)
{
    struct channel *c = &core.channel[i];
    struct line_message m = { .kind = LINE_CORE_ALIVE };

    if (c->fd >= 0 && now_ms - c->alive_ms >= ROLE_ALIVE_MS) {
        link_send(c->fd, &m, sizeof(m));
        c->alive_ms = now_ms;
    }
}

static void
reply(struct client *client, const void *message, size_t len)
{
    if (link_send(client->fd, message, len) != 0) {
        close(client->fd);
        client->fd = -1;
    }
}

static void
answer(struct client *client, unsigned channel, enum ctl_state state, int64_t now_ms)
{
    struct ctl_reply r = { .magic = CTL_MAGIC,
        .channel = (uint8_t)channel,
        .channels = (uint8_t)core.self->conf->channels,
        .state = (uint8_t)state,
        .error = core.channel[channel].error,
        .elapsed_ms = (uint32_t)(now_ms - client->from_ms),
        .session = core.session.number,
        .number = client->rings ? client->number : core.session.tree.next,
        .open = open_count(&core.open),
        .queued = schedule_waiting(&core.schedule, channel) };

    client->answered |= (uint8_t)(1u << channel);
    reply(client, &r, sizeof(r));
}

/* `state` is CTL_WRITTEN for who waits for line `number`, CTL_LOST for all who wait for the channel. */
static void
answer_rings(unsigned channel, enum ctl_state state, uint32_t number, int64_t now_ms)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *client = &core.client[i];

        if (client->fd >= 0 && client->rings && (state == CTL_LOST || client->number == number) &&
                (client->answered & (1u << channel)) == 0) {
            answer(client, channel, state, now_ms);
        }
    }
}

static void
channel_finding(unsigned i, enum finding_op op, int error)
{
    const struct conf_channel *c = &core.self->conf->channel[i];
    struct finding f;
    char subject[CONF_SCHEME + CONF_PATH];
    int n = snprintf(subject, sizeof(subject), "%s:%s", c->scheme, c->device);

    finding_begin(&f, FINDING_CHANNEL_LOST, "ch", subject, (size_t)n);
    f.op = (uint8_t)op;
    const char *why = error != 0 ? strerror(error) : "takes nothing";
    finding_add(&f, "why", why, strlen(why));
    open_take(&core.open, &f);
}

static void
take_wire(unsigned i, const struct wire_message *m, int64_t now_ms)
{
    struct channel *c = &core.channel[i];

    switch ((enum wire_kind)m->kind) {
    case WIRE_SAYS_DONE:
        schedule_done(&core.schedule, i, m->number, now_ms);
        answer_rings(i, CTL_WRITTEN, m->number, now_ms);
        c->credit = true;
        break;
    case WIRE_SAYS_READY:
        c->credit = true;
        break;
    case WIRE_SAYS_LOST:
        c->lost = true;
        c->error = m->value;
        channel_finding(i, FINDING_OPEN, m->value);
        answer_rings(i, CTL_LOST, 0, now_ms);
        break;
    case WIRE_SAYS_BACK:
        c->lost = false;
        c->error = 0;
        channel_finding(i, FINDING_CLOSE, 0);
        break;
    case WIRE_KINDS:
        break;
    }
}

static void
hear_wire(unsigned i, int64_t now_ms)
{
    struct wire_message m;

    for (unsigned turn = 0; turn < MESSAGES_A_TURN; turn++) {
        ssize_t n = link_receive(core.channel[i].fd, &m, sizeof(m));
        if (n == -EAGAIN) {
            return;
        }
        if (n <= 0) {
            close(core.channel[i].fd);
            core.channel[i].fd = -1;
            return;
        }
        if (message_wire_valid(&m, (size_t)n)) {
            take_wire(i, &m, now_ms);
        }
    }
}

/* Something about the agent itself that stays open: "key=what state=...". */
static void
self_finding(const char *what, const char *state, enum wire_severity severity)
{
    struct finding f;

    finding_begin(&f, FINDING_AGENT_SELF, "part", what, strlen(what));
    finding_addf(&f, "state", "%s", state);
    f.severity = (uint8_t)severity;
    open_take(&core.open, &f);
}

/* The goodbye would be written to a file that nobody finds, and there would be no next session. */
static void
watch_session(void)
{
    if (session_unlinked(&core.session)) {
        self_finding("session", "unsaved", WIRE_ERRO);
    }
}

static void
hear_detector(unsigned i, int64_t now_ms)
{
    union {
        struct finding finding;
        struct detector_status status;
    } m;

    _Static_assert(sizeof(m.finding) != sizeof(m.status), "the size says which it is");
    for (unsigned turn = 0; turn < MESSAGES_A_TURN; turn++) {
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
        } else if (status_valid(&m, (size_t)n)) {
            status_keep(&core.status, &m.status, now_ms);
            core.asked[i] = core.asked[i] && m.status.left > 0;
        } else {
            self_finding("link", "garbled", WIRE_CRIT);
        }
    }
}

/* A line that a wire keeps for the time when nobody can seal any more. */
static void
seal_reserve(void *to, const struct session_line *line)
{
    struct line_message *m = to;

    m->number = line->number;
    m->len = line->len;
    memcpy(m->bytes, line->bytes, line->len);
}

static void
give_reserve(unsigned i, enum line_kind kind, const char *text)
{
    struct line_message m = { .kind = (uint8_t)kind };

    if (session_tell(&core.session, WIRE_CRIT, "agent.self", text, -1, seal_reserve, &m) >= 0) {
        core.reserve[i][kind == LINE_CORE_LOST ? 0 : 1] = m;
    }
}

/* A wire that starts (again) gets its channel's two reserve lines, used or not: copies are byte-identical. */
static void
welcome_wire(unsigned i, int fd, int64_t now_ms)
{
    struct channel *c = &core.channel[i];

    if (c->fd >= 0) {
        close(c->fd);
    }
    *c = (struct channel){ .fd = fd, .alive_ms = now_ms };
    for (unsigned k = 0; k < 2; k++) {
        link_send(fd, &core.reserve[i][k], sizeof(core.reserve[i][k]));
    }
}

static void
welcome_detector(int fd)
{
    for (unsigned i = 0; i < DETECTOR_LINKS; i++) {
        if (core.detector[i] < 0) {
            core.detector[i] = fd;
            core.asked[i] = false;
            return;
        }
    }
    close(fd);
}

static void
process_finding(const struct control_message *m, bool lost)
{
    static const char *const how[LOST_HOWS] = { "exited", "killed", "stopped", "hung" };
    struct finding f;
    char name[32];

    snprintf(name, sizeof(name), m->role == ROLE_WIRE ? "%s%u" : "%s", role_name((enum role)m->role),
            m->index);
    finding_begin(&f, FINDING_AGENT_SELF, "proc", name, strlen(name));
    f.op = lost ? FINDING_OPEN : FINDING_CLOSE;
    finding_addf(&f, "state", "%s", how[m->how]);
    finding_addf(&f, m->how == LOST_EXITED ? "status" : "sig", "%d", m->value);
    open_take(&core.open, &f);
}

static void
warden_finding(enum finding_op op)
{
    static const struct control_message warden = {
        .kind = CONTROL_LOST, .role = ROLE_WARDEN, .how = LOST_HUNG
    };

    process_finding(&warden, op == FINDING_OPEN);
    core.warden_told = op == FINDING_OPEN;
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
take_control(const struct control_message *m, int passed, int64_t now_ms)
{
    core.warden_ms = now_ms;
    if (core.warden_told) {
        warden_finding(FINDING_CLOSE);
    }
    switch ((enum control_kind)m->kind) {
    case CONTROL_PEER:
        if (passed >= 0 && m->role == ROLE_WIRE && m->index < core.self->conf->channels) {
            welcome_wire(m->index, passed, now_ms);
        } else if (passed >= 0) {
            welcome_detector(passed);
        }
        return;
    case CONTROL_LOST:
        process_finding(m, true);
        break;
    case CONTROL_BACK:
        process_finding(m, false);
        break;
    case CONTROL_STOP:
        core.stopping = true;
        core.stop_ms = now_ms;
        open_hurry(&core.open);
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

    for (unsigned turn = 0; turn < MESSAGES_A_TURN; turn++) {
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
welcome_client(int64_t now_ms)
{
    int fd = accept4(ROLE_FD_LISTEN, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    for (unsigned i = 0; i < CLIENTS && fd >= 0; i++) {
        if (core.client[i].fd < 0) {
            core.client[i] = (struct client){ .fd = fd, .from_ms = now_ms };
            return;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

static enum ctl_state
channel_state(unsigned i)
{
    if (core.channel[i].lost || core.channel[i].fd < 0) {
        return CTL_LOST;
    }
    return schedule_waiting(&core.schedule, i) > 0 ? CTL_WAITING : CTL_WRITTEN;
}

static void
answer_channels(struct client *client, bool rings, int64_t now_ms)
{
    client->answered = 0;
    client->rings = rings;
    if (rings && !core.goodbye) {
        int64_t number = tell(WIRE_WARN, "test.alarm", "by=ring", -1);
        client->number = number >= 0 ? (uint32_t)number : 0;
    }
    for (unsigned i = 0; i < core.self->conf->channels && client->fd >= 0; i++) {
        if (!rings || core.channel[i].lost) {
            answer(client, i, channel_state(i), now_ms);
        }
    }
}

static void
answer_detector(struct client *client, uint32_t from, int64_t now_ms)
{
    struct ctl_detector r = { .magic = CTL_MAGIC,
        .session = core.session.number,
        .open = open_count(&core.open),
        .now_ms = now_ms,
        .started_ms = core.started_ms };

    if (from < core.status.count) {
        r.status = core.status.entry[from].status;
        r.heard_ms = core.status.entry[from].heard_ms;
        r.next = from + 1 < core.status.count ? from + 1 : 0;
    }
    reply(client, &r, sizeof(r));
}

/* What a client at the first detector gets is from now; the rest it asks for follows at once. */
static void
ask_detectors(struct client *client)
{
    const struct ask_message m = { .magic = ASK_MAGIC };

    client->asks = true;
    for (unsigned i = 0; i < DETECTOR_LINKS; i++) {
        core.asked[i] = core.detector[i] >= 0 && link_send(core.detector[i], &m, sizeof(m)) == 0;
    }
}

static bool
all_have_said(void)
{
    for (unsigned i = 0; i < DETECTOR_LINKS; i++) {
        if (core.asked[i]) {
            return false;
        }
    }
    return true;
}

static void
answer_who_asked(int64_t now_ms, int64_t *due_ms)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *client = &core.client[i];
        int64_t until_ms = client->from_ms + STATUS_WAIT_MS;

        if (client->fd < 0 || !client->asks) {
            continue;
        }
        if (all_have_said() || now_ms >= until_ms) {
            client->asks = false;
            answer_detector(client, 0, now_ms);
        } else {
            *due_ms = until_ms < *due_ms ? until_ms : *due_ms;
        }
    }
}

static void
answer_finding(struct client *client, uint32_t from, int64_t now_ms)
{
    const struct open_entry *e = open_from(&core.open, from);
    struct ctl_finding r = { .magic = CTL_MAGIC };

    if (e != NULL) {
        unsigned place = (unsigned)(e - core.open.entry);

        r.next = open_from(&core.open, place + 1) != NULL ? place + 1 : 0;
        r.number = e->number;
        r.since_s = e->since_ms != 0 ? (uint32_t)((now_ms - e->since_ms) / 1000) : 0;
        r.code = e->finding.code;
        r.severity = e->finding.severity;
        r.told = e->since_ms != 0;
        memcpy(r.id, e->finding.id, sizeof(r.id));
        memcpy(r.text, e->finding.text, e->finding.text_len);
    }
    reply(client, &r, sizeof(r));
}

static void
take_request(struct client *client, const struct ctl_request *m, int64_t now_ms)
{
    client->from_ms = now_ms;
    client->asks = false;
    switch ((enum ctl_kind)m->kind) {
    case CTL_RING:
    case CTL_STATUS:
        answer_channels(client, m->kind == CTL_RING, now_ms);
        break;
    case CTL_DETECTOR:
        if (m->from == 0) {
            ask_detectors(client);
        } else {
            answer_detector(client, m->from, now_ms);
        }
        break;
    case CTL_FINDING:
        answer_finding(client, m->from, now_ms);
        break;
    case CTL_KINDS:
        break;
    }
}

static void
hear_client(struct client *client, int64_t now_ms)
{
    struct ctl_request m;
    ssize_t n = link_receive(client->fd, &m, sizeof(m));

    if (n == -EAGAIN) {
        return;
    }
    if (n <= 0 || !message_request_valid(&m, (size_t)n)) {
        close(client->fd);
        client->fd = -1;
        return;
    }
    take_request(client, &m, now_ms);
}

static void
drop_old_clients(int64_t now_ms)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (core.client[i].fd >= 0 && now_ms - core.client[i].from_ms > RING_WAIT_MS) {
            close(core.client[i].fd);
            core.client[i].fd = -1;
        }
    }
}

#define FDS (2 + CONF_CHANNELS + DETECTOR_LINKS + CLIENTS)

static void
wait_for_something(int64_t now_ms, int64_t due_ms, struct pollfd fds[FDS])
{
    struct pollfd *p = fds;

    *p++ = (struct pollfd){ .fd = ROLE_FD_CONTROL, .events = POLLIN };
    *p++ = (struct pollfd){ .fd = ROLE_FD_LISTEN, .events = POLLIN };
    for (unsigned i = 0; i < CONF_CHANNELS; i++) {
        *p++ = (struct pollfd){ .fd = core.channel[i].fd, .events = POLLIN };
    }
    for (unsigned i = 0; i < DETECTOR_LINKS; i++) {
        *p++ = (struct pollfd){ .fd = core.detector[i], .events = POLLIN };
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        *p++ = (struct pollfd){ .fd = core.client[i].fd, .events = POLLIN };
    }
    if (poll(fds, FDS, role_timeout(now_ms, due_ms, LONGEST_WAIT_MS)) < 0) {
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
    const struct pollfd *p = fds + 2;

    for (unsigned i = 0; i < CONF_CHANNELS; i++, p++) {
        if (p->revents != 0 && core.channel[i].fd == p->fd) {
            hear_wire(i, now_ms);
        }
    }
    for (unsigned i = 0; i < DETECTOR_LINKS; i++, p++) {
        if (p->revents != 0) {
            hear_detector(i, now_ms);
        }
    }
    for (unsigned i = 0; i < CLIENTS; i++, p++) {
        if (p->revents != 0 && core.client[i].fd >= 0) {
            hear_client(&core.client[i], now_ms);
        }
    }
    if (fds[1].revents != 0) {
        welcome_client(now_ms);
    }
    return fds[0].revents == 0 || hear_control(now_ms);
}

static int64_t
act(int64_t now_ms)
{
    int64_t due_ms = role_alive(core.self, now_ms);

    check_warden(now_ms);
    if (!core.goodbye) {
        int64_t findings_ms = tell_findings(now_ms);

        if (now_ms >= core.beat_ms) {
            tell_beat(now_ms);
            watch_session();
        }
        due_ms = findings_ms < due_ms ? findings_ms : due_ms;
        due_ms = core.beat_ms < due_ms ? core.beat_ms : due_ms;
    }
    for (unsigned i = 0; i < core.self->conf->channels; i++) {
        feed_channel(i, now_ms, &due_ms);
        say_alive(i, now_ms);
    }
    answer_who_asked(now_ms, &due_ms);
    drop_old_clients(now_ms);
    return due_ms;
}

/* The first eight digits of the kernel's boot id: tells a restart of the agent from one of the machine. */
static void
read_boot_id(char out[9])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, 8) : -1;

    out[n == 8 ? 8 : 0] = '\0';
    if (fd >= 0) {
        close(fd);
    }
}

/* What the judge at the far end reads comes first; the rest may go into a further line. */
static void
tell_start(const struct session_past *past)
{
    char prev[48] = "prev=none";
    char reserve[32] = "";
    char boot[9];
    char text[256];
    const char *end = past->clean ? "clean" : "unclean";

    if (past->any && past->clean) {
        snprintf(prev, sizeof(prev), "prev=%" PRIu32 "-%s.%" PRIu32, past->number, past->nonce, past->last);
    } else if (past->any) {
        snprintf(prev, sizeof(prev), "prev=%" PRIu32 "-%s.?", past->number, past->nonce);
    }
    if (core.self->conf->channels > 0) {
        snprintf(reserve, sizeof(reserve), " res=0-%u", core.self->conf->channels * 2 - 1);
    }
    read_boot_id(boot);
    snprintf(text, sizeof(text), "end=%s %s%s%s beat=%" PRIu32 " v=%s boot=%s", past->any ? end : "first",
            prev, reserve, core.session.unsaved ? " state=unsaved" : "", core.self->conf->beat_s,
            TOCSIN_VERSION, boot);
    core.first = true;
    tell(WIRE_NOTE, "agent.start", text, -1);
    core.first = false;
}

static void
tell_stop(void)
{
    tell(WIRE_NOTE, "agent.stop", "why=asked", -1);
}

/* The two last lines of each channel take the session's first numbers; agent.start says which (res=). */
static void
seal_reserves(void)
{
    for (unsigned i = 0; i < core.self->conf->channels; i++) {
        give_reserve(i, LINE_CORE_LOST, "proc=core state=lost");
        give_reserve(i, LINE_WARDEN_LOST, "proc=warden state=lost");
    }
}

/* Keys stay out of swap and core dumps. Where memory may not be locked, that is told. */
static void
protect_keys(void)
{
    madvise(&core, sizeof(core), MADV_DONTDUMP);
    if (mlock(&core.session, sizeof(core.session)) < 0) {
        self_finding("mlock", "missing", WIRE_WARN);
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
    for (unsigned i = 0; i < DETECTOR_LINKS; i++) {
        core.detector[i] = -1;
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        core.client[i].fd = -1;
    }
    open_init(&core.open, clock_boot_ms());
    schedule_init(&core.schedule, self->conf);
    int error = session_begin(&core.session, ROLE_FD_LINK, self->conf->host, &past);
    if (error != 0) {
        return error;
    }
    protect_keys();
    seal_reserves();
    tell_start(&past);
    core.warden_ms = clock_boot_ms();
    core.started_ms = core.warden_ms;
    core.flood_ms = core.warden_ms - FLOOD_MS;
    core.beat_ms = core.warden_ms + (int64_t)self->conf->beat_s * 1000;
    return 0;
}

static bool
all_written(void)
{
    for (unsigned i = 0; i < core.self->conf->channels; i++) {
        if (core.channel[i].fd >= 0 && !core.channel[i].lost && schedule_waiting(&core.schedule, i) > 0) {
            return false;
        }
    }
    return true;
}

static bool
stopped(int64_t now_ms)
{
    return core.stopping && (all_written() || now_ms - core.stop_ms > DRAIN_MS);
}

static void
dismiss_wires(void)
{
    struct line_message m = { .kind = LINE_GOODBYE };

    for (unsigned i = 0; i < core.self->conf->channels; i++) {
        if (core.channel[i].fd >= 0) {
            link_send(core.channel[i].fd, &m, sizeof(m));
        }
    }
}

/* The warden ended without a word: say so while there are wires, then end. */
static int
end_without_warden(void)
{
    struct pollfd fds[FDS];
    int64_t from_ms = clock_boot_ms();

    tell(WIRE_CRIT, "agent.self", "proc=warden state=lost", -1);
    open_hurry(&core.open);
    for (int64_t now_ms = from_ms; !all_written() && now_ms - from_ms < DRAIN_MS; now_ms = clock_boot_ms()) {
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

        if (core.stopping && !core.goodbye) {
            core.goodbye = true;
            tell_stop();
            session_end(&core.session);
            continue;
        }
        if (stopped(now_ms)) {
            dismiss_wires();
            role_tell_warden(self, CONTROL_STOPPED);
            return 0;
        }
        wait_for_something(now_ms, due_ms, fds);
        if (!hear_all(fds)) {
            return end_without_warden();
        }
    }
}
