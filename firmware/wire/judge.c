#include "wire/judge.h"

#include <stddef.h>
#include <string.h>

#include "wire/base32.h"
#include "wire/seal.h"
#include "wire/tree.h"

#define MS 1000
#define MINUTE_MS 60000
#define DEAD_BEATS 3 /* beats that may be missing ... */
#define DEAD_MORE_MS 5000

/* Places in the list of events that the oldest holes of a dropped session leave to what follows. */
#define EVENTS_KEPT_FREE 8

const char *
wire_verdict_name(enum wire_verdict v)
{
    static const char *const names[WIRE_VERDICTS] = {
        [WIRE_OK] = "OK",
        [WIRE_REPAIRED] = "REPAIRED",
        [WIRE_DUP] = "DUP",
        [WIRE_LATE] = "LATE",
        [WIRE_TORN] = "TORN",
        [WIRE_FORGED] = "FORGED",
        [WIRE_CLONE] = "CLONE",
        [WIRE_GAP] = "GAP",
        [WIRE_SILENT] = "SILENT",
        [WIRE_SKIPPED_SESSION] = "SKIPPED-SESSION",
        [WIRE_ROLLBACK] = "ROLLBACK",
        [WIRE_UNCLEAN_END] = "UNCLEAN-END",
        [WIRE_TAMPERED_SPOOL] = "TAMPERED-SPOOL",
        [WIRE_CLOCK] = "CLOCK",
        [WIRE_FLOOD] = "FLOOD",
        [WIRE_UNKNOWN] = "UNKNOWN",
    };

    return (unsigned)v < WIRE_VERDICTS ? names[v] : "?";
}

/* ---- events */

static struct wire_event *
tell(struct wire_events *events, enum wire_verdict verdict, uint32_t session, const char *nonce)
{
    static struct wire_event none; /* callers leave room, so this one stays unread */
    struct wire_event *e = &none;

    if (events->count < WIRE_EVENTS_MAX) {
        e = &events->at[events->count++];
    }
    memset(e, 0, sizeof(*e));
    e->verdict = verdict;
    e->session = session;
    memcpy(e->nonce, nonce, WIRE_NONCE_CHARS);
    return e;
}

static struct wire_event *
tell_of(struct wire_events *events, enum wire_verdict verdict, const struct wire_judge_session *s)
{
    return tell(events, verdict, s->number, s->nonce);
}

static bool
is_bad(const struct wire_judge_session *s, uint32_t first, uint32_t last)
{
    for (unsigned i = 0; i < s->bads; i++) {
        if (s->bad[i] >= first && s->bad[i] <= last) {
            return true;
        }
    }
    return false;
}

static void
tell_gap(struct wire_events *events, const struct wire_judge_session *s, struct wire_hole *hole)
{
    struct wire_event *e = tell_of(events, WIRE_GAP, s);

    e->first = hole->first;
    e->last = hole->last;
    e->bad = is_bad(s, hole->first, hole->last);
    hole->told = true;
}

/* ---- holes */

static struct wire_hole *
holes_of(struct wire_judge *j, const struct wire_judge_session *s)
{
    return j->hole[s - j->session];
}

static void
hole_remove(struct wire_judge *j, struct wire_judge_session *s, unsigned i)
{
    struct wire_hole *hole = holes_of(j, s);

    s->holes--;
    memmove(&hole[i], &hole[i + 1], (s->holes - i) * sizeof(hole[0]));
}

/* Room for one more: the oldest hole is told and no longer followed. */
static void
hole_make_room(struct wire_judge *j, struct wire_judge_session *s, struct wire_events *events)
{
    struct wire_hole *oldest = holes_of(j, s);

    if (s->holes < WIRE_JUDGE_HOLES) {
        return;
    }
    if (!s->flood_told) {
        tell_of(events, WIRE_FLOOD, s)->value = s->holes;
        s->flood_told = true;
    }
    if (!oldest->told) {
        tell_gap(events, s, oldest);
    }
    hole_remove(j, s, 0);
}

/* `first` lies beyond all holes. */
static void
hole_append(struct wire_judge *j, struct wire_judge_session *s, uint32_t first, uint32_t last, int64_t now_ms,
        struct wire_events *events)
{
    hole_make_room(j, s, events);
    holes_of(j, s)[s->holes++] = (struct wire_hole){ .first = first, .last = last, .since_ms = now_ms };
}

