#include "alarm/netstate.h"
#include <string.h>

#define PROBE_MS 250 /* in doubt, four looks a second */

static const int64_t again_after_ms[] = { 1000, 5000, 30000, 300000 };

#define AGAINS (sizeof(again_after_ms) / sizeof(again_after_ms[0]))

const char *
netstate_name(unsigned state)
{
    static const char *const names[NET_STATES] = { "up", "suspect", "down", "recovering", "flapping" };

    return state < NET_STATES ? names[state] : "?";
}

const char *
netstate_why(unsigned why)
{
    static const char *const names[] = { "none", "route", "send", "silence" };

    return why < sizeof(names) / sizeof(names[0]) ? names[why] : "?";
}

void
netstate_init(struct netstate *n, int64_t interval_ms, int64_t now_ms)
{
    memset(n, 0, sizeof(*n));
    n->state = NET_SUSPECT;
    n->interval_ms = interval_ms;
    n->ack_ms = now_ms;
    n->sign_ms = now_ms;
    n->hold_ms = NET_HOLD_FIRST_MS;
}

bool
netstate_lost(const struct netstate *n)
{
    return n->state == NET_DOWN || n->state == NET_RECOVERING || n->state == NET_FLAP;
}

/* ---- evidence ---- */

static int64_t
silence_ms(const struct netstate *n)
{
    int64_t checkins = NET_CHECKINS * n->interval_ms;

    return checkins > NET_SILENT_MS ? checkins : NET_SILENT_MS;
}

/* What was acknowledged since says more than the route: its end is told late, and it may be another's. */
static int64_t
route_proof_ms(const struct netstate *n)
{
    return (n->route_bad_ms > n->ack_ms ? n->route_bad_ms : n->ack_ms) + NET_ROUTE_BAD_MS;
}

static enum net_why
proof(const struct netstate *n, int64_t now_ms)
{
    if (n->route_bad && now_ms >= route_proof_ms(n)) {
        return NET_WHY_ROUTE;
    }
    if (n->send_errors >= NET_SEND_ERRORS) {
        return NET_WHY_SEND;
    }
    return now_ms - n->ack_ms >= silence_ms(n) ? NET_WHY_SILENCE : NET_WHY_NONE;
}

static bool
sign(const struct netstate *n, int64_t now_ms)
{
    return n->route_bad || n->send_errors > 0 || now_ms - n->ack_ms > n->interval_ms + PROBE_MS;
}

static void
not_well(struct netstate *n)
{
    n->acks = 0;
    n->well_ms = 0;
}

static void
take(struct netstate *n, enum net_event event, int64_t now_ms)
{
    switch (event) {
    case NET_ROUTE_BAD:
        n->route_bad_ms = n->route_bad ? n->route_bad_ms : now_ms;
        n->route_bad = true;
        break;
    case NET_ROUTE_GOOD:
        n->route_bad = false;
        break;
    case NET_SEND_ERROR:
        n->send_errors++;
        break;
    case NET_ACK:
        if (now_ms - n->ack_ms >= silence_ms(n)) {
            not_well(n); /* whoever ticks may have slept through it */
        }
        n->send_errors = 0;
        n->ack_ms = now_ms;
        break;
    default:
        break;
    }
}

/* ---- moves ---- */

static enum net_tell
stay(struct netstate *n, int64_t now_ms)
{
    (void)n;
    (void)now_ms;
    return NET_TELL_NOTHING;
}

/* Remembers the loss; true when there were too many of late. */
static bool
too_many(struct netstate *n, int64_t now_ms)
{
    memmove(n->lost_ms + 1, n->lost_ms, NET_FLAPS * sizeof(n->lost_ms[0]));
    n->lost_ms[0] = now_ms;
    n->losses += n->losses <= NET_FLAPS;
    return n->losses > NET_FLAPS && now_ms - n->lost_ms[NET_FLAPS] < NET_FLAP_MS;
}

static void
count_well(struct netstate *n, int64_t now_ms)
{
    n->acks++;
    n->well_ms = n->well_ms == 0 ? now_ms : n->well_ms;
}

static enum net_tell
lose(struct netstate *n, enum net_why why, int64_t now_ms)
{
    n->why = (uint8_t)why;
    n->repeats = 0;
    n->told_ms = now_ms;
    not_well(n);
    if (too_many(n, now_ms)) {
        n->state = NET_FLAP;
        return NET_TELL_FLAP;
    }
    n->state = NET_DOWN;
    return NET_TELL_LOST;
}

/* UP and SUSPECT: proof decides, a sign warns. */
static enum net_tell
judge(struct netstate *n, int64_t now_ms)
{
    enum net_why why = proof(n, now_ms);

    if (n->state == NET_UP && (why != NET_WHY_NONE || sign(n, now_ms))) {
        n->state = NET_SUSPECT;
        n->sign_ms = now_ms;
    }
    return why != NET_WHY_NONE ? lose(n, why, now_ms) : NET_TELL_NOTHING;
}

