#include "alarm/open.h"
#include "alarm/fold.h"
#include "alarm/order.h"
#include "wire/base32.h"
#include "wire/hash.h"
#include <stdio.h>
#include <string.h>

#define WHOLE 1000u /* one finding in the bucket's unit */
#define BUCKET ((int64_t)OPEN_BURST * WHOLE)
#define ROOT_COLUMNS 6
#define UNDER "under=" /* the subject of a fold */

void
open_init(struct open_table *t, int64_t now_ms)
{
    t->tokens_ms = now_ms;
    t->tokens = (uint32_t)BUCKET;
    for (unsigned i = 0; i < FINDING_SOURCES; i++) {
        t->source_ms[i] = now_ms;
    }
    t->singles = OPEN_SINGLES;
    t->singles_ms = now_ms;
    t->gather_ms = -1;
}

static bool
waits(const struct open_entry *e)
{
    return e->state == OPEN_UNTOLD || e->state == OPEN_UPDATED || e->state == OPEN_CLOSED;
}

static void
set_state(struct open_table *t, struct open_entry *e, enum open_state state)
{
    unsigned before = waits(e) ? 1 : 0;
    unsigned gathered = e->state == OPEN_GATHERED ? 1 : 0;

    e->state = (uint8_t)state;
    t->waiting = t->waiting - before + (waits(e) ? 1 : 0);
    t->gathered = t->gathered - gathered + (state == OPEN_GATHERED ? 1 : 0);
}

static uint16_t *
bucket_of(struct open_table *t, const uint8_t id[FINDING_ID_SIZE])
{
    return &t->bucket[(id[0] | (unsigned)id[1] << 8) % OPEN_BUCKETS];
}

struct open_entry *
open_find(struct open_table *t, const struct finding *f)
{
    for (uint16_t i = *bucket_of(t, f->id); i != 0; i = t->entry[i - 1].next) {
        struct open_entry *e = &t->entry[i - 1];

        if (!e->event && memcmp(e->finding.id, f->id, sizeof(f->id)) == 0) {
            return e;
        }
    }
    return NULL;
}

static void
release(struct open_table *t, struct open_entry *e)
{
    set_state(t, e, OPEN_FREE);
    if (e->many) {
        return;
    }
    uint16_t self = (uint16_t)(e - t->entry + 1);
    uint16_t *link = bucket_of(t, e->finding.id);

    while (*link != self) {
        link = &t->entry[*link - 1].next;
    }
    *link = e->next;
    t->held[e->finding.source]--;
    e->next = t->free;
    t->free = self;
}

static struct open_entry *
free_entry(struct open_table *t)
{
    if (t->free != 0) {
        struct open_entry *e = &t->entry[t->free - 1];
        t->free = e->next;
        return e;
    }
    return t->high < OPEN_FINDINGS ? &t->entry[t->high++] : NULL;
}

/* Singly while they are few, else with others; what has begun to gather goes on. */
static void
tell_soon(struct open_table *t, struct open_entry *e)
{
    if (t->gathered == 0 && t->singles > 0) {
        t->singles--;
        set_state(t, e, OPEN_UNTOLD);
    } else {
        set_state(t, e, OPEN_GATHERED);
        t->came = true;
    }
}

static void
leave_fold(struct open_table *t, struct open_entry *e)
{
    if (e->fold == 0) {
        return;
    }
    struct open_fold *fold = &t->fold[e->fold - 1];

    e->fold = 0;
    fold->members--;
    if (fold->members > 0) {
        fold->less = true;
    } else if (fold->brief > 0) {
        fold->entry.over = true;
    } else {
        set_state(t, &fold->entry, fold->entry.number != 0 ? OPEN_CLOSED : OPEN_FREE);
    }
}