static bool
in_reserve(const struct wire_judge_session *s, uint32_t number)
{
    return s->has_reserve && number >= s->reserve_first && number <= s->reserve_last;
}

/* first..last are missing, but for those that were sealed in advance. */
static void
hole_open(struct wire_judge *j, struct wire_judge_session *s, uint32_t first, uint32_t last, int64_t now_ms,
        struct wire_events *events)
{
    if (s->has_reserve && first <= s->reserve_last && last >= s->reserve_first) {
        if (first < s->reserve_first) {
            hole_append(j, s, first, s->reserve_first - 1, now_ms, events);
        }
        if (last <= s->reserve_last) {
            return;
        }
        first = s->reserve_last + 1;
    }
    hole_append(j, s, first, last, now_ms, events);
}

static int
hole_find(const struct wire_judge *j, const struct wire_judge_session *s, uint32_t number)
{
    const struct wire_hole *hole = j->hole[s - j->session];

    for (unsigned i = 0; i < s->holes; i++) {
        if (number >= hole[i].first && number <= hole[i].last) {
            return (int)i;
        }
    }
    return -1;
}

static void
bad_forget(struct wire_judge_session *s, uint32_t first, uint32_t last)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < s->bads; i++) {
        if (s->bad[i] < first || s->bad[i] > last) {
            s->bad[kept++] = s->bad[i];
        }
    }
    s->bads = kept;
}

/* first..last, a part of hole i, are missing no more. */
static void
hole_fill(struct wire_judge *j, struct wire_judge_session *s, unsigned i, uint32_t first, uint32_t last,
        struct wire_events *events)
{
    struct wire_hole *hole = holes_of(j, s);
    struct wire_hole right = hole[i];

    bad_forget(s, first, last);
    if (first > hole[i].first && last < hole[i].last) {
        unsigned before = s->holes;

        hole_make_room(j, s, events);
        if (s->holes < before && i-- == 0) {
            /* The hole itself was the oldest: what is right of the filled part takes its place. */
            memmove(&hole[1], &hole[0], s->holes * sizeof(hole[0]));
            s->holes++;
            right.first = last + 1;
            right.told = true;
            hole[0] = right;
            return;
        }
        memmove(&hole[i + 2], &hole[i + 1], (s->holes - i - 1) * sizeof(hole[0]));
        s->holes++;
        hole[i].last = first - 1;
#ifdef PLANT_JUDGE
        right.first = last;
#else
        right.first = last + 1;
#endif
        hole[i + 1] = right;
    } else if (first > hole[i].first) {
        hole[i].last = first - 1;
    } else if (last < hole[i].last) {
        hole[i].first = last + 1;
    } else {
        hole_remove(j, s, i);
    }
    if (s->holes < WIRE_JUDGE_HOLES / 2) {
        s->flood_told = false;
    }
}

/* ---- sessions */

static struct wire_judge_session *
session_find(struct wire_judge *j, uint32_t number, const char *nonce)
{
    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        struct wire_judge_session *s = &j->session[i];

        if (s->used && s->number == number && memcmp(s->nonce, nonce, WIRE_NONCE_CHARS) == 0) {
            return s;
        }
    }
    return NULL;
}

static bool
session_known(const struct wire_judge *j, uint32_t number)
{
    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        if (j->session[i].used && j->session[i].number == number) {
            return true;
        }
    }
    return false;
}

/* Of the newest session that is followed; blank when there is none. */
static const char *
newest_nonce(const struct wire_judge *j)
{
    static const char blank[WIRE_NONCE_CHARS + 1];

    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        if (j->session[i].used && j->session[i].number == j->newest) {
            return j->session[i].nonce;
        }
    }
    return blank;
}

/* A free place, or that of the lowest number. */
static struct wire_judge_session *
session_place(struct wire_judge *j)
{
    struct wire_judge_session *lowest = &j->session[0];

    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        struct wire_judge_session *s = &j->session[i];

        if (!s->used) {
            return s;
        }
        if (s->number < lowest->number) {
            lowest = s;
        }
    }
    return lowest;
}

