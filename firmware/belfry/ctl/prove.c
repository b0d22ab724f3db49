#include "belfry/ctl/prove.h"

#include "wire/seal.h"
#include "wire/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
prove_begin(struct prove *p, struct ledger *l, const struct host_record *host)
{
    p->ledger = l;
    p->host = *host;
}

static struct prove_session *
find_session(struct prove *p, const struct wire_head *h)
{
    for (unsigned i = 0; i < p->sessions; i++) {
        struct prove_session *s = &p->session[i];

        if (s->number == h->session && strcmp(s->nonce, h->nonce) == 0) {
            return s;
        }
    }
    return NULL;
}

/* `x` of a rekey that may have been stored, or NULL. */
static void
derive_key(const struct prove *p, const struct wire_head *h, const struct wire_key *x, struct wire_key *key)
{
    const struct host_record *host = &p->host;
    struct wire_key root;

    wire_key_root_after(
            &host->root, h->session - host->root_session, host->rekeyed ? &host->next_root : NULL, x, &root);
    wire_key_session(&root, h->session, h->nonce, host->host, key);
    wire_wipe(&root, sizeof root);
}

/* The ledger has the keys of sessions it saw; from the newest root on, every key can be derived. */
static bool
find_key(struct prove *p, const struct wire_head *h, struct wire_key *key)
{
    const struct prove_session *s = find_session(p, h);

    if (s != NULL) {
        *key = s->key;
        return true;
    }
    if (ledger_key_of(p->ledger, p->host.host, p->host.pairing, h->session, h->nonce, key)) {
        return true;
    }
    if (h->session < p->host.root_session || h->session - p->host.root_session > WIRE_SESSION_AHEAD) {
        return false;
    }
    derive_key(p, h, NULL, key);
    return true;
}

static bool
proves(const struct wire_key *key, const struct wire_line *line)
{
    struct wire_key leaf;
    bool proved;

    wire_tree_at(key, line->head.number, WIRE_TREE_DEPTH, &leaf);
    proved = wire_tag_proves(&leaf, line);
    wire_wipe(&leaf, sizeof leaf);
    return proved;
}

/* A key that does not prove it gives way to that of the rekey which is pending. */
static bool
proves_either(struct prove *p, const struct wire_line *line, struct wire_key *key)
{
    const struct host_record *host = &p->host;

    if (proves(key, line)) {
        return true;
    }
    if (!host->rekey.pending || line->head.session <= host->root_session ||
            line->head.session - host->root_session > WIRE_SESSION_AHEAD) {
        return false;
    }
    derive_key(p, &line->head, &host->rekey.x, key);
    return proves(key, line);
}

/* Room for a number. */
static bool
grow(struct prove_session *s, uint32_t number)
{
    size_t room = s->room > 0 ? s->room : 1024;
    void *more;

    while (room <= number) {
        room *= 2;
    }
    if (room == s->room) {
        return true;
    }
    more = realloc(s->mark, room * sizeof s->mark[0]);
    if (more == NULL) {
        return false;
    }
    s->mark = more;
    memset(s->mark + s->room, 0, (room - s->room) * sizeof s->mark[0]);
    s->room = room;
    return true;
}

static struct prove_session *
begin_session(struct prove *p, const struct wire_head *h, const struct wire_key *key)
{
    struct prove_session *s = find_session(p, h);

    if (s == NULL && p->sessions < PROVE_SESSIONS) {
        s = &p->session[p->sessions++];
        s->number = h->session;
        memcpy(s->nonce, h->nonce, sizeof s->nonce);
        s->key = *key;
        s->first = h->number;
        s->last = h->number;
    }
    return s;
}

static enum wire_verdict
keep(struct prove *p, const struct wire_line *line, const struct wire_key *key, enum wire_seen seen)
{
    struct prove_session *s = begin_session(p, &line->head, key);
    uint32_t number = line->head.number;
    const char *tag = line->bytes + line->body_len + 1;

    if (s == NULL || !grow(s, number)) {
        p->no_memory = true;
        return WIRE_UNKNOWN;
    }
    if (s->mark[number][0] != 0) {
        return memcmp(s->mark[number], tag, sizeof s->mark[0]) == 0 ? WIRE_DUP : WIRE_CLONE;
    }
    memcpy(s->mark[number], tag, sizeof s->mark[0]);
    s->first = number < s->first ? number : s->first;
    s->last = number > s->last ? number : s->last;
    s->count++;
    return seen == WIRE_SEEN_REPAIRED ? WIRE_REPAIRED : WIRE_OK;
}

bool
prove_is_true(enum wire_verdict v)
{
    return v == WIRE_OK || v == WIRE_REPAIRED || v == WIRE_DUP || v == WIRE_CLONE;
}

enum wire_verdict
prove_line(struct prove *p, const struct wire_line *line, enum wire_seen seen)
{
    struct wire_key key;
    enum wire_verdict verdict = WIRE_UNKNOWN;
    bool proved = false;

    if (find_key(p, &line->head, &key)) {
        proved = proves_either(p, line, &key);
        verdict = proved ? keep(p, line, &key, seen) : WIRE_FORGED;
        wire_wipe(&key, sizeof key);
    }
    if (proved || seen == WIRE_SEEN_WHOLE) {
        p->verdicts[verdict]++;
    }
    return verdict;
}

uint64_t
prove_missing(const struct prove_session *s)
{
    return (uint64_t)s->last - s->first + 1 - s->count;
}

/* The holes of one session, as "5-7,9". */
void
prove_print_holes(const struct prove_session *s)
{
    bool any = false;

    for (uint32_t n = s->first; n <= s->last; n++) {
        uint32_t from = n;

        while (n <= s->last && s->mark[n][0] == 0) {
            n++;
        }
        if (n > from) {
            (void)printf(n - from > 1 ? "%s%u-%u" : "%s%u", any ? "," : "", from, n - 1);
            any = true;
        }
    }
}

void
prove_end(struct prove *p)
{
    for (unsigned i = 0; i < p->sessions; i++) {
        free(p->session[i].mark);
    }
    wire_wipe(p, sizeof *p);
}