static void
add(struct open_table *t, const struct finding *f, bool event, bool over)
{
    unsigned share = finding_folds(f) ? OPEN_SHARE_FOLDING : OPEN_SHARE;
    struct open_entry *e = t->held[f->source] < share ? free_entry(t) : NULL;

    if (e == NULL) {
        t->turned_away++;
        return;
    }
    t->held[f->source]++;
    memset(e, 0, sizeof(*e));
    e->finding = *f;
    e->event = event;
    e->over = over;
    e->pass = t->pass[f->source];
    e->order = t->order++;
    uint16_t *head = bucket_of(t, f->id);
    e->next = *head;
    *head = (uint16_t)(e - t->entry + 1);
    set_state(t, e, OPEN_UNTOLD);
    if (finding_folds(f)) {
        tell_soon(t, e);
    }
}

/* News of a finding that a fold has told: graver ones are told singly, the others with the fold. */
static void
take_news(struct open_table *t, struct open_entry *e)
{
    if (e->state == OPEN_UNTOLD) {
        return;
    }
    if (e->fold == 0 && e->state != OPEN_GATHERED) {
        set_state(t, e, OPEN_UPDATED);
        return;
    }
    const struct open_fold *fold = e->fold != 0 ? &t->fold[e->fold - 1] : NULL;
    bool graver = fold != NULL && e->finding.severity < fold->entry.finding.severity;

    if (graver || !finding_folds(&e->finding)) {
        leave_fold(t, e);
        set_state(t, e, OPEN_UNTOLD);
    } else {
        set_state(t, e, OPEN_GATHERED);
        t->came = true;
    }
}

static void
take_open(struct open_table *t, const struct finding *f)
{
    struct open_entry *e = open_find(t, f);

    if (e == NULL) {
        add(t, f, false, false);
        return;
    }
    e->pass = t->pass[f->source];
    e->over = false;
    if (e->state == OPEN_CLOSED || !finding_same_trouble(&e->finding, f)) {
        e->finding = *f;
        take_news(t, e);
    }
}

/* It was closed before its fold was told: the fold says so. */
static void
count_brief(struct open_fold *fold, const struct open_entry *e)
{
    if (fold->brief == 0 || e->finding.severity < fold->brief_severity) {
        fold->brief_severity = e->finding.severity;
    }
    fold->brief++;
}

/* What closes before it was told is told all the same: first that it opened, then that it is over. */
static void
take_close(struct open_table *t, struct open_entry *e)
{
    if (e->state == OPEN_UNTOLD || e->state == OPEN_GATHERED || e->state == OPEN_UPDATED) {
        e->over = true;
    } else if (e->fold != 0) {
        if (e->number == 0) {
            count_brief(&t->fold[e->fold - 1], e);
        }
        leave_fold(t, e);
        release(t, e);
    } else {
        set_state(t, e, OPEN_CLOSED);
    }
}

static void
end_pass(struct open_table *t, enum finding_source source)
{
    for (unsigned i = 0; i < t->high; i++) {
        struct open_entry *e = &t->entry[i];

        if (e->state != OPEN_FREE && !e->event && e->finding.source == source && e->pass != t->pass[source]) {
            take_close(t, e);
        }
    }
}

/* Whoever can bring about the same event again and again takes no room from other findings of its source. */
static void
take_event(struct open_table *t, const struct finding *f, bool over)
{
    uint16_t first = t->held[f->source] < OPEN_EVENTS ? 0 : *bucket_of(t, f->id);

    for (uint16_t i = first; i != 0; i = t->entry[i - 1].next) {
        struct open_entry *e = &t->entry[i - 1];

        if (e->event && e->over == over && e->state == OPEN_UNTOLD && e->finding.code == f->code &&
                memcmp(e->finding.id, f->id, sizeof(f->id)) == 0) {
            e->finding = f->severity <= e->finding.severity ? *f : e->finding;
            t->turned_away++;
            return;
        }
    }
    add(t, f, true, over);
}

