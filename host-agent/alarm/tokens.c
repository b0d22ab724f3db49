#include "alarm/tokens.h"
#include "wire/subject.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKENS_MAX (sizeof(((struct tokens *)0)->dealt) / sizeof(bool))
#define ID_BEHIND (4 + WIRE_SUBJECT_ID) /* " id=" and the id */
#define SHORTENED_MIN 12                /* "a%+480+b" and some of the value on both sides */

void
tokens_begin(struct tokens *t, const char *text)
{
    memset(t, 0, sizeof(*t));
    t->text = text;
    t->len = strlen(text);
}

static size_t
token_len(const struct tokens *t, size_t at)
{
    const char *blank = memchr(t->text + at, ' ', t->len - at);

    return blank != NULL ? (size_t)(blank - (t->text + at)) : t->len - at;
}

static size_t
key_len(const char *token, size_t len)
{
    const char *sign = memchr(token, '=', len);

    return sign != NULL ? (size_t)(sign - token) + 1 : 0;
}

/* Length of the unit at `at`: one character, %HH, or %+N+. `bytes` gets how many source bytes it stands for.
 */
static size_t
unit_len(const char *value, size_t len, size_t at, size_t *bytes)
{
    *bytes = 1;
    if (value[at] != '%' || at + 2 >= len) {
        return 1;
    }
    if (value[at + 1] != '+') {
        return 3;
    }
    const char *end = memchr(value + at + 2, '+', len - at - 2);
    if (end == NULL) {
        return 1;
    }
    *bytes = strtoul(value + at + 2, NULL, 10);
    return (size_t)(end - (value + at)) + 1;
}

/* Whole units from `at` that fit into `room`. */
static size_t
units_within(const char *value, size_t len, size_t at, size_t room)
{
    size_t begin = at;
    size_t bytes;

    while (at < len) {
        size_t n = unit_len(value, len, at, &bytes);
        if (at + n - begin > room) {
            break;
        }
        at += n;
    }
    return at - begin;
}

/* "head%+N+tail" of an escaped value, at most `room` columns, of which the tail gets two thirds. */
static size_t
shorten(const char *value, size_t len, size_t room, char *out)
{
    size_t budget = room - (SHORTENED_MIN - 4);
    size_t head = units_within(value, len, 0, budget / 3);
    size_t left_out = 0;
    size_t at = head;

    while (at < len && len - at > budget - head) {
        size_t bytes;
        at += unit_len(value, len, at, &bytes);
        left_out += bytes;
    }
    return (size_t)snprintf(
            out, room + 1, "%.*s%%+%zu+%.*s", (int)head, value, left_out, (int)(len - at), value + at);
}

static bool
append(char *out, size_t *used, size_t room, const char *src, size_t len)
{
    size_t blank = *used > 0 ? 1 : 0;

    if (*used + blank + len > room) {
        return false;
    }
    if (blank != 0) {
        out[(*used)++] = ' ';
    }
    memcpy(out + *used, src, len);
    *used += len;
    return true;
}

/* The subject; when it is too long for the line, shortened and with the id of the whole. */
static void
first_subject(struct tokens *t, size_t room, char *out, size_t *used)
{
    char shortened[WIRE_LINE_MAX + 1];
    size_t len = token_len(t, 0);
    size_t key = key_len(t->text, len);

    if (append(out, used, room, t->text, len)) {
        t->dealt[0] = true;
    } else if (room < sizeof(shortened) && room >= key + SHORTENED_MIN + ID_BEHIND) {
        char id[ID_BEHIND + 1] = " id=";

        memcpy(shortened, t->text, key);
        size_t n = shorten(t->text + key, len - key, room - key - ID_BEHIND, shortened + key);
        append(out, used, room, shortened, key + n);
        wire_subject_id(t->text, len, id + 4);
        append(out, used, room, id + 1, ID_BEHIND - 1);
    }
}

size_t
tokens_first(struct tokens *t, size_t room, int64_t of, char *out, size_t size)
{
    char behind[32] = "";
    size_t used = 0;
    size_t behind_len = of >= 0 ? (size_t)snprintf(behind, sizeof(behind), "of=%lld", (long long)of) : 0;
    size_t kept = behind_len > 0 ? behind_len + 1 : 0;

    room = room < size ? room : size;
    if (t->len > 0 && room > kept) {
        first_subject(t, room - kept, out, &used);
    }
    if (behind_len > 0) {
        append(out, &used, room, behind, behind_len);
    }
    size_t at = t->len > 0 ? token_len(t, 0) + 1 : 0;
    for (unsigned i = 1; at < t->len && i < TOKENS_MAX; i++) {
        size_t len = token_len(t, at);

        t->dealt[i] = append(out, &used, room, t->text + at, len);
        at += len + 1;
    }
    return used;
}

static void
next_token(struct tokens *t)
{
    t->at += token_len(t, t->at) + 1;
    t->index++;
    t->piece_at = 0;
    t->piece = 0;
}

/* One piece of a value that is longer than the line: "key-N=piece". False when not even that fits. */
static bool
deal_piece(struct tokens *t, size_t room, char *out, size_t *used)
{
    const char *token = t->text + t->at;
    size_t len = token_len(t, t->at);
    size_t key = key_len(token, len);
    char piece[WIRE_LINE_MAX + 1];
    size_t blank = *used > 0 ? 1 : 0;
    int head = snprintf(piece, sizeof(piece), "%.*s-%u=", key > 0 ? (int)key - 1 : 0, token, t->piece + 1);

    if (head < 0 || *used + blank + (size_t)head >= room || room >= sizeof(piece)) {
        return false;
    }
    size_t n = units_within(token + key, len - key, t->piece_at, room - *used - blank - (size_t)head);
    if (n == 0) {
        return false;
    }
    memcpy(piece + head, token + key + t->piece_at, n);
    append(out, used, room, piece, (size_t)head + n);
    t->piece_at += n;
    t->piece++;
    if (t->piece_at >= len - key) {
        next_token(t);
    }
    return true;
}

size_t
tokens_more(struct tokens *t, size_t room, uint32_t of, char *out, size_t size)
{
    room = room < size ? room : size;
    size_t used = (size_t)snprintf(out, size, "of=%u", of);
    size_t empty = used;

    while (t->at < t->len && t->index < TOKENS_MAX) {
        size_t len = token_len(t, t->at);

        if (t->piece == 0 && (t->dealt[t->index] || append(out, &used, room, t->text + t->at, len))) {
            next_token(t);
        } else if ((t->piece == 0 && used > empty) || !deal_piece(t, room, out, &used) || t->piece > 0) {
            break;
        }
    }
    return used > empty ? used : 0;
}
