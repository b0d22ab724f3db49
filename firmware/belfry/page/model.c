#include "belfry/page/model.h"

#include "belfry/ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 16

/* ---- the past */

static int64_t
span_number(int64_t utc_ms)
{
    return utc_ms > 0 ? utc_ms / PAST_SPAN_MS : 0;
}

static struct past_span *
at(struct past *p, int64_t number)
{
    return &p->span[number % PAST_SPANS];
}

/* The span of now: what lies between it and the newest one is empty. A clock that was set back begins anew.
 */
static struct past_span *
past_now(struct past *p, int64_t utc_ms)
{
    int64_t number = span_number(utc_ms);

    if (number - p->last >= PAST_SPANS || number < p->last) {
        memset(p, 0, sizeof *p);
        p->last = number;
    }
    while (p->last < number) {
        p->last++;
        *at(p, p->last) = (struct past_span){ 0 };
    }
    return at(p, number);
}

/* The span of a moment that is over, NULL when it is too long ago, or has not come. */
static struct past_span *
past_then(struct past *p, int64_t utc_ms)
{
    int64_t number = span_number(utc_ms);

    return number > p->last || p->last - number >= PAST_SPANS ? NULL : at(p, number);
}

struct past_span
past_at(const struct past *p, int64_t now_ms, unsigned back)
{
    int64_t number = span_number(now_ms) - (int64_t)back;

    if (p == NULL || number < 0 || number > p->last || p->last - number >= PAST_SPANS) {
        return (struct past_span){ 0 };
    }
    return p->span[number % PAST_SPANS];
}

static void
add_beats(struct past_span *s, uint64_t count)
{
    s->beats = count > (uint64_t)(UINT16_MAX - s->beats) ? UINT16_MAX : (uint16_t)(s->beats + count);
}

static void
add_bytes(struct past_span *s, uint64_t count)
{
    s->bytes = count > UINT32_MAX - s->bytes ? UINT32_MAX : s->bytes + (uint32_t)count;
}

/* ---- finding */

static int64_t
number_of(const char *text)
{
    return strtoll(text, NULL, 10);
}

/* UTC in ms: years 1970 to 9999, else 0. */
static int64_t
time_of(const char *text)
{
    int64_t ms = number_of(text);

    return ms > 0 && ms < INT64_C(253402300800000) ? ms : 0;
}

static uint64_t
count_of(const char *text)
{
    return strtoull(text, NULL, 10);
}

static void
keep_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text);
}

/* Answers name them in one order: it is looked for first behind the last one. */
static struct model_line *
line_named(struct model *m, const char *name)
{
    for (unsigned i = 0; i < m->lines; i++) {
        unsigned place = (m->hint + i) % m->lines;

        if (strcmp(m->line[place].name, name) == 0) {
            m->hint = place + 1;
            return &m->line[place];
        }
    }
    return NULL;
}

static struct model_host *
host_named(struct model *m, const char *name)
{
    for (unsigned i = 0; i < m->hosts; i++) {
        unsigned place = (m->hint + i) % m->hosts;

        if (strcmp(m->host[place].name, name) == 0) {
            m->hint = place + 1;
            return &m->host[place];
        }
    }
    return NULL;
}

const struct model_line *
model_find_line(const struct model *m, const char *name, size_t len)
{
    for (unsigned i = 0; i < m->lines; i++) {
        if (strlen(m->line[i].name) == len && memcmp(m->line[i].name, name, len) == 0) {
            return &m->line[i];
        }
    }
    return NULL;
}

bool
model_heard_on(const struct model_host *h, const char *path)
{
    size_t len = strlen(path);

    for (const char *word = h->paths; *word != '\0'; word += word[0] == ',') {
        if (strncmp(word, path, len) == 0 && (word[len] == '\0' || word[len] == ',' || word[len] == '!')) {
            return true;
        }
        word += strcspn(word, ",");
    }
    return strcmp(h->last_line, path) == 0;
}

/* ---- status */

static void
take_belfry(struct model *m, char *const f[FIELDS])
{
    keep_text(m->version, sizeof m->version, f[1]);
    m->pid = (long)number_of(f[2]);
    m->started_ms = time_of(f[3]);
    m->strangers = count_of(f[4]);
    m->torn = count_of(f[5]);
    m->stuck = strcmp(f[6], "1") == 0;
    m->now_ms = time_of(f[7]);
}

