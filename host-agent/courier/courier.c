#include "courier/courier.h"
#include "alarm/clock.h"
#include "cmd/psk.h"
#include "conf/name.h"
#include "courier/connection.h"
#include "courier/dialer.h"
#include "courier/keeper.h"
#include "courier/knock.h"
#include "courier/news.h"
#include "courier/syncer.h"
#include "proc/link.h"
#include "wire/keys.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGES_A_TURN (2 * COURIER_WINDOW)
#define PROBE_MS 250   /* from one probe to the next, */
#define PROBES_MS 6000 /* for so long: while a sign becomes a proof, or a new connection counts as steady */
#define CORE_SILENT_MS 5000 /* the core says it lives each ROLE_ALIVE_MS */
#define GOODBYE_MS 2000     /* for what is left to be sent and acknowledged */
#define FLUSH_MS 500        /* more for what is not yet on the disk */
#define ORPHAN_MS 1000      /* the same when the core is gone without a word */
#define WIDOW_MS 3000 /* ... and when the warden is gone: the core has to say so, and two seconds for it */
#define RESOLVE_AGAIN_MS 10000 /* while not connected */

struct courier {
    struct role_self *self;
    struct connection connection;
    struct dialer dialer;
    struct resolver resolver;
    struct knock knock;
    struct keeper keeper;
    struct news news;
    struct address at; /* connected to */
    bool greets;       /* the core has said what to say in =hello */
    struct wire_talk hello;
    int64_t check_in_ms; /* the next */
    int64_t probes_ms;   /* until then there are more of them */
    int64_t resolve_ms;  /* when the name may be looked up next */
    uint32_t knocked;    /* the ping behind the first datagram that could not leave; 0: they leave */
    bool shut;           /* the last datagram could not leave */
    bool barred;         /* datagrams are refused while the connection works: they say nothing */
    int64_t core_ms;     /* when the core was last heard */
    int64_t turn_ms;     /* of role_was_absent() */
    bool core_silent;
    bool core_gone;
    bool warden_gone;
    bool core_done; /* it has said all it will say */
    bool leaving;
    bool in_order;
    int64_t leave_ms; /* at the latest */
};

static struct courier courier;

static void
tell(enum courier_kind kind, int value)
{
    struct courier_message m = { .kind = (uint8_t)kind, .value = value };

    news_tell(&courier.news, &m);
}

static void
tell_address(enum courier_kind kind, const struct address *at)
{
    struct courier_message m = { .kind = (uint8_t)kind };

    m.bytes[0] = at->family;
    memcpy(m.bytes + 1, at->bytes, sizeof(at->bytes));
    news_tell(&courier.news, &m);
}

/* ---- what the conversation asks for */

static bool
peek_line(void *to, struct spool_line *out)
{
    (void)to;
    return keeper_peek(&courier.keeper, out);
}

static void
take_line(void *to)
{
    (void)to;
    spool_take(&courier.keeper.spool);
}

static void
line_acked(void *to, const struct spool_id *id, uint64_t position)
{
    struct courier_message m = { .kind = COURIER_ACKED, .session = id->session, .number = id->number };

    (void)to;
    memcpy(m.nonce, id->nonce, sizeof(id->nonce));
    keeper_acked(&courier.keeper, position);
    news_tell(&courier.news, &m);
}

/* From now on =hello says that the core has this one, whatever becomes of it there. */
static void
name_rekey(const uint8_t secret[32])
{
    struct wire_key x;

    memcpy(x.bytes, secret, sizeof(x.bytes));
    wire_key_rekey_id(&x, courier.hello.token);
    wire_wipe(&x, sizeof(x));
}

static void
tell_of_talk(void *to, const struct courier_message *m)
{
    (void)to;
    if (m->kind == COURIER_UP) {
        tell_address(COURIER_UP, &courier.at);
        return;
    }
    if (m->kind == COURIER_REKEY) {
        name_rekey(m->bytes);
    }
    news_tell(&courier.news, m);
}

static bool
export_secret(void *to, uint8_t out[32])
{
    (void)to;
    return tls_export(&courier.connection.tls, out);
}

static const struct conversation_ops ops = {
    .peek = peek_line,
    .take = take_line,
    .acked = line_acked,
    .tell = tell_of_talk,
    .export = export_secret,
};

/* ---- where the receiver is */

static bool
by_name(void)
{
    return courier.self->conf->receiver.family == 0;
}

static void
aim(const struct addresses *list)
{
    dialer_aim(&courier.dialer, list);
    if (by_name()) {
        tell_address(COURIER_ADDRESS, &list->at[0]);
    }
}

