#include "alarm/clock.h"
#include "alarm/session.h"
#include "proc/link.h"
#include "proc/role.h"
#include "support/check.h"
#include "support/core_alone.h"
#include "wire/line.h"
#include "wire/talk.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The core as a process of its own, with this program as its warden, its wires, its courier and its
 * detector.
 */
#define WAIT_MS 20000
#define LINES 512
#define ALWAYS 0 /* the channels */
#define FALLBACK 1
#define RESERVED 4 /* numbers: two a channel */

static struct conf conf;
static struct core_alone core;
static int wire[2];
static int courier;
static int detector;

/* What each channel wrote, as text. */
static char written[2][LINES * (WIRE_LINE_MAX + 1)];
static size_t written_len[2];

/* What the courier was told. */
static struct line_message told[LINES];
static unsigned told_count;
static unsigned told_ahead; /* of these not kept when the last came */
static unsigned probes;
static struct courier_order hello;
static bool goodbye;
static bool writable = true; /* the session file */
static bool keeps;           /* the courier keeps at once, */
static bool acks;            /* and the receiver acknowledges */
static uint32_t kept;

static void
tell(enum courier_kind kind, int32_t value, uint32_t number, const char *bytes)
{
    struct courier_message m = { .kind = (uint8_t)kind, .value = value, .number = number };

    m.session = hello.session;
    memcpy(m.nonce, hello.nonce, WIRE_NONCE_CHARS);
    memcpy(m.bytes, bytes, strlen(bytes));
    link_send(courier, &m, sizeof(m));
}

static void
ack(void)
{
    tell(COURIER_ACK, 0, 0, "");
    if (told_count > 0) {
        tell(COURIER_ACKED, 0, told[told_count - 1].number, "");
    }
}

static void
take_line(const struct line_message *m)
{
    if (m->kind == LINE_GOODBYE) {
        goodbye = true;
    }
    if (m->kind != LINE_WRITE) {
        return;
    }
    CHECK(told_count < LINES);
    told[told_count++ % LINES] = *m;
    told_ahead++;
    if (keeps) {
        kept = m->number;
        told_ahead = 0;
        tell(COURIER_KEPT, 0, m->number, "");
    }
    if (acks) {
        ack();
    }
}

static void
be_courier(void)
{
    union {
        struct line_message line;
        struct courier_order order;
    } m;
    ssize_t n;

    while (courier >= 0 && (n = link_receive(courier, &m, sizeof(m))) > 0) {
        if (message_line_valid(&m, (size_t)n)) {
            take_line(&m.line);
        } else if (message_order_valid(&m, (size_t)n)) {
            probes += m.order.kind == COURIER_PROBE ? 1 : 0;
            hello = m.order.kind == COURIER_HELLO ? m.order : hello;
        } else {
            CHECK(false);
        }
    }
}

static void
be_wire(int channel)
{
    struct line_message m;

    while (wire[channel] >= 0 && link_receive(wire[channel], &m, sizeof(m)) > 0) {
        struct wire_message done = { .kind = WIRE_SAYS_DONE, .number = m.number };
        char *to = written[channel] + written_len[channel];

        if (m.kind != LINE_WRITE) {
            continue;
        }
        CHECK(written_len[channel] + m.len + 2u < sizeof(written[channel]));
        written_len[channel] += (size_t)snprintf(to, WIRE_LINE_MAX + 2, "%.*s\n", (int)m.len, m.bytes);
        link_send(wire[channel], &done, sizeof(done));
    }
}

/* A turn of everybody; 10 ms. */
static void
turn(void)
{
    core_alone_turn(&core);
    be_wire(ALWAYS);
    be_wire(FALLBACK);
    be_courier();
    poll(NULL, 0, 10);
}

static void
turns(int64_t ms)
{
    for (int64_t until = clock_boot_ms() + ms; clock_boot_ms() < until;) {
        turn();
    }
}

static const char *
on(int channel, const char *text)
{
    return strstr(written[channel], text);
}

static bool
comes(int channel, const char *text)
{
    for (int64_t until = clock_boot_ms() + WAIT_MS; clock_boot_ms() < until; turn()) {
        if (on(channel, text) != NULL) {
            return true;
        }
    }
    printf("channel %d never had \"%s\"; it had:\n%s", channel, text, written[channel]);
    return false;
}