/* Stop following it: what is missing will not be told later. */
static void
session_drop(struct wire_judge *j, struct wire_judge_session *s, struct wire_events *events)
{
    struct wire_hole *hole = holes_of(j, s);
    unsigned untold = 0;

    for (unsigned i = 0; s->used && i < s->holes; i++) {
        if (hole[i].told) {
            continue;
        }
        if (events->count + EVENTS_KEPT_FREE < WIRE_EVENTS_MAX) {
            tell_gap(events, s, &hole[i]);
        } else {
            untold++;
        }
    }
    if (untold > 0) {
        tell_of(events, WIRE_FLOOD, s)->value = untold;
    }
    if (s->used) {
        wire_wipe(s, sizeof(*s));
    }
}

/* ---- rekeys */

/* The root of a session from root_session on: as it is known to be, or with `x` mixed in behind root_session.
 */
static void
root_of(const struct wire_judge *j, uint32_t session, const struct wire_key *x, struct wire_key *root)
{
    wire_key_root_after(&j->root, session - j->root_session, j->rekeyed ? &j->next_root : NULL, x, root);
}

static void
root_move(struct wire_judge *j, uint32_t session, const struct wire_key *root)
{
    j->root = *root;
    j->root_session = session;
    j->rekeyed = false;
    wire_wipe(&j->next_root, sizeof(j->next_root));
}

/* ---- sessions that were passed over */

static struct wire_judge_passed *
passed_find(struct wire_judge *j, uint32_t session)
{
    for (unsigned i = 0; i < WIRE_JUDGE_PASSED; i++) {
        struct wire_judge_passed *p = &j->passed[i];

        if (p->first != 0 && session >= p->first && session <= p->last) {
            return p;
        }
    }
    return NULL;
}

/* In a free place, or that of the oldest, whose lines are then beyond proof. */
static void
passed_add(struct wire_judge *j, uint32_t first, uint32_t last, const struct wire_key *root)
{
    struct wire_judge_passed *place = &j->passed[0];

    for (unsigned i = 1; i < WIRE_JUDGE_PASSED; i++) {
        if (j->passed[i].first < place->first) {
            place = &j->passed[i];
        }
    }
    *place = (struct wire_judge_passed){ .first = first, .last = last, .root = *root };
}

/* It has come after all: its number is taken, and with another nonce it would be a rollback. */
static void
passed_take(struct wire_judge *j, uint32_t session)
{
    struct wire_judge_passed *p = passed_find(j, session);
    struct wire_judge_passed was = *p;

    wire_wipe(p, sizeof(*p));
    if (session < was.last) {
        struct wire_key after;

        wire_key_root_after(&was.root, session + 1 - was.first, NULL, NULL, &after);
        passed_add(j, session + 1, was.last, &after);
        wire_wipe(&after, sizeof(after));
    }
    if (session > was.first) {
        passed_add(j, was.first, session - 1, &was.root);
    }
    wire_wipe(&was, sizeof(was));
}

/* Before a later session than the next one begins: the root of those between is about to go. */
static void
pass_over(struct wire_judge *j, uint32_t session, bool rekeyed)
{
    uint32_t before = j->newest > j->root_session ? j->newest : j->root_session;
    struct wire_key root;

    if (session > before + 1) {
        root_of(j, before + 1, rekeyed ? &j->rekey.x : NULL, &root);
        passed_add(j, before + 1, session - 1, &root);
        wire_wipe(&root, sizeof(root));
    }
}

/* How a rekey that was pending ended. One that was never stored is known by its id from now on. */
enum rekey_end { REKEY_STORED, REKEY_NEVER_STORED };

static void
rekey_end(struct wire_judge *j, enum rekey_end how)
{
    if (j->rekey.pending && how == REKEY_STORED) {
        memset(j->rekey.id, 0, sizeof(j->rekey.id));
    }
    j->rekey.pending = false;
    wire_wipe(&j->rekey.x, sizeof(j->rekey.x));
}

static bool
is_alone(const struct wire_judge *j, uint32_t number, const char *nonce)
{
    bool there = false;

    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        const struct wire_judge_session *s = &j->session[i];

        if (!s->used || s->number != number) {
            continue;
        }
        if (memcmp(s->nonce, nonce, WIRE_NONCE_CHARS) != 0) {
            return false;
        }
        there = true;
    }
    return there;
}

bool
wire_judge_pending(
        struct wire_judge *j, uint32_t session, const char nonce[WIRE_NONCE_CHARS], const struct wire_key *x)
{
    if (j->rekey.pending || session != j->newest || session != j->root_session ||
            !is_alone(j, session, nonce)) {
        return false;
    }
    j->rekey.pending = true;
    memcpy(j->rekey.nonce, nonce, WIRE_NONCE_CHARS);
    j->rekey.x = *x;
    wire_key_rekey_id(x, j->rekey.id);
    return true;
}

