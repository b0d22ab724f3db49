#include "proc/core.h"
#include "proc/link.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The core and the network: lines for the courier in the order of their numbers, and net.lost and net.back.
 * These two are told here and not when their turn among the findings comes: no rate holds them up.
 */
#define REST_MS 5          /* of a line that is only for the disk yet: those who wait for a wire go first */
#define PROBE_AGAIN_MS 100 /* between two requests to probe */
#define SPOOL_FLOOD_MS 300000 /* between two lines that tell of dropped ones */
#define TOKEN_BEATS 3
#define REKEY_AGAIN_MS 5000 /* who asks more often is not heard: each costs a line and a write */
#define LAST_TURNS 16       /* at what a courier that has ended left in its link */

void
core_net_begin(int64_t now_ms)
{
    const struct conf *conf = core.self->conf;
    struct core_net *n = &core.net;
    bool bare = conf->receiver.family == AF_INET6;

    n->used = conf->receiver.name[0] != '\0';
    n->fd = -1;
    n->number = -1;
    n->probe_ms = now_ms - PROBE_AGAIN_MS;
    n->state_ms = now_ms;
    n->turn_ms = now_ms;
    snprintf(n->to, sizeof(n->to), "%s%s%s:%u", bare ? "[" : "", conf->receiver.name, bare ? "]" : "",
            conf->receiver.port);
    netstate_init(&n->state, (int64_t)conf->check_in_s * 1000, now_ms);
}

/* ---- to the courier ---- */

static void
send_order(enum courier_order_kind kind)
{
    struct courier_order m = { .kind = (uint8_t)kind, .session = core.session.number };

    memcpy(m.nonce, core.session.nonce, WIRE_NONCE_CHARS);
    memcpy(m.token, core.session.rekey_id, sizeof(m.token));
    if (core.net.fd >= 0) {
        link_send(core.net.fd, &m, sizeof(m));
    }
}

static void
probe(int64_t now_ms)
{
    struct core_net *n = &core.net;

    if (now_ms - n->probe_ms >= PROBE_AGAIN_MS) {
        n->probe_ms = now_ms;
        send_order(COURIER_PROBE);
    }
}

/* NULL when there is none that may go now. */
static const struct session_line *
next_line(int64_t now_ms, int64_t *due_ms)
{
    struct core_net *n = &core.net;

    if (schedule_network_waiting(&core.schedule) == 0) {
        n->feed_ms = 0;
    } else if (n->feed_ms == 0) {
        n->feed_ms = now_ms + REST_MS;
    }
    if (!n->up && now_ms < n->feed_ms) {
        *due_ms = n->feed_ms < *due_ms ? n->feed_ms : *due_ms;
        return NULL;
    }
    return schedule_network_next(&core.schedule, COURIER_WINDOW);
}

void
core_net_feed(int64_t now_ms, int64_t *due_ms)
{
    const struct session_line *line;

    while (core.net.fd >= 0 && (line = next_line(now_ms, due_ms)) != NULL) {
        struct line_message m = { .kind = LINE_WRITE, .number = line->number, .len = line->len };

        memcpy(m.bytes, line->bytes, line->len);
        if (link_send(core.net.fd, &m, sizeof(m)) != 0) {
            return;
        }
        schedule_network_given(&core.schedule);
    }
}

static void
say_alive(int64_t now_ms)
{
    struct line_message m = { .kind = LINE_CORE_ALIVE };

    if (core.net.fd >= 0 && now_ms - core.net.alive_ms >= ROLE_ALIVE_MS - ROLE_EARLY_MS) {
        link_send(core.net.fd, &m, sizeof(m));
        core.net.alive_ms = now_ms;
    }
}

/* ---- the state ---- */

/* Lines of this session that the receiver has not acknowledged. */
static uint32_t
unacked(void)
{
    uint32_t reserved = 2 * core.self->conf->channels;
    uint32_t acked = core.schedule.network.acked;

    return core.session.tree.next - (acked > reserved ? acked : reserved);
}

static void
begin_finding(struct finding *f)
{
    finding_begin(f, FINDING_NET_LOST, "to", core.net.to, strlen(core.net.to));
}