/* What a name meant is used until DNS says something else. */
static void
find_receiver(void)
{
    const struct conf_receiver *r = &courier.self->conf->receiver;
    struct addresses list = { 0 };

    if (by_name()) {
        if (addresses_load(ROLE_FD_SPOOL, r->name, &list)) {
            aim(&list);
        }
        return;
    }
    list.count = 1;
    list.at[0].family = (uint8_t)r->family;
    memcpy(list.at[0].bytes, r->address, sizeof(r->address));
    aim(&list);
}

static int64_t
resolve(int64_t now_ms)
{
    struct addresses list;

    if (!by_name()) {
        return INT64_MAX;
    }
    int taken = resolver_take(&courier.resolver, &list, now_ms);
    if (taken != 0) {
        courier.resolve_ms = now_ms + RESOLVE_AGAIN_MS;
    }
    if (taken > 0 && !addresses_same(&list, &courier.dialer.to)) {
        aim(&list);
        dialer_hurry(&courier.dialer, now_ms);
        keeper_mean(&courier.keeper, courier.self->conf->receiver.name, &list);
    }
    if (courier.resolver.pid != 0) {
        return courier.resolver.began_ms + RESOLVER_MS;
    }
    if (courier.connection.state == CONNECTION_NONE && !courier.leaving && now_ms >= courier.resolve_ms) {
        courier.resolve_ms = now_ms + RESOLVE_AGAIN_MS;
        (void)resolver_start(&courier.resolver, courier.self->conf->receiver.name, now_ms);
    }
    return courier.connection.state == CONNECTION_NONE ? courier.resolve_ms : INT64_MAX;
}

/* ---- the connection */

static void
dial_failed(void *owner, int error)
{
    (void)owner;
    tell(COURIER_ERROR, error);
}

/* Reached, and not wanted: by key, by word, or closed before =seen. A receiver that ends for a while is
 * another thing. */
static bool
refused(const struct connection *c)
{
    if (c->result == TLS_FAILED) {
        return false;
    }
    return c->up_ms == 0 ||
           (c->result == 0 && (c->talk.end != CONVERSATION_CLOSED || c->talk.reason != WIRE_CLOSE_STOPPING));
}

static void
connection_lost(int64_t now_ms)
{
    const struct connection *c = &courier.connection;
    struct courier_message why = connection_why(c);

    news_tell(&courier.news, &why);
    if (c->result == TLS_FAILED) {
        tell(COURIER_ERROR, c->error);
    }
    keeper_rewind(&courier.keeper);
    dialer_again(&courier.dialer, refused(c), c->up_ms != 0 ? now_ms - c->up_ms : 0, now_ms);
}

static void
dial(int64_t now_ms)
{
    int fd = dialer_work(&courier.dialer, &courier.at, now_ms);

    if (fd >= 0) {
        courier.knocked = 0;
        connection_begin(&courier.connection, fd, &ops, NULL, &courier.hello, now_ms);
    }
}

/* Datagrams that may not leave while a ping that followed them was answered are somebody's rule, no sign. */
static void
judge_knocks(void)
{
    if (courier.knocked != 0 && connection_up(&courier.connection) &&
            courier.connection.talk.ponged >= courier.knocked) {
        courier.barred = true;
        courier.shut = false;
    }
}

static void
probe(int64_t now_ms)
{
    courier.probes_ms = now_ms + PROBES_MS;
    courier.check_in_ms = now_ms;
}

static int64_t
connect_and_talk(int64_t now_ms)
{
    struct connection *c = &courier.connection;
    bool was_up = connection_up(c);

    if (courier.core_silent || !courier.greets) {
        return INT64_MAX;
    }
    if (c->state == CONNECTION_NONE) {
        dial(now_ms);
    }
    if (connection_work(c, now_ms)) {
        connection_lost(now_ms);
    }
    if (!was_up && connection_up(c)) {
        probe(now_ms);
    }
    judge_knocks();
    return c->state == CONNECTION_NONE ? dialer_due(&courier.dialer, now_ms) : connection_due(c);
}

static const struct address *
target(void)
{
    const struct dialer *d = &courier.dialer;

    if (courier.connection.state != CONNECTION_NONE) {
        return &courier.at;
    }
    return d->to.count > 0 ? &d->to.at[d->turn % d->to.count] : NULL;
}

/*
 * What left again after it could not is a way that is back. TCP would notice only when it repeats what it has
 * under way, after as long again as the way was gone.
 */
static void
note_knock(int error, int64_t now_ms)
{
    bool back = error == 0 && courier.shut;

    courier.shut = error != 0 && !courier.barred;
    if (courier.shut) {
        tell(COURIER_ERROR, -error);
    } else if (error == 0) {
        courier.barred = false;
        courier.knocked = 0;
    }
    if (back && connection_unanswered(&courier.connection, now_ms)) {
        connection_end(&courier.connection, false);
        tell(COURIER_DOWN, ETIMEDOUT);
        keeper_rewind(&courier.keeper);
        dialer_hurry(&courier.dialer, now_ms);
    }
}

