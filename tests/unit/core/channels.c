#include "alarm/clock.h"
#include "proc/link.h"
#include "proc/rights.h"
#include "support/check.h"
#include "support/core_alone.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What the core says of channels, over the other channels and to its clients. Two wires, a detector and a
 * courier are this program.
 */
#define WAIT_MS 20000
#define FIRST 0
#define SECOND 1
#define CLIENTS 4 /* places for them in the core */

static struct conf conf;
static struct core_alone core;
static int wire[2];
static int detector;
static int courier;
static char written[2][1 << 18];
static size_t written_len[2];
static bool takes[2];   /* a wire's device takes lines */
static bool answers[2]; /* a wire says how its device is */
static unsigned asked[2];
static uint32_t last_told;           /* the number of the last line that the courier was told */
static struct device_message device; /* the last one that the detector was told */
static unsigned devices;

static void
say(int channel, enum wire_kind kind, int value, const char *word)
{
    struct wire_message m = { .kind = (uint8_t)kind, .value = value };

    snprintf(m.word, sizeof(m.word), "%s", word);
    CHECK_INT(link_send(wire[channel], &m, sizeof(m)), 0);
}

static void
say_status(int channel, uint64_t number, const char *settings)
{
    struct wire_status m = { .magic = WIRE_STATUS_MAGIC, .open = 1, .device = number };

    snprintf(m.settings, sizeof(m.settings), "%s", settings);
    CHECK_INT(link_send(wire[channel], &m, sizeof(m)), 0);
}

static void
be_wire(int channel)
{
    struct line_message m;

    while (wire[channel] >= 0 && takes[channel] && link_receive(wire[channel], &m, sizeof(m)) > 0) {
        struct wire_message done = { .kind = WIRE_SAYS_DONE, .number = m.number };
        char *to = written[channel] + written_len[channel];

        if (m.kind == LINE_ASK) {
            asked[channel]++;
            if (answers[channel]) {
                say_status(channel, 4 << 8 | 65, "9600 8n1");
            }
        }
        if (m.kind != LINE_WRITE) {
            continue;
        }
        CHECK(written_len[channel] + m.len + 2u < sizeof(written[channel]));
        written_len[channel] += (size_t)snprintf(to, WIRE_LINE_MAX + 2, "%.*s\n", (int)m.len, m.bytes);
        link_send(wire[channel], &done, sizeof(done));
    }
}

static void
be_courier_and_detector(void)
{
    union {
        struct line_message line;
        struct device_message device;
        struct ask_message ask;
    } m;
    ssize_t n;

    while (courier >= 0 && (n = link_receive(courier, &m, sizeof(m))) > 0) {
        if (message_line_valid(&m, (size_t)n) && m.line.kind == LINE_WRITE) {
            last_told = m.line.number;
        }
    }
    while ((n = link_receive(detector, &m, sizeof(m))) > 0) {
        if (message_device_valid(&m, (size_t)n)) {
            device = m.device;
            devices++;
        }
    }
}

static void
turn(void)
{
    core_alone_turn(&core);
    be_wire(FIRST);
    be_wire(SECOND);
    be_courier_and_detector();
    poll(NULL, 0, 5);
}

static void
turns(int64_t ms)
{
    for (int64_t until = clock_boot_ms() + ms; clock_boot_ms() < until;) {
        turn();
    }
}

static bool
comes(int channel, const char *text)
{
    for (int64_t until = clock_boot_ms() + WAIT_MS; clock_boot_ms() < until; turn()) {
        if (strstr(written[channel], text) != NULL) {
            return true;
        }
    }
    printf("channel %d never had \"%s\"; it had:\n%s", channel, text, written[channel]);
    return false;
}

static unsigned
count(int channel, const char *text)
{
    unsigned n = 0;

    for (const char *p = written[channel]; (p = strstr(p, text)) != NULL; p++) {
        n++;
    }
    return n;
}