/* The finding is open as others are, but its line is sealed now and goes before all others. */
static void
tell_lost(bool flapping, int64_t now_ms)
{
    struct core_net *n = &core.net;
    struct finding f;

    begin_finding(&f);
    finding_addf(&f, "why", "%s", flapping ? "flapping" : netstate_why(n->state.why));
    finding_addf(&f, "since", "%" PRId64, (n->since_ms - core.session.began_ms) / 1000);
    finding_addf(&f, "waiting", "%" PRIu32, unacked());
    open_take(&core.open, &f);
    n->number = core_tell_flagged(SCHEDULE_FIRST | SCHEDULE_ALWAYS, (enum wire_severity)f.severity,
            finding_code_name(FINDING_NET_LOST), f.text, -1);
    struct open_entry *e = open_find(&core.open, &f);
    if (e != NULL && n->number >= 0) {
        open_told(&core.open, e, (uint32_t)n->number, now_ms);
    }
}

static void
tell_back(int64_t now_ms)
{
    struct core_net *n = &core.net;
    struct finding f;

    begin_finding(&f);
    finding_addf(&f, "for", "%" PRId64, (now_ms - n->since_ms) / 1000);
    f.op = FINDING_CLOSE;
    open_take(&core.open, &f);
    int64_t number = core_tell_flagged(
            SCHEDULE_ALWAYS, WIRE_NOTE, finding_code_over(FINDING_NET_LOST), f.text, n->number);
    struct open_entry *e = open_find(&core.open, &f);
    if (e != NULL && number >= 0) {
        open_told(&core.open, e, (uint32_t)number, now_ms);
    }
    n->number = -1;
}

static void
tell_state(enum net_tell tell, int64_t now_ms)
{
    struct core_net *n = &core.net;

    switch (tell) {
    case NET_TELL_LOST:
    case NET_TELL_FLAP:
        n->since_ms = n->state.sign_ms;
        tell_lost(tell == NET_TELL_FLAP, now_ms);
        break;
    case NET_TELL_AGAIN:
        tell_lost(false, now_ms);
        break;
    case NET_TELL_BACK:
        tell_back(now_ms);
        break;
    case NET_TELL_NOTHING:
        break;
    }
}

static void
happened(enum net_event event, int64_t now_ms)
{
    struct core_net *n = &core.net;
    unsigned before = n->state.state;

    if (!n->used || core.goodbye) {
        return;
    }
    enum net_tell tell = netstate_event(&n->state, event, now_ms);
    if (n->lost != netstate_lost(&n->state)) {
        n->lost = !n->lost;
        schedule_network_lost(&core.schedule, n->lost);
        core_ctl_net_lost(now_ms);
    }
    tell_state(tell, now_ms);
    if (before != n->state.state) {
        n->state_ms = now_ms;
    }
    if (before == NET_UP && n->state.state == NET_SUSPECT) {
        probe(now_ms);
    }
}

void
core_net_notice(const struct finding *f, int64_t now_ms)
{
    switch (f->code) {
    case FINDING_ROUTE_LOST:
        happened(f->op == FINDING_OPEN ? NET_ROUTE_BAD : NET_ROUTE_GOOD, now_ms);
        probe(now_ms);
        break;
    case FINDING_ROUTE_CHANGED:
    case FINDING_FIREWALL_CHANGED:
        probe(now_ms);
        break;
    default:
        break;
    }
}

/* ---- from the courier ---- */

/* Lines are safe on the network's side only when they are on the disk; in memory they are until it ends. */
static void
take_kept(const struct courier_message *m)
{
    struct core_net *n = &core.net;
    const char *why = strerror(m->value);
    struct finding f;

    schedule_network_kept(&core.schedule, m->number);
    if (m->value == 0 && !n->unsaved) {
        return;
    }
    finding_begin(&f, FINDING_AGENT_SELF, "part", "spool", strlen("spool"));
    finding_addf(&f, "state", "unsaved");
    finding_add(&f, "why", why, strlen(why));
    f.op = m->value == 0 ? FINDING_CLOSE : FINDING_OPEN;
    f.severity = WIRE_ERRO;
    n->unsaved = m->value != 0;
    open_take(&core.open, &f);
}

