#include "belfry/page/html.h"

#include "belfry/page/timeline.h"
#include "belfry/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* In the order of enum row_level: the style sheet has the symbols. */
static const char *const level_class[ROW_LEVELS] = { "b", "w", "g", "q" };

/* ---- what all have */

static void
head(struct sheet *s, const struct html_view *v, const char *title)
{
    sheet_put(s, "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
                 "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n<meta name=robots "
                 "content=noindex>\n");
    if (v->refresh > 0) {
        sheet_print(s, "<meta http-equiv=refresh content=%u>\n", v->refresh);
    }
    sheet_put(s, "<title>");
    sheet_text(s, title);
    sheet_put(s, "</title>\n<link rel=stylesheet href=/page.css>\n<link rel=icon href=/icon.svg>\n"
                 "<script src=/page.js defer></script>\n<body>\n<a class=skip href=#main>Skip to the "
                 "content</a>\n");
}

/* "2 need attention now, 1 more to look at, 497 well" */
static void
summary(struct sheet *s, const struct html_view *v)
{
    const struct rows *r = v->rows;
    const struct model *m = v->model;

    if (m->now_ms == 0) {
        sheet_put(s, "Waiting for belfry");
        return;
    }
    if (r->level[ROW_BAD] > 0) {
        sheet_print(s, "<b class=b>%u need%s attention</b>, ", r->level[ROW_BAD],
                r->level[ROW_BAD] == 1 ? "s" : "");
    }
    if (r->level[ROW_WARN] > 0) {
        sheet_print(s, "<b class=w>%u with a warning</b>, ", r->level[ROW_WARN]);
    }
    sheet_print(s, "<b class=g>%u well</b>", r->level[ROW_GOOD]);
    if (r->level[ROW_QUIET] > 0) {
        sheet_print(s, ", <b class=q>%u without an agent to prove</b>", r->level[ROW_QUIET]);
    }
    for (unsigned i = 0; i < m->sinks; i++) {
        if (!m->sink[i].up || m->sink[i].waits) {
            sheet_put(s, ". <b class=b>Notifier ");
            sheet_text(s, m->sink[i].name);
            sheet_put(s, m->sink[i].up ? " waits for its target</b>" : " does not run</b>");
        }
    }
    if (m->stuck) {
        sheet_put(s, ". <b class=b>The ledger cannot be written</b>");
    }
}

static void
banner(struct sheet *s, const struct html_view *v, const char *title, bool home)
{
    char time[TEXT_TIME];

    sheet_put(s, "<header>\n");
    sheet_put(s, home ? "<h1>" : "<p class=up><a href=/>All lines</a></p>\n<h1>");
    sheet_text(s, title);
    sheet_put(s, "</h1>\n<p id=summary role=status>");
    summary(s, v);
    sheet_print(s, "</p>\n<p id=asof>As of <time>%.19sZ</time><span id=live></span></p>\n",
            text_time(v->model->now_ms, time));
    if (v->refresh == 0) {
        sheet_put(s, "<noscript><p><a href=\"?refresh=10\">Reload every 10 seconds</a></p></noscript>\n");
    }
    sheet_put(s, "</header>\n<main id=main tabindex=-1>\n");
}

static void
foot(struct sheet *s, const struct model *m)
{
    char time[TEXT_TIME];

    sheet_put(s, "</main>\n<footer><p>belfry ");
    sheet_text(s, m->version);
    sheet_print(
            s, ", process %ld, since %.19sZ. This page only reads. ", m->pid, text_time(m->started_ms, time));
    sheet_put(s, "<a href=/status.txt>Plain text</a> <a href=/metrics>Metrics</a></p></footer>\n");
}

/* ---- alarms */

