#include "proc/core.h"
#include "proc/link.h"
#include "proc/role.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * The core and the wires: a line each time one asks, and the lines kept in reserve.
 */

#define MOVES_MS 500
#define LINE_BITS ((WIRE_LINE_MAX + 2) * INT64_C(10))

void
core_wire_feed(unsigned i, int64_t now_ms, int64_t *due_ms)
{
    struct core_channel *c = &core.channel[i];
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
        c->sent = line->len;
    }
}

void
core_wire_alive(unsigned i, int64_t now_ms)
{
    struct core_channel *c = &core.channel[i];
    struct line_message m = { .kind = LINE_CORE_ALIVE };

    if (c->fd >= 0 && now_ms - c->alive_ms >= ROLE_ALIVE_MS - ROLE_EARLY_MS) {
        link_send(c->fd, &m, sizeof(m));
        c->alive_ms = now_ms;
    }
}

static void
begin_finding(unsigned i, enum finding_code code, struct finding *f)
{
    const struct conf_channel *c = &core.self->conf->channel[i];
    char subject[CONF_SCHEME + CONF_PATH];
    int n = snprintf(subject, sizeof(subject), "%s:%s", c->scheme, c->device);

    finding_begin(f, code, "channel", subject, (size_t)n);
}

static void
tell_lost(unsigned i, const struct wire_message *m)
{
    const char *why = m->word[0] != '\0' ? m->word : strerror(m->value);
    struct finding f;

    begin_finding(i, FINDING_CHANNEL_LOST, &f);
    finding_add(&f, "why", why, strlen(why));
    open_take(&core.open, &f);
}

/* It is put right by then, so nothing stays open. */
static void
tell_tampered(unsigned i, const char *what)
{
    struct finding f;

    begin_finding(i, FINDING_CHANNEL_TAMPERED, &f);
    f.op = FINDING_EVENT;
    finding_addf(&f, "what", "%s", what);
    open_take(&core.open, &f);
}

static void
lost(unsigned i, const struct wire_message *m, int64_t now_ms)
{
    struct core_channel *c = &core.channel[i];

    c->state_ms = c->lost ? c->state_ms : now_ms;
    c->lost = true;
    c->error = m->value;
    memcpy(c->why, m->word, sizeof(c->why));
    c->error_ms = now_ms;
    schedule_lost(&core.schedule, i, now_ms);
    tell_lost(i, m);
    core_ctl_rings(i, CTL_LOST, 0, now_ms);
}

/* Also what a new wire does well with: it does not know that the one before had lost the device. */
static void
well(unsigned i, int64_t now_ms)
{
    struct core_channel *c = &core.channel[i];
    struct finding f;

    if (!c->lost) {
        return;
    }
    c->lost = false;
    c->state_ms = now_ms;
    begin_finding(i, FINDING_CHANNEL_LOST, &f);
    f.op = FINDING_CLOSE;
    open_take(&core.open, &f);
}

static void
done(unsigned i, uint32_t number, int64_t now_ms)
{
    struct core_channel *c = &core.channel[i];

    schedule_done(&core.schedule, i, number, now_ms);
    c->lines++;
    c->bytes += c->sent;
    c->line_ms = now_ms;
    c->credit = true;
    core_ctl_rings(i, CTL_WRITTEN, number, now_ms);
}

static void
take_wire(unsigned i, const struct wire_message *m, int64_t now_ms)
{
    switch ((enum wire_kind)m->kind) {
    case WIRE_SAYS_DONE:
        well(i, now_ms);
        done(i, m->number, now_ms);
        break;
    case WIRE_SAYS_READY:
        well(i, now_ms);
        core.channel[i].credit = true;
        break;
    case WIRE_SAYS_LOST:
        lost(i, m, now_ms);
        break;
    case WIRE_SAYS_BACK:
        well(i, now_ms);
        break;
    case WIRE_SAYS_TAMPERED:
        core.channel[i].tampered++;
        tell_tampered(i, m->word);
        break;
    case WIRE_KINDS:
        break;
    }
}

static void
tell_device(int detector, unsigned i)
{
    struct device_message m = {
        .magic = DEVICE_MAGIC, .channel = (uint8_t)i, .device = core.channel[i].status.device
    };

    link_send(detector, &m, sizeof(m));
}

void
core_wires_introduce(int detector)
{
    for (unsigned i = 0; i < core.self->conf->channels; i++) {
        if (core.channel[i].status.device != 0) {
            tell_device(detector, i);
        }
    }
}

/* Told without being asked, it is that the wire has opened or lost its device. */
static void
take_status(unsigned i, const struct wire_status *m)
{
    struct core_channel *c = &core.channel[i];
    bool news = !c->asked || c->status.device != m->device;

    c->status = *m;
    c->asked = false;
    for (unsigned d = 0; news && d < CORE_DETECTORS; d++) {
        if (core.detector[d] >= 0) {
            tell_device(core.detector[d], i);
        }
    }
}

