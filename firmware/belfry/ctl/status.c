#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/ctl/client.h"
#include "belfry/ctl/notifiers.h"
#include "belfry/ctl/view.h"
#include "belfry/judge/bench.h"
#include "belfry/ledger/ledger.h"
#include "belfry/ledger/rules.h"
#include "belfry/state.h"
#include "belfry/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the running belfry says of a line. */
struct live_line {
    char name[CONF_NAME];
    char kind[8];
    bool up;
    int error;
    uint64_t bytes;
    int64_t last_ms;
    uint64_t lost;   /* bytes that the transcript lacks */
    uint64_t errors; /* bytes that the driver counted as damaged or lost */
    bool has_agent;
};

/* One row: an agent, or a line on which none was seen. */
struct row {
    int worse; /* the higher, the more a person has to look at it */
    char line[CONF_NAME];
    char agent[WIRE_HOST_MAX + 1]; /* "" for none */
    int64_t last_ms;
    char state[512];
    uint64_t missing;
    struct ledger_count alarms;
    struct host_record host;
    struct view view;
};

/* The gate: addresses configured and listened at, connections, handshakes under way, and all that ever came.
 */
struct live_gate {
    bool there;
    unsigned listens;
    unsigned up;
    unsigned conns;
    unsigned waiting;
    uint64_t accepted;
    uint64_t refused;
    uint64_t limited;
    uint64_t expired;
};

struct status {
    int64_t now_ms;
    bool running;
    char version[24];
    long pid;
    uint64_t strangers;
    uint64_t torn;
    bool stuck;
    struct live_gate gate;
    unsigned notifiers;
    struct live_notifier notifier[NOTIFIERS_MAX];
    unsigned lines;
    struct live_line line[CONF_LINES];
    unsigned rows;
    struct row row[BENCH_HOSTS + CONF_LINES];
    struct ledger_count own; /* belfry's own alarms */
    struct ledger *ledger;
};

/* ---- what the running belfry says */

static void
take_gate(struct live_gate *g, char *const f[9])
{
    g->there = true;
    g->listens = (unsigned)strtoul(f[1], NULL, 10);
    g->up = (unsigned)strtoul(f[2], NULL, 10);
    g->conns = (unsigned)strtoul(f[3], NULL, 10);
    g->waiting = (unsigned)strtoul(f[4], NULL, 10);
    g->accepted = strtoull(f[5], NULL, 10);
    g->refused = strtoull(f[6], NULL, 10);
    g->limited = strtoull(f[7], NULL, 10);
    g->expired = strtoull(f[8], NULL, 10);
}

static void
take_live(void *to, char *line)
{
    struct status *s = to;
    char *f[9];
    struct live_line *l;

    (void)client_fields(line, f, 9);
    if (strcmp(f[0], "belfry") == 0) {
        (void)snprintf(s->version, sizeof s->version, "%s", command_shown(f[1]));
        s->pid = strtol(f[2], NULL, 10);
        s->strangers = strtoull(f[4], NULL, 10);
        s->torn = strtoull(f[5], NULL, 10);
        s->stuck = strcmp(f[6], "1") == 0;
        return;
    }
    if (strcmp(f[0], "gate") == 0) {
        take_gate(&s->gate, f);
        return;
    }
    if (strcmp(f[0], "notifier") == 0 && s->notifiers < NOTIFIERS_MAX) {
        notifier_take(&s->notifier[s->notifiers++], f);
        return;
    }
    if (strcmp(f[0], "line") != 0 || s->lines == CONF_LINES) {
        return;
    }
    l = &s->line[s->lines++];
    (void)snprintf(l->name, sizeof l->name, "%s", f[1]);
    (void)snprintf(l->kind, sizeof l->kind, "%s", f[2]);
    l->up = strcmp(f[3], "up") == 0;
    l->error = (int)strtol(f[4], NULL, 10);
    l->bytes = strtoull(f[5], NULL, 10);
    l->last_ms = strtoll(f[6], NULL, 10);
    l->lost = strtoull(f[7], NULL, 10);
    l->errors = strtoull(f[8], NULL, 10);
}

static int
ask(struct status *s, const struct conf *conf)
{
    struct ctl_request request = { .what = CTL_STATUS };
    int r = client_each(conf, &request, take_live, s);

    s->running = r == 0;
    return r;
}

/* ---- agents */