static void
begin(void)
{
    memset(written, 0, sizeof(written));
    memset(written_len, 0, sizeof(written_len));
    memset(asked, 0, sizeof(asked));
    takes[FIRST] = takes[SECOND] = true;
    answers[FIRST] = answers[SECOND] = true;
    device = (struct device_message){ .magic = 0 };
    devices = 0;
    courier = -1;
    core_alone_start(&core, &conf, true);
    wire[FIRST] = core_alone_wire(&core, FIRST);
    wire[SECOND] = core_alone_wire(&core, SECOND);
    detector = core_alone_introduce(&core, ROLE_PROCSCAN, 0);
    CHECK(comes(FIRST, "agent.start") && comes(SECOND, "agent.start"));
}

static int
end(void)
{
    int status = -1;

    takes[FIRST] = takes[SECOND] = true;
    core_alone_stop(&core);
    for (int64_t until = clock_boot_ms() + WAIT_MS; clock_boot_ms() < until; turn()) {
        if (core_alone_ended(&core, &status)) {
            break;
        }
    }
    for (int i = 0; i < 2; i++) {
        close(wire[i]);
    }
    close(detector);
    if (courier >= 0) {
        close(courier);
    }
    return status;
}

static void
configure(void)
{
    conf_init(&conf, NULL, NULL);
    snprintf(conf.host, sizeof(conf.host), "web03");
    conf.check_in_s = 1;
    conf.beat_s = 60;
    conf.channels = 2;
    for (int i = 0; i < 2; i++) {
        snprintf(conf.channel[i].scheme, sizeof(conf.channel[i].scheme), "serial");
        snprintf(conf.channel[i].device, sizeof(conf.channel[i].device), "/dev/ttyS%d", i + 1);
        conf.channel[i].floor = WIRE_INFO;
    }
}

/* ---- findings ---- */

static void
a_channel_that_is_lost_is_told_over_the_other_with_the_reason_and_told_when_it_is_back(void)
{
    begin();
    say(FIRST, WIRE_SAYS_LOST, 0, "paper");
    CHECK(comes(SECOND, "channel.lost channel=serial:/dev/ttyS1 why=paper"));
    say(FIRST, WIRE_SAYS_BACK, 0, "");
    CHECK(comes(SECOND, "channel.back channel=serial:/dev/ttyS1 of="));
    say(FIRST, WIRE_SAYS_LOST, EIO, "");
    CHECK(comes(SECOND, "why=Input/output%20error"));
    CHECK_INT(end(), 0);
}

static void
a_wire_that_is_started_again_and_does_well_closes_the_loss_that_the_one_before_told(void)
{
    begin();
    say(FIRST, WIRE_SAYS_LOST, ENODEV, "");
    CHECK(comes(SECOND, "channel.lost channel=serial:/dev/ttyS1"));
    close(wire[FIRST]);
    wire[FIRST] = core_alone_wire(&core, FIRST);
    CHECK(comes(SECOND, "channel.back channel=serial:/dev/ttyS1"));
    CHECK_INT(end(), 0);
}

static void
settings_that_somebody_changed_are_told_once_each_time_and_stay_open_never(void)
{
    begin();
    say(FIRST, WIRE_SAYS_TAMPERED, 0, "baud");
    CHECK(comes(SECOND, "channel.tampered channel=serial:/dev/ttyS1 what=baud once=yes"));
    CHECK(strstr(written[SECOND], " CRIT web03") != NULL);
    say(FIRST, WIRE_SAYS_TAMPERED, 0, "flow");
    CHECK(comes(SECOND, "what=flow once=yes"));
    turns(200);
    CHECK_INT(count(SECOND, "channel.tampered"), 2);
    CHECK_INT(count(SECOND, "channel.back"), 0);
    CHECK_INT(end(), 0);
}

