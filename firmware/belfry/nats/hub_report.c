#include "belfry/nats/hub.h"

#include "belfry/events.h"
#include "belfry/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define VALUE (6 * RECORD_DETAIL + 16) /* of JSON: each byte may take six */

/* An open alarm and where it is. */
struct standing {
    const struct hub_site *site;
    const struct alarm *alarm;
};

static int
worst_first(const void *a, const void *b)
{
    const struct standing *x = a;
    const struct standing *y = b;

    if (x->alarm->severity != y->alarm->severity) {
        return x->alarm->severity < y->alarm->severity ? -1 : 1;
    }
    if (x->alarm->opened_ms != y->alarm->opened_ms) {
        return x->alarm->opened_ms > y->alarm->opened_ms ? -1 : 1;
    }
    return x->alarm->id < y->alarm->id ? 1 : -1;
}

static unsigned
count_alarms(const struct hub *hub)
{
    unsigned n = 0;

    for (unsigned i = 0; i < hub->sites; i++) {
        n += hub->site[i]->alarms;
    }
    return n;
}

/* All open alarms, sorted; NULL when there is none, or no memory. To be freed. */
static struct standing *
standing(const struct hub *hub, unsigned *count)
{
    struct standing *all;
    unsigned n = 0;

    *count = count_alarms(hub);
    all = *count > 0 ? malloc(*count * sizeof *all) : NULL;
    if (all == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < hub->sites; i++) {
        for (unsigned k = 0; k < hub->site[i]->alarms; k++) {
            all[n++] = (struct standing){ .site = hub->site[i], .alarm = &hub->site[i]->alarm[k].alarm };
        }
    }
    qsort(all, n, sizeof *all, worst_first);
    return all;
}

static bool
quiet(const struct hub_site *s, int64_t now_ms)
{
    return now_ms - s->heard_ms > HUB_QUIET_MS;
}

static const char *
age(int64_t then_ms, int64_t now_ms, char out[TEXT_TIME])
{
    if (then_ms == 0) {
        memcpy(out, "never", 6);
        return out;
    }
    return text_age(now_ms - then_ms, out);
}

static const char *
name_of(const struct alarm *a)
{
    return a->host[0] != '\0' ? a->host : "-";
}

/* ---- text */

static void
text_sites(const struct hub *hub, int64_t now_ms, FILE *to)
{
    (void)fprintf(to, "%-16s %-6s %9s %6s %7s %10s %8s %8s %8s %8s  %s\n", "SITE", "STATE", "HEARD", "HOSTS",
            "ALARMS", "PROVED", "EVENTS", "COPIES", "REFUSED", "LEFT OUT", "VERSION");
    for (unsigned i = 0; i < hub->sites; i++) {
        const struct hub_site *s = hub->site[i];
        char heard[TEXT_TIME];

        (void)fprintf(to,
                "%-16s %-6s %9s %6u %7u %10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64
                "  %s\n",
                s->site, quiet(s, now_ms) ? "QUIET" : "heard", age(s->heard_ms, now_ms, heard), s->hosts,
                s->alarms, s->lines, s->events, s->copies, s->refused, s->left_out,
                s->state.version[0] != '\0' ? s->state.version : "-");
    }
}

static void
text_alarms(const struct standing *all, unsigned count, int64_t now_ms, FILE *to)
{
    (void)fprintf(to, "\n%-16s %6s %-4s %-15s %-20s %9s %5s  %s\n", "SITE", "ID", "SEVR", "HOST", "CODE",
            "OPEN FOR", "COUNT", "DETAIL");
    for (unsigned i = 0; i < count; i++) {
        const struct alarm *a = all[i].alarm;
        char since[TEXT_TIME];
        char detail[RECORD_DETAIL];

        (void)text_detail(detail, sizeof detail, a->detail, strlen(a->detail));
        (void)fprintf(to, "%-16s %6lld %-4s %-15s %-20s %9s %5" PRIu32 "  %s\n", all[i].site->site,
                (long long)a->id, wire_severity_name(a->severity), name_of(a), a->code,
                age(a->opened_ms, now_ms, since), a->count, detail);
    }
}

static void
text_hosts(const struct hub *hub, int64_t now_ms, FILE *to)
{
    (void)fprintf(
            to, "\n%-16s %-15s %9s %-18s %10s %6s\n", "SITE", "HOST", "LAST", "NUMBER", "LINES", "LATE");
    for (unsigned i = 0; i < hub->sites; i++) {
        for (unsigned k = 0; k < hub->site[i]->hosts; k++) {
            const struct hub_host *h = &hub->site[i]->host[k];
            char last[TEXT_TIME];
            char number[64];

            (void)fprintf(to, "%-16s %-15s %9s %-18s %10" PRIu64 " %6" PRIu64 "\n", hub->site[i]->site,
                    h->host, age(h->last_ms, now_ms, last),
                    events_number(number, h->session, h->nonce, h->top, h->top), h->lines, h->late);
        }
    }
}