bool
wire_judge_pending_drop(
        struct wire_judge *j, uint32_t session, const char nonce[WIRE_NONCE_CHARS], const char *id)
{
    if (!j->rekey.pending || session != j->root_session ||
            memcmp(nonce, j->rekey.nonce, WIRE_NONCE_CHARS) != 0 || strcmp(id, j->rekey.id) == 0) {
        return false;
    }
    rekey_end(j, REKEY_NEVER_STORED);
    return true;
}

/* The first proved line of a session that was not known. */
static struct wire_judge_session *
session_begin(struct wire_judge *j, const struct wire_head *h, const struct wire_key *key,
        const struct wire_key *root, struct wire_events *events)
{
    struct wire_judge_session *s;
    bool late = passed_find(j, h->session) != NULL;
    bool again = !late && (session_known(j, h->session) || h->session < j->newest);
    uint32_t before = j->newest > j->root_session ? j->newest : j->root_session;

    if (again) {
        tell(events, WIRE_ROLLBACK, h->session, h->nonce);
    } else if (late) {
        passed_take(j, h->session);
    } else if (h->session > before + 1) {
        struct wire_event *e = tell(events, WIRE_SKIPPED_SESSION, h->session, h->nonce);

        e->first = before + 1;
        e->last = h->session - 1;
    }
    s = session_place(j);
    session_drop(j, s, events);
    s->used = true;
    s->number = h->session;
    memcpy(s->nonce, h->nonce, sizeof(s->nonce));
    s->key = *key;
    if (h->session > j->root_session) {
        root_move(j, h->session, root);
    }
    if (h->session > j->newest) {
        j->newest = h->session;
    }
    return s;
}

/* ---- what lines say */

static bool
detail_decimal(const struct wire_line *line, const char *key, uint32_t *out)
{
    size_t len;
    const char *value = wire_detail_find(line->detail, line->detail_len, key, &len);

    return value != NULL && wire_decimal(value, len, out);
}

static bool
detail_is(const struct wire_line *line, const char *key, const char *want)
{
    size_t len;
    const char *value = wire_detail_find(line->detail, line->detail_len, key, &len);

    return value != NULL && len == strlen(want) && memcmp(value, want, len) == 0;
}

/* The number that ends at `stop` or at the end; moves `*at` behind it. */
static bool
next_number(const char **at, const char *end, char stop, uint32_t *out)
{
    const char *to = memchr(*at, stop, (size_t)(end - *at));
    size_t len = (size_t)((to != NULL ? to : end) - *at);
    bool ok = wire_decimal(*at, len, out);

    *at = to != NULL ? to + 1 : end;
    return ok;
}

static void
promise(struct wire_judge *j, uint32_t seconds)
{
    if (seconds > WIRE_NEXT_CEILING_S) {
        seconds = WIRE_NEXT_CEILING_S;
    }
    j->next_s = seconds > 0 ? seconds : 1;
}

/* res=A-B: not missing when absent. */
static void
take_reserve(struct wire_judge *j, struct wire_judge_session *s, const struct wire_line *line,
        struct wire_events *events)
{
    size_t len;
    const char *at = wire_detail_find(line->detail, line->detail_len, "res", &len);
    const char *end = at != NULL ? at + len : NULL;
    uint32_t first;
    uint32_t last;

    if (at == NULL || !next_number(&at, end, '-', &first) || !next_number(&at, end, '-', &last) ||
            first > last || last > WIRE_NUMBER_MAX) {
        return;
    }
    s->has_reserve = true;
    s->reserve_first = first;
    s->reserve_last = last;
    for (unsigned i = s->holes; i-- > 0;) {
        const struct wire_hole hole = holes_of(j, s)[i];

        if (hole.first <= last && hole.last >= first) {
            hole_fill(j, s, i, hole.first > first ? hole.first : first, hole.last < last ? hole.last : last,
                    events);
        }
    }
}

struct previous {
    uint32_t session;
    char nonce[WIRE_NONCE_CHARS + 1];
    bool has_last;
    uint32_t last;
};

