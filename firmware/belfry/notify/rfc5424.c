#include "belfry/notify/rfc5424.h"

#include "belfry/notify/link.h"
#include "belfry/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MSGID_MAX 32 /* section 6.2.7 */
#define HOSTNAME_MAX 255

struct text {
    char *out;
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void
put(struct text *t, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(t->out + t->len, RFC5424_MAX - t->len, format, args);
    va_end(args);
    t->len = n < 0 || t->len + (size_t)n >= RFC5424_MAX ? RFC5424_MAX - 1 : t->len + (size_t)n;
}

/* The same, of text that a host has said. */
__attribute__((format(printf, 2, 3))) static void
put_text(struct text *t, const char *format, ...)
{
    char text[RFC5424_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c >= 0x20 && *c < 0x7F ? *c : '?';
    }
    put(t, "%s", text);
}

static void
put_char(struct text *t, char c)
{
    if (t->len < RFC5424_MAX - 1) {
        t->out[t->len++] = c;
        t->out[t->len] = '\0';
    }
}

/* A field of the header: without blanks, "-" for nothing. */
static void
put_field(struct text *t, const char *value, size_t most)
{
    put_char(t, ' ');
    if (value[0] == '\0') {
        put_char(t, '-');
    }
    for (size_t i = 0; value[i] != '\0' && i < most; i++) {
        put_char(t, value[i] > 0x20 && value[i] < 0x7F ? value[i] : '_');
    }
}

/* Section 6.3.3: what ends a value has a backslash before it. Left out when it is empty. */
static void
put_param(struct text *t, const char *name, const char *value)
{
    if (value[0] == '\0') {
        return;
    }
    put(t, " %s=\"", name);
    for (; *value != '\0'; value++) {
#ifndef PLANT_RFC5424
        if (*value == '"' || *value == '\\' || *value == ']') {
            put_char(t, '\\');
        }
#endif
        put_char(t, *value >= 0x20 && *value < 0x7F ? *value : '?');
    }
    put_char(t, '"');
}

static void
put_number(struct text *t, const char *name, long long value)
{
    put(t, " %s=\"%lld\"", name, value);
}

size_t
rfc5424_message(char out[RFC5424_MAX], const struct rfc5424_from *from, const struct notice *n)
{
    const struct alarm *a = &n->alarm;
    struct text t = { .out = out };
    char when[TEXT_TIME];
    char number[NOTIFY_NUMBER];
    char detail[RECORD_DETAIL];

    put(&t, "<%d>1 %s", from->facility | (int)a->severity, text_time(n->made_ms, when));
    put_field(&t, from->hostname, HOSTNAME_MAX);
    put(&t, " belfry %ld", from->pid);
    put_field(&t, a->code, MSGID_MAX);
    put(&t, " [tocsin@32473");
    put_number(&t, "seq", n->seq);
    put_number(&t, "alarm", a->id);
    put_param(&t, "state", n->closed ? "closed" : "open");
    put_param(&t, "host", a->host);
    put_param(&t, "severity", wire_severity_name(a->severity));
    put_param(&t, "code", a->code);
    put_param(&t, "subject", a->subject);
    put_param(&t, "line", a->line);
    put_param(&t, "verdict", a->verdict);
    put_param(&t, "number", notify_number(a, number));
    put_number(&t, "count", a->count);
    put_param(&t, "opened", text_time(a->opened_ms, when));
    (void)text_detail(detail, sizeof detail, a->detail, strlen(a->detail));
    put(&t, "] ");
    put_text(&t, "alarm %lld %s: %s %s %s %s", (long long)a->id, n->closed ? "closed" : "open",
            a->host[0] != '\0' ? a->host : "-", wire_severity_name(a->severity), a->code, detail);
    return t.len;
}
