#include "watch/portjudge.h"
#include <arpa/inet.h>
#include <fnmatch.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NOBODY "-"
#define ICMP 1
#define ICMP6 58

enum match { MATCH_NO, MATCH_YES, MATCH_UNKNOWN };

void
portjudge_local_range(struct portjudge *j, int proc)
{
    char text[64];
    uint64_t first;
    uint64_t last;
    ssize_t len = procfs_read(proc, "sys/net/ipv4/ip_local_port_range", text, sizeof(text));
    const char *at = text;
    const char *end = text + (len > 0 ? len : 0);

    j->local_first = 32768;
    j->local_last = 60999;
    if (!procfs_decimal(&at, end, UINT16_MAX, &first)) {
        return;
    }
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    if (procfs_decimal(&at, end, UINT16_MAX, &last)) {
        j->local_first = (uint16_t)first;
        j->local_last = (uint16_t)last;
    }
}

/* A name that nobody has matches no socket: SOCKETS_NO_UID is no user's number. */
static uint32_t
uid_of(const char *user)
{
    const char *at = user;
    const char *end = user + strlen(user);
    uint64_t number;

    if (procfs_decimal(&at, end, UINT32_MAX - 1, &number) && at == end) {
        return (uint32_t)number;
    }
    const struct passwd *entry = getpwnam(user);

    return entry != NULL ? entry->pw_uid : SOCKETS_NO_UID;
}

void
portjudge_begin(struct portjudge *j, int proc)
{
    bool units = false;

    j->proc = proc;
    portjudge_local_range(j, proc);
    for (unsigned i = 0; i < j->conf->ports; i++) {
        const struct conf_port *entry = &j->conf->port[i];

        j->uid[i] = entry->user[0] != '\0' ? uid_of(entry->user) : SOCKETS_NO_UID;
        units = units || entry->unit[0] != '\0';
    }
    owners_want_units(units);
}

const char *
portjudge_subject(enum conf_proto proto, uint32_t port, const char *netns, char out[PORTJUDGE_SUBJECT])
{
    char number[CONF_NUMBER];

    snprintf(out, PORTJUDGE_SUBJECT, "%s/%s%s%s", conf_proto_name(proto),
            port == 0 ? "0" : conf_port_number(proto, port, number), netns[0] != '\0' ? "@" : "", netns);
    return out;
}

const char *
portjudge_fault_subject(const struct port_fault *f, char out[PORTJUDGE_SUBJECT])
{
    const char *netns = f->row != NULL ? netspaces_name(f->row->net) : f->expected->netns;

    return portjudge_subject(f->proto, f->port, netns, out);
}

bool
portjudge_about(const struct conf_port *entry, enum conf_proto proto, uint32_t port, unsigned net)
{
    return entry->proto == proto && entry->port == port && netspaces_is(net, entry->netns);
}

/*
 * Is the file that the process runs the one on disk? What is known of it may be older than an upgrade that
 * replaced it: then the process is looked at again.
 */
static bool
file_matches(const struct portjudge *j, const struct owner *owner, const struct owner_exe *exe)
{
    static struct procfs_exe now;

    if (procfs_file_at(&exe->file, exe->path)) {
        return true;
    }
    return !exe->file.deleted && j->proc >= 0 && procfs_exe(j->proc, owner->pid, &now) == 0 &&
           now.file.identified && now.file.device == exe->file.device && now.file.inode == exe->file.inode &&
           strcmp(now.path, exe->path) == 0 && procfs_file_at(&now.file, exe->path);
}

static bool
process_matches(const struct portjudge *j, const char *process, const struct owner *owner,
        const struct owner_exe *exe)
{
    if (process[0] == '/') {
        return strcmp(process, exe->path) == 0 && file_matches(j, owner, exe);
    }
    return strcmp(process, procfs_base(exe->path)) == 0;
}

