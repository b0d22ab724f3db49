/*
 * The judge: the input is a script of lines, copies, losses, rekeys, restarts and time. A plain list of the
 * numbers that were proved says what must be missing, and the agent's own roots what must be proved.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/judge.h"
#include "wire/seal.h"
#include "wire/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SESSIONS 8
#define NONCES 2
#define NUMBERS 1024
#define EXPORTERS 4
#define KIND_REKEY 8

static const char *const nonce[NONCES] = { "K3QF", "9QZ2" };
static struct wire_key root_0;

/* The agent's roots: as they are, and as they are if it has stored the X that is pending. */
static struct wire_key way[2][SESSIONS];
static bool two_ways;    /* behind session `fork_at` */
static unsigned fork_at; /* its nonce was fork_nonce, and X the one numbered fork_x */
static unsigned fork_nonce;
static unsigned fork_x;

/* What was proved: 0 or the line's kind + 1. */
static uint8_t seen[SESSIONS][NONCES][NUMBERS];

static struct wire_judge judge;
static struct wire_events events;
static int64_t now_ms;
static bool flooded;
static bool burst; /* one an input: it takes long */

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

static void
walk(unsigned w, unsigned from)
{
    for (unsigned s = from + 1; s < SESSIONS; s++) {
        wire_key_next_root(&way[w][s - 1], &way[w][s]);
    }
}

static struct wire_key
exporter(unsigned x)
{
    return (struct wire_key){ .bytes = { 1, (uint8_t)(x % EXPORTERS) } };
}

/* What was pending is settled: this is the way the agent went. */
static void
settle(unsigned w)
{
    two_ways = false;
    memcpy(way[0], way[w], sizeof(way[0]));
}

static unsigned
nonce_index(const char *text)
{
    return memcmp(text, nonce[0], WIRE_NONCE_CHARS) == 0 ? 0 : 1;
}

struct sealed {
    char text[WIRE_LINE_MAX];
    size_t len;
};

static struct sealed
seal(unsigned w, unsigned session, unsigned n, uint32_t number, unsigned kind)
{
    static const char *const code[9] = { "agent.start", "agent.beat", "agent.beat", "agent.stop",
        "agent.start", "daemon.down", "agent.start", "agent.beat", "agent.rekey" };
    char detail[9][64] = { "beat=10 prev=none end=first res=2-5", "next=10 al=1,3,7",
        "next=99999999999 al=1,,", "why=x", "", "name=x", "res=9-3 prev=1-", "al=" };
    struct wire_head head = { .severity = WIRE_INFO, .session = session, .number = number, .mono_s = number };
    struct wire_key x = exporter(number);
    struct wire_key leaf;
    struct sealed s;
    char id[WIRE_REKEY_ID + 1];
    int len;

    snprintf(detail[4], sizeof(detail[4]), "prev=%u-%s.%u end=%s", session - 1, nonce[number % 2], number / 2,
            number % 3 ? "clean" : "unclean");
    wire_key_rekey_id(&x, id);
    snprintf(detail[KIND_REKEY], sizeof(detail[KIND_REKEY]), "id=%s", id);
    memcpy(head.host, "web03", 6);
    memcpy(head.nonce, nonce[n], WIRE_NONCE_CHARS + 1);
    memcpy(head.code, code[kind], strlen(code[kind]) + 1);
    head.utc_s = 1795289645 + number;
    len = wire_line_compose(&head, detail[kind], strlen(detail[kind]), s.text, sizeof(s.text));
    check(len > 0);
    wire_key_session(&way[w][session], session, nonce[n], "web03", &leaf);
    wire_tree_at(&leaf, number, WIRE_TREE_DEPTH, &leaf);
    s.len = (size_t)wire_seal(&leaf, s.text, (size_t)len, sizeof(s.text));
    return s;
}

static bool
tag_of(void *to, uint32_t session, const char *text, uint32_t number, char tag[WIRE_TAG_CHARS])
{
    unsigned n = nonce_index(text);
    struct sealed s;

    (void)to;
    if (session >= SESSIONS || number >= NUMBERS || seen[session][n][number] == 0) {
        return false;
    }
    s = seal(0, session, n, number, seen[session][n][number] - 1u);
    memcpy(tag, s.text + s.len - WIRE_CHECK_CHARS - WIRE_TAG_CHARS, WIRE_TAG_CHARS);
    return true;
}