void
open_take(struct open_table *t, const struct finding *f)
{
    struct open_entry *e;

    switch ((enum finding_op)f->op) {
    case FINDING_OPEN:
        take_open(t, f);
        break;
    case FINDING_CLOSE:
        e = open_find(t, f);
        if (e != NULL) {
            take_close(t, e);
        }
        break;
    case FINDING_EVENT:
        take_event(t, f, false);
        break;
    case FINDING_BRIEF:
        /* On top of an open finding it is news of that one: its next OPEN says how it goes on. */
        if (open_find(t, f) != NULL) {
            take_open(t, f);
        } else {
            take_event(t, f, true);
        }
        break;
    case FINDING_PASS_BEGIN:
        t->pass[f->source]++;
        break;
    case FINDING_PASS_END:
        end_pass(t, (enum finding_source)f->source);
        t->hurry = t->hurry || f->source == FINDING_FILES;
        break;
    case FINDING_OPS:
        break;
    }
}

static void
fill_bucket(struct open_table *t, int64_t now_ms)
{
    int64_t gained = (now_ms - t->tokens_ms) * OPEN_RATE * WHOLE / 1000;

    if (gained > 0) {
        int64_t tokens = t->tokens + gained;
        t->tokens = (uint32_t)(tokens > BUCKET ? BUCKET : tokens);
        t->tokens_ms = now_ms;
    }
}

/* Not all that waits can be told now. */
static bool
is_flood(const struct open_table *t)
{
    return (uint64_t)t->waiting * WHOLE > t->tokens;
}

/* In a flood the sources take turns: whoever can provoke grave findings must not hold up those of others. */
static bool
goes_before(const struct open_table *t, const struct open_entry *a, const struct open_entry *b)
{
    uint64_t a_turn = t->turn[a->finding.source];
    uint64_t b_turn = t->turn[b->finding.source];

    if (a_turn != b_turn && is_flood(t)) {
        return a_turn < b_turn;
    }
    if (a->finding.severity != b->finding.severity) {
        return a->finding.severity < b->finding.severity;
    }
    return a->order < b->order;
}

/* ---- folds ---- */

static struct fold_item
item_of(const struct open_entry *e)
{
    const char *path = e->finding.text + strcspn(e->finding.text, "=");

    path += *path == '=' ? 1 : 0;
    return (struct fold_item){ .path = path, .len = (uint16_t)strcspn(path, " ") };
}

static bool
is_under(const struct open_fold *fold, const char *dir, size_t len)
{
    const char *subject = fold->entry.finding.text + strlen(UNDER);

    return fold->entry.state != OPEN_FREE && strcspn(subject, " ") == len && memcmp(subject, dir, len) == 0;
}

/* The fold for a directory; when there are too many, the one for "/". */
static struct open_fold *
fold_for(struct open_table *t, const char *dir, size_t len)
{
    unsigned free = OPEN_FOLDS;
    unsigned used = 0;

    if (len == 0) {
        dir = "/";
        len = 1;
    }
    for (unsigned i = 0; i < OPEN_FOLDS; i++) {
        if (is_under(&t->fold[i], dir, len)) {
            return &t->fold[i];
        }
        used += t->fold[i].entry.state != OPEN_FREE ? 1 : 0;
        free = t->fold[i].entry.state == OPEN_FREE && free == OPEN_FOLDS ? i : free;
    }
    if (used + 1 >= OPEN_FOLDS && len > 1) {
        return fold_for(t, "/", 1);
    }
    struct open_fold *fold = &t->fold[free];
    struct finding *f = &fold->entry.finding;

    memset(fold, 0, sizeof(*fold));
    fold->entry.many = true;
    fold->entry.fold = (uint16_t)(free + 1);
    fold->entry.order = t->order++;
    f->code = FINDING_INTEGRITY_MANY;
    f->source = FINDING_FILES;
    f->severity = WIRE_INFO;
    f->text_len = (uint16_t)snprintf(f->text, sizeof(f->text), UNDER "%.*s", (int)len, dir);
    return fold;
}