static void
detectors_are_told_the_device_of_a_channel_when_it_opens_and_when_they_start_later(void)
{
    begin();
    say_status(SECOND, 4 << 8 | 66, "");
    turns(200);
    CHECK(devices == 1 && device.channel == SECOND && device.device == (4 << 8 | 66));
    say_status(SECOND, 4 << 8 | 66, ""); /* opened again */
    turns(200);
    CHECK_INT(devices, 2);
    close(detector);
    detector = core_alone_introduce(&core, ROLE_PROCSCAN, 0);
    turns(200);
    CHECK(devices == 3 && device.channel == SECOND && device.device == (4 << 8 | 66));
    say_status(SECOND, 0, "");
    turns(200);
    CHECK(devices == 4 && device.device == 0);
    CHECK_INT(end(), 0);
}

/* ---- clients ---- */

static bool
take(int client, void *out, size_t size)
{
    for (int64_t until = clock_boot_ms() + WAIT_MS; clock_boot_ms() < until; turn()) {
        ssize_t n = link_receive(client, out, size);

        if (n != -EAGAIN) {
            return n > 0;
        }
    }
    return false;
}

static void
ask(int client, enum ctl_kind kind, uint32_t from)
{
    struct ctl_request m = { .magic = CTL_MAGIC, .kind = (uint8_t)kind, .from = from };

    CHECK_INT(link_send(client, &m, sizeof(m)), 0);
}

static struct ctl_channel
ask_channel(int client, uint32_t from)
{
    struct ctl_channel r = { .magic = 0 };

    ask(client, CTL_CHANNEL, from);
    CHECK(take(client, &r, sizeof(r)));
    CHECK(message_channel_valid(&r, sizeof(r)));
    return r;
}

static void
a_client_is_told_what_each_channel_has_open_and_what_went_over_it(void)
{
    begin();
    int client = core_alone_client(&core);
    struct ctl_channel r = ask_channel(client, 0);

    CHECK(r.channel == 0 && r.next == 1 && r.running == 1 && r.answers == 1 && r.open == 1);
    CHECK_STR(r.settings, "9600 8n1");
    CHECK(r.device == (4 << 8 | 65) && r.error_ms == -1 && r.tampered == 0);
    CHECK_INT(r.lines, count(FIRST, "\n"));
    CHECK_INT(r.bytes, written_len[FIRST] - count(FIRST, "\n"));
    say(SECOND, WIRE_SAYS_TAMPERED, 0, "baud");
    takes[SECOND] = false;
    say(SECOND, WIRE_SAYS_LOST, 0, "offline");
    CHECK(comes(FIRST, "why=offline"));
    r = ask_channel(client, 1);
    CHECK(r.channel == 1 && r.next == 0 && r.state == CTL_LOST && r.tampered == 1 && r.error_ms >= 0);
    CHECK_STR(r.why, "offline");
    CHECK(asked[FIRST] == 1 && asked[SECOND] == 1);
    close(client);
    CHECK_INT(end(), 0);
}

static struct ctl_rights
ask_rights(int client)
{
    struct ctl_rights r = { .magic = 0 };

    ask(client, CTL_RIGHTS, 0);
    CHECK(take(client, &r, sizeof(r)));
    CHECK(message_rights_valid(&r, sizeof(r)));
    return r;
}

static void
guards(enum role role, unsigned index, unsigned missing)
{
    const struct control_message m = {
        .kind = CONTROL_RIGHTS, .role = (uint8_t)role, .index = (uint8_t)index, .value = (int32_t)missing
    };

    CHECK_INT(link_send(core.control, &m, sizeof(m)), 0);
}

