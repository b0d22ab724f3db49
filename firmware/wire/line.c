#include "wire/line.h"

#include <string.h>

#include "wire/base32.h"
#include "wire/crc32.h"
#include "wire/seal.h"

#define UTC_CHARS 16
#define UTC_LAST 253402300799u /* 9999-12-31T23:59:59Z */

static const char severity_names[WIRE_SEVERITIES][5] = { "EMRG", "ALRT", "CRIT", "ERRO", "WARN", "NOTE",
    "INFO" };

const char *
wire_severity_name(enum wire_severity s)
{
    return (unsigned)s < WIRE_SEVERITIES ? severity_names[s] : "?";
}

static char
upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

int
wire_severity_from(const char *name, size_t len)
{
    if (len != 4) {
        return -1;
    }
    for (int s = 0; s < WIRE_SEVERITIES; s++) {
        unsigned same = 0;

        while (same < 4 && upper(name[same]) == severity_names[s][same]) {
            same++;
        }
        if (same == 4) {
            return s;
        }
    }
    return -1;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool
is_base32(char c)
{
    return wire_base32_value(c) >= 0;
}

static bool
is_host(char c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-';
}

static bool
is_code(char c)
{
    return (c >= 'a' && c <= 'z') || c == '.';
}

static bool
is_key(char c)
{
    return is_host(c) || c == '_';
}

static bool
is_hex(char c)
{
    return is_digit(c) || (c >= 'A' && c <= 'F');
}

/* What may stand in a value as it is. */
static bool
is_value(char c)
{
    return c > 0x20 && c < 0x7F && c != '!' && c != '~' && c != '=' && c != '%';
}

bool
wire_host_valid(const char *host, size_t len)
{
    size_t good = 0;

    while (good < len && is_host(host[good])) {
        good++;
    }
    return good == len && len >= 1 && len <= WIRE_HOST_MAX;
}

bool
wire_code_valid(const char *code, size_t len)
{
    unsigned dots = 0;

    if (len < 3 || len > WIRE_CODE_MAX || code[0] == '.' || code[len - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_code(code[i])) {
            return false;
        }
        dots += code[i] == '.';
    }
    return dots <= 1;
}

bool
wire_decimal(const char *src, size_t len, uint32_t *out)
{
    uint64_t v = 0;

    if (len < 1 || len > 10 || (len > 1 && src[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(src[i])) {
            return false;
        }
        v = v * 10 + (uint64_t)(src[i] - '0');
    }
    if (v > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

/*
 * The cursor stops at the first byte that cannot follow what stands before it; everything taken after that is
 * empty. How far it came is how much could be the beginning of a line.
 */
struct cursor {
    const char *at;
    const char *end;
    bool bad;
};

static void
take_char(struct cursor *c, char want)
{
    if (c->bad || c->at == c->end || *c->at != want) {
        c->bad = true;
        return;
    }
    c->at++;
}

/* `min` to `max` characters of a set, as many as there are; returns how many. */
static size_t
take_set(struct cursor *c, bool (*in_set)(char), size_t min, size_t max)
{
    size_t n = 0;

    while (!c->bad && n < max && c->at != c->end && in_set(*c->at)) {
        c->at++;
        n++;
    }
    if (n < min) {
        c->bad = true;
    }
    return n;
}

static void
take_string(struct cursor *c, bool (*in_set)(char), size_t min, size_t max, char *out)
{
    const char *from = c->at;
    size_t n = take_set(c, in_set, min, max);

    memcpy(out, from, n);
    out[n] = '\0';
}

static uint32_t
take_decimal(struct cursor *c, uint32_t max)
{
    const char *from = c->at;
    size_t digits = take_set(c, is_digit, 1, 10);
    uint32_t v = 0;

    if (c->bad || !wire_decimal(from, digits, &v) || v > max) {
        c->bad = true;
        return 0;
    }
    return v;
}

static enum wire_severity
take_severity(struct cursor *c)
{
    const char *from = c->at;
    size_t n = take_set(c, is_upper, 4, 4);
    int s = wire_severity_from(from, n);

    if (s < 0) {
        c->bad = true;
        return WIRE_INFO;
    }
    return (enum wire_severity)s;
}

static unsigned
take_digits(struct cursor *c, unsigned count, unsigned max)
{
    const char *from = c->at;
    unsigned v = 0;

    if (take_set(c, is_digit, count, count) == count) {
        for (unsigned i = 0; i < count; i++) {
            v = v * 10 + (unsigned)(from[i] - '0');
        }
    }
    if (v > max) {
        c->bad = true;
    }
    return v;
}

/* Days from 1970-01-01 to the first of a month; years count from March so that the leap day comes last. */
static uint64_t
days_to_month(unsigned year, unsigned month)
{
    uint64_t y = month > 2 ? year : year - 1u;
    uint64_t from_march = (month + 9u) % 12;

    return y * 365 + y / 4 - y / 100 + y / 400 + (from_march * 153 + 2) / 5 - 719468;
}

static uint64_t
take_utc(struct cursor *c)
{
    unsigned year = take_digits(c, 4, 9999);
    unsigned month = take_digits(c, 2, 12);
    unsigned day = take_digits(c, 2, 31);
    unsigned hour;
    unsigned minute;
    unsigned second;
    uint64_t month_begins;
    uint64_t next_begins;

    take_char(c, 'T');
    hour = take_digits(c, 2, 23);
    minute = take_digits(c, 2, 59);
    second = take_digits(c, 2, 59);
    take_char(c, 'Z');
    if (c->bad || year < 1970 || month == 0 || day == 0) {
        c->bad = true;
        return 0;
    }
    month_begins = days_to_month(year, month);
    next_begins = month == 12 ? days_to_month(year + 1, 1) : days_to_month(year, month + 1);
    if (month_begins + day > next_begins) {
        c->bad = true;
    }
    return (((month_begins + day - 1) * 24 + hour) * 60 + minute) * 60 + second;
}

/* %HH, or %+N+ for bytes that were left out. */
static void
take_escape(struct cursor *c)
{
    take_char(c, '%');
    if (!c->bad && c->at != c->end && *c->at == '+') {
        take_char(c, '+');
        take_set(c, is_digit, 1, 20);
        take_char(c, '+');
        return;
    }
    take_set(c, is_hex, 2, 2);
}

static void
take_word(struct cursor *c)
{
    take_set(c, is_key, 1, WIRE_KEY_NAME_MAX);
    take_char(c, '=');
    while (!c->bad && c->at != c->end) {
        if (*c->at == '%') {
            take_escape(c);
        } else if (is_value(*c->at)) {
            c->at++;
        } else {
            break;
        }
    }
}

static void
take_head(struct cursor *c, struct wire_head *h)
{
    const char *code;
    size_t code_len;

    take_char(c, '!');
    take_char(c, '1');
    take_char(c, ' ');
    h->severity = take_severity(c);
    take_char(c, ' ');
#ifdef PLANT_LINE
    take_string(c, is_host, 1, 2 * WIRE_HOST_MAX, h->host);
#else
    take_string(c, is_host, 1, WIRE_HOST_MAX, h->host);
#endif
    take_char(c, ' ');
    h->session = take_decimal(c, UINT32_MAX);
    take_char(c, '-');
    take_string(c, is_base32, WIRE_NONCE_CHARS, WIRE_NONCE_CHARS, h->nonce);
    take_char(c, '.');
    h->number = take_decimal(c, WIRE_NUMBER_MAX);
    take_char(c, '@');
    h->mono_s = take_decimal(c, UINT32_MAX);
    take_char(c, ' ');
    h->utc_s = take_utc(c);
    take_char(c, ' ');
    code = c->at;
    code_len = take_set(c, is_code, 3, WIRE_CODE_MAX);
    if (c->bad || !wire_code_valid(code, code_len)) {
        c->bad = true;
        return;
    }
    memcpy(h->code, code, code_len);
    h->code[code_len] = '\0';
}

/* Everything but the check's value. */
static void
take_line(struct cursor *c, struct wire_line *l)
{
    const char *from = c->at;

    take_head(c, &l->head);
    take_char(c, ' ');
    l->detail = c->at;
    l->detail_len = 0;
    while (!c->bad && c->at != c->end && *c->at != '~') {
        take_word(c);
        l->detail_len = (size_t)(c->at - l->detail);
        take_char(c, ' ');
    }
    l->body_len = (size_t)(c->at - from);
    take_char(c, '~');
    take_set(c, is_base32, WIRE_TAG_CHARS + WIRE_CHECK_CHARS, WIRE_TAG_CHARS + WIRE_CHECK_CHARS);
    l->bytes = from;
    l->len = (size_t)(c->at - from);
}

void
wire_check_make(const char *line, size_t len, char check[WIRE_CHECK_CHARS])
{
    uint32_t crc = wire_crc32(line, len);
    const uint8_t top[3] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8) };

    wire_base32(top, WIRE_CHECK_CHARS, check);
}

bool
wire_check_ok(const char *line, size_t len)
{
    char check[WIRE_CHECK_CHARS];

    if (len <= WIRE_CHECK_CHARS) {
        return false;
    }
    wire_check_make(line, len - WIRE_CHECK_CHARS, check);
    return memcmp(check, line + len - WIRE_CHECK_CHARS, WIRE_CHECK_CHARS) == 0;
}

int
wire_line_parse(const char *src, size_t len, struct wire_line *out)
{
    struct cursor c = { .at = src, .end = src + len };
    struct wire_line l;

    if (len < WIRE_LINE_MIN || len > WIRE_LINE_MAX) {
        return WIRE_E_SIZE;
    }
    take_line(&c, &l);
    if (c.bad || c.at != c.end) {
        return WIRE_E_FORM;
    }
    if (!wire_check_ok(src, len)) {
        return WIRE_E_CHECK;
    }
    *out = l;
    return 0;
}

size_t
wire_line_prefix(const char *src, size_t len)
{
    struct cursor c = { .at = src, .end = src + (len > WIRE_LINE_MAX ? WIRE_LINE_MAX : len) };
    struct wire_line l;

    take_line(&c, &l);
    return (size_t)(c.at - src);
}

const char *
wire_detail_find(const char *detail, size_t detail_len, const char *key, size_t *value_len)
{
    const char *at = detail;
    const char *end = detail + detail_len;
    size_t key_len = strlen(key);

    while (at != end) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        const char *word_end = blank != NULL ? blank : end;
        size_t word_len = (size_t)(word_end - at);

        if (word_len > key_len && at[key_len] == '=' && memcmp(at, key, key_len) == 0) {
            *value_len = word_len - key_len - 1;
            return at + key_len + 1;
        }
        at = blank != NULL ? blank + 1 : end;
    }
    return NULL;
}

/* A writer that remembers when it ran out of room. */
struct writer {
    char *at;
    char *end;
    bool full;
};

static void
write_bytes(struct writer *w, const char *src, size_t len)
{
    if (w->full || len > (size_t)(w->end - w->at)) {
        w->full = true;
        return;
    }
    memcpy(w->at, src, len);
    w->at += len;
}

static void
write_text(struct writer *w, const char *text)
{
    write_bytes(w, text, strlen(text));
}

/* At least `width` digits, zeros in front. */
static void
write_number(struct writer *w, uint64_t v, unsigned width)
{
    char digits[20];
    unsigned n = sizeof(digits);

    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0 || sizeof(digits) - n < width);
    write_bytes(w, digits + n, sizeof(digits) - n);
}

