#include "belfry/net.h"

#include "belfry/events.h"
#include "belfry/gate/split.h"
#include "belfry/run.h"
#include "wire/base32.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define MESSAGES 64 /* of the gate, a turn */
#define TAKEN_MIN (GATE_FLIGHT / 4)
#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define HANGS_MS 10000 /* a gate that reads nothing for so long is started anew */
#define STOP_MS 500
#define REKEY_MS (INT64_C(24) * 3600 * 1000) /* on a connection that lasts */

/* ---- connections */

static struct net_conn *
conn_at(struct net *net, uint32_t number)
{
    struct net_conn *c = &net->conn[number % GATE_PEERS];

    return c->used && c->number == number ? c : NULL;
}

static struct net_conn *
conn_of(struct net *net, const char *host, const struct net_conn *but)
{
    for (unsigned i = 0; i < GATE_PEERS && net->conns > 0; i++) {
        struct net_conn *c = &net->conn[i];

        if (c->used && c != but && strcmp(c->host, host) == 0) {
            return c;
        }
    }
    return NULL;
}

/* It has something to be said, to the agent or to the gate. */
static void
mark(struct net *net, const struct net_conn *c)
{
    unsigned slot = (unsigned)(c - net->conn);

    if (!net->is_marked[slot]) {
        net->is_marked[slot] = true;
        net->mark[net->marked++] = (uint16_t)slot;
    }
}

static void
begin_close(struct run *run, struct net_conn *c, enum wire_talk_reason reason)
{
    if (!c->closing) {
        c->closing = true;
        c->reason = reason;
    }
    mark(run->net, c);
}

/* ---- what is said to agents */

static void
say(struct run *run, struct net_conn *c, const struct wire_talk *talk)
{
    int n = wire_talk_compose(talk, c->say + c->say_len, sizeof c->say - c->say_len - 1);

    if (n < 0) {
        c->say_len = 0; /* it does not read: all that matters is that this ends */
        begin_close(run, c, WIRE_CLOSE_LIMIT);
        return;
    }
    c->say_len += (size_t)n;
    c->say[c->say_len++] = '\n';
    mark(run->net, c);
}

/* All of its newest session up to the first hole. */
static void
say_welcome(struct run *run, struct net_conn *c)
{
    const struct bench_host *h = bench_find(&run->bench, c->host);
    const struct wire_judge_session *s = NULL;
    const struct wire_hole *hole = NULL;
    struct wire_talk talk = { .kind = WIRE_TALK_WELCOME, .none = true };

    for (unsigned i = 0; h != NULL && i < WIRE_JUDGE_SESSIONS; i++) {
        if (h->judge.session[i].used && h->judge.session[i].number == h->judge.newest) {
            s = &h->judge.session[i];
            hole = h->judge.hole[i];
        }
    }
    if (s != NULL && s->any && (s->holes == 0 || hole[0].first > 0) && !s->flood_told &&
            !ledger_flooded(run->ledger, c->host, s->number)) {
        talk.none = false;
        talk.session = s->number;
        talk.number = s->holes > 0 ? hole[0].first - 1 : s->top;
        memcpy(talk.nonce, s->nonce, sizeof talk.nonce);
    }
    say(run, c, &talk);
}

static void
say_path(struct run *run, struct net_conn *c)
{
    struct wire_talk talk = { .kind = WIRE_TALK_PATH };

    memcpy(talk.token, c->token, sizeof talk.token);
    say(run, c, &talk);
}

static void
say_ack(struct run *run, struct net_conn *c)
{
    struct wire_talk talk = { .kind = WIRE_TALK_ACK, .session = c->session, .number = c->last };

    memcpy(talk.nonce, c->nonce, sizeof talk.nonce);
    say(run, c, &talk);
}

static void
say_pong(struct run *run, struct net_conn *c)
{
    const struct wire_talk talk = { .kind = WIRE_TALK_PONG, .number = c->ping };

    say(run, c, &talk);
}

