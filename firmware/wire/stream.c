#include "wire/stream.h"

#include <stddef.h>
#include <string.h>

#include "wire/base32.h"
#include "wire/crc32.h"

#define SEAL_CHARS (1 + WIRE_TAG_CHARS + WIRE_CHECK_CHARS) /* ~, tag and check */
#define HEAD_SURE 3                                        /* "!1 ": a line of ours began here */
#define ENDINGS 4                                          /* seals looked at in one physical line */

/* ---- the history: physical lines since the oldest open head */

static struct wire_stream_part *
history_at(struct wire_stream *s, unsigned i)
{
    return &s->history[(s->history_first + i) % WIRE_STREAM_HISTORY];
}

static void
history_drop_first(struct wire_stream *s)
{
    struct wire_stream_part *p = history_at(s, 0);

    if (p->open >= 0 && p->prefix >= HEAD_SURE) {
        s->ops->torn(s->to, p->bytes + p->open, p->len - (size_t)p->open);
    }
    s->history_first = (s->history_first + 1) % WIRE_STREAM_HISTORY;
    s->history_len--;
}

/* What lies before the oldest open head can mend nothing. */
static void
history_trim(struct wire_stream *s)
{
    while (s->history_len > 0 && history_at(s, 0)->open < 0) {
        history_drop_first(s);
    }
}

static void
history_push(struct wire_stream *s, const struct wire_stream_part *part)
{
    struct wire_stream_part *p;

    if (s->history_len == WIRE_STREAM_HISTORY) {
        history_drop_first(s);
        history_trim(s);
    }
    if (s->history_len == 0 && part->open < 0) {
        return;
    }
    p = history_at(s, s->history_len++);
    memcpy(p->bytes, part->bytes, part->len);
    p->len = part->len;
    p->prefix = part->prefix;
    p->open = part->open;
    p->serial = part->serial;
}

/* ---- whole lines */

static bool
offer(struct wire_stream *s, const char *bytes, size_t len, enum wire_seen seen, bool *proved)
{
    struct wire_line line;

    if (wire_line_parse(bytes, len, &line) != 0) {
        return false;
    }
    *proved = s->ops->candidate(s->to, &line, seen);
    return true;
}

/* Offers every whole line in the part, and notes the head that looks most like a torn one. */
static bool
find_whole(struct wire_stream *s, struct wire_stream_part *part)
{
    const char *end = part->bytes + part->len;
    const char *at = memchr(part->bytes, '!', part->len);
    bool found = false;

    part->open = -1;
    part->prefix = 0;
    while (at != NULL) {
        size_t prefix = wire_line_prefix(at, (size_t)(end - at));
        bool proved;

        if (offer(s, at, prefix, WIRE_SEEN_WHOLE, &proved)) {
            found = true;
        } else if (prefix > part->prefix) {
            part->open = (int16_t)(at - part->bytes);
            part->prefix = (uint16_t)prefix;
        }
        at += prefix; /* at least the ! itself */
        at = memchr(at, '!', (size_t)(end - at));
    }
    return found;
}

/* ---- lines cut by the kernel's time-stamped records */

static size_t
count_digits(const char *at, const char *end)
{
    size_t n = 0;

    while (at + n < end && at[n] >= '0' && at[n] <= '9') {
        n++;
    }
    return n;
}

/* True when `at` is "[ 1234.567890] " or the same with the caller's field behind it. */
static bool
is_stamp(const char *at, const char *end)
{
    size_t digits;

    at++;
    while (at < end && *at == ' ') {
        at++;
    }
    digits = count_digits(at, end);
    at += digits;
    if (digits == 0 || at == end || *at != '.') {
        return false;
    }
    at++;
    if (count_digits(at, end) != 6) {
        return false;
    }
    at += 6;
    return end - at >= 2 && at[0] == ']' && (at[1] == ' ' || at[1] == '[');
}

/* "<6>" in front of a stamp belongs to it. */
static const char *
before_level(const char *from, const char *stamp)
{
    const char *at = stamp;

    if (at == from || *--at != '>') {
        return stamp;
    }
    while (at > from && at[-1] >= '0' && at[-1] <= '9') {
        at--;
    }
    return at > from && at[-1] == '<' && *at != '>' ? at - 1 : stamp;
}

