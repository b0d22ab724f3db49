#include "watch/portfinding.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BRIEF_A_SECOND 10

/* What was told of a port, to tell it again only when something about it is different. */
struct told {
    enum port_verdict verdict;
    enum port_reason reason;
    int32_t pid;
    uint64_t key;
    char subject[PORTJUDGE_SUBJECT];
};

static struct {
    unsigned count;
    struct told told[PORTFINDINGS_MAX];
    unsigned brief;
    unsigned unsaid;
    unsigned missed;
    int64_t brief_since_ms;
} memory;

struct telling {
    const struct portfinding_out *out;
    bool pass;
    bool more;
    unsigned count;
    struct told *told;
};

/* clang-format off */
static const enum finding_code codes[] = {
    [PORT_UNEXPECTED] = FINDING_PORT_UNEXPECTED,
    [PORT_GONE]       = FINDING_PORT_GONE,
    [PORT_WRONG]      = FINDING_PORT_WRONG,
};
/* clang-format on */

void
portfinding_reset(void)
{
    memory.count = memory.brief = memory.unsaid = memory.missed = 0;
    memory.brief_since_ms = 0;
}

static void
begin(struct finding *f, enum finding_code code, const char *subject)
{
    finding_begin(f, code, "port", subject, strlen(subject));
}

static void
add_exe(struct finding *f, const struct owner_exe *exe)
{
    finding_add(f, "exe", exe != NULL ? exe->path : "?", exe != NULL ? exe->len : 1);
    if (exe != NULL && exe->file.deleted) {
        finding_addf(f, "file", "deleted");
    }
}

static void
add_expected(struct finding *f, const struct conf_port *expected)
{
    char list[CONF_PORT_PROCESSES * CONF_PATH];
    size_t len = 0;

    for (unsigned i = 0; i < expected->processes; i++) {
        len += (size_t)snprintf(
                list + len, sizeof(list) - len, "%s%s", i > 0 ? "," : "", expected->process[i]);
    }
    finding_add(f, "expected", list, len);
}

static void
add_address(struct finding *f, const struct socket_row *row)
{
    char address[SOCKETS_ADDRESS];

    sockets_address(row, address);
    finding_add(f, "addr", address, strlen(address));
}

static void
add_text(struct finding *f, const char *key, const char *text)
{
    if (text[0] != '\0') {
        finding_add(f, key, text, strlen(text));
    }
}

/* What it should have been, where that is not a matter of the program. */
static void
add_reason(struct finding *f, const struct port_fault *fault)
{
    char place[CONF_PLACE];

    if (fault->verdict == PORT_GONE && fault->expected->on != CONF_ADDRESS_ANY) {
        add_text(f, "expected-addr", conf_port_place(fault->expected, place));
        return;
    }
    switch (fault->reason) {
    case PORT_BY_HOLDER:
        return;
    case PORT_BY_ADDRESS:
        add_text(f, "expected-addr", conf_port_place(fault->expected, place));
        return;
    case PORT_BY_USER:
        add_text(f, "expected-uid", fault->expected->user);
        return;
    case PORT_BY_UNIT:
        add_text(f, "expected-unit", fault->expected->unit);
        return;
    }
}

static void
add_holder(struct finding *f, const struct portfinding_out *out, const struct port_fault *fault)
{
    char unit[PROCFS_UNIT] = "";

    if (fault->owner != NULL) {
        finding_addf(f, "pid", "%d", fault->owner->pid);
    }
    if (fault->row != NULL && fault->row->uid != SOCKETS_NO_UID) {
        finding_addf(f, "uid", "%u", fault->row->uid);
    }
    if (fault->row != NULL) {
        add_address(f, fault->row);
    }
    if (fault->owner != NULL && procfs_unit(out->proc, fault->owner->pid, unit) == 0) {
        add_text(f, "unit", unit);
    }
}