static bool
key_of(void *to, uint32_t session, const char *text, struct wire_key *out)
{
    (void)to;
    if (session >= SESSIONS || session % 2 == 0) {
        return false;
    }
    wire_key_session(&way[0][session], session, text, "web03", out);
    return true;
}

static const struct wire_judge_ops ops = { .tag_of = tag_of, .key_of = key_of };

static void
check_session(const struct wire_judge_session *s, const struct wire_hole *hole)
{
    const uint8_t *known = seen[s->number][nonce_index(s->nonce)];
    uint32_t n = 0;

    check(s->number < SESSIONS && s->any && s->holes <= WIRE_JUDGE_HOLES && s->bads <= WIRE_JUDGE_BAD);
    for (unsigned i = 0; i <= s->holes; i++) {
        uint32_t next = i < s->holes ? hole[i].first : s->top + 1;

        check(next >= n && next <= s->top + 1);
        for (; n < next && n < NUMBERS; n++) {
            check(known[n] != 0 || flooded ||
                    (s->has_reserve && n >= s->reserve_first && n <= s->reserve_last));
        }
        if (i < s->holes) {
            check(hole[i].first <= hole[i].last && hole[i].last <= s->top);
            for (; n <= hole[i].last && n < NUMBERS; n++) {
                check(known[n] == 0);
            }
            n = hole[i].last + 1;
        }
    }
    for (; n < NUMBERS; n++) {
        check(known[n] == 0);
    }
}

static void
note_flood(void)
{
    check(events.count <= WIRE_EVENTS_MAX);
    for (unsigned i = 0; i < events.count; i++) {
        check(wire_verdict_name(events.at[i].verdict)[0] != '?');
        flooded = flooded || events.at[i].verdict == WIRE_FLOOD;
    }
}

static void
check_all(void)
{
    note_flood();
    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        if (judge.session[i].used) {
            check_session(&judge.session[i], judge.hole[i]);
        }
    }
}

static bool
was_passed(unsigned session)
{
    for (unsigned i = 0; i < WIRE_JUDGE_PASSED; i++) {
        const struct wire_judge_passed *p = &judge.passed[i];

        if (p->first != 0 && session >= p->first && session <= p->last) {
            return true;
        }
    }
    return false;
}

static void
send(unsigned w, unsigned session, unsigned n, uint32_t number, unsigned kind, bool forged,
        enum wire_seen how)
{
    struct sealed s = seal(w, session, n, number, kind);
    bool has_root = session >= judge.root_session || was_passed(session);
    struct wire_line line;
    bool proved;

    check(wire_line_parse(s.text, s.len, &line) == 0);
    if (forged) {
        line.head.number ^= 1;
    }
    proved =
            wire_judge_line(&judge, &line, how, now_ms, line.head.utc_s + (kind == 7 ? 9 : 0), &events, NULL);
    check(!(proved && forged) && (events.count > 0 || !proved));
    check(forged || proved || !has_root);
    if (proved) {
        uint8_t *known = &seen[session][n][number];
        enum wire_verdict v = events.at[0].verdict;
        bool is_new = v == WIRE_OK || v == WIRE_REPAIRED || v == WIRE_LATE;

        check(is_new == (*known == 0));
        check(is_new || (v == WIRE_DUP) == (*known == kind + 1));
        *known = is_new ? (uint8_t)(kind + 1) : *known;
        if (two_ways && session > fork_at) {
            settle(w);
        } else if (two_ways && is_new && kind == KIND_REKEY && session == fork_at && n == fork_nonce &&
                   number % EXPORTERS == fork_x) {
            settle(1);
        }
    }
    check(judge.rekey.pending == two_ways);
}

static bool
is_alone(unsigned session, unsigned n)
{
    unsigned there = 0;

    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        const struct wire_judge_session *s = &judge.session[i];

        if (s->used && s->number == session) {
            there += memcmp(s->nonce, nonce[n], WIRE_NONCE_CHARS) == 0 ? 1 : SESSIONS;
        }
    }
    return there == 1;
}