/* Where a kernel record begins in the part; its length when there is none. */
static size_t
find_stamp(const struct wire_stream_part *part)
{
    const char *end = part->bytes + part->len;
    const char *at = memchr(part->bytes, '[', part->len);

    while (at != NULL && !is_stamp(at, end)) {
        at++;
        at = memchr(at, '[', (size_t)(end - at));
    }
    return at != NULL ? (size_t)(before_level(part->bytes, at) - part->bytes) : part->len;
}

static void
close_head(struct wire_stream *s, uint32_t serial)
{
    for (unsigned i = 0; i < s->history_len; i++) {
        if (history_at(s, i)->serial == serial) {
            history_at(s, i)->open = -1;
        }
    }
}

/* Which joint the byte at `at` of the joined text belongs to. */
static unsigned
joint_of(const struct wire_stream *s, size_t at)
{
    unsigned i = s->joints;

    while (i > 1 && s->joint[i - 1].at > at) {
        i--;
    }
    return i - 1;
}

/* Offers the lines of the joined text that reach over a joint; the others were found whole. */
static bool
find_joined(struct wire_stream *s)
{
    const char *end = s->joined + s->joined_len;
    const char *at = memchr(s->joined, '!', s->joined_len);
    bool mended = false;

    while (at != NULL) {
        size_t from = (size_t)(at - s->joined);
        size_t prefix = wire_line_prefix(at, (size_t)(end - at));
        unsigned joint = joint_of(s, from);
        bool proved = false;

        if (joint != joint_of(s, from + prefix - 1) && offer(s, at, prefix, WIRE_SEEN_REPAIRED, &proved) &&
                proved) {
            close_head(s, s->joint[joint].serial);
            mended = true;
        }
        at += prefix;
        at = memchr(at, '!', (size_t)(end - at));
    }
    return mended;
}

/* Adds what stands before the kernel's record; a part without a record ends the joined text. */
static bool
join(struct wire_stream *s, const struct wire_stream_part *part, size_t stamp)
{
    bool mended = false;

#ifndef PLANT_REPAIR
    if (s->joined_len + stamp > WIRE_STREAM_WIDTH || s->joints == WIRE_STREAM_HISTORY) {
        s->joined_len = 0;
        s->joints = 0;
    }
#endif
    if (stamp > 0) {
        s->joint[s->joints].serial = part->serial;
        s->joint[s->joints].at = s->joined_len;
        s->joints++;
        memcpy(s->joined + s->joined_len, part->bytes, stamp);
        s->joined_len = (uint16_t)(s->joined_len + stamp);
    }
    if (stamp == part->len) {
        mended = s->joints > 1 && find_joined(s);
        s->joined_len = 0;
        s->joints = 0;
    }
    return mended;
}

/* ---- lines cut by anything else: splicing */

/*
 * One way for a line to end: the first `len` bytes of the newest physical line, with a seal at their end.
 * What these bytes do to a running CRC is linear in it, so it is put into a table once, and a try costs eight
 * look-ups however long the ending is.
 */
struct ending {
    size_t len;
    uint32_t want;  /* the check that is written there: the top 20 bits of the CRC */
    uint32_t fixed; /* running CRC of the covered bytes from 0 */
    uint32_t moved[8][16];
};

struct mend {
    struct wire_stream *s;
    const char *head;
    size_t head_len; /* how much of it could be the beginning of a line */
    const char *tail;
    size_t tail_len;
    size_t tail_base32; /* how many characters at its front could belong to a seal */
    size_t shortest;    /* of the endings */
    struct ending ending[ENDINGS];
    unsigned endings;
    unsigned tries;
    char line[WIRE_LINE_MAX];
};

static uint32_t
check_value(const char *check)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < WIRE_CHECK_CHARS; i++) {
        v = v << 5 | (uint32_t)wire_base32_value(check[i]);
    }
    return v;
}