/* prev=J-NNNN.LAST, LAST a number or ?. */
static bool
read_previous(const struct wire_line *line, struct previous *p)
{
    size_t len;
    const char *at = wire_detail_find(line->detail, line->detail_len, "prev", &len);
    const char *end = at != NULL ? at + len : NULL;

    memset(p, 0, sizeof(*p));
    if (at == NULL || !next_number(&at, end, '-', &p->session) || end - at < WIRE_NONCE_CHARS + 2 ||
            at[WIRE_NONCE_CHARS] != '.') {
        return false;
    }
    for (unsigned i = 0; i < WIRE_NONCE_CHARS; i++) {
        if (wire_base32_value(at[i]) < 0) {
            return false;
        }
        p->nonce[i] = at[i];
    }
    at += WIRE_NONCE_CHARS + 1;
    p->has_last = wire_decimal(at, (size_t)(end - at), &p->last) && p->last <= WIRE_NUMBER_MAX;
    return p->has_last || (end - at == 1 && *at == '?');
}

static void
tell_beyond_claim(
        const struct wire_judge_session *s, uint32_t first, uint32_t last, struct wire_events *events)
{
    struct wire_event *e = tell_of(events, WIRE_TAMPERED_SPOOL, s);

    e->first = first;
    e->last = last;
}

/* What a new session says of the one before it. */
static void
take_previous(struct wire_judge *j, const struct wire_line *line, int64_t now_ms, struct wire_events *events)
{
    struct wire_judge_session *s;
    struct previous p;
    bool known = read_previous(line, &p);

    if (detail_is(line, "end", "unclean")) {
        struct wire_event *e = tell(events, WIRE_UNCLEAN_END, known ? p.session : line->head.session,
                known ? p.nonce : line->head.nonce);

        e->first = p.last;
        e->last = p.last;
    }
    if (!known) {
        return;
    }
    s = session_find(j, p.session, p.nonce);
    if (s == NULL) {
        if (session_known(j, p.session)) {
            tell(events, WIRE_ROLLBACK, p.session, p.nonce);
        }
        return;
    }
    if (!p.has_last) {
        return;
    }
    if (detail_is(line, "end", "clean")) {
        s->has_claim = true;
        s->claimed_last = p.last;
        if (s->top > p.last) {
            tell_beyond_claim(s, p.last + 1, s->top, events);
        }
    }
    if (p.last > s->top) {
        hole_open(j, s, s->top + 1, p.last, now_ms, events);
        s->top = p.last;
    }
}

/* al=N,N,N: the newest lines of ERRO and worse. A hole with one of them is told, or told again, as bad. */
static void
take_alarms(struct wire_judge *j, struct wire_judge_session *s, const struct wire_line *line)
{
    size_t len;
    const char *at = wire_detail_find(line->detail, line->detail_len, "al", &len);
    const char *end = at != NULL ? at + len : NULL;

    while (at != end) {
        struct wire_hole *hole = holes_of(j, s);
        uint32_t number;
        int i;

        if (!next_number(&at, end, ',', &number)) {
            return;
        }
        i = hole_find(j, s, number);
        if (i >= 0 && !is_bad(s, number, number) && s->bads < WIRE_JUDGE_BAD) {
            if (!is_bad(s, hole[i].first, hole[i].last)) {
                hole[i].told = false;
            }
            s->bad[s->bads++] = number;
        }
    }
}

/*
 * True while a line that is behind may only have waited on its way: behind a line that was down, or in a
 * queue. A clock that is wrong is still wrong when the queue is empty.
 */
static bool
may_have_waited(struct wire_judge *j, int64_t apart, bool stepped, int64_t now_ms)
{
    if (stepped || apart >= -WIRE_CLOCK_S) {
        j->behind = false;
        return false;
    }
    if (!j->behind) {
        j->behind = true;
        j->behind_ms = now_ms;
    }
    return now_ms - j->behind_ms < WIRE_GAP_MS;
}