static void
a_client_is_told_how_far_each_process_is_walled_in(void)
{
    begin();
    int client = core_alone_client(&core);
    const unsigned common = rights_has_seccomp() ? 0 : RIGHTS_BIT(RIGHTS_SECCOMP);
    struct ctl_rights r = ask_rights(client);

    CHECK((r.process[ROLE_CORE] & CTL_RIGHTS_KNOWN) != 0);
    CHECK(r.process[ROLE_FSCHECK] == 0 && r.process[ROLES + SECOND] == 0);
    guards(ROLE_FSCHECK, 0, 0);
    guards(ROLE_WIRE, SECOND, RIGHTS_BIT(RIGHTS_LANDLOCK));
    guards(ROLE_WIRE, 255, RIGHTS_ALL);
    turns(200);
    r = ask_rights(client);
    CHECK_INT(r.process[ROLE_FSCHECK], CTL_RIGHTS_KNOWN | common);
    CHECK_INT(r.process[ROLES + SECOND], CTL_RIGHTS_KNOWN | RIGHTS_BIT(RIGHTS_LANDLOCK) | common);
    CHECK_INT(r.process[ROLES + FIRST], 0);
    CHECK(comes(FIRST, "layer=landlock part=sandbox state=missing"));
    close(client);
    CHECK_INT(end(), 0);
}

static void
a_wire_that_does_not_answer_is_shown_as_silent_and_holds_up_no_client(void)
{
    begin();
    answers[SECOND] = false;
    int client = core_alone_client(&core);
    struct ctl_channel r = ask_channel(client, 0);

    CHECK(r.answers == 1);
    r = ask_channel(client, 1);
    CHECK(r.running == 1 && r.answers == 0);
    close(wire[SECOND]);
    wire[SECOND] = -1;
    turns(100);
    r = ask_channel(client, 1);
    CHECK(r.running == 0 && r.answers == 0 && r.state == CTL_LOST);
    close(client);
    CHECK_INT(end(), 0);
}

static struct ctl_reply
take_ring(int client)
{
    struct ctl_reply r = { .magic = 0 };

    CHECK(take(client, &r, sizeof(r)));
    CHECK(message_reply_valid(&r, sizeof(r)));
    return r;
}

static void
who_rings_is_told_at_once_of_a_lost_channel_and_again_when_it_took_the_line(void)
{
    begin();
    say(SECOND, WIRE_SAYS_LOST, 0, "paper");
    takes[SECOND] = false;
    CHECK(comes(FIRST, "why=paper"));
    int client = core_alone_client(&core);

    ask(client, CTL_RING, 60);
    struct ctl_reply r = take_ring(client);
    CHECK(r.channel == SECOND && r.state == CTL_LOST && r.network == 0);
    CHECK_STR(r.why, "paper");
    r = take_ring(client);
    CHECK(r.channel == FIRST && r.state == CTL_WRITTEN);
    takes[SECOND] = true;
    say(SECOND, WIRE_SAYS_READY, 0, "");
    r = take_ring(client);
    CHECK(r.channel == SECOND && r.state == CTL_WRITTEN);
    CHECK(count(SECOND, "test.alarm by=ring") >= 1); /* on a slow machine its next copy was due, too */
    close(client);
    CHECK_INT(end(), 0);
}

static void
who_rings_is_told_when_the_receiver_has_acknowledged(void)
{
    struct courier_message acked = { .kind = COURIER_ACKED };

    snprintf(conf.receiver.name, sizeof(conf.receiver.name), "192.0.2.7");
    begin();
    courier = core_alone_introduce(&core, ROLE_COURIER, 0);
    int client = core_alone_client(&core);
    union {
        struct line_message line;
        struct courier_order order;
    } m = { .order = { .kind = COURIER_PROBE } };

    while (m.order.kind != COURIER_HELLO || m.order.session == 0) {
        if (link_receive(courier, &m, sizeof(m)) != (ssize_t)sizeof(m.order)) {
            poll(NULL, 0, 5);
        }
    }
    acked.session = m.order.session;
    memcpy(acked.nonce, m.order.nonce, sizeof(acked.nonce));
    ask(client, CTL_RING, 60);
    struct ctl_reply r = take_ring(client);
    uint32_t number = r.number;
    r = take_ring(client);
    CHECK_INT(r.network, 0);
    acked.number = number - 1;
    link_send(courier, &acked, sizeof(acked));
    turns(200);
    CHECK_INT(link_receive(client, &r, sizeof(r)), -EAGAIN);
    acked.number = number;
    link_send(courier, &acked, sizeof(acked));
    r = take_ring(client);
    CHECK(r.network == 1 && r.state == CTL_WRITTEN && r.number == number);
    close(client);
    CHECK_INT(end(), 0);
    conf.receiver.name[0] = '\0';
}