static void
ending_init(struct ending *e, const char *tail, size_t len)
{
    size_t covered = len - WIRE_CHECK_CHARS;

    e->len = len;
    e->want = check_value(tail + covered);
    e->fixed = wire_crc32_update(0, tail, covered);
    for (unsigned nibble = 0; nibble < 8; nibble++) {
        e->moved[nibble][0] = 0;
        for (unsigned bit = 1; bit < 16; bit *= 2) {
            uint32_t moved = wire_crc32_update((uint32_t)bit << 4 * nibble, tail, covered) ^ e->fixed;

            for (unsigned i = 0; i < bit; i++) {
                e->moved[nibble][bit + i] = e->moved[nibble][i] ^ moved;
            }
        }
    }
}

static bool
ending_fits(const struct ending *e, uint32_t running)
{
    uint32_t crc = e->fixed;

    for (unsigned nibble = 0; nibble < 8; nibble++) {
        crc ^= e->moved[nibble][running >> 4 * nibble & 15];
    }
    return ~crc >> 12 == e->want;
}

/* How many bytes could stand inside a line: printable, and no ! */
static size_t
inside_len(const char *bytes, size_t len)
{
    size_t n = 0;

    len = len < WIRE_LINE_MAX ? len : WIRE_LINE_MAX;
    while (n < len && bytes[n] >= 0x20 && bytes[n] < 0x7F && bytes[n] != '!') {
        n++;
    }
    return n;
}

/* True when the ~ at `at` has a whole tag and check behind it. */
static bool
is_seal(const char *at, size_t len)
{
    if (len < SEAL_CHARS) {
        return false;
    }
    for (unsigned i = 1; i < SEAL_CHARS; i++) {
        if (wire_base32_value(at[i]) < 0) {
            return false;
        }
    }
    return true;
}

static void
mend_init(struct mend *m, struct wire_stream *s, const struct wire_stream_part *part)
{
    m->s = s;
    m->tail = part->bytes;
    m->tail_len = inside_len(part->bytes, part->len);
    m->tail_base32 = 0;
    while (m->tail_base32 < m->tail_len && wire_base32_value(m->tail[m->tail_base32]) >= 0) {
        m->tail_base32++;
    }
    m->shortest = WIRE_LINE_MAX;
    m->endings = 0;
    m->tries = 0;
    for (size_t i = 0; i < m->tail_len && m->endings < ENDINGS; i++) {
        if (m->tail[i] == '~' && is_seal(m->tail + i, m->tail_len - i)) {
            ending_init(&m->ending[m->endings], m->tail, i + SEAL_CHARS);
            m->shortest = m->endings == 0 ? i + SEAL_CHARS : m->shortest;
            m->endings++;
        }
    }
}

static void
mend_head(struct mend *m, const struct wire_stream_part *part)
{
    m->head = part->bytes + part->open;
    m->head_len = part->prefix;
}

/* Counts one computed check; false when the limit is reached. */
static bool
mend_may_try(struct mend *m)
{
    return m->tries < WIRE_STREAM_TRIES && ++m->tries > 0;
}

/* Puts a line together from three pieces and offers it. */
static bool
mend_offer(struct mend *m, size_t head, const char *mid, size_t mid_len, size_t tail)
{
    bool proved = false;
    size_t len = head + mid_len + tail;

    if (len < WIRE_LINE_MIN || len > WIRE_LINE_MAX) {
        return false;
    }
    memcpy(m->line, m->head, head);
    if (mid_len > 0) {
        memcpy(m->line + head, mid, mid_len);
    }
    memcpy(m->line + head + mid_len, m->tail, tail);
    return offer(m->s, m->line, len, WIRE_SEEN_REPAIRED, &proved) && proved;
}

/* The seal is in the tail: `running` is the CRC of head and mid. */
static bool
mend_by_endings(struct mend *m, uint32_t running, size_t head, const char *mid, size_t mid_len)
{
    for (unsigned i = 0; i < m->endings; i++) {
        const struct ending *e = &m->ending[i];
        size_t len = head + mid_len + e->len;

        if (len < WIRE_LINE_MIN || len > WIRE_LINE_MAX) {
            continue;
        }
        if (!mend_may_try(m)) {
            return false;
        }
        if (ending_fits(e, running) && mend_offer(m, head, mid, mid_len, e->len)) {
            return true;
        }
    }
    return false;
}