/*
 * The rekey that was begun may be said once the host is saved as it is now. When no line of it waits for a
 * commit nothing else asks for one.
 */
static void
say_rekey(struct run *run, struct net_conn *c)
{
    static const struct wire_talk talk = { .kind = WIRE_TALK_REKEY };
    const struct bench_host *h = bench_find(&run->bench, c->host);

    if (h == NULL || (h->changed && !commit_now(run))) {
        return;
    }
    c->rekey_due = false;
    if (bench_rekey_due(&run->bench, &c->hello, c->exported.bytes)) {
        say(run, c, &talk);
        wire_key_next_exporter(&c->exported, &c->exported);
    }
}

/* ---- what is said to the gate */

static struct gate_message *
message(enum gate_kind kind, uint32_t number)
{
    static struct gate_message m;

    memset(&m, 0, GATE_HEAD);
    m.kind = (uint8_t)kind;
    m.conn = number;
    return &m;
}

/* False when the gate does not read now. That it is gone shows when it is read. */
static bool
post(const struct run *run, const struct gate_message *m)
{
    return gate_send(run->net->process.fd, m) != -EAGAIN;
}

/* True when nothing of this connection waits. */
static bool
flush(struct run *run, struct net_conn *c)
{
    struct gate_message *m;

    if (c->say_len > 0) {
        m = message(GATE_SAY, c->number);
        m->len = (uint16_t)c->say_len;
        memcpy(m->bytes, c->say, c->say_len);
        for (size_t i = 0; i < c->say_len; i++) {
            m->count += c->say[i] == '\n';
        }
        if (!post(run, m)) {
            return false;
        }
        c->say_len = 0;
    }
    if (c->taken >= TAKEN_MIN) {
        m = message(GATE_TAKEN, c->number);
        m->count = c->taken;
        if (!post(run, m)) {
            return false;
        }
        c->taken = 0;
    }
    return true;
}

static void
close_conn(struct run *run, struct net_conn *c)
{
    struct wire_talk talk = { .kind = WIRE_TALK_CLOSE, .reason = c->reason };

    if (!c->close_put) {
        c->close_put = true;
        say(run, c, &talk);
    }
    c->close_said = flush(run, c) && post(run, message(GATE_CLOSE, c->number));
}

/* What has to wait until the disk has what it speaks of. */
static void
say_what_holds(struct run *run, struct net_conn *c)
{
    if (c->welcome_due) {
        c->welcome_due = false;
        say_welcome(run, c);
        say_path(run, c);
    }
    if (c->ack_due) {
        c->ack_due = false;
        say_ack(run, c);
    }
    if (c->pong_due) {
        c->pong_due = false;
        say_pong(run, c);
    }
    if (c->rekey_due && !c->closing) {
        say_rekey(run, c);
    }
    if (c->closing && !c->close_said) {
        close_conn(run, c);
    }
}

static bool
has_to_say(const struct net_conn *c)
{
    return c->used && (c->welcome_due || c->ack_due || c->pong_due || c->rekey_due ||
                              (c->closing && !c->close_said) || c->say_len > 0 || c->taken >= TAKEN_MIN);
}

void
net_settle(struct run *run)
{
    struct net *net = run->net;
    unsigned kept = 0;
    bool reads = true;
#ifdef PLANT_ACK_EARLY
    bool on_disk = true;
#else
    bool on_disk = run->queued == 0;
#endif

    if (net == NULL || net->process.fd < 0) {
        return;
    }
    for (unsigned i = 0; i < net->marked; i++) {
        struct net_conn *c = &net->conn[net->mark[i]];

        if (c->used && on_disk) {
            say_what_holds(run, c);
        }
        if (c->used && reads) {
            reads = flush(run, c);
        }
        net->is_marked[net->mark[i]] = has_to_say(c);
        if (has_to_say(c)) {
            net->mark[kept++] = net->mark[i];
        }
    }
#ifdef PLANT_ACK_EARLY
    poll(NULL, 0, run->queued > 0 ? 20 : 0); /* so early that a kill finds its way in between */
#endif
    net->marked = kept;
    net->blocked_ms = reads ? 0 : net->blocked_ms != 0 ? net->blocked_ms : run->now_ms;
}