static bool
told_to_courier(const char *text)
{
    for (int64_t until = clock_boot_ms() + WAIT_MS; clock_boot_ms() < until; turn()) {
        for (unsigned i = 0; i < told_count; i++) {
            if (memmem(told[i].bytes, told[i].len, text, strlen(text)) != NULL) {
                return true;
            }
        }
    }
    printf("the courier was never told \"%s\"\n", text);
    return false;
}

static int
count(int channel, const char *text)
{
    int n = 0;

    for (const char *at = written[channel]; (at = strstr(at, text)) != NULL; at++) {
        n++;
    }
    return n;
}

/* ---- the core's beginning and end ---- */

static void
configure(void)
{
    conf_init(&conf, NULL, NULL);
    snprintf(conf.host, sizeof(conf.host), "web03");
    snprintf(conf.receiver.name, sizeof(conf.receiver.name), "192.0.2.7");
    conf.receiver.family = AF_INET;
    conf.receiver.port = CONF_RECEIVER_PORT;
    conf.check_in_s = 1;
    conf.beat_s = 1;
    conf.channels = 2;
    for (int i = 0; i < 2; i++) {
        snprintf(conf.channel[i].scheme, sizeof(conf.channel[i].scheme), "null");
        conf.channel[i].floor = WIRE_INFO;
    }
    conf.channel[FALLBACK].fallback = true;
}

static void
start_core(void)
{
    core_alone_start(&core, &conf, writable);
    wire[ALWAYS] = core_alone_wire(&core, ALWAYS);
    wire[FALLBACK] = core_alone_wire(&core, FALLBACK);
    detector = core_alone_introduce(&core, ROLE_NETWATCH, 0);
    courier = -1;
}

static void
begin_without_courier(void)
{
    memset(written, 0, sizeof(written));
    memset(written_len, 0, sizeof(written_len));
    told_count = told_ahead = probes = 0;
    kept = 0;
    goodbye = false;
    memset(&hello, 0, sizeof(hello));
    keeps = acks = true;
    start_core();
}

static void
begin(void)
{
    begin_without_courier();
    courier = core_alone_introduce(&core, ROLE_COURIER, 0);
    CHECK(told_to_courier("agent.beat"));
}

static int
end(void)
{
    int status = -1;

    core_alone_stop(&core);
    for (int64_t until = clock_boot_ms() + WAIT_MS; clock_boot_ms() < until; turn()) {
        if (core_alone_ended(&core, &status)) {
            break;
        }
    }
    be_courier();
    close(wire[ALWAYS]);
    close(wire[FALLBACK]);
    close(detector);
    if (courier >= 0) {
        close(courier);
    }
    return status;
}

static void
report(enum finding_code code, enum finding_op op)
{
    struct finding f;

    finding_begin(&f, code, "to", "192.0.2.7", 9);
    f.op = (uint8_t)op;
    link_send(detector, &f, sizeof(f));
}

/* ---- lines ---- */

static void
the_courier_is_greeted_first_and_told_every_line_from_the_first_on_in_order(void)
{
    begin_without_courier();
    CHECK(comes(ALWAYS, "agent.beat"));
    courier = core_alone_introduce(&core, ROLE_COURIER, 0);
    CHECK(told_to_courier("agent.beat"));
    CHECK_INT(hello.kind, COURIER_HELLO);
    CHECK(hello.session == 1 && hello.nonce[0] != '\0');
    turns(2500);
    for (unsigned i = 0; i < told_count; i++) {
        CHECK_INT(told[i].number, RESERVED + i);
    }
    CHECK(memmem(told[0].bytes, told[0].len, "agent.start", 11) != NULL);
    CHECK(on(ALWAYS, "agent.run bin=") != NULL && on(ALWAYS, "agent.run conf=") != NULL);
    CHECK(on(FALLBACK, "agent.run kernel=") != NULL && on(FALLBACK, " rights=") != NULL);
    CHECK_INT(end(), 0);
}

static void
fill(unsigned lines)
{
    for (unsigned i = 0; i < lines; i++) {
        struct finding f;
        char subject[16];
        int n = snprintf(subject, sizeof(subject), "x%u", i);

        finding_begin(&f, FINDING_DAEMON_DOWN, "name", subject, (size_t)n);
        link_send(detector, &f, sizeof(f));
    }
}