static void
join(struct open_table *t, struct open_fold *fold, struct open_entry *e)
{
    uint16_t number = fold->entry.fold;

    if (e->finding.severity < fold->entry.finding.severity) {
        fold->entry.finding.severity = e->finding.severity;
    }
    if (e->over) {
        count_brief(fold, e);
        leave_fold(t, e);
        release(t, e);
        return;
    }
    if (e->fold != number) {
        leave_fold(t, e);
        e->fold = number;
        fold->members++;
    }
    e->number = 0;
    set_state(t, e, OPEN_TOLD);
}

/* Gives each gathered finding its fold, or lets it be told singly when it is alone in its directory. */
static void
fold_gathered(struct open_table *t)
{
    static struct fold_item item[OPEN_SHARE];
    static struct open_entry *entry[OPEN_SHARE];
    static uint16_t order[OPEN_SHARE];
    static struct fold_group group[OPEN_SHARE];
    unsigned count = 0;

    for (unsigned i = 0; i < t->high && count < OPEN_SHARE; i++) {
        if (t->entry[i].state == OPEN_GATHERED) {
            entry[count] = &t->entry[i];
            item[count++] = item_of(&t->entry[i]);
        }
    }
    unsigned groups = fold_groups(item, count, OPEN_FOLD_LINES, order, group);
    for (unsigned g = 0; g < groups; g++) {
        const uint16_t *member = &order[group[g].first];

        if (group[g].count == 1) {
            leave_fold(t, entry[*member]);
            set_state(t, entry[*member], OPEN_UNTOLD);
            continue;
        }
        struct open_fold *fold = fold_for(t, item[*member].path, group[g].dir_len);
        set_state(t, &fold->entry, OPEN_UNTOLD);
        for (unsigned i = 0; i < group[g].count; i++) {
            join(t, fold, entry[member[i]]);
        }
        fold->entry.over = fold->members == 0;
    }
}

/* When to fold what is gathered: INT64_MAX when there is nothing. */
static int64_t
folding_due(struct open_table *t, int64_t now_ms)
{
    if (t->gathered == 0) {
        t->hurry = false;
        return INT64_MAX;
    }
    if (t->came) {
        t->came = false;
        t->came_ms = now_ms;
        t->gather_ms = t->gather_ms < 0 ? now_ms : t->gather_ms;
    }
    int64_t quiet_ms = t->came_ms + OPEN_FOLD_QUIET_MS;
    int64_t longest_ms = t->gather_ms + OPEN_FOLD_LONGEST_MS;
    int64_t due_ms = quiet_ms < longest_ms ? quiet_ms : longest_ms;

    due_ms = t->hurry ? now_ms : due_ms;
    return due_ms > t->fold_from_ms ? due_ms : t->fold_from_ms;
}

static void
refill_singles(struct open_table *t, int64_t now_ms)
{
    if (t->gathered > 0 || t->singles >= OPEN_SINGLES) {
        t->singles_ms = now_ms;
    }
    while (t->singles < OPEN_SINGLES && now_ms - t->singles_ms >= OPEN_SINGLE_MS) {
        t->singles++;
        t->singles_ms += OPEN_SINGLE_MS;
    }
}

/* Folds that have become smaller are told again at times. */
static void
look_at_folds(struct open_table *t, int64_t now_ms, int64_t *due_ms)
{
    for (unsigned i = 0; i < OPEN_FOLDS; i++) {
        struct open_fold *fold = &t->fold[i];
        int64_t again_ms = fold->entry.told_ms + OPEN_FOLD_LESS_MS;

        if (!fold->less || fold->entry.state != OPEN_TOLD) {
            continue;
        }
        if (again_ms <= now_ms) {
            set_state(t, &fold->entry, OPEN_UPDATED);
        } else {
            *due_ms = again_ms < *due_ms ? again_ms : *due_ms;
        }
    }
}