/* How it is heard, and what it runs with that nobody accepted. */
static void
paths_and_pins(struct row *r)
{
    size_t n = strlen(r->state);
    char paths[200];

    if (r->view.has_net || r->view.paths > 1) {
        n += (size_t)snprintf(
                r->state + n, sizeof r->state - n, ", paths %s", view_paths(&r->view, paths, sizeof paths));
    }
    for (unsigned i = 0; i < r->view.pins && n < sizeof r->state; i++) {
        if (view_pin_differs(&r->view.pin[i])) {
            n += (size_t)snprintf(r->state + n, sizeof r->state - n, ", another %s", r->view.pin[i].what);
        }
    }
}

static void
words(const struct status *s, struct row *r, bool silent)
{
    const struct host_record *h = &r->host;
    char age[TEXT_TIME];
    size_t n;

    (void)text_age(s->now_ms - r->last_ms, age);
    if (r->last_ms == 0) {
        (void)snprintf(r->state, sizeof r->state, "never seen");
    } else if (silent) {
        (void)snprintf(r->state, sizeof r->state, "SILENT %s", age);
        r->worse += 1000;
    } else if (!h->alive) {
        (void)snprintf(r->state, sizeof r->state, "stopped %s ago", age);
        r->worse += h->expect_until_ms > s->now_ms ? 5 : 500;
    } else if (!s->running) {
        (void)snprintf(r->state, sizeof r->state, "not watched, last proof %s ago", age);
        r->worse += 10;
    } else {
        (void)snprintf(r->state, sizeof r->state, "alive %s", age);
    }
    n = strlen(r->state);
    if (h->expect_until_ms > s->now_ms) {
        n += (size_t)snprintf(
                r->state + n, sizeof r->state - n, ", expected until %s", text_time(h->expect_until_ms, age));
    }
    if (r->missing > 0) {
        n += (size_t)snprintf(
                r->state + n, sizeof r->state - n, ", gap %llu", (unsigned long long)r->missing);
        r->worse += 20;
    }
    if (h->forged > 0 && n < sizeof r->state) {
        (void)snprintf(r->state + n, sizeof r->state - n, ", forged %llu", (unsigned long long)h->forged);
        r->worse += 50;
    }
    paths_and_pins(r);
    if (r->alarms.worst >= 0) {
        r->worse += 100 * (WIRE_SEVERITIES - r->alarms.worst);
    }
}

static void
keep_host(void *to, const struct host_record *host)
{
    struct status *s = to;
    struct row *r;

    if (s->rows == BENCH_HOSTS) {
        return;
    }
    r = &s->row[s->rows++];
    memset(r, 0, sizeof *r);
    r->host = *host;
    wire_wipe(&r->host.root, sizeof r->host.root);
    wire_wipe(&r->host.next_root, sizeof r->host.next_root);
    wire_wipe(&r->host.rekey, sizeof r->host.rekey);
    (void)snprintf(r->agent, sizeof r->agent, "%s", host->host);
    (void)snprintf(r->line, sizeof r->line, "%s", host->last_line[0] != '\0' ? host->last_line : "-");
    r->last_ms = host->last_ms;
}

static int
read_ledger(struct status *s)
{
    int r = ledger_hosts(s->ledger, s->now_ms, keep_host, s);

    for (unsigned i = 0; r == 0 && i < s->rows; i++) {
        struct row *row = &s->row[i];

        row->missing = ledger_missing(s->ledger, row->agent, row->host.pairing);
        r = ledger_open_alarms(s->ledger, row->agent, &row->alarms);
        if (r == 0) {
            r = view_read(s->ledger, row->agent, row->host.pairing, &row->view);
            row->view.net.up = row->view.net.up && s->running;
        }
        words(s, row, ledger_standing(s->ledger, row->agent, RULE_SILENT, ""));
    }
    return r == 0 ? ledger_open_alarms(s->ledger, "", &s->own) : r;
}

/* ---- lines without an agent */

static void
line_row(struct status *s, const struct live_line *l)
{
    struct row *r = &s->row[s->rows++];

    memset(r, 0, sizeof *r);
    r->alarms.worst = -1;
    memcpy(r->line, l->name, sizeof r->line);
    if (!s->running) {
        (void)snprintf(r->state, sizeof r->state, "not watched");
    } else if (!l->up) {
        (void)snprintf(r->state, sizeof r->state, "LOST: %s", strerror(l->error));
        r->worse = 600;
    } else if (l->bytes == 0) {
        (void)snprintf(r->state, sizeof r->state, "open, nothing received");
    } else {
        (void)snprintf(r->state, sizeof r->state, "open, no agent, %llu bytes", (unsigned long long)l->bytes);
    }
}

static bool
heard_on(const struct row *r, const char *line)
{
    for (unsigned i = 0; i < r->view.paths; i++) {
        if (strcmp(r->view.path[i].path, line) == 0) {
            return true;
        }
    }
    return strcmp(r->line, line) == 0;
}

