#include "proc/core.h"
#include "proc/link.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The core and its clients on STATE/ctl.
 */
#define IDLE_MOST_MS 30000    /* without a request; then the place is free */
#define IDLE_LEAST_MS 1000    /* from here on it is given away when there is no other */
#define STATUS_WAIT_MS 500    /* for detectors and wires to say how they are */
#define NETWORK CONF_CHANNELS /* its bit beside those of the channels */

static void
leave(struct core_client *client)
{
    close(client->fd);
    client->fd = -1;
}

static void
reply(struct core_client *client, const void *message, size_t len)
{
    if (link_send(client->fd, message, len) != 0) {
        leave(client);
    }
}

/* One that is out is answered for good; one that waits may still come. */
static void
answer(struct core_client *client, unsigned channel, enum ctl_state state, int64_t now_ms)
{
    const struct core_channel *c = &core.channel[channel];
    struct ctl_reply r = { .magic = CTL_MAGIC,
        .channel = (uint8_t)channel,
        .channels = (uint8_t)core.self->conf->channels,
        .state = (uint8_t)state,
        .error = state == CTL_LOST ? c->error : 0,
        .elapsed_ms = (uint32_t)(now_ms - client->from_ms),
        .session = core.session.number,
        .number = client->rings ? client->number : core.session.tree.next,
        .open = open_count(&core.open),
        .queued = schedule_waiting(&core.schedule, channel) };

    if (state == CTL_LOST) {
        snprintf(r.why, sizeof(r.why), "%s", c->lost ? c->why : "ended");
    }
    client->answered |= state == CTL_WRITTEN ? 1u << channel : 0;
    reply(client, &r, sizeof(r));
}

/* The network's share of a ring. */
static void
answer_network(struct core_client *client, enum ctl_state state, int64_t now_ms)
{
    struct ctl_reply r = { .magic = CTL_MAGIC,
        .network = 1,
        .state = (uint8_t)state,
        .error = core.net.error,
        .elapsed_ms = (uint32_t)(now_ms - client->from_ms),
        .session = core.session.number,
        .number = client->number,
        .open = open_count(&core.open),
        .queued = schedule_network_waiting(&core.schedule) };

    client->answered |= state == CTL_WRITTEN ? 1u << NETWORK : 0;
    reply(client, &r, sizeof(r));
}

static bool
waits_for(const struct core_client *client, unsigned bit)
{
    return client->fd >= 0 && client->rings && (client->answered & 1u << bit) == 0;
}

void
core_ctl_rings(unsigned channel, enum ctl_state state, uint32_t number, int64_t now_ms)
{
    for (unsigned i = 0; i < CORE_CLIENTS; i++) {
        struct core_client *client = &core.client[i];

        if (waits_for(client, channel) && (state == CTL_LOST || client->number == number)) {
            answer(client, channel, state, now_ms);
        }
    }
}

void
core_ctl_acked(uint32_t number, int64_t now_ms)
{
    for (unsigned i = 0; i < CORE_CLIENTS; i++) {
        struct core_client *client = &core.client[i];

        if (waits_for(client, NETWORK) && client->number <= number) {
            answer_network(client, CTL_WRITTEN, now_ms);
        }
    }
}

void
core_ctl_net_lost(int64_t now_ms)
{
    for (unsigned i = 0; i < CORE_CLIENTS && core.net.lost; i++) {
        if (waits_for(&core.client[i], NETWORK)) {
            answer_network(&core.client[i], CTL_LOST, now_ms);
        }
    }
}

static bool
idle(const struct core_client *client, int64_t now_ms)
{
    return !client->rings && client->asks == CTL_NOTHING && now_ms - client->from_ms >= IDLE_LEAST_MS;
}

/* A free place, else that of the client that has been idle longest; NULL when all are busy. */
static struct core_client *
place(int64_t now_ms)
{
    struct core_client *oldest = NULL;

    for (unsigned i = 0; i < CORE_CLIENTS; i++) {
        struct core_client *client = &core.client[i];

        if (client->fd < 0) {
            return client;
        }
        if (idle(client, now_ms) && (oldest == NULL || client->from_ms < oldest->from_ms)) {
            oldest = client;
        }
    }
    return oldest;
}

bool
core_ctl_room(int64_t now_ms)
{
    return place(now_ms) != NULL;
}