static void
look_at_rate(struct model_line *l, uint64_t bytes, int64_t now_ms)
{
    uint64_t more = bytes >= l->bytes ? bytes - l->bytes : bytes;

    if (l->rate_ms != 0 && now_ms > l->rate_ms) {
        l->rate = (double)more * 1000 / (double)(now_ms - l->rate_ms);
        add_bytes(past_now(l->past, now_ms), more);
    }
    l->rate_ms = now_ms;
}

/* As in belfry.conf(5): such a name can stand in an address and in an attribute as it is. */
static bool
is_name(const char *text)
{
    static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    return text[0] != '\0' && text[0] != '.' && text[0] != '-' && strlen(text) < CONF_NAME &&
           text[strspn(text, fit)] == '\0';
}

static struct model_line *
new_line(struct model *m, const char *name)
{
    struct model_line *l;
    struct past *past;

    if (!is_name(name) || m->lines == CONF_LINES) {
        return NULL;
    }
    past = calloc(1, sizeof *past);
    if (past == NULL) {
        return NULL;
    }
    l = &m->line[m->lines++];
    memset(l, 0, sizeof *l);
    keep_text(l->name, sizeof l->name, name);
    l->past = past;
    past->last = span_number(m->now_ms);
    return l;
}

static void
take_line(struct model *m, char *const f[FIELDS])
{
    struct model_line *l;
    struct past_span *now;

    l = line_named(m, f[1]);
    if (l == NULL) {
        l = new_line(m, f[1]);
    }
    if (l == NULL) {
        return;
    }
    look_at_rate(l, count_of(f[5]), m->now_ms);
    l->seen = true;
    keep_text(l->kind, sizeof l->kind, f[2]);
    l->up = strcmp(f[3], "up") == 0;
    l->error = (int)number_of(f[4]);
    l->bytes = count_of(f[5]);
    l->last_ms = time_of(f[6]);
    l->lost = count_of(f[7]);
    l->errors = count_of(f[8]);
    now = past_now(l->past, m->now_ms);
    now->marks |= PAST_WATCHED | (l->up ? 0 : PAST_LOST);
}

static void
take_gate(struct model *m, char *const f[FIELDS])
{
    m->gate.there = true;
    for (unsigned i = 0; i < 8; i++) {
        m->gate.count[i] = count_of(f[1 + i]);
    }
}

static void
take_sink(struct model *m, char *const f[FIELDS])
{
    struct model_sink *s = &m->sink[m->sinks];

    if (m->sinks == MODEL_SINKS) {
        return;
    }
    keep_text(s->name, sizeof s->name, f[1]);
    keep_text(s->kind, sizeof s->kind, f[2]);
    s->up = strcmp(f[3], "lost") != 0;
    s->waits = strcmp(f[3], "waits") == 0;
    s->waiting = count_of(f[4]);
    s->told = count_of(f[5]);
    s->failed = count_of(f[6]);
    s->last_ms = time_of(f[7]);
    keep_text(s->why, sizeof s->why, f[8]);
    m->sinks++;
}

/* ---- hosts */

static enum model_state
state_of(const char *word)
{
    return strcmp(word, "alive") == 0     ? MODEL_ALIVE
           : strcmp(word, "silent") == 0  ? MODEL_SILENT
           : strcmp(word, "stopped") == 0 ? MODEL_STOPPED
                                          : MODEL_NEVER;
}

static void
count_beats(struct model *m, struct model_host *h, uint64_t proved)
{
    struct model_line *l = line_named(m, h->last_line);

    if (l == NULL || m->now_ms <= 0) {
        return;
    }
    struct past_span *now = past_now(l->past, m->now_ms);

    if (h->proved != 0 && proved > h->proved) {
        add_beats(now, proved - h->proved);
    }
    now->marks |= h->state == MODEL_SILENT ? PAST_SILENT : 0;
}

