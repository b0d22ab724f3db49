#include "belfry/page/rows.h"

#include "belfry/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE_STALE_MS 10000 /* no byte for so long: when the last came says more than a rate */

const char *
row_level_name(enum row_level level)
{
    static const char *const names[ROW_LEVELS] = { "bad", "warning", "good", "quiet" };

    return names[level];
}

__attribute__((format(printf, 2, 3))) static void
add(struct row *r, const char *format, ...)
{
    size_t n = strlen(r->state);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(r->state + n, sizeof r->state - n, format, args);
    va_end(args);
}

/* What stands before is not the end of it. */
static void
add_comma(struct row *r)
{
    if (r->state[0] != '\0') {
        add(r, ", ");
    }
}

static void
worse(struct row *r, int rank, enum row_level level)
{
    r->rank += rank;
    r->level = level < r->level ? level : r->level;
}

static void
say_life(struct row *r, const struct model_host *h, int64_t now_ms)
{
    char age[TEXT_TIME];
    bool expected = h->expect_ms > now_ms;

    (void)text_age(now_ms - h->last_ms, age);
    add_comma(r);
    switch (h->state) {
    case MODEL_SILENT:
        add(r, "SILENT %s", age);
        worse(r, 1000, ROW_BAD);
        break;
    case MODEL_STOPPED:
        add(r, "stopped %s ago", age);
        worse(r, expected ? 5 : 500, expected ? ROW_QUIET : ROW_WARN);
        break;
    case MODEL_ALIVE:
        add(r, "alive");
        break;
    case MODEL_NEVER:
        add(r, "never seen");
        worse(r, 2, ROW_QUIET);
        break;
    }
    if (expected) {
        add(r, ", expected until %s", text_time(h->expect_ms, age));
    }
}

static void
say_troubles(struct row *r, const struct model_host *h)
{
    if (h->alarms > 0) {
        add(r, ", %u alarm%s", h->alarms, text_s(h->alarms));
    }
    if (h->worst < WIRE_SEVERITIES) {
        add(r, ", worst %s", wire_severity_name((enum wire_severity)h->worst));
        worse(r, 100 * (WIRE_SEVERITIES - h->worst), h->worst <= WIRE_ERRO ? ROW_BAD : ROW_WARN);
    } else if (h->alarms > 0) {
        add(r, " acknowledged");
        worse(r, 15, ROW_WARN);
    }
    if (h->missing > 0) {
        add(r, ", gap %llu", (unsigned long long)h->missing);
        worse(r, 20, ROW_WARN);
    }
    if (h->forged > 0) {
        add(r, ", forged %llu", (unsigned long long)h->forged);
        worse(r, 50, ROW_WARN);
    }
    if (strchr(h->paths, '!') != NULL) {
        add(r, ", a path is quiet");
        worse(r, 60, ROW_WARN);
    }
}

static void
say_open(struct row *r, const struct model_line *l)
{
    if (!l->up) {
        add(r, "LINE LOST: %s", strerror(l->error));
        worse(r, 600, ROW_BAD);
    } else if (r->host == NULL) {
        add(r, "open, %s", l->bytes == 0 ? "nothing received" : "no agent");
        worse(r, 0, ROW_QUIET);
    }
}

static void
say_counts(struct row *r, const struct model_line *l)
{
    if (l->lost > 0) {
        add_comma(r);
        add(r, "%llu bytes not logged", (unsigned long long)l->lost);
        worse(r, 70, ROW_WARN);
    }
    if (l->errors > 0) {
        add_comma(r);
        add(r, "%llu driver errors", (unsigned long long)l->errors);
        worse(r, 10, ROW_WARN);
    }
}

static void
fill(struct row *r, const struct model *m, const struct model_line *l, const struct model_host *h)
{
    memset(r, 0, sizeof *r);
    r->level = ROW_LEVELS;
    r->line = l;
    r->host = h;
    if (l != NULL) {
        say_open(r, l);
    }
    if (h != NULL) {
        say_life(r, h, m->now_ms);
        say_troubles(r, h);
    }
    if (l != NULL) {
        say_counts(r, l);
    }
    r->level = r->level == ROW_LEVELS ? ROW_GOOD : r->level;
}