static void
join_lines(struct status *s)
{
    unsigned agents = s->rows;

    for (unsigned i = 0; i < s->lines; i++) {
        struct live_line *l = &s->line[i];

        for (unsigned k = 0; k < agents; k++) {
            struct row *r = &s->row[k];

            if (!heard_on(r, l->name)) {
                continue;
            }
            l->has_agent = true;
            if (s->running && !l->up) {
                size_t n = strlen(r->state);

                (void)snprintf(
                        r->state + n, sizeof r->state - n, ", LINE %s LOST: %s", l->name, strerror(l->error));
                r->worse += 600;
            }
        }
        if (!l->has_agent) {
            line_row(s, l);
        }
    }
}

static void
lines_from_conf(struct status *s, const struct conf *conf)
{
    for (unsigned i = 0; i < conf->lines; i++) {
        struct live_line *l = &s->line[s->lines++];

        memset(l, 0, sizeof *l);
        (void)snprintf(l->name, sizeof l->name, "%s", conf->line[i].name);
    }
}

static int
by_need(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;

    return x->worse != y->worse ? (x->worse < y->worse) - (x->worse > y->worse) : strcmp(x->agent, y->agent);
}

/* ---- output */

/* What a line has suffered, below the table. */
static void
print_troubles(const struct status *s)
{
    for (unsigned i = 0; i < s->lines && s->running; i++) {
        const struct live_line *l = &s->line[i];

        if (l->errors > 0) {
            (void)printf("%s: the driver counted %llu bytes damaged or lost (wrong speed? noise?)\n", l->name,
                    (unsigned long long)l->errors);
        }
        if (l->lost > 0) {
            (void)printf(
                    "%s: %llu bytes are missing in the transcript\n", l->name, (unsigned long long)l->lost);
        }
    }
}

static void
print_text(const struct status *s)
{
    if (s->running) {
        (void)printf("belfry %s runs (pid %ld)%s\n", s->version, s->pid,
                s->stuck ? "; THE LEDGER CANNOT BE WRITTEN" : "");
    } else {
        (void)printf("belfry is NOT RUNNING; this is what the ledger says\n");
    }
    if (s->strangers > 0) {
        (void)printf("%llu lines named hosts that are not paired\n", (unsigned long long)s->strangers);
    }
    if (s->gate.there) {
        (void)printf(
                "network: %u of %u addresses listened at, %u connected, %u handshakes under way; of %llu "
                "handshakes %llu were refused, %llu were too many, %llu too slow\n",
                s->gate.up, s->gate.listens, s->gate.conns, s->gate.waiting,
                (unsigned long long)s->gate.accepted, (unsigned long long)s->gate.refused,
                (unsigned long long)s->gate.limited, (unsigned long long)s->gate.expired);
    }
    notifiers_print(s->notifier, s->notifiers, s->now_ms);
    if (s->own.open > 0) {
        (void)printf("%u open alarm%s of belfry's own, see `belfry alarms --open`\n", s->own.open,
                text_s(s->own.open));
    }
    (void)printf(
            "%-15s %-15s %10s %8s %7s  %s\n", "LINE", "AGENT", "LAST PROOF", "MISSING", "ALARMS", "STATE");
    for (unsigned i = 0; i < s->rows; i++) {
        const struct row *r = &s->row[i];
        char age[TEXT_TIME] = "-";

        if (r->last_ms != 0) {
            (void)text_age(s->now_ms - r->last_ms, age);
        }
        (void)printf("%-15s %-15s %10s %8llu %7u  %s\n", r->line, r->agent[0] != '\0' ? r->agent : "-", age,
                (unsigned long long)r->missing, r->alarms.open, r->state);
    }
    print_troubles(s);
}

static void
print_paths_json(const struct row *r)
{
    const struct view *v = &r->view;
    char name[80];

    (void)printf("\"network\":%s,\"paths\":[", v->net.up ? "true" : "false");
    for (unsigned i = 0; i < v->paths; i++) {
        (void)text_json(name, sizeof name, v->path[i].path);
        (void)printf("%s{\"path\":%s,\"quiet\":%s,\"linked\":%s}", i > 0 ? "," : "", name,
                v->path[i].quiet ? "true" : "false", view_linked(v, &v->path[i]) ? "true" : "false");
    }
    (void)printf("],\"pins\":[");
    for (unsigned i = 0; i < v->pins; i++) {
        const struct pin_record *p = &v->pin[i];

        (void)printf("%s{\"what\":\"%s\",\"pinned\":\"%s\",\"now\":\"%s\"}", i > 0 ? "," : "", p->what,
                p->digest, p->seen);
    }
    (void)printf("]}");
}