static void
alarm_row(struct sheet *s, const struct model_alarm *a, int64_t now_ms)
{
    char time[TEXT_TIME];
    char age[TEXT_TIME];
    bool bad = a->open && a->acked_ms == 0 && a->severity <= WIRE_ERRO;

    sheet_print(s, "<tr><td class=%s>%s<td>",
            bad                           ? "b"
            : a->open && a->acked_ms == 0 ? "w"
                                          : "q",
            wire_severity_name((enum wire_severity)a->severity));
    sheet_text(s, a->host[0] != '\0' ? a->host : "belfry");
    sheet_put(s, "<th scope=row>");
    sheet_text(s, a->code);
    sheet_put(s, "<td class=d>");
    sheet_text(s, a->detail);
    sheet_print(s, "<td><time datetime=%.19sZ>%s ago</time><td>%u<td>", text_time(a->opened_ms, time),
            text_age(now_ms - a->opened_ms, age), a->count);
    if (!a->open) {
        sheet_put(s, "closed");
    } else if (a->acked_ms != 0) {
        sheet_put(s, "seen by ");
        sheet_text(s, a->acked_by);
    } else {
        sheet_print(s, "open, <code>belfry ack %lld</code>", (long long)a->id);
    }
    sheet_put(s, "\n");
}

static void
alarm_table(struct sheet *s, const char *id, const char *caption, const struct model_alarm *alarm,
        unsigned count, int64_t now_ms)
{
    sheet_print(s,
            "<div class=wide tabindex=0 role=region aria-labelledby=%s-c><table id=%s>\n<caption "
            "id=%s-c>%s</caption>\n"
            "<thead><tr><th scope=col>Severity<th scope=col>Host<th scope=col>Alarm<th scope=col>Detail<th "
            "scope=col>Since"
            "<th scope=col>Times<th scope=col>State\n<tbody>\n",
            id, id, id, caption);
    for (unsigned i = 0; i < count; i++) {
        alarm_row(s, &alarm[i], now_ms);
    }
    sheet_put(s, "</table></div>\n");
}

static void
open_alarms(struct sheet *s, const struct model *m, unsigned most)
{
    unsigned shown = m->kept < most ? m->kept : most;
    char caption[64];

    if (!m->knows_alarms) {
        sheet_put(s, "<p id=alarms class=q>Which alarms are open is not known yet.</p>\n");
        return;
    }
    if (m->alarms == 0) {
        sheet_put(s, "<p id=alarms class=g>No alarm is open.</p>\n");
        return;
    }
    (void)snprintf(caption, sizeof caption, "%u open alarm%s", m->alarms, text_s(m->alarms));
    alarm_table(s, "alarms", caption, m->alarm, shown, m->now_ms);
    if (m->alarms > shown) {
        sheet_print(s, "<p>%u more: %s.</p>\n", m->alarms - shown,
                shown < m->kept ? "<a href=/alarms>all open alarms</a>"
                                : "<code>belfry alarms --open</code>");
    }
}

/* ---- lines */

static void
line_cell(struct sheet *s, const struct row *r)
{
    const char *name = row_name(r);

    sheet_put(s, "<tr><th scope=row>");
    if (r->line != NULL) {
        sheet_put(s, "<a href=/l/");
        sheet_text(s, name);
        sheet_put(s, ">");
        sheet_text(s, name);
        sheet_put(s, "</a>");
    } else {
        sheet_put(s, r->host->network ? "network" : "none");
    }
}

static void
agent_cells(struct sheet *s, const struct row *r, int64_t now_ms)
{
    char age[TEXT_TIME];

    sheet_put(s, "<td>");
    if (r->host == NULL) {
        sheet_put(s, "<td>");
        return;
    }
    sheet_text(s, r->host->name);
    if (r->others > 0) {
        sheet_print(s, " +%u", r->others);
    }
    sheet_put(s, "<td>");
    if (r->host->last_ms > 0) {
        sheet_print(s, "%s of %lld", text_age(now_ms - r->host->last_ms, age),
                (long long)(r->host->patience_ms / 1000));
    }
}