/* ---- what agents say */

static struct bench_moment
moment(const struct run *run)
{
    return (struct bench_moment){ .line = PATH_NET, .now_ms = run->now_ms, .utc_us = run->utc_us };
}

static void
rekey_if_due(struct run *run, struct net_conn *c)
{
    if (!c->greeted || c->closing || run->now_ms < c->rekey_ms || !bench_vouched(&run->bench, c->host)) {
        return;
    }
    if (!c->settled) {
        c->settled = true;
        bench_rekey_settle(&run->bench, &c->hello);
    }
    if (bench_rekey_begin(&run->bench, &c->hello, c->exported.bytes, run->now_ms)) {
        c->rekey_ms = run->now_ms + REKEY_MS;
        c->rekey_due = true;
        mark(run->net, c);
    }
}

static void
take_hello(struct run *run, struct net_conn *c, const struct wire_talk *talk)
{
    if (c->greeted || strcmp(talk->host, c->host) != 0) {
        begin_close(run, c, WIRE_CLOSE_FORM);
        return;
    }
    c->greeted = true;
    c->welcome_due = true;
    c->hello = *talk;
    mark(run->net, c);
    bench_path_hello(&run->bench, talk);
}

static void
take_talk(struct run *run, struct net_conn *c, const char *text, size_t len)
{
    struct wire_talk talk;

    if (wire_talk_parse(text, len, &talk) != 0 || (!c->greeted && talk.kind != WIRE_TALK_HELLO)) {
        begin_close(run, c, WIRE_CLOSE_FORM);
        return;
    }
    switch (talk.kind) {
    case WIRE_TALK_HELLO:
        take_hello(run, c, &talk);
        break;
    case WIRE_TALK_PING:
        c->pong_due = true;
        c->ping = talk.number;
        mark(run->net, c);
        break;
    default:
        begin_close(run, c, WIRE_CLOSE_FORM);
        break;
    }
}

static void
take_sealed(struct run *run, struct net_conn *c, const char *text, size_t len)
{
    struct bench_moment at = moment(run);
    struct wire_line line;

    if (!c->greeted || wire_line_parse(text, len, &line) != 0) {
        begin_close(run, c, WIRE_CLOSE_FORM);
        return;
    }
    if (strcmp(line.head.host, c->host) != 0 || (!bench_line(&run->bench, &line, WIRE_SEEN_WHOLE, &at) &&
                                                        !bench_passed_over(&run->bench, &line))) {
        begin_close(run, c, WIRE_CLOSE_UNPROVED);
        return;
    }
    c->lines++;
    c->ack_due = true;
    c->session = line.head.session;
    c->last = line.head.number;
    memcpy(c->nonce, line.head.nonce, sizeof c->nonce);
    mark(run->net, c);
    rekey_if_due(run, c);
}

/* Judges what there is room for; the rest of the message stays in net->in. */
static void
judge_lines(struct run *run)
{
    struct net *net = run->net;
    struct net_conn *c = conn_at(net, net->in.conn);

    while (net->in_at < net->in.len && run->queued < RUN_QUEUE_HIGH) {
        const char *text = (const char *)net->in.bytes + net->in_at;
        size_t len = gate_line_length(text, net->in.len - net->in_at);

        net->in_at += len + 1;
        if (c == NULL || c->closing) {
            continue;
        }
        c->taken++;
        if (text[0] == '=') {
            take_talk(run, c, text, len);
        } else {
            take_sealed(run, c, text, len);
        }
    }
    if (c != NULL && c->taken >= TAKEN_MIN) {
        mark(net, c);
    }
}

