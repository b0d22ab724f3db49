#include "watch/portjudge.h"
#include <stdio.h>
#include <string.h>

#define NOBODY "-"

enum match { MATCH_NO, MATCH_YES, MATCH_UNKNOWN };

bool
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
        return false;
    }
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    if (!procfs_decimal(&at, end, UINT16_MAX, &last)) {
        return false;
    }
    j->local_first = (uint16_t)first;
    j->local_last = (uint16_t)last;
    return true;
}

const char *
portjudge_subject(enum conf_proto proto, uint16_t port, char out[PORTJUDGE_SUBJECT])
{
    snprintf(out, PORTJUDGE_SUBJECT, "%s/%u", proto == CONF_TCP ? "tcp" : "udp", (unsigned)port);
    return out;
}

const struct conf_port *
portjudge_expected(const struct conf *conf, enum conf_proto proto, uint16_t port)
{
    for (unsigned i = 0; i < conf->ports; i++) {
        if (conf->port[i].proto == proto && conf->port[i].port == port) {
            return &conf->port[i];
        }
    }
    return NULL;
}

static bool
process_matches(const char *process, const struct owner_exe *exe)
{
    if (process[0] == '/') {
        return strcmp(process, exe->path) == 0 && procfs_file_at(&exe->file, exe->path);
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

static enum match
owner_matches(const struct conf_port *port, const struct owner *owner)
{
    const struct owner_exe *exe = owners_exe(owner->exe);

    if (exe == NULL) {
        return MATCH_UNKNOWN;
    }
    for (unsigned i = 0; i < port->processes; i++) {
        if (process_matches(port->process[i], exe)) {
            return MATCH_YES;
        }
    }
    return MATCH_NO;
}

/* All holders of one socket. The one that does not match goes to *culprit. */
static enum match
socket_matches(const struct portjudge *j, const struct conf_port *port, const struct owned *owned,
        const struct owner **culprit)
{
    enum match match = MATCH_YES;

    *culprit = NULL;
    if (owned->count == 0) {
        return lists(port, NOBODY) ? MATCH_YES : j->all_seen && owned->searched ? MATCH_NO : MATCH_UNKNOWN;
    }
    for (uint8_t i = 0; i < owned->count; i++) {
        enum match one = owner_matches(port, &owned->owner[i]);

        if (one == MATCH_NO) {
            *culprit = &owned->owner[i];
            return MATCH_NO;
        }
        match = one == MATCH_UNKNOWN ? MATCH_UNKNOWN : match;
    }
    return owned->more ? MATCH_NO : match;
}

static bool
is_local(const struct portjudge *j, uint16_t port)
{
    return port >= j->local_first && port <= j->local_last;
}

/* May this socket's holders hold any port of the kernel's own range? */
static bool
any_matches(const struct portjudge *j, enum conf_proto proto, const struct owned *owned, uint16_t port)
{
    const struct owner *culprit;

    for (unsigned i = 0; is_local(j, port) && i < j->conf->ports; i++) {
        const struct conf_port *entry = &j->conf->port[i];

        if (entry->port == 0 && entry->proto == proto &&
                socket_matches(j, entry, owned, &culprit) == MATCH_YES) {
            return true;
        }
    }
    return false;
}

static bool
is_service(struct portjudge *j, enum conf_proto proto, const struct book *b, uint32_t row)
{
    uint16_t port = b->sockets.row[row].port;

    if (proto == CONF_TCP || !is_local(j, port) || portjudge_expected(j->conf, proto, port) != NULL) {
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

/* One stable pass of a radix sort, by eight bits of the port. */
static void
sort_pass(const struct book *b, const uint16_t *from, uint16_t *to, uint32_t count, unsigned shift)
{
    uint32_t start[257] = { 0 };

    for (uint32_t i = 0; i < count; i++) {
        start[(b->sockets.row[from[i]].port >> shift & 255u) + 1]++;
    }
    for (unsigned i = 1; i < 257; i++) {
        start[i] += start[i - 1];
    }
    for (uint32_t i = 0; i < count; i++) {
        to[start[b->sockets.row[from[i]].port >> shift & 255u]++] = from[i];
    }
}

void
portjudge_each(struct portjudge *j, enum conf_proto proto,
        void (*each)(void *to, uint16_t port, const struct book *b, const uint16_t *rows, unsigned count),
        void *to)
{
    static uint16_t rows[SOCKETS_MAX];
    static uint16_t other[SOCKETS_MAX];
    const struct book *b = j->book[proto];
    uint32_t count = 0;

    for (uint32_t i = 0; i < b->sockets.count; i++) {
        if (is_service(j, proto, b, i)) {
            rows[count++] = (uint16_t)i;
        }
    }
    sort_pass(b, rows, other, count, 0);
    sort_pass(b, other, rows, count, 8);
    for (uint32_t first = 0; first < count;) {
        uint16_t port = b->sockets.row[rows[first]].port;
        uint32_t past = first + 1;

        while (past < count && b->sockets.row[rows[past]].port == port) {
            past++;
        }
        each(to, port, b, rows + first, past - first);
        first = past;
    }
}

struct judging {
    struct portjudge *j;
    enum conf_proto proto;
    uint8_t seen[(CONF_PORTS + 7) / 8];
};

static void
judge_unlisted(struct judging *g, uint16_t port, const struct book *b, const uint16_t *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct owned *owned = &b->owned[rows[i]];

        if (any_matches(g->j, g->proto, owned, port)) {
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

static void
judge_listed(struct judging *g, const struct conf_port *expected, const struct book *b, const uint16_t *rows,
        unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct owner *culprit;
        enum match match = socket_matches(g->j, expected, &b->owned[rows[i]], &culprit);

        g->j->unknown += match == MATCH_UNKNOWN;
        if (match != MATCH_NO) {
            continue;
        }
        struct port_fault f = { .verdict = PORT_WRONG,
            .proto = g->proto,
            .port = expected->port,
            .expected = expected,
            .row = &b->sockets.row[rows[i]],
            .owner = culprit };

        g->j->fault(g->j->to, &f);
        return;
    }
}

static void
judge_port(void *to, uint16_t port, const struct book *b, const uint16_t *rows, unsigned count)
{
    struct judging *g = to;
    const struct conf_port *expected = portjudge_expected(g->j->conf, g->proto, port);

    if (expected == NULL) {
        judge_unlisted(g, port, b, rows, count);
        return;
    }
    size_t index = (size_t)(expected - g->j->conf->port);

    g->seen[index / 8] |= (uint8_t)(1u << index % 8);
    judge_listed(g, expected, b, rows, count);
}

static void
judge_gone(struct judging *g)
{
    const struct conf *conf = g->j->conf;

    for (unsigned i = 0; i < conf->ports; i++) {
        const struct conf_port *expected = &conf->port[i];

        if (expected->proto != g->proto || expected->port == 0 || (g->seen[i / 8] & 1u << i % 8) != 0) {
            continue;
        }
        struct port_fault f = {
            .verdict = PORT_GONE, .proto = g->proto, .port = expected->port, .expected = expected
        };

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