/*
 * The seal began `begun` characters before the tail: how much of the tail it needs. 0 when that is not there,
 * or when the check does not fit `running`, the CRC of all before the tail. A check that is itself cut is
 * left to the parser.
 */
static size_t
rest_of_seal(struct mend *m, size_t begun, uint32_t running)
{
    size_t need = begun < SEAL_CHARS ? SEAL_CHARS - begun : 0;

    if (need == 0 || need > m->tail_base32 || !mend_may_try(m)) {
        return 0;
    }
    if (need >= WIRE_CHECK_CHARS) {
        size_t covered = need - WIRE_CHECK_CHARS;
        uint32_t crc = ~wire_crc32_update(running, m->tail, covered);

        return crc >> 12 == check_value(m->tail + covered) ? need : 0;
    }
    return need;
}

static size_t
find_tilde(const char *bytes, size_t len)
{
    const char *at = len > 0 ? memchr(bytes, '~', len) : NULL;

    return at != NULL ? (size_t)(at - bytes) : len;
}

/* head[0..a) + tail, for every a. */
static bool
mend_one_cut(struct mend *m)
{
    size_t tilde = find_tilde(m->head, m->head_len);
    uint32_t running = WIRE_CRC32_START;

    for (size_t a = 1; a <= m->head_len && m->tries < WIRE_STREAM_TRIES; a++) {
        running = wire_crc32_update(running, m->head + a - 1, 1);
        if (a <= tilde) {
            if (mend_by_endings(m, running, a, NULL, 0)) {
                return true;
            }
        } else {
            size_t rest = rest_of_seal(m, a - tilde, running);

            if (rest > 0 && mend_offer(m, a, NULL, 0, rest)) {
                return true;
            }
        }
    }
    return false;
}

/* The seal begins in the mid, or `begun` characters before it: head[0..a) + mid[0..b) + tail, for every b. */
static bool
mend_cut_seal(struct mend *m, uint32_t running, size_t a, size_t begun, const char *mid, size_t mid_len)
{
    size_t b = begun > 0 ? 0 : find_tilde(mid, mid_len) + 1;

    if (m->tail_base32 == 0 || b > mid_len || a + b > WIRE_LINE_MAX) {
        return false;
    }
    if (begun == 0) {
        running = wire_crc32_update(running, mid, b);
        begun = 1;
    }
    for (;; b++, begun++) {
        size_t rest = b > 0 ? rest_of_seal(m, begun, running) : 0;

        if (rest > 0 && mend_offer(m, a, mid, b, rest)) {
            return true;
        }
        if (begun >= SEAL_CHARS || b == mid_len || wire_base32_value(mid[b]) < 0) {
            return false;
        }
        running = wire_crc32_update(running, mid + b, 1);
    }
}

/* The seal is in the tail: head[0..a) + mid[0..b) + tail, for every b that leaves room for it. */
static bool
mend_cut_body(struct mend *m, uint32_t running, size_t a, const char *mid, size_t mid_len)
{
    for (size_t b = 1; b <= mid_len && a + b + m->shortest <= WIRE_LINE_MAX; b++) {
        running = wire_crc32_update(running, mid + b - 1, 1);
        if (mend_by_endings(m, running, a, mid, b)) {
            return true;
        }
    }
    return false;
}

static bool
mend_two_cuts(struct mend *m, const struct wire_stream_part *mid)
{
    size_t tilde = find_tilde(m->head, m->head_len);
    size_t mid_len = inside_len(mid->bytes, mid->len);
    size_t body_len = find_tilde(mid->bytes, mid_len);
    uint32_t running = WIRE_CRC32_START;

    for (size_t a = 1; a <= m->head_len && m->tries < WIRE_STREAM_TRIES; a++) {
        size_t begun = a > tilde ? a - tilde : 0;

        running = wire_crc32_update(running, m->head + a - 1, 1);
        if (begun == 0 && m->endings > 0 && mend_cut_body(m, running, a, mid->bytes, body_len)) {
            return true;
        }
        if (begun < SEAL_CHARS && mend_cut_seal(m, running, a, begun, mid->bytes, mid_len)) {
            return true;
        }
    }
    return false;
}