static void
tell_fault(const struct portfinding_out *out, const struct port_fault *fault, const char *subject)
{
    struct finding f;

    begin(&f, codes[fault->verdict], subject);
    if (fault->verdict == PORT_UNEXPECTED && fault->row != NULL && fault->row->net != 0) {
        f.severity = WIRE_WARN;
    }
    if (fault->verdict != PORT_GONE) {
        add_exe(&f, fault->owner != NULL ? owners_exe(fault->owner->exe) : NULL);
    }
    if (fault->expected != NULL) {
        add_reason(&f, fault);
    }
    if (fault->expected != NULL && (fault->verdict == PORT_GONE || fault->reason == PORT_BY_HOLDER)) {
        add_expected(&f, fault->expected);
    }
    add_holder(&f, out, fault);
    out->report(out->to, &f);
}

static struct told *
told_before(const char *subject)
{
    for (unsigned i = 0; i < memory.count; i++) {
        if (strcmp(memory.told[i].subject, subject) == 0) {
            return &memory.told[i];
        }
    }
    return NULL;
}

static void
take_fault(void *to, const struct port_fault *fault)
{
    struct telling *t = to;
    struct told now = { .verdict = fault->verdict,
        .reason = fault->reason,
        .pid = fault->owner != NULL ? fault->owner->pid : 0,
        .key = fault->row != NULL ? fault->row->key : 0 };

    if (t->count == PORTFINDINGS_MAX) {
        t->more = true;
        return;
    }
    portjudge_fault_subject(fault, now.subject);
    t->told[t->count++] = now;
    const struct told *before = told_before(now.subject);

    /* The same socket whose holder is unknown for the moment is no news. */
    bool same = before != NULL && before->verdict == now.verdict && before->reason == now.reason &&
                before->key == now.key && (before->pid == now.pid || now.pid == 0);
    if (t->pass || !same) {
        tell_fault(t->out, fault, now.subject);
    }
}

static void
tell_over(const struct telling *t)
{
    for (unsigned i = 0; i < memory.count; i++) {
        const struct told *old = &memory.told[i];
        bool still = false;

        for (unsigned n = 0; n < t->count && !still; n++) {
            still = strcmp(t->told[n].subject, old->subject) == 0;
        }
        if (!still) {
            struct finding f;

            begin(&f, codes[old->verdict], old->subject);
            f.op = FINDING_CLOSE;
            t->out->report(t->out->to, &f);
        }
    }
}

static void
tell_pass(const struct telling *t, enum finding_op op)
{
    struct finding f;

    if (t->pass) {
        finding_pass(&f, FINDING_PORTS, op);
        t->out->report(t->out->to, &f);
    }
}

void
portfinding_tell(struct portjudge *j, const struct portfinding_out *out, bool pass)
{
    static struct told told[PORTFINDINGS_MAX];
    static bool more;
    struct telling t = { .out = out, .pass = pass, .told = told };

    tell_pass(&t, FINDING_PASS_BEGIN);
    j->fault = take_fault;
    j->to = &t;
    portjudge_run(j);
    /* Of more than there is room for it is not known which are over. */
    if (!pass && !t.more) {
        tell_over(&t);
    }
    if (!t.more) {
        tell_pass(&t, FINDING_PASS_END);
    }
    memcpy(memory.told, told, t.count * sizeof(told[0]));
    memory.count = t.count;
    if (t.more != more) {
        portfinding_self(out, "ports", "flooded", t.more);
        more = t.more;
    }
}

static bool
process_listed(const struct conf_port *entry, const struct owner_exe *exe)
{
    for (unsigned n = 0; n < entry->processes; n++) {
        const char *process = entry->process[n];
        bool path = process[0] == '/';

        if (strcmp(process, path ? exe->path : procfs_base(exe->path)) == 0 &&
                (!path || procfs_file_at(&exe->file, exe->path))) {
            return true;
        }
    }
    return false;
}

static struct socket_row
row_of(const struct listen_event *event)
{
    struct socket_row row = { .family = (uint8_t)event->family };

    memcpy(row.address, event->address, sizeof(row.address));
    return row;
}