void
core_wire_hear(unsigned i, int64_t now_ms)
{
    struct core_channel *c = &core.channel[i];
    union {
        struct wire_message wire;
        struct wire_status status;
    } m;

    _Static_assert(sizeof(m.wire) != sizeof(m.status), "the size says which it is");
    for (unsigned turn = 0; turn < CORE_MESSAGES_A_TURN; turn++) {
        ssize_t n = link_receive(c->fd, &m, sizeof(m));
        if (n == -EAGAIN) {
            return;
        }
        if (n <= 0) {
            close(c->fd);
            c->fd = -1;
            c->asked = false;
            return;
        }
        if (message_wire_valid(&m, (size_t)n)) {
            take_wire(i, &m.wire, now_ms);
        } else if (message_wire_status_valid(&m, (size_t)n)) {
            take_status(i, &m.status);
        }
    }
}

void
core_wire_ask(unsigned i)
{
    struct core_channel *c = &core.channel[i];
    struct line_message m = { .kind = LINE_ASK };

    c->asked = c->fd >= 0 && link_send(c->fd, &m, sizeof(m)) == 0;
}

enum ctl_state
core_wire_state(unsigned i)
{
    if (core.channel[i].lost || core.channel[i].fd < 0) {
        return CTL_LOST;
    }
    return schedule_waiting(&core.schedule, i) > 0 ? CTL_WAITING : CTL_WRITTEN;
}

void
core_wire_describe(unsigned i, struct ctl_channel *out, int64_t now_ms)
{
    const struct core_channel *c = &core.channel[i];

    out->channel = (uint8_t)i;
    out->state = (uint8_t)core_wire_state(i);
    out->running = c->fd >= 0;
    out->answers = c->fd >= 0 && !c->asked;
    out->open = c->status.open;
    out->error = c->error;
    out->tampered = c->tampered;
    out->waiting = schedule_waiting(&core.schedule, i);
    out->device = c->status.device;
    out->lines = c->lines;
    out->bytes = c->bytes;
    out->state_ms = now_ms - (c->state_ms != 0 ? c->state_ms : core.started_ms);
    out->line_ms = c->line_ms != 0 ? now_ms - c->line_ms : -1;
    out->error_ms = c->error_ms != 0 ? now_ms - c->error_ms : -1;
    memcpy(out->why, c->why, sizeof(out->why));
    memcpy(out->settings, c->status.settings, sizeof(out->settings));
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

void
core_wire_reserves(void)
{
    for (unsigned i = 0; i < core.self->conf->channels; i++) {
        give_reserve(i, LINE_CORE_LOST, "proc=core state=lost");
        give_reserve(i, LINE_WARDEN_LOST, "proc=warden state=lost");
    }
}

/*
 * A wire that starts (again) gets its channel's two reserve lines, used or not: copies are byte-identical. Of
 * the one before stays what went over the channel, and that it was lost until the new one does well.
 */
void
core_wire_welcome(unsigned i, int fd, int64_t now_ms)
{
    struct core_channel *c = &core.channel[i];

    if (c->fd >= 0) {
        close(c->fd);
    }
    c->fd = fd;
    c->credit = false;
    c->asked = false;
    c->alive_ms = now_ms;
    memset(&c->status, 0, sizeof(c->status));
    for (unsigned k = 0; k < 2; k++) {
        link_send(fd, &core.reserve[i][k], sizeof(core.reserve[i][k]));
    }
}

/* Takes it lines? Not when none was out for half a second, or for twice the time that one takes. */
static bool
moves(unsigned i, int64_t now_ms)
{
    const struct core_channel *c = &core.channel[i];
    uint32_t baud = core.self->conf->channel[i].baud;
    int64_t line_ms = baud > 0 ? INT64_C(2000) * LINE_BITS / baud : 0;
    int64_t since_ms = c->line_ms > core.stop_ms ? c->line_ms : core.stop_ms;

    return c->fd >= 0 && !c->lost && now_ms - since_ms <= (line_ms > MOVES_MS ? line_ms : MOVES_MS);
}

bool
core_wires_written(int64_t now_ms)
{
    for (unsigned i = 0; i < core.self->conf->channels; i++) {
        if (moves(i, now_ms) && schedule_waiting(&core.schedule, i) > 0) {
            return false;
        }
    }
    return true;
}

void
core_wires_dismiss(void)
{
    struct line_message m = { .kind = LINE_GOODBYE };

    for (unsigned i = 0; i < core.self->conf->channels; i++) {
        if (core.channel[i].fd >= 0) {
            link_send(core.channel[i].fd, &m, sizeof(m));
        }
    }
}