static void
a_courier_that_keeps_nothing_is_told_no_more_than_the_window(void)
{
    begin_without_courier();
    keeps = acks = false;
    courier = core_alone_introduce(&core, ROLE_COURIER, 0);
    fill(60);
    CHECK(comes(ALWAYS, "name=x59"));
    turns(100);
    CHECK_INT(told_count, COURIER_WINDOW);
    tell(COURIER_KEPT, 0, told[9].number, "");
    turns(100);
    CHECK_INT(told_count, COURIER_WINDOW + 10);
    CHECK(end() == 0);
}

/* The old link's last words wait in it when the new courier is introduced. */
static void
a_courier_that_is_started_again_is_told_what_the_other_did_not_keep(void)
{
    begin_without_courier();
    keeps = acks = false;
    courier = core_alone_introduce(&core, ROLE_COURIER, 0);
    fill(20);
    CHECK(comes(ALWAYS, "name=x19"));
    turns(100);
    CHECK(told_count > 12);
    uint32_t number = told[11].number;
    tell(COURIER_KEPT, 0, number, "");
    int before = courier;
    close(before);
    told_count = 0;
    courier = core_alone_introduce(&core, ROLE_COURIER, 0);
    turns(200);
    CHECK_INT(told[0].number, number + 1);
    CHECK_INT(end(), 0);
}

/* ---- the state ---- */

static void
silence_is_told_as_lost_on_every_channel_and_the_end_of_it_as_back(void)
{
    begin();
    acks = false;
    CHECK(comes(ALWAYS, "CRIT web03 "));
    CHECK(comes(ALWAYS, "net.lost to=192.0.2.7:8627 why=silence since="));
    CHECK(comes(FALLBACK, "net.lost to=192.0.2.7:8627 why=silence since="));
    CHECK(on(ALWAYS, "net.back") == NULL);
    acks = true;
    CHECK(comes(ALWAYS, "net.back to=192.0.2.7:8627 of="));
    CHECK(comes(FALLBACK, "net.back to=192.0.2.7:8627 of="));
    CHECK_INT(count(ALWAYS, "net.back"), 1);
    CHECK_INT(end(), 0);
}

static void
a_long_loss_is_told_again_by_new_lines(void)
{
    begin();
    acks = false;
    CHECK(comes(ALWAYS, "net.lost"));
    turns(1500);
    int first = count(ALWAYS, "net.lost");
    CHECK(first >= 2);
    CHECK_INT(end(), 0);
}

static void
two_errors_are_told_as_lost_at_once(void)
{
    begin();
    acks = false;
    tell(COURIER_ERROR, ECONNREFUSED, 0, "");
    tell(COURIER_ERROR, ECONNREFUSED, 0, "");
    CHECK(comes(ALWAYS, "net.lost to=192.0.2.7:8627 why=send"));
    CHECK_INT(end(), 0);
}

static void
a_lost_route_asks_for_a_look_and_is_told_when_nothing_is_acknowledged(void)
{
    begin();
    probes = 0;
    acks = false;
    report(FINDING_ROUTE_LOST, FINDING_OPEN);
    CHECK(comes(ALWAYS, "net.lost to=192.0.2.7:8627 why=route"));
    CHECK(probes > 0);
    CHECK(on(ALWAYS, "route.lost") != NULL && on(ALWAYS, "route.lost") < on(ALWAYS, "net.lost"));
    CHECK_INT(end(), 0);
}

static void
a_changed_firewall_asks_for_a_look(void)
{
    begin();
    turns(200);
    probes = 0;
    report(FINDING_FIREWALL_CHANGED, FINDING_EVENT);
    turns(200);
    CHECK_INT(probes, 1);
    CHECK_INT(end(), 0);
}

static void
an_answer_that_is_late_asks_for_a_look_before_anything_is_told(void)
{
    begin();
    turns(200);
    probes = 0;
    acks = false;
    for (int64_t until = clock_boot_ms() + WAIT_MS; clock_boot_ms() < until && probes == 0; turn()) {
    }
    CHECK_INT(probes, 1);
    CHECK(on(ALWAYS, "net.lost") == NULL);
    CHECK_INT(end(), 0);
}