static void
fold_when_due(struct open_table *t, int64_t now_ms, int64_t *due_ms)
{
    int64_t folding_ms = folding_due(t, now_ms);

    if (folding_ms > now_ms) {
        *due_ms = folding_ms < *due_ms ? folding_ms : *due_ms;
        return;
    }
    fold_gathered(t);
    t->fold_from_ms = now_ms + OPEN_FOLD_AGAIN_MS;
    t->gather_ms = -1;
    t->hurry = false;
}

static bool
id_before(const void *entries, uint16_t a, uint16_t b)
{
    const struct open_entry *entry = entries;

    return memcmp(entry[a].finding.id, entry[b].finding.id, FINDING_ID_SIZE) < 0;
}

/* Over what is known of each, in the order of their ids: a list of them can be held against it. */
static void
add_root(struct finding *f, const struct open_table *t, uint16_t *member, unsigned count)
{
    struct wire_hasher h;
    uint8_t digest[WIRE_HASH_SIZE];
    char root[ROOT_COLUMNS + 1];

    order_sort(member, count, id_before, t->entry);
    wire_hash_init(&h);
    for (unsigned i = 0; i < count; i++) {
        wire_hash_update(&h, t->entry[member[i]].finding.id, FINDING_ID_SIZE);
    }
    wire_hash_final(&h, digest);
    wire_base32(digest, ROOT_COLUMNS, root);
    root[ROOT_COLUMNS] = '\0';
    finding_addf(f, "root", "%s", root);
}

static void
add_count(struct finding *f, const char *key, unsigned n)
{
    if (n > 0) {
        finding_addf(f, key, "%u", n);
    }
}

/* Words and severity of a fold, as it is now. */
static void
describe(struct open_table *t, struct open_fold *fold)
{
    static uint16_t member[OPEN_FINDINGS];
    struct finding *f = &fold->entry.finding;
    unsigned kinds[FINDING_CODES] = { 0 };
    unsigned count = 0;

    f->severity = fold->brief > 0 ? fold->brief_severity : WIRE_INFO;
    for (unsigned i = 0; i < t->high; i++) {
        const struct open_entry *e = &t->entry[i];

        if (e->state != OPEN_FREE && e->fold == fold->entry.fold) {
            member[count++] = (uint16_t)i;
            kinds[e->finding.code]++;
            f->severity = e->finding.severity < f->severity ? e->finding.severity : f->severity;
        }
    }
    f->text_len = (uint16_t)strcspn(f->text, " ");
    f->text[f->text_len] = '\0';
    finding_addf(f, "files", "%u", count + fold->brief);
    add_root(f, t, member, count);
    add_count(f, "added", kinds[FINDING_INTEGRITY_ADDED]);
    add_count(f, "gone", kinds[FINDING_INTEGRITY_GONE]);
    add_count(f, "brief", fold->brief);
}

/* A fold was told by line `number`, and with it all it stands for. */
static void
fold_told(struct open_table *t, const struct open_entry *of, uint32_t number, int64_t now_ms)
{
    t->fold[of->fold - 1].less = false;
    t->fold[of->fold - 1].brief = 0;
    for (unsigned i = 0; i < t->high; i++) {
        struct open_entry *e = &t->entry[i];

        if (e->state == OPEN_TOLD && e->fold == of->fold) {
            e->number = number;
            e->since_ms = e->since_ms == 0 ? now_ms : e->since_ms;
        }
    }
}

/* ---- the next to tell ---- */

/* Whoever floods the table must not hold up what another source has to say now and then. */
static bool
calm(const struct open_table *t, const struct open_entry *e, int64_t now_ms)
{
    return now_ms - t->source_ms[e->finding.source] >= OPEN_CALM_MS;
}

