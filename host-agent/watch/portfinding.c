#include "watch/portfinding.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BRIEF_A_SECOND 10

/* What was told of a port, to tell it again only when something about it is different. */
struct told {
    enum port_verdict verdict;
    uint8_t proto;
    uint16_t port;
    int32_t pid;
    uint64_t key;
};

static struct {
    unsigned count;
    struct told told[PORTFINDINGS_MAX];
    unsigned brief;
    unsigned unsaid;
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
    memset(&memory, 0, sizeof(memory));
}

static void
begin(struct finding *f, enum finding_code code, enum conf_proto proto, uint16_t port)
{
    char subject[PORTJUDGE_SUBJECT];

    portjudge_subject(proto, port, subject);
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
tell_fault(const struct portfinding_out *out, const struct port_fault *fault)
{
    struct finding f;

    begin(&f, codes[fault->verdict], fault->proto, fault->port);
    if (fault->verdict != PORT_GONE) {
        add_exe(&f, fault->owner != NULL ? owners_exe(fault->owner->exe) : NULL);
    }
    if (fault->expected != NULL) {
        add_expected(&f, fault->expected);
    }
    if (fault->owner != NULL) {
        finding_addf(&f, "pid", "%d", fault->owner->pid);
    }
    if (fault->row != NULL) {
        finding_addf(&f, "uid", "%u", fault->row->uid);
        add_address(&f, fault->row);
    }
    out->report(out->to, &f);
}

static struct told *
told_before(const struct told *t)
{
    for (unsigned i = 0; i < memory.count; i++) {
        if (memory.told[i].proto == t->proto && memory.told[i].port == t->port) {
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
        .proto = (uint8_t)fault->proto,
        .port = fault->port,
        .pid = fault->owner != NULL ? fault->owner->pid : 0,
        .key = fault->row != NULL ? fault->row->key : 0 };

    if (t->count == PORTFINDINGS_MAX) {
        t->more = true;
        return;
    }
    t->told[t->count++] = now;
    const struct told *before = told_before(&now);

    /* The same socket whose holder is unknown for the moment is no news. */
    bool same = before != NULL && before->verdict == now.verdict && before->key == now.key &&
                (before->pid == now.pid || now.pid == 0);
    if (t->pass || !same) {
        tell_fault(t->out, fault);
    }
}

static void
tell_over(const struct telling *t)
{
    for (unsigned i = 0; i < memory.count; i++) {
        const struct told *old = &memory.told[i];
        bool still = false;

        for (unsigned n = 0; n < t->count && !still; n++) {
            still = t->told[n].proto == old->proto && t->told[n].port == old->port;
        }
        if (!still) {
            struct finding f;

            begin(&f, codes[old->verdict], (enum conf_proto)old->proto, old->port);
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
    if (!pass) {
        tell_over(&t);
    }
    tell_pass(&t, FINDING_PASS_END);
    memcpy(memory.told, told, t.count * sizeof(told[0]));
    memory.count = t.count;
    if (t.more != more) {
        portfinding_self(out, "ports", "flooded", t.more);
        more = t.more;
    }
}

/* Is the program listed for the port, or for any port of the kernel's own range? */
static bool
belongs(const struct portjudge *j, const struct listen_event *event, const struct owner_exe *exe)
{
    bool local = event->port == 0 || (event->port >= j->local_first && event->port <= j->local_last);

    for (unsigned i = 0; exe != NULL && i < j->conf->ports; i++) {
        const struct conf_port *entry = &j->conf->port[i];
        bool about = entry->proto == CONF_TCP && (entry->port == 0 ? local : entry->port == event->port);

        for (unsigned n = 0; about && n < entry->processes; n++) {
            const char *process = entry->process[n];

            if (strcmp(process, process[0] == '/' ? exe->path : procfs_base(exe->path)) == 0) {
                return true;
            }
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
portfinding_brief(const struct portjudge *j, const struct portfinding_out *out,
        const struct listen_event *event, const struct owner_exe *exe)
{
    const struct conf_port *expected =
            event->port != 0 ? portjudge_expected(j->conf, CONF_TCP, event->port) : NULL;
    struct socket_row row = { .family = (uint8_t)event->family };
    struct finding f;

    if (belongs(j, event, exe) || !brief_allowed(j->now_ms)) {
        return;
    }
    begin(&f, expected != NULL ? FINDING_PORT_WRONG : FINDING_PORT_UNEXPECTED, CONF_TCP, event->port);
    f.op = FINDING_BRIEF;
    add_exe(&f, exe);
    finding_addf(&f, "pid", "%d", event->pid);
    memcpy(row.address, event->address, sizeof(row.address));
    add_address(&f, &row);
    finding_addf(&f, "life", "short");
    if (memory.unsaid > 0) {
        finding_addf(&f, "unsaid", "%u", memory.unsaid);
        memory.unsaid = 0;
    }
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
