#include "belfry/page/timeline.h"

#include "belfry/text.h"

#include <stdio.h>

#define HOUR_SPANS 30
#define BEAT_TOP 1
#define BEAT_HEIGHT 4
#define FLOOR 21 /* bytes stand on it */
#define BYTES_HIGH 14
#define WORDS_ALARMS 3

/* From left to right. */
static struct past_span
span_of(const struct model_line *l, int64_t now_ms, unsigned x)
{
    return past_at(l->past, now_ms, PAST_SPANS - 1 - x);
}

/* 0 for none, 1 up to 15, and one more for each fourfold; BYTES_HIGH at most. */
static unsigned
height_of(uint32_t bytes)
{
    unsigned high = bytes > 0;

    while (bytes >= 16 && high < BYTES_HIGH) {
        bytes /= 4;
        high++;
    }
    return high;
}

static unsigned
bytes_height(const struct past_span *s)
{
    return height_of(s->bytes);
}

static unsigned
beat_height(const struct past_span *s)
{
    return s->beats > 0 ? BEAT_HEIGHT : 0;
}

static unsigned
trouble_height(const struct past_span *s)
{
    return (s->marks & (PAST_SILENT | PAST_LOST)) != 0 ? 2 : 0;
}

/* Rectangles for spans of the same height, as one path. `down`: they hang from `y`. */
static void
bars(struct sheet *s, const struct model_line *l, int64_t now_ms, unsigned y, bool down,
        unsigned (*height)(const struct past_span *), const char *colour)
{
    bool any = false;

    for (unsigned x = 0; x < PAST_SPANS;) {
        struct past_span span = span_of(l, now_ms, x);
        unsigned high = height(&span);
        unsigned end = x + 1;

        for (; end < PAST_SPANS; end++) {
            span = span_of(l, now_ms, end);
            if (height(&span) != high) {
                break;
            }
        }
        if (high > 0) {
            sheet_print(s, "%sM%u %uv%s%uh%uv%s%uz", any ? "" : "<path d=\"", x, y, down ? "" : "-", high,
                    end - x, down ? "-" : "", high);
            any = true;
        }
        x = end;
    }
    if (any) {
        sheet_print(s, "\" fill=\"%s\"/>", colour);
    }
}

/* ERRO and worse: a filled triangle; the others: its outline. */
static void
triangles(struct sheet *s, const struct model_line *l, int64_t now_ms, enum past_mark mark, const char *how)
{
    bool any = false;

    for (unsigned x = 0; x < PAST_SPANS; x++) {
        if ((span_of(l, now_ms, x).marks & mark) != 0) {
            sheet_print(s, "%sM%u 8l4 8h-8z", any ? "" : "<path d=\"",
                    x < 4                ? 4
                    : x > PAST_SPANS - 5 ? PAST_SPANS - 5
                                         : x);
            any = true;
        }
    }
    if (any) {
        sheet_print(s, "\" %s/>", how);
    }
}