static void
print_row_json(const struct status *s, const struct row *r, bool first)
{
    char text[3][600];
    char last[TEXT_TIME];

    (void)text_json(text[0], sizeof text[0], r->line);
    (void)text_json(text[1], sizeof text[1], r->agent);
    (void)text_json(text[2], sizeof text[2], r->state);
    (void)printf(
            "%s\n  "
            "{\"line\":%s,\"agent\":%s,\"state\":%s,\"last_proof\":\"%s\",\"age_ms\":%lld,\"missing\":%llu,"
            "\"open_alarms\":%u,\"acknowledged\":%u,\"proved\":%llu,\"repaired\":%llu,\"copies\":%llu,"
            "\"forged\":%llu,",
            first ? "" : ",", text[0], text[1], text[2], r->last_ms != 0 ? text_time(r->last_ms, last) : "",
            r->last_ms != 0 ? (long long)(s->now_ms - r->last_ms) : -1LL, (unsigned long long)r->missing,
            r->alarms.open, r->alarms.acked, (unsigned long long)r->host.proved,
            (unsigned long long)r->host.repaired, (unsigned long long)r->host.copies,
            (unsigned long long)r->host.forged);
    print_paths_json(r);
}

static void
print_gate_json(const struct live_gate *g)
{
    if (g->there) {
        (void)printf(",\n \"gate\":{\"addresses\":%u,\"listening\":%u,\"connected\":%u,\"handshakes\":%u,"
                     "\"accepted\":%llu,\"refused\":%llu,\"limited\":%llu,\"expired\":%llu}",
                g->listens, g->up, g->conns, g->waiting, (unsigned long long)g->accepted,
                (unsigned long long)g->refused, (unsigned long long)g->limited,
                (unsigned long long)g->expired);
    }
}

static void
print_json(const struct status *s)
{
    (void)printf("{\"running\":%s,\"pid\":%ld,\"ledger_stuck\":%s,\"unpaired_lines\":%llu,\"torn\":%llu,"
                 "\"own_alarms\":%u,\n \"rows\":[",
            s->running ? "true" : "false", s->pid, s->stuck ? "true" : "false",
            (unsigned long long)s->strangers, (unsigned long long)s->torn, s->own.open);
    for (unsigned i = 0; i < s->rows; i++) {
        print_row_json(s, &s->row[i], i == 0);
    }
    (void)printf("\n ],\n \"lines\":[");
    for (unsigned i = 0; i < s->lines && s->running; i++) {
        const struct live_line *l = &s->line[i];
        char name[80];

        (void)text_json(name, sizeof name, l->name);
        (void)printf(
                "%s\n  "
                "{\"line\":%s,\"kind\":\"%s\",\"up\":%s,\"bytes\":%llu,\"log_lost\":%llu,\"errors\":%llu}",
                i > 0 ? "," : "", name, command_shown(l->kind), l->up ? "true" : "false",
                (unsigned long long)l->bytes, (unsigned long long)l->lost, (unsigned long long)l->errors);
    }
    (void)printf("\n ]");
    print_gate_json(&s->gate);
    notifiers_print_json(s->notifier, s->notifiers);
    (void)printf("}\n");
}

static int
verdict(const struct status *s)
{
    bool wrong = !s->running || s->stuck || s->own.open > s->own.acked;

    for (unsigned i = 0; i < s->rows; i++) {
        const struct row *r = &s->row[i];

        wrong = wrong || r->worse >= 600 || r->alarms.open > r->alarms.acked;
    }
    return wrong ? COMMAND_FINDINGS : COMMAND_WELL;
}

int
command_status(const struct command *c)
{
    static struct status s;
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    int r = ask(&s, c->conf);

    if (r != 0 && r != -ECONNREFUSED) {
        return command_error("the running belfry does not answer: %s", strerror(-r));
    }
    s.now_ms = clock_utc_us() / 1000;
    if (!s.running) {
        lines_from_conf(&s, c->conf);
    }
    if (ledger_open(state_path(c->conf, "ledger.db", path), LEDGER_READ, !s.running, &s.ledger, error) != 0) {
        return command_error("%s", error);
    }
    r = read_ledger(&s);
    if (r != 0) {
        r = command_error("%s", ledger_error(s.ledger));
        ledger_close(s.ledger);
        return r;
    }
    ledger_close(s.ledger);
    join_lines(&s);
    qsort(s.row, s.rows, sizeof s.row[0], by_need);
    if (c->json) {
        print_json(&s);
    } else {
        print_text(&s);
    }
    return verdict(&s);
}