static void
line_row(struct sheet *s, const struct row *r, int64_t now_ms, bool picture)
{
    char bytes[32];

    line_cell(s, r);
    sheet_print(s, "<td class=%s>", level_class[r->level]);
    sheet_text(s, r->state);
    agent_cells(s, r, now_ms);
    sheet_print(s, "<td>%s", row_bytes(r, now_ms, bytes));
    if (picture && r->line != NULL) {
        sheet_put(s, "<td><img src=/t/");
        sheet_text(s, r->line->name);
        sheet_put(s, " alt=\"");
        timeline_words(s, r->line, now_ms);
        sheet_put(s, "\">");
    }
    sheet_put(s, "\n");
}

static void
more_rows(struct sheet *s, const struct html_view *v)
{
    if (v->from > 0) {
        sheet_print(s, "<p><a href=\"/?from=%u\">The rows before</a></p>\n",
                v->from > HTML_ROWS ? v->from - HTML_ROWS : 0);
    }
    if (v->rows->count > v->from + HTML_ROWS) {
        sheet_print(s, "<p><a href=\"/?from=%u\">The next rows of %u</a></p>\n", v->from + HTML_ROWS,
                v->rows->count);
    }
}

static void
lines(struct sheet *s, const struct html_view *v)
{
    int64_t now_ms = v->model->now_ms;

    sheet_print(s,
            "<div class=wide tabindex=0 role=region aria-labelledby=lines-c><table id=lines>\n<caption "
            "id=lines-c>"
            "%u line%s, %u host%s, the worst first</caption>\n<thead><tr><th scope=col>Line<th "
            "scope=col>State<th scope=col>Agent"
            "<th scope=col><abbr title=\"time since the last proved line, and seconds after which it is "
            "silence\">Silence"
            "</abbr><th scope=col>Bytes<th scope=col>Last 6 hours\n<tbody>\n",
            v->model->lines, text_s(v->model->lines), v->model->hosts, text_s(v->model->hosts));
    for (unsigned i = v->from; i < v->rows->count && i < v->from + HTML_ROWS; i++) {
        line_row(s, &v->rows->row[i], now_ms, i < HTML_PICTURES);
    }
    sheet_put(s, "</table></div>\n");
    more_rows(s, v);
}

static void
sinks(struct sheet *s, const struct model *m)
{
    char age[TEXT_TIME];

    sheet_put(s,
            "<div class=wide tabindex=0 role=region aria-labelledby=sinks-c><table id=sinks>\n"
            "<caption id=sinks-c>Who is told</caption>\n<thead><tr><th scope=col>Notifier<th scope=col>State"
            "<th scope=col>Kind<th scope=col>Waiting<th scope=col>Told<th scope=col>Given up<th "
            "scope=col>Last\n<tbody>\n");
    for (unsigned i = 0; i < m->sinks; i++) {
        const struct model_sink *k = &m->sink[i];

        sheet_put(s, "<tr><th scope=row>");
        sheet_text(s, k->name);
        sheet_print(s, "<td class=%s>%s", k->up && !k->waits ? "g" : "b",
                !k->up     ? "does not run"
                : k->waits ? "waits for its target"
                           : "ready");
        if (k->why[0] != '\0' && (k->waits || !k->up)) {
            sheet_put(s, ": ");
            sheet_text(s, k->why);
        }
        sheet_put(s, "<td>");
        sheet_text(s, k->kind);
        sheet_print(s, "<td>%llu<td>%llu<td>%llu<td>", (unsigned long long)k->waiting,
                (unsigned long long)k->told, (unsigned long long)k->failed);
        sheet_print(s, "%s%s\n", k->last_ms > 0 ? text_age(m->now_ms - k->last_ms, age) : "never",
                k->last_ms > 0 ? " ago" : "");
    }
    sheet_put(s, "</table></div>\n");
}

static void
network(struct sheet *s, const struct model *m)
{
    const uint64_t *c = m->gate.count;

    if (m->gate.there) {
        sheet_print(s,
                "<p>Network: %llu of %llu addresses listened at, %llu connected; of %llu handshakes %llu "
                "refused, %llu too "
                "many, %llu too slow.</p>\n",
                (unsigned long long)c[1], (unsigned long long)c[0], (unsigned long long)c[2],
                (unsigned long long)c[4], (unsigned long long)c[5], (unsigned long long)c[6],
                (unsigned long long)c[7]);
    }
    if (m->strangers > 0) {
        sheet_print(
                s, "<p>%llu lines named hosts that are not paired.</p>\n", (unsigned long long)m->strangers);
    }
}