static void
write_utc(struct writer *w, uint64_t utc_s)
{
    uint64_t days = utc_s / 86400;
    uint64_t second = utc_s % 86400;
    unsigned year = 1970 + (unsigned)(days / 366);
    unsigned month = 1;

    while (days_to_month(year + 1, 1) <= days) {
        year++;
    }
    while (month < 12 && days_to_month(year, month + 1) <= days) {
        month++;
    }
    write_number(w, year, 4);
    write_number(w, month, 2);
    write_number(w, days - days_to_month(year, month) + 1, 2);
    write_text(w, "T");
    write_number(w, second / 3600, 2);
    write_number(w, second / 60 % 60, 2);
    write_number(w, second % 60, 2);
    write_text(w, "Z");
}

static bool
nonce_valid(const char nonce[WIRE_NONCE_CHARS + 1])
{
    for (unsigned i = 0; i < WIRE_NONCE_CHARS; i++) {
        if (!is_base32(nonce[i])) {
            return false;
        }
    }
    return nonce[WIRE_NONCE_CHARS] == '\0';
}

static bool
head_valid(const struct wire_head *h)
{
    const char *host_end = memchr(h->host, '\0', sizeof(h->host));
    const char *code_end = memchr(h->code, '\0', sizeof(h->code));

    return host_end != NULL && wire_host_valid(h->host, (size_t)(host_end - h->host)) && code_end != NULL &&
           wire_code_valid(h->code, (size_t)(code_end - h->code)) && nonce_valid(h->nonce) &&
           (unsigned)h->severity < WIRE_SEVERITIES && h->number <= WIRE_NUMBER_MAX && h->utc_s <= UTC_LAST;
}

