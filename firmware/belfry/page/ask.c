#include "belfry/page/ask.h"

#include <stdlib.h>
#include <string.h>

#define TOPICS (MODEL_BEATS + 1)
#define BIT(topic) (1U << (topic))

/* clang-format off */
static const int request_of[TOPICS] = {
    [MODEL_STATUS]       = CTL_STATUS,
    [MODEL_HOSTS_TOPIC]  = CTL_HOSTS,
    [MODEL_ALARMS_TOPIC] = CTL_ALARMS,
    [MODEL_RECENT_TOPIC] = CTL_RECENT,
    [MODEL_BEATS]        = CTL_BEATS,
};
/* clang-format on */

void
ask_init(struct ask *a, struct model *m, int64_t now_ms)
{
    memset(a, 0, sizeof *a);
    a->model = m;
    a->wanted = BIT(TOPICS) - 1;
    a->round_ms = now_ms + ASK_ROUND_MS;
    a->all_ms = now_ms + ASK_ALL_MS;
}

static void
look_at_clock(struct ask *a, int64_t now_ms)
{
    if (now_ms >= a->round_ms) {
        a->wanted |= BIT(MODEL_STATUS) | BIT(MODEL_HOSTS_TOPIC);
        a->round_ms = now_ms + ASK_ROUND_MS;
    }
    if (a->changed && now_ms >= a->calm_ms) {
        a->wanted |= BIT(MODEL_HOSTS_TOPIC) | BIT(MODEL_ALARMS_TOPIC) | BIT(MODEL_RECENT_TOPIC);
        a->calm_ms = now_ms + ASK_CALM_MS;
        a->changed = false;
    }
    if (now_ms >= a->all_ms) {
        a->wanted |= BIT(MODEL_ALARMS_TOPIC) | BIT(MODEL_RECENT_TOPIC);
        a->all_ms = now_ms + ASK_ALL_MS;
    }
}

/* What is wanted first; the past only when its time has come. TOPICS for nothing. */
static unsigned
next_topic(const struct ask *a, int64_t now_ms)
{
    unsigned topic = 0;

    if (a->more != 0) {
        return a->topic;
    }
    while (topic < TOPICS && (a->wanted & BIT(topic)) == 0) {
        topic++;
    }
    return topic == MODEL_BEATS && now_ms < a->beats_ms ? TOPICS : topic;
}

size_t
ask_request(struct ask *a, int64_t now_ms, char out[CTL_REQUEST_MAX])
{
    struct ctl_request request = { .what = CTL_STATUS };
    unsigned topic;

    look_at_clock(a, now_ms);
    if (a->asking) {
        a->bad = a->bad || now_ms - a->asked_ms > ASK_PATIENCE_MS;
        return 0;
    }
    topic = next_topic(a, now_ms);
    if (topic == TOPICS) {
        return 0;
    }
    a->topic = (enum model_topic)topic;
    a->from = topic == MODEL_BEATS ? a->past : a->more;
    a->more = 0;
    a->newest_minute = 0;
    if (a->from == 0 || topic == MODEL_BEATS) {
        a->wanted &= ~BIT(topic); /* what changes from now on, is new */
    }
    a->asking = true;
    a->asked_ms = now_ms;
    request.what = request_of[topic];
    request.from = a->from;
    if (a->from == 0) {
        model_begin(a->model, a->topic);
    }
    return ctl_compose(&request, out);
}

int64_t
ask_due(const struct ask *a)
{
    int64_t due = a->round_ms;

    if (a->asking) {
        return a->asked_ms + ASK_PATIENCE_MS + 1;
    }
    if (a->changed && a->calm_ms < due) {
        due = a->calm_ms;
    }
    return a->wanted == BIT(MODEL_BEATS) && a->beats_ms < due ? a->beats_ms : due;
}

/* The past is read backwards, until it is older than what is shown. */
static void
end_of_past(struct ask *a)
{
    bool older = a->newest_minute * 60000 < a->model->now_ms - PAST_MS;
    bool goes_on = a->more != 0 && (a->from == 0 || a->more < a->from) && !older;

    a->past = goes_on ? a->more : 0;
    a->more = 0;
    a->wanted |= goes_on ? BIT(MODEL_BEATS) : 0;
    a->beats_ms = a->asked_ms + ASK_BEATS_MS;
}

static void
take_end(struct ask *a)
{
    a->asking = false;
    if (a->topic == MODEL_BEATS) {
        end_of_past(a);
        return;
    }
    if (a->more > a->from) {
        return;
    }
    a->more = 0; /* else it would never end */
    model_end(a->model, a->topic);
    a->rounds += a->topic == MODEL_HOSTS_TOPIC || a->topic == MODEL_RECENT_TOPIC;
    a->news += a->topic == MODEL_RECENT_TOPIC;
}

static void
look_at_minute(struct ask *a, const char *line)
{
    const char *field = line;

    for (unsigned i = 0; i < 3 && field != NULL; i++) {
        field = strchr(field, '\t');
        field = field != NULL ? field + 1 : NULL;
    }
    if (field != NULL) {
        int64_t minute = strtoll(field, NULL, 10);

        a->newest_minute =
                minute > a->newest_minute && minute < INT64_C(253402300800) ? minute : a->newest_minute;
    }
}

static void
take_line(struct ask *a)
{
    if (strcmp(a->line, "changed") == 0) {
        a->changed = true;
    } else if (!a->asking) {
        a->bad = true;
    } else if (strcmp(a->line, "end") == 0) {
        take_end(a);
    } else if (strncmp(a->line, "more\t", 5) == 0) {
        a->more = strtoll(a->line + 5, NULL, 10);
        a->more = a->more > 0 && a->more < INT64_C(1000000000000000000) ? a->more : 0;
    } else {
        if (a->topic == MODEL_BEATS) {
            look_at_minute(a, a->line);
        }
        model_take(a->model, a->topic, a->line);
    }
}

bool
ask_take(struct ask *a, const char *src, size_t len)
{
    for (size_t i = 0; i < len && !a->bad; i++) {
        if (src[i] == '\n') {
            a->line[a->len] = '\0';
            a->len = 0;
            take_line(a);
        } else if (a->len < sizeof a->line - 1 && src[i] != '\0') {
            a->line[a->len++] = src[i];
        } else {
            a->bad = true;
        }
    }
    return !a->bad;
}