static void
take_acked(const struct courier_message *m, int64_t now_ms)
{
    const struct session *s = &core.session;

    if (m->session == s->number && strcmp(m->nonce, s->nonce) == 0 && m->number < s->tree.next) {
        schedule_network_acked(&core.schedule, m->number);
        core_ctl_acked(m->number, now_ms);
    }
}

/* netwatch looks at the way to a name only when it knows the address; who starts later gets it then. */
void
core_net_introduce(int detector)
{
    if (core.net.address.magic == ADDRESS_MAGIC) {
        link_send(detector, &core.net.address, sizeof(core.net.address));
    }
}

static void
take_address(const struct courier_message *m)
{
    struct address_message a = { .magic = ADDRESS_MAGIC, .family = m->bytes[0] };

    memcpy(a.address, m->bytes + 1, sizeof(a.address));
    core.net.address = a;
    for (unsigned i = 0; i < CORE_DETECTORS; i++) {
        if (core.detector[i] >= 0) {
            core_net_introduce(core.detector[i]);
        }
    }
}

static void
take_token(const struct courier_message *m)
{
    struct core_net *n = &core.net;

    memcpy(n->token, m->bytes, WIRE_TALK_TOKEN_CHARS);
    n->token[WIRE_TALK_TOKEN_CHARS] = '\0';
    n->token_beats = TOKEN_BEATS;
}

/* Whether it can be taken up or not: what =hello says from now on is what is so. */
static void
take_rekey(const struct courier_message *m, int64_t now_ms)
{
    struct core_net *n = &core.net;
    struct wire_key x;

    if (n->rekey_ms == 0 || now_ms - n->rekey_ms >= REKEY_AGAIN_MS) {
        n->rekey_ms = now_ms;
        memcpy(x.bytes, m->bytes, sizeof(x.bytes));
        (void)session_rekey_begin(&core.session, &x);
        wire_wipe(&x, sizeof(x));
    }
    send_order(COURIER_HELLO);
}

static unsigned
closed_by(const struct courier_message *m)
{
    for (unsigned i = 0; m->value == 0 && i < WIRE_CLOSE_REASONS; i++) {
        const char *name = wire_talk_reason_name((enum wire_talk_reason)i);

        if (memcmp(m->bytes, name, strlen(name) + 1) == 0) {
            return 1 + i;
        }
    }
    return 0;
}

static void
take_message(const struct courier_message *m, int64_t now_ms)
{
    struct core_net *n = &core.net;

    switch ((enum courier_kind)m->kind) {
    case COURIER_KEPT:
        take_kept(m);
        break;
    case COURIER_DROPPED:
        n->dropped += (uint32_t)m->value;
        break;
    case COURIER_UP:
        n->up = true;
        take_address(m);
        break;
    case COURIER_ADDRESS:
        take_address(m);
        break;
    case COURIER_DOWN:
        n->up = false;
        n->error = m->value;
        n->closed = closed_by(m);
        break;
    case COURIER_ACK:
        n->acked_ms = now_ms;
        happened(NET_ACK, now_ms);
        break;
    case COURIER_ACKED:
        take_acked(m, now_ms);
        break;
    case COURIER_ERROR:
        happened(NET_SEND_ERROR, now_ms);
        break;
    case COURIER_PATH:
        take_token(m);
        break;
    case COURIER_REKEY:
        take_rekey(m, now_ms);
        break;
    case COURIER_KINDS:
        break;
    }
}

void
core_net_hear(int64_t now_ms)
{
    struct core_net *n = &core.net;
    struct courier_message m;

    for (unsigned turn = 0; turn < CORE_MESSAGES_A_TURN; turn++) {
        ssize_t size = link_receive(n->fd, &m, sizeof(m));
        if (size == -EAGAIN) {
            return;
        }
        if (size <= 0) {
            close(n->fd);
            n->fd = -1;
            n->up = false;
            return;
        }
        if (message_courier_valid(&m, (size_t)size)) {
            take_message(&m, now_ms);
        } else {
            core_self_finding("link", "garbled", WIRE_CRIT);
        }
        wire_wipe(&m, sizeof(m)); /* it may have held an exporter */
    }
}

