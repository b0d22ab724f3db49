#include "belfry/ctl/screen.h"

#include "belfry/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ALARMS_SHARE 3 /* of the screen at most every so manieth line has an alarm */
#define ALARMS_MOST 10
#define FRAME 3 /* lines: the summary, the head of the table, the keys */
#define BOLD "\033[1m"
#define REVERSE "\033[7m"
#define PLAIN "\033[m"

/* One line of the screen, cut at its edge. */
__attribute__((format(printf, 4, 5))) static void
put_line(struct sheet *s, const struct screen *v, const char *attribute, const char *format, ...)
{
    char text[SCREEN_COLUMNS_MAX * 3];
    char shown[SCREEN_COLUMNS_MAX * 3];
    va_list args;
    size_t len;

    text[0] = '\0';
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    len = text_detail(shown, sizeof shown, text, strlen(text));
    sheet_put(s, attribute);
    sheet_bytes(s, shown, len < v->columns ? len : v->columns);
    sheet_put(s, attribute[0] != '\0' ? PLAIN "\033[K" : "\033[K");
}

static void
end_line(struct sheet *s)
{
    sheet_put(s, "\r\n");
}

static unsigned
alarms_shown(const struct screen *v)
{
    unsigned most = v->lines / ALARMS_SHARE < ALARMS_MOST ? v->lines / ALARMS_SHARE : ALARMS_MOST;

    return v->model->kept < most ? v->model->kept : most;
}

unsigned
screen_room(const struct screen *v)
{
    unsigned used = FRAME + alarms_shown(v);

    return v->lines > used ? v->lines - used : 0;
}

/* ", hook waits"; "" when all of them are ready. */
static const char *
sink_in_trouble(const struct model *m, char *out, size_t size)
{
    out[0] = '\0';
    for (unsigned i = 0; i < m->sinks; i++) {
        if (!m->sink[i].up || m->sink[i].waits) {
            (void)snprintf(
                    out, size, "; notifier %s %s", m->sink[i].name, m->sink[i].up ? "waits" : "does not run");
            break;
        }
    }
    return out;
}

static void
put_summary(struct sheet *s, const struct screen *v)
{
    char sink[CONF_NAME + 32];
    const unsigned *level = v->rows->level;
    char time[TEXT_TIME];

    if (v->error != 0) {
        put_line(s, v, BOLD, "belfry %s, tried again each second",
                v->error == ECONNREFUSED ? "is NOT RUNNING" : "does not answer");
        return;
    }
    put_line(s, v, BOLD,
            "%.8s  %u line%s: %u need%s attention, %u with a warning, %u well, %u quiet; %u open alarm%s%s%s",
            text_time(v->model->now_ms, time) + 11, v->rows->count, text_s(v->rows->count), level[ROW_BAD],
            level[ROW_BAD] == 1 ? "s" : "", level[ROW_WARN], level[ROW_GOOD], level[ROW_QUIET],
            v->model->alarms, text_s(v->model->alarms),
            v->model->stuck ? "; THE LEDGER CANNOT BE WRITTEN" : "",
            sink_in_trouble(v->model, sink, sizeof sink));
}

static void
put_alarm(struct sheet *s, const struct screen *v, const struct model_alarm *a)
{
    char age[TEXT_TIME];

    put_line(s, v, a->acked_ms == 0 && a->severity <= WIRE_ERRO ? BOLD : "",
            "%5lld %s %-15s %-20s %6s ago  %s%s", (long long)a->id,
            wire_severity_name((enum wire_severity)a->severity), a->host[0] != '\0' ? a->host : "belfry",
            a->code, text_age(v->model->now_ms - a->opened_ms, age), a->acked_ms != 0 ? "(seen) " : "",
            a->detail);
}

static void
put_row(struct sheet *s, const struct screen *v, const struct row *r)
{
    static const char *const marks[ROW_LEVELS] = { "!!", "! ", "  ", "- " };
    const struct model_host *h = r->host;
    char age[TEXT_TIME] = "-";
    char bytes[32];

    if (h != NULL && h->last_ms > 0) {
        (void)text_age(v->model->now_ms - h->last_ms, age);
    }
    put_line(s, v, r->level == ROW_BAD ? BOLD : "", "%s %-20s %-15s %7s %11s  %s", marks[r->level],
            r->line != NULL ? r->line->name : "-", h != NULL ? h->name : "-", age,
            row_bytes(r, v->model->now_ms, bytes), r->state);
}

static void
put_keys(struct sheet *s, const struct screen *v)
{
    unsigned room = screen_room(v);
    unsigned last = v->first + room < v->rows->count ? v->first + room : v->rows->count;

    put_line(s, v, REVERSE, "%u to %u of %u   arrows, page keys: move   space: look now   q: quit",
            last > 0 ? v->first + 1 : 0, last, v->rows->count);
}

void
screen_draw(struct sheet *s, const struct screen *v)
{
    unsigned room = screen_room(v);

    sheet_put(s, "\033[H");
    put_summary(s, v);
    for (unsigned i = 0; i < alarms_shown(v); i++) {
        end_line(s);
        put_alarm(s, v, &v->model->alarm[i]);
    }
    if (v->lines > 1 + alarms_shown(v)) {
        end_line(s);
        put_line(s, v, REVERSE, "   %-20s %-15s %7s %11s  %s", "LINE", "AGENT", "PROOF", "BYTES", "STATE");
    }
    for (unsigned i = v->first; i < v->rows->count && i < v->first + room; i++) {
        end_line(s);
        put_row(s, v, &v->rows->row[i]);
    }
    sheet_put(s, "\033[J");
    if (v->lines >= FRAME + alarms_shown(v)) {
        sheet_print(s, "\033[%u;1H", v->lines);
        put_keys(s, v);
    }
}
