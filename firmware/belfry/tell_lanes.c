#include "belfry/tell.h"

#include "belfry/run.h"

#include <stdio.h>
#include <string.h>

/* How far what is under way may hold up the place of a notifier: so much is told again after a kill. */
#define WINDOW NOTIFY_ROOM

struct tell_lane *
tell_lane_find(struct tell_one *t, const char *host)
{
    for (unsigned i = 0; i < t->lanes; i++) {
        if (strcmp(t->lane[i].host, host) == 0) {
            return &t->lane[i];
        }
    }
    return NULL;
}

static bool
has_waiting(const struct tell_lane *lane)
{
    return lane->next <= lane->last;
}

static struct tell_lane *
open_lane(struct tell_one *t, const char *host, int64_t next)
{
    struct tell_lane *lane = &t->lane[t->lanes];

    if (t->lanes == TELL_LANES) {
        return NULL;
    }
    t->lanes++;
    *lane = (struct tell_lane){ .next = next };
    (void)snprintf(lane->host, sizeof lane->host, "%s", host);
    return lane;
}

bool
tell_lane_add(struct tell_one *t, const struct notice *n)
{
    struct tell_lane *lane = tell_lane_find(t, n->alarm.host);

    if (lane == NULL) {
        lane = open_lane(t, n->alarm.host, n->seq);
    }
    if (lane == NULL) {
        return false;
    }
    if (n->seq >= lane->next && n->seq > lane->last) {
        lane->last = n->seq;
        lane->waiting++;
    }
    return true;
}

bool
tell_lanes_next(struct run *run, struct tell_one *t, struct notice *out)
{
    for (unsigned i = 0; i < t->lanes; i++) {
        struct tell_lane *lane = &t->lane[t->turn++ % t->lanes];
        int r = has_waiting(lane) ? ledger_notice_of(run->ledger, lane->host, lane->next, lane->last, out)
                                  : LEDGER_E_NONE;

        if (r == 0) {
            lane->next = out->seq + 1;
            lane->waiting--;
            return true;
        }
        if (r != LEDGER_E_NONE) {
            return false;
        }
        lane->next = lane->next > lane->last ? lane->next : lane->last + 1;
        lane->waiting = 0;
    }
    return false;
}

/* ---- what the ledger is to know */

/* Not told, and nowhere else on record. */
static bool
is_open(const struct tell_notice *n)
{
    return !n->kept && (n->state == TELL_WAITS || n->state == TELL_SENT);
}

int64_t
tell_lanes_settle(struct tell_one *t)
{
    int64_t place = t->reached;

    for (unsigned i = 0; i < t->lanes; i++) {
        struct tell_lane *lane = &t->lane[i];

        lane->saving = has_waiting(lane) || lane->next > t->reached + 1 ? lane->next : 0;
    }
    for (unsigned i = 0; i < t->notices; i++) {
        const struct tell_notice *n = &t->notice[i];
        struct tell_lane *lane = is_open(n) ? tell_lane_find(t, n->host) : NULL;

        if (!is_open(n)) {
            continue;
        }
        if (lane == NULL && t->reached - n->seq >= WINDOW) {
            lane = open_lane(t, n->host, t->reached + 1);
        }
        if (lane == NULL) {
            place = n->seq <= place ? n->seq - 1 : place;
        } else {
            lane->saving = lane->saving == 0 || n->seq < lane->saving ? n->seq : lane->saving;
        }
    }
    return place;
}

int
tell_lanes_save(struct run *run, struct tell_one *t)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < t->lanes; i++) {
        const struct tell_lane *lane = &t->lane[i];

        if (lane->saving != lane->saved) {
            r = ledger_behind_save(run->ledger, t->conf.name, lane->host, lane->saving);
        }
    }
    return r;
}

void
tell_lanes_saved(struct tell_one *t)
{
    unsigned left = 0;

    for (unsigned i = 0; i < t->lanes; i++) {
        struct tell_lane *lane = &t->lane[i];

        lane->saved = lane->saving;
        if (lane->saved != 0) {
            t->lane[left++] = *lane;
        }
    }
    t->lanes = left;
}

/* ---- an earlier life, and going back */

static void
load_one(void *to, const char *host, int64_t seq)
{
    struct tell_one *t = to;
    struct tell_lane *lane = open_lane(t, host, seq);

    if (lane != NULL) {
        lane->saved = seq;
    } else if (seq <= t->reached) {
        t->reached = seq - 1;
    }
}

int
tell_lanes_load(struct run *run, struct tell_one *t)
{
    int r;

    t->lanes = 0;
    r = ledger_behind(run->ledger, t->conf.name, load_one, t);
    for (unsigned i = 0; i < t->lanes; i++) {
        struct tell_lane *lane = &t->lane[i];

        lane->waiting = ledger_notices_of(run->ledger, lane->host, lane->next, t->reached, &lane->last);
    }
    return r;
}

void
tell_lane_put_back(struct tell_lane *lane, int64_t seq)
{
    lane->next = seq < lane->next ? seq : lane->next;
    lane->last = seq > lane->last ? seq : lane->last;
}

void
tell_lanes_go_back(const struct run *run, struct tell_one *t, unsigned by)
{
    for (unsigned i = 0; i < t->lanes; i++) {
        struct tell_lane *lane = &t->lane[i];
        int64_t last = has_waiting(lane) ? lane->last : lane->next - 1;

        lane->next = ledger_notice_back(run->ledger, lane->host, lane->next, by);
        lane->waiting = ledger_notices_of(run->ledger, lane->host, lane->next, last, &lane->last);
    }
}

int64_t
tell_waiting(const struct run *run, const struct tell_one *t)
{
    int64_t count = ledger_notices_after(run->ledger, t->reached);

    for (unsigned i = 0; i < t->lanes; i++) {
        count += t->lane[i].waiting;
    }
    for (unsigned i = 0; i < t->notices; i++) {
        count += t->notice[i].state != TELL_DONE && !t->notice[i].kept;
    }
    return count;
}