static void
clients_that_do_nothing_keep_nobody_out_and_the_one_that_did_so_longest_goes_first(void)
{
    int client[CLIENTS + 1];
    struct ctl_request m = { .magic = CTL_MAGIC, .kind = CTL_STATUS };
    struct ctl_reply r;

    begin();
    for (int i = 0; i < CLIENTS; i++) {
        client[i] = core_alone_client(&core);
        CHECK(client[i] >= 0);
        turns(50);
    }
    client[CLIENTS] = core_alone_client(&core);
    CHECK(client[CLIENTS] >= 0);
    ask(client[CLIENTS], CTL_STATUS, 0);
    CHECK(take(client[CLIENTS], &r, sizeof(r)));
    CHECK_INT(link_receive(client[0], &r, sizeof(r)), 0);
    for (int i = 1; i < CLIENTS; i++) {
        CHECK_INT(link_send(client[i], &m, sizeof(m)), 0);
        CHECK(take(client[i], &r, sizeof(r)));
    }
    for (int i = 0; i <= CLIENTS; i++) {
        close(client[i]);
    }
    CHECK_INT(end(), 0);
}

/* ---- life ---- */

/* The timer that it sets anew before it runs out, as the warden sees it. */
static bool
shows_life(void)
{
    struct itimerspec left;

    CHECK_INT(timerfd_gettime(core.pulse, &left), 0);
    return left.it_value.tv_sec != 0 || left.it_value.tv_nsec != 0;
}

static bool
life_becomes(bool shown)
{
    for (int64_t until = clock_boot_ms() + WAIT_MS; clock_boot_ms() < until; turn()) {
        if (shows_life() == shown) {
            return true;
        }
    }
    return false;
}

static void
the_sign_of_life_of_a_core_that_is_stopped_runs_out_until_it_goes_on(void)
{
    struct pollfd late = { .events = POLLIN };

    begin();
    late.fd = core.pulse;
    CHECK(life_becomes(true));
    CHECK_INT(poll(&late, 1, 0), 0);
    CHECK_INT(kill(core.pid, SIGSTOP), 0);
    CHECK(life_becomes(false));
    CHECK_INT(poll(&late, 1, 0), 1);
    CHECK_INT(kill(core.pid, SIGCONT), 0);
    CHECK(life_becomes(true));
    CHECK_INT(end(), 0);
}

int
main(void)
{
    if (!core_alone_prepare(&core)) {
        return 1;
    }
    configure();
    CHECK_RUN(a_channel_that_is_lost_is_told_over_the_other_with_the_reason_and_told_when_it_is_back);
    CHECK_RUN(a_wire_that_is_started_again_and_does_well_closes_the_loss_that_the_one_before_told);
    CHECK_RUN(settings_that_somebody_changed_are_told_once_each_time_and_stay_open_never);
    CHECK_RUN(detectors_are_told_the_device_of_a_channel_when_it_opens_and_when_they_start_later);
    CHECK_RUN(a_client_is_told_what_each_channel_has_open_and_what_went_over_it);
    CHECK_RUN(a_client_is_told_how_far_each_process_is_walled_in);
    CHECK_RUN(a_wire_that_does_not_answer_is_shown_as_silent_and_holds_up_no_client);
    CHECK_RUN(who_rings_is_told_at_once_of_a_lost_channel_and_again_when_it_took_the_line);
    CHECK_RUN(who_rings_is_told_when_the_receiver_has_acknowledged);
    CHECK_RUN(clients_that_do_nothing_keep_nobody_out_and_the_one_that_did_so_longest_goes_first);
    CHECK_RUN(the_sign_of_life_of_a_core_that_is_stopped_runs_out_until_it_goes_on);
    core_alone_clean(&core);
    return check_result();
}
