#include "alarm/clock.h"
#include "proc/core.h"
#include "proc/rights.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * What the core seals: findings, beats, the session's start.
 */

static void
keep_line(void *to, const struct session_line *line)
{
    const unsigned *flags = to;

    schedule_add(&core.schedule, line, *flags);
}

int64_t
core_tell_flagged(unsigned flags, enum wire_severity severity, const char *code, const char *text, int64_t of)
{
    int64_t number = session_tell(&core.session, severity, code, text, of, keep_line, &flags);

    if (number >= 0 && severity <= WIRE_ERRO) {
        open_list_grave(&core.open, (uint32_t)number);
    }
    return number;
}

int64_t
core_tell(enum wire_severity severity, const char *code, const char *text, int64_t of)
{
    return core_tell_flagged(0, severity, code, text, of);
}

void
core_tell_beat(int64_t now_ms)
{
    char text[WIRE_LINE_MAX];
    char number[16];
    size_t room = session_room(&core.session, WIRE_INFO, "agent.beat");
    size_t len = (size_t)snprintf(
            text, sizeof(text), "next=%" PRIu32 " open=%u", core.self->conf->beat_s, open_count(&core.open));

    const char *token = core_net_token(number);
    if (token[0] != '\0' && len + strlen(token) <= room) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", token);
        core_net_token_said();
    }
    for (unsigned i = 0; i < core.open.graves; i++) {
        size_t n = (size_t)snprintf(
                number, sizeof(number), "%s%" PRIu32, i == 0 ? " al=" : ",", core.open.grave[i]);

        if (len + n > room || len + n >= sizeof(text)) {
            break;
        }
        memcpy(text + len, number, n + 1);
        len += n;
    }
    core_tell_flagged(SCHEDULE_BEAT, WIRE_INFO, "agent.beat", text, -1);
    core.beat_ms = clock_next_ms(now_ms, (int64_t)core.self->conf->beat_s * 1000);
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
        number = core_tell(WIRE_NOTE, finding_code_over(code), text, e->number);
    } else {
        snprintf(text, sizeof(text), "%s%s", f->text, f->op == FINDING_EVENT ? " once=yes" : "");
        number = core_tell((enum wire_severity)f->severity, finding_code_name(code), text, -1);
    }
    if (number >= 0) {
        open_told(&core.open, e, (uint32_t)number, now_ms);
    }
}

/*
 * What was not told yet, and what found no room at all since the last of these lines; lines that a channel
 * never got. At last, that it is over.
 */
static void
tell_flood(bool over, int64_t now_ms)
{
    char text[80];
    uint32_t lines = schedule_take_dropped(&core.schedule);
    int len = snprintf(text, sizeof(text), "part=findings n=%u dropped=%" PRIu32, open_untold(&core.open),
            open_take_turned_away(&core.open));

    if (lines > 0) {
        snprintf(text + len, sizeof(text) - (size_t)len, " lines=%" PRIu32, lines);
    }
    int64_t of = over ? core.flood_number : -1;
    core.flood_number =
            core_tell_flagged(SCHEDULE_UNCOUNTED, over ? WIRE_NOTE : WIRE_WARN, "agent.flood", text, of);
    core.flood_ms = now_ms;
    core.flooded = !over;
}

int64_t
core_tell_findings(int64_t now_ms)
{
    struct open_entry *e;
    int64_t due_ms;

    while ((e = open_next(&core.open, now_ms, &due_ms)) != NULL) {
        tell_entry(e, now_ms);
    }
    bool held_back = core.open.waiting > OPEN_RATE || core.open.turned_away > 0 || core.schedule.dropped > 0;
    if ((held_back || core.flooded) && now_ms - core.flood_ms >= CORE_FLOOD_MS) {
        tell_flood(!held_back, now_ms);
    }
    return due_ms;
}

void
core_tell_rest(int64_t now_ms)
{
    if (open_untold(&core.open) > 0 || core.open.turned_away > 0 || core.schedule.dropped > 0) {
        tell_flood(false, now_ms);
    }
}

void
core_self_finding(const char *what, const char *state, enum wire_severity severity)
{
    struct finding f;

    finding_begin(&f, FINDING_AGENT_SELF, "part", what, strlen(what));
    finding_addf(&f, "state", "%s", state);
    f.severity = (uint8_t)severity;
    open_take(&core.open, &f);
}

/* Of what the processes have said last; without the code for it seccomp is no layer. */
static unsigned
layers_missing(void)
{
    unsigned missing = 0;

    for (unsigned i = 0; i < CTL_PROCESSES; i++) {
        missing |= core.rights.process[i];
    }
    return rights_has_seccomp() ? missing : missing & ~RIGHTS_BIT(RIGHTS_SECCOMP);
}

void
core_rights_take(enum role role, unsigned index, unsigned missing)
{
    struct finding f;
    unsigned place = role == ROLE_WIRE ? ROLES + index : role;

    if (place < CTL_PROCESSES) {
        core.rights.process[place] = (uint8_t)(CTL_RIGHTS_KNOWN | missing |
                                               (rights_has_seccomp() ? 0 : RIGHTS_BIT(RIGHTS_SECCOMP)));
    }
    missing = layers_missing();
    for (unsigned i = 0; i < RIGHTS_LAYERS; i++) {
        const char *name = rights_layer_name((enum rights_layer)i);

        finding_begin(&f, FINDING_AGENT_SELF, "layer", name, strlen(name));
        finding_addf(&f, "part", "sandbox");
        finding_addf(&f, "state", "missing");
        f.op = (missing & RIGHTS_BIT(i)) != 0 ? FINDING_OPEN : FINDING_CLOSE;
        open_take(&core.open, &f);
    }
}

void
core_process_finding(const struct control_message *m, bool lost)
{
    static const char *const how[LOST_HOWS] = { "exited", "killed", "stopped", "hung", "unstarted" };
    struct finding f;
    char name[32];

    snprintf(name, sizeof(name), m->role == ROLE_WIRE ? "%s%u" : "%s", role_name((enum role)m->role),
            m->index);
    finding_begin(&f, FINDING_AGENT_SELF, "proc", name, strlen(name));
    f.op = lost ? FINDING_OPEN : FINDING_CLOSE;
    finding_addf(&f, "state", "%s", how[m->how]);
    if (m->how == LOST_UNSTARTED) {
        finding_add(&f, "why", strerror(m->value), strlen(strerror(m->value)));
    } else {
        finding_addf(&f, m->how == LOST_EXITED ? "status" : "sig", "%d", m->value);
    }
    open_take(&core.open, &f);
}

static char boot_id[9];

/* The first eight digits of the kernel's boot id: tells a restart of the agent from one of the machine. */
void
core_tell_look(void)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, boot_id, 8) : -1;

    boot_id[n == 8 ? 8 : 0] = '\0';
    if (fd >= 0) {
        close(fd);
    }
}

/* What the judge at the far end reads comes first; the rest may go into a further line. */
void
core_tell_start(const struct session_past *past)
{
    char prev[48] = "prev=none";
    char reserve[32] = "";
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
    snprintf(text, sizeof(text), "end=%s %s%s%s beat=%" PRIu32 " v=%s boot=%s", past->any ? end : "first",
            prev, reserve, core.session.unsaved ? " state=unsaved" : "", core.self->conf->beat_s,
            TOCSIN_VERSION, boot_id);
    core_tell_flagged(SCHEDULE_FIRST | SCHEDULE_ALWAYS, WIRE_NOTE, "agent.start", text, -1);
}