/* An acknowledgement clears a suspicion, unless the route says that it will be the last one. */
static enum net_tell
relieve(struct netstate *n, int64_t now_ms)
{
    if (!sign(n, now_ms)) {
        n->state = NET_UP;
    }
    return NET_TELL_NOTHING;
}

static enum net_tell
remind(struct netstate *n, int64_t now_ms)
{
    int64_t last_ms = again_after_ms[AGAINS - 1];
    int64_t due_ms =
            n->repeats < AGAINS ? again_after_ms[n->repeats] : last_ms * (int64_t)(n->repeats - AGAINS + 2);

    if (now_ms - n->told_ms < due_ms) {
        return NET_TELL_NOTHING;
    }
    n->repeats++;
    return NET_TELL_AGAIN;
}

static enum net_tell
recover(struct netstate *n, int64_t now_ms)
{
    if (!n->route_bad) {
        n->state = NET_RECOVERING;
        count_well(n, now_ms);
    }
    return NET_TELL_NOTHING;
}

static enum net_tell
settle(struct netstate *n, int64_t now_ms)
{
    count_well(n, now_ms);
    if (n->acks < NET_STEADY_ACKS || now_ms - n->well_ms < NET_STEADY_MS || n->route_bad) {
        return NET_TELL_NOTHING;
    }
    n->state = NET_UP;
    return NET_TELL_BACK;
}

/* The same loss goes on: it was never told as over. */
static enum net_tell
relapse(struct netstate *n, int64_t now_ms)
{
    enum net_why why = proof(n, now_ms);

    if (why != NET_WHY_NONE) {
        n->state = NET_DOWN;
        n->why = (uint8_t)why;
    }
    if (why != NET_WHY_NONE || n->route_bad || n->send_errors > 0) {
        not_well(n);
    }
    return remind(n, now_ms);
}

/* It has to be well for the whole of the hold time; who flaps again holds for twice as long. */
static enum net_tell
hold(struct netstate *n, int64_t now_ms)
{
    if (proof(n, now_ms) != NET_WHY_NONE || n->route_bad || n->send_errors > 0) {
        not_well(n);
        return NET_TELL_NOTHING;
    }
    if (n->well_ms == 0 || now_ms - n->well_ms < n->hold_ms || n->acks < NET_STEADY_ACKS) {
        return NET_TELL_NOTHING;
    }
    n->state = NET_UP;
    n->hold_ms = n->hold_ms * 2 < NET_HOLD_MOST_MS ? n->hold_ms * 2 : NET_HOLD_MOST_MS;
    return NET_TELL_BACK;
}

static enum net_tell
hold_on(struct netstate *n, int64_t now_ms)
{
    count_well(n, now_ms);
    return hold(n, now_ms);
}

typedef enum net_tell net_move(struct netstate *n, int64_t now_ms);

/* clang-format off */
static net_move *const table[NET_STATES][NET_EVENTS] = {
    /*                    ROUTE_BAD  ROUTE_GOOD  SEND_ERROR  ACK      TICK */
    [NET_UP]         = { judge,     stay,       judge,      stay,    judge   },
    [NET_SUSPECT]    = { judge,     judge,      judge,      relieve, judge   },
    [NET_DOWN]       = { stay,      stay,       stay,       recover, remind  },
    [NET_RECOVERING] = { relapse,   stay,       relapse,    settle,  relapse },
    [NET_FLAP]       = { hold,      stay,       hold,       hold_on, hold    },
};
/* clang-format on */

enum net_tell
netstate_event(struct netstate *n, enum net_event event, int64_t now_ms)
{
    take(n, event, now_ms);
    /* Nobody who was well for the longest hold is still held for having flapped once. */
    if (n->state == NET_UP && n->losses > 0 && now_ms - n->lost_ms[0] >= NET_HOLD_MOST_MS) {
        n->hold_ms = NET_HOLD_FIRST_MS;
    }
    return table[n->state][event](n, now_ms);
}

void
netstate_absent(struct netstate *n, int64_t absent_ms, int64_t now_ms)
{
    n->ack_ms = n->ack_ms + absent_ms < now_ms ? n->ack_ms + absent_ms : now_ms;
    not_well(n);
}

static int64_t
not_before(int64_t due_ms, int64_t now_ms)
{
    return due_ms > now_ms ? due_ms : now_ms;
}

int64_t
netstate_due(const struct netstate *n, int64_t now_ms)
{
    int64_t due_ms = now_ms + PROBE_MS;

    if (n->state == NET_UP) {
        return not_before(n->ack_ms + n->interval_ms + PROBE_MS + 1, now_ms);
    }
    if (n->state == NET_SUSPECT) {
        int64_t silent_ms = n->ack_ms + silence_ms(n);
        int64_t route_ms = n->route_bad ? route_proof_ms(n) : due_ms;

        due_ms = silent_ms < due_ms ? silent_ms : due_ms;
        due_ms = route_ms < due_ms ? route_ms : due_ms;
    }
    return not_before(due_ms, now_ms);
}