/* ---- what the gate says */

static void
tell_local(struct run *run, const char *code, bool over, const char *detail)
{
    struct record r;

    memset(&r, 0, sizeof r);
    r.kind = RECORD_LOCAL;
    r.severity = WIRE_ERRO;
    r.seen_us = run->utc_us;
    r.over = over;
    (void)snprintf(r.line, sizeof r.line, "%s", PATH_NET);
    (void)snprintf(r.code, sizeof r.code, "%s", code);
    (void)snprintf(r.detail, sizeof r.detail, "%s", detail);
    commit_record(run, &r);
}

static void
print_path(struct run *run, bool up, const char *detail)
{
    char text[EVENTS_TEXT];

    if (run->events) {
        (void)out_put(&run->out, text, events_line(text, run->utc_us, PATH_NET, up, detail));
    }
}

/* A listener is open, or is not for the reason given. */
static void
listener_changed(struct run *run, unsigned i, bool up, const char *why)
{
    struct net_listener *l = &run->net->listener[i];
    const struct conf_listen *conf = &run->conf->listen[i];
    bool v6 = strchr(conf->address, ':') != NULL;
    char detail[CONF_ADDRESS + 64];

    (void)snprintf(detail, sizeof detail, "listen=%s%s%s:%u%s%s", v6 ? "[" : "", conf->address, v6 ? "]" : "",
            conf->port, up ? "" : " error=", up ? "" : why);
    if (l->up != up) {
        print_path(run, up, detail);
    }
    l->up = up;
    if (l->told == up) {
        l->told = !up;
        tell_local(run, "belfry.gate", up, detail);
    }
}

static void
answer_who(struct run *run, const struct gate_message *who)
{
    struct gate_message *m = message(GATE_KEY, who->conn);
    struct wire_key psk;

    if (ledger_psk(run->ledger, who->host, &psk)) {
        m->len = sizeof psk;
        memcpy(m->bytes, psk.bytes, sizeof psk);
        wire_wipe(&psk, sizeof psk);
    }
    (void)post(run, m); /* a gate that does not read gets no new connections either */
    wire_wipe(m->bytes, sizeof psk);
}

static void
conn_detail(const struct net_conn *c, const char *how, char *out, size_t size)
{
    (void)snprintf(out, size, "host=%s peer=%s%s%s", c->host, c->peer, how != NULL ? " how=" : "",
            how != NULL ? how : "");
}

/* In a word, how it has ended; NULL when that is nobody's fault but ours. */
static const char *
how_ended(const struct net_conn *c, enum gate_how how)
{
    if (how != GATE_ASKED) {
        return gate_how_name(how);
    }
    return c->closing && c->reason != WIRE_CLOSE_UNPAIRED && c->reason != WIRE_CLOSE_STOPPING
                   ? wire_talk_reason_name(c->reason)
                   : NULL;
}

static void
drop(struct run *run, struct net_conn *c, enum gate_how how)
{
    struct bench_moment at = moment(run);
    char detail[WIRE_HOST_MAX + GATE_PEER + 64];

    conn_detail(c, c->closing ? wire_talk_reason_name(c->reason) : gate_how_name(how), detail, sizeof detail);
    print_path(run, false, detail);
    if (!c->replaced) {
        bench_path_down(&run->bench, c->host, how_ended(c, how), &at);
        run->unsaved = true;
    }
    wire_wipe(c, sizeof *c);
    run->net->conns--;
}

static void
new_token(char out[WIRE_TALK_TOKEN_CHARS + 1])
{
    uint8_t random[(WIRE_TALK_TOKEN_CHARS * 5 + 7) / 8];

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        abort();
    }
    wire_base32(random, WIRE_TALK_TOKEN_CHARS, out);
    out[WIRE_TALK_TOKEN_CHARS] = '\0';
}