/* The agent's clocks, by lines that cannot have waited for a copy. */
static void
check_clock(struct wire_judge *j, struct wire_judge_session *s, const struct wire_head *h, int64_t now_ms,
        uint64_t utc_s, struct wire_events *events)
{
    int64_t base = (int64_t)h->utc_s - (int64_t)h->mono_s;
    int64_t step = s->has_clock ? base - s->clock_s : 0;
    int64_t apart = utc_s != 0 ? (int64_t)(h->utc_s - utc_s) : 0;
    bool stepped = step > WIRE_CLOCK_S || step < -WIRE_CLOCK_S;
    bool off = apart > WIRE_CLOCK_S || apart < -WIRE_CLOCK_S;

    if (stepped || !s->has_clock) {
        s->clock_s = base;
        s->has_clock = true;
    }
    if (may_have_waited(j, apart, stepped, now_ms)) {
        return;
    }
    if (!stepped && !off) {
        j->clock_told = false;
        return;
    }
    /* A step back to the right time ends the matter; a step to another wrong one is news. */
    if (!j->clock_told || (stepped && off)) {
        tell_of(events, WIRE_CLOCK, s)->value = off ? apart : step;
    }
    j->clock_told = true;
}

/* ---- one line */

/* Where a proved line stands among those of its session. */
struct place {
    bool is_new;
    bool highest;  /* above all before */
    bool in_order; /* and next to the one before */
    enum wire_verdict verdict;
};

static enum wire_verdict
judge_copy(struct wire_judge *j, const struct wire_line *line)
{
    char tag[WIRE_TAG_CHARS];

    if (!j->ops->tag_of(j->to, line->head.session, line->head.nonce, line->head.number, tag)) {
        return WIRE_LATE;
    }
    return memcmp(tag, line->bytes + line->body_len + 1, WIRE_TAG_CHARS) == 0 ? WIRE_DUP : WIRE_CLONE;
}

static struct place
place_line(struct wire_judge *j, struct wire_judge_session *s, const struct wire_line *line, int64_t now_ms,
        struct wire_events *events)
{
    uint32_t number = line->head.number;
    uint32_t next = s->any ? s->top + 1 : 0;
    struct place p = { .is_new = true, .verdict = WIRE_OK };
    int hole;

    if (number >= next) {
        if (number > next) {
            hole_open(j, s, next, number - 1, now_ms, events);
        }
        p.highest = true;
        p.in_order = number == next;
        s->any = true;
        s->top = number;
        return p;
    }
    hole = hole_find(j, s, number);
    if (hole >= 0) {
        p.verdict = holes_of(j, s)[hole].told ? WIRE_LATE : WIRE_OK;
        hole_fill(j, s, (unsigned)hole, number, number, events);
        return p;
    }
    p.verdict = judge_copy(j, line);
    p.is_new = p.verdict == WIRE_LATE;
    if (p.is_new && in_reserve(s, number)) {
        p.verdict = WIRE_OK;
    }
    return p;
}

static bool
is_of_rekey(const struct wire_judge *j, const struct wire_judge_session *s, const struct wire_line *line)
{
    return j->rekey.id[0] != '\0' && memcmp(s->nonce, j->rekey.nonce, WIRE_NONCE_CHARS) == 0 &&
           detail_is(line, "id", j->rekey.id) && (!j->rekey.pending || s->number == j->root_session);
}

/*
 * agent.rekey id=ID: X is in the session file, and the root before it is nowhere. If a later session was
 * begun from that root all the same, somebody keeps an older file. If we never had that X, then we are what
 * is old, or the agent shares it with somebody else.
 */
static void
take_rekey(struct wire_judge *j, const struct wire_judge_session *s, const struct wire_line *line,
        struct wire_events *events)
{
    bool ours = is_of_rekey(j, s, line);

    if (ours && j->rekey.pending) {
        root_of(j, j->root_session + 1, &j->rekey.x, &j->next_root);
        j->rekeyed = true;
        rekey_end(j, REKEY_STORED);
    } else if (ours || s->number == j->root_session) {
        tell(events, WIRE_ROLLBACK, j->newest, newest_nonce(j));
    }
}

static void
take_line(struct wire_judge *j, struct wire_judge_session *s, const struct wire_line *line,
        const struct place *place, int64_t now_ms, struct wire_events *events)
{
    bool current = s->number == j->newest;

    /* Last words were sealed in advance, and what fills a hole may have been kept back: no life in either. */
    if (place->highest && current && !in_reserve(s, line->head.number)) {
        j->life_ms = now_ms;
        j->silent_told = false;
        j->alive = true;
    }
    if (strcmp(line->head.code, "agent.start") == 0) {
        uint32_t beat;

        if (current && detail_decimal(line, "beat", &beat)) {
            promise(j, beat);
        }
        take_reserve(j, s, line, events);
        take_previous(j, line, now_ms, events);
    } else if (strcmp(line->head.code, "agent.beat") == 0) {
        uint32_t next;

        if (current && place->highest && detail_decimal(line, "next", &next)) {
            promise(j, next);
        }
        take_alarms(j, s, line);
    } else if (strcmp(line->head.code, "agent.stop") == 0) {
        s->ended = true;
        if (current && line->head.number == s->top) {
            j->alive = false;
        }
    } else if (strcmp(line->head.code, "agent.rekey") == 0) {
        take_rekey(j, s, line, events);
    }
}