static void
take_host(struct model *m, char *const f[FIELDS])
{
    struct model_host *h;

    if (f[1][0] == '\0' || strlen(f[1]) > WIRE_HOST_MAX) {
        return;
    }
    h = host_named(m, f[1]);
    if (h == NULL) {
        if (m->hosts == MODEL_HOSTS) {
            return;
        }
        h = &m->host[m->hosts++];
        memset(h, 0, sizeof *h);
        h->worst = WIRE_SEVERITIES;
        h->next_worst = WIRE_SEVERITIES;
        keep_text(h->name, sizeof h->name, f[1]);
    }
    h->seen = true;
    keep_text(h->last_line, sizeof h->last_line, f[2]);
    h->state = state_of(f[3]);
    h->last_ms = time_of(f[4]);
    h->patience_ms = time_of(f[5]);
    count_beats(m, h, count_of(f[6]));
    h->proved = count_of(f[6]);
    h->repaired = count_of(f[7]);
    h->copies = count_of(f[8]);
    h->forged = count_of(f[9]);
    h->missing = count_of(f[10]);
    h->expect_ms = time_of(f[11]);
    h->network = strcmp(f[12], "up") == 0;
    keep_text(h->paths, sizeof h->paths, f[13]);
}

/* ---- alarms */

static int
severity_of(const char *text)
{
#ifdef PLANT_BELFRY_PAGE
    return text[0] - '0';
#else
    int64_t n = number_of(text);

    return n >= 0 && n < WIRE_SEVERITIES && text[0] != '\0' ? (int)n : WIRE_INFO;
#endif
}

static void
read_alarm(struct model_alarm *a, char *const f[FIELDS])
{
    a->id = number_of(f[1]);
    a->open = strcmp(f[2], "open") == 0;
    a->severity = severity_of(f[3]);
    keep_text(a->host, sizeof a->host, f[4]);
    keep_text(a->code, sizeof a->code, f[5]);
    keep_text(a->line, sizeof a->line, f[6]);
    keep_text(a->verdict, sizeof a->verdict, f[7]);
    keep_text(a->number, sizeof a->number, f[8]);
    keep_text(a->detail, sizeof a->detail, f[9]);
    a->opened_ms = time_of(f[10]);
    a->closed_ms = time_of(f[11]);
    a->acked_ms = time_of(f[12]);
    keep_text(a->acked_by, sizeof a->acked_by, f[13]);
    a->count = (unsigned)strtoul(f[14], NULL, 10);
}

/* In the past of the line it came on, or its host is heard on. */
static void
mark(struct model *m, const struct model_alarm *a)
{
    const struct model_host *h = a->host[0] != '\0' ? host_named(m, a->host) : NULL;
    struct model_line *l = line_named(m, a->line);
    struct past_span *then;

    if (l == NULL && h != NULL) {
        l = line_named(m, h->last_line);
    }
    then = l != NULL ? past_then(l->past, a->opened_ms) : NULL;
    if (then != NULL) {
        then->marks |= a->severity <= WIRE_ERRO ? PAST_ERRO : PAST_WARN;
    }
}

static void
take_alarm(struct model *m, char *const f[FIELDS])
{
    struct model_next *next = &m->next;
    struct model_alarm a;
    struct model_host *h;

    read_alarm(&a, f);
    mark(m, &a);
    next->alarms++;
    next->by_severity[a.severity]++;
    next->unacked_by_severity[a.severity] += a.acked_ms == 0;
    h = host_named(m, a.host);
    if (h != NULL) {
        h->next_alarms++;
        h->next_worst = a.acked_ms == 0 && a.severity < h->next_worst ? a.severity : h->next_worst;
    }
    if (next->kept < MODEL_ALARMS) {
        next->alarm[next->kept++] = a;
    }
}

static void
begin_alarms(struct model *m)
{
    memset(&m->next, 0, sizeof m->next);
    for (unsigned i = 0; i < m->hosts; i++) {
        m->host[i].next_alarms = 0;
        m->host[i].next_worst = WIRE_SEVERITIES;
    }
}

/* Only what is whole is shown: half an answer would say that less is open than there is. */
static void
end_alarms(struct model *m)
{
    const struct model_next *next = &m->next;

    if (next->refused) {
        return;
    }
    m->knows_alarms = true;
    m->alarms = next->alarms;
    m->kept = next->kept;
    memcpy(m->alarm, next->alarm, next->kept * sizeof next->alarm[0]);
    memcpy(m->by_severity, next->by_severity, sizeof m->by_severity);
    memcpy(m->unacked_by_severity, next->unacked_by_severity, sizeof m->unacked_by_severity);
    for (unsigned i = 0; i < m->hosts; i++) {
        m->host[i].alarms = m->host[i].next_alarms;
        m->host[i].worst = m->host[i].next_worst;
    }
}

