/*
 * The judge: the input is a script of lines, copies, losses, restarts and time. A plain list of the numbers
 * that were proved says what must be missing.
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

static const char *const nonce[NONCES] = { "K3QF", "9QZ2" };
static struct wire_key key[SESSIONS][NONCES];
static struct wire_key root_0;

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
make_keys(void)
{
    struct wire_key root = root_0;

    for (unsigned s = 0; s < SESSIONS; s++) {
        for (unsigned n = 0; n < NONCES; n++) {
            wire_key_session(&root, s, nonce[n], "web03", &key[s][n]);
        }
        wire_key_next_root(&root, &root);
    }
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
seal(unsigned session, unsigned n, uint32_t number, unsigned kind)
{
    static const char *const code[8] = { "agent.start", "agent.beat", "agent.beat", "agent.stop",
        "agent.start", "daemon.down", "agent.start", "agent.beat" };
    char detail[8][64] = { "beat=10 prev=none end=first res=2-5", "next=10 al=1,3,7",
        "next=99999999999 al=1,,", "why=x", "", "name=x", "res=9-3 prev=1-", "al=" };
    struct wire_head head = { .severity = WIRE_INFO, .session = session, .number = number, .mono_s = number };
    struct wire_key leaf;
    struct sealed s;
    int len;

    snprintf(detail[4], sizeof(detail[4]), "prev=%u-%s.%u end=%s", session - 1, nonce[number % 2], number / 2,
            number % 3 ? "clean" : "unclean");
    memcpy(head.host, "web03", 6);
    memcpy(head.nonce, nonce[n], WIRE_NONCE_CHARS + 1);
    memcpy(head.code, code[kind], strlen(code[kind]) + 1);
    head.utc_s = 1795289645 + number;
    len = wire_line_compose(&head, detail[kind], strlen(detail[kind]), s.text, sizeof(s.text));
    check(len > 0);
    wire_tree_at(&key[session][n], number, WIRE_TREE_DEPTH, &leaf);
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
    s = seal(session, n, number, seen[session][n][number] - 1u);
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
    *out = key[session][nonce_index(text)];
    return true;
}

static const struct wire_judge_ops ops = { .tag_of = tag_of, .key_of = key_of };

static void
check_session(const struct wire_judge_session *s)
{
    const uint8_t *known = seen[s->number][nonce_index(s->nonce)];
    uint32_t n = 0;

    check(s->number < SESSIONS && s->any && s->holes <= WIRE_JUDGE_HOLES && s->bads <= WIRE_JUDGE_BAD);
    for (unsigned i = 0; i <= s->holes; i++) {
        uint32_t next = i < s->holes ? s->hole[i].first : s->top + 1;

        check(next >= n && next <= s->top + 1);
        for (; n < next && n < NUMBERS; n++) {
            check(known[n] != 0 || flooded ||
                    (s->has_reserve && n >= s->reserve_first && n <= s->reserve_last));
        }
        if (i < s->holes) {
            check(s->hole[i].first <= s->hole[i].last && s->hole[i].last <= s->top);
            for (; n <= s->hole[i].last && n < NUMBERS; n++) {
                check(known[n] == 0);
            }
            n = s->hole[i].last + 1;
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
            check_session(&judge.session[i]);
        }
    }
}

static void
send(unsigned session, unsigned n, uint32_t number, unsigned kind, bool forged, enum wire_seen how)
{
    struct sealed s = seal(session, n, number, kind);
    struct wire_line line;
    bool proved;

    check(wire_line_parse(s.text, s.len, &line) == 0);
    if (forged) {
        line.head.number ^= 1;
    }
    proved =
            wire_judge_line(&judge, &line, how, now_ms, line.head.utc_s + (kind == 7 ? 9 : 0), &events, NULL);
    check(!(proved && forged) && (events.count > 0 || !proved));
    if (proved) {
        uint8_t *known = &seen[session][n][number];
        enum wire_verdict v = events.at[0].verdict;
        bool is_new = v == WIRE_OK || v == WIRE_REPAIRED || v == WIRE_LATE;

        check(is_new == (*known == 0));
        check(is_new || (v == WIRE_DUP) == (*known == kind + 1));
        *known = is_new ? (uint8_t)(kind + 1) : *known;
    }
}

static void
step(const uint8_t at[3])
{
    unsigned session = at[1] % SESSIONS;
    unsigned n = at[1] / SESSIONS % 16 == 0;

    events.count = 0;
    switch (at[0] % 8) {
    case 0:
    case 1:
    case 2:
        send(session, n, at[2] % 64u, at[0] / 8 % 8u, false,
                at[0] % 8 == 2 ? WIRE_SEEN_REPAIRED : WIRE_SEEN_WHOLE);
        break;
    case 3:
        send(session, n, at[2] * 4u, at[0] / 8 % 8u, false, WIRE_SEEN_WHOLE);
        break;
    case 4:
        send(session, n, at[2], at[0] / 8 % 8u, true, at[0] & 64 ? WIRE_SEEN_REPAIRED : WIRE_SEEN_WHOLE);
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
        for (uint32_t k = 0; k < at[2] * 4u && at[0] == 255 && !burst; k += 2) {
            send(session, n, k, 5, false, WIRE_SEEN_WHOLE);
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
    static bool ready;

    if (!ready) {
        make_keys();
        ready = true;
    }
    memset(seen, 0, sizeof(seen));
    flooded = false;
    burst = false;
    now_ms = 1000;
    wire_judge_init(&judge, &start, &ops, NULL);
    for (size_t at = 0; at + 3 <= size && at < 600; at += 3) {
        step(data + at);
    }
    return 0;
}