static int64_t
check_in(int64_t now_ms)
{
    bool probes = now_ms < courier.probes_ms;
    const struct address *at = target();

    if (now_ms < courier.check_in_ms) {
        return courier.check_in_ms;
    }
    courier.check_in_ms = now_ms + (probes ? PROBE_MS : (int64_t)courier.self->conf->check_in_s * 1000);
    int error = at != NULL ? knock_send(&courier.knock, at, courier.dialer.port) : 0;
    note_knock(error, now_ms);
    if (keeper_stuck(&courier.keeper, now_ms)) {
        return courier.check_in_ms; /* a sign of life while no alarm gets through would be a lie */
    }
    uint32_t ping = connection_check_in(&courier.connection, probes || error != 0, now_ms);
    if (error != 0 && courier.knocked == 0) {
        courier.knocked = ping;
    }
    return courier.check_in_ms;
}

/* ---- the core and the warden */

static void
leave(bool in_order, int64_t limit_ms, int64_t now_ms)
{
    if (!courier.leaving) {
        courier.leaving = true;
        courier.in_order = in_order;
        courier.leave_ms = now_ms + limit_ms;
    }
}

static void
core_lost(int64_t now_ms)
{
    courier.core_gone = true;
    courier.core_done = true;
    leave(false, ORPHAN_MS, now_ms);
}

static void
take_line_message(const struct line_message *m, int64_t now_ms)
{
    switch ((enum line_kind)m->kind) {
    case LINE_WRITE:
        keeper_take(&courier.keeper, m);
        break;
    case LINE_GOODBYE:
        courier.core_done = true;
        leave(true, m->number < GOODBYE_MS ? m->number : GOODBYE_MS, now_ms);
        break;
    default:
        break;
    }
}

static void
take_order(const struct courier_order *o, int64_t now_ms)
{
    switch ((enum courier_order_kind)o->kind) {
    case COURIER_HELLO:
        courier.hello.session = o->session;
        memcpy(courier.hello.nonce, o->nonce, WIRE_NONCE_CHARS);
        memcpy(courier.hello.token, o->token, WIRE_TALK_TOKEN_CHARS);
        courier.greets = true;
        break;
    case COURIER_PROBE:
        probe(now_ms);
        dialer_hurry(&courier.dialer, now_ms);
        break;
    case COURIER_ORDERS:
        break;
    }
}

static void
hear_core(int64_t now_ms)
{
    union {
        struct line_message line;
        struct courier_order order;
    } m;

    _Static_assert(sizeof(m.line) != sizeof(m.order), "the size says which it is");
    for (unsigned turn = 0; turn < MESSAGES_A_TURN; turn++) {
        ssize_t n = link_receive(ROLE_FD_LINK, &m, sizeof(m));
        if (n == -EAGAIN) {
            return;
        }
        if (n <= 0) {
            core_lost(now_ms);
            return;
        }
        courier.core_ms = now_ms;
        if (message_line_valid(&m, (size_t)n)) {
            take_line_message(&m.line, now_ms);
        } else if (message_order_valid(&m, (size_t)n)) {
            take_order(&m.order, now_ms);
        }
    }
}

static void
hear_warden(int64_t now_ms)
{
    struct control_message m;
    int passed;
    int heard = role_hear_warden(&m, &passed);

    if (heard > 0 && passed >= 0) {
        close(passed);
    }
    if (heard < 0 || (heard > 0 && m.kind == CONTROL_STOP)) {
        courier.warden_gone = courier.warden_gone || heard < 0;
        leave(false, WIDOW_MS, now_ms);
    }
}

/* Who keeps a connection up for a core that says nothing would vouch for it: the receiver shall notice. */
static void
check_core(int64_t now_ms)
{
    if (role_was_absent(&courier.turn_ms, now_ms)) {
        courier.core_ms = now_ms;
    }
    bool silent = !courier.leaving && now_ms - courier.core_ms > CORE_SILENT_MS;
    if (silent && !courier.core_silent) {
        connection_end(&courier.connection, false);
        dialer_stop(&courier.dialer);
        keeper_rewind(&courier.keeper);
        tell(COURIER_DOWN, ETIMEDOUT);
    }
    courier.core_silent = silent;
}

/* True when nothing is left to be said, or the time for it is over. */
static bool
gone(int64_t now_ms)
{
    struct connection *c = &courier.connection;

    if (!courier.leaving) {
        return false;
    }
    if (!keeper_settled(&courier.keeper)) {
        return now_ms >= courier.leave_ms + FLUSH_MS;
    }
    if (now_ms >= courier.leave_ms || !courier.core_done) {
        return now_ms >= courier.leave_ms;
    }
    if (connection_up(c)) {
        return conversation_idle(&c->talk);
    }
    return c->state == CONNECTION_NONE && (!courier.in_order || spool_empty(&courier.keeper.spool));
}