static void
judge_proved(struct wire_judge *j, struct wire_judge_session *s, const struct wire_line *line,
        enum wire_seen seen, int64_t now_ms, uint64_t utc_s, struct wire_events *events)
{
    struct place place = place_line(j, s, line, now_ms, events);

    if (place.verdict == WIRE_OK && seen == WIRE_SEEN_REPAIRED) {
        place.verdict = WIRE_REPAIRED;
    }
    events->at[0].verdict = place.verdict;
    if (!place.is_new) {
        return;
    }
    if (s->has_claim && line->head.number > s->claimed_last) {
        tell_beyond_claim(s, line->head.number, line->head.number, events);
    }
    take_line(j, s, line, &place, now_ms, events);
    if (place.in_order && s->number == j->newest && !in_reserve(s, line->head.number)) {
        check_clock(j, s, &line->head, now_ms, utc_s, events);
    }
}

/*
 * The key of the line's session, from what is followed, by deriving forward, or from the record. `root` is
 * that of the session when *derived.
 */
static bool
find_key(struct wire_judge *j, const struct wire_head *h, const struct wire_judge_session *s,
        struct wire_key *key, struct wire_key *root, bool *derived)
{
    *derived = false;
    if (s != NULL) {
        *key = s->key;
        return true;
    }
    if (h->session < j->root_session && j->ops->key_of(j->to, h->session, h->nonce, key)) {
        return true;
    }
    const struct wire_judge_passed *passed = passed_find(j, h->session);
    if (passed != NULL) {
        wire_key_root_after(&passed->root, h->session - passed->first, NULL, NULL, root);
    } else if (h->session >= j->root_session && h->session - j->root_session <= WIRE_SESSION_AHEAD) {
        root_of(j, h->session, NULL, root);
    } else {
        return false;
    }
    wire_key_session(root, h->session, h->nonce, j->host, key);
    *derived = true;
    return true;
}

static bool
proves(const struct wire_key *session, const struct wire_line *line)
{
    struct wire_key leaf;
    bool ok;

    wire_tree_at(session, line->head.number, WIRE_TREE_DEPTH, &leaf);
    ok = wire_tag_proves(&leaf, line);
    wire_wipe(&leaf, sizeof(leaf));
    return ok;
}

/* What find_key() derived proves nothing: does the root with the pending X in it? */
static bool
proves_rekeyed(
        struct wire_judge *j, const struct wire_line *line, struct wire_key *key, struct wire_key *root)
{
    if (!j->rekey.pending || line->head.session <= j->root_session) {
        return false;
    }
    root_of(j, line->head.session, &j->rekey.x, root);
    wire_key_session(root, line->head.session, line->head.nonce, j->host, key);
    return proves(key, line);
}

bool
wire_judge_line(struct wire_judge *j, const struct wire_line *line, enum wire_seen seen, int64_t now_ms,
        uint64_t utc_s, struct wire_events *events, struct wire_key *key)
{
    const struct wire_head *h = &line->head;
    struct wire_judge_session *s = session_find(j, h->session, h->nonce);
    struct wire_key session_key = { 0 };
    struct wire_key root = { 0 };
    struct wire_event *first;
    bool derived = false;
    bool have_key = strcmp(h->host, j->host) == 0 && find_key(j, h, s, &session_key, &root, &derived);
    bool plain = have_key && proves(&session_key, line);
    bool rekeyed = !plain && derived && proves_rekeyed(j, line, &session_key, &root);
    bool proved = plain || rekeyed;

    events->count = 0;
    if (proved || seen == WIRE_SEEN_WHOLE) {
        first = tell(events, have_key ? WIRE_FORGED : WIRE_UNKNOWN, h->session, h->nonce);
        first->first = h->number;
        first->last = h->number;
    }
    if (proved) {
        if (key != NULL) {
            *key = session_key;
        }
        if (derived && h->session > j->root_session) {
            pass_over(j, h->session, rekeyed);
            rekey_end(j, rekeyed ? REKEY_STORED : REKEY_NEVER_STORED);
        }
        if (derived) {
            s = session_begin(j, h, &session_key, &root, events);
        }
        if (s != NULL) {
            judge_proved(j, s, line, seen, now_ms, utc_s, events);
        } else {
            events->at[0].verdict = judge_copy(j, line);
        }
    }
    wire_wipe(&session_key, sizeof(session_key));
    wire_wipe(&root, sizeof(root));
    return proved;
}