/* What the one before has said counts: it may have kept lines that are else sent again. More than a link
 * holds it has not said while it lived. */
void
core_net_welcome(int fd, int64_t now_ms)
{
    struct core_net *n = &core.net;

    for (unsigned turn = 0; turn < LAST_TURNS && n->fd >= 0; turn++) {
        core_net_hear(now_ms);
    }
    if (n->fd >= 0) {
        close(n->fd);
    }
    n->fd = fd;
    n->up = false;
    n->alive_ms = now_ms;
    schedule_network_again(&core.schedule);
    send_order(COURIER_HELLO);
}

/* ---- work ---- */

static void
tell_dropped(int64_t now_ms)
{
    struct core_net *n = &core.net;
    char text[48];

    n->dropped += schedule_network_take_dropped(&core.schedule);
    if (n->dropped == 0 || (n->spool_ms != 0 && now_ms - n->spool_ms < SPOOL_FLOOD_MS)) {
        return;
    }
    snprintf(text, sizeof(text), "part=spool n=%" PRIu32, n->dropped);
    core_tell_flagged(SCHEDULE_UNCOUNTED, WIRE_WARN, "agent.flood", text, -1);
    n->dropped = 0;
    n->spool_ms = now_ms;
}

/* The loop turns each ROLE_ALIVE_MS. Who was stopped for longer, with the courier perhaps, has not heard
 * silence. */
static void
check_absence(int64_t now_ms)
{
    struct core_net *n = &core.net;

    if (now_ms - n->turn_ms > ROLE_ABSENT_MS) {
        netstate_absent(&n->state, now_ms - n->turn_ms, now_ms);
    }
    n->turn_ms = now_ms;
}

void
core_net_work(int64_t now_ms, int64_t *due_ms)
{
    struct core_net *n = &core.net;

    if (!n->used) {
        return;
    }
    check_absence(now_ms);
    happened(NET_TICK, now_ms);
    if (!core.goodbye) {
        int64_t state_ms = netstate_due(&n->state, now_ms);

        tell_dropped(now_ms);
        *due_ms = state_ms < *due_ms ? state_ms : *due_ms;
    }
    say_alive(now_ms);
}

const char *
core_net_token(char out[WIRE_TALK_TOKEN_CHARS + 8])
{
    out[0] = '\0';
    if (core.net.token_beats > 0) {
        snprintf(out, WIRE_TALK_TOKEN_CHARS + 8, " ch=%s", core.net.token);
    }
    return out;
}

void
core_net_token_said(void)
{
    core.net.token_beats -= core.net.token_beats > 0 ? 1 : 0;
}

bool
core_net_written(void)
{
    if (!core.net.used || core.net.fd < 0) {
        return true;
    }
    return schedule_network_waiting(&core.schedule) == 0 && (core.net.lost || unacked() == 0);
}

void
core_net_dismiss(int64_t left_ms)
{
    bool waits = left_ms > 0 && !core.net.lost; /* for answers that can come */
    struct line_message m = { .kind = LINE_GOODBYE, .number = waits ? (uint32_t)left_ms : 0 };

    if (core.net.fd >= 0) {
        link_send(core.net.fd, &m, sizeof(m));
    }
}

void
core_net_describe(struct ctl_net *out, int64_t now_ms)
{
    const struct core_net *n = &core.net;

    *out = (struct ctl_net){ .magic = CTL_MAGIC, .used = n->used };
    if (!n->used) {
        return;
    }
    out->courier = n->fd >= 0;
    out->up = n->up;
    out->unsaved = n->unsaved;
    out->state = n->state.state;
    out->why = n->state.why;
    out->route_bad = n->state.route_bad;
    out->family = n->address.family;
    memcpy(out->address, n->address.address, sizeof(out->address));
    out->send_errors = n->state.send_errors;
    out->waiting = unacked();
    out->unkept = schedule_network_waiting(&core.schedule);
    out->error = n->error;
    out->closed = (uint8_t)n->closed;
    out->state_ms = now_ms - n->state_ms;
    out->ack_ms = n->acked_ms != 0 ? now_ms - n->acked_ms : -1;
    out->route_ms = n->state.route_bad ? now_ms - n->state.route_bad_ms : 0;
}