/* ---- the loop */

static void
wait_for_something(int64_t due_ms, int64_t now_ms)
{
    const struct connection *c = &courier.connection;
    struct pollfd fds[5 + DIALS] = {
        { .fd = courier.warden_gone ? -1 : ROLE_FD_CONTROL, .events = POLLIN },
        { .fd = courier.core_gone ? -1 : ROLE_FD_LINK, .events = POLLIN },
        { .fd = c->state != CONNECTION_NONE ? c->fd : -1, .events = c->wants },
        { .fd = courier.resolver.pid != 0 ? courier.resolver.fd : -1, .events = POLLIN },
        { .fd = syncer_fd(), .events = POLLIN },
    };

    if (courier.news.count > 0) {
        fds[1].events |= POLLOUT;
    }
    for (unsigned i = 0; i < DIALS; i++) {
        fds[5 + i] = (struct pollfd){ .fd = courier.dialer.dial[i].fd, .events = POLLOUT };
    }
    if (role_poll(fds, 5 + DIALS, role_timeout(now_ms, due_ms, ROLE_ALIVE_MS)) <= 0) {
        return;
    }
    now_ms = clock_boot_ms();
    if (fds[1].revents != 0) {
        hear_core(now_ms);
    }
    if (fds[0].revents != 0) {
        hear_warden(now_ms);
    }
}

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* One turn. When the next is due. */
static int64_t
act(int64_t now_ms)
{
    check_core(now_ms);
    keeper_end_sync(&courier.keeper);
    int64_t due_ms = resolve(now_ms);

    due_ms = earlier(due_ms, check_in(now_ms));
    due_ms = earlier(due_ms, connect_and_talk(now_ms));
    due_ms = earlier(due_ms, keeper_sync(&courier.keeper, courier.leaving, now_ms));
    if (courier.leaving) {
        due_ms = earlier(due_ms, now_ms < courier.leave_ms ? courier.leave_ms : courier.leave_ms + FLUSH_MS);
    }
    if (!courier.core_gone && news_send(&courier.news, ROLE_FD_LINK) < 0) {
        core_lost(now_ms);
    }
    role_hurry(courier.self, courier.leaving || keeper_stuck(&courier.keeper, now_ms));
    return earlier(due_ms, role_alive(courier.self, now_ms));
}

static int
begin(struct role_self *self, const uint8_t key[TLS_KEY])
{
    uint32_t seed = (uint32_t)getpid();

    courier.self = self;
    courier.hello.kind = WIRE_TALK_HELLO;
    memcpy(courier.hello.host, self->conf->host, sizeof(courier.hello.host));
    courier.core_ms = clock_boot_ms();
    courier.resolver.fd = -1;
    knock_init(&courier.knock);
    (void)getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
    dialer_init(&courier.dialer, self->conf->receiver.port, seed);
    courier.dialer.failed = dial_failed;
    (void)mlock(&courier.connection.tls, sizeof(courier.connection.tls)); /* the key */
    int error = connection_init(&courier.connection, self->conf->host, key);
    return error < 0 ? error : keeper_open(&courier.keeper, ROLE_FD_SPOOL, &courier.news);
}

int
courier_run(struct role_self *self, uint8_t key[TLS_KEY])
{
    int error = begin(self, key);

    wire_wipe(key, TLS_KEY);
    if (error < 0) {
        fprintf(stderr, "%s: %s\n", name_courier(), strerror(-error));
        return 2;
    }
    find_receiver();
    role_tell_warden(self, CONTROL_READY);
    for (;;) {
        int64_t now_ms = clock_boot_ms();
        int64_t due_ms = act(now_ms);

        if (gone(now_ms)) {
            break;
        }
        wait_for_something(due_ms, now_ms);
    }
    connection_end(&courier.connection, courier.in_order);
    tls_free(&courier.connection.tls);
    resolver_stop(&courier.resolver);
    (void)news_send(&courier.news, ROLE_FD_LINK);
    return 0;
}

int
courier_read_key(int dir, uint8_t key[TLS_KEY])
{
    uint8_t bytes[TLS_KEY + 1];
    struct stat st;
    int fd = openat(dir, PSK_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0) {
        return -errno;
    }
    ssize_t n = fstat(fd, &st) < 0 ? -1 : read(fd, bytes, sizeof(bytes));
    int error = n < 0 ? -errno : 0;
    close(fd);
    if (error == 0 && (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)) {
        error = -EPERM;
    } else if (error == 0 && n != TLS_KEY) {
        error = -EBADMSG;
    }
    if (error == 0) {
        memcpy(key, bytes, TLS_KEY);
    }
    wire_wipe(bytes, sizeof(bytes));
    return error;
}