void
core_ctl_welcome(int64_t now_ms)
{
    struct core_client *client = place(now_ms);
    int fd = client != NULL ? accept4(ROLE_FD_LISTEN, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;

    if (fd < 0) {
        return;
    }
    if (client->fd >= 0) {
        leave(client);
    }
    *client = (struct core_client){ .fd = fd, .from_ms = now_ms };
}

static void
answer_channels(struct core_client *client, int64_t now_ms)
{
    for (unsigned i = 0; i < core.self->conf->channels && client->fd >= 0; i++) {
        answer(client, i, core_wire_state(i), now_ms);
    }
}

/* Who cannot be written now is told at once, and again when it could. */
static void
answer_lost(struct core_client *client, int64_t now_ms)
{
    client->unanswered = false;
    for (unsigned i = 0; i < core.self->conf->channels && client->fd >= 0; i++) {
        if (core_wire_state(i) == CTL_LOST) {
            answer(client, i, CTL_LOST, now_ms);
        }
    }
    if (client->fd >= 0 && core.net.used && core.net.lost) {
        answer_network(client, CTL_LOST, now_ms);
    }
}

static void
ring(struct core_client *client, uint32_t wait_s, int64_t now_ms)
{
    int64_t number =
            core.goodbye ? -1 : core_tell_flagged(SCHEDULE_ALWAYS, WIRE_WARN, "test.alarm", "by=ring", -1);

    client->rings = true;
    client->number = number >= 0 ? (uint32_t)number : 0;
    client->until_ms = now_ms + (wait_s == 0 ? IDLE_MOST_MS : (int64_t)wait_s * 1000);
    client->unanswered = true;
}

static void
answer_detector(struct core_client *client, uint32_t from, int64_t now_ms)
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

static void
answer_channel(struct core_client *client, uint32_t from, int64_t now_ms)
{
    struct ctl_channel r = { .magic = CTL_MAGIC };

    if (from < core.self->conf->channels) {
        core_wire_describe(from, &r, now_ms);
        r.next = from + 1 < core.self->conf->channels ? from + 1 : 0;
    }
    reply(client, &r, sizeof(r));
}

/* What a client at the first detector gets is from now; the rest it asks for follows at once. */
static void
ask_detectors(struct core_client *client)
{
    const struct ask_message m = { .magic = ASK_MAGIC };

    client->asks = CTL_DETECTOR;
    for (unsigned i = 0; i < CORE_DETECTORS; i++) {
        core.asked[i] = core.detector[i] >= 0 && link_send(core.detector[i], &m, sizeof(m)) == 0;
    }
}

static void
ask_wires(struct core_client *client)
{
    client->asks = CTL_CHANNEL;
    for (unsigned i = 0; i < core.self->conf->channels; i++) {
        core_wire_ask(i);
    }
}

static bool
all_have_said(enum ctl_kind kind)
{
    for (unsigned i = 0; kind == CTL_DETECTOR && i < CORE_DETECTORS; i++) {
        if (core.asked[i]) {
            return false;
        }
    }
    for (unsigned i = 0; kind == CTL_CHANNEL && i < core.self->conf->channels; i++) {
        if (core.channel[i].asked) {
            return false;
        }
    }
    return true;
}

void
core_ctl_answer(int64_t now_ms, int64_t *due_ms)
{
    for (unsigned i = 0; i < CORE_CLIENTS; i++) {
        struct core_client *client = &core.client[i];
        enum ctl_kind kind = client->asks;
        int64_t until_ms = client->from_ms + STATUS_WAIT_MS;

        if (client->unanswered) {
            answer_lost(client, now_ms);
        }
        if (client->fd < 0 || kind == CTL_NOTHING) {
            continue;
        }
        if (!all_have_said(kind) && now_ms < until_ms) {
            *due_ms = until_ms < *due_ms ? until_ms : *due_ms;
            continue;
        }
        client->asks = CTL_NOTHING;
        if (kind == CTL_DETECTOR) {
            answer_detector(client, 0, now_ms);
        } else {
            answer_channel(client, 0, now_ms);
        }
    }
}

static void
answer_finding(struct core_client *client, uint32_t from, int64_t now_ms)
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
answer_net(struct core_client *client, int64_t now_ms)
{
    struct ctl_net r;

    core_net_describe(&r, now_ms);
    reply(client, &r, sizeof(r));
}

static void
answer_rights(struct core_client *client)
{
    struct ctl_rights r = core.rights;

    r.magic = CTL_MAGIC;
    reply(client, &r, sizeof(r));
}

static void
take_request(struct core_client *client, const struct ctl_request *m, int64_t now_ms)
{
    *client = (struct core_client){ .fd = client->fd, .from_ms = now_ms };
    switch ((enum ctl_kind)m->kind) {
    case CTL_RING:
        ring(client, m->from, now_ms);
        break;
    case CTL_STATUS:
        answer_channels(client, now_ms);
        break;
    case CTL_DETECTOR:
        if (m->from == 0) {
            ask_detectors(client);
        } else {
            answer_detector(client, m->from, now_ms);
        }
        break;
    case CTL_CHANNEL:
        if (m->from == 0) {
            ask_wires(client);
        } else {
            answer_channel(client, m->from, now_ms);
        }
        break;
    case CTL_FINDING:
        answer_finding(client, m->from, now_ms);
        break;
    case CTL_NET:
        answer_net(client, now_ms);
        break;
    case CTL_RIGHTS:
        answer_rights(client);
        break;
    case CTL_NOTHING:
    case CTL_KINDS:
        break;
    }
}

void
core_ctl_hear(struct core_client *client, int64_t now_ms)
{
    struct ctl_request m;
    ssize_t n = link_receive(client->fd, &m, sizeof(m));

    if (n == -EAGAIN) {
        return;
    }
    if (n <= 0 || !message_request_valid(&m, (size_t)n)) {
        leave(client);
        return;
    }
    take_request(client, &m, now_ms);
}

void
core_ctl_drop_old(int64_t now_ms)
{
    for (unsigned i = 0; i < CORE_CLIENTS; i++) {
        struct core_client *client = &core.client[i];
        bool over = client->rings ? now_ms >= client->until_ms : now_ms - client->from_ms > IDLE_MOST_MS;

        if (client->fd >= 0 && over) {
            leave(client);
        }
    }
}