static void
rekey_begin(unsigned session, unsigned n, unsigned x)
{
    struct wire_key key = exporter(x);
    bool may = !two_ways && session == judge.newest && session == judge.root_session && is_alone(session, n);

    check(wire_judge_pending(&judge, session, nonce[n], &key) == may);
    if (!may) {
        return;
    }
    two_ways = true;
    fork_at = session;
    fork_nonce = n;
    fork_x = x % EXPORTERS;
    memcpy(way[1], way[0], sizeof(way[1]));
    if (session + 1 < SESSIONS) {
        wire_key_rekey(&way[1][session + 1], &key, &way[1][session + 1]);
        walk(1, session + 1);
    }
}

/* The agent has taken up `x` last. One that said nothing of what is pending has not stored it. */
static void
hello(unsigned session, unsigned n, unsigned x)
{
    struct wire_key key = exporter(x);
    char id[WIRE_REKEY_ID + 1];
    bool drops = two_ways && session == fork_at && n == fork_nonce && x % EXPORTERS != fork_x;

    wire_key_rekey_id(&key, id);
    check(wire_judge_pending_drop(&judge, session, nonce[n], id) == drops);
    two_ways = two_ways && !drops;
}

static void
restart(void)
{
    static struct wire_judge before;
    struct wire_judge_start start = { .host = "web03",
        .root = judge.root,
        .root_session = judge.root_session,
        .rekeyed = judge.rekeyed,
        .next_root = judge.next_root,
        .rekey = judge.rekey,
        .now_ms = now_ms };

    memcpy(start.passed, judge.passed, sizeof(start.passed));
    before = judge;
    wire_judge_init(&judge, &start, before.ops, before.to);
    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        if (before.session[i].used) {
            wire_judge_resume(&judge, &before.session[i], before.hole[i]);
        }
    }
}

static void
rekey_step(unsigned w, unsigned session, unsigned n, const uint8_t at[3])
{
    switch (at[0] / 8 % 4) {
    case 0:
        rekey_begin(session, n, at[2]);
        break;
    case 1:
        hello(session, n, at[2]);
        break;
    case 2:
        restart();
        break;
    default:
        send(w, session, n, at[2], KIND_REKEY, false, WIRE_SEEN_WHOLE);
        break;
    }
}

static void
step(const uint8_t at[3])
{
    unsigned session = at[1] % SESSIONS;
    unsigned n = at[1] / SESSIONS % 16 == 0;
    unsigned w = two_ways && session > fork_at && at[1] >= 128;

    events.count = 0;
    switch (at[0] % 8) {
    case 0:
    case 1:
    case 2:
        send(w, session, n, at[2] % 64u, at[0] / 8 % 8u, false,
                at[0] % 8 == 2 ? WIRE_SEEN_REPAIRED : WIRE_SEEN_WHOLE);
        break;
    case 3:
        send(w, session, n, at[2] * 4u, at[0] / 8 % 8u, false, WIRE_SEEN_WHOLE);
        break;
    case 4:
        send(w, session, n, at[2], at[0] / 8 % 8u, true, at[0] & 64 ? WIRE_SEEN_REPAIRED : WIRE_SEEN_WHOLE);
        break;
    case 5:
        now_ms += at[2] * INT64_C(300);
        wire_judge_tick(&judge, now_ms, &events);
        check(events.count == WIRE_EVENTS_MAX || wire_judge_due(&judge) > now_ms);
        break;
    case 6:
        wire_judge_torn(&judge, now_ms, &events);
        break;
    default:
        if (at[0] != 255) {
            rekey_step(w, session, n, at);
        }
        for (uint32_t k = 0; k < at[2] * 4u && at[0] == 255 && !burst; k += 2) {
            send(w, session, n, k, 5, false, WIRE_SEEN_WHOLE);
            note_flood();
        }
        burst = burst || at[0] == 255;
        break;
    }
    check_all();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct wire_judge_start start = { .host = "web03", .root = root_0, .now_ms = 1000 };
    memset(seen, 0, sizeof(seen));
    flooded = false;
    burst = false;
    two_ways = false;
    way[0][0] = root_0;
    walk(0, 0);
    now_ms = 1000;
    wire_judge_init(&judge, &start, &ops, NULL);
    for (size_t at = 0; at + 3 <= size && at < 600; at += 3) {
        step(data + at);
    }
    return 0;
}