static void
write_head(struct writer *w, const struct wire_head *h)
{
    write_text(w, "!1 ");
    write_text(w, severity_names[h->severity]);
    write_text(w, " ");
    write_text(w, h->host);
    write_text(w, " ");
    write_number(w, h->session, 1);
    write_text(w, "-");
    write_text(w, h->nonce);
    write_text(w, ".");
    write_number(w, h->number, 1);
    write_text(w, "@");
    write_number(w, h->mono_s, 1);
    write_text(w, " ");
    write_utc(w, h->utc_s);
    write_text(w, " ");
    write_text(w, h->code);
}

bool
wire_detail_valid(const char *detail, size_t len)
{
    struct cursor c = { .at = detail, .end = detail + len };

    take_word(&c);
    while (!c.bad && c.at != c.end) {
        take_char(&c, ' ');
        take_word(&c);
    }
    return !c.bad;
}

int
wire_line_compose(const struct wire_head *head, const char *detail, size_t detail_len, char *out, size_t size)
{
    size_t room = size < WIRE_LINE_MAX - WIRE_SEAL_MAX ? size : WIRE_LINE_MAX - WIRE_SEAL_MAX;
    struct writer w = { .at = out, .end = out + room };

    if (!head_valid(head) || (detail_len > 0 && !wire_detail_valid(detail, detail_len))) {
        return WIRE_E_FORM;
    }
    write_head(&w, head);
    if (detail_len > 0) {
        write_text(&w, " ");
        write_bytes(&w, detail, detail_len);
    }
    return w.full ? WIRE_E_SIZE : (int)(w.at - out);
}

int
wire_line_room(const struct wire_head *head)
{
    char line[WIRE_LINE_MAX];
    int len = wire_line_compose(head, NULL, 0, line, sizeof(line));

    return len < 0 ? len : WIRE_LINE_MAX - WIRE_SEAL_MAX - 1 - len;
}