/* When it may be told, as far as its own text and the rate go. */
static int64_t
tell_from(const struct open_table *t, const struct open_entry *e, int64_t now_ms)
{
    if (e->state == OPEN_UPDATED && e->told_ms + OPEN_UPDATE_MS > now_ms) {
        return e->told_ms + OPEN_UPDATE_MS;
    }
    return t->tokens >= WHOLE || calm(t, e, now_ms) ? now_ms : now_ms + (WHOLE - t->tokens) / OPEN_RATE + 1;
}

static void
consider(const struct open_table *t, struct open_entry *e, int64_t now_ms, struct open_entry **best,
        int64_t *due_ms)
{
    if (!waits(e)) {
        return;
    }
    int64_t from_ms = tell_from(t, e, now_ms);

    if (from_ms > now_ms) {
        *due_ms = from_ms < *due_ms ? from_ms : *due_ms;
    } else if (*best == NULL || goes_before(t, e, *best)) {
        *best = e;
    }
}

struct open_entry *
open_next(struct open_table *t, int64_t now_ms, int64_t *due_ms)
{
    struct open_entry *best = NULL;

    *due_ms = INT64_MAX;
    refill_singles(t, now_ms);
    fold_when_due(t, now_ms, due_ms);
    look_at_folds(t, now_ms, due_ms);
    if (t->waiting == 0) {
        return NULL;
    }
    fill_bucket(t, now_ms);
    for (unsigned i = 0; i < t->high; i++) {
        consider(t, &t->entry[i], now_ms, &best, due_ms);
    }
    for (unsigned i = 0; i < OPEN_FOLDS; i++) {
        consider(t, &t->fold[i].entry, now_ms, &best, due_ms);
    }
    if (best != NULL && best->many && best->state != OPEN_CLOSED) {
        describe(t, &t->fold[best->fold - 1]);
    }
    return best;
}

void
open_told(struct open_table *t, struct open_entry *e, uint32_t number, int64_t now_ms)
{
    t->tokens -= t->tokens >= WHOLE ? WHOLE : t->tokens;
    t->turn[e->finding.source] = ++t->turns;
    t->source_ms[e->finding.source] = now_ms;
    e->number = number;
    e->told_ms = now_ms;
    e->since_ms = e->since_ms == 0 ? now_ms : e->since_ms;
    if (e->many) {
        fold_told(t, e, number, now_ms);
    }
    if (e->state == OPEN_CLOSED || (e->event && !e->over)) {
        release(t, e);
    } else {
        set_state(t, e, e->over ? OPEN_CLOSED : OPEN_TOLD);
        e->over = false;
    }
}

void
open_hurry(struct open_table *t)
{
    t->hurry = true;
    t->fold_from_ms = 0;
}

void
open_list_grave(struct open_table *t, uint32_t number)
{
    memmove(t->grave + 1, t->grave, sizeof(t->grave) - sizeof(t->grave[0]));
    t->grave[0] = number;
    t->graves += t->graves < OPEN_LISTED ? 1 : 0;
}

static bool
is_open(const struct open_entry *e)
{
    return e->state != OPEN_FREE && e->state != OPEN_CLOSED && !e->event;
}

unsigned
open_count(const struct open_table *t)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->high; i++) {
        n += is_open(&t->entry[i]) ? 1 : 0;
    }
    return n;
}

unsigned
open_untold(const struct open_table *t)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->high; i++) {
        n += t->entry[i].state != OPEN_FREE && t->entry[i].number == 0 ? 1 : 0;
    }
    for (unsigned i = 0; i < OPEN_FOLDS; i++) {
        n += t->fold[i].entry.state != OPEN_FREE ? t->fold[i].brief : 0;
    }
    return n;
}

const struct open_entry *
open_from(const struct open_table *t, unsigned from)
{
    for (unsigned i = from; i < t->high; i++) {
        if (is_open(&t->entry[i])) {
            return &t->entry[i];
        }
    }
    return NULL;
}

uint32_t
open_take_turned_away(struct open_table *t)
{
    uint32_t n = t->turned_away;

    t->turned_away = 0;
    return n;
}