void
html_overview(struct sheet *s, const struct html_view *v)
{
    const struct model *m = v->model;
    unsigned bad = v->rows->level[ROW_BAD];
    char title[64];

    (void)snprintf(title, sizeof title, "belfry: %u need%s attention, %u open alarm%s", bad,
            bad == 1 ? "s" : "", m->alarms, text_s(m->alarms));
    head(s, v, title);
    banner(s, v, "Consoles", true);
    if (v->from == 0) {
        open_alarms(s, m, HTML_ALARMS);
    }
    lines(s, v);
    if (v->from == 0 && m->recents > 0) {
        alarm_table(s, "recent", "The last alarms, open or not", m->recent, m->recents < 10 ? m->recents : 10,
                m->now_ms);
    }
    if (v->from == 0 && m->sinks > 0) {
        sinks(s, m);
    }
    network(s, m);
    foot(s, m);
}

void
html_alarms(struct sheet *s, const struct html_view *v)
{
    head(s, v, "belfry: open alarms");
    banner(s, v, "Open alarms", false);
    open_alarms(s, v->model, MODEL_ALARMS);
    foot(s, v->model);
}

/* ---- one line */

static void
fact(struct sheet *s, const char *name, const char *value)
{
    sheet_print(s, "<dt>%s<dd>", name);
    sheet_text(s, value);
    sheet_put(s, "\n");
}

__attribute__((format(printf, 3, 4))) static void
fact_print(struct sheet *s, const char *name, const char *format, ...)
{
    char value[200];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(value, sizeof value, format, args);
    va_end(args);
    fact(s, name, value);
}

static void
line_facts(struct sheet *s, const struct model_line *l, int64_t now_ms)
{
    char text[32];

    fact(s, "Kind", l->kind);
    if (l->up) {
        fact(s, "State", "open");
    } else {
        fact_print(s, "State", "lost: %s", strerror(l->error));
    }
    fact_print(s, "Bytes received", "%llu", (unsigned long long)l->bytes);
    fact(s, "Rate now", row_rate(l->rate, text));
    if (l->last_ms > 0) {
        char age[TEXT_TIME];
        char time[TEXT_TIME];

        fact_print(s, "Last byte", "%s ago (%.19sZ)", text_age(now_ms - l->last_ms, age),
                text_time(l->last_ms, time));
    }
    fact_print(s, "Missing in the transcript", "%llu bytes", (unsigned long long)l->lost);
    fact_print(s, "Driver errors", "%llu", (unsigned long long)l->errors);
}

static void
host_facts(struct sheet *s, const struct model_host *h, int64_t now_ms)
{
    static const char *const states[] = { "never seen", "alive", "SILENT", "stopped" };
    char age[TEXT_TIME];

    sheet_put(s, "<h2>Agent ");
    sheet_text(s, h->name);
    sheet_put(s, "</h2>\n<dl>\n");
    fact(s, "State", states[h->state]);
    if (h->last_ms > 0) {
        fact_print(s, "Last proof", "%s ago; silence after %lld s", text_age(now_ms - h->last_ms, age),
                (long long)(h->patience_ms / 1000));
    }
    fact_print(s, "Lines proved", "%llu", (unsigned long long)h->proved);
    fact_print(s, "Missing", "%llu", (unsigned long long)h->missing);
    fact_print(s, "Forged", "%llu", (unsigned long long)h->forged);
    fact_print(s, "Open alarms", "%u", h->alarms);
    fact(s, "Heard on", h->paths);
    sheet_put(s, "</dl>\n");
}