static bool
lists(const struct conf_port *port, const char *word)
{
    for (unsigned i = 0; i < port->processes; i++) {
        if (strcmp(port->process[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* One of the names in the entry's list; it may have * and ? as in a shell. */
bool
portjudge_unit_fits(const struct conf_port *port, const char *unit)
{
    char name[CONF_UNIT];

    for (const char *at = port->unit; *at != '\0';) {
        size_t len = strcspn(at, ",");

        memcpy(name, at, len);
        name[len] = '\0';
        if (fnmatch(name, unit, 0) == 0) {
            return true;
        }
        at += len + (at[len] == ',');
    }
    return port->unit[0] == '\0';
}

static bool
unit_matches(const struct conf_port *port, const struct owner *owner)
{
    const char *unit = owners_unit(owner->unit);

    return unit != NULL ? portjudge_unit_fits(port, unit) : port->unit[0] == '\0';
}

static enum match
owner_matches(const struct portjudge *j, const struct conf_port *port, const struct owner *owner,
        enum port_reason *reason)
{
    const struct owner_exe *exe = owners_exe(owner->exe);
    bool found = exe == NULL;

    *reason = PORT_BY_HOLDER;
    for (unsigned i = 0; i < port->processes && !found; i++) {
        found = process_matches(j, port->process[i], owner, exe);
    }
    if (!found) {
        return MATCH_NO;
    }
    if (!unit_matches(port, owner)) {
        *reason = PORT_BY_UNIT;
        return MATCH_NO;
    }
    return exe == NULL ? MATCH_UNKNOWN : MATCH_YES;
}

/* All holders of one socket. The one that does not match goes into the fault. */
static enum match
holders_match(const struct portjudge *j, const struct conf_port *port, const struct owned *owned,
        struct port_fault *f)
{
    enum match match = MATCH_YES;

    f->reason = PORT_BY_HOLDER;
    f->owner = NULL;
    if (owned->count == 0) {
        return lists(port, NOBODY) ? MATCH_YES : j->all_seen && owned->searched ? MATCH_NO : MATCH_UNKNOWN;
    }
    for (uint8_t i = 0; i < owned->count; i++) {
        enum match one = owner_matches(j, port, &owned->owner[i], &f->reason);

        if (one == MATCH_NO) {
            f->owner = &owned->owner[i];
            return MATCH_NO;
        }
        match = one == MATCH_UNKNOWN ? MATCH_UNKNOWN : match;
    }
    return owned->more ? MATCH_NO : match;
}

static bool
is_loopback(const uint8_t *address, bool six)
{
    static const uint8_t loopback6[16] = { [15] = 1 };

    return six ? memcmp(address, loopback6, sizeof(loopback6)) == 0 : address[0] == 127;
}

bool
portjudge_address_fits(const struct conf_port *port, const struct socket_row *row)
{
    static const uint8_t mapped[12] = { [10] = 0xFF, [11] = 0xFF };
    bool six = row->family == AF_INET6;
    const uint8_t *address = row->address;

    if (six && memcmp(address, mapped, sizeof(mapped)) == 0) {
        six = false;
        address += sizeof(mapped);
    }
    switch (port->on) {
    case CONF_ADDRESS_ANY:
        return true;
    case CONF_ADDRESS_LOOPBACK:
        return is_loopback(address, six);
    default:
        return six == (port->on == CONF_ADDRESS_6) && memcmp(address, port->address, six ? 16 : 4) == 0;
    }
}

static enum match
socket_matches(const struct portjudge *j, const struct conf_port *port, const struct book *b, uint32_t row,
        struct port_fault *f)
{
    uint32_t uid = b->sockets.row[row].uid;

    f->expected = port;
    f->row = &b->sockets.row[row];
    if (!portjudge_address_fits(port, f->row)) {
        f->reason = PORT_BY_ADDRESS;
    } else if (port->user[0] != '\0' && uid != SOCKETS_NO_UID && uid != j->uid[port - j->conf->port]) {
        f->reason = PORT_BY_USER;
    } else {
        return holders_match(j, port, &b->owned[row], f);
    }
    f->owner = b->owned[row].count > 0 ? &b->owned[row].owner[0] : NULL;
    return MATCH_NO;
}

bool
portjudge_is_local(const struct portjudge *j, enum conf_proto proto, uint32_t port)
{
    return proto == CONF_RAW || proto == CONF_PACKET || proto == CONF_VSOCK ||
           (port >= j->local_first && port <= j->local_last);
}

/* May this socket's holders hold any port of the kernel's own range? */
static bool
any_matches(const struct portjudge *j, enum conf_proto proto, const struct book *b, uint32_t row)
{
    const struct socket_row *r = &b->sockets.row[row];
    struct port_fault f;

    for (unsigned i = 0; portjudge_is_local(j, proto, r->port) && i < j->conf->ports; i++) {
        const struct conf_port *entry = &j->conf->port[i];

        if (portjudge_about(entry, proto, 0, r->net) && socket_matches(j, entry, b, row, &f) == MATCH_YES) {
            return true;
        }
    }
    return false;
}

bool
portjudge_any(const struct portjudge *j, enum conf_proto proto, const struct book *b, const uint16_t *rows,
        unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!any_matches(j, proto, b, rows[i])) {
            return false;
        }
    }
    return true;
}

static bool
is_listed(const struct portjudge *j, enum conf_proto proto, const struct socket_row *row)
{
    for (unsigned i = 0; i < j->conf->ports; i++) {
        if (portjudge_about(&j->conf->port[i], proto, row->port, row->net)) {
            return true;
        }
    }
    return false;
}

/* A number that whoever asks something of others may have for a while. */
static bool
is_passing(const struct portjudge *j, enum conf_proto proto, uint32_t port)
{
    if (proto == CONF_RAW) {
        return port == ICMP || port == ICMP6;
    }
    return (proto == CONF_UDP || proto == CONF_UDPLITE) && portjudge_is_local(j, proto, port);
}

static bool
is_service(struct portjudge *j, enum conf_proto proto, const struct book *b, uint32_t row)
{
    const struct socket_row *r = &b->sockets.row[row];

    if (!is_passing(j, proto, r->port) || is_listed(j, proto, r)) {
        return true;
    }
    if (j->now_ms == 0) {
        return false;
    }
    int64_t due_ms = b->owned[row].first_ms + PORTJUDGE_PERSISTS_MS;

    if (j->now_ms < due_ms) {
        j->next_ms = due_ms < j->next_ms ? due_ms : j->next_ms;
        return false;
    }
    return true;
}

/* One stable pass of a radix sort: by eight bits of the port, or by the namespace. */
#define SORT_NET 32

static unsigned
sort_key(const struct socket_row *row, unsigned shift)
{
    return shift == SORT_NET ? row->net : row->port >> shift & 255u;
}

static void
sort_pass(const struct book *b, const uint16_t *from, uint16_t *to, uint32_t count, unsigned shift)
{
    uint32_t start[257] = { 0 };

    for (uint32_t i = 0; i < count; i++) {
        start[sort_key(&b->sockets.row[from[i]], shift) + 1]++;
    }
    for (unsigned i = 1; i < 257; i++) {
        start[i] += start[i - 1];
    }
    for (uint32_t i = 0; i < count; i++) {
        to[start[sort_key(&b->sockets.row[from[i]], shift)]++] = from[i];
    }
}

/* By port, then by namespace; only vsock has ports beyond 16 bits. */
static uint16_t *
sort_rows(const struct book *b, uint16_t *rows, uint16_t *other, uint32_t count)
{
    static const unsigned shifts[] = { SORT_NET, 0, 8, 16, 24 };
    uint32_t all = 0;
    bool nets = false;

    for (uint32_t i = 0; i < count; i++) {
        all |= b->sockets.row[rows[i]].port;
        nets = nets || b->sockets.row[rows[i]].net != 0;
    }
    for (size_t i = nets ? 0 : 1; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
        if (i > 0 && all >> shifts[i] == 0) {
            break;
        }
        sort_pass(b, rows, other, count, shifts[i]);
        uint16_t *sorted = other;

        other = rows;
        rows = sorted;
    }
    return rows;
}

void
portjudge_each(struct portjudge *j, enum conf_proto proto,
        void (*each)(void *to, uint32_t port, const struct book *b, const uint16_t *rows, unsigned count),
        void *to)
{
    static uint16_t unsorted[SOCKETS_MAX];
    static uint16_t other[SOCKETS_MAX];
    const struct book *b = j->book[proto];
    uint32_t count = 0;

    for (uint32_t i = 0; i < b->sockets.count; i++) {
        if (is_service(j, proto, b, i)) {
            unsorted[count++] = (uint16_t)i;
        }
    }
    const uint16_t *rows = sort_rows(b, unsorted, other, count);

    for (uint32_t first = 0; first < count;) {
        const struct socket_row *row = &b->sockets.row[rows[first]];
        uint32_t past = first + 1;

        while (past < count && b->sockets.row[rows[past]].port == row->port &&
                b->sockets.row[rows[past]].net == row->net) {
            past++;
        }
        each(to, row->port, b, rows + first, past - first);
        first = past;
    }
}

/* The entries whose place was seen, and those whose port was told already. */
struct judging {
    struct portjudge *j;
    enum conf_proto proto;
    bool seen[CONF_PORTS];
    bool told[CONF_PORTS];
};

static void
judge_unlisted(struct judging *g, uint32_t port, const struct book *b, const uint16_t *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct owned *owned = &b->owned[rows[i]];

        if (any_matches(g->j, g->proto, b, rows[i])) {
            continue;
        }
        struct port_fault f = { .verdict = PORT_UNEXPECTED,
            .proto = g->proto,
            .port = port,
            .row = &b->sockets.row[rows[i]],
            .owner = owned->count > 0 ? &owned->owner[0] : NULL };

        g->j->fault(g->j->to, &f);
        return;
    }
}

/* Is one socket right by one of its port's entries? If not, what is wrong goes into *fault. */
static enum match
judge_socket(struct judging *g, const struct book *b, uint32_t row, struct port_fault *fault)
{
    const struct conf *conf = g->j->conf;
    const struct socket_row *r = &b->sockets.row[row];
    enum match best = MATCH_NO;
    bool fits = false;

    for (unsigned i = 0; i < conf->ports && best != MATCH_YES; i++) {
        struct port_fault f = { .verdict = PORT_WRONG, .proto = g->proto, .port = r->port };

        if (!portjudge_about(&conf->port[i], g->proto, r->port, r->net)) {
            continue;
        }
        enum match match = socket_matches(g->j, &conf->port[i], b, row, &f);

        g->seen[i] = g->seen[i] || match != MATCH_NO || f.reason != PORT_BY_ADDRESS;
        best = match != MATCH_NO ? match : best;
        if (fault->expected == NULL || (!fits && f.reason != PORT_BY_ADDRESS)) {
            *fault = f;
            fits = f.reason != PORT_BY_ADDRESS;
        }
    }
    return best;
}

static void
mark_told(struct judging *g, uint32_t port, unsigned net)
{
    for (unsigned i = 0; i < g->j->conf->ports; i++) {
        g->told[i] = g->told[i] || portjudge_about(&g->j->conf->port[i], g->proto, port, net);
    }
}

static void
judge_port(void *to, uint32_t port, const struct book *b, const uint16_t *rows, unsigned count)
{
    struct judging *g = to;
    const struct socket_row *first = &b->sockets.row[rows[0]];
    bool told = false;

    if (!is_listed(g->j, g->proto, first)) {
        judge_unlisted(g, port, b, rows, count);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        struct port_fault f = { .expected = NULL };
        enum match match = judge_socket(g, b, rows[i], &f);

        g->j->unknown += match == MATCH_UNKNOWN;
        if (match == MATCH_NO && !told) {
            told = true;
            mark_told(g, port, first->net);
            g->j->fault(g->j->to, &f);
        }
    }
}

/* A port is told once, however many of its places are not open. */
static bool
is_told(const struct judging *g, unsigned entry)
{
    const struct conf_port *port = g->j->conf->port;

    for (unsigned i = 0; i < g->j->conf->ports; i++) {
        if (g->told[i] && port[i].proto == port[entry].proto && port[i].port == port[entry].port &&
                strcmp(port[i].netns, port[entry].netns) == 0) {
            return true;
        }
    }
    return false;
}

/* Its daemon may be restarting. */
static bool
in_grace(struct portjudge *j, unsigned entry)
{
    int64_t grace_ms = (int64_t)j->conf->daemon_grace_s * 1000;

    if (j->missed_ms[entry] == 0) {
        j->missed_ms[entry] = j->now_ms;
    }
    int64_t due_ms = j->missed_ms[entry] + grace_ms;
    if (j->now_ms == 0 || j->now_ms >= due_ms) {
        return false;
    }
    j->next_ms = due_ms < j->next_ms ? due_ms : j->next_ms;
    return true;
}

static void
judge_gone(struct judging *g)
{
    const struct conf *conf = g->j->conf;

    if (g->proto == CONF_VSOCK && g->j->vsock_unlisted) {
        return;
    }
    for (unsigned i = 0; i < conf->ports; i++) {
        const struct conf_port *expected = &conf->port[i];

        if (expected->proto != g->proto || expected->port == 0 ||
                strcmp(expected->netns, CONF_NETNS_ANY) == 0) {
            continue;
        }
        if (g->seen[i]) {
            g->j->missed_ms[i] = 0;
            continue;
        }
        if (in_grace(g->j, i) || is_told(g, i)) {
            continue;
        }
        struct port_fault f = {
            .verdict = PORT_GONE, .proto = g->proto, .port = expected->port, .expected = expected
        };

        g->told[i] = true;
        g->j->fault(g->j->to, &f);
    }
}

void
portjudge_run(struct portjudge *j)
{
    j->next_ms = INT64_MAX;
    j->unknown = 0;
    for (int proto = 0; proto < CONF_PROTOS; proto++) {
        struct judging g = { .j = j, .proto = (enum conf_proto)proto };

        portjudge_each(j, g.proto, judge_port, &g);
        judge_gone(&g);
    }
}
