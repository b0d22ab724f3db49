#include "belfry/notice/sets.h"

/* True when the line still has so many bytes in this second. */
static bool
may_look(struct notice_watch *w, size_t len, int64_t now_ms)
{
    if (now_ms - w->second_ms >= NOTICE_SECOND_MS || now_ms < w->second_ms) {
        w->second_ms = now_ms;
        w->bytes = 0;
    }
    if (w->bytes + len > NOTICE_BYTES_S) {
        return false;
    }
    w->bytes += (uint32_t)len;
    return true;
}

static void
add(uint32_t *to, size_t n)
{
    *to = n > UINT32_MAX - *to ? UINT32_MAX : *to + (uint32_t)n;
}

/* Thirty bytes can cost a pattern all of its steps: counted as bytes alone, two thousand of them would hold
 * the loop for a second. */
static void
spend(struct notice_watch *w, uint32_t bytes)
{
    w->bytes = w->bytes + bytes < NOTICE_BYTES_S ? w->bytes + bytes : NOTICE_BYTES_S;
}

/* A rule that gives up has not looked at these bytes; the next ones are asked all the same. */
static const struct notice_compiled *
first_that_fits(const struct notice_set *set, struct notice_watch *w, const char *text, size_t len)
{
    bool gave_up = false;

    for (unsigned i = 0; i < set->rules; i++) {
        int r = pcre2_match(
                set->rule[i].code, (PCRE2_SPTR)text, len, 0, 0, set->all->match, set->all->context);

        if (r >= 0) {
            return &set->rule[i];
        }
        if (r == PCRE2_ERROR_NOMATCH) {
            continue;
        }
        spend(w, NOTICE_GIVEN_UP);
        if (!gave_up) {
            gave_up = true;
            add(&w->unseen, len);
        }
    }
    return NULL;
}

bool
notice_look(const struct notice_set *set, struct notice_watch *w, const char *text, size_t len,
        int64_t now_ms, struct notice_found *found)
{
    char plain[NOTICE_TEXT];
    const struct notice_compiled *rule;

#ifndef PLANT_NOTICE
    len = len > sizeof plain ? sizeof plain : len;
#endif
    if (len == 0) {
        return false;
    }
    if (!may_look(w, len, now_ms)) {
        add(&w->unseen, len);
        return false;
    }
    len = notice_plain(plain, text, len);
    rule = first_that_fits(set, w, plain, len);
    if (rule == NULL) {
        return false;
    }
    if (w->told == NOTICE_A_MINUTE) {
        add(&w->more, 1);
        return false;
    }
    w->told++;
    found->rule = rule->name;
    found->severity = rule->severity;
    return true;
}

bool
notice_minute(struct notice_watch *w, int64_t now_ms, uint32_t *more, uint32_t *unseen)
{
    if (now_ms - w->minute_ms < NOTICE_MINUTE_MS && now_ms >= w->minute_ms) {
        return false;
    }
    *more = w->more;
    *unseen = w->unseen;
    w->minute_ms = now_ms;
    w->told = 0;
    w->more = 0;
    w->unseen = 0;
    return *more > 0 || *unseen > 0;
}