static void
picture(struct sheet *s, const struct model_line *l, int64_t now_ms)
{
    sheet_put(s, "<h2>The last six hours</h2>\n<figure>");
    timeline_svg(s, l, now_ms, false);
    sheet_put(s, "<figcaption>Green, along the top: beats that were proved. Blue: bytes, one step for each "
                 "fourfold. "
                 "Red, along the bottom: silent or lost. Triangles: alarms, filled from ERRO "
                 "on.</figcaption></figure>\n"
                 "<div class=wide tabindex=0 role=region aria-labelledby=hours-c><table id=hours>\n<caption "
                 "id=hours-c>The same in "
                 "numbers (UTC)</caption>\n<thead><tr><th scope=col>Hour<th scope=col>Lines proved<th "
                 "scope=col>Bytes"
                 "<th scope=col>Spans with alarms<th scope=col>Silent or lost\n<tbody>\n");
    timeline_hours(s, l, now_ms);
    sheet_put(s, "</table></div>\n");
}

static void
alarms_of_line(struct sheet *s, const struct model *m, const struct model_line *l)
{
    static struct model_alarm found[MODEL_ALARMS];
    unsigned count = 0;

    for (unsigned i = 0; i < m->kept; i++) {
        const struct model_alarm *a = &m->alarm[i];
        bool here = strcmp(a->line, l->name) == 0;

        for (unsigned k = 0; !here && k < m->hosts; k++) {
            here = strcmp(m->host[k].name, a->host) == 0 && model_heard_on(&m->host[k], l->name);
        }
        if (here) {
            found[count++] = *a;
        }
    }
    if (count > 0) {
        alarm_table(s, "alarms", "Open alarms here", found, count, m->now_ms);
    }
}

void
html_line(struct sheet *s, const struct html_view *v, const struct model_line *l)
{
    const struct model *m = v->model;
    char title[CONF_NAME + 16];

    (void)snprintf(title, sizeof title, "Line %s", l->name);
    head(s, v, title);
    banner(s, v, title, false);
    alarms_of_line(s, m, l);
    picture(s, l, m->now_ms);
    sheet_put(s, "<h2>Line</h2>\n<dl>\n");
    line_facts(s, l, m->now_ms);
    sheet_put(s, "</dl>\n");
    for (unsigned i = 0; i < m->hosts; i++) {
        if (model_heard_on(&m->host[i], l->name)) {
            host_facts(s, &m->host[i], m->now_ms);
        }
    }
    foot(s, m);
}

/* ---- plain text */

void
html_text(struct sheet *s, const struct html_view *v)
{
    const struct model *m = v->model;
    char time[TEXT_TIME];
    char shown[ROW_STATE * 3];
    char bytes[32];

    (void)text_detail(shown, sizeof shown, m->version, strlen(m->version));
    sheet_print(s, "belfry %s, process %ld, as of %.19sZ%s\n", shown, m->pid, text_time(m->now_ms, time),
            m->stuck ? "; THE LEDGER CANNOT BE WRITTEN" : "");
    sheet_print(s, "%u open alarm%s\n%-8s %-31s %-15s %10s %12s  %s\n", m->alarms, text_s(m->alarms), "LEVEL",
            "LINE", "AGENT", "LAST PROOF", "BYTES", "STATE");
    for (unsigned i = 0; i < v->rows->count; i++) {
        const struct row *r = &v->rows->row[i];
        const struct model_host *h = r->host;

        (void)text_detail(shown, sizeof shown, r->line != NULL ? r->line->name : "-",
                strlen(r->line != NULL ? r->line->name : "-"));
        sheet_print(s, "%-8s %-31s ", row_level_name(r->level), shown);
        (void)text_detail(shown, sizeof shown, h != NULL ? h->name : "-", strlen(h != NULL ? h->name : "-"));
        sheet_print(s, "%-15s %10s %12s  ", shown,
                h != NULL && h->last_ms > 0 ? text_age(m->now_ms - h->last_ms, time) : "-",
                row_bytes(r, m->now_ms, bytes));
        (void)text_detail(shown, sizeof shown, r->state, strlen(r->state));
        sheet_print(s, "%s\n", shown);
    }
}