static bool
allows(const struct portjudge *j, unsigned i, const struct port_brief *brief)
{
    const struct conf_port *entry = &j->conf->port[i];
    struct socket_row row = row_of(brief->event);
    bool user = entry->user[0] == '\0' || brief->uid == 0 || brief->uid == j->uid[i];

    return user && brief->exe != NULL && process_listed(entry, brief->exe) &&
           portjudge_address_fits(entry, &row) && portjudge_unit_fits(entry, brief->unit);
}

/* Is the process listed for the port, or for any port of the kernel's own range? */
static bool
belongs(const struct portjudge *j, const struct port_brief *brief, bool *listed)
{
    const struct listen_event *event = brief->event;
    bool local = event->port == 0 || portjudge_is_local(j, brief->proto, event->port);

    *listed = false;
    for (unsigned i = 0; i < j->conf->ports; i++) {
        const struct conf_port *entry = &j->conf->port[i];
        bool same = event->port != 0 && portjudge_about(entry, brief->proto, event->port, brief->net);

        *listed = *listed || same;
        same = same || (local && portjudge_about(entry, brief->proto, 0, brief->net));
        if (same && allows(j, i, brief)) {
            return true;
        }
    }
    return false;
}

static bool
brief_allowed(int64_t now_ms)
{
    if (now_ms - memory.brief_since_ms >= 1000) {
        memory.brief_since_ms = now_ms;
        memory.brief = 0;
    }
    if (memory.brief >= BRIEF_A_SECOND) {
        memory.unsaid++;
        return false;
    }
    memory.brief++;
    return true;
}

void
portfinding_brief(
        const struct portjudge *j, const struct portfinding_out *out, const struct port_brief *brief)
{
    const struct listen_event *event = brief->event;
    struct socket_row row = row_of(event);
    char subject[PORTJUDGE_SUBJECT];
    struct finding f;
    bool listed;

    if (belongs(j, brief, &listed) || !brief_allowed(j->now_ms)) {
        return;
    }
    portjudge_subject(brief->proto, event->port, netspaces_name(brief->net), subject);
    begin(&f, listed ? FINDING_PORT_WRONG : FINDING_PORT_UNEXPECTED, subject);
    f.op = FINDING_BRIEF;
    if (!listed && brief->net != 0) {
        f.severity = WIRE_WARN;
    }
    add_exe(&f, brief->exe);
    finding_addf(&f, "pid", "%d", event->pid);
    add_address(&f, &row);
    finding_addf(&f, "life", "short");
    if (memory.unsaid > 0) {
        finding_addf(&f, "unsaid", "%u", memory.unsaid);
        memory.unsaid = 0;
    }
    out->report(out->to, &f);
}

void
portfinding_missed(uint32_t count)
{
    memory.missed += count;
}

void
portfinding_flush(const struct portfinding_out *out, int64_t now_ms)
{
    static const char source[] = "listeners";
    struct finding f;

    if ((memory.unsaid == 0 && memory.missed == 0) || now_ms - memory.brief_since_ms < 1000) {
        return;
    }
    finding_begin(&f, FINDING_AGENT_SELF, "source", source, sizeof(source) - 1);
    f.severity = WIRE_WARN;
    f.op = FINDING_EVENT;
    finding_addf(&f, "state", "flooded");
    finding_addf(&f, "unsaid", "%u", memory.unsaid);
    finding_addf(&f, "missed", "%u", memory.missed);
    memory.unsaid = 0;
    memory.missed = 0;
    memory.brief_since_ms = now_ms;
    out->report(out->to, &f);
}

void
portfinding_self(const struct portfinding_out *out, const char *source, const char *state, bool open)
{
    struct finding f;

    finding_begin(&f, FINDING_AGENT_SELF, "source", source, strlen(source));
    f.severity = WIRE_WARN;
    f.op = open ? FINDING_OPEN : FINDING_CLOSE;
    finding_addf(&f, "state", "%s", open ? state : "back");
    out->report(out->to, &f);
}