static void
take_recent(struct model *m, char *const f[FIELDS])
{
    if (m->recents < MODEL_RECENT) {
        read_alarm(&m->recent[m->recents], f);
        mark(m, &m->recent[m->recents]);
        m->recents++;
    }
}

/* ---- beats of before this process */

static void
take_beats(struct model *m, char *const f[FIELDS])
{
    struct model_line *l = line_named(m, f[1]);
    int64_t minute = number_of(f[3]);
    struct past_span *then = NULL;

    if (l != NULL && minute > 0 && minute < INT64_C(253402300800)) {
        then = past_then(l->past, minute * 60000);
    }
    if (then != NULL) {
        add_beats(then, count_of(f[4]));
    }
}

/* ---- answers */

int
model_init(struct model *m)
{
    memset(m, 0, sizeof *m);
    m->line = calloc(CONF_LINES, sizeof *m->line);
    m->host = calloc(MODEL_HOSTS, sizeof *m->host);
    if (m->line == NULL || m->host == NULL) {
        model_free(m);
        return -ENOMEM;
    }
    return 0;
}

void
model_free(struct model *m)
{
    for (unsigned i = 0; i < m->lines && m->line != NULL; i++) {
        free(m->line[i].past);
    }
    free(m->line);
    free(m->host);
    memset(m, 0, sizeof *m);
}

void
model_begin(struct model *m, enum model_topic topic)
{
    m->hint = 0;
    switch (topic) {
    case MODEL_STATUS:
        m->gate.there = false;
        m->sinks = 0;
        for (unsigned i = 0; i < m->lines; i++) {
            m->line[i].seen = false;
        }
        break;
    case MODEL_HOSTS_TOPIC:
        for (unsigned i = 0; i < m->hosts; i++) {
            m->host[i].seen = false;
        }
        break;
    case MODEL_ALARMS_TOPIC:
        begin_alarms(m);
        break;
    case MODEL_RECENT_TOPIC:
        m->recents = 0;
        break;
    case MODEL_BEATS:
        break;
    }
}

void
model_take(struct model *m, enum model_topic topic, char *line)
{
    char *f[FIELDS];

    (void)client_fields(line, f, FIELDS);
    if (topic == MODEL_STATUS && strcmp(f[0], "belfry") == 0) {
        take_belfry(m, f);
    } else if (topic == MODEL_STATUS && strcmp(f[0], "line") == 0) {
        take_line(m, f);
    } else if (topic == MODEL_STATUS && strcmp(f[0], "gate") == 0) {
        take_gate(m, f);
    } else if (topic == MODEL_STATUS && strcmp(f[0], "notifier") == 0) {
        take_sink(m, f);
    } else if (topic == MODEL_HOSTS_TOPIC && strcmp(f[0], "host") == 0) {
        take_host(m, f);
    } else if (topic == MODEL_ALARMS_TOPIC && strcmp(f[0], "alarm") == 0) {
        take_alarm(m, f);
    } else if (topic == MODEL_ALARMS_TOPIC && strcmp(f[0], "error") == 0) {
        m->next.refused = true;
    } else if (topic == MODEL_RECENT_TOPIC && strcmp(f[0], "alarm") == 0) {
        take_recent(m, f);
    } else if (topic == MODEL_BEATS && strcmp(f[0], "beats") == 0) {
        take_beats(m, f);
    }
}

static void
forget_lines(struct model *m)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < m->lines; i++) {
        if (m->line[i].seen) {
            m->line[kept++] = m->line[i];
        } else {
            free(m->line[i].past);
        }
    }
    m->moves += kept != m->lines;
    m->lines = kept;
}

static void
forget_hosts(struct model *m)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < m->hosts; i++) {
        if (m->host[i].seen) {
            m->host[kept++] = m->host[i];
        }
    }
    m->moves += kept != m->hosts;
    m->hosts = kept;
}

void
model_end(struct model *m, enum model_topic topic)
{
    if (topic == MODEL_STATUS) {
        forget_lines(m);
    } else if (topic == MODEL_HOSTS_TOPIC) {
        forget_hosts(m);
    } else if (topic == MODEL_ALARMS_TOPIC) {
        end_alarms(m);
    }
}
