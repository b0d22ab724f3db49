#include "belfry/notify/message.h"

#include "belfry/notify/link.h"
#include "belfry/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ENOUGH 8192 /* one notice takes less */

struct text {
    char *out;
    size_t len;
    size_t column;
};

static void
put_char(struct text *t, char c)
{
    if (t->len + 1 < MESSAGE_MAX) {
        t->out[t->len++] = c;
        t->column = c == '\n' ? 0 : t->column + 1;
    }
}

/* Whatever is not printable ASCII becomes '?': so no line ends but by us. */
static void
put(struct text *t, const char *src)
{
    for (; *src != '\0'; src++) {
#ifdef PLANT_MESSAGE
        put_char(t, *src);
#else
        put_char(t, *src >= 0x20 && *src <= 0x7E ? *src : '?');
#endif
    }
}

__attribute__((format(printf, 2, 3))) static void
line(struct text *t, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(t, text);
    put_char(t, '\n');
}

/* Words of a value, in further lines with blanks before them where one line is not enough; a word that is
 * longer than a line is cut. */
static void
put_words(struct text *t, const char *src)
{
    while (*src != '\0') {
        size_t len = strcspn(src, " ");
        size_t most = MESSAGE_LINE - 4;

        if (t->column > 4 && t->column + 1 + len > MESSAGE_LINE) {
            put_char(t, '\n');
            put(t, "    ");
        } else if (t->column > 4) {
            put_char(t, ' ');
        }
        for (size_t i = 0; i < len; i++) {
            if (i > 0 && i % most == 0) {
                put_char(t, '\n');
                put(t, "    ");
            }
            put(t, (const char[]){ src[i], '\0' });
        }
        src += len + strspn(src + len, " ");
    }
    put_char(t, '\n');
}

static void
put_date(struct text *t, int64_t utc_ms)
{
    static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
        "Oct", "Nov", "Dec" };
    time_t when = (time_t)(utc_ms / 1000);
    struct tm tm = { .tm_mday = 1 };

    (void)gmtime_r(&when, &tm);
    line(t, "Date: %s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
            tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static const char *
host_of(const struct alarm *a)
{
    return a->host[0] != '\0' ? a->host : "belfry";
}

static void
put_subject(struct text *t, const struct notice *const *notice, unsigned count)
{
    const struct notice *worst = notice[0];
    unsigned closed = 0;

    for (unsigned i = 0; i < count; i++) {
        closed += notice[i]->closed;
        worst = notice[i]->alarm.severity < worst->alarm.severity ? notice[i] : worst;
    }
    if (count == 1) {
        line(t, "Subject: [belfry] %s%s %.31s %s", worst->closed ? "over: " : "",
                wire_severity_name(worst->alarm.severity), worst->alarm.code, host_of(&worst->alarm));
    } else {
        line(t, "Subject: [belfry] %u alarm%s, %u over; worst %s %.31s", count - closed,
                text_s(count - closed), closed, wire_severity_name(worst->alarm.severity), worst->alarm.code);
    }
}

static void
put_header(
        struct text *t, const struct message_envelope *e, const struct notice *const *notice, unsigned count)
{
    const struct notice *first = notice[0];
    const struct notice *last = notice[count - 1];

    line(t, "From: %s", e->from);
    for (unsigned i = 0; i < e->count; i++) {
        line(t, "%s%s%s", i == 0 ? "To: " : "    ", e->to[i], i + 1 < e->count ? "," : "");
    }
    put_subject(t, notice, count);
    put_date(t, last->made_ms);
    line(t, "Message-ID: <belfry.%lld-%lld.%lld@%s>", (long long)first->seq, (long long)last->seq,
            (long long)last->made_ms, e->hostname);
    if (count == 1) {
        line(t, "References: <belfry.alarm.%lld.%lld@%s>", (long long)first->alarm.id,
                (long long)first->alarm.opened_ms, e->hostname);
    }
    line(t, "Auto-Submitted: auto-generated");
    line(t, "MIME-Version: 1.0");
    line(t, "Content-Type: text/plain; charset=us-ascii");
    line(t, "Content-Transfer-Encoding: 7bit");
    put_char(t, '\n');
}

static void
put_notice(struct text *t, const struct notice *n)
{
    const struct alarm *a = &n->alarm;
    char number[NOTIFY_NUMBER];
    char when[TEXT_TIME];
    char detail[RECORD_DETAIL];

    line(t, "alarm %lld %s: %s %s %.31s", (long long)a->id, n->closed ? "closed" : "open", host_of(a),
            wire_severity_name(a->severity), a->code);
    put(t, "    ");
    (void)text_detail(detail, sizeof detail, a->detail, strlen(a->detail));
    put_words(t, detail);
    line(t, "    raised %s, %u time%s", text_time(a->opened_ms, when), a->count, text_s(a->count));
    if (n->closed) {
        line(t, "    over   %s", text_time(a->closed_ms, when));
    }
    line(t, "    line %s, number %s, %s, notice %lld", a->line[0] != '\0' ? a->line : "-",
            notify_number(a, number), a->verdict, (long long)n->seq);
    put_char(t, '\n');
}

size_t
message_write(char out[MESSAGE_MAX], const struct message_envelope *e, const struct notice *const *notice,
        unsigned count)
{
    struct text t = { .out = out };

    put_header(&t, e, notice, count);
    for (unsigned i = 0; i < count; i++) {
        if (t.len > MESSAGE_MAX - ENOUGH) {
            line(&t, "and %u more: belfry alarms", count - i);
            break;
        }
        put_notice(&t, notice[i]);
    }
    t.out[t.len] = '\0';
    return t.len;
}