/* Newest heads first, one cut before two. */
static struct wire_stream_part *
find_head(struct mend *m)
{
    struct wire_stream *s = m->s;

    for (unsigned i = s->history_len; i-- > 0;) {
        struct wire_stream_part *p = history_at(s, i);

        if (p->open >= 0) {
            mend_head(m, p);
            if (mend_one_cut(m)) {
                return p;
            }
        }
    }
    for (unsigned i = s->history_len; i-- > 0;) {
        struct wire_stream_part *p = history_at(s, i);

        for (unsigned k = i + 1; p->open >= 0 && k < s->history_len; k++) {
            mend_head(m, p);
            if (mend_two_cuts(m, history_at(s, k))) {
                return p;
            }
        }
    }
    return NULL;
}

static bool
splice(struct wire_stream *s, const struct wire_stream_part *part)
{
    struct wire_stream_part *mended;
    struct mend m;

    if (s->history_len == 0) {
        return false;
    }
    mend_init(&m, s, part);
    if (m.endings == 0 && m.tail_base32 == 0) {
        return false;
    }
    mended = find_head(&m);
    s->capped += m.tries >= WIRE_STREAM_TRIES;
    if (mended == NULL) {
        return false;
    }
    mended->open = -1;
    return true;
}

/* ---- physical lines */

static void
physical_line(struct wire_stream *s, struct wire_stream_part *part)
{
    size_t stamp;
    bool ours;

    part->serial++;
    while (part->len > 0 && part->bytes[part->len - 1] == '\r') {
        part->len--;
    }
    ours = find_whole(s, part);
    stamp = find_stamp(part);
    if (join(s, part, stamp) || splice(s, part)) {
        ours = true;
    }
    history_trim(s);
    if (!ours && part->len > 0 && part->prefix < HEAD_SURE) {
        s->ops->text(s->to, part->bytes, part->len);
    }
    /* A record of the kernel alone is no piece of a line. */
    if (stamp > 0) {
        history_push(s, part);
    }
    part->len = 0;
}

/*
 * The line that comes in is as wide as there is room: its front counts as a physical line. A head near the
 * end stays, so that no line of ours is cut here.
 */
static void
cut_overlong(struct wire_stream *s)
{
    char keep[WIRE_LINE_MAX];
    struct wire_stream_part *now = &s->now;
    size_t kept = 0;

    for (size_t n = 1; n < WIRE_LINE_MAX; n++) {
        if (now->bytes[now->len - n] == '!') {
            kept = n;
            break;
        }
    }
    now->len = (uint16_t)(now->len - kept);
    memcpy(keep, now->bytes + now->len, kept);
    physical_line(s, now);
    memcpy(now->bytes, keep, kept);
    now->len = (uint16_t)kept;
    s->overlong++;
}

void
wire_stream_init(struct wire_stream *s, const struct wire_stream_ops *ops, void *to)
{
    memset(s, 0, offsetof(struct wire_stream, history));
    s->ops = ops;
    s->to = to;
}

void
wire_stream_feed(struct wire_stream *s, const uint8_t *src, size_t len)
{
    struct wire_stream_part *now = &s->now;

    while (len > 0) {
        const uint8_t *line_end = memchr(src, '\n', len);
        size_t piece = line_end != NULL ? (size_t)(line_end - src) : len;
        bool whole = line_end != NULL;

        if (piece > (size_t)WIRE_STREAM_WIDTH - now->len) {
            piece = (size_t)WIRE_STREAM_WIDTH - now->len;
            whole = false;
        }
        memcpy(now->bytes + now->len, src, piece);
        now->len = (uint16_t)(now->len + piece);
        src += piece + whole;
        len -= piece + whole;
        if (whole) {
            physical_line(s, now);
        } else if (now->len == WIRE_STREAM_WIDTH) {
            cut_overlong(s);
        }
    }
}

void
wire_stream_flush(struct wire_stream *s)
{
    if (s->now.len > 0) {
        physical_line(s, &s->now);
    }
    while (s->history_len > 0) {
        history_drop_first(s);
    }
    s->joined_len = 0;
    s->joints = 0;
}