/* As when the machine stands still: nobody could answer, and nobody could hear it. */
static void
a_core_that_was_stopped_has_not_heard_silence(void)
{
    begin();
    kill(core.pid, SIGSTOP);
    poll(NULL, 0, 5000);
    kill(core.pid, SIGCONT);
    turns(1500);
    CHECK(on(ALWAYS, "net.lost") == NULL);
    acks = false;
    CHECK(comes(ALWAYS, "net.lost"));
    CHECK_INT(end(), 0);
}

static void
without_a_courier_the_network_is_lost(void)
{
    begin_without_courier();
    CHECK(comes(ALWAYS, "net.lost to=192.0.2.7:8627 why=silence"));
    CHECK_INT(end(), 0);
}

static void
a_fallback_channel_has_beats_only_until_the_network_is_lost_and_then_what_waits(void)
{
    begin();
    report(FINDING_DAEMON_DOWN, FINDING_OPEN);
    CHECK(comes(FALLBACK, "daemon.down"));
    report(FINDING_ROUTE_CHANGED, FINDING_EVENT);
    CHECK(comes(ALWAYS, "route.changed"));
    CHECK(told_to_courier("route.changed"));
    acks = false;
    report(FINDING_TIME_STEP, FINDING_EVENT);
    CHECK(comes(ALWAYS, "time.step"));
    CHECK(on(FALLBACK, "time.step") == NULL && on(FALLBACK, "net.lost") == NULL);
    CHECK(comes(FALLBACK, "net.lost"));
    CHECK(comes(FALLBACK, "time.step"));
    CHECK(on(FALLBACK, "net.lost") < on(FALLBACK, "time.step"));
    CHECK(on(FALLBACK, "route.changed") == NULL);
    CHECK(on(FALLBACK, "agent.beat") != NULL);
    CHECK_INT(end(), 0);
}

/* ---- what a client is told ---- */

static struct ctl_net
ask_net(void)
{
    struct ctl_request ask = { .magic = CTL_MAGIC, .kind = CTL_NET };
    struct ctl_net r = { .magic = 0 };
    int fd = core_alone_client(&core);

    link_send(fd, &ask, sizeof(ask));
    turns(100);
    CHECK_INT(link_receive(fd, &r, sizeof(r)), sizeof(r));
    CHECK(message_net_valid(&r, sizeof(r)));
    close(fd);
    return r;
}

static void
a_client_is_told_the_evidence_and_the_state(void)
{
    struct courier_message up = { .kind = COURIER_UP, .bytes = { AF_INET, 192, 0, 2, 7 } };
    struct courier_message down = { .kind = COURIER_DOWN };

    memcpy(down.bytes, "replaced", sizeof("replaced"));
    begin();
    link_send(courier, &up, sizeof(up));
    turns(50);
    struct ctl_net r = ask_net();
    CHECK(r.used == 1 && r.courier == 1 && r.up == 1 && r.route_bad == 0 && r.send_errors == 0);
    CHECK_STR(netstate_name(r.state), "up");
    CHECK(r.family == AF_INET && r.address[0] == 192 && r.ack_ms >= 0);
    acks = keeps = false;
    report(FINDING_ROUTE_LOST, FINDING_OPEN);
    tell(COURIER_ERROR, EPERM, 0, "");
    link_send(courier, &down, sizeof(down));
    CHECK(comes(ALWAYS, "net.lost"));
    r = ask_net();
    CHECK(r.up == 0 && r.route_bad == 1 && r.send_errors == 1 && r.waiting > 0 && r.unkept > 0);
    CHECK(r.closed == 1 + WIRE_CLOSE_REPLACED && r.why == NET_WHY_ROUTE);
    CHECK_INT(end(), 0);
}

/* ---- what else the courier says ---- */