static int
by_need(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;

    if (x->level != y->level && (x->level < ROW_GOOD || y->level < ROW_GOOD)) {
        return x->level < y->level ? -1 : 1;
    }
    return x->rank != y->rank ? (x->rank < y->rank) - (x->rank > y->rank) : strcmp(row_name(x), row_name(y));
}

/* ---- which hosts are on which lines */

struct place {
    const char *name;
    unsigned row;                   /* of the line */
    const struct model_host *heard; /* the last one that was found here */
};

static int
by_name(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;

    return strcmp(x->name, y->name);
}

/* The host is heard on this line: the row is that of the worst one there. True when there is such a line. */
static bool
join(struct rows *r, const struct model *m, struct place *places, const struct model_host *h,
        const char *path)
{
    const struct place key = { .name = path };
    struct place *found = m->lines > 0 ? bsearch(&key, places, m->lines, sizeof places[0], by_name) : NULL;
    struct row *best;
    struct row row;

    if (found == NULL) {
        return false;
    }
    if (found->heard == h) {
        return true;
    }
    found->heard = h;
    best = &r->row[found->row];
    fill(&row, m, best->line, h);
    if (best->host == NULL) {
        *best = row;
        return true;
    }
    row.others = best->others + 1;
    best->others++;
    if (by_need(&row, best) < 0) {
        *best = row;
    }
    return true;
}

/* On all of its paths, and where it was heard last. True when one of them is a line. */
static bool
join_all(struct rows *r, const struct model *m, struct place *places, const struct model_host *h)
{
    char path[CONF_NAME];
    bool any = false;
    bool last = false;

    for (const char *word = h->paths; *word != '\0'; word += word[0] == ',') {
        size_t len = strcspn(word, ",!");

        if (len < sizeof path) {
            memcpy(path, word, len);
            path[len] = '\0';
            any = join(r, m, places, h, path) || any;
            last = last || strcmp(path, h->last_line) == 0;
        }
        word += strcspn(word, ",");
    }
    return last ? any : join(r, m, places, h, h->last_line) || any;
}

void
rows_make(struct rows *r, const struct model *m)
{
    static struct place places[CONF_LINES];

    memset(r->level, 0, sizeof r->level);
    for (unsigned i = 0; i < m->lines; i++) {
        fill(&r->row[i], m, &m->line[i], NULL);
        places[i] = (struct place){ .name = m->line[i].name, .row = i };
    }
    r->count = m->lines;
    qsort(places, m->lines, sizeof places[0], by_name);
    for (unsigned i = 0; i < m->hosts; i++) {
        if (!join_all(r, m, places, &m->host[i])) {
            fill(&r->row[r->count++], m, NULL, &m->host[i]);
        }
    }
    qsort(r->row, r->count, sizeof r->row[0], by_need);
    for (unsigned i = 0; i < r->count; i++) {
        r->level[r->row[i].level]++;
    }
}

const char *
row_name(const struct row *row)
{
    return row->line != NULL ? row->line->name : row->host->name;
}

const char *
row_rate(double rate, char *out)
{
    static const char *const units[] = { "B/s", "kB/s", "MB/s", "GB/s" };
    unsigned unit = 0;

    while (rate >= 999.5 && unit < 3) {
        rate /= 1000;
        unit++;
    }
    (void)snprintf(out, 32, unit == 0 || rate >= 99.5 ? "%.0f %s" : "%.1f %s", rate, units[unit]);
    return out;
}

const char *
row_bytes(const struct row *row, int64_t now_ms, char *out)
{
    const struct model_line *l = row->line;
    char age[TEXT_TIME];

    if (l == NULL) {
        (void)snprintf(out, 32, "%s", row->host->network ? "network" : "-");
    } else if (l->last_ms == 0) {
        (void)snprintf(out, 32, "nothing yet");
    } else if (l->rate < 1 || now_ms - l->last_ms > RATE_STALE_MS) {
        (void)snprintf(out, 32, "%s ago", text_age(now_ms - l->last_ms, age));
    } else {
        (void)row_rate(l->rate, out);
    }
    return out;
}