static void
take_up(struct run *run, const struct gate_message *m)
{
    struct net *net = run->net;
    struct net_conn *c = &net->conn[m->conn % GATE_PEERS];
    struct net_conn *old;
    const struct bench_host *h;
    struct bench_moment at;
    char detail[WIRE_HOST_MAX + GATE_PEER + 64];

    if (c->used) {
        drop(run, c, GATE_CUT);
    }
    memset(c, 0, sizeof *c);
    c->used = true;
    c->number = m->conn;
    c->since_ms = run->utc_us / 1000;
    memcpy(c->host, m->host, sizeof c->host);
    memcpy(c->exported.bytes, m->bytes, sizeof c->exported.bytes);
    memcpy(c->peer, m->bytes + GATE_EXPORT, m->len - GATE_EXPORT);
    new_token(c->token);
    net->conns++;
    intake_hosts(run);
    h = bench_find(&run->bench, c->host);
    c->pairing = h != NULL ? h->keep.pairing : 0;
    conn_detail(c, NULL, detail, sizeof detail);
    print_path(run, true, detail);
    if (h == NULL) {
        begin_close(run, c, WIRE_CLOSE_UNPAIRED);
        return;
    }
    old = conn_of(net, c->host, c);
    if (old != NULL) {
        old->replaced = true;
        begin_close(run, old, WIRE_CLOSE_REPLACED);
    }
    at = moment(run);
    bench_path_up(&run->bench, c->host, c->peer, c->token, &at);
    run->unsaved = true;
}

static void
take_message(struct run *run, const struct gate_message *m)
{
    struct net *net = run->net;
    struct net_conn *c = conn_at(net, m->conn);

    switch (m->kind) {
    case GATE_LISTENING:
    case GATE_REFUSED:
        if (m->count < run->conf->listens) {
            char why[GATE_PEER] = "";

            memcpy(why, m->bytes, m->len);
            listener_changed(run, m->count, m->kind == GATE_LISTENING, why);
            net->backoff_ms = m->kind == GATE_LISTENING ? BACKOFF_MIN_MS : net->backoff_ms;
        }
        break;
    case GATE_WHO:
        answer_who(run, m);
        break;
    case GATE_UP:
        take_up(run, m);
        break;
    case GATE_DOWN:
        if (c != NULL) {
            drop(run, c, m->how);
        }
        break;
    case GATE_COUNTS:
        memcpy(&net->counts, m->bytes, sizeof net->counts);
        break;
    default: /* GATE_LINES is judged where it stands */
        break;
    }
}

/* ---- the process */

static void
gate_lost(struct run *run, const char *why)
{
    struct net *net = run->net;

    gate_process_stop(&net->process, 0);
    for (unsigned i = 0; i < GATE_PEERS; i++) {
        if (net->conn[i].used) {
            drop(run, &net->conn[i], GATE_ASKED);
        }
    }
    for (unsigned i = 0; i < run->conf->listens; i++) {
        listener_changed(run, i, false, why);
    }
    net->in.len = 0;
    net->in_at = 0;
    net->blocked_ms = 0;
    net->start_ms = run->now_ms + net->backoff_ms;
    net->backoff_ms = net->backoff_ms < BACKOFF_MAX_MS / 2 ? 2 * net->backoff_ms : BACKOFF_MAX_MS;
}

int
net_start(struct run *run)
{
    int r;

    if (run->conf->listens == 0) {
        return 0;
    }
    run->net = calloc(1, sizeof *run->net);
    if (run->net == NULL) {
        return -ENOMEM;
    }
    run->net->backoff_ms = BACKOFF_MIN_MS;
    r = gate_process_start(&run->net->process, run->conf);
    return r;
}