/* ---- time */

void
wire_judge_torn(struct wire_judge *j, int64_t now_ms, struct wire_events *events)
{
    events->count = 0;
    if (j->torn_count == 0 || now_ms - j->torn_from_ms >= MINUTE_MS) {
        j->torn_from_ms = now_ms;
        j->torn_count = 0;
    }
    j->torn_count++;
    if (j->torn_count == WIRE_TORN_MINUTE + 1) {
        tell(events, WIRE_TORN, j->newest, newest_nonce(j))->value = j->torn_count;
    }
}

int64_t
wire_judge_patience_ms(const struct wire_judge *j)
{
    return (int64_t)j->next_s * MS * DEAD_BEATS + DEAD_MORE_MS;
}

static int64_t
dead_at(const struct wire_judge *j)
{
    int64_t at = j->life_ms + wire_judge_patience_ms(j);

    return at > j->quiet_until_ms ? at : j->quiet_until_ms;
}

void
wire_judge_tick(struct wire_judge *j, int64_t now_ms, struct wire_events *events)
{
    events->count = 0;
    if (j->alive && !j->silent_told && now_ms > dead_at(j)) {
        tell(events, WIRE_SILENT, j->newest, newest_nonce(j))->value = (now_ms - j->life_ms) / MS;
        j->silent_told = true;
    }
    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        const struct wire_judge_session *s = &j->session[i];
        struct wire_hole *hole = j->hole[i];

        for (unsigned h = 0; s->used && h < s->holes && events->count < WIRE_EVENTS_MAX; h++) {
            if (!hole[h].told && now_ms - hole[h].since_ms >= WIRE_GAP_MS) {
                tell_gap(events, s, &hole[h]);
            }
        }
    }
}

int64_t
wire_judge_due(const struct wire_judge *j)
{
    int64_t due = j->alive && !j->silent_told ? dead_at(j) + 1 : INT64_MAX;

    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        const struct wire_judge_session *s = &j->session[i];
        const struct wire_hole *hole = j->hole[i];

        for (unsigned h = 0; s->used && h < s->holes; h++) {
            if (!hole[h].told && hole[h].since_ms + WIRE_GAP_MS < due) {
                due = hole[h].since_ms + WIRE_GAP_MS;
            }
        }
    }
    return due;
}

/* ---- beginning */

/* Memory that is zero is not written: of a page that nobody has touched, an operating system keeps none. */
static void
clear(struct wire_judge *j)
{
    unsigned char *at = (unsigned char *)j;

    for (size_t i = 0; i < sizeof(*j); i++) {
        if (at[i] != 0) {
            at[i] = 0;
        }
    }
}

void
wire_judge_init(struct wire_judge *j, const struct wire_judge_start *start, const struct wire_judge_ops *ops,
        void *to)
{
    clear(j);
    j->ops = ops;
    j->to = to;
    memcpy(j->host, start->host, strnlen(start->host, WIRE_HOST_MAX));
    j->root = start->root;
    j->root_session = start->root_session;
    j->rekeyed = start->rekeyed;
    j->next_root = start->next_root;
    j->rekey = start->rekey;
    memcpy(j->passed, start->passed, sizeof(j->passed));
    promise(j, start->next_s != 0 ? start->next_s : WIRE_NEXT_CEILING_S);
    j->alive = start->alive;
    j->life_ms = start->now_ms;
}

void
wire_judge_resume(struct wire_judge *j, const struct wire_judge_session *s, const struct wire_hole *hole)
{
    struct wire_judge_session *place = session_place(j);

    if (!place->used || place->number < s->number) {
        *place = *s;
        place->used = true;
        place->holes = s->holes < WIRE_JUDGE_HOLES ? s->holes : WIRE_JUDGE_HOLES;
        memcpy(holes_of(j, place), hole, place->holes * sizeof(hole[0]));
    }
    if (s->number > j->newest) {
        j->newest = s->number;
    }
}