static struct wire_key
root_on_disk(void)
{
    struct wire_slot slot;
    char path[64];

    snprintf(path, sizeof(path), "%s/session", core.dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    memset(&slot, 0, sizeof(slot));
    CHECK_INT(session_peek(fd, conf.host, &slot), 0);
    close(fd);
    return slot.root;
}

static void
an_agent_whose_session_file_is_read_only_never_rekeys(void)
{
    writable = false;
    begin();
    CHECK(comes(ALWAYS, "state=unsaved"));
    struct wire_key root = root_on_disk();
    memset(&hello, 0xFF, sizeof(hello));
    tell(COURIER_REKEY, 0, 0, "a secret of the connection");
    turns(300);
    CHECK_INT(hello.kind, COURIER_HELLO);
    CHECK_INT(hello.token[0], '\0');
    CHECK(on(ALWAYS, "agent.rekey") == NULL);
    struct wire_key now = root_on_disk();
    CHECK(wire_key_equal(&now, &root));
    CHECK_INT(end(), 0);
    writable = true;
}

static void
a_rekey_is_named_at_once_and_told_when_it_is_stored(void)
{
    struct courier_message m = { .kind = COURIER_REKEY };
    struct wire_key x;
    char line[64];

    for (unsigned i = 0; i < sizeof(m.bytes); i++) {
        m.bytes[i] = (uint8_t)i;
    }
    begin();
    CHECK(hello.token[0] == '\0');
    struct wire_key root = root_on_disk();
    memcpy(x.bytes, m.bytes, sizeof(x.bytes));
    wire_key_rekey(&root, &x, &root);
    link_send(courier, &m, sizeof(m));
    CHECK(comes(ALWAYS, "agent.rekey id="));
    CHECK(hello.token[0] != '\0');
    snprintf(line, sizeof(line), "agent.rekey id=%.*s ", (int)sizeof(hello.token), hello.token);
    CHECK(comes(ALWAYS, line));
    CHECK_INT(count(ALWAYS, line), 1);
    CHECK(told_to_courier("agent.rekey"));
    CHECK_INT(end(), 0);
    struct wire_key now = root_on_disk();
    CHECK(wire_key_equal(&now, &root));
}

static void
a_rekey_asked_for_again_at_once_is_not_taken_up(void)
{
    struct courier_message m = { .kind = COURIER_REKEY };

    begin();
    link_send(courier, &m, sizeof(m));
    CHECK(comes(ALWAYS, "agent.rekey id="));
    struct courier_order first = hello;
    hello.token[0] = '\0';
    m.bytes[0] = 1;
    link_send(courier, &m, sizeof(m));
    turns(300);
    CHECK_MEM(hello.token, first.token, sizeof(hello.token));
    CHECK_INT(count(ALWAYS, "agent.rekey"), 1);
    CHECK_INT(end(), 0);
}

static void
a_token_is_said_in_the_next_three_beats(void)
{
    begin();
    tell(COURIER_PATH, 0, 0, "K3QFJ2A9");
    CHECK(comes(ALWAYS, "ch=K3QFJ2A9"));
    turns(5000);
    CHECK_INT(count(ALWAYS, "ch=K3QFJ2A9"), 3);
    CHECK_INT(count(ALWAYS, "agent.beat next=1 open="), count(ALWAYS, "agent.beat"));
    CHECK_INT(end(), 0);
}

static void
a_token_of_other_letters_is_never_said(void)
{
    begin();
    tell(COURIER_PATH, 0, 0, "a b=c\n.!");
    turns(1500);
    CHECK_INT(count(ALWAYS, "ch="), 0);
    CHECK_INT(end(), 0);
}

static void
a_spool_that_is_in_memory_only_is_told_until_it_is_good_again(void)
{
    begin();
    keeps = false;
    tell(COURIER_KEPT, ENOSPC, told[told_count - 1].number, "");
    CHECK(comes(ALWAYS, "agent.self part=spool state=unsaved"));
    tell(COURIER_KEPT, 0, told[told_count - 1].number, "");
    CHECK(comes(ALWAYS, "agent.self part=spool of="));
    CHECK_INT(end(), 0);
}

static void
what_the_spool_dropped_is_told(void)
{
    begin();
    tell(COURIER_DROPPED, 17, 0, "");
    CHECK(comes(ALWAYS, "agent.flood part=spool n=17"));
    CHECK_INT(end(), 0);
}

static void
netwatch_is_told_the_address_when_it_is_known_and_when_it_is_started_later(void)
{
    static const char address[] = { AF_INET, (char)192, 0, 2, 7, 0 };
    struct courier_message up = { .kind = COURIER_UP };
    struct address_message m = { .magic = 0 };

    begin();
    memcpy(up.bytes, address, sizeof(address));
    link_send(courier, &up, sizeof(up));
    turns(100);
    CHECK_INT(link_receive(detector, &m, sizeof(m)), sizeof(m));
    CHECK(message_address_valid(&m, sizeof(m)) && m.family == AF_INET && m.address[0] == 192);
    close(detector);
    detector = core_alone_introduce(&core, ROLE_NETWATCH, 0);
    turns(100);
    CHECK_INT(link_receive(detector, &m, sizeof(m)), sizeof(m));
    CHECK(message_address_valid(&m, sizeof(m)) && m.address[3] == 7);
    CHECK_INT(end(), 0);
}

static void
send_base(uint8_t first, uint8_t none)
{
    struct base_message m = { .magic = BASE_MAGIC, .none = none, .root = { first } };

    link_send(detector, &m, sizeof(m));
}

static void
the_baseline_is_told_when_it_is_known_and_when_it_is_another(void)
{
    begin();
    CHECK_INT(count(ALWAYS, "agent.run base="), 0);
    send_base(0, 1);
    CHECK(comes(ALWAYS, "agent.run base=none "));
    send_base(8, 0);
    CHECK(comes(ALWAYS, "agent.run base=10000000000000000000 "));
    send_base(8, 0);
    send_base(16, 0);
    CHECK(comes(ALWAYS, "agent.run base=20000000000000000000 "));
    CHECK_INT(count(ALWAYS, "agent.run base="), 3);
    CHECK_INT(end(), 0);
}

static void
the_last_line_is_acknowledged_before_the_core_ends(void)
{
    begin();
    CHECK_INT(end(), 0);
    CHECK(told_count > 0 &&
            memmem(told[told_count - 1].bytes, told[told_count - 1].len, "agent.stop", 10) != NULL);
    CHECK(goodbye);
}

int
main(void)
{
    if (!core_alone_prepare(&core)) {
        return 1;
    }
    configure();
    CHECK_RUN(the_courier_is_greeted_first_and_told_every_line_from_the_first_on_in_order);
    CHECK_RUN(a_courier_that_keeps_nothing_is_told_no_more_than_the_window);
    CHECK_RUN(a_courier_that_is_started_again_is_told_what_the_other_did_not_keep);
    CHECK_RUN(silence_is_told_as_lost_on_every_channel_and_the_end_of_it_as_back);
    CHECK_RUN(a_long_loss_is_told_again_by_new_lines);
    CHECK_RUN(two_errors_are_told_as_lost_at_once);
    CHECK_RUN(a_lost_route_asks_for_a_look_and_is_told_when_nothing_is_acknowledged);
    CHECK_RUN(a_changed_firewall_asks_for_a_look);
    CHECK_RUN(an_answer_that_is_late_asks_for_a_look_before_anything_is_told);
    CHECK_RUN(a_core_that_was_stopped_has_not_heard_silence);
    CHECK_RUN(without_a_courier_the_network_is_lost);
    CHECK_RUN(a_fallback_channel_has_beats_only_until_the_network_is_lost_and_then_what_waits);
    CHECK_RUN(a_client_is_told_the_evidence_and_the_state);
    CHECK_RUN(a_rekey_is_named_at_once_and_told_when_it_is_stored);
    CHECK_RUN(an_agent_whose_session_file_is_read_only_never_rekeys);
    CHECK_RUN(a_rekey_asked_for_again_at_once_is_not_taken_up);
    CHECK_RUN(a_token_is_said_in_the_next_three_beats);
    CHECK_RUN(a_token_of_other_letters_is_never_said);
    CHECK_RUN(a_spool_that_is_in_memory_only_is_told_until_it_is_good_again);
    CHECK_RUN(what_the_spool_dropped_is_told);
    CHECK_RUN(netwatch_is_told_the_address_when_it_is_known_and_when_it_is_started_later);
    CHECK_RUN(the_baseline_is_told_when_it_is_known_and_when_it_is_another);
    CHECK_RUN(the_last_line_is_acknowledged_before_the_core_ends);
    core_alone_clean(&core);
    return check_result();
}