static void
text(const struct hub *hub, const struct standing *all, unsigned count, int64_t now_ms, FILE *to)
{
    char read[TEXT_TIME];

    (void)fprintf(to,
            "hub: %u site%s, %u open alarm%s, message %" PRIu64 ", stream read %s%s, %" PRIu64
            " missed, %" PRIu64 " refused\n\n",
            hub->sites, text_s(hub->sites), count, text_s(count), hub->sequence,
            age(hub->read_ms, now_ms, read), hub->read_ms != 0 ? " ago" : "", hub->missed, hub->refused);
    text_sites(hub, now_ms, to);
    if (count > 0) {
        text_alarms(all, count, now_ms, to);
    }
    text_hosts(hub, now_ms, to);
}

/* ---- JSON */

static void
json_string(const char *name, const char *value, FILE *to)
{
    char out[VALUE];

    (void)text_json(out, sizeof out, value);
    (void)fprintf(to, "\"%s\":%s", name, out);
}

static void
json_host(const struct hub_host *h, FILE *to)
{
    char number[64];

    (void)fprintf(to, "{");
    json_string("host", h->host, to);
    (void)fprintf(to, ",\"last_ms\":%lld,\"lines\":%" PRIu64 ",\"late\":%" PRIu64 ",", (long long)h->last_ms,
            h->lines, h->late);
    json_string("number", events_number(number, h->session, h->nonce, h->top, h->top), to);
    (void)fprintf(to, "}");
}

static void
json_site(const struct hub_site *s, int64_t now_ms, FILE *to)
{
    (void)fprintf(to, "\n {");
    json_string("site", s->site, to);
    (void)fprintf(to, ",\"quiet\":%s,\"heard_ms\":%lld,\"state_ms\":%lld,",
            quiet(s, now_ms) ? "true" : "false", (long long)s->heard_ms, (long long)s->state_ms);
    json_string("version", s->state.version, to);
    (void)fprintf(to,
            ",\"proved\":%" PRIu64 ",\"events\":%" PRIu64 ",\"copies\":%" PRIu64 ",\"refused\":%" PRIu64
            ",\"left_out\":%" PRIu64 ",\"hosts\":[",
            s->lines, s->events, s->copies, s->refused, s->left_out);
    for (unsigned i = 0; i < s->hosts; i++) {
        (void)fprintf(to, "%s", i > 0 ? "," : "");
        json_host(&s->host[i], to);
    }
    (void)fprintf(to, "]}");
}

static void
json_alarm(const struct standing *s, FILE *to)
{
    const struct alarm *a = s->alarm;
    char number[64];

    (void)fprintf(to, "\n {");
    json_string("site", s->site->site, to);
    (void)fprintf(to, ",\"id\":%lld,\"count\":%" PRIu32 ",\"opened_ms\":%lld,", (long long)a->id, a->count,
            (long long)a->opened_ms);
    json_string("severity", wire_severity_name(a->severity), to);
    (void)fprintf(to, ",");
    json_string("host", a->host, to);
    (void)fprintf(to, ",");
    json_string("code", a->code, to);
    (void)fprintf(to, ",");
    json_string("subject", a->subject, to);
    (void)fprintf(to, ",");
    json_string("number", events_number(number, a->session, a->nonce, a->number, a->number), to);
    (void)fprintf(to, ",");
    json_string("line", a->line, to);
    (void)fprintf(to, ",");
    json_string("detail", a->detail, to);
    (void)fprintf(to, "}");
}

static void
json(const struct hub *hub, const struct standing *all, unsigned count, int64_t now_ms, FILE *to)
{
    (void)fprintf(to,
            "{\"stream\":%" PRIu64 ",\"sequence\":%" PRIu64 ",\"missed\":%" PRIu64 ",\"refused\":%" PRIu64
            ",\"read_ms\":%lld,\"sites\":[",
            hub->stream, hub->sequence, hub->missed, hub->refused, (long long)hub->read_ms);
    for (unsigned i = 0; i < hub->sites; i++) {
        (void)fprintf(to, "%s", i > 0 ? "," : "");
        json_site(hub->site[i], now_ms, to);
    }
    (void)fprintf(to, "],\"alarms\":[");
    for (unsigned i = 0; i < count; i++) {
        (void)fprintf(to, "%s", i > 0 ? "," : "");
        json_alarm(&all[i], to);
    }
    (void)fprintf(to, "]}\n");
}

bool
hub_report(const struct hub *hub, enum hub_form form, int64_t now_ms, FILE *to)
{
    unsigned count;
    struct standing *all = standing(hub, &count);
    bool attention = false;

    if (all == NULL) {
        count = 0;
    }
    for (unsigned i = 0; i < hub->sites; i++) {
        attention = attention || quiet(hub->site[i], now_ms);
    }
    attention = attention || (count > 0 && all[0].alarm->severity <= WIRE_WARN);
    if (form == HUB_JSON) {
        json(hub, all, count, now_ms, to);
    } else {
        text(hub, all, count, now_ms, to);
    }
    free(all);
    return attention;
}