void
net_resume(struct run *run)
{
    for (unsigned i = 0; run->net != NULL && i < run->conf->listens; i++) {
        const struct conf_listen *conf = &run->conf->listen[i];
        bool v6 = strchr(conf->address, ':') != NULL;
        char subject[CONF_ADDRESS + 32];

        (void)snprintf(subject, sizeof subject, "listen=%s%s%s:%u", v6 ? "[" : "", conf->address,
                v6 ? "]" : "", conf->port);
        run->net->listener[i].told = ledger_standing(run->ledger, "", "belfry.gate", subject);
    }
}

int
net_fd(const struct run *run)
{
    return run->net != NULL ? run->net->process.fd : -1;
}

short
net_events(const struct run *run)
{
    return (short)((run->queued < RUN_QUEUE_HIGH ? POLLIN : 0) |
                   (run->net != NULL && run->net->blocked_ms != 0 ? POLLOUT : 0));
}

bool
net_has_more(const struct run *run)
{
    return run->net != NULL && run->net->in_at < run->net->in.len;
}

bool
net_serve(struct run *run)
{
    struct net *net = run->net;
    bool any = false;

    if (net == NULL || net->process.fd < 0) {
        return false;
    }
    for (unsigned i = 0; i < MESSAGES && run->queued < RUN_QUEUE_HIGH; i++) {
        int n;

        if (net->in_at < net->in.len) {
            judge_lines(run);
            any = true;
            continue;
        }
        net->in.len = 0;
        net->in_at = 0;
        n = gate_receive(net->process.fd, &net->in);
        if (n == -EAGAIN) {
            break;
        }
        if (n <= 0 || !gate_message_valid(&net->in, (size_t)n)) {
            gate_lost(run, n == 0 ? "ended" : n < 0 ? "broken" : "form");
            break;
        }
        any = true;
        if (net->in.kind != GATE_LINES) {
            take_message(run, &net->in);
            wire_wipe(net->in.bytes, net->in.len);
            net->in.len = 0;
        }
    }
    return any;
}

void
net_mend(struct run *run)
{
    struct net *net = run->net;

    if (net == NULL) {
        return;
    }
    net_settle(run); /* it may be us who did not run */
    if (net->process.fd >= 0 && net->blocked_ms != 0 && run->now_ms - net->blocked_ms >= HANGS_MS) {
        gate_lost(run, "hangs");
    }
    if (net->process.fd < 0 && run->now_ms >= net->start_ms &&
            gate_process_start(&net->process, run->conf) != 0) {
        gate_lost(run, "start");
    }
    for (unsigned i = 0; i < GATE_PEERS && net->conns > 0; i++) {
        struct net_conn *c = &net->conn[i];
        const struct bench_host *h = c->used ? bench_find(&run->bench, c->host) : NULL;

        if (c->used && (h == NULL || h->keep.pairing != c->pairing)) {
            begin_close(run, c, WIRE_CLOSE_UNPAIRED);
        }
        if (c->used) {
            rekey_if_due(run, c);
        }
    }
}

unsigned
net_listening(const struct run *run)
{
    unsigned up = 0;

    for (unsigned i = 0; i < run->conf->listens; i++) {
        up += run->net->listener[i].up;
    }
    return up;
}

void
net_part(struct run *run)
{
    struct bench_moment at = moment(run);

    for (unsigned i = 0; run->net != NULL && i < GATE_PEERS; i++) {
        struct net_conn *c = &run->net->conn[i];

        if (c->used) {
            begin_close(run, c, WIRE_CLOSE_STOPPING);
            bench_path_down(&run->bench, c->host, NULL, &at);
        }
    }
}

void
net_stop(struct run *run)
{
    struct net *net = run->net;

    if (net == NULL) {
        return;
    }
    net_settle(run);
    (void)post(run, message(GATE_STOP, 0));
    gate_process_stop(&net->process, STOP_MS);
    wire_wipe(net, sizeof *net);
    free(net);
    run->net = NULL;
}