void
timeline_svg(struct sheet *s, const struct model_line *l, int64_t now_ms, bool alone)
{
    sheet_print(s, "<svg%s viewBox=\"0 0 %d %d\"", alone ? " xmlns=\"http://www.w3.org/2000/svg\"" : "",
            TIMELINE_WIDTH, TIMELINE_HEIGHT);
    if (alone) {
        sheet_print(s, " width=\"%d\" height=\"%d\">", TIMELINE_WIDTH, TIMELINE_HEIGHT);
    } else {
        sheet_put(s, " role=\"img\" aria-labelledby=\"t d\" preserveAspectRatio=\"none\"><title id=\"t\">The "
                     "last six "
                     "hours of ");
        sheet_text(s, l->name);
        sheet_put(s, "</title><desc id=\"d\">");
        timeline_words(s, l, now_ms);
        sheet_put(s, "</desc>");
    }
    sheet_print(s, "<path d=\"M0 %d.5h%d\" stroke=\"#7b8794\" stroke-width=\".5\"/>", FLOOR, TIMELINE_WIDTH);
    for (unsigned hour = 1; hour < PAST_SPANS / HOUR_SPANS; hour++) {
        sheet_print(s, "<path d=\"M%u 7v14\" stroke=\"#7b8794\" stroke-width=\".25\"/>", hour * HOUR_SPANS);
    }
    bars(s, l, now_ms, FLOOR, false, bytes_height, "#3d82d0");
    bars(s, l, now_ms, BEAT_TOP, true, beat_height, "#2f9461");
    bars(s, l, now_ms, FLOOR + 1, true, trouble_height, "#dc4437");
    triangles(s, l, now_ms, PAST_WARN, "fill=\"none\" stroke=\"#c07400\"");
    triangles(s, l, now_ms, PAST_ERRO, "fill=\"#dc4437\"");
    sheet_put(s, "</svg>");
}

/* "14:02": a span begins then. */
static const char *
clock_of_span(int64_t now_ms, unsigned back, char out[TEXT_TIME])
{
    int64_t begin = (now_ms / PAST_SPAN_MS - (int64_t)back) * PAST_SPAN_MS;
    char time[TEXT_TIME];

    (void)snprintf(out, TEXT_TIME, "%.5s", text_time(begin > 0 ? begin : 0, time) + 11);
    return out;
}

void
timeline_words(struct sheet *s, const struct model_line *l, int64_t now_ms)
{
    unsigned beats = 0;
    unsigned bytes = 0;
    unsigned alarms = 0;
    char time[TEXT_TIME];

    for (unsigned x = 0; x < PAST_SPANS; x++) {
        struct past_span span = span_of(l, now_ms, x);

        beats += span.beats > 0;
        bytes += span.bytes > 0;
    }
    sheet_print(s, "beats %u, bytes %u of %u", beats, bytes, PAST_SPANS);
    if ((past_at(l->past, now_ms, 0).marks & (PAST_SILENT | PAST_LOST)) != 0) {
        sheet_put(s, ", silent or lost now");
    }
    for (unsigned back = 0; back < PAST_SPANS && alarms < WORDS_ALARMS; back++) {
        if ((past_at(l->past, now_ms, back).marks & (PAST_WARN | PAST_ERRO)) != 0) {
            sheet_print(s, "%s %s", alarms == 0 ? ", alarms" : "", clock_of_span(now_ms, back, time));
            alarms++;
        }
    }
}

static void
hour_row(struct sheet *s, const struct model_line *l, int64_t now_ms, unsigned hour)
{
    uint64_t bytes = 0;
    unsigned beats = 0;
    unsigned alarms = 0;
    unsigned trouble = 0;
    char time[2][TEXT_TIME];

    for (unsigned back = hour * HOUR_SPANS; back < (hour + 1) * HOUR_SPANS; back++) {
        struct past_span span = past_at(l->past, now_ms, back);

        bytes += span.bytes;
        beats += span.beats;
        alarms += (span.marks & (PAST_WARN | PAST_ERRO)) != 0;
        trouble += (span.marks & (PAST_SILENT | PAST_LOST)) != 0;
    }
    sheet_print(s, "<tr><th scope=row>%s to %s<td>%u<td>%llu<td>%u<td>%u min\n",
            clock_of_span(now_ms, (hour + 1) * HOUR_SPANS - 1, time[0]),
            hour == 0 ? "now" : clock_of_span(now_ms, hour * HOUR_SPANS - 1, time[1]), beats,
            (unsigned long long)bytes, alarms, trouble * 2);
}

void
timeline_hours(struct sheet *s, const struct model_line *l, int64_t now_ms)
{
    for (unsigned hour = 0; hour < PAST_SPANS / HOUR_SPANS; hour++) {
        hour_row(s, l, now_ms, hour);
    }
}
