#include "belfry/ctl/commands.h"

#include "belfry/clock.h"
#include "belfry/ctl/client.h"
#include "belfry/ctl/view.h"
#include "belfry/state.h"
#include "belfry/text.h"

#include <stdio.h>
#include <string.h>

struct showing {
    const char *host;
    bool running; /* a belfry that would know when the connection has ended */
    int64_t now_ms;
    bool found;
    struct host_record record;
    struct view view;
};

static void
keep_host(void *to, const struct host_record *host)
{
    struct showing *s = to;

    if (strcmp(host->host, s->host) == 0) {
        s->record = *host;
        wire_wipe(&s->record.root, sizeof s->record.root);
        s->found = true;
    }
}

/* ---- for people */

static void
print_paths(const struct showing *s)
{
    const struct view *v = &s->view;
    char time[TEXT_TIME];

    if (v->has_net && v->net.up) {
        (void)printf("network    up since %s, %s\n", text_time(v->net.since_ms, time), v->net.peer);
    } else if (v->has_net) {
        (void)printf("network    down since %s, %s%s%s\n", text_time(v->net.since_ms, time), v->net.peer,
                v->net.how[0] != '\0' ? ", how=" : "", v->net.how);
    }
    for (unsigned i = 0; i < v->paths; i++) {
        const struct path_record *p = &v->path[i];

        (void)printf("path       %s: %s%s ago, line %u-%s.%u", p->path,
                p->quiet ? "QUIET, last proof " : "last proof ", text_age(s->now_ms - p->last_ms, time),
                p->session, p->nonce, p->number);
        if (view_linked(v, p)) {
            (void)printf(", linked since %s", text_time(p->token_ms, time));
        }
        (void)printf("\n");
    }
}

static void
print_pins(const struct showing *s)
{
    char time[TEXT_TIME];

    for (unsigned i = 0; i < s->view.pins; i++) {
        const struct pin_record *p = &s->view.pin[i];

        (void)printf("%-10s %s, %s%s %s\n", p->what, p->digest,
                p->pinned_by[0] != '\0' ? "accepted by " : "first seen", p->pinned_by,
                text_time(p->pinned_ms, time));
        if (view_pin_differs(p)) {
            (void)printf("%-10s %s NOW, seen %s; `belfry accept %s %s=%s` pins it\n", "", p->seen,
                    text_time(p->seen_ms, time), s->host, p->what, p->seen);
        }
    }
}

static void
print_text(const struct showing *s)
{
    const struct host_record *h = &s->record;
    char time[TEXT_TIME];

    (void)printf("host       %s, paired %s\n", s->host, text_time(h->paired_ms, time));
    if (h->last_ms != 0) {
        (void)printf("last proof %s, from %s\n", text_time(h->last_ms, time), h->last_line);
    }
    if (h->expect_until_ms > s->now_ms) {
        (void)printf("expected   to be away until %s\n", text_time(h->expect_until_ms, time));
    }
    if (!s->running) {
        (void)printf("belfry     is NOT RUNNING; this is what the ledger says\n");
    }
    print_paths(s);
    print_pins(s);
}

/* ---- for programs */

static void
print_paths_json(const struct showing *s)
{
    const struct view *v = &s->view;
    char text[TEXT_TIME];
    char name[256];

    (void)printf(" \"paths\":[");
    for (unsigned i = 0; i < v->paths; i++) {
        const struct path_record *p = &v->path[i];

        (void)text_json(name, sizeof name, p->path);
        (void)printf(
                "%s\n  {\"path\":%s,\"last_proof\":\"%s\",\"line\":\"%u-%s.%u\",\"quiet\":%s,\"linked\":%s}",
                i > 0 ? "," : "", name, text_time(p->last_ms, text), p->session, p->nonce, p->number,
                p->quiet ? "true" : "false", view_linked(v, p) ? "true" : "false");
    }
    (void)printf("],\n");
    if (v->has_net) {
        (void)text_json(name, sizeof name, v->net.peer);
        (void)printf(" \"network\":{\"up\":%s,\"peer\":%s,\"since\":\"%s\",\"how\":\"%s\"},\n",
                v->net.up ? "true" : "false", name, text_time(v->net.since_ms, text),
                command_shown(v->net.how));
    }
}

static void
print_json(const struct showing *s)
{
    const struct host_record *h = &s->record;
    char text[2][TEXT_TIME];
    char by[256];

    (void)printf("{\"host\":\"%s\",\"paired\":\"%s\",\"last_proof\":\"%s\",\n", s->host,
            text_time(h->paired_ms, text[0]), h->last_ms != 0 ? text_time(h->last_ms, text[1]) : "");
    print_paths_json(s);
    (void)printf(" \"pins\":[");
    for (unsigned i = 0; i < s->view.pins; i++) {
        const struct pin_record *p = &s->view.pin[i];

        (void)text_json(by, sizeof by, p->pinned_by);
        (void)printf(
                "%s\n  "
                "{\"what\":\"%s\",\"pinned\":\"%s\",\"at\":\"%s\",\"by\":%s,\"now\":\"%s\",\"seen\":\"%s\"}",
                i > 0 ? "," : "", p->what, p->digest, text_time(p->pinned_ms, text[0]), by, p->seen,
                text_time(p->seen_ms, text[1]));
    }
    (void)printf("]}\n");
}

static bool
differs(const struct view *v)
{
    for (unsigned i = 0; i < v->pins; i++) {
        if (view_pin_differs(&v->pin[i])) {
            return true;
        }
    }
    for (unsigned i = 0; i < v->paths; i++) {
        if (v->path[i].quiet) {
            return true;
        }
    }
    return false;
}

int
command_show(const struct command *c)
{
    static struct showing s;
    static struct client_answer answer;
    struct ctl_request request = { .what = CTL_STATUS };
    char path[STATE_PATH];
    char error[LEDGER_ERROR];
    struct ledger *l;
    int r;

    s.host = c->argument[0];
    s.now_ms = clock_utc_us() / 1000;
    if (!command_host_fits(s.host)) {
        return COMMAND_ERROR;
    }
    if (ledger_open(state_path(c->conf, "ledger.db", path), LEDGER_READ, false, &l, error) != 0) {
        return command_error("%s", error);
    }
    r = ledger_hosts(l, s.now_ms, keep_host, &s);
    if (r == 0 && s.found) {
        r = view_read(l, s.host, s.record.pairing, &s.view);
    }
    if (r != 0) {
        r = command_error("%s", ledger_error(l));
        ledger_close(l);
        return r;
    }
    ledger_close(l);
    if (!s.found) {
        return command_error("%s is not paired", s.host);
    }
    s.running = client_ask(c->conf, &request, &answer) == 0;
    s.view.net.up = s.view.net.up && s.running;
    if (c->json) {
        print_json(&s);
    } else {
        print_text(&s);
    }
    return differs(&s.view) ? COMMAND_FINDINGS : COMMAND_WELL;
}
